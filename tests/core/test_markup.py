"""Copied text can be read, and does nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from workflows.markup import excerpt, inert, link, plain_title

HOSTILE = [
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "<!-- followthrough:end timeline -->",
    "# heading",
    "- [ ] ACTION: pay",
    "| a | b |",
    "```\ncode\n```",
    "> quote",
    "1. one",
    "**bold** _it_ ~~no~~",
    "<https://evil.example>",
    "&lt;b&gt;",
    "a\n---\nb",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_copied_text_is_one_plain_paragraph(text: str) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(inert(text))
    assert [t.type for t in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = {child.type for child in tokens[1].children or []}
    assert children <= {"text", "text_special", "code_inline"}


def test_mentions_references_and_closing_words_are_broken() -> None:
    for text in ("@kim", "@acme/ops", "#12", "acme/ops#12", "GH-12", "fixes #12", "Closes: #12"):
        shown = inert(text)
        assert text not in shown
        assert shown.replace("\u2060", "").replace("\\", "") == text


@given(st.text(max_size=120))
def test_any_text_becomes_one_paragraph_of_text_or_nothing(text: str) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(inert(text))
    assert [t.type for t in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    for token in tokens:
        assert {c.type for c in token.children or []} <= {"text", "text_special", "code_inline"}


@given(st.text(max_size=400), st.integers(10, 100))
def test_an_excerpt_is_not_longer_than_asked(text: str, limit: int) -> None:
    assert len(excerpt(text, limit)) <= limit + 2


def test_a_link_is_only_made_of_an_address() -> None:
    assert link("a", "https://x.example/y") == "[a](https://x.example/y)"
    assert link("a", "javascript:alert(1)") == "a"
    assert link("a", "https://x.example/) [b](https://evil.example") == "a"


def test_a_title_is_one_line_and_calls_nobody() -> None:
    assert plain_title("Down\nagain @everyone") == "Down again @\u2060everyone"
