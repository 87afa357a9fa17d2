"""What every annotation format in XML must do with damage, as those in JSON do."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from format_checks import check_image, drawing

import maskforge as mf
from maskforge.formats.base import record_index
from maskforge.images.annotated_image import AnnotatedImage

Place: TypeAlias = tuple[int, ...]

CORNERS = " ".join(
    f'x{corner}{face}="{x}" y{corner}{face}="{y}"'
    for face, shift in (("1", 0), ("2", 3))
    for corner, x, y in (
        ("tl", 2 + shift, 2), ("bl", 2 + shift, 8), ("tr", 6 + shift, 2), ("br", 6 + shift, 8),
    )
)  # fmt: skip
CVAT = f"""<annotations><version>1.1</version>
<meta><task><name>t</name><labels><label><name>caries</name></label></labels></task></meta>
<image id="0" name="sub/tooth.png" subset="train" width="40" height="30">
<polygon label="caries" source="auto" points="1.50,2.00;20.25,3.00;9.00,30.50" z_order="2"
  group_id="3"><attribute name="score">0.5</attribute></polygon>
<box label="pulp" xtl="10" ytl="10" xbr="20" ybr="14" rotation="90.0" occluded="0"/>
<ellipse label="pulp" cx="20" cy="15" rx="6" ry="3" rotation="30"/>
<mask label="pulp" rle="1, 2, 3, 1, 1" left="5" top="1" width="4" height="2"/>
<polyline label="crack" points="1,2;3,4;9,9"/>
<points label="tip" points="5,6;7.5,8"/>
<cuboid label="caries" {CORNERS}/>
<skeleton label="jaw"><points label="1" outside="0" points="1,2"/></skeleton>
<tag label="blurred"><attribute name="much">yes</attribute></tag>
</image><image id="1" name="other.png" width="40" height="30"><box label="pulp" xtl="1" ytl="1"
xbr="5" ybr="4"/></image></annotations>"""
VOC = """<annotation><folder>a</folder><filename>tooth.png</filename><segmented>0</segmented>
<source><database>d</database></source>
<size><width>40</width><height>30</height><depth>1</depth></size>
<object><name>caries</name><pose>Left</pose><truncated>0</truncated><bndbox><xmin>3</xmin>
<ymin>4</ymin><xmax>12.5</xmax><ymax>9</ymax></bndbox></object>
<object><name>pulp</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>6</ymax></bndbox>
<part><name>tip</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox>
</part></object></annotation>"""

FORMATS: dict[str, tuple[str, Callable[[Element], list[Element]]]] = {
    "cvat": (CVAT, lambda root: root.findall("image")),
    "pascal-voc": (VOC, lambda root: [root]),
}
"""A file with records of all kinds, and the elements of its images."""

JUNK = ("", "x", "-1", "nan", "1e400", "9" * 5000, "\u00b2", "../..", "1;2,3")
"""What can stand instead of a text or a number; besides, it can be missing."""


def records_of(image: Element) -> list[Element]:
    """Return the elements of records: all below an image, or those that are called so."""
    return list(image) if image.tag == "image" else image.findall("object")


def places(element: Element, above: Place = ()) -> Iterator[tuple[Place, str | None]]:
    """Yield every attribute and every text, as the way to its element and a key or None."""
    for key in element.attrib:
        yield above, key
    if (element.text or "").strip():
        yield above, None
    for index, inner in enumerate(element):
        yield from places(inner, (*above, index))


def along(root: Element, place: Place) -> list[Element]:
    """Return the elements on the way to one, and this one."""
    way = [root]
    for index in place:
        way.append(way[-1][index])
    return way


def every_damage(root: Element) -> Iterator[tuple[Element, Place]]:
    """Yield a document once for all that can be wrong at each kind of place, and the place."""
    seen = set()
    for place, key in places(root):
        kind = (*(one.tag for one in along(root, place)), key and key.rstrip("12"))
        if kind in seen:
            continue
        seen.add(kind)
        for junk in (*JUNK, None):
            whole = copy.deepcopy(root)
            element = along(whole, place)[-1]
            if key is None:
                element.text = junk
            elif junk is None:
                del element.attrib[key]
            else:
                element.set(key, junk)
            yield whole, place
    seen.clear()
    for place in dict.fromkeys(place for place, _ in places(root) if place):
        tags = tuple(one.tag for one in along(root, place))
        if tags in seen:
            continue
        seen.add(tags)
        for change in (rename, Element.clear, nest):
            whole = copy.deepcopy(root)
            change(along(whole, place)[-1])
            yield whole, place


def rename(element: Element) -> None:
    element.tag = "heart"


def nest(element: Element) -> None:
    element.append(copy.deepcopy(element))


def read(path: Path, root: Element, format_: str) -> tuple[list[AnnotatedImage], bool]:
    """Return the images of a document, and whether something is said about the file."""
    path.write_bytes(ElementTree.tostring(root))
    reader = mf.read(path, format=format_)
    images = list(reader)
    for image in images:
        check_image(image)
    return images, bool(reader.issues)


def facts(image: AnnotatedImage) -> dict[int, object]:
    """Return what is drawn of every record, by its index."""
    return {record_index(one) or 0: (one.labels, *drawing(one)) for one in image.shapes}


@pytest.mark.parametrize("format_", FORMATS)
def test_everything_that_can_be_wrong_at_every_place_of_xml(tmp_path, format_):
    """Every record is a shape or has an issue, and what is wrong with one changes no other."""
    content, images_of = FORMATS[format_]
    root = ElementTree.fromstring(content)
    path = tmp_path / "a.xml"
    sound = [facts(image) for image in read(path, root, format_)[0]]
    compared = 0
    for whole, place in every_damage(root):
        elements = images_of(whole)
        images, is_refused = read(path, whole, format_)
        assert is_refused or len(images) == len(elements)
        way = along(whole, place)
        if len(images) != len(sound):
            continue
        for image, element, expected in zip(images, elements, sound, strict=False):
            records = records_of(element)
            if any(one.loses_image for one in image.issues):
                assert element in way
                assert image.record_count in (0, len(records))
                continue
            assert image.record_count == len(records)
            touched = {index for index, one in enumerate(records) if one in way}
            if element in way and not touched:
                continue  # the image, or something that is a record no longer
            found = facts(image)
            for index in expected.keys() - touched:
                assert found[index] == expected[index]
                compared += 1
    assert compared > 100
