"""The image of a task of Label Studio.

No address in a task is followed. An image comes out of the task itself, from the data set that is
served, by its name, or, if whoever started the server said so, from the one Label Studio that was
named, which is asked for nothing but images.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import msgspec

from maskforge.errors import OptionError, shorten
from maskforge.formats.label_studio.task import written_paths
from maskforge.images.embedded import decoded_base64, is_data_uri
from maskforge.images.stored import Pixels
from maskforge.server.operation import HttpError
from maskforge.server.sent_image import checked_image
from maskforge.server.serve_options import ServeOptions, WebOrigin, origin_of
from maskforge.server.service import Service

_FOLDERS = ("/data/upload/",)
_QUERIES = {"/data/local-files": "d", "/storage-data/uploaded": "filepath"}
_SAFE = "/?=&%+:,;~@!$'()*-._"
_WAIT = 10.0
_PIECE = 2**16
_LONGEST_ANSWER = 2**16


@dataclass(frozen=True, slots=True)
class TaskImage:
    """The image of a task.

    Attributes:
        source: The image as (H, W, C), or where it is.
        name: Its name.
    """

    source: Pixels | Path
    name: str


def task_image(
    data: Mapping[str, msgspec.Raw], key: str, service: Service, window: str
) -> TaskImage:
    """Return the image of a task.

    Args:
        data: The data of the task, of which only the image is decoded.
        key: Where its image stands in that.
        service: What is served.
        window: Which values of a DICOM file are black and white.

    Raises:
        DatasetError: If the data set does not have it.
        HttpError: If it is nowhere else either, or cannot be used.
    """
    try:
        text = msgspec.json.decode(data[key], type=str)
    except (KeyError, msgspec.MsgspecError, ValueError, RecursionError):
        text = ""
    if not text:
        raise HttpError(400, f"the data of the task has no image under {shorten(key)}")
    options = service.options
    if is_data_uri(text):
        try:
            content = decoded_base64(text)
        except ValueError as error:
            raise HttpError(415, f"the image is not base64: {error}") from None
        sent = checked_image(content, "", options)
        return TaskImage(sent.pixels(window), sent.name)
    paths = [unquote(one) for one in written_paths(text)]
    target = _target(text, options)
    if target is not None:
        name = PurePosixPath(paths[-1]).name if paths else ""
        sent = checked_image(_fetched(target, options), name, options)
        return TaskImage(sent.pixels(window), sent.name)
    if service.images is None:
        raise HttpError(
            404,
            f"the image of the task is not here: {shorten(text)}",
            hint="start the server with the data set that has it, --dataset DIR, or let it fetch "
            "images with --label-studio URL",
        )
    example = service.images.find_file([*dict.fromkeys([*paths, *written_paths(text)])])
    return TaskImage(example.image, example.image.name)


def _target(text: str, options: ServeOptions) -> str | None:
    """Return what the Label Studio that may be asked is asked for; None if it is not."""
    if not options.label_studio or not text.isprintable():
        return None
    try:
        parts = urlsplit(text)
        if parts.scheme or parts.netloc:
            server = origin_of(f"{parts.scheme}://{parts.netloc}")
            if server != origin_of(options.label_studio):
                return None
    except (ValueError, OptionError):
        return None
    path = f"/{parts.path.lstrip('/')}"
    query = parse_qs(parts.query)
    wanted = _QUERIES.get(path.rstrip("/"))
    inner = path if wanted is None else "".join(query.get(wanted, ()))
    is_image = path.startswith(_FOLDERS) if wanted is None else len(query.get(wanted, ())) == 1
    if not is_image or not _is_plain(unquote(inner)):
        return None
    return quote(path if wanted is None else f"{path}?{parts.query}", safe=_SAFE)


def _is_plain(path: str) -> bool:
    """Tell whether a path leads nowhere but down."""
    return path.isprintable() and "\\" not in path and ".." not in PurePosixPath(path).parts


def _fetched(target: str, options: ServeOptions) -> bytes:
    """Return an image of Label Studio; a redirect is not followed.

    Raises:
        HttpError: If there is none, it is too large, or it takes too long.
    """
    headers = _authorization(options)
    most = options.body_megabytes * 2**20
    status, content = _ask("GET", target, headers, None, most, options)
    if status == 200:
        return content
    hint = "" if status == 404 else "the environment variable LABEL_STUDIO_API_KEY holds its key"
    raise HttpError(502, f"Label Studio does not give the image: status {status}", hint=hint)


def _authorization(options: ServeOptions) -> dict[str, str]:
    """Return the header for a key: an old one is sent, a new one is exchanged first."""
    key = options.label_studio_key
    if not key:
        return {}
    if key.count(".") != 2:
        return {"Authorization": f"Token {key}"}
    body = msgspec.json.encode({"refresh": key})
    kind = {"Content-Type": "application/json"}
    address = "/api/token/refresh/"
    status, content = _ask("POST", address, kind, body, _LONGEST_ANSWER, options)
    try:
        access = msgspec.json.decode(content, type=dict[str, Any])["access"] if content else None
    except (msgspec.MsgspecError, KeyError, ValueError):
        access = None
    if status != 200 or not isinstance(access, str) or not access.isascii():
        raise HttpError(502, f"Label Studio does not take the API key: status {status}")
    return {"Authorization": f"Bearer {access}"}


def _ask(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | None,
    most: int,
    options: ServeOptions,
) -> tuple[int, bytes]:
    """Return status and content of an answer."""
    server = origin_of(options.label_studio)
    end = time.monotonic() + options.seconds
    connection = _connection(server, min(_WAIT, options.seconds))
    content = bytearray()
    try:
        connection.request(method, target, body, {"Accept-Encoding": "identity", **headers})
        with connection.getresponse() as reply:
            while piece := reply.read1(_PIECE):
                content += piece
                if len(content) > most:
                    raise HttpError(413, "what Label Studio sends is too large")
                if time.monotonic() > end:
                    raise TimeoutError("it takes too long")
            if reply.length:
                raise ConnectionError("the answer is cut off")
            return reply.status, bytes(content)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise HttpError(502, f"Label Studio cannot be asked: {reason}") from None
    finally:
        connection.close()


def _connection(server: WebOrigin, seconds: float) -> http.client.HTTPConnection:
    if server.is_secure:
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(
            server.host, server.port, timeout=seconds, context=context
        )
    return http.client.HTTPConnection(server.host, server.port, timeout=seconds)
