"""Charts do not depend on settings of Matplotlib that lie about somewhere."""

from __future__ import annotations

import pytest

from maskforge.training.curves import draw_curves
from maskforge.training.run_folder import Epoch, Scores

matplotlib = pytest.importorskip("matplotlib")

EPOCHS = [Epoch(epoch=1, loss=0.5, learning_rate=0.1, seconds=1.0, train=Scores(dice=0.5))]


def test_settings_of_others_change_no_chart(tmp_path):
    draw_curves(tmp_path / "plain.png", EPOCHS)
    others = {"text.usetex": True, "figure.facecolor": "red", "font.size": 30}
    with matplotlib.rc_context(others):
        draw_curves(tmp_path / "others.png", EPOCHS)
        assert {name: matplotlib.rcParams[name] for name in others} == others
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "others.png").read_bytes()
