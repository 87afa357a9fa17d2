"""Reading version 2 of VoTT: projects, asset files and JSON exports, with every known trap."""

from __future__ import annotations

import numpy as np
import pytest
from vott_documents import (
    ID,
    NOT_VISITED,
    OTHER,
    TAGGED,
    TRIANGLE,
    VISITED,
    asset,
    bounds,
    box,
    codes,
    export,
    metadata,
    points,
    project,
    read_all,
    read_one,
    read_region,
    region,
    vertices,
    write,
    write_asset,
)

from maskforge.errors import FormatError
from maskforge.formats.detection import detect
from maskforge.issues import Code, Level
from maskforge.shapes import ImageState, PointSet, Polyline, Size

# Recognition


@pytest.mark.parametrize(
    ("name", "content", "variant"),
    [
        ("a.vott", project(asset()), "project"),
        ("a.vott", project(), "project"),
        ("a.vott", {key: one for key, one in project().items() if key != "assets"}, "project"),
        ("a.json", project(asset()), "project"),
        ("a.vott", {"assets": [asset()]}, "project"),
        (f"{ID}-asset.json", metadata(region()), "asset"),
        ("renamed.json", metadata(), "asset"),
        ("a-export.json", export(metadata(region())), "json-export"),
        ("a-export.json", {"assets": [metadata(region())]}, "json-export"),
        ("a.json", {"frames": {}, "inputTags": "a"}, "version-1"),
        ("a.json", {"frames": {}, "visitedFrames": []}, "version-1"),
    ],
)
def test_files_are_recognized_by_their_keys(tmp_path, name, content, variant):
    detection = detect(write(tmp_path / name, content))
    assert (detection.format, detection.variant) == ("vott", variant)
    assert detection.reason
    assert not detection.auxiliary


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        ([], "not an object"),
        ({"images": []}, "none of `assets`"),
        ({"assets": {"a": {"url": "x"}}}, "no entry with `asset`"),
        ({"asset": {"kind": "bond"}}, "no `regions`"),
        ({"frames": []}, "none of `inputTags`"),
    ],
)
def test_other_files_are_told_what_is_missing(tmp_path, content, missing):
    path = write(tmp_path / "a.json", content)
    with pytest.raises(FormatError, match="not vott: [^;]*" + missing):
        detect(path)


# Regions


def test_polygon_is_its_points(tmp_path):
    image = read_region(tmp_path, region("POLYGON"))
    (shape,) = image.shapes
    np.testing.assert_array_equal(vertices(shape), TRIANGLE)
    assert shape.labels == ("caries",)
    assert shape.kind == "POLYGON"
    assert shape.extra == {"id": "aB-3_x", "boundingBox": box()}
    assert shape.primitive is None
    assert shape.origin.pointer == "$.regions[0]"
    assert image.image.size == Size(100, 80)
    assert image.state is ImageState.ANNOTATED


@pytest.mark.parametrize(
    "corners",
    [
        pytest.param([(2, 3), (12, 3), (12, 9), (2, 9)], id="clockwise"),
        pytest.param([(2, 3), (2, 9), (12, 3), (12, 9)], id="Z order of imported version 1 files"),
        pytest.param([(2, 3), (12, 9)], id="two points of imported TFRecords"),
        pytest.param([(50, 50), (60, 60)], id="points that contradict the box"),
        pytest.param([], id="no points"),
        pytest.param(None, id="no key"),
    ],
)
@pytest.mark.parametrize("kind", ["RECTANGLE", "SQUARE", "rectangle"])
def test_rectangle_is_its_bounding_box(tmp_path, kind, corners):
    keys = {"points": None if corners is None else points(*corners)}
    (shape,) = read_region(tmp_path, region(kind, **keys)).shapes
    assert len(vertices(shape)) == 4
    assert bounds(shape) == (2, 3, 12, 9)
    assert shape.kind == kind


@pytest.mark.parametrize(
    "corners",
    [[(2, 3), (12, 3), (12, 9), (2, 9)], [(2, 3), (2, 9), (12, 3), (12, 9)], [(12, 9), (2, 3)]],
)
def test_rectangle_without_bounding_box_is_the_box_of_its_points(tmp_path, corners):
    record = region("RECTANGLE", boundingBox=None, points=points(*corners))
    (shape,) = read_region(tmp_path, record).shapes
    assert len(vertices(shape)) == 4
    assert bounds(shape) == (2, 3, 12, 9)


