"""The public names. ``__init__.py`` loads each of them when it is used first."""

from .classes import ClassMap, MaskClass
from .classfile import load_class_map
from .conversion import ConvertOptions, convert
from .dataset import Dataset, DatasetItem, ManifestEntry, open_dataset
from .drawing import Drawing, DrawOptions, draw
from .encoding import from_multi_hot, from_one_hot, multi_hot, one_hot
from .errors import MaskforgeError
from .inspection import Inspection, inspect
from .issues import Code, Issue, Level, Origin
from .maskfile import read_mask, write_mask
from .model import (
    AnnotatedImage,
    Area,
    Bitmap,
    ImageReference,
    ImageState,
    PointSet,
    Polygon,
    Polyline,
    Shape,
    Size,
)
from .previews import preview
from .rasterizing import rasterize
from .reading import AnnotationReader, Detection, detect, read
from .report import ConversionReport

__all__ = [
    "AnnotatedImage",
    "AnnotationReader",
    "Area",
    "Bitmap",
    "ClassMap",
    "Code",
    "ConversionReport",
    "ConvertOptions",
    "Dataset",
    "DatasetItem",
    "Detection",
    "DrawOptions",
    "Drawing",
    "ImageReference",
    "ImageState",
    "Inspection",
    "Issue",
    "Level",
    "ManifestEntry",
    "MaskClass",
    "MaskforgeError",
    "Origin",
    "PointSet",
    "Polygon",
    "Polyline",
    "Shape",
    "Size",
    "__version__",
    "convert",
    "detect",
    "draw",
    "from_multi_hot",
    "from_one_hot",
    "inspect",
    "load_class_map",
    "multi_hot",
    "one_hot",
    "open_dataset",
    "preview",
    "rasterize",
    "read",
    "read_mask",
    "write_mask",
]

__version__: str
