"""The bundled samples: which image shows which kind of record."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import annotation_files
import numpy as np
import shapely
from annotation_files import labelme, superannotate, vott
from annotation_files.marks import Mark, Sheet
from bitewings.bitewing import Content, Radiograph, make_bitewing
from bitewings.outlines import cut, tidy

SEED = 2024
WIDTH, HEIGHT = 576, 432

COLORS = {
    "dentine": "#e9d8a6",
    "pulp": "#9b5de5",
    "enamel": "#2a9d8f",
    "restoration": "#4895ef",
    "caries": "#ff0040",
}


@dataclass(frozen=True)
class Sample:
    """One bundled image.

    Attributes:
        name: File name.
        number: Which of the images of ``SEED`` it is; chosen by looking at them.
        draw: What a person draws on it.
        visited: Whether anybody looked at it.
        content: What it shows.
    """

    name: str
    number: int
    draw: Callable[[Radiograph], list[Mark]]
    visited: bool = True
    content: Content = "teeth"

    def sheet(self) -> Sheet:
        """Make the image and draw on it."""
        radiograph = radiograph_of(self.number, self.content)
        return Sheet(self.name, radiograph.image, tuple(self.draw(radiograph)), self.visited)


@functools.cache  # several formats show the same radiographs
def radiograph_of(number: int, content: Content) -> Radiograph:
    """Make one of the radiographs that are bundled."""
    return make_bitewing((SEED, number), WIDTH, HEIGHT, content=content)


def polygons(radiograph: Radiograph) -> list[Mark]:
    """Draw every outline as a polygon, in an order that puts small things on top."""
    return [Mark.of(outline) for outline in radiograph.outlines]


def nothing(radiograph: Radiograph) -> list[Mark]:
    """Draw nothing."""
    del radiograph
    return []


def labelme_kinds(radiograph: Radiograph) -> list[Mark]:
    """Use what LabelMe has: circle, rectangle, groups, line strips and points."""
    marks = _grouped(polygons(radiograph), group=1)
    marks = _changed(marks, _is_circle, Mark.as_circle)
    marks = _boxed(marks)
    lines = [Mark(("bone level",), "line", level) for level in radiograph.bone_levels]
    forks = [Mark(("furcation",), "point", point[None]) for point in radiograph.forks]
    return marks + lines + forks


def labelme_masks(radiograph: Radiograph) -> list[Mark]:
    """Draw lesions as masks, as LabelMe's assistant does."""
    height, width = radiograph.image.shape
    return [
        mark.as_mask(width, height) if mark.labels == ("caries",) else mark
        for mark in polygons(radiograph)
    ]


def vott_kinds(radiograph: Radiograph) -> list[Mark]:
    """Use what VoTT has: a rectangle, and a region with two tags."""
    marks = _boxed(polygons(radiograph))
    tags = ("caries", "secondary caries")
    return _changed(marks, _is_secondary, lambda mark: replace(mark, labels=tags))


def superannotate_kinds(radiograph: Radiograph) -> list[Mark]:
    """Use what SuperAnnotate has: excluded areas, ellipse, box, groups, a polyline and points."""
    marks = _with_holes(_grouped(polygons(radiograph), group=1))
    marks = _changed(marks, _is_oval, Mark.as_ellipse)
    marks = _boxed(marks)
    return [*marks, Mark(("bone level",), "line", radiograph.bone_levels[1])]


def holes(radiograph: Radiograph) -> list[Mark]:
    """Exclude the pulp from the dentine."""
    return _with_holes(polygons(radiograph))


SHARED = Sample("bitewing-01.jpg", 13, polygons)
LABELME = (
    SHARED,
    Sample("bitewing-02.jpg", 182, labelme_kinds),
    Sample("bitewing-03.jpg", 35, labelme_masks),
    Sample("bitewing-04.jpg", 1, polygons, content="gums"),
)
VOTT = (
    SHARED,
    Sample("bitewing-05.jpg", 6, vott_kinds),
    Sample("bitewing 06.jpg", 24, polygons),
    Sample("bitewing-07.jpg", 2, polygons, content="nothing"),
    Sample("bitewing-08.jpg", 18, nothing, visited=False),
)
VECTOR = (
    SHARED,
    Sample("bitewing-09.jpg", 16, superannotate_kinds),
    Sample("bitewing-10.jpg", 2, polygons, content="gums"),
)
PIXEL = (Sample("bitewing-11.jpg", 21, polygons),)
OTHERS = (
    SHARED,
    Sample("bitewing-04.jpg", 1, polygons, content="gums"),
)
"""What formats show that have samples of their two most important images alone."""

CURRENT = (Sample("bitewing-12.jpg", 20, holes),)


