"""What of a text would act where it stands: an oracle of its own, which shares no line with the
code that it judges.

A text's *shape* is everything in it that is not plain words: blocks, emphasis, links, macros,
hidden comments. A text with a payload in it must have the shape of the same text with a plain
word in the payload's place. Its plain words are then read as trackers read them once more, for
mentions, references and the like. Words shown as code are left alone by all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from markdown_it import MarkdownIt
from markdown_it.token import Token

CORPUS = Path(__file__).parent / "corpus" / "markup.json"

_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_WORDS = frozenset({"text", "text_special", "code_inline"})
_MARKER = re.compile(r"<!-- followthrough [a-z]+:\w+(?::\d+)? -->")
_CELL_BAR = re.compile(r"(?<!\\)(?:\\\\)*\|")


@cache
def payloads(source: str = "") -> tuple[str, ...]:
    """The corpus, each payload once; only what a page with `source` in its address tells of."""
    groups = [group for group in json.loads(CORPUS.read_text()) if source in group["source"]]
    return tuple(dict.fromkeys(payload for group in groups for payload in group["payloads"]))


# --- plain words ----------------------------------------------------------------------------------

#: What trackers look for in words that are not code, stricter than they are.
_CALLS = {
    # https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
    "mention": r"@[A-Za-z0-9]",
    "reference": r"#\d|\bGH-\d",
    "commit": r"\b[0-9a-f]{7,40}\b",
    # https://github.github.com/gfm/#autolinks-extension-
    "address": r"[A-Za-z]://|\bwww\.",
    # https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
    "closing": r"\b(?:close[sd]?|fix(?:es|ed)?|resolve[sd]?):?\s+(?:#|\S+#|GH-|https?:)",
    "picture": r":(?:[+-]1|100|1234|\w*[a-z]\w*):",
}
#: Also in the words of documents: formulas in Markdown.
_FORMULA = {"formula": r"\$"}
#: Also in titles, which become commit messages.
_COMMANDS = {"command": r"#\w", "unchecked": r"(?i)\[(skip|no) ci\]|\[ci skip\]"}
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\xad\u200b\u202a-\u202e\u2028\u2066-\u2069\u3164\ufeff"
    "\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e007f]"
)


def _called(words: str, rules: dict[str, str], ours: Sequence[str]) -> Iterator[str]:
    for known in sorted(ours, key=len, reverse=True):
        words = words.replace(known, "…")
    for name, pattern in rules.items():
        if match := re.search(pattern, words, re.IGNORECASE):
            yield f"{name}: {words[max(0, match.start() - 20) : match.end() + 20]!r}"


def acts_in_title(title: str, ours: Sequence[str] = ()) -> list[str]:
    """What acts in a title or commit message; `ours` are keys that we name on purpose."""
    found = list(_called(title, _CALLS | _COMMANDS, ours))
    found += ["more lines than one"] if "\n" in title or "\r" in title else []
    return found + hidden(title)


def hidden(text: str) -> list[str]:
    """Characters that nobody sees, besides the joiner that breaks words."""
    return [f"hidden: {match[0]!a}" for match in _HIDDEN.finditer(text)]


# --- Markdown -------------------------------------------------------------------------------------


def acts_in_markdown(body: str, ours: Sequence[str] = ()) -> list[str]:
    """What acts among the plain words of a Markdown text."""
    found = hidden(body)
    for token in _PARSER.parse(body):
        for words in _runs(token):
            found += _called(words, _CALLS | _FORMULA, ours)
    return found


def _runs(token: Token) -> Iterator[str]:
    """Words that stand together, links' own words left out: those lead where the link does."""
    run, inside = "", 0
    for child in token.children or ():
        inside += child.nesting if child.type in ("link_open", "link_close") else 0
        if child.type in ("text", "text_special") and not inside:
            run += child.content
        else:
            yield run
            run = ""
    yield run


def markdown_shape(body: str, base: str = "") -> list[str]:
    """Everything that is not words; links below the address `base` are ours."""
    lines = body.splitlines()
    shape: list[str] = []
    for token in _PARSER.parse(body):
        if token.type == "table_open" and token.map:
            rows = lines[token.map[0] : token.map[1]]
            shape.append(f"columns {sorted({len(_CELL_BAR.findall(row)) for row in rows})}")
        if token.type == "inline":
            shape += [_inline(c, base) for c in token.children or () if c.type not in _WORDS]
        elif token.type == "html_block":
            shape.append(_MARKER.sub("<!-- marker -->", token.content.strip()))
        else:
            shape.append(f"{token.type} {token.tag}")
    return shape


