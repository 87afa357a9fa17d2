"""``--extract-images``: images that exist only inside annotation files."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import pytest
from PIL import Image

import maskforge as mf
from maskforge.issues import Code


def encoded(format_: str, size: tuple[int, int] = (6, 4)) -> bytes:
    stream = io.BytesIO()
    Image.new("L", size, 77).save(stream, format=format_)
    return stream.getvalue()


def annotate(folder: Path, image: bytes | None, **keys: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    box = {"label": "a", "shape_type": "rectangle", "points": [[1, 1], [3, 3]]}
    data = None if image is None else base64.b64encode(image).decode()
    content = {"imagePath": "x.bmp", "imageData": data, "shapes": [box], **keys}
    (folder / "x.json").write_text(json.dumps(content))


@pytest.mark.parametrize(("format_", "suffix"), [("PNG", "png"), ("JPEG", "jpg")])
def test_the_image_is_written_as_it_is(tmp_path: Path, format_: str, suffix: str) -> None:
    image = encoded(format_)
    annotate(tmp_path / "in" / "day", image)
    out = tmp_path / "out"
    report = mf.convert(tmp_path / "in", out, extract_images=True)
    (item,) = mf.open_dataset(out)
    assert item.entry.image == f"extracted-images/day/x.{suffix}"
    assert item.image_path is not None
    assert item.image_path.read_bytes() == image
    assert report.issues == []


def test_an_image_that_is_found_is_not_extracted(tmp_path: Path) -> None:
    annotate(tmp_path / "in", encoded("PNG"))
    (tmp_path / "in" / "x.bmp").write_bytes(encoded("BMP"))
    out = tmp_path / "out"
    mf.convert(tmp_path / "in", out, extract_images=True)
    (item,) = mf.open_dataset(out)
    assert item.entry.image == "../in/x.bmp"
    assert not (out / "extracted-images").exists()


def test_without_the_option_the_report_says_what_to_do(tmp_path: Path) -> None:
    annotate(tmp_path / "in", encoded("PNG"))
    report = mf.convert(tmp_path / "in", tmp_path / "out")
    (issue,) = report.issues
    assert issue.code == str(Code.IMAGE_MISSING)
    assert "--extract-images" in issue.hint
    assert not (tmp_path / "out" / "extracted-images").exists()


def test_a_damaged_image_is_named_and_the_mask_is_made(tmp_path: Path) -> None:
    annotate(tmp_path / "in", b"no image", imageWidth=6, imageHeight=4)
    report = mf.convert(tmp_path / "in", tmp_path / "out", extract_images=True)
    codes = [issue.code for issue in report.issues]
    assert codes == [str(Code.IMAGE_MISSING), str(Code.IMAGE_UNREADABLE)]
    (item,) = mf.open_dataset(tmp_path / "out")
    assert item.image_path is None


def test_overwriting_removes_extracted_images_that_are_no_longer_wanted(tmp_path: Path) -> None:
    annotate(tmp_path / "in", encoded("PNG"))
    out = tmp_path / "out"
    mf.convert(tmp_path / "in", out, extract_images=True)
    mf.convert(tmp_path / "in", out, overwrite=True)
    assert [path for path in out.rglob("*.png") if "extracted" in str(path)] == []
    assert len(list((out / "masks").iterdir())) == 1
