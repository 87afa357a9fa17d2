"""Web addresses where other annotations have the name or path of an image."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote

_SCHEME = re.compile(r"(https?|ftp|gs|s3|azure|file)://", re.IGNORECASE)
_DATA = re.compile(r"data:", re.IGNORECASE)


def is_address(text: str) -> bool:
    """Tell whether text is a web address, and not the path or name of a file."""
    return _SCHEME.match(text) is not None or _DATA.match(text) is not None


def without_signature(text: str) -> str:
    """Return a web address without what follows its path, which is a signature more often than not.

    Nothing of that may be written anywhere. Of a data URI, which holds a whole file, nothing is
    left.
    """
    if _DATA.match(text):
        return ""
    return re.split(r"[?#]", text, maxsplit=1)[0] if _SCHEME.match(text) else text


def image_path(text: str) -> str:
    """Return the path in what a tool writes as the place of an image, with forward slashes.

    Of a web address it is what follows the host, decoded, and relative: the folders tell images
    of the same name apart.
    """
    text = without_signature(text)
    if found := _SCHEME.match(text):
        return unquote(text[found.end() :]).partition("/")[2].lstrip("/")
    return text.replace("\\", "/")


def image_name(path: str) -> str:
    """Return the file name at the end of a path; empty if there is none."""
    name = PurePosixPath(path).name
    return "" if name == ".." else name
