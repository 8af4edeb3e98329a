"""A timeline that is too long gives way, and says so."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workflows.fitting import fitted

HEAD = "| When | What | Basis |\n| --- | --- | --- |"
STATUS = "| 09:00 | status: open → closed | recorded |"
LABEL = "| 09:00 | label: sev1 | recorded |"
WORDS = "| 09:00 | somebody said something | reported |"


def shortened(timeline: str, limit: int) -> str:
    return fitted(timeline, lambda text: text, lambda text: len(text) <= limit)


def test_what_fits_is_not_touched() -> None:
    assert shortened(f"{HEAD}\n{WORDS}", 10_000) == f"{HEAD}\n{WORDS}"


def test_words_go_first_then_changes_then_statuses() -> None:
    timeline = "\n".join([HEAD, WORDS, STATUS, LABEL, WORDS])
    note = 80
    short = shortened(timeline, len(timeline) - 2 * len(WORDS) + note)
    assert (short.count(WORDS), short.count(LABEL), short.count(STATUS)) == (0, 1, 1)
    assert short.endswith("*2 more rows do not fit here: the incident ticket has them.*")


def test_shortened_twice_it_counts_all_that_is_missing() -> None:
    timeline = "\n".join([HEAD, *[WORDS] * 50])
    once = shortened(timeline, 2000)
    twice = shortened(once, 1000)
    left = twice.count(WORDS)
    assert f"*{50 - left} more rows" in twice
    assert twice.count("more rows") == 1


def test_without_rows_it_is_left_as_it_is() -> None:
    assert shortened("only words " * 100, 50) == "only words " * 100


@given(st.lists(st.sampled_from([STATUS, LABEL, WORDS]), max_size=60), st.integers(200, 3000))
def test_it_fits_or_has_no_rows_left(rows: list[str], limit: int) -> None:
    short = shortened("\n".join([HEAD, *rows]), limit)
    left = sum(line in (STATUS, LABEL, WORDS) for line in short.splitlines())
    assert len(short) <= limit or left == 0
    assert left == len(rows) or f"*{len(rows) - left} more rows" in short
