"""``maskforge split``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import print_json, print_table, progress, say
from maskforge.cli.dataoptions import Data, Dataset
from maskforge.cli.flags import Flag, Flags, Given, with_flags
from maskforge.display.table import Table
from maskforge.files import check_new_file
from maskforge.training.train_options import SplitOptions

if TYPE_CHECKING:
    from maskforge.examples.example import ExampleSet
    from maskforge.examples.split import Split


_HOW = Flags(
    SplitOptions,
    Flag(key="validation", help="Share of the examples for validation."),
    Flag(key="test", help="Share of the examples for testing."),
    Flag(key="folds", help="Folds for cross-validation instead of one split; 0: none."),
    Flag(key="stratify", help="Give every part its share of the examples with each class."),
    Flag(key="seed", help="Another seed gives another split."),
)


@with_flags
def split(
    dataset: Dataset = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The split file to write.")] = Path(
        "split.json"
    ),
    *,
    data: Data,
    how: Annotated[Given, _HOW],
    overwrite: shared.Overwrite = False,
    as_json: shared.Json = False,
) -> None:
    """Divide images with masks into training, validation and test, never through a group.

    Exit codes: 0 done; 2 wrong use, or the data cannot be divided like that.

    Example: maskforge split masks/ --group-pattern "^(p[0-9]+)_" --test 0.2 --out split.json
    """
    from maskforge.examples.sources import open_examples
    from maskforge.examples.splitfile import write_split
    from maskforge.training.splits import check_split, choose_splits

    options = SplitOptions(**how)
    check_split(options)
    check_new_file(out, overwrite=overwrite)
    with progress() as update:
        examples = open_examples(dataset, **data, progress=update)
    made = choose_splits(options, examples)
    unused = {"file", "validation" if options.folds else "folds"}
    used = {key: value for key, value in asdict(options).items() if key not in unused}
    write_split(out, examples, made, options=used)
    parts = _parts(made)
    summary = {name: _summary(examples, names) for name, names in parts.items()}
    notes = [*examples.notes, *made[0].notes]
    if as_json:
        print_json(
            {
                "out": str(out),
                "source": examples.source,
                "notes": notes,
                "parts": {name: {**summary[name], "names": names} for name, names in parts.items()},
            }
        )
        return
    for note in notes:
        say(f"note: {note}")
    _print(examples, summary)
    say(f"split file: {out}")


def _parts(made: Sequence[Split]) -> dict[str, tuple[str, ...]]:
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
    say(f"{len(examples)} examples of {examples.source}")
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
