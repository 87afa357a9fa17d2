"""Labels and objects from another key of a shape's record: a group number, an attribute, a flag."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from maskforge.errors import LabelError, check_type, listing, shorten
from maskforge.formats.addresses import is_address
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Issue
from maskforge.shapes import Shape

_GROUP_KEYS = ("group_id", "groupId")
_BOOKKEEPING = re.compile(
    r"(image_)?id|uuid|(feature|schema)(Id|_id)|feature_schema_id|area|iscrowd|score|confidence"
    r"|probability|pointLabels|trackingId|layer|(created|updated|creation)\w*"
)
_ALWAYS = ("attributes", "flags", "region_attributes")
_MOST_KEYS = 100
_MOST_VALUES = 100
_LONGEST_VALUE = 100


def labeled_by(image: AnnotatedImage, key: str) -> AnnotatedImage:
    """Return an image whose shapes have their labels from a key of their records.

    Args:
        image: The image, with what its records hold in ``Shape.extra``.
        key: ``group_id``, any other key of a record, or one inside it such as
            ``attributes.tooth``; empty for the labels that there are. Of flags, and of attributes
            that are true or false, the names of those that are set are the labels.

    Returns:
        The image. A shape without the key is one without label.
    """
    check_type("class_from", key, str)
    if key in ("", "label"):
        return image
    return replace(image, shapes=tuple(_labeled(shape, key) for shape in image.shapes))


def _labeled(shape: Shape, key: str) -> Shape:
    labels = tuple(dict.fromkeys(_values_at(shape, key)))
    issue = None if labels else Issue(Code.NO_LABEL, f"has no {shorten(key)}", shape.origin)
    return replace(shape, labels=labels, label_issue=issue)


def grouped_by(image: AnnotatedImage, key: str) -> AnnotatedImage:
    """Return an image whose shapes belong to the objects that a key of their records names.

    Args:
        image: The image, with what its records hold in ``Shape.extra``.
        key: As of ``labeled_by``, or ``label`` for the label itself; empty for the groups that
            there are.

    Returns:
        The image. A shape without the key is an object of its own.
    """
    check_type("instances_from", key, str)
    if not key:
        return image
    return replace(image, shapes=tuple(_grouped(one, key) for one in image.shapes))


def _grouped(shape: Shape, key: str) -> Shape:
    values = iter(shape.labels) if key == "label" else _values_at(shape, key)
    return replace(shape, instance=next(values, None))


def _values_at(shape: Shape, key: str) -> Iterator[str]:
    if key in _GROUP_KEYS:
        yield from () if shape.instance is None else (shape.instance,)
    else:
        yield from _values(_inside(shape.extra, key))


def _inside(value: object, path: str) -> object:
    """Follow a path such as ``attributes.tooth``; a key may hold a point itself."""
    if isinstance(value, Mapping):
        if path in value:
            return value[path]
        outer, _, inner = path.partition(".")
        return _inside(value[outer], inner) if inner and outer in value else None
    if isinstance(value, list):  # of SuperAnnotate
        return [one for one in value if isinstance(one, Mapping) and one.get("groupName") == path]
    return None


def _values(value: object) -> Iterator[str]:
    """Yield what can be a label: texts, numbers, names of what is set."""
    match value:
        case bool():
            yield str(value).lower()
        case str() if value.strip():
            yield value
        case int():
            yield str(value) if value.bit_length() <= 64 else shorten(value)
        case float() if value.is_integer():
            yield str(int(value))
        case float():
            yield str(value)
        case {"name": str(name)} if name.strip():
            yield name
        case {}:
            yield from (str(name) for name, is_set in value.items() if is_set is True)
        case [*entries]:
            for one in entries:
                yield from () if isinstance(one, list) else _values(one)


@dataclass(slots=True)
class SourceKeys:
    """The keys of records that can hold a class, with the number of shapes per value.

    One with more than a hundred values, such as an id or a time, can not, nor one that is the same
    everywhere, unless it is an attribute or a flag.
    """

    _counts: dict[str, Counter[str]] = field(default_factory=dict)
    _dropped: set[str] = field(default_factory=set)

    def add(self, image: AnnotatedImage) -> None:
        """Count the shapes of an image."""
        for shape in image.shapes:
            for key in _keys(shape):
                if key not in self._dropped:
                    self._count(key, shape)

    @property
    def found(self) -> dict[str, dict[str, int]]:
        """Number of shapes by key and value."""
        return {
            key: dict(values)
            for key, values in sorted(self._counts.items())
            if len(values) > 1 or key.partition(".")[0] in _ALWAYS
        }

    def _count(self, key: str, shape: Shape) -> None:
        values = set(_values_at(shape, key))
        if not values or (key not in self._counts and len(self._counts) >= _MOST_KEYS):
            return
        counts = self._counts.setdefault(key, Counter())
        counts.update(values)
        if len(counts) > _MOST_VALUES or any(len(one) > _LONGEST_VALUE for one in values):
            self._dropped.add(key)
            del self._counts[key]


def _keys(shape: Shape) -> Iterator[str]:
    yield _GROUP_KEYS[0]
    for key, value in shape.extra.items():
        if _BOOKKEEPING.fullmatch(key):
            continue
        match value:
            case {}:
                if True in value.values():
                    yield key
                yield from (f"{key}.{inner}" for inner, one in value.items() if _is_value(one))
            case [*entries]:
                groups = [one.get("groupName") for one in entries if isinstance(one, Mapping)]
                names = dict.fromkeys(name for name in groups if isinstance(name, str))
                yield from (f"{key}.{name}" for name in names)
            case _ if _is_value(value):
                yield key


def _is_value(value: object) -> bool:
    if isinstance(value, str) and is_address(value):
        return False
    return isinstance(value, str | int) and not isinstance(value, bool)


def no_such_key(key: str, keys: SourceKeys | None, what: str = "class") -> LabelError:
    """Return the error for a key that is in no record: a typo must not empty all masks."""
    known = listing(keys.found if keys is not None else ())
    return LabelError(
        f"no shape has the key {shorten(key)} that its {what} should come from",
        hint=f"keys with values are {known}" if known else "`maskforge inspect` shows the keys",
    )
