"""How far annotators agree, from folders of masks to report, files and consensus."""

import csv
import json

import numpy as np
import pytest
from builders import files, grid, tree
from kills import identities, kill
from predicted_sets import CLASSES, masks, predicted, save_images

import maskforge as mf
from maskforge.errors import DatasetError, OptionError, OutputExistsError
from maskforge.evaluation.agreement.differing_images import differences
from maskforge.evaluation.measures.bootstrap import resampled_weights
from maskforge.evaluation.measures.regions import Planes

QUICK = {"bootstrap": 0, "worst": 0}

ANNA = masks(
    x=("33......", "33......", "......33", "......33", "........", "........"),
    y=("........", "........", "........", "........", "........", "...33..."),
    z=("........",) * 6,
)
BEN = masks(
    x=("33......", "........", "........", "........", "...33...", "........"),
    y=("........", "........", "........", "........", "...33...", "...33..."),
    z=("33......", *("........",) * 5),
)


def folder(tmp_path, name, drawn, **keywords):
    images = tmp_path / "images"
    if not images.exists():
        save_images(images, "xyz")
    return predicted(tmp_path / name, images, drawn, **{"format_": "labelme"} | keywords)


@pytest.fixture
def two(tmp_path):
    return [folder(tmp_path, "anna", ANNA), folder(tmp_path, "ben", BEN)]


@pytest.fixture
def three(two, tmp_path):
    """Carl marks what Anna does, and a crown on the image where nobody else has anything."""
    carl = ANNA | masks(z=("........", "........", "7.......", *("........",) * 3))
    return [*two, folder(tmp_path, "carl", carl)]


def test_two_annotators_by_hand(two):
    report = mf.agree(two, bootstrap=0)
    assert (report.images, report.exit_code, report.interval) == (3, 0, None)
    assert report.annotators == {"anna": str(two[0]), "ben": str(two[1])}
    (pair,) = report.pairs
    caries, crown = pair.classes
    # Anna: 8 + 2 px; Ben: 4 + 4 + 2 px; in common 2 + 2.
    assert caries.dice == pytest.approx(2 * 4 / (10 + 10))
    assert pair.dice == caries.dice == report.dice  # nobody has a crown
    assert (crown.dice, crown.kappa, crown.lesion_f1) == (None, None, None)
    # Lesions: Anna 2 + 1, of which Ben has 1 + 1; Ben 2 + 1 + 1, of which Anna has 1 + 1.
    assert caries.lesion_f1 == pytest.approx((2 + 2) / (3 + 4))
    # On x and y both, on z Ben alone: agreement 2 of 3, by chance 2/3 * 1 + 1/3 * 0.
    assert caries.kappa == pytest.approx(0)
    # Fleiss takes their shares together: 5 of 6 yes.
    (of_all, _) = report.classes
    chance = (5 / 6) ** 2 + (1 / 6) ** 2
    assert of_all.fleiss_kappa == pytest.approx((2 / 3 - chance) / (1 - chance))
    assert of_all.positive == {"anna": 2, "ben": 3}
    # 8 - 4, 2 - 4 and 0 - 2 pixels.
    areas = caries.areas
    assert (areas.images, areas.bias) == (3, 0)
    deviation = np.std([4, -2, -2], ddof=1)
    assert (areas.upper, areas.lower) == pytest.approx((1.96 * deviation, -1.96 * deviation))
    scaled = mf.agree(two, bootstrap=0, spacing=(0.5, 0.5)).pairs[0].classes[0].areas
    assert scaled.upper == pytest.approx(areas.upper / 4)
    assert crown.areas.images == 0
    assert crown.areas.bias is None


