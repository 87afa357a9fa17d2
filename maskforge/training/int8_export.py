"""Models in INT8: calibrated on training images, compared with float32 on others."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Progress
from maskforge.errors import DatasetError, OptionError, listing, require
from maskforge.evaluation.measures.counts import ClassCounts
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.split import make_split
from maskforge.examples.splitfile import read_splits
from maskforge.files import CONFIG
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.nn.export import Int8Scores, ModelExportReport, choose_target, move
from maskforge.nn.modelfile import network_folder
from maskforge.nn.quantization import quantize
from maskforge.prediction import converted
from maskforge.prediction.predictor import Predictor
from maskforge.prediction.runtimes.base import Runtime
from maskforge.training.configfile import build_options, read_config
from maskforge.training.run_folder import SPLIT
from maskforge.training.train import open_data
from maskforge.training.train_options import DataOptions

_FILE_NAME = "model-int8.xml"
_MOST_CALIBRATED = 30  # each takes several predictions; measured, 100 were no better than 25


def export_int8(
    model: Path,
    out: Path | None,
    dataset: Path | None,
    *,
    overwrite: bool,
    progress: Progress | None,
) -> ModelExportReport:
    """Write an OpenVINO model in INT8, as ``maskforge.export_model`` does."""
    folder = network_folder(model)
    target = choose_target(folder / _FILE_NAME, out, overwrite=overwrite)
    for package in ("openvino", "nncf"):
        require(package, "maskforge[int8]", "INT8 models")
    progress = progress or _no_progress
    plain = Predictor.load(folder, runtime="openvino", precision="float32")
    images = _images(plain, dataset, progress)
    digest = converted.weights_digest(folder, plain.description.weights_digest)
    path = converted.find(folder, digest, "openvino")
    path = path or converted.convert(folder, digest, "openvino")
    done = 0

    def tile_of(example: Example) -> NDArray[np.float32]:
        nonlocal done
        done += 1
        progress("calibrating", done, len(images.calibrated))
        return _tile(plain, example)

    with tempfile.TemporaryDirectory(prefix="maskforge-") as name:
        written = Path(name) / _FILE_NAME
        quantize(path, images.calibrated, tile_of, written)
        from maskforge.prediction.runtimes.openvino import load

        low = dataclasses.replace(plain, runtime=load(written, "int8"))
        difference, scores = _compare(plain, low, images, progress)
        move(written, target)
    converted.record_if_usual(folder, target, digest, "openvino-int8")
    return ModelExportReport(target, "openvino", "nncf", difference, scores)


@dataclass(frozen=True, slots=True)
class _Images:
    """What a model is calibrated on, and what it is compared on: nothing of it was calibrated on.

    Attributes:
        calibrated: Some of the training examples.
        compared: Other examples.
        part: Which.
    """

    calibrated: tuple[Example, ...]
    compared: tuple[Example, ...]
    part: str


def _images(model: Predictor, dataset: Path | None, progress: Progress) -> _Images:
    """Open the images of the training, or of another data set.

    Raises:
        OptionError: If they are not known, cannot be opened, or show other classes.
    """
    examples = _examples(model, dataset, progress)
    known, found = (_names(one.classes) for one in (model, examples))
    if known != found:
        raise OptionError(
            f"{model.folder} has learned {listing(known)}, and the data set has them in the order "
            f"{listing(found)}",
            hint="convert with the class map of the data set that the model was trained on",
        )
    try:
        split = read_splits(model.folder / SPLIT, examples)[0]
    except DatasetError:  # there is none, or it was made for other images
        split, part = make_split(examples), "held out"
    else:
        part = "validation" if split.validation else "test" if split.test else "held out"
        if part == "held out":
            split = make_split(examples.subset(split.train))
    compared = split.validation or split.test
    steps = np.linspace(0, len(split.train) - 1, min(_MOST_CALIBRATED, len(split.train)))
    calibrated = examples.subset([split.train[int(one)] for one in steps])
    return _Images(calibrated.examples, examples.subset(compared).examples, part)


def _names(classes: ClassMap) -> list[str]:
    return [classes.names[id_] for id_ in classes.foreground_ids]


def _examples(model: Predictor, dataset: Path | None, progress: Progress) -> ExampleSet:
    config = model.folder / CONFIG
    data = DataOptions()
    if config.is_file():
        data = build_options(read_config(config), Origin(config, "")).data
    data = dataclasses.replace(data, only=tuple(_names(model.classes)))
    if dataset is not None:
        data = dataclasses.replace(data, dataset=str(dataset), images=None, masks=None)
        return open_data(None, data, _nothing_said, progress)
    if data.dataset is None and data.images is None:
        raise OptionError(
            f"{model.folder} does not say which images it was trained on",
            hint="name a data set with --dataset",
        )
    try:
        return open_data(None, data, _nothing_said, progress)
    except DatasetError as error:
        raise OptionError(
            f"the images of the training cannot be used: {error.message}",
            hint="name a data set with --dataset",
        ) from None


def _tile(model: Predictor, example: Example) -> NDArray[np.float32]:
    """Return a tile that the network sees when it predicts an image: any one of them."""
    random = np.random.default_rng(list(example.name.encode()))
    kept: NDArray[np.float32] | None = None
    seen = 0

    def look(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal kept, seen
        seen += 1
        if random.random() * seen < 1:  # each is kept with equal probability
            kept = batch.copy()
        return np.zeros((*batch.shape[:3], len(model.description.channel_ids)), np.float32)

    watching = dataclasses.replace(model, runtime=Runtime("calibration", "float32", look))
    image = example.read_image(model.description.scaling.window)
    watching.predict(image, keep_probabilities=False, batch_size=1)
    assert kept is not None
    return kept


def _compare(
    plain: Predictor, low: Predictor, images: _Images, progress: Progress
) -> tuple[float, Int8Scores]:
    """Return the largest difference of a probability, and what it does to the masks."""
    head = plain.description.head
    both, true, truly_low = (ClassCounts(plain.classes, head) for _ in range(3))
    difference = 0.0
    for number, example in enumerate(images.compared, 1):
        truth = example.read_target(plain.classes, head)
        image = example.read_image(plain.description.scaling.window)
        one, other = (model.predict(image) for model in (plain, low))
        assert one.probabilities is not None
        assert other.probabilities is not None
        difference = max(difference, float(abs(one.probabilities - other.probabilities).max()))
        both.add(one.target, other.target)
        true.add(truth, one.target)
        truly_low.add(truth, other.target)
        progress("comparing", number, len(images.compared))
    names = _names(plain.classes)

    def dice(counts: ClassCounts) -> dict[str, float | None]:
        found = counts.dice()
        return {name: found[name] for name in names}

    return difference, Int8Scores(
        calibrated=len(images.calibrated),
        images=len(images.compared),
        part=images.part,
        float32_dice=dice(true),
        int8_dice=dice(truly_low),
        agreement=dice(both),
    )


def _no_progress(phase: str, done: int, total: int | None) -> None:
    del phase, done, total


def _nothing_said(line: str) -> None:
    del line
