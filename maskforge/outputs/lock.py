"""A lock that the system releases when the process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
_MOST_ATTEMPTS = 100
_FAR_AWAY = 2**30  # the byte that Windows locks: the others can be read all the while


def open_locked(path: Path) -> int:
    """Open a file for reading and writing, made if missing, and lock it.

    The file is never a link. On file systems without locks it is opened without one.

    Returns:
        A descriptor; closing it releases the lock.

    Raises:
        BlockingIOError: If another process, or this one, has locked it.
        OSError: If it cannot be opened.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    for _ in range(_MOST_ATTEMPTS):
        descriptor = os.open(path, flags, 0o666)
        try:
            _lock(descriptor)
            if is_open_file(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its owner removed it just now
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def is_open_file(path: Path, descriptor: int) -> bool:
    """Tell whether a path still leads to the file that is open."""
    with contextlib.suppress(OSError):
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    return False


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _FAR_AWAY, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(error.errno, error.strerror) from None
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
