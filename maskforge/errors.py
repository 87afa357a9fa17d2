"""One family of errors: each names the file, the place in it, what is wrong and what to do."""

from __future__ import annotations

import difflib
import importlib.util
import itertools
import math
import reprlib
from collections.abc import Callable, Iterable

from maskforge.display.visible import replace_hidden, visible
from maskforge.issues import Box, Code, Issue, Level, Origin

_MOST_NAMED = 10

# Comparing names takes the product of their lengths, for each pair of them.
_LONGEST_COMPARED = 100
_MOST_COMPARED = 2000


class _Shortener(reprlib.Repr):
    def repr1(self, x: object, level: int) -> str:
        """Write every kind of dictionary and list as one: the parent goes by the name of a type."""
        if isinstance(x, dict):
            return self.repr_dict(x, level)
        return self.repr_list(x, level) if isinstance(x, list) else super().repr1(x, level)

    def repr_int(self, x: int, level: int) -> str:
        """Write a number of any length: Python refuses more than some thousand digits."""
        if abs(x) >= 10**self.maxlong:
            return f"a number of {round(x.bit_length() * math.log10(2)):,} digits"
        return super().repr_int(x, level)


_shortener = _Shortener()
_shortener.maxlevel, _shortener.maxdict, _shortener.maxlist = 2, 3, 4
_shortener.maxstring, _shortener.maxother = 80, 80


def shorten(value: object) -> str:
    """Return ``value`` as text of bounded length, fit for a message: never a megabyte of base64."""
    return _shortener.repr(value)


