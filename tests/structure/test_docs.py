"""The documentation: its code runs, its output is real, its tables and links are complete."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import inspect
import io
import re
import shutil
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import markdown_pages as markdown
import msgspec
import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

import maskforge
from maskforge.augmentation.augment_options import PRESETS, AugmentOptions
from maskforge.checks.base import CheckPlace
from maskforge.checks.catalog import CHECKS
from maskforge.checks.check_report import CheckFinding, CheckReport
from maskforge.choices import Encoder, Encoding, ranges_of
from maskforge.cli.app import app
from maskforge.corrections.changes import ClassChange, ImageChange
from maskforge.corrections.merge_report import MergeReport
from maskforge.dataset.conversion_report import ClassCount, ConversionReport, Finding
from maskforge.dataset.convert_options import ConvertOptions
from maskforge.dataset.inspection import Inspection, IssueCount, Pair, SizeCount
from maskforge.dataset.issue_record import IssueRecord
from maskforge.dataset.manifest import ManifestEntry
from maskforge.evaluation.agreement.agreement_records import (
    AreaAgreement,
    ClassAgreement,
    ConsensusReport,
    DifferingImage,
    PairAgreement,
    PairClass,
)
from maskforge.evaluation.agreement.agreement_report import AgreementReport
from maskforge.evaluation.difference import DiceDifference
from maskforge.evaluation.measures.calibration import Calibration, CalibrationBin
from maskforge.evaluation.measures.catalog import MEASURES
from maskforge.evaluation.measures.depths import DEPTH_NAMES
from maskforge.evaluation.measures.units import UNIT_MEASURES
from maskforge.evaluation.report.evaluation_report import EvaluationReport
from maskforge.evaluation.report.records import (
    AnnotatorReport,
    ClassReport,
    ClassRow,
    Confusion,
    GroupReport,
    ImageRow,
    ImageScores,
    LeftOut,
    LesionScores,
    Overall,
    SurfaceScores,
    UnitDepth,
    UnitReport,
    UnitRow,
)
from maskforge.examples.splitfile import SplitEntry, SplitRecord
from maskforge.exports.export_report import ExportReport
from maskforge.formats.registry import FORMATS, WRITERS, format_of, get_format
from maskforge.images.intensity import ScalingRecord
from maskforge.issues import Code, Doubt, Level
from maskforge.limits.allowance import FACTOR, Limit
from maskforge.masks.post_processing import PostProcessing
from maskforge.nn.export import Int8Scores, ModelExportReport
from maskforge.nn.loss_catalog import LOSSES
from maskforge.nn.modelfile import Agreement, ModelDescription
from maskforge.nn.network_catalog import Architecture, Preset
from maskforge.prediction.prediction_report import PredictionReport
from maskforge.review.rank_report import RankedImage, RankedRegion, RankReport
from maskforge.training.doctor.catalog import DIAGNOSES
from maskforge.training.doctor.doctor_report import DoctorReport
from maskforge.training.doctor.machine import Package
from maskforge.training.run_folder import Epoch, RunRecord, Scores
from maskforge.training.train_options import TrainOptions
from maskforge.training.tuning.space import search_space
from maskforge.training.tuning.tune_report import Trial, TuneReport

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
"""All pages; each is read, run and checked."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
GROUP = get_command(app)
COMMANDS = GROUP.commands
TRAINING = {one.opts[0] for one in COMMANDS["train"].params}
"""The options of ``train``."""
FILES = ("DIR", "FILE", "PATH", "DATASET")
"""What stands for files and folders in the help."""


def every_page(function):
    return pytest.mark.parametrize(
        "page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES]
    )(function)


@every_page
def test_code_runs_and_shows_its_real_output(page, workplace, request):
    """Pages that speak of ``runs/caries`` find a network there."""
    if "import pydicom" in page.read_text(encoding="utf-8"):
        pytest.importorskip("pydicom", reason="NO DICOM: install maskforge[dicom]")
    if "runs/caries" in page.read_text(encoding="utf-8"):
        folder = request.getfixturevalue("trained")
        shutil.copytree(folder / "runs", "runs")
        if not _makes_masks(page):
            shutil.copytree(folder / "masks", "masks")
    names = {"__name__": "__page__"}
    for block in markdown.blocks(page):
        if block.mark == "not run":
            continue
        if block.language == "python":
            _run_python(block, names)
        elif block.language in ("console", "bash", "shell"):
            _run_commands(block)
        elif block.mark.startswith("save as "):
            Path(block.mark.removeprefix("save as ")).write_text(block.code, encoding="utf-8")


