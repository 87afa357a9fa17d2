"""Corrected annotations and an older data set become the next one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Correction, Made, Progress, with_keywords
from maskforge.corrections.changes import ClassChange, ImageChange, changes, total
from maskforge.corrections.known_sets import (
    Mover,
    check_place,
    encoding_of,
    images_beside,
    open_known,
    read_target,
    shared_classes,
    target_of,
)
from maskforge.corrections.matches import Returned, match, returned
from maskforge.corrections.merge_options import MergeOptions
from maskforge.corrections.merge_report import MergeReport, check_table, table
from maskforge.dataset.conversion import convert_into
from maskforge.dataset.conversion_report import ConversionReport
from maskforge.dataset.converted_image import ConvertedImage
from maskforge.dataset.destination import Destination, Place
from maskforge.dataset.manifest import Dataset, ManifestEntry, mask_name
from maskforge.dataset.writer import DatasetWriter
from maskforge.display.aliases import named
from maskforge.errors import DatasetError, listing
from maskforge.files import CORRECTIONS, PathLike, as_path, as_paths, as_source, write_whole
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.masks.masknames import MaskNames


def merge(
    corrected: PathLike | Sequence[PathLike],
    predictions: PathLike,
    out: PathLike,
    options: MergeOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    **keywords: object,
) -> MergeReport:
    """Make the next data set of predictions that people have corrected.

    Every image that came back is compared with its prediction. What people changed or confirmed is
    drawn and becomes part of the data set, and so are the images of the older one. The manifest
    says of every mask how it was made, and ``corrections.csv`` what people changed in it.

    Args:
        corrected: Annotation files of any format, or folders of them.
        predictions: Folder that ``predict`` wrote.
        out: Folder of the new data set; made if missing.
        options: How; see ``MergeOptions``.
        overwrite: Whether to replace the results of an earlier run.
        progress: Called after every image.
        **keywords: Single options by name, such as ``into="masks"`` or ``images="radiographs"``.

    Returns:
        What came back, and what people changed.

    Raises:
        DatasetError: If a data set cannot be read; if no image that came back is in one of them,
            two annotations are about one image, or one came back in another size.
        LabelError: If the classes of the data sets differ, or a label is not known.
        OptionError: If an option cannot be used, or a source does not exist.
        OutputExistsError: If ``out`` holds results and ``overwrite`` is not set.
        OutputError: If a file cannot be written.

    Examples:
        >>> report = mf.merge("samples/labelme", "masks", "next", untouched="confirm")
        >>> report.returned["confirmed"], report.masks["drawn"]
        (4, 4)
    """
    options = with_keywords(MergeOptions, options, keywords)
    given_out, out = out, as_path(out)
    sources = as_paths(corrected)
    predicted = open_known(predictions, "maskforge predict")
    older = None if options.into is None else open_known(options.into, "maskforge convert")
    known = [predicted] if older is None else [predicted, older]
    check_place(out, known)
    classes = shared_classes(options.convert.classes, known)
    encoding, file_type = encoding_of(known[-1])
    given = options.convert.images
    drawing = replace(
        options.convert,
        classes=classes,
        encoding=encoding,
        file_type=file_type,
        tiled_above=None,  # masks are compared as arrays
        images=[*(() if given is None else as_paths(given)), *images_beside(known)],
    )
    if not options.convert.dry_run:
        check_table(as_source(Path(given_out) / CORRECTIONS), overwrite=overwrite)
    home = _Home(options, predicted, older, classes, out)
    conversion = convert_into(
        home,
        sources,
        out,
        drawing,
        None,
        overwrite=overwrite,
        progress=progress,
        observe=_unseen,
    )
    if not conversion.images["found"]:
        raise DatasetError(
            f"there are no annotations in {listing(map(str, sources))}",
            hint="name the files that people have corrected, or their folder",
        )
    return home.report(conversion)


@dataclass(frozen=True, slots=True)
class _Baseline:
    """What an image was before people saw it."""

    dataset: Dataset
    entry: ManifestEntry


class _Home(Destination):
    """The new data set: what came back, and what is left of the older one."""

    goes_on: ClassVar[bool] = False

    def __init__(
        self,
        options: MergeOptions,
        predicted: Dataset,
        older: Dataset | None,
        classes: ClassMap,
        out: Path,
    ) -> None:
        super().__init__()
        self._options = options
        self._predicted = predicted
        self._older = older
        self._classes = classes
        self._out = out
        self._returned: list[Returned] = []
        self._in_predicted: dict[int, ManifestEntry] = {}
        self._in_older: dict[int, ManifestEntry] = {}
        self._images: list[ImageChange] = []
        self._replaced: set[str] = set()
        self._taken: list[Made] = []

    def look(self, image: AnnotatedImage) -> None:
        """Remember which image came back, and whether somebody checked it."""
        self._returned.append(returned(image))

    def begin(self) -> None:
        """Find out which images came back, before anything is drawn."""
        self._images, self._replaced, self._taken = [], set(), []
        self.names = MaskNames()
        if not self._returned:
            return
        self._in_predicted = match(self._returned, self._predicted)
        if self._older is not None:
            self._in_older = match(self._returned, self._older)
            for item in self._older:
                self.names.reserve(mask_name(item.entry.mask or ""))
        if not self._in_predicted and not self._in_older:
            examples = [str(self._returned[0].name), *_first_name(self._predicted)]
            raise DatasetError(
                f"none of the {len(self._returned)} images that came back is among the "
                f"{len(self._predicted)} predictions (for instance {listing(examples)})",
                origin=Origin(self._predicted.folder, ""),
                hint="name the folder of the predictions that were corrected",
            )

    def place(self, number: int, image: AnnotatedImage, converted: ConvertedImage) -> Place | None:
        """Compare an image with what it was before, and decide whether it is taken."""
        if converted.mask is None:
            return Place("")
        came = self._returned[number]
        base = self._baseline(number)
        differences: list[ClassChange] = []
        correction: Correction = "new"
        if base is not None:
            before = read_target(base.dataset, base.entry, self._classes)
            after = self._target(converted, came.origin.file)
            differences = changes(before, after, self._classes)
            if not np.array_equal(before, after):
                correction = "changed"
            elif came.is_checked or self._options.untouched == "confirm":
                correction = "confirmed"
            else:
                correction = "untouched"
        made = self._made(correction, base)
        name = self._name(number, image) if made else came.name
        self._images.append(
            ImageChange(
                name=name,
                correction=correction,
                made=made,
                compared=self._compared(base),
                annotation=str(came.origin.file),
                classes=differences,
            )
        )
        if made is None:
            return None
        self._taken.append(made)
        if number in self._in_older:
            self._replaced.add(self._in_older[number].mask or "")
        twin = None if base is None else Mover(base.dataset, self._out).entry(base.entry)
        return Place(name, made, twin)

    def end(self, writer: DatasetWriter) -> None:
        """Take over what is left of the older data set, and write the table."""
        if self._older is not None:
            left = [one for one in self._older.entries if one.mask not in self._replaced]
            Mover(self._older, self._out).write(left, writer)
        write_whole(self._out / CORRECTIONS, table(self._images))

    def _baseline(self, number: int) -> _Baseline | None:
        if number in self._in_predicted:
            return _Baseline(self._predicted, self._in_predicted[number])
        if number in self._in_older and self._older is not None:
            return _Baseline(self._older, self._in_older[number])
        return None

    def _compared(self, base: _Baseline | None) -> str | None:
        if base is None:
            return None
        return "prediction" if base.dataset is self._predicted else "data set"

    def _target(self, converted: ConvertedImage, file: Path) -> NDArray[np.uint8]:
        assert isinstance(converted.mask, np.ndarray)
        encoding = converted.entry.encoding
        return target_of(converted.mask, encoding, self._classes, self._classes, file)

    def _made(self, correction: Correction, base: _Baseline | None) -> Made | None:
        """Return how the mask of an image came to be, or None if it is not taken."""
        if base is None:
            return "drawn"
        if correction == "changed":
            return "corrected"
        if correction == "untouched" and self._options.untouched == "skip":
            return None
        was = base.entry.made
        return "confirmed" if was == "predicted" and correction == "confirmed" else was

    def _name(self, number: int, image: AnnotatedImage) -> str:
        """Return the name that an image had before, if it had one."""
        if number in self._in_older:
            return mask_name(self._in_older[number].mask or "")
        if number in self._in_predicted:
            name = mask_name(self._in_predicted[number].mask or "")
            if self.names.reserve(name):
                return name
        return self.names.assign(image.folder, image.image.name)

    def report(self, conversion: ConversionReport) -> MergeReport:
        """Return the account of what came back."""
        report = MergeReport(
            out=named(str(self._out)),
            missing=len(self._predicted) - len(self._in_predicted),
            replaced=sorted(map(mask_name, self._replaced)),
            images=self._images,
            conversion=conversion,
        )
        for image in self._images:
            report.returned[image.correction] += 1
        left = [one for one in self._older or () if one.entry.mask not in self._replaced]
        for made in (*self._taken, *(one.entry.made for one in left)):
            report.masks[made] += 1
        looked_at = [
            one
            for image in self._images
            if image.compared == "prediction" and image.correction != "untouched"
            for one in image.classes
        ]
        for id_ in self._classes.foreground_ids:
            name = self._classes.names[id_]
            if of_class := [one for one in looked_at if one.name == name]:
                report.classes.append(total(name, of_class))
        report.notes = list(self._notes(report, len(left)))
        return report

    def _notes(self, report: MergeReport, left: int) -> Iterator[str]:
        untouched = report.returned["untouched"]
        if untouched and self._options.untouched == "skip":
            yield (
                f"left out, as they came back as they were predicted and nobody marked them as "
                f"checked: {untouched} images; with --untouched confirm they are confirmed"
            )
        if report.returned["new"]:
            yield f"neither predicted nor known before: {report.returned['new']} images"
        if self._older is not None:
            yield f"taken over from {self._older.folder}, as they are: {left} masks"
        if report.replaced:
            yield (
                f"images of it that have new masks ({len(report.replaced)}): "
                f"{listing(report.replaced)}"
            )
        unknown = set(self._classes.ids) - set(self._predicted.classes.ids)
        if unknown and self._in_predicted:
            names = [self._classes.names[id_] for id_ in sorted(unknown)]
            yield (
                f"the predictions do not know {listing(names)}: in their images these are "
                "background unless people drew them"
            )


def _first_name(dataset: Dataset) -> list[str]:
    return [str(one.entry.image or one.entry.mask) for one in dataset][:1]


def _unseen(entry: ManifestEntry) -> None:
    """Look at no line of the manifest."""
