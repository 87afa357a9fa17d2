"""Keeping packages that maskforge uses from telling others about it."""

from __future__ import annotations

import sys


def refuse_telemetry() -> None:
    """Keep OpenVINO, which must not be imported yet, from sending that it is used.

    By itself it tells Google Analytics of every import, through a forked copy of the process, which
    can hang where threads run, as they do with JAX. Without the package that sends it does neither.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
