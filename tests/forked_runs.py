"""Programs in processes of their own that need not import anything: these are forked from one that
has imported it.

```python
with ForkedRuns("maskforge.dataset.conversion") as runs:
    run = runs.start("import maskforge as mf; mf.convert('in', 'out')")
    run.kill()
    assert run.wait() == -signal.SIGKILL
```
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys

SERVER = """
import json, os, sys, traceback
for line in sys.stdin:
    pid = os.fork()
    if not pid:
        code = 1
        try:
            exec(json.loads(line), {})
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class ForkedRuns:
    """Runs programs, one after the other.

    Args:
        loads: Modules that the programs use.
    """

    def __init__(self, *loads: str) -> None:
        imports = "".join(f"import {name}\n" for name in loads)
        self._server = subprocess.Popen(
            [sys.executable, "-c", imports + SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            bufsize=0,
        )

    def __enter__(self) -> ForkedRuns:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def start(self, code: str) -> ForkedRun:
        self._server.stdin.write(json.dumps(code).encode() + b"\n")
        return ForkedRun(int(self._server.stdout.readline()), self._server.stdout)


class ForkedRun:
    """A program that runs."""

    def __init__(self, pid: int, answers) -> None:
        self._pid, self._answers = pid, answers

    def runs(self) -> bool:
        return not select.select([self._answers], [], [], 0)[0]

    def kill(self) -> None:
        if self.runs():
            os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> int:
        """Return the exit code; that of a signal is negative."""
        return int(self._answers.readline())
