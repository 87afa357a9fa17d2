"""The letters behind bytes: Unicode, or the one code page that fits all files of a source.

Programs on Windows write text in the code page of the country. Nothing in a file says which one,
and a wrong one mostly gives other letters instead of an error: a label of two Chinese characters
may just as well be two Korean ones. So nothing is assumed: a code page is used if somebody names
it, or if all files can be read in it and in it alone.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maskforge.errors import FormatError, OptionError, did_you_mean, shorten
from maskforge.issues import Code, Issue, Origin

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_COMMON_CHARACTERS: dict[str, tuple[str, int, int]] = {
    "gb18030": ("gb2312", 0xB0, 0xD7),
    "big5": ("big5", 0xA4, 0xC6),
    "cp932": ("shift_jis", 0x82, 0x98),
    "cp949": ("euc_kr", 0xB0, 0xC8),
}
"""Code pages of East Asia: the standard in which its daily characters come first, and their first
bytes. Bytes of another code page give rare characters more often than not."""

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
_ALPHABETS: dict[str, tuple[str, ...]] = {
    "cp1252": tuple(
        _LATIN + more
        for more in (
            "äöüß",
            "àâæçèéêëîïôœùûü",
            "áéíñóúü",
            "àáâãçéêíóôõúü",
            "àèéìíîòóùú",
            "åæøéäö",
            "ëéïöüèê",
            "áéíóúýþæöð",
        )
    ),
    "cp1250": tuple(
        _LATIN + more
        for more in (
            "ąćęłńóśźż",
            "áčďéěíňóřšťúůýž",
            "áäčďéíĺľňóôŕšťúýž",
            "áéíóöőúüű",
            "čćđšž",
            "ăâîşţ",
        )
    ),
    "cp1251": tuple(_CYRILLIC + more for more in ("ё", "іїєґ", "іўё", "ђјљњћџ", "ѓѕјљњќџ")),
    "cp1257": tuple(_LATIN + more for more in ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž")),
    "cp1253": ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋ",),
    "cp1254": (_LATIN + "çğıöşüâîû",),
}
"""Code pages of alphabets: for each language that is written in it, its letters."""

CODE_PAGES = (*_COMMON_CHARACTERS, *_ALPHABETS)
"""The code pages that are tried if nobody names one."""

_VOWELS = frozenset("аеёиоуыэюяіїєαεηιουωάέήίόύώϊϋ")
_VOWEL_SHARE = (0.2, 0.65)
_COMMON_SHARE = 0.6
_LEAST_CHARACTERS = 2
_PUNCTUATION = frozenset("«»–—…“”„‘’°№·")
_LETTERS = re.compile(r"[^\W\d_]+")

_WORD = re.compile(r'[^"\\/\r\n\t{}\[\],;:]+')
_LONGEST_WORD = 200
_MOST_WORDS = 2000
_WORDS_NAMED = 3
_PAGES_NAMED = 4
_HINT = "name the code page with --text-encoding, or save the file as UTF-8"


def check_text_encoding(name: str | None) -> None:
    """Make sure that Python knows an encoding of text.

    Raises:
        OptionError: If it does not.
    """
    if name is None:
        return
    try:
        "".encode(name)
    except (LookupError, TypeError, ValueError):
        raise OptionError(
            f"text_encoding cannot be {shorten(name)}{did_you_mean(str(name), CODE_PAGES)}",
            hint=f"for example {', '.join(CODE_PAGES)}",
        ) from None


def unicode_text(data: bytes) -> str:
    """Return text that is UTF-8, or UTF-16 or UTF-32 with its mark.

    Raises:
        UnicodeDecodeError: If it is neither.
    """
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    return data.decode(encoding)


@dataclass(slots=True)
class CodePages:
    """Decodes the files of one source, all that are not Unicode in the same code page.

    Attributes:
        asked: The code page that the user names, or None.
        files: Yields the files of the source; called only if one is not Unicode.
    """

    asked: str | None = None
    files: Callable[[], Iterable[Path]] = tuple
    _fitting: tuple[list[str], bool] | None = field(default=None, init=False)

    def decode(self, data: bytes, path: Path) -> tuple[str, tuple[Issue, ...]]:
        """Return the text of a file, and a note if it is not Unicode.

        Raises:
            FormatError: If nothing tells for certain what it says.
        """
        origin = Origin(path)
        try:
            return unicode_text(data), ()
        except UnicodeDecodeError as error:
            if error.encoding != "utf-8":
                raise FormatError(
                    Code.UNREADABLE_FILE,
                    f"is not valid {error.encoding}: {error.reason}",
                    origin=origin,
                ) from None
        if self.asked is not None:
            pages, certain = [self.asked], True
        else:
            if self._fitting is None:
                self._fitting = _fitting({path: data}, self.files())
            pages, certain = self._fitting
        text = _readings(data, path, pages).get(pages[0]) if certain else None
        if text is None:
            readings = {} if self.asked else _readings(data, path, CODE_PAGES)
            raise _uncertain(readings, pages, self.asked, origin)
        said = f"is not UTF-8; read as {pages[0]}, in which it says {_named(text)}"
        return text, (Issue(Code.NOT_UTF8, said, origin),)


def _uncertain(
    readings: Mapping[str, str], pages: list[str], asked: str | None, origin: Origin
) -> FormatError:
    code = Code.UNKNOWN_ENCODING if asked or readings else Code.UNREADABLE_FILE
    if asked is not None:
        text = f"is neither UTF-8 nor {asked}"
    elif not readings:
        text = "is not UTF-8, and not whole in any usual code page"
    else:
        fitting = [page for page in pages if page in readings]
        likely = sorted(readings, key=lambda page: page not in fitting)[:_PAGES_NAMED]
        listed = ", ".join(f"{_named(readings[page])} in {page}" for page in likely)
        text = f"is not UTF-8, and its text may be {listed}"
    return FormatError(code, text, origin=origin, hint=_HINT)


def _named(text: str) -> str:
    words = list(dict.fromkeys(_words(text)))
    shown = " ".join(repr(word) for word in words[:_WORDS_NAMED])
    return f"{shown} ..." if len(words) > _WORDS_NAMED else shown


def _words(text: str) -> Iterable[str]:
    """Yield what stands between punctuation and is not ASCII."""
    for match in _WORD.finditer(text):
        if not match[0].isascii():
            yield match[0].strip()[:_LONGEST_WORD]


def _readings(data: bytes, path: Path, pages: Iterable[str]) -> dict[str, str]:
    """Return the text of a file in every code page in which it is whole."""
    found: dict[str, str] = {}
    # Where each letter is one byte, brackets and quotes are the same ones in all code pages.
    whole: dict[str, bool] = {}
    for page in pages:
        try:
            text = data.decode(page)
        except ValueError:
            continue
        key = "" if page in _ALPHABETS else page
        if key not in whole:
            whole[key] = path.suffix.lower() == ".csv" or _is_json(text)
        if whole[key]:
            found[page] = text
    return found


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):  # a wrong code page takes quotes for letters, too
        return False
    return True


def _fitting(given: Mapping[Path, bytes], files: Iterable[Path]) -> tuple[list[str], bool]:
    """Return the code pages that fit all files, and whether it is certain that one is right.

    Code pages that read all files alike count as one.
    """
    words: dict[str, dict[str, None]] = {page: {} for page in CODE_PAGES}
    attested: set[str] = set()
    for path in dict.fromkeys((*given, *files)):
        try:
            data = given.get(path) or path.read_bytes()
        except OSError:
            continue
        try:
            if len(attested) < _MOST_WORDS:
                attested.update(_words(unicode_text(data)))
        except UnicodeDecodeError:
            readings = _readings(data, path, words)
            if readings:  # else the file is damaged, whatever its letters mean
                words = {page: words[page] for page in readings}
                for page, known in words.items():
                    if len(known) < _MOST_WORDS:
                        known.update(dict.fromkeys(_words(readings[page])))
    distinct: dict[frozenset[str], str] = {}
    for page, known in words.items():
        distinct.setdefault(frozenset(known), page)
    # Words that stand in the Unicode files of the source, too, are more than plausible.
    proven = [page for known, page in distinct.items() if known and known <= attested]
    if len(proven) == 1 or len(distinct) == 1:
        return proven or list(distinct.values()), True
    plausible: dict[frozenset[str], str] = {}
    for page, known in words.items():
        if _is_plausible(page, known):
            plausible.setdefault(frozenset(known), page)
    pages = list(plausible.values())
    certain = len(pages) == 1 and _is_certain(pages[0], words[pages[0]])
    return pages, certain


def _is_plausible(page: str, words: Iterable[str]) -> bool:
    """Tell whether somebody may have written these words, in whatever mixture of languages."""
    if page in _COMMON_CHARACTERS:
        return _is_east_asian(page, words)
    text = " ".join(words)
    foreign = _foreign(text)
    return (
        all(one.isascii() or one.isalpha() or one in _PUNCTUATION for one in text)
        and bool(foreign)
        and all(_languages(page, word) for word in foreign)
        and all(word in (word.lower(), word.upper(), word.capitalize()) for word in foreign)
        and (_is_latin if _LATIN in _ALPHABETS[page][0] else _is_pronounceable)(foreign)
    )


def _is_certain(page: str, words: Iterable[str]) -> bool:
    """Tell whether plausible words are enough to go by: of one language, and more than a chance."""
    if page in _COMMON_CHARACTERS:
        return sum(not one.isascii() for word in words for one in word) >= _LEAST_CHARACTERS
    joined = "".join(_foreign(" ".join(words)))
    # The capitals of one code page are the small letters of another one that nobody tries.
    return not joined.isupper() and bool(_languages(page, joined))


def _foreign(text: str) -> list[str]:
    return [word for word in _LETTERS.findall(text) if not word.isascii()]


def _languages(page: str, letters: str) -> list[str]:
    """Return the alphabets of a code page that have all these letters."""
    return [known for known in _ALPHABETS[page] if set(letters.lower()) <= set(known)]


def _is_latin(words: list[str]) -> bool:
    """Tell whether words that are not ASCII have ASCII letters, as those of all languages do."""
    return all(len(word) == 1 or any(map(str.isascii, word)) for word in words)


def _is_pronounceable(words: list[str]) -> bool:
    """Tell Cyrillic and Greek from other alphabets with letters in the same places."""
    letters = "".join(words).lower()
    share = sum(one in _VOWELS for one in letters) / len(letters)
    return _VOWEL_SHARE[0] <= share <= _VOWEL_SHARE[1]


def _is_east_asian(page: str, words: Iterable[str]) -> bool:
    encoding, first, last = _COMMON_CHARACTERS[page]
    letters = common = 0
    for word in words:
        mixed = any(one.isascii() and one.isalpha() for one in word)
        for one in word:
            if one.isascii() or one in _PUNCTUATION:
                continue
            if "HALFWIDTH" in unicodedata.name(one, "HALFWIDTH"):  # no name: nobody's character
                return False
            if not one.isalpha():
                continue
            letters += 1
            with contextlib.suppress(UnicodeEncodeError):
                code = one.encode(encoding)
                # Beside Latin letters, the second byte may have been a letter as well.
                common += first <= code[0] <= last and not (mixed and code[-1] < 0x80)
    return letters > 0 and common >= _COMMON_SHARE * letters
