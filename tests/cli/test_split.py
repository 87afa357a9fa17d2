"""``maskforge split``."""

import csv
import json

import numpy as np
import pytest
from builders import run
from PIL import Image


def split(*arguments):
    return run("split", *arguments)


@pytest.fixture
def data(tmp_path):
    """Ten images of five patients; the mask of image n has n of 12 pixels."""
    for folder in ("images", "masks"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    for number in range(10):
        name = f"p{number // 2}_{number}.png"
        image = np.full((3, 4), number, dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / "data" / "images" / name)
        mask = np.zeros(12, dtype=np.uint8)
        mask[:number] = 255
        Image.fromarray(mask.reshape(3, 4)).save(tmp_path / "data" / "masks" / name)
    return tmp_path / "data"


def test_a_split_is_written_and_shown(data, tmp_path):
    out = tmp_path / "split.json"
    options = ("--group-pattern", "^p[0-9]", "--test", 0.2, "--seed", 3)
    result = split(data, "--out", out, *options)
    assert result.exit_code == 0, result.stderr
    assert "note: masks are binary" in result.stdout
    cells = [line.split() for line in result.stdout.splitlines()]
    assert ["test", "2", "1", "2"] in cells or ["test", "2", "1", "1"] in cells
    document = json.loads(out.read_bytes())
    assert document["options"] == {"test": 0.2, "seed": 3, "stratify": True, "validation": 0.2}
    parts = {}
    for one in document["examples"]:
        assert one["group"] == one["name"][:2]
        assert len(one["image"]) == len(one["mask"]) == 64
        parts.setdefault(one["group"], set()).add(one["part"])
    assert all(len(one) == 1 for one in parts.values())


def test_json_counts_pixels_per_class(data, tmp_path):
    """45 pixels of 120 are foreground."""
    result = split(data, "--out", tmp_path / "s.json", "--mask-value", "255=caries",
                 "--mask-value", "0=background", "--json")  # fmt: skip
    parts = json.loads(result.stdout)["parts"]
    assert sum(one["examples"] for one in parts.values()) == 10
    assert sum(one["with_foreground"] for one in parts.values()) == 9
    assert sum(one["pixels"]["caries"] for one in parts.values()) == 45
    assert sum(one["pixels"]["background"] for one in parts.values()) == 75
    assert sorted(parts["train"]["names"] + parts["validation"]["names"]) == sorted(
        path.stem for path in (data / "images").iterdir()
    )


def test_folds_are_written_into_one_file(data, tmp_path):
    result = split(data, "--out", tmp_path / "s.json", "--folds", 5)
    assert result.exit_code == 0, result.stderr
    listed = json.loads((tmp_path / "s.json").read_bytes())["examples"]
    assert {one["part"] for one in listed} == {f"fold {number}" for number in range(1, 6)}
    assert "fold 5" in result.stdout


def test_a_table_with_patients(data, tmp_path):
    with (data / "t.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("file", "truth", "patient"))
        for path in sorted((data / "images").iterdir()):
            writer.writerow((f"images/{path.name}", f"masks/{path.name}", path.name[:2]))
    options = ("--image-column", "file", "--mask-column", "truth", "--group-column", "patient")
    result = split(data / "t.csv", "--out", tmp_path / "s.json", *options, "--json")
    parts = json.loads(result.stdout)["parts"]
    assert parts["validation"]["groups"] == 1
    assert parts["validation"]["examples"] == 2


def test_folders_and_single_classes(data, tmp_path):
    options = ("--images", data / "images", "--masks", data / "masks", "--only", "foreground")
    assert split(*options, "--out", tmp_path / "s.json").exit_code == 0
    result = split(*options[:4], "--only", "foregrund", "--out", tmp_path / "t.json")
    assert result.exit_code == 2
    assert "did you mean 'foreground'" in result.stderr


def test_results_are_not_replaced_unless_asked(data, tmp_path):
    (tmp_path / "s.json").write_text("precious")
    result = split(data, "--out", tmp_path / "s.json")
    assert result.exit_code == 2
    assert "already exists" in result.stderr
    assert (tmp_path / "s.json").read_text() == "precious"
    assert split(data, "--out", tmp_path / "s.json", "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mask-value", "255"), "is not VALUE=NAME"),
        (("--mask-value", "1=a", "--mask-value", "1=b"), "is given twice"),
        (("--validation", "2"), "share for validation"),
        (("--folds", "11"), "cannot be divided into 11 folds"),
        (("--group-pattern", "^q"), "does not match 10 of 10 names"),
    ],
)
def test_wrong_use_is_explained(data, tmp_path, options, message):
    result = split(data, "--out", tmp_path / "s.json", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "s.json").exists()


def test_no_data_at_all(tmp_path):
    result = split("--out", tmp_path / "s.json")
    assert result.exit_code == 2
    assert "--images PATH and --masks PATH" in result.stderr
