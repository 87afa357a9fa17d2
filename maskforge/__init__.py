"""Exact segmentation masks from hand-drawn annotations."""

__version__ = "0.1.0"
