"""Once around the loop, as the tutorial goes, with images of discs and a tiny network.

All masks are of 0 and 255, which every command on the way has to understand.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from training_runs import disc
from typer.testing import CliRunner

import maskforge as mf
from maskforge.cli.app import app

pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

PAGE = Path(__file__).parents[2] / "docs" / "training" / "correcting.md"
COUNTS = {"drawn": 4, "incoming": 6, "held-out": 3}
FURTHER = {
    "convert": "--encoding binary",
    "train": "--crop 0 --epochs {epochs} --learning-rate 0.01 --augment none --batch-size 2 "
    "--precision float32 --filters 4 --depth 1 --normalization none --workers 1 --devices 1",
    "predict": "--runtime keras --encoding binary",
    "evaluate": "--runtime keras --bootstrap 0 --no-charts --worst 0 --json",
}
"""What is said besides, so that it takes seconds: of an option given twice, the last counts."""


def draw(folder: Path, count: int, first: int) -> None:
    """Write images of discs, with LabelMe files that say where they are."""
    folder.mkdir()
    for number in range(first, first + count):
        pixels, mask = disc(number)
        rows, columns = mask.nonzero()
        middle = [(columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2]
        name = f"bitewing-{number:04}"
        Image.fromarray(pixels).save(folder / f"{name}.png")
        shape = {
            "label": "caries",
            "shape_type": "circle",
            "points": [middle, [middle[0] + 8.3, middle[1]]],
        }
        content = {
            "version": "5.5.0",
            "flags": {},
            "shapes": [shape, {**shape, "label": "dentine"}],
            "imagePath": f"{name}.png",
            "imageData": None,
            "imageHeight": 32,
            "imageWidth": 32,
        }
        (folder / f"{name}.json").write_text(json.dumps(content))


def steps():
    """Yield the commands and the program of the page, in their order."""
    parts = PAGE.read_text("utf-8").split("```")
    for part in parts[1::2]:
        language, _, code = part.partition("\n")
        if language == "python":
            yield code
        elif language == "bash":
            for line in code.replace("\\\n", " ").splitlines():
                if line.startswith("maskforge "):
                    yield shlex.split(line)[1:]


def test_the_second_network_is_better_than_the_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, (name, count) in enumerate(COUNTS.items()):
        draw(Path(name), count, 10 * number)
    dice = {}
    for step in steps():
        if isinstance(step, str):
            exec(compile(step, str(PAGE), "exec"), {})
            continue
        epochs = 7 if "--init" in step else 3
        further = FURTHER.get(step[0], "").format(epochs=epochs).split()
        result = CliRunner().invoke(app, [*step, *further], catch_exceptions=False)
        assert result.exit_code == 0, f"{step}\n{result.output}"
        if step[0] == "evaluate":
            (found,) = (one for one in json.loads(result.stdout)["classes"] if one["id"] == 1)
            dice[step[1]] = found["dice"]
    assert dice["runs/second"] > dice["runs/first"] + 0.1
    for folder, count in {"masks": 4, "test": 3, "predicted": 6, "masks-2": 4 + 5}.items():
        dataset = mf.open_dataset(folder)
        assert [item.entry.encoding for item in dataset] == ["binary"] * count
        assert {255} <= {*np.unique([item.read_mask() for item in dataset])} <= {0, 255}
    made = [item.entry.made for item in mf.open_dataset("masks-2")]
    assert (made.count("drawn"), len(made)) == (4, 4 + 5)
    split = json.loads(Path("runs/second/split.json").read_bytes())["examples"]
    before = json.loads(Path("runs/first/split.json").read_bytes())["examples"]
    parts = {one["image"]: one["part"] for one in split}
    assert all(parts[one["image"]] == one["part"] for one in before)
    (row, *_) = (Path("masks-2") / "corrections.csv").read_text().splitlines()[1:]
    assert row.startswith("bitewing-0010,changed,corrected,prediction,")
