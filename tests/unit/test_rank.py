"""Images in the order in which their labels teach most: doubt, variety, and what is written."""

import csv
import itertools
import json
from dataclasses import replace
from functools import partial

import numpy as np
import onnx_models
import pytest
from example_files import save
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import maskforge as mf
from maskforge.cli.app import app
from maskforge.errors import DatasetError, ModelError, OptionError, OutputExistsError
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.prediction import views as views_of_models
from maskforge.prediction.predictor import load_as
from maskforge.prediction.views import open_views
from maskforge.review.diversity import look_of, varied_order
from maskforge.review.doubt import (
    agreement,
    disagreement,
    doubtful_regions,
    image_score,
    likelihoods,
)

SIZE = (64, 64)
CARIES = ClassMap((MaskClass(1, "caries", (255, 0, 0), ("caries",)),))
shares = st.floats(0, 1, width=32)


def disc(row, column, radius):
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def views(*planes):
    """Views (V, H, W, 1) of one class."""
    return np.stack(planes)[..., None].astype(np.float32)


def doubts(seen, limit=0.5, **options):
    return list(doubtful_regions(seen, (limit,), **options))


@pytest.mark.parametrize("likely", [(0.5,), (0.75,), (1.0, 0.0), (0.9, 0.9, 0.2), (0.0, 0.0)])
def test_disagreement_is_that_of_two_views_and_thresholds_drawn_at_random(likely):
    levels = (np.arange(200) + 0.5) / 200
    marked = [one >= level for one in likely for level in levels]  # all that can be drawn
    different = np.mean([one != other for one, other in itertools.product(marked, repeat=2)])
    found = disagreement(np.array(likely, np.float32).reshape(-1, 1, 1))
    assert found.item() == pytest.approx(different, abs=1e-6)


@given(shares, shares, st.floats(0, 1))
def test_likelihoods_keep_the_order_and_put_the_threshold_at_half(one, other, limit):
    low, high = sorted((one, other))
    found = likelihoods(np.array([low, high], np.float32), limit)
    assert 0 <= found[0] <= found[1] <= 1
    if 0.001 < limit < 0.999:
        middle, below = likelihoods(np.array([limit, limit - 0.001], np.float32), limit)
        assert middle == pytest.approx(0.5, abs=1e-4)
        assert below < 0.5


def test_a_tuned_threshold_does_not_make_sure_regions_doubtful():
    seen = views(np.where(disc(30, 30, 8), 0.2, 0))
    (at_half,) = doubts(seen, 0.2)
    (twice,) = doubts(seen, 0.1)
    assert at_half.doubt == pytest.approx(0.5)
    likely = 0.5 + 0.5 * 0.1 / 0.9
    assert twice.doubt == pytest.approx(2 * likely * (1 - likely))


def test_each_region_has_the_mean_of_its_own_pixels():
    first, second = disc(15, 15, 6), disc(45, 40, 3)
    seen = views(first * 0.9, first * 0.5 + second * 0.8, first * 0.9)
    large, small = doubts(seen)
    assert (large.area, small.area) == (int(first.sum()), int(second.sum()))
    assert large.doubt == pytest.approx(2 * 2.3 / 3 * 0.7 / 3)  # means are 2.3 / 3 and 0.8 / 3
    assert small.doubt == pytest.approx(2 * 0.8 / 3 * 2.2 / 3)
    assert small.box == (37, 42, 44, 49)


def test_a_small_disputed_lesion_counts_more_than_the_edge_of_a_large_one():
    sure = disc(30, 30, 20)
    grown = disc(30, 30, 21)
    edges = views(sure * 1.0, grown * 1.0)
    lesion = views(np.zeros(SIZE), disc(30, 30, 2) * 1.0)
    apart = [np.abs(one[0] - one[1]).sum() for one in (edges, lesion)]
    assert apart[0] > 5 * apart[1]  # in a sum over pixels it would be the other way round
    scores = [image_score((one.doubt for one in doubts(seen)), 1) for seen in (edges, lesion)]
    assert scores[1] > 5 * scores[0]


def test_classes_are_judged_one_by_one():
    """A lesion is not lost in the tooth around it."""
    tooth, lesion = disc(30, 30, 20), disc(30, 30, 3)
    seen = np.stack([views(tooth, tooth)[..., 0], views(lesion, lesion * 0)[..., 0]], axis=-1)
    found = list(doubtful_regions(seen.astype(np.float32), (0.5, 0.5)))
    assert [(one.number, one.doubt) for one in found] == [(1, 0), (2, 0.5)]


