"""What the command writes to which stream, whatever the terminal is."""

import json
import os
import pty
import subprocess
import sys
import threading

import pytest
from builders import labelme, run, square

COMMAND = [sys.executable, "-m", "maskforge"]


def good(folder, name="good"):
    return labelme(folder / f"{name}.json", square("a", 1, 1, 4, 4))


def test_progress_is_on_stderr_alone_also_on_a_terminal(tmp_path):
    for number in range(3):
        good(tmp_path / "in", f"x{number}")
    command = [*COMMAND, "convert", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--json"]
    leader, follower = pty.openpty()
    shown = bytearray()

    def drain():
        while True:
            try:
                data = os.read(leader, 4096)
            except OSError:
                return
            if not data:
                return
            shown.extend(data)

    reader = threading.Thread(target=drain)
    reader.start()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=follower, env=environment, check=True
    )
    os.close(follower)
    reader.join()
    os.close(leader)
    assert json.loads(result.stdout)["images"]["drawn"] == 3
    assert b"drawing" in shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_letters_that_the_terminal_cannot_show_do_not_end_the_run(tmp_path, encoding):
    labelme(tmp_path / "x.json", square("Zähne 歯", 1, 1, 4, 4))
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    for options in ([], ["--json"]):
        out = tmp_path / f"out{len(options)}"
        result = subprocess.run(
            [*COMMAND, "convert", str(tmp_path / "x.json"), "--out", str(out), *options],
            capture_output=True,
            env=environment,
            check=True,
        )
        assert result.stderr == b""
    assert [one["name"] for one in json.loads(result.stdout)["classes"]][1:] == ["Zähne 歯"]


def test_names_cannot_steer_the_terminal(tmp_path):
    labelme(tmp_path / "in" / "x.json", square("\x1b[31mred\nline", 1, 1, 4, 4), image="\x07.png")
    (tmp_path / "in" / "\x1b[2Jy.json").write_text("[")
    output = run("convert", tmp_path / "in", "--out", tmp_path / "out").output
    assert "red" in output
    assert "\x1b[31m" not in output
    assert "\x1b[2J" not in output
    assert "\x07" not in output
