"""Corrected predictions come home: what is taken, what people changed, and what is refused."""

from __future__ import annotations

import base64
import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from builders import files, image, labelme, manifest, run, square, tree
from PIL import Image
from predicted_sets import (
    CLASSES,
    edit,
    made,
    masks,
    predicted,
    read_masks,
    save_images,
    sent_out,
)

import maskforge as mf
from maskforge.errors import DatasetError, LabelError, OptionError, OutputExistsError
from maskforge.formats.registry import READ_AGAIN

PREDICTED = masks(
    a=("33......", "33......", "........", "......77", "......77", "........"),
    b=("........", ".333....", ".3.3....", ".333....", "........", "........"),
    c=("........", "........", "...3....", "........", "........", "........"),
    d=("........", "........", "........", "........", "........", "........"),
)


@pytest.fixture
def loop(tmp_path):
    """Four predictions, and the LabelMe files that people got: nothing is corrected yet."""
    images = save_images(tmp_path / "images", PREDICTED)
    predicted(tmp_path / "predicted", images, PREDICTED)
    sent_out(tmp_path / "predicted", tmp_path / "sent")
    return tmp_path


def merged(loop, **options):
    return mf.merge(loop / "sent", loop / "predicted", loop / "next", **options)


def redraw(path, *shapes):
    edit(path, lambda content: content.update(shapes=list(shapes)))


def check(path):
    edit(path, lambda content: content.update(checked=True))


def test_what_was_sent_comes_back_as_it_was_to_the_last_pixel(loop):
    report = merged(loop, untouched="confirm")
    assert report.returned == {"new": 0, "changed": 0, "confirmed": 4, "untouched": 0}
    assert report.masks == {"drawn": 0, "predicted": 0, "corrected": 0, "confirmed": 4}
    assert (report.missing, report.exit_code) == (0, 0)
    for name, mask in read_masks(loop / "next").items():
        np.testing.assert_array_equal(mask, PREDICTED[name.split("/")[1][0]])
    assert mf.open_dataset(loop / "next").classes.names == CLASSES.names
    assert [one.dice for one in report.classes] == [1.0, 1.0]
    assert [item.image_path.resolve() for item in mf.open_dataset(loop / "next")] == [
        (loop / "images" / f"{name}.png").resolve() for name in "abcd"
    ]


@pytest.mark.parametrize("format_", [one for one in READ_AGAIN if one not in ("masks", "labelme")])
def test_files_of_every_tool_come_back_as_they_were(tmp_path, format_):
    """Masks alone are read only if they are asked for."""
    images = save_images(tmp_path / "images", PREDICTED)
    predicted(tmp_path / "predicted", images, PREDICTED)
    sent_out(tmp_path / "predicted", tmp_path / "deep" / "sent", format_)
    report = mf.merge(tmp_path / "deep", tmp_path / "predicted", tmp_path / "next")
    nobody_submitted = format_ == "label-studio"
    assert report.returned["untouched"] == (0 if nobody_submitted else 4)
    assert report.conversion.images["unvisited"] == (4 if nobody_submitted else 0)
    assert "hidden-files" not in report.conversion.reasons


def test_tools_with_words_of_their_own_say_that_a_file_is_checked(loop):
    complete, submitted = loop / "complete", loop / "submitted"
    sent_out(loop / "predicted", complete, "superannotate")
    for name in "ab":
        path = next(complete.rglob(f"{name}.png*.json"))
        edit(path, lambda content: content["metadata"].update(status="Completed"))
    sent_out(loop / "predicted", submitted, "label-studio")
    path = next(one for one in submitted.rglob("*.json") if not one.name.startswith("."))
    edit(path, lambda tasks: tasks[0].update(annotations=tasks[0].pop("predictions")))
    for source, count in ((complete, 2), (submitted, 1)):
        report = mf.merge(source, loop / "predicted", loop / "next", overwrite=True)
        assert report.returned["confirmed"] == count