def test_small_and_unlikely_regions_are_left_out():
    seen = views(np.where(disc(10, 10, 1), 0.9, np.where(disc(40, 40, 4), 0.24, 0)))
    assert [one.area for one in doubts(seen)] == [5]
    assert doubts(seen, min_size=6) == []
    corner = np.zeros(SIZE)
    corner[[3, 4], [3, 4]] = 0.6
    assert len(doubts(views(corner), min_size=1)) == 1
    assert len(doubts(views(corner), min_size=1, connectivity=4)) == 2


@given(st.lists(shares, min_size=1, max_size=40), shares)
def test_more_regions_never_make_an_image_surer(found, another):
    score = image_score(found, 1)
    assert max(found) - 1e-6 <= score <= 1
    assert image_score([*found, another], 1) >= score - 1e-9


def test_many_sure_regions_do_not_outweigh_a_doubtful_one():
    assert image_score([0.03] * 32, 1) < image_score([0.4], 1) / 2
    assert image_score([], 0.2) == pytest.approx(0.05)


def test_where_views_agree():
    first, second = np.zeros((1, 5)), np.zeros((1, 5))
    first[0, 1:], second[0, 1:] = (0.3, 0.6, 0.6, 0.9), (0.1, 0.1, 0.7, 0.9)
    assert agreement(views(first, second), (0.5,)).tolist() == [[0, 1, 3, 2, 2]]
    assert agreement(views(first), (0.5,)).tolist() == [[0, 3, 3, 3, 2]]


def pictures(count, seed=0):
    return [np.random.default_rng([seed, one]).integers(0, 200, (40, 50)) for one in range(count)]


def looks(images):
    return np.stack([look_of(one) for one in images])


def test_ten_copies_are_not_the_first_ten():
    copied, *others = pictures(6)
    images = [*[copied] * 10, *others]
    order, priorities = varied_order([0.9] * 10 + [0.5, 0.4, 0.3, 0.2, 0.1], looks(images), 0.5)
    assert order == [0, 10, 11, 12, 13, 14, *range(1, 10)]
    assert priorities[6:] == [0] * 9


def test_nearly_equal_images_come_later_too():
    copied, *others = pictures(5)
    noise = np.random.default_rng(3)
    near = [copied + noise.integers(-3, 4, copied.shape) for _ in range(3)]
    order, _ = varied_order([0.9, 0.9, 0.9, 0.5, 0.5, 0.5, 0.5], looks([*near, *others]), 0.5)
    assert set(order[1:5]) == {3, 4, 5, 6}
    plain, _ = varied_order([0.9, 0.9, 0.9, 0.5, 0.5, 0.5, 0.5], looks([*near, *others]), 0.0)
    assert plain == list(range(7))


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=12), shares)
def test_every_image_has_one_place_and_priorities_never_rise(scores, diversity):
    some = pictures(4)
    order, priorities = varied_order(
        scores, looks([some[number % 4] for number in range(len(scores))]), diversity
    )
    assert sorted(order) == list(range(len(scores)))
    assert scores[order[0]] == priorities[0] == max(scores)
    assert all(a >= b >= 0 for a, b in itertools.pairwise(priorities))
    assert all(priority <= scores[one] for one, priority in zip(order, priorities, strict=True))


def test_looks_do_not_depend_on_brightness_contrast_depth_and_channels():
    (one,) = pictures(1)
    assert look_of(one) @ look_of(one) == pytest.approx(1, abs=1e-5)
    for same in (one * 3 + 20, (one * 256).astype(np.uint16), np.stack([one] * 3, axis=-1)):
        assert look_of(one) @ look_of(same) == pytest.approx(1, abs=1e-5)
    flat = [look_of(np.full((9, 300), value, np.uint16)) for value in (0, 65535)]
    assert flat[0] @ flat[1] == 1
    assert flat[0] @ look_of(one) == 0


def image(seed, *discs):
    """A dark noisy image with discs of some brightness: ``(row, column, radius, value)``."""
    result = np.random.default_rng(seed).integers(0, 20, SIZE)
    for row, column, radius, value in discs:
        result[disc(row, column, radius)] = value
    return result.astype(np.uint8)


@pytest.fixture
def cv(tmp_path):
    return onnx_models.save_folds(tmp_path / "cv", (0.3, 0.6), classes=CARIES)


