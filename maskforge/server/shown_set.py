"""The images of a data set, with what the models make of them."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from maskforge.choices import Head, PartName, Progress
from maskforge.errors import DatasetError, MaskforgeError, OptionError, shorten
from maskforge.evaluation.comparison import open_comparison
from maskforge.evaluation.evaluate import evaluation_report
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.evaluation.gathered import gather
from maskforge.evaluation.measures.measured import Measured
from maskforge.evaluation.measures.regions import Regions, compose, pick, target_planes
from maskforge.evaluation.pairs import share_classes
from maskforge.evaluation.parts import SPLIT, choose_part
from maskforge.evaluation.predictions import example_planes
from maskforge.evaluation.report.evaluation_report import EvaluationReport
from maskforge.evaluation.report.records import ImageRow
from maskforge.evaluation.report.summary import image_rows
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.sources import open_examples
from maskforge.examples.splitfile import recorded_split
from maskforge.files import PathLike, as_source
from maskforge.masks.classes import VOID, ClassMap
from maskforge.masks.encoding import Mask
from maskforge.prediction.prediction import Prediction
from maskforge.prediction.predictor import Predictor
from maskforge.server.models import ServedModel

_log = logging.getLogger("maskforge.server")

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_PARTS: tuple[PartName, ...] = ("test", "validation", "train")
_MOST_KEPT = 256 * 2**20
"""Bytes of predictions that are kept."""


class _OutdatedError(Exception):
    """A newer model has taken the place of the one that is measured, or the server ends."""


@dataclass(slots=True, eq=False)
class Account:
    """What is known about a model on the data set so far.

    Attributes:
        predictor: The model.
        parts: Part of every image, by name; without those that are in none.
        groups: Likewise its group, such as the patient, of those that have one.
        rows: What was measured, by name of the image.
        reports: By name of the part, of those that are done; ``all`` if there are no parts.
        problem: Why the model cannot be compared with the truth, or empty.
    """

    predictor: Predictor
    parts: Mapping[str, str]
    groups: Mapping[str, str]
    rows: dict[str, ImageRow] = field(default_factory=dict)
    reports: dict[str, EvaluationReport] = field(default_factory=dict)
    problem: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parts, the one to look at first."""
        found = set(self.parts.values())
        return tuple(one for one in _PARTS if one in found) or ("all",)


