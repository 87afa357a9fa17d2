"""Folders of images become data sets of masks; nothing is dropped silently."""

import json
import os
from pathlib import Path

import model_folders as models
import numpy as np
import pytest
from PIL import Image

import maskforge as mf
from maskforge.errors import ModelError, OptionError, OutputError, OutputExistsError
from maskforge.masks.maskfile import read_mask, write_mask
from maskforge.masks.post_processing import PostProcessing
from maskforge.prediction.predict import predict
from maskforge.prediction.predictor import Predictor
from maskforge.prediction.runtimes.base import Runtime

NPY = {"file_type": "npy"}


def infer(batch):
    """Caries where it is bright, crown where it is not quite dark."""
    return np.concatenate([batch, np.minimum(1, batch * 2)], axis=-1)


def predictor(head="sigmoid", function=infer, notes=(), **description):
    described = models.describe(head, **description)
    runtime = Runtime("test", "float32", function, notes)
    return Predictor(Path("model"), described, described.classes, runtime)


def save(path, values, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(values, dtype=np.uint8)).save(path, **options)
    return path


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    save(folder / "a.png", [[0, 100, 255]])
    save(folder / "deep" / "a.png", [[255], [255]])
    save(folder / "deep" / "b.bmp", [[10, 10]])
    (folder / "notes.txt").write_text("x")
    return folder


def run(sources, out, model=None, **options):
    return predict(model or predictor(), sources, out, **options)


@pytest.mark.parametrize(("tta", "threshold"), [(False, 0.5), (True, 0.3)])
def test_the_report_tells_the_thresholds_that_were_used(images, tmp_path, tta, threshold):
    flipped = predictor(symmetries=("flip_horizontal",), averaged_thresholds=(0.3, 0.3))
    report = run(images, tmp_path / "out", model=flipped, tta=tta)
    assert report.thresholds == {"caries": threshold, "crown": threshold}


def test_the_report_tells_the_post_processing_and_what_is_too_large_for_it(tmp_path):
    """Caries is where it is brighter than 0.5, crown everywhere."""
    save(tmp_path / "in" / "x.tif", [[255, 0, 255, 255]])
    rules = {"caries": PostProcessing(min_size=2)}
    masks = []
    for number, most in enumerate((4, 3)):
        out = tmp_path / str(number)
        report = run(
            tmp_path / "in", out, model=predictor(post_processing=rules), tile=4, tiled_above=most
        )
        assert report.post_processing == rules
        (item,) = mf.open_dataset(out)
        masks.append((item.read_mask() == 3).tolist())
        said = [one for one in report.notes if one.endswith("in parts, not post-processed")]
        assert len(said) == number
    assert masks == [[[False, False, True, True]], [[True, False, True, True]]]
    report = run(
        tmp_path / "in",
        tmp_path / "bare",
        model=predictor(post_processing=rules),
        post_processing="none",
    )
    assert report.post_processing == {}
    assert report.classes[1].pixels == 3


def test_the_result_is_a_data_set(images, tmp_path):
    report = run(images, tmp_path / "out", model=predictor(notes=("Slow.",)))
    dataset = mf.open_dataset(tmp_path / "out")
    items = {item.entry.mask: item for item in dataset}
    assert sorted(items) == ["masks/a.png", "masks/deep/a.png", "masks/deep/b.png"]
    assert items["masks/a.png"].read_mask().tolist() == [[0, 7, 3]]
    assert items["masks/a.png"].read_image()[..., 0].tolist() == [[0, 100, 255]]
    assert dataset.classes.names[3] == "caries"
    entry = items["masks/a.png"].entry
    assert (entry.format, entry.state, entry.encoding) == ("prediction", "annotated", "integer")
    assert entry.pixels == {"background": 1, "caries": 1, "crown": 1}
    assert items["masks/deep/b.png"].entry.state == "empty"
    assert entry.image == "../images/a.png"
    with Image.open(tmp_path / "out" / "masks" / "a.png") as mask:
        palette = mask.getpalette()
    assert palette[9:12] == [255, 0, 0]
    assert report.images == {"found": 3, "predicted": 3, "refused": 0}
    assert {one.name: (one.images, one.pixels) for one in report.classes} == {
        "background": (2, 3),
        "caries": (2, 3),
        "crown": (1, 1),
    }
    assert report.thresholds == {"caries": 0.5, "crown": 0.5}
    assert report.notes == ["Slow.", "files that are not images, left out: 1"]
    assert report.exit_code == 0


