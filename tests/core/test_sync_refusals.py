"""Where sides stay apart: refused values, fields that flip, tickets that go, rows that cannot be
read, and what is told of that."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from builders import KIM, NOOR, at, task_ref
from sides import DUE, GITHUB, KIM_IN_JIRA, MILESTONE, OWNER, STATUS, TASK, TITLE, TWIN, Remedy

from workflows.events import TaskCreated, TicketUnchanged
from workflows.folding import fold
from workflows.hearing import rested_tickets, rests_until
from workflows.lifecycle import decide
from workflows.model import Kind, Status, StatusCategory
from workflows.policy import FieldRules
from workflows.postmortem import comment
from workflows.snapshots import Side
from workflows.sync import close_circuit, resting

ADA = "Ada"


@pytest.fixture
def remedy() -> Remedy:
    return Remedy()


# --- what a side refuses ------------------------------------------------------------------------


def test_what_was_refused_is_not_asked_again_until_something_moves(remedy: Remedy) -> None:
    remedy.hears(TWIN, milestones=("Q1",))
    assert remedy.wants(TASK) == {MILESTONE: "Q1"}
    remedy.answers(TASK, milestone="OPS has no version Q1")
    assert remedy.wants(TASK) == {}
    remedy.hears(TASK, 70)
    assert remedy.wants(TASK) == {}
    remedy.hears(TWIN, 71, milestones=("Q2",))
    assert remedy.wants(TASK) == {MILESTONE: "Q2"}


def test_what_was_refused_is_asked_again_once_the_field_moves_there(remedy: Remedy) -> None:
    remedy.hears(TWIN, 60, milestones=("Q1",))
    remedy.answers(TASK, milestone="OPS has no version Q1")
    remedy.team = replace(
        remedy.team,
        sync=replace(
            remedy.team.sync,
            fields={**remedy.team.sync.fields, MILESTONE: FieldRules(frozenset({TWIN}))},
        ),
    )
    remedy.hears(TASK, 70, milestones=("Q3",))  # does not count any more, and shows that it can
    assert remedy.wants(TASK) == {MILESTONE: "Q1"}


def test_a_refused_field_holds_up_no_other(remedy: Remedy) -> None:
    remedy.hears(TWIN, milestones=("Q1",), due=date(2027, 2, 1))
    remedy.answers(TASK, milestone="no")
    assert remedy.item.sides[TASK].base[DUE] == "2027-02-01"
    assert remedy.wants(TASK) == {}
    remedy.hears(TASK, 62, due=date(2027, 2, 1))
    assert remedy.item.sides[TASK].stuck[MILESTONE].words == "no"


def test_who_chooses_another_where_ours_was_refused_has_mended_that(remedy: Remedy) -> None:
    remedy.hears(TWIN, 60, milestones=("Q1",))
    remedy.answers(TASK, milestone="no")
    remedy.hears(TASK, 70, milestones=("Q3",))
    assert remedy.item.milestone == "Q3"
    assert remedy.item.conflicts == ()
    assert remedy.item.sides[TASK].stuck == {}


def test_what_was_refused_is_told_no_longer_once_nobody_wants_it(remedy: Remedy) -> None:
    remedy.hears(TWIN, 60, milestones=("Q1",))
    remedy.answers(TASK, milestone="no such version")
    assert "no such version" in comment(remedy.incident, {})
    remedy.hears(TWIN, 61, milestones=())
    assert remedy.wants(TASK) == {}
    assert "no such version" not in comment(remedy.incident, {})


# --- what could not be set when the task was made -------------------------------------------------


def told(remedy: Remedy) -> list[str]:
    return list(remedy.item.unset)


def unset(remedy: Remedy) -> Remedy:
    """The task was made without its owner, who is not assignable."""
    item = replace(remedy.item, sides={}, task=None)
    values = dict(remedy.item.sides[TASK].base)
    made = TaskCreated(
        "task:abc:1", remedy.states[TASK].ref, True, ("owner: not assignable",), values
    )
    remedy.item_is(item)
    remedy.incident = fold(made, remedy.incident)
    assert told(remedy) == ["owner: not assignable"]
    remedy.hears(TASK, 1, owners=())
    assert remedy.item.owner == "Kim Ito"
    assert remedy.wants(TASK) == {}
    assert told(remedy) == ["owner: not assignable"]
    return remedy


def test_what_could_not_be_set_goes_when_somebody_sets_it_in_the_task(remedy: Remedy) -> None:
    unset(remedy).hears(TASK, 60, owners=(KIM_IN_JIRA,))
    assert told(remedy) == []
    assert remedy.item.owner == "Kim Ito"


def test_what_could_not_be_set_goes_when_the_record_says_another(remedy: Remedy) -> None:
    unset(remedy).hears(TASK, 60, owners=(replace(KIM, handle="x", name=ADA, email=None),))
    assert remedy.item.owner == ADA
    assert told(remedy) == []
    assert remedy.item.conflicts == ()


def test_what_could_not_be_set_goes_when_a_write_of_it_is_confirmed(remedy: Remedy) -> None:
    unset(remedy)
    remedy.reads("2027-01-01", "2027-03-01")
    remedy.answers(TASK)
    assert told(remedy) == ["owner: not assignable"]
    asked_again = replace(remedy.item.sides[TASK], stuck={})
    remedy.item_is(replace(remedy.item, sides={**remedy.item.sides, TASK: asked_again}))
    assert remedy.wants(TASK) == {OWNER: "5b10"}
    remedy.answers(TASK)
    assert told(remedy) == []


def test_what_is_not_a_field_of_the_sync_stays_told(remedy: Remedy) -> None:
    remedy.item_is(replace(remedy.item, unset=("labels: no", "owner: no", "due date: no")))
    remedy.hears(TASK, 60, due=date(2027, 2, 1))
    assert told(remedy) == ["labels: no"]


# --- tickets that were never heard ----------------------------------------------------------------


def unheard(remedy: Remedy) -> Remedy:
    """The answer to the task's creation never came."""
    remedy.item_is(replace(remedy.item, sides={}))
    return remedy


