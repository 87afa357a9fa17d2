"""Uploads priorities as the client of SuperAnnotate does, to a service that only listens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import superannotate  # noqa: F401 - makes what follows importable
from lib.core.types import PriorityScoreEntity
from lib.core.usecases.annotations import UploadPriorityScoresUseCase
from pydantic import TypeAdapter


def main(file: str) -> list[dict[str, Any]]:
    """Return what the service is sent.

    Args:
        file: JSON with the scores for ``SAClient.upload_priority_scores``.
    """
    read = json.loads(Path(file).read_text("utf-8"))
    scores = TypeAdapter(list[PriorityScoreEntity]).validate_python(read)
    service = MagicMock()
    UploadPriorityScoresUseCase(
        MagicMock(), MagicMock(), MagicMock(), scores, "project", service
    ).execute()
    calls = service.projects.upload_priority_scores.call_args_list
    return [one for call in calls for one in call.kwargs["priorities"]]
