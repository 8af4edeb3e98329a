"""Jira's wiki text (Data Center's rich text) ↔ Markdown, and its sections.

The conversions are mistletoe's and jira2markdown's; what stands here mends where they and Jira
differ. Notation: https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from mistletoe.block_token import Document
from mistletoe.contrib.jira_renderer import JiraRenderer

from integrations.hidden import without_comments
from integrations.jira.wiki_grammar import transform

log = logging.getLogger(__name__)

_HEADING = re.compile(r"h[1-6]\.[ \t]+(?P<text>.*?)[ \t]*\r?\n?")
_BLOCKS = re.compile(r"\{(code|noformat)(?::[^}\n]*)?\}.*?\{\1\}", re.DOTALL)
_VERBATIM = re.compile(_BLOCKS.pattern + r"|\{\{.*?\}\}", re.DOTALL)
_OTHERS_WORDS = re.compile(r"\{(quote|code|noformat)(?::[^}\n]*)?\}.*?(?:\{\1\}|\Z)", re.DOTALL)
_FOLLOWED = re.compile(r"(https?://|mailto:)[^\s<>|\[\]]+", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


def from_markdown(text: str) -> str:
    """Markdown as wiki text. Hidden comments and HTML are left out; what is only text in the
    Markdown is only text in Jira: no mention, macro, image or link comes out of it."""
    with _Renderer() as renderer:
        rendered: str = renderer.render(Document(without_comments(text)))
    return rendered.strip("\n")


def to_markdown(text: Any) -> str:
    """Wiki text (or None) as Markdown. ``[~name]`` becomes ``@name``."""
    return _to_markdown(text) if isinstance(text, str) else ""


@lru_cache(maxsize=512)  # a ticket is read again and again, and long texts take long
def _to_markdown(text: str) -> str:
    prepared = _outside_of_code(text.replace("\r\n", "\n"), _prepare)
    apart = _BLOCKS.sub(_on_its_own_lines, prepared)
    tables: list[str] = []
    text = _outside_of_code(apart, lambda part: _set_aside(part, tables), _BLOCKS)
    # Whoever quotes or pastes a text does not say it: what stands in it is quoted still.
    converted = _read(text, lambda left: _OTHERS_WORDS.sub(_quoted, left))
    converted = _ASIDE.sub(lambda match: _put_table(match, tables), converted)
    return _put_back(converted).strip("\n")


def _read(text: str, otherwise: Callable[[str], str]) -> str:
    """Whatever the converter trips over (deep nesting, a table of bare bars), the ticket must still
    be read: its text stays `otherwise` as it was written."""
    try:
        return transform(text)
    except Exception as fault:  # noqa: BLE001
        log.warning("wiki text is left as it is: %s", type(fault).__name__)
        return otherwise(text)


def sections(text: Any) -> dict[str, str]:
    """Heading text → the Markdown of what stands under it, up to the next heading of any level.
    Of two equal headings the first counts."""
    found: dict[str, str] = {}
    for heading, _, body in _split(text):
        if heading is not None:
            found.setdefault(heading, to_markdown(body))
    return found


def replace_sections(text: Any, bodies: Mapping[str, str]) -> str:
    """The text with what stands under these headings replaced, and not one other character
    changed. A heading that is no longer there is left out: a person deleted its section."""
    parts: list[str] = []
    left = dict(bodies)
    for heading, line, body in _split(text):
        if heading is None or heading not in left:
            parts += [line, body]
            continue
        new = _demoted(from_markdown(left.pop(heading)))
        parts += [line if line.endswith("\n") else line + "\n", f"\n{new}\n\n" if new else "\n"]
    return "".join(parts)


def size(text: str) -> int:
    """What Jira's limit of 32,767 characters is held against."""
    return len(text)


# --- sections -----------------------------------------------------------------------------------


