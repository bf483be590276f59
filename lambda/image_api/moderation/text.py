"""Prompts as they are compared: one form for the many ways in which Unicode writes a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# Blocks of combining diacritics: those of Latin, Greek and Cyrillic. The marks of other scripts are letters
# of theirs (the vowels of Devanagari, the voicing of kana) and stay.
_DIACRITICS = ((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F))
# What Unicode calls default ignorable beside format characters (DerivedCoreProperties.txt): joiners, fillers,
# variation selectors.
_IGNORABLES = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2065, 0x2065),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xE0000, 0xE0FFF),
)
# As many characters as are remembered of each table: clients choose them.
_REMEMBERED = 4096
_SPACE = 0x20

# Letters written as digits and signs; 1 is an i or an l.
_MASKS = {"0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"}
_ONE = ("i", "l")
_MASKED = re.compile(r"[013457@$]")
_LATIN = re.compile(r"[a-z]")
_LATIN_PAIR = re.compile(r"[a-z].*[a-z]", re.DOTALL)
# Small letters of Cyrillic and Greek that are drawn like Latin ones, or whose capitals are (after Unicode's
# confusables.txt); looked at only in a word that has Latin letters too.
_LOOKALIKES = str.maketrans(
    "авеԁһніјкморстухѕԝԛ" + "αβεηικμνορτυχωγ",
    "abedhhijkmopctyxswq" + "abehikmvoptuxwy",
)
_OTHER_ALPHABET = re.compile(r"[\u0370-\u03ff\u0400-\u052f]")

# Scripts that put no space between words: a word of theirs is looked for anywhere.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"
)


class _Table(dict[int, int | None]):
    """A table of ``str.translate`` that is asked of Unicode as characters come, and bounded."""

    def __missing__(self, point: int) -> int | None:
        value = self.of(point)
        if len(self) < _REMEMBERED:
            self[point] = value
        return value

    def of(self, point: int) -> int | None:
        raise NotImplementedError


class _Unseen(_Table):
    """Takes away what nobody sees, and diacritics."""

    def of(self, point: int) -> int | None:
        return None if _is_unseen(point) or _within(point, _DIACRITICS) else point


class _Parting(_Table):
    """The same, with a space for what nobody sees."""

    def of(self, point: int) -> int | None:
        if _within(point, _DIACRITICS) and not _is_unseen(point):
            return None
        return _SPACE if _is_unseen(point) else point


class _Separated(_Table):
    """A space for whatever is no letter, mark or digit."""

    def of(self, point: int) -> int | None:
        return point if unicodedata.category(chr(point))[0] in "LMN" else _SPACE


class _Invisible(_Table):
    """Takes away what nobody sees and nothing else."""

    def of(self, point: int) -> int | None:
        return None if _is_unseen(point) else point


_UNSEEN, _PARTING, _SEPARATED, _INVISIBLE = _Unseen(), _Parting(), _Separated(), _Invisible()


def fold(text: str) -> str:
    """``text`` in one form: compatibility forms, case, diacritics and what nobody sees make no difference.

    White space is one space. Twice the same as once.
    """
    return _one_space(unicodedata.normalize("NFC", _decomposed(text).translate(_UNSEEN)))


def legible(text: str) -> str:
    """``text`` in normal form KC, without what nobody sees; case and diacritics as they are."""
    return _one_space(unicodedata.normalize("NFKC", text).translate(_INVISIBLE))


def readings(text: str) -> Iterator[str]:
    """What a person may read in ``text``: its folded form, and that with masks taken off where it has any."""
    plain = [fold(text)]
    # What nobody sees may stand between two words as well as inside of one.
    parted = _one_space(unicodedata.normalize("NFC", _decomposed(text).translate(_PARTING)))
    if parted != plain[0]:
        plain.append(parted)
    for each in plain:
        yield each
        yield from _unmasked(each)


def tokens(text: str) -> list[str]:
    """The words of a folded text: runs of letters, marks and digits."""
    return text.translate(_SEPARATED).split()


def is_unspaced(text: str) -> bool:
    """Whether ``text`` is of a script that puts no space between words."""
    return _UNSPACED.search(text) is not None


def _unmasked(text: str) -> Iterator[str]:
    chunks = text.split(" ")
    if not any(_MASKED.search(chunk) or _OTHER_ALPHABET.search(chunk) for chunk in chunks):
        return
    found = set()
    for one in _ONE:
        table = str.maketrans({**_MASKS, "1": one})
        reading = " ".join(_unmask(chunk, table) for chunk in chunks)
        if reading != text and reading not in found:
            found.add(reading)
            yield reading


def _unmask(chunk: str, table: dict[int, str]) -> str:
    if _LATIN.search(chunk) and _OTHER_ALPHABET.search(chunk):
        chunk = chunk.translate(_LOOKALIKES)
    # A number with a unit or an ordinal's ending is what it is; two letters make a word.
    return chunk.translate(table) if _LATIN_PAIR.search(chunk) else chunk


def _decomposed(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFKD", folded)


def _one_space(text: str) -> str:
    return " ".join(text.split())


def _is_unseen(point: int) -> bool:
    return unicodedata.category(chr(point)) == "Cf" or _within(point, _IGNORABLES)


def _within(point: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= point <= last for first, last in ranges)