def _makes_masks(page):
    return any(
        command.arguments[:2] == ["maskforge", "convert"]
        and any(word.rstrip("/") == "masks" for word in command.arguments)
        and "samples" in " ".join(command.arguments)
        for block in markdown.blocks(page)
        if block.language in ("console", "bash", "shell") and block.mark != "not run"
        for command in markdown.commands(block)
    )


def _run_python(block, names):
    # The empty lines make tracebacks show the line of the page.
    code = compile("\n" * (block.line - 1) + block.code, str(block.page), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(code, names)
    if block.output is not None:
        _compare(block, block.output, output.getvalue())


def _run_commands(block):
    for command in markdown.commands(block):
        program, *arguments = command.arguments
        if program != "maskforge":
            continue
        if not _can_run(block, arguments):
            assert command.output is None, f"{block.place}: output of a command that cannot be run"
            continue
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        allowed = (2,) if block.mark == "exit 2" else (0, 1)
        assert result.exit_code in allowed, f"{block.place}: {arguments}\n{result.output}"
        if command.output is not None:
            _compare(block, command.output, result.output)


def _can_run(block, arguments):
    """Check a command line, and tell whether the files are there that it reads."""
    name, *options = arguments
    if name not in COMMANDS:
        assert name in {option for one in GROUP.params for option in one.opts}, block.place
        return name == "--version"
    try:
        parameters = COMMANDS[name].make_context(name, options).params
    except Exception as error:
        pytest.fail(f"{block.place}: maskforge {' '.join(arguments)}: {error}")
    files = {one.name for one in COMMANDS[name].params if one.metavar in FILES}
    inputs = [
        path
        for name, value in parameters.items()
        for path in (value if isinstance(value, (list, tuple)) else [value])
        if isinstance(path, Path) or (path and name in files)
        if name != "out"
    ]
    if parameters.get("print_config"):  # reads nothing else
        inputs = [one for one in inputs if one == parameters["config"]]
    takes_long = name in ("serve", "tune")
    there = not takes_long and all(Path(path).exists() for path in inputs)
    if (
        name == "train"
        and there
        and block.mark not in ("train", "exit 2")
        and not parameters["resume"]
    ):
        # The options are checked; the time for a training has the page that is marked so.
        result = CliRunner().invoke(app, [*arguments, "--print-config"], catch_exceptions=False)
        assert result.exit_code == 0, f"{block.place}: {arguments}\n{result.output}"
        return bool(parameters["print_config"])
    return there and not (name == "train" and parameters["resume"])


def _compare(block, expected, actual):
    if not markdown.shows(expected, actual):
        pytest.fail(f"{block.place} shows\n{expected}\nbut the output is\n{actual}")


@every_page
def test_links_lead_to_pages_and_headings(page):
    for target in markdown.links(page):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), f"{page.name} links to {target}"
        if anchor and file.name != "python-api.md":
            assert anchor in markdown.anchors(file), f"{page.name} links to {target}"


@every_page
def test_measured_numbers_name_the_script_that_prints_them(page):
    if "measured" in markdown.prose(page) and page.name != "README.md":
        scripts = re.findall(r"benchmarks/\w+\.py", page.read_text(encoding="utf-8"))
        assert scripts, page.name
        for script in scripts:
            assert (ROOT / script).is_file(), f"{page.name} names {script}"


def test_files_that_pages_for_contributors_name_are_there():
    for name in (
        "architecture.md",
        "contributing.md",
        *(f"decisions/{one.name}" for one in (DOCS / "decisions").glob("*.md")),
    ):
        for path in re.findall(r"`([\w/]+(?:\.py|/))`", (DOCS / name).read_text(encoding="utf-8")):
            if "NAME" in path:  # of the thing that is added
                continue
            places = (ROOT / path, ROOT / "maskforge" / path, *(ROOT / "maskforge").rglob(path))
            assert any(place.exists() for place in places), f"{name} names {path}"


