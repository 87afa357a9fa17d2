"""Lesions of known depth from the samples' generator, through conversion and evaluation."""

from __future__ import annotations

import itertools
import sys
from collections import Counter

import numpy as np
import pytest
from builders import image, labelme, run, shape

import maskforge as mf

WIDTH, HEIGHT = 640, 480
IMAGES = 3
DEPTHS = ("E1", "E2", "D1", "D2", "D3")
SEED = 11
NAMES = ("none", *DEPTHS, "unknown")
TISSUES = ("enamel", "dentine", "pulp")


@pytest.fixture(scope="module")
def outlines(samples):
    """What is drawn on a few images, by name; the images themselves would take longer."""
    sys.path.insert(0, str(samples))
    try:
        from bitewings.depths import examine_depths
        from bitewings.film import Film
        from bitewings.jaws import make_jaws
        from bitewings.mouth import Mouth
        from bitewings.outlines import draw_outlines
    finally:
        sys.path.remove(str(samples))
    found = {}
    for number in range(IMAGES):
        rng = np.random.default_rng((SEED, number))
        film, mouth = Film.pick(rng, WIDTH, HEIGHT), Mouth.pick(rng, WIDTH, HEIGHT)
        rows = examine_depths(make_jaws(mouth, rng, apart=True), rng, WIDTH, HEIGHT)
        findings = list(itertools.chain.from_iterable(rows))
        found[f"p{number // 2}-{number}"] = draw_outlines(findings, film.frame, teeth=True)
    return found


@pytest.fixture(scope="module")
def known(outlines):
    """The depth of every tooth, as the generator made it: that of its deepest lesion."""
    depths = {}
    for name, drawn in outlines.items():
        for one in drawn:
            before = depths.get((name, str(one.tooth)), "none")
            depths[name, str(one.tooth)] = max(before, one.depth or "none", key=NAMES.index)
    return depths


def converted(folder, outlines, *flags, keep=lambda one: True):
    """Convert outlines; the group of each is the number of its tooth."""
    for name, drawn in outlines.items():
        shapes = [
            shape(one.label, one.ring.tolist(), group_id=one.tooth) for one in drawn if keep(one)
        ]
        labelme(folder / "drawn" / f"{name}.json", *shapes, width=WIDTH, height=HEIGHT)
        image(folder / "drawn" / f"{name}.png", WIDTH, HEIGHT)
    run("convert", folder / "drawn", "--out", folder / "masks", *flags)
    return folder / "masks"


CHANNELS = ("--encoding", "multihot", "--file-type", "npy", "--instances")


@pytest.fixture(scope="module")
def truth(outlines, tmp_path_factory):
    return converted(tmp_path_factory.mktemp("truth"), outlines, *CHANNELS)


def is_marked(one):
    """Whether a lesion is in the prediction: every lesion but those of even teeth."""
    return one.label == "caries" and one.tooth % 2 == 1


@pytest.fixture(scope="module")
def predicted(outlines, tmp_path_factory):
    return converted(tmp_path_factory.mktemp("predicted"), outlines, keep=is_marked)


def test_every_depth_occurs(known):
    assert set(known.values()) == {"none", *DEPTHS}


def check(report, known):
    """Compare the part about units with what the generator knows."""
    marked = {key: depth if int(key[1]) % 2 else "none" for key, depth in known.items()}
    rows = {(one.image, one.name): one for one in report.rows}
    assert {key: one.truth_depth for key, one in rows.items()} == known
    assert {key: one.predicted_depth for key, one in rows.items()} == marked
    counts = Counter((known[key], marked[key]) for key in known)
    assert report.depth_names == NAMES
    assert report.depth_confusion == tuple(
        tuple(counts[row, column] for column in NAMES) for row in NAMES
    )
    per_depth = Counter(known.values())
    assert [(one.depth, one.units) for one in report.depths] == [
        (name, per_depth[name]) for name in DEPTHS
    ]
    for one in report.depths:
        found = counts[one.depth, one.depth]
        assert one.marked == found
        assert one.sensitivity == (found / one.units if one.units else None)
    lesions = sum(depth != "none" for depth in known.values())
    found = sum(depth != "none" for depth in marked.values())
    assert (report.units, report.positive, report.found) == (len(known), lesions, found)
    assert (report.negative, report.false) == (len(known) - lesions, 0)
    assert report.sensitivity == found / lesions
    assert report.npv == (len(known) - lesions) / (len(known) - found)
    assert (report.specificity, report.ppv) == (1, 1)


