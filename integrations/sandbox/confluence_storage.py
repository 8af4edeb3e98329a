"""What Confluence makes of a page's text when it is saved: the same to a reader, in other words.

https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html
"""

from __future__ import annotations

import html
import re
import uuid
from html.entities import codepoint2name
from xml.etree import ElementTree as ET

_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_KEPT_NAMES = ("amp", "lt", "gt", "quot", "apos")
_PREFIXES = {"ac": "urn:ac", "ri": "urn:ri"}
_DECLARED = " ".join(f'xmlns:{prefix}="{urn}"' for prefix, urn in _PREFIXES.items())
_CDATA = ("ac:plain-text-body", "ac:plain-text-link-body")
_WITH_LOCAL_ID = ("p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol")


class NotWellFormed(ValueError):
    """Confluence answers such a text with 400."""


def saved(storage: str, cloud: bool) -> str:
    """The text as it comes back: attributes in another order, ids on macros (on Cloud also on
    blocks), tables with a body and columns, empty elements closed in themselves, and (on Data
    Center) named characters. What was saved once is saved the same again."""
    plain = _NAMED.sub(_known, storage)
    try:
        page = ET.fromstring(f"<page {_DECLARED}>{plain}</page>")  # noqa: S314 (no DTD can stand here)
    except ET.ParseError as error:
        raise NotWellFormed(f"Error parsing xhtml: {error}") from None
    for element in page.iter():
        _furnish(element, cloud)
    return _text(page.text, cloud) + "".join(_written(child, cloud) for child in page)


def words(storage: str) -> str:
    """What a reader sees, in one line."""
    plain = _NAMED.sub(_known, storage)
    return " ".join(" ".join(ET.fromstring(f"<page {_DECLARED}>{plain}</page>").itertext()).split())  # noqa: S314


def _known(match: re.Match[str]) -> str:
    return match[0] if match[1] in _KEPT_NAMES else html.unescape(match[0])


def _furnish(element: ET.Element, cloud: bool) -> None:
    name = _name(element.tag)
    if name == "ac:structured-macro":
        element.attrib.setdefault(_long("ac:schema-version"), "1")
        element.attrib.setdefault(_long("ac:macro-id"), str(uuid.uuid4()))
    if cloud and name in (*_WITH_LOCAL_ID, "ac:structured-macro"):
        key = _long("ac:local-id") if name == "ac:structured-macro" else "local-id"
        element.attrib.setdefault(key, str(uuid.uuid4()))
    if name == "table":
        _furnish_table(element)


def _furnish_table(table: ET.Element) -> None:
    rows = [child for child in table if child.tag == "tr"]
    if rows:
        body = ET.SubElement(table, "tbody")
        for row in rows:
            table.remove(row)
            body.append(row)
    if table.find("colgroup") is None:
        table.attrib.setdefault("class", "wrapped")
        columns = ET.Element("colgroup")
        first = table.find("./tbody/tr")
        for _ in range(0 if first is None else len(first)):
            ET.SubElement(columns, "col")
        table.insert(0, columns)


def _written(element: ET.Element, cloud: bool) -> str:
    name = _name(element.tag)
    attributes = sorted((_name(key), value) for key, value in element.attrib.items())
    told = "".join(f' {key}="{html.escape(value)}"' for key, value in attributes)
    if name in _CDATA:
        held = (element.text or "").replace("]]>", "]]]]><![CDATA[>")
        inner = f"<![CDATA[{held}]]>"
    else:
        inner = _text(element.text, cloud) + "".join(_written(child, cloud) for child in element)
    tag = f"<{name}{told}>{inner}</{name}>" if inner else f"<{name}{told} />"
    return tag + _text(element.tail, cloud)


def _text(text: str | None, cloud: bool) -> str:
    escaped = html.escape(text or "", quote=False)
    if cloud:
        return escaped.replace("\xa0", "&nbsp;")
    return "".join(
        f"&{codepoint2name[ord(c)]};" if ord(c) > 127 and ord(c) in codepoint2name else c
        for c in escaped.replace('"', "&quot;")
    )


def _name(tag: str) -> str:
    """``{urn:ac}link`` as it is written."""
    for prefix, urn in _PREFIXES.items():
        if tag.startswith(f"{{{urn}}}"):
            return f"{prefix}:{tag.removeprefix(f'{{{urn}}}')}"
    return tag


def _long(name: str) -> str:
    prefix, _, rest = name.partition(":")
    return f"{{{_PREFIXES[prefix]}}}{rest}"
