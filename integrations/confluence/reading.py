"""Confluence's storage format → Markdown: what a reader of the page sees, whatever Confluence or
people made of the markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from integrations.confluence.merged_cells import places_of
from integrations.confluence.storage import (
    HEADINGS,
    Element,
    NoStorage,
    headings,
    is_mark,
    parse,
    section,
)

_FOLLOWED = re.compile(r"(https?://|mailto:)[^\s<>]+", re.IGNORECASE)
_DEEPEST = 64

#: Holders of blocks that show nothing of themselves.
_CLEAR = (
    *("", "page", "div", "tbody", "ac:layout", "ac:layout-section", "ac:layout-cell"),
    *("ac:rich-text-body", "ac:adf-extension", "ac:adf-fallback", "section", "ac:inline-body"),
)
#: What no reader sees, or what is told by the macro that holds it.
_UNSEEN = (
    *("ac:parameter", "ac:adf-node", "ac:adf-attribute", "colgroup"),
    *("ac:task-id", "ac:task-uuid", "ac:task-status"),
)
_BLOCKS = (
    *(*HEADINGS, *_CLEAR[2:], "p", "ul", "ol", "table", "blockquote", "pre", "hr"),
    *("ac:task-list", "ac:structured-macro", "ac:macro"),
)
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "del": "~~", "s": "~~"}
_BODIES = ("ac:rich-text-body", "ac:plain-text-body")
#: Macros that stand in a line of text.
_INLINE_MACROS = ("status", "anchor", "jira")

#: Stands for a bar in code: in a cell it would end the cell, elsewhere an escape would be shown.
_BAR = "\ue000"

_ESCAPED = re.compile(r"[\\`*|]|(?<![^\W_])_|_(?![^\W_])|<(?=[A-Za-z/!?])|\[(?=[^\]]*\][(\[:])|~~")
_LINE_START = re.compile(r"^(?:(?=(?:[-+]|#{1,6})(?:\s|$)|>|=+$|-{2,}$)|(\d{1,9})(?=[.)](?:\s|$)))")


def to_markdown(storage: str) -> str:
    """A page's body as Markdown, without our own mark; of what is no storage format, nothing."""
    try:
        return markdown_of(parse(storage).children)
    except NoStorage:
        return ""


def sections(storage: str) -> dict[str, str]:
    """Heading → the Markdown of what stands under it, up to the next heading of any level. Of two
    equal headings the first counts. Raises NoStorage."""
    found: dict[str, str] = {}
    for heading, holder, place in headings(parse(storage)):
        if heading.words not in found:
            found[heading.words] = markdown_of(section(holder, place))
    return found


def markdown_of(nodes: Iterable[Element | str]) -> str:
    """These nodes as Markdown; "" where a reader sees nothing."""
    return "\n\n".join(block for block in _blocks(nodes, 0) if block.strip())


def _blocks(nodes: Iterable[Element | str], depth: int) -> Iterator[str]:
    """The blocks among these nodes; what stands between two of them is a paragraph."""
    line: list[Element | str] = []
    for node in nodes:
        if isinstance(node, Element) and is_block(node):
            yield _paragraph(line)
            line = []
            if depth > _DEEPEST:
                yield _escaped(node.words)
            else:
                yield from _block(node, depth + 1)
        else:
            line.append(node)
    yield _paragraph(line)


def is_block(node: Element) -> bool:
    """Whether it stands alone, and not in a line of text."""
    if node.name in ("ac:structured-macro", "ac:macro"):
        return node.attributes.get("ac:name") not in _INLINE_MACROS
    return node.name in _BLOCKS


def is_unseen(node: Element) -> bool:
    """Whether nothing of it is shown where it stands."""
    return node.name in _UNSEEN


def _block(node: Element, depth: int) -> Iterator[str]:
    name = node.name
    if name in HEADINGS:
        yield f"{'#' * int(name[1])} {_line(node.children, ' ')}".rstrip()
    elif name == "p":
        yield from _blocks(node.children, depth)
    elif name in ("ul", "ol", "ac:task-list"):
        yield "\n".join(said for _, said in items_of(node, depth))
    elif name == "table":
        yield _table(node)
    elif name == "blockquote":
        inner = "\n\n".join(filter(str.strip, _blocks(node.children, depth)))
        yield "\n".join(f"> {line}".rstrip() for line in inner.split("\n"))
    elif name == "pre":
        yield _fence(node.text, "")
    elif name == "hr":
        yield "---"
    elif name in ("ac:structured-macro", "ac:macro"):
        yield from _macro(node, depth)
    else:
        yield from _blocks(node.children, depth)