@pytest.mark.parametrize("unit_class", [["tooth"], []], ids=["teeth", "tissues"])
def test_known_depths_come_out_of_masks_that_overlap(truth, predicted, known, unit_class):
    report = mf.evaluate(
        predicted,
        truth,
        unit_class=unit_class,
        lesion_class=["caries"],
        depth_from=TISSUES,
        bootstrap=0,
        charts=False,
    )
    check(report.units, known)


def test_known_depths_come_out_of_a_folder_of_tissues(
    outlines, predicted, known, tmp_path, tmp_path_factory
):
    caries = converted(tmp_path / "truth", outlines, keep=lambda one: one.label == "caries")
    teeth = converted(
        tmp_path / "teeth", outlines, "--instances", keep=lambda one: one.label in TISSUES
    )
    report = mf.evaluate(
        predicted, caries, units=teeth, depth_from=TISSUES, bootstrap=60, charts=False
    )
    check(report.units, known)
    low, high = report.units.intervals["sensitivity"]
    assert low <= report.units.sensitivity <= high


def test_a_prediction_that_stops_at_the_dentine_is_too_shallow(truth, known):
    """The part of a lesion in the enamel reaches E2 at most."""
    examples = mf.open_examples(truth, only=["caries", "enamel", "dentine"])
    names = [examples.classes.names[id_] for id_ in examples.classes.foreground_ids]
    folder = truth.parent / "shallow"
    for example in examples:
        planes = example.read_target(examples.classes, "sigmoid").transpose(2, 0, 1) == 1
        layers = dict(zip(names, planes, strict=True))
        mask = layers["caries"] & layers["enamel"] & ~layers["dentine"]
        mf.write_mask(folder / f"{example.name}.png", mask.astype(np.uint8))
    classes = mf.ClassMap((mf.MaskClass(1, "caries", (255, 0, 0), ()),))
    report = mf.evaluate(
        folder,
        truth,
        classes=classes,
        unit_class=["tooth"],
        depth_from=TISSUES,
        bootstrap=0,
        charts=False,
    )
    for one in report.units.rows:
        deep = known[one.image, one.name]
        expected = "E2" if deep in ("D1", "D2", "D3") else deep
        assert one.predicted_depth in (expected, "none"), one


def test_masks_in_which_lesions_hide_the_tissue_are_refused(outlines, predicted, tmp_path):
    flat = converted(tmp_path, outlines)
    with pytest.raises(mf.errors.OptionError, match="lesions hide the tissue") as refused:
        mf.evaluate(predicted, flat, depth_from=TISSUES, lesion_class=["caries"])
    assert "--encoding multihot" in refused.value.hint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth_from": ["enamel", "dentine"]}, "depths are told by three classes"),
        ({"depth_from": "enamel"}, "depth_from must be"),
        ({"depth_from": ["enamel", "dentin", "pulp"]}, "no class 'dentin'; did you mean 'dentine'"),
        ({"unit_class": ["teeth"]}, "the truth has no class 'teeth'"),
        ({"lesion_class": ["caries"]}, "no effect without units"),
        ({"unit_class": ["tooth"], "lesion_class": ["carie"]}, "share no class 'carie'"),
        ({"unit_class": ["tooth"], "unit_pixels": 0}, "unit_pixels cannot be 0"),
        ({"unit_class": ["caries"]}, "share the classes of the units alone"),
    ],
)
def test_wrong_options_are_refused(truth, predicted, options, message):
    with pytest.raises(mf.errors.OptionError, match=message):
        mf.evaluate(predicted, truth, charts=False, **options)
