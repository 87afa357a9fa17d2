"""What all routes work on."""

from __future__ import annotations

from dataclasses import dataclass

from maskforge.server.models import Models
from maskforge.server.serve_options import ServeOptions
from maskforge.server.shown_set import ShownSet


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """What is served, and how.

    Attributes:
        models: The models.
        images: The data set; None if there is none.
        options: How.
    """

    models: Models
    images: ShownSet | None
    options: ServeOptions
