"""What an incident of the past gets: what was asked for, and nobody is disturbed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from builders import NOON, closed, comment, policy

from workflows.backfilling import (
    LONGEST_HISTORY,
    Load,
    Pace,
    Place,
    Wish,
    candidate,
    is_done,
    longest,
    places,
)
from workflows.budgets import Budget, Haste, Window, room
from workflows.effects import CreateDocument, CreateTask, WriteComment, WriteNote
from workflows.events import TicketRead
from workflows.lifecycle import decide
from workflows.model import Outlook, Phase, Status, StatusCategory, Ticket
from workflows.policy import Policy, ReminderRules, Span, SpanUnit
from workflows.projection import project
from workflows.rehearsal import Rehearsal, rehearse
from workflows.reminder_times import awaited

THEN = datetime(2025, 5, 6, 10, tzinfo=UTC)
YEAR = (datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
LINE = "ACTION: alert on it @kim\nSucceeded after the resolver was restarted"


def wish(**asked: Any) -> Wish:
    return replace(Wish(NOON, *YEAR, ("payments",)), **asked)


def past(**values: Any) -> Ticket:
    """A ticket that was closed in May 2025."""
    said = replace(comment(LINE), at=THEN)
    found = closed(created=THEN, updated=THEN, comments=(said,))
    return replace(found, **{"closed": THEN, **values})


def taken_up(
    ticket: Ticket, *wishes: Wish, known: Any = None, rules: Policy | None = None
) -> Rehearsal:
    return rehearse(
        TicketRead(ticket), known, rules or policy(), new_id="i1", now=NOON, backfills=wishes
    )


def kinds(told: Rehearsal) -> set[type]:
    return {type(effect) for effect in told.effects}


# --- which they are -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ticket", "team"),
    [
        (past(), "payments"),
        (past(closed=YEAR[0]), "payments"),
        (past(closed=YEAR[1]), ""),
        (past(closed=NOON), ""),
        (past(labels=("chore",)), ""),
        (past(status=Status("open", StatusCategory.NEW)), ""),
        (past(place="acme/else"), ""),
    ],
)
def test_a_list_shows_which_were_closed_in_the_period(ticket: Ticket, team: str) -> None:
    assert candidate(ticket, wish(), policy()) == team
    assert candidate(ticket, wish(teams=("ops",)), policy()) == ""


def test_what_was_closed_since_the_start_is_followed_and_no_candidate() -> None:
    everything = wish(until=NOON + timedelta(days=300))
    assert candidate(past(closed=NOON), everything, policy()) == ""
    assert taken_up(past(closed=NOON), everything).incident.backfilled is None  # type: ignore[union-attr]


def test_each_place_is_looked_through_once() -> None:
    rules = policy()
    team = rules.teams["payments"]
    double = replace(team.incidents[0], place="ACME/ops")
    rules = replace(rules, teams={"payments": replace(team, incidents=(*team.incidents, double))})
    assert places(wish(), rules) == (Place("github", "acme/ops"),)
    assert places(wish(), rules, "jira") == ()


# --- what they get --------------------------------------------------------------------------------


def test_without_a_wish_it_is_left_alone() -> None:
    told = taken_up(past())
    assert told.incident is not None
    assert told.incident.backfilled is None
    assert told.reasons[-1] == "closed before payments starts (2026-12-01): left alone"


def test_recorded_it_keeps_its_history_to_be_searched_and_asks_for_nothing() -> None:
    told = taken_up(past(), wish())
    incident = told.incident
    assert incident is not None
    assert told.effects == ()
    assert (incident.outlook, incident.muted, incident.actions) == (Outlook.DONE, True, ())
    passages = {each.title: each.words for each in project(incident, {}).passages}
    assert "after the resolver was restarted" in passages["Timeline"]


def test_of_a_restricted_ticket_no_history_is_kept_also_if_it_is_restricted_later() -> None:
    known = taken_up(past(), wish()).incident
    told = taken_up(past(restricted=True), known=known)
    assert told.incident is not None
    assert told.incident.backfilled is not None
    assert told.incident.backfilled.history == ""
    assert "resolver" not in str(project(told.incident, {}))


def test_a_history_without_end_is_cut_between_two_lines() -> None:
    many = tuple(
        replace(comment(f"It failed once more, number {n}", id=f"c{n}"), at=THEN)
        for n in range(1000)
    )
    incident = taken_up(past(comments=many), wish()).incident
    assert incident is not None
    assert incident.backfilled is not None
    history = incident.backfilled.history
    assert len(history) <= LONGEST_HISTORY + 50
    left = 1000 + 1 - (history.count("\n| 2"))
    assert history.endswith(f"\n\nThe ticket tells {left} more.")


def test_documents_are_created_without_roles_dates_comment_or_tasks() -> None:
    told = taken_up(past(), wish(documents=True))
    incident = told.incident
    assert incident is not None
    assert CreateDocument in kinds(told)
    assert not {CreateTask, WriteComment, WriteNote} & kinds(told)
    assert (incident.roles, incident.review_due, incident.perspectives) == ({}, None, ())
    assert [item.title for item in incident.actions] == [
        "alert on it",
        "Detect acme/ops#42 sooner",
    ]
    assert incident.backfilled is not None
    assert incident.backfilled.history == ""  # the document tells it


@pytest.mark.parametrize("labels", [("incident",), ("incident", "sev3")])
def test_a_severity_that_gets_none_or_is_not_known_gets_no_document_and_no_comment(
    labels: tuple[str, ...],
) -> None:
    told = taken_up(past(labels=labels), wish(documents=True, tasks=True))
    assert told.effects == ()
    assert told.incident is not None
    assert told.incident.outlook is Outlook.DONE


def test_what_was_set_aside_is_recorded_as_that_and_gets_nothing() -> None:
    aside = past(status=Status("closed", StatusCategory.DONE, "not_planned"))
    told = taken_up(aside, wish(documents=True, tasks=True))
    assert told.incident is not None
    assert told.incident.phase is Phase.SET_ASIDE
    assert told.incident.backfilled is not None
    assert told.effects == ()


def test_tasks_can_be_asked_for_later_and_are_due_from_that_day_on() -> None:
    known = taken_up(past(), wish()).incident
    later = wish(at=NOON, documents=True, tasks=True)
    told = taken_up(past(), wish(), later, known=known)
    tasks = [effect for effect in told.effects if isinstance(effect, CreateTask)]
    assert [task.title for task in tasks] == ["alert on it", "Detect acme/ops#42 sooner"]
    assert all(task.due is None or task.due > NOON.date() for task in tasks)
    assert told.incident is not None
    assert not told.incident.muted
    assert WriteComment not in kinds(told)


def test_nobody_is_reminded_of_a_day_that_had_passed_and_of_a_later_one_everybody() -> None:
    rules = policy()
    reminders = ReminderRules(Span(2, SpanUnit.DAYS), Span(7, SpanUnit.DAYS), 2)
    team = replace(rules.teams["payments"], reminders=reminders)
    rules = replace(rules, teams={"payments": team})
    said = replace(comment("ACTION: old @kim due:2025-06-01\nACTION: new due:2026-12-30"), at=THEN)
    told = taken_up(past(comments=(said,)), wish(documents=True, tasks=True), rules=rules)
    assert told.incident is not None
    assert {each.due for each in awaited(told.incident, team)} >= {date(2026, 12, 30)}
    assert all(each.due > NOON.date() for each in awaited(told.incident, team))


# --- what becomes of them -------------------------------------------------------------------------


def test_closed_again_since_the_start_it_is_an_incident_like_any_other() -> None:
    recorded = taken_up(past(), wish()).incident
    opened = taken_up(past(closed=None, status=Status("open", StatusCategory.NEW)), known=recorded)
    assert opened.incident is not None
    assert opened.incident.phase is Phase.OPEN
    told = taken_up(past(closed=NOON), wish(), known=opened.incident)
    assert told.incident is not None
    assert told.incident.backfilled is None
    assert {CreateDocument, CreateTask, WriteComment} <= kinds(told)
    assert told.incident.roles


def test_one_that_has_its_postmortem_already_hears_of_no_backfill() -> None:
    rules, late = policy(), policy()
    early = replace(rules.teams["payments"], start_from=YEAR[0])
    followed = taken_up(past(), rules=replace(rules, teams={"payments": early})).incident
    assert followed is not None
    assert followed.postmortem is not None
    told = taken_up(past(), wish(documents=True), known=followed, rules=late)
    assert told.incident is not None
    assert told.incident.backfilled is None
    assert is_done(told.incident, wish())


def test_the_same_wish_again_changes_nothing() -> None:
    first = taken_up(past(), wish(documents=True, tasks=True)).incident
    assert first is not None
    again = decide(
        TicketRead(past()), first, policy(), new_id="i2", now=NOON, backfills=[wish(), wish()]
    )
    assert again.incident == first
    assert is_done(first, wish(documents=True))
    assert not is_done(taken_up(past(), wish()).incident, wish(documents=True))  # type: ignore[arg-type]


# --- how long it takes ----------------------------------------------------------------------------


def test_the_pace_is_that_of_late() -> None:
    pace = Pace(total=212, ended=12, lately=10, span=timedelta(minutes=10))
    assert pace.per_hour == 60
    assert pace.left == timedelta(hours=200 / 60)
    assert Pace(212, 0).left is None


def test_the_longest_of_all_budgets_tells_how_long_it_takes() -> None:
    hourly = Budget(
        "new content", (Window(80, timedelta(minutes=1)), Window(500, timedelta(hours=1)))
    )
    loads = [Load("github", hourly, 600), Load("jira", Budget("reads"), 10**6)]
    assert longest(loads, timedelta(minutes=5)) == (timedelta(hours=4), "github: new content")
    assert longest([], timedelta(minutes=5)) == (timedelta(minutes=5), "")


def test_a_backfill_takes_a_quarter_and_at_least_one() -> None:
    hour = timedelta(hours=1)
    assert room(Window(500, hour), Haste.BACKFILL) == 125
    assert room(Window(3, hour), Haste.BACKFILL) == 1
