"""Building a network and training it: in one go, or from where it was left."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from maskforge.errors import MaskforgeError, ModelError, TrainingError
from maskforge.issues import Origin
from maskforge.nn.backend import is_out_of_memory, on_cpu, seed_everything
from maskforge.nn.devices import distribute
from maskforge.nn.heads import probabilities
from maskforge.nn.inference import compiled
from maskforge.nn.metrics import Dice, IoU, PixelAccuracy
from maskforge.nn.modelfile import WEIGHTS
from maskforge.nn.modelio import load_model
from maskforge.nn.networks.encoders import set_encoder_trainable
from maskforge.nn.precision import using_policy
from maskforge.prediction.tiling import Infer
from maskforge.training.initial_model import InitialModel
from maskforge.training.loop.checkpoint import Checkpoint, check_fit, restore
from maskforge.training.loop.checkpoint_writer import CheckpointWriter
from maskforge.training.loop.epochs import Epochs, Log, Report, Track
from maskforge.training.loop.feed import Feed
from maskforge.training.loop.network import compile_network, new_network
from maskforge.training.loop.tracking import tracking
from maskforge.training.plan import TrainPlan
from maskforge.training.run_folder import CHECKPOINT, Epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A trained network.

    Attributes:
        network: With the best weights; gives logits.
        interrupted: Whether it was ended from outside.
        images_per_second: Images or crops in a second of training.
    """

    network: keras.Model
    interrupted: bool
    images_per_second: float


def fit(
    plan: TrainPlan,
    folder: Path,
    *,
    policy: str,
    checkpoint: Checkpoint,
    log: Log,
    report: Report,
    watch: Track,
    built: Callable[[keras.Model], None],
) -> Fitted:
    """Train a network.

    Args:
        plan: The plan.
        folder: Folder of the run, for checkpoints and history.
        policy: Keras dtype policy.
        checkpoint: Where the training was left, or begins; changed in place.
        log: Takes lines for people.
        report: Takes phase, images done and images in all.
        watch: Takes every epoch that is finished, those of earlier sittings first.
        built: Called with the network before it learns.

    Raises:
        ModelError: If the weights to begin with cannot be used.
        TrainingError: If the loss is not finite, there is not enough memory, or the checkpoint
            does not fit.
        DatasetError: If an image or a mask cannot be read.
        OutputError: If a file cannot be written.
        TrainingStopped: If ``report`` or ``watch`` does.
    """
    options = plan.options
    progress = checkpoint.progress
    with (
        Feed(plan.batches(), plan.workers(), options.epochs) as feed,
        using_policy(policy),
        distribute(options.devices, options.batch_size) as scope,
        CheckpointWriter(folder) as writer,
        tracking(plan, folder, progress.history, log) as track,
    ):
        for epoch in progress.history:
            watch(epoch)
        log(feed.batches.describe())
        seed_everything(options.seed)
        with scope():
            network = new_network(plan)
        if checkpoint.best:
            check_fit(folder / CHECKPOINT, network.weights, checkpoint.best)
        built(network)
        with scope():
            infer = compiled(probabilities(network, plan.head))

        def told(epoch: Epoch) -> None:
            track(epoch)
            watch(epoch)

        session = _Session(
            plan, folder, feed, network, infer, checkpoint, writer, log, report, told
        )
        session.begin()
        interrupted = False
        try:
            for first, last, frozen in _phases(options.epochs, options.network.freeze_encoder):
                done = len(progress.history)
                if done > last or session.stopped:
                    continue
                with scope():
                    session.compile(frozen=frozen, done=first)
                if checkpoint.state and first < done:
                    restore(folder / CHECKPOINT, network, checkpoint.state)
                    checkpoint.state = []
                if done < last:
                    session.run(last)
        except KeyboardInterrupt:
            if not checkpoint.best:
                raise
            interrupted = True
        except Exception as error:
            if isinstance(feed.failure, MaskforgeError):
                raise feed.failure from None
            if is_out_of_memory(feed.failure or error):
                raise TrainingError(
                    "there is not enough memory on the device",
                    hint="use a smaller --batch-size or --crop, or fewer --filters",
                ) from None
            raise
        finally:
            session.callback.close()
        network.set_weights(checkpoint.best)
        return Fitted(
            network=network,
            interrupted=interrupted,
            images_per_second=session.images_per_second,
        )


