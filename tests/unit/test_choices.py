"""Options as keywords: by name, in groups, and without the group where that is clear."""

import pytest

from maskforge.choices import with_keywords
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
