"""The public names. ``__init__.py`` loads each of them when it is used first."""

from . import errors
from .augmentation.augment_options import AugmentOptions
from .augmentation.pair import augment
from .checks.check import check
from .checks.check_options import CheckOptions
from .checks.check_report import CheckReport
from .corrections.merge import merge
from .corrections.merge_options import MergeOptions
from .corrections.merge_report import MergeReport
from .dataset.conversion import convert
from .dataset.conversion_report import ConversionReport
from .dataset.convert_options import ConvertOptions
from .dataset.converted_image import ConvertedImage, convert_image
from .dataset.inspection import Inspection, inspect
from .dataset.manifest import Dataset, DatasetItem, ManifestEntry, open_dataset
from .dataset.previews import PreviewOptions, PreviewReport, preview
from .errors import MaskforgeError
from .evaluation.agreement.agree import agree
from .evaluation.agreement.agree_options import AgreeOptions
from .evaluation.agreement.agreement_report import AgreementReport
from .evaluation.evaluate import evaluate
from .evaluation.evaluate_options import EvaluateOptions
from .evaluation.measures.measure_options import MeasureOptions
from .evaluation.report.evaluation_report import EvaluationReport
from .evaluation.units.unit_options import UnitOptions
from .examples.example import Example, ExampleSet
from .examples.sources import open_examples
from .examples.split import Split, check_leaks, make_folds, make_split
from .examples.splitfile import read_splits, write_split
from .exports.export import export
from .exports.export_options import ExportOptions
from .exports.export_report import ExportReport
from .formats.detection import Detection, detect
from .formats.reader import AnnotationReader, read
from .images.annotated_image import AnnotatedImage
from .issues import Code, Issue, Level, Origin
from .masks.classes import ClassMap, MaskClass
from .masks.classfile import load_class_map
from .masks.drawing import Drawing, DrawOptions, draw
from .masks.encoding import from_multi_hot, from_one_hot, multi_hot, one_hot
from .masks.maskfile import read_mask, write_mask
from .masks.vectorized import Vectorized, vectorize
from .nn.export import ModelExportReport
from .nn.modelfile import ModelDescription
from .nn.network_catalog import NetworkOptions
from .prediction.model_options import ModelOptions
from .prediction.predict import predict
from .prediction.predict_options import PredictOptions
from .prediction.prediction import Prediction
from .prediction.prediction_report import PredictionReport
from .prediction.predictor import Predictor
from .raster.arrays import rasterize
from .raster.segments import BandedMask
from .review.rank import rank
from .review.rank_options import RankOptions
from .review.rank_report import RankedImage, RankedRegion, RankReport
from .review.suspect_options import SuspectOptions
from .review.suspect_report import Suspect, SuspectReport
from .review.suspects import suspects
from .server.serve import serve
from .server.serve_options import ServeOptions
from .shapes import (
    Area,
    Bitmap,
    ImageReference,
    ImageState,
    PointSet,
    Polygon,
    Polyline,
    Shape,
    Size,
    Spacing,
)
from .shards.gather import gather
from .training.compare import compare_runs
from .training.doctor.doctor import doctor
from .training.doctor.doctor_report import DoctorReport
from .training.model_export import export_model
from .training.run_folder import RunRecord
from .training.train import resume_training, train
from .training.train_options import DataOptions, InputOptions, SplitOptions, TrainOptions
from .training.tuning.tune import tune
from .training.tuning.tune_options import TuneOptions
from .training.tuning.tune_report import Trial, TuneReport
from .vector.vectorize_options import VectorizeOptions

__all__ = [
    "AgreeOptions",
    "AgreementReport",
    "AnnotatedImage",
    "AnnotationReader",
    "Area",
    "AugmentOptions",
    "BandedMask",
    "Bitmap",
    "CheckOptions",
    "CheckReport",
    "ClassMap",
    "Code",
    "ConversionReport",
    "ConvertOptions",
    "ConvertedImage",
    "DataOptions",
    "Dataset",
    "DatasetItem",
    "Detection",
    "DoctorReport",
    "DrawOptions",
    "Drawing",
    "EvaluateOptions",
    "EvaluationReport",
    "Example",
    "ExampleSet",
    "ExportOptions",
    "ExportReport",
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
    "MergeOptions",
    "MergeReport",
    "ModelDescription",
    "ModelExportReport",
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
    "PreviewOptions",
    "PreviewReport",
    "RankOptions",
    "RankReport",
    "RankedImage",
    "RankedRegion",
    "RunRecord",
    "ServeOptions",
    "Shape",
    "Size",
    "Spacing",
    "Split",
    "SplitOptions",
    "Suspect",
    "SuspectOptions",
    "SuspectReport",
    "TrainOptions",
    "Trial",
    "TuneOptions",
    "TuneReport",
    "UnitOptions",
    "VectorizeOptions",
    "Vectorized",
    "__version__",
    "agree",
    "augment",
    "check",
    "check_leaks",
    "compare_runs",
    "convert",
    "convert_image",
    "detect",
    "doctor",
    "draw",
    "errors",
    "evaluate",
    "export",
    "export_model",
    "from_multi_hot",
    "from_one_hot",
    "gather",
    "inspect",
    "load_class_map",
    "make_folds",
    "make_split",
    "merge",
    "multi_hot",
    "one_hot",
    "open_dataset",
    "open_examples",
    "predict",
    "preview",
    "rank",
    "rasterize",
    "read",
    "read_mask",
    "read_splits",
    "resume_training",
    "serve",
    "suspects",
    "train",
    "tune",
    "vectorize",
    "write_mask",
    "write_split",
]

__version__: str