class ShownSet:
    """A data set that is looked at.

    Attributes:
        examples: Its images, by id.
    """

    def __init__(self, dataset: PathLike, progress: Progress | None = None) -> None:
        """Open a data set.

        Args:
            dataset: Its folder.
            progress: Called after every image.

        Raises:
            DatasetError: If it cannot be read.
        """
        self._name = as_source(dataset).resolve().name
        self._set = open_examples(dataset, progress=progress)
        self.examples = {_id(one.name): one for one in self._set}
        self._by_file: dict[str, list[Example]] = {}
        for one in self._set:
            for name in {one.image.name, _uploaded(one.image.name)}:
                self._by_file.setdefault(name, []).append(one)
        self._kept = _KeptPredictions()
        self._accounts: dict[str, Account] = {}
        self._ends = threading.Event()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self._name

    def find(self, id_: str) -> Example:
        """Return an image.

        Raises:
            DatasetError: If there is none of the id.
        """
        try:
            return self.examples[id_]
        except KeyError:
            raise DatasetError(
                "there is no such image", hint="/api/images lists the images with their ids"
            ) from None

    def find_file(self, paths: Sequence[str]) -> Example:
        """Return the image that a labeling tool means by a path.

        Args:
            paths: Paths that it can be, the likeliest first; of several images of one name, the one
                with the most folders in common is meant.

        Raises:
            DatasetError: If there is none, or several are alike.
        """
        for path in paths:
            parts = PurePosixPath(path).parts
            found = self._by_file.get(parts[-1], []) if parts else []
            for count in range(2, len(parts) + 1):
                if len(found) < 2:
                    break
                end = parts[-count:-1]
                found = [one for one in found if one.image.parts[-count:-1] == end] or found
            if len(found) > 1:
                raise DatasetError(f"the data set has several images called {shorten(parts[-1])}")
            if found:
                return found[0]
        names = " or ".join(shorten(PurePosixPath(one).name) for one in paths)
        raise DatasetError(f"the data set has no image called {names}")

    def prediction(self, id_: str, model: ServedModel) -> tuple[Predictor, Prediction]:
        """Return what a model says about an image, with its own thresholds, and the model.

        Raises:
            DatasetError: If there is no such image, or it cannot be read.
            ModelError: If the network cannot be run.
        """
        example, predictor = self.find(id_), model.predictor
        options = model.options
        key = (predictor.description.weights_digest, id_)
        window = predictor.description.scaling.window
        found = self._kept.get(key, lambda: predictor.predict(example.read_image(window), options))
        return predictor, found

    def truth(self, example: Example, classes: ClassMap) -> Mask:
        """Return the truth (H, W) in the ids of a model.

        Classes that the model does not know are background; void is 255. Where classes overlap, the
        last one is on top.

        Raises:
            DatasetError: If the mask cannot be read, or there is no class in common.
        """
        shared = share_classes(self._set.classes, classes)
        planes = example_planes(example, self._set.classes, shared.truth)
        mask = np.zeros(planes.void.shape, classes.dtype)
        for number, plane in zip(shared.prediction, planes.planes, strict=True):
            mask[plane] = classes.foreground_ids[number]
        mask[planes.void] = VOID
        return mask

    def compared(self, classes: ClassMap) -> tuple[int, ...]:
        """Return the ids of the classes of a model that the truth has, too; none if there are none.

        Args:
            classes: Those of the model.
        """
        try:
            shared = share_classes(self._set.classes, classes)
        except DatasetError:
            return ()
        return tuple(classes.foreground_ids[number] for number in shared.prediction)

    def regions(self, example: Example, prediction: Prediction) -> Regions:
        """Return truth and prediction of an image in one form.

        Raises:
            DatasetError: If the mask cannot be read, or there is no class in common.
        """
        shared = share_classes(self._set.classes, prediction.classes)
        truth = example_planes(example, self._set.classes, shared.truth)
        head: Head = "softmax" if prediction.target.ndim == 2 else "sigmoid"
        count = len(prediction.classes.foreground_ids)
        planes = target_planes(prediction.target, head, count)
        return compose(truth, pick(planes, shared.prediction))

    def account(self, model: ServedModel) -> Account:
        """Return what is known about a model so far; one that is new begins with nothing."""
        predictor = model.predictor
        with self._lock:
            known = self._accounts.get(model.name)
            if known is None or known.predictor is not predictor:
                parts = self._parts(predictor)
                known = Account(predictor, parts, self._groups(predictor, parts))
                self._accounts[model.name] = known
            return known

    def measure(self, models: Sequence[ServedModel]) -> None:
        """Compare all models with the truth, image by image; goes on until ``end``.

        A model that takes the place of an older one is measured, too.
        """
        done: dict[str, Predictor] = {}
        while not self._ends.wait(0.5):
            for model in models:
                account = self.account(model)
                if done.get(model.name) is account.predictor:
                    continue
                try:
                    self._measure(model, account)
                except _OutdatedError:
                    continue
                except MaskforgeError as error:
                    account.problem = error.message
                    _log.warning("%s cannot be compared with the truth: %s", model.name, error)
                except Exception:  # the other models are still measured
                    account.problem = "this is a fault of the server; its log has more"
                    _log.exception("%s cannot be compared with the truth", model.name)
                done[model.name] = account.predictor

    def end(self) -> None:
        """End ``measure`` after the images that it is at."""
        self._ends.set()

    def _measure(self, model: ServedModel, account: Account) -> None:
        left = [one.name for one in self._set if one.name not in account.parts]
        sets: list[tuple[str, ExampleSet]] = [
            (part, self._set.subset([name for name, one in account.parts.items() if one == part]))
            for part in (account.names if account.parts else ())
        ]
        if left:
            sets.append(("" if sets else "all", self._set.subset(left)))
        options = EvaluateOptions(part="all", model=model.options)
        for part, examples in sets:
            start = time.monotonic()
            task = open_comparison(account.predictor, examples, options, None)
            classes = task.shared.classes

            def each(example: Example, row: Measured, classes: ClassMap = classes) -> None:
                if self._ends.is_set() or model.predictor is not account.predictor:
                    raise _OutdatedError
                (found,) = image_rows(row, [example.name], [example.group], classes)
                account.rows[example.name] = found

            gathered = gather(task.examples, task.sides, options.measure, each=each)
            if part:
                account.reports[part] = evaluation_report(
                    task, gathered, options, time.monotonic() - start
                )

    def _parts(self, predictor: Predictor) -> dict[str, str]:
        """Return the part of every image in the split that the model was trained with."""
        parts: dict[str, str] = {}
        for wanted in _PARTS:
            try:
                part = choose_part(self._set, wanted, None, predictor.folder)
            except OptionError:
                continue
            parts |= dict.fromkeys((one.name for one in part.examples), wanted)
        return parts

    def _groups(self, predictor: Predictor, parts: Mapping[str, str]) -> dict[str, str]:
        """Return the group of every image in the split that the model was trained with."""
        record = recorded_split(predictor.folder / SPLIT)
        entries = () if record is None else record.examples
        return {one.name: one.group for one in entries if one.group and one.name in parts}


class _KeptPredictions:
    """The last predictions; what two ask for at once is computed once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[tuple[str, str], Future[Prediction]] = OrderedDict()

    def get(self, key: tuple[str, str], compute: Callable[[], Prediction]) -> Prediction:
        with self._lock:
            future = self._found.get(key)
            is_mine = future is None
            if future is None:
                future = self._found[key] = Future()
            self._found.move_to_end(key)
        if is_mine:
            try:
                future.set_result(compute())
            except BaseException as error:
                with self._lock:
                    self._found.pop(key, None)
                future.set_exception(error)
                raise
            self._forget()
        return future.result()

    def _forget(self) -> None:
        with self._lock:
            sizes = {key: _size(one.result()) for key, one in self._found.items() if one.done()}
            total = sum(sizes.values())
            for key, size in sizes.items():
                if total <= _MOST_KEPT:
                    break
                del self._found[key]
                total -= size


def _size(prediction: Prediction) -> int:
    arrays = (prediction.mask, prediction.target, prediction.probabilities, prediction.image)
    return sum(one.nbytes for one in arrays if one is not None)


def _id(name: str) -> str:
    """Return the id of an image: its name if that is plain, else a digest of it."""
    if _PLAIN.fullmatch(name):
        return name
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _uploaded(name: str) -> str:
    """Return how Label Studio calls a file that was uploaded, behind its own digits."""
    return re.sub(r"[^-\w.]", "", name.strip().replace(" ", "_"))