def test_box_drawn_from_the_far_corner(tmp_path):
    record = region("RECTANGLE", boundingBox=box(12, 9, -10, -6))
    (shape,) = read_region(tmp_path, record).shapes
    assert bounds(shape) == (2, 3, 12, 9)


def test_lines_and_points_keep_their_kind(tmp_path):
    file = write_asset(tmp_path, region("POLYLINE"), region("POINT", points=points((4, 5.5))))
    line, dot = read_one(file).shapes
    assert isinstance(line.geometry, Polyline)
    np.testing.assert_array_equal(line.geometry.points, TRIANGLE)
    assert isinstance(dot.geometry, PointSet)
    np.testing.assert_array_equal(dot.geometry.points, [(4, 5.5)])


@pytest.mark.parametrize(
    ("tags", "labels"),
    [
        (["caries"], ("caries",)),
        (["crown", "caries"], ("crown", "caries")),
        (["caries", "caries"], ("caries",)),
        (["caries", ""], ("caries",)),
    ],
)
def test_tags_are_labels_in_the_order_of_the_file(tmp_path, tags, labels):
    (shape,) = read_region(tmp_path, region(tags=tags)).shapes
    assert shape.labels == labels
    assert shape.label_issue is None


@pytest.mark.parametrize("tags", [[], None, [""]])
@pytest.mark.parametrize("state", [VISITED, TAGGED])
def test_region_without_tags_is_kept_and_says_so(tmp_path, tags, state):
    image = read_one(write_asset(tmp_path, region(tags=tags), state=state))
    (shape,) = image.shapes
    assert shape.labels == ()
    assert shape.label_issue is not None
    assert shape.label_issue.code is Code.NO_LABEL
    assert image.state is ImageState.ANNOTATED


def test_coordinates_outside_the_image_are_kept(tmp_path):
    record = region("RECTANGLE", boundingBox=box(-10, -5, 150, 200))
    (shape,) = read_region(tmp_path, record).shapes
    assert bounds(shape) == (-10, -5, 140, 195)


@pytest.mark.parametrize(
    ("record", "code", "pointer"),
    [
        ("text", Code.INVALID_RECORD, ""),
        (region(None, points=points((1, 1), (5, 5))), Code.INVALID_RECORD, ""),
        (region(7), Code.INVALID_RECORD, ".type"),
        (region("CIRCLE"), Code.UNKNOWN_KIND, ".type"),
        (region(tags="caries"), Code.INVALID_RECORD, ".tags"),
        (region(tags=["caries", 3]), Code.INVALID_RECORD, ".tags[1]"),
        (region("POLYGON", points=None), Code.INVALID_RECORD, ""),
        (region("POLYGON", points=[]), Code.INVALID_COORDINATES, ".points"),
        (region("POLYGON", points=points((1, 1), (5, 5))), Code.TOO_FEW_POINTS, ".points"),
        (region("POLYGON", points=points((1, 1), (5, 5), (1, 1))), Code.TOO_FEW_POINTS, ".points"),
        (region("POLYLINE", points=points((1, 1))), Code.TOO_FEW_POINTS, ".points"),
        (region("POINT", points=[]), Code.TOO_FEW_POINTS, ".points"),
        (region(points=[*points(*TRIANGLE), {"x": 1}]), Code.INVALID_COORDINATES, ".points[3]"),
        (region(points=points((0, "1 px"))), Code.INVALID_COORDINATES, ".points[0].y"),
        (region(points=points((0, None))), Code.INVALID_COORDINATES, ".points[0].y"),
        (region(points=points(*TRIANGLE, (float("nan"), 1))), Code.INVALID_COORDINATES, ".points"),
        (region(points=points(*TRIANGLE, (1, 3e9))), Code.INVALID_COORDINATES, ".points"),
        (
            region("SQUARE", boundingBox=box(width=float("inf"))),
            Code.INVALID_COORDINATES,
            ".boundingBox",
        ),
        (region("SQUARE", boundingBox={"left": 1}), Code.INVALID_COORDINATES, ".boundingBox"),
        (
            region("SQUARE", boundingBox=box(top="3x")),
            Code.INVALID_COORDINATES,
            ".boundingBox.top",
        ),
        (region("SQUARE", boundingBox=None, points=None), Code.INVALID_RECORD, ""),
        (region("SQUARE", boundingBox=None, points=points((1, 1))), Code.TOO_FEW_POINTS, ".points"),
    ],
)
def test_a_bad_region_costs_only_itself(tmp_path, record, code, pointer):
    """The file holds a good region before and behind the bad one; three records in all."""
    image = read_one(write_asset(tmp_path, region(), record, region("SQUARE")))
    assert [shape.kind for shape in image.shapes] == ["POLYGON", "SQUARE"]
    (issue,) = [issue for issue in image.issues if issue.loses_record]
    assert issue.code is code
    assert issue.origin.pointer == f"$.regions[1]{pointer}"
    assert image.record_count == 3
    assert image.refusal is None


