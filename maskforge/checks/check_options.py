"""What is checked, and when that is a failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from maskforge.choices import FailOn, Range, SizeMismatch
from maskforge.errors import check_type
from maskforge.files import PathLike
from maskforge.formats.registry import FormatName


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What is checked, and when that is a failure.

    Attributes:
        images: Folder of images, or one file, together with ``masks`` instead of a source; with
            annotation files the folder in which their images are looked for.
        masks: Folder of masks, or one file.
        mask_name: How masks in folders are called; see [`open_examples`][maskforge.open_examples].
        image_column: Column of a table that holds the image.
        mask_column: Column of a table that holds the mask.
        classes: File of the class map; by default the one beside the masks, or one class per label.
        mask_values: Value in the masks to class name, ``background`` or ``void``.
        fold_case: Whether labels that differ only in case or spaces are one, if there is no class
            map.
        format: Annotation format, or ``auto``.
        class_from: Key of the shapes that holds their class; see
            [`ConvertOptions`][maskforge.ConvertOptions].
        allow_outside_images: Whether a written path may lead out of the sources; see
            [`read`][maskforge.read].
        size_mismatch: ``error`` or ``scale``; see [`read`][maskforge.read].
        text_encoding: Code page of annotation files that are not UTF-8; see
            [`read`][maskforge.read].
        split: Split file, to find images on both sides of it.
        places: Largest number of overlays per kind of finding that are written.
        fail_on: The least severe findings with which the exit code is 1: ``warning``, ``error``, or
            ``never``.

    Raises:
        OptionError: If one of them is out of range.
    """

    images: PathLike | None = None
    masks: PathLike | None = None
    mask_name: str | None = None
    image_column: str = "image"
    mask_column: str = "mask"
    classes: PathLike | None = None
    mask_values: Mapping[str, str] = field(default_factory=dict)
    fold_case: bool = False
    format: Literal["auto"] | FormatName = "auto"
    class_from: str = ""
    allow_outside_images: bool = False
    size_mismatch: SizeMismatch = "error"
    text_encoding: str | None = None
    split: PathLike | None = None
    places: Annotated[int, Range(0, 1_000_000)] = 12
    fail_on: FailOn = "warning"

    def __post_init__(self) -> None:
        check_type("mask_values", self.mask_values, Mapping)