def test_every_pair_is_what_evaluate_says_of_it(three):
    report = mf.agree(three, bootstrap=40, seed=2)
    assert [(one.first, one.second) for one in report.pairs] == [
        ("anna", "ben"),
        ("anna", "carl"),
        ("ben", "carl"),
    ]
    places = report.annotators
    for pair in report.pairs:
        expected = mf.evaluate(
            places[pair.second], places[pair.first], bootstrap=40, seed=2, charts=False
        )
        assert pair.dice == expected.overall.foreground["dice"]
        assert pair.interval == expected.overall.intervals["dice"]
        for one, other in zip(pair.classes, expected.classes, strict=False):
            assert (one.name, one.dice) == (other.name, other.dice)
            assert one.hd95_mean == other.surface.hd95_mean
            assert one.lesion_f1 == other.lesions.f1
            for name in ("dice", "hd95", "lesion_f1"):
                assert one.intervals[name] == other.intervals[name]


def test_who_is_first_changes_nothing_but_signs(three):
    forward = mf.agree(three, bootstrap=0)
    back = mf.agree(three[::-1], bootstrap=0)
    assert forward.dice == pytest.approx(back.dice)
    pairs = {frozenset((one.first, one.second)): one for one in back.pairs}
    for pair in forward.pairs:
        for one, other in zip(
            pair.classes, pairs[frozenset((pair.first, pair.second))].classes, strict=True
        ):
            for name in ("dice", "hd95_mean", "lesion_f1", "kappa"):
                assert getattr(one, name) == getattr(other, name)
            if one.areas.bias is not None:
                assert one.areas.bias == -other.areas.bias
    kappas = [[one.fleiss_kappa for one in report.classes] for report in (forward, back)]
    assert kappas[0] == pytest.approx(kappas[1])


def test_void_of_anybody_counts_for_nobody(two, tmp_path):
    """Where Carl is not sure, it does not matter what Anna and Ben say."""
    unsure = {name: np.where(ANNA[name] == BEN[name], ANNA[name], 255) for name in ANNA}
    carl = folder(tmp_path, "carl", {name: one.astype(np.uint8) for name, one in unsure.items()})
    report = mf.agree([*two, carl], bootstrap=0)
    assert [pair.dice for pair in report.pairs] == [1, 1, 1]
    assert report.classes[0].positive == {"anna": 2, "ben": 2, "carl": 2}
    assert [pair.dice for pair in mf.agree([carl, *two], bootstrap=0).pairs] == [1, 1, 1]


def test_intervals_are_those_of_the_drawn_images(two):
    """Kappa and bias, each drawn data set computed once more."""
    report = mf.agree(two, bootstrap=30, seed=4)
    caries = report.pairs[0].classes[0]
    differences, drawn = np.array([4, -2, -2]), resampled_weights([None] * 3, 30, 4)
    bias = [np.repeat(differences, row).mean() for row in drawn]
    assert caries.areas.intervals["bias"] == pytest.approx(np.quantile(bias, (0.025, 0.975)))
    # Anna: yes, yes, no; Ben always yes: kappa is 0, or not defined where z is not drawn.
    assert caries.intervals["kappa"] == (0.0, 0.0)


def test_groups_are_drawn_together(tmp_path):
    """Four images of two patients: an interval has no more than three values."""
    drawn = [
        {f"p{one // 2}_{one}": ANNA["x"] if one < cut else BEN["x"] for one in range(4)}
        for cut in (4, 2)
    ]
    images = save_images(tmp_path / "images", drawn[0])
    pair = [predicted(tmp_path / name, images, one) for name, one in zip("ab", drawn, strict=True)]
    report = mf.agree(pair, bootstrap=50, group_pattern="^(p.)")
    assert {row.group for row in report.rows} == {"p0", "p1"}
    low, high = report.interval
    assert (low, high) == (pytest.approx(2 * 2 / (8 + 4)), 1)
    assert "2 groups of images" in report.notes[-1]


def test_images_that_somebody_lacks_are_named_and_count_nowhere(two, tmp_path):
    carl = folder(tmp_path, "carl", {name: ANNA[name] for name in "xy"})
    dora = folder(tmp_path, "dora", {name: ANNA[name] for name in "yz"} | {"w": ANNA["x"]})
    report = mf.agree([*two, carl, dora], consensus=tmp_path / "all", **QUICK)
    assert report.images == 1
    assert report.exit_code == 1
    assert report.missing == {"anna": ("w",), "ben": (), "carl": ("z",), "dora": ("x",)}
    assert files(tmp_path / "all" / "masks") == {"y.png"}


