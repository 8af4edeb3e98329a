"""The worker: real threads, Celery's broker in memory, a real SQLite file."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from service.clock import utc_now
from service.jobs import PATIENCE, ClaimedJob, Done, Failed, JobEnd, Later, LostLease, pause_after
from service.running import Runner
from service.store import Store, Transaction
from service.store.claims import Job
from service.worker import Worker

PATIENT = 20.0  # seconds until a test gives up; nothing is asserted about how long things take


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'worker.db'}")
    opened.migrate()
    yield opened
    opened.close()


class Running:
    """Starts workers and stops them when the test ends."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.workers: list[Worker] = []

    def start(self, handle: Callable[[ClaimedJob], JobEnd], store: Store | None = None) -> Worker:
        worker = Worker(Runner(store or self.store, {"incident": handle}, slots=3))
        worker.start()
        self.workers.append(worker)
        return worker

    def ask(self, *subjects: str) -> None:
        with self.store.write() as tx:
            for subject in subjects:
                tx.jobs.touch("incident", subject)

    def job(self, subject: str) -> Job | None:
        with self.store.read() as tx:
            return tx.jobs.get("incident", subject)

    def nothing_left(self) -> bool:
        with self.store.read() as tx:
            return tx.jobs.unfinished() == 0


@pytest.fixture
def running(store: Store) -> Iterator[Running]:
    made = Running(store)
    yield made
    for worker in made.workers:
        worker.stop(drain=PATIENT)


