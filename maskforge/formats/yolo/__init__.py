"""YOLO of Ultralytics: ``data.yaml``, a folder of images, and a text file for each of them.

What the files mean was read in ``ultralytics/data/utils.py`` and ``ultralytics/data/dataset.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

from maskforge.formats.base import ImageRecord, ReadContext, Recognition
from maskforge.formats.jsonio import Document
from maskforge.formats.yolo.names import NAME_FILES, SPLITS


class Yolo:
    """The format of YOLO's data sets; see ``maskforge.formats.base.Format``."""

    name = "yolo"
    title = "YOLO (Ultralytics)"
    versions = (
        "data.yaml and labels for segmentation, detection, oriented boxes, pose (its boxes); "
        "masks for semantic segmentation"
    )
    geometry = "polygons, boxes; masks"
    marks = ("names",)
    suffixes = (".yaml", ".yml", ".txt")

    def recognize(self, document: Document) -> Recognition:
        """Tell `data.yaml` by its names of classes and folders of images, labels by their lines."""
        if document.path.suffix.lower() == ".txt":
            if document.path.name in NAME_FILES:
                return Recognition("names", "a list of names", auxiliary=True)
            from maskforge.formats.yolo.label_file import is_labels

            if is_labels(document.root):
                return Recognition("labels", "lines of a class and coordinates")
            return Recognition.no("no line is a class and coordinates")
        root = document.root
        if not isinstance(root, dict) or not isinstance(root.get("names"), list | dict):
            return Recognition.no("no `names` of classes at the root")
        split = next((one for one in SPLITS if one in root), None)
        if split is None:
            return Recognition.no("`names` at the root, but none of `train`, `val`, `test`")
        return Recognition("dataset", f"`names` and `{split}` at the root")

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the images of a data set, or the one of a text file.

        Raises:
            FormatError: If the names cannot be read, or no folder of the data set exists.
        """
        from maskforge.formats.yolo.dataset import read_dataset
        from maskforge.formats.yolo.label_file import read_alone

        if document.path.suffix.lower() == ".txt":
            return read_alone(document, context)
        return read_dataset(document, context)


FORMAT = Yolo()
