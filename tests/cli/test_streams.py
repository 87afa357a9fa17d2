"""Streams that are closed, full or left, widths that nobody has, and arguments that are empty."""

import os
import subprocess
import sys

import pytest
from builders import labelme, run, square

COMMAND = [sys.executable, "-m", "maskforge"]


def shell(line, **environment):
    """Run a line of shell in which ``$M`` is the command."""
    return subprocess.run(
        ["bash", "-c", line],
        env=os.environ | {"M": " ".join(COMMAND)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("redirected", "code"),
    [(">&-", 0), (">&- 2>&- <&-", 0), ("2>&-", 0), ("2>/dev/full", 0), (">/dev/full", 2)],
)
def test_output_that_is_only_printed(redirected, code):
    """Closed by whoever wanted it so; full is a loss."""
    result = shell(f"$M formats --json {redirected}")
    assert result.returncode == code
    full = "standard output cannot be written: No space left on device\n"
    assert result.stderr == (full if code else "")


def test_a_reader_that_goes_is_no_failure():
    result = shell("$M formats --json | head -c 1; exit ${PIPESTATUS[0]}")
    assert (result.returncode, result.stdout, result.stderr) == (0, "{", "")


def test_work_that_is_done_is_done_when_nobody_can_be_told(tmp_path):
    labelme(tmp_path / "x.json", square("a", 1, 1, 4, 4))
    result = shell(f"$M convert {tmp_path}/x.json --out {tmp_path}/out >/dev/full")
    assert result.returncode == 0
    assert "cannot be written: No space left" in result.stderr
    result = shell(f"$M convert {tmp_path}/x.json --out {tmp_path}/out 2>&- >&-")
    assert result.returncode == 2  # the folder holds results already


@pytest.mark.parametrize("name", ["COLUMNS", "TERMINAL_WIDTH"])
@pytest.mark.parametrize("width", ["99999999", "9" * 5000, "²", "-1"])
def test_help_ends_however_wide_the_terminal_says_it_is(monkeypatch, name, width):
    from maskforge.cli.streams import limit_width

    monkeypatch.setenv(name, width)
    limit_width()
    assert name not in os.environ
    monkeypatch.setenv(name, "120")
    limit_width()
    assert os.environ[name] == "120"
    assert run("--help").exit_code == 0


def test_a_very_wide_terminal_gets_its_help():
    assert shell("$M --help", COLUMNS="99999999").returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("convert", "in", "--out", ""),
        ("convert", "in", "--out="),
        ("convert", "", "--out", "out"),
        ("predict", "model", "in", "--out", ""),
        ("train", "", "--out", "out"),
        ("inspect", "in", "--images", ""),
    ],
)
def test_an_empty_path_is_not_the_working_folder(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    result = run(*arguments)
    assert result.exit_code == 2
    assert "an argument is empty" in result.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["in"]
