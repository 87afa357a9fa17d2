"""The image in the body of a request, looked at before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from maskforge.errors import shorten
from maskforge.images.decoder import image_suffix, read_header
from maskforge.server.operation import Call, HttpError
from maskforge.server.serve_options import ServeOptions

_NAME = "image"
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class SentImage:
    """An image that a client sent.

    Attributes:
        content: The encoded image.
        name: A plain file name with the suffix of the content; nothing is read or written by it.
        orientation: Its EXIF orientation.
    """

    content: bytes
    name: str
    orientation: int = 1


def sent_image(call: Call, options: ServeOptions) -> SentImage:
    """Return the image of a request: its whole body, or the file in a form.

    Raises:
        HttpError: If there is none, it is no image, or it is too large.
    """
    kind, parameters = parse_options_header(call.content_type)
    if kind == b"multipart/form-data":
        name, content = _file_of_form(call.body, parameters.get(b"boundary", b""))
    elif kind == b"application/x-www-form-urlencoded":
        raise HttpError(
            415, "a form of text holds no image", hint="send the bytes of the image as the body"
        )
    else:
        name, content = "", call.body
    if not content:
        raise HttpError(
            400, "there is no image", hint="send its bytes as the body, or as a file in a form"
        )
    return checked_image(content, name, options)


def checked_image(content: bytes, name: str, options: ServeOptions) -> SentImage:
    """Return an image, if it is one and not too large.

    Args:
        content: The encoded image.
        name: What the client calls it.
        options: What is too large.

    Raises:
        HttpError: If it is not, or it is.
    """
    try:
        header = read_header(content)
        size = header.stored
        suffix = image_suffix(content)
    except OSError as error:
        raise HttpError(415, f"this cannot be read as an image: {error}") from None
    if size.width * size.height > options.megapixels * 1_000_000:
        raise HttpError(
            413,
            f"the image has {size} px, more than {options.megapixels} megapixels",
            hint="send a part of it, or start the server with a larger --megapixels",
        )
    return SentImage(content, f"{_plain(name)}{suffix}", header.orientation)


def _plain(name: str) -> str:
    """Return the last part of a name without suffix, of letters, digits and some signs."""
    last = name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
    kept = "".join(one if one.isalnum() or one in "-_ " else "_" for one in last)
    return kept[:_LONGEST_NAME].strip() or _NAME


def _file_of_form(body: bytes, boundary: bytes) -> tuple[str, bytes]:
    """Return name and content of the first file in a form."""
    files: list[tuple[str, bytearray]] = []
    head: list[bytearray] = []
    headers: dict[bytes, bytes] = {}
    is_open = False

    def begin() -> None:
        nonlocal is_open
        headers.clear()
        is_open = False

    def field(data: bytes, start: int, end: int) -> None:
        head.append(bytearray(data[start:end]))

    def header_end() -> None:
        if len(head) == 2:
            headers[bytes(head[0]).lower()] = bytes(head[1])
        head.clear()

    def headers_end() -> None:
        nonlocal is_open
        _, parameters = parse_options_header(headers.get(b"content-disposition", b""))
        if b"filename" in parameters:
            files.append((parameters[b"filename"].decode("utf-8", "replace"), bytearray()))
            is_open = True

    def data(content: bytes, start: int, end: int) -> None:
        if is_open:
            files[-1][1].extend(content[start:end])

    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": begin,
                "on_header_field": field,
                "on_header_value": field,
                "on_header_end": header_end,
                "on_headers_finished": headers_end,
                "on_part_data": data,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise HttpError(400, f"the form cannot be read: {shorten(str(error))}") from None
    if not files:
        raise HttpError(400, "there is no file in the form", hint="send one: -F image=@FILE")
    name, content = files[0]
    return name, bytes(content)
