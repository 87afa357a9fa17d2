"""Folders and files: what maskforge writes into them, searching them, and writing files whole."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from maskforge.display.aliases import named
from maskforge.errors import MaskforgeError, OptionError, OutputError, OutputExistsError, shorten
from maskforge.issues import Origin
from maskforge.remote.address import Address, address_of, parse

if TYPE_CHECKING:
    import msgspec

Record = TypeVar("Record", bound="msgspec.Struct")

PathLike: TypeAlias = str | os.PathLike[str]

MANIFEST = "manifest.jsonl"
CLASSES = "classes.json"
ZARR = ".zarr"
MASKS = "masks"
INSTANCES = "instances"
EXTRACTED = "extracted-images"
PROBABILITIES = "probabilities"
"""Folder beside masks with ``NAME.npy``: the probabilities that they were made from."""

OVERLAYS = "overlays"

UNFINISHED = f".{MANIFEST}.part"
"""The manifest as far as it is written; the run that writes it has not finished."""

SHARD = ".maskforge-shard.json"
"""In a folder that is one part of a data set: which, and of what run."""

WORKPLACE = ".maskforge-tasks."
"""Start of the name of a folder for what other machines have made."""

LOCK = ".maskforge.lock"
"""In a folder that a run is writing into, or was when it was killed."""

RECORD = "run.json"
"""Record in the folder of a training run."""

MACOS_FOLDER = "__MACOSX"
"""Folder that macOS adds to every archive, with a shadow of every file."""

CONFIG = "config.toml"
"""Beside it: how the run was set up."""

REPORT = "report.json"
"""The report of an evaluation."""

PER_IMAGE = "per-image.csv"

CORRECTIONS = "corrections.csv"
"""What people changed in predictions."""

SUSPECTS = "suspects.json"
"""Labels that a model contradicts."""

RANKING = "rank.json"
"""Images in the order in which their labels teach most."""

CHECK_REPORT = "check.json"
"""What was found wrong in a data set."""

DOCTOR_REPORT = "doctor.json"
"""What will go wrong in a training."""

SUSPECTS_PAGE = "suspects.html"
RANKING_PAGE = "rank.html"

CHECK_PAGE = "check.html"

DOCTOR_PAGE = "doctor.html"

EXPORTED = ".maskforge-export"
"""In a folder of annotation files that were written: what they are, hidden from labeling tools."""

WORST = "worst"

CONTACT_SHEET = "contact-sheet"
AUGMENTED = "augmented"

RESULT_FOLDERS = (MASKS, INSTANCES, EXTRACTED)

_SIGNS = (
    (MANIFEST,),
    (UNFINISHED,),
    (LOCK,),
    (RECORD, CONFIG),
    (REPORT, PER_IMAGE),
    (CHECK_REPORT, CHECK_PAGE),
    (DOCTOR_REPORT, DOCTOR_PAGE),
    (SUSPECTS, SUSPECTS_PAGE),
    (RANKING, RANKING_PAGE),
    (f"{CONTACT_SHEET}-1.png",),
    (f"{AUGMENTED}-1.png",),
)
"""Files by which a folder is known that maskforge wrote into; of some, all must be there."""

HEADS = frozenset(name for sign in (*_SIGNS, (EXPORTED,)) for name in sign) - {
    LOCK,
    UNFINISHED,
}
"""Files that say that the others beside them are whole."""

_RESULTS = frozenset(
    (*RESULT_FOLDERS, PROBABILITIES, OVERLAYS, WORST, MANIFEST, CLASSES, CORRECTIONS)
)
_REPORT_IMAGES = frozenset(
    ("confusion-matrix.png", "roc.png", "free-response.png", "calibration.png")
)


def as_path(path: PathLike) -> Path:
    """Return a path that somebody gave as ``Path``.

    For a URL it is the place in the user's cache where a folder is staged, see ``OutputFolder``, or
    a file, see ``write_given``. Whoever reads what is there asks for it with ``as_source``.

    Raises:
        OptionError: If it is not a path, or one that cannot be written into reports.
        StorageError: If it is a URL, and there is no place for a cache.
    """
    text = _given(path)
    address = parse(text)
    return Path(text) if address is None else address.staged


def _given(path: PathLike) -> str:
    try:
        text = os.fspath(path)
    except TypeError:
        text = None
    if not isinstance(text, str) or "\0" in text or not text:
        raise OptionError(f"{shorten(path)} is not a path", hint="give a str or a pathlib.Path")
    if not is_text(text):
        raise OptionError(
            f"the name of {as_text(text)} is not valid Unicode", hint="rename the file or folder"
        )
    return text


def _needed(names: Collection[str]) -> list[str]:
    """Choose from the names of files of a folder those that ``walk`` would come to."""
    folders: dict[str, set[str]] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        folders.setdefault(folder, set()).add(file)
    results = {one for one, files in folders.items() if one and is_output(files)}

    def is_needed(name: str) -> bool:
        above = [one.as_posix() for one in PurePosixPath(name).parents]
        hidden = any(map(_is_hidden, PurePosixPath(name).parts[:-1]))
        return not hidden and results.isdisjoint(above)

    return list(filter(is_needed, names))


def as_source(path: PathLike) -> Path:
    """Return a path that somebody gave to be read, whether or not it is there.

    What a URL names is fetched, as far as it has changed; its path is one in the user's cache.

    Raises:
        OptionError: If it is not a path, or one that the system refuses to look at.
        MissingDependencyError: If it is a URL, and the library for it is not installed.
        StorageError: If it is a URL, and the store refuses or cannot be reached.
    """
    text = _given(path)
    if (address := parse(text)) is not None:
        return _fetched(address)
    source = Path(text)
    try:
        source.exists()
    except OSError as error:  # no permission, or the name is too long
        reason = error.strerror or error
        raise OptionError(f"{shorten(str(path))} cannot be read: {reason}") from None
    return source


def _fetched(address: Address) -> Path:
    from maskforge.remote.mirror import mirrored

    return mirrored(address, _needed)


def as_paths(sources: PathLike | Iterable[PathLike]) -> list[Path]:
    """Return one path or several ones as a list, each as ``as_source`` does.

    Raises:
        OptionError: If something is not a path, or one that the system refuses to look at.
        MissingDependencyError: As ``as_source``.
        StorageError: As ``as_source``.
    """
    if isinstance(sources, (str, os.PathLike)) or not isinstance(sources, Iterable):
        return [as_source(sources)]
    return [as_source(source) for source in sources]


def walk(
    root: Path,
    failed: Callable[[Path, str], None] | None = None,
    hidden: Callable[[Path], None] | None = None,
) -> Iterator[tuple[Path, list[str]]]:
    """Yield every folder from ``root`` downwards with the sorted names of its files.

    Folders that maskforge wrote into are left out: data sets, whether or not their run has
    finished, runs, reports and previews. If ``root`` itself is one, only what was written into it
    is. So are hidden files and folders, which begin with a dot, and the shadows that macOS puts
    into archives. Links to folders are followed after everything else, and no folder is visited
    twice. Folders with Zarr images are not visited, and count as files.

    Args:
        root: Where to start.
        failed: Called with every folder that cannot be searched, and the reason.
        hidden: Called with every hidden file and folder.
    """

    def report(error: OSError) -> None:
        if failed is not None:
            failed(Path(error.filename), error.strerror or str(error))

    visited: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        for name, folders, files in os.walk(waiting.pop(0), onerror=report):
            folder = Path(name)
            try:
                status = folder.stat()
            except OSError as error:
                report(error)
                folders.clear()
                continue
            identity = (status.st_dev, status.st_ino)
            is_result = is_output(files)
            if identity in visited or (is_result and folder != root):
                folders.clear()
                continue
            visited.add(identity)
            ours = _RESULTS | _REPORT_IMAGES if is_result else frozenset()
            for one in filter(_is_hidden, (*folders, *files)):
                if hidden is not None and not is_result and one != EXPORTED:
                    hidden(folder / one)
            folders[:] = [one for one in folders if not _is_hidden(one)]
            for unreadable in (one for one in folders if not is_text(one)):
                if failed is not None:
                    failed(Path(as_text(folder / unreadable)), UNNAMEABLE)
            folders[:] = sorted(one for one in folders if one not in ours and is_text(one))
            files += [one for one in folders if one.lower().endswith(ZARR)]
            folders[:] = [one for one in folders if not one.lower().endswith(ZARR)]
            waiting += [folder / one for one in folders if os.path.islink(folder / one)]  # noqa: PTH114 - never raises
            yield folder, sorted(one for one in files if one not in ours and not _is_hidden(one))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == MACOS_FOLDER


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading, unless it is something that may never end or answer.

    Raises:
        OSError: If it cannot be opened, or is a pipe, a socket or a device.
    """
    # Opening a pipe waits for somebody who writes into it, without this flag of POSIX.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, f"it is {_special(mode)}, not a file", os.fspath(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _special(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def read_bytes(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        OSError: If it cannot be read; see ``open_regular``.
    """
    with open_regular(path) as stream:
        return stream.read()


def check_regular(path: Path) -> None:
    """Make sure that a file can be opened, before its path is given to another library.

    Raises:
        OSError: If it cannot; see ``open_regular``.
    """
    open_regular(path).close()


def left_out(notes: list[str]) -> Callable[[Path, str], None]:
    """Return what ``walk`` calls, to note the folders and files that cannot be read."""
    return lambda folder, reason: notes.append(f"{folder} cannot be read, left out: {reason}")


def is_output(files: Collection[str]) -> bool:
    """Tell by the names of its files whether maskforge wrote into a folder."""
    return any(all(one in files for one in sign) for sign in _SIGNS)


UNNAMEABLE = "the name is not valid Unicode"


def is_text(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path can be written into JSON: not every name on a disk is valid Unicode."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(path: str | os.PathLike[str]) -> str:
    """Return a path for people, with a replacement for whatever is not valid Unicode."""
    return os.fspath(path).encode(errors="replace").decode()


def is_inside(name: str) -> bool:
    """Tell whether a relative path with forward slashes stays inside the folder it starts from."""
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or set(name) & set("\\:\0"))


def aside_of(path: Path) -> Path:
    """Return a path beside another, under which a file is written before it gets its name."""
    return path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")


def write_given(path: PathLike, content: bytes) -> None:
    """Write a file under a name that somebody gave, as ``write_whole``; that of a URL is put there.

    Raises:
        OutputError: If it cannot be written.
        StorageError: If it is a URL, and the store refuses or cannot be reached.
    """
    target = as_path(path)
    write_whole(target, content)
    # A path of the cache is in a folder that is put when its run has finished.
    if parse(os.fspath(path)) is not None:
        from maskforge.remote.staging import put_file

        put_file(target)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all, also when the program is killed.

    Raises:
        OutputError: If it cannot be written.
    """
    if not path.name:
        raise OutputError("is not a file", origin=Origin(path, ""))
    aside = aside_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            aside.write_bytes(content)
            aside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unwritable(path, error) from None