def until(holds: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + PATIENT
    while not holds():
        assert time.monotonic() < give_up_at, "it never came true"
        time.sleep(0.01)


def test_every_job_that_is_asked_for_is_run_once(running: Running) -> None:
    ran: list[str] = []

    def handle(job: ClaimedJob) -> JobEnd:
        ran.append(job.subject)
        return Done()

    subjects = [f"jira/{n}" for n in range(20)]
    running.ask(*subjects)
    running.start(handle)
    until(running.nothing_left)
    assert sorted(ran) == sorted(subjects)


def test_two_workers_on_one_database_share_the_jobs(running: Running) -> None:
    ran: list[str] = []

    def handle(job: ClaimedJob) -> JobEnd:
        ran.append(job.subject)
        return Done()

    subjects = [f"jira/{n}" for n in range(30)]
    running.ask(*subjects)
    running.start(handle)
    running.start(handle, Store(running.store.url))
    until(running.nothing_left)
    assert sorted(ran) == sorted(subjects)


def test_one_incident_is_never_worked_on_by_two_at_once(running: Running) -> None:
    inside, most, runs = 0, 0, 0
    lock, seen = threading.Lock(), threading.Event()

    def handle(job: ClaimedJob) -> JobEnd:
        nonlocal inside, most, runs
        with lock:
            inside, runs = inside + 1, runs + 1
            most = max(most, inside)
        seen.set()
        time.sleep(0.02)
        with lock:
            inside -= 1
        return Done()

    running.start(handle)
    for _ in range(10):
        running.ask("jira/1")
        seen.wait(PATIENT)
        seen.clear()
    until(running.nothing_left)
    assert most == 1
    assert runs >= 2


def test_a_job_asked_for_while_it_runs_is_run_again(running: Running) -> None:
    began, go_on = threading.Event(), threading.Event()
    wanted: list[int] = []

    def handle(job: ClaimedJob) -> JobEnd:
        wanted.append(job.wanted)
        began.set()
        go_on.wait(PATIENT)
        return Done()

    running.ask("jira/1")
    running.start(handle)
    began.wait(PATIENT)
    running.ask("jira/1")
    go_on.set()
    until(running.nothing_left)
    assert wanted == [1, 2]


def test_a_job_that_says_later_waits_with_its_reason(running: Running) -> None:
    later = utc_now() + timedelta(hours=1)
    running.ask("jira/1")
    running.start(lambda _: Later(later, "rate limited until then"))
    until(lambda: (job := running.job("jira/1")) and job.reason)
    job = running.job("jira/1")
    assert job is not None
    assert (job.due_at, job.reason, job.failures) == (later, "rate limited until then", 0)


def test_a_job_that_says_failed_needs_somebody_and_waits_as_long_as_it_says(
    running: Running,
) -> None:
    later = utc_now() + timedelta(hours=1)
    running.ask("jira/1")
    running.start(lambda _: Failed("not allowed", later))
    until(lambda: (job := running.job("jira/1")) and job.reason)
    with running.store.read() as tx:
        (job,) = tx.jobs.failing()
    assert (job.due_at, job.reason, job.failures) == (later, "not allowed", 1)


def test_an_unexpected_error_is_kept_without_secrets_and_tried_again(store: Store) -> None:
    def handle(job: ClaimedJob) -> JobEnd:
        raise KeyError("token s3cret is odd")

    worker = Worker(
        Runner(store, {"incident": handle}, redact=lambda text: text.replace("s3cret", "***"))
    )
    with store.write() as tx:
        tx.jobs.touch("incident", "jira/1")

    def failing() -> list[Job]:
        with store.read() as tx:
            return tx.jobs.failing()

    worker.start()
    until(failing)
    worker.stop()
    (job,) = failing()
    assert (job.failures, job.reason) == (1, "KeyError: 'token *** is odd'")
    assert job.lease_until is None
    assert job.due_at > utc_now() - timedelta(minutes=1)


def test_who_is_awake_goes_on_with_the_most_urgent_job_until_none_is_due(store: Store) -> None:
    ran: list[str] = []

    def handle(job: ClaimedJob) -> JobEnd:
        ran.append(job.subject)
        if job.subject == "jira/first":
            with store.write() as tx:
                tx.jobs.touch("incident", "jira/new", priority=10)
        if job.subject == "jira/odd":
            raise KeyError("fields")
        return Done()

    with store.write() as tx:
        sent = tx.jobs.touch("incident", "jira/first")
        tx.jobs.touch("incident", "jira/calm")
        tx.jobs.touch("incident", "jira/odd", priority=5)
        tx.jobs.touch("incident", "jira/later", utc_now() + timedelta(hours=1), priority=10)
    Runner(store, {"incident": handle}).run(sent)
    assert ran == ["jira/first", "jira/new", "jira/odd", "jira/calm"]
    with store.read() as tx:
        left = {job.subject for job in (*tx.jobs.failing(), *tx.jobs.waiting("jira/"))}
    assert left == {"jira/odd", "jira/later"}


def test_a_kind_that_nobody_runs_is_visible(store: Store) -> None:
    with store.write() as tx:
        job_id = tx.jobs.touch("seance", "jira/1")
    Runner(store, {}).run(job_id)
    with store.read() as tx:
        (job,) = tx.jobs.failing()
    assert job.reason == "Nothing here runs jobs of the kind seance."


def test_who_lost_the_lease_leaves_the_job_to_its_holder(store: Store) -> None:
    def handle(job: ClaimedJob) -> JobEnd:
        raise LostLease(job.subject)

    with store.write() as tx:
        job_id = tx.jobs.touch("incident", "jira/1")
    Runner(store, {"incident": handle}).run(job_id)
    with store.read() as tx:
        job = tx.jobs.get("incident", "jira/1")
        assert tx.jobs.failing() == []
    assert job is not None
    assert job.lease_until is not None


def test_what_came_of_a_job_is_saved_with_its_end(store: Store) -> None:
    def handle(job: ClaimedJob) -> JobEnd:
        def save(tx: Transaction) -> None:
            tx.ledger.sighted("jira", job.subject, "INC-1")
            if job.subject == "odd":
                raise KeyError("fields")

        if job.subject == "taken":  # by somebody else, while this one slept
            with store.write() as tx:
                tx.jobs.forget("incident", "taken")
                tx.jobs.touch("incident", "taken", utc_now() + timedelta(hours=1))
        return Done(save)

    with store.write() as tx:
        first = tx.jobs.touch("incident", "plain", priority=10)
        for subject in ("taken", "odd"):
            tx.jobs.touch("incident", subject)
    Runner(store, {"incident": handle}).run(first)
    with store.read() as tx:
        saved = {subject: tx.ledger.key("jira", subject) for subject in ("plain", "taken", "odd")}
        assert saved == {"plain": "INC-1", "taken": None, "odd": None}
        assert [job.subject for job in tx.jobs.waiting("taken")] == ["taken"]
        assert [(job.subject, job.failures) for job in tx.jobs.failing()] == [("odd", 1)]


def test_pauses_grow_and_then_come_daily_but_never_end() -> None:
    pauses = [pause_after(n) for n in range(1, PATIENCE + 3)]
    assert pauses[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert pauses == sorted(pauses)
    assert pauses[-2:] == [timedelta(days=1)] * 2


def test_stopping_lets_what_runs_end_and_begins_nothing_more(running: Running) -> None:
    began, go_on = threading.Event(), threading.Event()

    def handle(job: ClaimedJob) -> JobEnd:
        began.set()
        go_on.wait(PATIENT)
        return Done()

    running.ask("jira/1")
    worker = running.start(handle)
    began.wait(PATIENT)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    running.ask("jira/2")
    go_on.set()
    stopping.join(PATIENT)
    assert running.job("jira/1") is None
    assert running.job("jira/2") is not None


def test_what_does_not_end_in_time_is_handed_back(running: Running) -> None:
    began, go_on = threading.Event(), threading.Event()
    ended: list[JobEnd] = []

    def handle(job: ClaimedJob) -> JobEnd:
        began.set()
        go_on.wait(PATIENT)
        ended.append(Done())
        return ended[-1]

    running.ask("jira/1")
    worker = running.start(handle)
    began.wait(PATIENT)
    assert not worker.stop(drain=0.05)
    job = running.job("jira/1")
    assert job is not None
    assert job.lease_until is None
    go_on.set()
    until(lambda: ended)
    assert running.job("jira/1") is not None, "the late end was refused"


def test_a_worker_ends_although_the_database_is_away_when_it_would_hand_back(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Event(), threading.Event()

    def handle(job: ClaimedJob) -> JobEnd:
        began.set()
        go_on.wait(PATIENT)
        return Done()

    def away() -> None:
        raise OperationalError("", {}, OSError("the database is away"))

    running.ask("jira/1")
    worker = running.start(handle)
    began.wait(PATIENT)
    with monkeypatch.context() as patch:
        patch.setattr(running.store, "write", away)
        assert not worker.stop(drain=0.05)
    go_on.set()
    until(lambda: running.job("jira/1") is None)


def test_celery_reads_nobody_elses_configuration(tmp_path: Path) -> None:
    for name in ("celeryconfig", "config_of_somebody", "django_settings"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('this was imported')")
    program = (
        "from service.worker import celery_app; app = celery_app(); app.finalize();"
        "print(app.conf.broker_url, app.conf.task_default_queue[:5])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "CELERY_CONFIG_MODULE": "config_of_somebody",
            "DJANGO_SETTINGS_MODULE": "django_settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == ["memory://localhost//", "jobs-"]
