"""The report as one page for people: nothing is loaded, all is escaped, and it stays small."""

from __future__ import annotations

import base64
import io
import re
import sys
from hashlib import sha256
from html.parser import HTMLParser

import msgspec
import numpy as np
import pytest
from builders import grid, run
from PIL import Image

import maskforge as mf
from maskforge.display.page import Figure, Items, Panels, Section, as_page, as_section
from maskforge.display.table import Swatch, Table
from maskforge.errors import OptionError, OutputError, OutputExistsError
from maskforge.evaluation import evaluate as evaluate_module
from maskforge.evaluation.measures.catalog import MEASURES
from maskforge.evaluation.measures.regions import Planes, compose
from maskforge.evaluation.report.panels import MOST_CASES, choose_cases, draw_panels
from maskforge.evaluation.report.records import ImageRow
from maskforge.evaluation.report.report_page import report_page, sections
from maskforge.evaluation.report.worst import FOUND, INVENTED, MISSED, Case
from maskforge.images.thumbnail import fitted, thumbnail
from maskforge.masks.maskfile import write_mask

EVIL = "<script>alert('&')</script>"
PLAIN = {"charts": False, "worst": 0}
LARGEST = 10_000_000
VOID_TAGS = {"meta", "img", "br", "hr", "input", "link"}


class Page(HTMLParser):
    """What a page holds; fails if tags are not closed in their order."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self.feed(content)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID_TAGS:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attributes):
        assert tag in VOID_TAGS
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]

    def table(self, *columns: str) -> list[list[str]]:
        """Return the rows below the head with these columns."""
        (rows,) = [rows[1:] for rows in self.tables if rows[0] == list(columns)]
        return rows


def masks(folder, **arrays):
    for name, array in arrays.items():
        write_mask(folder / f"{name}.png", np.asarray(array, np.uint8))
    return folder


def both_folders(folder):
    """Of class 1: two lesions of 4 and 1 pixels, the large one found but for a corner, 2 invented;
    of class 2: one lesion, half of it found; on c there is nothing."""
    a = grid("11..22", "11..22", "......", ".....1")
    b = grid("11...2", "1....2", "......", "......")
    other, invented = grid("......", "......"), grid("......", ".11...")
    masks(folder / "truth", a=a, b=other, c=other)
    masks(folder / "predicted", a=b, b=invented, c=other)
    return folder / "predicted", folder / "truth"


@pytest.fixture
def folders(tmp_path):
    return both_folders(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A report with all that it can have but calibration, and its page."""
    folder = tmp_path_factory.mktemp("whole")
    page = folder / "report.html"
    return mf.evaluate(*both_folders(folder), html=page, bootstrap=30), page.read_text("utf-8")


def written(path) -> Page:
    return Page(path.read_text("utf-8"))


def test_the_page_is_whole_and_loads_nothing(whole):
    report, content = whole
    page = Page(content)
    assert content.startswith("<!DOCTYPE html>\n<html lang=")
    assert not {"script", "link", "iframe", "object", "form", "base"} & {
        name for name, _ in page.tags
    }
    assert "://" not in content
    assert "url(" not in content
    assert "@import" not in content
    for _, attributes in page.tags:
        assert attributes.get("src", "data:image/").startswith("data:image/")
        assert attributes.get("href", "#").startswith("#")
        assert not [name for name in attributes if name.startswith("on")]
    for image in page.all("img"):
        kind, data = image["src"].removeprefix("data:image/").split(";base64,")
        with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as opened:
            assert opened.format == kind.upper()
    folder = report.truth.removesuffix("truth")
    assert folder not in content.replace(report.truth, "").replace(report.prediction, "")


def test_everybody_can_find_their_way(whole):
    page = Page(whole[1])
    names = [name for name, _ in page.tags]
    for once in ("h1", "header", "nav", "main", "footer", "title"):
        assert names.count(once) == 1, once
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    links = [one["href"] for one in page.all("a")]
    assert links == [f"#{one['id']}" for one in page.all("section")]
    assert all(one["aria-labelledby"] in ids for one in page.all("section"))
    assert all(one["scope"] in ("col", "row") for one in page.all("th"))
    assert all(one["alt"].strip() for one in page.all("img"))
    assert {"charset": "utf-8"} in page.all("meta")
    assert names.count("caption") == names.count("table") > 5