def _inline(token: Token, base: str) -> str:
    if token.type == "link_open":
        return _link(str(token.attrs["href"]), base)
    return f"html {token.content}" if token.type == "html_inline" else token.type


def _link(address: str, base: str) -> str:
    return "link" if base and address.startswith(base) else f"link {address}"


# --- Atlassian Document Format --------------------------------------------------------------------


def adf_shape(node: Any, base: str = "") -> list[str]:
    """Every node but text without marks; code counts as text."""
    marks = [m for m in node.get("marks", ()) if m["type"] != "code"]
    if node["type"] == "text":
        return [_link(m["attrs"]["href"], base) if "attrs" in m else m["type"] for m in marks]
    shape = [node["type"]]
    for child in node.get("content", ()):
        shape += adf_shape(child, base)
    return [*shape, f"/{node['type']}"]


def adf_words(node: Any) -> str:
    return str(node.get("text", "")) + "".join(map(adf_words, node.get("content", ())))


# --- storage format -------------------------------------------------------------------------------

_PREFIXED = '<page xmlns:ac="ac" xmlns:ri="ri">{}</page>'
_SAVED_AS = re.compile(r"(^|\})(local-id|macro-id|class)$")


def page_of(storage: str) -> Any:
    """A page of Confluence as a tree, read by another parser than ours."""
    named = re.sub(r"&(?!amp;|lt;|gt;|quot;)\w+;", lambda m: unescape(m[0]), storage)
    return ElementTree.fromstring(_PREFIXED.format(named))


def page_shape(element: Any, base: str = "") -> list[str]:
    """Every element, with those of its attributes that Confluence did not add; code counts as
    text."""
    if element.tag == "code":
        return []
    told = {k: v for k, v in element.attrib.items() if not _SAVED_AS.search(k)}
    if "href" in told:
        told["href"] = _link(told["href"], base)
    inner = [step for child in element for step in page_shape(child, base)]
    return [f"{element.tag} {sorted(told.items())}", *inner, f"/{element.tag}"]


# --- wiki text ------------------------------------------------------------------------------------

#: From Jira's own renderer, as Atlassian ported it:
#: https://app.unpkg.com/@atlaskit/editor-wikimarkup-transformer/files/dist/es2019/parser/utils/escape.js
_ESCAPE = re.compile(r"(?<!\\)\\[-#*_+?^~|%{}\[\]()!@]")
_MONO = re.compile(r"\{\{(?:[^\W_]|\s|&#\d+;)*\}\}")
# https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
_BLOCK = re.compile(r"\s*(?:(?P<block>h[1-6]|bq)\.|(?P<list>[*#-]+)\s|(?P<rule>-{4,})\s*$)")
_INLINE = {
    "macro": r"\{[^{}\n]*\}",
    "image": r"!\S[^!\n]*!",
    "emphasis": r"(?<![\w])([*_+~^-])(?![\s*_+~^-])(?:.*?\S)?\1(?!\w)",
    "citation": r"\?\?\S",
    "line break": r"\\\\",
    "address": r"[a-z]+://|\bwww\.|mailto:\w",
    "mail": r"\w@\w",
    "face": r"[:;]-?[()]|:[PD](?![0-9A-Za-z])"
    r"|\((?:[!xyni/?+*-]|\*[rgby]|on|off|flag|flagoff)\)",
    "bracket": r"[\[\]{}]",
}


def wiki_shape(text: str, base: str = "") -> list[str]:
    """The notation that Jira would find in wiki text, line by line."""
    shape: list[str] = []
    plain = _MONO.sub("\u2063", _ESCAPE.sub("\u2063", text))
    for line in plain.splitlines():
        shape += [
            _link(link.rpartition("|")[2], base) for link in re.findall(r"\[([^\[\]]+)\]", line)
        ]
        line = re.sub(r"\[[^\[\]]+\]", "\u2063", line)
        if line.lstrip().startswith("|"):
            shape.append(f"row of {line.count('|')}")
        for part in line.split("|"):
            if block := _BLOCK.match(part):
                shape.append(block["block"] or block["list"] or block["rule"])
                part = part[block.end() :]
            for name, pattern in _INLINE.items():
                shape += [name for _ in re.finditer(pattern, part)]
    return shape
