"""When an incident may be the same again, and what that says of earlier verdicts."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import NOON, task_ref
from core.test_audits import DAY, incident, measure, opened, rules, settled
from hypothesis import given, settings
from hypothesis import strategies as st
from in_force import acts_in_markdown, markdown_shape, payloads

from service.recurrences import compare
from service.store import Store
from service.store.recurrences import Pair
from workflows.effects import CreateTask
from workflows.ladder import spoken_at
from workflows.model import DocumentStatus, Incident, Phase
from workflows.pairs import Recurrence
from workflows.recurrence import (
    Traits,
    hear,
    in_words,
    normal,
    region,
    shared,
    tags,
    told,
    traits,
)
from workflows.review import factors
from workflows.rungs import Audit, Verdict
from workflows.snapshots import Progress

RULES = rules()
TEAM = RULES.teams["payments"]

#: The pair is found 50 days after the measure was done: audit 1.1 was due after 30, 1.2 after 90,
#: which is a Sunday.
FOUND = NOON + 50 * DAY
SECOND = datetime(2027, 3, 8, 9, tzinfo=UTC)

OTHER = replace(task_ref(1), id="I_99", key="acme/ops#99")
PAIR = Recurrence("other99999", OTHER, False, FOUND - DAY, FOUND, "same service checkout")


def judged(verdict: Verdict = Verdict.EFFECTIVE, at_day: int = 40) -> Incident:
    """The measure's first audit has this verdict, and the second is planned."""
    known = opened()
    first = known.audits[0]
    at = NOON + at_day * DAY
    done = replace(first, verdict=verdict, by="Noor Aziz", at=at, closed=True, evidence="graph")
    following = Audit(1, 1, 2, 2, since=at, opens=SECOND)
    return replace(known, audits=(done, following))


def heard(known: Incident, *pairs: Recurrence, day: int = 50) -> Incident:
    return hear(known, pairs or (PAIR,), TEAM, NOON + day * DAY)


# --- the rule -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "same"),
    [
        ("Slow disk", "slow disk"),
        ("**Slow**  disk.", "slow disk"),
        ("slow-disk", "slow disk"),
        ("[Slow disk](https://graphs.example/7)", "slow disk"),
        ("Slow disk https://graphs.example/7", "slow disk"),
        ("SLOW_DISK!", "slow disk"),
        ("Größe der Tabelle", "grösse der tabelle"),
        ("…", ""),
    ],
)
def test_words_are_compared_without_capitals_marks_and_addresses(said: str, same: str) -> None:
    assert normal(said) == same


@pytest.mark.parametrize("said", ["disk was slow", "slow disks", "a slow disk", "disk slow"])
def test_other_words_are_another_factor(said: str) -> None:
    assert normal(said) != "slow disk"


def test_labels_name_factors_and_tags_and_nothing_else_does() -> None:
    labels = ["factor:Slow-Disk", "tag:dns", "Tag: DNS", "sev1", "tag:", "factors:no", "tag"]
    assert tags(labels) == ("factor:slow disk", "tag:dns")


def with_text(*lines: str, service: str = "checkout", **values: object) -> Incident:
    known = incident(service=service, **values)
    assert known.postmortem is not None
    text = "\n".join(["# Postmortem", "", "## Contributing factors", "", *lines])
    return replace(known, postmortem=replace(known.postmortem, text=text))


TABLE = ("| Factor | Evidence |", "| --- | --- |", "| Slow disk | g7 |", "| Nobody told | g8 |")
LIST = ("- Slow disk; evidence: g7", "- **Nobody told**", "  evidence: g8")


@pytest.mark.parametrize("lines", [TABLE, LIST], ids=["table", "list"])
def test_factors_are_those_that_the_document_names(lines: Sequence[str]) -> None:
    found = traits(with_text(*lines, tags=("tag:dns",)))
    assert found == Traits(
        "checkout", frozenset({"factor:slow disk", "factor:nobody told", "tag:dns"})
    )


def test_a_document_that_names_no_factor_is_compared_with_none() -> None:
    assert factors(with_text("| Factor |", "| --- |", "| TBD |").postmortem.text or "") == ()  # type: ignore[union-attr]
    assert traits(with_text("_Name them._", tags=("tag:dns",))) == Traits()
    assert traits(with_text(*LIST, service="")) == Traits()


