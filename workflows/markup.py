"""Copied text made inert: it may be read, and it notifies, closes, hides and runs nothing.

Whatever a ticket says is written by people whom we do not know. Before a word of it stands in a
document, task or comment of ours it goes through here.
"""

from __future__ import annotations

import re

#: Zero-width; breaks a mention or reference for a machine and is invisible to a reader.
_BREAK = "\u2060"

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~!$&])")
_MENTION = re.compile(r"@(?=\w|\[)")
_REFERENCE = re.compile(r"#(?=\d)|(?<=\bGH)-(?=\d)", re.IGNORECASE)
_TICKET_KEY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+#\d+|[A-Z][A-Z0-9_]*-\d+")
# https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
_KEYWORD = re.compile(r"\b(clos|fix|resolv)(e[sd]?|es|ed|ing)?(?=:?\s)", re.IGNORECASE)
_LINE_START = re.compile(r"^(\s*)([#+\-=:]|\d+[.)])", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def inert(text: str) -> str:
    """`text` as plain words in one line of Markdown: nothing in it is markup, a mention, a
    reference that links back, a closing keyword or a control character any more."""
    line = " ".join(_CONTROL.sub("", text).split())
    line = _SPECIAL.sub(r"\\\1", line)
    line = _REFERENCE.sub(lambda match: match[0] + _BREAK, _mute(line))
    return _LINE_START.sub(r"\1\\\2", line)


def _mute(line: str) -> str:
    """The line with mentions and closing keywords broken: a tracker acts on these anywhere."""
    line = _MENTION.sub(f"@{_BREAK}", line)
    return _KEYWORD.sub(lambda match: match[0][:2] + _BREAK + match[0][2:], line)


_HEADING_MARK = re.compile(r"^[ ]{0,3}#{1,6}[ \t]+(.*?)[ \t#]*$", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*\\?[-*+][ \t]+", re.MULTILINE)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def words_of(markdown: str) -> str:
    """What a Markdown text says, without the marks of headings and lists and without escapes:
    to be made inert again, it must not be escaped twice."""
    text = _HEADING_MARK.sub(lambda match: match[1].rstrip(":") + ":", markdown)
    return _ESCAPED.sub(r"\1", _BULLET.sub("", text))


def excerpt(text: str, limit: int = 280) -> str:
    """The beginning of `text`, cut at a word where it is longer than `limit` characters."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return line[:limit].rsplit(" ", 1)[0] + " …"


def plain_title(text: str, limit: int = 200) -> str:
    """`text` as a ticket title: one line, no control characters, nothing that mentions anybody
    or closes anything (a pull request's title may become a commit message). Titles are not
    rendered as Markdown, so nothing is escaped."""
    return _mute(excerpt(_CONTROL.sub("", text), limit))


def cell(text: str) -> str:
    """`text` for a cell of a Markdown table."""
    return inert(text) or "—"


def link(words: str, url: str) -> str:
    """A Markdown link to an address that a tracker gave, or only the words when the address is
    not one that a reader should follow. A ticket's key may stand as it is: the address beside
    it refers to that ticket anyway."""
    shown = words if _TICKET_KEY.fullmatch(words) else inert(words)
    if not re.fullmatch(r"(https?|file)://[^\s<>()\[\]\\|\"]+", url):
        return shown
    return f"[{shown}]({url})"
