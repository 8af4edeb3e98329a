"""What somebody may type into the search, and what is understood of it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_force import payloads

from workflows.excerpts import LONGEST, excerpts, marked, pattern_of
from workflows.folded import folded
from workflows.projection import Part, Passage
from workflows.queries import MOST_TERMS, By, Filter, Query, Term, grouped, parse, span_of


def word(*words: str, prefix: bool = False) -> Term:
    return Term(words, prefix)


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ("slow disk", [word("slow"), word("disk")]),
        ('"Slow  disk"', [word("slow", "disk")]),
        ('"never closed', [word("never", "closed")]),
        ("conn-pool", [word("conn", "pool")]),
        ("INC-42", [word("inc", "42")]),
        ("time*", [word("time", prefix=True)]),
        ('"retry sto"*', [word("retry", "sto", prefix=True)]),
        ("Größe café", [word("große"), word("cafe")]),
        ("AND OR NOT NEAR(", [word("and"), word("or"), word("not"), word("near")]),
        ("https://acme.example/x", [word("https", "acme", "example", "x")]),
        ("12:30", [word("12", "30")]),
        ('!!! "" * - …', []),
        ("", []),
    ],
)
def test_words_phrases_and_beginnings(typed: str, terms: list[Term]) -> None:
    query = parse(typed)
    assert list(query.terms) == terms
    assert query.told == ()
    assert query.is_empty == (not terms)


def test_what_stands_behind_a_minus_is_not_wanted() -> None:
    query = parse('disk -vendor -"slow query" -tag:dns')
    assert query.terms == (word("disk"),)
    assert query.without == (word("vendor"), word("slow", "query"))
    assert query.filters == (Filter(By.TAG, "dns", "dns", unwanted=True),)
    assert query.understood == ("not tag: dns",)


def test_filters_are_compared_as_what_they_filter_is() -> None:
    query = parse('service:Check-Out severity:SEV-1 factor:"Slow disk." kind:Preventive TEAM:ops')
    assert [(each.by, each.value) for each in query.filters] == [
        (By.SERVICE, "check out"),
        (By.SEVERITY, "sev1"),
        (By.FACTOR, "slow disk"),
        (By.KIND, "preventive"),
        (By.TEAM, "ops"),
    ]
    assert query.terms == ()
    assert not query.is_empty


def test_of_several_services_one_will_do_and_of_several_tags_none_may_lack() -> None:
    query = parse("service:a service:b tag:x tag:y -service:c")
    values = [[each.value for each in group] for group in grouped(query.filters)]
    assert values == [["a", "b"], ["x"], ["y"]]


@pytest.mark.parametrize(
    ("typed", "since", "until"),
    [
        ("after:2026-07-01", date(2026, 7, 1), None),
        ("before:2026-07-01", None, date(2026, 7, 1)),
        ("opened:2026-Q3", date(2026, 7, 1), date(2026, 10, 1)),
        ("opened:2026q3 before:2026-08", date(2026, 7, 1), date(2026, 8, 1)),
        ("opened:2026-02", date(2026, 2, 1), date(2026, 3, 1)),
        ("opened:2026", date(2026, 1, 1), date(2027, 1, 1)),
        ("opened:2026-12-31", date(2026, 12, 31), date(2027, 1, 1)),
        ("after:2026 after:2026-03", date(2026, 3, 1), None),
    ],
)
def test_days_months_quarters_and_years(typed: str, since: date | None, until: date | None) -> None:
    query = parse(typed)
    assert (query.since, query.until, query.told) == (since, until, ())


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("error:timeout", "“error:” is no filter, and looked for as a word"),
        ("after:soon", "“soon” is no day: write 2026-07-01, 2026-07, 2026-Q3 or 2026"),
        ("before:2026-02-30", "“2026-02-30” is no day"),
        ("opened:9999-12-31", "“9999-12-31” is no day"),
        ("kind:big", "“big” is no kind: there are corrective, preventive, detective"),
        ('service:""', "“service:” names nothing, and is left out"),
        ("e*", "“e*” is too short, and looked for as a word"),
        ("-after:2026", "“-after:” is left out: turn it round"),
        ("x" * 501, "only the first 500 characters are looked for"),
        (" ".join(f"w{n}" for n in range(30)), "only the first 20 words are looked for"),
    ],
)
def test_what_is_not_understood_is_told_and_is_no_error(typed: str, told: str) -> None:
    (said,) = parse(typed).told
    assert said.startswith(told)


def test_words_behind_an_unknown_filter_are_looked_for() -> None:
    assert parse("error:timeout").terms == (word("error", "timeout"),)


PARTS = st.sampled_from(
    [*payloads()[:60], "service:", "after:", "-", '"', "*", "disk", " ", "opened:2026-Q9", "\0"]
)


@given(st.one_of(st.text(), st.lists(PARTS).map("".join), st.lists(PARTS).map(" ".join)))
def test_every_text_is_a_query(typed: str) -> None:
    query = parse(typed)
    assert len(query.terms) + len(query.without) <= MOST_TERMS
    for term in (*query.terms, *query.without):
        assert term.words
        assert all(word.isalnum() or word for word in term.words)
        assert '"' not in "".join(term.words)


@given(st.text(max_size=8))
def test_a_span_begins_before_it_ends(said: str) -> None:
    span = span_of(said)
    assert span is None or span[0] < span[1]


# --- excerpts -----------------------------------------------------------------------------------


def shown(text: str, typed: str) -> str:
    """The text with what was found in brackets."""
    segments = marked(text, pattern_of(parse(typed).terms))
    return "".join(f"[{words}]" if is_marked else words for words, is_marked in segments)


@pytest.mark.parametrize(
    ("text", "typed", "expected"),
    [
        ("The disk, slow.", "slow disk", "The [disk], [slow]."),
        ("Disks are no disk", "disk", "Disks are no [disk]"),
        ("Disks and disk", "disk*", "[Disks] and [disk]"),
        ("retry_storm, Retry  STORM", '"retry storm"', "[retry_storm], [Retry STORM]"),
        ("Café GRÖSSE größe", "cafe größe", "[Café] GRÖSSE [größe]"),
        ("<b>disk</b>", "disk", "<b>[disk]</b>"),
        ("a disk", "", "a disk"),
    ],
)
def test_what_was_looked_for_is_marked(text: str, typed: str, expected: str) -> None:
    assert shown(text, typed) == expected


def test_of_each_part_the_passage_with_the_most_of_it_is_shown() -> None:
    passages = [
        Passage(Part.SECTION, 0, "Impact", "the disk was full"),
        Passage(Part.SECTION, 1, "Timeline", "x " * 400 + "the slow disk was full " + "y " * 400),
        Passage(Part.ACTION, 0, "AI-1", "Alert on slow writes"),
        Passage(Part.AUDIT, 0, "AI-1, audit 1.1", "effective"),
        Passage(Part.INCIDENT, 0, "INC-1", "slow disk"),
    ]
    section, action = excerpts(passages, pattern_of(parse("slow disk").terms))
    assert (section.part, section.title) == (Part.SECTION, "Timeline")
    assert ("slow", True) in section.segments
    assert ("disk", True) in section.segments
    said = "".join(words for words, _ in section.segments)
    assert said.startswith("… ")
    assert said.endswith(" …")
    assert len(said) < LONGEST + 20
    assert (action.title, action.segments) == (
        "AI-1",
        (("Alert on ", False), ("slow", True), (" writes", False)),
    )


@given(st.text(max_size=400), st.lists(st.text(max_size=10), max_size=4).map(" ".join))
def test_an_excerpt_says_what_stands_there_and_nothing_else(text: str, typed: str) -> None:
    said = "".join(words for words, _ in marked(text, pattern_of(parse(typed).terms)))
    assert said.split() == text.split()
    assert len(folded(text)) == len(text)


def test_a_query_that_says_nothing_asks_for_nothing() -> None:
    assert Query().is_empty
    assert parse("  ").understood == ()