# States


@pytest.mark.parametrize(
    ("state", "regions", "expected"),
    [
        (TAGGED, [region()], ImageState.ANNOTATED),
        (VISITED, [region()], ImageState.ANNOTATED),
        (NOT_VISITED, [region()], ImageState.ANNOTATED),
        (TAGGED, [], ImageState.EMPTY),
        (VISITED, [], ImageState.EMPTY),
        (NOT_VISITED, [], ImageState.UNVISITED),
        (None, [], ImageState.UNVISITED),
        (TAGGED, ["damaged"], ImageState.ANNOTATED),
    ],
)
def test_state_of_an_asset_file(tmp_path, state, regions, expected):
    assert read_one(write_asset(tmp_path, *regions, state=state)).state is expected


@pytest.mark.parametrize("exported", [False, True])
@pytest.mark.parametrize(
    ("state", "expected", "code"),
    [
        (NOT_VISITED, ImageState.UNVISITED, []),
        (VISITED, ImageState.EMPTY, []),
        (TAGGED, ImageState.ANNOTATED, [Code.LOST_ANNOTATION]),
    ],
)
def test_asset_without_asset_file_or_regions(tmp_path, state, expected, code, exported):
    """Only tagged assets have a file of their own, so its absence is a loss for these alone.

    VoTT exports no regions for a tagged asset if its file could not be read.
    """
    content = export(metadata(state=state)) if exported else project(asset(state=state))
    image = read_one(write(tmp_path / "a.vott", content))
    assert image.shapes == ()
    assert image.state is expected
    assert codes(image) == code
    assert (image.refusal is not None) == bool(code)


@pytest.mark.parametrize("state", [NOT_VISITED, VISITED, TAGGED])
def test_asset_file_tells_more_than_the_state_in_the_project(tmp_path, state):
    write_asset(tmp_path, region())
    image = read_one(write(tmp_path / "a.vott", project(asset(state=state))))
    assert len(image.shapes) == 1
    assert image.state is ImageState.ANNOTATED


# Projects


def test_project_is_joined_with_its_asset_files(tmp_path):
    first = write_asset(tmp_path, region(), region("SQUARE"))
    second = write_asset(tmp_path, region(), id_=OTHER, name="molar.png")
    third = asset("cc", "third.png", state=VISITED)
    listed = project(asset(), asset(OTHER, "molar.png"), third)
    vott = write(tmp_path / "teeth.vott", listed)
    images, reader = read_all(vott)
    assert [image.image.name for image in images] == ["tooth.png", "molar.png", "third.png"]
    assert [len(image.shapes) for image in images] == [2, 1, 0]
    assert [image.origin.file for image in images] == [first, second, vott]
    assert images[2].origin.pointer == "$.assets.cc"
    assert sorted(reader.files_read) == sorted([vott, first, second])
    assert reader.issues == []


def test_folder_with_a_project_reads_every_asset_once(tmp_path):
    write_asset(tmp_path, region())
    write(tmp_path / "teeth.vott", project(asset()))
    images, reader = read_all(tmp_path)
    assert [len(image.shapes) for image in images] == [1]
    assert reader.issues == []


@pytest.mark.parametrize("in_folder", [True, False])
def test_asset_file_that_the_project_does_not_list_is_read_with_a_note(tmp_path, in_folder):
    write_asset(tmp_path, region())
    orphan = write_asset(tmp_path, region(tags=("old name",)), id_=OTHER, name="moved.png")
    vott = write(tmp_path / "teeth.vott", project(asset()))
    images, reader = read_all(tmp_path if in_folder else vott)
    assert [image.image.name for image in images] == ["tooth.png", "moved.png"]
    notes = {issue.code: issue.origin.file for issue in reader.issues}
    assert notes == {Code.ORPHAN_ASSET: orphan, Code.UNLISTED_LABEL: orphan}