def _split(text: Any) -> Iterator[tuple[str | None, str, str]]:
    """(heading, its line, what stands under it); first what stands under none."""
    whole = text if isinstance(text, str) else ""
    code = [match.span() for match in _VERBATIM.finditer(whole)]
    heading: str | None = None
    line, body, position = "", "", 0
    for row in whole.splitlines(keepends=True):
        match = _HEADING.fullmatch(row)
        if match and not any(start < position < end for start, end in code):
            yield heading, line, body
            heading, line, body = _words(match["text"]), row, ""
        else:
            body += row
        position += len(row)
    yield heading, line, body


def _words(text: str) -> str:
    """A heading's wiki text as the words that it shows."""
    return " ".join(re.sub(r"\\([^\w\s])|(?<!\w)[*_]|[*_](?!\w)", r"\1", text).split())


def _demoted(text: str) -> str:
    """A heading inside a section would end it; it becomes a line in bold."""
    return re.sub(r"^h[1-6]\.[ \t]+(.*)$", r"*\1*", text, flags=re.MULTILINE)


# --- Markdown → wiki ------------------------------------------------------------------------------

#: What would begin markup where it stands. Hyphens and underscores inside words begin nothing,
#: so "2026-12-01" and "my_service" stay readable in the source.
_MARKUP = re.compile(
    r"[{}\[\]|]|!(?=\S|$)|(?<![^\W_])[*_\-+^~#](?=\S|$)|\?(?=\?|$)"
    # pictures: (x), (*r), (flagoff), :-) and the like; a backslash escapes brackets, too
    r"|\((?=(?:[!xyni/?+\-*]|\*[rgby]|on|off|flag(?:off)?)\))|(?:^|(?<=[:;\ue05c])|(?<=[:;]-))[()]",
    re.IGNORECASE,
)
#: https://app.unpkg.com/@atlaskit/editor-wikimarkup-transformer/files/dist/es2019/parser/utils/escape.js
_ESCAPABLE = frozenset("-#*_+?^~|{}[]()!")
_FACE = re.compile(r"(?<=:)(?=[PD](?![0-9A-Za-z]))")
#: A heading, a quotation, a list, where a paragraph or a cell begins.
_LINE_START = re.compile(r"^([ \t]*(?:h[1-6]|bq))(?=\.)", re.MULTILINE)
_BULLET = re.compile(r"^([ \t]*)(?=[*#\-]+[ \t])", re.MULTILINE)
_BARE_ADDRESS = re.compile(r"(https?://[^\s<>|{}\[\]\\]*[^\s<>|{}\[\]\\.,;:!?()'\"*_])")

#: Formatters that every Data Center has; another name shows an error in place of the code.
_LANGUAGES = frozenset({"bash", "java", "javascript", "json", "python", "sql", "xml", "yaml"})


_Untyped: Any = JiraRenderer  # mistletoe has no types


