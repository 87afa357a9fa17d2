"""Listing, fetching and putting files of a store; nothing else talks to one."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from maskforge.errors import MaskforgeError, OptionError, StorageError, is_installed, missing
from maskforge.issues import Origin
from maskforge.remote.address import WEB, Address, without_secrets

Result = TypeVar("Result")

DELAYS = (0.2, 0.6, 2.0, 6.0)
"""Seconds before each further attempt, roughly."""

_PACKAGES = {
    "s3": ("s3fs", "maskforge[remote]"),
    "gs": ("gcsfs", "gcsfs"),
    "az": ("adlfs", "adlfs"),
    "abfs": ("adlfs", "adlfs"),
    "http": ("aiohttp", "maskforge[remote]"),
    "https": ("aiohttp", "maskforge[remote]"),
}
_CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile in AWS_PROFILE",
    "gs": "log in with `gcloud auth application-default login`",
}
_TAGS = ("ETag", "etag", "md5Hash", "Content-MD5")
_TIMES = ("LastModified", "last_modified", "Last-Modified", "updated", "mtime", "created")
_SECONDS_OF_SILENCE = 60

# What the system says of a request that was wrong, rather than of a connection that broke.
_LASTING = {
    errno.EINVAL,
    errno.EPERM,
    errno.ENOSYS,
    errno.ENAMETOOLONG,
    errno.EMSGSIZE,
    errno.ENOTEMPTY,
}
_LASTING_KINDS = ("ParamValidationError", "InvalidURL", "ProfileNotFound", "UnsupportedOperation")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a store.

    Attributes:
        size: Its bytes; None if the store does not tell.
        version: What is another text for another content; empty if the store tells nothing.
        tag: The store's digest of the content, if any; MD5 in many stores.
    """

    size: int | None
    version: str
    tag: str = ""


class Store:
    """The bucket of an address, every request to which is tried again if a connection breaks."""

    def __init__(self, address: Address) -> None:
        """Connect to nothing yet.

        Raises:
            MissingDependencyError: If the library for such stores is not installed.
            StorageError: If it refuses the settings of this machine.
        """
        self.address = address
        self._files: Any = self._tried(lambda: _file_system(address), address)

    def list(self, *, deep: bool = True) -> dict[str, StoredFile]:
        """Return every file at and below the address by its key.

        Args:
            deep: Whether also those of sub-folders.

        Raises:
            StorageError: If the store refuses, cannot be reached, or has no such bucket.
        """
        address = self.address
        try:
            if address.scheme in WEB:
                info = self._tried(lambda: self._files.info(address.full), address)
                return {address.key: _stored(info)}
            where = f"{address.host}/{address.key}".rstrip("/")
            depth = None if deep else 1
            found = self._tried(
                lambda: self._files.find(where, maxdepth=depth, detail=True), address
            )
        except FileNotFoundError:
            if address.scheme in (*WEB, "memory"):
                return {}
            raise _failed(
                address,
                f"there is no bucket {address.host}",
                "look at its name, and at the endpoint (AWS_ENDPOINT_URL)"
                if address.scheme == "s3"
                else "look at its name",
            ) from None
        start = f"{address.host}/"
        return {
            name.lstrip("/").removeprefix(start): _stored(info)
            for name, info in found.items()
            if info.get("type") != "directory" and not name.endswith("/")
        }

    def fetch(self, key: str, known: StoredFile, path: Path) -> None:
        """Write a file of the store to a path of this machine.

        Raises:
            StorageError: If the store refuses, cannot be reached, or gives another number of bytes
                than it has told.
            OSError: If the path cannot be written.
        """
        address = self.address.below(key)

        def attempt() -> None:
            self._files.get_file(self._name(address), str(path))
            size = path.stat().st_size
            if known.size is not None and size != known.size:
                raise ConnectionError(f"{size:,} of {known.size:,} bytes came")

        try:
            self._tried(attempt, address)
        except FileNotFoundError:
            raise _failed(address, "was removed while it was fetched", "try again") from None

    def put(self, key: str, path: Path, *, is_new: bool = False) -> None:
        """Write a file of this machine into the store.

        Args:
            key: Its key.
            path: The file.
            is_new: Whether to write it only if there is none, as far as the store can tell.

        Raises:
            StorageError: If the store refuses or cannot be reached.
            FileExistsError: If there is one, and it shall be new.
        """
        address = self.address.below(key)

        def attempt() -> None:
            if is_new:
                try:
                    self._files.pipe_file(self._name(address), path.read_bytes(), mode="create")
                except (NotImplementedError, TypeError):
                    pass  # whoever comes second wins
                except OSError as error:
                    if error.errno != errno.ENOSYS:
                        raise
                else:
                    return
            self._files.put_file(str(path), self._name(address))

        try:
            self._tried(attempt, address)
        except FileNotFoundError:
            raise _failed(address, f"there is no bucket {address.host}", "make it first") from None

    def remove(self, key: str) -> None:
        """Remove a file, if it is there.

        Raises:
            StorageError: If the store refuses or cannot be reached.
        """
        address = self.address.below(key)
        with contextlib.suppress(FileNotFoundError):
            self._tried(lambda: self._files.rm_file(self._name(address)), address)

    def _name(self, address: Address) -> str:
        return address.full if address.scheme in WEB else f"{address.host}/{address.key}"

    def _tried(self, request: Callable[[], Result], address: Address) -> Result:
        """Do something, again after a while if it fails for a reason that may pass.

        Raises:
            FileNotFoundError: If the store says so.
            FileExistsError: If the store says so.
            StorageError: If it fails for another reason, or in the end.
        """
        for delay in (*DELAYS, None):
            try:
                return request()
            except (MaskforgeError, FileNotFoundError, FileExistsError):
                raise
            # Each store has a library with errors of its own, and all that they have in common is:
            except Exception as error:
                if isinstance(error, OSError) and error.filename is not None:
                    raise  # a file of this machine
                refusal = _refusal(error, address)
                if refusal is not None:
                    raise refusal from None
                if delay is None:
                    raise _failed(
                        address,
                        f"the connection failed {len(DELAYS) + 1} times: {_reason(error)}",
                        "look at the network and at the address of the store, and run the command "
                        "again: what has come is not fetched again",
                    ) from None
                time.sleep(delay * random.uniform(0.75, 1.25))
        raise AssertionError


