"""Losses for segmentation, usable in any Keras model; void pixels are left out by all of them."""

from maskforge.nn.losses.binary_crossentropy import BinaryCrossentropy
from maskforge.nn.losses.categorical_crossentropy import CategoricalCrossentropy
from maskforge.nn.losses.combined import CombinedLoss
from maskforge.nn.losses.dice import Dice
from maskforge.nn.losses.factory import deep_supervision_weights, make_loss
from maskforge.nn.losses.focal import Focal
from maskforge.nn.losses.focal_tversky import FocalTversky
from maskforge.nn.losses.jaccard import Jaccard
from maskforge.nn.losses.lovasz import Lovasz
from maskforge.nn.losses.sparse_categorical_crossentropy import SparseCategoricalCrossentropy
from maskforge.nn.losses.tversky import Tversky

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CombinedLoss",
    "Dice",
    "Focal",
    "FocalTversky",
    "Jaccard",
    "Lovasz",
    "SparseCategoricalCrossentropy",
    "Tversky",
    "deep_supervision_weights",
    "make_loss",
]
