"""Make synthetic bitewing radiographs with annotations.

Without arguments the bundled samples are written anew; with --out a set of any size.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from annotation_files import dicom, labelme, superannotate, vott
from annotation_files.annotators import NAMES, lesions_as_drawn
from annotation_files.marks import Mark, Sheet
from bitewings.bitewing import make_bitewing
from bitewings.outlines import LABELS, TOOTH
from bundle import COLORS, write_bundle

LESION = "caries"
TOOTH_COLOR = "#f4a261"

FORMATS = ("labelme", "vott", "superannotate")

_SMALLEST = 160  # pixels; less shows no lesion


@dataclass(frozen=True)
class RadiographSet:
    """A set of images; each depends on the seed and its own number alone.

    Attributes:
        folder: Where.
        seed: Another one gives other images.
        width: Of the images in pixels.
        height: Of the images in pixels.
        format: One of ``FORMATS``.
        depths: Whether lesions have known depths, and everything the number of its tooth.
        dicom: Whether images are DICOM files, else they are JPEG.
        annotators: People who draw the lesions, if they are to differ: images, teeth and what each
            draws then have folders of their own. Otherwise 0.
    """

    folder: Path
    seed: int
    width: int
    height: int
    format: str
    depths: bool = False
    dicom: bool = False
    annotators: int = 0

    @property
    def images(self) -> Path:
        """Where the images are."""
        return self.folder / "radiographs" if self.annotators else self.folder

    @property
    def drawn(self) -> dict[str, Path]:
        """Folders of the annotation files, by who or what is in them."""
        if not self.annotators:
            return {"all": self.folder}
        names = ("teeth", *NAMES[: self.annotators])
        return {name: self.folder / name for name in names}

    def write_one(self, number: int) -> vott.Asset:
        """Write an image and its annotations; return what a VoTT project says about it."""
        cv2.setNumThreads(1)  # there is a process for every core
        radiograph = make_bitewing((self.seed, number), self.width, self.height, depths=self.depths)
        marks = tuple(Mark.of(outline) for outline in radiograph.outlines)
        if self.depths:
            numbers = [outline.tooth for outline in radiograph.outlines]
            marks = tuple(
                replace(mark, group=tooth) for mark, tooth in zip(marks, numbers, strict=True)
            )
        suffix = "dcm" if self.dicom else "jpg"
        sheet = Sheet(f"bitewing-{number:04}.{suffix}", radiograph.image, marks)
        if self.format == "vott":
            return vott.write_sheet(self.folder, sheet)
        if self.dicom:
            dicom.write_image(self.images, sheet, self.seed, number)
        else:
            (self.images / sheet.name).write_bytes(sheet.jpeg())
        for who, folder in self.drawn.items():
            self._write_annotations(folder, replace(sheet, marks=self._marks(who, number, marks)))
        return {}

    def _marks(self, who: str, number: int, marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
        match who:
            case "all":
                return marks
            case "teeth":
                return tuple(one for one in marks if one.labels != (LESION,))
            case _:
                annotator = NAMES.index(who)
                rng = np.random.default_rng((self.seed, number, annotator))
                return lesions_as_drawn(marks, LESION, annotator, rng)

    def _write_annotations(self, folder: Path, sheet: Sheet) -> None:
        if self.format == "labelme":
            labelme.write_annotations(folder, sheet)
        else:
            labels = (TOOTH, *LABELS) if self.depths else LABELS
            superannotate.write_annotations(folder, sheet, labels)

    def write(self, count: int, jobs: int) -> None:
        """Write images 1 to ``count`` with a number of processes."""
        for folder in {self.images, *self.drawn.values()}:
            folder.mkdir(parents=True, exist_ok=True)
        numbers = range(1, count + 1)
        if jobs > 1 and count > 1:
            # Forking a process in which OpenCV has threads is not safe.
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(jobs, context) as pool:
                assets = list(pool.map(self.write_one, numbers, chunksize=4))
        else:
            assets = [self.write_one(number) for number in numbers]
        colors = {TOOTH: TOOTH_COLOR} | COLORS if self.depths else COLORS
        if self.format == "superannotate":
            for folder in self.drawn.values():
                superannotate.write_classes(folder, colors)
        if self.format == "vott":
            vott.write_project(self.folder, assets, name="bitewings", tags=colors)


def main(arguments: Sequence[str]) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="new or empty folder for the set")
    parser.add_argument("--count", type=int, default=10, help="images (default 10)")
    parser.add_argument("--seed", type=int, default=0, help="0 or more (default 0)")
    parser.add_argument("--width", type=int, default=640, help="pixels (default 640)")
    parser.add_argument("--height", type=int, default=480, help="pixels (default 480)")
    parser.add_argument("--format", choices=FORMATS, default="labelme", help="default labelme")
    parser.add_argument(
        "--depths",
        action="store_true",
        help="lesions of known depth, whole teeth, and the number of its tooth as every group",
    )
    parser.add_argument("--dicom", action="store_true", help="DICOM files; two are of one patient")
    parser.add_argument(
        "--annotators",
        type=int,
        default=0,
        metavar="N",
        help="with --depths: lesions as 1 to 3 people draw them, who differ, in a folder each",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args(arguments)
    if not arguments:
        write_bundle(Path(__file__).parent)
        return
    if options.out is None:
        parser.error("--out is missing; only without any argument are the bundled samples written")
    if options.count < 1 or options.seed < 0:
        parser.error("--count must be at least 1 and --seed at least 0")
    if min(options.width, options.height) < _SMALLEST:
        parser.error(f"--width and --height must be at least {_SMALLEST}")
    if options.format == "vott" and (options.dicom or options.annotators):
        parser.error("--dicom and --annotators need --format labelme or superannotate")
    if options.annotators and not options.depths:
        parser.error("--annotators needs --depths")
    if not 0 <= options.annotators <= len(NAMES):
        parser.error(f"--annotators must be at most {len(NAMES)}")
    if options.out.exists() and any(options.out.iterdir()):
        parser.error(f"{options.out} is not empty")
    images = RadiographSet(
        options.out,
        options.seed,
        options.width,
        options.height,
        options.format,
        depths=options.depths,
        dicom=options.dicom,
        annotators=options.annotators,
    )
    images.write(options.count, options.jobs)


if __name__ == "__main__":
    main(sys.argv[1:])
