"""Draw the image of the page of a report, with maskforge itself and Chromium.

Run with ``python docs/images/draw_report_page.py MODEL``, where the model marks caries, such as
``demo/run`` of ``samples/demo.py``; it writes report-page.png beside itself.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

import maskforge as mf

HERE = Path(__file__).parent
SAMPLES = HERE.parent.parent / "samples"
FORMATS = ("labelme", "vott", "superannotate")
WIDTH, HEIGHT = 1000, 1300


def main() -> None:
    """Write the image."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = [SAMPLES / one for one in FORMATS]
        classes = mf.load_class_map(SAMPLES / "classes.toml")
        mf.convert(sources, folder / "masks", classes=classes)
        page = folder / "report.html"
        mf.evaluate(sys.argv[1], folder / "masks", html=page, part="all")
        subprocess.run(
            [
                *("chromium", "--headless", "--no-sandbox", "--hide-scrollbars"),
                f"--window-size={WIDTH},{HEIGHT}",
                f"--screenshot={folder / 'page.png'}",
                page.as_uri(),
            ],
            check=True,
        )
        with Image.open(folder / "page.png") as shown:
            small = shown.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)
            small.save(HERE / "report-page.png", optimize=True)


if __name__ == "__main__":
    main()
