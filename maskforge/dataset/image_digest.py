"""The digest by which a run that goes on knows that an image is still the one that was done."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import numpy as np

from maskforge.images.annotated_image import AnnotatedImage


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value))


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)


def digest_of_image(settings: bytes, image: AnnotatedImage) -> str:
    """Return a digest of all that the masks of an image depend on.

    Args:
        settings: What those of all images depend on; see ``digest_of_settings``.
        image: The image, without ``extra`` and ``primitive``.
    """
    return hashlib.sha256(settings + _ENCODER.encode(image)).hexdigest()
