"""Hidden comments are left out where a format has none, and only they."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.confluence import reading, writing
from integrations.hidden import without_comments
from integrations.jira import adf, wiki

SHOWN = [
    "a `<!--` that begins\n\n## Section\n\nand one `-->` that ends",
    "```html\n<!-- said -->\n```",
    "- item\n\n    ~~~\n    <!-- said\n    ~~~\n\nlast -->",
    "``a ` <!-- b -->``",
    "\\<!-- words -->",
    "words <!-- that\n\nend --> nowhere",
    "```\n<!-- never closed -->",
]


@pytest.mark.parametrize("text", SHOWN)
def test_what_looks_like_a_comment_and_is_none_stays(text: str) -> None:
    assert without_comments(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a <!-- x --> b", "ab"),
        ("<!-- x\n\ny -->\nb", "\nb"),
        ("<!-- `a` --> b `<!-- c -->`", "b `<!-- c -->`"),
        ("```a``` <!-- x -->\n\n`b`", "```a```\n\n`b`"),
        ("`open\n\n<!-- x -->", "`open\n\n"),
        ("```\na\n```\n<!-- x -->\n```\nb\n```", "```\na\n```\n\n```\nb\n```"),
    ],
)
def test_a_comment_is_left_out(text: str, left: str) -> None:
    assert without_comments(text) == left


def test_code_with_a_comment_is_shown_in_every_format() -> None:
    text = f"{SHOWN[0]}\n\n{SHOWN[1]}"
    shown = (
        reading.to_markdown(writing.from_markdown(text)),
        adf.to_markdown(adf.from_markdown(text)),
        wiki.to_markdown(wiki.from_markdown(text)),
    )
    for told in shown:
        assert "Section" in told
        assert "<!-- said -->" in told


@given(st.text("`~<!->\\ \nab", max_size=40))
def test_nothing_but_comments_goes(text: str) -> None:
    left = without_comments(text)
    assert left == text or ("<!--" in text and "-->" in text)
