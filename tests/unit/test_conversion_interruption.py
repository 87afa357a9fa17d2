"""``convert`` interrupted at any moment: whole masks, listed in a manifest that is unfinished."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders import (
    LOCK,
    UNFINISHED,
    assert_unfinished,
    assert_whole,
    files,
    labelme,
    manifest,
    square,
)

from maskforge import convert, open_dataset
from maskforge.errors import OutputError


def masks(out: Path) -> set[str]:
    return files(out / "masks")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_interruption_between_images(tmp_path, count, overwrite):
    for number in range(5):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    out = tmp_path / "out"
    if overwrite:
        convert(tmp_path / "in", out, file_type="npy")

    def stop(phase, done, total):
        if phase == "drawing" and done == count:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "in", out, overwrite=overwrite, progress=stop)
    assert_unfinished(out)
    assert masks(out) == {f"x{number}.png" for number in range(count)}


def test_interruption_while_reading_writes_nothing(tmp_path):
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))

    def stop(phase, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "in", tmp_path / "out", progress=stop)
    assert not (tmp_path / "out").exists()


def test_interruption_at_any_moment(tmp_path):
    """In a process of its own: not all libraries that others have loaded survive signals."""
    program = (
        "import pathlib, sys, test_conversion_interruption as tests;"
        "tests.interrupt_at_any_moment(pathlib.Path(sys.argv[1]))"
    )
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def interrupt_at_any_moment(tmp_path):
    """A signal arrives 40 times, each time a little later, wherever the run is by then."""
    for number in range(12):
        labelme(
            tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4), square("b", 2, 2, 6, 5)
        )
    start = time.perf_counter()
    convert(tmp_path / "in", tmp_path / "whole", instances=True)
    duration = time.perf_counter() - start
    interrupted = 0
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for step in range(40):
            out = tmp_path / f"out{step}"
            whole = False
            try:
                signal.setitimer(signal.ITIMER_REAL, duration * (step + 1) / 40)
                convert(tmp_path / "in", out, instances=True)
                whole = True
                signal.setitimer(signal.ITIMER_REAL, 0)
                time.sleep(0.001)
            except KeyboardInterrupt:
                interrupted += 1
            if not whole and (out / "manifest.jsonl").exists() and (out / LOCK).exists():
                # It met the last statements of a run, when nothing but the lock was left.
                assert not open_dataset(out).unfinished
                convert(tmp_path / "in", out, instances=True)
            if (out / "manifest.jsonl").exists():
                assert_whole(out)
            elif (out / UNFINISHED).exists() and (out / "classes.json").exists():
                assert_unfinished(out)
            else:
                assert files(out) <= {LOCK, UNFINISHED}
    finally:
        with contextlib.suppress(KeyboardInterrupt):  # a signal that has arrived and still waits
            signal.setitimer(signal.ITIMER_REAL, 0)
            time.sleep(0.01)
        signal.signal(signal.SIGALRM, previous)
    assert interrupted


def test_an_interruption_within_an_image_removes_its_first_mask(tmp_path, monkeypatch):
    from maskforge.outputs.folder import OutputFolder

    for number in range(3):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    stage = OutputFolder.stage

    def stop(self, name, content):
        if name == "instances/x1.png":
            raise KeyboardInterrupt
        return stage(self, name, content)

    monkeypatch.setattr(OutputFolder, "stage", stop)
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "in", tmp_path / "out", instances=True)
    assert_unfinished(tmp_path / "out")
    assert masks(tmp_path / "out") == {"x0.png"}


@pytest.mark.parametrize("settled", range(6))
def test_a_kill_between_line_and_files_leaves_what_is_whole(tmp_path, monkeypatch, settled):
    """Nothing can be tidied up then; three images have six files."""
    from maskforge.outputs.folder import StagedFile

    class Killed(BaseException):
        """Like the end of the process."""

    for number in range(3):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    settle = StagedFile.settle
    count = [settled]

    def kill(self):
        count[0] -= 1
        if count[0] == -1:
            shutil.copytree(tmp_path / "out", tmp_path / "killed")
        if count[0] < 0:
            raise Killed
        settle(self)

    monkeypatch.setattr(StagedFile, "settle", kill)
    with pytest.raises(Killed):
        convert(tmp_path / "in", tmp_path / "out", instances=True)
    dataset = open_dataset(tmp_path / "killed")
    assert dataset.unfinished
    assert [one.entry.mask for one in dataset] == [f"masks/x{n}.png" for n in range(settled // 2)]
    for item in dataset:
        assert item.read_mask().any()
        assert item.read_instances().any()
    monkeypatch.undo()
    convert(tmp_path / "in", tmp_path / "killed", overwrite=True)
    assert_whole(tmp_path / "killed")
    assert len(manifest(tmp_path / "killed")) == 3


def test_no_old_manifest_describes_new_masks(tmp_path):
    """Whatever kills the run while it replaces another."""
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    out = tmp_path / "out"
    convert(tmp_path / "in", out)
    seen = []

    def look(phase, done, total):
        seen.append((phase, (out / "manifest.jsonl").exists()))

    convert(tmp_path / "in", out, overwrite=True, progress=look)
    assert seen == [("reading", True), ("drawing", False)]
    assert_whole(out)


def test_a_disk_that_is_full_at_the_end_costs_no_whole_line(tmp_path, monkeypatch):
    """The last line may be cut in the middle."""
    from maskforge.dataset import writer as datasetwriter

    for number in range(3):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    out = tmp_path / "out"
    writer = datasetwriter.DatasetWriter
    add = writer.add

    class Full:
        """Takes two lines and a half."""

        def __init__(self, stream):
            self.stream, self.room = stream, None

        def write(self, data):
            if self.room is None:
                self.room = int(len(data) * 2.5)
            self.stream.write(data[: self.room])
            self.room -= len(data[: self.room])

        def tell(self):
            return self.stream.tell()

        def flush(self):
            self.stream.flush()
            if not self.room:
                raise OSError(28, "No space left on device")

        def close(self):
            self.stream.close()
            raise OSError(28, "No space left on device")

    def add_to_full(self, *arguments):
        if not isinstance(self._lines, Full):
            self._lines = Full(self._lines)
        add(self, *arguments)

    monkeypatch.setattr(writer, "add", add_to_full)
    with pytest.raises(OutputError, match="No space left on device"):
        convert(tmp_path / "in", out)
    assert masks(out) == {"x0.png", "x1.png"}
    dataset = open_dataset(out)
    assert dataset.unfinished
    assert [one.entry.mask for one in dataset] == ["masks/x0.png", "masks/x1.png"]
