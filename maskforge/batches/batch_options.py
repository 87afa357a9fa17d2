"""What batches are made of."""

from __future__ import annotations

from dataclasses import dataclass

from maskforge.augmentation.augment_options import ResolvedAugmentation
from maskforge.choices import Head, Holding
from maskforge.errors import OptionError
from maskforge.images.intensity import ScalingRecord
from maskforge.images.offset import Offset
from maskforge.masks.classes import ClassMap
from maskforge.shapes import Size

_LEAST = {"batch_size": 1, "crop": 0, "crops_per_image": 0, "stride": 1, "seed": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """How images and masks become batches.

    Attributes:
        head: Head of the network, which says what masks look like.
        classes: The class map.
        scaling: What becomes of the pixel values.
        batch_size: Images or crops per batch.
        crop: Side of the square crops in pixels; 0 for whole images.
        crops_per_image: Crops of each image in one epoch; 0 for as many as have its area.
        rare_share: Share of the crops that are centered on a pixel of a foreground class, where the
            image has one.
        equal_regions: Whether these are centered on small connected regions as often as on large
            ones, instead of in proportion to their pixels.
        offset: How far every image is moved first; None for not at all.
        resize: Size to which it is brought then; None keeps the size.
        stride: Of what width and height of whole images are made a multiple.
        augment: How far images are changed; None for not at all.
        seed: Of order, crops and augmentation.
        hold: Whether decoded images stay in memory.
        memory: Bytes that ``hold="auto"`` may fill; None for a quarter of what is available.
        shuffle: Whether every epoch has another order.

    Raises:
        OptionError: If a value is out of range, or the crop does not fit the stride.
    """

    head: Head
    classes: ClassMap
    scaling: ScalingRecord
    batch_size: int = 8
    crop: int = 0
    crops_per_image: int = 1
    rare_share: float = 0.0
    equal_regions: bool = False
    offset: Offset | None = None
    resize: Size | None = None
    stride: int = 1
    augment: ResolvedAugmentation | None = None
    seed: int = 0
    hold: Holding = "auto"
    memory: int | None = None
    shuffle: bool = True

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise OptionError(f"{name} is {getattr(self, name)}, expected at least {least}")
        if not 0 <= self.rare_share <= 1:
            raise OptionError(f"rare_share is {self.rare_share}, expected 0 to 1")
        if self.crop % self.stride:
            raise OptionError(
                f"crops of {self.crop} px do not fit the network, which halves images until one "
                f"pixel stands for {self.stride}",
                hint=f"use a multiple of {self.stride}, such as "
                f"{max(1, round(self.crop / self.stride)) * self.stride}",
            )
