"""Copied text made inert: it may be read, and it notifies, closes, links, hides and runs nothing.

Whatever a ticket says is written by people whom we do not know. Before a word of it stands in a
document, task, title or comment of ours it goes through here, whatever tracker it goes to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

#: Zero-width; breaks a mention or reference for a machine and is invisible to a reader.
_BREAK = "\u2060"

#: What a reader does not see, or sees elsewhere than it stands: control characters, zero-width
#: and filling ones, directional overrides (https://trojansource.codes), tags, lone surrogates
#: (which no UTF-8 can carry) and private use (stand-ins of ours). The joiners of emoji and of
#: Persian stay.
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e007f\U000f0000-\U0010ffff]"
)

_ID = r"(?<!\w)(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{7,64})(?!\w)"
_INSIDE = r"[^\s<>()\[\]{}\\|\"'`]"
#: Addresses, and ids that might name a commit. Both are shown as code: exact, to be copied, and
#: neither linked nor followed back by anybody. What is glued to an address is shown with it: the
#: beginning of a commit, cut off from its end, would be an id again.
#: https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
_VERBATIM = re.compile(
    rf"(?P<code>(?:(?<![a-z0-9])[a-z0-9]+[a-z0-9+.-]{{0,30}}://|(?<![^\W_])www\.)"
    rf"{_INSIDE}*(?:\({_INSIDE}*\){_INSIDE}*)*(?<![.,;:!?*_~])|{_ID})",
    re.IGNORECASE,
)
_CODE = re.compile(rf"(?<!`)`{{1,3}}({_VERBATIM.pattern})`{{1,3}}", re.IGNORECASE)
_FOLLOWED = re.compile(r"https?://\S+", re.IGNORECASE)

_SPECIAL = re.compile(r"[\\`*{}\[\]<>|~!&]|(?<![^\W_])_|_(?![^\W_])")
# https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
_KEYWORD = re.compile(
    r"\b(clos|fix|resolv)(?=(?:e[sd]?|es|ed|ing)?:?\s+[^\s#]*(?:#|://|-\d))", re.IGNORECASE
)
#: A mention or e-mail address, also after its scheme; a reference, or a command to be found in a
#: commit message (https://confluence.atlassian.com/display/BITBUCKETSERVER072/Use+Smart+Commits);
#: a short name of an emoji; and what keeps a commit from being checked
#: (https://docs.github.com/en/actions/managing-workflow-runs/skipping-workflow-runs).
_CALL = re.compile(
    r"@(?=\S)|#(?=\w)|(?<![^\W_])GH(?=-\d)|(?:mailto|xmpp|news|file):(?=\S)|:(?!(?!100:|1234:)\d+:)(?=[\w+-]{1,60}:)"
    r"|\[(?=(?:skip|ci|no|actions) (?:ci|skip|actions)\])",
    re.IGNORECASE,
)
#: What begins a block; for the reader of Markdown for Data Center also a list without a number.
_LINE_START = re.compile(r"^(?:(?=[#+\-=:/.)])|(\d{1,9})(?=[.)]))")
#: Where a title would become a link: there is no code in titles.
_ADDRESS_BEGINS = re.compile(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)", re.IGNORECASE)
_COMMIT = re.compile(_ID, re.IGNORECASE)

_TICKET_KEY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+#\d+|[A-Z][A-Z0-9_]*-\d+")


def inert(text: str) -> str:
    """`text` as plain words in one line of Markdown: nothing in it is markup, a mention, a
    reference that links back, a closing keyword or a hidden character any more. Addresses and
    commits become code."""
    line = _KEYWORD.sub(rf"\1{_BREAK}", one_line(text))
    done, position = "", 0
    for match in _VERBATIM.finditer(line):
        before = line[position : match.start()].rstrip("`")
        done += _words(before.lstrip("`") if position else before)
        # two code spans side by side would be one, and not every reader of Markdown finds one right
        # behind an escaped backslash
        done += (_BREAK if done.endswith(("`", "\\")) else "") + f"`{match['code']}`"
        position = match.end()
    rest = line[position:].lstrip("`") if position else line
    return _LINE_START.sub(r"\1\\", done + _words(rest))


def one_line(text: str) -> str:
    """`text` as it reads, in one line and without what nobody sees."""
    return " ".join(_HIDDEN.sub("", text).split())


def _words(text: str) -> str:
    """Words without anything that acts. A dollar sign begins a formula even when it is escaped
    (https://github.com/orgs/community/discussions/120728), its wide form does not."""
    return _SPECIAL.sub(r"\\\g<0>", _CALL.sub(rf"\g<0>{_BREAK}", text)).replace("$", "＄")


def as_said(markdown: str) -> str:
    """The words that `inert` made `markdown` of, or a person who wrote them by hand."""
    words = _ESCAPED.sub(r"\1", _CODE.sub(r"\1", markdown))
    return _HIDDEN.sub("", words).replace("＄", "$")


_HEADING_MARK = re.compile(r"^[ ]{0,3}#{1,6}[ \t]+(.*)$", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*\\?[-*+][ \t]+", re.MULTILINE)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def words_of(markdown: str) -> str:
    """What a Markdown text says, without the marks of headings and lists and without escapes:
    to be made inert again, it must not be escaped twice."""
    text = _HEADING_MARK.sub(lambda match: match[1].rstrip(" \t#").rstrip(":") + ":", markdown)
    return as_said(_BULLET.sub("", text))


def excerpt(text: str, limit: int = 280) -> str:
    """The beginning of `text`, cut at a word where it is longer than `limit` characters."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return line[:limit].rsplit(" ", 1)[0] + " …"


def plain_title(text: str, limit: int = 200) -> str:
    """`text` as a ticket's title: one line, nothing hidden, nothing that mentions, refers to or
    closes anything. A pull request's title becomes a commit message, where all of that counts;
    titles are not rendered as Markdown, so nothing is escaped."""
    line = _KEYWORD.sub(rf"\1{_BREAK}", excerpt(one_line(text), limit))
    line = _CALL.sub(rf"\g<0>{_BREAK}", _ADDRESS_BEGINS.sub(_BREAK, line))
    return _COMMIT.sub(lambda match: _BREAK.join(re.findall(".{1,6}", match[0])), line)


def cell(text: str) -> str:
    """`text` for a cell of a Markdown table."""
    return inert(text) or "—"


def link(words: str, url: str) -> str:
    """A Markdown link to an address that a tracker gave, or only the words when the address is
    not one that a reader should follow. A ticket's key may stand as it is: the address beside
    it refers to that ticket anyway."""
    shown = words if _TICKET_KEY.fullmatch(words) else inert(words)
    if not re.fullmatch(r"(https?|file)://[^\s<>()\[\]{}\\|\"`]+", url):
        return shown
    return f"[{shown}]({url})"


#: Tickets, changes and commits: a link to one shows up there, "By default, references generate a
#: backlink", whatever its words are.
#: https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls#avoiding-backlinks-to-linked-references
_LEADS_BACK = re.compile(r"/(issues?|pulls?|discussions|commits?|compare)/", re.IGNORECASE)


def addresses(text: str) -> Iterator[str]:
    """The web addresses that people wrote into `text`, as they stand."""
    for match in _VERBATIM.finditer(_HIDDEN.sub("", text)):
        if _FOLLOWED.fullmatch(match["code"]):
            yield match["code"]


def copied_address(url: str) -> str:
    """An address that somebody wrote, to be followed where that does no more than lead there,
    otherwise to be copied."""
    return f"`{url}`" if _LEADS_BACK.search(unquote(url)) else f"<{url}>"
