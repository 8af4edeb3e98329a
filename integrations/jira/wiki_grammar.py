"""jira2markdown's grammar of wiki text, mended where Jira or Markdown would read it otherwise."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

from jira2markdown.elements import MarkupElements
from jira2markdown.markup.advanced import Code, Noformat, Panel
from jira2markdown.markup.base import AbstractMarkup
from jira2markdown.markup.links import Link
from jira2markdown.markup.text_effects import (
    Bold,
    Color,
    InlineQuote,
    Monospaced,
    QuotedElement,
    Strikethrough,
    Subscript,
    Superscript,
    Underline,
)
from pyparsing import (
    Empty,
    Forward,
    NoMatch,
    ParseElementEnhance,
    ParserElement,
    Regex,
    SkipTo,
)

#: What a text is worth, and each character of it: common text takes 150 at most. It is counted and
#: not timed, so that a text is read in the same way on a machine that is busy. A unit is one or two
#: microseconds of work.
WORTH, WORTH_OF_EACH = 300_000, 250

_OF_A_TRY = 80


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


class _Closed(QuotedElement):
    """A mark that opens is tried only where one stands behind it, in the same line, that may close
    it. jira2markdown searches the line from each, passing over all that may stand between: the
    switches of one command took a tenth of a second."""

    @property
    def expr(self) -> ParserElement:
        mark = re.escape(self.TOKEN)
        closes = rf"(?={mark}\S[^\n]*(?<!\s){mark}(?!\w))"
        return Regex(closes).suppress() + super().expr


class _Bold(_Closed, Bold):
    pass


class _Strikethrough(_Closed, Strikethrough):
    pass


class _Underline(_Closed, Underline):
    QUOTE_CHAR = END_QUOTE_CHAR = ""


class _InlineQuote(_Closed, InlineQuote):
    QUOTE_CHAR = END_QUOTE_CHAR = '"'


class _Superscript(_Closed, Superscript):
    QUOTE_CHAR = END_QUOTE_CHAR = ""


class _Subscript(_Closed, Subscript):
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
    """The text takes more work than its length is worth."""


class _Tried(AbstractMarkup):
    """Matches nothing, and counts whenever something is tried."""

    @property
    def expr(self) -> ParserElement:
        return Empty().add_parse_action(lambda: _GRAMMAR.spend(_OF_A_TRY)) + NoMatch()


class _Sought(ParseElementEnhance):
    """What ends a search, counted at each place where it is looked for. For each bracket that opens
    jira2markdown searches the rest of the text for the one that closes: a comment of 32,767 would
    take hours."""

    def __init__(self, expr: ParserElement, passed_over: Any) -> None:
        super().__init__(expr)
        # each element of it is tried at each place
        self._cost = 1 if passed_over is None else sum(1 for _ in _elements(passed_over))

    def parseImpl(self, instring: str, loc: int, do_actions: bool = True) -> Any:
        _GRAMMAR.spend(self._cost)
        return self.expr._parse(instring, loc, do_actions)


def _elements(whole: ParserElement) -> Iterator[ParserElement]:
    """It and every element below it, each once."""
    known, left = set[int](), [whole]
    while left:
        one = left.pop()
        if id(one) in known:
            continue
        known.add(id(one))
        yield one
        below = (getattr(one, name, None) for name in ("expr", "ignoreExpr", "failOn"))
        left += (each for each in (*below, *getattr(one, "exprs", ())) if each is not None)


_MENDED: tuple[tuple[type[AbstractMarkup], type[AbstractMarkup]], ...] = (
    (Code, _Code),
    (Noformat, _Noformat),
    (Panel, _Panel),
    (Link, _Link),
    (Monospaced, _Monospaced),
    (Color, _Color),
    (Bold, _Bold),
    (Strikethrough, _Strikethrough),
    (Underline, _Underline),
    (InlineQuote, _InlineQuote),
    (Superscript, _Superscript),
    (Subscript, _Subscript),
)


class _Grammar(threading.local):
    """jira2markdown's `convert`, whose grammar takes a tenth of a second to build, built once for
    each thread (pyparsing's expressions are not made for several)."""

    def __init__(self) -> None:
        self.left = 0
        elements = MarkupElements()
        elements.insert(0, _Words)
        elements.insert(0, _Tried)
        for theirs, ours in _MENDED:
            elements.replace(theirs, ours)
        inline, self.markup = Forward(), Forward()
        inline << elements.expr(
            inline, self.markup, {}, filter(lambda element: element.is_inline_element, elements)
        )
        self.markup << elements.expr(inline, self.markup, {}, elements)
        for search in [each for each in _elements(self.markup) if isinstance(each, SkipTo)]:
            search.expr = _Sought(search.expr, search.ignoreExpr)

    def spend(self, units: int) -> None:
        self.left -= units
        if self.left < 0:
            raise TooCostly


ParserElement.set_default_whitespace_chars("")  # as jira2markdown.parser does; blanks count
_GRAMMAR = _Grammar()


def transform(text: str) -> str:
    """Wiki text as Markdown, by jira2markdown's grammar as mended here. Raises TooCostly."""
    _GRAMMAR.left = WORTH + WORTH_OF_EACH * len(text)
    converted: str = _GRAMMAR.markup.transform_string(text)
    return converted