def test_every_page_is_in_the_navigation():
    listed = re.findall(r"[\w/-]+\.md", (ROOT / "zensical.toml").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES[1:])


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_of_the_command_line_has_every_option(name):
    text = markdown.section(DOCS / "command-line.md", f"maskforge {name}")
    documented = {
        re.findall(r"--[\w-]+", row[0])[0]: row
        for row in markdown.rows(text)
        if row[0].startswith("`--")
    }
    options = {one.opts[0]: one for one in COMMANDS[name].params if one.opts[0].startswith("--")}
    if "[`train`](#maskforge-train)" in text:  # all others are described there
        options = {
            key: one for key, one in options.items() if key not in TRAINING - set(documented)
        }
    assert set(documented) == set(options)
    types = get_type_hints(COMMANDS[name].callback)
    for option, parameter in options.items():
        words = " ".join(documented[option])
        choices = _choices(types[parameter.name])
        if set(choices) >= set(FORMATS) or set(choices) == set(WRITERS):
            assert "(formats/index.md)" in words, option
            choices = [one for one in choices if one not in (*FORMATS, *WRITERS)]
        for choice in choices:
            assert f"`{choice}`" in words, f"{option} {choice}"
        default = documented[option][1]
        if parameter.default is True:
            assert default == "on", option
        elif parameter.default not in (None, False, ""):
            assert default == f"`{parameter.default}`", option
        elif isinstance(parameter.show_default, str) and default.startswith("`"):
            assert default.strip("`") == parameter.show_default.partition(":")[0], option


def _choices(hint):
    """Return the words that a type allows, in whatever unions it stands."""
    parts = get_args(hint)
    return [one for part in parts for one in ([part] if isinstance(part, str) else _choices(part))]


def test_the_page_of_the_command_line_has_every_key_of_a_configuration():
    table = markdown.rows(markdown.section(DOCS / "command-line.md", "The configuration file"))
    assert [row[:3] for row in table] == list(_keys(TrainOptions()))


def _keys(options, prefix=""):
    """Yield key, default and range of a configuration, the tables last."""
    for table in (False, True):
        for field in fields(options):
            value = getattr(options, field.name)
            if is_dataclass(value) and table:
                yield from _keys(value, f"{field.name}.")
            elif not is_dataclass(value) and not table:
                shown = "" if value in (None, (), {}) else str(value)
                shown = shown.lower() if isinstance(value, bool) else shown
                possible = str(ranges_of(type(options)).get(field.name, ""))
                yield [f"`{prefix}{field.name}`", f"`{shown}`" if shown else "", possible]


def test_the_page_of_the_command_line_has_every_command():
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    assert re.findall(r"^## `maskforge ([\w-]+)`$", text, re.M) == list(COMMANDS)


STRUCTS = {
    "command-line.md": (
        ConversionReport,
        Finding,
        IssueRecord,
        ClassCount,
        Inspection,
        SizeCount,
        IssueCount,
        Pair,
    ),
    "checks.md": (CheckReport, CheckFinding, CheckPlace),
    "doctor.md": (DoctorReport, Package),
    "dataset.md": (ManifestEntry,),
    "model-folder.md": (
        Agreement,
        ModelDescription,
        PostProcessing,
        ScalingRecord,
        RunRecord,
        Scores,
        Epoch,
        SplitRecord,
        SplitEntry,
    ),
    "exporting.md": (ExportReport,),
    "prediction.md": (PredictionReport,),
    "corrections.md": (MergeReport, ImageChange, ClassChange),
    "evaluation-report.md": (
        EvaluationReport,
        ClassReport,
        SurfaceScores,
        LesionScores,
        ImageScores,
        Overall,
        Confusion,
        GroupReport,
        ImageRow,
        ClassRow,
        AnnotatorReport,
        LeftOut,
        Calibration,
        CalibrationBin,
    ),
    "agreement.md": (
        AgreementReport,
        ClassAgreement,
        PairAgreement,
        PairClass,
        AreaAgreement,
        DifferingImage,
        ConsensusReport,
    ),
    "evaluation-per-unit.md": (UnitReport, UnitDepth, UnitRow),
    "training/tuning.md": (TuneReport, Trial, DiceDifference),
    "ranking.md": (RankReport, RankedImage, RankedRegion),
}
"""The page that describes each document that the program writes."""


@pytest.mark.parametrize(
    ("page", "title", "names"),
    [
        *(
            (page, one.__name__, [field.name for field in msgspec.structs.fields(one)])
            for page, structs in STRUCTS.items()
            for one in structs
        ),
        *(
            ("prediction.md", one.__name__, [field.name for field in fields(one)])
            for one in (ModelExportReport, Int8Scores)
        ),
        ("exit-codes-and-issues.md", "Levels", list(Level)),
        ("networks.md", "Architectures", list(get_args(Architecture))),
        ("networks.md", "Encoders", list(get_args(Encoder))),
        ("networks.md", "Presets", list(get_args(Preset))),
        ("installation.md", "Extras", list(PROJECT["optional-dependencies"])),
    ],
)
def test_a_table_has_a_row_for_every_name(page, title, names):
    table = markdown.rows(markdown.section(DOCS / page, title))
    assert [row[0].strip("`") for row in table] == names


