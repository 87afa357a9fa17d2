"""How models are served."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

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
        label_studio: Address of a Label Studio whose images may be fetched, such as
            ``http://localhost:8080``; empty fetches nothing.
        label_studio_key: Its API key.

    Raises:
        OptionError: If other machines can connect and there is no token, or a value cannot be used.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Range(0, 65_535)] = 8000
    token: str = field(default="", repr=False)
    model: ModelOptions = field(default_factory=ModelOptions)
    body_megabytes: Annotated[int, Range(1, 4096)] = 64
    megapixels: Annotated[int, Range(1, 1000)] = 100
    seconds: Annotated[int, Range(1, 3600)] = 60
    label_studio: str = ""
    label_studio_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        check_choices(self)
        if self.token and not (self.token.isascii() and self.token.isprintable()):
            raise OptionError("a token has plain ASCII characters only")
        if not self.is_loopback and not self.token:
            raise OptionError(
                f"other machines can connect to {shorten(self.host)}, and there is no token",
                hint="give one with --token, or listen at 127.0.0.1",
            )
        if self.label_studio:
            origin_of(self.label_studio)
        if not (self.label_studio_key.isascii() and self.label_studio_key.isprintable()):
            raise OptionError("the API key of Label Studio has plain ASCII characters only")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class WebOrigin(NamedTuple):
    """A server on the web.

    Attributes:
        is_secure: Whether it is https.
        host: Name or address.
        port: Port.
    """

    is_secure: bool
    host: str
    port: int


def origin_of(address: str) -> WebOrigin:
    """Return the server of an address that names nothing else.

    Raises:
        OptionError: If it is no such address.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in ("http", "https") or parts.username is not None:
        raise OptionError(
            f"{shorten(address)} is not the address of a server",
            hint="write it like http://localhost:8080",
        )
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise OptionError(
            f"{shorten(address)} has more than a server in it",
            hint="write it like http://localhost:8080, without a path",
        )
    is_secure = parts.scheme == "https"
    return WebOrigin(is_secure, host, (443 if is_secure else 80) if port is None else port)
