"""Verdicts that were written down outside of their audit's ticket."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOON
from core.test_audits import DAY, asks, opened, rules, says, settled

from service.store.codec import dump, load
from workflows import audit_text
from workflows.calendars import USUAL
from workflows.events import AuditGone
from workflows.judging import (
    COUNTS,
    LONGEST_EVIDENCE,
    hear,
    in_evidence,
    independent,
    to_be_read,
)
from workflows.model import Incident
from workflows.policy import KnownPerson
from workflows.rungs import Judgement, Verdict

LATER = NOON + 31 * DAY
SAID = Judgement(
    1, 1, 1, 1, Verdict.PARTLY, "not *in* the EU @kim", "Noor Aziz", "an admin (web page)", LATER
)


def judged(known: Incident, *said: Judgement) -> Incident:
    """A turn in which the audit's ticket, which says nothing, was read."""
    known, _ = settled(hear(known, said), LATER + DAY, rules(), audits=[asks(known)])
    return known


def test_it_becomes_the_verdict_once_the_ticket_was_read() -> None:
    known = hear(opened(), [SAID])
    unread, _ = settled(known, LATER + DAY, rules())
    assert unread.audits[0].verdict is None
    assert to_be_read(unread) == [unread.audits[0]]
    known = judged(unread, SAID, replace(SAID, id=2))
    audit = known.audits[0]
    assert (audit.verdict, audit.by, audit.at) == (Verdict.PARTLY, "Noor Aziz", LATER)
    assert (audit.evidence, audit.through) == (SAID.evidence, SAID.through)
    assert [one.answer for one in known.judgements] == [
        COUNTS,
        "does not count: it was judged already: partly, by Noor Aziz",
    ]
    assert len(known.actions) == 2
    assert to_be_read(known) == []
    assert load(Incident, dump(Incident, known)) == known


@pytest.mark.parametrize(
    ("minutes", "holds"),
    [(-1, Verdict.NOT_EFFECTIVE), (1, Verdict.PARTLY)],
    ids=["before", "after"],
)
def test_of_a_comment_and_what_was_written_down_the_first_said_holds(
    minutes: int, holds: Verdict
) -> None:
    comment = says("/audit not-effective", LATER + timedelta(minutes=minutes))
    known = hear(opened(), [SAID])
    known, _ = settled(known, LATER + DAY, rules(), audits=[asks(known, comment)])
    assert known.audits[0].verdict is holds
    late = "does not count: it was judged already: not-effective, by Noor Aziz"
    assert [one.answer for one in known.judgements] == [COUNTS if minutes > 0 else late]
    assert len(known.audits[0].answers) == (minutes > 0), "the comment that came late is answered"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (replace(SAID, by="Kim Ito"), "the owner of a measure may not judge it"),
        (replace(SAID, by="Sam Gone"), "the rules name nobody Sam Gone"),
        (replace(SAID, rung=7), "there is no such audit any more"),
    ],
)
def test_what_does_not_count_is_answered_and_the_audit_goes_on_asking(
    said: Judgement, why: str
) -> None:
    known = judged(opened(), said)
    assert [one.answer for one in known.judgements] == [f"does not count: {why}"]
    assert known.audits[0].lives
    assert known.audits[0].answers == (), "nobody said anything on the ticket"


def test_who_became_the_owner_meanwhile_does_not_judge_it() -> None:
    known = opened()
    known = replace(known, actions=(replace(known.actions[0], owner="noor"),))
    assert independent(known, known.audits[0], rules().people) == []
    assert judged(known, SAID).audits[0].verdict is None


def test_of_an_audit_whose_ticket_is_gone_it_is_answered_that_nothing_is_asked() -> None:
    known = hear(opened(), [SAID])
    gone = AuditGone(known.audits[0].place, "404")
    known, _ = settled(known, LATER, rules(), audits=[gone])
    [one] = known.judgements
    assert one.answer.startswith("does not count: this audit has nothing to ask any more: its tick")


def test_its_words_are_kept_also_of_a_ticket_that_only_some_may_read() -> None:
    """Nothing of the ticket is repeated: they were said elsewhere."""
    known = hear(opened(), [SAID])
    known, _ = settled(known, LATER, rules(), audits=[asks(known, restricted=True)])
    assert known.audits[0].evidence == SAID.evidence


def test_the_note_repeats_the_evidence_inert_and_that_of_a_comment_not_at_all() -> None:
    known = judged(opened(), SAID)
    note = audit_text.verdict(known, known.audits[0], USUAL)
    assert "by Noor Aziz, as it was written down in Followthrough. Evidence: not \\*in\\*" in note
    assert "@kim" not in note
    assert "AI-2 closes the gap" in note
    assert "web page" not in note
    commented = replace(known.audits[0], through="")
    assert "Evidence" not in audit_text.verdict(known, commented, USUAL)


@pytest.mark.parametrize(
    ("words", "link", "kept"),
    [
        ("it fired", "", "it fired"),
        (" because:  it\n fired ", "", "it fired"),
        ("becausal", " https://a.example/1 ", "becausal https://a.example/1"),
        ("see https://a.example", "", "see https://a.example"),
    ],
)
def test_evidence_is_words_and_perhaps_a_link(words: str, link: str, kept: str) -> None:
    assert in_evidence(words, link) == kept


@pytest.mark.parametrize(
    ("words", "link", "why"),
    [
        ("", "https://a.example/1", "a link alone is none"),
        ("because …", "", "say in words"),
        ("https://a.example/1", "", "a link alone is none"),
        ("it fired", "ftp://a.example", "no address"),
        ("it fired", "https://a.example and more", "no address"),
        ("x" * (LONGEST_EVIDENCE + 1), "", "longer than 2000"),
    ],
)
def test_without_words_there_is_no_evidence(words: str, link: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        in_evidence(words, link)


def test_people_are_told_from_owners_by_any_of_their_words() -> None:
    known = opened()
    people = (
        KnownPerson("Kimberley Ito", "kim ito", {}),
        KnownPerson("Noor Aziz", None, {"github": "noor"}),
    )
    assert independent(known, known.audits[0], people) == [people[1]]