def _paragraph(nodes: Sequence[Element | str]) -> str:
    lines = _line(nodes, "  \n").split("\n")
    return "\n".join(_LINE_START.sub(r"\1\\", line.lstrip()) for line in lines).strip()


def _macro(node: Element, depth: int) -> Iterator[str]:
    """Code is code; any other macro is what it holds, under its title. One that holds nothing is
    named: who put it under a heading of ours must not lose it unseen."""
    if not any(child.name in _BODIES for child in node.elements):
        yield _unheld(node)
    for child in node.elements:
        if child.name == "ac:plain-text-body":
            yield _fence(child.text, node.parameter("language"))
        elif child.name == "ac:rich-text-body":
            if title := node.parameter("title"):
                yield f"**{_escaped(title)}**"
            yield from _blocks(child.children, depth)


def _fence(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{text}\n{marks}"


def items_of(node: Element, depth: int = 0) -> Iterator[tuple[Element, str]]:
    """The items of a list of whatever kind, each with its Markdown."""
    first = node.attributes.get("start", "1")
    number = int(first) if first.isdecimal() and len(first) < 10 else 1
    for item in node.elements:
        if item.name == "ac:task":
            parts = {child.name: child for child in item.elements}
            status = parts.get("ac:task-status")
            done = status is not None and status.words == "complete"
            body = parts.get("ac:task-body", Element("", {}))
            mark, box = "- ", "[x] " if done else "[ ] "
        elif item.name == "li":
            mark, box, body = f"{number}. " if node.name == "ol" else "- ", "", item
            number += 1
        else:
            continue
        blocks = [block for block in _blocks(body.children, depth) if block.strip()]
        inner = ("\n" if _tight(body) else "\n\n").join(blocks)
        if (box and inner.startswith(("```", "~~~"))) or inner.startswith("|"):
            box, inner = box.rstrip(), f"\n{inner}"  # behind the box it would begin no code
        indented = inner.replace("\n", "\n" + " " * len(mark))
        yield item, f"{mark}{box}{indented}".rstrip()


def _tight(item: Element) -> bool:
    """Whether an item is one line, perhaps with a list below it."""
    return sum(child.name in ("p", "table", "ac:structured-macro") for child in item.elements) < 2


# --- tables ---------------------------------------------------------------------------------------


def _table(node: Element) -> str:
    """A table; its first row is the head, whatever it is made of."""
    rows = [said for _, cells in rows_of(node) if (said := [text for _, text in cells])]
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = [_row(row + [""] * (width - len(row))) for row in rows]
    return "\n".join([lines[0], _row(["---"] * width), *lines[1:]])


def rows_of(table: Element) -> Iterator[tuple[Element, list[tuple[Element, str]]]]:
    """The rows of a table, each with the cell at each place, and the Markdown of what it says
    there. A column of numbers that Confluence adds by itself is left out."""
    for row, places in places_of(table):
        told = [place for place in places if not is_number(place.cell)]
        yield row, [(place.cell, "" if place.beside else _cell(place.cell)) for place in told]


def is_number(cell: Element) -> bool:
    """Whether Confluence put it there to number the rows."""
    return "numberingColumn" in cell.attributes.get("class", "").split()


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Element) -> str:
    """A cell is one line: of a table or list in it, the words."""
    lines: list[list[Element | str]] = [[]]
    for child in cell.children:
        if isinstance(child, Element) and is_block(child):
            lines += [[child], []]
        else:
            lines[-1].append(child)
    parts = [_line(line, "<br>") for line in lines]
    return "<br>".join(part for part in (part.strip() for part in parts) if part)


# --- a line of text -------------------------------------------------------------------------------


