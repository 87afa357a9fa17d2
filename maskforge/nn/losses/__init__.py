"""Losses for segmentation, usable in any Keras model; void pixels are left out by all of them.

Each is loaded when it is used first, from where ``maskforge.nn.loss_catalog`` says it is.
"""

from __future__ import annotations

import importlib

from maskforge.nn.loss_catalog import LOSSES
from maskforge.nn.losses.base import SegmentationLoss
from maskforge.nn.losses.combined import CombinedLoss
from maskforge.nn.losses.factory import deep_supervision_weights, make_loss

_MODULES = {loss.class_name: loss.module for loss in LOSSES.values()}

__all__ = ["CombinedLoss", "deep_supervision_weights", "make_loss"]
__all__ += list(_MODULES)


def __getattr__(name: str) -> type[SegmentationLoss]:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    loss: type[SegmentationLoss] = getattr(importlib.import_module(_MODULES[name]), name)
    return loss
