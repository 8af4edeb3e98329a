"""Who is asked how action items ended where the rules change, or somebody tried to say it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from builders import NOON, task_ref
from core.test_proof import (
    DAY,
    DONE,
    LINK,
    OPEN,
    WONT_DO,
    incident,
    item,
    rules,
    says,
    stands,
    turn,
)

from workflows.policy import EvidenceRules
from workflows.proof_notes import to_read
from workflows.proven import Proof
from workflows.remarks import remark
from workflows.schedule import plan
from workflows.snapshots import Progress

TOLD = {(task_ref(1).connection, task_ref(1).id)}
WAIVE = "/waive until 2027-06-30 because it goes away"


# --- rules that know the team no more -------------------------------------------------------------


def test_of_a_team_that_the_rules_know_no_more_no_ticket_is_read() -> None:
    known = incident(item(proof=Proof(end=DONE, round=1, since=NOON)))
    gone = replace(rules(), teams={})
    assert len(list(to_read(known, TOLD, rules()))) == 1
    assert list(to_read(known, TOLD, gone)) == []


# --- an answer that asks already ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (WONT_DO, "/waive"),
        (WONT_DO, "/waive until 2026-01-01 because it is old"),
        (WONT_DO, "/waive it"),
        (DONE, "/evidence"),
    ],
)
def test_who_is_told_what_to_write_is_not_asked_for_it_beside_that(
    status: Progress, said: str
) -> None:
    known, written = turn(incident(item(status)), says(said))
    (answer,) = written.values()
    assert "does not count" in answer.text
    known, written = turn(known, says(said), now=NOON + 9 * DAY)
    assert written == {}
    known = replace(known, actions=(stands(known.actions[0], OPEN, NOON + 10 * DAY),))
    known, _ = turn(known, now=NOON + 10 * DAY)
    known = replace(known, actions=(stands(known.actions[0], status, NOON + 11 * DAY),))
    _, written = turn(known, now=NOON + 11 * DAY)
    assert list(written) == ["ask"]  # another end is asked about


@pytest.mark.parametrize(
    ("status", "said", "of"),
    [(WONT_DO, "/waive", {"may_write": False}), (DONE, WAIVE, {})],
    ids=["a stranger's", "of another end"],
)
def test_a_command_whose_answer_asks_for_nothing_holds_no_question_back(
    status: Progress, said: str, of: dict[str, Any]
) -> None:
    _, written = turn(incident(item(status)), says(said, **of))
    assert len(written) == 2
    assert "ask" in written


# --- one end after the other, with nothing opened between -----------------------------------------


def test_a_waiver_given_with_the_change_from_done_to_wont_do_counts() -> None:
    at = NOON + 5 * DAY
    known, _ = turn(incident())
    known = replace(known, actions=(stands(known.actions[0], WONT_DO, at),))
    known, _ = turn(known, says(WAIVE, at=at), now=at + DAY)
    assert known.actions[0].proof.waiver is not None


def test_evidence_given_with_the_change_from_wont_do_to_done_counts() -> None:
    at = NOON + 5 * DAY
    known, _ = turn(incident(item(WONT_DO)))
    known = replace(known, actions=(stands(known.actions[0], DONE, at),))
    known, _ = turn(known, says(LINK, at=at), now=at + DAY)
    assert [each.url for each in known.actions[0].proof.evidence] == [LINK]


# --- rules that ask nothing for a while -----------------------------------------------------------


@pytest.mark.parametrize("status", [WONT_DO, DONE])
def test_rules_that_were_switched_off_and_on_ask_nobody_again(status: Progress) -> None:
    known, written = turn(incident(item(status)))
    assert list(written) == ["ask"]
    known, written = turn(known, by=rules(waivers=None, evidence=None))
    assert (written, remark(known.actions[0])) == ({}, "")
    known, written = turn(known)
    assert (written, known.actions[0].proof.round) == ({}, 1)
    assert remark(known.actions[0]) != ""


def test_a_waiver_outlives_rules_that_were_switched_off() -> None:
    on, off = rules(), rules(waivers=None)
    known, _ = turn(incident(item(WONT_DO)), says(WAIVE))
    waiver, ends = known.actions[0].proof.waiver, [o.key for o in plan(known, on)]
    known, written = turn(known, by=off)
    assert (written, remark(known.actions[0]), list(to_read(known, TOLD, off))) == ({}, "", [])
    assert [o.key for o in plan(known, off) if o.key.startswith("waiver:")] == []
    known, written = turn(known)
    assert (written, known.actions[0].proof.waiver) == ({}, waiver)
    assert [o.key for o in plan(known, on)] == ends


def test_a_waiver_that_ended_while_the_rules_asked_nothing_is_asked_about_once_they_do() -> None:
    known, _ = turn(incident(item(WONT_DO)), says(WAIVE))
    over = datetime(2027, 7, 5, 12, tzinfo=UTC)
    known, written = turn(known, by=rules(waivers=None), now=over)
    assert written == {}
    _, written = turn(known, now=over + timedelta(days=1))
    assert list(written) == ["ended-2027-06-30"]


def test_what_was_said_while_the_rules_asked_nothing_is_read_once_they_do() -> None:
    known, _ = turn(incident(item()))
    known, _ = turn(known, says(f"/evidence {LINK}"), by=rules(evidence=None))
    assert known.actions[0].proof.evidence == ()
    known, _ = turn(known, by=rules(evidence=EvidenceRules()))
    known, _ = turn(known, says(f"/evidence {LINK}"))
    assert [each.url for each in known.actions[0].proof.evidence] == [LINK]


def test_opened_again_while_the_rules_ask_nothing_its_waiver_is_over() -> None:
    off = rules(waivers=None)
    known, _ = turn(incident(item(WONT_DO)), says(WAIVE))
    known, _ = turn(known, by=off)
    known = replace(known, actions=(stands(known.actions[0], OPEN, NOON + 2 * DAY),))
    known, _ = turn(known, by=off, now=NOON + 2 * DAY)
    assert known.actions[0].proof.waiver is None
    known = replace(known, actions=(stands(known.actions[0], WONT_DO, NOON + 3 * DAY),))
    _, written = turn(known, now=NOON + 3 * DAY)
    assert list(written) == ["ask"]
