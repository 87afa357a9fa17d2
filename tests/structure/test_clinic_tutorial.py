"""The tutorial from DICOM files to a report per tooth, command by command, in a tiny version."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import markdown_pages as markdown
import numpy as np
import pytest
from typer.testing import CliRunner

import maskforge as mf
from maskforge.cli.app import app

PAGE = Path(__file__).parents[2] / "docs" / "training" / "clinic.md"
FURTHER = {
    "generate.py": "--count 6 --width 320 --height 240 --jobs 1",
    "train": "--epochs 1 --crop 0 --resize 80x60 --batch-size 4 --augment none --filters 4 "
    "--depth 1 --normalization none --set network.convolutions=1 --optimizer sgd "
    "--precision float32 --workers 1 --devices 1 --folds 2",
    "evaluate": "--runtime keras",
    "suspects": "--runtime keras",
    "predict": "--runtime keras",
}
"""What is said besides, so that it takes seconds: of an option given twice, the last counts."""


@pytest.fixture(scope="module")
def walked(tmp_path_factory, samples):
    """A folder in which all commands of the page have run, and what each printed."""
    pytest.importorskip("pydicom", reason="NO DICOM: install maskforge[dicom]")
    pytest.importorskip("highdicom", reason="NO DICOM SEG: install maskforge[dicom-seg]")
    pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")
    from training_runs import step_by_step

    folder, printed = tmp_path_factory.mktemp("clinic"), {}
    with pytest.MonkeyPatch.context() as patch, step_by_step():
        patch.chdir(folder)
        patch.syspath_prepend(samples)
        patch.setenv("MASKFORGE_CACHE", str(folder / "cache"))
        from generate import main

        for block in markdown.blocks(PAGE):
            for program, *words in (one.arguments for one in _commands(block)):
                name = Path(words[0]).name
                further = FURTHER.get(name, "").split()
                if program == "python" and name == "generate.py":
                    main([*words[1:], *further])
                elif program == "maskforge":
                    result = CliRunner().invoke(app, [*words, *further], catch_exceptions=False)
                    assert result.exit_code == 0, f"{block.place}: {words}\n{result.output}"
                    printed[" ".join(words[:3])] = result.output
    return folder, printed


def _commands(block):
    return markdown.commands(block) if block.language == "bash" else ()


def test_two_radiographs_are_of_one_patient_in_whatever_is_made_of_them(walked):
    folder, _ = walked
    sets = [mf.open_dataset(folder / name) for name in ("anna", "ben", "teeth", "both")]
    digests = [[entry.patient_digest for entry in one.entries] for one in sets]
    assert digests == [digests[0]] * 4
    assert len(set(digests[0])) == 3
    assert digests[0][::2] == digests[0][1::2]
    (spacing,) = {entry.spacing for one in sets for entry in one.entries}
    assert spacing.width == pytest.approx(41 / 320, abs=1e-6)


def test_what_the_two_drew_differently_is_void_in_the_consensus(walked):
    folder, _ = walked
    anna, ben, both = (
        np.stack([item.read_mask() for item in mf.open_dataset(folder / name)])
        for name in ("anna", "ben", "both")
    )
    np.testing.assert_array_equal(both, np.where(anna == ben, anna, 255))
    assert (anna != ben).any()


def test_no_network_is_judged_by_patients_that_it_has_seen(walked):
    folder, _ = walked
    judged = []
    for number in (1, 2):
        record = json.loads((folder / f"runs/clinic/fold-{number}/split.json").read_bytes())
        parts = {"train": set(), "validation": set()}
        for one in record["examples"]:
            parts[one["part"]].add(one["group"])
        assert None not in parts["train"] | parts["validation"]
        assert parts["train"].isdisjoint(parts["validation"])
        judged += parts["validation"]
    assert len(judged) == len(set(judged)) == 3


def test_the_report_is_about_the_teeth_that_were_outlined(walked):
    folder, _ = walked
    report = json.loads((folder / "report/report.json").read_bytes())
    drawn = [
        {str(one["groupId"]) for one in json.loads(file.read_bytes())["instances"]}
        for file in sorted((folder / "clinic/teeth").glob("*.json"))
    ]
    with (folder / "report/per-unit.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    named = [{row["name"] for row in rows if row["image"].endswith(f"{n}")} for n in range(1, 7)]
    assert all(names <= numbers for names, numbers in zip(named, drawn, strict=True))
    units = report["units"]
    assert units["units"] == len(rows) == sum(map(len, named)) >= 40
    assert {row["group"] for row in rows} == {
        entry.patient_digest for entry in mf.open_dataset(folder / "both").entries
    }
    assert units["positive"] == sum(one["units"] for one in units["depths"]) > 5
    assert [one["depth"] for one in units["depths"]][:5] == ["E1", "E2", "D1", "D2", "D3"]
    assert units["intervals"]["sensitivity"] is not None


def test_the_network_stands_beside_both_dentists(walked):
    folder, printed = walked
    output = printed["evaluate runs/clinic anna"]
    assert all(f"instead of {name}" in output for name in ("anna", "ben"))
    assert all((folder / name).stat().st_size for name in ("agreement.html", "beside.html"))


@pytest.mark.parametrize("command", ["evaluate runs/clinic anna", "suspects runs/clinic ben"])
def test_labels_of_each_dentist_are_judged_by_a_network_that_has_not_seen_the_image(
    walked, command
):
    _, printed = walked
    assert "out of fold, on 6 images" in printed[command]
    assert "WARNING" not in printed[command]


def test_every_label_of_ben_was_compared(walked):
    folder, _ = walked
    assert json.loads((folder / "suspects/suspects.json").read_bytes())["images"] == 6


def test_every_new_radiograph_comes_back_as_a_segmentation_that_refers_to_it(walked):
    from pydicom import dcmread

    folder, _ = walked
    images = sorted((folder / "incoming").glob("*.dcm"))
    made = sorted((folder / "predicted/dicom-seg").rglob("*.dcm"))
    assert len(images) == len(made) == 6
    for image, segmentation in zip(map(dcmread, images), map(dcmread, made), strict=True):
        (series,) = segmentation.ReferencedSeriesSequence
        (instance,) = series.ReferencedInstanceSequence
        assert instance.ReferencedSOPInstanceUID == image.SOPInstanceUID
        assert segmentation.PatientID == image.PatientID
    files = [*(folder / "predicted/superannotate").glob("*.dcm.json")]
    assert len(files) == 6
