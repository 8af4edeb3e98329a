"""What a tracker refuses, and what nobody can read, waits for a person: mended and replayed once,
or given up, and the incident says so."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from stage import HOOKS, JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, LOCAL_FILE, TOKENS, Stage

from config.rules import load
from integrations.tracker import Envelope, Malformed, Notice
from service import dead_letters
from service.commands.all import followthrough
from service.container import build
from service.dead_letters import DeadLetter
from service.routing import Routing
from service.store import Transaction
from service.store.deliveries import JOB, Arrival, DeliveryState
from workflows.model import Outlook

KIM = "kim (command line)"
OPS = "acme/ops"
REQUIRED = "customfield_10050"  # Severity, which nobody thinks of in a task


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Everything in Jira; its project of tasks has come to require a field."""
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(tmp_path / "rules.yaml"))
    for name, value in {**TOKENS, **HOOKS}.items():
        monkeypatch.setenv(name, value)
    with Stage(tmp_path, incidents=JIRA_INCIDENTS, document=JIRA_ISSUE, tasks=JIRA_TASKS) as stage:
        require(stage, REQUIRED)
        yield stage


def require(stage: Stage, *fields: str) -> None:
    stage.sandbox.jira.projects["OPS"].required = frozenset({"summary", "issuetype", *fields})


def closed(stage: Stage, *lines: str) -> str:
    jira = stage.sandbox.jira
    severity: dict[str, Any] = {REQUIRED: {"value": "SEV-2"}}
    key = jira.create_issue("INC", "Checkout answers 500", by="5b10-kim", **severity)
    for line in lines:
        jira.comment(key, line, by="5b10-noor")
    jira.transition(key, "Resolved", by="5b10-kim")
    stage.settle()
    return key


def letters(stage: Stage) -> list[DeadLetter]:
    with stage.store.read() as tx:
        return list(dead_letters.dead_letters(tx))


def replay(stage: Stage, id: str, by: str = KIM) -> bool:
    with stage.store.write() as tx:
        done = dead_letters.replay(tx, id, by)
    stage.settle()
    return done


def drop(stage: Stage, id: str, why: str) -> bool:
    with stage.store.write() as tx:
        done = dead_letters.drop(tx, id, by=KIM, why=why)
    stage.settle()
    return done


def tasks(stage: Stage) -> list[str]:
    return [i.key for i in stage.sandbox.jira.issues.values() if i.type == "Task"]


def comment(stage: Stage, key: str) -> str:
    """The service's own comment on the incident."""
    said = [json.dumps(c.body) for c in stage.sandbox.jira.issue(key).comments]
    (ours,) = [body for body in said if "Followthrough" in body]
    return ours


def typed(*words: str) -> Result:
    return CliRunner().invoke(followthrough, list(words))


# --- refused by a tracker -------------------------------------------------------------------------


def test_a_task_that_jira_refuses_is_told_everywhere_and_made_once_when_it_is_mended(
    stage: Stage,
) -> None:
    key = closed(stage, "ACTION: alert on the queue")
    (letter,) = letters(stage)
    assert letter.wanted == "create the task “alert on the queue” in OPS"
    assert "Severity is required" in letter.words
    assert letter.mend
    assert letter.connection == "jira"
    assert letter.ticket is not None
    assert letter.ticket.key == key
    assert "Severity is required" in (stage.incident(key).waiting_for or "")
    assert "Severity is required" in comment(stage, key)
    assert replay(stage, letter.id), "before it is mended: refused again"
    assert [each.id for each in letters(stage)] == [letter.id]
    require(stage)
    assert replay(stage, letter.id)
    assert len(tasks(stage)) == 1
    assert letters(stage) == []
    assert stage.incident(key).outlook is Outlook.DONE
    assert not replay(stage, letter.id), "what is done is not done again"
    assert len(tasks(stage)) == 1
    assert f"{KIM} asked to try again" in stage.told(key)