def test_two_projects_in_one_folder_do_not_make_orphans_of_each_other(tmp_path):
    write_asset(tmp_path, region())
    write_asset(tmp_path, region(), id_=OTHER, name="molar.png")
    write(tmp_path / "a.vott", project(asset()))
    write(tmp_path / "b.vott", project(asset(OTHER, "molar.png")))
    images, reader = read_all(tmp_path)
    assert [image.image.name for image in images] == ["tooth.png", "molar.png"]
    assert reader.issues == []


def test_copy_of_a_project_file_is_not_read_twice(tmp_path):
    write_asset(tmp_path, region())
    for name in ("teeth.vott", "teeth-backup.vott"):
        write(tmp_path / name, project(asset(), asset(OTHER, "molar.png", state=VISITED)))
    images, reader = read_all(tmp_path)
    assert [image.image.name for image in images] == ["tooth.png", "molar.png"]
    assert codes(reader) == [Code.DUPLICATE_SOURCE]


def test_broken_asset_file_is_reported_and_its_image_refused(tmp_path):
    broken = tmp_path / f"{ID}-asset.json"
    broken.write_text('{"asset": {"id"')
    write_asset(tmp_path, region(), id_=OTHER, name="molar.png")
    listed = project(asset(), asset(OTHER, "molar.png"))
    (lost, good), reader = read_all(write(tmp_path / "a.vott", listed))
    assert lost.image.name == "tooth.png"
    assert codes(lost) == [Code.LOST_ANNOTATION]
    assert good.refusal is None
    assert [(issue.code, issue.origin.file) for issue in reader.issues] == [
        (Code.UNREADABLE_FILE, broken)
    ]


@pytest.mark.parametrize(
    ("keys", "pointer"),
    [
        ({"state": 3}, "$.assets.0a1b2c3d4e5f60718293a4b5c6d7e8f9.state"),
        ({"type": "image"}, "$.assets.0a1b2c3d4e5f60718293a4b5c6d7e8f9.type"),
        ({"name": ["tooth.png"]}, "$.assets.0a1b2c3d4e5f60718293a4b5c6d7e8f9.name"),
    ],
)
def test_malformed_entry_of_a_project_is_refused_alone(tmp_path, keys, pointer):
    listed = project(asset(state=VISITED) | keys, asset(OTHER, "molar.png", state=VISITED))
    bad, good = read_all(write(tmp_path / "a.vott", listed))[0]
    assert codes(bad) == [Code.INVALID_IMAGE_RECORD]
    assert bad.origin.pointer == pointer
    assert good.refusal is None
    assert good.state is ImageState.EMPTY


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        (metadata(region()) | {"regions": {}}, "$.regions"),
        ({"asset": asset()}, "$"),
        (metadata(region()) | {"asset": "tooth"}, "$.asset"),
        (metadata(type=9), "$.asset.type"),
    ],
)
def test_malformed_asset_file_is_an_image_refused(tmp_path, content, pointer):
    image = read_one(write(tmp_path / f"{ID}-asset.json", content))
    assert image.refusal is not None
    assert image.refusal.code is Code.INVALID_IMAGE_RECORD
    assert image.refusal.origin.pointer == pointer
    assert image.shapes == ()


@pytest.mark.parametrize(
    ("keys", "pointer"),
    [
        ({"assets": 3}, "$.assets"),
        ({"assets": "abc"}, "$.assets"),
        ({"tags": {"caries": 1}}, "$.tags"),
        ({"tags": [{"color": "#fff"}]}, "$.tags[0]"),
    ],
)
def test_malformed_top_level_refuses_the_file(tmp_path, keys, pointer):
    images, reader = read_all(write(tmp_path / "a.vott", project(asset()) | keys))
    assert images == []
    (issue,) = reader.issues
    assert issue.code is Code.INVALID_FILE
    assert issue.origin.pointer == pointer


@pytest.mark.parametrize("assets", [None, {}, []])
def test_project_without_assets_holds_no_images(tmp_path, assets):
    images, reader = read_all(write(tmp_path / "a.vott", project() | {"assets": assets}))
    assert images == []
    assert reader.issues == []


def test_lists_of_assets_are_read_like_objects(tmp_path):
    write_asset(tmp_path, region())
    listed = project() | {"assets": [asset(), asset(OTHER, "molar.png", state=VISITED)]}
    first, second = read_all(write(tmp_path / "a.vott", listed))[0]
    assert len(first.shapes) == 1
    assert second.origin.pointer == "$.assets[1]"


