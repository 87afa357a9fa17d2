"""Exact segmentation masks from hand-drawn annotations, and networks that are trained on them.

The public names stand in ``__init__.pyi``; each is loaded when it is used first.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
