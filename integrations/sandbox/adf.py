"""Rich text as far as the sandbox must know it: is it a valid document, and what does it say?"""

from __future__ import annotations

import json
from typing import Any


def _kinds(names: str) -> frozenset[str]:
    return frozenset(names.split())


# https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
BLOCKS = _kinds(
    "blockquote blockCard bodiedExtension bulletList codeBlock decisionList embedCard expand"
    " extension heading layoutSection mediaGroup mediaSingle nestedExpand orderedList panel"
    " paragraph rule table taskList"
)
CHILDREN = _kinds(
    "caption decisionItem layoutColumn listItem media tableCell tableHeader tableRow taskItem"
    " blockTaskItem"
)
INLINE = _kinds(
    "date emoji hardBreak inlineCard inlineExtension mediaInline mention placeholder status text"
)
MARKS = _kinds(
    "alignment annotation backgroundColor border breakout code em indentation link strike strong"
    " subsup textColor underline"
)
# Which children a node may have; what is not named here is not looked at.
INSIDE = {
    "doc": BLOCKS,
    "paragraph": INLINE,
    "heading": INLINE,
    "taskItem": INLINE,
    "decisionItem": INLINE,
    "codeBlock": _kinds("text"),
    "bulletList": _kinds("listItem"),
    "orderedList": _kinds("listItem"),
    "taskList": _kinds("taskItem taskList blockTaskItem"),
    "table": _kinds("tableRow"),
    "tableRow": _kinds("tableCell tableHeader"),
    "tableCell": BLOCKS,
    "tableHeader": BLOCKS,
    "listItem": _kinds("paragraph bulletList orderedList taskList codeBlock mediaSingle extension"),
    "blockquote": _kinds(
        "paragraph bulletList orderedList codeBlock mediaSingle mediaGroup extension"
    ),
}
MUST_HOLD = _kinds("bulletList orderedList taskList table tableRow tableCell listItem")


def fault_in(document: Any) -> str | None:
    """Why this is not an Atlassian Document, or None when it is one."""
    if not isinstance(document, dict) or document.get("type") != "doc":
        return "the value is not a doc"
    if document.get("version") != 1 or not isinstance(document.get("content"), list):
        return "a doc needs version 1 and content"
    return _fault(document)


def _fault(node: dict[str, Any]) -> str | None:
    kind = node.get("type")
    if kind == "text" and not (isinstance(node.get("text"), str) and node["text"]):
        return "a text node must not be empty"
    for mark in node.get("marks", []):
        if mark.get("type") not in MARKS:
            return f"unknown mark {mark.get('type')!r}"
    content = node.get("content", [])
    if kind in MUST_HOLD and not content:
        return f"{kind} must not be empty"
    allowed = INSIDE.get(str(kind), BLOCKS | CHILDREN | INLINE)
    for child in content:
        if not isinstance(child, dict) or child.get("type") not in allowed:
            return f"{child.get('type') if isinstance(child, dict) else child!r} inside {kind}"
        if fault := _fault(child):
            return fault
    return None


def document(text: str) -> dict[str, Any]:
    """Plain text as a document, one paragraph for each blank-line-separated part."""
    parts = [part for part in text.split("\n\n") if part.strip()]
    return {"type": "doc", "version": 1, "content": [_paragraph(part) for part in parts]}


def _paragraph(text: str) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = []
    for line in text.split("\n"):
        nodes += [{"type": "hardBreak"}] if nodes else []
        nodes += [{"type": "text", "text": line}] if line else []
    return {"type": "paragraph", "content": nodes}


def plain(value: Any) -> str:
    """What a document says, without its form; wiki text is taken as it is."""
    if not isinstance(value, dict):
        return value if isinstance(value, str) else ""
    kind = value.get("type")
    attributes = value.get("attrs", {})
    if kind == "text":
        return str(value.get("text", ""))
    if kind == "hardBreak":
        return "\n"
    if kind in ("mention", "emoji", "status", "inlineCard", "date"):
        return str(attributes.get("text") or attributes.get("url") or json.dumps(attributes))
    inside = "".join(plain(child) for child in value.get("content", []))
    ends_line = kind in ("paragraph", "heading", "codeBlock", "tableRow", "taskItem", "rule")
    return inside + ("\n" if ends_line else " | " if kind in ("tableCell", "tableHeader") else "")