def test_encrypted_connections_and_missing_security_token_do_not_matter(tmp_path):
    listed = project(asset(state=VISITED))
    del listed["securityToken"]
    image = read_one(write(tmp_path / "a.vott", listed))
    assert image.state is ImageState.EMPTY
    assert "c2VjcmV0" not in repr(image.issues)


def test_id_never_leads_out_of_the_folder(tmp_path):
    """An id is a part of a file name; one with a path in it must find nothing elsewhere."""
    write_asset(tmp_path, region())
    vott = write(tmp_path / "project" / "a.vott", project(asset(f"../{ID}")))
    assert codes(read_one(vott)) == [Code.LOST_ANNOTATION]


def test_size_and_name_are_joined_from_project_and_asset_file(tmp_path):
    write_asset(tmp_path, region(), size=None, name=None)
    image = read_one(write(tmp_path / "a.vott", project(asset(size={"width": 9, "height": 8}))))
    assert image.image.size == Size(9, 8)
    assert image.image.name == "tooth.png"


# Tags of the project


def test_tags_outside_the_list_are_noted_once_each(tmp_path):
    write_asset(tmp_path, region(tags=("old", "caries")), region(tags=("old", "older")))
    write_asset(tmp_path, region(tags=("old",)), id_=OTHER, name="molar.png")
    listed = project(asset(), asset(OTHER, "molar.png"))
    images, reader = read_all(write(tmp_path / "a.vott", listed))
    assert codes(reader) == [Code.UNLISTED_LABEL, Code.UNLISTED_LABEL]
    assert ["'old'" in reader.issues[0].message, "'older'" in reader.issues[1].message] == [
        True
    ] * 2
    assert images[0].shapes[0].labels == ("old", "caries")
    assert images[0].shapes[0].origin == reader.issues[0].origin


@pytest.mark.parametrize("tags", [[], None])
def test_project_without_a_list_of_tags_has_nothing_to_compare(tmp_path, tags):
    write_asset(tmp_path, region())
    _, reader = read_all(write(tmp_path / "a.vott", project(asset()) | {"tags": tags}))
    assert reader.issues == []


# Exports


def test_json_export_alone_is_read_fully(tmp_path):
    entries = (metadata(region(tags=("odd",))), metadata(region(), id_=OTHER, name="molar.png"))
    path = write(tmp_path / "vott-json-export" / "teeth-export.json", export(*entries))
    (first, second), reader = read_all(path)
    assert first.origin.pointer == f"$.assets.{ID}"
    assert first.shapes[0].origin.pointer == f"$.assets.{ID}.regions[0]"
    assert second.image.name == "molar.png"
    assert codes(reader) == [Code.UNLISTED_LABEL]


def test_a_target_folder_as_vott_leaves_it_is_read_without_a_word(tmp_path):
    """The project, its asset files, and both exports, which say the same."""
    drawn = region("RECTANGLE", ("caries", "crown"), boundingBox=box(1.25, 2, 30, 20))
    empty = asset(OTHER, "molar.png", state=VISITED)
    write_asset(tmp_path, drawn)
    write(tmp_path / "teeth.vott", project(asset(), empty))
    entries = (metadata(drawn), {"asset": empty, "regions": [], "version": "2.2.0"})
    write(tmp_path / "vott-json-export" / "teeth-export.json", export(*entries))
    rows = [f'"tooth.png",1.25,2,31.25,22,"{tag}"' for tag in ("caries", "crown")]
    table = tmp_path / "vott-csv-export" / "teeth-export.csv"
    table.parent.mkdir()
    table.write_text("\n".join(('"image","xmin","ymin","xmax","ymax","label"', *rows)))
    images, reader = read_all(tmp_path)
    assert [(one.image.name, len(one.shapes)) for one in images] == [
        ("tooth.png", 1),
        ("molar.png", 0),
    ]
    assert {one.origin.file.name for one in images} == {f"{ID}-asset.json", "teeth.vott"}
    assert reader.issues == []
    assert len(reader.files_read) == 4


