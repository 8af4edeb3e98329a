"""What is PostgreSQL's own: connections that are lost, transactions that stop in the middle, who
writes side by side. The rest of the store is tried on it by the same tests as on SQLite."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import pytest
from builders import NOON
from click.testing import CliRunner
from core.test_audits import incident
from databases import ON_POSTGRESQL, url_of
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from stage import free_port
from unanswered import RULES

from config.settings import Settings
from integrations.gate import Call, Cost
from integrations.tracker import Envelope, RateLimited
from service.commands.all import followthrough
from service.data import database_name
from service.dead_letters import NoSuchLetter, drop
from service.governor import Governor
from service.store import Store
from service.store.deliveries import Arrival
from service.store.unreachable import Unreachable
from workflows.budgets import Budget, Window

PASSWORD = "correct-horse-9d2f"

on_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="run by make test-postgres")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: NOON)
    opened.migrate()
    yield opened
    opened.close()


def cut_all(store: Store) -> None:
    """As the server does when it is restarted."""
    engine = create_engine(store.url)
    with engine.connect() as connection:
        ours = "pid <> pg_backend_pid() AND datname = current_database()"
        cut = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {ours}"
        connection.execute(text(cut))
    engine.dispose()


@on_postgresql
def test_connections_that_the_server_closed_are_replaced(store: Store) -> None:
    with store.write() as tx:
        tx.jobs.touch("incident", "jira/1")
    cut_all(store)
    with store.read() as tx:
        assert tx.jobs.unfinished() == 1
    cut_all(store)
    with store.write() as tx:
        tx.jobs.touch("incident", "jira/2")


@on_postgresql
def test_what_was_written_when_the_connection_broke_is_not_there(store: Store) -> None:
    def broken_off() -> None:
        with store.write() as tx:
            tx.jobs.touch("incident", "jira/1")
            cut_all(store)
            tx.jobs.touch("incident", "jira/2")

    with pytest.raises(OperationalError):
        broken_off()
    with store.write() as tx:
        assert tx.jobs.unfinished() == 0


@on_postgresql
def test_who_stops_in_the_middle_of_writing_keeps_nobody_waiting_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.on_postgresql.IDLE_SECONDS", 0.2)
    stopped = Store(store.url)

    def stop_in_the_middle() -> None:
        with stopped.write() as tx:
            with store.write() as other:  # waits until the server has ended the first
                other.jobs.touch("incident", "jira/1")
            tx.jobs.touch("incident", "jira/2")

    with pytest.raises(DBAPIError, match="idle"):
        stop_in_the_middle()
    stopped.close()
    with store.read() as tx:
        assert tx.jobs.unfinished() == 1


@on_postgresql
def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match="read-only transaction"), store.read() as tx:
        tx.jobs.touch("incident", "jira/1")


@on_postgresql
def test_text_is_in_the_order_of_its_code_points(store: Store) -> None:
    names = ["a", "Z", "ä", "B", "_", "é"]
    for name in names:
        with store.write() as tx:
            ticket = replace(incident().ticket, id=name, key=name)
            tx.incidents.save(replace(incident(), id=name, ticket=ticket, team=name), "p")
    engine = create_engine(store.url)
    with engine.connect() as connection:
        found = connection.scalars(text("SELECT team FROM incidents ORDER BY team")).all()
    engine.dispose()
    assert list(found) == sorted(names)


@on_postgresql
def test_a_job_can_be_asked_for_more_often_than_32_bits_can_count(store: Store) -> None:
    engine = create_engine(store.url)
    with engine.begin() as connection:
        for table in ("jobs", "deliveries", "spending"):
            connection.execute(text(f"SELECT setval('{table}_id_seq', 2147483647)"))
    engine.dispose()
    with store.write() as tx:
        for _ in range(2):  # each uses up an id
            tx.jobs.touch("incident", "jira/1")
        tx.traffic.begin("1", "acme", [Cost(Budget("writes", ()))], timedelta(seconds=5))
    arrival = Arrival("jira", Envelope("1", "issue", b"{}", repeated=False), NOON)
    with store.write() as tx:
        (recorded,) = tx.deliveries.record([arrival])
    assert recorded == 2**31


@on_postgresql
def test_what_no_text_can_hold_there_is_kept_as_a_sign_for_it(store: Store) -> None:
    said = replace(incident(), title="a\0b", service="\\u0000\0")
    with store.write() as tx:
        tx.incidents.save(said, "p")
    with store.read() as tx:
        record = tx.incidents.get(said.id)
        assert tx.incidents.served(NOON - timedelta(days=1), besides="") is not None
    assert record is not None
    assert (record.incident.title, record.incident.service) == ("a�b", "\\u0000�")


@pytest.mark.parametrize("typed", ["e99999999999", "d999999999999999999"])
def test_a_dead_letter_of_too_large_a_number_is_none_on_any_database(
    store: Store, typed: str
) -> None:
    with store.write() as tx, pytest.raises(NoSuchLetter):
        drop(tx, typed, by="an engineer", why="mistyped")


@on_postgresql
def test_two_who_record_the_same_repeats_do_not_wait_in_a_circle(store: Store) -> None:
    group = [Arrival("jira", Envelope(f"{n:03}", "issue", b"{}"), NOON) for n in range(40)]
    with store.write() as tx:
        tx.deliveries.record(group)
    begin = Barrier(2)

    def repeat(arrivals: list[Arrival]) -> None:
        for _ in range(10):
            begin.wait(30)
            with store.write(beside=True) as tx:
                tx.deliveries.record(arrivals)

    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(repeat, group), pool.submit(repeat, group[::-1])]:
            each.result(60)
    with store.read() as tx:
        assert {row.repeats for row in tx.deliveries.page()} == {20}


def test_two_who_look_for_the_last_room_in_a_budget_do_not_both_find_it(store: Store) -> None:
    budget = Budget("writes", (Window(1, timedelta(minutes=1)),))
    call = Call("acme", "POST", "/issues", (Cost(budget),))
    begin = Barrier(4)

    def pass_one() -> bool:
        mine = Store(store.url, lambda: NOON)
        governor = Governor(mine, timedelta(seconds=5), lambda _: None)
        begin.wait()
        try:
            with governor.passing(call):
                return True
        except RateLimited:
            return False
        finally:
            mine.close()

    with ThreadPoolExecutor(4) as pool:
        passed = [each.result(30) for each in [pool.submit(pass_one) for _ in range(4)]]
    assert sum(passed) == 1


# --- a server that cannot be used ---------------------------------------------------------------


class Asked(Exception):
    """Instead of a connection."""


def told_to_the_driver(url: str) -> dict[str, object]:
    """What its driver would be told when a store at this address connects."""
    store, told = Store(url), {}

    @event.listens_for(Engine, "do_connect")
    def ask(_dialect: object, _record: object, _args: object, given: dict[str, object]) -> None:
        told.update(given)
        raise Asked

    try:
        with pytest.raises(Asked), store.read():
            pass
    finally:
        event.remove(Engine, "do_connect", ask)
        store.close()
    return told


def test_a_server_that_vanished_is_given_up_within_a_lease() -> None:
    told = told_to_the_driver("postgresql+psycopg://bot@db.acme.example/ft")
    settings = Settings.from_environment({})
    names = ("keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
    idle, interval, count, unacknowledged = (int(str(told[name])) for name in names)
    assert told["keepalives"] == 1
    assert told["connect_timeout"] == 5
    assert idle + interval * count < settings.lease_seconds / 2
    assert unacknowledged / 1000 < settings.lease_seconds / 2


def test_what_the_address_says_of_that_holds() -> None:
    told = told_to_the_driver(
        "postgresql+psycopg://bot@db.acme.example/ft?connect_timeout=17&tcp_user_timeout=0"
        "&application_name=ours&options=-c%20work_mem%3D8MB"
    )
    assert (told["connect_timeout"], told["tcp_user_timeout"]) == ("17", "0")
    assert (told["application_name"], told["keepalives_idle"]) == ("ours", 10)
    assert "lock_timeout" in str(told["options"])
    assert str(told["options"]).endswith(" -c work_mem=8MB")


@pytest.fixture
def in_ascii() -> Iterator[str]:
    """The address of a database that takes bytes for text, and is this test's alone."""
    admin = create_engine(url_of("postgres"), isolation_level="AUTOCOMMIT")
    name = f"in_ascii_{uuid4().hex}"
    made = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
    with admin.connect() as connection:
        connection.execute(text(made))
    yield url_of(name)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@on_postgresql
