"""A prediction that was ended before its time goes on, and predicts no image twice."""

import numpy as np
import pytest
from builders import LOCK, tree
from example_files import save, stack
from kills import identities, kill, same
from test_prediction_folders import infer, predictor

import maskforge as mf
from maskforge.errors import OutputExistsError

PAGES = [np.full((4, 6), value, dtype=np.uint8) for value in (0, 120, 250)]


@pytest.fixture
def images(tmp_path):
    for number, value in enumerate((10, 130, 240)):
        save(tmp_path / "in" / f"x{number}.png", np.full((5, 7), value, dtype=np.uint8))
    stack(tmp_path / "in" / "y.tif", PAGES)
    save(tmp_path / "in" / "z.png", np.full((5, 7), 200, dtype=np.uint8))
    return tmp_path / "in"


class Counted:
    """A model that counts the images that it sees, but for the black one of the trial."""

    def __init__(self, **description):
        self.seen = 0
        self.model = predictor(function=self._infer, **{"weights_digest": "0"} | description)

    def _infer(self, batch):
        self.seen += 1
        return infer(batch)

    def predict(self, sources, out, **options):
        self.seen = -1
        return mf.predict(self.model, sources, out, **options)


@pytest.mark.parametrize("settled", range(1, 4))
def test_a_prediction_goes_on_wherever_it_was_killed(images, tmp_path, monkeypatch, settled):
    model, out = Counted(), tmp_path / "out"
    whole = model.predict(images, tmp_path / "whole")
    assert model.seen == 7
    kill(monkeypatch, lambda: model.predict(images, out), settled=settled)
    before = identities(out)
    report = model.predict(images, out)
    assert model.seen == 7 - settled - (3 if settled == 3 else 0)
    assert identities(out).items() >= before.items()
    assert tree(out) == tree(tmp_path / "whole")
    assert same(report) == same(whole) | {"out": str(out)}


def test_a_whole_stack_is_not_done_again(images, tmp_path, monkeypatch):
    model, out = Counted(), tmp_path / "out"
    model.predict(images, tmp_path / "whole")

    def stop(phase, done, total):
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.predict(images, out, progress=stop)
    assert (out / LOCK).exists()
    model.predict(images, out)
    assert model.seen == 0
    assert tree(out) == tree(tmp_path / "whole")


@pytest.mark.parametrize(
    ("options", "again"),
    [
        ({"probabilities": True}, 7),
        ({"encoding": "onehot", "file_type": "npy"}, 7),
        ({"formats": ("labelme",)}, 7),
        ({}, 5),
    ],
)
def test_other_options_do_everything_again(images, tmp_path, monkeypatch, options, again):
    model, out = Counted(), tmp_path / "out"
    kill(monkeypatch, lambda: model.predict(images, out), settled=2)
    model.predict(images, out, **options)
    assert model.seen == again
    model.predict(images, tmp_path / "whole", **options)
    assert tree(out) == tree(tmp_path / "whole")


@pytest.mark.parametrize("digest", ["1", ""])
def test_another_model_does_everything_again(images, tmp_path, monkeypatch, digest):
    out = tmp_path / "out"
    kill(monkeypatch, lambda: Counted().predict(images, out), settled=2)
    other = Counted(weights_digest=digest)
    other.predict(images, out)
    assert other.seen == 7


def test_an_image_that_has_changed_is_predicted_again(images, tmp_path, monkeypatch):
    model, out = Counted(), tmp_path / "out"
    kill(monkeypatch, lambda: model.predict(images, out), settled=2)
    save(images / "x1.png", np.full((5, 7), 3, dtype=np.uint8))
    model.predict(images, out)
    assert model.seen == 6
    model.predict(images, tmp_path / "whole")
    assert tree(out) == tree(tmp_path / "whole")


def test_a_prediction_does_not_go_on_with_a_conversion(images, tmp_path, monkeypatch):
    model, out = Counted(), tmp_path / "out"
    kill(monkeypatch, lambda: model.predict(images, out), settled=2)
    with pytest.raises(OutputExistsError, match="or of another command"):
        mf.convert(images, out)
