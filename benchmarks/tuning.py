"""Measures what a search for options gains, on synthetic radiographs.

Makes radiographs with the generator of the samples and another seed than theirs, and searches with
one ``maskforge tune``, whose output is printed as it is. A third of the images is the test part,
which no trial looks at.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
GENERATOR = HERE.parent / "samples" / "generate.py"
CLASSES = HERE.parent / "samples" / "classes.toml"
IMAGES, SEED = 90, 303


def run(*arguments: object) -> None:
    """Run a command of Python."""
    subprocess.run([sys.executable, *map(str, arguments)], check=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", default="10m", help="of the search (default 10m)")
    parser.add_argument("--keep", type=Path, help="new folder for the search (default: removed)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.keep or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        drawn, masks = work / "drawn", work / "masks"
        small = ("--width", 320, "--height", 240)
        run(GENERATOR, "--out", drawn, "--count", IMAGES, "--seed", SEED, *small)
        run("-m", "maskforge", "convert", drawn, "--out", masks, "--classes", CLASSES)
        data = (masks, "--only", "caries", "--test", 0.34, "--validation", 0.3)
        network = ("--filters", 8, "--crop", 96, "--batch-size", 16, "--epochs", 12)
        search = (
            *("--search", "learning_rate", "--search", "loss", "--search", "rare_share"),
            *("--search", "network.normalization", "--search", "augment.preset"),
        )
        limits = ("--time", options.time, "--startup", 4)
        tuned = ("--out", work / "tuned", *network, *search, *limits)
        run("-m", "maskforge", "tune", *data, *tuned)


if __name__ == "__main__":
    main()