def check_folder(folder: Path) -> None:
    """Make sure that a folder is not a file.

    Raises:
        OutputError: If it is one, or if its path cannot be used.
    """
    try:
        is_file = folder.exists() and not folder.is_dir()
    except OSError as error:  # no permission, or the name is too long
        raise unwritable(folder, error) from None
    if is_file:
        raise OutputError("is a file, not a folder", origin=Origin(folder, ""))
    if not is_text(folder):
        raise OutputError(UNNAMEABLE, origin=Origin(Path(as_text(folder)), ""))


def check_new_file(path: PathLike, *, overwrite: bool) -> None:
    """Make sure that a file can be written where it replaces none, unless that was asked for.

    Raises:
        OutputExistsError: If there is one, and ``overwrite`` is not set.
        OutputError: If there is a folder, or its path cannot be used.
        StorageError: If it is a URL, and the store refuses or cannot be reached.
    """
    path = as_path(path)
    if (address := address_of(path)) is not None:
        path = _fetched(address)
    check_folder(path.parent)
    try:
        exists, is_folder = os.path.lexists(path), path.is_dir()
    except OSError as error:
        raise unwritable(path, error) from None
    if is_folder:
        raise OutputError("is a folder, not a file", origin=Origin(path, ""))
    if exists and not overwrite:
        raise OutputExistsError(
            "already exists",
            origin=Origin(path, ""),
            hint="choose another file, or replace it with --overwrite",
        )


