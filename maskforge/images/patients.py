"""What may be written of patients: digests that say which images are of one, and nothing else.

The salt is a secret of the machine: a file in the user's cache that is made once. Without it nobody
can tell whose digest one is by trying all names and numbers; with it, somebody can.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from maskforge.errors import listing
from maskforge.remote.address import cache_folder

SALT = "patient-salt"
_BYTES = 32
_DIGITS = 16

WHAT_TO_DO = "de-identify the files before anybody else gets them: see the page about DICOM"


def patient_digest(patient: str) -> str:
    """Return what is written in the place of a patient's number.

    Args:
        patient: The number; empty if it is not known.

    Returns:
        The same for the same number, as long as the salt is there; empty if the number is, or if
        there is no place for a salt.
    """
    folder = cache_folder() if patient else None
    salt = b"" if folder is None else _salt(folder)
    if not salt:
        return ""
    return hmac.new(salt, patient.encode(errors="replace"), hashlib.sha256).hexdigest()[:_DIGITS]


@functools.lru_cache(maxsize=8)
def _salt(folder: Path) -> bytes:
    """Return the salt of this machine, made if there is none; empty if that is not possible."""
    path = folder / SALT
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{SALT}.{secrets.token_hex(4)}"
        aside.touch(mode=0o600)
        try:
            aside.write_bytes(secrets.token_bytes(_BYTES))
            os.link(aside, path)  # whole or not at all, and only once
        except FileExistsError:
            pass
        finally:
            aside.unlink()
        salt = path.read_bytes()
    except OSError:
        return b""
    return salt if len(salt) == _BYTES else b""


def identifying_note(found: Mapping[str, tuple[str, ...]]) -> str:
    """Return what to say of files that say who somebody is; empty if there are none.

    Args:
        found: The files, for people, with the names of the elements that do.
    """
    if not found:
        return ""
    names = dict.fromkeys(name for names in found.values() for name in names)
    return (
        f"WARNING: DICOM files that say who somebody is ({len(found)}), in {listing(names)}: "
        f"{listing(found)}; {WHAT_TO_DO}"
    )
