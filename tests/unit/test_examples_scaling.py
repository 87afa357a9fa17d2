"""Choosing white and channels from the images of a training."""

import cv2
import numpy as np
import pytest
from example_files import WIDTH, save
from PIL import Image

from maskforge.errors import DatasetError
from maskforge.examples.example import Example
from maskforge.examples.scaling import choose_scaling
from maskforge.shapes import Size


def stored(path, pixels):
    if pixels.ndim == 3 and pixels.dtype == np.uint16:
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), pixels)
    else:
        save(path, pixels)
    size = Size(pixels.shape[1], pixels.shape[0])
    return Example(name=path.stem, image=path, mask=path, size=size)


def flat(value, dtype=np.uint8, channels=None):
    return np.full((3, WIDTH, channels) if channels else (3, WIDTH), value, dtype=dtype)


@pytest.mark.parametrize(
    ("images", "white", "channels"),
    [
        ([flat(3)], 255, 1),
        ([flat(3), flat(3, channels=3)], 255, 3),
        ([flat(255, np.uint16)], 255, 1),
        ([flat(300, np.uint16), flat(4095, np.uint16)], 4095, 1),
        ([flat(9), flat(60000, np.uint16)], 65535, 1),
        ([flat(4096, np.uint16, 3)], 16383, 3),
        ([flat(70, np.int32), flat(1000, np.int32)], 1023, 1),
    ],
)
def test_white_and_channels(tmp_path, images, white, channels):
    suffix = ".tif" if images[0].dtype == np.int32 else ".png"
    examples = [stored(tmp_path / f"{n}{suffix}", one) for n, one in enumerate(images)]
    record = choose_scaling(examples, "z-score")
    assert (record.kind, record.white, record.channels) == ("z-score", white, channels)


def test_the_color_can_be_told(tmp_path):
    one = stored(tmp_path / "a.png", flat(3, channels=3))
    assert choose_scaling([one], color="gray").channels == 1
    assert choose_scaling([stored(tmp_path / "b.png", flat(3))], color="rgb").channels == 3


def test_palettes_are_colors(tmp_path):
    Image.fromarray(flat(3)).convert("P").save(tmp_path / "a.png")
    one = Example(name="a", image=tmp_path / "a.png", mask=tmp_path / "a.png", size=Size(4, 3))
    assert choose_scaling([one]).channels == 3


def test_an_image_that_is_gone_is_named(tmp_path):
    one = Example(name="a", image=tmp_path / "a.png", mask=tmp_path / "a.png", size=Size(4, 3))
    with pytest.raises(DatasetError, match=r"a\.png"):
        choose_scaling([one])
