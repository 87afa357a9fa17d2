"""How an evaluation per unit is made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from maskforge.choices import Range
from maskforge.errors import OptionError, check_type, listing
from maskforge.evaluation.measures.units import LEAST_PIXELS
from maskforge.files import PathLike

_TISSUES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOptions:
    """How an evaluation per unit, such as a tooth, is made; without units there is none.

    Attributes:
        unit_class: Classes whose instances, or else connected regions, are the units. Instances of
            one name, and regions of several classes that touch, are one unit.
        units: Masks of the units, if the truth does not hold them: a folder that ``convert`` wrote,
            or any folder of masks. Without ``unit_class``, all its classes are units, or those of
            ``depth_from``.
        lesion_class: Classes whose regions make a unit positive; empty for all that truth and
            prediction share, without those of units and depths.
        unit_pixels: A lesion makes a unit positive if it has at least so many pixels in it.
        depth_from: The classes of enamel, dentine and pulp, by which depths are told; empty for no
            depths.
    """

    unit_class: tuple[str, ...] = ()
    units: PathLike | None = None
    lesion_class: tuple[str, ...] = ()
    unit_pixels: Annotated[int, Range(1, 2**31)] = LEAST_PIXELS
    depth_from: tuple[str, ...] = ()

    @property
    def wanted(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.unit_class or self.depth_from or self.units is not None)


def written_units(options: UnitOptions) -> dict[str, object]:
    """Return options as they stand in a report."""
    written = asdict(options)
    if options.units is not None:
        written["units"] = str(options.units)
    return written


def check_unit_options(options: UnitOptions) -> None:
    """Check what can be checked before any data set is opened.

    Raises:
        OptionError: If an option cannot be used.
    """
    for name in ("unit_class", "lesion_class", "depth_from"):
        value = getattr(options, name)
        check_type(name, value, list, tuple, hint='give names of classes, such as ["tooth"]')
        for one in value:
            check_type(name, one, str)
    if options.depth_from and len(set(options.depth_from)) != _TISSUES:
        raise OptionError(
            f"depths are told by three classes, found {listing(options.depth_from)}",
            hint="name enamel, dentine and pulp, in this order: --depth-from enamel,dentine,pulp",
        )
    if options.lesion_class and not options.wanted:
        raise OptionError(
            "lesion_class has no effect without units",
            hint="name the class of the units with --unit-class, or their masks with --units",
        )
