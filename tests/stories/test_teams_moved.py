"""A team's tickets where the rules, or people, moved the place of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from begun import begun
from measures import OPS, InJira, Measure, OnGitHub
from stage import Staging

from service.store.refs import Role
from workflows.taken import ONLY_SOME

SAY = "alert on depth due:2026-12-18"  # a Friday
DOCUMENTS, PUBLIC = "acme/postmortems", "acme/website"
Making = Callable[..., Any]


@pytest.fixture
def made(staged: Staging) -> Making:
    """A measure of payments that is due on Friday of next week, of an incident in acme/ops."""

    def make(kind: type[Any] = OnGitHub, **changed: Any) -> Any:
        parts = {"audits": "{portfolio: off}", "reminders": "{times: 1}"}
        measure = begun(staged(**{**kind.parts, **parts, **changed}), kind, SAY)
        measure.stage.container.start()  # as a worker does
        measure.stage.settle()
        return measure

    return make


def audits(place: str, portfolio: str = "off") -> str:
    """The rules that have the team's tickets opened there."""
    to = f"{{connection: github, repository: {place}}}"
    return f"{{portfolio: {portfolio}, destination: {to}}}"


def until(measure: Measure, year: int, month: int, day: int) -> None:
    """Let time pass at once, up to a minute after 09:00 UTC, and let the service work."""
    end = datetime(year, month, day, 9, 1, tzinfo=UTC)
    measure.stage.wait(end - measure.stage.clock())


def own(measure: OnGitHub, what: str, place: str) -> list[Any]:
    """The team's own tickets there whose effect key begins so, whatever the service knows."""
    issues = measure.stage.sandbox.github.repos[place].issues.values()
    return [issue for issue in issues if f"followthrough {what}:" in str(issue.body)]


def last_digest(measure: OnGitHub, place: str) -> str:
    """What the last comment on the ticket for digests says, which stands there."""
    (ticket,) = own(measure, "digests", place)
    return str(ticket.notes[-1].body)


# --- what may be told is judged by where it goes --------------------------------------------------


def test_a_digest_tells_what_may_be_told_where_its_ticket_is_and_not_where_the_rules_point_today(
    made: Making,
) -> None:
    measure = made(audits=audits(DOCUMENTS))
    until(measure, 2026, 12, 21)
    assert "alert on depth" in last_digest(measure, DOCUMENTS)
    measure.github.repos[DOCUMENTS].private = False
    measure.stage.restart(audits=audits(OPS)).start()
    until(measure, 2026, 12, 28)
    said = last_digest(measure, DOCUMENTS)
    assert "2026-12-21 to 2026-12-27" in said
    assert ONLY_SOME in said
    assert "alert on depth" not in said
    assert own(measure, "digests", OPS) == []


def test_a_digest_on_a_ticket_that_only_some_may_read_tells_words_though_the_rules_point_to_all(
    made: Making,
) -> None:
    measure = made(audits=audits(OPS))
    until(measure, 2026, 12, 21)
    measure.stage.restart(audits=audits(PUBLIC)).start()
    until(measure, 2026, 12, 28)
    said = last_digest(measure, OPS)
    assert "2026-12-21 to 2026-12-27" in said
    assert "alert on depth" in said


def test_a_ticket_for_digests_that_somebody_transfers_to_a_public_place_tells_no_words_there(
    made: Making,
) -> None:
    measure = made(audits=audits(OPS))
    until(measure, 2026, 12, 21)
    (ticket,) = own(measure, "digests", OPS)
    number = measure.github.transfer(OPS, ticket.number, PUBLIC, by="kim")
    until(measure, 2026, 12, 28)
    said = last_digest(measure, PUBLIC)
    assert "2026-12-21 to 2026-12-27" in said
    assert "alert on depth" not in said
    with measure.stage.store.read() as tx:
        ref = tx.refs.find("github", measure.github.repos[PUBLIC].issues[number].node_id)
    assert ref is not None
    assert ref.role is Role.TEAM


def test_one_that_is_moved_to_another_project_is_held_against_who_may_read_that(
    made: Making,
) -> None:
    measure = made(InJira)
    until(measure, 2026, 12, 21)
    jira = measure.stage.sandbox.jira
    summary = "Weekly digests of payments"
    (ticket,) = [i for i in jira.issues.values() if i.values["summary"] == summary]
    jira.projects["OPS"].public = True
    until(measure, 2026, 12, 28)
    assert "alert on depth" not in measure.notes(ticket.key)[-1]
    key = jira.move_issue(ticket.key, "INC", by="5b10-kim")
    until(measure, 2027, 1, 4)
    said = measure.notes(key)[-1]
    assert "2026-12-28 to 2027-01-03" in said
    assert "alert on depth" in said


# --- what may have been opened before they moved it -----------------------------------------------


