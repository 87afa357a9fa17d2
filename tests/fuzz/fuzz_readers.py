"""A fuzz target for all readers: whatever is in a file, reading and drawing keep their promises.

Each input is one file among the sound ones of a small folder, of every format that there is. It may
raise nothing but a MaskforgeError, touch no file elsewhere, start no program and take no longer
than seconds; and each mask must be that of the simple rasterizer here.

With Atheris installed, coverage guides the changes; else they are made at random. Inputs that broke
a promise are kept in the folder where this is started; give their names to try them again.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS / "contract")]

import numpy as np  # noqa: E402

GUIDED = importlib.util.find_spec("atheris") is not None
if GUIDED:
    import atheris

with atheris.instrument_imports(include=["maskforge"]) if GUIDED else nullcontext():
    from annotation_trees import Tree, sample_tree, trees

    import maskforge as mf
    from maskforge.errors import MaskforgeError
    from maskforge.formats.registry import FORMATS, get_format
    from maskforge.images.annotated_image import AnnotatedImage
    from maskforge.masks.classes import infer
    from maskforge.masks.drawing import draw
    from maskforge.shapes import Area, Bitmap, Size

    for _name in FORMATS:
        get_format(_name)  # which loads it

SECONDS = 20
MEGABYTES = 6000
MOST_PIXELS = 2**13  # of images whose masks are compared
NEAR = 1e-6  # pixels from an outline within which the simple rasterizer cannot tell
NUMBERS = (0, -1, 1, 0.5, 2**31, 2**63, 10**30, 1e308, 5e-324, float("nan"), float("inf"), 7.25)
LONG = [one * 20_000 for one in ("1", " ", "a:", "é", "\u200b", "../", "\\")]
TEXTS = (
    "",
    "..",
    "../../x.png",
    "/etc/passwd",
    "a\0b",
    "\x1b[2J",
    "\ud800",
    "9" * 5000,
    "true",
    *LONG,
)


def targets() -> list[tuple[Tree, str]]:
    """Return every annotation file of a folder of each format, the smallest that there is."""
    small = {tree.format: tree for tree in trees() if tree.name == "small"}
    found = []
    for name in FORMATS:
        tree = small.get(name) or sample_tree(name)
        suffixes = {".txt", ".yaml", *get_format(name).suffixes}
        found += [(tree, one) for one in tree.files if Path(one).suffix.lower() in suffixes]
    return found


class BrokenPromiseError(AssertionError):
    """A promise that was broken."""


class Guard:
    """Watches what is opened, written and started while an input is tried."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        allowed = {sys.prefix, sys.base_prefix, str(TESTS.parent), *filter(None, sys.path)}
        self._readable = tuple(str(Path(one).resolve()) for one in allowed)
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event in (
            "subprocess.Popen",
            "os.system",
            "os.exec",
            "os.posix_spawn",
            "socket.connect",
        ):
            raise BrokenPromiseError(f"{event} {arguments}")
        if event != "open" or not isinstance(arguments[0], (str, bytes)):
            return
        path = Path(arguments[0] if isinstance(arguments[0], str) else arguments[0].decode())
        place = str(path.absolute())
        writes = isinstance(arguments[1], str) and bool(set(arguments[1]) & set("wax+"))
        inside = place.startswith(str(self.folder))
        if writes and not place.startswith(tempfile.gettempdir()):
            raise BrokenPromiseError(f"{path} was opened for writing")
        if not inside and not writes and not place.startswith((*self._readable, "/proc", "/sys")):
            raise BrokenPromiseError(f"{path} was opened, outside of {self.folder}")

    @contextmanager
    def watching(self, folder: Path) -> Iterator[None]:
        """Watch for a while."""
        self.folder = folder
        try:
            yield
        finally:
            self.folder = None