@pytest.mark.parametrize(
    ("policy", "taken"),
    [
        ("skip", {"masks/a.png": "corrected", "masks/b.png": "confirmed"}),
        (
            "keep",
            {
                "masks/a.png": "corrected",
                "masks/b.png": "confirmed",
                "masks/c.png": "predicted",
                "masks/d.png": "predicted",
            },
        ),
        (
            "confirm",
            {
                "masks/a.png": "corrected",
                "masks/b.png": "confirmed",
                "masks/c.png": "confirmed",
                "masks/d.png": "confirmed",
            },
        ),
    ],
)
def test_what_nobody_touched_or_checked_is_taken_only_if_asked_for(loop, policy, taken):
    redraw(loop / "sent" / "a.json", square("caries", 0, 0, 3, 2))
    check(loop / "sent" / "b.json")
    report = merged(loop, untouched=policy)
    assert made(loop / "next") == taken
    assert sum(report.masks.values()) == len(taken)
    is_told = any("came back as they were predicted" in note for note in report.notes)
    assert is_told == (policy == "skip")


@pytest.mark.parametrize(
    "mark", [{"checked": True}, {"flags": {"checked": True}}], ids=["x-anylabeling", "labelme"]
)
def test_files_are_marked_as_checked_by_a_key_or_a_flag(loop, mark):
    edit(loop / "sent" / "c.json", lambda content: content.update(mark))
    for other in ({"checked": False}, {"flags": {"checked": False}}, {"flags": {"good": True}}):
        edit(loop / "sent" / "d.json", lambda content, other=other: content.update(other))
        assert merged(loop, overwrite=True).returned["confirmed"] == 1
        assert made(loop / "next") == {"masks/c.png": "confirmed"}


def test_the_table_says_what_people_changed(loop):
    """Of a the lesion grew and the crown went; b stayed; c moved elsewhere; d got one."""
    sent = loop / "sent"
    redraw(sent / "a.json", square("caries", 0, 0, 3, 2))
    check(sent / "b.json")
    redraw(sent / "c.json", square("caries", 6, 4, 8, 6))
    redraw(sent / "d.json", square("crown", 1, 1, 3, 3))
    report = merged(loop)
    caries, crown = report.classes
    assert (caries.images, caries.changed_images) == (3, 2)
    assert (caries.lesions_before, caries.lesions_after) == (3, 3)
    assert (caries.added, caries.removed, caries.reshaped) == (1, 1, 1)
    assert (caries.pixels_before, caries.pixels_after) == (4 + 8 + 1, 6 + 8 + 4)
    assert (caries.pixels_added, caries.pixels_removed) == (2 + 4, 1)
    assert caries.dice == pytest.approx(2 * (4 + 8) / (13 + 18))
    assert (crown.added, crown.removed, crown.reshaped, crown.dice) == (1, 1, 0, 0.0)
    by_name = {one.name: one for one in report.images}
    assert by_name["a"].correction == "changed"
    assert [(one.name, one.dice) for one in by_name["a"].classes] == [
        ("caries", pytest.approx(0.8)),
        ("crown", 0.0),
    ]
    with (loop / "next" / "corrections.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["image"], row["correction"], row["class"]) for row in rows] == [
        ("a", "changed", "caries"),
        ("a", "changed", "crown"),
        ("b", "confirmed", "caries"),
        ("c", "changed", "caries"),
        ("d", "changed", "crown"),
    ]
    assert (rows[0]["dice"], rows[0]["pixels_added"], rows[3]["added"]) == ("0.800000", "2", "1")
    assert rows[0]["annotation"] == str(sent / "a.json")


def test_images_that_nobody_looked_at_say_nothing_about_the_network(loop):
    redraw(loop / "sent" / "a.json")
    report = merged(loop, untouched="keep")
    assert [(one.name, one.images, one.dice) for one in report.classes] == [
        ("caries", 1, 0.0),
        ("crown", 1, 0.0),
    ]


@pytest.fixture
def older(loop):
    """The data set before: image a of the predictions, one more, and one whose name is taken."""
    drawn = masks(
        a=("........", "3.......", "........", "........", "........", "........"),
        old=("V.......", "....7777", "........", "........", "........", "........"),
    )
    images = save_images(loop / "before", ["c", "old"])
    shutil.copy(loop / "images" / "a.png", loop / "before" / "a.png")
    drawn["c"] = drawn["old"]
    return predicted(loop / "sets" / "older", images, drawn, format_="labelme", tags=["kept"])


