"""The documentation: its code runs, its output is real, its tables and links are complete."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import markdown_pages as markdown
import msgspec
import pytest
from typer.main import get_command
from typer.testing import CliRunner

import maskforge
from maskforge.choices import Encoding
from maskforge.cli.app import app
from maskforge.conversion import ConvertOptions
from maskforge.dataset import ManifestEntry, ManifestIssue
from maskforge.formats import FORMATS, get_format
from maskforge.inspection import Inspection, Problem, SizeCount
from maskforge.issues import Code, Level
from maskforge.report import ClassCount, ConversionReport, ReportIssue

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
"""All pages; each is read, run and checked."""

GROUP = get_command(app)
COMMANDS = GROUP.commands


def every_page(function):
    return pytest.mark.parametrize(
        "page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES]
    )(function)


@pytest.fixture
def workplace(tmp_path, samples, monkeypatch):
    """An empty folder with the samples in it, which is the current one."""
    annotated = [samples / name for name in FORMATS]
    for folder in annotated:
        if not folder.is_dir():
            pytest.skip(f"NO SAMPLES: {folder} is not there, so the documentation is not run")
        shutil.copytree(folder, tmp_path / "samples" / folder.name)
    shutil.copy(samples / "classes.toml", tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(samples)  # for the page about the scripts that make them
    return tmp_path


@every_page
def test_code_runs_and_shows_its_real_output(page, workplace):
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
    inputs = [*parameters.get("source", ()), parameters.get("dataset"), parameters.get("classes")]
    return all(path.exists() for path in inputs if path is not None)


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


def test_every_page_is_in_the_navigation():
    listed = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES[1:])


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_of_the_command_line_has_every_option(name):
    table = markdown.rows(markdown.section(DOCS / "command-line.md", f"maskforge {name}"))
    documented = {
        re.findall(r"--[\w-]+", row[0])[0]: row for row in table if row[0].startswith("`--")
    }
    options = {one.opts[0]: one for one in COMMANDS[name].params if one.opts[0].startswith("--")}
    assert set(documented) == set(options)
    types = get_type_hints(COMMANDS[name].callback)
    for option, parameter in options.items():
        words = " ".join(documented[option])
        for choice in get_args(types[parameter.name]):
            assert not isinstance(choice, str) or f"`{choice}`" in words, f"{option} {choice}"
        if parameter.default not in (None, False):
            assert documented[option][1] == f"`{parameter.default}`", option


def test_the_page_of_the_command_line_has_every_command():
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    assert re.findall(r"^## `maskforge (\w+)`$", text, re.M) == list(COMMANDS)


@pytest.mark.parametrize(
    ("page", "struct"),
    [
        ("command-line.md", ConversionReport),
        ("command-line.md", ReportIssue),
        ("command-line.md", ClassCount),
        ("command-line.md", Inspection),
        ("command-line.md", SizeCount),
        ("command-line.md", Problem),
        ("dataset.md", ManifestEntry),
        ("dataset.md", ManifestIssue),
    ],
)
def test_every_key_of_a_json_document_has_a_row(page, struct):
    table = markdown.rows(markdown.section(DOCS / page, struct.__name__))
    assert [row[0].strip("`") for row in table] == [
        one.name for one in msgspec.structs.fields(struct)
    ]


def test_every_issue_code_has_a_row_as_the_program_has_it():
    table = markdown.rows(markdown.section(DOCS / "exit-codes-and-issues.md", "All codes"))
    assert table == [[f"`{one}`", one.scope, one.level, one.meaning] for one in Code]


def test_every_level_has_a_row():
    table = markdown.rows(markdown.section(DOCS / "exit-codes-and-issues.md", "Levels"))
    assert [row[0].strip("`") for row in table] == list(Level)


def test_every_public_name_is_in_the_reference():
    text = (DOCS / "python-api.md").read_text(encoding="utf-8")
    documented = re.findall(r"^::: maskforge\.(\w+)$", text, re.M)
    names = {*maskforge.__all__, "errors"} - {"__version__"}  # the module, for all kinds of error
    assert sorted(documented) == sorted(names)


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
        assert title.removeprefix("# ").lower() == name
        assert get_format(name).title
