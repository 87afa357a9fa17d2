"""Which path of the user's cache belongs to which URL, and which URLs there are."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from maskforge.display.aliases import add_alias
from maskforge.errors import OptionError, StorageError, listing, shorten

WEB = frozenset(("http", "https"))
"""Stores that are only read, file by file: nobody lists their folders."""

SCHEMES = ("s3", "gs", "az", "abfs", "memory", "http", "https")

_URL = re.compile(r"(?s)([A-Za-z][A-Za-z0-9+.-]+):(/+)(.*)")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")
_LOCAL_SCHEMES = ("file", "local")
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$')
_QUERY = ".query-"
_MIRROR, _STAGED = "mirror", "staged"

# Of this process: they are needed for every request, and never written anywhere.
_users: dict[tuple[str, str], str] = {}
_queries: dict[str, str] = {}


def cache_folder() -> Path | None:
    """Return the user's cache; None if there is no place for it.

    It is never looked for in the working folder, which may be somebody else's: relative paths in
    the environment do not count.
    """
    if chosen := os.environ.get("MASKFORGE_CACHE"):
        return Path(chosen).absolute()
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    base = Path(os.environ.get(variable, ""))
    if not base.is_absolute():
        try:
            base = Path.home() if sys.platform == "win32" else Path.home() / ".cache"
        except RuntimeError:  # a user without a home folder
            return None
    return base / "maskforge" if base.is_absolute() else None


@dataclass(frozen=True, slots=True)
class Address:
    """A place in a store.

    Attributes:
        scheme: Such as ``s3``.
        host: The bucket, container or machine.
        key: The name there; a file's, or what the names of the files of a folder begin with. Empty
            for the whole bucket.
        query: What stands behind the question mark of an address of the web.
    """

    scheme: str
    host: str
    key: str
    query: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}/{self.key}".rstrip("/")

    @property
    def full(self) -> str:
        """The URL with all that is needed to open it, which is nobody else's business."""
        user = _users.get((self.scheme, self.host), "")
        return str(replace(self, host=f"{user}{self.host}")) + self.query

    @property
    def path(self) -> Path:
        """Its path in the user's cache, as it is in the store.

        Raises:
            StorageError: If there is no place for a cache.
        """
        return self._path_in(_MIRROR)

    @property
    def staged(self) -> Path:
        """The path in the user's cache of what becomes it.

        Raises:
            StorageError: If there is no place for a cache.
        """
        return self._path_in(_STAGED)

    def _path_in(self, kind: str) -> Path:
        place = tree() / kind / self.scheme / self.host.replace(":", _COLON)
        if self.query:
            place /= _QUERY + _digest(self.query)
            shown = f"{self.scheme}://{self.host}/"
            add_alias(f"{shown}{place.name}/", shown)  # after the alias of the scheme
        return place / self.key

    def below(self, key: str) -> Address:
        """Return the address of another key in the same bucket."""
        return replace(self, key=key)


_COLON = "+" if os.name == "nt" else ":"


def tree() -> Path:
    """Return the folder of the cache that holds what lies in stores.

    Raises:
        StorageError: If there is no place for it.
    """
    folder = cache_folder()
    if folder is None:
        raise StorageError(
            "there is no folder for files of object storage, because you have no home folder",
            hint="name one in the environment variable MASKFORGE_CACHE",
        )
    root = folder / "remote"
    for kind in (_MIRROR, _STAGED):
        for scheme in SCHEMES:
            add_alias(f"{root / kind / scheme}{os.sep}", f"{scheme}://")
    return root


