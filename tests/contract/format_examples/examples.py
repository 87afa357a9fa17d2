"""What the contract suite has to know of a format, one module beside this for each."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from maskforge.formats.registry import FORMATS

Small = tuple[dict[str, Any], dict[str, frozenset[str]]]
"""Content of files by name; and by name, the files that are read otherwise if it is damaged."""


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


GRAY = png(np.zeros((30, 40), dtype=np.uint8))


@dataclass(frozen=True)
class Examples:
    """Records of a JSON format.

    Attributes:
        small: Returns a folder with records of all kinds.
        document: Returns a file of one image with one record.
        one_document: Name of the file of ``small`` that is also read as one of a list; empty if the
            files of the format are lists.
        known_by: Keys of which every record that is changed has one.
        geometry: Keys of a record that say where it is.
        kind_keys: Keys that name its kind.
        own_forms: Ways to write points or kinds that the format has itself, or cannot have.
        guesses: Records that can mean several things, and so are refused.
    """

    small: Callable[[], Small]
    document: Callable[[dict[str, Any]], Any]
    one_document: str
    geometry: frozenset[str]
    known_by: frozenset[str]
    kind_keys: tuple[str, ...]
    own_forms: frozenset[str]
    guesses: list[dict[str, Any]]


def examples() -> dict[str, Examples]:
    """Return the examples of every format that has some."""
    folder = Path(__file__).parent
    modules = {name: name.replace("-", "_") for name in FORMATS}
    return {
        name: importlib.import_module(f"format_examples.{module}").EXAMPLES
        for name, module in modules.items()
        if (folder / f"{module}.py").is_file()
    }
