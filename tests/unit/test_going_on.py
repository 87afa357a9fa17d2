"""A run that was ended before its time goes on with the same command, and nothing is done twice."""

import hashlib
import shutil
import tracemalloc
from dataclasses import fields, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from builders import LOCK, UNFINISHED, assert_whole, files, labelme, manifest, square, tree
from kills import identities, kill, same

from maskforge import convert, export
from maskforge.dataset import spool
from maskforge.dataset.image_digest import digest_of_image
from maskforge.errors import OutputExistsError
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Issue, Origin
from maskforge.outputs import journal
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.journal import Begun, Done, run_of
from maskforge.shapes import Area, ImageReference, ImageState, Polygon, Shape, Size

COUNT = 4

RING = np.array([[1.0, 1.0], [4.0, 1.0], [4.0, 4.0]])
ORIGIN = Origin(Path("x.json"))
IMAGE = AnnotatedImage(
    ImageReference("x.png", None, Size(8, 8)),
    (Shape(("a",), Area((Polygon(RING),)), "polygon", ORIGIN),),
    ImageState.ANNOTATED,
    "labelme",
    ORIGIN,
)


def annotated(folder, count=COUNT, side=6):
    for number in range(count):
        labelme(folder / f"x{number}.json", square("a", 1, 1, side, 4), square("b", 2, 2, 6, 5))
    return folder


@pytest.mark.parametrize("settled", range(2 * COUNT))
def test_a_conversion_goes_on_wherever_it_was_killed(tmp_path, monkeypatch, settled):
    whole = convert(annotated(tmp_path / "in"), tmp_path / "whole", instances=True)
    out = tmp_path / "out"
    kill(monkeypatch, lambda: convert(tmp_path / "in", out, instances=True), settled=settled)
    before = identities(out)
    assert len(before) == settled // 2
    report = convert(tmp_path / "in", out, instances=True)
    assert identities(out).items() >= before.items()
    assert tree(out) == tree(tmp_path / "whole")
    assert same(report) == same(whole) | {"out": str(out)}


@pytest.mark.parametrize("count", range(COUNT + 1))
@pytest.mark.parametrize("what", ["settled", "appended"])
def test_an_export_is_made_again_wherever_it_was_killed(tmp_path, monkeypatch, count, what):
    export(annotated(tmp_path / "in"), tmp_path / "whole", format="x-anylabeling")
    out = tmp_path / "out"
    # The first line in the lock is there before anything is written.
    limit = {what: count + (what == "appended")}
    kill(monkeypatch, lambda: export(tmp_path / "in", out, format="x-anylabeling"), **limit)
    export(tmp_path / "in", out, format="x-anylabeling")
    assert tree(out) == tree(tmp_path / "whole")


def test_an_export_that_was_killed_at_its_end_is_made_again(tmp_path, monkeypatch):
    export(annotated(tmp_path / "in"), tmp_path / "whole", format="x-anylabeling")
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(OutputFolder, "_close", lambda self, keep: self._unlock())
        export(tmp_path / "in", out, format="x-anylabeling")
    assert (out / LOCK).exists()
    export(tmp_path / "in", out, format="x-anylabeling")
    assert tree(out) == tree(tmp_path / "whole")
    with pytest.raises(OutputExistsError):
        export(tmp_path / "in", out, format="x-anylabeling")


@pytest.mark.parametrize("appended", range(1, COUNT + 2))
def test_a_conversion_goes_on_wherever_its_account_ends(tmp_path, monkeypatch, appended):
    convert(annotated(tmp_path / "in"), tmp_path / "whole")
    out = tmp_path / "out"
    kill(monkeypatch, lambda: convert(tmp_path / "in", out), settled=100, appended=appended)
    with (out / LOCK).open("ab") as stream:
        stream.write(b'{"type":"done","key":"012')  # a line that the system did not write whole
    convert(tmp_path / "in", out)
    assert tree(out) == tree(tmp_path / "whole")


def test_it_may_be_killed_again_and_again(tmp_path, monkeypatch):
    convert(annotated(tmp_path / "in"), tmp_path / "whole")
    out = tmp_path / "out"
    for number in range(COUNT - 1):
        kill(monkeypatch, lambda: convert(tmp_path / "in", out), settled=1)
        assert files(out / "masks") >= {f"x{one}.png" for one in range(number + 1)}
        seen = identities(out)
    convert(tmp_path / "in", out)
    assert identities(out).items() > seen.items()
    assert tree(out) == tree(tmp_path / "whole")


