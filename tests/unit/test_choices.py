"""Options as keywords: by name, in groups, and without the group where that is clear."""

import dataclasses
from typing import get_args, get_type_hints

import numpy as np
import pytest

from maskforge.choices import ranges_of, with_keywords
from maskforge.dataset.convert_options import ConvertOptions
from maskforge.dataset.previews import PreviewOptions
from maskforge.errors import OptionError
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.evaluation.measures.image_measures import MeasureOptions
from maskforge.nn.network_catalog import NetworkOptions
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.predict_options import PredictOptions
from maskforge.training.train_options import TrainOptions


def test_keywords_change_what_the_options_say():
    given = PredictOptions(overlay=True, model=ModelOptions(tile=64, tta=True))
    changed = with_keywords(PredictOptions, given, {"encoding": "onehot", "model": {"tile": 32}})
    model = ModelOptions(tile=32, tta=True)
    assert changed == PredictOptions(overlay=True, encoding="onehot", model=model)
    assert with_keywords(PredictOptions, None, {}) == PredictOptions()


@pytest.mark.parametrize(
    "keywords",
    [
        {"filters": 32, "depth": 3},
        {"network": {"filters": 32}, "depth": 3},
        {"depth": 3, "network": NetworkOptions(filters=32)},
    ],
)
def test_what_one_group_alone_has_needs_no_group(keywords):
    changed = with_keywords(TrainOptions, None, keywords)
    assert changed == TrainOptions(network=NetworkOptions(filters=32, depth=3))


def test_an_own_option_goes_before_that_of_a_group():
    """``seed`` is an option of the training and of its split."""
    assert with_keywords(TrainOptions, None, {"seed": 3}) == TrainOptions(seed=3)


@pytest.mark.parametrize(
    ("class_", "keywords", "message"),
    [
        (TrainOptions, {"epoch": 3}, r"no option 'epoch'; did you mean 'epochs'\?"),
        (TrainOptions, {"filter": 3}, r"no option 'filter'; did you mean 'filters'\?"),
        (TrainOptions, {"network": {"filter": 3}}, r"did you mean 'filters'\?"),
        (TrainOptions, {"preset": "light"}, r"(?s)augment and network.*write augment="),
        (TrainOptions, {"network": 3}, "network is a group of options, found 3"),
        (TrainOptions, {"optimizer": "adm"}, r"optimizer cannot be 'adm'; did you mean 'adam'\?"),
        (TrainOptions, {"head": "sigmoit"}, r"did you mean 'sigmoid'\?"),
        (TrainOptions, {"encoder": "vgg"}, "encoder cannot be 'vgg'"),
        (TrainOptions, {"crop": "all"}, "(?s)crop cannot be 'all'.*auto, or give a whole number"),
        (TrainOptions, {"class_weights": "balance"}, r"did you mean 'balanced'\?"),
        (EvaluateOptions, {"connectivity": 6}, "connectivity cannot be 6"),
        (EvaluateOptions, {"classes": "a.toml"}, "classes must be ClassMap"),
        (EvaluateOptions, {"options": None}, "no option 'options'"),
        (PredictOptions, {"runtime": "tensorrt"}, "runtime cannot be 'tensorrt'"),
        (PredictOptions, {"file_type": "jpg"}, "JPEG changes pixel values"),
        (PredictOptions, {"precision": "float16"}, "float16"),
        (PredictOptions, {"batch_size": 0}, "batch_size cannot be 0"),
        (PredictOptions, {"overlap": 1.0}, "overlap cannot be 1.0"),
        (
            PredictOptions,
            {"thresholds": {"caries": 2}},
            "thresholds of 'caries' cannot be 2, expected 0 to 1",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(class_, keywords, message):
    with pytest.raises(OptionError, match=message):
        with_keywords(class_, None, keywords)


def test_options_of_another_function_are_refused():
    with pytest.raises(OptionError, match="options must be PredictOptions"):
        with_keywords(PredictOptions, MeasureOptions(), {})


def groups(class_, prefix=""):
    """Yield every class of options with what stands before the names of its fields."""
    yield class_, prefix
    for name, hint in get_type_hints(class_).items():
        if dataclasses.is_dataclass(hint):
            yield from groups(hint, f"{prefix}{name}.")


OPTIONS = (TrainOptions, PredictOptions, EvaluateOptions, ConvertOptions, PreviewOptions)
NUMBERS = [
    (class_, name)
    for top in OPTIONS
    for class_, _ in groups(top)
    for name, hint in get_type_hints(class_).items()
    if {int, float} & {hint, *get_args(hint)}
]


def test_every_number_has_a_range():
    assert len(NUMBERS) > 50
    assert [one for one in NUMBERS if one[1] not in ranges_of(one[0])] == []


@pytest.mark.parametrize(("class_", "name"), NUMBERS, ids=lambda one: getattr(one, "__name__", one))
def test_no_number_leaves_its_range(class_, name):
    possible = ranges_of(class_)[name]
    impossible = [possible.low - 1, possible.high + 1, float("nan"), float("inf"), 10**6000, True]
    impossible += [possible.low] * possible.above + [possible.high] * possible.below
    for value in (*impossible, "nonsense", object()):
        with pytest.raises(OptionError, match=name):
            with_keywords(class_, None, {name: value})


@pytest.mark.parametrize("value", [np.int64(3), np.uint8(3)])
def test_numbers_of_numpy_are_numbers(value):
    assert with_keywords(TrainOptions, None, {"epochs": value}).epochs == 3
    assert with_keywords(ModelOptions, None, {"overlap": np.float32(0.5)}).overlap == 0.5