def test_what_is_searched_by_default_has_a_row():
    table = markdown.rows(markdown.section(DOCS / "training/tuning.md", "What is searched"))
    searched = search_space(["default"], TrainOptions())
    assert [[cell.strip("`") for cell in row[:2]] for row in table] == [
        [key, str(values).replace(",", ", ")] for key, values in searched.items()
    ]


def test_every_route_has_a_row_as_the_server_has_it():
    app = pytest.importorskip("maskforge.server.app", exc_type=ImportError)
    table = markdown.rows(markdown.section(DOCS / "serving/index.md", "Without a browser"))
    assert table == [[f"`{one.method} {one.path}`", one.summary] for one in app.OPERATIONS]


def test_every_measure_has_a_row_as_the_program_has_it():
    table = markdown.rows(markdown.section(DOCS / "evaluation-report.md", "Scores"))
    assert [row[:5] for row in table] == [
        [f"`{one.name}`", one.title, one.counted, one.better, one.meaning] for one in MEASURES
    ]
    assert all(row[5] for row in table)


def test_every_measure_of_units_has_a_row_as_the_program_has_it():
    table = markdown.rows(markdown.section(DOCS / "evaluation-per-unit.md", "What is counted"))
    assert [row[:2] for row in table] == [[f"`{one.name}`", one.meaning] for one in UNIT_MEASURES]
    assert all(row[2] for row in table)


def test_every_depth_has_a_row():
    table = markdown.rows(markdown.section(DOCS / "evaluation-per-unit.md", "By depth"))
    assert [row[0].strip("`") for row in table] == list(DEPTH_NAMES)


def test_every_issue_code_has_a_row_as_the_program_has_it():
    table = markdown.rows(markdown.section(DOCS / "exit-codes-and-issues.md", "All codes"))
    assert table == [[f"`{one}`", one.scope, one.level, one.meaning] for one in Code]


def test_every_issue_that_leaves_doubt_has_a_row_that_says_so():
    table = markdown.rows(markdown.section(DOCS / "dataset.md", "Partial images"))
    doubtful = [[f"`{one}`", one.doubt] for one in Code if one.doubt is not Doubt.NO]
    assert [row[:2] for row in table] == doubtful


def test_every_check_has_a_row_and_a_paragraph():
    page = DOCS / "checks.md"
    table = markdown.rows(markdown.section(page, "All checks"))
    assert table == [[f"[`{one.code}`](#{one.code})", one.severity, one.meaning] for one in CHECKS]
    for one in CHECKS:
        assert len(markdown.section(page, one.code).split()) > 20, one.code


def test_everything_that_doctor_looks_for_has_a_row_as_the_program_has_it():
    table = markdown.rows(markdown.section(DOCS / "doctor.md", "All findings"))
    assert table == [[f"`{one.code}`", one.severity, one.meaning, one.advice] for one in DIAGNOSES]


def test_every_public_name_is_in_the_reference():
    text = (DOCS / "python-api.md").read_text(encoding="utf-8")
    documented = re.findall(r"^::: maskforge\.(\w+)$", text, re.M)
    names = {*maskforge.__all__, "errors"} - {"__version__"}  # the module, for all kinds of error
    assert sorted(documented) == sorted(names)


def test_references_in_docstrings_lead_to_names_of_the_reference():
    """The build checks this for the docstrings that the reference shows, and not for the others."""
    text = (DOCS / "python-api.md").read_text(encoding="utf-8")
    documented = re.findall(r"^::: ([\w.]+)$", text, re.M)
    for source in sorted((ROOT / "maskforge").rglob("*.py")):
        code = source.read_text(encoding="utf-8")
        assert not re.search(r":(class|func|attr|meth|data|mod):`", code), f"role in {source}"
        for target in re.findall(r"`\]\[([\w.]*)\]", code):
            known = any(f"{target}.".startswith(f"{name}.") for name in documented)
            assert known, f"{source.relative_to(ROOT)} refers to {target}"


def test_every_option_of_a_conversion_is_on_a_page():
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    for field in fields(ConvertOptions):
        assert f"--{field.name.replace('_', '-')}" in text


