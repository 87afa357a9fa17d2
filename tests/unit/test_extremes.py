"""Images of the best and the worst validation examples."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from training_runs import BOTH, DISC, disc, options, split_of, write

from maskforge.examples.example import ExampleSet
from maskforge.shapes import Size
from maskforge.training.extremes import draw_extremes
from maskforge.training.plan import make_plan


def drawn(folder, examples, chosen, **changed):
    """Draw examples whose prediction is the truth."""
    plan = make_plan(
        options(**changed), examples, split_of(examples, [one.name for one in examples][1:])
    )

    def predict(asked):
        for one in asked:
            target = one.read_target(plan.classes, plan.head)
            if plan.head == "softmax":
                yield one, np.eye(256, dtype=np.float32)[target][..., : len(BOTH.ids)], target
            else:
                yield one, (target == 1).astype(np.float32), target

    dice = {one.name: 1.0 for one in examples}
    draw_extremes(folder, plan, chosen, dice, predict, [0.5] * len(plan.channel_ids), {})
    return {path.name: Image.open(path) for path in folder.iterdir()}


def test_names_of_folders_do_not_collide(tmp_path):
    found = [write(tmp_path / "in", "first", *disc(0))]
    found += [write(tmp_path / f"in{n}", name, *disc(n)) for n, name in enumerate(["a/b", "a_b"])]
    out = tmp_path / "out"
    out.mkdir()
    (out / "worst-1-old.png").write_bytes(b"")
    pages = drawn(out, ExampleSet(tuple(found), DISC, "x"), {"worst": ["a/b", "a_b"]})
    assert sorted(pages) == ["worst-1-a_b.png", "worst-2-a_b.png"]
    for page in pages.values():
        page.close()


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_drawn_and_predicted_stand_side_by_side(tmp_path, head):
    """Class 4 at the top, void at the bottom; both halves are enlarged 28 times."""
    found = []
    for number in range(2):
        image, mask = disc(number)
        mask[:4], mask[-4:] = 4, 255
        found.append(write(tmp_path / "in", f"x{number}", image, mask))
    examples = ExampleSet(tuple(found), BOTH, "x")
    (page,) = drawn(tmp_path / "out", examples, {"best": ["x1"]}, head=head).values()
    with page:
        pixels = np.asarray(page.convert("RGB")).astype(int)
    assert pixels.shape[1] == 2 * 28 * 32
    top = len(pixels) // 2 - 28 * 16  # about: there is a line above and some below
    left, right = np.split(pixels[max(top, 30) : 60], 2, axis=1)
    np.testing.assert_array_equal(left, right)
    assert (left[..., 1] > left[..., 0]).mean() > 0.9, "green is class 4"


def test_large_images_are_drawn_smaller(tmp_path):
    image = np.zeros((20, 4100), np.uint8)
    mask = np.zeros_like(image)
    mask[5:15] = 1
    found = tuple(write(tmp_path / "in", f"x{number}", image, mask) for number in range(2))
    assert found[0].size == Size(4100, 20)
    examples = ExampleSet(found, DISC, "x")
    (page,) = drawn(tmp_path / "out", examples, {"worst": ["x1"]}).values()
    with page:
        assert page.width == 2 * 1367  # every third pixel
