"""Trains with the options in a file, and kills itself in the middle of an epoch.

The learning rate falls as soon as the score does not rise. Whatever is written to the disk in the
epoch before does not get there: a checkpoint takes longer than an epoch.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from maskforge.nn import backend
from maskforge.training.configfile import build_options, read_config
from maskforge.training.train import train

CONFIG, OUT, SLOW, PHASE = sys.argv[1:]
reached = threading.Event()
sync = os.fsync


def slow_sync(descriptor: int) -> None:
    if reached.is_set() and threading.current_thread() is not threading.main_thread():
        threading.Event().wait()
    sync(descriptor)


def progress(phase: str, done: int, total: int | None) -> None:
    if phase == SLOW:
        reached.set()
    if phase == PHASE and total and done * 2 >= total:
        os.kill(os.getpid(), signal.SIGKILL)


os.fsync = slow_sync
sys.modules["sklearn"] = None  # which Keras would load whole, for wrappers of its own
backend.start()
from maskforge.training.loop import epochs  # noqa: E402

epochs._PLATEAU = 1
epochs.draw_curves = lambda *_: None
train(None, OUT, build_options(read_config(Path(CONFIG))), progress=progress)