def nearest(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """Return the known name that is most like ``name``, whatever its case; None if none is.

    Args:
        name: A name that does not exist.
        known: Those that do. Not more than 2,000 are compared: of many, those that begin alike.
        likeness: The least that counts, from 0 to 1 for equal names.
    """
    by_folded = {one.casefold(): one for one in known if len(one) <= _LONGEST_COMPARED}
    if len(by_folded) > _MOST_COMPARED:
        start = name.casefold()[:1]
        alike = (item for item in by_folded.items() if item[0].startswith(start))
        by_folded = dict(itertools.islice(alike, _MOST_COMPARED))
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=likeness)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'caries'?`` for the end of a message; empty if no name is near."""
    found = nearest(name, known)
    return "" if found is None else f"; did you mean {shorten(found)}?"


def listing(names: Iterable[str]) -> str:
    """Return names in one line, not more than ten of them."""
    all_names = list(names)
    shown = ", ".join(all_names[:_MOST_NAMED])
    more = len(all_names) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


class MaskforgeError(Exception):
    """Base of every error that maskforge raises on purpose.

    Attributes:
        message: What is wrong.
        origin: File and JSON path, where there is one.
        hint: What to do about it, or empty.

    Examples:
        >>> try:
        ...     mf.open_dataset("nowhere")
        ... except mf.MaskforgeError as error:
        ...     print(type(error).__name__, error.hint)
        DatasetError name a folder that `maskforge convert` wrote
    """

    def __init__(self, message: str, *, origin: Origin | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.origin = origin
        self.hint = hint

    def __reduce__(self) -> tuple[Callable[..., MaskforgeError], tuple[object, ...]]:
        return _again, (type(self), self.__dict__)  # whatever a class wants to be made of

    def __str__(self) -> str:
        text = visible(self.message)
        if self.origin:
            text = f"{replace_hidden(str(self.origin))}: {text}"
        return f"{text}\n  hint: {visible(self.hint)}" if self.hint else text


def _again(class_: type[MaskforgeError], attributes: dict[str, object]) -> MaskforgeError:
    """Return an error that comes from another process."""
    error = class_.__new__(class_, attributes["message"])
    error.__dict__.update(attributes)
    return error


class OptionError(MaskforgeError, ValueError):
    """Options that contradict each other or name something that does not exist."""


class LabelError(MaskforgeError, ValueError):
    """A class map that cannot be used, or labels that it does not know."""


class OutputExistsError(MaskforgeError, FileExistsError):
    """The output folder already holds results, and overwriting was not asked for."""


class OutputError(MaskforgeError, OSError):
    """A result cannot be written."""


class StorageError(MaskforgeError, OSError):
    """Object storage that cannot be reached, or refuses what is asked of it."""


class LimitError(MaskforgeError, ValueError):
    """An image that would take more time or memory than its limits allow."""

    def issue(self, origin: Origin) -> Issue:
        """Return this error as a line for a report about the image at a place."""
        return Issue(Code.TOO_COSTLY, self.message, origin, self.hint)


class DatasetError(MaskforgeError, ValueError):
    """A folder of masks that is not, or no longer, what its manifest says."""


class ModelError(MaskforgeError, ValueError):
    """A trained model that cannot be used, or is not what its description says."""


class TrainingError(MaskforgeError, RuntimeError):
    """A training that cannot begin, or cannot go on."""


class MissingDependencyError(MaskforgeError, ImportError):
    """An optional package is needed; the hint holds the command that installs it."""


class AnnotationError(MaskforgeError, ValueError):
    """Something in an annotation file cannot be used.

    Attributes:
        code: The kind of problem, which also says whether it costs a record, an image or a file.
    """

    def __init__(self, code: Code, message: str, *, origin: Origin, hint: str = "") -> None:
        super().__init__(message, origin=origin, hint=hint)
        self.code = code
        self.origin: Origin = origin

    def issue(self, level: Level | None = None, box: Box | None = None) -> Issue:
        """Return this error as a line for a report, with the place of the record if it is known."""
        return Issue(self.code, self.message, self.origin, self.hint, level, box)


class FormatError(AnnotationError):
    """A file is malformed or of no known format."""


class RecordError(AnnotationError):
    """One record of a file is malformed; the others can be read."""


class GeometryError(RecordError):
    """Coordinates or bitmaps of one record cannot be drawn."""


class ImageError(AnnotationError):
    """The image or its size cannot be used."""


def check_type(name: str, value: object, *types: type, hint: str = "") -> None:
    """Make sure that an argument is of a type, before something deep inside stumbles over it.

    Raises:
        OptionError: Naming the argument, what it must be and what was found.
    """
    if not isinstance(value, types):
        wanted = " or ".join(one.__name__ for one in types)
        raise OptionError(f"{name} must be {wanted}, found {shorten(value)}", hint=hint)


def is_installed(package: str) -> bool:
    """Tell whether a package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def not_loaded(package: str, error: BaseException, hint: str = "") -> MissingDependencyError:
    """Return the error for a package that is installed and cannot be imported for another reason.

    Args:
        package: Its name.
        error: What its import raised.
        hint: What else to do about it.
    """
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return MissingDependencyError(
        f"{package} is installed, but cannot be loaded: {reason}",
        hint="there may be too little memory for it (see ulimit -v), or it must be installed anew"
        + hint,
    )


def require(package: str, install: str, purpose: str = "", *, otherwise: str = "") -> None:
    """Make sure that an optional package is installed, before the work begins that needs it.

    Args:
        package: Name to import.
        install: What to give to ``pip install``.
        purpose: What needs it, in the plural, such as ``charts``; empty if that is plain.
        otherwise: What can be done without it.

    Raises:
        MissingDependencyError: If it is not installed; the hint holds the command.
    """
    if not is_installed(package):
        raise missing(package, install, purpose, otherwise=otherwise)


def missing(
    package: str, install: str, purpose: str = "", *, otherwise: str = ""
) -> MissingDependencyError:
    """Return the error for a package that is not installed; see ``require``."""
    needed = f"{purpose} need {package}, which is not installed"
    alternative = f", or {otherwise}" if otherwise else ""
    return MissingDependencyError(
        needed if purpose else f"{package} is not installed",
        hint=f"install it with: pip install '{install}'{alternative}",
    )
