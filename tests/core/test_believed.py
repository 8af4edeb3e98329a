"""When what a webhook tells of a ticket may stand for a read of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from builders import KIM, NOOR, at
from hypothesis import given
from hypothesis import strategies as st
from sides import DUE, GITHUB, MILESTONE, OPEN, OWNER, STATUS, TASK, TWIN, Remedy

from workflows.events import FieldsWritten, TaskGone
from workflows.folding import fold
from workflows.hearing import hear_tasks, is_believed, says_nothing_new
from workflows.model import Change, Person
from workflows.snapshots import Field
from workflows.tasks import TaskState, latest

SECOND = timedelta(seconds=1)


@pytest.fixture
def remedy() -> Remedy:
    """Both of its tickets were read an hour after noon."""
    remedy = Remedy()
    remedy.hears(TASK)
    remedy.hears(TWIN)
    return remedy


def telling(remedy: Remedy, *changed: Field, minutes: float = 61, **values: Any) -> TaskState:
    """What the twin's webhook says of it, and what it says was changed."""
    when = at(minutes)
    changes = tuple(Change(when, NOOR, field.value, None, None) for field in changed)
    return replace(remedy.states[TWIN], updated=when, changes=changes, **values)


def believed(remedy: Remedy, state: TaskState, later: timedelta = 5 * SECOND) -> bool:
    """So much later than the ticket changed."""
    rules = replace(remedy.policy, teams={remedy.team.name: remedy.team})
    return is_believed(remedy.incident, 1, TWIN, state, rules, state.updated + later)


def nothing_new(remedy: Remedy, state: TaskState) -> bool:
    return says_nothing_new(remedy.incident, 1, TWIN, state, remedy.team, remedy.policy)


def test_a_later_telling_of_what_was_just_changed_is_believed(remedy: Remedy) -> None:
    assert believed(remedy, telling(remedy, OWNER, owners=(NOOR,)))
    assert believed(remedy, telling(remedy, OWNER, MILESTONE, owners=(), milestones=("Q1",)))
    assert believed(remedy, telling(remedy))


def test_who_said_it_and_when_is_known_from_the_telling(remedy: Remedy) -> None:
    remedy.hears(TWIN, **_as_values(telling(remedy, OWNER, owners=(NOOR,))))
    said = remedy.item.said[OWNER].said
    assert (said.value, said.at, said.by) == ("Noor Aziz", at(61), NOOR.name)


def _as_values(state: TaskState) -> dict[str, Any]:
    return {"owners": state.owners, "changes": state.changes, "updated": state.updated}


@pytest.mark.parametrize("minutes", [0, 59, 60])
def test_one_that_may_be_older_than_what_is_known_is_not(remedy: Remedy, minutes: float) -> None:
    assert not believed(remedy, telling(remedy, OWNER, minutes=minutes, owners=(NOOR,)))


@pytest.mark.parametrize("minutes", [61, 62])
def test_nor_one_that_may_be_older_than_what_we_wrote(remedy: Remedy, minutes: float) -> None:
    """It may be the echo of another write of ours, whatever it tells to have just been changed."""
    wrote = FieldsWritten("set:abc:1:twin", {MILESTONE: "Q1"}, {}, at(62))
    remedy.incident = fold(wrote, remedy.incident)
    told = telling(remedy, MILESTONE, minutes=minutes, milestones=("Q2",))
    assert not believed(remedy, told)
    assert believed(remedy, telling(remedy, MILESTONE, minutes=62.1, milestones=("Q2",)))


def test_a_step_of_our_own_write_is_no_news_unless_it_tells_that_somebody_took_it_back(
    remedy: Remedy,
) -> None:
    """A write in two steps, told one step at a time: the first shows what the second went over."""
    wrote = FieldsWritten("set:abc:1:twin", {MILESTONE: "Q1", STATUS: "done"}, {}, at(62))
    remedy.incident = fold(wrote, remedy.incident)
    step = telling(remedy, MILESTONE, milestones=("Q1",))
    assert nothing_new(remedy, step)
    assert not nothing_new(remedy, telling(remedy, MILESTONE, STATUS, milestones=("Q1",)))
    assert not nothing_new(remedy, replace(step, updated=at(62.1)))
    assert not nothing_new(remedy, telling(remedy, OWNER, owners=(NOOR,), milestones=("Q1",)))


def test_what_is_not_known_at_all_must_be_told_to_have_changed(remedy: Remedy) -> None:
    """What a restricted ticket said is forgotten; who emptied it meanwhile only a read tells."""
    remedy.hears(TWIN, 60.5, restricted=True)
    free: dict[str, Any] = {"restricted": False, "milestones": (), "owners": ()}
    assert not believed(remedy, telling(remedy, **free))
    assert not believed(remedy, telling(remedy, OWNER, **free))
    assert believed(remedy, telling(remedy, OWNER, MILESTONE, **free))