def _take_weights(network: keras.Model, initial: InitialModel) -> None:
    """Give a network the weights of the model that its training begins with.

    Raises:
        ModelError: If the model cannot be loaded, or is of another network.
    """
    weights = load_model(initial.folder)[0].get_weights()
    if [one.shape for one in weights] != [tuple(one.shape) for one in network.weights]:
        raise ModelError(
            "holds the weights of another network than maskforge.json says",
            origin=Origin(initial.folder / WEIGHTS, ""),
            hint="train from the beginning without --init",
        )
    network.set_weights(weights)


def _phases(epochs: int, frozen: int) -> list[tuple[int, int, bool]]:
    """Return first and last epoch of every phase, and whether the encoder rests in it."""
    if frozen < 0 or frozen >= epochs:
        return [(0, epochs, True)]
    if frozen == 0:
        return [(0, epochs, False)]
    return [(0, frozen, True), (frozen, epochs, False)]


class _Session:
    """One sitting of a training, in one phase or two."""

    def __init__(
        self,
        plan: TrainPlan,
        folder: Path,
        feed: Feed,
        network: keras.Model,
        infer: Infer,
        checkpoint: Checkpoint,
        writer: CheckpointWriter,
        log: Log,
        report: Report,
        track: Track,
    ) -> None:
        self._plan = plan
        self._feed = feed
        self._network = network
        self._log = log
        self.callback = Epochs(plan, folder, feed, infer, checkpoint, writer, log, report, track)

    @property
    def stopped(self) -> bool:
        """Whether there is no sense in going on."""
        patience = self._plan.options.patience
        return bool(patience) and self.callback.progress.waited >= patience

    @property
    def images_per_second(self) -> float:
        """Images or crops in a second of training."""
        # Not the mean: the first epoch of a phase includes the compilation of the graph.
        return statistics.median_high(self.callback.speeds or [0.0])

    def begin(self) -> None:
        """Take the weights of the model with which the training begins, if there is one."""
        if self._plan.initial is not None and not self.callback.progress.history:
            _take_weights(self._network, self._plan.initial)
            self.callback.score_initial(self._network)

    def compile(self, *, frozen: bool, done: int) -> None:
        """Set the network up for a phase that begins after so many epochs."""
        options = self._plan.options
        if options.network.encoder is not None:
            set_encoder_trainable(self._network, not frozen)
        outputs, head = len(self._plan.channel_ids), self._plan.head
        common: dict[str, Any] = {"head": head, "outputs": outputs, "from_logits": True}
        # New ones, since Keras would not reset those of the phase before.
        self.callback.metrics = {
            "dice": Dice(name="dice", **common),
            "iou": IoU(name="iou", **common),
            "accuracy": PixelAccuracy(name="accuracy", **common),
        }
        self._feed.copies = len(self._network.outputs)
        optimizer = compile_network(
            self._network,
            self._plan,
            steps_per_epoch=len(self._feed),
            metrics=list(self.callback.metrics.values()),
        )
        optimizer.iterations.assign(done * len(self._feed))
        self.callback.compiles = not self._network.run_eagerly and self._is_compiled()

    def _is_compiled(self) -> bool:
        """Tell whether the first step compiles, and let PyTorch do so where it pays."""
        if keras.config.backend() != "torch":
            return bool(self._network.jit_compile)
        if on_cpu():
            return False
        from maskforge.training.loop.torchstep import CompiledStep

        self._network.train_function = CompiledStep(self._network, self._log)
        return True

    def run(self, last: int) -> None:
        """Train to the end of a phase."""
        self._network.fit(
            self._feed,
            epochs=last,
            initial_epoch=len(self.callback.progress.history),
            callbacks=[self.callback],
            verbose=0,
            shuffle=False,
        )
