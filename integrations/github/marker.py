"""What we write so that it can be recognised later: our marker and the due line, in Markdown, and
the name of a branch.

GitHub renders neither HTML comment. A body ends with the marker::

    The alert must fire before customers notice.

    **Due:** 2026-12-01 <!-- followthrough:due -->

    <!-- followthrough task:k3v9:2 -->
"""

from __future__ import annotations

import re
from datetime import date

#: Ends the name of the branch of a document's standing update, which is that of the document's own.
UPDATES = "-updates"

#: GitHub refuses longer bodies with 422 "body is too long (maximum is 65536 characters)".
BODY_LIMIT = 65_536

_MARKER = re.compile(r"<!-- followthrough (?P<key>[^\s<>]{1,200}) -->")
_DUE = re.compile(
    r"^\*\*Due:\*\*[ \t]*(?P<due>\d{4}-\d{2}-\d{2})[ \t]*<!-- followthrough:due -->[ \t]*\r?$",
    re.MULTILINE,
)
_LINE_ENDS = re.compile(r"(?:\r?\n)*\Z")
_BLANK = re.compile(r"\r?\n")
_CUT = "\n\n… *(shortened: the whole text is in the postmortem)*"


def signed(text: str, key: str) -> str:
    """`text` with the marker of `key` at its end, whatever its length."""
    return f"{text.rstrip()}\n\n<!-- followthrough {key} -->\n"


def marked(text: str, key: str, due: date | None = None) -> str:
    """`text` as an issue's or comment's body: the due line if there is a date, then the marker.

    A text too long for GitHub is cut and says so; the due line and marker are always whole.
    """
    line = "" if due is None else f"\n\n{_due_line(due)}"
    body = signed(text.rstrip() + line, key)
    over = len(body) - BODY_LIMIT
    if over <= 0:
        return body
    text = text.rstrip()
    kept = text[: len(text) - over - len(_CUT)]
    # at the end of a line: half a line may be half an escape, or code that never ends
    whole = kept.rpartition("\n")[0] or kept
    return signed(whole.rstrip() + _CUT + line, key)


def key_in(text: str | None) -> str | None:
    """The effect key that `text` is marked with, or None. Ours stands last: a marker that
    somebody quoted stands above it."""
    found = _MARKER.findall(text or "")
    return found[-1] if found else None


def due_in(text: str | None) -> date | None:
    """The date of our due line, wherever people moved it; None without one or with no date."""
    match = _DUE.search(text or "")
    if match is None:
        return None
    try:
        return date.fromisoformat(match["due"])
    except ValueError:
        return None


def set_due(text: str, due: date | None) -> str:
    """`text` with our due line saying `due`, or without one for None; every other character
    stays, line ends too.

    A line that is there keeps its place and only its date changes. A missing one comes before our
    marker, or at the end. One that goes takes a blank line with it where two would meet.
    """
    found = _DUE.search(text)
    if due is None:
        while found is not None:
            text = _without(text, found.start(), found.end())
            found = _DUE.search(text)
        return text
    if found is not None:
        return text[: found.start("due")] + due.isoformat() + text[found.end("due") :]
    end = "\r\n" if "\r\n" in text else "\n"
    markers = [match.start() for match in _MARKER.finditer(text)]
    at = markers[-1] if markers else len(text)
    gap = end * (2 - _ends_of_line(text[:at])) if at else ""
    if _DUE.search(f"{text[:at]}{gap}"):  # somebody drew our line and the marker together
        return set_due(f"{text[:at]}{gap}{text[at:]}", due)
    after = end * 2 if markers else end
    return f"{text[:at]}{gap}{_due_line(due)}{after}{text[at:]}"


def _due_line(due: date) -> str:
    return f"**Due:** {due.isoformat()} <!-- followthrough:due -->"


def _ends_of_line(text: str) -> int:
    """How many ends of line `text` ends with: 0, 1, or 2 for a blank line and more."""
    return min(2, len(_LINE_ENDS.search(text)[0].replace("\r", "")))  # type: ignore[index]


def _without(text: str, start: int, end: int) -> str:
    """`text` without the line from `start` to `end`, which ends before its "\\n"."""
    before, after = text[:start], text[end + 1 :]
    blank = _BLANK.match(after)
    if blank and (not before or _ends_of_line(before) == 2):
        after = after[blank.end() :]
    return before + after
