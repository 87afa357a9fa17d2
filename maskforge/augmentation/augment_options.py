"""How far images are changed in training: options, presets, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, TypeAlias

from maskforge.choices import SYMMETRIES, Among, AugmentPreset, Range, Symmetry, check_choices
from maskforge.errors import OptionError

_STEEPEST = 0.25
_QUARTER_TURN = 90.0

_Share: TypeAlias = Annotated[float | None, Range(0, 1)]
_Factor: TypeAlias = Annotated[float | None, Range(0, 3)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentOptions:
    """How far images are changed; a value of 0 leaves that change out.

    Attributes:
        preset: Values for all options below that are None.
        flip_horizontal: Probability.
        flip_vertical: Probability.
        transpose: Probability that rows and columns are swapped.
        rotate: Largest angle in degrees, either way.
        zoom: Largest change of scale; 0.2 is from 1/1.2 to 1.2.
        shift: Largest shift as share of the side.
        shear: Largest angle in degrees.
        elastic: Standard deviation of the displacement in pixels.
        elastic_scale: Distance in pixels over which displacements differ.
        brightness: Largest change as share of the range of values.
        contrast: Largest change of the distance from the mean; 0.2 is from 0.8 to 1.2.
        saturation: Likewise of the distance from gray; nothing happens to gray images.
        gamma: Largest change of the exponent; 0.2 is from 1/1.2 to 1.2.
        noise: Largest standard deviation of Gaussian noise as share of the range of values.
        blur: Largest standard deviation of Gaussian blur in pixels.

    Examples:
        >>> mf.AugmentOptions(preset="light", rotate=30).rotate
        30
    """

    preset: Annotated[AugmentPreset, Among(("flips", "light", "medium", "strong"))] = "light"
    flip_horizontal: _Share = None
    flip_vertical: _Share = None
    transpose: _Share = None
    rotate: Annotated[float | None, Range(0, 180)] = None
    zoom: _Factor = None
    shift: Annotated[float | None, Range(0, 0.5)] = None
    shear: Annotated[float | None, Range(0, 45)] = None
    elastic: Annotated[float | None, Range(0, 100)] = None
    elastic_scale: Annotated[float | None, Range(4, 1000)] = None
    brightness: _Share = None
    contrast: _Share = None
    saturation: _Share = None
    gamma: _Factor = None
    noise: _Share = None
    blur: Annotated[float | None, Range(0, 10)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedAugmentation:
    """The values of ``AugmentOptions`` with none left open; all 0 changes nothing."""

    flip_horizontal: float = 0.0
    flip_vertical: float = 0.0
    transpose: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    elastic_scale: float = 32.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    gamma: float = 0.0
    noise: float = 0.0
    blur: float = 0.0

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """Which flips and transpose a network learns not to mind.

        Rotations by quarter turns and a flip make all the others.
        """
        if self.rotate >= _QUARTER_TURN and (self.flip_horizontal or self.flip_vertical):
            return SYMMETRIES
        return tuple(name for name in SYMMETRIES if getattr(self, name))

    @property
    def changes_light(self) -> bool:
        """Whether values of the image are changed, and not places alone."""
        return any(
            (self.brightness, self.contrast, self.saturation, self.gamma, self.noise, self.blur)
        )


_LIGHT = ResolvedAugmentation(
    flip_horizontal=0.5,
    rotate=10.0,
    zoom=0.15,
    shift=0.05,
    brightness=0.1,
    contrast=0.15,
    gamma=0.15,
)

_MEDIUM = ResolvedAugmentation(
    flip_horizontal=0.5,
    flip_vertical=0.5,
    rotate=20.0,
    zoom=0.2,
    shift=0.05,
    shear=5.0,
    elastic=1.5,
    brightness=0.15,
    contrast=0.2,
    saturation=0.2,
    gamma=0.2,
    noise=0.02,
    blur=0.7,
)

_STRONG = ResolvedAugmentation(
    flip_horizontal=0.5,
    flip_vertical=0.5,
    transpose=0.5,
    rotate=180.0,
    zoom=0.3,
    shift=0.1,
    shear=10.0,
    elastic=4.0,
    elastic_scale=48.0,
    brightness=0.2,
    contrast=0.3,
    saturation=0.3,
    gamma=0.3,
    noise=0.04,
    blur=1.0,
)

PRESETS: Mapping[AugmentPreset, ResolvedAugmentation] = {
    "none": ResolvedAugmentation(),
    "flips": ResolvedAugmentation(flip_horizontal=0.5, flip_vertical=0.5),
    "light": _LIGHT,
    "medium": _MEDIUM,
    "strong": _STRONG,
}
"""What the presets come to. ``light`` is made for radiographs: left and right may be exchanged, up
and down not, and little is turned."""


def resolve(options: AugmentOptions) -> ResolvedAugmentation:
    """Fill in what the preset says, and check every value.

    Raises:
        OptionError: If a value is out of range, or the preset does not exist.
    """
    check_choices(options, "augment.")
    preset = PRESETS[options.preset]
    values: dict[str, float] = {}
    for field in fields(ResolvedAugmentation):
        given = getattr(options, field.name)
        values[field.name] = float(getattr(preset, field.name) if given is None else given)
    resolved = ResolvedAugmentation(**values)
    if resolved.elastic > _STEEPEST * resolved.elastic_scale:
        raise OptionError(
            f"augment.elastic is {resolved.elastic:g} px with displacements that differ over "
            f"augment.elastic_scale = {resolved.elastic_scale:g} px: images would fold over",
            hint="make elastic_scale at least 4 times as large as elastic",
        )
    return resolved
