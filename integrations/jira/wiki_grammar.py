"""jira2markdown's grammar of wiki text, mended where Jira or Markdown would read it otherwise."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

from jira2markdown.elements import MarkupElements
from jira2markdown.markup.advanced import Code, Noformat, Panel
from jira2markdown.markup.base import AbstractMarkup
from jira2markdown.markup.links import Link
from jira2markdown.markup.text_effects import (
    Color,
    InlineQuote,
    Monospaced,
    Subscript,
    Superscript,
    Underline,
)
from pyparsing import Empty, Forward, NoMatch, ParserElement, Regex

#: Seconds of this thread's own work that a text is worth: four times what common text takes.
PATIENCE, PATIENCE_FOR_EACH = 0.5, 0.0005


class _Code(Code):
    """Code whose language nobody named is not Java, and may hold fences."""

    def action(self, tokens: Any) -> str:
        return _fenced(tokens.text, tokens.lang or "")


class _Noformat(Noformat):
    """The same without a language."""

    def action(self, tokens: Any) -> str:
        return _fenced(tokens.text)


def _fenced(code: str, language: str = "") -> str:
    text = code.strip("\n")
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`{3,}", text)), 3)
    return f"{fence}{language}\n{text}\n{fence}"


class _Panel(Panel):
    """A panel is the author's own text, not a quotation."""

    def action(self, tokens: Any) -> str:
        quoted: str = super().action(tokens)
        return "\n".join(line.removeprefix("> ") for line in quoted.splitlines())


class _Link(Link):
    """An address that nobody gave words to stays as it is."""

    def action(self, tokens: Any) -> str:
        made: str = super().action(tokens)
        return made[1:-1] if made.startswith("<") else made


class _Monospaced(Monospaced):
    def action(self, tokens: Any) -> str:
        code = re.sub(r"&#([0-9]{1,5});", lambda match: chr(int(match[1])), tokens[0])
        return f"`` {code} ``" if "`" in code else f"`{code}`"


class _Color(Color):
    """Markdown has no colours; jira2markdown would write HTML."""

    def action(self, tokens: Any) -> str:
        return str(self.inline_markup.transform_string(tokens.text))


class _Underline(Underline):
    QUOTE_CHAR = END_QUOTE_CHAR = ""


class _InlineQuote(InlineQuote):
    QUOTE_CHAR = END_QUOTE_CHAR = '"'


class _Superscript(Superscript):
    QUOTE_CHAR = END_QUOTE_CHAR = ""


class _Subscript(Subscript):
    QUOTE_CHAR = END_QUOTE_CHAR = ""


class _Words(AbstractMarkup):
    """Plain words in one step. jira2markdown tries every element at every character, which takes
    some 13 seconds for a full description; nothing but an address begins with a letter inside
    a line, and what looks back looks at the text, not at what was matched."""

    @property
    def expr(self) -> ParserElement:
        address = r"(?!(?:https?|ftp)://)"
        # joiners, and what stands for escaped characters, are no markup either
        between = r"[ ,;:.'\"()/=%&@→—–\u2060\ue100-\ue17f]"
        return Regex(
            rf"(?!(?:h[1-6]|bq)\.){address}[^\W_]+(?:{between}+{address}[^\W_]+)*",
            re.IGNORECASE,
        )


class TooCostly(Exception):
    """The text takes longer than its length is worth."""


class _Patience(AbstractMarkup):
    """Matches nothing, and looks at the time whenever something is tried. For each mark that opens
    jira2markdown searches the rest of the line for the one that closes: "-a -a -a …" of 3,750
    characters took minutes, and a comment may have 32,767."""

    @property
    def expr(self) -> ParserElement:
        return Empty().add_parse_action(self._look) + NoMatch()

    @staticmethod
    def _look() -> None:
        if time.thread_time() > _GRAMMAR.until:
            raise TooCostly


_MENDED: tuple[tuple[type[AbstractMarkup], type[AbstractMarkup]], ...] = (
    (Code, _Code),
    (Noformat, _Noformat),
    (Panel, _Panel),
    (Link, _Link),
    (Monospaced, _Monospaced),
    (Color, _Color),
    (Underline, _Underline),
    (InlineQuote, _InlineQuote),
    (Superscript, _Superscript),
    (Subscript, _Subscript),
)


class _Grammar(threading.local):
    """jira2markdown's `convert`, whose grammar takes a tenth of a second to build, built once for
    each thread (pyparsing's expressions are not made for several)."""

    def __init__(self) -> None:
        self.until = 0.0
        elements = MarkupElements()
        elements.insert(0, _Words)
        elements.insert(0, _Patience)
        for theirs, ours in _MENDED:
            elements.replace(theirs, ours)
        inline, self.markup = Forward(), Forward()
        inline << elements.expr(
            inline, self.markup, {}, filter(lambda element: element.is_inline_element, elements)
        )
        self.markup << elements.expr(inline, self.markup, {}, elements)


ParserElement.set_default_whitespace_chars("")  # as jira2markdown.parser does; blanks count
_GRAMMAR = _Grammar()


def transform(text: str) -> str:
    """Wiki text as Markdown, by jira2markdown's grammar as mended here. Raises TooCostly."""
    _GRAMMAR.until = time.thread_time() + PATIENCE + PATIENCE_FOR_EACH * len(text)
    converted: str = _GRAMMAR.markup.transform_string(text)
    return converted
