"""The fuzz target of the readers runs, and takes every format; see the page on security."""

import subprocess
import sys
from pathlib import Path

from maskforge.formats.registry import FORMATS

PROGRAM = Path(__file__).parents[1] / "fuzz" / "fuzz_readers.py"


def test_all_formats_take_part(tmp_path):
    result = subprocess.run(
        [sys.executable, PROGRAM, "--unguided", "--seconds", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert f"files of {len(FORMATS)} formats" in result.stdout
    assert "no promise broken" in result.stdout