class Fuzz:
    """Tries inputs: two bytes that choose the file, and its content."""

    def __init__(self, base: Path) -> None:
        self.targets = targets()
        self.guard = Guard()
        self.tried = self.compared = 0
        self._folders: dict[int, Path] = {}
        for tree, _ in self.targets:
            if id(tree) not in self._folders:
                name = f"{len(self._folders)}-{tree.format}"
                self._folders[id(tree)] = tree.write(base / name / "source")

    def seeds(self) -> Iterator[bytes]:
        """Yield the sound files."""
        for index, (tree, name) in enumerate(self.targets):
            yield index.to_bytes(2, "big") + tree.files[name]

    def try_one(self, data: bytes) -> None:
        """Read and draw one input.

        Raises:
            BrokenPromiseError: If anything comes of it but findings, and masks that are right.
        """
        tree, name = self.targets[int.from_bytes(data[:2], "big") % len(self.targets)]
        folder = self._folders[id(tree)]
        self.tried += 1
        (folder / name).write_bytes(data[2:])
        start = time.process_time()
        try:
            with self.guard.watching(folder):
                # Alone, or now and then with all that lies around it.
                self._read(folder if len(data) % 8 == 0 else folder / name, tree.format)
        finally:
            (folder / name).write_bytes(tree.files[name])
        if time.process_time() - start > SECONDS:
            raise BrokenPromiseError(f"took {time.process_time() - start:.0f} s")

    def _read(self, source: Path, format_: str) -> None:
        for image in mf.read(source, format=format_):
            if image.refusal is not None or image.image.size is None:
                continue
            width, height = image.image.size
            if width * height > MOST_PIXELS:
                continue
            labels = {label for shape in image.shapes for label in shape.labels}
            try:
                classes = infer(labels)
                drawing = draw(image, classes)
            except MaskforgeError:
                continue
            expected, unsure = simple_mask(image, classes.value, image.image.size)
            if ((drawing.mask != expected) & ~unsure).any():
                raise BrokenPromiseError(
                    f"{image.origin}: another mask than that of the simple rasterizer"
                )
            self.compared += 1


def simple_mask(
    image: AnnotatedImage, value: Callable[[str], int | None], size: Size
) -> tuple[np.ndarray, np.ndarray]:
    """Return a mask, (H, W), by the definition; and where that is too close to call, (H, W)."""
    x, y = np.meshgrid(np.arange(size.width) + 0.5, np.arange(size.height) + 0.5)
    mask = np.zeros((size.height, size.width), np.int64)
    unsure = np.zeros(mask.shape, bool)
    for shape in image.shapes:
        wanted = [value(label) for label in shape.labels]
        values = [one for one in wanted if one is not None]
        if not values or not isinstance(shape.geometry, (Area, Bitmap)):
            continue
        if isinstance(shape.geometry, Bitmap):
            inside = pasted(shape.geometry, mask.shape)
        else:
            inside = np.zeros(mask.shape, bool)
            for part in shape.geometry.parts:
                crossed = np.zeros(mask.shape, bool)
                for ring in part.rings:
                    cross(ring, x, y, crossed, unsure)
                inside |= crossed
        mask[inside] = values[0]
    return mask, unsure


def pasted(bitmap: Bitmap, shape: tuple[int, ...]) -> np.ndarray:
    inside = np.zeros(shape, bool)
    for row, column in zip(*np.nonzero(bitmap.pixels), strict=True):
        place = row + bitmap.row, column + bitmap.column
        if 0 <= place[0] < shape[0] and 0 <= place[1] < shape[1]:
            inside[place] = True
    return inside


def cross(
    ring: np.ndarray, x: np.ndarray, y: np.ndarray, crossed: np.ndarray, unsure: np.ndarray
) -> None:
    """Turn over what lies left of each edge; note what is too close to one, or to its end."""
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        near = NEAR * max(1.0, abs(x0), abs(x1), abs(y0), abs(y1))
        rows = (y > min(y0, y1) - near) & (y < max(y0, y1) + near)
        if not rows.any():
            continue
        with np.errstate(all="ignore"):
            share = np.clip((y - y0) / (y1 - y0), 0, 1) if y1 != y0 else np.full(y.shape, 0.5)
            at = x0 + share * (x1 - x0)
        ends = (np.abs(y - y0) < near) | (np.abs(y - y1) < near)
        left, right = min(x0, x1) - near, max(x0, x1) + near
        unsure |= rows & (np.abs(x - at) < near * (1 + abs(x1 - x0)))
        unsure |= rows & ends & (x > left) & (x < right)
        if y1 != y0:
            crossed ^= ((y0 <= y) != (y1 <= y)) & (x < at)


# --- Changes


