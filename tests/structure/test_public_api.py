"""The public names: they resolve, are typed and are documented; codes are one vocabulary."""

import ast
import collections.abc
import dataclasses
import enum
import inspect
import typing
from pathlib import Path

import msgspec
import pytest

import maskforge
from maskforge import errors
from maskforge.issues import Code, Issue, Level, Origin, Scope

PACKAGE = Path(maskforge.__file__).parent
NAMES = sorted(name for name in maskforge.__all__ if not name.startswith("_"))
CLASSES = [name for name in NAMES if inspect.isclass(getattr(maskforge, name))]
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(maskforge, name))]


def test_names_are_those_of_the_stub():
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text("utf-8"))
    (listed,) = (
        ast.literal_eval(node.value)
        for node in stub.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert set(maskforge.__all__) | {"__version__"} == set(listed)
    assert listed == sorted(listed)
    assert set(NAMES) <= set(dir(maskforge))
    assert (PACKAGE / "py.typed").exists()


def test_there_is_something_for_every_task():
    tasks = {"read", "detect", "rasterize", "one_hot", "multi_hot", "write_mask", "convert"}
    tasks |= {"open_dataset", "from_one_hot", "from_multi_hot", "inspect", "preview"}
    tasks |= {"open_examples", "make_split", "train", "resume_training", "compare_runs"}
    assert tasks | {"predict", "evaluate", "export_model", "augment"} <= set(FUNCTIONS)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_documented(name):
    found = getattr(maskforge, name)
    text = inspect.getdoc(found) or ""
    assert len(text) > 20
    assert text.splitlines()[0].endswith(".")
    home = found.__name__ if inspect.ismodule(found) else found.__module__
    assert home.startswith("maskforge.")


def _functions():
    for name in FUNCTIONS:
        yield name, getattr(maskforge, name)
    for name in CLASSES:
        for member, value in vars(getattr(maskforge, name)).items():
            value = getattr(value, "fget", value)  # noqa: PLW2901
            value = getattr(value, "__func__", value)  # noqa: PLW2901
            own = getattr(value, "__module__", "").startswith("maskforge")
            if inspect.isfunction(value) and own and not member.startswith("_"):
                yield f"{name}.{member}", value


@pytest.mark.parametrize(
    ("name", "function"), [pytest.param(*one, id=one[0]) for one in _functions()]
)
def test_every_function_is_typed_and_documented(name, function):
    hints = typing.get_type_hints(function)
    for parameter in inspect.signature(function).parameters:
        assert parameter in ("self", "cls") or parameter in hints, f"{name}({parameter})"
    assert "return" in hints
    assert inspect.getdoc(function)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments_are_explained(name):
    """Functions with more than one argument say what each is, and what may be raised."""
    function = getattr(maskforge, name)
    parameters = inspect.signature(function).parameters
    text = inspect.getdoc(function)
    if len(parameters) > 1:
        for parameter in parameters:
            assert f"{parameter}: " in text, parameter


@pytest.mark.parametrize(
    ("name", "function"), [pytest.param(*one, id=one[0]) for one in _functions()]
)
def test_calls_have_one_shape(name, function):
    """Paths may be text; what is the same everywhere is told by name."""
    for parameter, hint in typing.get_type_hints(function).items():
        kinds = set(_kinds(hint))
        assert Path not in kinds or str in kinds or parameter == "return", f"{name}({parameter})"
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in ("overwrite", "progress", "log"):
            assert parameter.kind is parameter.KEYWORD_ONLY, f"{name}({parameter.name})"


def _kinds(hint):
    """Yield every type that stands in a hint, but for those of callables."""
    if typing.get_origin(hint) is collections.abc.Callable:
        return
    yield hint
    for one in typing.get_args(hint):
        yield from _kinds(one)


@pytest.mark.parametrize("name", CLASSES)
def test_every_attribute_is_explained(name):
    class_ = getattr(maskforge, name)
    if not (dataclasses.is_dataclass(class_) or issubclass(class_, msgspec.Struct)):
        return
    described = "\n".join(inspect.getdoc(base) or "" for base in class_.__mro__[:-1])
    for field in inspect.signature(class_).parameters:
        assert f"{field}: " in described, field


def test_enumerations_explain_their_members():
    source = (PACKAGE / "shapes.py").read_text("utf-8") + (PACKAGE / "issues.py").read_text("utf-8")
    for member in (*maskforge.ImageState, *Level):
        assert f'"{member.value}"\n    """' in source, member


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert maskforge.__version__ == version("maskforge")


# --- errors and codes


def test_all_errors_are_one_family_and_built_in_ones_too():
    family = [
        one
        for one in vars(errors).values()
        if inspect.isclass(one) and issubclass(one, Exception) and one.__module__ == errors.__name__
    ]
    assert len(family) >= 10
    for one in family:
        assert issubclass(one, errors.MaskforgeError)
        assert inspect.getdoc(one)
        if one is not errors.MaskforgeError:
            assert any(base.__module__ == "builtins" for base in one.__mro__[1:-2])


def test_codes_are_unique_words_with_a_meaning():
    values = [code.value for code in Code]
    assert len(set(values)) == len(values) == len(Code.__members__)
    meanings = [code.meaning for code in Code]
    assert len(set(meanings)) == len(meanings)
    for code in Code:
        assert code.value == code.name.lower().replace("_", "-")
        assert str(code) == code.value
        assert isinstance(code.level, Level)
        assert isinstance(code.scope, Scope)
        assert code.meaning[0].isupper()
        assert code.meaning.endswith(".")


def test_every_code_is_used():
    source = "\n".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    for code in Code:
        assert f"Code.{code.name}" in source, code


def test_only_what_costs_something_loses_something():
    origin = Origin(Path("x.json"))
    for code in Code:
        for level in Level:
            issue = Issue(code, "text", origin, override=level)
            assert issue.level is level
            assert issue.loses_record == (code.scope is Scope.RECORD and level is not Level.NOTE)
            assert issue.loses_image == (code.scope is Scope.IMAGE and level is not Level.NOTE)
        assert Issue(code, "text", origin).level is code.level


def test_errors_and_issues_read_alike():
    origin = Origin(Path("x.json"), "$").at(".shapes[3]")
    error = errors.RecordError(Code.NO_AREA, "has no area", origin=origin, hint="give it one")
    assert str(error) == "x.json $.shapes[3]: has no area\n  hint: give it one"
    issue = error.issue(Level.NOTE)
    assert str(issue) == f"note[no-area] {error}"
    assert isinstance(Code.NO_AREA, enum.Enum)


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, b"x" * 10**6, list(range(10**5)), {"a": {"b": {"c": ["d" * 99] * 99}}}, 10**3000],
)
def test_values_in_messages_are_shortened(value):
    assert len(errors.shorten(value)) <= 400
