"""What a text on GitHub refers to: the issues that it names so that GitHub tells them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

Reference = tuple[str, int]

# https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[\w.-]+"
SHORT = re.compile(rf"(?<![\w/#&.])(?:(?P<repo>{NAME})?\#|GH-)(?P<number>\d+)(?!\w)")
PAGE = rf"/(?P<repo>{NAME})/(?:issues|pull)/(?P<number>\d+)(?![\w])"
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
CODE = re.compile(r"<(code|pre)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
MARKUP = MarkdownIt("gfm-like", {"linkify": False})


def references(text: str, repo: str, site: str) -> list[Reference]:
    """The issues named by a text of `repo`, each once and in order: `#n`, `GH-n`, `owner/repo#n`
    or an address below `site`, also as a link's target. Code and comments name nothing. Words
    that are a link already may or may not count on github.com; here they do, the harder case."""
    page = re.compile(re.escape(site) + PAGE)
    found: dict[Reference, None] = {}
    for words in _spoken(MARKUP.parse(text)):
        named = [*page.finditer(words), *SHORT.finditer(page.sub(" ", words))]
        for match in sorted(named, key=lambda match: match.start()):
            found[(match["repo"] or repo).lower(), int(match["number"])] = None
    return list(found)


def _spoken(tokens: list[Token]) -> Iterator[str]:
    """The parts of a text that are neither code nor comment, and where its links lead."""
    code = 0
    for token in tokens:
        if token.type == "inline":
            yield from _spoken(token.children or [])
        elif token.type == "html_block":
            yield CODE.sub(" ", COMMENT.sub(" ", token.content))
        elif token.type == "html_inline":
            code += token.content.lower().startswith(("<code", "<pre"))
            code -= token.content.lower().startswith(("</code", "</pre"))
        elif token.type == "text" and code <= 0:
            yield token.content
        elif token.type in ("link_open", "image"):
            yield str(token.attrs.get("href") or token.attrs.get("src"))
