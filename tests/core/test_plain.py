"""What a Markdown text says in one line, and how excerpts show it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.excerpts import excerpts, pattern_of
from workflows.plain import fields, plain
from workflows.projection import Part, Passage
from workflows.queries import parse


@pytest.mark.parametrize(
    ("markdown", "said"),
    [
        ("| **Severity** | sev1 |\n| --- | --- |\n| *Team* | pay |", "Severity: sev1 · Team: pay"),
        ("| A | B | |\n|---|---|---|\n| disk | graph | 7 |", "A, B · disk, graph, 7"),
        ("It was **slow**\nand __late__.\n\n- one\n- [x] two", "It was slow and late. · one · two"),
        ("## Impact\n\n> 1. first\n> 2. second", "Impact · first · second"),
        ('see [the graph](https://graphs.example/7 "7"), ![x](y)', "see the graph, x"),
        ("```sh\nls | wc\n```\nand `a * b`", "ls | wc and a * b"),
        ("a <!-- nobody sees\nthis --> b", "a b"),
        ("snake_case_word, 2*3*4, \\*stars\\*", "snake_case_word, 2*3*4, *stars*"),
        ("<b>disk</b> & <script>", "<b>disk</b> & <script>"),
    ],
)
def test_the_words_of_markdown_are_told_without_its_marks(markdown: str, said: str) -> None:
    assert plain(markdown) == said


def test_lines_that_each_say_something_else_are_told_apart() -> None:
    assert (
        fields("Alert on **depth**\n\nit pages\nKim Ito") == "Alert on depth · it pages · Kim Ito"
    )


@given(st.text(alphabet="ab \n|*_`#->[](){}\\!<1.", max_size=300))
def test_whatever_is_written_comes_to_one_line_in_which_all_letters_stay(text: str) -> None:
    said = plain(text)
    assert "\n" not in said
    unlinked = not {"]", "<", "`"} & set(text)  # addresses, comments and the name of a fence go
    assert not unlinked or [c for c in said if c in "ab"] == [c for c in text if c in "ab"]


def test_an_excerpt_is_without_marks_but_for_words_that_stand_in_them_alone() -> None:
    text = "**Slow** [graph](https://graphs.example/latency)"
    passages = [Passage(Part.SECTION, 0, "The **disk**", text)]
    (found,) = excerpts(passages, pattern_of(parse("slow").terms))
    assert (found.title, found.segments) == ("The disk", (("Slow", True), (" graph", False)))
    (found,) = excerpts(passages, pattern_of(parse("latency").terms))
    assert ("latency", True) in found.segments
