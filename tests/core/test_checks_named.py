"""However much a measure names, so much of it is watched, and the rest is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOON
from core.test_audits import incident, measure, rules, settled
from core.test_checks import with_text

from workflows import check_text, checks
from workflows.actions import lines_of
from workflows.lines import Origin, Proposal
from workflows.model import Incident
from workflows.policy import CheckRules
from workflows.proposals import details
from workflows.watched import LONGEST_NAME, MOST_NAMED, Named, Source

FAR_TOO_MANY = 10_000
CHECKS = CheckRules(
    {f"c{n}": timedelta(days=2) for n in range(FAR_TOO_MANY)}, {"acme/ops": "github"}
)
RULES = rules(checks=CHECKS)
TEAM = RULES.teams["payments"]
TOO_MANY = f"AI-1 names more than {MOST_NAMED} checks and files"
TOO_LONG = f"AI-1 names a check or a file in more than {LONGEST_NAME} characters"


def asked_for(text: str) -> Incident:
    """The incident after a line of its ticket asked for a measure, which is done."""
    (line,) = lines_of(f"ACTION: {text}")
    known, _ = settled(incident(measure(named=line.named)), NOON, RULES)
    return known


def with_lines(known: Incident, *lines: str) -> tuple[Incident, list[str]]:
    """The incident, with what is new in it, after its document says this."""
    known, notes = checks.with_named(with_text(known, *lines))
    known, _ = settled(known, NOON, RULES)
    return known, notes


def watched(known: Incident) -> list[str]:
    return [each.name for each in known.watched]


def problems(known: Incident) -> str:
    return "\n".join(check_text.problems(checks.unwatched(known, TEAM)))


def names(most: int) -> str:
    return " ".join(f"check:c{n}" for n in range(most))


def test_of_ten_thousand_names_in_a_line_the_first_twenty_are_watched_and_kept() -> None:
    known = asked_for(f"Rehearse {names(FAR_TOO_MANY)} @kim")
    assert watched(known) == [f"c{n}" for n in range(20)]
    assert TOO_MANY in problems(known)
    assert len(known.actions[0].named) == 21, "as many as tell that there are more"
    (line,) = lines_of(f"ACTION: Rehearse {names(FAR_TOO_MANY)} @kim")
    assert (line.title, line.owner) == ("Rehearse", "kim")


def test_of_ten_thousand_lines_of_the_document_the_first_twenty_are_watched_and_noted() -> None:
    lines = [f"AI-1 check: c{n}" for n in range(FAR_TOO_MANY)]
    known, notes = with_lines(asked_for("Rehearse"), *lines)
    assert watched(known) == [f"c{n}" for n in range(20)]
    assert notes == [f"AI-1 names the check c{n}" for n in range(20)]
    assert TOO_MANY in problems(known)
    known, _ = with_lines(known, *lines[:20])
    assert watched(known) == [f"c{n}" for n in range(20)]
    assert problems(known) == ""


def test_line_and_document_count_together_and_what_stands_in_both_counts_once() -> None:
    known, _ = with_lines(asked_for(f"Rehearse {names(19)}"), "AI-1 check: c0", "AI-1 check: c19")
    assert watched(known) == [f"c{n}" for n in range(20)]
    assert problems(known) == ""
    known, notes = with_lines(known, "AI-1 check: c30", "AI-1 check: c31")
    assert watched(known) == [*(f"c{n}" for n in range(19)), "c30"]
    assert notes == ["AI-1 names the check c30"]
    assert TOO_MANY in problems(known)


def test_the_ticket_of_an_audit_lists_what_is_watched_of_its_measure_and_no_more() -> None:
    first = asked_for(f"Rehearse {names(40)}")
    other = measure(number=2, named=(Named(Source.CHECK, "c20"),))
    known, _ = settled(replace(first, actions=(*first.actions, other)), NOON, RULES)
    assert "c20" in watched(known), "as the other measure names it"
    assert len(list(check_text.to_look_at(known, known.actions[0]))) == 20


@pytest.mark.parametrize(("length", "counts"), [(LONGEST_NAME, True), (LONGEST_NAME + 1, False)])
def test_a_name_that_is_too_long_is_not_watched_and_told(length: int, counts: bool) -> None:
    name = "acme/ops:".ljust(length, "a")
    by_line = asked_for(f"Rehearse keeps:{name}")
    by_document, notes = with_lines(asked_for("Rehearse"), f"AI-1 keeps: {name}")
    for known in (by_line, by_document):
        assert watched(known) == ([name] if counts else [])
        assert problems(known) == (
            ""
            if counts
            else f"Named to be watched, and not watched:\n\n- {TOO_LONG}: it is not watched."
        )
    assert len(notes) == counts


def test_a_name_of_any_length_is_kept_no_longer_than_tells_that_it_is_too_long() -> None:
    (line,) = lines_of(f"ACTION: Rehearse keeps:acme/ops:{'a' * 50_000}")
    assert [len(named.name) for named in line.named] == [LONGEST_NAME + 1]


def test_an_incident_that_was_saved_with_more_names_watches_no_more_of_them() -> None:
    """Those before there was a limit."""
    many = tuple(Named(Source.CHECK, f"c{n}") for n in range(40))
    known, _ = settled(incident(measure(named=many)), NOON, RULES)
    assert len(known.watched) == 20
    assert TOO_MANY in problems(known)


def test_whoever_accepts_a_line_reads_what_it_would_have_watched() -> None:
    (line,) = lines_of(f"ACTION: Rehearse {names(40)}")
    proposal = Proposal(Origin("comment", "c1"), line.title, "Mallory", "may not", line=line)
    assert details(proposal) == ", ".join(f"check c{n}" for n in range(20))


def test_words_that_end_like_a_check_stay_in_the_title() -> None:
    (line,) = lines_of("ACTION: Try pre-check:drill check:drill")
    assert (line.title, [named.name for named in line.named]) == ("Try pre-check:drill", ["drill"])
