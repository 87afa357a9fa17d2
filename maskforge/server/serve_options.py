"""How models are served."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Annotated

from maskforge.choices import Range, check_choices
from maskforge.errors import OptionError, shorten
from maskforge.prediction.model_options import ModelOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How models are served.

    Attributes:
        host: Address to listen at. Only this machine reaches the default.
        port: Port to listen at; 0 takes a free one.
        token: What every client has to send; needed if other machines can connect.
        model: How the models are run.
        body_megabytes: Largest body of a request, in MiB.
        megapixels: Largest image, in millions of pixels; larger ones are refused before they are
            decoded.
        seconds: How long a client may take to send a request, and to read its answer.

    Raises:
        OptionError: If other machines can connect and there is no token, or a value cannot be used.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Range(0, 65_535)] = 8000
    token: str = ""
    model: ModelOptions = field(default_factory=ModelOptions)
    body_megabytes: Annotated[int, Range(1, 4096)] = 64
    megapixels: Annotated[int, Range(1, 1000)] = 100
    seconds: Annotated[int, Range(1, 3600)] = 60

    def __post_init__(self) -> None:
        check_choices(self)
        if self.token and not (self.token.isascii() and self.token.isprintable()):
            raise OptionError("a token has plain ASCII characters only")
        if not self.is_loopback and not self.token:
            raise OptionError(
                f"other machines can connect to {shorten(self.host)}, and there is no token",
                hint="give one with --token, or listen at 127.0.0.1",
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
