"""Folders are read, predicted and written at the same time, with the results of one by one."""

import errno
import itertools
import threading
from pathlib import Path

import model_folders as models
import numpy as np
import pytest
from example_files import stack
from PIL import Image
from test_prediction_folders import infer, save

import maskforge as mf
from maskforge.errors import ModelError, OutputError
from maskforge.outputs.folder import OutputFolder
from maskforge.prediction.predict import predict
from maskforge.prediction.predictor import Predictor
from maskforge.prediction.runtimes.base import Runtime

SIZES = [(8, 8), (8, 12), (8, 8), (12, 8), (8, 8), (8, 12), (8, 8), (8, 8)]


class Network:
    """A network that computes in the background, and remembers what it was asked.

    Attributes:
        shapes: Of the batches, in their order.
        most: Largest number of calls that were under way at once.
    """

    def __init__(self, function=infer):
        self.function = function
        self.shapes = []
        self.most = 0
        self._under_way = 0

    def start(self, batch):
        self.shapes.append(batch.shape)
        self._under_way += 1
        self.most = max(self.most, self._under_way)

        def wait():
            self._under_way -= 1
            return self.function(batch)

        return wait

    def predictor(self, *, background=True, **runtime):
        described = models.describe("sigmoid")
        start = self.start if background else None
        chosen = Runtime("test", "float32", lambda b: self.start(b)(), start=start, **runtime)
        return Predictor(Path("model"), described, described.classes, chosen)


