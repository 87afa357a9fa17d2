"""Lets the client of X-AnyLabeling ask a server, and saves what it makes of the answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anylabeling.resources.resources  # noqa: F401 - the pictures of its buttons
from anylabeling import config
from anylabeling.services.auto_labeling.model_manager import ModelManager
from anylabeling.services.auto_labeling.remote_server import RemoteServer
from anylabeling.views.labeling.label_file import LabelFile
from anylabeling.views.labeling.utils import batch
from anylabeling.views.labeling.widgets.auto_labeling.auto_labeling import AutoLabelingWidget
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication, QMainWindow

_SETTINGS = {"type": "remote_server", "display_name": "Remote-Server", "timeout": 60}


def main(address: str, token: str, folder: str, thresholds: str) -> dict[str, Any]:
    """Return what the client says of the models, and of its thresholds.

    Args:
        address: The server.
        token: What the user types into the dialog.
        folder: A folder with images; the client saves beside each what was found.
        thresholds: JSON list of what is typed into the box, one after the other.
    """
    application = QApplication(sys.argv[:1])
    messages: list[str] = []
    typed_in = {"remote_server_settings": {"server_url": address, "api_key": token}}
    own = Path.home() / ".xanylabelingrc"
    own.write_text(json.dumps(typed_in), "utf-8")
    config.current_config_file = str(own)
    client = RemoteServer(dict(_SETTINGS), messages.append)
    widget = _widget(client)
    widget.update_remote_server_mode_ui()
    window = _Window()
    known = client.conf_threshold
    areas: list[list[int]] = []
    for path in sorted(Path(folder).glob("*.png")):
        pixels = QImage(str(path))
        result = client.predict_shapes(pixels, str(path))
        batch.save_auto_labeling_result(window, str(path), result)
        LabelFile(str(path.with_suffix(".json")))
        counts = []
        for typed in json.loads(thresholds):
            widget.edit_conf.setValue(typed)
            counts.append(len(client.predict_shapes(pixels, str(path)).shapes))
        areas.append(counts)
        widget.update_remote_server_widgets(client.current_model_id)
    listed = widget.remote_server_select_combobox
    shown = {
        "models": [listed.itemText(index) for index in range(listed.count())],
        "classes": client.classes,
        "box": widget.edit_conf.value(),
        "known": known,
        "counts": areas,
        "messages": list(messages),
    }
    client.set_model_id("another")
    refused = client.predict_shapes(pixels, str(path))
    shown["refused"] = [len(refused.shapes), messages[len(shown["messages"]) :]]
    del application
    return shown


def _widget(client: RemoteServer) -> AutoLabelingWidget:
    """Return the row of buttons as it is when the client was loaded."""
    parent = QMainWindow()
    parent._config = config.get_config()
    widget = AutoLabelingWidget(parent)
    widget.model_manager.loaded_model_config = {**_SETTINGS, "model": client}
    assert isinstance(widget.model_manager, ModelManager)
    return widget


class _Window:
    """What saving needs to know of the main window."""

    output_dir = None
    _config = {"store_data": False}  # noqa: RUF012

    def __getattr__(self, name: str) -> Any:
        return None
