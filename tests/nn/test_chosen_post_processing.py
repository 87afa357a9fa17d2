"""The end of a training, with a network that marks what is bright."""

import dataclasses

import numpy as np
import pytest
from training_runs import DISC, options, split_of, write

from maskforge.evaluation.evaluate import evaluate
from maskforge.examples.example import ExampleSet
from maskforge.masks.post_processing import PostProcessing
from maskforge.nn.modelfile import read_description
from maskforge.prediction.model_options import ModelOptions
from maskforge.training.loop.finish import finish
from maskforge.training.plan import make_plan

MARKED = (slice(2, 6), slice(2, 6))
SPECK = (slice(10, 12), slice(10, 12))


def network():
    """Says ``20 (x - 0.5)``."""
    import keras

    source = keras.Input((None, None, 1))
    layer = keras.layers.Conv2D(1, 1)
    model = keras.Model(source, layer(source))
    layer.set_weights([np.full((1, 1, 1, 1), 20.0), np.array([-10.0])])
    return model


@pytest.fixture
def examples(tmp_path):
    """Sixteen lesions of 16 px, each with a bright speck of 4 px beside it."""
    image, mask = np.zeros((2, 16, 16), np.uint8)
    image[MARKED] = image[SPECK] = 255
    mask[MARKED] = 1
    found = (write(tmp_path / "data", f"x{number}", image, mask) for number in range(16))
    return ExampleSet(tuple(found), DISC, "discs")


def finished(examples, out, count, **changed):
    split = split_of(examples, [f"x{number}" for number in range(count)])
    out.mkdir()
    said = []
    plan = make_plan(options(**changed), examples, split, None)
    scores, chosen = finish(network(), plan, out, "float32", 1, said.append)
    assert read_description(out).post_processing == chosen
    return scores, chosen, said


def test_it_is_chosen_stored_said_and_used(examples, tmp_path):
    scores, chosen, said = finished(examples, tmp_path / "run", 12)
    expected = PostProcessing(min_size=5, lesion_f1=(pytest.approx(2 / 3), 1.0))
    assert chosen == {"disc": expected}
    assert said == [
        "post-processing of disc: regions of fewer than 5 px are removed "
        "(lesion F1 on validation images 0.667 without, 1.000 with it)"
    ]
    assert scores.dice == 1.0
    model = ModelOptions(runtime="keras")
    bare = dataclasses.replace(model, post_processing="none")
    lesions = [
        evaluate(tmp_path / "run", examples, model=one, bootstrap=0, part="all").classes[0].lesions
        for one in (model, bare)
    ]
    assert [one.f1 for one in lesions] == pytest.approx([1.0, 2 / 3])


def test_it_is_not_chosen_where_there_is_too_little_or_nobody_wants_it(examples, tmp_path):
    scores, chosen, said = finished(examples, tmp_path / "few", 9)
    assert chosen == {}
    assert scores.dice == pytest.approx(2 * 16 / (16 + 20))
    assert said == [
        "no post-processing of disc: the validation examples have 9 lesions, and 10 are needed to "
        "choose it"
    ]
    _, chosen, said = finished(examples, tmp_path / "none", 12, post_processing="none")
    assert (chosen, said) == ({}, [])
