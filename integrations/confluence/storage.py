"""Confluence's storage format: where its elements stand in the text, and sections by heading.

The format is XML with prefixes that are declared nowhere and the named characters of HTML.
A page is edited by replacing the text of one section: whatever stands elsewhere, people's macros,
layouts and attachments among it, stays byte for byte.
https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from xml.parsers import expat

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")

#: What a page's layout is made of; a section stands inside one cell of it.
#: https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html#ConfluenceStorageFormat-Pagelayouts
_LAYOUT = ("ac:layout", "ac:layout-section", "ac:layout-cell")

_OPEN, _CLOSE = b"<page>", b"</page>"
_TAG = re.compile(rb"<[^<>\"']*(?:\"[^\"]*\"[^<>\"']*|'[^']*'[^<>\"']*)*>")


class NoStorage(ValueError):
    """The text is no storage format; the message says where it is not."""


@dataclass(slots=True)
class Element:
    """An element, and where it stands in the UTF-8 bytes of the page: from `start` to `end`, what
    it holds from `inner` to `inner_end`."""

    name: str
    attributes: Mapping[str, str]
    start: int = 0
    inner: int = 0
    inner_end: int = 0
    end: int = 0
    children: list[Element | str] = field(default_factory=list)

    @property
    def elements(self) -> list[Element]:
        return [child for child in self.children if isinstance(child, Element)]

    @property
    def text(self) -> str:
        """The characters in it and below it, as they stand."""
        parts = []
        left: list[Element | str] = [self]
        while left:
            one = left.pop()
            if isinstance(one, str):
                parts.append(one)
            else:
                left += reversed(one.children)
        return "".join(parts)

    @property
    def words(self) -> str:
        """The same in one line."""
        return " ".join(self.text.split())

    def walk(self) -> Iterator[Element]:
        """It and everything below it, in the order of the text."""
        left = [self]
        while left:
            one = left.pop()
            yield one
            left += reversed(one.elements)

    def parameter(self, name: str) -> str:
        """What a macro was given under this name; "" where nothing was."""
        for child in self.elements:
            if child.name == "ac:parameter" and child.attributes.get("ac:name", "") == name:
                return child.text.strip()
        return ""


class _Reader:
    """Puts the tree together while expat reads. Named characters are resolved here: without the
    DTD that would declare them they are skipped, and not an error."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.root = Element("", {})
        self._open = [self.root]
        parser = expat.ParserCreate("utf-8")
        parser.UseForeignDTD(True)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.SkippedEntityHandler = self._entity
        self._parser = parser

    def read(self) -> Element:
        try:
            self._parser.Parse(self._data, True)
        except expat.ExpatError as error:
            raise NoStorage(str(error)) from None
        (page,) = self.root.elements
        return page

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        start = self._parser.CurrentByteIndex
        tag = _TAG.match(self._data, start)
        inner = tag.end() if tag else start
        element = Element(name, attributes, start, inner, inner, inner)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, name: str) -> None:
        del name
        element, at = self._open.pop(), self._parser.CurrentByteIndex
        if not self._data.endswith(b"/>", 0, element.inner):
            element.inner_end = at
            element.end = self._data.index(b">", at) + 1

    def _text(self, text: str) -> None:
        self._open[-1].children.append(text)

    def _entity(self, name: str, is_parameter: bool) -> None:
        if not is_parameter:
            self._open[-1].children.append(html.unescape(f"&{name};"))


def parse(storage: str) -> Element:
    """The page as one element. Positions count from `_OPEN` on. Raises NoStorage."""
    return _Reader(_wrapped(storage)).read()


def headings(page: Element) -> Iterator[tuple[Element, Element, int]]:
    """Each heading that stands on the page itself or in a cell of its layout, with the element that
    it stands in and its place among that one's children. One inside a macro or a table begins no
    section."""
    for holder in _holders(page):
        for place, child in enumerate(holder.children):
            if isinstance(child, Element) and child.name in HEADINGS:
                yield child, holder, place


def section(holder: Element, place: int) -> list[Element | str]:
    """What stands under the heading at this place, up to the next heading of any level, or to where
    a layout begins."""
    found = []
    for child in holder.children[place + 1 :]:
        if isinstance(child, Element) and child.name in (*HEADINGS, *_LAYOUT):
            break
        found.append(child)
    return found