def test_images_of_different_sizes_are_refused_by_name(two, tmp_path):
    carl = folder(tmp_path, "carl", ANNA | {"x": np.zeros((5, 8), np.uint8)})
    report = mf.agree([*two, carl], consensus=tmp_path / "all", **QUICK)
    assert (report.images, report.exit_code) == (2, 1)
    (problem,) = report.problems
    assert "anna has 8 x 6 px, carl 8 x 5 px" in problem
    assert files(tmp_path / "all" / "masks") == {"y.png", "z.png"}


def test_classes_are_those_that_all_know(two, tmp_path):
    """By name, whatever their ids; without any, there is nothing to compare."""
    other = mf.ClassMap((mf.MaskClass(1, "caries", (255, 0, 0), ()),))
    drawn = {name: (one > 0).astype(np.uint8) for name, one in ANNA.items()}
    carl = folder(tmp_path, "carl", drawn, classes=other)
    report = mf.agree([*two, carl], bootstrap=0)
    assert [one.name for one in report.classes] == ["caries"]
    assert report.pairs[1].dice == 1
    assert any("crown" in note for note in report.notes)
    strange = mf.ClassMap(tuple(mf.MaskClass(one, f"s{one}", (1, 1, 1), ()) for one in (1, 2)))
    dora = folder(tmp_path, "dora", drawn, classes=strange)
    with pytest.raises(DatasetError, match="no class in common"):
        mf.agree([*two, dora], **QUICK)


@pytest.mark.parametrize("given", [[], ["anna"], "anna", None, 7])
def test_one_annotator_is_not_enough(given):
    with pytest.raises(OptionError, match="two or more"):
        mf.agree(given)


def test_nobody_is_compared_with_themselves(two):
    with pytest.raises(OptionError, match="2 times"):
        mf.agree([two[0], two[1], f"{two[0]}/"])


def test_folders_of_one_name_are_called_by_their_paths(tmp_path):
    save_images(tmp_path / "images", "xyz")
    pair = [
        predicted(tmp_path / name / "masks", tmp_path / "images", drawn)
        for name, drawn in (("anna", ANNA), ("ben", BEN))
    ]
    assert list(mf.agree(pair, **QUICK).annotators) == [str(one) for one in pair]


def test_rows_begin_with_the_images_on_which_they_differ_most(three):
    report = mf.agree(three, bootstrap=0)
    # z: Ben and Carl mark different classes in different places, Anna nothing.
    assert [(row.name, row.dice) for row in report.rows] == [
        ("z", 0),
        ("x", pytest.approx((1 / 3 + 1 + 1 / 3) / 3)),
        ("y", pytest.approx((2 / 3 + 1 + 2 / 3) / 3)),
    ]
    assert report.rows[1].pixels == {
        "caries": {"anna": 8, "ben": 4, "carl": 8},
        "crown": {"anna": 0, "ben": 0, "carl": 0},
    }


@pytest.mark.parametrize(
    ("annotators", "expected"),
    [
        # Both, the first alone, the second alone, different classes, nobody, not sure.
        (("33.3.V", "3.37.3"), [1, 2, 3, 4, 0, 0]),
        (("33.33.", "33.73.", "3333.."), [1, 1, 2, 4, 2, 0]),
    ],
)
def test_what_becomes_of_pixels_that_are_drawn(annotators, expected):
    marked = [
        Planes(np.array([grid(row) == one for one in (3, 7)]), grid(row) == 255)
        for row in annotators
    ]
    assert differences(marked).tolist() == [expected]