def test_an_incident_that_is_gone_or_whose_document_is_is_compared_with_none() -> None:
    known = with_text(*LIST)
    assert known.postmortem is not None
    assert traits(replace(known, phase=Phase.GONE)) == Traits()
    assert traits(replace(known, phase=Phase.SET_ASIDE)) == Traits()
    declined = replace(known.postmortem, status=DocumentStatus.DECLINED)
    assert traits(replace(known, postmortem=declined)) == Traits()
    assert traits(replace(known, postmortem=replace(known.postmortem, text=None))) is None


WORDS = st.sampled_from(["factor:slow disk", "factor:no alert", "tag:dns", "tag:db"])
TRAITS = st.builds(Traits, st.sampled_from(["", "checkout", "search"]), st.frozensets(WORDS))


@given(TRAITS, TRAITS)
@settings(max_examples=100, deadline=None)
def test_the_rule_is_the_same_from_both_sides_and_its_words_are_all_there_is(
    one: Traits, other: Traits
) -> None:
    both = shared(one, other)
    assert both == shared(other, one)
    alike = one.service == other.service != ""
    assert set(both) == (one.words & other.words if alike else set())
    said = in_words("checkout", both)
    for word in ("slow disk", "no alert", "dns", "db"):
        assert (f"“{word}”" in said) == any(each.endswith(f":{word}") for each in both)


@given(st.text(alphabet=string.printable + "é“ß", max_size=40))
@settings(max_examples=100, deadline=None)
def test_normal_words_stay_as_they_are(text: str) -> None:
    assert normal(normal(text)) == normal(text)


# --- what follows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [Verdict.EFFECTIVE, Verdict.PARTLY])
def test_the_verdict_is_suspect_and_an_audit_opens_now(verdict: Verdict) -> None:
    known = heard(judged(verdict))
    first, second = known.audits
    assert first.suspect == "acme/ops#99 came later: same service checkout"
    assert (second.place, second.step, second.opens) == ((1, 1, 2), 1, FOUND)
    known, notes = told(known)
    assert notes == [
        "acme/ops#99, which came later, may be the same again: same service checkout",
        f"AI-1, audit 1.1: {verdict} is suspect, because acme/ops#99 came later:"
        " same service checkout: AI-1, audit 1.2 opens now",
    ]
    assert told(heard(known)) == (known, [])


def test_the_first_audit_of_a_measure_that_nobody_judged_yet_opens_now() -> None:
    planned, _ = settled(incident(measure()), NOON, RULES)
    early = replace(PAIR, opened=NOON + 9 * DAY, found=NOON + 10 * DAY)
    known = heard(planned, early, day=10)
    (audit,) = known.audits
    assert (audit.opens, audit.because) == (NOON + 10 * DAY, PAIR.other)
    known, done = settled(known, NOON + 10 * DAY, RULES)
    (wish,) = (each for each in done if isinstance(each, CreateTask))
    assert OTHER.key in wish.text
    assert heard(known, early, day=11).audits == known.audits  # each pair asks once


def test_it_opens_as_it_was_planned_once_nothing_is_in_common_any_more() -> None:
    planned, _ = settled(incident(measure()), NOON, RULES)
    early = replace(PAIR, opened=NOON + 9 * DAY, found=NOON + 10 * DAY)
    known = heard(planned, early, day=10)
    known = heard(known, replace(early, withdrawn=True), day=11)
    assert known.audits == planned.audits
    assert known.recurrences[0].notes[-1] == "AI-1, audit 1.1 opens on 2027-01-06, as was planned"


def test_an_audit_without_a_verdict_that_is_open_asks_already() -> None:
    known = opened()
    early = replace(PAIR, opened=NOON + 9 * DAY, found=NOON + 31 * DAY)
    assert heard(known, early, day=31).audits == known.audits


def test_answered_effective_again_the_ladder_goes_on_where_it_was() -> None:
    known, _ = settled(heard(judged()), FOUND, RULES)
    (again,) = [audit for audit in known.audits if audit.because and not audit.suspect]
    assert again.ticket is not None
    assert again.step == 1  # so the next is the second step, as it was planned


