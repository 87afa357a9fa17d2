"""``preview``, ``evaluate`` and ``export`` in several processes: to the last byte as in one."""

import dataclasses

import msgspec
import numpy as np
import pytest
from builders import files, image, labelme, square, tree
from kills import same

import maskforge as mf
from maskforge.dataset import files_part
from maskforge.errors import DatasetError, OutputError
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.formats import reader
from maskforge.processes.worker_pool import WorkerPool

COUNT = 12
FEW = EvaluateOptions(bootstrap=3, charts=False, worst=2)


@pytest.fixture
def annotated(tmp_path):
    """Images of equal names in two folders, one that is nowhere, one without a shape."""
    for number in range(COUNT):
        folder = tmp_path / "in" / ("a" if number % 2 else "b")
        name = f"x{number // 2}"
        shapes = [square("p", 0, 0, 4, 4), square(f"q{number % 3}", 2, 2, 6, 5)] if number else []
        labelme(folder / f"{name}.json", *shapes)
        if number != 5:
            image(folder / f"{name}.png")
    return tmp_path / "in"


@pytest.fixture
def dataset(annotated, tmp_path):
    """The same as masks: one image has changed its size, one mask is damaged."""
    mf.convert(annotated, tmp_path / "masks")
    image(annotated / "b" / "x2.png", width=5)
    mask = next((tmp_path / "masks" / "masks").rglob("x3.png"))
    mask.write_bytes(mask.read_bytes()[:40])
    return tmp_path / "masks"


@pytest.fixture
def pools(monkeypatch):
    """Counts what is given to other processes."""
    counts = []
    in_order = WorkerPool.in_order

    def counted(self, function, tasks, drop, **keywords):
        counts.append(0)

        def seen():
            for task in tasks:
                counts[-1] += 1
                yield task

        return in_order(self, function, seen(), drop, **keywords)

    monkeypatch.setattr(WorkerPool, "in_order", counted)
    return counts


def calls():
    """Return a list, and a progress that writes into it."""
    seen = []
    return seen, lambda *call: seen.append(call)


def test_previews_are_the_same(dataset, tmp_path, pools):
    reports, bars = [], []
    for number in (1, 3):
        seen, progress = calls()
        out = tmp_path / "look" / str(number)
        report = mf.preview(dataset, out, workers=number, progress=progress)
        paths = [[one.relative_to(out) for one in two] for two in (report.overlays, report.sheets)]
        reports.append((paths, dataclasses.replace(report, overlays=(), sheets=())))
        bars.append(seen)
    one, other = (tree(tmp_path / "look" / str(number)) for number in (1, 3))
    assert one == other
    assert reports[0] == reports[1]
    assert bars[0] == bars[1]
    assert len(bars[0]) == COUNT
    assert (len(reports[0][1].problems), reports[0][1].without_image) == (2, 1)
    assert pools == [COUNT]


def test_one_image_or_none_needs_no_other_process(dataset, tmp_path, pools):
    assert len(mf.preview(dataset, tmp_path / "look", limit=1, workers=2).overlays) == 1
    labelme(tmp_path / "none" / "x.json", width=None)
    mf.convert(tmp_path / "none", tmp_path / "no-masks")
    assert mf.preview(tmp_path / "no-masks", tmp_path / "look-2", workers=2).overlays == ()
    assert pools == []


