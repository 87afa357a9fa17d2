"""From DICOM files to masks, examples, predictions and measures: what is kept, and what is not."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import model_folders as models
import msgspec
import numpy as np
import pytest
from builders import labelme, square
from dicom_files import need_pydicom, ramp, write_dicom
from PIL import Image

import maskforge as mf
from maskforge.batches.batch_options import BatchOptions
from maskforge.batches.loader import load
from maskforge.examples.scaling import choose_scaling
from maskforge.images.intensity import ScalingRecord
from maskforge.images.patients import SALT, patient_digest
from maskforge.prediction.predictor import Predictor
from maskforge.prediction.runtimes.base import Runtime
from maskforge.training.plan import check_options

need_pydicom()

SECRET = "Doe^Jane"
NUMBER = "4711-0815"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "cache"))


def radiograph(path: Path, number: str = NUMBER, **elements: object) -> Path:
    told = {"PatientName": SECRET, "PatientID": number, "PixelSpacing": [0.2, 0.1]}
    return write_dicom(path, ramp(), stored=12, **(told | elements))


def annotated(folder: Path, name: str, image: str | None = None, **elements: object) -> None:
    radiograph(folder / (image or f"{name}.dcm"), **elements)
    labelme(folder / f"{name}.json", square("caries", 1, 1, 4, 5), image=image or f"{name}.dcm")


@pytest.mark.parametrize("image", ["a.dcm", "IM000001", "1.2.840.113619.2.5", "a.DICOM"])
def test_images_are_found_whatever_they_are_called(tmp_path, image):
    annotated(tmp_path / "in", "a", image)
    report = mf.convert(tmp_path / "in", tmp_path / "out")
    assert report.images["drawn"] == 1
    (entry,) = mf.open_dataset(tmp_path / "out").entries
    assert (Path(entry.image).name, entry.match) == (image, "path")
    (example,) = mf.open_examples(tmp_path / "out").examples
    assert example.read_image().max() == 65535


def test_the_size_comes_from_the_header(tmp_path):
    annotated(tmp_path / "in", "a")
    labelme(tmp_path / "in/a.json", square("x", 0, 0, 1, 1), image="a.dcm", width=80, height=60)
    report = mf.convert(tmp_path / "in", tmp_path / "out")
    assert "size-mismatch" in report.reasons


def test_other_files_without_suffix_are_no_images(tmp_path):
    annotated(tmp_path / "in", "a", "IM1")
    (tmp_path / "in/README").write_text("nothing")
    (tmp_path / "in/DICOMDIR").write_bytes((tmp_path / "in/IM1").read_bytes())
    assert mf.convert(tmp_path / "in", tmp_path / "out").images["found"] == 1


def test_the_manifest_holds_spacing_and_a_digest_and_nothing_else(tmp_path):
    folder = tmp_path / "in"
    annotated(folder, "a", StudyDate="19991231", InstitutionName="Clinic Seven")
    annotated(folder, "b")
    annotated(folder, "c", number="9")
    annotated(folder, "d", number="", PatientName="", PixelSpacing=None)
    report = mf.convert(folder, tmp_path / "out")
    first, second, third, last = mf.open_dataset(tmp_path / "out").entries
    assert first.spacing == mf.Spacing(width=0.1, height=0.2)
    assert first.patient_digest == second.patient_digest != third.patient_digest
    assert [last.spacing, last.patient_digest] == [msgspec.UNSET] * 2
    lines = (tmp_path / "out/manifest.jsonl").read_text().splitlines()
    assert '"spacing":[0.1,0.2]' in lines[0]
    assert "spacing" not in lines[3]
    assert "patient" not in json.loads(lines[3])
    for file in (one for one in (tmp_path / "out").rglob("*") if one.is_file()):
        content = file.read_bytes()
        for secret in (b"Doe", NUMBER.encode(), b"19991231", b"Clinic Seven"):
            assert secret not in content, file
    (found,) = [one for one in report.findings if one.code == "identifying"]
    assert (found.count, report.exit_code) == (3, 0)
    assert "PatientName" in found.examples[0].message
    assert "de-identify" in found.examples[0].hint
    groups = [
        one.group for one in mf.open_examples(tmp_path / "out", group_column="patient_digest")
    ]
    assert groups == [first.patient_digest, first.patient_digest, third.patient_digest, None]


def test_a_consensus_knows_patients_and_spacing_like_those_who_drew(tmp_path):
    annotated(tmp_path / "in", "a")
    annotated(tmp_path / "in", "b", number="", PixelSpacing=None)
    for name in ("anna", "ben"):
        mf.convert(tmp_path / "in", tmp_path / name)
    mf.agree([tmp_path / "anna", tmp_path / "ben"], bootstrap=0, consensus=tmp_path / "both")
    anna, both = (mf.open_dataset(tmp_path / name).entries for name in ("anna", "both"))
    told = [(one.spacing, one.patient_digest) for one in both]
    assert told == [(one.spacing, one.patient_digest) for one in anna]
    assert told[0] == (mf.Spacing(width=0.1, height=0.2), patient_digest(NUMBER))
    assert told[1] == (msgspec.UNSET, msgspec.UNSET)


def test_digests_depend_on_a_salt_of_the_machine(tmp_path, monkeypatch):
    first = patient_digest(NUMBER)
    salt = tmp_path / "cache" / SALT
    assert patient_digest(NUMBER) == first
    assert (len(salt.read_bytes()), salt.stat().st_mode & 0o077) == (32, 0)
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "other"))
    assert patient_digest(NUMBER) != first
    assert patient_digest("") == ""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "file"))
    assert patient_digest(NUMBER) == ""


def test_examples_say_once_which_files_identify(tmp_path):
    for name in ("a", "b"):
        radiograph(tmp_path / "images" / f"{name}.dcm")
        mask = tmp_path / "masks" / f"{name}.png"
        mask.parent.mkdir(exist_ok=True)
        Image.fromarray(np.eye(6, 8, dtype=np.uint8)).save(mask)
    examples = mf.open_examples(images=tmp_path / "images", masks=tmp_path / "masks")
    grouped = mf.open_examples(
        images=tmp_path / "images", masks=tmp_path / "masks", group_column="patient_digest"
    )
    assert {one.group for one in grouped} == {patient_digest(NUMBER)}
    (note,) = [one for one in examples.notes if "who somebody is" in one]
    assert "(2), in PatientName, PatientID: a, b" in note
    assert {one.spacing for one in examples} == {mf.Spacing(0.1, 0.2)}


def test_copies_keep_their_names(tmp_path):
    annotated(tmp_path / "in", "1.2.840.5", "1.2.840.5")
    annotated(tmp_path / "in", "IM1", "IM1")
    mf.export(tmp_path / "in", tmp_path / "out", format="labelme", image_files="copy")
    names = sorted(one.name for one in (tmp_path / "out").glob("[!.]*"))
    assert names == ["1.2.840.5", "1.2.840.5.json", "IM1", "IM1.json"]
    assert mf.convert(tmp_path / "out", tmp_path / "masks").images["drawn"] == 2


def test_folders_of_dicom_without_suffix_are_paired(tmp_path):
    for name in ("1.2.840.5", "1.2.840.6"):
        radiograph(tmp_path / "images" / name)
        radiograph(tmp_path / "masks" / f"{name}.png")
        Image.fromarray(np.eye(6, 8, dtype=np.uint8)).save(tmp_path / "masks" / f"{name}.png")
    examples = mf.open_examples(images=tmp_path / "images", masks=tmp_path / "masks")
    assert [one.name for one in examples] == ["1.2.840.5", "1.2.840.6"]


# Prediction


def bright(batch):
    return np.concatenate([batch, np.zeros_like(batch)], axis=-1)


def predictor(window="voi"):
    described = models.describe("sigmoid", scaling=ScalingRecord(white=65535, window=window))
    return Predictor(
        Path("model"), described, described.classes, Runtime("test", "float32", bright, ())
    )


@pytest.mark.parametrize(
    ("window", "caries"), [("voi", [0, 0, 1, 1]), ("full", [0, 0, 0, 1]), ("601/2", [0, 1, 1, 1])]
)
def test_predictions_take_the_window_of_the_model(tmp_path, window, caries):
    values = np.array([[0, 800, 1700, 4095]], np.uint16)
    path = write_dicom(tmp_path / "in/IM1", values, stored=12, WindowCenter=1200, WindowWidth=1000)
    (tmp_path / "in/notes").write_text("no image")
    report = mf.predict(predictor(window), tmp_path / "in", tmp_path / "out")
    assert report.images["predicted"] == 1
    (item,) = mf.open_dataset(tmp_path / "out")
    wanted = [[3 * one for one in caries]]
    assert item.read_mask().tolist() == wanted
    for image in (path, path.read_bytes()):
        assert predictor(window).predict(image).mask.tolist() == wanted


def test_a_prediction_is_a_segmentation_by_an_algorithm(tmp_path):
    highdicom = pytest.importorskip(
        "highdicom", reason="NO DICOM SEG: install maskforge[dicom-seg]"
    )
    radiograph(tmp_path / "in/IM1", WindowCenter=2048, WindowWidth=4096)
    report = mf.predict(predictor(), tmp_path / "in", tmp_path / "out", formats=("dicom-seg",))
    (item,) = mf.open_dataset(tmp_path / "out")
    made = highdicom.seg.segread(tmp_path / "out/dicom-seg/IM1.dcm")
    assert [one.SegmentLabel for one in made.SegmentSequence] == ["caries", "crown"]
    assert {one.SegmentAlgorithmType for one in made.SegmentSequence} == {"AUTOMATIC"}
    assert np.array_equal(made.pixel_array == 1, item.read_mask() == 3)
    assert report.exports[0].left_out.keys() <= {"scores"}


def test_frames_are_predicted_as_a_stack(tmp_path):
    values = np.array([[[0, 255]], [[255, 0]], [[0, 0]]], np.uint8)
    write_dicom(tmp_path / "in/volume", values)
    mf.predict(predictor(), tmp_path / "in", tmp_path / "out")
    items = list(mf.open_dataset(tmp_path / "out"))
    assert [one.entry.mask for one in items] == [f"masks/volume.tif#{n}" for n in (1, 2, 3)]
    assert [one.read_mask().tolist() for one in items] == [[[0, 3]], [[3, 0]], [[0, 0]]]


def test_a_prediction_says_once_which_files_identify(tmp_path):
    for name in ("a", "b"):
        radiograph(tmp_path / "in" / name)
    write_dicom(tmp_path / "in/report.dcm", ramp(), Rows=None)
    report = mf.predict(predictor(), tmp_path / "in", tmp_path / "out")
    (note,) = [one for one in report.notes if "who somebody is" in one]
    assert "(2), in PatientName, PatientID" in note
    assert any("not images, left out: 1" in one for one in report.notes)
    entries = mf.open_dataset(tmp_path / "out").entries
    assert {one.spacing for one in entries} == {mf.Spacing(0.1, 0.2)}
    content = b"".join(one.read_bytes() for one in (tmp_path / "out").rglob("*") if one.is_file())
    assert SECRET.encode() not in content
    assert NUMBER.encode() not in content


def test_what_cannot_be_decoded_is_a_problem_of_one_image(tmp_path):
    radiograph(tmp_path / "in/a")
    (tmp_path / "in/b").write_bytes(radiograph(tmp_path / "b").read_bytes()[:-9])
    report = mf.predict(predictor(), tmp_path / "in", tmp_path / "out")
    assert (report.images["predicted"], report.exit_code) == (1, 1)


# Training


def test_scaling_looks_through_the_window_that_was_chosen(tmp_path):
    annotated(tmp_path / "in", "a", WindowCenter=8192, WindowWidth=16384)
    mf.convert(tmp_path / "in", tmp_path / "out")
    examples = mf.open_examples(tmp_path / "out").examples
    chosen = {window: choose_scaling(examples, window=window) for window in ("voi", "full")}
    assert {window: one.white for window, one in chosen.items()} == {"voi": 16383, "full": 65535}
    assert chosen["full"].window == "full"
    batches = BatchOptions(
        head="sigmoid", classes=mf.open_dataset(tmp_path / "out").classes, scaling=chosen["full"]
    )
    assert load(examples[0], batches, 0).image.max() == 65535
    assert (
        load(examples[0], dataclasses.replace(batches, scaling=chosen["voi"]), 0).image.max()
        < 16384
    )


def test_a_window_that_is_none_is_refused_before_the_training():
    options = mf.TrainOptions(input=mf.InputOptions(dicom_window="bone"))
    with pytest.raises(mf.errors.OptionError, match="bone"):
        check_options(options)


# Millimeters


def _evaluated(tmp_path: Path, truth: np.ndarray, predicted: np.ndarray, **elements: object):
    for place, mask in (("truth", truth), ("predicted", predicted)):
        folder = tmp_path / place
        write_dicom(folder / "a.dcm", np.zeros(mask.shape, np.uint8), **elements)
        labelme(folder / "a.json", image="a.dcm", width=mask.shape[1], height=mask.shape[0])
        labelme(
            folder / "a.json",
            *(square("caries", *box) for box in _boxes(mask)),
            image="a.dcm",
            width=mask.shape[1],
            height=mask.shape[0],
        )
        mf.convert(folder, tmp_path / f"{place}-masks")
    return mf.evaluate(
        tmp_path / "predicted-masks", tmp_path / "truth-masks", tmp_path / "report", charts=False
    )


def _boxes(mask: np.ndarray):
    return [(x, y, x + 1, y + 1) for y, x in np.argwhere(mask).tolist()]


def test_distances_and_areas_in_millimeters(tmp_path):
    """A pixel is 0.1 mm wide and 0.5 mm high; the prediction is 2 px to the right and 1 px down."""
    truth, predicted = np.zeros((2, 12, 16), bool)
    truth[2, 3] = True
    predicted[3, 5] = True
    report = _evaluated(tmp_path, truth, predicted, PixelSpacing=[0.5, 0.1])
    caries = report.classes[0]
    distance = np.hypot(0.2, 0.5)
    assert caries.surface.hd95_mean == pytest.approx(np.hypot(2, 1))  # pixels are as they were
    assert caries.surface.hd95_mm_mean == pytest.approx(distance)
    assert caries.surface.assd_mm_median == pytest.approx(distance)
    assert caries.lesions.mean_truth_mm2 == pytest.approx(0.05)
    row = report.rows[0].classes["caries"]
    assert row.hd95_mm == pytest.approx(distance)
    assert (row.truth_mm2, row.predicted_mm2) == (pytest.approx(0.05), pytest.approx(0.05))
    with (tmp_path / "report/per-image.csv").open() as stream:
        (line,) = csv.DictReader(stream)
    assert float(line["hd95_mm"]) == pytest.approx(distance)
    assert float(line["truth_mm2"]) == pytest.approx(0.05)
    assert "In millimeters" in str(list(report._repr_html_().split("<caption>")))


def test_without_spacing_there_are_no_millimeters(tmp_path):
    truth = np.zeros((12, 16), bool)
    truth[2, 3] = True
    report = _evaluated(tmp_path, truth, truth)
    assert not hasattr(report.classes[0].surface, "hd95_mm_mean")
    assert "mm" not in (tmp_path / "report/per-image.csv").read_text()
    shutil.rmtree(tmp_path / "report")
