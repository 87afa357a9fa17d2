"""The public names. ``__init__.py`` loads each of them when it is used first."""

from .augmentation.options import AugmentOptions
from .augmentation.pair import augment
from .classes import ClassMap, MaskClass
from .classfile import load_class_map
from .conversion import ConvertOptions, convert
from .dataset import Dataset, DatasetItem, ManifestEntry, open_dataset
from .drawing import Drawing, DrawOptions, draw
from .encoding import from_multi_hot, from_one_hot, multi_hot, one_hot
from .errors import MaskforgeError
from .evaluating import evaluate
from .evaluation.measures import MeasureOptions
from .evaluation.options import EvaluateOptions, ModelOptions
from .evaluation.report import EvaluationReport
from .examples.example import Example, ExampleSet
from .examples.pixels import read_image, read_target
from .examples.sources import open_examples
from .examples.split import Split, check_leaks, make_folds, make_split
from .examples.splitfile import read_splits, write_split
from .inspection import Inspection, inspect
from .issues import Code, Issue, Level, Origin
from .learning import resume_training, train
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
from .modelfile import ModelDescription
from .prediction.exporting import export_model
from .prediction.predicting import predict
from .prediction.predictor import Prediction, Predictor
from .prediction.report import PredictionReport, PredictOptions
from .previews import preview
from .rasterizing import rasterize
from .reading import AnnotationReader, Detection, detect, read
from .report import ConversionReport
from .training.journal import compare_runs
from .training.options import (
    DataOptions,
    InputOptions,
    NetworkOptions,
    SplitOptions,
    TrainOptions,
)
from .training.runfolder import RunRecord

__all__ = [
    "AnnotatedImage",
    "AnnotationReader",
    "Area",
    "AugmentOptions",
    "Bitmap",
    "ClassMap",
    "Code",
    "ConversionReport",
    "ConvertOptions",
    "DataOptions",
    "Dataset",
    "DatasetItem",
    "Detection",
    "DrawOptions",
    "Drawing",
    "EvaluateOptions",
    "EvaluationReport",
    "Example",
    "ExampleSet",
    "ImageReference",
    "ImageState",
    "InputOptions",
    "Inspection",
    "Issue",
    "Level",
    "ManifestEntry",
    "MaskClass",
    "MaskforgeError",
    "MeasureOptions",
    "ModelDescription",
    "ModelOptions",
    "NetworkOptions",
    "Origin",
    "PointSet",
    "Polygon",
    "Polyline",
    "PredictOptions",
    "Prediction",
    "PredictionReport",
    "Predictor",
    "RunRecord",
    "Shape",
    "Size",
    "Split",
    "SplitOptions",
    "TrainOptions",
    "__version__",
    "augment",
    "check_leaks",
    "compare_runs",
    "convert",
    "detect",
    "draw",
    "evaluate",
    "export_model",
    "from_multi_hot",
    "from_one_hot",
    "inspect",
    "load_class_map",
    "make_folds",
    "make_split",
    "multi_hot",
    "one_hot",
    "open_dataset",
    "open_examples",
    "predict",
    "preview",
    "rasterize",
    "read",
    "read_image",
    "read_mask",
    "read_splits",
    "read_target",
    "resume_training",
    "train",
    "write_mask",
    "write_split",
]

__version__: str