@pytest.fixture
def images(tmp_path):
    """One lesion that both folds of ``cv`` see, one that only the first one sees, and none."""
    place = tmp_path / "images"
    save(place / "agreed.png", image(1, (30, 30, 8, 180)))
    save(place / "left" / "disputed.png", image(2, (20, 40, 3, 115)))
    save(place / "none.png", image(3))
    return place


def rank(model, images, out=None, **options):
    return mf.rank(model, images, out, runtime="onnx", **options)


def test_what_folds_disagree_about_comes_first(cv, images):
    report = rank(cv, images)
    assert (report.by, report.views, report.exit_code) == ("folds", 2, 0)
    assert [one.image for one in report.images] == ["left/disputed", "agreed", "none"]
    assert [one.rank for one in report.images] == [1, 2, 3]
    first = report.images[0]
    value = 115 / 255
    mean = sum(1 / (1 + np.exp(-60.0 * (value - cut))) for cut in (0.3, 0.6)) / 2
    assert first.score == pytest.approx(2 * mean * (1 - mean), abs=1e-4)
    (region,) = first.regions
    assert (region.class_name, region.area, region.box) == ("caries", 29, (37, 17, 44, 24))
    assert report.images[1].score < 0.01


def test_all_that_is_written(cv, images, tmp_path):
    save(images / "copy.png", image(2, (20, 40, 3, 115)))  # of the one in left/
    out = tmp_path / "out"
    report = rank(cv, images, out, most=2)
    names = ["copy.png", "agreed.png", "none.png", "disputed.png"]
    written = json.loads((out / "rank.json").read_bytes())
    assert [one["priority"] for one in written["images"]] == [one.priority for one in report.images]
    assert report.images[3].priority == 0 < report.images[3].score
    with (out / "rank.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"].replace("\\", "/").rpartition("/")[2] for row in rows] == names
    assert (rows[0]["class"], rows[0]["left"], rows[2]["left"]) == ("caries", "37", "")
    priorities = json.loads((out / "superannotate-priority.json").read_bytes())
    assert priorities == [
        {"name": name, "priority": one.priority}
        for name, one in zip(names, report.images, strict=True)
    ]
    page = (out / "rank.html").read_text(encoding="utf-8")
    assert page.count('<figure class="panels">') == 2
    assert "1. copy: score 0.500, priority 0.500; caries at 37, 17: 0.500" in page
    assert sorted(report.digests) == [
        "label-studio/label_config.xml",
        "label-studio/tasks.json",
        "rank.csv",
        "rank.html",
        "superannotate-priority.json",
    ]
    with pytest.raises(OutputExistsError):
        rank(cv, images, out)
    again = rank(cv, images, out, overwrite=True, most=0)
    assert [one.image for one in again.images] == [one.image for one in report.images]


def test_label_studio_takes_them_in_this_order(cv, images, tmp_path):
    """When it samples by uncertainty, it takes the lowest score first."""
    report = rank(cv, images, tmp_path / "out")
    tasks = json.loads((tmp_path / "out" / "label-studio" / "tasks.json").read_bytes())
    files = [one["data"]["image"].rpartition("/")[2] for one in tasks]
    assert files == ["disputed.png", "agreed.png", "none.png"]
    scores = [one["predictions"][0]["score"] for one in tasks]
    assert scores == sorted(scores)
    assert scores == pytest.approx([1 - one.priority for one in report.images])
    (drawn,) = tasks[1]["predictions"][0]["result"]
    assert drawn["value"]["polygonlabels"] == ["caries"]
    outline = mf.Polygon(np.array(drawn["value"]["points"]) * 64 / 100)
    mask = mf.rasterize([mf.Area((outline,))], mf.Size(64, 64))
    np.testing.assert_array_equal(mask > 0, disc(30, 30, 8))


