"""Folders of annotation files: the samples of every format, and small ones with all its records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from damage import lean
from format_examples.examples import examples

from maskforge.formats.registry import FORMATS

EXAMPLES = examples()
SAMPLES = Path(__file__).parents[2] / "samples"
SUFFIXES = {".json", ".vott", ".csv", ".xml"}


@dataclass(frozen=True)
class Tree:
    """Files by their path below a folder.

    Attributes:
        links: Files that are read in another way if a certain one is damaged; all others must not.
    """

    format: str
    name: str
    files: Mapping[str, bytes]
    links: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def annotations(self) -> list[str]:
        return [name for name in self.files if Path(name).suffix in SUFFIXES]

    @property
    def documents(self) -> list[str]:
        """Those that are JSON."""
        return [name for name in self.annotations if not name.endswith((".csv", ".xml"))]

    def root(self, name: str) -> Any:
        return json.loads(self.files[name])

    def lean(self) -> Tree:
        """Return the tree with one record of each kind, so that much damage is done soon."""
        lean_files = {name: json.dumps(lean(self.root(name))).encode() for name in self.documents}
        return Tree(self.format, self.name, {**self.files, **lean_files}, self.links)

    def write(self, folder: Path, changed: Mapping[str, bytes] = {}) -> Path:
        for name, content in (dict(self.files) | dict(changed)).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder


def sample_tree(name: str) -> Tree:
    folder = SAMPLES / name
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return Tree(
        name, "samples", {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    )


def trees() -> Iterator[Tree]:
    """Yield the samples of every format with documents, and what else there is of some."""
    for name in FORMATS:
        tree = sample_tree(name)
        if tree.documents and name != "nnunet":  # damage is done to records in JSON alone
            yield tree
        if name in EXAMPLES:
            files, links = EXAMPLES[name].small()
            contents = {
                key: one if isinstance(one, bytes) else json.dumps(one).encode()
                for key, one in files.items()
            }
            yield Tree(name, "small", contents, links)
