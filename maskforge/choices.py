"""The values that options can take; light enough for the command line's help to import."""

from __future__ import annotations

from typing import Literal, TypeAlias

Encoding: TypeAlias = Literal["integer", "onehot", "multihot"]
FileType: TypeAlias = Literal["png", "tiff", "npy"]
Overlap: TypeAlias = Literal["order", "area", "priority", "error"]
MultiTag: TypeAlias = Literal["first", "last", "all", "error"]
SizeMismatch: TypeAlias = Literal["error", "scale"]
Unvisited: TypeAlias = Literal["skip", "background"]
