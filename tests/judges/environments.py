"""The labeling tools themselves, each in an environment of its own, as judges of what is written.

Most of them want other versions of libraries than TensorFlow does, and some a window system. A test
runs a small program in the environment of a tool:

    from judges.environments import in_environment

    verdict = in_environment("datumaro", PROGRAMS / "coco_masks.py", folder)

``python tests/judges/environments.py`` builds all of them, ``... NAME NAME`` only some, and
``... quick`` those that take a few seconds each. They are kept in ``.judges``, or where the
environment variable MASKFORGE_JUDGES says.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = Path(__file__).parent / "programs"
FOLDER = Path(os.environ.get("MASKFORGE_JUDGES", ROOT / ".judges")).resolve()

_STAMP = "judge.json"
_NEWEST_PYTHON = 14


@dataclass(frozen=True)
class Environment:
    """What is installed for a tool.

    Attributes:
        packages: Requirements, pinned where the answer depends on the version.
        alone: Requirements that are installed without what they require: a labeling tool brings
            half a gigabyte of windows and networks that reading a file does not need.
        python: The oldest Python 3 that they run on.
        quick: Whether it is built within seconds.
    """

    packages: tuple[str, ...]
    alone: tuple[str, ...] = ()
    python: int = 11
    quick: bool = False


ENVIRONMENTS = {
    "labelme": Environment(
        ("pyside6-essentials==6.12.0", "numpy", "pillow", "tifffile", "loguru"),
        ("labelme==7.9.1",),
        python=12,
        quick=True,
    ),
    "labelme-5": Environment(
        ("numpy", "pillow", "PyQt5", "onnxruntime", "loguru", "imgviz", "pyyaml"),
        ("labelme==5.11.4",),
    ),
    "x-anylabeling": Environment(("x-anylabeling-cvhub==4.2.1",)),
    # Later releases of the schemas ask a server for them.
    "superannotate": Environment(
        ("superannotate-schemas==1.0.45", "pydantic[email]<2", "jsonschema"), quick=True
    ),
    "superannotate-client": Environment(("superannotate==4.6.2",)),
    "datumaro": Environment(("datumaro==1.12.0",)),
    "label-studio": Environment(("label-studio-sdk==2.1.2",)),
    "cvat": Environment(("cvat-sdk==2.80.0", "cvat-cli==2.80.0", "numpy"), quick=True),
    "isat": Environment(
        ("numpy", "pillow", "pyyaml", "pydicom", "imgviz", "tqdm"), ("isat-sam==1.5.2",), quick=True
    ),
    "labelbox": Environment(("labelbox[data]==7.17.0",)),
    "darwin": Environment(("darwin-py==3.6.3",)),
    "supervisely": Environment(("supervisely==6.74.51",)),
    "supervision": Environment(("supervision==0.31.2", "opencv-python-headless")),
    "cityscapes": Environment(
        ("numpy", "pillow", "pyquaternion"), ("cityscapesScripts==2.3.0",), quick=True
    ),
}


def in_environment(name: str, program: Path, *arguments: object) -> Any:
    """Run a program with the libraries of a tool; skip the test if they are not there.

    Args:
        name: One of ``ENVIRONMENTS``.
        program: A file with a function ``main`` that takes texts and returns what JSON can hold.
        arguments: What ``main`` gets, as text.

    Returns:
        What ``main`` returned.
    """
    import pytest

    if not _is_built(name):
        pytest.skip(
            f"NO JUDGE: what {name} says is not known here; to ask it, first run "
            f"`python tests/judges/environments.py {name}`"
        )
    with tempfile.TemporaryDirectory() as home:
        answer = Path(home, "answer.json")
        done = subprocess.run(
            [_python(name), "-I", "-c", _RUN, program, answer, *map(str, arguments)],
            env=os.environ | {"HOME": home, "QT_QPA_PLATFORM": "offscreen"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name} gave up:\n{done.stderr[-4000:]}"
        return json.loads(answer.read_text("utf-8"))


_RUN = """
import json, runpy, sys
program, answer, *arguments = sys.argv[1:]
result = runpy.run_path(program)["main"](*arguments)
with open(answer, "w", encoding="utf-8") as file:
    json.dump(result, file)
"""


def build(names: Iterable[str]) -> bool:
    """Build what is not there yet, and say what cannot be built."""
    complete = True
    for name in names:
        environment = ENVIRONMENTS[name]
        if _is_built(name):
            continue
        python = _find_python(environment.python)
        if python is None:
            print(f"{name}: there is no Python 3.{environment.python} or newer", file=sys.stderr)
            complete = False
            continue
        folder = FOLDER / name
        print(f"{name}: {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-compile"]
        try:
            subprocess.run([python, "-m", "venv", folder], check=True)
            subprocess.run([*install, *environment.packages], check=True)
            if environment.alone:
                subprocess.run([*install, "--no-deps", *environment.alone], check=True)
        except subprocess.CalledProcessError as error:
            print(f"{name}: {error}", file=sys.stderr)
            complete = False
            continue
        (folder / _STAMP).write_text(_stamp(name), "utf-8")
    return complete


def _python(name: str) -> Path:
    return FOLDER / name / "bin" / "python"


def _stamp(name: str) -> str:
    environment = ENVIRONMENTS[name]
    return json.dumps([environment.packages, environment.alone])


def _is_built(name: str) -> bool:
    stamp = FOLDER / name / _STAMP
    return stamp.is_file() and stamp.read_text("utf-8") == _stamp(name)


def _find_python(oldest: int) -> str | None:
    """Return a Python that is at least 3.``oldest``: this one, or one that is installed beside."""
    found: list[str | Path] = [sys.executable]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for minor in range(oldest, _NEWEST_PYTHON + 1):
        found += filter(None, [shutil.which(f"python3.{minor}")])
        found += sorted(pyenv.glob(f"versions/3.{minor}.*/bin/python"))
    ask = "import sys; sys.exit(sys.version_info < (3, int(sys.argv[1])))"
    for one in found:
        if (
            subprocess.run(
                [one, "-c", ask, str(oldest)], capture_output=True, check=False
            ).returncode
            == 0
        ):
            return str(one)
    return None


def main(wanted: list[str]) -> int:
    """Build the environments that are named."""
    names = list(ENVIRONMENTS)
    if wanted == ["quick"]:
        names = [name for name, one in ENVIRONMENTS.items() if one.quick]
    elif wanted:
        unknown = [name for name in wanted if name not in ENVIRONMENTS]
        if unknown:
            print(f"unknown: {', '.join(unknown)}; known are {', '.join(names)}", file=sys.stderr)
            return 2
        names = wanted
    return 0 if build(names) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
