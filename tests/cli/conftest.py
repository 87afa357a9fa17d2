"""Fixtures of the tests of the command line."""

from pathlib import Path

import pytest
from builders import labelme, square


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """Square a at 1, 1 to 4, 4, and square b at 3, 2 to 6, 5 over it, in an image of 8 x 6 px."""
    return labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4), square("b", 3, 2, 6, 5))
