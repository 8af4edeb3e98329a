"""What comes due comes once, whenever and however often anybody looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from builders import NOON, document, policy, ticket
from databases import forget_below, prepare
from hypothesis import given, settings
from hypothesis import strategies as st

from service.jobs import TIMING, Done, JobEnd, Later, record_end
from service.routing import INCIDENT_JOB
from service.store import Store
from service.store.jobs import Jobs
from service.store.journal import EntryKind
from service.tick import AT_ONCE, DUE, LONGEST_REST, PLANS, TICK_JOB, Tick, put_plan
from workflows.calendars import Calendar, Hours
from workflows.events import DocumentCreated
from workflows.folding import fold
from workflows.model import DocumentStatus, Incident, Phase
from workflows.policy import Mode, Policy
from workflows.schedule import Occurrence, plan

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULES = policy()


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def opened(clock: Clock) -> Iterator[Store]:
    with TemporaryDirectory() as directory:
        file = Path(directory) / "store.db"
        prepare(file)
        store = Store(f"sqlite:///{file}", clock)
        yield store
        store.close()
        forget_below(Path(directory))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    with opened(clock) as store:
        yield store


def incident(id: str = "k3v9", **values: Any) -> Incident:
    """Closed on Monday 7 December at noon, with a draft, a first step on Wednesday and the review
    due on Friday."""
    ref = replace(ticket().ref, id=f"I_{id}", key=f"acme/ops#{id}")
    base = Incident(
        id,
        "payments",
        ref,
        "Down",
        Phase.CLOSED,
        closed=NOON,
        synthesis_due=date(2026, 12, 9),
        review_due=date(2026, 12, 11),
    )
    made = fold(DocumentCreated("docs", document("# It was down"), {}), base)
    return replace(made, **values)


def in_status(status: DocumentStatus) -> Incident:
    known = incident().postmortem
    assert known is not None
    return incident(postmortem=replace(known, status=status))


def saved(store: Store, *incidents: Incident, rules: Policy = RULES) -> None:
    with store.write() as tx:
        for each in incidents:
            tx.incidents.save(each, rules.hash)
            put_plan(tx, each, rules)


def put(store: Store, incident_id: str, *wanted: Occurrence) -> datetime | None:
    with store.write() as tx:
        return tx.occurrences.put(incident_id, wanted)


def taken(store: Store, incident_id: str = "k3v9") -> list[str]:
    """What came of an incident so far, the last words of each key."""
    with store.read() as tx:
        return [
            each.occurrence.key.replace(f":{incident_id}", "")
            for each in tx.occurrences.of_incident(incident_id)
            if each.taken_at is not None
        ]


def planned(store: Store, incident_id: str = "k3v9") -> dict[str, datetime]:
    with store.read() as tx:
        return {
            each.occurrence.key.replace(f":{incident_id}", ""): each.occurrence.due
            for each in tx.occurrences.of_incident(incident_id)
            if each.taken_at is None
        }


def journal(store: Store, incident_id: str = "k3v9") -> list[str]:
    with store.read() as tx:
        lines = tx.journal.of_incident(incident_id)
    return [line.text for line in lines if line.kind is EntryKind.DUE]


def run(store: Store, tick: Tick, subject: str = DUE) -> JobEnd:
    with store.write() as tx:
        number = tx.jobs.touch(TICK_JOB, subject)
        job = tx.jobs.claim(number, TIMING.lease)
    assert job is not None
    end = tick.run(job)
    with store.write() as tx:
        record_end(tx, job, end)
    return end


# --- what is planned -----------------------------------------------------------------------------


def due(incident: Incident, rules: Policy = RULES) -> dict[str, datetime]:
    return {each.key.replace(":k3v9", ""): each.due for each in plan(incident, rules)}


def test_both_steps_are_told_the_day_before_on_the_day_and_the_day_after() -> None:
    morning = datetime.combine(date(2026, 12, 7), time(9), NOON.tzinfo)
    assert due(incident()) == {
        "synthesis:before": morning + 1 * DAY,
        "synthesis:due": morning + 2 * DAY,
        "synthesis:overdue": morning + 3 * DAY,
        "review:before": morning + 3 * DAY,
        "review:due": morning + 4 * DAY,
        "review:overdue": morning + 7 * DAY,  # after the weekend
    }


def test_what_would_have_been_told_before_it_was_closed_is_left_out() -> None:
    assert "synthesis:before" not in due(incident(synthesis_due=date(2026, 12, 8)))


def test_a_date_on_a_weekend_counts_on_the_next_business_day() -> None:
    found = due(incident(synthesis_due=None, review_due=date(2026, 12, 12)))
    assert [each.date().day for each in found.values()] == [11, 14, 15]


def test_it_is_told_in_the_teams_zone_and_on_its_days_and_not_in_its_quiet_hours() -> None:
    calendar = Calendar(
        "America/New_York",
        holidays=frozenset({date(2026, 12, 10)}),
        quiet=Hours(time(17), time(10)),
        opens=time(10),
    )
    found = due(incident(synthesis_due=None), policy(calendar=calendar))
    assert found["review:before"] == datetime(2026, 12, 9, 15, tzinfo=NOON.tzinfo)
    assert found["review:due"] == datetime(2026, 12, 11, 15, tzinfo=NOON.tzinfo)


def test_in_review_the_first_step_is_done_and_published_so_is_the_second() -> None:
    in_review = due(in_status(DocumentStatus.IN_REVIEW))
    assert {key.partition(":")[0] for key in in_review} == {"review"}
    for status in (DocumentStatus.PUBLISHED, DocumentStatus.DECLINED, DocumentStatus.GONE):
        assert due(in_status(status)) == {}


@pytest.mark.parametrize(
    "values",
    [
        {"phase": Phase.OPEN},
        {"phase": Phase.GONE},
        {"muted": True},
        {"postmortem": None},
        {"team": "nobody's"},
        {"synthesis_due": None, "review_due": None},
    ],
)
def test_nothing_is_waited_for_when_nobody_could_do_it(values: dict[str, Any]) -> None:
    assert plan(incident(**values), RULES) == ()


def test_a_team_that_only_plans_waits_for_nothing() -> None:
    assert plan(incident(), policy(mode=Mode.PLAN)) == ()


# --- what is on record ---------------------------------------------------------------------------


def test_a_changed_time_moves_what_is_planned_and_never_what_came(
    store: Store, clock: Clock
) -> None:
    saved(store, incident())
    clock.now = NOON + 2 * DAY
    Tick(store, RULES, clock).tick()
    assert taken(store) == ["synthesis:before", "synthesis:due"]
    saved(store, incident(synthesis_due=date(2026, 12, 16)))
    moved = planned(store)
    assert moved["synthesis:overdue"].date() == date(2026, 12, 17)
    assert not moved.keys() & {"synthesis:before", "synthesis:due"}


def test_what_is_not_wanted_any_more_is_withdrawn_and_may_come_back(store: Store) -> None:
    saved(store, incident())
    saved(store, incident(phase=Phase.OPEN))
    assert planned(store) == {}
    saved(store, incident())
    assert len(planned(store)) == 6


def test_to_plan_the_same_again_writes_nothing(store: Store) -> None:
    first = Occurrence("a", "it is due", NOON + DAY)
    saved(store, incident())
    assert put(store, "k3v9", first) == first.due
    assert put(store, "k3v9", first) is None


def test_other_words_for_what_is_planned_are_taken_over(store: Store) -> None:
    saved(store, incident())
    put(store, "k3v9", Occurrence("a", "it is due", NOON + DAY))
    put(store, "k3v9", Occurrence("a", "it is due today", NOON + DAY))
    with store.read() as tx:
        assert [each.occurrence.what for each in tx.occurrences.of_incident("k3v9")] == [
            "it is due today"
        ]


# --- the tick ------------------------------------------------------------------------------------


def test_what_came_due_asks_for_its_incidents_turn_and_says_why(store: Store, clock: Clock) -> None:
    saved(store, incident())
    clock.now = NOON + DAY
    assert Tick(store, RULES, clock).tick() == 1
    with store.read() as tx:
        job = tx.jobs.get(INCIDENT_JOB, "github/I_k3v9")
    assert job is not None
    assert job.reason == "the synthesis is due on 2026-12-09"
    assert journal(store) == [job.reason]


def test_a_ticket_that_was_moved_has_its_turn_where_it_is_now(store: Store, clock: Clock) -> None:
    saved(store, incident())
    with store.write() as tx:
        tx.incidents.save(incident(ticket=replace(ticket().ref, id="I_elsewhere")), RULES.hash)
    clock.now = NOON + DAY
    Tick(store, RULES, clock).tick()
    with store.read() as tx:
        assert tx.jobs.get(INCIDENT_JOB, "github/I_elsewhere") is not None


def test_a_tick_that_fails_halfway_took_nothing(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(store, incident("one"), incident("two"))
    clock.now = NOON + DAY
    touch = Jobs.touch

    def fail(jobs: Jobs, kind: str, subject: str, **options: object) -> int:
        if subject.endswith("two"):
            raise OSError("the disk is full")
        return touch(jobs, kind, subject, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Jobs, "touch", fail)
    with pytest.raises(OSError, match="disk"):
        Tick(store, RULES, clock).tick()
    assert taken(store, "one") == taken(store, "two") == []
    monkeypatch.undo()
    assert Tick(store, RULES, clock).tick() == 2


def test_the_tick_rests_until_the_next_is_due_and_an_hour_at_most(
    store: Store, clock: Clock
) -> None:
    tick = Tick(store, RULES, clock)
    assert run(store, tick) == Later(NOON + LONGEST_REST, "the next occurrence is due")
    saved(store, incident())
    put(store, "k3v9", Occurrence("soon", "soon", NOON + HOUR / 2))
    end = run(store, tick)
    assert isinstance(end, Later)
    assert end.at == NOON + HOUR / 2


def test_planning_has_the_tick_come_in_time(store: Store) -> None:
    saved(store, incident())
    with store.read() as tx:
        job = tx.jobs.get(TICK_JOB, DUE)
    assert job is not None
    assert job.due_at == min(planned(store).values())


def test_more_than_one_lot_is_taken_without_a_rest(store: Store, clock: Clock) -> None:
    saved(store, incident())
    put(store, "k3v9", *(Occurrence(f"o{n}", "due", NOON) for n in range(AT_ONCE + 1)))
    tick = Tick(store, RULES, clock)
    first, second = run(store, tick), tick.tick()
    assert isinstance(first, Later)
    assert (first.at, second) == (NOON, 1)


def test_other_rules_move_everything_at_the_next_start(store: Store, clock: Clock) -> None:
    saved(store, *(incident(f"i{n}") for n in range(3)))
    rules = policy(calendar=Calendar("Asia/Tokyo"))
    assert run(store, Tick(store, rules, clock), PLANS) == Done()
    for n in range(3):
        assert {at.hour for at in planned(store, f"i{n}").values()} == {0}


def test_incidents_decided_under_other_rules_get_a_turn_that_reads_nothing(
    store: Store, clock: Clock
) -> None:
    saved(store, incident())
    before = replace(RULES, hash="other rules")
    for rules, reason in ((RULES, None), (before, "the rules changed")):
        run(store, Tick(store, rules, clock), PLANS)
        with store.read() as tx:
            job = tx.jobs.get(INCIDENT_JOB, "github/I_k3v9")
        assert (job.reason if job else None) == reason
    assert job is not None
    with store.write() as tx:
        claimed = tx.jobs.claim(job.id, timedelta(minutes=1))
    assert claimed is not None
    assert not claimed.whole


def test_incidents_of_an_earlier_version_are_planned_at_the_first_start(
    store: Store, clock: Clock
) -> None:
    with store.write() as tx:
        tx.incidents.save(incident(), RULES.hash)
    run(store, Tick(store, RULES, clock), PLANS)
    assert len(planned(store)) == 6


def test_where_holidays_are_not_known_the_incidents_own_turn_says_so(
    store: Store, clock: Clock
) -> None:
    saved(store, incident("first"), incident("other"))
    rules = policy(calendar=Calendar(known_until=date(2026, 12, 1)))
    assert run(store, Tick(store, rules, clock), PLANS) == Done()
    with store.read() as tx:
        reasons = [tx.jobs.get(INCIDENT_JOB, f"github/I_{i}") for i in ("first", "other")]
    assert all(job and "holidays of 2026 are not known" in (job.reason or "") for job in reasons)


# --- the law -------------------------------------------------------------------------------------

#: Hours after noon at which something is due, in two incidents.
PLANS_OF_TWO = st.lists(st.integers(0, 24 * 40), min_size=1, max_size=12)


@dataclass(frozen=True)
class Look:
    """After so many hours, so many ticks one after the other, or all at once, each as a process of
    its own would: with a store of its own."""

    hours: int
    ticks: int
    at_once: bool


LOOKS = st.lists(
    st.builds(Look, st.integers(0, 24 * 20), st.integers(0, 3), st.booleans()), max_size=8
)
#: After so many looks, the occurrence of this place is moved by so many hours.
MOVES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 11), st.integers(-99, 99)), max_size=3)


def occurrences(hours: Sequence[int], of: int) -> list[Occurrence]:
    return [
        Occurrence(f"o{n}", f"o{n}", NOON + at * HOUR) for n, at in enumerate(hours) if n % 2 == of
    ]


def look(store: Store, clock: Clock, look: Look) -> None:
    clock.now += look.hours * HOUR
    if not look.at_once:
        for _ in range(look.ticks):
            Tick(store, RULES, clock).tick()
        return
    stores = [Store(store.url, clock) for _ in range(look.ticks)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda each: Tick(each, RULES, clock).tick(), stores))
    for each in stores:
        each.close()


def end(hours: Sequence[int], looks: Sequence[Look], moves: Sequence[tuple[int, int, int]]) -> None:
    """Whatever was done, each occurrence came exactly once, and none before its time."""
    clock, current = Clock(), list(hours)
    with opened(clock) as store:
        saved(store, incident("i0", review_due=None, synthesis_due=None))
        saved(store, incident("i1", review_due=None, synthesis_due=None))
        for step in range(9):
            for _, place, by in (move for move in moves if move[0] == step):
                if place < len(current):
                    current[place] += by
            for of in (0, 1):
                put(store, f"i{of}", *occurrences(current, of))
            if step < len(looks):
                look(store, clock, looks[step])
            came = Counter(journal(store, "i0") + journal(store, "i1"))
            assert all(count == 1 for count in came.values())
            if not moves:
                early = {f"o{n}" for n, at in enumerate(hours) if NOON + at * HOUR > clock.now}
                assert early.isdisjoint(came)
        clock.now = NOON + 365 * DAY
        look(store, clock, Look(0, 3, True))
        came = Counter(journal(store, "i0") + journal(store, "i1"))
        assert came == Counter(f"o{n}" for n in range(len(hours)))


@settings(max_examples=40, deadline=None)
@given(PLANS_OF_TWO, LOOKS, MOVES)
def test_the_end_is_the_same_for_any_ticks(
    hours: list[int], looks: list[Look], moves: list[tuple[int, int, int]]
) -> None:
    end(hours, looks, moves)


@pytest.mark.many
@pytest.mark.timeout(3600)
def test_the_end_is_the_same_for_a_thousand_ways_to_tick() -> None:
    settings(max_examples=1000, deadline=None)(given(PLANS_OF_TWO, LOOKS, MOVES)(end))()
