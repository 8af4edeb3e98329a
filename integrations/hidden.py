"""Hidden comments in Markdown, which formats without any have no place for."""

from __future__ import annotations

import re

#: What is code, or begins with an escape, is passed over whole. A comment in a line ends in its
#: paragraph, one that begins a line wherever it ends.
#: https://spec.commonmark.org/0.31.2/#html-blocks, https://spec.commonmark.org/0.31.2/#html-comment
_PARTS = re.compile(
    r"(?P<shown>"
    r"^[ \t>]*(?P<fence>(?P<mark>[`~])(?P=mark){2,})(?:(?<=`)[^`\n]*|(?<=~)[^\n]*)\n"
    r"(?:.*?^[ \t>]*(?P=fence)(?P=mark)*[ \t]*$|.*)"
    r"|\\."
    r"|(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=ticks)(?!`))"
    r"|^[ \t]*<!--.*?-->[ \t]*"
    r"|[ \t]*<!--(?:(?!\n[ \t]*\n).)*?-->[ \t]*",
    re.DOTALL | re.MULTILINE,
)


def without_comments(text: str) -> str:
    """The Markdown without its hidden comments; what looks like one in code stays."""
    if "-->" not in text:
        return text
    return _PARTS.sub(lambda match: match["shown"] or "", text)