# To make a client takes longer than to ask it; whoever changes the settings gets another one.
_file_systems: dict[object, object] = {}
_SETTINGS = ("AWS_", "FSSPEC_", "GOOGLE_", "GCSFS_", "AZURE_", "HTTP_", "HTTPS_", "NO_PROXY")


def _file_system(address: Address) -> object:
    settings = frozenset(one for one in os.environ.items() if one[0].upper().startswith(_SETTINGS))
    key = (address.scheme, settings, os.getpid())  # a client cannot be used after a fork
    if key not in _file_systems:
        _file_systems[key] = _new_file_system(address)
    return _file_systems[key]


def _new_file_system(address: Address) -> object:
    package, install = _PACKAGES.get(address.scheme, ("fsspec", "maskforge[remote]"))
    for needed in ("fsspec", package):
        if not is_installed(needed):
            raise missing(needed, install, f"{address.scheme}:// URLs")
    import fsspec

    settings: dict[str, Any] = {}
    if address.scheme == "s3":
        # One attempt each: these are counted here, where the message is made.
        attempts = {"max_attempts": 0}
        settings["config_kwargs"] = {"retries": attempts, "read_timeout": _SECONDS_OF_SILENCE}
    elif address.scheme in WEB:
        import aiohttp

        # A large file may take its time, as long as something comes.
        timeout = aiohttp.ClientTimeout(total=None, sock_read=_SECONDS_OF_SILENCE)
        settings["client_kwargs"] = {"timeout": timeout}
    files = fsspec.filesystem(
        address.scheme, skip_instance_cache=True, use_listings_cache=False, **settings
    )
    if address.scheme == "s3":
        files.retries = 1
    return files


def _stored(info: dict[str, Any]) -> StoredFile:
    size = info.get("size")
    tag = next((str(info[one]) for one in _TAGS if info.get(one)), "")
    time_ = next((str(info[one]) for one in _TIMES if info.get(one)), "")
    version = f"{size} {tag or time_}" if tag or time_ else ""
    return StoredFile(None if size is None else int(size), version, tag.strip('"'))


def _refusal(error: Exception, address: Address) -> StorageError | None:
    """Return the error for a request that the store would refuse again; None for all others."""
    kind, status = type(error).__name__, getattr(error, "status", None)
    if "Credentials" in kind or "credentials" in str(error):
        hint = _CREDENTIALS.get(address.scheme, "log in to the store first")
        return _failed(address, f"there are no credentials for it: {_reason(error)}", hint)
    if isinstance(error, PermissionError) or status in (401, 403):
        hint = _CREDENTIALS.get(address.scheme, "look at your permissions")
        return _failed(
            address,
            f"the store denies access: {_reason(error)}",
            f"look at your permissions there; or {hint}",
        )
    lasting = isinstance(error, OSError) and error.errno in _LASTING
    lasting |= kind in _LASTING_KINDS or isinstance(error, (TypeError, NotImplementedError))
    lasting |= isinstance(status, int) and 400 <= status < 500 and status not in (408, 429)
    if lasting:
        return _failed(address, f"the store refuses: {_reason(error)}", "")
    return None


def _failed(address: Address, message: str, hint: str) -> StorageError:
    return StorageError(message, origin=Origin(address.path, ""), hint=hint)


def _reason(error: Exception) -> str:
    """Return what a library says, in one line and without secrets."""
    text = without_secrets(" ".join(str(error).split()))
    return text[:200] or type(error).__name__


def check_writable(address: Address) -> None:
    """Make sure that a store can be written to.

    Raises:
        OptionError: If it can only be read.
    """
    if address.scheme in WEB:
        raise OptionError(
            f"{address} cannot be written to",
            hint="choose a folder, or a bucket such as s3://bucket/folder",
        )