def test_previews_can_be_made_of_it(images, tmp_path):
    run(images, tmp_path / "out")
    report = mf.preview(tmp_path / "out", tmp_path / "preview")
    assert len(report.overlays) == 3
    assert not report.problems


def test_overlapping_classes_are_kept_in_multi_hot_masks(images, tmp_path):
    report = run(images / "a.png", tmp_path / "out", encoding="multihot", **NPY)
    item = next(iter(mf.open_dataset(tmp_path / "out")))
    assert item.read_mask().tolist() == [[[0, 0], [0, 1], [1, 1]]]
    assert item.entry.pixels == {"caries": 1, "crown": 2, "background": 1}
    assert report.overlapped_pixels == 1
    run(images / "a.png", tmp_path / "hot", encoding="onehot", **NPY)
    hot = next(iter(mf.open_dataset(tmp_path / "hot"))).read_mask()
    assert hot.tolist() == [[[1, 0, 0], [0, 0, 1], [0, 1, 0]]]


def test_softmax_masks_can_be_multi_hot(images, tmp_path):
    def three(batch):
        return np.concatenate([np.full_like(batch, 0.3), batch, np.zeros_like(batch)], axis=-1)

    run(images / "a.png", tmp_path / "o", predictor("softmax", three), encoding="multihot", **NPY)
    item = next(iter(mf.open_dataset(tmp_path / "o")))
    assert item.read_mask().tolist() == [[[0, 0], [1, 0], [1, 0]]]
    assert item.entry.pixels == {"caries": 2, "background": 1}


def test_probabilities_and_overlays_are_written_on_demand(images, tmp_path):
    out = tmp_path / "out"
    run(images, out, probabilities=True, overlay=True)
    values = np.load(out / "probabilities" / "deep" / "b.npy")
    assert values.dtype == np.float16
    np.testing.assert_allclose(values, [[[10 / 255, 20 / 255]] * 2], rtol=1e-3)
    with Image.open(out / "overlays" / "deep" / "b.png") as shown:
        assert shown.width > 100
    run(images / "a.png", out, overwrite=True)
    assert not list(out.rglob("*.npy"))
    assert [path.name for path in out.rglob("*.png")] == ["a.png"]


def test_a_bad_image_is_named_and_the_others_go_on(images, tmp_path):
    (images / "bad.png").write_bytes((images / "a.png").read_bytes()[:40])
    (images / "empty.jpg").touch()
    report = run(images, tmp_path / "out")
    assert report.images == {"found": 5, "predicted": 3, "refused": 2}
    assert sorted(Path(one.file).name for one in report.problems) == ["bad.png", "empty.jpg"]
    assert report.exit_code == 1
    entries = mf.open_dataset(tmp_path / "out").entries
    lost = [entry for entry in entries if entry.mask is None]
    assert sorted(Path(entry.image).name for entry in lost) == ["bad.png", "empty.jpg"]
    assert {issue.code for entry in lost for issue in entry.issues} == {"image-unreadable"}


def test_an_image_on_which_the_network_fails_is_named(images, tmp_path):
    def fail(batch):
        if batch.shape[1:3] == (4, 4) and batch[0, 0, 0, 0] == 1:
            raise RuntimeError("out of\nresources")
        return infer(batch)

    report = run(images, tmp_path / "out", predictor(function=fail))
    assert [one.message for one in report.problems] == ["cannot be predicted: out of resources"]
    assert report.images["predicted"] == 2


