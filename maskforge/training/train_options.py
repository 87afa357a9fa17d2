"""Everything that a training can be told, as typed options with sensible defaults.

What a search tries of an option, unless somebody says something else, stands in its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from maskforge.augmentation.augment_options import AugmentOptions as AugmentOptions  # noqa: PLC0414
from maskforge.choices import (
    Among,
    Backend,
    Between,
    ChosenPostProcessing,
    Color,
    Head,
    Holding,
    Optimizer,
    Partial,
    Precision,
    Range,
    Scaling,
    Schedule,
    Tracker,
    Unfinished,
)
from maskforge.nn.network_catalog import NetworkOptions

Auto: TypeAlias = Literal["auto"]

Share: TypeAlias = Annotated[float, Range(0, 1)]
ShareBelowOne: TypeAlias = Annotated[float, Range(0, 1, below=True)]
Seed: TypeAlias = Annotated[int, Range(0, 2**32 - 1)]  # that NumPy's legacy generator takes


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions:
    """Where images and masks come from.

    Attributes:
        dataset: Folder that ``convert`` wrote, or a CSV table with columns for image and mask.
        images: Folder of images, or one file, together with ``masks`` instead of ``dataset``.
        masks: Folder of masks, paired with the images by name; the mask, if ``images`` is a file.
        image_column: Column of a table that holds the image.
        mask_column: Column of a table that holds the mask.
        mask_name: How masks in folders are called, such as ``{name}_truth`` or
            ``masks/{name}.png``; None for equal names but for words such as ``_mask``.
        classes: Class map file; the one of the data set if None.
        mask_values: What the values of the mask files mean: value to class name, ``background`` or
            ``void``. For masks that were not written by maskforge.
        only: Names of the classes to learn; all others become background. All if empty.
        group_column: Column of the manifest or table that names the patient.
        group_pattern: Regular expression over the example's name; its first group, or the whole
            match, names the patient.
        partial: What becomes of images whose mask lacks something that somebody drew, as the
            manifest of ``convert`` says: ``skip`` leaves them out, ``use`` takes them as they are,
            ``error`` stops.
        unfinished: Whether a data set whose run has not finished is refused, or used as far as it
            is there.
        hold: Whether decoded images stay in memory, are streamed, or what fits is decided.
        workers: Threads that prepare batches; 0 chooses.
    """

    dataset: str | None = None
    images: str | None = None
    masks: str | None = None
    image_column: str = "image"
    mask_column: str = "mask"
    mask_name: str | None = None
    classes: str | None = None
    mask_values: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    group_column: str | None = None
    group_pattern: str | None = None
    partial: Partial = "skip"
    unfinished: Unfinished = "error"
    hold: Holding = "auto"
    workers: Annotated[int, Range(0, 256)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitOptions:
    """How examples are divided.

    Attributes:
        validation: Share of the examples that choose the best epoch, the threshold and the
            post-processing.
        test: Share of the examples that no training looks at.
        folds: Number of folds for cross-validation; 0 for a single split.
        stratify: Whether every part gets its share of examples with foreground.
        seed: Another seed gives another split.
        file: Split file of an earlier run, or written by hand; then the shares do not count.
    """

    validation: ShareBelowOne = 0.2
    test: ShareBelowOne = 0.0
    folds: Annotated[int, Range(0, 1000)] = 0
    stratify: bool = True
    seed: Seed = 0
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputOptions:
    """How an image becomes the input of the network.

    Attributes:
        crop: Side of the random square crops in pixels; 0 trains on whole images, ``auto`` crops
            256 px where images are larger than that.
        crops_per_image: Crops of each image in one epoch; 0 for as many as cover it once.
        rare_share: Share of the crops that are centered on a pixel of a rare class.
        equal_regions: Whether these are centered on small connected regions as often as on large
            ones, instead of in proportion to their pixels.
        offset: ``X,Y``: pixels by which every image is moved to the right and down, because all
            masks lie that far beside the edges that they follow; None for not at all.
        resize: ``WIDTHxHEIGHT`` to which every image is scaled; None keeps the size, and pads to
            the stride of the network.
        color: Channels of the input; ``auto`` is gray if all images are.
        scaling: What becomes of the pixel values.
        dicom_window: Which values of DICOM files are black and white: ``voi`` as each file asks
            for, ``full`` for all its bits, or ``CENTER/WIDTH`` in the unit of the modality.
    """

    crop: Annotated[int | Auto, Range(0, 32_768), Among(("auto", 128, 192, 384))] = "auto"
    crops_per_image: Annotated[int, Range(0, 100_000)] = 0
    rare_share: Annotated[Share, Between(0.2, 0.8)] = 0.5
    equal_regions: bool = False
    offset: str | None = None
    resize: str | None = None
    color: Color = "auto"
    scaling: Scaling = "zero-one"
    dicom_window: str = "voi"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Everything that a training can be told.

    Attributes:
        data: Where images and masks come from.
        split: How they are divided.
        input: How an image becomes the input of the network.
        augment: How far images are changed.
        network: Which network.
        init: Folder of a model whose weights the training begins with. Network, head, channels and
            scaling are then those of the model, and its examples stay in their parts.
        head: ``softmax`` for exclusive classes, ``sigmoid`` for one class or overlapping ones;
            ``auto`` takes sigmoid for a single class and for multi-hot masks.
        loss: Name of a loss, or a sum such as ``dice+bce``; ``auto`` fits the head.
        loss_options: Parameters of the losses by name, such as ``gamma``.
        class_weights: ``none``, ``balanced`` (from the class distribution), or a weight per class
            name; classes that are not named have weight 1.
        epochs: Passes over the training examples.
        batch_size: Images or crops per step.
        learning_rate: Highest learning rate.
        schedule: How it falls.
        warmup: Epochs in which it rises from 0.
        optimizer: Name of the optimizer.
        weight_decay: Of the optimizer.
        gradient_clip: Largest norm of the gradient; 0 for no limit.
        patience: Validations without a better score until the training stops; 0 never stops.
        validate_every: Epochs between validations.
        precision: Of the computation; the weights are float32 anyway.
        seed: Of weights, crops, order and augmentation.
        backend: What Keras computes with.
        devices: Number of devices that share each batch; 0 for all.
        post_processing: Whether it is chosen, on the validation examples and by lesion F1, which
            small regions of a class are removed, whether its holes are filled, and whether only the
            largest region of a unit stays: ``auto`` or ``none``.
        track: What is told of every epoch besides the history in the folder of the run.
    """

    data: DataOptions = DataOptions()
    split: SplitOptions = SplitOptions()
    input: InputOptions = InputOptions()
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    network: NetworkOptions = NetworkOptions()
    init: str | None = None
    head: Head | Auto = "auto"
    loss: Annotated[str, Among(("auto", "dice", "dice+focal", "tversky", "focal-tversky"))] = "auto"
    loss_options: Annotated[Mapping[str, float], Range(-1e6, 1e6)] = field(default_factory=dict)
    class_weights: Annotated[
        Literal["none", "balanced"] | Mapping[str, float], Range(0, 1e6, above=True)
    ] = "none"
    epochs: Annotated[int, Range(1, 1_000_000)] = 50
    batch_size: Annotated[int, Range(1, 65_536), Among((4, 8, 16))] = 8
    learning_rate: Annotated[float, Range(0, 100, above=True), Between(1e-4, 1e-2)] = 1e-3
    schedule: Schedule = "cosine"
    warmup: Annotated[float, Range(0, 1_000_000)] = 0.0
    optimizer: Optimizer = "adam"
    weight_decay: Annotated[float, Range(0, 100), Between(1e-6, 1e-2)] = 0.0
    gradient_clip: Annotated[float, Range(0, 1e9)] = 0.0
    patience: Annotated[int, Range(0, 1_000_000)] = 20
    validate_every: Annotated[int, Range(1, 1_000_000)] = 1
    precision: Precision = "auto"
    seed: Seed = 0
    backend: Backend = "auto"
    devices: Annotated[int, Range(0, 4096)] = 0
    post_processing: ChosenPostProcessing = "auto"
    track: Tracker = "none"
