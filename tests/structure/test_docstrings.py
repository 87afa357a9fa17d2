"""The examples in docstrings run, and whoever copies one finds it true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import shutil
from pathlib import Path

import numpy as np
import pytest

import maskforge

PACKAGE = Path(maskforge.__file__).parent
NAMES = {"mf": maskforge, "np": np}

COPIED = {
    *(one for one in maskforge.__all__ if inspect.isfunction(getattr(maskforge, one))),
    *("AnnotatedImage", "AugmentOptions", "Bitmap", "ClassMap", "ConversionReport", "Dataset"),
    *("DatasetItem", "ExampleSet", "MaskforgeError", "Polygon", "Predictor", "Size"),
}
"""The functions, and the classes that are made or taken apart by hand."""


def _examples():
    """Yield every docstring with an example, by its public or its full name."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if ">>>" not in path.read_text("utf-8"):
            continue
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        module = importlib.import_module(name.removesuffix(".__init__"))
        finder = doctest.DocTestFinder(exclude_empty=True)
        for test in finder.find(module, extraglobs=NAMES):
            if test.examples:
                yield test


EXAMPLES = list(_examples())


def test_whatever_is_copied_has_an_example():
    missing = {
        name for name in COPIED if ">>> " not in (inspect.getdoc(getattr(maskforge, name)) or "")
    }
    assert not missing


@pytest.mark.parametrize("example", EXAMPLES, ids=[one.name for one in EXAMPLES])
def test_examples_show_what_happens(example, workplace, request):
    """Those that speak of ``masks`` and ``runs`` find them there."""
    code = "".join(one.source for one in example.examples)
    if '"runs' in code:
        shutil.copytree(request.getfixturevalue("trained") / "runs", "runs")
    if '"masks"' in code:
        shutil.copytree(request.getfixturevalue("converted") / "masks", "masks")
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    output = []
    runner.run(example, out=output.append)
    assert not output, "".join(output)
