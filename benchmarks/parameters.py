"""Number of parameters of every architecture, preset and encoder, as Markdown tables.

Gray images, one class, no pretrained weights: nothing is trained or downloaded.
"""

from __future__ import annotations

from typing import get_args

from maskforge.choices import Encoder
from maskforge.nn import backend
from maskforge.nn.network_catalog import Architecture, NetworkOptions, Preset


def main() -> None:
    """Print the tables."""
    backend.start()
    from maskforge.nn.networks import build_network

    tables = {
        "architecture": {name: NetworkOptions(arch=name) for name in get_args(Architecture)},
        "preset": {name: NetworkOptions(preset=name) for name in get_args(Preset)},
        "encoder (unet)": {
            name: NetworkOptions(encoder=name, encoder_weights="none") for name in get_args(Encoder)
        },
    }
    for title, networks in tables.items():
        print(f"| {title} | 1 channel | 3 channels |\n|---|---|---|")
        for name, options in networks.items():
            counts = (
                build_network(options, input_shape=(None, None, channels), outputs=1).count_params()
                for channels in (1, 3)
            )
            print(f"| `{name}` | {' | '.join(f'{one:,}' for one in counts)} |", flush=True)
        print()


if __name__ == "__main__":
    main()