def content(folder):
    """Everything below a folder, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def images(tmp_path):
    """Images of three sizes, one that is damaged, one that is too deep, and a stack."""
    folder = tmp_path / "images"
    random = np.random.default_rng(0)
    for number, size in enumerate(SIZES):
        save(folder / f"{number}.png", random.integers(0, 256, size))
    (folder / "2b.png").write_bytes((folder / "2.png").read_bytes()[:50])
    Image.fromarray(np.full((8, 8), 60_000, np.uint16)).save(folder / "3b.png")
    stack(folder / "6.tif", [random.integers(0, 256, (8, 8), np.uint8) for _ in range(3)])
    return folder


@pytest.mark.parametrize("options", [{}, {"probabilities": True, "overlay": True, "tta": True}])
@pytest.mark.parametrize(
    "runtime",
    [
        {},
        {"joined_pixels": 3 * 64},
        {"joined_pixels": 2**20},
        {"joined_pixels": 2**9, "compiles": True},
    ],
    ids=["background", "some joined", "all joined", "filled up"],
)
def test_all_ways_write_the_same_folder(images, tmp_path, runtime, options):
    """The network works pixel by pixel, so other images in a call change nothing."""
    one_by_one = predict(
        Network().predictor(background=False), images, tmp_path / "a" / "out", **options
    )
    report = predict(Network().predictor(**runtime), images, tmp_path / "b" / "out", **options)
    assert content(tmp_path / "b" / "out") == content(tmp_path / "a" / "out")
    assert report.images == {"found": 13, "predicted": 11, "refused": 2}
    assert [one.message for one in report.problems] == [one.message for one in one_by_one.problems]
    assert report.classes == one_by_one.classes


def test_a_folder_has_the_masks_of_single_images(images, tmp_path):
    model = Network().predictor()
    predict(model, images, tmp_path / "out", tile=4, batch_size=2)
    items = [one for one in mf.open_dataset(tmp_path / "out") if one.entry.mask]
    assert len(items) == 11
    for item in items:
        alone = model.predict(item.read_image(), tile=4, batch_size=2)
        np.testing.assert_array_equal(item.read_mask(), alone.mask)


def test_the_next_image_is_begun_before_the_last_is_read(images, tmp_path):
    network = Network()
    predict(network.predictor(), images, tmp_path / "out")
    assert network.most == 2
    assert {shape[0] for shape in network.shapes} == {1}
    alone = Network()
    predict(alone.predictor(background=False), images, tmp_path / "alone")
    assert alone.most == 1
    assert network.shapes == alone.shapes


def test_images_of_one_size_are_joined_whatever_is_between_them(images, tmp_path):
    network = Network()
    predict(network.predictor(joined_pixels=3 * 64), images, tmp_path / "out")
    trial, *shapes = network.shapes
    assert trial[0] == 1
    # Of 8 x 8 there are eight: two more than two calls hold. 12 x 8 go by twos.
    assert sorted(shapes) == [
        (1, 12, 8, 1),
        (2, 8, 8, 1),
        (2, 8, 12, 1),
        (3, 8, 8, 1),
        (3, 8, 8, 1),
    ]
    assert network.most == 2


def test_tiles_of_several_images_are_joined(tmp_path):
    for name in "abc":
        save(tmp_path / "in" / f"{name}.png", np.full((16, 16), 200))
    network = Network()
    model = network.predictor(joined_pixels=10 * 64)
    predict(model, tmp_path / "in", tmp_path / "out", tile=8, overlap=0)
    assert [shape[:3] for shape in network.shapes[1:]] == [(10, 8, 8), (2, 8, 8)]


def test_joined_calls_are_filled_up_where_every_shape_is_compiled(images, tmp_path):
    network = Network()
    model = network.predictor(joined_pixels=3 * 96, compiles=True)
    predict(model, images, tmp_path / "out")
    assert {shape[:3] for shape in network.shapes[1:]} == {(4, 8, 8), (3, 8, 12), (3, 12, 8)}


@pytest.mark.parametrize("where", ["start", "wait"])
def test_an_image_that_ends_a_joined_call_is_the_only_one_refused(images, tmp_path, where):
    bad = np.asarray(Image.open(images / "4.png"))[0, 0] / np.float32(255)

    def fail(batch):
        if (batch[:, 0, 0, 0] == bad).any():
            raise RuntimeError("out of memory")
        return infer(batch)

    network = Network(fail)
    if where == "start":
        network = Network()
        start = network.start
        network.start = lambda batch: (fail(batch), start(batch))[1]
    report = predict(network.predictor(joined_pixels=2**20), images, tmp_path / "out")
    said = {Path(one.file).name: one.message for one in report.problems}
    assert said.pop("4.png") == "cannot be predicted: out of memory"
    assert list(said) == ["2b.png", "3b.png"]
    assert report.images["predicted"] == 10


def test_no_probabilities_for_one_of_joined_images_stop_the_run(images, tmp_path):
    def broken(batch):
        return infer(batch) * (np.nan if batch.any() else 1)

    with pytest.raises(ModelError, match="gives no probabilities, but numbers from nan to nan"):
        predict(Network(broken).predictor(joined_pixels=2**20), images, tmp_path / "out")


@pytest.mark.parametrize("joined", [0, 2**20])
def test_a_full_disk_ends_the_run_as_an_interruption_does(images, tmp_path, monkeypatch, joined):
    stage, count = OutputFolder.stage, itertools.count(1)
    threads = set()

    def fill(self, name, content):
        threads.add(threading.current_thread().name)
        if next(count) == 3:
            monkeypatch.setattr(OutputFolder, "place", full)
        return stage(self, name, content)

    def full(self, name):
        raise OutputError(f"cannot be written: {errno.errorcode[errno.ENOSPC]}")

    monkeypatch.setattr(OutputFolder, "stage", fill)
    with pytest.raises(OutputError, match="ENOSPC"):
        predict(Network().predictor(joined_pixels=joined), images, tmp_path / "out")
    assert threads == {"maskforge-writer_0"}
    monkeypatch.undo()
    left = mf.open_dataset(tmp_path / "out")
    assert left.unfinished
    assert [one.entry.mask for one in left] == ["masks/0.png", "masks/1.png"]
    masks = sorted(path.name for path in (tmp_path / "out" / "masks").iterdir())
    assert masks == ["0.png", "1.png"]
    assert not [one for one in threading.enumerate() if one.name.startswith("maskforge")]
    predict(Network().predictor(), images, tmp_path / "out", overwrite=True)
    assert not mf.open_dataset(tmp_path / "out").unfinished


@pytest.mark.parametrize("by", ["network", "progress"])
def test_an_interruption_leaves_what_is_listed_and_no_thread(images, tmp_path, by):
    def stop(*_):
        if by == "progress":
            raise KeyboardInterrupt

    def interrupted(batch):
        if by == "network" and batch.shape[1:3] == (12, 8):
            raise KeyboardInterrupt
        return infer(batch)

    with pytest.raises(KeyboardInterrupt):
        predict(Network(interrupted).predictor(), images, tmp_path / "out", progress=stop)
    left = mf.open_dataset(tmp_path / "out")
    assert left.unfinished
    names = [one.entry.mask.removeprefix("masks/") for one in left if one.entry.mask]
    assert names == (["0.png", "1.png", "2.png"] if by == "network" else ["0.png"])
    assert sorted(path.name for path in (tmp_path / "out" / "masks").iterdir()) == names
    assert not [one for one in threading.enumerate() if one.name.startswith("maskforge-writer")]


def test_slow_writing_holds_up_the_network(images, tmp_path, monkeypatch):
    """At most one image is written, and one waits for that."""
    network, distances = Network(), []
    stage, written = OutputFolder.stage, itertools.count(1)

    def slow(self, name, content):
        threading.Event().wait(0.005)
        distances.append(len(network.shapes) - 1 - next(written))
        return stage(self, name, content)

    monkeypatch.setattr(OutputFolder, "stage", slow)
    predict(network.predictor(), images, tmp_path / "out", file_type="npy")
    assert max(distances) <= 3
