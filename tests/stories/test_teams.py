"""What a team gets on a schedule: a portfolio audit each quarter, and a digest each week."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from begun import begun
from faults.test_crashes import Crash, die_at, rise_again
from measures import OPS, InJira, Measure, OnGitHub
from stage import Staging

from config.rules import load
from service import owners
from service.container import build
from service.dead_letters import dead_letters, drop
from workflows.quarters import Quarter
from workflows.taken import ONLY_SOME

#: The stories begin on Monday, 7 December 2026, at noon UTC.
SAY = "alert on depth due:2026-12-18"  # a Friday
NO_PORTFOLIO = "{portfolio: off}"
NO_DIGEST = "{digest: off, times: 1}"
Making = Callable[..., Measure]


@pytest.fixture
def made(staged: Staging) -> Making:
    """A measure of payments that is due on Friday of next week, on a stage with these parts."""

    def make(kind: type[Measure] = OnGitHub, say: str = SAY, **changed: Any) -> Measure:
        parts = {"audits": NO_PORTFOLIO, "reminders": NO_DIGEST}
        measure = begun(staged(**{**kind.parts, **parts, **changed}), kind, say)
        measure.stage.container.start()  # as a worker does
        measure.stage.settle()
        return measure

    return make


def until(measure: Measure, year: int, month: int, day: int, hour: float = 9) -> None:
    """Let time pass at once, up to a minute after that hour UTC, and let the service work."""
    end = datetime(year, month, day, tzinfo=UTC) + timedelta(hours=hour, minutes=1)
    measure.stage.wait(end - measure.stage.clock())


def own(measure: Measure, what: str) -> list[Any]:
    """The team's own tickets whose effect key begins so, whatever the service knows of them."""
    issues = measure.stage.sandbox.github.repos[OPS].issues.values()
    return [issue for issue in issues if f"followthrough {what}:" in str(issue.body)]


def portfolios(measure: Measure) -> list[str]:
    """The titles of portfolio audits."""
    return [issue.title for issue in own(measure, "portfolio")]


def digests(measure: Measure) -> list[str]:
    """The digests that are comments."""
    (ticket,) = own(measure, "digests") or [None]
    return [note.body for note in ticket.notes] if ticket else []


def said(measure: Measure) -> str:
    """What the journal says of the team."""
    with measure.stage.store.read() as tx:
        return "\n".join(entry.text for entry in tx.journal.of_team("payments", 100))


def book(measure: Measure) -> Any:
    with measure.stage.store.read() as tx:
        return tx.teams.get("payments")


# --- the portfolio audit --------------------------------------------------------------------------


def test_on_the_first_business_day_after_a_quarter_its_portfolio_audit_opens_once(
    made: Making,
) -> None:
    measure = made(audits="{}", manager="Noor Aziz")
    until(measure, 2027, 1, 1, 8)
    assert portfolios(measure) == []
    tick = measure.stage.container.tick
    measure.stage.clock.wait(timedelta(hours=2))
    with ThreadPoolExecutor(3) as pool:  # three ticks at once
        taken = list(pool.map(lambda _: tick.tick(), range(3)))
    assert sum(taken) == 1
    measure.stage.settle()
    (ticket,) = own(measure, "portfolio")
    assert ticket.title == "Portfolio audit 2026Q4: the measures of payments"
    assert (ticket.assignees, ticket.labels) == (["noor"], ["portfolio"])
    assert f"AI-1 of [{measure.key}]" in ticket.body
    assert "| Kim Ito | 2026-12-18 | 14 |" in ticket.body
    measure.stage.container.start()
    measure.stage.settle()
    assert len(portfolios(measure)) == 1


def test_in_the_other_tracker_it_opens_as_well(made: Making) -> None:
    measure = made(InJira, audits="{}")
    until(measure, 2027, 1, 1)
    issues = measure.stage.sandbox.jira.issues.values()
    (ticket,) = [i for i in issues if str(i.values["summary"]).startswith("Portfolio audit 2026Q4")]
    assert ticket.values["labels"] == ["portfolio"]


