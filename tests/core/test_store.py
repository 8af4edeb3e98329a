"""The store: transactions, migrations, and what is kept about deliveries and incidents."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from databases import ON_POSTGRESQL, empty
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from integrations.tracker import Envelope, Glimpse, MissedDelivery
from service.intake import Accepted, Intake
from service.store import Store, Transaction
from service.store.codec import CodecError, dump, fingerprint, load
from service.store.deliveries import JOB, Arrival, DeliveryState
from service.store.effects import EffectState
from service.store.journal import EntryKind
from service.store.naming import new_id
from service.store.refs import Ref, Role
from service.store.schema import metadata
from service.store.turns import Turns
from workflows.added import ADDED
from workflows.effects import CreateTask, Effect, TaskTarget, WriteComment
from workflows.events import CommentWritten, Outcome, TaskCreated
from workflows.model import DocumentRef, Incident, Kind, Outlook, Phase, TicketRef

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
TICKET = TicketRef("acme-jira", "10042", "INC-42", "https://acme.example/browse/INC-42")
INCIDENT = Incident(id="k3v9", team="payments", ticket=TICKET, title="Down", phase=Phase.CLOSED)
COMMENT = WriteComment("comment:k3v9", TICKET, "The postmortem is set up.")
DOCUMENT = DocumentRef("git-directory", "postmortems/inc-42.md", "file:///x", "1")
TASK = CreateTask(
    key="task:k3v9:1",
    target=TaskTarget("acme-jira", "INC"),
    title="Add an alert",
    text="…",
    kind=Kind.DETECTIVE,
    incident=TICKET,
    document=DOCUMENT,
    due=date(2026, 12, 24),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: NOON)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def known(store: Store) -> Store:
    with store.write() as tx:
        tx.incidents.save(INCIDENT, "policy-1")
    return store


# --- transactions and migrations --------------------------------------------------------------


def test_what_a_failed_transaction_wrote_is_not_there(store: Store) -> None:
    def fail_halfway() -> None:
        with store.write() as tx:
            tx.jobs.touch("incident", "jira/1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    with store.read() as tx:
        assert tx.jobs.unfinished() == 0
    assert not store.touched.is_set()


def test_a_write_inside_a_write_is_refused_at_once(store: Store) -> None:
    with store.write(), pytest.raises(RuntimeError, match="inside"), store.write():
        pass


def test_a_reader_sees_one_moment_while_somebody_writes(store: Store) -> None:
    with store.read() as before:
        assert before.jobs.unfinished() == 0
        with store.write() as tx:
            tx.jobs.touch("incident", "jira/1")
        assert before.jobs.unfinished() == 0


def test_writers_of_one_process_take_turns_in_the_order_they_came() -> None:
    turns, order = Turns(), list[int]()

    def write(number: int) -> None:
        with turns.mine():
            order.append(number)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    with turns.mine():
        for number, writer in enumerate(writers, start=1):
            writer.start()
            while turns.waiting < number:
                pass
    for writer in writers:
        writer.join()
    assert order == list(range(8))


def is_no_part_of_the_index(name: str | None, kind: str, _parents: object) -> bool:
    """The indexes for searching are SQLite's own, and so are the tables that they keep themselves
    in."""
    return kind != "table" or (name or "").partition("_")[0] not in ("found", "titled")


def test_the_migrations_lead_to_the_schema(store: Store) -> None:
    engine = create_engine(store.url)
    with engine.connect() as connection:
        opts = {"compare_type": True, "include_name": is_no_part_of_the_index}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_version_goes_on_with_the_schema_of_the_next_one(store: Store) -> None:
    engine = create_engine(store.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE jobs ADD COLUMN later INTEGER")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.migrate()
    with store.write() as tx:
        tx.jobs.touch("incident", "jira/1")
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    engine.dispose()
    assert found == "9999"


def test_ids_of_deliveries_and_jobs_are_never_used_again(store: Store) -> None:
    """A job's id and attempt are its fence: of one that is gone, too."""
    ids = set()
    for n in range(3):
        Intake(store).accept("acme", Envelope(f"d-{n}", "x", b"{"), NOON)
        with store.write() as tx:
            ids.add(tx.jobs.touch("incident", "jira/1"))
            tx.jobs.forget("incident", "jira/1")
    assert len(ids) == 3
    engine = create_engine(store.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM deliveries")
    engine.dispose()
    Intake(store).accept("acme", Envelope("d-9", "x", b"{"), NOON)
    with store.read() as tx:
        (delivery,) = tx.deliveries.page()
    assert delivery.id == 4


@dataclass(frozen=True)
class Later:
    """As a later version has it."""

    name: str
    more: str = field(default="", metadata=ADDED)


@dataclass(frozen=True)
class Before:
    name: str


def test_what_says_nothing_new_is_read_by_the_version_before() -> None:
    assert load(Before, dump(Later, Later("x"))) == Before("x")
    assert load(Later, dump(Before, Before("x"))) == Later("x")
    assert load(Later, dump(Later, Later("x", "y"))) == Later("x", "y")
    with pytest.raises(CodecError, match="Before has no more"):  # it would lose that
        load(Before, dump(Later, Later("x", "y")))


def new_database(file: Path) -> str:
    return empty(file) if ON_POSTGRESQL else f"sqlite:///{file}"


def test_processes_that_start_at_once_all_find_the_schema(tmp_path: Path) -> None:
    url = new_database(tmp_path / "new" / "together.db")
    start = f"from service.store import Store; Store({url!r}).migrate()"
    together = [subprocess.Popen([sys.executable, "-c", start]) for _ in range(3)]
    assert [process.wait(60) for process in together] == [0, 0, 0]
    with Store(url).read() as tx:
        assert tx.jobs.unfinished() == 0


def test_another_process_that_writes_is_waited_for(store: Store) -> None:
    other = Store(store.url)  # it has a turn and a connection of its own, as another process

    def write() -> int:
        with store.write() as tx:
            return tx.jobs.touch("incident", "jira/1")

    with ThreadPoolExecutor(1) as pool:
        with other.write() as tx:
            waiting = pool.submit(write)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
            mine = tx.jobs.touch("incident", "jira/1")
        assert waiting.result(10) == mine
    other.close()


@pytest.mark.skipif(not ON_POSTGRESQL, reason="on SQLite a delivery waits, too")
def test_a_delivery_waits_for_nobody_who_writes(store: Store) -> None:
    other = Store(store.url)
    with other.write() as tx:
        tx.jobs.touch("incident", "jira/1")
        accepted = Intake(store).accept("acme", Envelope("d-1", "x", b"{"), NOON)
    other.close()
    assert accepted is Accepted.NEW


def test_another_process_that_never_ends_writing_is_not_waited_for_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.on_sqlite.BUSY_SECONDS", 0.1)
    monkeypatch.setattr("service.store.on_postgresql.BUSY_SECONDS", 0.1)
    store.close()
    waits, other = Store(store.url), Store(store.url)
    locked = pytest.raises(OperationalError, match=r"database is locked|lock timeout")
    with other.write(), locked, waits.write():
        pass
    waits.close()
    with store.write() as tx:
        tx.jobs.touch("incident", "later")
    other.close()


@pytest.mark.sqlite("how a file is turned to a write-ahead log")
def test_a_new_database_opened_by_two_processes_at_once_lets_both_in(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    first = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    first.execute("BEGIN IMMEDIATE")  # as one that just turns it to a write-ahead log
    done = threading.Timer(0.3, first.execute, ["COMMIT"])
    done.start()
    second = Store(f"sqlite:///{file}")
    second.migrate()
    done.join()
    with second.read() as tx:
        assert tx.deliveries.page() == []
    second.close()
    first.close()


# --- deliveries -------------------------------------------------------------------------------


def test_an_accepted_delivery_has_its_bytes_and_its_job(store: Store) -> None:
    body = b'{"webhookEvent": "jira:issue_updated"}\x00\xff'
    envelope = Envelope("d-1", "jira:issue_updated", body)
    assert Intake(store).accept("acme-jira", envelope, NOON) is Accepted.NEW
    with store.read() as tx:
        (delivery,) = tx.deliveries.page()
        assert tx.deliveries.envelope(delivery.id) == envelope
        assert tx.jobs.get(JOB, str(delivery.id)) is not None
    assert (delivery.state, delivery.received_at) == (DeliveryState.RECEIVED, NOON)
    assert store.touched.is_set()


def test_the_same_delivery_twice_is_one(store: Store) -> None:
    envelope = Envelope("d-1", "issues", b"{}")
    assert Intake(store).accept("acme-github", envelope, NOON) is Accepted.NEW
    assert Intake(store).accept("acme-github", envelope, NOON) is Accepted.DUPLICATE
    assert Intake(store).accept("other-github", envelope, NOON) is Accepted.NEW
    with store.read() as tx:
        assert tx.jobs.unfinished(JOB) == 2


def test_a_delivery_can_be_replayed_and_dropped(store: Store) -> None:
    Intake(store).accept("acme-jira", Envelope("d-1", "x", b"{"), NOON)
    with store.write() as tx:
        (delivery,) = tx.deliveries.page()
        tx.deliveries.mark(delivery.id, DeliveryState.UNREADABLE, "not JSON")
        tx.jobs.forget(JOB, str(delivery.id))
        assert tx.deliveries.page(state=DeliveryState.UNREADABLE)
        assert tx.deliveries.replay(delivery.id)
        assert tx.jobs.get(JOB, str(delivery.id)) is not None
        assert tx.deliveries.drop(delivery.id, "a test")
        assert tx.jobs.get(JOB, str(delivery.id)) is None
        assert tx.deliveries.counts() == {DeliveryState.DROPPED: 1}
        assert not tx.deliveries.replay(999)


# --- incidents --------------------------------------------------------------------------------


def test_an_incident_comes_back_as_it_was_saved(known: Store) -> None:
    with known.read() as tx:
        by_id, by_ticket = tx.incidents.get("k3v9"), tx.incidents.by_ticket("acme-jira", "10042")
        assert by_id == by_ticket
        assert by_id is not None
        assert (by_id.incident, by_id.policy_hash) == (INCIDENT, "policy-1")
        assert [found.incident.id for found in tx.incidents.find(" inc-42 ")] == ["k3v9"]
        assert tx.incidents.find("INC-43") == []


def test_saving_again_changes_and_keeps_what_the_store_added(known: Store) -> None:
    with known.write() as tx:
        tx.incidents.set_document_changed("k3v9", True)
        waiting = dataclasses.replace(INCIDENT, outlook=Outlook.WAITING, waiting_for="a severity")
        tx.incidents.save(waiting, "policy-2")
        record = tx.incidents.get("k3v9")
        assert record is not None
        assert (record.incident, record.document_changed) == (waiting, True)
        assert tx.incidents.page(outlook=Outlook.WAITING) == [record]
        assert tx.incidents.page(outlook=Outlook.DONE) == []


def test_pages_of_incidents_follow_one_another(store: Store) -> None:
    with store.write() as tx:
        for n in range(5):
            ticket = dataclasses.replace(TICKET, id=str(n))
            tx.incidents.save(dataclasses.replace(INCIDENT, id=f"i{n}", ticket=ticket), "p")
        first = tx.incidents.page(limit=3)
        rest = tx.incidents.page(limit=3, before=first[-1])
        assert [found.incident.id for found in (*first, *rest)] == ["i4", "i3", "i2", "i1", "i0"]


def test_new_ids_differ() -> None:
    assert len({new_id() for _ in range(100)}) == 100


# --- effects ----------------------------------------------------------------------------------


def test_two_decisions_that_ask_for_one_effect_get_one(known: Store) -> None:
    with known.write() as tx:
        tx.effects.ask("k3v9", [TASK, COMMENT])
        tx.effects.ask("k3v9", [TASK, COMMENT])
        found = tx.effects.of_incident("k3v9")
        assert [effect.wish for effect in found] == [TASK, COMMENT]
        assert {effect.state for effect in found} == {EffectState.WANTED}


def test_a_task_that_was_created_is_never_wanted_again(known: Store) -> None:
    with known.write() as tx:
        tx.effects.ask("k3v9", [TASK])
        tx.effects.begin([TASK.key])
        (begun,) = tx.effects.of_incident("k3v9")
        assert (begun.state, begun.attempts) == (EffectState.BEGUN, 1)
        tx.effects.done(begun, TaskCreated(TASK.key, TICKET, linked=True))
        tx.effects.ask("k3v9", [dataclasses.replace(TASK, title="Add two alerts")])
        (after,) = tx.effects.of_incident("k3v9")
        assert after.state is EffectState.DONE
        assert after.result == TaskCreated(TASK.key, TICKET, linked=True)


def test_a_comment_is_written_again_when_it_should_say_something_else(known: Store) -> None:
    newer = dataclasses.replace(COMMENT, text="Two tasks are open.")
    with known.write() as tx:
        tx.effects.ask("k3v9", [COMMENT])
        tx.effects.begin([COMMENT.key])
        (begun,) = tx.effects.of_incident("k3v9")
        tx.effects.ask("k3v9", [newer])  # while the older is being written
        tx.effects.done(begun, CommentWritten(COMMENT.key, "7"))
        (after,) = tx.effects.of_incident("k3v9")
        assert (after.state, after.wish) == (EffectState.WANTED, newer)
        tx.effects.done(after, CommentWritten(COMMENT.key, "7"))
        (done,) = tx.effects.of_incident("k3v9")
        assert done.state is EffectState.DONE


def test_what_was_planned_is_wanted_once_the_team_acts(known: Store) -> None:
    with known.write() as tx:
        tx.effects.ask("k3v9", [TASK], planned=True)
        assert [each.state for each in tx.effects.of_incident("k3v9")] == [EffectState.PLANNED]
        tx.effects.ask("k3v9", [TASK])
        assert [each.state for each in tx.effects.of_incident("k3v9")] == [EffectState.WANTED]


def test_a_rejected_effect_is_a_dead_letter_until_a_person_or_a_newer_wish(known: Store) -> None:
    with known.write() as tx:
        tx.effects.ask("k3v9", [TASK])
        tx.effects.reject(TASK.key, "issuetype is required", "Set tasks.issue_type.")
        tx.effects.ask("k3v9", [TASK])
        (dead,) = tx.effects.dead_letters()
        assert (dead.words, dead.mend) == ("issuetype is required", "Set tasks.issue_type.")
        assert tx.effects.replay(TASK.key) == "k3v9"
        assert tx.effects.dead_letters() == []
        tx.effects.reject(TASK.key, "no", "")
        tx.effects.ask("k3v9", [dataclasses.replace(TASK, owner="kim")])
        assert tx.effects.dead_letters() == []


def test_a_dropped_effect_says_who_and_why_and_creations_stay_dropped(known: Store) -> None:
    with known.write() as tx:
        tx.effects.ask("k3v9", [TASK])
        assert tx.effects.drop(TASK.key, by="kim", why="gone") is None, "it is no dead letter"
        tx.effects.reject(TASK.key, "no", "")
        assert tx.effects.count_dead_letters() == 1
        assert tx.effects.drop(TASK.key, by="kim", why="gone") == "k3v9"
        assert tx.effects.drop(TASK.key, by="noor", why="too late") is None
        tx.effects.ask("k3v9", [dataclasses.replace(TASK, owner="kim")])
        (dropped,) = tx.effects.of_incident("k3v9")
        assert dropped.state is EffectState.DROPPED
        assert (dropped.dropped_by, dropped.dropped_why) == ("kim", "gone")
        assert tx.effects.numbered(dropped.id) == dropped
        assert tx.effects.replay(TASK.key) == "k3v9"
        assert tx.effects.replay(TASK.key) is None, "of two who ask, the second"
        (wanted,) = tx.effects.of_incident("k3v9")
        assert (wanted.state, wanted.dropped_by) == (EffectState.WANTED, "")


def record(tx: Transaction, arrival: Arrival) -> int | None:
    """The number that the delivery gets, None when it is there already."""
    (recorded,) = tx.deliveries.record([arrival])
    assert not isinstance(recorded, Exception)
    return recorded


def test_a_delivery_that_comes_again_is_counted(store: Store) -> None:
    envelope = Envelope("guid-1", "issues", b"{}")
    with store.write() as tx:
        number = record(tx, Arrival("github", envelope, NOON))
        assert number is not None
        assert record(tx, Arrival("jira", envelope, NOON)) is not None
        assert record(tx, Arrival("github", envelope, NOON)) is None
        assert record(tx, Arrival("github", envelope, NOON)) is None
        (first, second) = tx.deliveries.page()
    assert sorted((each.connection, each.repeats) for each in (first, second)) == [
        ("github", 2),
        ("jira", 0),
    ]


def test_what_was_missed_is_missing_until_it_is_recorded(store: Store) -> None:
    missed = MissedDelivery("guid-1", "issues", NOON, "/hooks/7/deliveries/1/attempts")
    with store.write() as tx:
        tx.redeliveries.note("github", [missed])
        tx.redeliveries.note("github", [missed])
        (waiting,) = tx.redeliveries.missing("github", NOON)
        tx.redeliveries.asked(waiting)
        tx.redeliveries.refused(waiting, "not now", counts=False)
        (waiting,) = tx.redeliveries.missing("github", NOON)
        assert (waiting.attempts, waiting.asked_at, waiting.words) == (0, None, "not now")
        tx.redeliveries.asked(waiting)
        assert tx.redeliveries.missing("jira", NOON) == []
        assert tx.redeliveries.missing("github", NOON + timedelta(seconds=1)) == []
        later = tx.now + timedelta(seconds=1)
        record(tx, Arrival("github", Envelope("guid-1", "issues", b"{}"), later))
        assert tx.redeliveries.missing("github", NOON) == []
        tx.redeliveries.note("github", [MissedDelivery("guid-1", "issues", NOON, "elsewhere")])
        assert tx.redeliveries.lately_missing(NOON) == []
        (came,) = tx.deliveries.page()
        assert came.asked_for


# --- refs, journal, ledger --------------------------------------------------------------------


def test_news_of_our_own_tickets_and_files_finds_the_incident(known: Store) -> None:
    with known.write() as tx:
        task = Ref("acme-jira", "10050", "k3v9", Role.TASK, "INC-50")
        tx.refs.put(task)
        tx.refs.put(task)
        assert tx.refs.find("acme-jira", "10050") == task
        tx.refs.put_document("acme-github", "acme/pm", "2026/inc-42.md", "k3v9", branch="pm/42")
        assert tx.refs.documents_at("acme-github", "acme/pm", ["a", "2026/inc-42.md"]) == {"k3v9"}
        assert tx.refs.documents_at("acme-github", "acme/pm", branch="pm/42") == {"k3v9"}
        assert tx.refs.documents_at("acme-github", "acme/pm", ["other.md"]) == set()


def test_the_journal_is_read_in_the_order_of_time(known: Store) -> None:
    with known.write() as tx:
        tx.journal.add("k3v9", EntryKind.DECISION, "closed", {"policy": "p"})
        tx.journal.add("k3v9", EntryKind.NOTE, "earlier", at=NOON - timedelta(minutes=1))
        assert [line.text for line in tx.journal.of_incident("k3v9")] == ["earlier", "closed"]


def test_the_ledger_tells_news_from_what_was_seen(store: Store) -> None:
    seen, changed = Glimpse(TICKET, "12:00", NOON), Glimpse(TICKET, "12:01", NOON)
    with store.write() as tx:
        assert tx.ledger.news([seen]) == [seen]
        tx.ledger.record(seen)
        assert tx.ledger.news([seen]) == []
        assert tx.ledger.news([changed]) == [changed]
        assert tx.ledger.since("acme-jira", "INC") is None
        tx.ledger.set_since("acme-jira", "INC", NOON)
        assert tx.ledger.since("acme-jira", "INC") == NOON


# --- the codec --------------------------------------------------------------------------------

st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.from_type(Incident))
def test_any_incident_survives_the_way_to_json_and_back(incident: Incident) -> None:
    assert load(Incident, dump(Incident, incident)) == incident


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(*map(st.from_type, get_args(Effect))))
def test_any_effect_survives_the_way_to_json_and_back(effect: Effect) -> None:
    data = dump(Effect, effect)
    assert load(Effect, data) == effect
    assert fingerprint(data) == fingerprint(dump(Effect, effect))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(*map(st.from_type, get_args(Outcome))))
def test_any_outcome_survives_the_way_to_json_and_back(outcome: Outcome) -> None:
    assert load(Outcome, dump(Outcome, outcome)) == outcome


def test_a_field_that_came_later_takes_its_default() -> None:
    data = dump(TicketRef, TICKET)
    assert isinstance(data, dict)
    del data["link_id"]
    assert load(TicketRef, data) == TICKET


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"shoe_size": 44}, "has no shoe_size"),
        ({"key": 7}, r"\$.key: int is no str"),
        ({"id": None}, r"\$.id"),
    ],
)
def test_data_that_does_not_fit_is_refused_with_its_place(
    change: dict[str, object], says: str
) -> None:
    data = dump(TicketRef, TICKET)
    assert isinstance(data, dict)
    with pytest.raises(CodecError, match=says):
        load(TicketRef, {**data, **change})  # type: ignore[dict-item]


def test_a_time_without_a_zone_is_refused_on_the_way_in() -> None:
    naive = dataclasses.replace(INCIDENT, opened=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(CodecError, match=r"\$.opened"):
        dump(Incident, naive)
