"""Writing data sets of YOLO: images, labels, and ``data.yaml``."""

from __future__ import annotations

from typing import Any

from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage
from maskforge.formats.yolo.names import data_yaml, split_of
from maskforge.formats.yolo.rings import clipped, joined
from maskforge.formats.yolo.semantic import YoloSemanticWriter
from maskforge.shapes import Area, Points, Shape, Size

_REPLACED = ("names", "nc", "masks_dir", "label_mapping")


class YoloWriter(Writer):
    """A folder with ``data.yaml``, ``images/train`` and ``labels/train``.

    What lies outside the image is cut off, because Ultralytics leaves out images with labels that
    reach over their edges.
    """

    title = "YOLO segmentation"
    holds = Holds(parts=True, decimals=9)  # as they are read again

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._names: list[str] | None = None
        self._splits: set[str] = set()
        self._rest: dict[str, Any] = {}

    def add(self, image: WrittenImage) -> None:
        """Copy an image, and write its labels."""
        data = image.own.get("data")
        split = split_of(image)
        if self._names is None:
            self._begin(data if isinstance(data, dict) else {})
        self._splits.add(split)
        if not self._context.copy_image(image, f"images/{split}/{image.path}"):
            self._context.left_out("images that were not found")
        lines = [line for shape in image.shapes for line in self._lines(shape, image)]
        rest = image.own.get("lines")
        lines += [str(one) for one in rest] if isinstance(rest, list) else []
        text = "".join(f"{line}\n" for line in lines)
        self._context.write(f"labels/{split}/{image.name}.txt", text.encode())

    def finish(self) -> None:
        """Write ``data.yaml``."""
        if self._names is None:
            self._begin({})
        self._context.write("data.yaml", data_yaml(self._splits, self._names or (), self._rest))

    def _begin(self, data: dict[str, Any]) -> None:
        """Take the classes of the data set, or else those of the class map."""
        written = data.get("names")
        names = dict(enumerate(written)) if isinstance(written, list) else written
        if isinstance(names, dict) and sorted(names, key=str) == sorted(range(len(names)), key=str):
            self._names = [str(names[number]) for number in range(len(names))]
            self._rest = {key: value for key, value in data.items() if key not in _REPLACED}
        else:
            self._names = [one.name for one in self._context.classes if one.is_foreground]

    def _number(self, label: str, own: object) -> int:
        assert self._names is not None
        if isinstance(own, int) and own < len(self._names) and self._names[own] == label:
            return own
        if label not in self._names:
            self._names.append(label)
        return self._names.index(label)

    def _lines(self, shape: Shape, image: WrittenImage) -> list[str]:
        extra = shape.extra if image.is_own else {}
        number = self._number(shape.labels[0], extra.get("class"))
        if image.is_own and shape.primitive:
            end = [str(extra["rest"])] if "rest" in extra else []
            score = [] if shape.score is None else [f"{shape.score:.15g}"]
            return [" ".join((str(number), str(shape.primitive["coordinates"]), *score, *end))]
        assert isinstance(shape.geometry, Area)
        inside = [clipped(part.exterior, image.size) for part in shape.geometry.parts]
        parts = [one for one in inside if one is not None]
        if not parts:
            self._context.left_out("shapes outside of their image")
            return []
        ring = joined(parts)
        if ring is None:
            self._context.left_out("parts that overlap, each written as an object of its own")
        return [f"{number} {_text(one, image.size)}" for one in (parts if ring is None else [ring])]


def _text(ring: Points, size: Size) -> str:
    """Return fractions with so many digits that the same coordinates are read again."""
    return " ".join(f"{one:.15g}" for one in (ring / size).ravel().tolist())


WRITERS = {"yolo": YoloWriter, "yolo-semantic": YoloSemanticWriter}
