"""The image in the body of a request, looked at before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from maskforge.errors import DatasetError, shorten
from maskforge.images.decoder import image_suffix, read_header, read_image
from maskforge.images.stored import Pixels
from maskforge.server.operation import Call, HttpError
from maskforge.server.serve_options import ServeOptions

_NAME = "image"
_LONGEST_NAME = 100
_MOST_PARTS = 100
_LONGEST_HEAD = 16_384
"""Bytes of all headers of a part of a form."""


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

    def pixels(self, window: str) -> Pixels:
        """Return the image (H, W, C), as it is shown.

        Args:
            window: Which values of a DICOM file are black and white.

        Raises:
            HttpError: If it is damaged.
        """
        try:
            return read_image(self.content, upright=True, window=window)
        except DatasetError as error:
            raise HttpError(415, error.message, hint=error.hint) from None


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
    form = _Form()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.begin_part,
                "on_header_field": form.add_name,
                "on_header_value": form.add_value,
                "on_headers_finished": form.end_head,
                "on_part_data": form.add_data,
                "on_end": form.end,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise HttpError(400, f"the form cannot be read: {shorten(str(error))}") from None
    if not form.is_whole:
        raise HttpError(400, "the form cannot be read: it is cut off")
    if form.name is None:
        raise HttpError(400, "there is no file in the form", hint="send one: -F image=@FILE")
    return form.name, b"".join(form.content)


class _Form:
    """What a parser finds in a form.

    Attributes:
        name: Name of the first file; None if there is none.
        content: Content of the first file, in pieces.
        is_whole: Whether the end was found.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self.content: list[bytes] = []
        self.is_whole = False
        self._parts = 0
        self._head: list[bytes] = []
        self._is_open = False

    def begin_part(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise HttpError(413, f"the form has more than {_MOST_PARTS} parts")
        self._head = []
        self._is_open = False

    def add_name(self, data: bytes, start: int, end: int) -> None:
        self._add_head(data[start:end].lower())

    def add_value(self, data: bytes, start: int, end: int) -> None:
        self._add_head(data[start:end])

    def _add_head(self, piece: bytes) -> None:
        self._head.append(piece)
        if sum(map(len, self._head)) > _LONGEST_HEAD:
            raise HttpError(413, "the headers of a part of the form are too long")

    def end_head(self) -> None:
        if self.name is not None:
            return
        headers = dict(zip(self._head[::2], self._head[1::2], strict=False))
        _, parameters = parse_options_header(headers.get(b"content-disposition", b""))
        if b"filename" in parameters:
            self.name = parameters[b"filename"].decode("utf-8", "replace")
            self._is_open = True

    def add_data(self, content: bytes, start: int, end: int) -> None:
        if self._is_open:
            self.content.append(content[start:end])

    def end(self) -> None:
        self.is_whole = True
