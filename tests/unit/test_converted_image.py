"""``convert_image``: what ``convert`` does with each image, by itself and in other processes."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

import msgspec
import numpy as np
import pytest
from builders import corners, labelme, region, shape, square, tree, vott

import maskforge as mf
from maskforge.errors import LabelError, OptionError

CLASSES = mf.ClassMap((mf.MaskClass(1, "a", (255, 0, 0), ("a",)),))


def test_other_processes_give_what_convert_writes(tmp_path, samples):
    options = mf.ConvertOptions(instances=True, unvisited="background", line_width=2.0)
    classes = mf.load_class_map(samples / "classes.toml")
    sources = [samples / name for name in ("labelme", "superannotate", "vott")]
    mf.convert(sources, tmp_path, options, classes=classes)
    dataset = mf.open_dataset(tmp_path)
    work = partial(mf.convert_image, classes=classes, options=options)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(work, mf.read(sources)))
    assert len(results) == len(dataset) == 14
    for item, found in zip(dataset, results, strict=True):
        written = item.entry
        assert (found.mask == item.read_mask()).all()
        assert (found.instances == item.read_instances()).all()
        assert {one.file for one in written.issues} <= {written.source}
        keys = ("image", "mask", "instances", "source", "digests")
        files = {key: getattr(written, key) for key in keys}
        noted = [
            msgspec.structs.replace(one, file=found.entry.source)
            for one in written.issues
            if one.code != "duplicate-image"
        ]
        entry = msgspec.structs.replace(found.entry, **files)
        assert entry == msgspec.structs.replace(written, issues=noted)


def test_nothing_is_written_and_nothing_changed(tmp_path):
    labelme(tmp_path / "x.json", square("a", 1, 1, 4, 4))
    (image,) = mf.read(tmp_path)
    before, files = pickle.dumps(image), tree(tmp_path)
    first, second = (mf.convert_image(image, CLASSES, encoding="multihot") for _ in range(2))
    assert (pickle.dumps(image), tree(tmp_path)) == (before, files)
    assert np.array_equal(first.mask, second.mask)
    assert first.mask.shape == (6, 8, 1)
    assert first.entry == second.entry
    assert (first.entry.mask, first.entry.instances, first.instances) == (None, None, None)


def test_an_image_without_masks_says_why(tmp_path):
    labelme(tmp_path / "x.json", square("a", 1, 1, 4, 4), shape("a", [[1, 1]], "point"), width=0)
    (image,) = mf.read(tmp_path / "x.json")
    refused = mf.convert_image(image, CLASSES)
    assert (refused.outcome, refused.mask) == ("refused", None)
    assert refused.entry.shapes["refused"] == refused.entry.shapes["found"] == 2
    assert refused.issues == image.issues
    assets = {"v.png": (0, []), "w.png": (2, [region(["a"], corners(0, 0, 2, 2))])}
    unseen, seen = mf.read(vott(tmp_path / "v", assets))
    assert mf.convert_image(unseen, CLASSES).outcome == "ignored"
    assert mf.convert_image(unseen, CLASSES, unvisited="background").outcome == "drawn"
    assert mf.convert_image(seen, CLASSES).outcome == "drawn"


def test_options_and_labels_are_checked(tmp_path):
    labelme(tmp_path / "x.json", square("b", 1, 1, 4, 4))
    (image,) = mf.read(tmp_path)
    with pytest.raises(LabelError, match="b"):
        mf.convert_image(image, CLASSES)
    named = replace(image, shapes=())
    for wrong in ({"overlap": "mix"}, {"line_width": -1}, {"overwrite": True}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            mf.convert_image(named, CLASSES, **wrong)
    with pytest.raises(OptionError, match="multi_tag"):
        mf.convert_image(named, CLASSES, mf.ConvertOptions(multi_tag="some"))
