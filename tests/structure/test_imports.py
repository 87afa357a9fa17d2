"""Imports point one way, and nothing heavy is loaded before it is needed."""

import ast
import graphlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import maskforge

PACKAGE = Path(maskforge.__file__).parent

LAYERS = [
    {"choices", "issues", "folders", "telemetry"},
    {"errors"},
    {"model"},
    {"geometry", "jsonio", "pictures"},
    {"formats.base", "raster"},
    {"frame", "formats"},
    {
        "classes",
        "classfile",
        "encoding",
        "maskfile",
        "masknames",
        "dataset",
        "datasetwriter",
        "rasterizing",
    },
    {"reading", "drawing", "report", "spool"},
    {"conversion"},
    {"inspection", "overlay", "previews"},
    {"intensity", "sizing", "plotting"},
    {"examples", "augmentation"},
    {"batches", "evaluation", "modelfile", "training", "prediction.bands", "prediction.tiling"},
    {"nn"},
    {"prediction"},
    {"evaluating", "learning"},
    {"cli", "__main__"},
]
"""Modules and packages from the bottom to the top; each may import its own layer and those below.

The package itself stands above all: it loads whatever is asked for by name.
"""

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"
}


def layer(module: str) -> int:
    """Return the layer of a module, which is that of the longest name that fits."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        for number, names in enumerate(LAYERS):
            if ".".join(parts[:length]) in names:
                return number
    raise LookupError(f"{module} has no place in LAYERS")


def imported(module: str) -> Iterator[tuple[str, str]]:
    """Yield every module that a module imports anywhere, and the name that it takes from it."""
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            for alias in node.names:
                yield str(node.module), alias.name


def own(module: str) -> Iterator[tuple[str, str]]:
    """Yield the modules of this package that a module imports."""
    for target, name in imported(module):
        if target == "maskforge" or target.startswith("maskforge."):
            inner = target.removeprefix("maskforge").removeprefix(".")
            nested = f"{inner}.{name}".strip(".")
            yield (nested, "") if nested in MODULES else (inner, name)


every_module = pytest.mark.parametrize("module", sorted(MODULES))


def test_every_module_has_one_place():
    for module in MODULES:
        assert layer(module) >= 0
    names = [name for names in LAYERS for name in names]
    assert len(set(names)) == len(names)
    assert set(names) <= set(MODULES), "LAYERS names a module that is gone"


@every_module
def test_imports_point_downwards(module):
    for target, _ in own(module):
        if target:  # the package itself, for its version
            assert layer(target) <= layer(module), f"{module} imports {target}"
        else:
            assert module == "cli.app"


def test_imports_go_in_no_circle():
    graph = {module: {target for target, _ in own(module) if target} for module in MODULES}
    list(graphlib.TopologicalSorter(graph).static_order())


@every_module
def test_private_names_stay_private(module):
    for target, name in own(module):
        assert not name.startswith("_") or name.startswith("__"), f"{module} takes {target}.{name}"


@every_module
def test_formats_and_rasterizers_know_nothing_of_each_other(module):
    family, *rest = module.split(".")
    for target, _ in own(module):
        other, *other_rest = target.split(".")
        if family == "formats":
            assert other != "raster"
            if rest and rest[0] != "base" and other == "formats":
                assert other_rest[:1] in ([rest[0]], ["base"]), f"{module} imports {target}"
        if family == "raster":
            assert other != "formats"
        if other in ("cli", "__main__"):
            assert family in ("cli", "__main__")


@every_module
def test_frameworks_of_neural_networks_are_used_in_one_part_alone(module):
    frameworks = {"tensorflow", "keras", "torch", "jax", "tf_keras"}
    if module.partition(".")[0] == "nn":
        frameworks = {"tf_keras"}
    for target, _ in imported(module):
        assert target.partition(".")[0] not in frameworks


HEAVY = {
    "numpy",
    "cv2",
    "PIL",
    "shapely",
    "skimage",
    "matplotlib",
    "msgspec",
    "isal",
    "tifffile",
    "scipy",
    "rich.progress",
    "tomli_w",
}

FRAMEWORKS = {"keras", "tensorflow", "jax", "torch", "onnxruntime", "openvino", "pandas"}
"""What only networks need; nothing else may load it, not even where it is installed."""


def loaded(statements: str) -> set[str]:
    """Run statements in a fresh interpreter; return the heavy modules that are loaded then."""
    program = f"{statements}\nimport sys, json\nsys.stderr.write(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    # A terminal's worth of other lines may stand before it.
    return (HEAVY | FRAMEWORKS) & set(json.loads(result.stderr.splitlines()[-1]))


RUN = """
import sys
from maskforge.cli.app import main
sys.argv = ["maskforge", *{arguments!r}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["convert", "--help"],
        ["preview", "-h"],
        ["split", "--help"],
        ["train", "--help"],
        ["compare", "--help"],
        ["predict", "--help"],
        ["evaluate", "--help"],
        ["export-model", "--help"],
    ],
)
def test_help_is_instant(arguments):
    """``rich.progress`` comes with the help's own layout, where typer uses rich."""
    assert loaded(RUN.format(arguments=arguments)) <= {"rich.progress"}


def test_importing_the_package_costs_nothing():
    assert loaded("import maskforge; maskforge.__version__; dir(maskforge)") == set()


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ("import maskforge.errors, maskforge.issues, maskforge.choices", set()),
        ("import maskforge.formats, maskforge.raster", set()),
        ("import maskforge as mf; mf.MaskforgeError; mf.Code", set()),
        ("import maskforge as mf; mf.rasterize([[(0, 0), (2, 0), (0, 2)]], (4, 4))", {"numpy"}),
    ],
)
def test_nothing_is_loaded_that_is_not_needed(statements, allowed):
    assert loaded(statements) <= allowed


@pytest.mark.parametrize(
    "statements",
    [
        "import maskforge.learning, maskforge.evaluating",
        "import maskforge.prediction.predicting, maskforge.prediction.exporting",
        "import maskforge as mf; [getattr(mf, name) for name in mf.__all__]",
        RUN.format(arguments=["train", "masks", "--print-config"]),
    ],
)
def test_networks_are_not_loaded_before_one_is_used(statements):
    assert not loaded(statements) & FRAMEWORKS


def test_masks_are_made_divided_and_compared_without_any_network(samples, tmp_path):
    masks, split = str(tmp_path / "masks"), str(tmp_path / "split.json")
    for arguments in (
        ["convert", str(samples / "labelme"), "--out", masks],
        ["split", masks, "--out", split],
        ["preview", masks, "--out", str(tmp_path / "seen"), "--augmented", "--limit", "1"],
        ["evaluate", masks, masks, "--bootstrap", "0"],
    ):
        assert not loaded(RUN.format(arguments=arguments)) & FRAMEWORKS, arguments


def test_a_rasterizer_loads_its_own_library_alone(tmp_path):
    use = (
        "import maskforge as mf; mf.rasterize([[(0, 0), (2, 0), (0, 2)]], (4, 4), rasterizer={!r})"
    )
    libraries = {"opencv": "cv2", "pillow": "PIL", "skimage": "skimage", "matplotlib": "matplotlib"}
    for name in ("exact", "opencv", "pillow"):
        found = loaded(use.format(name))
        others = {library for other, library in libraries.items() if other != name}
        assert not found & others, (name, found)
