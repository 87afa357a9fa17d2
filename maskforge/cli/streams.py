"""Standard output and signals: what a run does when nobody listens any more, or wants it to end."""

from __future__ import annotations

import errno
import io
import os
import signal
from types import FrameType
from typing import TextIO

_WIDEST = 1000  # columns: laying out text takes time and memory for every one of them
_CLOSED = {errno.EPIPE, errno.EBADF, errno.EINVAL}  # the last on Windows


class Steady(io.RawIOBase):
    """A stream whose reader may go: what can no longer be written is dropped.

    Attributes:
        failure: Why something was dropped; None if nothing was.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self.failure: OSError | None = None

    @property
    def is_full(self) -> bool:
        """Whether text is lost that somebody waits for."""
        return self.failure is not None and self.failure.errno not in _CLOSED

    def writable(self) -> bool:
        """Tell that it takes bytes."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._raw.fileno()

    def isatty(self) -> bool:
        """Tell whether it is a terminal."""
        return self._raw.isatty()

    def write(self, data: bytes, /) -> int | None:  # type: ignore[override]  # any buffer, as io has it
        """Write what can be written."""
        if self.failure is None:
            try:
                return self._raw.write(data)
            except OSError as error:
                self.failure = error
        return len(data)


def steady(stream: TextIO | None) -> tuple[TextIO, Steady | None]:
    """Return a stream that never fails, and what knows whether it lost anything.

    Letters that it cannot show are written as their numbers.
    """
    if stream is None:  # closed before the program began
        return open(os.devnull, "w", encoding="utf-8"), None  # noqa: PTH123 - not a path, but a device
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # with PYTHONUNBUFFERED there is nothing between
    if not isinstance(stream, io.TextIOWrapper) or not isinstance(raw, io.RawIOBase):
        return stream, None
    kept = Steady(raw)
    text = io.TextIOWrapper(
        io.BufferedWriter(kept),  # type: ignore[type-var]  # it is a raw stream
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
    )
    return text, kept


def fill_closed_descriptors() -> None:
    """Occupy the places of closed standard streams, so that no file of a run takes one."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def limit_width() -> None:
    """Take widths that nobody has for unset: help as wide as they are would never end."""
    for name in ("COLUMNS", "TERMINAL_WIDTH"):
        text = os.environ.get(name, "")
        if text and not (text.isascii() and text.isdigit() and 0 < int(text[:5]) <= _WIDEST):
            del os.environ[name]


class Ended:
    """What has ended a run, or lost its output.

    Attributes:
        by_signal: Whether SIGTERM has ended it.
        has_results: Whether the command writes files, so that its output is not all there is.
    """

    by_signal = False
    has_results = False


def listen() -> None:
    """Let SIGTERM end a run as Ctrl-C does."""

    def end(number: int, frame: FrameType | None) -> None:
        Ended.by_signal = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
