"""Which image belongs to an annotation: what speaks for a file, and what against it."""

from __future__ import annotations

import base64
import io
import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from builders import image as flat_image
from builders import instance, labelme, manifest, run, square, superannotate, write_json
from PIL import Image, ImageOps

import maskforge as mf
from maskforge.images.embedded import EmbeddedImage
from maskforge.images.mask_likeness import is_mask_place, looks_like_mask
from maskforge.images.sameness import shows_same
from maskforge.issues import Code

WIDTH, HEIGHT = 64, 48


def pixels(seed: int, width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """A smooth image that no other seed makes."""
    noise = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def photo(path: Path, seed: int = 1, size: tuple[int, int] = (WIDTH, HEIGHT), **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels(seed, *size).save(path, **options)
    return path


def embedded(seed: int, format_: str = "PNG", size: tuple[int, int] = (WIDTH, HEIGHT), **options):
    buffer = io.BytesIO()
    pixels(seed, *size).save(buffer, format_, **options)
    return base64.b64encode(buffer.getvalue()).decode()


def labelme_record(path: Path, written: str, **keys) -> Path:
    keys = {"width": WIDTH, "height": HEIGHT} | keys
    return labelme(path, square("a", 4, 4, 24, 24), image=written, **keys)


def superannotate_record(path: Path, written: str) -> Path:
    corners = [[4, 4], [24, 4], [24, 24], [4, 24]]
    name = written.rpartition("/")[2]
    target = path.with_name(f"{name}.json")
    return superannotate(target, instance("a", corners), width=WIDTH, height=HEIGHT)


def vott_record(path: Path, written: str) -> Path:
    box = {"left": 4, "top": 4, "width": 20, "height": 20}
    asset = {
        "id": "a" * 32,
        "name": written.rpartition("/")[2],
        "path": f"file:/Users/ann/{written}",
        "size": {"width": WIDTH, "height": HEIGHT},
        "state": 2,
        "type": 1,
    }
    entry = {"id": "r", "type": "RECTANGLE", "tags": ["a"], "boundingBox": box, "points": []}
    content = {"asset": asset, "regions": [entry], "version": "2.2.0"}
    return write_json(path.with_name("a" * 32 + "-asset.json"), content)


RECORDS = [labelme_record, superannotate_record, vott_record]
every_format = pytest.mark.parametrize("record", RECORDS)


def found(source, **options):
    (image,) = mf.read(source, **options)
    return image


def by_stem(source, **options):
    return {image.origin.file.stem: image for image in mf.read(source, **options)}


def codes(image):
    return [issue.code for issue in image.issues]


def is_found(image, path, match):
    assert image.image.file is not None, image.issues
    assert image.image.file.samefile(path)
    assert image.image.match == match
    assert image.issues == ()


def is_refused(image, code, *texts):
    """No image is attached, the mask is drawn in the written size, and one note says why."""
    assert image.image.file is None
    assert image.image.match == "none"
    assert image.image.size == (WIDTH, HEIGHT)
    assert image.refusal is None
    assert codes(image) == [code]
    for text in texts:
        assert text in image.issues[0].message


# Names


@every_format
def test_an_image_beside_the_annotation_pairs_silently(tmp_path, record):
    expected = photo(tmp_path / "1.png")
    record(tmp_path / "1.json", "1.png")
    image = found(tmp_path)
    assert image.image.file == expected
    assert image.issues == ()


@every_format
@pytest.mark.parametrize("on_disk", ["scan.jpg", "scan.PNG", "scan.tif"])
@pytest.mark.parametrize("written", ["scan", "scan.png"])
def test_an_image_with_another_suffix_or_without_one_is_found(tmp_path, record, on_disk, written):
    expected = photo(tmp_path / on_disk)
    record(tmp_path / "scan_label.json", written)
    is_found(found(tmp_path), expected, "beside")


def test_of_two_suffixes_the_image_is_taken_and_not_the_mask(tmp_path):
    expected = photo(tmp_path / "1.jpg")
    regions = np.zeros((HEIGHT, WIDTH), np.uint8)
    regions[4:24, 4:24] = 1
    Image.fromarray(regions).save(tmp_path / "1.png")
    labelme_record(tmp_path / "1.json", "1.bmp")
    is_found(found(tmp_path), expected, "beside")


def test_one_image_in_two_file_types_is_one_image(tmp_path):
    photo(tmp_path / "images" / "1.png")
    photo(tmp_path / "images" / "1.jpg")
    labelme_record(tmp_path / "labels" / "1.json", "1.bmp")
    image = found(tmp_path / "labels", images=tmp_path / "images")
    assert image.image.file is not None
    assert image.issues == ()


@every_format
def test_copies_of_an_image_are_one_image(tmp_path, record):
    first = photo(tmp_path / "one" / "1.png")
    for copy in ("two", "two/three"):
        (tmp_path / copy).mkdir()
        shutil.copy(first, tmp_path / copy)
    record(tmp_path / "labels" / "1.json", "1.png")
    is_found(found(tmp_path / "labels", images=tmp_path), first, "images")
    photo(tmp_path / "two" / "1.png", seed=2)
    assert codes(found(tmp_path / "labels", images=tmp_path)) == [Code.IMAGE_AMBIGUOUS]


@every_format
def test_of_copies_the_one_in_a_folder_of_images_needs_no_confirmation(tmp_path, record):
    expected = photo(tmp_path / "images" / "1.png")
    for copy in ("backup/images", "voc/JPEGImages"):
        (tmp_path / copy).mkdir(parents=True)
        shutil.copy(expected, tmp_path / copy)
    record(tmp_path / "labels" / "1.json", "1.png")
    image = found(tmp_path)
    assert image.image.file == expected
    assert image.issues == ()


@every_format
def test_different_images_of_one_name_are_not(tmp_path, record):
    for seed, place in enumerate(("a1", "a2")):
        photo(tmp_path / place / "1.png", seed)
    record(tmp_path / "labels" / "1.json", "1.png")
    assert codes(found(tmp_path)) == [Code.IMAGE_AMBIGUOUS]


# Folders


@every_format
@pytest.mark.parametrize(
    ("labels", "images"),
    [
        ("labels/{}", "images/{}"),
        ("{}/labels", "{}/images"),
        ("ann_train/{}", "img_train/{}/raw"),
        ("{}_json", "{} images"),
    ],
)
@pytest.mark.parametrize("is_given", [True, False])
def test_parallel_folders_belong_together(tmp_path, record, labels, images, is_given):
    for number in (1, 2):
        photo(tmp_path / images.format(f"patient{number}") / "001.png", number)
        record(tmp_path / labels.format(f"patient{number}") / "001.json", "001.png")
    given = {"images": tmp_path} if is_given else {}
    for image in mf.read(tmp_path, **given):
        number = 1 if "patient1" in str(image.origin.file) else 2
        expected = tmp_path / images.format(f"patient{number}") / "001.png"
        is_found(image, expected, "folders")


@every_format
@pytest.mark.parametrize(("labels", "images"), [("json/{}", "images/{}"), ("{}/json", "{}/images")])
def test_names_of_the_given_folders_tell_namesakes_apart(tmp_path, record, labels, images):
    patients = ("patient1", "patient2")
    for seed, patient in enumerate(patients):
        photo(tmp_path / images.format(patient) / "001.png", seed)
        record(tmp_path / labels.format(patient) / "001.json", "001.png")
    sources = [tmp_path / labels.format(one) for one in patients]
    given = [tmp_path / images.format(one) for one in patients]
    for folders in (given, given[::-1]):
        read = list(mf.read(sources, images=folders))
        for image, folder in zip(read, given, strict=True):
            is_found(image, folder / "001.png", "folders")
    # The only image there is belongs to one of them at most, unless both write the same path.
    if record is not vott_record:
        read = list(mf.read(sources, images=given[0]))
        assert read[1].image.file is None
        assert codes(read[1]) == [Code.IMAGE_DOUBTFUL]


@every_format
def test_namesakes_in_two_given_folders_are_ambiguous(tmp_path, record):
    for seed, place in enumerate(("a1", "a2")):
        photo(tmp_path / place / "1.png", seed)
    record(tmp_path / "labels" / "1.json", "1.png")
    given = [tmp_path / "a1", tmp_path / "a2"]
    assert codes(found(tmp_path / "labels", images=given)) == [Code.IMAGE_AMBIGUOUS]


@every_format
def test_the_written_folders_tell_namesakes_apart(tmp_path, record):
    for seed, place in enumerate(("train", "test")):
        photo(tmp_path / "all" / place / "22.png", seed)
    record(tmp_path / "labels" / "22.json", "test/22.png")
    image = found(tmp_path)
    if record is superannotate_record:  # which writes no folders
        assert codes(image) == [Code.IMAGE_AMBIGUOUS]
    else:
        is_found(image, tmp_path / "all" / "test" / "22.png", "folders")


@pytest.mark.parametrize("record", [labelme_record, vott_record])
def test_a_namesake_in_a_contradicted_folder_is_not_taken(tmp_path, record):
    photo(tmp_path / "prepared train" / "22.png")
    record(tmp_path / "dataset" / "22.json", "test/22.png")
    is_refused(found(tmp_path), Code.IMAGE_DOUBTFUL, "test/22.png", "prepared train/22.png")
    # What the user says is evidence.
    image = found(tmp_path / "dataset", images=tmp_path / "prepared train")
    is_found(image, tmp_path / "prepared train" / "22.png", "images")


def test_a_match_by_name_alone_is_counted(tmp_path):
    photo(tmp_path / "elsewhere" / "1.png")
    labelme_record(tmp_path / "labels" / "1.json", "1.png")
    result = run("convert", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "1 of 1 images were found by name alone" in result.stdout
    (entry,) = manifest(tmp_path / "out")
    assert (entry["image"], entry["match"]) == ("../elsewhere/1.png", "name")


@pytest.mark.parametrize("written", ["C:\\old\\img\\1.png", "../img/1.png", "/home/x/img/1.png"])
@pytest.mark.parametrize("place", ["labels/1.png", "given/deep/1.png", "img/1.png"])
def test_a_set_that_was_moved_pairs_silently(tmp_path, written, place):
    expected = photo(tmp_path / place)
    labelme_record(tmp_path / "labels" / "1.json", written)
    given = {"images": tmp_path / "given"} if place.startswith("given") else {}
    image = found(tmp_path, **given)
    assert image.image.file is not None
    assert image.image.file.samefile(expected)
    assert image.image.match != "name"
    assert image.issues == ()
    report = run("convert", tmp_path, "--out", tmp_path / "out", *_as_options(given))
    assert "by name" not in report.stdout


def _as_options(given):
    return [one for name, value in given.items() for one in (f"--{name}", value)]


@every_format
def test_several_folders_of_images(tmp_path, record):
    first, second = (photo(tmp_path / f"given{n}" / f"{n}.png", n) for n in (1, 2))
    for n in (1, 2):
        record(tmp_path / "labels" / str(n) / "x.json", f"{n}.png")
    given = [tmp_path / "given1", tmp_path / "given2"]
    read = [image.image.file for image in mf.read(tmp_path / "labels", images=given)]
    assert read == [first, second]
    options = [one for folder in given for one in ("--images", folder)]
    run("convert", tmp_path / "labels", "--out", tmp_path / "out", *options)
    assert {one["match"] for one in manifest(tmp_path / "out")} == {"images"}


# Claims


@every_format
def test_two_annotations_cannot_share_an_image_by_its_name(tmp_path, record):
    photo(tmp_path / "images" / "001.png")
    for patient in ("p1", "p2"):
        record(tmp_path / "labels" / patient / "001.json", "001.png")
    if record is vott_record:  # both write the same path, and mean the same image
        images = [found(tmp_path / "labels" / "p1", images=tmp_path / "images")]
        assert [image.image.match for image in images] == ["images"]
        return
    options = ("--images", tmp_path / "images", "--json")
    result = run("convert", tmp_path / "labels", "--out", tmp_path / "out", *options)
    assert json.loads(result.stdout)["reasons"] == {"image-doubtful": 2}
    entries = manifest(tmp_path / "out")
    assert [(one["image"], one["match"]) for one in entries] == [(None, "none")] * 2
    assert all(one["mask"] for one in entries)
    issues = [one["issues"][0]["message"] for one in entries]
    assert "p2/001" in issues[0]
    assert "p1/001" in issues[1]


def test_an_image_that_is_surely_anothers_is_not_taken_by_name(tmp_path):
    expected = photo(tmp_path / "p1" / "001.png")
    labelme_record(tmp_path / "p1" / "001.json", "001.png")
    labelme_record(tmp_path / "x" / "001.json", "001.png")
    mf.convert(tmp_path, tmp_path / "out")
    entries = manifest(tmp_path / "out")
    assert [one["match"] for one in entries] == ["path", "none"]
    assert entries[0]["image"] == f"../p1/{expected.name}"


def test_a_size_that_only_a_shared_image_gave_is_not_known(tmp_path):
    photo(tmp_path / "images" / "001.png")
    for patient in ("p1", "p2"):
        path = tmp_path / "labels" / patient / "001.json"
        labelme_record(path, "001.png", width=None, height=None)
    options = {"images": tmp_path / "images"}
    report = mf.convert(tmp_path / "labels", tmp_path / "out", **options)
    assert report.images["refused"] == 2
    assert report.reasons == {"image-doubtful": 2, "size-unknown": 2}


# Embedded images


@pytest.mark.parametrize("format_", ["PNG", "JPEG"])
@pytest.mark.parametrize("place", ["prepared train/22.png", "dataset/22.png"])
@pytest.mark.parametrize("is_same", [True, False])
def test_the_embedded_image_decides(tmp_path, format_, place, is_same):
    """Written is a folder that does not exist."""
    expected = photo(tmp_path / place, seed=1)
    data = embedded(1 if is_same else 2, format_)
    labelme_record(tmp_path / "dataset" / "x.json", "test\\22.png", imageData=data)
    image = found(tmp_path)
    if is_same:
        is_found(image, expected, "content")
        return
    is_refused(image, Code.IMAGE_DIFFERS, place, "test/22.png")
    mf.convert(tmp_path, tmp_path / "out", extract_images=True)
    (item,) = mf.open_dataset(tmp_path / "out")
    assert item.entry.match == "extracted"
    assert item.image_path.read_bytes() == base64.b64decode(data)


def test_another_image_in_the_written_place_is_refused(tmp_path):
    """Path, name and size agree; only the pixels tell."""
    photo(tmp_path / "x.png", seed=1)
    labelme_record(tmp_path / "x.json", "x.png", imageData=embedded(2))
    is_refused(found(tmp_path), Code.IMAGE_DIFFERS, "x.png")


@pytest.mark.parametrize(
    "enhance",
    [
        ImageOps.equalize,
        ImageOps.invert,
        partial(ImageOps.autocontrast, cutoff=10),
        lambda image: image.point([min(255, 60 + level // 2) for level in range(256)] * 3),
        lambda image: image.convert("L"),
    ],
)
def test_an_image_in_the_written_place_may_have_been_enhanced(tmp_path, enhance):
    enhance(pixels(1)).save(tmp_path / "x.png")
    labelme_record(tmp_path / "x.json", "x.png", imageData=embedded(1))
    is_found(found(tmp_path), tmp_path / "x.png", "path")
    # Elsewhere, it must show exactly what is embedded.
    (tmp_path / "x.png").rename(tmp_path / "old.png")
    labelme_record(tmp_path / "x.json", "old.png", imageData=embedded(1))
    image = found(tmp_path)
    assert (image.image.file is None) == (enhance(pixels(1)).mode == "RGB")


@pytest.mark.parametrize("data", ["", "AAAA"])
def test_a_damaged_embedded_image_speaks_against_nothing(tmp_path, data):
    expected = photo(tmp_path / "x.png")
    whole = embedded(2)
    labelme_record(tmp_path / "x.json", "x.png", imageData=data or whole[: len(whole) // 8 * 4])
    is_found(found(tmp_path), expected, "path")


@pytest.mark.parametrize("length", [0, 1, 2, 3, 49151, 49152, 49153, 98304, 100000])
@pytest.mark.parametrize("head", ["", "data:image/png;base64,"])
def test_a_copy_is_told_by_its_bytes(tmp_path, length, head):
    content = np.random.default_rng(length).bytes(length)
    file = tmp_path / "image.png"
    text = base64.b64encode(content).decode()
    assert base64.b64decode(text) == content

    def is_copy(other: bytes, text: str = text) -> bool:
        file.write_bytes(other)
        return EmbeddedImage(head + text).is_copy_of(file)

    assert is_copy(content)
    assert not is_copy(content + b"\0")
    assert not is_copy(content, text + "AAAA")
    if content:
        assert not is_copy(content[:-1])
        assert not is_copy(content[:-1] + bytes([content[-1] ^ 1]))
        assert not is_copy(bytes([content[0] ^ 1]) + content[1:])
        assert not is_copy(content, text[:-1] + "\n" + text[-1])


def test_a_namesake_that_fits_the_embedded_image_is_taken(tmp_path):
    """A turned copy was annotated; its file still names the image that it was made of."""
    photo(tmp_path / "a.png", seed=1)
    turned = photo(tmp_path / "a_rot.png", seed=2)
    labelme_record(tmp_path / "a.json", "a.png", imageData=embedded(1))
    labelme_record(tmp_path / "a_rot.json", "a.png", imageData=embedded(2, "JPEG"))
    images = by_stem(tmp_path)
    is_found(images["a"], tmp_path / "a.png", "path")
    is_found(images["a_rot"], turned, "content")
    assert images["a_rot"].image.name == "a_rot.png"
    turned.unlink()
    is_refused(by_stem(tmp_path)["a_rot"], Code.IMAGE_DIFFERS, "a.png")


def test_an_image_called_after_the_annotation_has_to_show_the_embedded_one(tmp_path):
    photo(tmp_path / "a.jpg", seed=1)
    labelme_record(tmp_path / "a.json", "old.png", imageData=embedded(2))
    is_refused(found(tmp_path), Code.IMAGE_DIFFERS, "a.jpg", "old.png")
    photo(tmp_path / "a.png", seed=3)
    is_refused(found(tmp_path), Code.IMAGE_DIFFERS, "a.jpg", "old.png")
    expected = photo(tmp_path / "a.tif", seed=2)
    is_found(found(tmp_path), expected, "content")


@pytest.mark.parametrize("orientation", [6, 8, 3])
def test_an_embedded_image_that_was_turned_upright_is_the_same(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as opened:
        turns = {6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90, 3: 1}
        upright = opened.transpose(Image.Transpose(turns[orientation] if orientation != 3 else 3))
        buffer = io.BytesIO()
        upright.save(buffer, "PNG")
    assert shows_same(tmp_path / "a.jpg", buffer.getvalue())
    assert not shows_same(tmp_path / "a.jpg", base64.b64decode(embedded(2, size=upright.size)))


@pytest.mark.parametrize("quality", [30, 60, 95])
def test_compression_makes_no_other_image(tmp_path, quality):
    noise = np.random.default_rng(3).integers(0, 255, (120, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=quality)
    assert shows_same(tmp_path / "a.png", buffer.getvalue())
    buffer = io.BytesIO()
    Image.fromarray(noise[::-1]).save(buffer, "JPEG", quality=quality)
    assert not shows_same(tmp_path / "a.png", buffer.getvalue())


def test_an_image_of_16_bits_may_be_embedded_with_8(tmp_path):
    gray = np.asarray(pixels(1).convert("L"))
    Image.fromarray(gray.astype(np.uint16) * 90 + 500).save(tmp_path / "a.png")
    for seed, same in ((1, True), (2, False)):
        buffer = io.BytesIO()
        pixels(seed).convert("L").save(buffer, "PNG")
        assert shows_same(tmp_path / "a.png", buffer.getvalue()) == same


@pytest.mark.parametrize("extract", [True, False])
def test_an_embedded_image_of_another_size_is_a_mismatch(tmp_path, extract):
    data = embedded(1, size=(2 * WIDTH, 2 * HEIGHT))
    labelme_record(tmp_path / "a.json", "a.png", imageData=data)
    image = found(tmp_path, embedded=extract)
    assert image.refusal is not None
    assert image.refusal.code is Code.SIZE_MISMATCH
    assert image.embedded is None
    image = found(tmp_path, embedded=extract, size_mismatch="scale")
    assert image.image.size == (2 * WIDTH, 2 * HEIGHT)


def test_a_healthy_set_is_neither_decoded_nor_digested(tmp_path, monkeypatch):
    """Nor compared with an embedded image of the same bytes."""
    for number in range(3):
        file = photo(tmp_path / f"{number}.jpg", number)
        data = base64.b64encode(file.read_bytes()).decode() if number else None
        labelme_record(tmp_path / f"{number}.json", f"{number}.jpg", imageData=data)

    def refuse(*arguments, **options):
        raise AssertionError

    for name in (
        "search.shows_same",
        "finder.shows_same",
        "finder.digest",
        "mask_likeness.read_stored",
    ):
        monkeypatch.setattr(f"maskforge.images.{name}", refuse)
    report = mf.convert(tmp_path, tmp_path / "out")
    assert report.matches == {"path": 3}
    assert report.issues == []


# Masks


def mask_file(path: Path, mode: str = "P", *, wider: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    regions = np.zeros((HEIGHT, WIDTH), np.uint8)
    regions[4 : 24 + wider, 4 : 24 + wider] = 255
    shown = Image.fromarray(regions)
    if mode in ("P", "RGB"):
        shown.putpalette([0, 0, 0] * 255 + [200, 10, 10])
    shown.convert(mode).save(path)
    return path


@every_format
@pytest.mark.parametrize(
    "folder", ["SegmentationClass", "masks", "SegmentationObject", "gtFine", "train_labels"]
)
@pytest.mark.parametrize("mode", ["P", "L"])
def test_a_mask_is_not_an_image(tmp_path, record, folder, mode):
    mask_file(tmp_path / "voc" / folder / "1.png", mode)
    record(tmp_path / "in" / "1.json", "1.png")
    is_refused(found(tmp_path), Code.IMAGE_IS_MASK, f"{folder}/1.png")
    photo(tmp_path / "JPEGImages" / "1.jpg")
    image = found(tmp_path)
    assert image.image.file == tmp_path / "JPEGImages" / "1.jpg"
    assert image.issues == ()


@pytest.mark.parametrize("wider", [0, 1])
@pytest.mark.parametrize("encoding", ["integer", "onehot", "multihot"])
@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_file_that_equals_the_drawn_mask_is_not_its_image(tmp_path, wider, encoding, mode):
    mask_file(tmp_path / "1.png", mode, wider=wider)
    labelme_record(tmp_path / "1.json", "1.png")
    options = {"encoding": encoding} | ({} if encoding == "integer" else {"file_type": "npy"})
    report = mf.convert(tmp_path, tmp_path / "out", **options)
    (entry,) = manifest(tmp_path / "out")
    if mode == "RGB":  # a colored drawing may be an image
        assert entry["match"] == "path"
        return
    assert (entry["image"], entry["match"]) == (None, "none")
    assert entry["mask"] is not None
    assert report.reasons == {"image-is-mask": 1}


def test_an_image_in_black_and_white_that_shows_other_things_is_one(tmp_path):
    mask_file(tmp_path / "1.png", wider=9)
    labelme_record(tmp_path / "1.json", "1.png")
    report = mf.convert(tmp_path, tmp_path / "out")
    assert report.matches == {"path": 1}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("masks/1.png", True),
        ("set/SegmentationClassPNG/1.png", True),
        ("set/train_masks/1.png", True),
        ("set/1_mask.png", True),
        ("gtFine/x_gtFine_labelIds.png", True),
        ("images/1.png", False),
        ("masks/images/1.png", False),
        ("unmasked/1.png", False),
        ("set/mask.png", False),
    ],
)
def test_where_masks_lie(path, expected):
    assert is_mask_place(Path(path)) == expected


@pytest.mark.parametrize(
    ("make", "looks"),
    [
        (mask_file, True),
        (lambda path: mask_file(path, "L"), True),
        (lambda path: mask_file(path, "1"), True),
        (photo, False),
        (lambda path: flat_image(path, mode="L"), False),
        (lambda path: pixels(1).convert("L").save(path), False),
        (lambda path: pixels(1).quantize(200).save(path), False),
        (lambda path: path.write_bytes(b"no image"), False),
    ],
)
def test_what_looks_like_a_mask(tmp_path, make, looks):
    make(tmp_path / "x.png")
    assert bool(looks_like_mask(tmp_path / "x.png")) == looks


# Outside


@pytest.mark.parametrize("is_absolute", [True, False])
@pytest.mark.parametrize("record", [labelme_record, vott_record])
def test_images_outside_are_not_looked_at(tmp_path, monkeypatch, record, is_absolute):
    outside = photo(tmp_path / "far" / "1.png")
    written = str(outside) if is_absolute else "../../far/1.png"
    if record is vott_record:
        path = record(tmp_path / "set" / "labels" / "x.json", "1.png")
        content = json.loads(path.read_text())
        content["asset"]["path"] = f"file:{written}"
        write_json(path, content)
    else:
        record(tmp_path / "set" / "labels" / "x.json", written)
    image = found(tmp_path / "set")
    assert image.image.file is None
    assert "lies outside of the source" in image.issues[0].message
    assert "--allow-outside-images" in image.issues[0].hint
    assert found(tmp_path / "set", images=outside.parent).image.file.samefile(outside)
    image = found(tmp_path / "set", allow_outside_images=True)
    assert image.image.file.samefile(outside)
    result = run("convert", tmp_path / "set", "--out", tmp_path / "out", "--allow-outside-images")
    assert result.exit_code == 0
    assert manifest(tmp_path / "out")[0]["match"] == "path"


def test_a_link_that_the_user_put_into_the_source_may_lead_out(tmp_path):
    photo(tmp_path / "far" / "1.png")
    photo(tmp_path / "secret.png", 2)
    (tmp_path / "set").mkdir()
    try:
        (tmp_path / "set" / "link").symlink_to(tmp_path / "far", target_is_directory=True)
    except OSError:
        pytest.skip("NO CHECK: this system makes no links")
    labelme_record(tmp_path / "set" / "1.json", "link/1.png")
    labelme_record(tmp_path / "set" / "2.json", "link/../secret.png")
    images = by_stem(tmp_path / "set")
    assert images["1"].image.match == "path"
    assert images["2"].image.file is None


# Sizes


def test_a_size_for_sets_whose_images_are_gone(tmp_path):
    labelme_record(tmp_path / "1.json", "1.png", width=None, height=None)
    labelme_record(tmp_path / "2.json", "2.png")
    size = f"{WIDTH + 1}x{HEIGHT + 1}"
    result = run("convert", tmp_path, "--out", tmp_path / "out", "--size", size)
    assert result.exit_code == 0
    sizes = [(one["width"], one["height"]) for one in manifest(tmp_path / "out")]
    assert sizes == [(WIDTH + 1, HEIGHT + 1), (WIDTH, HEIGHT)]
    images = by_stem(tmp_path, size=mf.Size(WIDTH + 1, HEIGHT + 1))
    assert images["1"].image.size == (WIDTH + 1, HEIGHT + 1)


@pytest.mark.parametrize("size", ["640", "0x4", "axb", "4x-4", "1x2x3", "4.5x4"])
def test_what_is_not_a_size_is_named(tmp_path, size):
    labelme_record(tmp_path / "1.json", "1.png")
    result = run("convert", tmp_path, "--out", tmp_path / "out", "--size", size)
    assert result.exit_code == 2
    assert "size" in result.stderr


# Listing


def test_pairs_are_listed_with_their_evidence(tmp_path):
    photo(tmp_path / "elsewhere" / "1.png")
    photo(tmp_path / "2.png")
    for number in (1, 2, 3):
        labelme_record(tmp_path / f"{number}.json", f"{number}.png")
    inspection = mf.inspect(tmp_path, pairs=True)
    assert [(one.annotation[-6:], one.match) for one in inspection.pairs] == [
        ("1.json", "name"),
        ("2.json", "path"),
        ("3.json", "none"),
    ]
    assert mf.inspect(tmp_path).pairs == []
    result = run("inspect", tmp_path, "--pairs", "--json")
    assert [one["match"] for one in json.loads(result.stdout)["pairs"]] == ["name", "path", "none"]
    shown = run("inspect", tmp_path, "--pairs").stdout
    assert "elsewhere/1.png" in shown
    assert "nothing else is known" in shown
    assert "elsewhere/1.png" not in run("inspect", tmp_path).stdout


# Cost


def test_thousands_of_namesakes_are_not_gone_through_one_by_one(tmp_path, monkeypatch):
    """Every annotation asks for one image; the files that are looked at grow with these alone."""
    count = 200
    for number in range(count):
        flat_image(tmp_path / "images" / f"p{number}" / "1.png", WIDTH, HEIGHT)
        labelme_record(tmp_path / "labels" / f"p{number}" / "1.json", "1.png")
    looked = []
    is_file = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: looked.append(path) or is_file(path))
    images = list(mf.read(tmp_path))
    assert {image.image.match for image in images} == {"folders"}
    assert len(looked) < 20 * count
