"""Stacks are predicted page by page, and their masks are stacks again."""

from pathlib import Path

import numpy as np
import pytest
from example_files import save, stack
from model_folders import CLASSES
from PIL import Image
from test_prediction_folders import predictor, run

import maskforge as mf
from maskforge.errors import OutputError
from maskforge.masks.maskfile import read_mask
from maskforge.masks.stackfile import StackFile

PAGES = [np.full((2, 3), value, dtype=np.uint8) for value in (0, 100, 255, 10)]
IDS = [0, 7, 3, 0]
"""What is predicted: crown where a page is not quite dark, caries where it is bright."""


@pytest.fixture
def volume(tmp_path):
    return stack(tmp_path / "scans" / "volume.tif", PAGES)


def masks(out):
    """Return the first value of the mask of every line of the manifest, by name."""
    return {item.entry.mask: int(item.read_mask()[0, 0]) for item in mf.open_dataset(out)}


def test_the_masks_of_a_stack_are_a_stack(volume, tmp_path):
    save(volume.parent / "single.png", PAGES[2])
    out = tmp_path / "out"
    report = run(volume.parent, out, probabilities=True, overlay=True)
    assert masks(out) == {
        "masks/single.png": 3,
        **{f"masks/volume.tif#{number}": id_ for number, id_ in enumerate(IDS, 1)},
    }
    assert report.images == {"found": 5, "predicted": 5, "refused": 0}
    assert report.notes == [
        "volume is a stack of 4 pages, and so are its masks: masks/volume.tif, whatever the type "
        "of file"
    ]
    with Image.open(out / "masks" / "volume.tif") as file:
        assert file.n_frames == 4
        file.seek(2)
        assert file.mode == "P"
        assert file.getpalette()[9:12] == list(CLASSES.colors[3])
    item = list(mf.open_dataset(out))[-2]
    assert item.entry.image == "../scans/volume.tif#3"
    assert np.array_equal(item.read_image()[..., 0], PAGES[2])
    numbers = [f"volume#{number}" for number in (1, 2, 3, 4)]
    for place, suffix in (("probabilities", ".npy"), ("overlays", ".png")):
        found = sorted(path.name for path in (out / place).iterdir())
        assert found == ["single" + suffix, *(name + suffix for name in numbers)]
    assert np.load(out / "probabilities" / "volume#2.npy")[0, 0] == pytest.approx(
        [100 / 255, 200 / 255], abs=1e-3
    )
    shown = mf.preview(out, tmp_path / "preview")
    assert [path.stem for path in shown.overlays] == ["single", *numbers]
    assert not shown.problems
    examples = mf.open_examples(out)
    assert [one.name for one in examples] == ["single", *numbers]
    assert sum(one.statistics.pixels.get(3, 0) for one in examples) == 12