def test_the_words_say_what_the_numbers_are(folders, tmp_path):
    mf.evaluate(*folders, html=tmp_path / "report.html", bootstrap=0, **PLAIN)
    text = written(tmp_path / "report.html").text
    for sentence in (
        # Counted by hand: TP 3, FP 2, FN 2 for class 1; TP 2, FP 0, FN 2 for class 2.
        "The prediction found 1 of 2 lesions, which is 50.0%, and missed 1.",
        "It marks 1 place where the truth has nothing, which is 0.33 per image.",
        "Dice is 0.60.",
        "The prediction covers 60.0% of the area in the truth, and 60.0% of the area that it marks",
        "It marks something in 1 of 1 image with this class and in 1 of 2 images without it.",
        "The prediction found 1 of 1 lesion, which is 100.0%, and missed none.",
        "It marks no place where the truth has nothing.",
        "Dice is 0.67.",
        "It marks something in 1 of 1 image with this class and in none of 2 images without it.",
        "Only 3 images could be compared",
        "There are no intervals, so nobody can tell how far to trust the numbers.",
        "class 1, class 2: there are fewer than 20 lesions in the truth",
        "It is found if the prediction overlaps it at all.",
    ):
        assert sentence in text, sentence
    mf.evaluate(*folders, html=tmp_path / "report.html", bootstrap=0, match_iou=0.9, overwrite=True)
    text = written(tmp_path / "report.html").text
    assert "The prediction found 0 of 2 lesions, which is 0.0%, and missed 2." in text
    assert "overlaps it with an IoU of at least 0.9." in text


def test_warnings_tell_what_is_missing(tmp_path):
    full, none = grid("11", ".."), grid("..", "..")
    masks(tmp_path / "truth", a=full, b=full, c=full, d=grid("22", ".."))
    masks(tmp_path / "predicted", a=full, b=none, c=full)
    write_mask(tmp_path / "predicted" / "c.png", np.zeros((5, 5), np.uint8))
    report = mf.evaluate(
        tmp_path / "predicted",
        tmp_path / "truth",
        html=tmp_path / "report.html",
        bootstrap=200,
        **PLAIN,
    )
    assert report.exit_code == 1
    page = written(tmp_path / "report.html")
    for sentence in (
        "1 image could not be compared, and no number here counts them",
        "The truth has 1 mask without a prediction",
        "class 1: no image is without it",
        "class 1: the interval of Dice is wide",
        "class 2: there are no lesions in the truth",
    ):
        assert sentence in page.text, sentence
    rows = page.table("image", "why")
    assert rows[0] == ["d", "the prediction is missing"]
    assert "5 x 5 px" in rows[1][1]
    low, high = report.classes[0].intervals["dice"]
    assert f"(95 % interval {low:.2f} to {high:.2f})" in page.text


def test_every_score_stands_there_with_its_interval(folders, tmp_path):
    report = mf.evaluate(*folders, html=tmp_path / "report.html", bootstrap=40, **PLAIN)
    page = written(tmp_path / "report.html")
    expected = []
    for one in report.classes[:-1]:
        for measure in MEASURES:
            section = getattr(one, measure.section) if measure.section else one
            limits = one.intervals[measure.name]
            ends = "" if limits is None else " to ".join(map(measure.text, limits))
            value = measure.text(getattr(section, measure.keys[0]))
            expected.append([one.name, measure.title, value, ends])
    assert page.table("class", "score", "value", "95 % interval") == expected
    rows = page.table("image", "Dice", "lesions missed", "invented")
    assert [row[0] for row in rows] == [row.name for row in report.rows]
    numbers = page.table("truth", *report.confusion.names)
    assert [[int(cell.replace(",", "")) for cell in row[1:]] for row in numbers] == [
        list(row) for row in report.confusion.pixels
    ]
    origin = dict(page.table("what", "value"))
    assert origin["SHA-256 of the data"] == report.data_digest
    assert origin["maskforge"] == mf.__version__ == report.versions["maskforge"]
    assert origin["date"] == report.created
    options = dict(page.table("option", "value"))
    assert (options["bootstrap"], options["tolerance"]) == ("40", "2.0")


