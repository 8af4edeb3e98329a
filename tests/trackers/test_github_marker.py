"""The due line in a body that people write in, too."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from integrations.github.marker import due_in, key_in, marked, set_due

DUE = date(2026, 12, 1)
LINE = "**Due:** 2026-12-01 <!-- followthrough:due -->"
OTHER = "**Due:** 2027-01-15 <!-- followthrough:due -->"
MARKER = "<!-- followthrough task:k3v9:2 -->"
PIECES = st.sampled_from(
    ["Words", " ", "\n", "\r\n", "\n\n", "\r", "```", "- [ ] do", "**Due:**", "é", OTHER, MARKER]
)
BODIES = st.lists(PIECES, max_size=12).map("".join)
DATES = st.dates(min_value=date(1000, 1, 1))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"{LINE}\n"),
        ("Words", f"Words\n\n{LINE}\n"),
        ("Words\r\n", f"Words\r\n\r\n{LINE}\r\n"),
        (f"Words\n\n{MARKER}\n", f"Words\n\n{LINE}\n\n{MARKER}\n"),
        (f"Words\r\n\r\n{MARKER}\r\n", f"Words\r\n\r\n{LINE}\r\n\r\n{MARKER}\r\n"),
        (f"Words {MARKER}", f"Words \n\n{LINE}\n\n{MARKER}"),
        (f"> {MARKER}\n\n{MARKER}", f"> {MARKER}\n\n{LINE}\n\n{MARKER}"),
        (f"{OTHER}\r\nWords {MARKER}", f"{LINE}\r\nWords {MARKER}"),
        (f"{OTHER} {MARKER}", f"{LINE} \n\n{MARKER}"),
        (f"Words\n{OTHER}  \nmore", f"Words\n{LINE}  \nmore"),
    ],
)
def test_a_date_is_set_where_it_stands_or_before_our_marker(before: str, after: str) -> None:
    assert set_due(before, DUE) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"Words\n\n{LINE}\n\n{MARKER}\n", f"Words\n\n{MARKER}\n"),
        (f"Words\r\n\r\n{LINE}\r\n\r\n{MARKER}\r\n", f"Words\r\n\r\n{MARKER}\r\n"),
        (f"Words\n{LINE}\n\nmore", "Words\n\nmore"),
        (f"Words\n\n{LINE}\nmore", "Words\n\nmore"),
        (f"{LINE}\n\nmore", "more"),
        (f"Words\n{LINE}", "Words\n"),
        (f"{LINE}\nWords\n{OTHER}\n", "Words\n"),
        ("Words", "Words"),
    ],
)
def test_a_date_that_goes_takes_its_line_and_no_word_with_it(before: str, after: str) -> None:
    assert set_due(before, None) == after


@given(BODIES, DATES)
def test_what_is_set_is_read_and_setting_it_twice_changes_nothing(body: str, due: date) -> None:
    once = set_due(body, due)
    assert due_in(once) == due
    assert set_due(once, due) == once
    assert due_in(set_due(body, None)) is None
    assert key_in(once) == key_in(body) == key_in(set_due(body, None))


@given(BODIES, DATES)
@example("Words\r\n\r\n" + MARKER, DUE)
def test_one_piece_comes_or_changes_and_all_else_keeps_every_character(
    body: str, due: date
) -> None:
    assume(not re.search(r"due -->[ \t\r]*<!-- followthrough ", body))  # drawn together: mended
    known, after = due_in(body), set_due(body, due)
    if known is not None:
        line = re.search(rf"^{re.escape(OTHER)}(?=[ \t]*\r?$)", body, re.MULTILINE)
        assert line is not None
        other = OTHER.replace(known.isoformat(), due.isoformat())
        assert after == body[: line.start()] + other + body[line.end() :]
        return
    start = next((i for i, (a, b) in enumerate(zip(body, after, strict=False)) if a != b), None)
    start = len(body) if start is None else start
    kept = len(body) - start
    assert after[len(after) - kept :] == body[start:]
    added = after[start : len(after) - kept]
    assert added.replace(f"**Due:** {due} <!-- followthrough:due -->", "").strip("\r\n") == ""


@given(BODIES)
def test_a_line_that_goes_takes_at_most_one_blank_line(body: str) -> None:
    plain, ours = set_due(body, None), re.compile(re.escape(OTHER) + r"[ \t]*\r?")
    lines = [line for line in body.split("\n") if not ours.fullmatch(line)]
    assert [line for line in plain.split("\n") if line.strip()] == [
        line for line in lines if line.strip()
    ]
    assert body.count("\n") - plain.count("\n") <= 2 * body.count(OTHER)


@given(st.text(alphabet="ab \n*<>", max_size=40), DATES)
def test_a_date_set_and_taken_away_leaves_our_own_body_as_it_was(words: str, due: date) -> None:
    body = marked(words, "task:k3v9:2")
    assert set_due(set_due(body, due), None) == body
    assert set_due(body, due) == marked(words, "task:k3v9:2", due) or not words.strip()
