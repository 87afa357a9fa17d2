"""``maskforge train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from maskforge.choices import (
    Architecture,
    AugmentPreset,
    Backend,
    Color,
    Encoder,
    Head,
    Holding,
    Normalization,
    Optimizer,
    Precision,
    Preset,
    Scaling,
    Schedule,
    Upsampling,
)
from maskforge.cli import dataoptions as data
from maskforge.cli import options as shared
from maskforge.cli.console import print_json, print_table, progress, reported_errors

if TYPE_CHECKING:
    from maskforge.training.configfile import Document
    from maskforge.training.run_folder import RunRecord

_DATA, _SPLIT, _INPUT = "Data", "Split", "Input"
_NETWORK, _TRAINING, _RUN = "Network and loss", "Training", "Run"


def _option(
    help_: str, panel: str, default: str, metavar: str | None = None, flag: str | None = None
) -> Any:  # noqa: ANN401 - what typer gives
    # Nothing is a default here, so that a configuration file is not overruled by what nobody said.
    names = () if flag is None else (flag,)
    return typer.Option(
        *names, help=help_, rich_help_panel=panel, show_default=default, metavar=metavar
    )


Whole: TypeAlias = int | None
Real: TypeAlias = float | None


def train(
    dataset: data.Dataset = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the run.", show_default=False),
    ] = None,
    images: data.Images = None,
    masks: data.Masks = None,
    image_column: data.ImageColumn = None,
    mask_column: data.MaskColumn = None,
    classes: data.Classes = None,
    mask_value: data.MaskValue = None,
    only: data.Only = None,
    group_column: data.GroupColumn = None,
    group_pattern: data.GroupPattern = None,
    hold: Annotated[
        Holding | None, _option("Decoded images: kept, or read again.", _DATA, "auto")
    ] = None,
    workers: Annotated[
        Whole, _option("Threads that prepare batches.", _DATA, "one per core, at most 8")
    ] = None,
    validation: Annotated[
        Real, _option("Share that chooses epoch and threshold.", _SPLIT, "0.2")
    ] = None,
    test: Annotated[Real, _option("Share that training never sees.", _SPLIT, "0")] = None,
    folds: Annotated[
        Whole, _option("Cross-validation with this many trainings.", _SPLIT, "0")
    ] = None,
    stratify: Annotated[
        bool | None,
        _option("Give every part its share of the examples with each class.", _SPLIT, "yes"),
    ] = None,
    split: Annotated[
        Path | None, _option("Split file: who is in which part.", _SPLIT, "none", "FILE")
    ] = None,
    crop: Annotated[
        str | None,
        _option("Side of random crops; 0 trains on whole images.", _INPUT, "auto", "PX"),
    ] = None,
    rare_share: Annotated[
        Real, _option("Share of crops centered on rare classes.", _INPUT, "0.5")
    ] = None,
    resize: Annotated[
        str | None, _option("Scale every image.", _INPUT, "keep", "WIDTHxHEIGHT")
    ] = None,
    color: Annotated[Color | None, _option("Channels.", _INPUT, "auto")] = None,
    scaling: Annotated[Scaling | None, _option("Of the values.", _INPUT, "zero-one")] = None,
    augment: Annotated[
        AugmentPreset | None, _option("How far images are changed.", _INPUT, "light")
    ] = None,
    arch: Annotated[Architecture | None, _option("Architecture.", _NETWORK, "unet")] = None,
    preset: Annotated[Preset | None, _option("A published network.", _NETWORK, "none")] = None,
    filters: Annotated[
        Whole, _option("Filters of the first level.", _NETWORK, "16 for unet")
    ] = None,
    depth: Annotated[Whole, _option("Number of poolings.", _NETWORK, "4 for unet")] = None,
    upsampling: Annotated[
        Upsampling | None, _option("In the decoder.", _NETWORK, "transpose")
    ] = None,
    normalization: Annotated[
        Normalization | None, _option("After convolutions.", _NETWORK, "by architecture")
    ] = None,
    dropout: Annotated[Real, _option("Rate.", _NETWORK, "by architecture")] = None,
    deep_supervision: Annotated[
        bool | None, _option("A loss at every level of unetpp.", _NETWORK, "no")
    ] = None,
    encoder: Annotated[
        Encoder | None, _option("Backbone of keras.applications.", _NETWORK, "none")
    ] = None,
    encoder_weights: Annotated[
        str | None, _option("Of the backbone.", _NETWORK, "imagenet", "imagenet|none|FILE")
    ] = None,
    freeze_encoder: Annotated[
        Whole, _option("Epochs in which the backbone rests; -1: all.", _NETWORK, "0")
    ] = None,
    head: Annotated[Head | None, _option("softmax: exclusive classes.", _NETWORK, "auto")] = None,
    loss: Annotated[
        str | None, _option("A loss, or a sum such as dice+bce.", _NETWORK, "auto", "NAME")
    ] = None,
    class_weights: Annotated[
        str | None,
        _option("none, balanced, or NAME=WEIGHT,...", _NETWORK, "none", "WEIGHTS"),
    ] = None,
    epochs: Annotated[Whole, _option("Passes over the examples.", _TRAINING, "50")] = None,
    batch_size: Annotated[Whole, _option("Crops per step.", _TRAINING, "8")] = None,
    learning_rate: Annotated[Real, _option("Highest one.", _TRAINING, "0.001")] = None,
    schedule: Annotated[Schedule | None, _option("How it falls.", _TRAINING, "cosine")] = None,
    optimizer: Annotated[Optimizer | None, _option("Optimizer.", _TRAINING, "adam")] = None,
    patience: Annotated[
        Whole, _option("Validations without gain until it stops.", _TRAINING, "20")
    ] = None,
    precision: Annotated[
        Precision | None, _option("Of the computation.", _TRAINING, "auto")
    ] = None,
    seed: Annotated[Whole, _option("Of everything that is random.", _TRAINING, "0")] = None,
    backend: Annotated[
        Backend | None, _option("What Keras computes with.", _TRAINING, "auto")
    ] = None,
    devices: Annotated[
        Whole, _option("Devices that share a batch; 0: all.", _TRAINING, "0")
    ] = None,
    tensorboard: Annotated[bool | None, _option("Write logs for TensorBoard.", _RUN, "no")] = None,
    config: Annotated[
        Path | None, _option("TOML file with any of these options.", _RUN, "none", "FILE")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any option of the file, such as augment.rotate=30; may be repeated.",
            rich_help_panel=_RUN,
            show_default=False,
        ),
    ] = None,
    print_config: Annotated[
        bool,
        _option(
            "Print the configuration as TOML, and do nothing.", _RUN, "no", flag="--print-config"
        ),
    ] = False,
    resume: Annotated[
        bool,
        _option("Go on with the run in --out after it was killed.", _RUN, "no", flag="--resume"),
    ] = False,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Train a segmentation network on images and masks.

    Exit codes: 0 trained; 2 wrong use, or the training cannot go on; 130 interrupted (the best
    model so far is saved).

    Example: maskforge train masks/ --out runs/first --only caries --epochs 30
    """
    given: dict[str, object] = {
        "data.dataset": dataset and str(dataset),
        "data.images": images and str(images),
        "data.masks": masks and str(masks),
        "data.image_column": image_column,
        "data.mask_column": mask_column,
        "data.classes": classes and str(classes),
        "data.only": only or None,
        "data.group_column": group_column,
        "data.group_pattern": group_pattern,
        "data.hold": hold,
        "data.workers": workers,
        "split.validation": validation,
        "split.test": test,
        "split.folds": folds,
        "split.stratify": stratify,
        "split.file": split and str(split),
        "input.crop": int(crop) if crop and crop.isdigit() else crop,
        "input.rare_share": rare_share,
        "input.resize": resize,
        "input.color": color,
        "input.scaling": scaling,
        "augment.preset": augment,
        "network.arch": arch,
        "network.preset": preset,
        "network.filters": filters,
        "network.depth": depth,
        "network.upsampling": upsampling,
        "network.normalization": normalization,
        "network.dropout": dropout,
        "network.deep_supervision": deep_supervision,
        "network.encoder": encoder,
        "network.encoder_weights": encoder_weights,
        "network.freeze_encoder": freeze_encoder,
        "head": head,
        "loss": loss,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "schedule": schedule,
        "optimizer": optimizer,
        "patience": patience,
        "precision": precision,
        "seed": seed,
        "backend": backend,
        "devices": devices,
        "tensorboard": tensorboard,
    }
    with reported_errors():
        from maskforge.cli.dataoptions import parse_mask_values
        from maskforge.errors import OptionError
        from maskforge.issues import Origin
        from maskforge.training.configfile import (
            build_options,
            dump_config,
            parse_setting,
            parse_weights,
            read_config,
            set_value,
        )

        given["data.mask_values"] = parse_mask_values(mask_value) or None
        given["class_weights"] = class_weights and parse_weights(class_weights)
        document: Document = {} if config is None else read_config(config)
        if config is not None:
            build_options(document, Origin(config, ""))
        said = {key: value for key, value in given.items() if value is not None}
        said |= dict(parse_setting(one) for one in set_ or ())
        for key, value in said.items():
            set_value(document, key, value)
        options = build_options(document)
        if print_config:
            from maskforge.training.plan import check_values

            check_values(options)
            typer.echo(dump_config(options), nl=False)
            raise typer.Exit
        if out is None:
            raise OptionError("--out is missing", hint="name the folder of the run")
        if resume and (said or config is not None):
            raise OptionError(
                "--resume takes the options of the run itself",
                hint="leave out everything but --out",
            )

        from maskforge.training.train import resume_training
        from maskforge.training.train import train as run

        with progress() as update:
            if resume:
                record = resume_training(out, progress=update, log=_log)
            else:
                record = run(options, out, overwrite=overwrite, progress=update, log=_log)
        if json:
            print_json(record)
        else:
            _print_record(record, out)
        if record.state == "interrupted":
            raise KeyboardInterrupt


def _log(line: str) -> None:
    typer.echo(line, err=True)


def _print_record(record: RunRecord, out: Path) -> None:
    from maskforge.training.run_folder import best_epoch

    print_table(best_epoch(record))
    for warning in record.warnings:
        typer.secho("warning: ", fg="yellow", nl=False)
        typer.echo(warning)
    typer.echo(f"model, history and images: {out}")