def test_notebooks_show_the_same(whole):
    report, page = whole
    shown = report._repr_html_()
    for part in (r"(?s)<table>.*?</table>", r"<li>[^<]*</li>", r'<img alt="Conf[^>]*>'):
        found = re.findall(part, shown)
        assert found, part
        assert all(one in page for one in found), part
    assert Page(shown).tables == Page(page).tables
    assert shown.count("<h2") == len(sections(report, "no charts"))


def test_hostile_names_are_shown_as_they_are(tmp_path):
    name, classes = f"{EVIL.replace('/', '-')}", (EVIL, r"$\frac{$", "_hidden", "a\u202eb")
    mask = np.arange(5, dtype=np.uint8).repeat(4)[None].repeat(4, axis=0)
    masks(tmp_path / "truth", **{name: mask})
    masks(tmp_path / "predicted", **{name: mask[::-1, ::-1]})
    map_ = mf.ClassMap(
        tuple(mf.MaskClass(id_, one, (id_, 0, 0), ()) for id_, one in enumerate(classes, 1))
    )
    out = tmp_path / "report.html"
    mf.evaluate(tmp_path / "predicted", tmp_path / "truth", html=out, classes=map_, bootstrap=0)
    content = out.read_text("utf-8")
    page = Page(content)
    assert "<script" not in content
    assert "\u202e" not in content
    assert {EVIL, r"$\frac{$", "_hidden", r"a\u202eb"} <= set(page.text.split("\n")) | {
        row[0] for table in page.tables for row in table
    }
    assert [one["alt"] for one in page.all("img") if name in one["alt"]] == [
        f"{name}: {what}" for what in ("image", "truth", "prediction", "difference")
    ]


def test_without_matplotlib_the_page_says_what_is_missing(whole, folders, tmp_path, monkeypatch):
    report, page = whole
    assert "Confusion matrix." in page
    mf.evaluate(*folders, html=tmp_path / "none.html", bootstrap=0, **PLAIN)
    assert "The curves were left out." in written(tmp_path / "none.html").text
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    mf.evaluate(*folders, html=tmp_path / "without.html", bootstrap=0, worst=0)
    text = written(tmp_path / "without.html").text
    assert "There are no curves: charts need matplotlib" in text
    assert "Confusion matrix." not in text
    assert "need matplotlib" in report._repr_html_()


def test_a_file_is_not_replaced_unless_that_was_asked_for(folders, tmp_path, monkeypatch):
    page = tmp_path / "report.html"
    page.write_text("mine")
    (tmp_path / "folder.html").mkdir()
    monkeypatch.setattr(evaluate_module, "open_comparison", None)  # refused before any work
    with pytest.raises(OutputExistsError, match="--overwrite"):
        mf.evaluate(*folders, html=page)
    with pytest.raises(OptionError, match=r"must end in \.html"):
        mf.evaluate(*folders, html=tmp_path / "report.pdf")
    with pytest.raises(OutputError, match="is a folder"):
        mf.evaluate(*folders, html=tmp_path / "folder.html", overwrite=True)
    with pytest.raises(OutputError, match="is a file, not a folder"):
        mf.evaluate(*folders, html=page / "report.html")
    assert page.read_text() == "mine"
    monkeypatch.undo()
    mf.evaluate(*folders, html=page, bootstrap=0, overwrite=True, **PLAIN)
    assert "Evaluation report" in page.read_text("utf-8")


