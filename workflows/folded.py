"""Texts as the index compares them: small letters without their marks, character by character, so
that what is found in a folded text stands at the same place in the text itself.

This follows SQLite's tokenizer ``unicode61`` with ``remove_diacritics 2``:
https://sqlite.org/fts5.html#unicode61_tokenizer
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")


class _Folds(dict[int, int]):
    """What each character is folded to, found out at its first use."""

    def __missing__(self, code: int) -> int:
        base = unicodedata.normalize("NFD", chr(code).lower()[:1])[:1]
        self[code] = ord(base) if base else code
        return self[code]


_FOLDS = _Folds()


def folded(text: str) -> str:
    """`text` folded, as long as it was."""
    return text.lower() if text.isascii() else text.translate(_FOLDS)


def words_in(text: str) -> list[str]:
    """The words of a text: runs of letters and digits."""
    return _WORD.findall(text)