class _Renderer(_Untyped):  # type: ignore[misc]
    """mistletoe's renderer, mended where its output is not what Jira reads."""

    def render_raw_text(self, token: Any, escape: bool = True) -> str:
        text = str(token.content)
        return _with_addresses(text) if escape else text

    def render_escape_sequence(self, token: Any) -> str:
        # one character, whose neighbours are not seen here
        character = str(token.children[0].content)
        return f"\\{character}" if character in _ESCAPABLE else _inert(character)

    def render_paragraph(self, token: Any) -> str:
        return _plain_start(self.render_inner(token)) + str(self._block_eol(token))

    def render_heading(self, token: Any) -> str:
        return f"h{token.level}. {' '.join(self.render_inner(token).split())}\n\n"

    def render_quote(self, token: Any) -> str:
        # "bq." ends at the first line break
        return f"{{quote}}\n{self.render_inner(token).strip()}\n{{quote}}{self._block_eol(token)}"

    def render_block_code(self, token: Any) -> str:
        code = token.children[0].content.replace("{code", "{\u2060code")
        language = token.language.lower() if token.language else ""
        name = f":{language}" if language in _LANGUAGES else ""
        return f"{{code{name}}}\n{code}{{code}}{self._block_eol(token)}"

    def render_inline_code(self, token: Any) -> str:
        # inside {{ }} a backslash is shown, and "}}" ends it: numeric entities do neither
        code = re.sub(r"[^\w\s]|_", lambda match: f"&#{ord(match[0])};", token.children[0].content)
        return "{{" + code.strip() + "}}"

    def render_link(self, token: Any) -> str:
        words = str(self.render_inner(token))
        address = str(token.target)
        if not _FOLLOWED.fullmatch(address):
            return words
        return f"[{words}|{address}]" if words.strip() else f"[{address}]"

    def render_auto_link(self, token: Any) -> str:
        address = str(token.target)
        return f"[{address}]" if _FOLLOWED.fullmatch(address) else str(self.render_inner(token))

    def render_image(self, token: Any) -> str:
        words = str(self.render_inner(token)) or "picture"
        address = str(token.src)
        return f"[{words}|{address}]" if _FOLLOWED.fullmatch(address) else words

    def render_table_cell(self, token: Any, in_header: bool = False) -> str:
        # the parent class escapes "|" here, in links too; we did so in their words only
        words = _plain_start(self.render_inner(token).replace("\n", " ").strip()) or " "
        return f"||{words}" if in_header else f"|{words}"

    def render_thematic_break(self, _token: Any) -> str:
        return "----\n\n"

    def render_html_span(self, token: Any) -> str:
        return "\\\\\n" if re.fullmatch(r"<br\s*/?>", token.content, re.IGNORECASE) else ""

    def render_html_block(self, token: Any) -> str:
        words = _TAG.sub("", token.content).strip()
        return f"{_plain_start(_with_addresses(words))}\n\n" if words else ""


def _with_addresses(text: str) -> str:
    """The words as nothing but words, and addresses that stand bare as the links that they were."""
    words = _BARE_ADDRESS.split(text)
    words[::2] = [_inert(part) for part in words[::2]]
    words[1::2] = [f"[{address}]" for address in words[1::2]]
    return "".join(words)


def _inert(words: str) -> str:
    marked = _MARKUP.sub(lambda match: "\\" + match[0], words.replace("\\", "\ue05c"))
    marked = _FACE.sub("\u2060", marked)
    return marked.replace("\ue05c", "&#92;")  # two backslashes would be a line break


def _plain_start(text: str) -> str:
    """What is text in a paragraph of Markdown begins no block: "h2. x" gets a zero-width joiner,
    a bullet a backslash."""
    return _BULLET.sub(r"\1\\", _LINE_START.sub("\\1\u2060", text))


# --- wiki → Markdown ------------------------------------------------------------------------------

_STAND_IN = 0xE100  # + the code of a character that was escaped: jira2markdown knows no escapes
_UNDERSCORE, _LINE_BREAK = chr(_STAND_IN), chr(_STAND_IN + 1)
_STANDS_IN = re.compile("[\ue100-\ue180]")
_ESCAPED = re.compile(r"\\(?![\\\s\w])([!-~])")
_BREAK = re.compile(r"(?<!\\)[ \t]*\\\\(?!\\)[ \t]*\n?")
_MENTION = re.compile(r"\[~(?:accountid:)?([^\]|\s~]+)\]", re.IGNORECASE)
_BRACKETS = (chr(_STAND_IN + ord("[")), chr(_STAND_IN + ord("]")))
_WORD_IN_BRACKETS = re.compile(rf"{_BRACKETS[0]}([A-Za-z][\w -]*){_BRACKETS[1]}(?![(\[:])")
_BOX = re.compile(rf"^([ ]*- )[{_BRACKETS[0]}\[]([ xX])[{_BRACKETS[1]}\]](?= )", re.MULTILINE)
_MARKDOWN_MARKUP = frozenset("\\`*_[]<>|#")


