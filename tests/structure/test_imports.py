"""Imports point one way, and nothing heavy is loaded before it is needed."""

import ast
import graphlib
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from typer.main import get_command

import maskforge
from maskforge.cli.app import COMMANDS, app
from maskforge.formats.registry import FORMATS

PACKAGE = Path(maskforge.__file__).parent

LEVELS = [
    {"issues", "display"},
    {"errors"},
    {"choices", "limits", "remote"},
    {"files", "processes", "shapes"},
    {"geometry", "images", "outputs"},
    {"formats", "raster", "vector"},
    {"masks"},
    {"dataset"},
    {"examples", "augmentation", "nn", "exports"},
    {"batches", "checks", "prediction"},
    {"evaluation", "shards"},
    {"corrections", "review"},
    {"training", "server"},
    {"cli", "__main__"},
]
"""Rooms and loose modules from the bottom to the top; each imports its own level and those below.

The package itself stands above all: it loads whatever is asked for by name.
"""

LEVEL = {name: number for number, names in enumerate(LEVELS) for name in names}

FRAMEWORK_ROOMS = ("nn", "training.loop")
"""Where networks are made of Keras; nothing else imports it or a backend of it."""

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def imported(module: str) -> frozenset[tuple[str, str]]:
    """Return every module that a module imports anywhere, and the name that it takes from it."""
    found = set()
    for node in ast.walk(tree(MODULES[module])):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            found |= {(str(node.module), alias.name) for alias in node.names}
    return frozenset(found)


def arrows() -> Iterator[tuple[str, str, str]]:
    """Yield module, module of this package that it imports, and the name taken from it."""
    for module in MODULES:
        for target, name in imported(module):
            if target == "maskforge" or target.startswith("maskforge."):
                inner = target.removeprefix("maskforge").removeprefix(".")
                nested = f"{inner}.{name}".strip(".")
                yield (module, nested, "") if nested in MODULES else (module, inner, name)


def room(module: str) -> str:
    """Return the room of a module, or the module itself if it lies loose."""
    return module.partition(".")[0]


def test_every_room_has_a_level_and_a_map():
    assert {room(module) for module in MODULES} == set(LEVEL)
    for module, path in MODULES.items():
        if path.name == "__init__.py":
            text = ast.get_docstring(tree(path)) or ""
            assert len(text.split()) > 20 or "." in module, f"{module} does not say what is inside"


def test_few_modules_lie_loose():
    assert len(list(PACKAGE.glob("*.py"))) <= 8


def test_imports_point_downwards():
    upwards = [
        f"{module} imports {target}"
        for module, target, _ in arrows()
        if target and LEVEL[room(target)] > LEVEL[room(module)]
    ]
    assert not upwards
    assert {module for module, target, _ in arrows() if not target} == {
        "cli.app",
        "dataset.writer",
        "formats.dicom_seg.writer",
        "processes.dask_cluster",
        "server.api",
        "server.openapi",
    }  # the version


def test_imports_go_in_no_circle():
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for module, target, _ in arrows():
        graph[module] |= {target} - {""}
    list(graphlib.TopologicalSorter(graph).static_order())


def test_rooms_import_each_other_in_no_circle():
    graph: dict[str, set[str]] = {}
    for module, target, _ in arrows():
        graph.setdefault(room(module), set()).update({room(target)} - {"", room(module)})
    list(graphlib.TopologicalSorter(graph).static_order())


def test_measures_know_no_report_and_the_report_no_evaluation():
    """In the room ``evaluation``: ``measures`` first, then ``report``, then the loose modules."""

    def step(module: str) -> int:
        folder = module.split(".")[1] if module.count(".") else ""
        return {"measures": 0, "report": 1}.get(folder, 2)

    assert not [
        f"{module} imports {target}"
        for module, target, _ in arrows()
        if room(module) == room(target) == "evaluation" and step(target) > step(module)
    ]


def test_private_names_stay_private():
    taken = [
        f"{module} takes {target}.{name}"
        for module, target, name in arrows()
        if name.startswith("_") and not name.startswith("__")
    ]
    assert not taken


GIVEN = {
    "addresses",
    "base",
    "fields",
    "jsonio",
    "labelmap",
    "pixels",
    "plainform",
    "runlength",
    "writer",
}
"""What every format may use of their room."""


def test_a_format_knows_no_other_format():
    """It imports nothing of its room but itself and what every format is given."""
    strangers = []
    for module, target, _ in arrows():
        family, _, own = module.partition(".")
        other, _, inner = target.partition(".")
        if family == other == "formats" and own.partition(".")[0].replace("_", "-") in FORMATS:
            allowed = {own.partition(".")[0], *GIVEN}
            if inner.partition(".")[0] not in allowed:
                strangers.append(f"{module} imports {target}")
    assert not strangers


