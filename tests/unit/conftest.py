"""What all tests of single parts share."""

from __future__ import annotations

from multiprocessing.context import BaseContext

import pytest

WORK = (
    "maskforge.dataset.conversion",
    "maskforge.dataset.overlay_page",
    "maskforge.evaluation.measured_image",
    "maskforge.exports.export",
)
"""Modules of what worker processes do."""


@pytest.fixture(scope="session", autouse=True)
def _loaded_workers():
    """Let the process from which workers are forked load at once what workers of any kind use.

    In the tests it is one for all, and would have loaded only what the first of them use.
    """
    load = BaseContext.set_forkserver_preload
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            BaseContext,
            "set_forkserver_preload",
            lambda self, names: load(self, sorted({*names, *WORK})),
        )
        yield