def test_keys_are_told_apart_though_their_marks_are_the_same(tmp_path, monkeypatch):
    convert(annotated(tmp_path / "in"), tmp_path / "whole")
    out = tmp_path / "out"
    kill(monkeypatch, lambda: convert(tmp_path / "in", out), settled=2)
    before = identities(out)
    monkeypatch.setattr(journal, "_mark", lambda text: 7)
    convert(tmp_path / "in", out)
    assert identities(out).items() >= before.items()
    assert tree(out) == tree(tmp_path / "whole")


def test_what_is_done_takes_no_memory(tmp_path):
    """Of a hundred thousand images, keys and digests alone would be 60 MB."""
    count, run = 3000, run_of("x", [tmp_path])
    digests = [hashlib.sha256(bytes([one % 256, one // 256])).hexdigest() for one in range(count)]
    done = [Done(one, {f"masks/{one}.png": one}, msgspec.Raw(b"{}")) for one in digests]
    (tmp_path / LOCK).write_bytes(b"\n".join(map(msgspec.json.encode, [Begun(run), *done])) + b"\n")
    tracemalloc.start()
    try:
        with OutputFolder(tmp_path, run) as folder:
            held, _ = tracemalloc.get_traced_memory()
            assert folder.goes_on
            assert all(one in folder.done for one in digests)
            assert dict(folder.left()) == {f"masks/{one}.png": one for one in digests}
    finally:
        tracemalloc.stop()
    assert held < 60 * count


def test_interrupted_by_hand_it_goes_on_as_well(tmp_path):
    convert(annotated(tmp_path / "in"), tmp_path / "whole")
    out = tmp_path / "out"

    def stop(phase, done, total):
        if phase == "drawing" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "in", out, progress=stop)
    before = identities(out)
    convert(tmp_path / "in", out)
    assert before.items() <= identities(out).items()
    assert tree(out) == tree(tmp_path / "whole")


def test_what_has_changed_is_done_again_and_nothing_else(tmp_path, monkeypatch):
    out = tmp_path / "out"
    kill(monkeypatch, lambda: convert(annotated(tmp_path / "in"), out), settled=3)
    before = identities(out)
    labelme(tmp_path / "in" / "x1.json", square("a", 0, 0, 2, 2))
    (tmp_path / "in" / "x2.json").unlink()
    convert(tmp_path / "in", out)
    after = identities(out)
    assert after["masks/x0.png"] == before["masks/x0.png"]
    assert after["masks/x1.png"] != before["masks/x1.png"]
    convert(tmp_path / "in", tmp_path / "whole")
    assert tree(out) == tree(tmp_path / "whole")


@pytest.mark.parametrize(
    "options",
    [{"encoding": "onehot", "file_type": "npy"}, {"file_type": "npy"}, {"instances": True}],
)
def test_with_other_options_everything_is_done_again(tmp_path, monkeypatch, options):
    out = tmp_path / "out"
    kill(monkeypatch, lambda: convert(annotated(tmp_path / "in"), out), settled=3)
    convert(tmp_path / "in", out, **options)
    convert(tmp_path / "in", tmp_path / "whole", **options)
    assert tree(out) == tree(tmp_path / "whole")


def test_another_class_map_is_not_mixed_in(tmp_path, monkeypatch):
    out = tmp_path / "out"
    kill(monkeypatch, lambda: convert(annotated(tmp_path / "in"), out), settled=3)
    labelme(tmp_path / "in" / "x3.json", square("0 comes first", 1, 1, 3, 3))
    convert(tmp_path / "in", out)
    convert(tmp_path / "in", tmp_path / "whole")
    assert tree(out) == tree(tmp_path / "whole")


def test_names_that_have_moved_are_followed(tmp_path, monkeypatch):
    """Two images of one name: the second one's mask has a number, until the first one is gone."""
    out = tmp_path / "out"
    for folder, label in (("1", "a"), ("2", "b")):
        labelme(tmp_path / "in" / folder / "x.json", square(label, 1, 1, 4, 4))
    sources = [tmp_path / "in" / "1", tmp_path / "in" / "2"]
    kill(monkeypatch, lambda: convert(sources, out), settled=1, appended=100)
    kill(monkeypatch, lambda: convert(sources, out), settled=0, appended=100)
    shutil.copytree(out, tmp_path / "killed")
    (tmp_path / "in" / "1" / "x.json").unlink()
    convert(sources, out)
    convert(sources, tmp_path / "whole")
    assert tree(out) == tree(tmp_path / "whole")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("memory", [0, 2**24])
@pytest.mark.parametrize("content", [b"", bytes(100)])
def test_a_mask_that_a_power_failure_has_emptied_is_done_again(
    tmp_path, monkeypatch, content, memory, workers
):
    convert(annotated(tmp_path / "in"), tmp_path / "whole")
    out = tmp_path / "out"
    kill(monkeypatch, lambda: convert(tmp_path / "in", out), settled=3)
    (out / "masks" / "x1.png").write_bytes(content)
    monkeypatch.setattr(spool, "_BYTES_IN_MEMORY", memory)
    convert(tmp_path / "in", out, workers=workers)
    assert tree(out) == tree(tmp_path / "whole")


def test_a_mask_that_somebody_has_changed_is_kept(tmp_path, monkeypatch):
    out = tmp_path / "out"
    kill(monkeypatch, lambda: convert(annotated(tmp_path / "in"), out), settled=2)
    (out / "masks" / "x1.png").write_bytes(b"corrected by hand")
    with pytest.raises(OutputExistsError, match="is in the way"):
        convert(tmp_path / "in", out)
    assert (out / "masks" / "x1.png").read_bytes() == b"corrected by hand"


def test_a_run_with_other_sources_does_not_go_on(tmp_path, monkeypatch):
    out = tmp_path / "out"
    kill(monkeypatch, lambda: convert(annotated(tmp_path / "in"), out), settled=2)
    before = tree(out)
    with pytest.raises(OutputExistsError, match="an unfinished run with other sources"):
        convert(annotated(tmp_path / "others"), out)
    assert {name for name, one in tree(out).items() if before.get(name) != one} <= {LOCK}
    convert(tmp_path / "in", out)
    assert_whole(out)


def test_a_whole_folder_stays_refused(tmp_path, monkeypatch):
    """Even if the run that was refused there was killed while it looked."""
    out = tmp_path / "out"
    convert(annotated(tmp_path / "in"), out)
    before = tree(out)
    for _ in range(2):
        with pytest.raises(OutputExistsError, match="already holds"):
            convert(tmp_path / "in", out)
    assert tree(out) == before
    with monkeypatch.context() as patch:
        patch.setattr(OutputFolder, "_close", lambda self, keep: self._unlock())
        with pytest.raises(OutputExistsError, match="already holds"):
            convert(tmp_path / "in", out)
    assert LOCK in files(out)
    with pytest.raises(OutputExistsError):
        convert(tmp_path / "in", out)


def test_anew_means_anew(tmp_path, monkeypatch):
    out = tmp_path / "out"
    kill(monkeypatch, lambda: convert(annotated(tmp_path / "in"), out), settled=3)
    before = identities(out)
    convert(tmp_path / "in", out, overwrite=True)
    assert not before.items() & identities(out).items()
    assert_whole(out)


def test_an_account_from_elsewhere_names_nothing_outside(tmp_path, monkeypatch):
    """Somebody has written names into the lock that lead out of the folder."""
    out = tmp_path / "out"
    kill(monkeypatch, lambda: convert(annotated(tmp_path / "in"), out), settled=3)
    secret = tmp_path / "secret.png"
    secret.write_bytes((out / "masks" / "x0.png").read_bytes())
    lock = out / LOCK
    lock.write_bytes(lock.read_bytes().replace(b'"masks/x0.png":', b'"../secret.png":'))
    with pytest.raises(OutputExistsError, match="is in the way"):
        convert(tmp_path / "in", out)
    assert secret.exists()


def test_the_unfinished_manifest_lists_what_is_done(tmp_path, monkeypatch):
    out = tmp_path / "out"
    kill(monkeypatch, lambda: convert(annotated(tmp_path / "in"), out), settled=2)
    kill(monkeypatch, lambda: convert(tmp_path / "in", out), settled=1)
    done = [line["mask"] for line in manifest(out, UNFINISHED)]
    assert done[:3] == ["masks/x0.png", "masks/x1.png", "masks/x2.png"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image", ImageReference("x.png", None, Size(9, 8))),
        ("shapes", ()),
        ("state", ImageState.EMPTY),
        ("format", "vott"),
        ("origin", Origin(Path("y.json"))),
        ("folder", "deep"),
        ("tags", ("t",)),
        ("issues", (Issue(Code.NO_AREA, "gone", Origin(Path("x.json"))),)),
        ("embedded", b"image"),
    ],
)
def test_everything_that_is_drawn_counts(field, value):
    assert {"extra", field} <= {one.name for one in fields(AnnotatedImage)}
    assert digest_of_image(b"", replace(IMAGE, **{field: value})) != digest_of_image(b"", IMAGE)


@pytest.mark.parametrize("move", [0, 1e-9])
def test_every_coordinate_counts(move):
    ring = IMAGE.shapes[0].geometry.parts[0].exterior + np.array([move, 0])
    moved = replace(IMAGE.shapes[0], geometry=Area((Polygon(ring),)))
    same = digest_of_image(b"", replace(IMAGE, shapes=(moved,))) == digest_of_image(b"", IMAGE)
    assert same is (move == 0)
