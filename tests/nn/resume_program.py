"""Trains with the options in a file, and kills itself in the middle of an epoch.

The learning rate falls as soon as the score does not rise.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from maskforge.nn import backend
from maskforge.training.configfile import build_options, read_config
from maskforge.training.train import train

CONFIG, OUT, PHASE = sys.argv[1:]


def progress(phase: str, done: int, total: int | None) -> None:
    if phase == PHASE and total and done * 2 >= total:
        os.kill(os.getpid(), signal.SIGKILL)


backend.start()
from maskforge.training.loop import epochs  # noqa: E402

epochs._PLATEAU = 1
train(None, OUT, build_options(read_config(Path(CONFIG))), progress=progress)