def test_every_encoding_is_explained():
    text = (DOCS / "classes-and-encodings.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in get_args(Encoding))


def test_every_format_has_a_page():
    for name in FORMATS:
        title = (DOCS / "formats" / f"{name}.md").read_text(encoding="utf-8").splitlines()[0]
        assert re.sub(r"\W", "", title).lower() == name.replace("-", "")
        assert get_format(name).title
    table = markdown.rows(markdown.section(DOCS / "formats" / "index.md", "Which formats"))
    assert [row[0].strip("`") for row in table] == list(FORMATS)
    for name, page, *_, written in table:
        assert f"({name.strip('`')}.md)" in page
        expected = [one for one in WRITERS if format_of(one) == name.strip("`")]
        assert re.findall(r"`([\w-]+)`", written) == expected, name


def test_every_loss_has_a_row_with_its_parameters():
    text = markdown.section(DOCS / "losses-and-metrics.md", "Losses")
    table = {row[0].strip("`"): row for row in markdown.rows(text) if row[0].strip("`") in LOSSES}
    assert list(table) == list(LOSSES)
    for name, loss in LOSSES.items():
        _, heads, parameters, paper = table[name]
        assert re.findall(r"`(\w+)`", heads) == list(loss.heads), name
        assert re.findall(r"`(\w+)`", parameters) == list(loss.parameters), name
        assert paper == loss.paper
    explained = {row[0].strip("`"): row for row in markdown.rows(text)}
    for loss in LOSSES.values():
        for parameter in loss.parameters:
            assert parameter in explained, parameter


def test_every_preset_of_augmentation_has_its_values():
    table = markdown.rows(markdown.section(DOCS / "augmentation.md", "Presets"))
    names = list(PRESETS)
    assert [row[0].strip("`") for row in table] == [one.name for one in fields(AugmentOptions)][1:]
    for option, *values in table:
        real = [getattr(PRESETS[name], option.strip("`")) for name in names]
        assert [float(value or 0) for value in values] == real, option


# --- docstrings: whoever copies an example finds it true

_GIVEN = {"mf": maskforge, "np": np}

_COPIED = {
    *(one for one in maskforge.__all__ if inspect.isfunction(getattr(maskforge, one))),
    *("AnnotatedImage", "AugmentOptions", "Bitmap", "ClassMap", "ConversionReport", "Dataset"),
    *("DatasetItem", "ExampleSet", "MaskforgeError", "Polygon", "Predictor", "Size"),
}
"""The functions, and the classes that are made or taken apart by hand."""


def _examples():
    """Yield every docstring with an example, by its public or its full name."""
    for path in sorted((ROOT / "maskforge").rglob("*.py")):
        if ">>>" not in path.read_text("utf-8"):
            continue
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        module = importlib.import_module(name.removesuffix(".__init__"))
        finder = doctest.DocTestFinder(exclude_empty=True)
        for test in finder.find(module, extraglobs=_GIVEN):
            if test.examples:
                yield test


_EXAMPLES = list(_examples())


def test_whatever_is_copied_has_an_example():
    missing = {
        name for name in _COPIED if ">>> " not in (inspect.getdoc(getattr(maskforge, name)) or "")
    }
    assert not missing


@pytest.mark.parametrize("example", _EXAMPLES, ids=[one.name for one in _EXAMPLES])
def test_examples_show_what_happens(example, workplace, request):
    """Those that speak of ``masks`` and ``runs`` find them there."""
    code = "".join(one.source for one in example.examples)
    if '"runs' in code:
        shutil.copytree(request.getfixturevalue("trained") / "runs", "runs")
    if "train(" in code:
        request.getfixturevalue("eager")
    if '"masks"' in code:
        shutil.copytree(request.getfixturevalue("converted") / "masks", "masks")
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    output = []
    runner.run(example, out=output.append)
    assert not output, "".join(output)


def test_limits_are_those_of_the_code():
    text = (DOCS / "exit-codes-and-issues.md").read_text("utf-8")
    text = text.partition("\n## Limits\n")[2].partition("\n## ")[0]
    rows = re.findall(r"\| ([^|]+?)(?: \([^|]*\))? \| (?:2\^(\d+)|([\d,]+)) \|", text)
    assert {
        meaning: 2 ** int(power) if power else int(number.replace(",", ""))
        for meaning, power, number in rows
    } == {one.meaning: one.most for one in Limit}
    assert f"{FACTOR}=10 maskforge convert" in text