def test_files_and_page(three, tmp_path):
    out, page = tmp_path / "out", tmp_path / "page.html"
    before = [tree(one) for one in three]
    report = mf.agree(three, out, html=page, bootstrap=10, worst=2)
    assert [tree(one) for one in three] == before
    assert files(out) == {
        *("report.json", "per-pair.csv", "per-image.csv"),
        *("worst/01-z.png", "worst/02-x.png"),
    }
    written = json.loads((out / "report.json").read_bytes())
    assert written["pairs"][0]["dice"] == report.pairs[0].dice
    assert written["digests"].keys() == files(out) - {"report.json"}
    with (out / "per-pair.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["first"], row["second"], row["class"]) for row in rows][:3] == [
        ("anna", "ben", "caries"),
        ("anna", "ben", "crown"),
        ("anna", "carl", "caries"),
    ]
    assert float(rows[0]["kappa"]) == report.pairs[0].classes[0].kappa
    assert float(rows[0]["area_bias_low"]) == report.pairs[0].classes[0].areas.intervals["bias"][0]
    with (out / "per-image.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    (found,) = (
        row for row in rows if (row["image"], row["second"], row["class"]) == ("x", "ben", "caries")
    )
    assert (found["first_pixels"], found["second_pixels"]) == ("8", "4")
    assert (found["only_first_lesions"], found["only_second_lesions"]) == ("1", "1")
    text = page.read_text("utf-8")
    for words in ("Agreement of annotators", "anna", "ben", "carl", "Fleiss", "kappa"):
        assert words in text
    assert text.count("<img") == 2 * (1 + 3 + 1)
    with pytest.raises(OutputExistsError):
        mf.agree(three, out, **QUICK)
    mf.agree(three, out, overwrite=True, **QUICK)
    assert not [name for name in files(out) if name.startswith("worst")]


def test_a_consensus_is_a_data_set_like_others(three, tmp_path):
    out = tmp_path / "together"
    report = mf.agree(three, consensus=out, **QUICK)
    assert report.consensus.masks == 3
    dataset = mf.open_dataset(out)
    assert not dataset.unfinished
    found = {item.image_path.name: item.read_mask() for item in dataset}
    # Of three, two are a majority: what Anna and Carl share; alone nobody is.
    assert (found["x.png"] == ANNA["x"]).all()
    assert (found["y.png"] == ANNA["y"]).all()
    assert not found["z.png"].any()
    examples = mf.open_examples(out)
    assert [one.read_image().shape for one in examples] == [(6, 8, 1)] * 3
    assert mf.evaluate(out, three[0], bootstrap=0, charts=False).overall.foreground["dice"] == 1
    assert {one.entry.format for one in dataset} == {"consensus"}
    assert {one.entry.made for one in dataset} == {"drawn"}


def test_void_of_a_consensus_counts_nowhere(two, tmp_path):
    out = tmp_path / "together"
    report = mf.agree(two, consensus=out, **QUICK)
    differ = sum(int((ANNA[name] != BEN[name]).sum()) for name in ANNA)
    assert report.consensus.void_pixels == differ
    for annotator in two:
        assert mf.evaluate(annotator, out, bootstrap=0, charts=False).classes[0].dice == 1
    for item in mf.open_dataset(out):
        name = item.image_path.stem
        expected = np.where(ANNA[name] == BEN[name], ANNA[name], 255)
        assert (item.read_mask() == expected).all()
        assert item.entry.pixels.get("void", 0) == (expected == 255).sum()


@pytest.mark.parametrize("encoding", ["binary", "onehot", "multihot"])
def test_a_consensus_of_other_encodings(tmp_path, encoding):
    one_class = mf.ClassMap(tuple(one for one in CLASSES.classes if one.name == "caries"))
    classes = one_class if encoding == "binary" else CLASSES
    file_type = "png" if encoding == "binary" else "npy"
    pair = [
        folder(tmp_path, name, drawn, encoding=encoding, file_type=file_type, classes=classes)
        for name, drawn in (("anna", ANNA), ("ben", BEN))
    ]
    mf.agree(pair, consensus=tmp_path / "all", **QUICK)
    item = next(iter(mf.open_dataset(tmp_path / "all")))
    expected = np.where(ANNA["x"] == BEN["x"], ANNA["x"], 255)
    mask = item.read_mask()
    if encoding == "multihot":
        assert item.entry.encoding == "multihot"
        mask = mf.from_multi_hot(mask, classes.foreground_ids)
    assert (mask == expected).all()