def replace_sections(storage: str, bodies: Mapping[str, str]) -> str:
    """The page with what stands under these headings replaced (heading → storage format), and
    every other byte as it was. Of two equal headings the first counts; one that is no longer there
    is left out: its section was deleted by a person. Raises NoStorage."""
    data, page = _wrapped(storage), parse(storage)
    left, cuts = dict(bodies), list[tuple[int, int, bytes]]()
    for heading, holder, place in headings(page):
        if heading.words not in left:
            continue
        under = [child for child in section(holder, place) if isinstance(child, Element)]
        start, end = heading.end, _end(holder, place)
        if not under and not data[start:end].strip():
            end = start  # white space stays where nothing else was
        cuts.append((start, end, left.pop(heading.words).encode()))
    for start, end, body in sorted(cuts, reverse=True):  # a layout's headings come last
        data = data[:start] + body + data[end:]
    return data[len(_OPEN) : -len(_CLOSE)].decode()


#: From where to where, counted as an element's places are, and what is to stand there.
Edit = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Part:
    """Of what stands under a heading, one element that stands alone, or what stands in a line
    between two of these: the nodes, and the text in UTF-8 as it is written, with what follows
    unseen. It begins at `start`, counted as the nodes' places are."""

    nodes: Sequence[Element | str]
    data: bytes
    start: int

    @property
    def written(self) -> str:
        return self.data.decode()

    def without(self, elements: Iterable[Element]) -> str:
        """As it is written but for these of its elements, which stand in their order."""
        return self.edited((element.start, element.end, "") for element in elements)

    def edited(self, edits: Iterable[Edit], of: Element | None = None) -> str:
        """As it is written, or as one element `of` it is, but for these places, in their order."""
        kept = list[bytes]()
        at = of.start if of else self.start
        end = of.end if of else self.start + len(self.data)
        for start, stop, text in edits:
            kept += self.data[at - self.start : start - self.start], text.encode()
            at = stop
        return b"".join((*kept, self.data[at - self.start : end - self.start])).decode()


def parts_under(storage: str, alone: Callable[[Element], bool]) -> dict[str, list[Part]]:
    """Heading → the parts of what stands under it; nothing but white space is none. `alone` tells
    which elements stand alone. Of two equal headings the first counts. Raises NoStorage."""
    data, found = _wrapped(storage), dict[str, list[Part]]()
    for heading, holder, place in headings(parse(storage)):
        if heading.words not in found:
            runs = _runs(section(holder, place), heading.end, _end(holder, place), alone)
            found[heading.words] = parts = []
            for nodes, start, end in runs:
                written = data[start:end]
                if written.decode().strip():
                    parts.append(Part(nodes, written, start))
                elif parts:
                    parts[-1] = replace(parts[-1], data=parts[-1].data + written)
    return found


def _runs(
    nodes: Sequence[Element | str], start: int, end: int, alone: Callable[[Element], bool]
) -> Iterator[tuple[list[Element | str], int, int]]:
    line: list[Element | str] = []
    for node in nodes:
        if isinstance(node, Element) and alone(node):
            yield line, start, node.start
            yield [node], node.start, node.end
            line, start = [], node.end
        else:
            line.append(node)
    yield line, start, end


def _end(holder: Element, place: int) -> int:
    """Where the section under the heading at this place ends."""
    after = holder.children[place + 1 + len(section(holder, place)) :]
    following = next((child for child in after if isinstance(child, Element)), None)
    return following.start if following is not None else holder.inner_end


def _holders(page: Element) -> Iterator[Element]:
    yield page
    for child in page.elements:
        if child.name in _LAYOUT:
            yield from _holders(child)


def _wrapped(storage: str) -> bytes:
    return _OPEN + storage.encode("utf-8", "replace") + _CLOSE


# --- our own mark -------------------------------------------------------------------------------

_MARK = "followthrough-"


def marked(storage: str, key: str) -> str:
    """A page's text, marked with our key by an anchor at its very beginning, where it stands in no
    section. A reader does not see it, and Confluence keeps a macro's parameters as they are, while
    comments and unknown attributes do not outlive its editor."""
    name = html.escape(_MARK + key)
    anchor = (
        '<p><ac:structured-macro ac:name="anchor" ac:schema-version="1">'
        f'<ac:parameter ac:name="">{name}</ac:parameter></ac:structured-macro></p>'
    )
    return anchor + storage


def keys(page: Element) -> set[str]:
    """The keys by which a page is marked as ours."""
    return {e.parameter("").removeprefix(_MARK) for e in page.walk() if is_mark(e)}


def is_mark(element: Element) -> bool:
    """Whether it is a mark of ours, whatever the key."""
    named = element.attributes.get("ac:name") == "anchor"
    return named and element.parameter("").startswith(_MARK)
