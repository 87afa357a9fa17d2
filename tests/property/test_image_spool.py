"""Whatever becomes of the images that wait to be drawn, all come out, each once, in their order."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskforge.dataset import spool
from maskforge.dataset.spool import ImageSpool, write_part
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Origin
from maskforge.shapes import ImageReference, ImageState, Size

SIZES = st.sampled_from((0, 3000, 20_000))
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), SIZES),
        st.tuples(st.just("adopt"), st.lists(SIZES, max_size=5)),
        st.tuples(st.just("split"), st.none()),
    ),
    max_size=30,
)


def image(number, size):
    reference = ImageReference(f"x{number}.png", None, Size(8, 8))
    origin = Origin(Path(f"x{number}.json"))
    return AnnotatedImage(
        reference, (), ImageState.EMPTY, "labelme", origin, embedded=bytes(size) or None
    )


def names(images):
    return [one.image.name for one in images]


@given(deeds=DEEDS, limit=st.sampled_from((0, 5000, 30_000, 2**24)))
def test_no_image_is_lost(deeds, limit):
    numbers = itertools.count()
    expected = []
    with pytest.MonkeyPatch.context() as patch, ImageSpool() as waiting:
        patch.setattr(spool, "_BYTES_IN_MEMORY", limit)
        patch.setattr(spool, "IMAGES_OF_PART", 4)
        for deed, what in deeds:
            sizes = {"append": [what], "adopt": what, "split": []}[deed]
            images = [image(next(numbers), size) for size in sizes]
            expected += names(images)
            if deed == "append":
                waiting.append(images[0])
            elif images:
                folder = waiting.split()  # images of others come only then
                waiting.adopt(write_part(folder / f"other-{len(expected)}", images, whole=False))
            elif deed == "split":
                waiting.split()
        assert len(waiting) == len(expected)
        assert names(waiting) == expected
        parts = waiting.parts()
        assert [name for part in parts for name in names(part.images())] == expected
        assert [
            name for part in parts for name in names(head for _, head in part.read_heads())
        ] == expected
        assert names(waiting) == expected


@pytest.mark.parametrize("limit", [0, 2**24])
def test_two_may_read_at_the_same_time(monkeypatch, limit):
    monkeypatch.setattr(spool, "_BYTES_IN_MEMORY", limit)
    with ImageSpool() as waiting:
        for number in range(5):
            waiting.append(image(number, 10))
        pairs = [(one, names(waiting)) for one in names(waiting)]
        assert pairs == [(f"x{number}.png", names(waiting)) for number in range(5)]
        inner = [name for one in waiting for name in (one.image.name, *names(waiting)[:1])]
        assert inner[::2] == names(waiting)
