"""``maskforge split``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskforge.cli import dataoptions as data
from maskforge.cli import options as shared
from maskforge.cli.console import print_json, print_table, progress, reported_errors
from maskforge.display.table import Table

if TYPE_CHECKING:
    from maskforge.examples.example import ExampleSet
    from maskforge.examples.split import Split


def split(
    dataset: data.Dataset = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The split file to write.")] = Path(
        "split.json"
    ),
    images: data.Images = None,
    masks: data.Masks = None,
    image_column: data.ImageColumn = None,
    mask_column: data.MaskColumn = None,
    classes: data.Classes = None,
    mask_value: data.MaskValue = None,
    only: data.Only = None,
    group_column: data.GroupColumn = None,
    group_pattern: data.GroupPattern = None,
    validation: Annotated[float, typer.Option(help="Share of the examples for validation.")] = 0.2,
    test: Annotated[float, typer.Option(help="Share of the examples for testing.")] = 0.0,
    folds: Annotated[
        int, typer.Option(min=0, help="Folds for cross-validation instead of one split; 0: none.")
    ] = 0,
    stratify: Annotated[
        bool, typer.Option(help="Give every part its share of the examples with each class.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Another seed gives another split.")] = 0,
    overwrite: shared.Overwrite = False,
    as_json: shared.Json = False,
) -> None:
    """Divide images with masks into training, validation and test, never through a group.

    Exit codes: 0 done; 2 wrong use, or the data cannot be divided like that.

    Example: maskforge split masks/ --group-pattern "^(p[0-9]+)_" --test 0.2 --out split.json
    """
    with reported_errors():
        from maskforge.errors import OutputExistsError
        from maskforge.examples.sources import open_examples
        from maskforge.examples.split import make_folds, make_split
        from maskforge.examples.splitfile import write_split
        from maskforge.issues import Origin

        if out.exists() and not overwrite:
            raise OutputExistsError(
                "already exists",
                origin=Origin(out, ""),
                hint="choose another file, or replace it with --overwrite",
            )
        with progress() as update:
            examples = open_examples(
                dataset,
                images=images,
                masks=masks,
                image_column=image_column,
                mask_column=mask_column,
                classes=classes,
                mask_values=data.parse_mask_values(mask_value),
                only=only or (),
                group_column=group_column,
                group_pattern=group_pattern,
                progress=update,
            )
        options: dict[str, Any] = {"test": test, "seed": seed, "stratify": stratify}
        if folds:
            made = make_folds(examples, folds, test=test, seed=seed, stratify=stratify)
            options |= {"folds": folds}
        else:
            one = make_split(
                examples, validation=validation, test=test, seed=seed, stratify=stratify
            )
            made = [one]
            options |= {"validation": validation}
        write_split(out, examples, made, options=options)
        parts = _parts(made)
        summary = {name: _summary(examples, names) for name, names in parts.items()}
        notes = [*examples.notes, *made[0].notes]
        if as_json:
            print_json(
                {
                    "out": str(out),
                    "source": examples.source,
                    "notes": notes,
                    "parts": {
                        name: {**summary[name], "names": names} for name, names in parts.items()
                    },
                }
            )
            return
        for note in notes:
            typer.echo(f"note: {note}")
        _print(examples, summary)
        typer.echo(f"split file: {out}")


def _parts(made: list[Split]) -> dict[str, tuple[str, ...]]:
    """Return the names of every part that has any; of a cross-validation every fold."""
    if len(made) > 1:
        parts = {f"fold {number}": one.validation for number, one in enumerate(made, 1)}
    else:
        parts = {"train": made[0].train, "validation": made[0].validation}
    parts["test"] = made[0].test
    return {name: names for name, names in parts.items() if names}


def _summary(examples: ExampleSet, names: Iterable[str]) -> dict[str, Any]:
    from maskforge.examples.statistics import class_pixels, statistics_of

    part = examples.subset(list(names))
    groups = {("group", one.group) if one.group else ("name", one.name) for one in part}
    known = part.classes.names
    return {
        "examples": len(part),
        "groups": len(groups),
        "with_foreground": sum(bool(statistics_of(one).present) for one in part),
        "pixels": {known.get(id_, str(id_)): count for id_, count in class_pixels(part).items()},
    }


def _print(examples: ExampleSet, summary: dict[str, dict[str, Any]]) -> None:
    typer.echo(f"{len(examples)} examples of {examples.source}")
    print_table(
        Table(
            "Parts",
            ("part", "examples", "groups", "with foreground"),
            [
                (name, part["examples"], part["groups"], part["with_foreground"])
                for name, part in summary.items()
            ],
        )
    )
    classes = dict.fromkeys(name for part in summary.values() for name in part["pixels"])
    rows = [(name, *(part["pixels"].get(name, 0) for part in summary.values())) for name in classes]
    print_table(Table("Pixels per class", ("class", *summary), rows))
