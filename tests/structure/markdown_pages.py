"""The parts of a Markdown page that can be checked: blocks of code, tables, links."""

from __future__ import annotations

import itertools
import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```\s*?$", re.M | re.S
)
_MARK = re.compile(r"<!--\s*(?P<mark>[^>]*?)\s*-->\s*\Z")
_HEADING = re.compile(r"^(#+)\s+(.*?)\s*$", re.M)
_LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<target>[^()\s]+)(?:\s+\"[^\"]*\")?\)")
_CELL_BORDER = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: The page it stands on.
        line: Line of its first line of code, from 1.
        language: What the fence says.
        code: Its content.
        mark: Text of the HTML comment right before it, such as ``not run``.
        output: Content of a block of ``text`` right after it; None if there is none.
    """

    page: Path
    line: int
    language: str
    code: str
    mark: str
    output: str | None

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command line of a block.

    Attributes:
        arguments: Its words.
        output: What the page shows below it; None if it shows nothing.
    """

    arguments: list[str]
    output: str | None


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    matches = list(_FENCE.finditer(text))
    for index, match in enumerate(matches):
        before = _MARK.search(text, 0, match.start())
        output = None
        if index + 1 < len(matches):
            following = matches[index + 1]
            if (
                following["language"] == "text"
                and not text[match.end() : following.start()].strip()
            ):
                output = textwrap.dedent(following["code"])
        line = text.count("\n", 0, match.start("code")) + 1
        mark = before["mark"] if before else ""
        yield Block(page, line, match["language"], textwrap.dedent(match["code"]), mark, output)


def commands(block: Block) -> Iterator[Command]:
    """Yield the command lines of a block, each up to a pipe or a redirection.

    If lines start with ``$``, those are the commands and the others their output. If not, every
    line is a command. A backslash at the end of a line continues it.
    """
    lines = block.code.replace("\\\n", " ").splitlines()
    if not any(line.startswith("$ ") for line in lines):
        yield from (Command(words, None) for line in lines if (words := _words(line)))
        return
    starts = [index for index, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        output = "\n".join(lines[start + 1 : end]).strip("\n")
        yield Command(_words(lines[start][2:]), output or None)


def _words(line: str) -> list[str]:
    words = shlex.split(line, comments=True)
    return list(itertools.takewhile(lambda word: word not in {"|", ">", "&&", ";"}, words))


def shows(expected: str, actual: str) -> bool:
    """Tell whether a page shows an output: ``...`` on a line of its own stands for any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in _tidy(expected)
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _tidy(actual))) is not None


def _tidy(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.splitlines()]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def section(page: Path, title: str) -> str:
    """Return the text below a heading, up to the next heading of the same or a higher level."""
    text = prose(page)
    headings = list(_HEADING.finditer(text))
    start = next(one for one in headings if one[2].replace("`", "") == title)
    after = (
        one.start()
        for one in headings
        if one.start() > start.start() and len(one[1]) <= len(start[1])
    )
    return text[start.end() : next(after, len(text))]


def rows(text: str) -> list[list[str]]:
    """Return the cells of all tables in a text, without their heads."""
    found: list[list[str]] = []
    head = True
    for line in text.splitlines():
        if not line.startswith("|"):
            head = True
        elif set(line) <= set("|-: "):
            head = False
        elif not head:
            cells = _CELL_BORDER.split(line.strip().strip("|"))
            found.append([cell.strip().replace("\\|", "|") for cell in cells])
    return found


def prose(page: Path) -> str:
    """Return a page without its blocks of code, line by line where it was."""
    text = page.read_text(encoding="utf-8")
    return _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)


def links(page: Path) -> list[str]:
    return [match["target"] for match in _LINK.finditer(re.sub(r"`[^`\n]*`", "``", prose(page)))]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the site has them."""
    found = set()
    for _, title in _HEADING.findall(prose(page)):
        words = re.sub(r"[^\w\s-]", "", re.sub(r"[`*]|\]\([^)]*\)", "", title)).strip().lower()
        found.add(re.sub(r"[-\s]+", "-", words))
    return found
