"""Reading VoTT's CSV export: one line per box and tag, without sizes and without polygons."""

from __future__ import annotations

from pathlib import Path

import pytest
from vott_documents import (
    asset,
    bounds,
    codes,
    export,
    image_file,
    metadata,
    project,
    read_all,
    read_one,
    region,
    vertices,
    write,
    write_asset,
)

from maskforge.errors import FormatError
from maskforge.formats.detection import detect
from maskforge.issues import Code, Level
from maskforge.shapes import ImageState, Size

HEADER = '"image","xmin","ymin","xmax","ymax","label"'
FOLDER = "vott-csv-export"


def table(folder: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path = folder / FOLDER / "teeth-export.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((header, *rows)), encoding=encoding)
    return path


def test_recognized_by_its_columns(tmp_path):
    detection = detect(table(tmp_path, '"a.png",1,2,3,4,"caries"'))
    assert (detection.format, detection.variant) == ("vott", "csv-export")


@pytest.mark.parametrize(
    ("header", "rows", "missing"),
    [(HEADER, [], "no rows"), ("image,x,y,label", ["a.png,1,2,b"], "`xmin`, `ymin`")],
)
def test_other_tables_are_told_what_is_missing(tmp_path, header, rows, missing):
    with pytest.raises(FormatError, match=missing):
        detect(table(tmp_path, *rows, header=header))


def test_rows_become_boxes_of_their_images(tmp_path):
    image_file(tmp_path / FOLDER / "9k_%20(1).png", (60, 50))
    image_file(tmp_path / FOLDER / "b.png", (30, 20))
    path = table(
        tmp_path,
        '"9k_%20(1).png",2.5,3,12.25,9.75,"caries"',
        '"b.png",0,0,30,20,"crown"',
        '"9k_%20(1).png",-4,3,70,9,"crown"',
    )
    (first, second), reader = read_all(path)
    assert first.image.name == "9k_ (1).png"
    assert first.image.size == Size(60, 50)
    assert first.origin.pointer == "line 2"
    assert [bounds(shape) for shape in first.shapes] == [(2.5, 3, 12.25, 9.75), (-4, 3, 70, 9)]
    assert [shape.origin.pointer for shape in first.shapes] == ["line 2", "line 4"]
    assert [shape.labels for shape in first.shapes] == [("caries",), ("crown",)]
    assert len(vertices(first.shapes[0])) == 4
    assert second.state is ImageState.ANNOTATED
    assert [(issue.code, issue.level) for issue in reader.issues] == [
        (Code.LOSSY_SOURCE, Level.NOTE)
    ]


def test_rows_with_the_same_box_are_one_region_with_several_tags(tmp_path):
    path = table(
        tmp_path,
        '"a.png",1,2,3,4,"caries"',
        '"a.png",1,2,3,5,"caries"',
        '"a.png",1.0,2,3.0,4,"crown"',
        '"b.png",1,2,3,4,"filling"',
    )
    first, second = read_all(path)[0]
    assert [shape.labels for shape in first.shapes] == [("caries", "crown"), ("caries",)]
    assert [shape.labels for shape in second.shapes] == [("filling",)]


def test_repeated_row_is_counted(tmp_path):
    image = read_one(table(tmp_path, '"a.png",1,2,3,4,"caries"', '"a.png",1,2,3,4,"caries"'))
    assert len(image.shapes) == 1
    (issue,) = [issue for issue in image.issues if issue.loses_record]
    assert (issue.code, issue.origin.pointer) == (Code.NOT_A_SHAPE, "line 3")
    assert "line 2" in issue.message


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ('"a.png",x,2,3,4,"caries"', Code.INVALID_COORDINATES),
        ('"a.png",,2,3,4,"caries"', Code.INVALID_COORDINATES),
        ('"a.png",1,nan,3,4,"caries"', Code.INVALID_COORDINATES),
        ('"a.png",1,2,inf,4,"caries"', Code.INVALID_COORDINATES),
        ('"a.png",1,2,3,9e9,"caries"', Code.INVALID_COORDINATES),
        ('"a.png",1,2', Code.INVALID_COORDINATES),
        ('"a.png",1,2,3,4,"caries","more"', Code.INVALID_RECORD),
    ],
)
def test_a_bad_row_costs_only_itself(tmp_path, row, code):
    good = '"a.png",1,2,3,4,"caries"'
    image = read_one(table(tmp_path, good, row, good.replace("4", "5")))
    assert len(image.shapes) == 2
    (issue,) = [issue for issue in image.issues if issue.loses_record]
    assert issue.code is code
    assert issue.origin.pointer == "line 3"