def test_after_five_months_without_the_service_each_quarter_opens_once_and_says_that_it_is_late(
    made: Making,
) -> None:
    measure = made(audits="{}")
    measure.stage.clock.wait(timedelta(days=150))  # 6 May 2027
    measure.stage.restart().start()
    measure.stage.settle()
    measure.stage.container.start()
    measure.stage.settle()
    assert [title.split(":")[0] for title in portfolios(measure)] == [
        "Portfolio audit 2026Q4",
        "Portfolio audit 2027Q1",
    ]
    first, second = own(measure, "portfolio")
    assert "This was to be opened on 2027-01-01." in first.body
    assert "This was to be opened on 2027-04-01." in second.body
    assert book(measure).quarter == Quarter(2027, 2)


def test_a_crash_after_it_was_created_and_before_that_was_saved_leaves_one(
    made: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = made(audits="{}", reminders="off")

    def die(*_: object) -> None:
        raise Crash

    monkeypatch.setattr(owners, "save", die)
    measure.stage.clock.wait(timedelta(days=25))
    with pytest.raises(Crash):
        measure.stage.settle()
    assert len(portfolios(measure)) == 1
    assert book(measure).quarter == Quarter(2026, 4), "nothing is known of it"
    monkeypatch.undo()
    rise_again(measure.stage)
    assert len(portfolios(measure)) == 1
    assert [each.quarter for each in book(measure).portfolios] == [Quarter(2026, 4)]


@pytest.mark.long
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("commit", range(1, 13))
def test_a_crash_at_any_commit_leaves_one_of_each(
    made: Making, commit: int, *, before: bool
) -> None:
    measure = made(audits="{}", reminders="{times: 1}")
    measure.stage.clock.wait(timedelta(days=25))
    die_at(measure.stage, commit, before=before)
    with suppress(Crash):
        measure.stage.settle()
    rise_again(measure.stage)
    assert len(portfolios(measure)) == 1
    assert len(own(measure, "digests")) == 1
    assert len(digests(measure)) == 1
    assert len(book(measure).portfolios) == 1


@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_an_opening_whose_answer_never_came_is_one(made: Making, *, done: bool) -> None:
    measure = made(audits="{}")
    sandbox = measure.stage.sandbox
    sandbox.fail_next("POST", measure.creation, after_effect=done, drop_connection=True)
    until(measure, 2027, 1, 1)
    rise_again(measure.stage)
    assert len(portfolios(measure)) == 1
    assert len(book(measure).portfolios) == 1


def test_what_people_do_to_it_is_no_incident_and_nothing_is_read_from_it(made: Making) -> None:
    """Even where every ticket of the place is an incident."""
    everything = "- {connection: github, repository: acme/ops, severity: {label: 'sev*'}}\n"
    measure = made(audits="{}", incidents=everything)
    until(measure, 2027, 1, 1)
    (ticket,) = own(measure, "portfolio")
    github = measure.stage.sandbox.github
    github.comment(OPS, ticket.number, "ACTION: more", by="noor")
    github.close(OPS, ticket.number, by="noor")
    measure.stage.settle()
    measure.stage.poll()
    assert len(measure.stage.incidents()) == 1


# --- who gets none --------------------------------------------------------------------------------


def test_in_plan_mode_nothing_is_written_and_what_begins_to_act_begins_then(made: Making) -> None:
    measure = made(audits="{}", reminders="{}")
    measure.stage.restart(mode="plan").start()
    until(measure, 2027, 1, 5)
    assert portfolios(measure) == []
    assert digests(measure) == []
    measure.stage.restart(mode="act").start()
    until(measure, 2027, 1, 6)
    assert portfolios(measure) == [], "it began to act after that quarter"
    assert book(measure).quarter == Quarter(2027, 1)


def test_a_team_that_the_rules_know_no_more_gets_nothing(made: Making) -> None:
    measure = made(audits="{}", reminders="{}")
    stage = measure.stage
    text = stage.rules_file.read_text()
    stage.rules_file.write_text(text.replace("  payments:", "  checkout:"))
    rules = load(stage.rules_file, stage.environ)
    stage.container = build(stage.settings, rules, store=stage.store, clock=stage.clock)
    stage.container.start()
    until(measure, 2027, 1, 5)
    assert portfolios(measure) == []
    assert digests(measure) == []
    with stage.store.read() as tx:
        ahead = [each for each in tx.occurrences.of_team("payments") if not each.taken_at]
    assert ahead == []


# --- the digest -----------------------------------------------------------------------------------


def test_each_monday_a_comment_on_one_ticket_tells_of_the_week(made: Making) -> None:
    measure = made(reminders="{times: 1}")
    until(measure, 2026, 12, 14)
    assert own(measure, "digests") == [], "nothing came due"
    assert "the digest from 2026-12-07 up to 2026-12-14 has nothing to say" in said(measure)
    until(measure, 2026, 12, 21)
    (first,) = digests(measure)
    assert "**payments, 2026-12-14 to 2026-12-20**" in first
    assert "Came due, and open (1):" in first
    assert f"AI-1 of [{measure.key}]" in first
    measure.done()
    until(measure, 2026, 12, 28)
    assert "Done (1):" in digests(measure)[1]
    assert "the review was due on 2026-12-14" in digests(measure)[1]
    assert len(own(measure, "digests")) == 1


def test_of_digests_that_were_missed_one_is_written_and_covers_the_whole_time(made: Making) -> None:
    measure = made(reminders="{times: 1}")
    measure.stage.clock.wait(timedelta(days=30))  # Wednesday, 6 January
    measure.stage.restart().start()
    measure.stage.settle()
    (only,) = digests(measure)
    assert "**payments, 2026-12-07 to 2027-01-03**" in only


def test_as_tickets_each_digest_notifies_by_itself(made: Making) -> None:
    measure = made(reminders='{times: 1, digest: {day: friday, at: "15:00", as: ticket}}')
    until(measure, 2026, 12, 18, 15)
    until(measure, 2026, 12, 25, 14.5)
    assert len(own(measure, "digest")) == 1
    until(measure, 2026, 12, 25, 15)
    _, ticket = own(measure, "digest")
    assert ticket.title == "Digest of payments, 2026-12-18 to 2026-12-24"
    assert own(measure, "digests") == []


def test_on_a_muted_ticket_and_one_that_is_gone_no_digest_is_written(made: Making) -> None:
    measure = made(reminders="{times: 1}")
    until(measure, 2026, 12, 21)
    (ticket,) = own(measure, "digests")
    measure.label(f"{OPS}#{ticket.number}", "followthrough-mute", by="kim")
    until(measure, 2026, 12, 28)
    assert len(digests(measure)) == 1
    assert f"{OPS}#{ticket.number} is muted" in said(measure)
    measure.delete(f"{OPS}#{ticket.number}")
    until(measure, 2027, 1, 4)
    assert len(own(measure, "digests")) == 1, "the one that is deleted"
    assert "is deleted or hidden, and is not made again" in said(measure)


def test_a_ticket_for_digests_that_cannot_be_read_keeps_no_portfolio_audit_back(
    made: Making,
) -> None:
    measure = made(reminders="{times: 1}", audits="{}")
    until(measure, 2026, 12, 28)
    (ticket,) = own(measure, "digests")
    sandbox = measure.stage.sandbox
    sandbox.fail_next("GET", f"/issues/{ticket.number}$", status=401, times=1000)
    until(measure, 2027, 1, 4)
    measure.stage.wait(timedelta(hours=1))
    assert len(portfolios(measure)) == 1
    why = "the digest from 2026-12-28 up to 2027-01-04 waits, because its ticket cannot be read"
    assert said(measure).count(why) == 1
    sandbox.world.next_faults.clear()
    measure.stage.wait(timedelta(hours=1))
    assert "2026-12-28 to 2027-01-03" in digests(measure)[-1]


def test_a_digest_whose_answer_is_lost_is_written_once_whatever_the_rules_make_of_its_day(
    made: Making,
) -> None:
    measure = made(reminders="{times: 1}")
    until(measure, 2026, 12, 21)
    (ticket,) = own(measure, "digests")
    where = f"/issues/{ticket.number}/comments$"
    sandbox = measure.stage.sandbox
    sandbox.fail_next("POST", where, after_effect=True, drop_connection=True)
    measure.stage.sandbox.hooks.enabled = False
    until(measure, 2026, 12, 28)
    measure.stage.sandbox.hooks.enabled = True
    assert book(measure).told_until == date(2026, 12, 21), "nobody knows yet"
    measure.stage.restart(reminders="{times: 1, digest: {day: tuesday}}").start()
    until(measure, 2026, 12, 29)
    _, second, third = digests(measure)
    assert "2026-12-21 to 2026-12-27" in second
    assert "2026-12-28 to 2026-12-28" in third


def test_a_digest_that_never_came_goes_out_in_the_words_that_may_be_told_by_then(
    made: Making,
) -> None:
    measure = made(InJira, reminders="{times: 1}")
    until(measure, 2026, 12, 21)
    jira = measure.stage.sandbox.jira
    issues = jira.issues.values()
    (ticket,) = [i for i in issues if i.values["summary"] == "Weekly digests of payments"]
    assert "alert on depth" in measure.notes(ticket.key)[-1]
    measure.stage.sandbox.fail_next("POST", "/comment$", drop_connection=True)
    until(measure, 2026, 12, 28)
    assert len(measure.notes(ticket.key)) == 1, "nobody knows yet"
    jira.edit(measure.key, by="5b10-kim", security="Staff only")
    measure.stage.settle()
    measure.stage.wait(timedelta(hours=1))
    second = measure.notes(ticket.key)[-1]
    assert "2026-12-21 to 2026-12-27" in second
    assert ONLY_SOME in second
    assert "alert on depth" not in second


@pytest.mark.parametrize("asked", ["as: ticket", "as: comment"])
def test_after_a_refused_digest_the_next_one_covers_both(made: Making, asked: str) -> None:
    measure = made(reminders=f"{{times: 1, digest: {{{asked}}}}}")
    measure.stage.sandbox.fail_next("POST", measure.creation, status=422)
    until(measure, 2026, 12, 21)
    assert own(measure, "digest") == digests(measure) == []
    until(measure, 2026, 12, 28)
    texts = digests(measure) or [ticket.body for ticket in own(measure, "digest")]
    (only,) = texts
    assert "2026-12-07 to 2026-12-27" in only


def test_after_a_refused_portfolio_audit_the_next_quarter_opens_both(made: Making) -> None:
    measure = made(audits="{}")
    measure.stage.sandbox.fail_next("POST", measure.creation, status=422)
    until(measure, 2027, 1, 1)
    assert portfolios(measure) == []
    until(measure, 2027, 4, 1)
    assert [title.split(":")[0] for title in portfolios(measure)] == [
        "Portfolio audit 2026Q4",
        "Portfolio audit 2027Q1",
    ]


def test_a_start_asks_again_for_what_was_refused_under_other_rules(made: Making) -> None:
    measure = made(audits="{}")
    measure.stage.sandbox.fail_next("POST", measure.creation, status=422)
    until(measure, 2027, 1, 1)
    measure.stage.restart(manager="Noor Aziz").start()
    measure.stage.settle()
    (ticket,) = own(measure, "portfolio")
    assert ticket.assignees == ["noor"]


def test_what_a_tracker_refuses_is_a_dead_letter_and_can_be_given_up(made: Making) -> None:
    measure = made(audits="{}")
    measure.stage.sandbox.fail_next("POST", measure.creation, status=422, times=20)
    until(measure, 2027, 1, 1)
    with measure.stage.store.write() as tx:
        (letter,) = dead_letters(tx)
        assert letter.title == "for the team payments"
        assert "Portfolio audit 2026Q4" in letter.wanted
        assert drop(tx, letter.id, by="kim", why="looked at by hand")
    measure.stage.settle()
    assert portfolios(measure) == []
    assert "the portfolio audit 2026Q4 is given up by kim: looked at by hand" in said(measure)
    assert book(measure).quarter == Quarter(2027, 1)
