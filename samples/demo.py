"""Convert the bundled samples of all three formats, and lay the masks over the radiographs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OUT = ROOT / "demo"


def run(*arguments: str) -> None:
    """Show a command and run it; 1 says that some records were refused, and is no failure."""
    print(f"\n$ maskforge {' '.join(arguments)}", flush=True)
    status = subprocess.run([sys.executable, "-m", "maskforge", *arguments], check=False).returncode
    if status > 1:
        sys.exit(status)


def main() -> None:
    """Run the whole demonstration."""
    samples = ROOT / "samples"
    for name in ("labelme", "vott", "superannotate"):
        masks = str(OUT / name)
        classes = str(samples / "classes.toml")
        run("convert", str(samples / name), "--out", masks, "--classes", classes, "--overwrite")
        run("preview", masks, "--out", str(OUT / f"{name}-overlays"), "--overwrite")
    print(f"\nLook at {OUT}/*-overlays/contact-sheet-1.png; the masks are in {OUT}/*/masks.")


if __name__ == "__main__":
    main()