def unwritable(path: Path, error: OSError) -> OutputError:
    """Return the error for a file or folder that the system does not let be written."""
    return OutputError(f"cannot be written: {error.strerror or error}", origin=Origin(path, ""))


def dump_record(record: object, indent: int = 2) -> bytes:
    """Return a record as indented JSON that ends with a line break."""
    import msgspec

    content = msgspec.json.format(msgspec.json.encode(record), indent=indent)
    return named(content.decode()).encode() + b"\n"


def read_record(
    path: Path, type_: type[Record], error: type[MaskforgeError], *, what: str, hint: str = ""
) -> Record:
    """Read a JSON record that ``dump_record`` wrote.

    Args:
        path: The file.
        type_: A msgspec struct; unknown keys are ignored. If it has a field ``schema``, the file's
            must be the default one.
        error: Class of the error.
        what: What the record is, for the message: ``the record of a run``.
        hint: What to do if the file is not there.

    Raises:
        MaskforgeError: Of class ``error``, if it cannot be read or is not such a record.
    """
    import msgspec

    try:
        record = msgspec.json.decode(read_bytes(path), type=type_)
    except OSError as problem:
        raise error(
            f"cannot be read: {problem.strerror or problem}", origin=Origin(path, ""), hint=hint
        ) from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        raise error(f"is not {what}: {problem}", origin=Origin(path, "")) from None
    if "schema" in type_.__struct_fields__:
        known = next(one.default for one in msgspec.structs.fields(type_) if one.name == "schema")
        check_schema(record.schema, known, error, path)  # type: ignore[attr-defined]
    return record


def check_schema(found: int, known: int, error: type[MaskforgeError], path: Path) -> None:
    """Make sure that a record is of the version that this maskforge reads.

    Raises:
        MaskforgeError: Of class ``error``, if it is not.
    """
    if found != known:
        raise error(
            f"has the schema {found}, this maskforge reads {known}",
            origin=Origin(path, ""),
            hint="update maskforge",
        )
