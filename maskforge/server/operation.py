"""What every route is made of: a request that was read whole, and its answer."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import msgspec

from maskforge.errors import (
    DatasetError,
    LimitError,
    MaskforgeError,
    ModelError,
    OptionError,
    did_you_mean,
    shorten,
)

if TYPE_CHECKING:
    from maskforge.server.service import Service

Method: TypeAlias = Literal["GET", "POST"]
T = TypeVar("T")

_log = logging.getLogger("maskforge.server")

JSON = "application/json"
BINARY = "application/octet-stream"
PNG = "image/png"


class NothingAsked(msgspec.Struct, frozen=True):
    """The query of a route that takes none."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request.

    Attributes:
        path: The variable parts of the path, by name.
        query: What stood behind the question mark, as the operation reads it.
        body: Content that was sent.
        content_type: What the client says that it is.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    query: Any = None
    body: bytes = b""
    content_type: str = ""

    def read(self, type_: type[T]) -> T:
        """Return the body, which is JSON.

        Raises:
            HttpError: If it is not, or not of this type.
        """
        try:
            return msgspec.json.decode(self.body, type=type_)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise HttpError(400, f"the request cannot be used: {error}") from None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        content: What is sent.
        media_type: What it is.
        status: Status of HTTP.
        headers: Further headers.
    """

    content: bytes
    media_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpError(MaskforgeError):
    """A request that cannot be answered.

    Attributes:
        status: Status of HTTP.
        headers: Headers that go with it.
    """

    def __init__(
        self, status: int, message: str, *, hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.headers = headers or {}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, as on the command line.

    Attributes:
        message: What is wrong.
        hint: What to do about it, or empty.
    """

    message: str
    hint: str = ""


class ErrorReply(msgspec.Struct, frozen=True):
    """The answer to a request that cannot be answered otherwise.

    Attributes:
        error: Why not.
    """

    error: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A route.

    Attributes:
        method: Of HTTP.
        path: With variable parts in braces.
        summary: What it is for, one sentence.
        handle: Answers a request; runs in a thread of its own.
        query: Struct of what may stand behind the question mark.
        answer: Type of the JSON that it answers with; None for other content.
        media_types: What it may answer with.
        takes_body: Whether a body is sent.
        body: Struct of the JSON in the body; None if it is an image.
        fail: Turns an error into an answer, where a tool wants it in its own words.
        key: Returns what the answer depends on, so that a browser need not be sent it again; None
            if that cannot be told.
    """

    method: Method
    path: str
    summary: str
    handle: Callable[[Service, Call], Reply]
    query: type[msgspec.Struct] = NothingAsked
    answer: Any = None
    media_types: tuple[str, ...] = (JSON,)
    takes_body: bool = False
    body: type[msgspec.Struct] | None = None
    fail: Callable[[int, MaskforgeError], Reply] | None = None
    key: Callable[[Service, Call], tuple[object, ...]] | None = None

    def read_query(self, given: Sequence[tuple[str, str]]) -> msgspec.Struct:
        """Return the query.

        Args:
            given: Names and values.

        Raises:
            HttpError: If a name is not known or there twice, or a value cannot be used.
        """
        known = self.query.__struct_fields__
        values = dict(given)
        if len(values) < len(given):
            raise HttpError(400, "a parameter is there twice")
        for name in values:
            if name not in known:
                raise HttpError(
                    400,
                    f"there is no parameter {shorten(name)}{did_you_mean(name, known)}",
                    hint=f"there are: {', '.join(known)}" if known else "it takes none",
                )
        try:
            return msgspec.convert(values, self.query, strict=False)
        except msgspec.ValidationError as error:
            raise HttpError(400, f"a parameter cannot be used: {error}") from None


def as_json(value: object, status: int = 200) -> Reply:
    """Return an answer of JSON."""
    return Reply(msgspec.json.encode(value), JSON, status)


def as_failure(status: int, error: MaskforgeError) -> Reply:
    """Return the answer that says what is wrong; places of this machine are not told."""
    problem = Problem(message=error.message, hint=error.hint)
    headers = error.headers if isinstance(error, HttpError) else {}
    return Reply(msgspec.json.encode(ErrorReply(problem)), JSON, status, headers)


def entity_tag(parts: tuple[object, ...]) -> str:
    """Return the ETag of an answer that depends on these parts alone."""
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def answer(service: Service, operation: Operation, call: Call, known: str) -> Reply:
    """Answer a request; whatever goes wrong becomes an answer, too.

    Args:
        service: What is served.
        operation: What is asked for.
        call: The request.
        known: Tags of the answers that the client has.
    """
    fail = operation.fail or as_failure
    try:
        if operation.key is None:
            return operation.handle(service, call)
        tag = entity_tag((operation.path, *operation.key(service, call)))
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if tag in known:
            return Reply(b"", "", 304, headers)
        reply = operation.handle(service, call)
        return replace(reply, headers={**reply.headers, **headers})
    except MaskforgeError as error:
        return fail(status_of(error), error)
    except MemoryError:
        return fail(503, HttpError(503, "there is not enough memory", hint="send smaller images"))
    except Exception:
        _log.exception("%s %s failed", operation.method, operation.path)
        return fail(500, HttpError(500, "this is a fault of the server; its log has more"))


def status_of(error: MaskforgeError) -> int:
    """Return the status of HTTP that says whose fault an error is."""
    if isinstance(error, HttpError):
        return error.status
    if isinstance(error, OptionError):
        return 400
    if isinstance(error, LimitError):
        return 413
    return 404 if isinstance(error, (DatasetError, ModelError)) and error.origin is None else 500
