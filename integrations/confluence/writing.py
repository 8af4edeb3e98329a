"""Markdown → Confluence's storage format, in the form in which Confluence itself would write it,
so that it has little to rewrite. Nothing that Markdown says becomes a macro but a block of code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

from integrations.hidden import without_comments

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_FOLLOWED = re.compile(r"(https?://|mailto:)[^\s<>]+", re.IGNORECASE)

#: What XML cannot hold: https://www.w3.org/TR/xml/#charsets
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_BLOCKS = {
    "paragraph": "p",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "blockquote": "blockquote",
    "tr": "tr",
}
_SPANS = {"strong": "strong", "em": "em", "s": "del"}
_CELLS = ("th", "td")


def from_markdown(text: str, *, demoted: bool = False) -> str:
    """The text as a page's body. Hidden comments are left out. `demoted`: it stands in a section,
    which a heading would end; a heading becomes a line in bold."""
    plain = _NO_XML.sub("", without_comments(text))
    return "".join(map(_Written(demoted).block, _MARKDOWN.parse(plain)))


def cell_from_markdown(text: str) -> str:
    """What a table's cell holds that says this text, which is written as in a row."""
    plain = _NO_XML.sub("", without_comments(text))
    tokens = _MARKDOWN.parse(f"| - |\n| --- |\n| {plain} |")
    said = next(token for token in reversed(tokens) if token.type == "inline")
    return f"<p>{_Written(demoted=True).block(said)}</p>"


class _Written:
    def __init__(self, demoted: bool) -> None:
        self._demoted = demoted
        self._links: list[bool] = []

    def block(self, token: Token) -> str:
        kind, _, side = token.type.rpartition("_")
        if token.type == "inline":
            return "".join(map(self.span, token.children or ()))
        if token.type in ("fence", "code_block"):
            return _code(token.content, token.info.split()[0] if token.info.split() else "")
        if token.type == "hr":
            return "<hr />"
        if side not in ("open", "close") or token.hidden:
            return ""
        opens = side == "open"
        if kind == "heading":
            return self._heading(token.tag, opens)
        if kind == "table":
            return "<table><tbody>" if opens else "</tbody></table>"
        if kind in _CELLS:
            return f"<{kind}><p>" if opens else f"</p></{kind}>"
        return _tag(_BLOCKS.get(kind, ""), opens)

    def _heading(self, tag: str, opens: bool) -> str:
        if not self._demoted:
            return _tag(tag, opens)
        return "<p><strong>" if opens else "</strong></p>"

    def span(self, token: Token) -> str:
        kind, _, side = token.type.rpartition("_")
        if token.type == "text":
            return escape(token.content, quote=False)
        if token.type == "code_inline":
            return f"<code>{escape(token.content, quote=False)}</code>"
        if token.type == "softbreak":
            return " "
        if token.type == "hardbreak":
            return "<br />"
        if token.type == "image":
            return _picture(token)
        if kind == "link":
            return self._link(str(token.attrGet("href") or ""), side == "open")
        return _tag(_SPANS.get(kind, ""), side == "open")

    def _link(self, address: str, opens: bool) -> str:
        if not opens:
            return "</a>" if self._links.pop() else ""
        self._links.append(_FOLLOWED.fullmatch(address) is not None)
        return f'<a href="{escape(address)}">' if self._links[-1] else ""


def _tag(name: str, opens: bool) -> str:
    if not name:
        return ""
    return f"<{name}>" if opens else f"</{name}>"


def _picture(token: Token) -> str:
    """A picture loads something from elsewhere, so it is a link."""
    words = _plain(token.children or ()) or "picture"
    address = str(token.attrGet("src") or "")
    shown = escape(words, quote=False)
    return f'<a href="{escape(address)}">{shown}</a>' if _FOLLOWED.fullmatch(address) else shown


def _plain(tokens: Sequence[Token]) -> str:
    return "".join(token.content for token in tokens)


def _code(text: str, language: str) -> str:
    """https://confluence.atlassian.com/doc/code-block-macro-139390.html"""
    name = f'<ac:parameter ac:name="language">{escape(language)}</ac:parameter>' if language else ""
    body = text.removesuffix("\n").replace("]]>", "]]]]><![CDATA[>")
    return (
        f'<ac:structured-macro ac:name="code" ac:schema-version="1">{name}'
        f"<ac:plain-text-body><![CDATA[{body}]]></ac:plain-text-body></ac:structured-macro>"
    )