def write_bundle(folder: Path) -> None:
    """Replace the bundled samples of all formats below a folder."""
    others = other_formats()
    superannotate_folder = folder / "superannotate"
    projects = {
        "labelme": folder / "labelme",
        "vott": folder / "vott",
        "vector": superannotate_folder / "vector",
        "pixel": superannotate_folder / "pixel",
        "current": superannotate_folder / "current",
    }
    for name in ("labelme", "vott", "superannotate", *others):
        shutil.rmtree(folder / name, ignore_errors=True)
    for project in projects.values():
        project.mkdir(parents=True)

    for sample in LABELME:
        embed = sample.name == "bitewing-03.jpg"
        labelme.write_sheet(projects["labelme"], sample.sheet(), embed=embed)
    assets = [vott.write_sheet(projects["vott"], sample.sheet()) for sample in VOTT]
    tags = COLORS | {"secondary caries": "#b5179e"}
    vott.write_project(projects["vott"], assets, name="caries", tags=tags)
    colors = COLORS | {"bone level": "#8d99ae"}
    superannotate.write_classes(superannotate_folder, colors)
    classes = list(colors)
    for sample in VECTOR:
        sheet = sample.sheet()
        superannotate.write_vector(projects["vector"], sheet, classes, suffix="___objects")
    for sample in PIXEL:
        superannotate.write_pixel(projects["pixel"], sample.sheet(), classes)
    for sample in CURRENT:
        superannotate.write_vector(projects["current"], sample.sheet(), classes)
    plain = [one.sheet() for one in OTHERS]
    hollow = [replace(OTHERS[0], draw=holes).sheet(), *plain[1:]]
    for name, module in others.items():
        (folder / name).mkdir()
        module.write_set(folder / name, hollow if module.HOLDS_HOLES else plain, COLORS)


def other_formats() -> dict[str, ModuleType]:
    """Return the modules that write the samples of one kind that a format has, by its name."""
    names = sorted(one.name for one in pkgutil.iter_modules(annotation_files.__path__))
    modules = {name: importlib.import_module(f"annotation_files.{name}") for name in names}
    return {
        name.replace("_", "-"): module
        for name, module in modules.items()
        if hasattr(module, "HOLDS_HOLES")
    }


def _changed(
    marks: list[Mark], wanted: Callable[[Mark], bool], change: Callable[[Mark], Mark]
) -> list[Mark]:
    """Change the first mark that is wanted."""
    index = next((index for index, mark in enumerate(marks) if wanted(mark)), None)
    if index is None:
        raise ValueError(f"no mark fits {wanted.__name__}: choose another image")
    return [*marks[:index], change(marks[index]), *marks[index + 1 :]]


def _boxed(marks: list[Mark]) -> list[Mark]:
    """Draw the filling that is most like a box as one."""
    boxiest = max((mark for mark in marks if _is_filling(mark)), key=_share_of_box)
    return [mark.as_box() if mark is boxiest else mark for mark in marks]


def _share_of_box(mark: Mark) -> float:
    return float(shapely.Polygon(mark.points).area / np.prod(np.ptp(mark.points, axis=0)))


def _is_circle(mark: Mark) -> bool:
    return mark.ellipse is not None and mark.ellipse.along == mark.ellipse.across


def _is_oval(mark: Mark) -> bool:
    return mark.ellipse is not None and mark.ellipse.along != mark.ellipse.across


def _is_filling(mark: Mark) -> bool:
    return mark.note.endswith(("amalgam", "composite"))


def _is_secondary(mark: Mark) -> bool:
    return mark.note.endswith("secondary")


def _grouped(marks: list[Mark], group: int) -> list[Mark]:
    """Draw a lesion that reaches the dentine as one part in the enamel and one in the dentine."""
    for index, mark in enumerate(marks):
        if mark.note.endswith("proximal"):
            tooth = mark.note.split(",")[0]
            parts = [
                tidy(part)
                for tissue in marks
                if tissue.note == tooth and tissue.labels[0] in {"enamel", "dentine"}
                for part in cut(mark.points, tissue.points)
            ]
            if len(parts) == 2:
                both = [replace(mark, points=part, group=group) for part in parts]
                return [*marks[:index], *both, *marks[index + 1 :]]
    raise ValueError("no lesion reaches the dentine: choose another image")


def _with_holes(marks: list[Mark]) -> list[Mark]:
    """Cut the pulp out of the dentine of every tooth whose pulp does not reach the edge."""
    pulps = [mark for mark in marks if mark.labels == ("pulp",)]

    def hollow(mark: Mark) -> Mark:
        outer = shapely.Polygon(mark.points)
        inside = [
            pulp.points for pulp in pulps if outer.contains_properly(shapely.Polygon(pulp.points))
        ]
        return replace(mark, holes=tuple(np.asarray(ring) for ring in inside))

    return [hollow(mark) if mark.labels == ("dentine",) else mark for mark in marks]