@pytest.mark.parametrize("first", [True, False], ids=["trial", "second image"])
def test_a_network_that_gives_no_probabilities_stops_the_run(images, tmp_path, first):
    def broken(batch):
        is_black = not batch.any()
        return infer(batch) * (np.nan if first or not is_black else 1)

    with pytest.raises(ModelError, match="gives no probabilities, but numbers from nan to nan"):
        run(images, tmp_path / "out", predictor(function=broken))
    assert (tmp_path / "out").exists() is not first


def test_what_is_wrong_for_all_images_is_said_before_anything_is_written(images, tmp_path):
    for wrong in ({"overlap": 3.0}, {"thresholds": {"x": 0.5}}, {"file_type": "jpg"}, {"tile": -1}):
        with pytest.raises(OptionError):
            run(images, tmp_path / "out", **wrong)
    with pytest.raises(OptionError, match="npy"):
        run(images, tmp_path / "out", encoding="multihot")
    assert not (tmp_path / "out").exists()


def test_a_mask_fits_the_image_as_it_is_shown(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    image = save(tmp_path / "turned.png", [[255, 0, 0], [0, 0, 0]], exif=exif)
    run(image, tmp_path / "out")
    item = next(iter(mf.open_dataset(tmp_path / "out")))
    assert (item.entry.upright, item.entry.orientation) == (True, 6)
    assert item.read_mask().tolist() == [[0, 3], [0, 0], [0, 0]]
    assert item.read_image().shape == (3, 2, 1)


def dataset(folder, image, *, upright, mask="masks/p_1/x.png"):
    """A data set of one image, as convert writes it."""
    from maskforge.masks.classfile import dump_class_map

    entry = {
        "image": None if image is None else os.path.relpath(image, folder),
        "mask": mask,
        "width": 3,
        "height": 2,
        "upright": upright,
        "state": "annotated",
        "format": "labelme",
        "source": "x.json",
        "pointer": "$",
        "encoding": "integer",
        "pixels": {},
        "shapes": {},
        "class_shapes": {},
        "kinds": {},
    }
    folder.mkdir()
    (folder / "manifest.jsonl").write_text(json.dumps(entry) + "\n")
    (folder / "classes.json").write_bytes(dump_class_map(models.CLASSES))
    if mask:
        write_mask(folder / mask, np.zeros((2, 3), dtype=np.uint8))
    return folder


def test_images_of_a_data_set_keep_name_and_frame_of_their_masks(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = save(tmp_path / "turned.png", [[255, 0, 0], [0, 0, 0]], exif=exif)
    truth = dataset(tmp_path / "truth", image, upright=False)
    run(truth, tmp_path / "out")
    item = next(iter(mf.open_dataset(tmp_path / "out")))
    assert item.entry.mask == "masks/p_1/x.png"
    assert not item.entry.upright
    assert item.read_mask().tolist() == [[3, 0, 0], [0, 0, 0]]


def test_a_data_set_is_not_replaced_by_its_prediction(tmp_path):
    image = save(tmp_path / "p.png", [[255, 0, 0], [0, 0, 0]])
    truth = dataset(tmp_path / "truth", image, upright=False)
    with pytest.raises(OptionError, match="itself"):
        run(truth, truth, overwrite=True)
    assert read_mask(truth / "masks/p_1/x.png").tolist() == [[0, 0, 0], [0, 0, 0]]


def test_an_image_that_the_data_set_does_not_know_is_named(tmp_path):
    truth = dataset(tmp_path / "truth", None, upright=False)
    report = run(truth, tmp_path / "out")
    assert [one.message for one in report.problems] == [
        "the data set does not know where the image is"
    ]


def test_results_inside_the_folder_of_images_are_not_predicted_again(images):
    run(images, images / "predicted", overlay=True)
    report = run(images, images / "predicted", overwrite=True)
    assert report.images["found"] == 3


def test_an_image_that_is_named_twice_is_predicted_once(images, tmp_path):
    report = run([images, images / "a.png"], tmp_path / "out")
    assert report.images["found"] == 3
    assert "images that were named twice: 1" in report.notes


def test_results_are_replaced_only_on_demand(images, tmp_path):
    run(images, tmp_path / "out")
    with pytest.raises(OutputExistsError):
        run(images, tmp_path / "out")
    (tmp_path / "mine" / "overlays").mkdir(parents=True)
    with pytest.raises(OutputExistsError, match="overlays"):
        run(images, tmp_path / "mine", overwrite=True)


def test_a_prediction_that_was_killed_is_replaced_whole(images, tmp_path, monkeypatch):
    from maskforge.outputs.folder import OutputFolder, StagedFile

    class Killed(BaseException):
        """Like the end of the process."""

    everything = {"probabilities": True, "overlay": True, "overwrite": True}
    run(images, tmp_path / "whole", **everything)
    settle, count = StagedFile.settle, [4]

    def kill(self):
        count[0] -= 1
        if count[0] < 0:
            raise Killed
        settle(self)

    out = images / "predicted"
    monkeypatch.setattr(StagedFile, "settle", kill)
    monkeypatch.setattr(StagedFile, "drop", lambda self: None)
    monkeypatch.setattr(OutputFolder, "_close", lambda self, keep: self._unlock())
    with pytest.raises(Killed):
        run(images, out, **everything)
    monkeypatch.undo()
    assert mf.open_dataset(out).unfinished
    assert len(mf.open_dataset(out)) == 1
    report = run(out, tmp_path / "of-an-unfinished-one")
    assert "is unfinished" in report.notes[0]
    with pytest.raises(OutputExistsError, match="unfinished run"):
        run(images / "a.png", out)
    assert run(images, out, **everything).images["found"] == 3
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    whole = tmp_path / "whole"
    assert names == {
        path.relative_to(whole).as_posix() for path in whole.rglob("*") if path.is_file()
    }
    (line, *_) = map(json.loads, (out / "manifest.jsonl").read_text().splitlines())
    assert line["digests"].keys() == {"masks/a.png", "probabilities/a.npy", "overlays/a.png"}
    run(images, out, overwrite=True)
    assert not list((out / "probabilities").rglob("*.npy"))
    assert not list((out / "overlays").rglob("*.png"))


def test_overlays_are_not_written_through_a_link(images, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    run(images, tmp_path / "out")
    (tmp_path / "out" / "overlays").symlink_to(tmp_path / "elsewhere")
    for overlay in (False, True):
        with pytest.raises(OutputError, match="overlays: is a link"):
            run(images, tmp_path / "out", overwrite=True, overlay=overlay)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("name", ["gone.png", "gone", "images/notes.txt", "void"])
def test_sources_without_images_are_refused(images, tmp_path, name):
    (tmp_path / "void").mkdir()
    with pytest.raises(OptionError, match=r"image|does not exist"):
        run(tmp_path / name, tmp_path / "out")


def test_a_disk_that_is_full_ends_the_run(images, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OutputError("cannot be written: No space left on device")

    monkeypatch.setattr("maskforge.prediction.made_prediction.overlay_page", fail)
    with pytest.raises(OutputError, match="No space"):
        predict(predictor(), images, tmp_path / "out", overlay=True)


def test_progress_is_told_after_every_image(images, tmp_path):
    calls = []
    predict(predictor(), images, tmp_path / "o", progress=lambda *call: calls.append(call))
    assert calls == [("predicting", number, 3) for number in (1, 2, 3)]


def test_images_are_read_ahead_but_not_all(tmp_path, monkeypatch):
    """However many there are, at most four images are held: one of them is written meanwhile."""
    from maskforge.prediction import read_ahead as loading

    read, done, distance = [], [], []
    real = loading.read_image

    def spy(path, **how):
        read.append(path)
        distance.append(len(read) - len(done))
        return real(path, **how)

    monkeypatch.setattr(loading, "read_image", spy)
    for number in range(20):
        save(tmp_path / "many" / f"{number:02}.png", [[number]])
    predict(predictor(), tmp_path / "many", tmp_path / "o", progress=lambda *_: done.append(1))
    assert len(done) == 20
    assert max(distance) <= 4