@pytest.mark.parametrize("words", [("deliveries", "list"), ("worker",), ("web",), ("doctor",)])
def test_a_database_that_keeps_bytes_for_text_is_refused(
    in_ascii: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    run = CliRunner(
        env={
            "FOLLOWTHROUGH_DATABASE_URL": in_ascii,
            "FOLLOWTHROUGH_RULES": str(rules),
            "FOLLOWTHROUGH_DATA": str(tmp_path),
            "ACME_TOKEN": "t0ken",
        }
    )
    told = run.invoke(followthrough, list(words))
    assert told.exit_code == 1
    said = " ".join(told.output.split())
    assert "it keeps text in SQL_ASCII, not in UTF8; name one that was made with" in said
    assert isinstance(told.exception, SystemExit)


def nowhere() -> str:
    return f"postgresql+psycopg://bot:{PASSWORD}@127.0.0.1:{free_port()}/ft"


def test_a_server_that_does_not_answer_is_told_without_the_password() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1.*refused") as told:
        Store(nowhere()).migrate()
    assert PASSWORD not in str(told.value)


@pytest.mark.parametrize("words", [("deliveries", "list"), ("dead-letters", "list")])
def test_a_command_says_which_database_it_cannot_use_and_never_by_which_password(
    words: tuple[str, ...],
) -> None:
    run = CliRunner(env={"FOLLOWTHROUGH_DATABASE_URL": nowhere()})
    told = run.invoke(followthrough, list(words))
    assert told.exit_code == 1
    assert "The database 127.0.0.1:" in told.output
    assert "/ft cannot be used: " in told.output
    assert "FOLLOWTHROUGH_DATABASE_URL says where it is." in told.output
    assert PASSWORD not in told.output


def test_a_database_is_named_without_user_and_password() -> None:
    url = f"postgresql+psycopg://bot:{PASSWORD}@db.acme.example:6432/ft?sslmode=require"
    settings = Settings.from_environment({"FOLLOWTHROUGH_DATABASE_URL": url})
    assert database_name(settings) == "db.acme.example:6432/ft"
    assert PASSWORD not in repr(settings)
    local = "postgresql+psycopg:///ft?host=/run/postgresql"
    settings = Settings.from_environment({"FOLLOWTHROUGH_DATABASE_URL": local})
    assert database_name(settings) == "a socket of this machine/ft"


@pytest.mark.parametrize(
    "url",
    [
        *("postgresql://u:p@db/ft", "postgres://db/ft", "mysql://db/ft", "postgresql+psycopg://db"),
        *("postgresql+psycopg:///ft", "postgresql+psycopg2://db/ft", "postgresql+psycopg://[/ft"),
    ],
)
def test_another_address_is_refused_with_the_form_that_it_must_have(url: str) -> None:
    run = CliRunner(env={"FOLLOWTHROUGH_DATABASE_URL": url})
    told = run.invoke(followthrough, ["deliveries", "list"])
    assert told.exit_code == 1
    assert "must be sqlite:///… or postgresql+psycopg://user:password@host/name" in told.output


def test_the_tests_run_on_postgresql_where_they_are_told_to(store: Store) -> None:
    asked = os.environ.get("DATABASES", "sqlite")
    assert store.url.startswith(asked)
