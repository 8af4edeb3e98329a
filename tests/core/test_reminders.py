"""When reminders come, whom they count for, and how many somebody gets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from core.test_rules_audits import RIGHT

from config.rules import RulesError, load
from service.reminders import within_limits
from service.store import Store, Transaction
from workflows.calendars import Calendar
from workflows.model import ActionItem, Incident, Kind, Origin, Phase, TicketRef
from workflows.policy import Mode, ReminderRules, Span, SpanUnit, Team
from workflows.reminded import Reminded
from workflows.reminder_times import awaited
from workflows.reminders import wanted, without
from workflows.snapshots import Agreement, Claim, Field, Said, Side
from workflows.standing import Decision

FRIDAY = date(2026, 12, 18)
CLOSED = datetime(2026, 12, 7, 12, tzinfo=UTC)
TASK = TicketRef("hub", "7", "acme/ops#7", "https://hub.example/7")


def rules(tmp_path: Path, reminders: str) -> Team:
    text = RIGHT.replace(
        "    audits: AUDITS\n", f"    reminders: {reminders}\n" if reminders else ""
    )
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    return load(file, {"TOKEN": "t"}).policy.teams["ops"]


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return rules(tmp_path, "")


def incident(*said: Reminded, **item: object) -> Incident:
    """A closed incident with one task that is due on Friday, 18 December, and was reminded of."""
    action = ActionItem(1, Origin("rule", "x"), "Alert", Kind.DETECTIVE, due=FRIDAY, task=TASK)
    action = replace(action, **item)  # type: ignore[arg-type]
    ticket = TicketRef("hub", "1", "acme/ops#1", "https://hub.example/1")
    return Incident(
        "k3v9",
        "ops",
        ticket,
        "Queue full",
        Phase.CLOSED,
        closed=CLOSED,
        actions=(action,),
        reminders=said,
    )


def said(n: int, at: datetime) -> Reminded:
    return Reminded("AI-1", FRIDAY, n, at)


def times(incident: Incident, team: Team) -> list[tuple[int, str]]:
    return [(each.n, f"{each.at:%m-%d %H:%M}") for each in awaited(incident, team)]


def test_one_comes_before_and_one_on_the_business_day_after(team: Team) -> None:
    assert times(incident(), team) == [(0, "12-15 09:00"), (1, "12-21 09:00")]


def test_a_date_on_a_weekend_has_passed_when_the_next_business_day_has(team: Team) -> None:
    assert times(incident(due=date(2026, 12, 19)), team)[1] == (1, "12-22 09:00")


def test_holidays_and_quiet_hours_are_the_teams_own(team: Team) -> None:
    calendar = Calendar("Europe/Berlin", frozenset({date(2026, 12, 16), date(2026, 12, 21)}))
    found = times(incident(), replace(team, calendar=calendar))
    assert found == [(0, "12-14 08:00"), (1, "12-22 08:00")]


def test_the_next_is_counted_from_when_the_last_was_written(team: Team) -> None:
    late = datetime(2027, 1, 8, 15, tzinfo=UTC)  # a Friday
    assert times(incident(said(1, late)), team) == [(2, "01-15 09:00")]
    assert times(incident(said(0, late)), team) == [(1, "12-21 09:00")]


def test_the_last_says_so_and_none_follows(team: Team) -> None:
    second = said(2, datetime(2026, 12, 28, 9, tzinfo=UTC))
    (third,) = awaited(incident(second), team)
    assert (third.n, third.last) == (3, True)
    assert times(incident(second, said(3, third.at)), team) == []


def test_another_date_begins_anew(team: Team) -> None:
    moved = incident(said(1, CLOSED), due=date(2027, 1, 15))
    assert times(moved, team) == [(0, "01-12 09:00"), (1, "01-18 09:00")]


def test_whoever_sets_a_near_date_is_not_reminded_of_it_at_once(team: Team) -> None:
    claim = Claim(Side.TASK, Said("2026-12-18", datetime(2026, 12, 15, 8, tzinfo=UTC), "kim"))
    assert times(incident(said={Field.DUE: claim}), team) == [(1, "12-21 09:00")]


@pytest.mark.parametrize(
    "item",
    [
        {"status": "done"},
        {"status": "won't do"},
        {"status": "duplicate"},
        {"given_up": "kim: no"},
        {"muted": True},
        {"task": None},
        {"due": None},
        {"sides": {Side.TASK: Agreement(gone="404")}},
    ],
    ids=str,
)
def test_nothing_is_awaited_of_what_asks_for_nothing(team: Team, item: dict[str, object]) -> None:
    assert times(incident(**item), team) == []


@pytest.mark.parametrize("due", [date(2041, 5, 6), date(2040, 12, 31), date.max, date.min])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_a_date_that_nobody_can_count_keeps_no_incident_from_going_on(
    team: Team, due: date, zone: str
) -> None:
    known = replace(team, calendar=Calendar(zone, known_until=date(2040, 12, 31)))
    assert times(incident(due=due), known) == []
    both = replace(incident(), actions=(*incident(due=due).actions, *incident().actions))
    assert len(times(both, known)) == 2


def test_a_date_of_which_nobody_knows_when_it_was_said_is_reminded_of(team: Team) -> None:
    claim = Claim(Side.DOCUMENT, Said("2026-12-18", datetime.min.replace(tzinfo=UTC), ""))
    west = replace(team, calendar=Calendar("America/New_York"))
    assert len(times(incident(said={Field.DUE: claim}), west)) == 2


def test_nothing_is_awaited_while_an_incident_is_muted_or_open(team: Team) -> None:
    assert times(replace(incident(), muted=True), team) == []
    assert times(replace(incident(), phase=Phase.OPEN), team) == []


# --- given up -------------------------------------------------------------------------------------


DROPPED = f"remind:k3v9:AI-1:{FRIDAY}:1"


def test_the_next_follows_one_that_was_given_up_from_then_on(team: Team) -> None:
    late = datetime(2027, 1, 8, 15, tzinfo=UTC)  # a Friday
    known = without(incident(), [DROPPED, "task:k3v9:1"], late)
    assert times(known, team) == [(2, "01-15 09:00")]
    assert without(known, [DROPPED], late + timedelta(days=3)) == known


def test_one_that_is_wanted_after_all_is_awaited_again(team: Team) -> None:
    known = without(incident(said(0, CLOSED)), [DROPPED], CLOSED)
    known = without(known, [], CLOSED)
    assert known == incident(said(0, CLOSED))


# --- rules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["", "{}"])
def test_reminders_are_on_as_shipped(tmp_path: Path, words: str) -> None:
    three, five = (Span(count, SpanUnit.BUSINESS_DAYS) for count in (3, 5))
    assert rules(tmp_path, words).reminders == ReminderRules(three, five, 3, 5)


def test_each_part_may_be_said_and_all_be_off(tmp_path: Path) -> None:
    found = rules(tmp_path, "{before: 2 days, every: 7 days, times: 1, daily_limit: 9}").reminders
    two, seven = (Span(count, SpanUnit.DAYS) for count in (2, 7))
    assert found == ReminderRules(two, seven, 1, 9)
    assert rules(tmp_path, "off").reminders is None


@pytest.mark.parametrize(
    "words", ["{times: 0}", "{daily_limit: many}", "{before: soon}", "yes", "{after: 1 days}"]
)
def test_what_is_no_reminder_is_refused_with_its_place(tmp_path: Path, words: str) -> None:
    with pytest.raises(RulesError, match=r"teams\.ops\.reminders"):
        rules(tmp_path, words)


# --- the count ------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    store.migrate()
    return store


def test_nobody_is_counted_above_the_limit_and_each_day_begins_anew(store: Store) -> None:
    with store.write() as tx:
        counts = [tx.reminders.count(key, ["Kim"], FRIDAY, 2) for key in "abc"]
        assert counts == [True, True, False]
        assert tx.reminders.count("a", ["Kim"], FRIDAY, 2)  # asked again, it is counted already
        assert tx.reminders.count("c", ["Noor"], FRIDAY, 2)
        assert tx.reminders.count("d", ["Kim"], FRIDAY + timedelta(days=1), 2)


def test_what_is_too_much_for_one_of_two_is_counted_for_neither(store: Store) -> None:
    with store.write() as tx:
        assert tx.reminders.count("a", ["Noor"], FRIDAY, 1)
        assert not tx.reminders.count("b", ["Kim", "Noor"], FRIDAY, 1)
        assert tx.reminders.count("c", ["Kim"], FRIDAY, 1)


def test_days_that_are_long_over_are_counted_no_more(store: Store) -> None:
    with store.write() as tx:
        assert tx.reminders.count("a", ["Kim"], FRIDAY, 1)
        assert tx.reminders.count("b", ["Kim"], FRIDAY + timedelta(days=30), 1)
        assert tx.reminders.count("c", ["Kim"], FRIDAY, 1)


def test_a_reminder_that_was_refused_takes_nobodys_place(store: Store, tmp_path: Path) -> None:
    team = replace(rules(tmp_path, "{daily_limit: 1}"), mode=Mode.ACT)
    loaded = load(tmp_path / "rules.yaml", {"TOKEN": "t"}).policy
    by = replace(loaded, teams={"ops": team})
    monday = datetime(2026, 12, 21, 10, tzinfo=UTC)

    def asked(tx: Transaction, id: str, now: datetime, owner: str = "Kim") -> list[str]:
        known = replace(incident(owner=owner), id=id)
        known = replace(known, ticket=replace(known.ticket, id=id))
        tx.now = now
        tx.incidents.save(known, by.hash)
        decision = within_limits(tx, Decision(known, wanted(known, by, now).notes), by)
        tx.effects.ask(id, decision.effects)
        return [effect.key.split(":")[1] for effect in decision.effects]

    with store.write() as tx:
        assert asked(tx, "one", monday) == ["one"]
        tx.effects.reject(f"remind:one:AI-1:{FRIDAY}:1", "the ticket is locked", "")
        tuesday = monday + timedelta(days=1)
        assert asked(tx, "one", tuesday) == ["one"]
        assert asked(tx, "two", tuesday) == ["two"]
        assert asked(tx, "one", tuesday, owner="Noor") == ["one"]  # it is tried in these words
        assert asked(tx, "three", tuesday, owner="Noor") == []


def test_what_was_counted_and_not_written_counts_for_the_day_on_which_it_is(store: Store) -> None:
    with store.write() as tx:
        assert tx.reminders.count("a", ["Kim"], FRIDAY, 1)
        assert tx.reminders.count("a", ["Kim"], FRIDAY + timedelta(days=3), 1)
        assert tx.reminders.count("b", ["Kim"], FRIDAY, 1)
