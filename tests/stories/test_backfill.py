"""Incidents of the past are taken up when somebody asks for it: recorded, each once, and nothing
more than was asked for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from bygone import ask, finish, live_through, progress, resume, run_on, stop, with_a_past
from stage import Stage

from integrations.sandbox.acme import BOT_JIRA
from service.backfilling import in_words
from service.store.backfills import BackfillState, TicketState
from workflows.model import Outlook

on_each = pytest.mark.parametrize("tracker", ["github", "jira"])


def tickets(stage: Stage) -> int:
    """How many there are in both trackers."""
    repos = stage.sandbox.github.repos.values()
    return len(stage.sandbox.jira.issues) + sum(len(repo.issues) for repo in repos)


@on_each
def test_what_its_tickets_tell_is_recorded_and_nothing_is_written_to_a_tracker(
    tmp_path: Path, tracker: str
) -> None:
    with with_a_past(tmp_path, tracker, 3) as stage:
        keys = live_through(stage, tracker, 3)
        number = ask(stage)
        assert finish(stage, number) == {TicketState.RECORDED: 3}
        assert stage.sandbox.writes() == []
        assert sorted(each.ticket.key for each in stage.incidents()) == sorted(keys)
        incident = stage.incident(keys[0])
        assert (incident.severity, incident.tags) == ("sev2", ("tag:dns",))
        assert incident.outlook is Outlook.DONE
        assert incident.backfilled is not None
        assert "The resolver of Outage 0 lost its zone" in incident.backfilled.history
        assert (incident.roles, incident.review_due, incident.actions) == ({}, None, ())
        assert "recorded by a backfill, and nothing is created" in stage.told(keys[0])


@on_each
def test_thirty_incidents_stopped_in_the_middle_and_resumed_come_once(
    tmp_path: Path, tracker: str
) -> None:
    with with_a_past(tmp_path, tracker, 30) as stage:
        keys = live_through(stage, tracker, 30)
        number = ask(stage)
        for told in run_on(stage, number):
            if told.pace.ended >= 12 and told.backfill.state is BackfillState.RUNNING:
                stop(stage, number)
        stage.wait(timedelta(hours=2))
        known = len(stage.incidents())
        assert 12 <= known <= 16
        assert progress(stage, number).backfill.state is BackfillState.STOPPED

        resume(stage, number)
        assert finish(stage, number) == {TicketState.RECORDED: 30}
        assert sorted(each.ticket.key for each in stage.incidents()) == sorted(keys)
        assert stage.sandbox.writes() == []


@on_each
def test_asked_for_again_nothing_changes_and_nothing_is_read_but_lists(
    tmp_path: Path, tracker: str
) -> None:
    with with_a_past(tmp_path, tracker, 3) as stage:
        live_through(stage, tracker, 3)
        finish(stage, ask(stage))
        before = stage.incidents()
        stage.sandbox.reset_calls()
        assert finish(stage, ask(stage)) == {TicketState.KNOWN: 3}
        assert stage.incidents() == before
        assert len(stage.sandbox.calls) <= 2


@on_each
def test_documents_and_tasks_come_where_they_are_asked_for_and_nobody_is_disturbed(
    tmp_path: Path, tracker: str
) -> None:
    with with_a_past(tmp_path, tracker, 2) as stage:
        keys = live_through(stage, tracker, 2)
        finish(stage, ask(stage))
        there = tickets(stage)

        finish(stage, ask(stage, documents=True))
        assert all(stage.incident(key).postmortem for key in keys)
        assert [item.task for key in keys for item in stage.incident(key).actions] == [None, None]
        documents = tickets(stage)
        assert documents == there + 2

        finish(stage, ask(stage, documents=True, tasks=True))
        tasks = [item.task for key in keys for item in stage.incident(key).actions]
        assert None not in tasks
        assert tickets(stage) == documents + 2
        for key in keys:
            incident = stage.incident(key)
            assert (incident.comment_id, incident.roles, incident.review_due) == (None, {}, None)
            assert incident.outlook is Outlook.DONE

        finish(stage, ask(stage, documents=True, tasks=True))
        stage.wait(timedelta(days=40))
        assert tickets(stage) == documents + 2


def test_what_is_gone_when_its_turn_comes_is_left_alone(tmp_path: Path) -> None:
    with with_a_past(tmp_path, "jira", 5) as stage:
        keys = live_through(stage, "jira", 5)
        number = ask(stage)
        stage.settle()  # the last two are read, the others were found
        stage.sandbox.jira.delete(keys[0], by="5b10-kim")
        assert finish(stage, number) == {TicketState.RECORDED: 4, TicketState.LEFT: 1}
        assert len(stage.incidents()) == 4


def test_what_is_refused_waits_for_a_person_and_keeps_nothing_else_back(tmp_path: Path) -> None:
    with with_a_past(tmp_path, "jira", 4) as stage:
        keys = live_through(stage, "jira", 4)
        stage.sandbox.jira.deny(BOT_JIRA, "CREATE_ISSUES")
        number = ask(stage, documents=True)
        assert finish(stage, number) == {TicketState.STUCK: 4}
        with stage.store.read() as tx:
            assert {each.key for each in tx.backfills.stuck(number, 10)} == {*keys}
            assert len(tx.effects.dead_letters()) == 4
        assert in_words(progress(stage, number)) == "done: 4 of 4; 4 wait for a person"


def test_a_comment_on_a_ticket_of_the_past_is_recorded_too_and_wakes_nobody(
    tmp_path: Path,
) -> None:
    with with_a_past(tmp_path, "github", 1, webhooks=True) as stage:
        (key,) = live_through(stage, "github", 1)
        finish(stage, ask(stage))
        number = int(key.partition("#")[2])
        stage.sandbox.github.comment("acme/ops", number, "It was the zone transfer", by="noor")
        stage.settle()
        known = stage.incident(key).backfilled
        assert known is not None
        assert "It was the zone transfer" in known.history
        assert stage.sandbox.writes() == []


def test_reopened_and_closed_again_it_is_followed_like_any_other(tmp_path: Path) -> None:
    with with_a_past(tmp_path, "jira", 1) as stage:
        (key,) = live_through(stage, "jira", 1)
        finish(stage, ask(stage))
        jira = stage.sandbox.jira
        jira.transition(key, "Open", by="5b10-kim")
        stage.poll()
        assert stage.sandbox.writes() == []
        stage.clock.wait(timedelta(hours=1))
        jira.transition(key, "Resolved", by="5b10-kim")
        stage.poll()
        incident = stage.incident(key)
        assert incident.backfilled is None
        assert incident.postmortem is not None
        assert incident.roles
        assert incident.comment_id