def changed(data: bytes, rng: random.Random) -> bytes:
    """Return an input with a change of a value in JSON, or of its bytes."""
    head, content = data[:2], data[2:]
    if rng.random() < 0.7:
        try:
            root = json.loads(content)
            for _ in range(rng.choice((1, 1, 2, 4))):
                root = change(root, rng)
            return head + json.dumps(root).encode()
        except (ValueError, RecursionError):
            pass
    text = bytearray(content or b"{")
    for _ in range(rng.choice((1, 1, 3, 8))):
        place = rng.randrange(len(text))
        match rng.randrange(5):
            case 0:
                text[place] = rng.randrange(256)
            case 1:
                del text[place : place + rng.choice((1, 2, 9, 60))]
            case 2:
                text[place:place] = text[place : place + rng.choice((1, 9, 60))]
            case 3:
                text[place:place] = str(rng.choice(NUMBERS)).encode()
            case _:
                text[place:place] = rng.choice((b"<", b">", b'"', b",", b"\n", b"[", b"}", b"\xff"))
        text = text or bytearray(b"{")
    return head + bytes(text)


def change(root: Any, rng: random.Random) -> Any:
    holders: list[Any] = []
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (dict, list)) and one:
            holders.append(one)
            waiting += one.values() if isinstance(one, dict) else one
    if not holders:
        return junk(rng)
    holder = rng.choice(holders)
    key = rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
    match rng.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.insert(key, json.loads(json.dumps(rng.choice(holder))))
        case 2 if isinstance(holder[key], (int, float)):
            holder[key] = holder[key] + rng.choice((-1, 1, 0.5, -0.25, 1e-9, 40, -1e6))
        case 3:
            holder[key] = json.loads(json.dumps(rng.choice(holders)))
        case 4 if isinstance(holder[key], str):
            holder[key] = rng.choice((holder[key] + rng.choice(TEXTS), holder[key][:-1]))
        case _:
            holder[key] = junk(rng)
    return root


def junk(rng: random.Random) -> Any:
    return rng.choice((None, True, [], {}, [[]], rng.choice(NUMBERS), rng.choice(TEXTS)))


# --- Running


def at_random(fuzz: Fuzz, seconds: float, seed: int) -> None:
    """Try the sound files, and for so long changes of them and of changed ones."""
    rng = random.Random(seed)
    pool = list(fuzz.seeds())
    for data in pool:
        check(fuzz, data)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = changed(rng.choice(pool), rng)
        check(fuzz, data)
        if rng.random() < 0.02:
            pool[rng.randrange(len(pool))] = data
            if rng.random() < 0.2:
                pool = list(fuzz.seeds())


def check(fuzz: Fuzz, data: bytes) -> None:
    """Try an input; keep it if it breaks a promise."""
    try:
        fuzz.try_one(data)
    except BaseException:
        path = Path(f"broken-{hash(data) & 0xFFFFFFFF:08x}")
        path.write_bytes(data)
        print(f"{fuzz.targets[int.from_bytes(data[:2], 'big') % len(fuzz.targets)][1]}: see {path}")
        raise


def guided(fuzz: Fuzz, seconds: int, seed: int, base: Path) -> None:
    """Let coverage choose what is changed on; ends the process."""
    corpus = base / "corpus"
    corpus.mkdir()
    for number, data in enumerate(fuzz.seeds()):
        (corpus / str(number)).write_bytes(data)

    def mutate(data: bytes, most: int, number: int) -> bytes:
        rng = random.Random(number)
        if rng.random() < 0.5:
            return data[:2] + bytes(atheris.Mutate(data[2:], most - 2))
        return changed(data, rng)[:most]

    limits = [f"-max_total_time={seconds}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}"]
    arguments = [sys.argv[0], *limits, f"-seed={seed}", "-max_len=65536", str(corpus)]
    atheris.Setup(arguments, fuzz.try_one, custom_mutator=mutate)
    atheris.Fuzz()


def main() -> None:
    """Read the arguments, and fuzz."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unguided", action="store_true", help="changes at random")
    parser.add_argument("inputs", nargs="*", type=Path, help="try these alone")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        fuzz = Fuzz(base)
        print(
            f"{len(fuzz.targets)} files of {len({one.format for one, _ in fuzz.targets})} formats"
        )
        for path in options.inputs:
            fuzz.try_one(path.read_bytes())
        if options.inputs:
            return
        if GUIDED and not options.unguided:
            guided(fuzz, options.seconds, options.seed, base)
        at_random(fuzz, options.seconds, options.seed)
        print(f"{fuzz.tried:,} inputs tried, {fuzz.compared:,} masks compared, no promise broken")


if __name__ == "__main__":
    main()
