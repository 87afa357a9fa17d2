"""Text from outside made safe to look at: nothing in it steers a terminal or hides."""

from __future__ import annotations

import json
import re
import unicodedata

from maskforge.display.aliases import named

_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))

# A joiner between letters of scripts that need it, or in an emoji, is part of the word.
_NEEDED = re.compile(r"(?<=[^\0-\xad\u2000-\u206f])[\u200c\u200d](?=[^\0-\xad\u2000-\u206f])")


def is_hidden(character: str) -> bool:
    """Tell whether a character shows nothing by itself, or steers what is shown.

    These are control characters (also line breaks), marks of direction, characters of no width,
    and halves of surrogate pairs; letters, marks and spaces of every script are none of them.
    """
    return unicodedata.category(character) in _HIDDEN


def replace_hidden(text: str, replacement: str | None = None, *, keep: str = "") -> str:
    r"""Return text with every hidden character replaced.

    Joiners (U+200C, U+200D) stay between two characters beyond ASCII, where words of some scripts
    and emoji need them.

    Args:
        text: Any text.
        replacement: What takes its place; by default its number, such as ``\u001b``.
        keep: Hidden characters that stay nonetheless.

    Examples:
        >>> print(replace_hidden("caries\x1b[2J"), replace_hidden("a\u202eb", "_"))
        caries\u001b[2J a_b
    """
    text = named(text)
    if text.isprintable():
        return text
    needed = {found.start() for found in _NEEDED.finditer(text)}
    return "".join(
        one
        if one in keep or index in needed or not is_hidden(one)
        else _number(one)
        if replacement is None
        else replacement
        for index, one in enumerate(text)
    )


def visible(text: str) -> str:
    """Return text of one or several lines with every hidden character as its number."""
    return replace_hidden(text, keep="\n")


def visible_json(text: str) -> str:
    """Return JSON that says the same to programs, and hides nothing from people."""
    text = named(text)
    hidden = filter(is_hidden, set(text) - {"\n"})
    return text.translate({ord(one): json.dumps(one)[1:-1] for one in hidden})


def _number(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
