"""Telling SuperAnnotate's files by what they hold; names decide only where the content cannot."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from maskforge.formats.base import Recognition
from maskforge.formats.jsonio import Document
from maskforge.images.suffixes import is_image_name

PROJECT, LIST, SUFFIXED, CURRENT = "project file", "list file", "suffixed file", "current file"
CLASSES, CONFIG = "class list", "configuration"

VERSION_KEY = "___sa_version___"
"""Key of SuperAnnotate Desktop's project file that names no image."""

_SUFFIX = re.compile(r"___(objects|vector|pixel)\.json$", re.IGNORECASE)
_BESIDE_INSTANCES = ("metadata", "tags", "comments")
_META_NAMES = ("imageAttributes", "lastAction")


def recognize(document: Document) -> Recognition:
    """Tell which of SuperAnnotate's files a document is, if it is one."""
    root, name = document.root, document.path.name
    if document.is_csv:
        return Recognition.no("a CSV file, and SuperAnnotate writes JSON")
    if isinstance(root, list):
        return _list(root, name)
    if isinstance(root, dict):
        return _object(root, name)
    return Recognition.no("the root is neither an object nor a list")


def image_of(path: PurePath) -> str:
    """Return the name of an annotation file without SuperAnnotate's ending, stripped once."""
    stripped, count = _SUFFIX.subn("", path.name)
    return stripped if count else path.stem


def has_suffix(name: str) -> bool:
    """Tell whether a file name ends as the files before 2022 do, such as ``___objects.json``."""
    return _SUFFIX.search(name) is not None


def is_class_list(root: object, name: str) -> bool:
    """Tell whether a decoded file is a list of classes."""
    if not isinstance(root, list) or any(map(_is_record, root)):
        return False
    if any(isinstance(entry, dict) and "attribute_groups" in entry for entry in root):
        return True
    is_named_so = name.lower() == "classes.json"
    return is_named_so and (not root or any(map(_is_class, root)))


def _is_class(entry: object) -> bool:
    return isinstance(entry, dict) and entry.keys() >= {"name", "color"}


def _list(root: list[Any], name: str) -> Recognition:
    if any(map(_is_record, root)):
        return Recognition(LIST, "a list of records with `type` or `parts` and classes")
    if has_suffix(name):
        return Recognition(LIST, "a list, and the ending of the file's name")
    if is_class_list(root, name):
        return Recognition(CLASSES, "a list of classes", auxiliary=True)
    if not root:
        return Recognition.no("an empty list, and the file's name does not end in ___objects.json")
    return Recognition.no("no record of the list has a `type` or `parts` and a class")


def _object(root: dict[str, Any], name: str) -> Recognition:
    if "instances" in root:
        return _instances(root, name)
    if VERSION_KEY in root:
        return Recognition(PROJECT, f"`{VERSION_KEY}` at the root")
    is_named_so = name.lower() == "annotations.json"
    if any(is_image_name(key) and _is_image(root[key], is_named_so) for key in root):
        return Recognition(PROJECT, "names of images as keys, with records below them")
    if root.keys() >= {"pathSeparator", "os"}:
        return Recognition(CONFIG, "`pathSeparator` and `os` at the root", auxiliary=True)
    return Recognition.no("no `instances` list at the root, and no names of images as keys")


def _instances(root: dict[str, Any], name: str) -> Recognition:
    beside = next((key for key in _BESIDE_INSTANCES if key in root), None)
    if beside is not None:
        variant = SUFFIXED if has_suffix(name) else CURRENT
        return Recognition(variant, f"`instances` and `{beside}` at the root")
    if has_suffix(name):
        return Recognition(SUFFIXED, "`instances`, and the ending of the file's name")
    records = root["instances"]
    if isinstance(records, list) and any(map(_is_record, records)):
        return Recognition(CURRENT, "`instances` with a `type` and a class each")
    return Recognition.no("`instances`, but no `metadata` beside it")


def _is_image(value: object, is_named_so: bool) -> bool:
    if isinstance(value, dict):
        return "instances" in value
    return isinstance(value, list) and (any(map(_is_record, value)) or (is_named_so and not value))


def _is_record(entry: object) -> bool:
    """Tell SuperAnnotate's records from those of other tools, and from classes."""
    match entry:
        case {"attribute_groups": _} | {"type": "tag", "color": _}:
            return False
        case {"type": "meta", "name": name}:
            return name in _META_NAMES
        case {"parts": list()} | {"type": "comment", "x": _, "y": _} | {"type": "tag", "name": _}:
            return True
        case {"type": str(), "className": _} | {"type": str(), "classId": _}:
            return True
    return False