def test_a_verdict_that_was_given_since_is_not_suspect() -> None:
    since = judged(at_day=51)
    assert heard(since).audits == since.audits


def test_a_measure_that_was_not_done_when_it_happened_is_not_in_doubt() -> None:
    known = judged()
    before = replace(PAIR, opened=NOON - DAY)
    assert heard(known, before).audits == known.audits


def test_the_later_incident_is_not_in_doubt() -> None:
    known = judged()
    known, notes = told(heard(known, replace(PAIR, earlier=True)))
    assert known.audits == judged().audits
    assert notes == [
        "acme/ops#99, which came earlier, may be the same again: same service checkout"
    ]


def test_a_verdict_against_the_measure_is_no_more_against_it() -> None:
    known = judged(Verdict.NOT_EFFECTIVE)
    assert heard(known).audits == known.audits


@pytest.mark.parametrize("status", [Progress.OPEN, Progress.WONT_DO, Progress.DUPLICATE])
def test_a_measure_that_is_open_again_or_waived_is_not_asked(status: Progress) -> None:
    known = judged()
    item = replace(known.actions[0], status=status.value)
    known = replace(known, actions=(item,))
    assert heard(known).audits == known.audits


def test_an_incident_that_is_gone_and_a_team_without_audits_are_not_asked() -> None:
    known = replace(judged(), phase=Phase.GONE)
    assert heard(known).audits == known.audits
    off = hear(judged(), [PAIR], replace(TEAM, audits=None), FOUND)
    assert off.audits == judged().audits


def test_an_audit_that_is_open_asks_already() -> None:
    known = judged()
    first, second = known.audits
    is_open = replace(second, due=FOUND.date(), ticket=replace(OTHER, id="I_7", key="acme/ops#7"))
    known, notes = told(heard(replace(known, audits=(first, is_open))))
    assert known.audits[1] == is_open
    assert known.audits[0].suspect
    assert "AI-1, audit 1.2 asks already" in notes[1]


def test_an_audit_that_comes_due_in_this_moment_keeps_its_step() -> None:
    known = heard(judged(), day=91)
    assert known.audits[0].suspect
    assert known.audits[1] == judged().audits[1]


def test_one_that_is_found_when_nobody_may_be_spoken_to_is_asked_when_the_team_opens() -> None:
    known = heard(judged(), day=54)  # a Saturday
    assert known.audits[1].opens == datetime(2027, 2, 1, 9, tzinfo=UTC)
    assert "audit 1.2 opens at 2027-02-01 09:00 UTC" in known.recurrences[0].notes[-1]
    _, done = settled(known, NOON + 54 * DAY, RULES)
    assert not [wish for wish in done if isinstance(wish, CreateTask)]


def test_what_was_asked_before_it_was_withdrawn_and_not_opened_is_asked_no_more() -> None:
    known = heard(judged())
    first, second = known.audits
    known = replace(known, audits=(first, replace(second, due=FOUND.date())))  # perhaps it is made
    known = heard(known, replace(PAIR, why="", withdrawn=True))
    first, second, third = known.audits
    assert not first.suspect
    assert "nothing in common with acme/ops#99" in second.ended
    assert (third.rung, third.step, third.opens) == (3, 2, SECOND)


def test_what_was_opened_stays_when_the_factor_is_removed() -> None:
    known, _ = settled(heard(judged()), FOUND, RULES)
    first, *others = known.audits
    known = heard(known, replace(PAIR, why="", withdrawn=True))
    assert known.audits == (replace(first, suspect="acme/ops#99 came later"), *others)
    assert "No other incident" in region(known.recurrences)


def test_the_words_go_when_they_may_not_be_repeated_any_more() -> None:
    known = heard(heard(judged()), replace(PAIR, why=""))
    assert known.audits[0].suspect == "acme/ops#99 came later"
    assert region(known.recurrences) == (f"- [acme/ops#99]({OTHER.url}) came later")


