"""Workers that are woken through a real Redis, which forgets, goes away and comes back: each job is
run, and once."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import needs

from bench.servers import Broker, redis_running
from config.secrets import Secret
from service.jobs import ClaimedJob, Done, JobEnd
from service.running import Runner
from service.store import Store
from service.worker import Worker

PATIENT = 60.0
WITHOUT = "without a message"  # the name of a thread that no message woke


@pytest.fixture
def broker() -> Iterator[Broker]:
    needs("redis-server")
    with redis_running() as started:
        yield started


class Crew:
    """Workers on one database, each with a store of its own, and what they ran."""

    def __init__(self, directory: Path) -> None:
        self.url = f"sqlite:///{directory / 'crew.db'}"
        self.store = Store(self.url)
        self.store.migrate()
        self.ran: Counter[str] = Counter()
        self.by: Counter[str] = Counter()
        self.threads: set[str] = set()
        self.workers: list[Worker] = []
        self.stores = [self.store]
        self.before_each: Callable[[], object] = lambda: None

    def join(self, name: str, url: str, threads: int = 3) -> Worker:
        def handle(job: ClaimedJob) -> JobEnd:
            self.before_each()
            self.ran[job.subject] += 1
            self.by[name] += 1
            self.threads.add(threading.current_thread().name)
            return Done()

        self.stores.append(Store(self.url))
        worker = Worker(Runner(self.stores[-1], {"incident": handle}, threads), Secret(url))
        worker.start()
        self.workers.append(worker)
        return worker

    def ask(self, *subjects: str) -> None:
        with self.store.write() as tx:
            tx.jobs.touch_each("incident", subjects)

    def done(self) -> bool:
        with self.store.read() as tx:
            return tx.jobs.unfinished() == 0

    def leave(self) -> None:
        while self.workers:
            self.workers.pop().stop(drain=PATIENT)
        for store in self.stores:
            store.close()


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    made = Crew(tmp_path)
    yield made
    made.leave()


def until(holds: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + PATIENT
    while not holds():
        assert time.monotonic() < give_up_at, "it never came true"
        time.sleep(0.01)


def names(first: int, last: int) -> list[str]:
    return [f"jira/{number}" for number in range(first, last)]


def once_each(crew: Crew, last: int) -> bool:
    return crew.ran == Counter(names(0, last))


def woken_by_a_message(crew: Crew, first: int) -> int:
    """Ask for one job after another until one was woken by a message; returns what is next."""
    for number in range(first, first + 100):
        crew.threads.clear()
        crew.ask(*names(number, number + 1))
        until(crew.done)
        if crew.threads - {WITHOUT}:
            return number + 1
        time.sleep(0.2)
    raise AssertionError("no message ever came")


def test_ids_travel_through_redis_and_each_job_is_run_once(broker: Broker, crew: Crew) -> None:
    crew.join("a", broker.url)
    last = woken_by_a_message(crew, 0)
    crew.ask(*names(last, last + 30))
    until(crew.done)
    assert once_each(crew, last + 30)


def test_two_workers_share_what_is_to_be_done(broker: Broker, crew: Crew) -> None:
    crew.before_each = lambda: time.sleep(0.05)
    crew.join("a", broker.url)
    crew.join("b", broker.url)
    crew.ask(*names(0, 60))
    until(crew.done)
    assert once_each(crew, 60)
    assert set(crew.by) == {"a", "b"}


def test_what_was_sent_to_a_worker_that_died_is_done_by_another(broker: Broker, crew: Crew) -> None:
    crew.join("a", broker.url)
    last = woken_by_a_message(crew, 0)
    with crew.store.write() as tx:
        number = tx.jobs.touch("incident", f"jira/{last}")
        assert list(tx.jobs.due(1)) == [number], "it is marked as sent, and nothing was"
    until(crew.done)
    assert once_each(crew, last + 1)


def test_a_wiped_redis_loses_nothing(broker: Broker, crew: Crew) -> None:
    def wipe_now_and_then() -> None:
        if sum(crew.ran.values()) % 5 == 0:
            broker.wipe()

    crew.before_each = wipe_now_and_then
    crew.join("a", broker.url)
    crew.join("b", broker.url)
    for first in range(0, 60, 6):
        crew.ask(*names(first, first + 6))
        broker.wipe()
    until(crew.done)
    assert once_each(crew, 60)
    crew.before_each = lambda: None
    last = woken_by_a_message(crew, 60)
    assert once_each(crew, last)


def test_without_redis_jobs_are_run_and_once_it_is_back_messages_wake_again(
    broker: Broker, crew: Crew
) -> None:
    crew.join("a", broker.url)
    last = woken_by_a_message(crew, 0)
    broker.stop()
    crew.threads.clear()
    crew.ask(*names(last, last + 20))
    until(crew.done)
    assert crew.threads == {WITHOUT}
    broker.start()
    last = woken_by_a_message(crew, last + 20)
    assert once_each(crew, last)


def test_a_worker_starts_where_redis_is_not_there_yet(broker: Broker, crew: Crew) -> None:
    broker.stop()
    crew.join("a", broker.url)
    crew.ask(*names(0, 5))
    until(crew.done)
    broker.start()
    assert once_each(crew, woken_by_a_message(crew, 5))


def test_redis_holds_no_more_than_can_be_run_at_once(broker: Broker, crew: Crew) -> None:
    """Neither while no worker runs, nor while all are busy and have a thousand more to do."""
    go_on = threading.Event()
    crew.before_each = lambda: go_on.wait(PATIENT)
    crew.ask(*names(0, 1000))
    assert broker.client().dbsize() == 0
    crew.join("a", broker.url, threads=2)
    until(lambda: len(crew.workers[0]._runner._running) == 2)
    time.sleep(1)
    assert broker.waiting() <= 2
    go_on.set()
    until(crew.done)
    assert once_each(crew, 1000)
    assert broker.waiting() <= 2


def test_where_redis_takes_nothing_jobs_are_run_without_it(crew: Crew) -> None:
    needs("redis-server")
    with redis_running("--maxmemory", "1", "--maxmemory-policy", "noeviction") as full:
        crew.join("a", full.url)
        crew.ask(*names(0, 10))
        until(crew.done)
        crew.leave()
    assert once_each(crew, 10)


def test_a_password_is_given_and_a_wrong_one_is_told_without_it(
    crew: Crew, caplog: pytest.LogCaptureFixture
) -> None:
    needs("redis-server")
    with redis_running(password="sesame-0n1y") as guarded:
        crew.join("a", guarded.url)
        last = woken_by_a_message(crew, 0)
        with caplog.at_level(logging.INFO):
            crew.join("b", guarded.url.replace("0n1y", "wr0ng"))
            until(lambda: "username-password" in caplog.text)
        crew.ask(*names(last, last + 10))
        until(crew.done)
        assert once_each(crew, last + 10)
        crew.leave()
    assert "sesame" not in caplog.text


def test_over_tls_the_certificate_counts(
    crew: Crew, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    needs("redis-server", "openssl")
    made = tmp_path / "redis.pem"
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    names_it = ("-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1")
    subprocess.run(
        ["openssl", "req", "-x509", *new_key, *names_it, "-keyout", "key", "-out", "cert"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    made.write_text((tmp_path / "key").read_text() + (tmp_path / "cert").read_text())
    with redis_running(tls=str(made)) as sealed:
        crew.join("a", sealed.url)
        with caplog.at_level(logging.INFO):
            until(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)
        assert sealed.waiting() == 0
        crew.workers.pop().stop()
        crew.join("b", f"{sealed.url}?ssl_ca_certs={tmp_path / 'cert'}")
        assert once_each(crew, woken_by_a_message(crew, 0))
        crew.leave()
