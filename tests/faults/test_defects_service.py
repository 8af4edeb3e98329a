"""What once went wrong between the steps: news that came while something was read, one bad place,
document or answer that stopped the rest."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from stage import GITHUB_INCIDENTS, LOCAL_FILE, Stage

from config.rules import Rules, load
from service.container import build
from service.jobs import TIMING, ClaimedJob, Done, JobEnd, LostLease, record_end
from service.lease import Lease
from service.reconciler import DOCUMENTS, POLL_JOB
from service.routing import INCIDENT_JOB, incident_subject
from service.running import Runner
from service.store.claims import Job
from service.store.effects import EffectRecord, EffectState
from workflows.effects import CreateDocument
from workflows.events import News
from workflows.model import DocumentStatus, Incident, Outlook, Postmortem

OPS, BOOKS = "acme/ops", "acme/postmortems"


class Crash(BaseException):
    """The process is gone; nothing may catch this."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage


def opened(stage: Stage) -> str:
    number = stage.sandbox.github.open_issue(
        OPS, "Checkout answers 500", by="kim", labels=["incident", "sev2"]
    )
    stage.sandbox.github.comment(OPS, number, "ACTION: one", by="noor")
    return f"{OPS}#{number}"


def close(stage: Stage, key: str) -> None:
    stage.sandbox.github.close(OPS, int(key.partition("#")[2]), by="kim")


def closed(stage: Stage) -> str:
    key = opened(stage)
    close(stage, key)
    stage.settle()
    return key


def say(stage: Stage, key: str, text: str) -> None:
    stage.sandbox.github.comment(OPS, int(key.partition("#")[2]), text, by="noor")


def tasks(stage: Stage) -> int:
    issues = stage.sandbox.github.repos[OPS].issues.values()
    return sum("remediation" in issue.labels for issue in issues)


def effects(stage: Stage) -> list[EffectRecord]:
    (incident,) = stage.incidents()
    with stage.store.read() as tx:
        return tx.effects.of_incident(incident.id)


def job(stage: Stage, kind: str, subject: str) -> Job:
    with stage.store.read() as tx:
        found = tx.jobs.get(kind, subject)
    assert found is not None
    return found


def claimed(stage: Stage, kind: str, subject: str) -> ClaimedJob:
    with stage.store.write() as tx:
        number = tx.jobs.touch(kind, subject)
        claim = tx.jobs.claim(number, TIMING.lease)
    assert claim is not None
    return claim


def document(stage: Stage, key: str) -> tuple[str, str]:
    """The document's path and the branch on which it is drafted."""
    known = stage.incident(key).postmortem
    assert known is not None
    return f"postmortems/2026/acme-ops-{key.partition('#')[2]}.md", known.ref.branch


def push(stage: Stage, key: str, raw: bytes | None = None) -> None:
    """A person edits the document; `raw` is what the file then holds, as bytes."""
    path, branch = document(stage, key)
    books = stage.sandbox.github.repos[BOOKS]
    text = books.commits[books.branches[branch]].tree[path].decode(errors="replace")
    stage.sandbox.github.push(BOOKS, path, f"{text}more\n", by="kim", branch=branch)
    if raw is not None:
        books.commits[books.branches[branch]].tree[path] = raw


# --- news and reading --------------------------------------------------------------------------


def route_deliveries(stage: Stage) -> None:
    """What another thread does meanwhile: it routes the deliveries that arrived."""
    assert stage.sandbox.hooks.drain()
    with stage.store.write() as tx:
        claims = [tx.jobs.claim(number, TIMING.lease) for number in tx.jobs.due(50)]
    for claim in filter(None, claims):
        assert claim.kind == "delivery"
        end = stage.container.handlers[claim.kind](claim)
        with stage.store.write() as tx:
            record_end(tx, claim, end)