def test_a_row_that_changed_before_the_ticket_was_ever_heard_holds(remedy: Remedy) -> None:
    unheard(remedy).reads("2027-01-01", "2027-03-01")
    assert remedy.wants(TASK) == {}
    assert remedy.hears(TASK, 0) == []
    assert remedy.item.due == date(2027, 3, 1)
    assert remedy.item.conflicts == ()
    assert remedy.wants(TASK) == {DUE: "2027-03-01"}


def test_a_ticket_that_changed_before_it_was_ever_heard_is_taken_over(remedy: Remedy) -> None:
    unheard(remedy).hears(TASK, 60, milestones=("Q1",), due=date(2027, 2, 1))
    assert (remedy.item.milestone, remedy.item.due) == ("Q1", date(2027, 2, 1))


def test_row_and_ticket_that_both_changed_before_it_was_heard_are_in_conflict(
    remedy: Remedy,
) -> None:
    unheard(remedy).reads("2027-01-01", "2027-03-01")
    remedy.hears(TASK, 60, due=date(2027, 2, 1))
    values = [claim.said.value for claim in remedy.item.conflicts[0].claims]
    assert values == ["2027-03-01", "2027-02-01"]


def test_a_field_that_is_empty_in_a_ticket_never_heard_was_not_cleared(remedy: Remedy) -> None:
    unheard(remedy).hears(TASK, 0, owners=())
    assert remedy.item.owner == "Kim Ito"
    assert remedy.wants(TASK) == {OWNER: "5b10"}


# --- circuits -----------------------------------------------------------------------------------


def flips(remedy: Remedy, times: int = 6) -> list[str]:
    """Something on the twin sets the due date back whenever we have written it."""
    notes: list[str] = []
    for _ in range(times + 1):
        notes = remedy.hears(TWIN, due=date(2027, 2, 1))
        if remedy.wants(TWIN):
            remedy.answers(TWIN)
        remedy.now += timedelta(seconds=10)
    return notes


LEFT_ALONE = "somebody keeps changing it back on the twin, so it is left alone"


@pytest.fixture
def flipping() -> Remedy:
    return Remedy(due=FieldRules(frozenset({TASK, Side.DOCUMENT})))


