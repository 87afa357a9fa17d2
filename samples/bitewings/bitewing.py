"""Make a radiograph and the outlines of everything in it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from bitewings.curves import Points
from bitewings.depths import examine_depths
from bitewings.fields import OVERSAMPLING, Field, noise, resized
from bitewings.film import Film
from bitewings.findings import examine
from bitewings.jaws import Jaw, make_jaws, make_ridges
from bitewings.mouth import Mouth
from bitewings.outlines import Outline, draw_outlines
from bitewings.tissue import jaw_attenuation

Content: TypeAlias = Literal["teeth", "gums", "nothing"]
"""What an image shows: teeth, jaws that have lost them, or an exposure that missed."""


@dataclass(frozen=True)
class Radiograph:
    """A synthetic bitewing.

    Attributes:
        image: (H, W) uint8, bright where much is absorbed.
        outlines: In drawing order, later ones on top.
        bone_levels: Rim of the bone in the upper and the lower jaw, open lines in pixels.
        forks: Points in which roots part, (N, 2) in pixels.
    """

    image: NDArray[np.uint8]
    outlines: tuple[Outline, ...]
    bone_levels: tuple[Points, ...]
    forks: Points


def make_bitewing(
    seed: int | Sequence[int],
    width: int = 640,
    height: int = 480,
    *,
    content: Content = "teeth",
    depths: bool = False,
) -> Radiograph:
    """Return the radiograph that belongs to a seed.

    The outlines depend on the seed and the size alone. The image does so too, but for single
    gray values, which may differ by one where a processor or a library rounds otherwise.

    Args:
        seed: Whole numbers; the same ones always give the same radiograph.
        width: Of the image in pixels; it shows 41 mm, so about 300 to 1000 looks right.
        height: Of the image in pixels; three quarters of the width are usual.
        content: What it shows.
        depths: Whether every lesion is made to reach a depth that its outline tells, in teeth whose
            crowns do not touch and that are outlined as a whole, too. These are other images.
    """
    rng = np.random.default_rng(seed)
    film = Film.pick(rng, width, height)
    mouth = Mouth.pick(rng, width, height)
    jaws: tuple[Jaw, ...] = ()
    if content != "nothing":
        is_full = content == "teeth"
        jaws = make_jaws(mouth, rng, apart=depths) if is_full else make_ridges(mouth, rng)
    find = examine_depths if depths else examine
    findings = find(jaws, rng, width, height)
    shape = height * OVERSAMPLING, width * OVERSAMPLING
    field = _cheek(rng, shape)
    for jaw, teeth in zip(jaws, findings, strict=True):
        field += jaw_attenuation(jaw, teeth, rng, shape)
    return Radiograph(
        film.expose(field, rng),
        draw_outlines(list(itertools.chain.from_iterable(findings)), film.frame, teeth=depths),
        tuple(_bone_level(jaw, film.frame) for jaw in jaws),
        _forks(jaws, film.frame),
    )


def _cheek(rng: np.random.Generator, shape: tuple[int, int]) -> Field:
    """Return the attenuation of what lies over everything, with the beam's slope."""
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    folds = noise(rng, (shape[0] // 16, shape[1] // 16), 12)
    field: Field = 0.02 * resized(folds, shape, cv2.INTER_CUBIC)
    slope = np.float32(rng.normal(0, 0.04)), np.float32(rng.normal(0, 0.04))
    field += 0.14 + slope[0] * x + slope[1] * y
    return field


def _bone_level(jaw: Jaw, frame: Points) -> Points:
    return _inside(jaw.crest, frame)[::4]


def _forks(jaws: Sequence[Jaw], frame: Points) -> Points:
    points = [
        placed.place(placed.tooth.fork[None])[0]
        for jaw in jaws
        for placed in jaw.teeth
        if placed.tooth.fork is not None
    ]
    return _inside(np.array(points).reshape(-1, 2), frame)


def _inside(points: Points, frame: Points) -> Points:
    """Return the points inside a ring, with two decimals."""
    result: Points = np.round(points[shapely.contains_xy(shapely.Polygon(frame), points)], 2)
    return result
