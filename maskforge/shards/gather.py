"""Joining the shards of a run into the folder that one run would have written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from maskforge.choices import Progress
from maskforge.dataset.conversion_report import (
    ClassCount,
    ConversionReport,
    count_classes,
    count_image,
)
from maskforge.dataset.issue_record import IssueRecord
from maskforge.dataset.manifest import ManifestEntry, RelativePaths, mask_name
from maskforge.dataset.shard import ShardRecord
from maskforge.dataset.shard_entry import ShardEntry
from maskforge.dataset.writer import Account, DatasetWriter, check_results
from maskforge.display.aliases import named
from maskforge.errors import OptionError
from maskforge.files import (
    CLASSES,
    OVERLAYS,
    PROBABILITIES,
    RESULT_FOLDERS,
    PathLike,
    as_path,
    as_paths,
)
from maskforge.masks.classfile import load_saved_class_map
from maskforge.masks.masknames import MaskNames
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.journal import run_of
from maskforge.prediction.prediction_report import PredictionReport
from maskforge.shards.kin import ShardFolder, read_shards


def gather(
    shards: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConversionReport | PredictionReport:
    """Join the shards of a run into the folder that one run would have written, byte for byte.

    Files are linked where that is possible, so they take no more room, and copied elsewhere. Every
    file is compared with its SHA-256 on the way. A call that was ended before its time goes on.

    Args:
        shards: The folders that ``convert`` or ``predict`` wrote with ``shard``, in any order.
        out: Output folder; made if missing.
        overwrite: Whether to replace the results of an earlier run.
        progress: Called after every image.

    Returns:
        The report that one run would have returned; its ``seconds`` are 0.

    Raises:
        DatasetError: If a folder is not a shard, not finished, damaged, or of another run.
        OptionError: If a shard is missing, or given twice.
        OutputExistsError: If ``out`` holds results and ``overwrite`` is not set.
        OutputError: If a file cannot be written.

    Examples:
        >>> for number in (1, 2):
        ...     _ = mf.convert("samples/labelme", f"shard-{number}", shard=(number, 2))
        >>> mf.gather(["shard-1", "shard-2"], "gathered").images["drawn"]
        4
    """
    folders = as_paths(shards)
    found = read_shards(folders)
    out = as_path(out)
    for one in found:
        if os.path.realpath(one.folder) == os.path.realpath(out):
            raise OptionError(f"{out} is {one.record} itself", hint="choose another folder")
    with OutputFolder(out, run_of("gather", folders), anew=overwrite) as folder:
        also = (*RESULT_FOLDERS, PROBABILITIES, OVERLAYS)
        check_results(folder, overwrite=overwrite, also=also)
        classes = load_saved_class_map(found[0].folder / CLASSES)
        ids = {name: id_ for id_, name in classes.names.items()}
        joined = _Joined(folder, found, ids)
        with DatasetWriter(folder, classes) as writer:
            for shard in found:
                for entry in shard.entries():
                    joined.add(shard, entry, writer)
                    if progress is not None:
                        progress("gathering", joined.count, found[0].record.images)
    return joined.finished()


class _Joined:
    """The whole run: its names, its report, and what of it is in its place."""

    def __init__(
        self, folder: OutputFolder, shards: Sequence[ShardFolder], ids: dict[str, int]
    ) -> None:
        self.count = 0
        self._relative = RelativePaths(folder.path)
        self._names = MaskNames()
        self._ids = ids
        self._counts: dict[str, ClassCount] = {}
        self._last: dict[str, str] = {}
        record = shards[0].record
        self._report = _report_of(record)
        self._report.out = named(str(folder.path))

    def add(self, shard: ShardFolder, entry: ShardEntry, writer: DatasetWriter) -> None:
        """Put the files of an image in their places, list and count it."""
        whole, places = self._placed(shard, entry)
        self._count(whole, entry)
        self.count += 1
        files = {place: entry.files[name] for name, place in places.items()}
        key = hashlib.sha256(msgspec.json.encode((whole, files))).hexdigest()
        if writer.recall(key):
            writer.add_recalled(whole, files)
        else:
            # The pages of a stack of masks are in one file.
            present = {name: one for name, one in files.items() if self._last.get(name) == one}
            for name, place in places.items():
                if place not in present:
                    writer.take_file(place, shard.folder, name, files[place])
            writer.add(whole, key, Account("", {}, whole), present)
        self._last = files

    def finished(self) -> ConversionReport | PredictionReport:
        """Return the report of the whole."""
        if isinstance(self._report, ConversionReport):
            self._report.classes = list(self._counts.values())
        return self._report

    def _placed(
        self, shard: ShardFolder, entry: ShardEntry
    ) -> tuple[ManifestEntry, dict[str, str]]:
        """Return a line with the paths that it has in the whole, and those of its files."""
        places = {name: name for name in entry.files}
        mask, instances, image = entry.mask, entry.instances, entry.image
        if entry.mask is not None and entry.wanted is not None:
            was, name = mask_name(entry.mask), self._names.assign(*entry.wanted)
            places = {place: _renamed(place, was, name) for place in places}
            mask = places.get(entry.mask, entry.mask)
            instances = places.get(entry.instances or "", entry.instances)
        image = places.get(image or "") or self._moved(shard, image)
        files = {entry.image: image, entry.source: self._moved(shard, entry.source)}
        issues = [
            msgspec.structs.replace(one, file=files.get(one.file) or self._moved(shard, one.file))
            if entry.wanted is not None or one.file in files
            else one
            for one in entry.issues
        ]
        whole = msgspec.structs.replace(
            entry.whole(),
            mask=mask,
            instances=instances,
            image=image,
            source=files[entry.source] or "",
            issues=issues,
            digests={},
        )
        return whole, places

    def _moved(self, shard: ShardFolder, path: str | None) -> str | None:
        """Return a path relative to the whole, from one relative to where the shard was made."""
        if not path:
            return path
        return self._relative.of(Path(os.path.normpath(Path(shard.record.folder, path))))

    def _count(self, entry: ManifestEntry, shard: ShardEntry) -> None:
        issues: list[IssueRecord] = [
            msgspec.structs.replace(one, file=file)
            for one, file in zip(entry.issues, shard.named, strict=True)
        ]
        if isinstance(self._report, PredictionReport):
            self._report.count(entry, *shard.named[:1] or ("",))
            return
        told = msgspec.structs.replace(entry, issues=issues)
        count_image(self._report, told, mask_name(entry.mask) if entry.mask else "")
        count_classes(self._counts, told, self._ids)


def _report_of(record: ShardRecord) -> ConversionReport | PredictionReport:
    """Return the report of a run before its first image."""
    if record.command == "convert":
        return msgspec.json.decode(record.report, type=ConversionReport)
    return msgspec.json.decode(record.report, type=PredictionReport)


def _renamed(place: str, was: str, name: str) -> str:
    """Return the place of a file whose mask has another name."""
    folder, _, inner = place.partition("/")
    return f"{folder}/{name}{inner.removeprefix(was)}"
