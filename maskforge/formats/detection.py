"""Telling the format of an annotation file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maskforge.errors import FormatError, listing
from maskforge.files import PathLike, as_source
from maskforge.formats.base import Format, Recognition
from maskforge.formats.jsonio import Document, kind_of, load
from maskforge.formats.registry import FORMATS, get_format
from maskforge.issues import Code


@dataclass(frozen=True, slots=True)
class Detection:
    """What kind of annotation file something is.

    Attributes:
        format: Name of the format.
        variant: Which of the format's files it is.
        reason: The keys that decided.
        auxiliary: The file holds no images itself; the files around it use it.
    """

    format: str
    variant: str
    reason: str
    auxiliary: bool = False


def detect(path: PathLike) -> Detection:
    """Tell which format an annotation file has, by its keys.

    Raises:
        FormatError: If the file cannot be decoded, or fits no format or several. The message
            says for every format what is missing.

    Examples:
        >>> mf.detect("samples/vott/caries.vott").format
        'vott'
    """
    document = load(as_source(path))
    format_, recognition, _ = recognized_documents(document, [get_format(name) for name in FORMATS])
    return Detection(format_.name, recognition.variant, recognition.reason, recognition.auxiliary)


def _recognize(document: Document, formats: Sequence[Format]) -> tuple[Format, Recognition]:
    kind = kind_of(document.path)
    answers = [
        (format_, format_.recognize(document)) for format_ in formats if kind in format_.suffixes
    ]
    matches = [(format_, answer) for format_, answer in answers if answer.variant]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = " and ".join(f"{format_.name} ({answer.reason})" for format_, answer in matches)
        raise FormatError(
            Code.AMBIGUOUS_FORMAT,
            f"fits {names}",
            origin=document.origin,
            hint="choose with --format",
        )
    reasons = "; ".join(f"not {format_.name}: {answer.reason}" for format_, answer in answers)
    reasons = reasons or f"a {kind} file is not of {listing(one.name for one in formats)}"
    raise FormatError(
        Code.UNKNOWN_FORMAT,
        reasons,
        origin=document.origin,
        hint="`maskforge formats` lists the files that are read",
    )


def recognized_documents(
    document: Document, formats: Sequence[Format]
) -> tuple[Format, Recognition, Sequence[Document]]:
    """Tell the format of a file that holds one document, or a list of them.

    Raises:
        FormatError: If it fits no format, or several.
    """
    try:
        return *_recognize(document, formats), [document]
    except FormatError as error:
        items = document.items()
        if error.code is not Code.UNKNOWN_FORMAT or not items:
            raise
        try:
            return *_recognize(items[0], formats), items
        except FormatError:
            raise error from None
