"""From two stacks to a network, and from its predictions to the next one."""

import csv
import importlib.util

import numpy as np
import pytest
from builders import run
from PIL import Image
from training_runs import disc

import maskforge as mf

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None, reason="NO NETWORKS: Keras is not installed"
)
TINY = ("--crop", "0", "--filters", "2", "--depth", "1", "--batch-size", "2", "--devices", "1")
QUICK = (*TINY, "--epochs", "1", "--precision", "float32", "--augment", "none", "--workers", "1")


def written(path, pages):
    images = [Image.fromarray(page) for page in pages]
    images[0].save(path, save_all=True, append_images=images[1:])
    return path


def done(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.usefixtures("eager")
def test_a_volume_goes_the_whole_way(tmp_path):
    """As the ISBI 2012 challenge gives it: train-volume.tif and train-labels.tif."""
    pairs = [disc(number) for number in range(4)]
    volume = written(tmp_path / "train-volume.tif", [image for image, _ in pairs])
    labels = written(tmp_path / "train-labels.tif", [mask * np.uint8(255) for _, mask in pairs])
    data = ("--images", volume, "--masks", labels)
    model, predicted = tmp_path / "run", tmp_path / "predicted"
    result = done("train", *data, "--out", model, *QUICK)
    assert "stacks, of which every page is an image (1): train-volume" in result.stderr
    assert "examples: 3 training, 1 validation" in result.stderr
    result = done("predict", model, volume, "--out", predicted, "--runtime", "keras")
    assert "4 of 4 images predicted" in result.output
    assert "its masks: masks/train-volume.tif, whatever the type of file" in result.output
    by_model, by_masks = tmp_path / "by-model", tmp_path / "by-masks"
    bare = ("--bootstrap", "0", "--no-charts", "--worst", "0")
    all_ = ("--part", "all", "--runtime", "keras")
    done("evaluate", model, *data, "--out", by_model, *all_, *bare)
    done("evaluate", predicted, *data, "--out", by_masks, *bare)
    tables = []
    for out in (by_model, by_masks):
        with (out / "per-image.csv").open(newline="") as file:
            tables.append({row["image"]: row["dice"] for row in csv.DictReader(file)})
    assert tables[0] == tables[1]
    assert sorted(tables[0]) == [f"train-volume#{number}" for number in (1, 2, 3, 4)]
    done("preview", predicted, "--out", tmp_path / "preview")
    assert (tmp_path / "preview" / "train-volume#4.png").is_file()
    for number, item in enumerate(mf.open_dataset(predicted)):  # as if somebody had corrected them
        assert np.array_equal(item.read_image()[..., 0], pairs[number][0])
    written(predicted / "masks" / "train-volume.tif", [mask for _, mask in pairs])
    result = done("train", predicted, "--out", tmp_path / "next", *QUICK)
    assert "examples: 3 training, 1 validation" in result.stderr