def test_formats_and_rasterizers_know_nothing_of_each_other():
    assert not [
        f"{module} imports {target}"
        for module, target, _ in arrows()
        if {room(module), room(target)} == {"formats", "raster"}
    ]


def test_the_command_line_is_used_by_nobody():
    assert not [
        f"{module} imports {target}"
        for module, target, _ in arrows()
        if room(target) in ("cli", "__main__") and room(module) not in ("cli", "__main__")
    ]


PRINTING = ("print", "echo", "secho")


def test_one_place_prints():
    """There everything from outside is made visible."""
    elsewhere = [
        module
        for module, path in MODULES.items()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", "") or getattr(node.func, "attr", "")) in PRINTING
        and ast.unparse(node.func) in ("print", "typer.echo", "typer.secho")
    ]
    # The child process that exports a model prints what its parent reads.
    assert set(elsewhere) == {"cli.console", "nn.export"}


def test_frameworks_of_neural_networks_are_used_in_their_rooms_alone():
    outside = [
        f"{module} imports {target}"
        for module in MODULES
        if not f"{module}.".startswith(tuple(f"{one}." for one in FRAMEWORK_ROOMS))
        for target, _ in imported(module)
        if target.partition(".")[0] in ("tensorflow", "keras", "torch", "jax")
    ]
    assert not outside
    assert not [one for one in MODULES if "tf_keras" in {name for name, _ in imported(one)}]


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
for arguments in {runs!r}:
    sys.argv = ["maskforge", *arguments]
    try:
        main()
    except SystemExit as end:
        assert not end.code, (arguments, end.code)
"""


def test_help_is_instant():
    """``rich.progress`` comes with the help's own layout, where typer uses rich."""
    commands = get_command(app).commands
    assert len(commands) >= 10
    runs = [["--help"], ["-h"], ["--version"], *([name, "--help"] for name in commands)]
    assert loaded(RUN.format(runs=runs)) <= {"rich.progress"}


def test_a_conversion_loads_little(samples, tmp_path):
    """Of this package what it uses, and no library that one file does not need."""
    program = f"""
{RUN.format(runs=[["convert", str(samples / "labelme"), "--out", str(tmp_path / "masks")]])}
import json
print(json.dumps(sorted(sys.modules)))
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    modules = set(json.loads(result.stdout.splitlines()[-1]))
    others = {f"maskforge.cli.{name.replace('-', '_')}" for name in COMMANDS if name != "convert"}
    assert not modules & others
    needless = ("cv2", "skimage", "scipy", "matplotlib", "tifffile", "yaml", "defusedxml")
    assert not modules & {*needless, *FRAMEWORKS, "http.client", "tomllib", "rich.progress"}
    assert len([one for one in modules if one.startswith("maskforge")]) <= 190


def test_nothing_is_loaded_that_is_not_needed():
    light = """
import maskforge as mf
mf.__version__, dir(mf), mf.MaskforgeError, mf.Code, mf.errors.OptionError
import maskforge.errors, maskforge.issues, maskforge.choices, maskforge.formats, maskforge.raster
"""
    assert loaded(light) == set()
    drawing = "import maskforge as mf; mf.rasterize([[(0, 0), (2, 0), (0, 2)]], (4, 4))"
    assert loaded(drawing) <= {"numpy"}


def test_networks_are_not_loaded_before_one_is_used():
    statements = """
import maskforge as mf
import maskforge.training.train, maskforge.evaluation.evaluate
import maskforge.prediction.predict, maskforge.training.model_export
[getattr(mf, name) for name in mf.__all__]
"""
    printed = RUN.format(runs=[["train", "masks", "--print-config"]])
    assert not loaded(statements + printed) & FRAMEWORKS


def test_masks_are_made_divided_and_compared_without_any_network(samples, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [
        ["convert", str(samples / "labelme"), "--out", "masks"],
        ["split", "masks", "--out", "split.json"],
        ["preview", "masks", "--out", "seen", "--augmented", "--limit", "1"],
        ["evaluate", "masks", "masks", "--bootstrap", "0"],
    ]
    assert not loaded(RUN.format(runs=runs)) & FRAMEWORKS


def test_a_rasterizer_loads_its_own_library_alone(tmp_path):
    use = (
        "import maskforge as mf; mf.rasterize([[(0, 0), (2, 0), (0, 2)]], (4, 4), rasterizer={!r})"
    )
    libraries = {"opencv": "cv2", "pillow": "PIL", "skimage": "skimage", "matplotlib": "matplotlib"}
    for name in ("exact", "opencv", "pillow"):
        found = loaded(use.format(name))
        others = {library for other, library in libraries.items() if other != name}
        assert not found & others, (name, found)
