"""What VoTT writes about the place of an image, decoded.

VoTT makes paths with ``encodeFileURI`` (``src/common/utils.ts`` of microsoft/VoTT): ``file:`` and
the path with forward slashes, percent-encoded as UTF-8, with ``#`` and ``?`` encoded as well. The
name is the last part of that path, usually still encoded.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote

_FILE_SCHEME = re.compile(r"file:(?://(?=/))?", re.IGNORECASE)
_WEB_HOST = re.compile(r"https?://[^/]*", re.IGNORECASE)
_DRIVE_BEHIND_SLASH = re.compile(r"/[A-Za-z]:/")
_FRAME_MARK = "#t="


def written_path(path: str) -> str:
    """Return a path without its scheme, host and query, with forward slashes, still encoded."""
    text = path.replace("\\", "/")
    if _WEB_HOST.match(text):
        # What follows the question mark is a signature more often than not: kept nowhere.
        return _WEB_HOST.sub("", without_query(text), count=1)
    text = _FILE_SCHEME.sub("", text, count=1) if _FILE_SCHEME.match(text) else text
    return text[1:] if _DRIVE_BEHIND_SLASH.match(text) else text


def without_query(text: str) -> str:
    """Cut ``?...`` from a name or URL, but not the ``#t=...`` of a video frame behind it.

    A question mark of the name itself is ``%3F`` in what VoTT writes.
    """
    head, mark, tail = text.partition("?")
    if not mark or "." not in head:
        return text
    fragment = tail.rpartition("#")[2] if _FRAME_MARK in tail else ""
    return f"{head}#{fragment}" if fragment else head


def decoded_name(name: str, path: str, fallback: str) -> str:
    """Return the file name of an image without folders, percent-decoded once."""
    for text in (without_query(name), written_path(path)):
        last = PurePosixPath(unquote(text).replace("\\", "/")).name
        if last not in {"", ".", ".."}:
            return last
    return fallback


def written_places(name: str, path: str) -> tuple[str, ...]:
    """Return what a file writes about the place of an image, most trusted first.

    Args:
        name: What the file gives as name.
        path: What the file gives as path; may be empty.
    """
    written = written_path(path)
    found = [written, unquote(written), name, without_query(name), decoded_name(name, path, "")]
    return tuple(dict.fromkeys(filter(None, found)))


def is_video_frame(name: str) -> bool:
    """Tell whether a decoded name is that of a video frame, such as ``clip.mp4#t=3.2``."""
    return _FRAME_MARK in name