@given(
    verdict=st.sampled_from([Verdict.EFFECTIVE, Verdict.PARTLY]),
    day=st.integers(31, 60),
    steps=st.lists(st.booleans(), max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_found_and_withdrawn_as_often_as_one_likes_only_how_it_stands_counts(
    verdict: Verdict, day: int, steps: Sequence[bool]
) -> None:
    """What was withdrawn before it was opened leaves no trace; heard twice is heard once."""
    start = known = _planned(verdict, day)
    for withdrawn in steps:
        pair = replace(PAIR, why="" if withdrawn else PAIR.why, withdrawn=withdrawn)
        known = heard(known, pair)
        assert heard(known, pair) == known
    if steps and steps[-1]:
        assert known.audits == start.audits
    elif steps:
        assert known.audits == heard(start).audits


def _planned(verdict: Verdict, day: int) -> Incident:
    """As `judged`, with the next audit where the ladder has it."""
    known = judged(verdict, day)
    first, at = known.audits[0], NOON + day * DAY
    if verdict is Verdict.PARTLY:
        following = Audit(1, 1, 2, 1, since=at, opens=spoken_at(at + 30 * DAY, TEAM))
    else:
        opens = spoken_at(max(NOON + 90 * DAY, at + timedelta(days=30)), TEAM)
        following = Audit(1, 1, 2, 2, since=at, opens=opens)
    return replace(known, audits=(first, following))


def test_words_of_factors_are_inert_in_the_document() -> None:
    plain = markdown_shape(region([replace(PAIR, why="words")]))
    for payload in payloads():
        written = region([replace(PAIR, why=payload)])
        assert not acts_in_markdown(written.partition(" came later")[2]), payload
        assert markdown_shape(written) == plain, payload


# --- what is written down of a pair ---------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: FOUND)
    opened.migrate()
    yield opened
    opened.close()


ONE = replace(with_text(*LIST), id="1111111111", opened=NOON, ticket=task_ref(1))
TWO = replace(with_text(*TABLE), id="2222222222", opened=NOON + DAY, ticket=task_ref(2))


def compared(store: Store, *known: Incident) -> tuple[list[Pair], set[str]]:
    """The pairs after these were saved in this order, and whose turns were asked for by the
    last."""
    for each in known:
        with store.write() as tx:
            for subject in ("github/I_101", "github/I_102"):
                tx.jobs.forget("incident", subject)
            tx.incidents.save(each, "policy-1")
            compare(tx, each)
    with store.read() as tx:
        asked = {s for s in ("I_101", "I_102") if tx.jobs.get("incident", f"github/{s}")}
        return tx.recurrences.of_incident(ONE.id), asked


@pytest.mark.parametrize("order", [(ONE, TWO), (TWO, ONE)], ids=["earlier first", "later first"])
def test_a_pair_is_the_same_whichever_is_seen_first(
    store: Store, order: tuple[Incident, ...]
) -> None:
    shared = ("factor:nobody told", "factor:slow disk")
    found = [Pair(ONE.id, TWO.id, FOUND, shared, bare=False)]
    assert compared(store, *order) == (found, {"I_101", "I_102"})
    assert compared(store, *order) == (found, set())  # nothing is new: nobody is asked


def test_a_pair_that_is_withdrawn_keeps_when_it_was_found(tmp_path: Path) -> None:
    times = iter([FOUND + n * DAY for n in range(1000)])
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: next(times))
    store.migrate()
    ((pair,), _) = compared(store, ONE, TWO)
    other = with_text("- The queue was full; evidence: g9")
    ((withdrawn,), asked) = compared(store, replace(TWO, postmortem=other.postmortem))
    assert withdrawn == replace(pair, shared=())
    assert asked == {"I_101", "I_102"}
    ((again,), _) = compared(store, TWO)
    assert again == pair
    store.close()


def test_who_is_restricted_makes_the_pair_bare_and_asks_the_other_too(store: Store) -> None:
    compared(store, ONE, TWO)
    ((pair,), asked) = compared(store, replace(TWO, restricted=True))
    assert pair.bare
    assert asked == {"I_101", "I_102"}
    ((pair,), _) = compared(store, TWO)
    assert not pair.bare


def test_a_document_that_was_not_read_yet_changes_nothing(store: Store) -> None:
    ((pair,), _) = compared(store, ONE, TWO)
    assert TWO.postmortem is not None
    unread = replace(TWO, postmortem=replace(TWO.postmortem, text=None))
    assert compared(store, unread) == ([pair], set())