def test_a_consensus_is_the_same_however_it_is_made(three, tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        mf.agree(three, consensus=tmp_path / name, workers=workers, **QUICK)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_consensus_goes_on_where_it_was_killed(three, tmp_path, monkeypatch):
    mf.agree(three, consensus=tmp_path / "whole", **QUICK)
    out = tmp_path / "out"
    kill(monkeypatch, lambda: mf.agree(three, consensus=out, **QUICK), settled=2)
    before = identities(out)
    assert len(before) == 2
    report = mf.agree(three, consensus=out, **QUICK)
    assert identities(out).items() >= before.items()
    assert tree(out) == tree(tmp_path / "whole")
    assert report.consensus.masks == 3


def test_a_consensus_that_goes_on_makes_again_what_has_changed(three, tmp_path, monkeypatch):
    out = tmp_path / "out"
    kill(monkeypatch, lambda: mf.agree(three, consensus=out, **QUICK), settled=2)
    mf.write_mask(three[2] / "masks" / "x.png", BEN["x"], CLASSES.colors)
    mf.agree(three, consensus=out, **QUICK)
    mf.agree(three, consensus=tmp_path / "whole", **QUICK)
    assert tree(out) == tree(tmp_path / "whole")
    assert (next(iter(mf.open_dataset(out))).read_mask() == BEN["x"]).all()


def test_a_consensus_that_goes_on_with_other_options_begins_anew(three, tmp_path, monkeypatch):
    out = tmp_path / "out"
    kill(monkeypatch, lambda: mf.agree(three, consensus=out, **QUICK), settled=2)
    for place in (out, tmp_path / "whole"):
        mf.agree(three, consensus=place, void_where="disagree", **QUICK)
    assert tree(out) == tree(tmp_path / "whole")
    assert any((item.read_mask() == 255).any() for item in mf.open_dataset(out))


def test_a_consensus_replaces_nothing_that_is_read(three):
    before = tree(three[1])
    with pytest.raises(OptionError, match="would be replaced"):
        mf.agree(three, consensus=three[1], overwrite=True, **QUICK)
    assert tree(three[1]) == before


def test_a_consensus_replaces_only_what_it_wrote(three, tmp_path):
    out = tmp_path / "out"
    (out / "masks").mkdir(parents=True)
    (out / "masks" / "mine.png").write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        mf.agree(three, consensus=out, overwrite=True, **QUICK)
    assert files(out) == {"masks/mine.png"}
    mf.agree(three, consensus=tmp_path / "again", **QUICK)
    with pytest.raises(OutputExistsError):
        mf.agree(three, consensus=tmp_path / "again", **QUICK)
    mf.agree(three, consensus=tmp_path / "again", void_where="disagree", overwrite=True, **QUICK)


def test_masks_of_others_without_any_class_map(tmp_path):
    """Folders of black and white images: one class, whatever it is called."""
    for name, drawn in (("anna", ANNA), ("ben", BEN)):
        for image, mask in drawn.items():
            mf.write_mask(tmp_path / name / f"{image}.png", np.where(mask, 255, 0).astype("u1"))
    places = [tmp_path / "anna", tmp_path / "ben"]
    report = mf.agree(
        places,
        consensus=tmp_path / "all",
        mask_values={"255": "caries", "0": "background"},
        **QUICK,
    )
    assert report.pairs[0].classes[0].dice == pytest.approx(0.4)
    assert len(mf.open_dataset(tmp_path / "all")) == 3
    assert next(iter(mf.open_dataset(tmp_path / "all"))).image_path is None