@pytest.mark.parametrize("row", ['"a.png",1,2,3,4,""', '"a.png",1,2,3,4'])
def test_row_without_label_is_kept_and_says_so(tmp_path, row):
    (shape,) = read_one(table(tmp_path, row)).shapes
    assert shape.labels == ()
    assert shape.label_issue is not None


def test_later_row_gives_a_region_its_label(tmp_path):
    (shape,) = read_one(table(tmp_path, '"a.png",1,2,3,4,""', '"a.png",1,2,3,4,"caries"')).shapes
    assert shape.labels == ("caries",)
    assert shape.label_issue is None


def test_row_without_image_is_refused_alone(tmp_path):
    bad, good = read_all(table(tmp_path, '"",1,2,3,4,"caries"', '"a.png",1,2,3,4,"caries"'))[0]
    assert bad.refusal is not None
    assert bad.refusal.code is Code.INVALID_IMAGE_RECORD
    assert bad.refusal.origin.pointer == "line 2"
    assert bad.record_count == 1
    assert good.image.name == "a.png"


def test_further_columns_and_byte_order_mark(tmp_path):
    path = table(
        tmp_path,
        "caries,a.png,1,2,3,4,0.5",
        header="label,image,xmin,ymin,xmax,ymax,note",
        encoding="utf-8-sig",
    )
    (shape,) = read_one(path).shapes
    assert shape.labels == ("caries",)
    assert shape.extra == {"note": "0.5"}


def test_image_without_size_is_refused_unless_it_is_found(tmp_path):
    """The table holds no sizes."""
    path = table(tmp_path, '"a.png",1,2,3,4,"caries"')
    assert codes(read_one(path)) == [Code.SIZE_UNKNOWN]
    expected = image_file(tmp_path / "a.png", (30, 20))
    image = read_one(path, images=tmp_path)
    assert image.image.file == expected
    assert image.image.size == Size(30, 20)


def test_two_spellings_of_a_name_are_both_read(tmp_path):
    path = table(tmp_path, '"a%20b.png",1,2,3,4,"caries"', '"a b.png",1,2,3,4,"caries"')
    images, _ = read_all(path)
    assert [len(image.shapes) for image in images] == [1, 1]


# Beside better sources


def test_csv_beside_its_project_is_not_read_again(tmp_path):
    write_asset(tmp_path, region(), name="a%20b.png")
    write(tmp_path / "teeth.vott", project(asset(name="a%20b.png")))
    path = table(tmp_path, '"a%20b.png",1,2,3,4,"caries"')
    images, reader = read_all(tmp_path)
    assert [len(vertices(shape)) for image in images for shape in image.shapes] == [3]
    (issue,) = reader.issues
    assert (issue.code, issue.origin.file) == (Code.DUPLICATE_SOURCE, path)
    assert "1 of 1" in issue.message


def test_csv_is_not_read_before_the_json_export_that_holds_the_polygons(tmp_path):
    """The folder of the CSV export comes first in the alphabet."""
    write(tmp_path / "vott-json-export" / "teeth-export.json", export(metadata(region())))
    path = table(tmp_path, '"tooth.png",1,2,3,4,"caries"', '"new.png",1,2,3,4,"caries"')
    images, reader = read_all(tmp_path)
    assert sorted(image.image.name for image in images) == ["new.png", "tooth.png"]
    (tooth,) = [image for image in images if image.image.name == "tooth.png"]
    assert [len(vertices(shape)) for shape in tooth.shapes] == [3]
    assert {issue.code: issue.origin.file for issue in reader.issues} == {
        Code.DUPLICATE_SOURCE: path,
        Code.LOSSY_SOURCE: path,
    }


def test_csv_named_alone_is_read_whatever_lies_beside_it(tmp_path):
    write_asset(tmp_path, region())
    write(tmp_path / "teeth.vott", project(asset()))
    write(tmp_path / "vott-json-export" / "teeth-export.json", export(metadata(region())))
    image = read_one(table(tmp_path, '"tooth.png",1,2,3,4,"caries"'))
    assert [bounds(shape) for shape in image.shapes] == [(1, 2, 3, 4)]
