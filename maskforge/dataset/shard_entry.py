"""The line of an image in the manifest of a shard."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from maskforge.dataset.manifest import ManifestEntry


class ShardEntry(ManifestEntry, frozen=True, kw_only=True):
    """A line of a manifest, with what the whole run must know of the image.

    Attributes:
        wanted: Folder and name that its mask would have if no other image had taken it; None if
            its name is settled.
        named: The files of its findings, as the report of the run names them.
        files: SHA-256 of every file that was written for it, by its path.
    """

    wanted: tuple[str, str] | None = None
    named: list[str]
    files: dict[str, str]

    def whole(self) -> ManifestEntry:
        """Return the line as it stands in a manifest that is not one of a shard."""
        return ManifestEntry(**{one: getattr(self, one) for one in ManifestEntry.__struct_fields__})


def entry_of_shard(
    entry: ManifestEntry, named: Sequence[str], wanted: tuple[str, str] | None = None
) -> ShardEntry:
    """Return a line of a manifest as that of a shard; see ``ShardEntry``."""
    return ShardEntry(**msgspec.structs.asdict(entry), named=list(named), wanted=wanted, files={})