def tickets(measure: OnGitHub, what: str) -> list[tuple[str, Any]]:
    """The team's own tickets of this kind, wherever they stand."""
    return [(place, issue) for place in (OPS, PUBLIC) for issue in own(measure, what, place)]


def unanswered(measure: OnGitHub, arrived: bool, year: int, month: int, day: int) -> None:
    """What is due then is asked for, and nobody knows whether it arrived."""
    measure.stage.sandbox.hooks.enabled = False
    measure.stage.sandbox.fail_next(
        "POST", measure.creation, after_effect=arrived, drop_connection=True
    )
    until(measure, year, month, day)
    measure.stage.sandbox.hooks.enabled = True


def rest(measure: OnGitHub) -> None:
    """Long enough for its absence to count."""
    for _ in range(4):
        measure.stage.wait(timedelta(minutes=2))


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "lost"])
@pytest.mark.parametrize("what", ["portfolio", "digest", "digests"])
def test_what_was_to_be_opened_before_they_moved_it_is_found_there_or_opened_in_the_new_place(
    made: Making, what: str, *, arrived: bool
) -> None:
    reminders = {
        "portfolio": "{digest: off, times: 1}",
        "digest": "{times: 1, digest: {as: ticket}}",
        "digests": "{times: 1}",
    }
    portfolio = "on" if what == "portfolio" else "off"
    measure = made(audits=audits(OPS, portfolio), reminders=reminders[what])
    day = (2027, 1, 1) if what == "portfolio" else (2026, 12, 21)
    unanswered(measure, arrived, *day)
    measure.stage.restart(audits=audits(PUBLIC, portfolio)).start()
    rest(measure)
    ((place, ticket),) = tickets(measure, what)
    assert place == (OPS if arrived else PUBLIC)
    if what != "digests":  # it repeats nobody's words
        assert ("alert on depth" in ticket.body) is arrived
        assert (ONLY_SOME in ticket.body) is not arrived
    measure.stage.container.start()
    measure.stage.settle()
    assert len(tickets(measure, what)) == 1


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "lost"])
def test_it_is_found_or_opened_once_where_they_moved_it_into_the_other_tracker(
    made: Making, *, arrived: bool
) -> None:
    measure = made(audits=audits(OPS, "on"), reminders="{digest: off, times: 1}")
    unanswered(measure, arrived, 2027, 1, 1)
    to = "{connection: jira, project: OPS, issue_type: Task}"
    measure.stage.restart(audits=f"{{destination: {to}}}").start()
    rest(measure)
    issues = measure.stage.sandbox.jira.issues.values()
    in_jira = [i for i in issues if str(i.values["summary"]).startswith("Portfolio audit")]
    assert (len(own(measure, "portfolio", OPS)), len(in_jira)) == ((1, 0) if arrived else (0, 1))


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "lost"])
def test_a_digest_whose_answer_is_lost_is_one_though_the_rules_want_it_as_a_ticket_by_then(
    made: Making, *, arrived: bool
) -> None:
    measure = made(audits=audits(OPS))
    until(measure, 2026, 12, 21)
    (ticket,) = own(measure, "digests", OPS)
    sandbox = measure.stage.sandbox
    where = f"/issues/{ticket.number}/comments$"
    sandbox.fail_next("POST", where, after_effect=arrived, drop_connection=True)
    sandbox.hooks.enabled = False
    until(measure, 2026, 12, 28)
    sandbox.hooks.enabled = True
    as_ticket = "{times: 1, digest: {as: ticket}}"
    measure.stage.restart(audits=audits(PUBLIC), reminders=as_ticket).start()
    rest(measure)
    texts = [note.body for note in ticket.notes[1:]]
    texts += [issue.body for issue in own(measure, "digest", PUBLIC)]
    (only,) = texts
    assert "2026-12-21 to 2026-12-27" in only
    assert ("alert on depth" in only) is arrived


def test_where_the_old_place_cannot_be_looked_at_it_is_opened_nowhere_else(made: Making) -> None:
    measure = made(audits=audits(OPS, "on"), reminders="{digest: off, times: 1}")
    unanswered(measure, True, 2027, 1, 1)
    measure.stage.sandbox.fail_next("GET", "/ops/issues.creator", status=404)
    measure.stage.restart(audits=audits(PUBLIC, "on")).start()
    rest(measure)
    measure.stage.container.start()
    measure.stage.settle()
    rest(measure)
    assert [place for place, _ in tickets(measure, "portfolio")] == [OPS]
    with measure.stage.store.write() as tx:
        (letter,) = tx.effects.dead_letters()
        assert tx.effects.replay(letter.key)
    measure.stage.container.start()
    measure.stage.settle()
    assert [place for place, _ in tickets(measure, "portfolio")] == [OPS]
    with measure.stage.store.read() as tx:
        book = tx.teams.get("payments")
    assert book is not None
    assert [each.ticket.key.partition("#")[0] for each in book.portfolios] == [OPS]
