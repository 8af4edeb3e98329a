"""Whether a ticket, as it is read right before it is written, is to be heard first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from builders import KIM, NOOR, at
from sides import (
    DANA,
    DUE,
    KIM_IN_JIRA,
    MILESTONE,
    NOW,
    OWNER,
    STATUS,
    TASK,
    TITLE,
    TWIN,
    Remedy,
)

from workflows.effects import SetFields
from workflows.hearing import overtaken, set_key, to_set
from workflows.model import Person, Status, StatusCategory
from workflows.policy import FieldRules, Policy
from workflows.snapshots import Field, Side

SAM = Person("sam", "Sam Sole")
CLOSED = Status("closed", StatusCategory.DONE, "completed")


@pytest.fixture
def remedy() -> Remedy:
    """What both tickets and the record agree on."""
    remedy = Remedy()
    remedy.hears(TASK)
    remedy.hears(TWIN)
    return remedy


def wish(remedy: Remedy, side: Side = TWIN, **record: Any) -> SetFields:
    """What the ticket is told after the record changed to this."""
    remedy.item_is(replace(remedy.item, **record))
    key = set_key(remedy.incident, 1, side)
    (wanted,) = (
        each for each in to_set(remedy.incident, remedy.team, remedy.policy, NOW) if each.key == key
    )
    return wanted


def told(remedy: Remedy, wanted: SetFields, side: Side = TWIN, **stands: Any) -> str:
    """Why that is not written to the ticket that differs from the one we heard in what `stands`
    there."""
    state = replace(remedy.states[side], **stands)
    return overtaken(remedy.incident, wanted, state, rules(remedy))


def rules(remedy: Remedy) -> Policy:
    return replace(remedy.policy, teams={remedy.team.name: remedy.team})


@pytest.mark.parametrize("side", [TASK, TWIN])
@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"milestone": "Q1"}, MILESTONE),
        ({"owner": None}, OWNER),
        ({"due": date(2027, 3, 1)}, DUE),
        ({"status": "done"}, STATUS),
    ],
)
def test_a_ticket_that_stands_as_is_known_may_be_written(
    remedy: Remedy, side: Side, record: dict[str, Any], name: Field
) -> None:
    wanted = wish(remedy, side, **record)
    assert [*wanted.values, *([STATUS] if wanted.status else [])] == [name]
    assert told(remedy, wanted, side) == ""


@pytest.mark.parametrize(
    ("record", "stands", "words"),
    [
        ({"owner": "Noor Aziz"}, {"owners": (SAM,)}, "owner is sam there by now, no longer kim"),
        ({"owner": "Noor Aziz"}, {"owners": ()}, "owner is nothing there by now, no longer kim"),
        (
            {"milestone": "Q1"},
            {"milestones": ("Q2",)},
            "milestone is Q2 there by now, no longer nothing",
        ),
        (
            {"due": None},
            {"due": date(2027, 2, 1)},
            "due is 2027-02-01 there by now, no longer 2027-01-01",
        ),
        ({"status": "won't do"}, {"status": CLOSED}, "status is done there by now, no longer open"),
    ],
)
def test_a_value_that_nobody_heard_of_is_heard_first(
    remedy: Remedy, record: dict[str, Any], stands: dict[str, Any], words: str
) -> None:
    assert told(remedy, wish(remedy, **record), **stands) == words


def test_a_title_that_somebody_changed_is_heard_first() -> None:
    remedy = Remedy(title=FieldRules(frozenset({TASK, TWIN})))
    wanted = wish(remedy, title="Alert on the queue")
    assert wanted.values == {TITLE: "Alert on the queue"}
    assert told(remedy, wanted) == ""
    words = "title is Alert soon there by now, no longer Alert on depth"
    assert told(remedy, wanted, title="Alert soon") == words


def test_one_value_of_several_is_enough(remedy: Remedy) -> None:
    wanted = wish(remedy, owner="Noor Aziz", due=None, status="done")
    assert "status is done" in told(remedy, wanted, status=CLOSED)
    assert "due is nothing" in told(remedy, wanted, due=None)
    assert told(remedy, wanted) == ""


def test_what_is_wanted_there_already_is_heard_as_well(remedy: Remedy) -> None:
    """The record learns that it stands there, and by whom, rather than that we wrote it."""
    wanted = wish(remedy, due=None)
    assert told(remedy, wanted, due=None) == "due is nothing there by now, no longer 2027-01-01"


def test_whoever_is_assigned_besides_is_no_other_owner(remedy: Remedy) -> None:
    wanted = wish(remedy, owner="Noor Aziz")
    assert wanted.values == {OWNER: "noor"}
    assert told(remedy, wanted, owners=(SAM, KIM)) == ""
    assert told(remedy, wanted, owners=(KIM, SAM)) == ""
    assert "owner is sam" in told(remedy, wanted, owners=(SAM,))


def test_the_next_owner_whom_somebody_assigned_besides_is_heard_first(remedy: Remedy) -> None:
    wanted = wish(remedy, owner="Noor Aziz")
    told_so = "owner is noor there by now, no longer kim"
    assert told(remedy, wanted, owners=(KIM, NOOR)) == told_so


def test_another_version_beside_the_one_is_no_other_milestone(remedy: Remedy) -> None:
    remedy.hears(TASK, milestones=("Q1",))
    wanted = wish(remedy, TASK, milestone="Q2")
    assert told(remedy, wanted, TASK, milestones=("Hotfix", "Q1")) == ""
    assert "milestone is Hotfix" in told(remedy, wanted, TASK, milestones=("Hotfix",))


def test_a_status_in_other_words_for_the_same_is_no_news(remedy: Remedy) -> None:
    wanted = wish(remedy, TASK, status="done")
    backlog = Status("Backlog", StatusCategory.NEW)
    assert told(remedy, wanted, TASK, status=backlog) == ""
    started = Status("Doing", StatusCategory.IN_PROGRESS)
    words = "status is in progress there by now, no longer open"
    assert told(remedy, wanted, TASK, status=started) == words


def test_a_status_that_the_side_does_not_tell_apart_is_no_news(remedy: Remedy) -> None:
    wanted = wish(remedy, status="done")
    assert told(remedy, wanted, status=Status("open", StatusCategory.IN_PROGRESS)) == ""
    assert told(remedy, wanted, status=CLOSED) != ""


@pytest.mark.parametrize(
    "other", [{"owners": (SAM,)}, {"milestones": ("Q2",)}, {"status": CLOSED}], ids=str
)
def test_what_is_not_to_be_written_is_heard_first_too_while_it_is_known_when_it_was_said(
    remedy: Remedy, other: dict[str, Any]
) -> None:
    """GitHub tells only when an issue last changed at all: after our write, that is our write."""
    assert told(remedy, wish(remedy, due=None)) == ""
    assert told(remedy, wish(remedy, due=None), **other) != ""


def test_what_is_not_kept_in_sync_or_is_left_alone_holds_up_no_write(remedy: Remedy) -> None:
    assert told(remedy, wish(remedy, due=None), title="Alert soon") == ""
    left = replace(remedy.item.sides[TWIN], resting={OWNER: at(600)})
    remedy.item_is(replace(remedy.item, sides={**remedy.item.sides, TWIN: left}))
    assert told(remedy, wish(remedy, due=None), owners=(SAM,)) == ""


def test_a_ticket_that_was_moved_is_heard_first_whatever_it_says(remedy: Remedy) -> None:
    wanted = wish(remedy, due=None)
    ref = replace(wanted.task, key="acme/tools#9")
    assert told(remedy, wanted, ref=ref) == "acme/ops#101 is acme/tools#9 now"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"owner": None}, "OPS-1 may only be read by some by now"),
        ({"milestone": "Q1"}, "OPS-1 may only be read by some by now"),
        ({"due": None}, ""),
        ({"status": "done"}, ""),
    ],
)
def test_a_ticket_that_only_some_may_read_by_now_is_not_told_peoples_words(
    remedy: Remedy, record: dict[str, Any], words: str
) -> None:
    wanted = wish(remedy, TASK, **record)
    assert told(remedy, wanted, TASK, restricted=True) == words
    assert told(remedy, wanted, TASK, restricted=False) == ""


def test_a_ticket_that_is_known_to_be_read_by_some_only_is_written_what_it_may_be(
    remedy: Remedy,
) -> None:
    remedy.hears(TASK, restricted=True)
    wanted = wish(remedy, TASK, owner=None, due=None)
    assert told(remedy, wanted, TASK) == ""
    assert "due is 2027-02-01" in told(remedy, wanted, TASK, due=date(2027, 2, 1))


def test_what_a_ticket_cannot_speak_of_is_not_held_against_it(remedy: Remedy) -> None:
    wanted = wish(remedy, TASK, due=None)
    assert told(remedy, wanted, TASK, due=None, silent=frozenset({DUE})) == ""


def test_of_a_ticket_that_was_never_heard_all_is_news(remedy: Remedy) -> None:
    wanted = wish(remedy, due=None)
    remedy.item_is(replace(remedy.item, sides={}))
    assert told(remedy, wanted) == "due is 2027-01-01 there by now, no longer nothing"


def test_a_person_whom_the_rules_do_not_know_stands_as_they_are_named_there(
    remedy: Remedy,
) -> None:
    remedy.hears(TASK, owners=(DANA,))
    wanted = wish(remedy, TASK, owner=None)
    assert told(remedy, wanted, TASK) == ""
    words = "owner is 5b10 there by now, no longer 5b10-dana"
    assert told(remedy, wanted, TASK, owners=(KIM_IN_JIRA,)) == words


def test_where_the_rules_know_no_tracker_any_more_nothing_is_compared(remedy: Remedy) -> None:
    wanted = wish(remedy, due=None)
    assert told(remedy, wanted, due=date(2027, 2, 1)) != ""
    remedy.policy = replace(remedy.policy, connections={"jira": "jira"})
    assert told(remedy, wanted, due=date(2027, 2, 1)) == ""
