"""The search for one image: what is looked at in which order, and what speaks against it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import unquote

from maskforge.choices import Match
from maskforge.errors import shorten
from maskforge.images.containers.base import ImageHeader
from maskforge.images.decoder import read_header
from maskforge.images.embedded import EmbeddedImage
from maskforge.images.mask_likeness import is_mask_place, looks_like_mask
from maskforge.images.name_index import (
    NameIndex,
    alike,
    folders_below,
    spellings,
    telling_folders,
)
from maskforge.images.sameness import shows_same
from maskforge.images.suffixes import is_image_file, without_image_suffix
from maskforge.issues import Code
from maskforge.shapes import Size

_MOST_COMPARED = 16
"""Of more namesakes that fit alike, no file is opened."""

IMAGES_HINT = "name the folder of the images with --images"
EXTRACT_HINT = f"{IMAGES_HINT}, or write the embedded ones with --extract-images"


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """What an annotation says about its image.

    Attributes:
        written: Paths or names that it writes, decoded, with forward slashes, most trusted first;
            relative ones are relative to ``folder``.
        own: What the image may be called after the annotation file.
        folder: Folder of the annotation file.
        beside: Folders in which images lie beside the annotation file, relative to ``folder``.
        source: Folder of the source to which the annotation file belongs.
        declared: Size that the annotation gives, if that must be the image's.
        may_scale: Whether an image of another size is better than none.
        embedded: The image inside the annotation file, or None.
        masks: Files that are masks of it.
    """

    written: Sequence[str]
    folder: Path
    source: Path | None = None
    own: Sequence[str] = ()
    beside: Sequence[str] = (".",)
    declared: Size | None = None
    may_scale: bool = False
    embedded: EmbeddedImage | None = None
    masks: Collection[Path] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an image was not found, or not taken."""

    code: Code
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the search has come to.

    Attributes:
        file: The image, or None.
        match: The evidence by which it was found.
        header: What is known of it; None if there is no image or its header cannot be read.
        unreadable: Why its header cannot be read; empty if it can.
        problem: Why there is none, if that is not just that no file has the name.
        outside: A written path that was not followed, because it leads out of all folders.
    """

    file: Path | None = None
    match: Match = "none"
    header: ImageHeader | None = None
    unreadable: str = ""
    problem: Problem | None = None
    outside: str = ""


class Places(Protocol):
    """Where a search may look, shared by all searches; see ``ImageFinder``."""

    @property
    def images(self) -> tuple[Path, ...]:
        """Folders given by the user."""

    def place(self, folder: Path, written: str) -> Path | None:
        """Return the place that a written path leads to; None if it may not be looked at."""

    @property
    def sources_base(self) -> Path | None:
        """The folder below which the sources have names that tell them apart."""

    def index(self, root: Path, *, deep: bool) -> NameIndex:
        """Return the images below a folder, or in it alone."""

    def given_index(self, root: Path) -> NameIndex:
        """Return the images below a folder given by the user, whose own name tells something."""

    def first_copy(self, files: Sequence[Path]) -> Path | None:
        """Return the first of several files if all of them are one image."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """A file that may be the image.

    Attributes:
        file: The file.
        match: The evidence for it.
        is_told: Whether it is where the annotation or the user says.
        is_contradicted: Whether the written path names other folders.
        may_be_mask: Whether masks may have its name, so that it is looked at if it lies where masks
            do.
    """

    file: Path
    match: Match
    is_told: bool = True
    is_contradicted: bool = False
    may_be_mask: bool = False


class Search:
    """The search for the image of one annotation; see ``ImageFinder`` for its order."""

    def __init__(self, places: Places, wanted: Wanted) -> None:
        self._places = places
        self._wanted = wanted
        self._headers: dict[Path, ImageHeader | OSError] = {}
        self._tried: set[Path] = set(wanted.masks)
        self._set_aside: list[Found] = []
        self._problems: list[Problem] = []
        self._outside = ""

    def run(self) -> Found:
        """Take the first offer against which nothing speaks."""
        try:
            for offer in self._offers():
                if offer.file not in self._tried:
                    self._tried.add(offer.file)
                    found = self._judge(offer)
                    if found is not None:
                        return found
        except LookupError as error:
            hint = "name a narrower folder with --images"
            self._problems.append(Problem(Code.IMAGE_AMBIGUOUS, str(error.args[0]), hint))
        if self._set_aside and (self._embedded is None or self._wanted.may_scale):
            return self._set_aside[0]  # of another size, which the caller has to explain
        problem = next(iter(self._problems), None)
        return Found(problem=problem, outside=self._outside)

    # What may be the image

    def _offers(self) -> Iterator[_Offer]:
        yield from self._as_written()
        yield from self._beside(self._wanted.written)
        yield from self._below_given(self._wanted.written)
        yield from self._beside(self._all_names, any_suffix=True)
        yield from self._below_given(self._all_names, any_suffix=True)
        yield from self._below_source(self._wanted.written)
        yield from self._below_source(self._all_names, any_suffix=True)
        yield from self._below_given(self._all_names, any_suffix=True, masks=True)
        yield from self._below_source(self._all_names, any_suffix=True, masks=True)

    def _as_written(self) -> Iterator[_Offer]:
        """Yield what lies exactly where the annotation says, or beside it with exactly the name."""
        folder = self._wanted.folder
        for number, written in enumerate(self._wanted.written):
            match: Match = "beside" if number and "/" not in written else "path"
            names = []
            for spelling in spellings(written):
                place = self._place(folder, spelling)
                if place is not None and _is_image(place):
                    yield _Offer(place, match)
                names.append(PurePosixPath(spelling).name)
            for name in names:
                for beside in self._wanted.beside:
                    place = self._places.place(folder, str(PurePosixPath(beside, name)))
                    if name and place is not None and _is_image(place):
                        yield _Offer(place, "beside")
        for tail in self._tails:
            place = self._places.place(folder, tail)
            if place is not None and _is_image(place):
                yield _Offer(place, "folders")

    def _beside(self, names: Sequence[str], *, any_suffix: bool = False) -> Iterator[_Offer]:
        """Yield what has another spelling or suffix in the folders that the annotation says."""
        for folder, match in self._told_folders.items():
            index = self._places.index(folder, deep=False)
            for name in names:
                files = index.find(
                    PurePosixPath(name).name, (), (), (), any_suffix=any_suffix
                ).files
                for file in self._decided(files, name):
                    yield _Offer(file, match, may_be_mask=any_suffix)

    def _below_given(
        self, names: Sequence[str], *, any_suffix: bool = False, masks: bool = False
    ) -> Iterator[_Offer]:
        """Yield what lies below the folders that the user gave, all of which count alike."""
        for name in names:
            found = [
                self._places.given_index(root).find(
                    name,
                    self._around,
                    self._below,
                    self._inner,
                    any_suffix=any_suffix,
                    masks=masks,
                )
                for root in self._places.images
            ]
            for rank in sorted({one.rank for one in found if one.files}):
                best = [one for one in found if one.files and one.rank == rank]
                match: Match = "folders" if best[0].shares_folder else "images"
                files = max((one.files for one in best), key=len)
                if len(files) <= _MOST_COMPARED:
                    files = list(dict.fromkeys(file for one in best for file in one.files))
                for file in self._decided(files, name):
                    yield _Offer(file, match, may_be_mask=any_suffix)

    def _below_source(
        self, names: Sequence[str], *, any_suffix: bool = False, masks: bool = False
    ) -> Iterator[_Offer]:
        """Yield what lies below the source: its name is all there is, unless it shares folders."""
        root = self._wanted.source
        if root is None:
            return
        for name in names:
            found = self._places.index(root, deep=True).find(
                name, self._around, self._inner, self._inner, any_suffix=any_suffix, masks=masks
            )
            match: Match = "folders" if found.shares_folder else "name"
            for file in self._decided(found.files, name):
                elsewhere = bool(telling_folders(file.relative_to(root)))
                yield _Offer(
                    file,
                    match,
                    is_told=False,
                    is_contradicted=match == "name" and elsewhere and self._names_folders,
                    may_be_mask=any_suffix,
                )

    def _decided(self, files: Sequence[Path], name: str) -> list[Path]:
        """Return the one of several namesakes that is meant, or none.

        Raises:
            LookupError: If nothing tells which one; the message lists them.
        """
        # Of thousands of namesakes, each annotation would go through all.
        if len(files) <= _MOST_COMPARED + len(self._wanted.masks):
            files = [one for one in files if one not in self._wanted.masks]
        if len(files) <= _MOST_COMPARED:
            files = [one for one in files if one not in self._tried and _is_image(one)]
            if len(files) < 2:
                return list(files)
            fitting = [one for one in files if self._fits(one)] or files
            if self._embedded is not None:
                fitting = [one for one in fitting if self._shows_embedded(one)]
                if not fitting:
                    self._tried.update(files)
                    self._note_difference(files[0])
                    return []
            if len(fitting) > 1:
                fitting = [one for one in fitting if not looks_like_mask(one)] or fitting
            copy = self._places.first_copy(fitting)
            if copy is not None:
                return [copy]
            files = fitting
        listed = ", ".join(map(str, files[:3]))
        raise LookupError(f"{len(files)} files fit {shorten(name)}: {listed}")

    @cached_property
    def _all_names(self) -> tuple[str, ...]:
        return (*self._wanted.written, *self._wanted.own)

    @cached_property
    def _tails(self) -> tuple[str, ...]:
        """The image in a folder called as in the written path, beside the annotation or around it.

        They stay right when images and annotations are moved together.
        """
        tails: dict[str, None] = {}
        for written in self._wanted.written:
            parts = PurePosixPath(unquote(written)).parts
            if len(parts) > 1 and parts[-2] not in ("/", ".."):
                tail = "/".join(parts[-2:])
                for beside in self._wanted.beside:
                    for around in (".", "..", "../.."):
                        tails[str(PurePosixPath(beside, around, tail))] = None
        return tuple(tails)

    @cached_property
    def _told_folders(self) -> dict[Path, Match]:
        """The folders in which the image should be, with the evidence that this is."""
        folders: dict[Path, Match] = {}
        for written in self._wanted.written:
            if "/" in written:
                self._add_folder(folders, written, "path")
        for beside in self._wanted.beside:
            self._add_folder(folders, f"{beside}/x", "beside")
        for tail in self._tails:
            self._add_folder(folders, tail, "folders")
        return folders

    def _add_folder(self, folders: dict[Path, Match], written: str, match: Match) -> None:
        place = self._places.place(self._wanted.folder, written)
        with contextlib.suppress(OSError, ValueError):  # too long, or with a NUL
            if place is not None and place.parent.is_dir():
                folders.setdefault(place.parent, match)

    @cached_property
    def _around(self) -> tuple[str, ...]:
        return telling_folders(self._wanted.folder.absolute() / "x")

    @cached_property
    def _inner(self) -> tuple[str, ...]:
        source = self._wanted.source
        return () if source is None else folders_below(source, self._wanted.folder)

    @cached_property
    def _below(self) -> tuple[str, ...]:
        base = self._places.sources_base
        return self._inner if base is None else folders_below(base, self._wanted.folder)

    @cached_property
    def _names_folders(self) -> bool:
        return any(telling_folders(PurePosixPath(one)) for one in self._wanted.written)

    def _place(self, folder: Path, written: str) -> Path | None:
        place = self._places.place(folder, written)
        if place is None and not self._outside:
            self._outside = written
        return place

    # What speaks against it

    def _judge(self, offer: _Offer) -> Found | None:
        """Return an offer as found, or note what speaks against it."""
        file = offer.file
        header = self._header(file)
        if isinstance(header, OSError):
            found = Found(file, offer.match, unreadable=f"{file}: {header}")
            return found if offer.is_told or self._wanted.declared is None else None
        if offer.may_be_mask and is_mask_place(file):
            reason = looks_like_mask(file)
            if reason:
                text = f"{file} has the name of {shorten(self._name)}, but is {reason}"
                self._note(Code.IMAGE_IS_MASK, text, IMAGES_HINT)
                return None
        found = Found(file, offer.match, header)
        if not self._fits(file):
            if offer.is_told:
                self._set_aside.append(found)
                if self._embedded is not None:
                    self._note_difference(file)
            else:
                text = f"{file} has the name, but not the size, and is taken for another image"
                self._note(Code.IMAGE_MISSING, text, IMAGES_HINT)
            return None
        if self._embedded is not None:
            return self._compared(offer, header)
        if offer.is_contradicted or (self._set_aside and not offer.is_told):
            text = f"{shorten(self._name)} is written, and {file} has only the name of it"
            self._note(Code.IMAGE_DOUBTFUL, text, f"if it is the image: --images {file.parent}")
            return None
        return found

    def _is_named_alike(self, offer: _Offer) -> bool:
        """Tell whether nothing but the pixels can speak against an image.

        Tools name annotations after their images; where the names differ, somebody has made one of
        the two out of something else.
        """
        stem = _stem(offer.file.name)
        return (
            offer.match in ("path", "beside")
            and not self._problems
            and all(
                stem in {_stem(PurePosixPath(one).name) for one in names}
                for names in (self._wanted.written, self._wanted.own)
            )
        )

    def _compared(self, offer: _Offer, header: ImageHeader) -> Found | None:
        enhanced = self._is_named_alike(offer)
        if self._shows_embedded(offer.file, enhanced=enhanced):
            match = offer.match if enhanced or offer.match == "path" else "content"
            return Found(offer.file, match, header)
        self._note_difference(offer.file)
        return None

    def _note_difference(self, file: Path) -> None:
        written = shorten(self._name)
        text = f"{file} is not the image that is embedded in the annotation, which names {written}"
        self._note(Code.IMAGE_DIFFERS, text, EXTRACT_HINT)

    def _shows_embedded(self, file: Path, *, enhanced: bool = False) -> bool:
        header = self._header(file)
        embedded = self._wanted.embedded
        if embedded is None or self._embedded is None or isinstance(header, OSError):
            return False
        if self._embedded.stored not in (header.stored, header.upright):
            return False
        with contextlib.suppress(OSError, ValueError):
            return embedded.is_copy_of(file) or shows_same(file, self._content, enhanced=enhanced)
        return enhanced  # a damaged one tells nothing

    @cached_property
    def _content(self) -> bytes:
        assert self._wanted.embedded is not None
        try:
            return self._wanted.embedded.content()
        except ValueError:
            return b""

    @cached_property
    def _embedded(self) -> ImageHeader | None:
        """The header of the embedded image, if it has the size that the annotation declares."""
        if self._wanted.embedded is None:
            return None
        try:
            header = self._wanted.embedded.header()
        except (OSError, ValueError):
            return None
        declared = self._wanted.declared
        return header if declared in (None, header.stored, header.upright) else None

    def _fits(self, file: Path) -> bool:
        declared, header = self._wanted.declared, self._header(file)
        if declared is None:
            return True
        return not isinstance(header, OSError) and declared in (header.stored, header.upright)

    def _header(self, file: Path) -> ImageHeader | OSError:
        if file not in self._headers:
            try:
                self._headers[file] = read_header(file)
            except OSError as error:
                self._headers[file] = error
        return self._headers[file]

    @property
    def _name(self) -> str:
        return next(iter(self._all_names), "")

    def _note(self, code: Code, text: str, hint: str) -> None:
        self._problems.append(Problem(code, f"{text}; it is not used", hint))


def _stem(name: str) -> str:
    return alike(without_image_suffix(name))


def _is_image(path: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):  # too long, or with a NUL
        return path.is_file() and is_image_file(path)
    return False