def test_a_field_that_keeps_flipping_is_left_alone_and_that_is_said_once(flipping: Remedy) -> None:
    assert LEFT_ALONE in flips(flipping)[0]
    assert sum(LEFT_ALONE in note for note in flipping.notes) == 1
    assert flipping.wants(TWIN) == {}
    assert flipping.hears(TWIN, due=date(2027, 2, 1)) == []
    assert [(s, f) for s, f, _ in resting(flipping.item, flipping.now)] == [(TWIN, DUE)]
    assert flipping.item.due == date(2027, 1, 1)


def test_it_is_not_said_again_when_the_record_comes_to_agree(flipping: Remedy) -> None:
    flips(flipping)
    flipping.reads("2027-01-01", "2027-02-01")
    assert flipping.hears(TWIN, due=date(2027, 2, 1)) == []
    assert flipping.hears(TWIN, due=date(2027, 2, 1)) == []


def test_nothing_is_written_there_while_it_is_left_alone(flipping: Remedy) -> None:
    flips(flipping)
    flipping.reads("2027-01-01", "2027-03-01")
    assert flipping.wants(TASK) == {DUE: "2027-03-01"}
    assert flipping.wants(TWIN) == {}


def test_other_fields_go_on_while_one_is_left_alone(flipping: Remedy) -> None:
    flips(flipping)
    flipping.hears(TWIN, milestones=("Q1",))
    assert flipping.item.milestone == "Q1"


def test_fewer_flips_and_flips_far_apart_open_nothing(flipping: Remedy) -> None:
    flips(flipping, 5)
    flipping.now += timedelta(minutes=11)
    flips(flipping, 4)  # five more: by now the first is one as well
    assert not any(LEFT_ALONE in note for note in flipping.notes)


def test_people_who_change_their_minds_are_no_flips(remedy: Remedy) -> None:
    for minute in range(20):
        remedy.hears(TWIN, 60 + minute, due=date(2027, 2 + minute % 2, 1))
    assert remedy.item.due == date(2027, 3, 1)
    assert not any(LEFT_ALONE in note for note in remedy.notes)


def test_two_automations_that_disagree_come_to_rest(remedy: Remedy) -> None:
    wishes = {TASK: date(2027, 2, 1), TWIN: date(2027, 3, 1)}
    writes = 0
    for minute in range(60):
        side = (TASK, TWIN)[minute % 2]
        remedy.hears(side, 60 + minute / 10, due=wishes[side])
        for other in (TASK, TWIN):
            writes += bool(remedy.wants(other))
            remedy.answers(other)
        remedy.now += timedelta(seconds=6)
    assert writes < 20
    assert sum("left alone" in note for note in remedy.notes) == 1


def test_after_the_rest_it_is_kept_in_sync_again_and_that_is_told(flipping: Remedy) -> None:
    flips(flipping)
    assert "left alone until" in comment(flipping.incident, {})
    assert flipping.passes(timedelta(minutes=50)) == []
    assert flipping.passes(timedelta(minutes=11)) == ["AI-1 due: kept in sync with the twin again"]
    assert "left alone until" not in comment(flipping.incident, {})
    flipping.hears(TWIN, due=date(2027, 2, 1))
    assert flipping.wants(TWIN) == {DUE: "2027-01-01"}


def test_somebody_may_close_the_circuit_by_hand(flipping: Remedy) -> None:
    flips(flipping)
    flipping.item_is(close_circuit(flipping.item, TWIN, DUE))
    flipping.hears(TWIN, due=date(2027, 2, 1))
    assert flipping.wants(TWIN) == {DUE: "2027-01-01"}


# --- tickets that go and come back ----------------------------------------------------------------


def test_a_deleted_ticket_is_a_tombstone_and_is_told_nothing(remedy: Remedy) -> None:
    assert remedy.gone(TWIN) == ["AI-1: acme/ops#101 is deleted or hidden (not found)"]
    assert remedy.gone(TWIN) == []
    remedy.hears(TASK, milestones=("Q1",))
    assert remedy.wants(TWIN) == {}
    assert remedy.item.twin == GITHUB
    assert remedy.item.owner == "Kim Ito"