def test_the_older_data_set_is_taken_over_and_corrections_count_more(loop, older):
    for name in "ac":
        redraw(loop / "sent" / f"{name}.json", square("caries", 0, 0, 3, 2))
    report = merged(loop, into=older)
    assert report.replaced == ["a"]
    # The two images c are different ones.
    assert made(loop / "next") == {
        "masks/a.png": "corrected",
        "masks/c.png": "drawn",
        "masks/c.png.png": "corrected",
        "masks/old.png": "drawn",
    }
    assert report.masks == {"drawn": 2, "predicted": 0, "corrected": 2, "confirmed": 0}
    for name in ("c", "old"):
        there, here = (one / "masks" / f"{name}.png" for one in (older, loop / "next"))
        assert here.read_bytes() == there.read_bytes()
    (line,) = [one for one in manifest(loop / "next") if one["mask"] == "masks/old.png"]
    assert line["tags"] == ["kept"]
    assert line["image"] == "../before/old.png"
    assert line["digests"].keys() == {"masks/old.png"}
    assert all(one.image_path.is_file() for one in mf.open_dataset(loop / "next"))
    assert len(mf.open_examples(loop / "next")) == 4


def test_an_older_mask_stays_where_its_image_came_back_untouched(loop, older):
    redraw(loop / "sent" / "b.json")
    report = merged(loop, into=older)
    assert report.replaced == []
    assert made(loop / "next") == {
        "masks/b.png": "corrected",
        "masks/a.png": "drawn",
        "masks/old.png": "drawn",
        "masks/c.png": "drawn",
    }


def test_an_image_that_is_only_in_the_older_set_is_compared_with_that(loop, older):
    image_file = loop / "before" / "old.png"
    labelme(loop / "sent" / "old.json", square("crown", 0, 0, 2, 2), image=str(image_file))
    report = merged(loop, into=older)
    (change,) = [one for one in report.images if one.name == "old"]
    assert (change.correction, change.compared, change.made) == ("changed", "data set", "corrected")
    assert report.classes == []
    assert report.replaced == ["old"]


def test_new_images_are_taken_as_drawn(loop):
    save_images(loop / "sent", ["fresh"])
    labelme(loop / "sent" / "fresh.json", square("caries", 0, 0, 2, 2))
    report = merged(loop)
    assert made(loop / "next") == {"masks/fresh.png": "drawn"}
    assert report.returned["new"] == 1
    assert any("neither predicted nor known before: 1" in note for note in report.notes)


def test_pages_instances_and_extracted_images_are_taken_over(loop):
    """Whatever files the lines of the older data set name."""
    source = loop / "embedded"
    save_images(loop / "box", ["x"])
    data = base64.b64encode((loop / "box" / "x.png").read_bytes()).decode()
    labelme(source / "x.json", square("caries", 0, 0, 2, 2), imageData=data)
    classes = {"classes": CLASSES, "extract_images": True, "instances": True}
    mf.convert(source, loop / "older", **classes)
    stack = loop / "older" / "masks" / "volume.tif"
    pages = [np.full((6, 8), value, np.uint8) for value in (0, 3)]
    first, second = map(Image.fromarray, pages)
    first.save(stack, save_all=True, append_images=[second])
    lines = manifest(loop / "older")
    for page in (1, 2):
        changed = {"mask": f"masks/volume.tif#{page}", "instances": None, "image": None}
        lines.append({**lines[0], **changed, "digests": {}})
    text = "".join(f"{json.dumps(one)}\n" for one in lines)
    (loop / "older" / "manifest.jsonl").write_text(text)
    redraw(loop / "sent" / "a.json")
    mf.merge(loop / "sent", loop / "predicted", loop / "next", into=loop / "older")
    assert files(loop / "next") == {
        "manifest.jsonl",
        "classes.json",
        "corrections.csv",
        "masks/a.png",
        "masks/x.png",
        "instances/x.png",
        "extracted-images/x.png",
        "masks/volume.tif",
    }
    found = {one.entry.mask: one for one in mf.open_dataset(loop / "next")}
    assert found["masks/x.png"].read_image().shape == (6, 8, 1)
    assert found["masks/volume.tif#2"].read_mask().min() == 3


