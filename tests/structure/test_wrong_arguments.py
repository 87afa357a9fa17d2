"""Whatever somebody gives to a function by mistake, one family of errors tells what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import maskforge as mf

WRONG = [
    *(None, "nonsense", "", "\0", "x" * 5000, b"x", -1, 0, 10**30, 1.5, float("nan"), True),
    *([], [None], ["a", 1], {}, {"a": None}, object()),
]
ARRAYS = [np.zeros(3), np.zeros((2, 2, 2, 2)), np.array(["a"]), np.zeros((0, 4), np.uint8)]

FUNCTIONS = {
    "agree": ("annotators", "out", "html", "consensus"),
    "augment": ("image", "target", "options", "rng"),
    "check": ("sources", "out"),
    "check_leaks": ("examples", "split"),
    "compare_runs": ("folders",),
    "convert": ("sources", "out"),
    "detect": ("path",),
    "draw": ("image", "classes", "options"),
    "evaluate": ("prediction", "truth", "out", "html"),
    "export_model": ("model", "format", "precision", "dataset", "out"),
    "from_multi_hot": ("encoded", "ids"),
    "from_one_hot": ("encoded", "ids"),
    "inspect": ("sources",),
    "load_class_map": ("path",),
    "make_folds": ("examples", "folds", "test"),
    "make_split": ("examples", "validation", "test"),
    "multi_hot": ("mask", "ids"),
    "one_hot": ("mask", "ids"),
    "open_dataset": ("folder",),
    "open_examples": ("dataset", "images", "masks", "classes", "mask_values", "only"),
    "predict": ("model", "sources", "out"),
    "preview": ("folder", "out"),
    "rank": ("model", "sources", "out"),
    "rasterize": ("regions", "size", "values", "rasterizer", "overlap"),
    "read": ("sources", "format", "images", "size_mismatch"),
    "read_mask": ("path",),
    "read_splits": ("path", "examples"),
    "resume_training": ("out",),
    "vectorize": ("mask", "options", "classes", "instances", "probabilities", "tolerance"),
    "write_mask": ("path", "mask", "palette"),
    "write_split": ("path", "examples", "split"),
    "ClassMap": ("classes",),
    "ClassMap.value": ("label",),
    "Example.read_target": ("classes", "head"),
    "ExampleSet.subset": ("names",),
    "Predictor.load": ("path", "runtime", "precision"),
    "Split.part": ("name",),
}
"""The arguments that are tried; ``train`` is told by options alone, which have their own tests."""


@pytest.fixture(scope="module")
def good(converted):
    """Arguments that could be right."""
    folder = converted / "wrong"
    folder.mkdir()
    dataset, examples = mf.open_dataset(converted / "masks"), mf.open_examples(converted / "masks")
    mask = next(iter(dataset)).read_mask()
    split = mf.make_split(examples)
    mf.write_split(folder / "split.json", examples, split)
    given = {
        **dict.fromkeys(("folder", "truth", "prediction", "dataset"), converted / "masks"),
        **dict.fromkeys(("sources", "images"), converted / "samples" / "labelme"),
        **{"image": next(iter(mf.read(converted / "samples" / "labelme"))), "mask": mask},
        **{"examples": examples, "split": split},
        **{"classes": dataset.classes, "ids": dataset.classes.ids, "size": (4, 4), "folds": 2},
        **{"regions": [[(0, 0), (2, 0), (0, 2)]], "out": folder / "out", "head": "softmax"},
        "html": folder / "out.html",
        "annotators": [converted / "masks", converted / "samples" / "labelme"],
        **{"encoded": mf.one_hot(mask, dataset.classes.ids), "label": "caries", "name": "train"},
        **{"model": folder, "path": folder, "folders": folder, "format": "auto", "names": []},
        **{"target": np.zeros((8, 8), np.uint8), "rng": np.random.default_rng(0)},
    }
    owners = {"Example": examples.examples[0], "ExampleSet": examples, "Split": split}
    return {"owner": {"ClassMap": dataset.classes, **owners}, **given}


REQUIRED = {
    "agree": {"bootstrap": 0},
    "augment": {"image": np.zeros((8, 8, 1), np.uint8), "options": mf.AugmentOptions()},
    "ClassMap": {"classes": (mf.MaskClass(1, "a", (0, 0, 0), ()),)},
    "evaluate": {"bootstrap": 0, "charts": False},  # each right value makes a whole report
    "export_model": {"format": "onnx"},
}


def raised(call):
    """Return what a call raises, if it does; a reader is read."""
    try:
        result = call()
        if isinstance(result, mf.AnnotationReader):
            list(result)
    except Exception as error:
        return error
    return None


READING = {
    "check": {},
    "compare_runs": {},
    "detect": {},
    "evaluate": {"truth"},
    "inspect": {},
    "load_class_map": {},
    "open_dataset": {},
    "open_examples": {},
    "read": {},
    "read_mask": {},
    "read_splits": {"examples"},
    "resume_training": {},
    "Predictor.load": {},
}
"""What reads a file or folder, and what it is told besides."""


@pytest.mark.parametrize("name", READING)
def test_what_reads_never_complains_of_output(name, good, tmp_path):
    """Not of a file that is missing, is a folder, or is none of ours."""
    owner, _, method = name.partition(".")
    function = getattr(mf, owner)
    function = getattr(function, method) if method else function
    others = {one: good[one] for one in READING[name]}
    for suffix in ("", ".json", ".png", ".npy", ".csv", ".toml", ".keras"):
        garbage = tmp_path / f"garbage{suffix}"
        garbage.write_bytes(b"\x89PNG\r\n{[,")
        folder = tmp_path / f"folder{suffix}.d{suffix}"
        folder.mkdir()
        for path in (garbage, folder, tmp_path / f"nowhere{suffix}", garbage / f"inside{suffix}"):
            problem = raised(lambda path=path: function(path, **others))
            assert problem is None or isinstance(problem, mf.MaskforgeError), problem
            assert not isinstance(problem, mf.errors.OutputError), problem


@pytest.mark.parametrize("name", FUNCTIONS)
def test_wrong_arguments_are_named(name, good, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    owner, _, method = name.partition(".")
    function = getattr(mf, owner)
    if method:
        function = getattr(good["owner"].get(owner, function), method)
    right = {one: good[one] for one in FUNCTIONS[name] if one in good}
    if name == "open_examples":  # a data set, or folders
        del right["images"]
    right |= REQUIRED.get(name, {})
    for argument in FUNCTIONS[name]:
        for value in (*WRONG, *(ARRAYS if argument in ("image", "mask", "encoded", "ids") else ())):
            arguments = right | {argument: value}
            problem = raised(lambda arguments=arguments: function(**arguments))
            told = f"{argument}={value!r:.40} raises {problem!r:.200}"
            assert problem is None or isinstance(problem, mf.MaskforgeError), told