def test_a_ticket_that_comes_back_catches_up(remedy: Remedy) -> None:
    remedy.gone(TWIN)
    remedy.hears(TASK, milestones=("Q1",))
    notes = remedy.hears(TWIN, 90, due=date(2027, 2, 1))
    assert notes[0] == "AI-1: acme/ops#101 is there again"
    assert remedy.item.due == date(2027, 2, 1)
    assert remedy.wants(TWIN) == {MILESTONE: "Q1"}
    assert remedy.wants(TASK) == {DUE: "2027-02-01"}


def test_a_transferred_ticket_is_followed_to_where_it_is(remedy: Remedy) -> None:
    moved = replace(task_ref(7), link_id="")
    assert remedy.hears(TWIN, ref=moved) == ["AI-1: acme/ops#101 is acme/ops#107 now"]
    assert remedy.item.twin == replace(moved, link_id=GITHUB.link_id)
    assert remedy.item.sides[TWIN].base[OWNER] == "kim"


# --- rows ---------------------------------------------------------------------------------------


def test_the_kind_of_a_row_is_taken_over_once(remedy: Remedy) -> None:
    assert remedy.reads("| corrective |", "| preventive |") == [
        "AI-1 kind: corrective → preventive, by the document"
    ]
    assert remedy.item.kind is Kind.PREVENTIVE
    assert remedy.reads("| preventive |", "| preventive |") == []


def test_a_cell_that_nobody_can_read_says_nothing_and_the_others_count(remedy: Remedy) -> None:
    remedy.reads("| 2027-01-01 |", "| after summer |")
    assert remedy.item.due == date(2027, 1, 1)
    remedy.reads("| Kim Ito |", "| @noor |")
    assert remedy.item.owner == "Noor Aziz"
    assert remedy.wants(TWIN) == {OWNER: "noor"}


def test_a_status_that_a_row_says_in_other_words_is_understood(remedy: Remedy) -> None:
    remedy.reads("| open |", "| Won’t do |")
    assert remedy.item.status == "won't do"
    assert remedy.wants(TWIN) == {STATUS: "won't do"}


def test_a_title_stays_each_sides_own_unless_the_rules_say_so(remedy: Remedy) -> None:
    assert remedy.hears(TASK, title="Page on depth") == []
    assert remedy.item.title == "Alert on depth"


def test_a_title_that_is_kept_in_sync_is_remembered_by_its_earlier_words() -> None:
    remedy = Remedy(title=FieldRules())
    remedy.hears(TASK, title="Page on depth")
    assert remedy.item.titles == ("Page on depth", "Alert on depth")
    assert remedy.wants(TWIN) == {TITLE: "Page on depth"}
    remedy.hears(TASK, 61, title="Alert on depth")
    assert remedy.item.titles == ("Alert on depth", "Page on depth")


def test_a_closed_ticket_is_done_everywhere_and_reopened_everywhere(remedy: Remedy) -> None:
    remedy.hears(TWIN, status=Status("closed", StatusCategory.DONE, "not_planned"))
    assert remedy.wants(TASK) == {STATUS: "won't do"}
    remedy.answers(TASK)
    remedy.hears(TASK, 70, status=Status("To Do", StatusCategory.NEW))
    assert remedy.wants(TWIN) == {STATUS: "open"}


def test_a_ticket_in_a_tracker_that_the_rules_no_longer_know_is_left_alone(
    remedy: Remedy,
) -> None:
    connections = {"jira": "jira", "docs": "git"}
    remedy.policy = replace(remedy.policy, connections=connections)
    assert remedy.hears(TWIN, owners=(NOOR,), updated=at(60)) == []
    assert remedy.item.owner == "Kim Ito"


def test_the_end_of_a_rest_is_waited_for_and_its_ticket_read_again(flipping: Remedy) -> None:
    assert rests_until(flipping.incident, flipping.now) is None
    flips(flipping)
    until = rests_until(flipping.incident, flipping.now)
    assert until is not None
    assert rested_tickets(flipping.incident, until - timedelta(seconds=1)) == []
    assert rested_tickets(flipping.incident, until) == [GITHUB]
    decision = decide(
        TicketUnchanged(), flipping.incident, flipping.policy, new_id="x", now=flipping.now
    )
    assert decision.again_at == until