@pytest.mark.parametrize(
    ("encoding", "file_type"), [("onehot", "npy"), ("multihot", "npy"), ("integer", "tiff")]
)
def test_encoding_and_type_are_those_of_the_predictions(loop, encoding, file_type):
    predicted(loop / "others", loop / "images", PREDICTED, encoding=encoding, file_type=file_type)
    redraw(loop / "sent" / "c.json", square("crown", 0, 0, 2, 2))
    report = mf.merge(loop / "sent", loop / "others", loop / "next", untouched="confirm")
    assert report.returned == {"new": 0, "changed": 1, "confirmed": 3, "untouched": 0}
    for item in mf.open_dataset(loop / "next"):
        assert item.entry.encoding == encoding
        assert item.mask_path.suffix == f".{file_type}"
    mask = read_masks(loop / "next")[f"masks/c.{file_type}"]
    assert (mask[:2, :2] == 7).all() if encoding == "integer" else mask[:2, :2, -1].all()


def test_pages_of_a_stack_are_images_of_their_own(tmp_path):
    random = np.random.default_rng(0)
    pages = [Image.fromarray(random.integers(0, 255, (6, 8), np.uint8)) for _ in range(3)]
    pages[0].save(tmp_path / "volume.tif", save_all=True, append_images=pages[1:])
    drawn = dict(zip(("volume#1", "volume#2", "volume#3"), PREDICTED.values(), strict=False))
    predicted(tmp_path / "predicted", tmp_path, drawn)
    lines = manifest(tmp_path / "predicted")
    for number, line in enumerate(lines, 1):
        line["image"] = f"../volume.tif#{number}"
    text = "".join(f"{json.dumps(one)}\n" for one in lines)
    (tmp_path / "predicted" / "manifest.jsonl").write_text(text)
    sent_out(tmp_path / "predicted", tmp_path / "sent")
    redraw(tmp_path / "sent" / "volume-0002.json", square("crown", 0, 0, 2, 2))
    report = merged(tmp_path, untouched="confirm")
    assert report.returned == {"new": 0, "changed": 1, "confirmed": 2, "untouched": 0}


# Finding the prediction that a file is about.


def test_files_are_found_wherever_people_put_them_and_the_images(loop):
    """Copies of the images lie beside the files, under a written path that leads nowhere."""
    (loop / "elsewhere" / "deep").mkdir(parents=True)
    for name in "abcd":
        target = loop / "elsewhere" / "deep" / f"{name}.json"
        shutil.copy(loop / "sent" / f"{name}.json", target)
        edit(target, lambda content, name=name: content.update(imagePath=f"D:\\jobs\\{name}.png"))
        shutil.copy(loop / "images" / f"{name}.png", target.with_suffix(".png"))
    report = mf.merge(loop / "elsewhere", loop / "predicted", loop / "next", untouched="confirm")
    assert report.returned["confirmed"] == 4


def test_without_their_images_files_are_known_by_their_names(loop):
    """The images are gone; the entries keep the place where they were."""
    shutil.rmtree(loop / "images")
    report = merged(loop, untouched="confirm")
    assert report.returned["confirmed"] == 4
    assert {line["image"] for line in manifest(loop / "next")} == {
        f"../images/{name}.png" for name in "abcd"
    }


def test_images_of_one_name_in_several_folders_are_not_mixed_up(tmp_path):
    drawn = {"p1/x": PREDICTED["a"], "p2/x": PREDICTED["b"]}
    images = save_images(tmp_path / "images", drawn)
    shutil.copy(images / "p1" / "x.png", tmp_path / "same.png")
    save_images(images / "p2", ["y", "x"])
    predicted(tmp_path / "predicted", images, drawn)
    sent_out(tmp_path / "predicted", tmp_path / "sent")
    report = merged(tmp_path, untouched="confirm")
    assert report.returned["confirmed"] == 2
    assert made(tmp_path / "next") == {
        "masks/p1/x.png": "confirmed",
        "masks/p2/x.png": "confirmed",
    }


