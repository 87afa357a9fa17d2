"""Writing masks as other programs take them: a PNG of class ids for every image."""

from __future__ import annotations

from maskforge.files import CLASSES, INSTANCES, MASKS, dump_record
from maskforge.formats.pixels import VOID_VALUE, write_objects
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage
from maskforge.images.index_png import encode_png

_VOID_COLOR = (224, 224, 192)


class MasksWriter(Writer):
    """``masks/NAME.png`` with class ids, ``instances/NAME.png``, and what the ids mean."""

    title = "Masks (PNG of class ids)"
    holds = Holds(areas=False, holes=(), overlaps=False, pixels=True)

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._palette = {one.id: one.color for one in context.classes}
        self._palette.setdefault(VOID_VALUE, _VOID_COLOR)

    def add(self, image: WrittenImage) -> None:
        """Write the masks of an image, and copy the image if that was asked for."""
        if self._context.image_files == "copy":
            self._context.image_path(image, f"images/{image.path}")
        mask, objects, _ = image.draw()
        self._context.write(f"{MASKS}/{image.name}.png", encode_png(mask, self._palette))
        write_objects(self._context, f"{INSTANCES}/{image.name}.png", objects)

    def finish(self) -> None:
        """Write what the ids mean, as maskforge reads it."""
        classes = [
            {"id": one.id, "name": one.name, "color": one.hex_color}
            for one in self._context.classes
            if one.id != VOID_VALUE
        ]
        self._context.write(CLASSES, dump_record({"classes": classes}))


WRITERS = {"masks": MasksWriter}
