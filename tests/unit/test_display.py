"""What notebooks show of results: short texts, tables that are safe, images with their masks."""

from __future__ import annotations

import io
from dataclasses import replace
from xml.etree import ElementTree

import builders
import msgspec
import numpy as np
import pytest
from PIL import Image

import maskforge as mf
from maskforge.dataset.conversion_report import ClassCount
from maskforge.dataset.issue_record import IssueRecord
from maskforge.display.table import Swatch, Table, as_html
from maskforge.training.run_folder import Scores

EVIL = "<script>alert('&')</script>"


def cells(html: str) -> list[list[list[str]]]:
    """Return the text of every cell of every table; fails if the HTML is malformed."""
    tables = ElementTree.fromstring(f"<div>{html}</div>").iter("table")
    return [
        [["".join(cell.itertext()) for cell in row] for row in one.iter("tr")] for one in tables
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two images of 8 x 6 pixels, the second missing; the label of every shape is a tag."""
    folder = tmp_path_factory.mktemp("display")
    pixels = np.random.default_rng(0).integers(1, 256, (6, 8, 3), dtype=np.uint8)
    (folder / "in").mkdir()
    Image.fromarray(pixels).save(folder / "in" / "a.png")
    builders.labelme(folder / "in" / "a.json", builders.square(EVIL, 2, 1, 6, 5))
    builders.labelme(folder / "in" / "b.json", builders.square(EVIL, 2, 1, 6, 5))
    mf.convert(folder / "in", folder / "masks")
    return folder


def reports(folder):
    yield mf.convert(folder / "in", folder / "again", mf.ConvertOptions(dry_run=True))
    yield mf.inspect(folder / "in")
    yield mf.preview(folder / "masks", folder / "seen", overwrite=True)
    yield mf.evaluate(folder / "masks", folder / "masks")
    yield mf.open_dataset(folder / "masks")
    yield mf.open_examples(folder / "masks")
    yield mf.open_dataset(folder / "masks").classes
    yield mf.PredictionReport(
        out="out",
        model="model",
        runtime="keras",
        precision="float32",
        classes=[ClassCount(1, EVIL)],
        problems=[IssueRecord(code="x", level="refused", file=EVIL, pointer="", message="why")],
    )
    yield mf.RunRecord(name=EVIL, validation=Scores(class_dice={EVIL: 0.5}), warnings=[EVIL])


def test_no_text_becomes_html(folder):
    for report in reports(folder):
        html = report._repr_html_()
        assert "<script" not in html
        assert "&lt;script&gt;" in html or type(report).__name__ == "PreviewReport"
        assert all(len(row) == len(table[0]) for table in cells(html) for row in table)


def test_a_report_shows_what_the_command_prints(folder, monkeypatch):
    monkeypatch.chdir(folder)  # so that places are short enough for a line of the terminal
    report = mf.inspect("in")
    printed = builders.run("inspect", "in").stdout
    for table in cells(report._repr_html_()):
        for row in table:
            assert all(word in printed for cell in row for word in cell.split()), row


def test_cells_are_aligned_colored_and_cut():
    html = as_html([Table("T", ("n", "c"), [(1234, Swatch(255, 0, 16))] * 61 + [(1, "x" * 999)])])
    assert '<td style="text-align: right">1,234</td>' in html
    assert "background: #ff0010" in html
    assert len(cells(html)[0]) == 61  # with the head
    assert "and 2 more" in html
    assert len(cells(as_html([Table("T", ("c",), [("x" * 999,)])]))[0][1][0]) == 203
    assert as_html([Table("T", ("n",), [])]) == ""


def decoded(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_masks_are_shown_over_their_image(folder):
    """The image is (H, W) = (6, 8), shown 112 times as large; the shape has x 2..6, y 1..5."""
    dataset = mf.open_dataset(folder / "masks")
    with_image, without = sorted(dataset, key=lambda item: item.image_path is None)
    image = np.asarray(Image.open(with_image.image_path).convert("RGB"))
    red = dataset.classes.colors[1]
    for item in (with_image, mf.open_examples(dataset).examples[0]):
        shown = decoded(item._repr_png_())
        assert shown.shape == (6 * 112, 8 * 112, 3)
        assert (shown[0, 0] == image[0, 0]).all()
        assert tuple(shown[1 * 112, 2 * 112]) == red
        assert (
            shown[3 * 112, 4 * 112] == (image[3, 4] * 0.65 + np.array(red) * 0.35).astype(int)
        ).all()
    shown = decoded(without._repr_png_())
    assert (shown[0, 0] == 0).all()
    assert tuple(shown[1 * 112, 2 * 112]) == red


def test_shapes_are_shown_over_their_image(folder):
    with_image, without = mf.read(folder / "in")
    image = np.asarray(Image.open(with_image.image.file).convert("RGB"))
    shown, black = decoded(with_image._repr_png_()), decoded(without._repr_png_())
    assert shown.shape == black.shape == (675, 900, 3)  # 8 x 6 px, 112.5 times as large
    red = mf.open_dataset(folder / "masks").classes.colors[1]
    for one in (shown, black):
        assert tuple(one[300, 225]) == tuple(one[112, 450]) == red
    assert (shown[5, 5] == image[0, 0]).all()
    assert (black[300, 450] == 0).all()
    nowhere = replace(with_image, image=replace(with_image.image, size=None))
    assert nowhere._repr_png_() is None


def test_every_kind_of_shape_is_shown():
    def drawn(geometry):
        shape = mf.Shape((), geometry, "kind", mf.Origin("x.json"))
        reference = mf.ImageReference("a.png", None, mf.Size(90, 60))
        image = mf.AnnotatedImage(reference, (shape,), mf.ImageState.ANNOTATED, "x", shape.origin)
        return decoded(image._repr_png_()).any(axis=2)

    corners = np.array([(10.0, 10), (30, 10), (30, 20), (10, 20)])
    hole = np.array([(15.0, 12), (20, 12), (20, 16)])
    closed = drawn(mf.Area((mf.Polygon(corners, (hole,)),)))
    assert closed[150, 100]  # the edge from the last point to the first
    assert closed[120, 170]  # the hole's
    assert not drawn(mf.Polyline(corners))[150, 100]
    points = drawn(mf.PointSet(corners))
    assert points[97:104, 97:104].any()
    assert not points[97:104, 150:250].any()
    bitmap = drawn(mf.Bitmap(10, 20, np.ones((5, 6), bool)))
    assert np.argwhere(bitmap).min(axis=0).tolist() == [100, 200]
    assert np.argwhere(bitmap).max(axis=0).tolist() == [150, 260]
    assert not bitmap[125, 230]


def test_what_cannot_be_shown_is_left_to_its_text(folder, tmp_path):
    item = next(iter(mf.open_dataset(folder / "masks")))
    example = mf.open_examples(folder / "masks").examples[0]
    assert replace(item, folder=tmp_path)._repr_png_() is None
    assert replace(example, mask=tmp_path / "nowhere.png")._repr_png_() is None


def test_large_things_have_short_texts(folder):
    image = next(iter(mf.read(folder / "in")))
    dataset, examples = mf.open_dataset(folder / "masks"), mf.open_examples(folder / "masks")
    names = tuple(map(str, range(10_000)))
    points = np.zeros((10_000, 2))
    evaluation = mf.evaluate(folder / "masks", folder / "masks")
    many = [mf.MaskClass(id_, str(id_), (0, 0, 0), ()) for id_ in range(300, 1300)]
    classes = mf.ClassMap(tuple(many))
    conversion, inspection = list(reports(folder))[:2]
    for one in (
        replace(image, shapes=image.shapes * 10_000),
        image.shapes[0],
        mf.Area((mf.Polygon(points),) * 10_000),
        mf.Polygon(points, (points,) * 10_000),
        mf.PointSet(points),
        mf.Polyline(points),
        mf.Bitmap(0, 0, np.zeros((5000, 5000), bool)),
        mf.draw(image, dataset.classes),
        classes,
        replace(dataset, entries=dataset.entries * 10_000, classes=classes),
        msgspec.structs.replace(dataset.entries[0], pixels=dict.fromkeys(names, 1)),
        next(iter(dataset)),
        replace(examples, examples=examples.examples * 10_000),
        replace(examples.examples[0], columns=dict.fromkeys(names, "")),
        mf.Split(names, names),
        msgspec.structs.replace(conversion, issues=conversion.issues * 10_000),
        msgspec.structs.replace(inspection, kinds={name: {} for name in names}),
        msgspec.structs.replace(evaluation, rows=evaluation.rows * 10_000),
        mf.RunRecord(name="x", classes=list(names), warnings=list(names)),
        mf.Prediction(np.zeros((999, 999), np.uint8), np.zeros((999, 999), np.uint8), None),
    ):
        text = repr(one)
        assert text.startswith(f"{type(one).__name__}(")
        assert len(text) < 800, text


def test_a_text_counts_what_it_does_not_list():
    assert (
        repr(mf.Split(("a",), tuple("abcdefghijk"))) == "Split(train=('a',), validation=<11 str>)"
    )
    bitmap = mf.Bitmap(1, 2, np.ones((2, 3), bool))
    assert repr(bitmap) == "Bitmap(row=1, column=2, pixels=<bool (2, 3)>)"
    classes = mf.ClassMap((mf.MaskClass(1, "caries", (1, 2, 3), ()),))
    assert repr(classes) == "ClassMap(background=0, caries=1)"