def test_the_command_writes_page_and_folder_and_opens_every_image_once(
    folders, tmp_path, monkeypatch
):
    opened = []
    read_case = evaluate_module.read_case

    def counted(row, *rest):
        opened.append(row.name)
        return read_case(row, *rest)

    monkeypatch.setattr(evaluate_module, "read_case", counted)
    options = ("--bootstrap", "0", "--no-charts", "--worst", "1", "--out", tmp_path / "out")
    result = run("evaluate", *folders, *options, "--html", tmp_path / "out" / "report.html")
    assert result.exit_code == 0, result.output
    assert "report.html" in result.stdout.splitlines()[-1]
    assert opened == ["b", "a"]  # the worst, and the best
    assert [path.name for path in (tmp_path / "out" / "worst").iterdir()] == ["01-b.png"]
    titles = [one["alt"] for one in written(tmp_path / "out" / "report.html").all("img")]
    assert titles[::4] == ["b: image", "a: image"]
    again = ("--html", tmp_path / "out" / "report.html", "--bootstrap", "0", "--worst", "0")
    result = run("evaluate", *folders, *again)
    assert result.exit_code == 2
    assert "already exists" in result.stderr
    assert run("evaluate", *folders, *again, "--overwrite").exit_code == 0
    page = written(tmp_path / "out" / "report.html")
    assert not [one for one in page.all("img") if "image" in one["alt"]]


ROW = ImageRow(name="x", group=None, dice=0.5, missed_lesions=1, false_lesions=2, classes={})


def case(truth, predicted, image=None):
    """One image with a class, from masks of 0 and 1."""
    sides = [Planes(one[None] == 1, np.zeros(one.shape, np.bool_)) for one in (truth, predicted)]
    black = np.zeros((*truth.shape, 3), np.uint8)
    return Case(ROW, black if image is None else image, compose(*sides))


def pixels(figure):
    with Image.open(io.BytesIO(figure.content)) as opened:
        return np.asarray(opened.convert("RGB")).astype(int)


def is_near(pixel, color):
    return np.abs(np.asarray(pixel) - color).max() < 40  # JPEG


def test_four_views_of_an_image():
    """4 x 2 pixels, shown 160 times as large: found, missed, invented, and nothing."""
    drawn = draw_panels(case(grid("11..", "...."), grid("1.1.", "....")), ["caries"], 1)
    image, truth, predicted, difference = map(pixels, drawn.figures)
    assert [one.caption for one in drawn.figures] == ["image", "truth", "prediction", "difference"]
    assert image.shape == (320, 640, 3)
    assert not image.any()
    centers = [(80, x) for x in (80, 240, 400, 560)]
    assert [bool(truth[at].any()) for at in centers] == [True, True, False, False]
    assert [bool(predicted[at].any()) for at in centers] == [True, False, True, False]
    edges = [(80, x) for x in (159, 160, 320)]  # outlines have the full color
    assert all(map(is_near, [difference[at] for at in edges], (FOUND, MISSED, INVENTED)))
    legend = {word: [text for _, text in entries] for word, entries in drawn.legend.items()}
    assert legend == {
        "truth and prediction": ["caries"],
        "difference": ["found  1 px", "missed  1 px", "invented  1 px"],
    }
    assert drawn.legend["difference"][0][0] == Swatch(*FOUND)


def test_what_is_tiny_in_a_large_image_is_seen():
    truth = np.zeros((1300, 2600), np.uint8)
    truth[700, 1500] = 1
    drawn = draw_panels(case(truth, np.zeros_like(truth)), ["caries"], 1)
    shown = pixels(drawn.figures[3])
    assert shown.shape[1] <= 640
    assert shown.any()
    image = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    small, mask = fitted(image, grid(".......", ".1.....", "..2....", ".......", "......1"), 3)
    assert mask.tolist() == [[2, 0, 0], [0, 0, 1]]
    assert small.shape == (2, 3, 3)
    same, large = (fitted(image, np.eye(5, 7), side) for side in (13, 14))
    assert np.array_equal(same[0], image)
    assert large[1].sum() == 4 * 5
    assert (large[0][::2, 1::2] == image).all()


