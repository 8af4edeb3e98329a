"""Jobs: one row each, one holder at a time, nothing lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.store import Store
from service.store.jobs import ClaimedJob, LostLease

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
LEASE = timedelta(minutes=1)


class Clock:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'jobs.db'}", clock)
    opened.migrate()
    yield opened
    opened.close()


def ask(store: Store, subject: str = "jira/1", **given: object) -> int:
    with store.write() as tx:
        return tx.jobs.touch("incident", subject, **given)  # type: ignore[arg-type]


def claim(store: Store, job_id: int) -> ClaimedJob | None:
    with store.write() as tx:
        return tx.jobs.claim(job_id, LEASE)


def claimed(store: Store, job_id: int) -> ClaimedJob:
    found = claim(store, job_id)
    assert found is not None
    return found


def finish(store: Store, job: ClaimedJob, **given: object) -> bool:
    with store.write() as tx:
        return tx.jobs.finish(job, **given)  # type: ignore[arg-type]


def due(store: Store, limit: int = 10) -> list[int]:
    with store.write() as tx:
        return list(tx.jobs.due(limit))


def test_asking_twice_for_a_job_makes_one_row(store: Store) -> None:
    assert ask(store) == ask(store)
    with store.read() as tx:
        assert tx.jobs.unfinished() == 1


def test_a_job_that_is_held_is_claimed_by_nobody_else(store: Store) -> None:
    job_id = ask(store)
    assert claim(store, job_id) is not None
    assert claim(store, job_id) is None


def test_a_job_is_not_claimed_before_it_is_due(store: Store, clock: Clock) -> None:
    job_id = ask(store, due_at=NOON + timedelta(minutes=5))
    assert claim(store, job_id) is None
    clock.advance(minutes=5)
    assert claim(store, job_id) is not None


def test_a_finished_job_is_gone(store: Store) -> None:
    job_id = ask(store)
    assert finish(store, claimed(store, job_id))
    with store.read() as tx:
        assert tx.jobs.unfinished() == 0


def test_a_touch_during_the_run_leads_to_a_second_run(store: Store) -> None:
    job_id = ask(store)
    running = claimed(store, job_id)
    ask(store)
    assert claim(store, job_id) is None, "still held"
    assert finish(store, running)
    assert due(store) == [job_id]
    assert finish(store, claimed(store, job_id))
    with store.read() as tx:
        assert tx.jobs.unfinished() == 0


def test_a_touch_during_the_run_goes_before_a_planned_wait(store: Store, clock: Clock) -> None:
    job_id = ask(store)
    running = claimed(store, job_id)
    ask(store)
    assert finish(store, running, again_at=NOON + timedelta(hours=1), reason="rate limited")
    assert due(store) == [job_id]


def test_a_waiting_job_says_why_and_until_when(store: Store) -> None:
    job_id = ask(store)
    later = NOON + timedelta(hours=1)
    finish(store, claimed(store, job_id), again_at=later, reason="the severity is unknown")
    with store.read() as tx:
        job = tx.jobs.get("incident", "jira/1")
    assert job is not None
    assert (job.due_at, job.reason) == (later, "the severity is unknown")


def test_asking_for_a_waiting_job_makes_it_due_now(store: Store) -> None:
    job_id = ask(store)
    finish(store, claimed(store, job_id), again_at=NOON + timedelta(hours=1), reason="waiting")
    ask(store)
    assert due(store) == [job_id]


def test_asking_for_later_does_not_delay_what_is_due_earlier(store: Store) -> None:
    job_id = ask(store)
    ask(store, due_at=NOON + timedelta(days=1))
    assert due(store) == [job_id]


def test_after_a_crash_the_job_runs_again_when_its_lease_is_over(
    store: Store, clock: Clock
) -> None:
    job_id = ask(store)
    claimed(store, job_id)  # and its holder is never heard of again
    clock.advance(seconds=59)
    assert due(store) == []
    clock.advance(seconds=1)
    assert due(store) == [job_id]
    assert claimed(store, job_id).attempt == 2


def test_who_lost_the_lease_can_neither_save_nor_finish(store: Store, clock: Clock) -> None:
    job_id = ask(store)
    sleeper = claimed(store, job_id)
    clock.advance(minutes=2)
    holder = claimed(store, job_id)
    with pytest.raises(LostLease), store.write() as tx:
        tx.jobs.fence(sleeper)
    with pytest.raises(LostLease), store.write() as tx:
        tx.jobs.extend(sleeper)
    assert not finish(store, sleeper)
    assert not finish(store, sleeper, again_at=clock.now, reason="late")
    with store.write() as tx:
        assert not tx.jobs.fail(sleeper, "late", clock.now)
        tx.jobs.fence(holder)
    assert finish(store, holder)


def test_a_lease_that_is_over_fences_even_when_nobody_else_came(store: Store, clock: Clock) -> None:
    job = claimed(store, ask(store))
    clock.advance(minutes=1)
    with pytest.raises(LostLease), store.write() as tx:
        tx.jobs.fence(job)


def test_an_extended_lease_holds_longer(store: Store, clock: Clock) -> None:
    job_id = ask(store)
    job = claimed(store, job_id)
    clock.advance(seconds=50)
    with store.write() as tx:
        job = tx.jobs.extend(job)
    clock.advance(seconds=50)
    assert claim(store, job_id) is None
    with store.write() as tx:
        tx.jobs.fence(job)


def test_extending_the_lease_does_not_forget_that_somebody_asked(
    store: Store, clock: Clock
) -> None:
    job_id = ask(store)
    job = claimed(store, job_id)
    ask(store)
    with store.write() as tx:
        job = tx.jobs.extend(job)
    finish(store, job)
    assert due(store) == [job_id]


def test_an_id_never_comes_back_so_an_old_claim_fences_nothing_new(
    store: Store, clock: Clock
) -> None:
    first = claimed(store, ask(store))
    finish(store, first)
    second = claimed(store, ask(store))
    assert (second.id, second.attempt) != (first.id, first.attempt)
    assert not finish(store, first)


def test_what_was_sent_is_not_sent_again_for_a_while(store: Store, clock: Clock) -> None:
    job_id = ask(store)
    assert due(store) == [job_id]
    assert due(store) == []
    clock.advance(seconds=31)
    assert due(store) == [job_id], "the message was lost"


def test_what_a_dead_broker_carried_is_sent_again_at_once(store: Store) -> None:
    job_id = ask(store)
    due(store)
    with store.write() as tx:
        tx.jobs.send_again()
    assert due(store) == [job_id]


def test_what_is_due_and_was_not_taken_for_a_while_is_late(store: Store, clock: Clock) -> None:
    def late() -> bool:
        with store.read() as tx:
            return tx.jobs.anything_late(timedelta(seconds=5))

    sent, held = ask(store, "jira/1"), ask(store, "jira/2")
    due(store)
    assert not late()
    clock.advance(seconds=5)
    claimed(store, held)
    assert late(), "it was sent, and whoever got it never came"
    claimed(store, sent)
    assert not late()


def test_the_most_urgent_job_is_sent_first(store: Store) -> None:
    old = ask(store, "jira/1", due_at=NOON - timedelta(hours=1))
    new = ask(store, "jira/2", priority=5)
    assert due(store, 1) == [new]
    assert due(store, 1) == [old]


def test_next_is_the_most_urgent_job_whether_it_was_sent_or_not(store: Store, clock: Clock) -> None:
    sent = ask(store, "jira/1", priority=10)
    assert due(store) == [sent]
    held = claimed(store, ask(store, "jira/2", priority=10))
    ask(store, "jira/3", due_at=NOON + timedelta(seconds=1), priority=10)
    calm, urgent = ask(store, "jira/4"), ask(store, "jira/5", priority=5)
    with store.write() as tx:
        taken = [tx.jobs.claim_next(LEASE) for _ in range(4)]
    assert [job and job.id for job in taken] == [sent, urgent, calm, None]
    assert finish(store, held)
    clock.advance(seconds=1)
    with store.write() as tx:
        assert (job := tx.jobs.claim_next(LEASE)) is not None
    assert job.subject == "jira/3"


def test_a_failed_job_keeps_its_words_and_comes_back(store: Store, clock: Clock) -> None:
    job_id = ask(store)
    with store.write() as tx:
        tx.jobs.fail(claimed_in(tx, job_id), "KeyError: 'fields'", NOON + timedelta(seconds=5))
    with store.read() as tx:
        (failing,) = tx.jobs.failing()
    assert (failing.failures, failing.reason) == (1, "KeyError: 'fields'")
    clock.advance(seconds=5)
    job = claimed(store, job_id)
    assert job.failures == 1
    finish(store, job, again_at=clock.now, reason=None)
    with store.read() as tx:
        assert tx.jobs.failing() == []


def claimed_in(tx: object, job_id: int) -> ClaimedJob:
    found = tx.jobs.claim(job_id, LEASE)  # type: ignore[attr-defined]
    assert isinstance(found, ClaimedJob)
    return found


def test_a_job_that_is_handed_back_is_due_and_its_claim_worthless(store: Store) -> None:
    job_id = ask(store)
    job = claimed(store, job_id)
    with store.write() as tx:
        assert tx.jobs.hand_back(job)
    assert not finish(store, job)
    assert claimed(store, job_id).attempt > job.attempt


def test_many_claimers_at_once_never_share_a_job(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'race.db'}"
    stores = [Store(url) for _ in range(4)]  # as if they were four processes
    stores[0].migrate()
    with stores[0].write() as tx:
        ids = [tx.jobs.touch("incident", f"jira/{n}") for n in range(25)]
    won: list[int] = []
    lock, together = threading.Lock(), threading.Barrier(len(stores))

    def compete(store: Store) -> None:
        together.wait()
        for job_id in ids:
            if claim(store, job_id) is not None:
                with lock:
                    won.append(job_id)

    threads = [threading.Thread(target=compete, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == sorted(ids)


def test_two_relays_never_send_the_same_job(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'relays.db'}"
    stores = [Store(url), Store(url)]
    stores[0].migrate()
    with stores[0].write() as tx:
        ids = [tx.jobs.touch("incident", f"jira/{n}") for n in range(40)]
    sent: list[int] = []
    lock, together = threading.Lock(), threading.Barrier(2)

    def relay(store: Store) -> None:
        together.wait()
        while found := due(store, 3):
            with lock:
                sent.extend(found)

    threads = [threading.Thread(target=relay, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent) == sorted(ids)