#: A table none of whose cells holds a line break. These are read here: with jira2markdown's own
#: element a table of 200 rows takes seconds.
_TABLE = re.compile(r"(?:^[ ]*\|[^\n]*\|[ \t]*(?:\n|\Z))+", re.MULTILINE)
_CELL = re.compile(r"(\|\|?)((?:\[[^\]\n]*\]|\{\{.*?\}\}|[^|\n])*)")
_ASIDE = re.compile("(^(?:> ?)+|)[ ]*\ue180([0-9]+)\ue180", re.MULTILINE)


def _on_its_own_lines(block: re.Match[str]) -> str:
    """A block of code that begins behind words, or has some behind it: a fence of Markdown must
    begin and end a line. In a row of a table it cannot."""
    before = block.string[: block.start()].rpartition("\n")[2]
    after = block.string[block.end() :].partition("\n")[0]
    if before.lstrip().startswith("|"):
        return block[0]
    above = "\n" if before.strip() and not before.rstrip().endswith("{quote}") else ""
    return above + block[0] + ("\n" if after.strip() and after[:7] != "{quote}" else "")


def _quoted(block: re.Match[str]) -> str:
    return "\n" + "\n".join(f"> {line}" for line in block[0].split("\n")) + "\n"


def _set_aside(text: str, tables: list[str]) -> str:
    """The text with each whole table read and replaced by its number; a table of which only some
    rows are so simple is left to jira2markdown."""

    def read(match: re.Match[str]) -> str:
        before = text[: match.start()].rpartition("\n")[0].rpartition("\n")[2]
        after = text[match.end() :].partition("\n")[0]
        if "|" in before or "|" in after:
            return match[0]
        tables.append(_table(match[0]))
        above = "\n" if before.strip() else ""
        return f"{above}\ue180{len(tables) - 1}\ue180\n" + ("\n" if after.strip() else "")

    return _TABLE.sub(read, text)


def _table(text: str) -> str:
    rows = [[cell[2] for cell in _CELL.finditer(row.strip())][:-1] for row in text.splitlines()]
    width = max(map(len, rows))
    lines = [_row([_cell(text) for text in row] + [""] * (width - len(row))) for row in rows]
    lines.insert(1, _row(["---"] * width))
    return "\n".join(lines)


def _put_table(match: re.Match[str], tables: list[str]) -> str:
    """The table, inside of the quote that it stood in."""
    return "\n".join(match[1] + line for line in tables[int(match[2])].splitlines())


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(text: str) -> str:
    read = _read(text.strip(), lambda left: left.replace("|", "\\|"))
    return read.strip().replace("\n", "<br>")


def _prepare(text: str) -> str:
    text = _STANDS_IN.sub("", text).replace("&#92;", chr(_STAND_IN + ord("\\")))
    text = _ESCAPED.sub(lambda match: chr(_STAND_IN + ord(match[1])), text)
    text = _MENTION.sub(lambda match: "@" + match[1].replace("_", _UNDERSCORE), text)
    text = _BREAK.sub(_LINE_BREAK, text)
    return re.sub(r"[<`]", lambda match: chr(_STAND_IN + ord(match[0])), text)


def _put_back(text: str) -> str:
    text = "\n".join(
        line.replace(_LINE_BREAK, "<br>" if line.startswith(("|", ">")) else "  \n")
        for line in text.split("\n")
    )
    text = _BOX.sub(r"\1[\2]", text)
    text = _WORD_IN_BRACKETS.sub(r"[\1]", text)

    def plain(match: re.Match[str]) -> str:
        if match[0] == _UNDERSCORE:
            return "_"
        character = chr(ord(match[0]) - _STAND_IN)
        return f"\\{character}" if character in _MARKDOWN_MARKUP else character

    return _STANDS_IN.sub(plain, text)


def _outside_of_code(
    text: str, change: Callable[[str], str], code: re.Pattern[str] = _VERBATIM
) -> str:
    done, position = [], 0
    for match in code.finditer(text):
        done += [change(text[position : match.start()]), match[0]]
        position = match.end()
    return "".join([*done, change(text[position:])])