def parse(text: str) -> Address | None:
    """Return the address that a text means; None for paths of this machine.

    ``pathlib`` makes one slash of the two of a URL, so one is enough, unless there is a folder of
    such a name.

    Raises:
        OptionError: If it is the URL of something that cannot be used.
    """
    found = _URL.fullmatch(text)
    if found is None:
        return None
    scheme, slashes, rest = found[1].lower(), found[2], found[3]
    if slashes == "/" and (scheme not in SCHEMES or os.path.lexists(f"{found[1]}:")):
        return None
    if scheme in _LOCAL_SCHEMES:
        raise OptionError(
            f"{shorten(text)} is on this machine", hint="write the path alone, without file://"
        )
    if scheme not in SCHEMES:
        raise OptionError(
            f"{shorten(without_secrets(text))} is not a kind of storage that can be used",
            hint=f"use one of {listing(f'{one}://' for one in SCHEMES)}",
        )
    query = ""
    if scheme in WEB:
        rest, mark, asked = rest.partition("?")
        query = mark + asked
    host, _, key = rest.partition("/")
    user, at, host = host.rpartition("@")
    address = Address(scheme, host, key.rstrip("/"), query)
    if not _HOST.fullmatch(host) or (scheme in WEB and not address.key):
        what = "file" if scheme in WEB else "bucket"
        raise OptionError(f"{shorten(str(address))} names no {what}")
    if address.key and not is_name(address.key):
        raise OptionError(
            f"{shorten(str(address))} has a part that cannot be the name of a file",
            hint="leave out doubled slashes, . and ..",
        )
    if (shown := text.rstrip("/")) != str(address):
        add_alias(shown, str(address))
    if at:
        _users[scheme, host] = user + at
    if query:
        _queries[_digest(query)] = query
    return address


def address_of(path: Path) -> Address | None:
    """Return what a path of the user's cache stands for; None for all other paths."""
    text = os.fspath(path)
    if not any(f"{os.sep}{kind}{os.sep}" in text for kind in (_MIRROR, _STAGED)):
        return None  # of most paths; the rest takes longer than to draw a small image
    folder = cache_folder()
    if folder is None or not path.is_absolute():
        return None
    for root in {folder / "remote", Path(os.path.realpath(folder / "remote"))}:
        if path.is_relative_to(root) and len(path.relative_to(root).parts) > 2:
            kind, scheme, host, *parts = path.relative_to(root).parts
            if kind not in (_MIRROR, _STAGED):
                return None
            query = ""
            if parts and parts[0].startswith(_QUERY):
                query = _queries.get(parts.pop(0).removeprefix(_QUERY), "")
            return Address(scheme, host.replace(_COLON, ":"), "/".join(parts), query)
    return None


def localized(text: str) -> str:
    """Return a path that a file tells, which may be a URL, as one of this machine."""
    address = parse(text) if "://" in text else None
    return text if address is None else str(address.path)


def way(path: Path, folder: Path) -> str | None:
    """Return the way from a folder of a store to another place in its bucket; None for others."""
    file, home = address_of(path), address_of(folder)
    if file is None or home is None or (file.scheme, file.host) != (home.scheme, home.host):
        return None
    return posixpath.relpath(file.key or ".", home.key or ".")


def check_local(path: Path, what: str) -> None:
    """Make sure that a path is not in a store.

    Raises:
        OptionError: If it is.
    """
    if (address := address_of(path)) is not None:
        raise OptionError(
            f"{what} cannot be written to {address}",
            hint="choose a folder of this machine, and copy it into the store",
        )


def identity(path: Path) -> str:
    """Return a text that is the same for all paths of one file or folder, here or in a store."""
    address = address_of(path)
    return os.path.realpath(path) if address is None else str(address)


def is_name(key: str) -> bool:
    """Tell whether a key can be a path below a folder of this machine, and leads nowhere else."""
    return all(map(_is_part, key.split("/")))


def _is_part(part: str) -> bool:
    if part in ("", ".", "..") or "\0" in part or len(part.encode(errors="replace")) > 255:
        return False
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return os.name != "nt" or _NOT_ON_WINDOWS.search(part) is None


_USER = re.compile(r"(?<=:/)(/?)[^/\s@'\"]+@")
_ASKED = re.compile(r"(?<=:/)([^\s?'\"]+)\?[^\s'\"]*")


def without_secrets(text: str) -> str:
    """Return text in which no URL tells a password or a signature."""
    for secret in (*_users.values(), *_queries.values()):
        text = text.replace(secret, "")
    return _ASKED.sub(r"\1", _USER.sub(r"\1", text))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