def _line(nodes: Iterable[Element | str], breaks: str) -> str:
    """The nodes as running text; `breaks` stands for a line break."""
    texts = "".join(_inline(node, breaks, 0) for node in nodes)
    line = re.sub(r"[ \t\xa0]*\n[ \t\xa0]*", breaks, _one_space(texts)).strip()
    return line.replace(_BAR, "\\|" if breaks == "<br>" else "|")


def _one_space(text: str) -> str:
    return re.sub(r"[ \t\r\xa0]+", " ", text)


def _inline(node: Element | str, breaks: str, depth: int) -> str:
    if isinstance(node, str):
        return _escaped(re.sub(rf"[\s\xa0{_BAR}]+", " ", node))
    name = node.name
    if name == "br":
        return "\n"
    if name in _UNSEEN or depth > _DEEPEST:
        return ""
    if name == "code":
        return _code(node.words)
    if name == "a":
        return _link(node, breaks, depth)
    if name == "time":
        return node.attributes.get("datetime", "")
    if name in ("ac:link", "ac:image", "ac:emoticon", "ac:structured-macro", "ac:macro"):
        return _of_confluence(node, breaks, depth)
    inner = "".join(_inline(child, breaks, depth + 1) for child in node.children)
    if name in _MARKS:
        return _wrapped(inner, _MARKS[name])
    return f"{inner} " if name in ("p", "li", "td", "th", "div") and depth else inner


def _of_confluence(node: Element, breaks: str, depth: int) -> str:
    if node.name == "ac:image":
        return f"(attachment {_escaped(_named(node))})"
    if node.name == "ac:emoticon":
        return _escaped(node.attributes.get("ac:emoji-fallback", ""))
    if node.name == "ac:link":
        return _inner_link(node, breaks, depth)
    macro = node.attributes.get("ac:name", "")
    if is_mark(node):
        return ""
    if macro == "status":
        return _escaped(node.parameter("title"))
    if macro == "jira":
        return _escaped(node.parameter("key"))
    held = [child for child in node.elements if child.name in _BODIES]
    return (
        _unheld(node) if not held else "".join(_inline(child, breaks, depth + 1) for child in held)
    )


def _unheld(macro: Element) -> str:
    return f"(macro {_escaped(macro.attributes.get('ac:name', ''))})"


def _inner_link(node: Element, breaks: str, depth: int) -> str:
    """A person becomes ``@account``, a page its words or its title."""
    if who := mentioned(node):
        return f"@{who}"
    for child in node.elements:
        if child.name in ("ac:link-body", "ac:plain-text-link-body"):
            return "".join(_inline(each, breaks, depth + 1) for each in child.children)
    return _escaped(_named(node))


def mentioned(node: Element) -> str:
    """Whom an element mentions; "" if nobody."""
    users = (child.attributes for child in node.elements if child.name == "ri:user")
    names = ("ri:account-id", "ri:username", "ri:userkey")
    found = (user[name] for user in users for name in names if user.get(name))
    return next(found, "") if node.name == "ac:link" else ""


def _named(node: Element) -> str:
    names = ("ri:filename", "ri:content-title", "ri:value")
    found = (each.attributes.get(name) for each in node.elements for name in names)
    return next((name for name in found if name), "")


def _link(node: Element, breaks: str, depth: int) -> str:
    address = node.attributes.get("href", "")
    if node.words == address and _FOLLOWED.fullmatch(address):
        return f"<{address}>" if re.search(r"[()_*~]", address) else address
    inner = "".join(_inline(child, breaks, depth + 1) for child in node.children).strip()
    if not _FOLLOWED.fullmatch(address) or not inner:
        return inner
    target = f"<{address}>" if re.search(r"[()]", address) else address
    return f"[{inner}]({target})"


def _wrapped(inner: str, mark: str) -> str:
    words = inner.strip()
    if not words:
        return inner
    before, after = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
    return f"{before}{mark}{words}{mark}{after}"


def _code(words: str) -> str:
    if not words:
        return ""
    longest = max((len(run) for run in re.findall(r"`+", words)), default=0)
    marks = "`" * (longest + 1)
    space = " " if words.startswith("`") or words.endswith("`") else ""
    return f"{marks}{space}{words}{space}{marks}".replace("|", _BAR)


def _escaped(text: str) -> str:
    """Words of which nothing is markup."""
    return _ESCAPED.sub(lambda match: "\\" + match[0], text)
