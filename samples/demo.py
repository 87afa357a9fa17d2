"""Go once round the loop: annotations, masks, a trained network, predictions, a report, images.

It takes some minutes on two cores. Everything is written into the folder ``demo``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
OUT = ROOT / "demo"
FORMATS = ("labelme", "vott", "superannotate")

TRAINING_SET = ("--count", "140", "--seed", "2026", "--width", "576", "--height", "432")
"""The bundled samples have the same size, and other seeds: no image is in both sets."""

TRAINING = (
    *("--only", "caries", "--validation", "0.1", "--epochs", "6", "--batch-size", "8"),
    *("--crop", "64", "--rare-share", "0.7", "--learning-rate", "0.003"),
    *("--set", "input.crops_per_image=6", "--set", "warmup=0.5"),
)
"""Many small crops, most of them around a lesion."""


def main() -> None:
    """Run the whole demonstration."""
    started = time.monotonic()
    if OUT.exists():
        shutil.rmtree(OUT)
    title("Three tools, one kind of mask")
    for name in FORMATS:
        convert(SAMPLES / name, name)
        maskforge("preview", f"demo/{name}", "--out", f"demo/{name}-overlays")
    convert([SAMPLES / name for name in FORMATS], "bundled")

    title("Radiographs to learn from")
    program("samples/generate.py", "--out", "demo/annotations", *TRAINING_SET)
    convert(OUT / "annotations", "training")
    maskforge(
        *("preview", "demo/training", "--out", "demo/training-augmented"),
        *("--augmented", "--crop", "64", "--limit", "6"),
    )

    title("A network that marks caries")
    maskforge("train", "demo/training", "--out", "demo/run", *TRAINING)

    title("The bundled radiographs, which it never saw")
    maskforge("predict", "demo/run", "demo/bundled", "--out", "demo/predicted", "--overlay")
    maskforge(
        *("evaluate", "demo/run", "demo/bundled", "--part", "all"),
        *("--out", "demo/report", "--html", "demo/report.html"),
    )

    title(f"Done after {time.monotonic() - started:.0f} seconds. Look at")
    for path, meaning in (
        ("labelme-overlays/contact-sheet-1.png", "what people drew, as masks"),
        ("training-augmented/augmented-1.png", "what the network sees in training"),
        ("run/curves.png", "how it learned"),
        ("run/overlays", "its best and worst validation images"),
        ("predicted/overlays", "what it found on the bundled radiographs"),
        ("report.html", "how good it is, in words, numbers and images"),
        ("report/worst", "where it was most wrong: truth, prediction, errors"),
        ("report/free-response.png", "lesions found and false ones at other thresholds"),
        ("report/calibration.png", "whether its probabilities can be believed"),
    ):
        if not (OUT / path).exists():
            sys.exit(f"demo/{path} is missing")
        print(f"  {'demo/' + path:45} {meaning}")
    print("Or see it all in a browser: maskforge serve demo/run --dataset demo/bundled")


def title(text: str) -> None:
    """Show what comes next."""
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def convert(sources: Path | list[Path], name: str) -> None:
    """Convert annotations, and show one line about it instead of the tables."""
    paths = [sources] if isinstance(sources, Path) else sources
    places = [path.relative_to(ROOT).as_posix() for path in paths]
    arguments = ["convert", *places, "--out", f"demo/{name}", "--classes", "samples/classes.toml"]
    report: dict[str, Any] = json.loads(maskforge(*arguments, "--json", shown=False))
    images, records = report["images"], report["records"]
    print(
        f"{images['drawn']} masks of {images['found']} images: {records['found']} records, "
        f"{records['drawn'] + records['converted']} of them drawn"
    )


def maskforge(*arguments: str, shown: bool = True) -> str:
    """Run a command; the exit code 1 says that some records were refused, and is not a failure."""
    return program("-m", "maskforge", *arguments, shown=shown, allowed=(0, 1))


def program(*arguments: str, shown: bool = True, allowed: tuple[int, ...] = (0,)) -> str:
    """Show a command and run it; return its output unless that is shown.

    Ends the demonstration with the exit code of a command that fails.
    """
    words = arguments[1:] if arguments[0] == "-m" else ("python", *arguments)
    print(f"\n$ {' '.join(words)}", flush=True)
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        check=False,
        stdout=None if shown else subprocess.PIPE,
        text=True,
    )
    if result.returncode not in allowed:
        sys.exit(result.returncode)
    return result.stdout or ""


if __name__ == "__main__":
    main()