def test_another_image_of_the_same_name_is_new(loop):
    for one in (loop / "sent").iterdir():
        one.unlink()
    save_images(loop / "sent" / "other", ["b", "a"])  # a is not the a that was predicted
    labelme(loop / "sent" / "other" / "a.json", square("caries", 0, 0, 2, 2))
    save_images(loop / "sent", ["c"])
    shutil.copy(loop / "images" / "c.png", loop / "sent" / "c.png")
    labelme(loop / "sent" / "c.json", square("caries", 0, 0, 2, 2))
    report = merged(loop)
    assert report.returned == {"new": 1, "changed": 1, "confirmed": 0, "untouched": 0}


def test_classes_without_labels_are_labels_of_themselves(loop):
    """The network was trained on masks, so its class map has no labels."""
    bare = replace(CLASSES, classes=tuple(replace(one, labels=()) for one in CLASSES.classes))
    predicted(loop / "predicted-2", loop / "images", PREDICTED, classes=bare)
    report = mf.merge(loop / "sent", loop / "predicted-2", loop / "next", untouched="confirm")
    assert report.returned["confirmed"] == 4


def test_classes_that_the_network_does_not_know_are_told(loop, older):
    only = replace(CLASSES, classes=tuple(one for one in CLASSES.classes if one.name != "crown"))
    few = {name: np.where(mask == 7, 0, mask) for name, mask in PREDICTED.items()}
    predicted(loop / "predicted-2", loop / "images", few, classes=only)
    redraw(loop / "sent" / "d.json", square("crown", 0, 0, 2, 2))
    report = mf.merge(loop / "sent", loop / "predicted-2", loop / "next", into=older)
    assert any("the predictions do not know crown" in note for note in report.notes)
    assert {one.name: one.added for one in report.classes} == {"caries": 0, "crown": 2}


# What is refused.


def test_a_folder_that_is_no_prediction_is_refused(loop):
    for folder, message in (("images", "holds no manifest.jsonl"), ("none", "does not exist")):
        with pytest.raises(DatasetError, match=message) as caught:
            mf.merge(loop / "sent", loop / folder, loop / "next")
        assert "maskforge predict" in caught.value.hint
    with pytest.raises(DatasetError, match="holds no manifest") as caught:
        merged(loop, into=loop / "images")
    assert "maskforge convert" in caught.value.hint
    assert not (loop / "next").exists()


def test_an_unfinished_prediction_is_refused(loop):
    (loop / "predicted" / "manifest.jsonl").rename(loop / "predicted" / ".manifest.jsonl.part")
    with pytest.raises(DatasetError, match="is unfinished"):
        merged(loop)


def test_classes_with_other_ids_are_refused(loop, older):
    moved = mf.ClassMap(
        tuple(replace(one, id={3: 7, 7: 3}.get(one.id, 0)) for one in CLASSES.classes)
    )
    predicted(loop / "predicted-2", loop / "images", PREDICTED, classes=moved)
    with pytest.raises(LabelError, match="has crown=3, caries=7, which the class map") as caught:
        mf.merge(loop / "sent", loop / "predicted-2", loop / "next", into=older)
    assert "--classes" in caught.value.hint


def test_a_label_that_no_class_has_is_refused(loop):
    redraw(loop / "sent" / "a.json", square("plaque", 0, 0, 2, 2))
    with pytest.raises(LabelError, match="plaque"):
        merged(loop)
    more = mf.ClassMap((*CLASSES.classes, mf.MaskClass(9, "plaque", (0, 0, 9), ("plaque",))))
    assert merged(loop, classes=more).returned["changed"] == 1


def test_images_of_another_size_are_refused(loop):
    image(loop / "sent" / "small" / "a.png", 4, 4)
    labelme(loop / "sent" / "a.json", width=4, height=4, image="small/a.png")
    shutil.rmtree(loop / "images")
    with pytest.raises(DatasetError, match=r"1 images came back in another size: .*a.json has 4 x"):
        merged(loop)


def test_nothing_that_was_predicted_is_refused(loop):
    save_images(loop / "strange", ["s"])
    labelme(loop / "strange" / "s.json", square("caries", 0, 0, 2, 2))
    with pytest.raises(DatasetError, match="none of the 1 images that came back is among the 4"):
        mf.merge(loop / "strange", loop / "predicted", loop / "next")
    (loop / "empty").mkdir()
    with pytest.raises(DatasetError, match="there are no annotations in"):
        mf.merge(loop / "empty", loop / "predicted", loop / "next")
    assert not (loop / "next" / "manifest.jsonl").exists()