def test_worst_and_best_images_are_chosen():
    rows = [msgspec.structs.replace(ROW, name=str(one), dice=one / 100) for one in range(100)]
    rows.append(msgspec.structs.replace(ROW, name="nothing", dice=None))

    def names(worst, of=rows):
        return [[row.name for row in part] for part in choose_cases(of, worst)]

    assert names(2) == [["0", "1"], ["99", "98", "97"]]
    assert names(0) == [[], []]
    assert names(12, rows[:1]) == [["0"], []]
    assert names(12, [*rows[:2], rows[-1]]) == [["0"], ["1"]]
    assert names(12, rows[-1:]) == [[], []]
    assert [len(part) for part in choose_cases(rows, 10**6)] == [MOST_CASES - 3, 3]


def test_the_page_stays_small_whatever_it_shows(whole):
    """As many and as large images, charts and tables as it takes, of noise, with long names."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (900, 900, 3), dtype=np.uint8)
    mask = random.integers(0, 2, (900, 900), dtype=np.uint8)
    panels = draw_panels(case(mask, mask.T, noise), ["caries"], MOST_CASES)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, format="PNG")
    assert len(stream.getvalue()) > LARGEST / 5
    charts = dict.fromkeys(
        ("confusion-matrix.png", "roc.png", "free-response.png", "calibration.png"),
        stream.getvalue(),
    )
    report = whole[0]
    long = "\U0001f9b7'" * 500
    first = msgspec.structs.replace(report.classes[0], name=long)
    report = msgspec.structs.replace(
        report,
        classes=(*[first] * 500, report.classes[-1]),
        rows=tuple(msgspec.structs.replace(ROW, name=long) for _ in range(500)),
        problems=(long,) * 500,
        unpaired_truth=(long,) * 500,
        confusion=None,
    )
    page = report_page(report, charts, [panels] * (MOST_CASES - 3), [panels] * 3)
    assert len(page) < LARGEST
    shown = Page(page.decode())
    assert len(shown.all("img")) == 4 * MOST_CASES + 4
    assert "... and 300 more" in shown.text
    # None of them has become a stamp.
    assert min(pixels(one).shape[1] for one in panels.figures) >= 100


def test_an_image_is_made_to_fit():
    noise = np.random.default_rng(0).integers(0, 256, (300, 500, 3), dtype=np.uint8)
    whole, small, least = (thumbnail(noise, *how) for how in ((500,), (400, 20_000), (400, 1)))
    sizes = [Image.open(io.BytesIO(one)).size for one in (whole, small, least)]
    assert sizes[0] == (500, 300)
    assert sizes[0] > sizes[1] > sizes[2] == (1, 1)
    assert len(small) <= 20_000


def test_tables_of_a_page_are_longer_than_those_of_notebooks():
    table = Table("T", ("n", "c"), [(str(one), "x") for one in range(201)])
    shown = Page(as_section(Section("S", [table])))
    assert len(shown.tables[0]) == 1 + 200
    assert "... and 1 more" in shown.text


def test_parts_that_are_empty_leave_nothing():
    page = Page(as_page("T", "lead", [Section("A", []), Section("B", ["b", Items([])])]).decode())
    assert len(page.all("section")) == 1
    assert not page.all("footer")
    assert len(page.all("ul")) == 1  # the contents
    panels = Panels("p", [Figure(b"\x89PNG", EVIL, EVIL)], {EVIL: [(Swatch(1, 2, 3), EVIL)]})
    shown = as_section(Section(EVIL, [panels, Items([EVIL], EVIL)]))
    assert "<script" not in shown
    assert Page(shown).all("img")[0]["alt"] == EVIL


def test_the_data_are_told_by_their_content(folders):
    def digest():
        return mf.evaluate(*folders, bootstrap=0).data_digest

    before = digest()
    assert before == digest()
    write_mask(folders[1] / "c.png", np.eye(2, 6, dtype=np.uint8))
    after = digest()
    # The image of a mask that has none is the mask itself.
    lines = []
    for name in "abc":
        content = sha256((folders[1] / f"{name}.png").read_bytes()).hexdigest()
        lines.append(f"{name}\n{content}\n{content}\n")
    assert after == sha256("".join(lines).encode()).hexdigest() != before