def test_what_happens_to_a_document_while_it_is_read_is_read_as_well(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = closed(stage)
    executor = stage.container.handlers[INCIDENT_JOB].__self__._executor  # type: ignore[attr-defined]
    read = executor.read_document

    def declined_meanwhile(incident: Incident) -> News:
        news: News = read(incident)
        monkeypatch.setattr(executor, "read_document", read)
        stage.sandbox.github.close_pull(BOOKS, 1, by="kim")
        route_deliveries(stage)
        return news

    monkeypatch.setattr(executor, "read_document", declined_meanwhile)
    push(stage, key)
    stage.settle()
    known = stage.incident(key).postmortem
    assert known is not None
    assert known.status is DocumentStatus.DECLINED


def test_a_document_that_cannot_be_read_holds_up_nothing_but_its_own_regions(stage: Stage) -> None:
    key = closed(stage)
    push(stage, key, raw=b"caf\xe9")
    stage.settle()
    say(stage, key, "ACTION: two")
    stage.settle()
    assert tasks(stage) == 2
    incident = stage.incident(key)
    assert incident.outlook is Outlook.WAITING
    assert "the document to be readable" in (incident.waiting_for or "")
    path, branch = document(stage, key)
    books = stage.sandbox.github.repos[BOOKS]
    assert books.commits[books.branches[branch]].tree[path] == b"caf\xe9"


def test_a_document_that_cannot_be_read_is_noted_once_and_read_when_it_is_mended(
    stage: Stage,
) -> None:
    key = closed(stage)
    push(stage, key, raw=b"caf\xe9")
    stage.settle()
    incident = stage.incident(key)
    subject = incident_subject(incident.ticket.connection, incident.ticket.id)
    rests = []
    for _ in range(8):
        rest = job(stage, INCIDENT_JOB, subject).due_at - stage.clock()
        rests.append(rest)
        stage.wait(rest + timedelta(seconds=1))
    assert timedelta(seconds=29) < rests[0] < timedelta(seconds=31)
    assert rests[-1] > 10 * rests[0]
    assert max(rests) <= timedelta(hours=1)
    assert stage.told(key).count("the document could not be read") == 1
    push(stage, key)
    say(stage, key, "ACTION: two")
    stage.settle()
    assert "document read again" in stage.told(key)
    assert "could not be read" not in (stage.incident(key).waiting_for or "")


def test_a_ticket_that_cannot_be_read_is_noted_when_it_begins_and_when_it_ends(
    stage: Stage,
) -> None:
    key = closed(stage)
    say(stage, key, "ACTION: two")
    for _ in range(3):
        stage.sandbox.fail_next("GET", "/acme/ops/issues/1$", status=503)
        stage.wait(timedelta(seconds=31))
    stage.wait(timedelta(seconds=31))
    assert stage.told(key).count("could not be read") == 1
    assert stage.told(key).count("can be read again") == 1
    assert tasks(stage) == 2


# --- polling -----------------------------------------------------------------------------------


def test_a_place_that_is_not_there_does_not_keep_the_poller_from_the_others(
    tmp_path: Path,
) -> None:
    elsewhere = "".join(GITHUB_INCIDENTS.replace(OPS, f"acme/{name}") for name in ("gone", "lost"))
    with Stage(tmp_path, incidents=elsewhere + GITHUB_INCIDENTS, webhooks=False) as stage:
        key = opened(stage)
        close(stage, key)
        stage.poll()
        assert tasks(stage) == 1
        reason = job(stage, POLL_JOB, "github").reason or ""
        assert "acme/gone: " in reason
        assert "acme/lost: " in reason


def test_a_poller_that_is_told_to_wait_asks_for_nothing_before(tmp_path: Path) -> None:
    places = GITHUB_INCIDENTS.replace(OPS, "acme/gone") + GITHUB_INCIDENTS
    places += GITHUB_INCIDENTS.replace(OPS, BOOKS)
    with Stage(tmp_path, incidents=places, webhooks=False) as stage:
        headers = {"Retry-After": "600"}
        stage.sandbox.fail_next("GET", "/acme/ops/issues", status=429, headers=headers)
        stage.poll()
        assert not [call for call in stage.sandbox.calls if f"{BOOKS}/issues" in call.path]
        rest = job(stage, POLL_JOB, "github").due_at - stage.clock()
        assert rest > timedelta(seconds=590)


def rename_connection(stage: Stage) -> None:
    text = stage.rules_file.read_text()
    text = text.replace("  github:\n    kind: github", "  hub:\n    kind: github")
    stage.rules_file.write_text(text.replace("connection: github", "connection: hub"))
    rules = load(stage.rules_file, stage.environ)
    stage.container = build(stage.settings, rules, store=stage.store, clock=stage.clock)


def test_documents_of_a_connection_that_the_rules_lost_do_not_stop_the_look_at_documents(
    stage: Stage,
) -> None:
    closed(stage)
    rename_connection(stage)
    end = stage.container.reconciler.run(claimed(stage, POLL_JOB, DOCUMENTS))
    assert "looked at again" in getattr(end, "reason", "")


def test_an_effect_of_a_connection_that_the_rules_lost_is_refused_and_names_it(
    stage: Stage,
) -> None:
    key = opened(stage)
    stage.sandbox.fail_next(
        "POST", "/acme/ops/issues$|createIssue", status=429, headers={"Retry-After": "120"}
    )
    close(stage, key)
    stage.settle()
    (waiting,) = [each for each in effects(stage) if each.key.startswith("task:")]
    executor = stage.container.handlers[INCIDENT_JOB].__self__._executor  # type: ignore[attr-defined]
    executor._tracker = replace(stage.container.trackers, rules=no_connections(stage)).tracker
    incident = stage.incident(key)
    subject = incident_subject(incident.ticket.connection, incident.ticket.id)
    lease = Lease(stage.store, claimed(stage, INCIDENT_JOB, subject))
    executor.execute(lease, [waiting], incident)
    (refused,) = [each for each in effects(stage) if each.key == waiting.key]
    assert refused.state is EffectState.REJECTED
    assert "'github'" in refused.mend


def no_connections(stage: Stage) -> Rules:
    return replace(stage.container.rules, connections={})


def many_documents(stage: Stage, known: Incident, count: int) -> None:
    with stage.store.write() as tx:
        for number in range(count):
            ticket = replace(known.ticket, id=f"T{number}", key=f"{OPS}#{900 + number}")
            tx.incidents.save(replace(known, id=f"x{number}", ticket=ticket), "rules")


def test_looking_at_many_documents_takes_longer_than_a_lease(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = closed(stage)
    many_documents(stage, stage.incident(key), 20)
    looks: list[str] = []

    def slowly(known: Postmortem, read_published: bool, _: object) -> Mapping[str, str] | None:
        looks.append(f"{known.ref.url} {read_published}")
        stage.clock.wait(timedelta(seconds=40))
        return known.seen if len(looks) == 20 else None

    reconciler = stage.container.reconciler
    monkeypatch.setattr(reconciler, "_document_changed", slowly)
    reconciler.run(claimed(stage, POLL_JOB, DOCUMENTS))
    assert len(looks) == 21


def test_published_documents_are_looked_at_once_a_day(stage: Stage) -> None:
    closed(stage)
    stage.sandbox.github.ready_for_review(BOOKS, 1, by="kim")
    stage.sandbox.github.merge(BOOKS, 1, by="noor")
    stage.settle()
    stage.poll()
    looks = []
    for hours in (1, 1, 1, 22):
        stage.sandbox.reset_calls()
        stage.wait(timedelta(hours=hours))
        looks.append(any(f"{BOOKS}/pulls" in call.path for call in stage.sandbox.calls))
    assert looks == [False, False, False, True]


# --- what may have happened --------------------------------------------------------------------


def with_unanswered_task(stage: Stage) -> str:
    """One task's answer never comes, and neither does any webhook that would tell of it."""
    key = opened(stage)
    stage.sandbox.fail_next(
        "POST", "/acme/ops/issues$|createIssue", after_effect=True, drop_connection=True
    )
    close(stage, key)
    assert stage.sandbox.hooks.drain()
    stage.sandbox.hooks.enabled = False
    stage.settle()
    return key


def test_a_look_up_that_is_told_to_wait_waits(stage: Stage) -> None:
    key = with_unanswered_task(stage)
    stage.sandbox.fail_next("GET", "/sub_issues", status=429, headers={"Retry-After": "600"})
    stage.wait(timedelta(seconds=11))
    stage.sandbox.reset_calls()
    stage.wait(timedelta(seconds=60))
    stage.wait(timedelta(seconds=500))
    assert not [call for call in stage.sandbox.calls if "sub_issues" in call.path]
    (unsure,) = [each for each in effects(stage) if each.key.startswith("task:")]
    assert unsure.state is EffectState.UNKNOWN
    stage.wait(timedelta(seconds=60))
    assert tasks(stage) == 1
    assert stage.incident(key).outlook is Outlook.DONE


def test_a_look_up_that_fails_again_and_again_is_told_once(stage: Stage) -> None:
    key = with_unanswered_task(stage)
    for _ in range(5):
        stage.sandbox.fail_next("GET", "/sub_issues", status=503)
        stage.wait(timedelta(seconds=31))
    assert stage.told(key).count("503") <= 1
    assert stage.told(key).count("may or may not have happened") == 2
    stage.wait(timedelta(minutes=10))
    assert tasks(stage) == 1


def unsettled_file(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The process dies while it makes the document, and a person makes a file of that name."""
    close(stage, opened(stage))
    documents = stage.container.trackers.documents("git-directory", "")

    def die(_: CreateDocument, *, again: bool) -> None:
        raise Crash

    monkeypatch.setattr(documents, "create", die)
    with suppress(Crash):
        stage.settle()
    stage.restart()
    (wish,) = [each.wish for each in effects(stage) if isinstance(each.wish, CreateDocument)]
    file = Path(wish.target.place) / wish.target.path
    file.parent.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", wish.target.place], check=True)
    file.write_text("mine\n")
    return file


def test_a_look_up_that_is_refused_is_a_dead_letter_and_looked_up_again_when_it_is_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stage(tmp_path, document=LOCAL_FILE) as stage:
        file = unsettled_file(stage, monkeypatch)
        for _ in range(6):
            stage.wait(timedelta(minutes=4))
        (letter,) = [each for each in effects(stage) if isinstance(each.wish, CreateDocument)]
        assert letter.state is EffectState.REJECTED
        assert "that this postmortem did not make" in letter.words
        assert letter.mend
        assert file.read_text() == "mine\n"
        file.unlink()
        (incident,) = stage.incidents()
        with stage.store.write() as tx:
            tx.effects.replay(letter.key)
            subject = incident_subject(incident.ticket.connection, incident.ticket.id)
            tx.jobs.touch(INCIDENT_JOB, subject)
        stage.settle()
        assert letter.key in file.read_text()
        assert stage.incidents()[0].outlook is Outlook.DONE


def test_a_comment_that_somebody_deleted_is_written_once_more(stage: Stage) -> None:
    key = closed(stage)
    issue = stage.sandbox.github.repos[OPS].issues[1]
    notes, events = issue.notes, issue.timeline
    (ours,) = [note for note in notes if "Followthrough" in note.body]
    notes.remove(ours)
    events[:] = [event for event in events if event.get("note") != ours.id]
    stage.sandbox.fail_next("POST", "/comments$", after_effect=True, drop_connection=True)
    say(stage, key, "ACTION: two")
    stage.settle()
    for _ in range(4):
        stage.wait(timedelta(minutes=4))
    assert sum("Followthrough" in note.body for note in notes) == 1
    assert "somebody deleted the comment" in stage.told(key)
    assert stage.incident(key).outlook is Outlook.DONE


# --- modes, leases and jobs ---------------------------------------------------------------------


def test_a_team_that_only_plans_again_writes_nothing_that_was_left_over(stage: Stage) -> None:
    key = opened(stage)
    stage.sandbox.fail_next(
        "POST", "/acme/ops/issues$|createIssue", status=429, headers={"Retry-After": "120"}
    )
    close(stage, key)
    stage.settle()
    stage.restart(mode="plan")
    before = len(stage.sandbox.writes())
    stage.wait(timedelta(minutes=5))
    say(stage, key, "ACTION: two")
    stage.settle()
    assert len(stage.sandbox.writes()) == before


def test_nothing_is_sent_when_the_lease_ended_between_the_intent_and_the_call(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = opened(stage)
    close(stage, key)
    assert stage.sandbox.hooks.drain()
    documents = type(stage.container.handlers[INCIDENT_JOB].__self__._executor)  # type: ignore[attr-defined]
    perform = documents._perform

    def after_a_long_sleep(*given: object) -> object:
        stage.clock.wait(2 * TIMING.lease)
        return perform(*given)

    monkeypatch.setattr(documents, "_perform", after_a_long_sleep)
    with pytest.raises(LostLease):
        stage.settle()
    assert stage.sandbox.writes() == []
    monkeypatch.undo()
    for _ in range(4):
        stage.wait(timedelta(minutes=4))
    assert tasks(stage) == 1
    assert stage.incident(key).outlook is Outlook.DONE


def test_a_slow_step_does_not_cost_the_lease_of_the_next(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = opened(stage)
    tracker = type(stage.container.trackers.by_connection["github"])
    create = tracker.create_tasks

    def slowly(*given: object) -> Iterator[object]:
        for result in create(*given):  # type: ignore[arg-type]
            stage.clock.wait(TIMING.lease - timedelta(seconds=5))
            yield result

    monkeypatch.setattr(tracker, "create_tasks", slowly)
    say(stage, key, "ACTION: two\nACTION: three")
    close(stage, key)
    stage.settle()
    assert tasks(stage) == 3
    assert stage.incident(key).outlook is Outlook.DONE


def test_a_second_message_for_a_running_job_does_not_hide_that_it_runs(stage: Stage) -> None:
    began, go_on = threading.Event(), threading.Event()

    def handle(_: ClaimedJob) -> JobEnd:
        began.set()
        go_on.wait(20)
        return Done()

    worker = Runner(stage.store, {"incident": handle})
    with stage.store.write() as tx:
        number = tx.jobs.touch("incident", "github/1")
    running = threading.Thread(target=worker.run, args=(number,))
    running.start()
    assert began.wait(20)
    worker.run(number)
    ended = worker.stop(drain=0)
    go_on.set()
    running.join(20)
    assert not ended, "it still ran"
    assert job(stage, "incident", "github/1").due_at <= stage.clock()


def test_a_job_that_fails_and_was_asked_for_meanwhile_is_due_at_once(stage: Stage) -> None:
    claim = claimed(stage, "incident", "github/1")
    with stage.store.write() as tx:
        tx.jobs.touch("incident", "github/1")
    with stage.store.write() as tx:
        assert tx.jobs.fail(claim, "KeyError: 'fields'", tx.now + timedelta(hours=1))
    failed = job(stage, "incident", "github/1")
    assert failed.due_at <= stage.clock()
    assert (failed.failures, failed.reason) == (1, "KeyError: 'fields'")


def test_a_team_that_the_rules_lost_waits_for_them(stage: Stage) -> None:
    key = closed(stage)
    text = stage.rules_file.read_text().replace("  payments:\n", "  checkout:\n")
    stage.rules_file.write_text(text)
    rules = load(stage.rules_file, stage.environ)
    stage.container = build(stage.settings, rules, store=stage.store, clock=stage.clock)
    say(stage, key, "ACTION: two")
    stage.settle()
    assert "payments" in (stage.incident(key).waiting_for or "")
