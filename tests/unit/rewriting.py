"""Writing images in a format, and reading them again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

import maskforge as mf
from maskforge.formats.registry import format_of, get_writer
from maskforge.formats.writer import WrittenClass, WrittenImage
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Origin
from maskforge.shapes import Area, Bitmap, Geometry, ImageState, Polygon, Shape, Size

CLASSES = (WrittenClass(1, "caries", (255, 0, 64)), WrittenClass(2, "pulp", (155, 93, 229)))
NOWHERE = Origin(Path("nowhere.json"))


class Folder:
    """A ``WriteContext`` that writes below a folder and copies no image."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.classes = CLASSES
        self.image_files = "reference"
        self.lost: dict[str, int] = {}

    def write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def image_path(self, image: WrittenImage, copy: str, seen_from: str = "") -> str:
        del image
        return copy.removeprefix(f"{seen_from}/")

    def copy_image(self, image: WrittenImage, name: str) -> bool:
        del image, name
        return False

    def left_out(self, what: str, count: int = 1) -> None:
        self.lost[what] = self.lost.get(what, 0) + count


def write_images(writer: str, folder: Path, images: Iterable[WrittenImage]) -> Folder:
    context = Folder(folder)
    made = get_writer(writer)(context)
    for image in images:
        made.add(image)
    made.finish()
    return context


def of(image: AnnotatedImage, writer: str) -> WrittenImage:
    """Return an image that was read, to be written as it is."""
    assert image.image.size is not None
    return WrittenImage(
        Path(image.image.name).stem,
        image.image.name,
        None,
        image.image.size,
        image.shapes,
        image.state,
        image.origin,
        _no_draw,
        tags=image.tags,
        is_own=image.format == format_of(writer),
        extra=image.extra,
    )


def rewritten(source: Path, writer: str, folder: Path) -> list[AnnotatedImage]:
    """Read, write and read again."""
    write_images(writer, folder, [of(one, writer) for one in mf.read(source)])
    return list(mf.read(folder))


def made(*shapes: Shape, size: Size = Size(40, 30), **keys: object) -> WrittenImage:
    """Return an image of another format, with these shapes."""
    state = ImageState.ANNOTATED if shapes else ImageState.EMPTY
    return WrittenImage(
        keys.pop("name", "tooth"), "tooth.png", None, size, shapes, state, NOWHERE, _no_draw, **keys
    )


def shape(geometry: Geometry, label: str = "caries", **keys: object) -> Shape:
    return Shape((label,), geometry, "shape", NOWHERE, **keys)


def area(*points: tuple[float, float], holes: Iterable[Iterable[tuple[float, float]]] = ()) -> Area:
    rings = tuple(np.array(list(hole), float) for hole in holes)
    return Area((Polygon(np.array(points, float), rings),))


def bitmap(row: int, column: int, *rows: str) -> Bitmap:
    """Return a bitmap of rows such as ``".##"``."""
    return Bitmap(row, column, np.array([[one == "#" for one in line] for line in rows]))


def facts(image: AnnotatedImage) -> tuple[object, ...]:
    """Return all that a format says about an image, to compare it."""
    shapes = [
        (one.labels, one.kind, one.instance, one.primitive, one.extra, one.score, points(one))
        for one in image.shapes
    ]
    return image.image.name, image.image.size, image.state, image.tags, image.extra, shapes


def points(one: Shape) -> object:
    match one.geometry:
        case Area(parts):
            return [[ring.tolist() for ring in part.rings] for part in parts]
        case Bitmap(row, column, pixels):
            return row, column, pixels.tolist()
        case _:
            return one.geometry.points.tolist()


def _no_draw() -> tuple[object, ...]:
    raise AssertionError("nothing is drawn")
