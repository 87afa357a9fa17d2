"""What maskforge has to say about a file, an image or a record: one vocabulary for every report."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from maskforge.display.visible import replace_hidden, visible

Box: TypeAlias = tuple[float, float, float, float]
"""An upright rectangle: left, top, right and bottom edge in pixels."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something came from: a file and the place inside it.

    Attributes:
        file: The annotation file.
        pointer: JSON path inside the file, such as ``$.shapes[3].points`` (``$`` is the whole
            document), or ``line 12`` for CSV files; empty if the file is not read at all.
    """

    file: Path
    pointer: str = "$"

    def at(self, suffix: str) -> Origin:
        """Return the place below this one, e.g. ``origin.at(".points[2]")``."""
        return Origin(self.file, self.pointer + suffix)

    def __str__(self) -> str:
        return f"{self.file} {self.pointer}" if self.pointer else str(self.file)


class Level(enum.StrEnum):
    """What became of the thing an issue is about."""

    NOTE = "note"
    """Nothing was left out; somebody may want to know."""
    IGNORED = "ignored"
    """Left out as asked for (class map, options) or because it is not a shape at all."""
    SKIPPED = "skipped"
    """Left out because it has no meaning as an area."""
    REFUSED = "refused"
    """Left out because it is damaged, contradictory or of an unknown kind."""
    VOID = "void"
    """Not drawn as a class; its place is void in the mask (--refused void)."""


class Scope(enum.StrEnum):
    """How much an issue is about."""

    FILE = "file"
    IMAGE = "image"
    RECORD = "record"


class Doubt(enum.StrEnum):
    """Whether a finding leaves pixels of the mask of which nobody knows what they show."""

    NO = "no"
    """Nothing that has an area is missing."""
    ALONE = "alone"
    """Something small went wrong; it matters only where nothing else of the image was drawn."""
    YES = "yes"
    """Somebody drew something that the mask does not show."""


class Code(enum.Enum):
    """Every kind of issue, with its usual level, its scope, what it means, and its doubt.

    The documentation's tables of issues are made from this class.
    """

    level: Level
    scope: Scope
    meaning: str
    doubt: Doubt

    def __new__(
        cls, value: str, level: Level, scope: Scope, meaning: str, doubt: Doubt = Doubt.NO
    ) -> Code:
        """Keep the extra columns as attributes so that the value stays a plain string."""
        member = object.__new__(cls)
        member._value_ = value
        member.level = level
        member.scope = scope
        member.meaning = meaning
        member.doubt = doubt
        return member

    UNREADABLE_FILE = (
        "unreadable-file",
        Level.REFUSED,
        Scope.FILE,
        "The file cannot be opened, or is not valid JSON or CSV.",
    )
    NOT_UTF8 = (
        "not-utf8",
        Level.NOTE,
        Scope.FILE,
        "The file is not UTF-8; it was read in the code page that was asked for, or else in the "
        "only one that fits all files.",
    )
    UNKNOWN_ENCODING = (
        "unknown-encoding",
        Level.REFUSED,
        Scope.FILE,
        "The file is not UTF-8, and nothing tells for certain in which code page it is "
        "(--text-encoding).",
    )
    FILE_TOO_LARGE = (
        "file-too-large",
        Level.REFUSED,
        Scope.FILE,
        "The file is larger than the largest that is read.",
    )
    HIDDEN_FILES = (
        "hidden-files",
        Level.NOTE,
        Scope.FILE,
        "The folder holds hidden annotation files, such as those of macOS; they are passed over.",
    )
    UNKNOWN_FORMAT = (
        "unknown-format",
        Level.SKIPPED,
        Scope.FILE,
        "The file's keys are of no format that maskforge reads.",
    )
    AMBIGUOUS_FORMAT = (
        "ambiguous-format",
        Level.REFUSED,
        Scope.FILE,
        "The file's keys fit more than one format; choose with --format.",
    )
    INVALID_FILE = (
        "invalid-file",
        Level.REFUSED,
        Scope.FILE,
        "The format is known, but something outside the single records is malformed.",
    )
    DUPLICATE_SOURCE = (
        "duplicate-source",
        Level.IGNORED,
        Scope.FILE,
        "The file repeats what was already read from a better source (an export of a project).",
    )
    ORPHAN_ASSET = (
        "orphan-asset",
        Level.NOTE,
        Scope.FILE,
        "A VoTT asset file that its project does not list; it was read all the same.",
    )
    LOSSY_SOURCE = (
        "lossy-source",
        Level.NOTE,
        Scope.FILE,
        "The file holds less than was drawn or seen: boxes instead of outlines, or positions in a "
        "folder instead of file names.",
    )
    INVALID_IMAGE_RECORD = (
        "invalid-image-record",
        Level.REFUSED,
        Scope.IMAGE,
        "The entry of one image inside a file is malformed.",
    )
    UNLISTED_IMAGE = (
        "unlisted-image",
        Level.REFUSED,
        Scope.IMAGE,
        "Annotations of a file with many images belong to none of those that it lists.",
    )
    VIDEO = (
        "video",
        Level.REFUSED,
        Scope.IMAGE,
        "A video or TFRecord, or a frame of a video whose image does not exist.",
    )
    IMAGE_MISSING = (
        "image-missing",
        Level.NOTE,
        Scope.IMAGE,
        "The image file was not found; its size is taken from the annotation file.",
    )
    IMAGE_AMBIGUOUS = (
        "image-ambiguous",
        Level.NOTE,
        Scope.IMAGE,
        "Several image files have this name, and nothing tells which one is meant; none is used.",
    )
    IMAGE_DIFFERS = (
        "image-differs",
        Level.NOTE,
        Scope.IMAGE,
        "A file has the name, but shows another image than the one in the annotation file.",
    )
    IMAGE_DOUBTFUL = (
        "image-doubtful",
        Level.NOTE,
        Scope.IMAGE,
        "Only the name of a file fits, and the written folders or other annotations speak against "
        "it; it is not used.",
    )
    IMAGE_IS_MASK = (
        "image-is-mask",
        Level.NOTE,
        Scope.IMAGE,
        "The file that has the name is a mask; it is not used as the image.",
    )
    IMAGE_UNREADABLE = (
        "image-unreadable",
        Level.NOTE,
        Scope.IMAGE,
        "The image file exists, but its header cannot be read; the size in the file is used.",
    )
    SIZE_UNKNOWN = (
        "size-unknown",
        Level.REFUSED,
        Scope.IMAGE,
        "Neither the annotation file nor an image file gives the size.",
    )
    SIZE_MISMATCH = (
        "size-mismatch",
        Level.REFUSED,
        Scope.IMAGE,
        "The annotation file and the image name different sizes.",
    )
    SIZE_SCALED = (
        "size-scaled",
        Level.NOTE,
        Scope.IMAGE,
        "Coordinates were scaled from the size in the file to that of the image.",
    )
    TOO_LARGE = (
        "too-large",
        Level.REFUSED,
        Scope.IMAGE,
        "The image has more pixels than a mask may have (2^34, or 2^30 where it is not tiled), or "
        "than the memory holds.",
    )
    TILED_MASK = (
        "tiled-mask",
        Level.NOTE,
        Scope.IMAGE,
        "The image is so large (--tiled-above) that its masks are tiled TIFF files, whatever "
        "--file-type says.",
    )
    TOO_COSTLY = (
        "too-costly",
        Level.REFUSED,
        Scope.IMAGE,
        "The shapes would take more time or memory than the limits for one image allow.",
    )
    IMAGE_STACK = (
        "image-stack",
        Level.NOTE,
        Scope.IMAGE,
        "The image is a stack of several pages; the annotation counts for the first.",
    )
    IDENTIFYING = (
        "identifying",
        Level.NOTE,
        Scope.IMAGE,
        "The DICOM file of the image still says who the patient or somebody else is.",
    )
    EXIF_ROTATED = (
        "exif-rotated",
        Level.NOTE,
        Scope.IMAGE,
        "The image carries an EXIF orientation; the sizes tell which frame the shapes are in.",
    )
    EXIF_AMBIGUOUS = (
        "exif-ambiguous",
        Level.NOTE,
        Scope.IMAGE,
        "The image carries an EXIF orientation, and sizes cannot tell the frame of the shapes; "
        "the usual behavior of the labeling tool is assumed.",
    )
    UNVISITED = (
        "unvisited",
        Level.IGNORED,
        Scope.IMAGE,
        "Nobody has looked at the image, so it must not become background (--unvisited).",
    )
    LOST_ANNOTATION = (
        "lost-annotation",
        Level.REFUSED,
        Scope.IMAGE,
        "The project says that the image is annotated, but the annotation is missing.",
    )
    DUPLICATE_IMAGE = (
        "duplicate-image",
        Level.NOTE,
        Scope.IMAGE,
        "Another annotation of the same image was read before; each has a mask of its own.",
    )
    SEVERAL_ANNOTATIONS = (
        "several-annotations",
        Level.NOTE,
        Scope.IMAGE,
        "Several people annotated the image in one task; one of the annotations is drawn.",
    )
    UNREVIEWED = (
        "unreviewed",
        Level.NOTE,
        Scope.IMAGE,
        "There are only predictions of a network, which nobody has accepted; they are not drawn.",
    )
    UNLISTED_PIXELS = (
        "unlisted-pixels",
        Level.NOTE,
        Scope.IMAGE,
        "An instance image holds pixels that no instance lists; they are not drawn.",
        Doubt.YES,
    )
    INVALID_MASK = (
        "invalid-mask",
        Level.REFUSED,
        Scope.IMAGE,
        "A mask file cannot be decoded, or is not a mask: a JPEG, shades, half transparent pixels, "
        "several pages, or another size than the files beside it.",
    )
    UNKNOWN_VALUE = (
        "unknown-value",
        Level.REFUSED,
        Scope.IMAGE,
        "A mask holds values or colors that no class has.",
    )
    CHANGED_PIXELS = (
        "changed-pixels",
        Level.NOTE,
        Scope.IMAGE,
        "Pixels of a mask had the value or color of no class, and took the nearest one "
        "(--mask-tolerance).",
    )
    NOTHING_KNOWN = (
        "nothing-known",
        Level.REFUSED,
        Scope.IMAGE,
        "All that was drawn on the image was lost, which is not the same as an empty image.",
    )
    OVERLAP = (
        "overlap",
        Level.REFUSED,
        Scope.IMAGE,
        "Shapes of different classes overlap, and --overlap error was asked for.",
    )
    TOO_MANY_SHAPES = (
        "too-many-shapes",
        Level.REFUSED,
        Scope.IMAGE,
        "The image has more records than are read of one image.",
    )
    INVALID_RECORD = (
        "invalid-record",
        Level.REFUSED,
        Scope.RECORD,
        "A record lacks a key or holds a value of the wrong type.",
        Doubt.YES,
    )
    LENIENT = (
        "lenient",
        Level.NOTE,
        Scope.RECORD,
        "The record is not written as its format asks, but means one thing only; it was read.",
    )
    INVALID_COORDINATES = (
        "invalid-coordinates",
        Level.REFUSED,
        Scope.RECORD,
        "A coordinate is not a finite number within ±2^31 px, or a number of a pair is missing.",
        Doubt.YES,
    )
    INVALID_BITMAP = (
        "invalid-bitmap",
        Level.REFUSED,
        Scope.RECORD,
        "An embedded or accompanying bitmap cannot be decoded or does not fit its box.",
        Doubt.YES,
    )
    INCOMPLETE_BITMAP = (
        "incomplete-bitmap",
        Level.NOTE,
        Scope.RECORD,
        "Some parts of an instance are not in its bitmap; the others were read.",
        Doubt.YES,
    )
    UNKNOWN_KIND = (
        "unknown-kind",
        Level.REFUSED,
        Scope.RECORD,
        "The kind of shape is not one that the format is known to have.",
        Doubt.YES,
    )
    TOO_FEW_POINTS = (
        "too-few-points",
        Level.SKIPPED,
        Scope.RECORD,
        "A ring of fewer than three vertices encloses no area.",
        Doubt.ALONE,
    )
    NO_AREA = (
        "no-area",
        Level.SKIPPED,
        Scope.RECORD,
        "Lines and points have no area; --line-width, --closed-lines and --point-radius give "
        "them one.",
    )
    NOT_DRAWABLE = (
        "not-drawable",
        Level.SKIPPED,
        Scope.RECORD,
        "A kind of shape that describes no region (keypoint template, prompt points).",
    )
    NOT_A_SHAPE = (
        "not-a-shape",
        Level.IGNORED,
        Scope.RECORD,
        "A record beside the shapes: comment, tag, image attributes, deleted object.",
    )
    NO_LABEL = (
        "no-label",
        Level.SKIPPED,
        Scope.RECORD,
        "The shape has no label (--unlabeled).",
        Doubt.YES,
    )
    UNRESOLVED_CLASS = (
        "unresolved-class",
        Level.REFUSED,
        Scope.RECORD,
        "The class id of the shape is in no class list, and no class name is given (--unlabeled).",
        Doubt.YES,
    )
    SEVERAL_LABELS = (
        "several-labels",
        Level.NOTE,
        Scope.RECORD,
        "The shape carries more than one label (--multi-tag).",
    )
    IGNORED_LABEL = (
        "ignored-label",
        Level.IGNORED,
        Scope.RECORD,
        "The class map ignores this label.",
    )
    SELF_INTERSECTION = (
        "self-intersection",
        Level.NOTE,
        Scope.RECORD,
        "The outline crosses or touches itself; it is filled by the even-odd rule.",
    )
    RING_INSIDE = (
        "ring-inside",
        Level.NOTE,
        Scope.IMAGE,
        "A shape lies wholly inside another one of its class and is drawn as a part of it, not as "
        "a hole (--inner-rings).",
    )
    OUTSIDE_IMAGE = (
        "outside-image",
        Level.NOTE,
        Scope.RECORD,
        "The shape lies wholly outside the image; it was drawn, and no pixel shows it.",
    )
    NO_PIXELS = (
        "no-pixels",
        Level.NOTE,
        Scope.RECORD,
        "The shape is so small or thin that it covers no pixel center; no pixel shows it.",
    )
    UNLISTED_LABEL = (
        "unlisted-label",
        Level.NOTE,
        Scope.RECORD,
        "The label is not in the project's own list of tags or classes.",
    )
    SIMILAR_LABELS = (
        "similar-labels",
        Level.NOTE,
        Scope.FILE,
        "Labels differ only in case, spaces or invisible characters, and count as different "
        "(--fold-case).",
    )
    INVISIBLE_CHARACTERS = (
        "invisible-characters",
        Level.NOTE,
        Scope.FILE,
        "A label holds characters that nobody sees: spaces at its ends, no-break spaces, marks of "
        "zero width or of direction.",
    )
    UNICODE_FORMS = (
        "unicode-forms",
        Level.NOTE,
        Scope.FILE,
        "A label is written with composed and with decomposed letters; it counts as one label.",
    )
    NUMBERED_LABELS = (
        "numbered-labels",
        Level.NOTE,
        Scope.FILE,
        "Labels such as cell1, cell2, cell3 count as different, and look like instances of one "
        "class.",
    )
    NUMERIC_LABELS = (
        "numeric-labels",
        Level.NOTE,
        Scope.FILE,
        "All labels are whole numbers: they are the ids in the masks, or ids count them in order.",
    )
    CLASS_FILE = (
        "class-file",
        Level.NOTE,
        Scope.FILE,
        "The classes were read from the class file of another tool.",
    )

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding about one file, image or record.

    Attributes:
        code: The kind of finding; fixes its scope.
        message: What was found, with the offending value shortened.
        origin: Where.
        hint: What to do, or empty.
        override: What became of the thing, where a policy changed the usual level of the code.
        box: Of a record that cannot be read, where it lies in the image, as far as it tells; None
            if it does not.
        records: How many records were left out, if it is about records.
    """

    code: Code
    message: str
    origin: Origin
    hint: str = ""
    override: Level | None = None
    box: Box | None = None
    records: int = 1

    @property
    def level(self) -> Level:
        """What became of the thing that the issue is about."""
        return self.override or self.code.level

    @property
    def scope(self) -> Scope:
        """How much the issue is about."""
        return self.code.scope

    @property
    def loses_record(self) -> bool:
        """Whether a record was left out because of this issue."""
        return self.scope is Scope.RECORD and self.level is not Level.NOTE

    @property
    def loses_image(self) -> bool:
        """Whether an image was left out because of this issue."""
        return self.scope is Scope.IMAGE and self.level is not Level.NOTE

    @property
    def doubt(self) -> Doubt:
        """Whether the mask may be wrong because of this issue.

        What a policy leaves out or draws, somebody has decided; what it refuses is as lost as what
        is damaged.
        """
        if self.override is None:
            return self.code.doubt
        return Doubt.YES if self.override is Level.REFUSED else Doubt.NO

    def __str__(self) -> str:
        text = replace_hidden(f"{self.level}[{self.code}] {self.origin}: {self.message}")
        return f"{text}\n  hint: {visible(self.hint)}" if self.hint else text
