"""What batches keep in memory, and how they find out how much there is."""

import threading
import tracemalloc

import numpy as np
import pytest
from batch_files import batches, patterned
from training_runs import write

from maskforge.batches import batches as module
from maskforge.batches.cache import RecentlyUsed
from maskforge.batches.memory import available_memory
from maskforge.batches.order import epoch_order
from maskforge.images.intensity import ScalingRecord


def test_small_sets_are_held_and_large_ones_streamed(tmp_path):
    """4 images of 24 x 40 px with a byte for the image and one for the mask."""
    examples = patterned(tmp_path, 4)
    size = 4 * 24 * 40 * 2
    assert batches(examples, memory=size).held
    assert not batches(examples, memory=size - 1).held
    assert not batches(examples, memory=size, scaling=ScalingRecord(white=4095)).held
    assert not batches(examples, memory=size, head="sigmoid").held
    assert batches(examples, memory=0, hold="memory").held
    assert not batches(examples, memory=2**40, hold="stream").held
    assert batches(examples).held


def test_people_are_told_where_images_are_kept(tmp_path):
    pixels = np.zeros((500, 1000), np.uint8)
    examples = [write(tmp_path, f"x{k}", pixels, pixels) for k in range(3)]
    assert batches(examples).describe() == "3 images, 3 MB decoded: held in memory"
    assert batches(examples[:1], hold="stream").describe() == (
        "1 image, 1 MB decoded: streamed, at most 1 MB of them at a time"
    )
    assert batches(examples, memory=2_000_000).describe() == (
        "3 images, 3 MB decoded: streamed, at most 3 MB of them at a time, "
        "because only 2 MB of memory are set aside for them"
    )


@pytest.fixture
def small_window(monkeypatch):
    """Crops are mixed among images of 1 MB."""
    monkeypatch.setattr(module, "_WINDOW_BYTES", 2**20)


def test_streaming_200_files_keeps_few_of_them(tmp_path, small_window):
    """Each has 128 KB with its mask; 8 of them make the window, 4 more a batch."""
    pixels = np.zeros((256, 256), np.uint8)
    one = write(tmp_path, "x", pixels, pixels)
    options = {"crop": 64, "crops_per_image": 2, "batch_size": 4}
    peaks = {}
    for hold in ("stream", "memory"):
        made = batches([one] * 200, hold=hold, **options)
        made[0]
        tracemalloc.start()
        for step in range(len(made)):
            made[step]
        peaks[hold] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks["memory"] > 22 * 2**20
    assert peaks["stream"] < 4 * 2**20


@pytest.mark.parametrize("threads", [1, 3])
def test_a_streamed_file_is_decoded_once_per_epoch(tmp_path, small_window, monkeypatch, threads):
    from concurrent.futures import ThreadPoolExecutor

    pixels = np.zeros((256, 256), np.uint8)
    one = write(tmp_path, "x", pixels, pixels)
    loads = []
    load = module.load
    monkeypatch.setattr(module, "load", lambda *given: loads.append(1) or load(*given))
    made = batches([one] * 50, hold="stream", crop=64, crops_per_image=4, batch_size=4)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(made.__getitem__, range(len(made))))
    slack = 0 if threads == 1 else 15  # others go on while one thread falls behind
    assert 50 <= len(loads) <= 50 + slack
    with ThreadPoolExecutor(threads) as pool:
        made.epoch = 1
        list(pool.map(made.__getitem__, range(len(made))))
    assert 88 <= len(loads) <= 100 + 2 * slack


def test_crops_of_an_image_lie_in_one_window():
    order = epoch_order([3] * 10, batch_size=4, window=2, shuffle=True, seed=0, epoch=0).tolist()
    assert len(order) == 32
    windows = [{item[0] for item in order[start : start + 6]} for start in range(0, 30, 6)]
    assert all(len(window) == 2 for window in windows)
    assert set().union(*windows) == set(range(10))
    assert sorted(order[:30]) == [[e, c, 0] for e in range(10) for c in range(3)]
    assert [item[:2] for item in order[30:]] == [item[:2] for item in order[:2]]
    assert [item[2] for item in order[30:]] == [1, 1]
    assert any(order[k][0] != order[k + 1][0] for k in range(0, 5))


def test_without_shuffling_everything_is_in_order():
    order = epoch_order([1, 2], batch_size=1, window=1, shuffle=False, seed=3, epoch=9)
    assert order.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]


def test_the_longest_unused_value_goes_first():
    made = []
    recent = RecentlyUsed(lambda key: made.append(key) or key * 10, capacity=2)
    assert [recent[key] for key in (1, 2, 1, 3, 1, 2)] == [10, 20, 10, 30, 10, 20]
    assert made == [1, 2, 3, 2]


def test_several_threads_wait_for_one_of_them():
    started, release, made = threading.Event(), threading.Event(), []

    def make(key):
        made.append(key)
        started.set()
        assert release.wait(10)
        return key

    recent = RecentlyUsed(make, capacity=2)
    results = []
    threads = [threading.Thread(target=lambda: results.append(recent[5])) for _ in range(4)]
    threads[0].start()
    assert started.wait(10)
    for thread in threads[1:]:
        thread.start()
    release.set()
    for thread in threads:
        thread.join()
    assert (results, made) == ([5] * 4, [5])


def test_a_failure_is_told_and_not_kept():
    tries = []

    def make(key):
        tries.append(key)
        if len(tries) == 1:
            raise OSError("gone")
        return key

    recent = RecentlyUsed(make, capacity=2)
    with pytest.raises(OSError, match="gone"):
        recent[1]
    assert recent[1] == 1


MEMINFO = "MemTotal:       8000 kB\nMemFree:         100 kB\nMemAvailable:   5000 kB\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text(MEMINFO, encoding="ascii")
    (tmp_path / "sys" / "fs" / "cgroup").mkdir(parents=True)
    return tmp_path


def limit(root, most, used, cached):
    group = root / "sys" / "fs" / "cgroup"
    for name, text in (
        ("memory.max", most),
        ("memory.current", used),
        ("memory.stat", f"anon 5\ninactive_file {cached}\n"),
    ):
        (group / name).write_text(f"{text}\n", encoding="ascii")


def test_linux_says_what_is_available(root):
    assert available_memory(root) == 5000 * 1024


@pytest.mark.parametrize(
    ("most", "used", "cached", "available"),
    [
        (3_000_000, 1_000_000, 200_000, 2_200_000),
        (3_000_000, 4_000_000, 0, 0),
        (9_000_000, 1_000_000, 0, 5000 * 1024),
        ("max", 1_000_000, 0, 5000 * 1024),
    ],
)
def test_the_limit_of_a_container_counts(root, most, used, cached, available):
    limit(root, most, used, cached)
    assert available_memory(root) == available


@pytest.mark.parametrize("text", ["", "MemAvailable:\n", "MemAvailable: many kB\n"])
def test_elsewhere_half_of_the_memory_is_taken(root, text, monkeypatch):
    (root / "proc" / "meminfo").write_text(text, encoding="ascii")
    sizes = {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr("os.sysconf", sizes.__getitem__, raising=False)
    assert available_memory(root) == 500 * 4096


def test_where_nothing_is_known_there_is_a_guess(tmp_path, monkeypatch):
    monkeypatch.delattr("os.sysconf", raising=False)
    assert available_memory(tmp_path) == 4 * 2**30
