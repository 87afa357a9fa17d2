"""What trainings are fed with: the same batches however they are prepared."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest
from training_runs import BOTH, write

pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

from maskforge.augmentation.augment_options import PRESETS
from maskforge.batches.batch_options import BatchOptions
from maskforge.batches.batches import Batches
from maskforge.errors import DatasetError
from maskforge.images.intensity import ScalingRecord
from maskforge.training.loop import feed as module
from maskforge.training.loop.feed import Feed

EPOCHS = 3


@pytest.fixture
def examples(tmp_path):
    made = []
    for number in range(5):
        image = np.random.default_rng(number).integers(0, 250, (40, 56), dtype=np.uint8)
        made.append(write(tmp_path, f"x{number}", image, (image > 150).astype(np.uint8)))
    return made


def batches(examples, **changed):
    options = {"crop": 32, "crops_per_image": 4, "batch_size": 3, "rare_share": 0.5, "seed": 7}
    return Batches(
        examples,
        BatchOptions(
            head="softmax",
            classes=BOTH,
            scaling=ScalingRecord(),
            augment=PRESETS["medium"],
            **(options | changed),
        ),
    )


def taken(feed, epoch):
    feed.begin(epoch)
    return [[array.copy() for array in feed[step]] for step in range(len(feed))]


def assert_same(one, other):
    assert len(one) == len(other)
    for here, there in zip(one, other, strict=True):
        for left, right in zip(here, there, strict=True):
            np.testing.assert_array_equal(left, right)


def counted(made, monkeypatch):
    """Return the list of the batches that are made, filled as they are."""
    asked = []
    batch = made.batch
    monkeypatch.setattr(made, "batch", lambda *place: asked.append(place) or batch(*place))
    return asked


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("hold", ["memory", "stream"])
def test_batches_do_not_depend_on_threads_or_on_where_a_training_goes_on(examples, threads, hold):
    plain = batches(examples)
    expected = [[plain.batch(epoch, step) for step in range(len(plain))] for epoch in range(EPOCHS)]
    assert not np.array_equal(expected[0][0][0], expected[1][0][0])
    with Feed(batches(examples, hold=hold), threads, EPOCHS) as feed:
        for epoch in range(EPOCHS):
            assert_same(taken(feed, epoch), expected[epoch])
    with Feed(batches(examples, hold=hold), threads, EPOCHS) as feed:
        feed.begin(0)
        for step in range(3):  # the rest is never taken
            assert np.array_equal(feed[step][0], expected[0][step][0])
        assert_same(taken(feed, 2), expected[2])


def test_the_next_epoch_is_prepared_and_nothing_twice(examples, monkeypatch):
    made = batches(examples)
    asked = counted(made, monkeypatch)
    with Feed(made, 1, EPOCHS) as feed:
        taken(feed, 0)
        feed._pool.submit(int).result()  # whatever was waiting has been made
        assert asked[len(feed) :] == [(1, 0), (1, 1), (1, 2)]
        taken(feed, 1)
        taken(feed, 2)
    assert asked == [(epoch, step) for epoch in range(EPOCHS) for step in range(len(made))]


def test_batches_that_wait_fill_a_certain_memory(examples, monkeypatch):
    """Five of 32 x 32 px and 4 bytes, three in a batch; one more than is asked for in any case."""
    for memory, ready in ((5 * 3 * 32 * 32 * 4, 5), (0, 2)):
        made = batches(examples)
        asked = counted(made, monkeypatch)
        monkeypatch.setattr(module, "_AHEAD_BYTES", memory)
        with Feed(made, 2, EPOCHS) as feed:
            feed.begin(0)
            feed[0]
        assert len(asked) <= ready
        assert len(feed._waiting) == ready - 1


def test_an_image_that_cannot_be_read_is_named_when_its_batch_is_taken(examples):
    made = batches(examples, shuffle=False, crops_per_image=3, hold="stream")
    examples[3].image.write_bytes(b"no image")
    with Feed(made, 2, 1) as feed:
        feed.begin(0)
        for step in range(3):
            feed[step]
        with pytest.raises(DatasetError, match=r"x3\.png") as caught:
            feed[3]
        assert feed.failure is caught.value


def test_nothing_is_left_of_a_feed(examples):
    before, threads = 2, set(threading.enumerate())
    cv2.setNumThreads(before)  # a feed that was left in its state would have one
    feed = Feed(batches(examples), 3, EPOCHS)
    feed.begin(0)
    feed[0]
    assert cv2.getNumThreads() == 1
    assert set(threading.enumerate()) > threads
    feed.close()
    assert set(threading.enumerate()) == threads
    assert cv2.getNumThreads() == before