def test_an_image_that_cannot_be_read_is_named_and_the_others_go_on(cv, images, tmp_path):
    (images / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but nothing else")
    report = rank(cv, images)
    assert len(report.images) == 3
    (problem,) = report.problems
    assert "broken.png: " in problem
    result = CliRunner().invoke(app, ["rank", str(cv), str(images), "--runtime", "onnx"])
    assert result.exit_code == 1
    assert "3 images ranked by what 2 folds disagree about" in result.stdout
    assert "broken.png" in result.stderr
    alone = [str(images / "broken.png"), "--runtime", "onnx", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, ["rank", str(cv), *alone])
    assert result.exit_code == 2
    assert "none of 1 images could be ranked" in result.stderr
    with pytest.raises(DatasetError, match=r"broken\.png"):
        rank(cv, images / "broken.png")


def test_one_network_is_compared_with_itself_in_flips(images, tmp_path):
    """It sees everything one pixel too far to the right, and in a flipped image to the left."""
    model = onnx_models.save_brightness(
        tmp_path / "model",
        (0.5,),
        shift=1,
        classes=CARIES,
        symmetries=("flip_horizontal", "transpose"),
    )
    report = rank(model, images / "agreed.png")
    assert (report.by, report.views) == ("flips", 2)
    drawn = disc(30, 30, 8)
    right, left = np.roll(drawn, 1, axis=1), np.roll(drawn, -1, axis=1)
    expected = (right ^ left).sum() / (right | left).sum() / 2  # means are 1 or 0.5
    assert report.images[0].score == pytest.approx(expected, abs=1e-4)
    assert report.images[0].regions[0].area == (right | left).sum()
    assert rank(model, images, by="thresholds").views == 1
    assert rank(model, images, tta=True).by == "thresholds"


def test_a_runtime_in_the_background_sees_the_same_flips(images, tmp_path, monkeypatch):
    model = onnx_models.save_brightness(
        tmp_path / "model", (0.5,), shift=1, classes=CARIES, symmetries=("flip_horizontal",)
    )
    expected = rank(model, images).images

    def load(path, options):
        loaded = load_as(path, options)
        begin = partial(partial, loaded.runtime.infer)
        return replace(loaded, runtime=replace(loaded.runtime, start=begin))

    monkeypatch.setattr(views_of_models, "load_as", load)
    assert rank(model, images).images == expected


def test_thresholds_need_one_view(cv, images, tmp_path):
    model = onnx_models.save_brightness(tmp_path / "model", (0.5,), gain=10.0, classes=CARIES)
    report = rank(model, images)
    assert (report.by, report.views) == ("thresholds", 1)
    assert report.images[0].image == "left/disputed"  # 0.45 is near to 0.5
    likely = 1 / (1 + np.exp(-10.0 * (115 / 255 - 0.5)))
    assert report.images[0].score == pytest.approx(2 * likely * (1 - likely), abs=1e-4)
    assert rank(cv, images, by="thresholds").views == 1


def test_exclusive_classes(images, tmp_path):
    """The channel of the background counts for nothing."""
    model = onnx_models.save_brightness(
        tmp_path / "model", (0.2, 0.5), gain=5.0, head="softmax", classes=CARIES
    )
    views = open_views(model, "thresholds", mf.ModelOptions(runtime="onnx"))
    assert views.limits == (0.5,)
    report = rank(model, images)
    chance = 1 / (1 + np.exp(5.0 * 0.3))  # the difference of the channels is the same everywhere
    assert report.images[0].score == pytest.approx(chance / 4, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"by": "folds"}, "single network"),
        ({"by": "flips", "tta": True}, "averages over them"),
        ({"by": "sides"}, "choose one of"),
        ({"diversity": 1.5}, "0 to 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(images, tmp_path, options, reason):
    model = onnx_models.save_brightness(tmp_path / "model", (0.5,), classes=CARIES)
    with pytest.raises(OptionError) as caught:
        rank(model, images, **options)
    assert reason in f"{caught.value} {caught.value.hint}"


def test_folds_are_not_weighed_and_transposed_views_are_no_flips(cv, images, tmp_path):
    with pytest.raises(OptionError, match="none counts more"):
        rank(cv, images, fold_weights="validation")
    model = onnx_models.save_brightness(
        tmp_path / "model", (0.5,), classes=CARIES, symmetries=("transpose",)
    )
    assert rank(model, images).by == "thresholds"
    with pytest.raises(OptionError, match="without flips"):
        rank(model, images, by="flips")


def test_without_model_or_images(cv, images, tmp_path):
    with pytest.raises(ModelError):
        rank(tmp_path / "missing", images)
    with pytest.raises(OptionError, match="does not exist"):
        rank(cv, tmp_path / "missing")


def test_the_same_file_name_twice_is_told(cv, images, tmp_path):
    save(images / "right" / "disputed.png", image(4, (20, 40, 3, 115)))
    report = rank(cv, images, tmp_path / "out")
    assert any("the file name of another one: 1;" in one for one in report.notes)
