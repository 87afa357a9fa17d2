"""Writing raw data sets of nnU-Net: images of one file, masks with consecutive ids."""

from __future__ import annotations

from pathlib import PurePosixPath

from maskforge.files import dump_record
from maskforge.formats.pixels import VOID_VALUE, value_table
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage
from maskforge.images.decoder import read_header
from maskforge.images.index_png import encode_png

_ENDING = ".png"
_IGNORE = "ignore"
_COLORS = ("R", "G", "B")


class NnunetWriter(Writer):
    """``imagesTr``, ``labelsTr`` and ``dataset.json``."""

    title = "nnU-Net raw data"
    holds = Holds(areas=False, holes=(), overlaps=False, pixels=True, upright=False)

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        classes = [one for one in context.classes if one.is_foreground]
        self._labels = {"background": 0}
        for number, one in enumerate(classes, 1):
            # The name is reserved for what says nothing.
            self._labels[f"{one.name}_" if one.name == _IGNORE else one.name] = number
        numbers = {one.id: number for number, one in enumerate(classes, 1)}
        self._table = value_table(numbers, void=len(classes) + 1)
        self._cases: set[str] = set()
        self._channels = 0
        self._has_void = False

    def add(self, image: WrittenImage) -> None:
        """Copy an image, and write its mask."""
        parts = PurePosixPath(image.name).parts
        case = parts[-1] if parts[-1] not in self._cases else "-".join(parts)
        channels = self._channels_of(image)
        if self._channels not in (0, channels):
            self._context.left_out("images with another number of channels than the first")
            return
        if not self._context.copy_image(image, f"imagesTr/{case}_0000{_ENDING}"):
            self._context.left_out("images that were not found, with their masks")
            return
        self._channels = channels
        self._cases.add(case)
        mask, _, _ = image.draw()
        self._has_void |= bool((mask == VOID_VALUE).any())
        # Without a palette, which the readers of nnU-Net take for colors.
        self._context.write(f"labelsTr/{case}{_ENDING}", encode_png(self._table[mask]))

    def finish(self) -> None:
        """Write what the values and channels are."""
        void = {_IGNORE: int(self._table[VOID_VALUE])} if self._has_void else {}
        names = _COLORS if self._channels == len(_COLORS) else ("gray",)
        document = {
            "channel_names": {str(number): name for number, name in enumerate(names)},
            "labels": self._labels | void,
            "numTraining": len(self._cases),
            "file_ending": _ENDING,
        }
        self._context.write("dataset.json", dump_record(document))

    def _channels_of(self, image: WrittenImage) -> int:
        source = image.file if image.file is not None else image.content
        if source is None:
            return self._channels
        try:
            return read_header(source).channels
        except OSError:
            return self._channels


WRITERS = {"nnunet": NnunetWriter}