def test_an_overlay_that_cannot_be_written_ends_the_preview(dataset, tmp_path):
    errors = []
    for workers in (1, 2):
        (tmp_path / "look").mkdir(exist_ok=True)
        (tmp_path / "look" / "a").touch()  # where a folder should be
        with pytest.raises(OutputError) as caught:
            mf.preview(dataset, tmp_path / "look", workers=workers, overwrite=True)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_an_interrupted_preview_leaves_whole_overlays(dataset, tmp_path):
    def progress(phase, done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mf.preview(dataset, tmp_path / "look", workers=2, progress=progress)
    names = files(tmp_path / "look")
    assert not any(name.endswith(".part") for name in names)
    mf.preview(dataset, tmp_path / "whole")
    whole = tree(tmp_path / "whole")
    assert all(whole[name] == content for name, content in tree(tmp_path / "look").items())


def evaluated(report):
    """Return a report without what differs from run to run."""
    return msgspec.structs.replace(report, created="", seconds=0)


def test_evaluations_are_the_same(annotated, dataset, tmp_path, pools):
    mf.convert(annotated, tmp_path / "truth", overlap="area")
    for path in (tmp_path / "truth" / "masks").rglob("*.png"):
        name = path.relative_to(tmp_path / "truth" / "masks").with_suffix(".npy")
        (dataset / "probabilities" / name).parent.mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(len(str(name))).random((6, 8, 4), np.float32)
        np.save(dataset / "probabilities" / name, values)
    reports, bars = [], []
    for number in (1, 2):
        seen, progress = calls()
        out = tmp_path / "report" / str(number)
        report = mf.evaluate(
            dataset, tmp_path / "truth", out, FEW, workers=number, progress=progress
        )
        reports.append(evaluated(report))
        bars.append([call for call in seen if call[0] == "evaluating"])
    assert reports[0] == reports[1]
    assert bars[0] == bars[1]
    one, other = (tree(tmp_path / "report" / str(number)) for number in (1, 2))
    del one["report.json"], other["report.json"]  # the reports are compared above
    assert one == other
    assert len(reports[0].rows) == len(bars[0]) - len(reports[0].problems)
    assert len(reports[0].problems) == 1
    assert pools == [len(bars[0])]


def test_an_evaluation_of_nothing_says_so(tmp_path):
    errors = []
    for side in ("truth", "predicted"):
        for name in ("a", "b"):
            (tmp_path / side).mkdir(exist_ok=True)
            size = 8 if side == "truth" else 9
            image(tmp_path / side / f"{name}.png", width=size, mode="L")
    for workers in (1, 2):
        with pytest.raises(DatasetError) as caught:
            mf.evaluate(tmp_path / "predicted", tmp_path / "truth", options=FEW, workers=workers)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


@pytest.mark.parametrize(
    ("form", "options", "workers"),
    [
        ("labelme", {"image_files": "embed"}, 2),
        ("coco", {"image_files": "copy"}, 3),
        ("pascal-voc", {}, 2),
    ],
)
def test_exports_are_the_same(annotated, tmp_path, pools, monkeypatch, form, options, workers):
    """Of files that were read, with claims on images of others; and of masks, all in one."""
    monkeypatch.setattr(reader, "_PROBED", 3)
    monkeypatch.setattr(files_part, "FILES_OF_PART", 5)
    for place in ("one", "two"):  # both mean an image of their own, and find the same
        path = labelme(annotated / place / "y.json", square("p", 1, 1, 4, 4), width=None)
        path.write_text(path.read_text().replace('"version"', '"mine": 7, "version"'))
    image(annotated / "further" / "y.png")
    (annotated / "a" / "broken.json").write_text("[1, 2")
    mf.convert(annotated, tmp_path / "masks", unvisited="background")
    reports, bars = [], []
    for number in (1, workers):
        seen, progress = calls()
        out = tmp_path / "exported" / str(number)
        report = mf.export(
            [annotated, tmp_path / "masks"],
            out,
            format=form,
            workers=number,
            progress=progress,
            **options,
        )
        reports.append(same(report) | {"out": ""})
        bars.append([call for call in seen if call[0] == "writing"])
    one, other = (tree(tmp_path / "exported" / str(number)) for number in (1, workers))
    assert one == other
    assert reports[0] == reports[1]
    assert bars[0] == bars[1]
    assert reports[0]["images"]["written"] == 2 * COUNT
    assert reports[0]["images"]["refused"] == 2
    assert reports[0]["reasons"]["image-doubtful"] == 3  # and x2 of a, which finds that of b
    assert sum(pools) > len(bars[0]) == reports[0]["images"]["found"]


def test_a_mask_that_cannot_be_read_ends_the_export(dataset, tmp_path):
    errors = []
    for workers in (1, 2):
        with pytest.raises(DatasetError) as caught:
            mf.export(dataset, tmp_path / str(workers), format="labelme", workers=workers)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]
