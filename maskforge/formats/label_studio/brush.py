"""Label Studio's own run lengths: brush strokes as a stream of bits.

The stream begins with the number of values (32 bits), the bits of a value less one (5), and four
sizes less one (4 each). Then follow stretches: whether one value is repeated (1 bit), which of the
sizes the length has (2), the length less one, and the value or values. The values are red, green,
blue and alpha of every pixel, row by row; what is painted has alpha. The packing is ``rle-pack`` of
thi-ng/umbrella, as in ``label_studio_sdk/converter/brush.py`` of HumanSignal/label-studio-sdk.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from maskforge.formats.runlength import from_spans, on_image, spans
from maskforge.limits.allowance import Allowance
from maskforge.shapes import Bitmap, Size

_CHANNELS = 4
_ALPHA = 3
_PAINTED, _CLEAR = f"{255:08b}", f"{0:08b}"
_SIZES = (3, 4, 8, 16)
_HEAD_BITS = 32 + 5 + 4 * len(_SIZES)
_COST = 256  # pixels that are filled in the time of reading one stretch
_WINDOW = 9  # bytes in which the head of a stretch and a value lie, wherever they begin


def unpacked(data: bytes, size: Size, pixels: Allowance) -> Bitmap | None:
    """Return the painted pixels; None if there are none.

    Args:
        data: The packed run lengths.
        size: Of the image in pixels.
        pixels: Counts the pixels that are made.

    Raises:
        ValueError: If the stream is cut off, or is about an image of another size.
        LimitError: If there are more pixels than are left.
    """
    if len(data) * 8 < _HEAD_BITS:
        raise ValueError("the run lengths are cut off")
    head = int.from_bytes(data[:7], "big") >> 3  # 53 bits
    count = head >> 21
    word = (head >> 16 & 31) + 1
    sizes = [(head >> shift & 15) + 1 for shift in (12, 8, 4, 0)]
    if count != size.width * size.height * _CHANNELS:
        raise ValueError(
            f"the run lengths are of {count / _CHANNELS:,.15g} px, the image has {size} px"
        )
    padded = data + bytes(_WINDOW)
    end, place, done = len(data) * 8, _HEAD_BITS, 0
    starts: list[int] = []
    stops: list[int] = []
    while done < count:
        pixels.take(_COST)
        window = int.from_bytes(padded[place >> 3 : (place >> 3) + _WINDOW], "big")
        left = _WINDOW * 8 - (place & 7)
        is_repeated, kind = window >> (left - 1) & 1, window >> (left - 3) & 3
        left -= 3 + sizes[kind]
        length = (window >> left & (1 << sizes[kind]) - 1) + 1
        place += 3 + sizes[kind]
        values = 1 if is_repeated else length
        stop = done + length
        if place + values * word > end or stop > count:
            raise ValueError("the run lengths are cut off")
        if not is_repeated:
            for first, last in zip(*spans(_alphas(data, place, length, word, done)), strict=True):
                starts.append(done // _CHANNELS + int(first))
                stops.append(done // _CHANNELS + int(last))
        elif window >> (left - word) & (1 << word) - 1:
            starts.append(done // _CHANNELS)
            stops.append(stop // _CHANNELS)
        place += values * word
        done = stop
    return from_spans(np.array(starts, np.int64), np.array(stops, np.int64), size.width, pixels)


def _alphas(data: bytes, place: int, length: int, word: int, done: int) -> NDArray[np.bool_]:
    """Return whether the alphas among values of the stream are above zero, (1, N)."""
    begin = place >> 3
    packed = np.frombuffer(data[begin : ((place + length * word - 1) >> 3) + 1], np.uint8)
    bits = np.unpackbits(packed)[place & 7 :][: length * word].reshape(length, word)
    first = (_ALPHA - done) % _CHANNELS
    return np.asarray(bits[first::_CHANNELS].any(axis=1), np.bool_)[None]


def packed(bitmap: Bitmap, size: Size) -> list[int]:
    """Return pixels as packed run lengths of an image; what lies outside of it is lost.

    Args:
        bitmap: The pixels.
        size: Of the image.
    """
    inside = on_image(bitmap, size)
    starts, stops = spans(inside)
    edges = [0, *np.column_stack((starts, stops)).ravel().tolist(), inside.size]
    bits = [f"{inside.size * _CHANNELS:032b}", f"{7:05b}", *(f"{one - 1:04b}" for one in _SIZES)]
    for index, (start, stop) in enumerate(itertools.pairwise(edges)):
        length, value = (stop - start) * _CHANNELS, _PAINTED if index % 2 else _CLEAR
        while length:
            kind = next((i for i, one in enumerate(_SIZES) if length <= 1 << one), len(_SIZES) - 1)
            taken = min(length, 1 << _SIZES[kind])
            bits += ["1", f"{kind:02b}", f"{taken - 1:0{_SIZES[kind]}b}", value]
            length -= taken
    text = "".join(bits)
    text += "0" * (8 - len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))
