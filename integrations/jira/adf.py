"""Atlassian Document Format (Jira Cloud's rich text) ↔ Markdown, and its sections.

The conversion is marklas'; what stands here fits both ends to it: nodes that have no Markdown
become the words they show, and what Jira would refuse is not sent.
Format: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import marklas

from integrations.hidden import without_comments

Node = dict[str, Any]

#: Stand-ins, from Unicode's private use area, for characters that marklas would escape although
#: they mean nothing where they stand ("[preventive]", "my_service"), and for line breaks.
_OPEN, _CLOSE, _UNDERSCORE, _BREAK, _ADDRESS = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004"
_STAND_INS = re.compile(f"[{_OPEN}-{_ADDRESS}]")
_WORD_IN_BRACKETS = re.compile(r"\[([A-Za-z][\w -]*)\](?![(\[:])")
_INNER_UNDERSCORE = re.compile(r"(?<=[^\W_])_(?=[^\W_])")
_ADDRESS_USED = re.compile(f"<?{_ADDRESS}([0-9]+){_ADDRESS}>?")
_FOLLOWED = re.compile(r"(https?://|mailto:)[^\s<>]+", re.IGNORECASE)

_DEEPEST = 64
_KEPT_MARKS = ("strong", "em", "strike")
_IN_LISTS_AND_QUOTES = frozenset({"paragraph", "bulletList", "orderedList", "codeBlock"})


def from_markdown(text: str) -> Node:
    """Markdown as an ADF document that Jira accepts. Hidden comments are left out."""
    converted: Node = marklas.to_adf(without_comments(text))
    content = [_sendable(node) for node in converted["content"]]
    return {"type": "doc", "version": 1, "content": content}


def to_markdown(document: Any) -> str:
    """An ADF document (or None) as Markdown. Mentions become ``@accountId``, dates ISO 8601,
    cards their address, panels and layouts what they hold."""
    if not isinstance(document, Mapping):
        return ""
    return _markdown(_children(document))


def sections(document: Any) -> dict[str, str]:
    """Heading text → the Markdown of what stands under it, up to the next heading of any level.
    Of two equal headings the first counts."""
    found: dict[str, str] = {}
    for heading, nodes in _split(document):
        if heading is not None:
            found.setdefault(heading, _markdown(nodes))
    return found


def replace_sections(document: Any, bodies: Mapping[str, str]) -> Node:
    """The document with the nodes under these headings replaced, and every other node as it was.
    A heading that is no longer there is left out: its section was deleted by a person."""
    content: list[Node] = []
    left = dict(bodies)
    position = 0
    raw = _children(document)
    for heading, nodes in _split(document):
        if heading is not None:
            content.append(raw[position])
            position += 1
        position += len(nodes)
        if heading is not None and heading in left:
            content += [_demoted(node) for node in from_markdown(left.pop(heading))["content"]]
        else:
            content += nodes
    return {**document, "content": content} if isinstance(document, Mapping) else {}


def text_size(document: Node) -> int:
    """The characters that a reader sees."""
    own = len(str(document.get("text", "")))
    return own + sum(text_size(child) for child in _children(document))


def json_size(document: Node) -> int:
    """The characters of the document as it is sent."""
    return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


# --- sections -----------------------------------------------------------------------------------


def _split(document: Any) -> Iterator[tuple[str | None, list[Node]]]:
    """The top-level nodes after each heading; first those that stand under none."""
    heading: str | None = None
    nodes: list[Node] = []
    for node in _children(document):
        if node.get("type") == "heading":
            yield heading, nodes
            heading, nodes = _words(node), []
        else:
            nodes.append(node)
    yield heading, nodes


def _words(node: Mapping[str, Any]) -> str:
    """The text of a node and all below it, in one line."""
    parts = [str(node.get("text") or "")] + [_words(child) for child in _children(node)]
    return " ".join("".join(parts).split()) if node.get("type") == "heading" else "".join(parts)


def _demoted(node: Node) -> Node:
    """A heading inside a section would end it; it becomes a line in bold."""
    if node.get("type") != "heading":
        return node
    return {"type": "paragraph", "content": [_marked(child, "strong") for child in node["content"]]}


# --- Markdown → ADF: what Jira would refuse -------------------------------------------------------


def _sendable(node: Node) -> Node:
    """marklas emits a few nodes that Jira answers with 400 INVALID_INPUT: empty texts, code that
    is also bold, media by address, headings and tables in lists and quotes, odd link schemes."""
    if node["type"] == "mediaSingle":
        return {"type": "paragraph", "content": [_picture(node)]}
    if node["type"] == "text":
        return {**node, "marks": marks} if (marks := _sendable_marks(node)) else _bare(node)
    if "content" not in node:
        return node
    content = [
        _sendable(child)
        for child in node["content"]
        if child["type"] != "text" or child.get("text")
    ]
    if node["type"] in ("listItem", "blockquote"):
        content = [fitting for child in content for fitting in _flattened(child)]
        content = content or [{"type": "paragraph", "content": []}]
    elif node["type"] == "taskItem":
        content = [child for child in content if child["type"] != "paragraph"] or content
    return {**node, "content": content}


def _sendable_marks(node: Node) -> list[Node]:
    marks = [
        mark
        for mark in node.get("marks", [])
        if mark["type"] != "link" or _FOLLOWED.fullmatch(str(mark["attrs"].get("href", "")))
    ]
    if any(mark["type"] == "code" for mark in marks):
        marks = [mark for mark in marks if mark["type"] in ("code", "link")]
    return marks


def _bare(node: Node) -> Node:
    return {key: value for key, value in node.items() if key != "marks"}


def _picture(node: Node) -> Node:
    attributes = node["content"][0].get("attrs", {})
    address = str(attributes.get("url", ""))
    shown = {"type": "text", "text": str(attributes.get("alt") or address or "picture")}
    if _FOLLOWED.fullmatch(address):
        shown["marks"] = [{"type": "link", "attrs": {"href": address}}]  # type: ignore[assignment]
    return shown


def _flattened(node: Node) -> Iterator[Node]:
    """The node as lists and quotes may hold it."""
    if node["type"] in _IN_LISTS_AND_QUOTES:
        yield node
    elif node["type"] == "heading":
        yield _demoted(node)
    elif node["type"] == "taskItem":
        yield {"type": "paragraph", "content": node.get("content", [])}
    else:
        for child in node.get("content", []):
            yield from _flattened(child)


def _marked(node: Node, mark: str) -> Node:
    marks = node.get("marks", [])
    if node.get("type") != "text" or any(known["type"] in (mark, "code") for known in marks):
        return node
    return {**node, "marks": [*marks, {"type": mark}]}


# --- ADF → Markdown -------------------------------------------------------------------------------


def _markdown(nodes: Iterable[Node]) -> str:
    addresses: list[str] = []
    content = list(_blocks(map(_shallow, nodes), addresses))
    text: str = marklas.to_md({"type": "doc", "version": 1, "content": content}, plain=True)

    def put_back(match: re.Match[str]) -> str:
        address = addresses[int(match[1])]
        if match[0].startswith("<") and re.search(r"[()\s]", address):
            return f"<{address}>"
        return address

    text = _ADDRESS_USED.sub(put_back, text)
    plain = {_OPEN: "[", _CLOSE: "]", _UNDERSCORE: "_", _BREAK: "  \n"}
    return _STAND_INS.sub(lambda match: plain.get(match[0], ""), text).strip("\n")


def _shallow(node: Node) -> Node:
    """The node; its words alone, as a quotation, where it is nested deeper than anything that
    people write: each level takes several calls of functions, of which Python makes a thousand.
    One such comment kept its ticket from ever being read."""
    words: list[str] = []
    deepest, left = 0, [(node, 1)]
    while left:
        one, depth = left.pop()
        deepest = max(deepest, depth)
        words.append(str(one.get("text") or ""))
        left += [(child, depth + 1) for child in reversed(_children(one))]
    if deepest <= _DEEPEST:
        return node
    said = {"type": "paragraph", "content": [_text(" ".join(" ".join(words).split()))]}
    return {"type": "blockquote", "content": [said]}


def _blocks(nodes: Iterable[Node], addresses: list[str], breaks: str = _BREAK) -> Iterator[Node]:
    """Blocks that Markdown knows. `breaks` stands for a line break in running text: none in a
    quote or a cell, where the next line would stand outside."""
    for node in nodes:
        kind = node.get("type")
        if kind in ("paragraph", "heading", "taskItem", "decisionItem"):
            yield _line(node, addresses, " " if kind == "heading" else breaks)
        elif kind in ("bulletList", "orderedList", "listItem", "taskList"):
            inner = list(_blocks(_children(node), addresses, breaks))
            yield {"type": kind, "content": inner, **_attributes(node)}
        elif kind in ("blockquote", "table", "tableRow", "tableHeader", "tableCell"):
            inner = list(_blocks(_children(node), addresses, ""))
            if inner or kind in ("tableHeader", "tableCell"):
                yield {"type": kind, "content": inner or [{"type": "paragraph", "content": []}]}
        elif kind == "codeBlock":
            code = {"type": "text", "text": _words(node)}
            yield {"type": kind, "content": [code], **_attributes(node)}
        elif kind == "rule":
            yield {"type": "rule"}
        else:
            yield from _other(node, addresses, breaks)


def _other(node: Node, addresses: list[str], breaks: str) -> Iterator[Node]:
    """Blocks that Markdown does not know, as what they show."""
    attributes = _attributes(node).get("attrs", {})
    shown = list(_inline(node, addresses, breaks))
    if shown:
        yield {"type": "paragraph", "content": shown}
    if title := str(attributes.get("title") or ""):
        yield {"type": "paragraph", "content": [_marked(_text(title), "strong")]}
    yield from _blocks(_children(node), addresses, breaks)


def _line(node: Node, addresses: list[str], breaks: str) -> Node:
    content = [made for child in _children(node) for made in _inline(child, addresses, breaks)]
    if node.get("type") == "decisionItem":
        return {"type": "paragraph", "content": content}
    return {"type": node["type"], "content": content, **_attributes(node)}


def _inline(node: Node, addresses: list[str], breaks: str) -> Iterator[Node]:
    kind, attributes = node.get("type"), _attributes(node).get("attrs", {})
    if kind == "text":
        yield from _text_node(node, addresses)
    elif kind == "hardBreak":
        yield _text(breaks, keep=True) if breaks else {"type": "hardBreak"}
    elif kind == "mention":
        who = str(attributes.get("id") or attributes.get("text") or "").removeprefix("@")
        yield _text(f"@{who}")
    elif kind == "date":
        yield _text(_date(attributes.get("timestamp")))
    elif kind in ("inlineCard", "blockCard", "embedCard"):
        yield _address(str(attributes.get("url") or ""), addresses)
    elif kind in ("emoji", "status", "placeholder"):
        yield _text(str(attributes.get("text") or attributes.get("shortName") or ""))
    elif kind in ("media", "mediaInline"):
        yield _text(f"(attachment {attributes.get('alt') or ''}".rstrip() + ")")


def _text_node(node: Node, addresses: list[str]) -> Iterator[Node]:
    words = str(node.get("text") or "").replace("\n", " ")
    told = node.get("marks")
    listed = told if isinstance(told, list) else []
    marks = {str(mark.get("type")): mark for mark in listed if isinstance(mark, dict)}
    if not words:
        return
    href = str(_attributes(marks.get("link", {})).get("attrs", {}).get("href") or "")
    if href and href == words:
        yield _address(href, addresses)
        return
    kept: list[Node] = [{"type": mark} for mark in _KEPT_MARKS if mark in marks]
    if "code" in marks:
        kept = [{"type": "code"}]
    if _FOLLOWED.fullmatch(href):
        kept.append({"type": "link", "attrs": {"href": _stand_in(href, addresses)}})
    yield {**_text(words, keep="code" in marks), "marks": kept}


def _text(words: str, *, keep: bool = False) -> Node:
    """A text node in which nothing that is only text is escaped later."""
    if not keep:
        words = _STAND_INS.sub("", words)
        words = _WORD_IN_BRACKETS.sub(rf"{_OPEN}\1{_CLOSE}", words)
        words = _INNER_UNDERSCORE.sub(_UNDERSCORE, words)
    return {"type": "text", "text": words}


def _address(url: str, addresses: list[str]) -> Node:
    if not _FOLLOWED.fullmatch(url):
        return _text(url)
    return _text(_stand_in(url, addresses), keep=True)


def _stand_in(url: str, addresses: list[str]) -> str:
    addresses.append(url)
    return f"{_ADDRESS}{len(addresses) - 1}{_ADDRESS}"


def _date(timestamp: Any) -> str:
    """ADF keeps a date as milliseconds since 1970, in text, at midnight UTC."""
    try:
        return datetime.fromtimestamp(int(timestamp) / 1000, UTC).date().isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return ""


_LEVELS = range(1, 7)


def _attributes(node: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that matter to Markdown, made whole where Jira or an app left them out."""
    told = node.get("attrs")
    attributes = dict(told) if isinstance(told, Mapping) else {}
    kind = node.get("type")
    if kind == "heading":
        level = attributes.get("level")
        return {"attrs": {"level": level if level in _LEVELS else 1}}
    if kind == "taskItem":
        done = attributes.get("state") == "DONE"
        return {"attrs": {"localId": "", "state": "DONE" if done else "TODO"}}
    if kind == "taskList":
        return {"attrs": {"localId": ""}}
    if kind == "orderedList":
        order = attributes.get("order")
        return {"attrs": {"order": order if isinstance(order, int) and order >= 0 else 1}}
    if kind == "codeBlock":
        return {"attrs": {"language": str(attributes.get("language") or "")}}
    if kind in ("bulletList", "listItem"):
        return {}
    return {"attrs": attributes}


def _children(node: Any) -> Sequence[Node]:
    content = node.get("content") if isinstance(node, Mapping) else None
    return [n for n in content if isinstance(n, dict)] if isinstance(content, list) else []
