"""When a team gets its portfolio audit and its digests, and what they say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from builders import NOON, policy
from hypothesis import given
from hypothesis import strategies as st

from workflows import digest, portfolio
from workflows.calendars import Calendar, HolidaysUnknown, Hours
from workflows.effects import CreateTask, Hold, WriteNote
from workflows.events import NoteWritten, TaskCreated
from workflows.model import ActionItem, Incident, Kind, Origin, Phase, TicketRef
from workflows.policy import (
    AuditRules,
    DigestRules,
    Mode,
    ReminderRules,
    Span,
    SpanUnit,
    TaskDestination,
    Team,
    WaiverRules,
)
from workflows.proven import Evidence, Proof, Waiver
from workflows.quarters import Quarter, quarter_of, read_quarter
from workflows.rungs import Audit, Verdict
from workflows.snapshots import Progress
from workflows.taken import ONLY_SOME
from workflows.team_books import TeamBook, digest_key, fold_team, portfolio_key
from workflows.team_schedule import begun, latest_digest, next_digest, plan_team, portfolio_at
from workflows.team_turn import Due, Heard, TeamDecision, decide_team, due

RULES = policy()
Q4 = Quarter(2026, 4)
TO = TaskDestination("github", "acme/ops")
LADDER = AuditRules(TO, usual=(Span(30, SpanUnit.DAYS),))
PAYMENTS = replace(
    RULES.teams["payments"],
    mode=Mode.ACT,
    audits=LADDER,
    reminders=ReminderRules(),
    waivers=WaiverRules(),
    start_from=datetime(2026, 12, 1, tzinfo=UTC),
)
BOOK = TeamBook("payments", "t3v9", quarter=Q4, told_until=date(2026, 12, 7))
DIGESTS = TicketRef("github", "I_9", "acme/ops#9", "https://github.example/acme/ops/issues/9")


def item(number: int = 1, **values: Any) -> ActionItem:
    return ActionItem(
        number, Origin("ticket", "1", number), f"alert {number}", Kind.PREVENTIVE, **values
    )


def incident(id: str = "k3v9", *items: ActionItem, **values: Any) -> Incident:
    ref = TicketRef("github", f"I_{id}", "acme/ops#1", "https://github.example/acme/ops/issues/1")
    return Incident(id, "payments", ref, "Down", Phase.CLOSED, actions=items, **values)


def audit(number: int = 1, **values: Any) -> Audit:
    return Audit(number, 1, 1, 1, since=NOON, opens=NOON, **values)


def at(year: int, month: int, day: int, hour: int = 9) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def decided(
    now: datetime,
    *incidents: Incident,
    book: TeamBook = BOOK,
    team: Team = PAYMENTS,
    **heard: Any,
) -> TeamDecision:
    ids = {each.id for each in incidents}
    told = Heard(**{"held": {}, "tellable": ids, "in_digest": ids, **heard})
    found = due(book, team, told.uncertain, now)
    return decide_team(book, found, incidents, team, RULES, told, now)


# --- quarters and days ----------------------------------------------------------------------------


@given(st.dates(date(1970, 1, 1), date(2100, 1, 1)))
def test_each_day_is_in_one_quarter_which_reads_as_it_is_written(day: date) -> None:
    quarter = quarter_of(day)
    assert quarter.begins <= day < quarter.ends == quarter.next.begins
    assert read_quarter(str(quarter)) == quarter


@pytest.mark.parametrize("text", ["2026Q5", "2026", "Q4", "", "0000Q1", "9999Q4"])
def test_what_is_no_quarter_is_none(text: str) -> None:
    assert read_quarter(text) is None


def test_a_portfolio_audit_opens_on_the_first_business_day_after_its_quarter() -> None:
    new_year = Calendar("Europe/Berlin", frozenset({date(2027, 1, 1)}), opens=time(8))
    assert portfolio_at(Q4, new_year) == at(2027, 1, 4, 7)


@given(st.dates(date(2026, 1, 1), date(2027, 1, 1)), st.integers(0, 6))
def test_the_next_digest_is_within_a_week_and_on_its_weekday(day: date, weekday: int) -> None:
    following = next_digest(day, DigestRules(weekday))
    assert following.weekday() == weekday
    assert 1 <= (following - day).days <= 7


def test_a_digest_that_falls_on_a_holiday_or_into_quiet_hours_waits_for_the_opening() -> None:
    quiet = Calendar(
        holidays=frozenset({date(2026, 12, 14)}), quiet=Hours(time(17), time(10)), opens=time(10)
    )
    rules, start = DigestRules(), date(2026, 12, 7)
    assert latest_digest(start, rules, quiet, at(2026, 12, 15, 9)) is None
    assert latest_digest(start, rules, quiet, at(2026, 12, 15, 10)) == date(2026, 12, 14)


def test_a_plan_is_the_same_whenever_it_is_made_and_names_what_comes_after_what_was_done() -> None:
    assert [(each.key, each.due) for each in plan_team(BOOK, PAYMENTS, NOON)] == [
        ("portfolio:t3v9:2026Q4:2027-01-01T09:00:00", at(2027, 1, 1)),
        ("digest:t3v9:2026-12-07:2026-12-14T09:00:00", at(2026, 12, 14)),
    ]


def test_behind_what_is_due_and_not_done_the_next_one_is_waited_for() -> None:
    now = at(2027, 5, 6)
    late = incident("k3v9", item(due=date(2026, 12, 18)))
    for digests in (None, DIGESTS):
        asked = decided(now, late, book=replace(BOOK, digests=digests)).book
        assert [(each.what, each.due) for each in plan_team(asked, PAYMENTS, now)] == [
            ("the portfolio audit 2026Q4", at(2027, 1, 1)),
            ("the portfolio audit 2027Q2", at(2027, 7, 1)),
            ("the digest of 2027-05-10", at(2027, 5, 10)),
        ]


def test_a_refused_ticket_for_digests_is_asked_for_in_other_words_the_week_after() -> None:
    late = incident("k3v9", item(due=date(2026, 12, 11)))
    book = replace(BOOK, quarter=None)
    (first,) = decided(at(2026, 12, 14), late, book=book).effects
    (second,) = decided(at(2026, 12, 21), late, book=book).effects
    assert first.key == second.key
    assert first != second


def test_unknown_holidays_of_the_next_year_stop_nothing_in_this_one() -> None:
    known = Calendar(known_until=date(2026, 12, 31))
    team = replace(PAYMENTS, calendar=known)
    assert due(BOOK, team, (), at(2026, 12, 28)) == Due(until=date(2026, 12, 28))
    asked = replace(BOOK, telling_until=date(2026, 12, 28))
    assert [each.due for each in plan_team(asked, team, at(2026, 12, 28))] == [
        at(2027, 1, 1),
        at(2027, 1, 4),
    ]
    assert "2026Q4" in portfolio.text(portfolio.gather((), (), team, Q4, date(2026, 12, 28)))
    with pytest.raises(HolidaysUnknown, match="2027"):
        due(BOOK, team, (), at(2027, 1, 1))


def test_a_team_that_begins_gets_nothing_of_the_time_before() -> None:
    new = TeamBook("payments", "t3v9")
    book = begun(new, PAYMENTS, at(2026, 12, 9))
    assert (book.quarter, book.told_until) == (Q4, date(2026, 12, 9))
    later = replace(PAYMENTS, start_from=at(2027, 2, 1, 0))
    assert begun(new, later, at(2026, 12, 9)).quarter == Quarter(2027, 1)
    assert begun(book, PAYMENTS, at(2027, 6, 9)) == book, "what it waits for stays"


@pytest.mark.parametrize(
    "team",
    [
        None,
        replace(PAYMENTS, mode=Mode.PLAN),
        replace(PAYMENTS, audits=None, reminders=None),
        replace(
            PAYMENTS,
            audits=replace(LADDER, portfolio=False),
            reminders=ReminderRules(digest=None),
        ),
    ],
    ids=["gone", "plan", "off", "each off"],
)
def test_who_is_to_get_nothing_waits_for_nothing(team: Team | None) -> None:
    book = begun(BOOK, team, at(2026, 12, 9))
    assert (book.quarter, book.told_until) == (None, None)
    if team is not None:
        assert plan_team(BOOK, team, NOON) == ()
        assert not due(BOOK, team, (), at(2027, 6, 1))


# --- what is done about it ------------------------------------------------------------------------


def test_in_quiet_hours_nothing_is_wanted_and_it_is_said_when_to_look_again() -> None:
    night = Calendar(quiet=Hours(time(18), time(8)))
    team = replace(PAYMENTS, calendar=night)
    found = due(BOOK, team, (), at(2027, 1, 1, 20))
    assert found == Due(again_at=at(2027, 1, 4))


def test_each_quarter_opens_in_its_turn_and_is_known_by_its_key() -> None:
    late = incident("k3v9", item(due=date(2026, 12, 18)))
    book = replace(BOOK, told_until=None)
    opened = []
    while due(book, PAYMENTS, (), at(2027, 5, 6)):
        (wish,) = decided(at(2027, 5, 6), late, book=book).effects
        assert isinstance(wish, CreateTask)
        opened.append(wish.key)
        book = fold_team(TaskCreated(wish.key, DIGESTS, linked=False), book)
    assert opened == [portfolio_key(BOOK, Q4), portfolio_key(BOOK, Quarter(2027, 1))]


def test_a_quarter_with_nothing_to_look_at_passes_without_a_ticket() -> None:
    decision = decided(at(2027, 1, 1), book=replace(BOOK, told_until=None))
    assert (decision.effects, decision.book.quarter) == ((), Quarter(2027, 1))
    assert "no ticket is opened" in decision.reasons[0]


def test_a_digest_ends_with_the_latest_that_was_missed_and_the_next_begins_there() -> None:
    late = incident("k3v9", item(due=date(2026, 12, 18)))
    book = replace(BOOK, quarter=None, digests=DIGESTS)
    decision = decided(at(2027, 1, 6), late, book=book)
    (note,) = decision.effects
    assert isinstance(note, WriteNote)
    assert "2026-12-07 to 2027-01-03" in note.text
    after = fold_team(NoteWritten(note.key, "c1", NOON), decision.book)
    assert (after.told_until, after.telling_until) == (date(2027, 1, 4), None)
    assert not due(after, PAYMENTS, (), at(2027, 1, 6))


def test_a_digest_that_may_have_been_written_keeps_its_end_until_that_is_known() -> None:
    late = incident("k3v9", item(due=date(2026, 12, 18)))
    book = replace(BOOK, quarter=None, digests=DIGESTS, telling_until=date(2026, 12, 21))
    unsure = decided(at(2027, 1, 6), late, book=book, uncertain={digest_key(book)})
    assert unsure.book.telling_until == date(2026, 12, 21)
    assert decided(at(2027, 1, 6), late, book=book).book.telling_until == date(2027, 1, 4)


def test_what_was_given_up_is_passed_over() -> None:
    late = incident("k3v9", item(due=date(2026, 12, 18)))
    no = Hold("given up by kim", given_up=True)
    decision = decided(
        at(2027, 1, 6), late, held={portfolio_key(BOOK, Q4): no, digest_key(BOOK): no}
    )
    assert decision.effects == ()
    assert decision.book.quarter == Quarter(2027, 1)
    assert decision.book.told_until == date(2027, 1, 4)


# --- what they say --------------------------------------------------------------------------------


def gathered(*incidents: Incident, told: bool = True) -> portfolio.Portfolio:
    tellable = {each.id for each in incidents} if told else set()
    return portfolio.gather(incidents, tellable, PAYMENTS, Q4, date(2027, 1, 4))


def test_each_measure_is_listed_where_it_belongs() -> None:
    some = incident(
        "k3v9",
        item(1, due=date(2026, 12, 18)),
        item(2, due=date(2027, 2, 1)),
        item(3, status=Progress.WONT_DO.value),
        item(4, status=Progress.DONE.value, done_at=NOON, due=date(2026, 12, 1)),
        item(5, status=Progress.DONE.value, done_at=at(2026, 8, 1)),
        item(6, status=Progress.DUPLICATE.value),
        item(7, given_up="by kim"),
        audits=(
            audit(5, verdict=Verdict.PARTLY, at=NOON, led_to=2, suspect="acme/ops#8 came later"),
            audit(4, due=date(2026, 12, 31), reviewer="Noor Aziz"),
        ),
    )
    found = gathered(some)
    numbers = {
        name: [getattr(each, "item", None) or each[0].item for each in getattr(found, name)]
        for name in ("late", "open", "done", "judged", "suspect", "waived", "unjudged", "overdue")
    }
    assert {name: [each.number for each in items] for name, items in numbers.items()} == {
        "late": [1],
        "open": [2],
        "done": [4],
        "judged": [5],
        "suspect": [5],
        "waived": [3],
        "unjudged": [4],
        "overdue": [4],
    }
    said = portfolio.text(found)
    assert "| **Open measures** | 2, of them 1 late |" in said
    assert "| **Done in 2026Q4** | 1, of them 1 after the due date |" in said
    assert "0 effective, 1 effective in part, 0 not effective" in said
    assert "| nobody | 2026-12-18 | 17 |" in said
    assert "| effective in part, 2026-12-07 | AI-2 |" in said
    assert "**Without an owner:**" in said


def test_a_portfolio_tells_the_days_of_its_teams_calendar() -> None:
    done: dict[str, Any] = {"status": Progress.DONE.value, "done_at": NOON}
    some = incident(
        "k3v9",
        item(1, **done),
        item(2, **done),
        audits=(
            audit(1, verdict=Verdict.PARTLY, at=NOON),
            replace(audit(2), opens=at(2027, 1, 6, 12)),
        ),
    )
    there = replace(PAYMENTS, calendar=Calendar("Pacific/Auckland"))  # the next day, by then
    said = portfolio.text(portfolio.gather([some], {"k3v9"}, there, Q4, date(2027, 1, 4)))
    assert "| effective in part, 2026-12-08 |" in said
    assert "| opens on 2027-01-07 |" in said


def test_waivers_are_listed_by_their_end_and_those_that_end_soon_are_marked() -> None:
    def waived(number: int, until: date, *, expired: bool = False) -> ActionItem:
        waiver = Waiver("too dear", "Kim Ito", NOON, until, "a comment", expired)
        proof = Proof(end=Progress.WONT_DO, round=1, waiver=waiver)
        return item(number, status=Progress.WONT_DO.value, proof=proof)

    unsaid = item(4, status=Progress.WONT_DO.value, proof=Proof(end=Progress.WONT_DO, round=1))
    found = gathered(
        incident(
            "k3v9",
            waived(1, date(2027, 4, 1)),
            waived(2, date(2027, 3, 31)),
            waived(3, date(2026, 12, 24), expired=True),
            unsaid,
        )
    )
    assert [each.item.number for each in found.waived] == [4, 3, 2, 1]
    rows = [line for line in portfolio.text(found).splitlines() if "| alert " in line]
    assert [row.split(" | ")[-1].rstrip(" |") for row in rows] == [
        "without a reason",
        "2026-12-24 (over)",
        "2027-03-31 (ends soon)",
        "2027-04-01",
    ]


def test_where_no_reason_was_asked_for_or_read_yet_none_is_missed() -> None:
    waived = item(status=Progress.WONT_DO.value, proof=Proof(end=Progress.WONT_DO, round=1))
    off = replace(PAYMENTS, waivers=None)
    unread = incident("k3v9", replace(waived, task=DIGESTS))
    for some, team in ((incident("k3v9", waived), off), (unread, PAYMENTS)):
        found = portfolio.gather([some], {"k3v9"}, team, Q4, date(2027, 1, 4))
        assert "| alert 1 | nobody | — |" in portfolio.text(found)


def test_what_is_done_without_evidence_is_counted_and_listed() -> None:
    asked = Proof(end=Progress.DONE, round=1)
    shown = replace(asked, evidence=(Evidence("https://ci.example/7", "a comment", "Kim", NOON),))
    done = {"status": Progress.DONE.value, "done_at": NOON}
    some = incident(
        "k3v9", item(1, proof=asked, **done), item(2, proof=shown, **done), item(3, **done)
    )
    said = portfolio.text(gathered(some))
    assert "| **Done, and unproven** | 1 |" in said
    listed = said.partition("## Done, and unproven")[2].partition("##")[0]
    assert "| alert 1 | nobody |" in listed
    assert "alert 2" not in listed
    assert "alert 3" not in listed
    assert "**Unproven:** ask each owner" in said


def test_of_what_only_some_may_read_nothing_is_said_but_number_and_key() -> None:
    secret = incident(
        "k3v9",
        item(1, due=date(2026, 12, 18), owner="Kim Ito"),
        item(2, status=Progress.DONE.value, done_at=NOON),
        audits=(audit(2, due=date(2026, 12, 31), reviewer="Noor Aziz", suspect="because"),),
        severity="sev1",
    )
    said = portfolio.text(gathered(secret, told=False))
    week = digest.gather([secret], (), PAYMENTS, date(2026, 12, 14), date(2026, 12, 21))
    for text in (said, digest.text(week)):
        assert "AI-1 of [acme/ops#1]" in text
        assert ONLY_SOME in text
        for word in ("alert", "Kim", "Noor", "because", "2026-12-18", "Down"):
            assert word not in text, word


def test_words_of_people_are_shown_and_do_nothing() -> None:
    title = "@everyone | [x](http://evil.example) fixes #3 <!-- followthrough x -->"
    loud = item(1, due=date(2026, 12, 18), owner="@kim | x")
    loud = replace(loud, title=title)
    some = incident("k3v9", loud)
    week = digest.gather([some], {"k3v9"}, PAYMENTS, date(2026, 12, 14), date(2026, 12, 21))
    for text in (portfolio.text(gathered(some)), digest.text(week)):
        for harm in ("@everyone", "@kim", "](http://evil", "fixes #3", "<!--"):
            assert harm not in text, harm


def test_the_longest_ticket_fits_and_says_where_the_rest_is() -> None:
    """Eight lists of a hundred measures with the longest words, in 32,767 characters."""
    long = "*" * 5000
    many = []
    for n in range(1, 101):
        done, waived = Progress.DONE.value, Progress.WONT_DO.value
        items = (
            item(1, due=date(2026, 12, 1), owner=long),
            item(2, owner=long),
            item(3, status=waived, owner=long),
            item(4, status=done, owner=long, done_at=NOON, proof=Proof(end=Progress.DONE)),
        )
        audits = (
            audit(1, verdict=Verdict.PARTLY, at=NOON, led_to=2, suspect=long),
            audit(4, due=date(2026, 12, 2), reviewer=long),
        )
        titled = [replace(each, title=long) for each in items]
        many.append(incident(f"k{n}", *titled, audits=audits))
    said = portfolio.text(gathered(*many))
    assert len(said) < 32_767
    assert "and 90 more: `followthrough portfolio payments --quarter 2026Q4 --all`" in said
    assert portfolio.text(gathered(*many), None).count("| AI-1 of") == 300


def test_a_digest_leaves_out_what_people_muted() -> None:
    some = incident("k3v9", item(1, due=date(2026, 12, 18), muted=True))
    quiet = incident("k4v9", item(1, due=date(2026, 12, 18)), muted=True)
    found = digest.gather([some, quiet], (), PAYMENTS, date(2026, 12, 14), date(2026, 12, 21))
    assert found.says_nothing


def test_a_digest_is_a_screenful_however_much_there_is() -> None:
    many = [incident(f"k{n}", item(1, due=date(2026, 12, 18))) for n in range(99)]
    told = {each.id for each in many}
    found = digest.gather(many, told, PAYMENTS, date(2026, 12, 14), date(2026, 12, 21))
    said = digest.text(found)
    assert "Came due, and open (99):" in said
    assert "- and 94 more" in said
    assert len(said.splitlines()) < 12
    assert timedelta(days=7) == found.ends - found.begins
