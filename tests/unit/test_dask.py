"""Workers of a Dask cluster do the work: to the last byte what this process makes."""

import contextlib
import os
import pickle
import shutil
import signal
import time
import warnings
from concurrent.futures import Executor, Future

import msgspec
import numpy as np
import onnx_models
import pytest
from builders import files, labelme, run, square, tree
from example_files import save, stack
from kills import kill, same
from test_conversion_workers import (
    COUNT,
    annotated,
    interrupted,
    small_parts,
    with_all_that_may_go_wrong,
)
from test_worker_pool import killed, leaving_a_file, refusing

import maskforge as mf
from maskforge.errors import (
    LabelError,
    MaskforgeError,
    ModelError,
    OptionError,
    OutputError,
)
from maskforge.evaluation import comparison
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.prediction import model_source
from maskforge.processes import dask_cluster
from maskforge.processes.worker_pool import WorkerPool, forget

distributed = pytest.importorskip(
    "distributed", reason="NO DASK: distributed is not installed, so no run is done by a cluster"
)

__all__ = ["small_parts"]

WORKPLACES = ".maskforge-tasks.*"


def new_cluster(**options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return distributed.LocalCluster(
            **{"n_workers": 2, "threads_per_worker": 1, "processes": True} | options,
            dashboard_address=None,
            silence_logs=100,
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler with two workers, which start in a folder and with a cache of their own."""
    folder = tmp_path_factory.mktemp("cluster")
    with contextlib.chdir(folder):
        started = new_cluster(env={"MASKFORGE_CACHE": str(folder / "cache")})
    with started:
        started.cache = str(folder / "cache")
        yield started


@pytest.fixture
def dask(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return cluster.scheduler_address


def killing(cluster, *when):
    """Return what kills a worker each time that so many images have come so far."""
    due, ended = list(when), []

    def progress(phase, done, total):
        if due and phase == due[0][0] and done >= due[0][1]:
            due.pop(0)
            alive = [one.pid for one in cluster.workers.values() if one.pid not in ended]
            ended.append(alive[0])
            os.kill(alive[0], signal.SIGKILL)

    return progress, ended


def alike(report):
    return same(report) | {"out": ""}


@pytest.mark.parametrize(
    "options", [{"instances": True, "extract_images": True}, {"unlabeled": "none", "shard": (2, 3)}]
)
def test_workers_make_what_one_process_makes(tmp_path, dask, monkeypatch, options):
    source = with_all_that_may_go_wrong(tmp_path / "in")
    one = mf.convert(source, tmp_path / "one" / "out", **options)
    monkeypatch.setattr("maskforge.dataset.conversion.draw_images", None)  # not even one image
    two = mf.convert("in", "two/out", dask=dask, **options)
    assert alike(one) == alike(two)
    assert two.images["drawn"] > COUNT // 4
    left_out = [".maskforge-shard.json"]  # a shard remembers its place
    mine, other = (tree(tmp_path / name / "out") for name in ("one", "two"))
    assert all(mine.pop(name, None) != other.pop(name, b"") for name in left_out)
    assert mine == other


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no signals")
def test_workers_that_are_killed_lose_nothing(tmp_path, dask, cluster):
    annotated(tmp_path / "in", 96)
    whole = mf.convert(tmp_path / "in", tmp_path / "whole", instances=True)
    progress, ended = killing(cluster, ("reading", 8), ("drawing", 8))
    report = mf.convert("in", "out", instances=True, dask=dask, progress=progress)
    assert len(ended) == 2
    assert alike(report) == alike(whole)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


class Twice(Executor):
    """A cluster that does every task twice, as if it had lost sight of the first worker."""

    threads = 2

    def __init__(self, address):
        self.places = []

    def share(self, places):
        self.places.extend(places)

    def submit(self, function, task):
        future = Future()
        copies = [pickle.loads(pickle.dumps(task)) for _ in range(2)]
        future.set_result([function(one) for one in copies][1])
        return future

    def result(self, future):
        return future.result()


def test_tasks_may_be_done_twice(tmp_path, monkeypatch, model):
    monkeypatch.setattr(dask_cluster, "DaskCluster", Twice)
    annotated(tmp_path / "in")
    gray(tmp_path / "gray", 20)
    for dask in ("", "twice"):
        mf.convert(tmp_path / "in", tmp_path / f"masks{dask}", dask=dask, instances=True)
        mf.predict(model, tmp_path / "gray", tmp_path / f"out{dask}", dask=dask, runtime="onnx")
    assert tree(tmp_path / "maskstwice") == tree(tmp_path / "masks")
    assert tree(tmp_path / "outtwice") == tree(tmp_path / "out")


def test_what_tasks_raise_is_told_and_leaves_nothing(tmp_path, dask):
    annotated(tmp_path / "in")
    classes = mf.ClassMap((mf.MaskClass(1, "b", (9, 9, 9), ("b",)),))
    with pytest.raises(LabelError, match="l1"):
        mf.convert("in", "out", dask=dask, classes=classes)
    assert not (tmp_path / "out").exists()

    def removing(phase, done, total):
        for one in (tmp_path / "out").glob(WORKPLACES):
            if phase == "drawing":
                shutil.rmtree(one, ignore_errors=True)  # workers may be writing into it

    with pytest.raises(MaskforgeError, match=r"cannot be written|does not see|cannot do its part"):
        mf.convert("in", "out", dask=dask, progress=removing)
    with WorkerPool(1, dask=dask) as pool, pytest.raises(OutputError) as caught:
        list(pool.in_order(refusing, range(5), forget))
    assert (caught.value.message, caught.value.hint) == ("is full", "free some space")


def test_an_interrupted_run_leaves_nothing_and_goes_on(tmp_path, dask):
    whole = mf.convert(annotated(tmp_path / "in"), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        mf.convert("in", "out", dask=dask, progress=interrupted("drawing", 9))
    assert len(files(tmp_path / "out" / "masks")) == 9
    assert not list((tmp_path / "out").glob(WORKPLACES))
    before = {path.name: path.stat().st_ino for path in (tmp_path / "out" / "masks").iterdir()}
    report = mf.convert(tmp_path / "in", "out", dask=dask)
    after = {path.name: path.stat().st_ino for path in (tmp_path / "out" / "masks").iterdir()}
    assert after.items() >= before.items()
    assert alike(report) == alike(whole)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_killed_run_goes_on_and_what_it_left_for_workers_is_removed(tmp_path, dask, monkeypatch):
    annotated(tmp_path / "in", 12)
    out = tmp_path / "out"
    mf.convert(tmp_path / "in", tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr("maskforge.outputs.folder._remove_all", lambda folder: None)
        kill(monkeypatch, lambda: mf.convert(tmp_path / "in", out, dask=dask), settled=2)
    assert len(list(out.glob(WORKPLACES))) == 1
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "file").touch()
    (out / ".maskforge-tasks.link").symlink_to(tmp_path / "others")
    mf.convert(tmp_path / "in", out)
    assert (tmp_path / "others" / "file").exists()
    (out / ".maskforge-tasks.link").unlink()
    assert tree(out) == tree(tmp_path / "whole")


@pytest.fixture
def model(tmp_path):
    pytest.importorskip("onnxruntime", reason="NO NETWORKS: ONNX Runtime is not installed")
    pytest.importorskip("onnx", reason="NO NETWORKS: onnx is not installed")
    return onnx_models.save_brightness(tmp_path / "model")


def gray(folder, count):
    for number in range(count):
        value = 6 * number % 256
        save(folder / f"x{number:02}.png", np.full((9, 7), value, dtype=np.uint8))


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no signals")
def test_predictions_are_those_of_one_process_though_a_worker_is_killed(
    tmp_path, dask, cluster, model
):
    gray(tmp_path / "in", 80)
    stack(tmp_path / "in" / "y.tif", [np.full((4, 6), one, dtype=np.uint8) for one in (0, 250)])
    (tmp_path / "in" / "z.png").write_bytes(b"no image")
    options = {"runtime": "onnx", "probabilities": True}
    whole = mf.predict(model, tmp_path / "in", tmp_path / "whole", **options)
    progress, ended = killing(cluster, ("predicting", 5))
    report = mf.predict(model, tmp_path / "in", "out", dask=dask, progress=progress, **options)
    assert ended
    assert report.images == {"found": 83, "predicted": 82, "refused": 1}
    assert alike(report) == alike(whole)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_workers_draw_overlays_and_predict_large_images_in_parts(
    tmp_path, dask, model, monkeypatch
):
    gray(tmp_path / "in", 3)
    save(tmp_path / "in" / "a.tif", np.arange(200, dtype=np.uint8).reshape(10, 20))
    options = {"runtime": "onnx", "tiled_above": 100, "pyramid": True}
    drawn = {"runtime": "onnx", "overlay": True, "encoding": "multihot", "file_type": "npy"}
    mf.predict(model, tmp_path / "in", tmp_path / "whole", **options)
    mf.predict(model, tmp_path / "in" / "a.tif", tmp_path / "drawn", **drawn)
    monkeypatch.setattr("maskforge.prediction.predict.predict_each", None)  # not even one image
    mf.predict(model, "in", "out", dask=dask, **options)
    mf.predict(model, "in/a.tif", "drawn-2", dask=dask, **drawn)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert tree(tmp_path / "drawn-2") == tree(tmp_path / "drawn")
    assert "masks/a.tiff" in tree(tmp_path / "out")


def test_a_prediction_that_was_ended_goes_on(tmp_path, dask, model):
    gray(tmp_path / "in", 30)
    mf.predict(model, tmp_path / "in", tmp_path / "whole", runtime="onnx")
    out, options = tmp_path / "out", {"runtime": "onnx", "dask": dask}
    with pytest.raises(KeyboardInterrupt):
        mf.predict(model, tmp_path / "in", out, progress=interrupted("predicting", 9), **options)
    assert not list(out.glob(WORKPLACES))
    before = {path.name: path.stat().st_ino for path in (out / "masks").iterdir()}
    mf.predict(model, tmp_path / "in", out, **options)
    after = {path.name: path.stat().st_ino for path in (out / "masks").iterdir()}
    assert len(before) == 9
    assert after.items() >= before.items()
    assert tree(out) == tree(tmp_path / "whole")


def test_a_model_that_workers_do_not_have_is_refused(tmp_path, dask, model):
    gray(tmp_path / "in", 3)
    predictor = mf.Predictor.load(model, runtime="onnx")
    (model / "maskforge.json").unlink()
    with pytest.raises(ModelError, match="cannot be used by a worker") as caught:
        mf.predict(predictor, tmp_path / "in", tmp_path / "out", dask=dask)
    assert "on all machines" in caught.value.hint
    with pytest.raises(OptionError, match="not written by the workers"):
        mf.predict(predictor, "in", "tools", dask=dask, formats=("labelme",))


FEW = EvaluateOptions(bootstrap=3, charts=False, worst=1)


def judged(report):
    return msgspec.structs.replace(report, created="", seconds=0)


def test_evaluations_are_the_same(tmp_path, dask, model, monkeypatch):
    for number in range(12):
        name = f"x{number:02}"
        values = np.random.default_rng(number).integers(0, 256, (6, 8), dtype=np.uint8)
        save(tmp_path / "in" / f"{name}.png", values)
        shapes = [square("caries", 1, 1, 4, 4), square("crown", 4, 4, 8, 6)]
        labelme(tmp_path / "in" / f"{name}.json", *shapes)
    mf.convert(tmp_path / "in", tmp_path / "masks")
    mf.predict(model, tmp_path / "in", tmp_path / "predicted", runtime="onnx", probabilities=True)
    (tmp_path / "predicted" / "probabilities" / "x03.npy").write_bytes(b"damaged")
    predictor = mf.Predictor.load(model, runtime="onnx")
    for given, problems in ((tmp_path / "predicted", 1), (predictor, 0)):
        one = mf.evaluate(given, tmp_path / "masks", tmp_path / "1", FEW, overwrite=True)
        with monkeypatch.context() as patch:
            patch.setattr("maskforge.evaluation.gathered._in_threads", None)
            patch.setattr(comparison._ModelPredictions, "alone", moved(comparison))
            two = mf.evaluate(
                given, tmp_path / "masks", tmp_path / "2", FEW, overwrite=True, dask=dask
            )
        assert judged(one) == judged(two)
        assert one.overall.foreground["dice"] > 0
        assert len(one.problems) == problems
        mine, other = tree(tmp_path / "1"), tree(tmp_path / "2")
        for report in (mine, other):  # it tells when it was made
            assert report.pop("report.json")
        assert mine == other


def test_units_and_annotators_are_compared_likewise(tmp_path, dask, model):
    for folder, shift in (("anna", 0), ("ben", 1)):
        for number in range(6):
            name, values = f"x{number}", np.full((8, 10), 20 * number, np.uint8)
            save(tmp_path / folder / f"{name}.png", values)
            shapes = [square("crown", 0, 0, 5, 8), square("crown", 6, 0, 10, 8)]
            lesion = square("caries", 1 + shift, 1, 4, 3 + number % 4)
            labelme(tmp_path / folder / f"{name}.json", *shapes, lesion, width=10, height=8)
        mf.convert(
            tmp_path / folder, tmp_path / f"{folder}-masks", encoding="multihot", file_type="npy"
        )
    truth = [tmp_path / "anna-masks", tmp_path / "ben-masks"]
    asked = {"unit_class": ["crown"], "unit_pixels": 4, "lesion_class": ["caries"]}
    reports = [
        mf.evaluate(model, truth, None, FEW, runtime="onnx", **asked, **where)
        for where in ({}, {"dask": dask})
    ]
    one, two = map(judged, reports)
    assert one == two
    assert (reports[0].units.units, reports[0].units.positive) == (12, 6)
    assert set(reports[0].annotators.annotators) == {"anna-masks", "ben-masks"}


def moved(module):
    """Return what makes sure that no image is predicted here."""
    alone = module._ModelPredictions.alone

    def alone_elsewhere(self, truth, *, anywhere):
        assert anywhere
        return alone(self, truth, anywhere=anywhere)

    return alone_elsewhere


def test_a_model_that_workers_cannot_load_ends_an_evaluation(tmp_path, dask, model):
    labelme(tmp_path / "in" / "x.json", square("caries", 1, 1, 4, 4))
    save(tmp_path / "in" / "x.png", np.zeros((6, 8), np.uint8))
    mf.convert(tmp_path / "in", tmp_path / "masks")
    predictor = mf.Predictor.load(model, runtime="onnx")
    (model / "maskforge.json").unlink()
    with pytest.raises(model_source.NotLoadedError):
        mf.evaluate(predictor, tmp_path / "masks", None, FEW, dask=dask)


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no signals")
def test_images_that_end_one_worker_after_the_other_are_told(dask, cluster, monkeypatch):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    with (
        WorkerPool(1, dask=dask) as pool,
        pytest.raises(MaskforgeError, match="one Dask worker after the other") as caught,
    ):
        list(pool.in_order(killed, range(2), forget))
    assert "more memory" in caught.value.hint


def test_a_scheduler_that_is_lost_is_told(tmp_path, monkeypatch):
    annotated(tmp_path / "in")
    with new_cluster(n_workers=1, processes=False) as lost:

        def progress(phase, done, total):
            if phase == "drawing" and done == 5:
                lost.close()
                monkeypatch.setattr(dask_cluster, "_PATIENCE", 1.0)

        with pytest.raises(MaskforgeError, match="lost") as error:
            mf.convert(
                tmp_path / "in", tmp_path / "out", dask=lost.scheduler_address, progress=progress
            )
    assert "goes on" in error.value.hint
    assert mf.open_dataset(tmp_path / "out").unfinished
    assert not list((tmp_path / "out").glob(WORKPLACES))


def test_a_scheduler_that_is_lost_without_a_word_is_told(dask, monkeypatch):
    def unreachable():
        raise OSError("no route")

    waited = []
    with dask_cluster.DaskCluster(dask) as cluster:
        close = cluster._client.close
        monkeypatch.setattr(
            cluster._client, "close", lambda timeout: waited.append(timeout) or close(timeout)
        )
        monkeypatch.setattr(cluster._client, "nthreads", unreachable)
        monkeypatch.setattr(dask_cluster, "_GLANCE", 0.05)
        monkeypatch.setattr(dask_cluster, "_PATIENCE", 0.1)
        with pytest.raises(MaskforgeError, match="was lost"):
            cluster.result(Future())
    assert waited == [0.05], "it has been waited for already"


def test_workers_that_all_leave_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cluster, "_GLANCE", 0.1)
    with (
        new_cluster(n_workers=1, processes=False) as left,
        WorkerPool(1, dask=left.scheduler_address) as pool,
    ):
        monkeypatch.setattr(dask_cluster, "_PATIENCE", 0.2)
        paths = [tmp_path / str(number) for number in range(20)]
        results = pool.in_order(leaving_a_file, paths, forget)
        assert next(results) == paths[0]
        while not paths[3].exists():  # which is begun when the first is taken
            time.sleep(0.01)
        time.sleep(0.3)  # until its result is on its way no more
        left.sync(left.workers[0].close)
        with pytest.raises(MaskforgeError, match="has no workers") as error:
            list(results)
    assert "goes on" in error.value.hint


def test_schedulers_that_are_not_there_or_have_no_workers(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cluster, "_PATIENCE", 0.5)
    annotated(tmp_path / "in", 2)
    for address in ("tcp://127.0.0.1:9", "nonsense", "http://x", "tcp://"):
        with pytest.raises(OptionError, match="no Dask scheduler answers at"):
            mf.convert(tmp_path / "in", tmp_path / "out", dask=address)
    with (
        new_cluster(n_workers=0, processes=False) as empty,
        pytest.raises(MaskforgeError, match="has no workers"),
    ):
        mf.convert(tmp_path / "in", tmp_path / "out", dask=empty.scheduler_address)
    assert not (tmp_path / "out").exists()


def test_workers_that_differ_are_told(tmp_path, dask, monkeypatch):
    annotated(tmp_path / "in", 2)
    with WorkerPool(1, dask=dask) as pool, pytest.raises(MaskforgeError) as caught:
        pool.share([tmp_path / "nowhere" / "in"])
    assert "a Dask worker does not see the folder" in str(caught.value)
    assert str(tmp_path / "nowhere") in str(caught.value)
    monkeypatch.setattr(mf, "__version__", "9.9")
    with pytest.raises(MaskforgeError, match=r"a Dask worker has maskforge 0.1.0 in") as caught:
        mf.convert("in", "out", dask=dask)
    assert "install the same" in caught.value.hint
    monkeypatch.setattr(dask_cluster.DaskCluster, "_check_workers", lambda *_: None)
    with pytest.raises(MaskforgeError, match=r"a Dask worker has maskforge 0.1.0"):
        mf.convert("in", "out", dask=dask)  # it came after the others


def test_urls_need_a_cache_that_all_machines_share(tmp_path, dask, cluster, monkeypatch):
    memory = pytest.importorskip("fsspec", reason="NO STORE").filesystem("memory")
    memory.put(str(annotated(tmp_path / "in", 8)), "/ward/in", recursive=True)
    mf.convert(tmp_path / "in", tmp_path / "whole")
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(MaskforgeError, match="has another cache") as caught:
        mf.convert("memory://ward/in", "out", dask=dask)
    assert "MASKFORGE_CACHE" in caught.value.hint
    monkeypatch.setenv("MASKFORGE_CACHE", cluster.cache)
    mf.convert("memory://ward/in", "memory://ward/masks", dask=dask)
    memory.get("/ward/masks", str(tmp_path / "fetched"), recursive=True)
    assert tree(tmp_path / "fetched" / "masks") == tree(tmp_path / "whole" / "masks")
    assert not [one for one in memory.find("/ward/masks") if "/.maskforge" in one]
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]


def test_the_commands(tmp_path, dask, model):
    labelme(tmp_path / "in" / "x.json", square("caries", 1, 1, 4, 4))
    save(tmp_path / "in" / "x.png", np.full((6, 8), 200, np.uint8))
    on = ("--dask", dask)
    commands = (
        ("convert", "in", "--out", "masks"),
        ("predict", "model", "in", "--out", "predicted", "--runtime", "onnx"),
        ("evaluate", "predicted", "masks", "--bootstrap", 0),
        ("evaluate", "model", "masks", "--runtime", "onnx", "--workers", 1, "--bootstrap", 0),
    )
    for command in commands:
        result = run(*command, *on)
        assert result.exit_code == 0, result.output
    for command in (("convert", "in", "--out", "new"), ("evaluate", "predicted", "masks")):
        both = run(*command, *on, "--workers", 3)
        assert both.exit_code == 2
        assert "leave out --workers or --dask" in both.stderr
    dry = run("convert", "in", "--out", "new", *on, "--dry-run")
    assert dry.exit_code == 2
    assert "dry run" in dry.stderr
