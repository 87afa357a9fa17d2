"""Stacks of masks: TIFF files with several pages, written page by page; whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from maskforge.display.colors import Color
from maskforge.files import aside_of, unwritable
from maskforge.masks.maskfile import AnyMask, encode_mask


class StackFile:
    """A stack of masks that is being written, beside its place until it is finished."""

    def __init__(self, path: Path, palette: Mapping[int, Color] | None = None) -> None:
        """Begin a stack.

        Args:
            path: The file. Missing folders are made.
            palette: Color of every value of uint8 masks; without it, they are gray.

        Raises:
            OutputError: If it cannot be written.
        """
        from PIL.TiffImagePlugin import AppendingTiffWriter

        self._path = path
        self._palette = palette
        self._aside = aside_of(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream: IO[bytes] = self._aside.open("x+b")
        except OSError as error:
            raise unwritable(path, error) from None
        self._pages = AppendingTiffWriter(self._stream)
        self.count = 0

    def add(self, mask: AnyMask) -> int:
        """Write one more page and return its number, counted from 1.

        Args:
            mask: (H, W) uint8, uint16 or uint32; pages may differ in size.

        Raises:
            OptionError: If it is not a mask.
            OutputError: If it cannot be written.
        """
        page = encode_mask(mask, "tiff", self._palette)
        try:
            self._pages.write(page)
            self._pages.newFrame()
        except OSError as error:
            raise unwritable(self._path, error) from None
        self.count += 1
        return self.count

    def close(self) -> Path | None:
        """Write what is left of the file, still beside its place.

        Returns:
            Where it is; None if it has no pages.

        Raises:
            OutputError: If it cannot be written.
        """
        try:
            self._stream.close()
        except OSError as error:
            self.drop()
            raise unwritable(self._path, error) from None
        return self._aside if self.count else None

    def finish(self) -> None:
        """Put the file in its place; one without pages is removed.

        Raises:
            OutputError: If it cannot be written.
        """
        aside = self.close()
        try:
            if aside is not None:
                aside.replace(self._path)
        except OSError as error:
            raise unwritable(self._path, error) from None
        finally:
            self.drop()

    def drop(self) -> None:
        """Remove the file, if it is not in its place."""
        with contextlib.suppress(OSError):
            self._stream.close()
        with contextlib.suppress(OSError):
            self._aside.unlink(missing_ok=True)