def test_a_predicted_stack_is_predicted_and_replaced_again(volume, tmp_path):
    run(volume, tmp_path / "first", overlay=True)
    run(tmp_path / "first", tmp_path / "second")
    first, second = ((tmp_path / one / "masks").iterdir() for one in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    save(tmp_path / "x.png", PAGES[0])
    run(tmp_path / "x.png", tmp_path / "first", overwrite=True)
    left = {path.name for path in (tmp_path / "first").rglob("*") if path.is_file()}
    assert left == {"x.png", "manifest.jsonl", "classes.json"}


@pytest.mark.parametrize("options", [{"file_type": "npy"}, {"encoding": "multihot"}])
def test_arrays_are_one_file_for_every_page(volume, tmp_path, options):
    report = run(volume, tmp_path / "out", **{"file_type": "npy", **options})
    found = sorted(path.name for path in (tmp_path / "out" / "masks").iterdir())
    assert found == [f"volume#{number}.npy" for number in (1, 2, 3, 4)]
    assert not report.notes


def test_some_pages_of_a_stack_keep_their_numbers(volume, tmp_path):
    """Masks are paired by name: page 3 must not become page 1 of a shorter stack."""
    run(volume, tmp_path / "all")
    lines = (tmp_path / "all" / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "all" / "manifest.jsonl").write_bytes(lines[2] + lines[3])
    for sources in (tmp_path / "all", [f"{volume}#3", f"{volume}#4"]):
        run(sources, tmp_path / "some", overwrite=True)
        assert masks(tmp_path / "some") == {"masks/volume#3.png": 3, "masks/volume#4.png": 0}
    report = run([f"{volume}#2", volume], tmp_path / "twice")
    assert sorted(masks(tmp_path / "twice")) == [f"masks/volume#{n}.png" for n in (1, 2, 3, 4)]
    assert report.images["found"] == 4


def test_a_page_that_is_refused_leaves_the_others_their_numbers(tmp_path):
    pages = [*PAGES[:2], np.full((5, 4), 0.5, np.float32), PAGES[2]]
    report = run(stack(tmp_path / "v.tif", pages), tmp_path / "out")
    assert report.images == {"found": 4, "predicted": 3, "refused": 1}
    (problem,) = report.problems
    assert problem.file == f"{tmp_path / 'v.tif'}#3"
    assert "fractions" in problem.message
    assert masks(tmp_path / "out") == {
        "masks/v.tif#1": 0,
        "masks/v.tif#2": 7,
        "masks/v.tif#4": 3,
    }
    void = read_mask(tmp_path / "out" / "masks" / "v.tif#3")
    assert np.array_equal(void, np.full((5, 4), 255))
    run(tmp_path / "out", tmp_path / "again")
    assert masks(tmp_path / "again") == {f"masks/v#{n}.png": i for n, i in ((1, 0), (2, 7), (4, 3))}


def test_a_stack_that_was_cut_off_is_refused_whole(volume, tmp_path):
    volume.write_bytes(volume.read_bytes()[:300])
    save(volume.parent / "x.png", PAGES[0])
    report = run(volume.parent, tmp_path / "out")
    assert [Path(one.file).name for one in report.problems] == ["volume.tif"]
    assert report.images == {"found": 2, "predicted": 1, "refused": 1}


def test_a_stack_and_an_image_of_one_name_have_masks_of_their_own(volume, tmp_path):
    save(volume.parent / "volume.png", PAGES[2])
    save(volume.parent / "volume#1.png", PAGES[2])
    run(volume.parent, tmp_path / "out")
    found = masks(tmp_path / "out")
    assert len(found) == 6
    examples = mf.open_examples(tmp_path / "out")
    assert len({one.name for one in examples}) == 6
    assert sorted(found.values()) == sorted([3, 3, *IDS])


def test_an_interruption_leaves_the_pages_that_are_listed(volume, tmp_path):
    def stop(batch):
        if batch[0, 0, 0, 0] == 1:
            raise KeyboardInterrupt
        return np.concatenate([batch, batch], axis=-1)

    with pytest.raises(KeyboardInterrupt):
        run(volume, tmp_path / "out", predictor(function=stop))
    assert list(masks(tmp_path / "out")) == ["masks/volume.tif#1", "masks/volume.tif#2"]
    assert [path.name for path in (tmp_path / "out" / "masks").iterdir()] == ["volume.tif"]


def test_pages_of_every_depth_are_written_one_by_one(tmp_path):
    pages = [np.arange(6, dtype=dtype).reshape(2, 3) for dtype in (np.uint8, np.uint16, np.uint32)]
    pages[2] += 70_000
    file = StackFile(tmp_path / "new" / "a.tif")
    assert [file.add(page) for page in pages] == [1, 2, 3]
    assert not (tmp_path / "new" / "a.tif").exists()
    file.finish()
    for number, page in enumerate(pages, 1):
        found = read_mask(tmp_path / "new" / f"a.tif#{number}")
        assert found.dtype == page.dtype
        assert np.array_equal(found, page)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        StackFile(tmp_path / "file" / "a.tif")