@pytest.mark.parametrize("later", [timedelta(minutes=3), timedelta(minutes=-3)])
def test_nor_one_that_was_long_on_its_way_or_is_of_the_future(
    remedy: Remedy, later: timedelta
) -> None:
    assert not believed(remedy, telling(remedy, OWNER, owners=(NOOR,)), later)


def test_what_is_not_kept_in_sync_need_not_be_told(remedy: Remedy) -> None:
    """Titles are people's own unless the rules say otherwise."""
    assert believed(remedy, telling(remedy, OWNER, owners=(NOOR,), title="Mine"))


def test_a_change_that_it_does_not_tell_of_is_read(remedy: Remedy) -> None:
    """Its own webhook was lost: when it was changed, and by whom, only a read may tell."""
    assert not believed(remedy, telling(remedy, OWNER, owners=(NOOR,), milestones=("Q1",)))
    assert not believed(remedy, telling(remedy, DUE, owners=(KIM, NOOR)))
    assert believed(remedy, telling(remedy, OWNER, owners=(KIM, NOOR)))


def test_somebody_whom_nobody_knows_is_read(remedy: Remedy) -> None:
    """A read may show an address."""
    assert not believed(remedy, telling(remedy, OWNER, owners=(Person("zoe", "zoe"),)))


def test_a_ticket_that_is_somewhere_else_is_read(remedy: Remedy) -> None:
    moved = replace(GITHUB, key="acme/infra#7")
    assert not believed(remedy, telling(remedy, OWNER, ref=moved))


def test_one_that_is_silent_of_what_was_known_is_read(remedy: Remedy) -> None:
    assert not believed(remedy, telling(remedy, OWNER, silent=(MILESTONE,)))


def test_a_ticket_that_was_never_read_or_is_gone_is_read(remedy: Remedy) -> None:
    fresh = Remedy()
    assert not believed(fresh, telling(fresh, OWNER, owners=(NOOR,)))
    gone, _ = hear_tasks(
        remedy.incident, [TaskGone(1, TWIN, "x")], remedy.team, remedy.policy, at(60)
    )
    remedy.incident = gone
    assert not believed(remedy, telling(remedy, OWNER, owners=(NOOR,)))


def test_two_tellings_come_to_the_later_one_with_the_changes_of_both(remedy: Remedy) -> None:
    first = telling(remedy, OWNER, owners=(NOOR,))
    second = telling(remedy, STATUS, minutes=62, owners=(NOOR,), status=OPEN[TASK])
    both = latest(second, first)
    assert both == latest(first, second)
    assert both is not None
    assert both.status == OPEN[TASK]
    assert [change.field for change in both.changes] == [OWNER, STATUS]


def test_of_a_change_between_two_tellings_nothing_was_told(remedy: Remedy) -> None:
    first = telling(remedy, DUE, due=date(2027, 2, 1))
    second = telling(remedy, OWNER, minutes=62, owners=(NOOR,), due=date(2027, 3, 1))
    assert latest(first, second) is None
    third = telling(remedy, OWNER, minutes=62, owners=(NOOR,), due=date(2027, 2, 1))
    assert latest(first, third) is not None


def test_of_one_second_they_must_say_the_same(remedy: Remedy) -> None:
    came, went = telling(remedy, OWNER, owners=(NOOR,)), telling(remedy, STATUS, owners=(NOOR,))
    both = latest(came, went)
    assert both is not None
    assert {change.field for change in both.changes} == {OWNER, STATUS}
    assert latest(came, telling(remedy, OWNER, owners=())) is None


@given(st.permutations(range(4)), st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_in_whatever_order_tellings_come_the_latest_stands_or_the_ticket_is_read(
    order: list[int], gaps: list[int]
) -> None:
    """Four edits of the milestone, so many seconds apart; of two in one second nobody can tell."""
    remedy, when, edits = Remedy(), at(61), list[TaskState]()
    for number, gap in enumerate(gaps):
        when += gap * SECOND
        change = Change(when, NOOR, MILESTONE.value, None, None)
        state = replace(remedy.states[TWIN], milestones=(f"Q{number}",), changes=(change,))
        edits.append(replace(state, updated=when))
    told: TaskState | None = edits[order[0]]
    for number in order[1:]:
        told = latest(told, edits[number]) if told is not None else None
    if 0 not in gaps[1:]:
        assert told is not None
        assert len(told.changes) == 4
    assert told is None or (told.milestones == ("Q3",) and gaps[3] > 0)