def test_two_annotations_of_one_image_are_refused(loop):
    shutil.copytree(loop / "sent", loop / "sent" / "again")
    with pytest.raises(DatasetError, match="4 images came back in several annotations: ") as caught:
        merged(loop)
    assert "keep the annotation that is right" in caught.value.hint


def test_results_are_not_replaced_unless_asked_for(loop, older):
    redraw(loop / "sent" / "a.json")
    merged(loop)
    with pytest.raises(OutputExistsError):
        merged(loop)
    check(loop / "sent" / "b.json")
    assert merged(loop, overwrite=True).returned["confirmed"] == 1
    assert b"confirmed" in (loop / "next" / "corrections.csv").read_bytes()
    for place in (loop / "predicted", older):
        with pytest.raises(OptionError, match="is a data set that is read"):
            mf.merge(loop / "sent", loop / "predicted", place, into=older, overwrite=True)


def test_a_table_of_somebody_else_is_not_replaced(loop):
    (loop / "next").mkdir()
    (loop / "next" / "corrections.csv").write_text("mine\n")
    with pytest.raises(OutputExistsError, match="maskforge did not write it"):
        merged(loop, overwrite=True)
    assert (loop / "next" / "corrections.csv").read_text() == "mine\n"


def test_what_was_interrupted_is_done_again_with_the_same_command(loop, older):
    def stop(phase, done, total):
        if phase == "drawing":
            raise KeyboardInterrupt

    redraw(loop / "sent" / "b.json", square("caries", 0, 0, 3, 3))
    with pytest.raises(KeyboardInterrupt):
        merged(loop, into=older, progress=stop)
    assert mf.open_dataset(loop / "next").unfinished
    merged(loop, into=older)
    again = tree(loop / "next")
    merged(loop, into=older, overwrite=True)
    assert tree(loop / "next") == again


def test_a_dry_run_writes_nothing_and_counts_the_same(loop, older):
    redraw(loop / "sent" / "a.json")
    dry = merged(loop, into=older, dry_run=True)
    assert not (loop / "next").exists()
    wet = merged(loop, into=older)
    assert (dry.returned, dry.masks, dry.replaced) == (wet.returned, wet.masks, wet.replaced)


def test_a_file_that_cannot_be_drawn_leaves_the_older_mask(loop, older):
    edit(
        loop / "sent" / "a.json",
        lambda content: content.update(shapes=[square("caries", 0, 0, float("nan"), 2)]),
    )
    report = merged(loop, into=older)
    assert report.exit_code == 1
    assert made(loop / "next")["masks/a.png"] == "drawn"


# The command.


def test_the_command_says_what_became_of_it(loop, older):
    redraw(loop / "sent" / "a.json", square("caries", 0, 0, 3, 2))
    arguments = ("merge", loop / "sent", "--predictions", loop / "predicted")
    result = run(*arguments, "--into", older, "--out", loop / "next")
    assert result.exit_code == 0, result.output
    for words in ("Images that came back", "reshaped", "images of it that have new masks (1): a"):
        assert words in result.stdout
    result = run(*arguments, "--out", loop / "other", "--untouched", "confirm", "--json")
    told = json.loads(result.stdout)
    assert told["returned"] == {"new": 0, "changed": 1, "confirmed": 3, "untouched": 0}
    assert {one["name"] for one in told["classes"]} == {"caries", "crown"}


def test_nothing_taken_is_exit_code_2(loop):
    arguments = ("merge", loop / "sent", "--predictions", loop / "predicted")
    result = run(*arguments, "--out", loop / "next")
    assert result.exit_code == 2
    assert "nobody marked them as checked" in result.stdout


# What others make of it.


def test_manifests_of_before_tell_by_their_format(loop, older):
    for folder, was in ((loop / "predicted", "predicted"), (older, "drawn")):
        lines = manifest(folder)
        assert {line.pop("made") for line in lines} == {was}
        (folder / "manifest.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in lines))
        assert set(made(folder).values()) == {was}
        assert {one.columns["made"] for one in mf.open_examples(folder)} == {was}
