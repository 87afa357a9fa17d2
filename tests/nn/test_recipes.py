"""The recipes of the documentation: read, planned as they are, and trained for two steps."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import maskforge as mf
from maskforge.examples.sources import open_examples
from maskforge.nn.networks import build_network
from maskforge.training.configfile import build_options, read_config
from maskforge.training.plan import make_plan
from maskforge.training.train import choose_splits, train

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "docs" / "recipes").glob("*.toml"))
PAGE = ROOT / "docs" / "training" / "recipes.md"

every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=[one.stem for one in RECIPES])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with data of every form that a recipe is for, in the places that they name."""
    folder = tmp_path_factory.mktemp("recipes")
    shutil.copytree(ROOT / "docs" / "recipes", folder / "docs" / "recipes")
    for make in (_carvana, _membranes, _cityscapes, _radiographs):
        make(folder)
    return folder


@pytest.fixture
def workplace(data, monkeypatch):
    monkeypatch.chdir(data)


def test_there_are_recipes():
    assert len(RECIPES) >= 7


@every_recipe
@pytest.mark.usefixtures("workplace", "zero_weights")
def test_recipe_is_planned_as_it_stands(recipe):
    options = build_options(read_config(recipe))
    data = asdict(options.data)
    del data["hold"], data["workers"]
    examples = open_examples(**data)
    (split,) = choose_splits(options.split, examples)
    plan = make_plan(options, examples, split)
    assert (plan.head, plan.options.loss) == (options.head, options.loss)
    without_download = "none" if options.network.encoder else "imagenet"
    built = build_network(
        replace(options.network, encoder_weights=without_download),
        input_shape=(None, None, plan.scaling.channels),
        outputs=len(plan.channel_ids),
    )
    row = next(line for line in PAGE.read_text("utf-8").splitlines() if f"`{recipe.stem}`" in line)
    assert f"{built.count_params():,}" in row


@every_recipe
@pytest.mark.usefixtures("workplace", "eager")
def test_recipe_trains_and_leaves_a_model(recipe, tmp_path):
    document = read_config(recipe)
    document |= {"epochs": 1, "batch_size": 2, "learning_rate": 1e-3}
    document["network"] = {
        key: value for key, value in document["network"].items() if "encoder" not in key
    } | {"filters": 2}
    if recipe.stem != "cityscapes-fcn8":
        document["network"] |= {"depth": 1, "convolutions": 1}
    crop = 64 * bool(document["input"]["crop"])
    document["input"] |= {"resize": "96x64", "crop": crop, "crops_per_image": 1}
    options = build_options(document)
    record = train(None, tmp_path / "run", options)
    assert record.state == "finished"
    assert record.parameters > 0
    assert (tmp_path / "run" / "model.keras").is_file()


def _squares(number, size, values, seed):
    """Return an image and a mask of squares; every value is somewhere in it."""
    random = np.random.default_rng([seed, number])
    mask = np.full(size, values[0], np.uint8)
    side = min(size) // 6
    for place, value in enumerate(values[1:]):
        row = place % 3 * (size[0] // 3) + random.integers(side)
        column = place // 3 * (size[1] // 6) + random.integers(side // 2 + 1)
        mask[row : row + side, column : column + side // 2] = value
    image = np.clip(mask.astype(float) * 3 + random.normal(40, 10, size), 0, 255)
    return image.astype(np.uint8), mask


def _carvana(folder):
    for number in range(4):
        gray, mask = _squares(number, (160, 240), (0, 1), 1)
        cv2.imwrite(str(_made(folder / "carvana/train") / f"{number:x}a_01.jpg"), _color(gray))
        cv2.imwrite(str(_made(folder / "carvana/train_masks") / f"{number:x}a_01_mask.png"), mask)


def _membranes(folder):
    for number in range(4):
        image, mask = _squares(number, (300, 300), (255, 0), 2)
        cv2.imwrite(str(_made(folder / "membrane/image") / f"{number}.png"), image)
        cv2.imwrite(str(_made(folder / "membrane/label") / f"{number}.png"), mask)


def _cityscapes(folder):
    rows = ["image,mask,city"]
    for number in range(4):
        gray, mask = _squares(number, (128, 256), (0, 7, 11, 17, 21, 23, 24, 26), 3)
        mask[-4:, -4:] = 33
        image, label = f"{number}_leftImg8bit.png", f"{number}_gtFine_labelIds.png"
        cv2.imwrite(str(folder / image), _color(gray))
        cv2.imwrite(str(folder / label), mask)
        rows.append(f"{image},{label},city{number}")
    (folder / "cityscapes.csv").write_text("\n".join(rows), encoding="utf-8")


def _radiographs(folder):
    samples = ROOT / "samples"
    classes = mf.load_class_map(samples / "classes.toml")
    mf.convert(samples / "labelme", folder / "masks", classes=classes)


def _made(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _color(gray):
    return np.dstack((gray, gray // 2, 255 - gray))
