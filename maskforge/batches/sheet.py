"""Contact sheets of images and masks as a network sees them in training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maskforge.augmentation.augment_options import ResolvedAugmentation
from maskforge.batches.batch_options import BatchOptions
from maskforge.batches.batches import Batches
from maskforge.batches.loader import load, scaled
from maskforge.choices import Progress
from maskforge.dataset.previews import PreviewOptions, check_targets
from maskforge.errors import MaskforgeError
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.scaling import choose_scaling
from maskforge.files import AUGMENTED, as_path
from maskforge.images.png import write_png
from maskforge.images.stored import Stored
from maskforge.masks.overlay import contact_sheet, overlay
from maskforge.masks.resize import size_of
from maskforge.masks.targets import to_ids
from maskforge.outputs.folder import OutputFolder
from maskforge.shapes import Size

_VERSIONS = 4
_ROWS_PER_SHEET = 12
_TILE = Size(280, 220)


@dataclass(frozen=True, slots=True)
class AugmentedReport:
    """What was made.

    Attributes:
        sheets: Contact sheets of up to 12 images each.
        images: Number of images on them.
        problems: Images and masks that could not be read, as text.
    """

    sheets: tuple[Path, ...]
    images: int
    problems: tuple[str, ...]


def preview_augmented(
    examples: ExampleSet,
    out: Path,
    augment: ResolvedAugmentation,
    options: PreviewOptions,
    *,
    crop: int = 0,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> AugmentedReport:
    """Show every image with its mask, and beside it four versions that training would see.

    They are those of the first four epochs of a training with that seed, but for the choice of
    crops centered on rare classes, which here is half of them.

    Args:
        examples: Images with their masks.
        out: Output folder; made if missing.
        augment: How far images are changed.
        options: How the sheets look.
        crop: Side of the square crops in pixels; 0 for whole images.
        seed: Of crops and augmentation.
        overwrite: Whether to replace sheets of an earlier preview.
        progress: Called after every image.

    Raises:
        OptionError: If an option cannot be used, or there is no image.
        DatasetError: If an image cannot be read when their depth is looked at.
        OutputExistsError: If ``out`` holds such sheets and ``overwrite`` is not set, or if a mask
            or image would be replaced.
        OutputError: If a file cannot be written.
    """
    shown = examples.examples[: options.limit]
    overlapping = any(one.encoding == "multihot" for one in shown)
    batch_options = BatchOptions(
        head="sigmoid" if overlapping else "softmax",
        classes=examples.classes,
        scaling=choose_scaling(shown),
        batch_size=1,
        crop=crop,
        rare_share=0.5 if crop else 0.0,
        augment=augment,
        seed=seed,
        hold="stream",
        shuffle=False,
    )
    rows = _Rows(Batches(shown, batch_options), options.opacity)
    with OutputFolder(as_path(out)) as folder:
        return _draw(rows, folder.path, options, overwrite=overwrite, progress=progress)


def _draw(
    rows: _Rows,
    out: Path,
    options: PreviewOptions,
    *,
    overwrite: bool,
    progress: Progress | None,
) -> AugmentedReport:
    shown = rows.examples
    count = math.ceil(len(shown) / _ROWS_PER_SHEET)
    sheets = [out / f"{AUGMENTED}-{number}.png" for number in range(1, 1 + count)]
    sources = [path for one in shown for path in (one.image, one.mask)]
    check_targets(out, sheets, sources, overwrite=overwrite)
    tiles: list[tuple[str, Image.Image]] = []
    written: list[Path] = []
    problems: list[str] = []
    for index in range(len(shown)):
        try:
            tiles += rows.row(index)
        except MaskforgeError as error:
            problems.append(str(error))
        except MemoryError:
            problems.append(f"{shown[index].image}: there is not enough memory to show it")
        if tiles and ((index + 1) % _ROWS_PER_SHEET == 0 or index + 1 == len(shown)):
            path = sheets[index // _ROWS_PER_SHEET]
            sheet = contact_sheet(tiles, _TILE, columns=1 + _VERSIONS)
            write_png(path, np.asarray(sheet))
            written.append(path)
            tiles.clear()
        if progress is not None:
            progress("augmenting", index + 1, len(shown))
    return AugmentedReport(tuple(written), len(shown) - len(problems), tuple(problems))


class _Rows:
    """The rows of the sheets."""

    def __init__(self, batches: Batches, opacity: float) -> None:
        self._batches = batches
        self._opacity = opacity

    @property
    def examples(self) -> Sequence[Example]:
        """The images."""
        return self._batches.examples

    def row(self, index: int) -> list[tuple[str, Image.Image]]:
        """Return the tiles of an image with their titles: as it is, and changed."""
        batches, options = self._batches, self._batches.options
        example = batches.examples[index]
        whole = BatchOptions(head=options.head, classes=options.classes, scaling=options.scaling)
        pair = load(example, whole, options.seed)
        tiles = [(example.name, self._tile(scaled(pair.image, example, whole), pair.target))]
        for version in range(_VERSIONS):
            batches.epoch = version
            x, y = batches[index]
            tiles.append((f"epoch {version + 1}: {size_of(x[0])} px", self._tile(x[0], y[0])))
        return tiles

    def _tile(self, values: NDArray[np.float32], target: NDArray[np.uint8]) -> Image.Image:
        options = self._batches.options
        image = Stored(np.rint(values * 255).clip(0, 255).astype(np.uint8)).colors()
        mask = to_ids(
            target if options.head == "sigmoid" else target[..., 0], options.classes, options.head
        )
        drawn = overlay(image, mask, options.classes.colors, opacity=self._opacity)
        tile = Image.fromarray(drawn)
        tile.thumbnail(_TILE)
        return tile
