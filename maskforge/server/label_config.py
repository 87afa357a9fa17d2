"""What a labeling configuration of Label Studio wants: which label a class has, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias
from xml.etree.ElementTree import Element

from maskforge.errors import LabelError, listing, shorten
from maskforge.masks.classes import ClassMap
from maskforge.server.operation import HttpError

Kind: TypeAlias = Literal["polygonlabels", "brushlabels", "rectanglelabels"]

_KINDS: tuple[Kind, ...] = ("polygonlabels", "brushlabels", "rectanglelabels")
_TAGS = "PolygonLabels, BrushLabels or RectangleLabels"


@dataclass(frozen=True, slots=True)
class Place:
    """Where regions of a class belong.

    Attributes:
        control: Name of the control tag, ``from_name``.
        label: The label that it has there.
    """

    control: str
    label: str


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """What a configuration wants.

    Attributes:
        image: Name of the image tag, ``to_name``.
        key: Key in the data of a task under which its image stands.
        places: By name of the class, how its regions can be written.
    """

    image: str
    key: str
    places: Mapping[str, Mapping[Kind, Place]]


def read_label_config(text: str, classes: ClassMap) -> LabelConfig:
    """Return what a configuration wants; labels and classes belong together by their names.

    Args:
        text: The configuration.
        classes: The classes of the model.

    Raises:
        HttpError: If it is not valid, has no image, or no label that is a class.
    """
    root = _parsed(text)
    images = {
        one.get("name", ""): one.get("value", "")[1:]
        for one in root.iter()
        if _tag(one) == "image" and one.get("value", "").startswith("$")
    }
    labels: dict[str, None] = {}
    for image, key in images.items():
        places: dict[str, dict[Kind, Place]] = {}
        for control in root.iter():
            targets = [one.strip() for one in control.get("toName", "").split(",")]
            if image not in targets or (kind := _kind(control)) is None:
                continue
            own = _labels(control)
            labels |= dict.fromkeys(own)
            for label in sorted(own, key=lambda one: one not in classes.names.values()):
                name = _class_of(label, classes)
                if name is not None:
                    place = Place(control.get("name", ""), label)
                    places.setdefault(name, {}).setdefault(kind, place)
        if places:
            return LabelConfig(image, key, places)
    if not images:
        raise HttpError(400, "the labeling configuration has no <Image> whose value begins with $")
    if not labels:
        raise HttpError(400, f"the labeling configuration has no {_TAGS} for its image")
    names = listing(classes.names[id_] for id_ in classes.foreground_ids)
    raise HttpError(
        400,
        f"no label of the configuration is a class of the model: {listing(map(shorten, labels))}",
        hint=f"the model has {names}",
    )


def _parsed(text: str) -> Element:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except DefusedXmlException:
        raise HttpError(400, "the labeling configuration has a document type") from None
    except (SyntaxError, ValueError, LookupError, RecursionError) as error:
        raise HttpError(400, f"the labeling configuration is not valid XML: {error}") from None
    return root


def _tag(element: Element) -> str:
    return str(element.tag).lower()


def _kind(control: Element) -> Kind | None:
    return next((one for one in _KINDS if one == _tag(control) and control.get("name")), None)


def _labels(control: Element) -> list[str]:
    """Return the labels of a control, as they stand in results."""
    found = (one.get("alias") or one.get("value") for one in control.iter() if _tag(one) == "label")
    return [one for one in found if one]


def _class_of(label: str, classes: ClassMap) -> str | None:
    """Return the class of a label: the one with its name, or the one that the class map says."""
    names = {classes.names[id_] for id_ in classes.foreground_ids}
    if label in names:
        return label
    try:
        value = classes.value(label)
    except LabelError:
        return None
    name = None if value is None else classes.names.get(value)
    return name if name in names else None
