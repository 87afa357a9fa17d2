"""Images and masks of public training sets."""

import cv2
import numpy as np
import pytest
from PIL import Image

from maskforge.errors import DatasetError
from maskforge.examples.scaling import choose_scaling
from maskforge.examples.sources import open_examples
from maskforge.examples.split import check_leaks, make_folds
from maskforge.examples.statistics import class_pixels
from maskforge.images.intensity import scale


@pytest.fixture
def isbi(corpus):
    return corpus / "training" / "isbi2012" / "zhixuhao__unet"


def test_isbi_membranes(isbi):
    found = open_examples(isbi, mask_values={"0": "membrane", "255": "background"})
    assert len(found) == 30
    black = sum(
        int((np.asarray(Image.open(path)) == 0).sum()) for path in (isbi / "label").glob("*.png")
    )
    assert class_pixels(found) == {0: 30 * 512 * 512 - black, 1: black}
    (first,) = found.subset(["0"])
    label = cv2.imread(str(isbi / "label" / "0.png"), cv2.IMREAD_UNCHANGED)
    for head in ("softmax", "sigmoid"):
        target = first.read_target(found.classes, head)
        assert np.array_equal(target.reshape(512, 512), label == 0)
    image = first.read_image()
    assert np.array_equal(
        image[..., 0], cv2.imread(str(isbi / "image" / "0.png"), cv2.IMREAD_UNCHANGED)
    )
    record = choose_scaling(found)
    assert (record.white, record.channels) == (255, 1)
    assert scale(image, record).max() == pytest.approx(image.max() / 255)
    for fold in make_folds(found, 5):
        assert len(fold.validation) == 6
        check_leaks(found, fold)


def test_isbi_masks_are_recognized_as_binary(isbi):
    found = open_examples(images=isbi / "image", masks=isbi / "label")
    assert found.notes == ("masks are binary: 0 and 255; 255 is taken as class 'foreground'",)


def test_images_are_not_taken_for_masks(isbi):
    with pytest.raises(DatasetError, match="these are shades, not class ids"):
        open_examples(images=isbi / "label", masks=isbi / "image")


def test_screenshots_of_masks_are_refused(corpus, tmp_path):
    """The image of a mask in a README is in colors, and of another size."""
    (folder,) = (corpus / "training" / "dental_sample").glob("*/src/img")
    table = tmp_path / "t.csv"
    table.write_text(f"image,mask\n{folder / 'original.JPG'},{folder / 'annotate.png'}\n")
    with pytest.raises(DatasetError, match=r"annotate\.png: the mask is an image in colors"):
        open_examples(table)