def test_two_people_who_press_replay_at_once_get_one_task(stage: Stage) -> None:
    closed(stage, "ACTION: alert on the queue")
    (letter,) = letters(stage)
    require(stage)
    ready, answers = threading.Barrier(2), list[bool]()

    def press(who: str) -> None:
        ready.wait()
        with stage.store.write() as tx:
            answers.append(dead_letters.replay(tx, letter.id, who))

    both = [threading.Thread(target=press, args=(who,)) for who in ("kim", "noor")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    stage.settle()
    assert sorted(answers) == [False, True]
    assert len(tasks(stage)) == 1


def test_a_task_that_is_given_up_is_promised_no_more_and_says_who_and_why(stage: Stage) -> None:
    key = closed(stage, "ACTION: alert on the queue", "ACTION: drill the failover")
    alert, drill = letters(stage)
    assert "no task yet" in comment(stage, key)
    assert drop(stage, alert.id, "the queue is gone")
    assert drop(stage, drill.id, "a drill is booked")
    incident = stage.incident(key)
    assert incident.outlook is Outlook.DONE
    assert incident.waiting_for is None
    why = f"given up by {KIM}: the queue is gone"
    assert incident.actions[0].given_up == why
    assert incident.postmortem is not None
    assert incident.postmortem.wrote["actions"].count("given up") == 2
    assert "given up by kim" in comment(stage, key)
    assert "no task yet" not in comment(stage, key)
    assert why in stage.told(key)
    assert not drop(stage, alert.id, "again"), "once is enough"
    require(stage)
    stage.sandbox.jira.comment(key, "thank you all", by="5b10-noor")
    stage.settle()
    assert tasks(stage) == []


def test_what_was_given_up_by_mistake_is_taken_up_again(stage: Stage) -> None:
    key = closed(stage, "ACTION: alert on the queue")
    (letter,) = letters(stage)
    drop(stage, letter.id, "a slip of the hand")
    require(stage)
    assert replay(stage, letter.id)
    assert len(tasks(stage)) == 1
    assert stage.incident(key).actions[0].given_up == ""


def test_without_its_document_nothing_more_is_set_up_and_the_incident_says_so(
    tmp_path: Path,
) -> None:
    (tmp_path / "postmortems").mkdir()
    (tmp_path / "postmortems" / "letter.txt").write_text("no git repository")
    with Stage(tmp_path, document=LOCAL_FILE) as stage:
        github = stage.sandbox.github
        number = github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
        github.comment(OPS, number, "ACTION: one", by="noor")
        github.close(OPS, number, by="kim")
        stage.settle()
        (letter,) = letters(stage)
        drop(stage, letter.id, "handled in the 2025 review")
        incident = stage.incident(f"{OPS}#{number}")
        assert incident.outlook is Outlook.DONE
        assert incident.given_up == f"given up by {KIM}: handled in the 2025 review"
        assert "nothing else, is set up" in stage.told(f"{OPS}#{number}")
        issues = github.repos[OPS].issues
        (note,) = [note for note in issues[number].notes if "Followthrough" in note.body]
        assert "sets nothing up for this incident" in note.body
        assert "handled in the 2025 review" in note.body
        assert [issue.number for issue in issues.values() if "remediation" in issue.labels] == []


def test_a_comment_that_was_given_up_is_written_when_it_has_other_news(stage: Stage) -> None:
    require(stage)
    refusal = {"errorMessages": ["comments are closed"]}
    stage.sandbox.fail_next("POST", "/comment$", status=400, body=refusal)
    key = closed(stage)
    (letter,) = letters(stage)
    assert letter.wanted == f"write the comment on {key}"
    drop(stage, letter.id, "closed on purpose")
    assert stage.incident(key).outlook is Outlook.DONE
    assert stage.incident(key).comment_id is None
    stage.sandbox.jira.comment(key, "ACTION: alert on the queue", by="5b10-noor")
    stage.settle()
    assert "alert on the queue" in comment(stage, key)


# --- deliveries -----------------------------------------------------------------------------------


def test_an_unreadable_delivery_is_replayed_by_a_version_that_can_read_it(stage: Stage) -> None:
    require(stage)

    def unreadable(_: Envelope) -> Notice:
        raise Malformed("the issue has no key")

    trackers = stage.container.trackers
    reads = {"jira": unreadable, "github": unreadable}
    policy, stranding = trackers.rules.policy, stage.container.stranding
    earlier = Routing(stage.store, policy, trackers.by_connection, reads, stranding)
    handlers = {**stage.container.handlers, JOB: earlier.run}
    stage.container = replace(stage.container, handlers=handlers)
    closed(stage, "ACTION: alert on the queue")
    waiting = letters(stage)
    assert {each.words for each in waiting} == {"the issue has no key"}
    assert stage.incidents() == []
    stage.restart()
    for each in waiting:
        assert replay(stage, each.id)
        assert not replay(stage, each.id), "it is no dead letter any more"
    assert letters(stage) == []
    assert len(tasks(stage)) == 1


def test_a_delivery_of_a_connection_that_the_rules_lost_is_kept_until_they_have_it_again(
    stage: Stage,
) -> None:
    """Somebody renamed the connection, and the webhook still comes to the old address."""
    require(stage)
    text = stage.rules_file.read_text()
    text = text.replace("  jira:\n", "  jira-cloud:\n")
    stage.rules_file.write_text(text.replace("connection: jira", "connection: jira-cloud"))
    rules = load(stage.rules_file, stage.environ)
    stage.container = build(stage.settings, rules, store=stage.store, clock=stage.clock)
    closed(stage, "ACTION: alert on the queue")
    waiting = letters(stage)
    assert waiting
    assert all("do not have the connection jira" in each.words for each in waiting)
    assert all("Give the rules the connection jira, under" in each.mend for each in waiting)
    typed("dead-letters", "replay", "--all", "--connection", "github")
    assert letters(stage) == waiting, "those of another connection stay"
    result = typed("dead-letters", "replay", "--all", "--connection", "jira")
    assert result.exit_code == 0, result.output
    stage.settle()
    assert letters(stage) == waiting, "the rules lack it still"
    assert drop(stage, waiting[0].id, "a test of ours")
    stage.start_again(rules).stranding.start()
    stage.settle()
    assert letters(stage) == waiting[1:], "they start again, and lack it still"
    stage.restart().stranding.start()
    stage.settle()
    assert letters(stage) == []
    assert len(tasks(stage)) == 1
    with stage.store.read() as tx:
        (given_up,) = tx.deliveries.page(state=DeliveryState.DROPPED)
    assert f"d{given_up.id}" == waiting[0].id, "what a person gave up is not taken up"


def record(tx: Transaction, arrival: Arrival) -> int | None:
    """The number that the delivery gets, None when it is there already."""
    (recorded,) = tx.deliveries.record([arrival])
    assert not isinstance(recorded, Exception)
    return recorded


def test_a_delivery_that_is_dropped_keeps_the_reason(stage: Stage) -> None:
    with stage.store.write() as tx:
        envelope = Envelope("guid-1", "jira:issue_updated", b"{}")
        number = record(tx, Arrival("gone", envelope, stage.clock()))
    stage.settle()
    with stage.store.write() as tx:
        tx.jobs.touch(JOB, str(number))
    stage.settle()
    (letter,) = letters(stage)
    assert drop(stage, letter.id, "a test of ours")
    with stage.store.read() as tx:
        (dropped,) = tx.deliveries.page(connection="gone")
    assert dropped.state is DeliveryState.DROPPED
    assert dropped.why == f"given up by {KIM}: a test of ours"


# --- the command line -----------------------------------------------------------------------------


def test_a_tired_person_reads_what_was_wanted_what_was_said_and_what_to_do(stage: Stage) -> None:
    key = closed(stage, "ACTION: alert on the queue")
    result = typed("dead-letters", "list")
    assert result.exit_code == 0
    for line in (
        f"{key}  Checkout answers 500",
        "Could not create the task “alert on the queue” in OPS",
        "The tracker said: customfield_10050: Severity is required.",
        "→ ",
        "Tried 1 time, last at 2026-12-07 12:00 UTC, through jira",
        "1 dead letter. Once the cause is mended:",
    ):
        assert line in result.output, result.output
    (told,) = json.loads(typed("dead-letters", "list", "--json").output)
    assert told["ticket"]["key"] == key
    assert told["kind"] == "effect"
    shown = typed("dead-letters", "show", told["id"])
    assert "Severity is required" in shown.output
    assert f"{told['id']}  Could not create the task" in typed("explain", key).output


def test_replay_and_drop_by_hand(stage: Stage) -> None:
    closed(stage, "ACTION: alert on the queue", "ACTION: drill the failover")
    alert, drill = letters(stage)
    require(stage)
    assert "it is tried again" in typed("dead-letters", "replay", alert.id).output
    stage.settle()
    again = typed("dead-letters", "replay", alert.id)
    assert f"{alert.id} is no dead letter: done." in again.output
    assert typed("dead-letters", "drop", drill.id).exit_code == 2, "a reason is needed"
    assert typed("dead-letters", "drop", drill.id, "--why", " ").exit_code == 2
    assert typed("dead-letters", "drop", drill.id, "--why", "booked").exit_code == 0
    refused = typed("dead-letters", "drop", drill.id, "--why", "booked")
    assert refused.exit_code == 1
    assert "(command line): booked" in refused.output
    stage.settle()
    assert len(tasks(stage)) == 1


@pytest.mark.parametrize("id", ["e999", "d999", "12", "x1", "e1;drop", "", "e" + "9" * 40])
def test_an_id_of_nothing_is_told(stage: Stage, id: str) -> None:
    result = typed("dead-letters", "show", id)
    assert result.exit_code == 1
    assert "There is no dead letter" in result.output


def test_replay_wants_one_id_or_all(stage: Stage) -> None:
    assert typed("dead-letters", "replay").exit_code == 2
    assert typed("dead-letters", "replay", "e1", "--all").exit_code == 2
    assert typed("dead-letters", "replay", "e1", "--connection", "jira").exit_code == 2
    assert "There is no dead letter." in typed("dead-letters", "replay", "--all").output