@pytest.mark.parametrize("is_listed", [True, False])
@pytest.mark.parametrize(
    "exported",
    [
        metadata(region(tags=("crown",))),
        metadata(region("POLYGON", points=points((1, 1), (5, 5), (1, 5)))),
        metadata(region(), region()),
        metadata(state=VISITED),
        {"asset": asset(), "regions": "lost"},
    ],
)
def test_an_export_that_says_something_else_is_reported(tmp_path, exported, is_listed):
    """The asset files are newer: VoTT writes them with every stroke, and exports when asked."""
    write_asset(tmp_path, region())
    if is_listed:
        write(tmp_path / "teeth.vott", project(asset()))
    path = write(tmp_path / "vott-json-export" / "teeth-export.json", export(exported))
    (image,), reader = read_all(tmp_path)
    assert image.origin.file.name == f"{ID}-asset.json"
    (issue,) = reader.issues
    assert (issue.code, issue.level) == (Code.DUPLICATE_SOURCE, Level.IGNORED)
    assert issue.origin.file == path
    assert "1 of 1" in issue.message
    assert ("teeth.vott" if is_listed else f"{ID}-asset.json") in issue.message


def test_export_with_something_new_is_read_in_part(tmp_path):
    write_asset(tmp_path, region())
    write(tmp_path / "teeth.vott", project(asset()))
    new = metadata(region(), id_=OTHER, name="molar.png")
    write(tmp_path / "vott-json-export" / "teeth-export.json", export(metadata(region()), new))
    images, reader = read_all(tmp_path)
    assert [image.image.name for image in images] == ["tooth.png", "molar.png"]
    (issue,) = reader.issues
    assert (issue.code, issue.level) == (Code.DUPLICATE_SOURCE, Level.NOTE)
    assert "1 of 2" in issue.message
    assert "in the same way: 1" in issue.message


def test_export_brings_back_what_the_project_has_lost(tmp_path):
    write(tmp_path / "teeth.vott", project(asset()))
    write(tmp_path / "vott-json-export" / "teeth-export.json", export(metadata(region())))
    (lost, found), reader = read_all(tmp_path)
    assert codes(lost) == [Code.LOST_ANNOTATION]
    assert len(found.shapes) == 1
    assert reader.issues == []


def test_copies_of_a_project_by_two_people_are_both_read(tmp_path):
    """Ids are made of the path of the image, so both people's assets have the same."""
    write_asset(tmp_path / "ann", region())
    write(tmp_path / "ann" / "teeth.vott", project(asset()))
    own = metadata(region("POLYGON", points=points((1, 1), (5, 5), (1, 5))))
    write(tmp_path / "bob" / "vott-json-export" / "teeth-export.json", export(own))
    images, reader = read_all(tmp_path)
    assert [image.folder for image in images] == ["ann", "bob/vott-json-export"]
    assert reader.issues == []


@pytest.mark.parametrize("place", ["out.json", "z/exports/out.json", "z/out.csv", "out.csv"])
def test_an_export_is_the_same_source_wherever_it_lies(tmp_path, place):
    drawn = region("RECTANGLE", boundingBox=box(1.25, 2, 30, 20))
    write_asset(tmp_path / "target", drawn)
    write(tmp_path / "target" / "teeth.vott", project(asset()))
    copy = tmp_path / place
    if copy.suffix == ".json":
        write(copy, export(metadata(drawn)))
    else:
        copy.parent.mkdir(exist_ok=True)
        copy.write_text("image,xmin,ymin,xmax,ymax,label\ntooth.png,1.25,2,31.25,22,caries\n")
    (image,), reader = read_all(tmp_path)
    assert bounds(image.shapes[0]) == (1.25, 2, 31.25, 22)
    assert codes(reader) == [Code.DUPLICATE_SOURCE]


def test_projects_of_two_people_are_both_read_even_if_alike(tmp_path):
    for name in ("ann", "bob"):
        write_asset(tmp_path / name, region())
        write(tmp_path / name / "teeth.vott", project(asset()))
    images, reader = read_all(tmp_path)
    assert [image.folder for image in images] == ["ann", "bob"]
    assert reader.issues == []


def test_malformed_entry_of_an_export_is_refused_alone(tmp_path):
    whole = export(metadata(region()))
    whole["assets"] = {"bad key!": {"asset": asset(OTHER, "molar.png")}} | whole["assets"]
    bad, good = read_all(write(tmp_path / "a.json", whole))[0]
    assert bad.image.name == "molar.png"
    assert bad.origin.pointer == "$.assets['bad key!']"
    assert codes(bad) == [Code.INVALID_IMAGE_RECORD]
    assert len(good.shapes) == 1
