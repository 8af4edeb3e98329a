"""Why an incident stands as it does, in the terminal and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import click
import pytest
from builders import at
from click.testing import CliRunner, Result
from web.history import History, action, task_wish

from service.commands.look import deliveries, explain_command
from service.explain import NoSuchIncident, SeveralIncidents, explain, find_incident, readable
from service.store import Store
from service.store.deliveries import DeliveryState
from service.store.journal import EntryKind
from workflows.model import ActionLine, Origin, Proposal


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store that the commands find by the environment."""
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path))
    store = Store(f"sqlite:///{tmp_path}/followthrough.db", lambda: at(95))
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def history(store: Store) -> History:
    return History(store)


def run(command: click.Command, *arguments: str) -> Result:
    result = CliRunner().invoke(command, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


# --- finding ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "acme/ops#42",
        " ACME/OPS#42 ",
        "k3v9",
        "https://git.example/acme/ops/issues/42",
        "https://git.example/acme/ops/issues/42/?tab=1#comment-7",
    ],
)
def test_an_incident_is_found_by_what_a_person_types(
    store: Store, history: History, typed: str
) -> None:
    history.incident()
    with store.read() as tx:
        assert find_incident(tx, typed).incident.id == "k3v9"


def test_an_unknown_name_is_answered_with_what_is_near(store: Store, history: History) -> None:
    history.incident("a", 421)
    history.incident("b", 7)
    with store.read() as tx:
        with pytest.raises(NoSuchIncident) as missed:
            find_incident(tx, "acme/ops#42")
        assert "acme/ops#421" in missed.value.near
        with pytest.raises(NoSuchIncident) as far:
            find_incident(tx, "zzz")
    assert set(far.value.near) == {"acme/ops#421", "acme/ops#7"}


def test_a_key_of_two_incidents_is_not_guessed(store: Store, history: History) -> None:
    first = history.incident("a")
    with store.write() as tx:
        elsewhere = replace(first.ticket, connection="other-github")
        tx.incidents.save(replace(first, id="b", ticket=elsewhere), "policy-1")
    with store.read() as tx, pytest.raises(SeveralIncidents) as several:
        find_incident(tx, "acme/ops#42")
    assert {incident.id for incident in several.value.found} == {"a", "b"}


# --- explaining ---------------------------------------------------------------------------


def test_everything_stands_in_the_order_of_time_and_cause(store: Store, history: History) -> None:
    history.closed()
    with store.read() as tx:
        found = explain(tx, "k3v9")
    assert found is not None
    assert [(entry.kind, entry.title) for entry in found.entries] == [
        (EntryKind.DELIVERY, "acme-github told of issues"),
        (EntryKind.DECISION, "closed: the postmortem is set up"),
        (EntryKind.EFFECT, "Asked for"),
        (EntryKind.EFFECT, "Show acme/ops#101 on acme/ops#42"),
        (EntryKind.EFFECT, "Create the task “Limit what one tenant can queue” in OPS"),
    ]
    refused = found.entries[-1]
    assert refused.trouble
    assert refused.detail == "refused: Field 'duedate' cannot be set."
    assert refused.mend == "Put the field on the create screen of OPS."
    assert [effect.key for effect in found.refused] == ["task:k3v9:2"]


def test_what_was_refused_and_then_mended_is_history_and_no_trouble(
    store: Store, history: History
) -> None:
    history.closed()
    with store.write() as tx:
        tx.effects.replay("task:k3v9:2")
    with store.read() as tx:
        found = explain(tx, "k3v9")
    assert found is not None
    assert not found.refused
    assert not [entry for entry in found.entries if entry.trouble]


LONG = "x" * 60_000


@pytest.mark.parametrize("kind", [EntryKind.NOTE, EntryKind.CONFLICT, EntryKind.DECISION])
def test_of_a_line_of_any_length_the_beginning_is_shown(
    store: Store, history: History, kind: EntryKind
) -> None:
    incident = history.incident()
    with store.write() as tx:
        tx.journal.add(incident.id, kind, f"AI-1 status: {LONG}")
    with store.read() as tx:
        found = explain(tx, incident.id)
        kept = tx.journal.of_incident(incident.id)
    assert found is not None
    [entry] = found.entries
    assert entry.title == f"AI-1 status: {'x' * 486}…"
    assert len(entry.title) == 500
    assert len(kept[0].text) > 60_000  # what is decided next is compared with all of it


def test_of_a_decision_every_reason_is_shown_however_long_one_is(
    store: Store, history: History
) -> None:
    incident = history.incident()
    with store.write() as tx:
        reasons = [f"AI-1 title: {LONG}", *(f"AI-{n} is done" for n in range(2, 40))]
        tx.journal.add(incident.id, EntryKind.DECISION, "; ".join(reasons))
        tx.journal.add(incident.id, EntryKind.DECISION, "; " * 30_000)
    with store.read() as tx:
        found = explain(tx, incident.id)
    assert found is not None
    told, endless = found.entries
    assert "AI-39 is done" in told.title
    assert len(told.title) < 1_500
    assert endless.title.endswith("; …")
    assert len(endless.title) < 200


def test_what_is_asked_for_and_refused_is_not_shown_at_any_length(
    store: Store, history: History
) -> None:
    """And what a person can do is never what is left out."""
    incident = history.incident()
    wish, mend = task_wish(incident, 1, LONG), "Write a shorter title."
    with store.write() as tx:
        tx.effects.ask(incident.id, [wish])
        tx.effects.begin([wish.key])
        tx.effects.reject(wish.key, LONG, mend)
        tx.journal.add(incident.id, EntryKind.EFFECT, f"refused: {LONG} {mend}", {"key": wish.key})
    with store.read() as tx:
        found = explain(tx, incident.id)
    assert found is not None
    asked, refused = found.entries
    assert max(map(len, (asked.detail, refused.title, refused.detail))) <= 500
    assert refused.mend == mend
    assert "x" * 501 not in run(explain_command, incident.ticket.key).output


def test_a_plan_says_that_nothing_was_done(store: Store, history: History) -> None:
    incident = history.incident()
    with store.write() as tx:
        tx.effects.ask(incident.id, [task_wish(incident, 1, "Alert")], planned=True)
    with store.read() as tx:
        found = explain(tx, incident.id)
    assert found is not None
    [entry] = found.entries
    assert entry.title == "Planned, and not done: the team is in plan mode"
    assert entry.detail == "Create the task “Alert” in OPS"


def test_an_unknown_id_has_no_explanation(store: Store) -> None:
    with store.read() as tx:
        assert explain(tx, "nobody") is None


# --- the commands -------------------------------------------------------------------------


def test_explain_prints_how_it_stands_and_what_happened(history: History) -> None:
    history.closed(actions=(action(1, "Alert", unset=("owner: kim is not assignable",)),))
    result = run(explain_command, "ACME/ops#42")
    assert result.exit_code == 0
    for line in (
        "acme/ops#42  Checkout answers 500",
        "sev1 · checkout · team payments · ticket closed 2026-12-07 13:30:00 UTC",
        "waiting: Field 'duedate' cannot be set",
        "postmortem draft: https://git.example/acme/postmortems/pull/7",
        "not set: owner: kim is not assignable",
        "2026-12-07 13:31:00 UTC  delivery  acme-github told of issues",
        "2026-12-07 13:35:00 UTC! effect    Create the task “Limit what one tenant can queue”",
        "→ Put the field on the create screen of OPS.",
    ):
        assert line in result.output
    assert "\x1b" not in result.output


def test_explain_lists_proposals_by_number_with_what_they_ask_for(history: History) -> None:
    line = ActionLine("Retries off", owner="kim")
    origin = Origin("comment", "c9")
    history.incident(
        proposals=(
            Proposal(origin, "Retries off", "Mallory", "may not write", 3, line),
            Proposal(origin, "one", "Noor", "edited", 4, line, "change the task"),
            Proposal(origin, "old", "Mallory", "may not write"),
        )
    )
    told = run(explain_command, "k3v9").output.splitlines()
    assert "P-3  proposed: Retries off, owner kim (by Mallory: may not write)" in told
    assert "P-4  proposed: one, owner kim (by Noor: edited; change the task)" in told
    assert "proposed: old (by Mallory: may not write)" in told


def test_explain_gives_programs_everything(history: History) -> None:
    history.closed()
    told = json.loads(run(explain_command, "acme/ops#42", "--json").output)
    assert told["record"]["incident"]["ticket"]["key"] == "acme/ops#42"
    assert told["entries"][-1]["mend"] == "Put the field on the create screen of OPS."
    assert {effect["state"] for effect in told["effects"]} == {"done", "rejected"}


def test_explain_of_nothing_known_ends_with_1_and_names_what_is(history: History) -> None:
    history.incident()
    result = run(explain_command, "acme/ops#43")
    assert result.exit_code == 1
    assert "No incident is known as acme/ops#43." in result.output
    assert "acme/ops#42" in result.output


def test_a_title_can_neither_steer_the_terminal_nor_pass_for_an_entry(history: History) -> None:
    history.incident(title="calm\x1b[2J\u202e\n2026-12-07 12:00 UTC  decision  all is well")
    output = run(explain_command, "k3v9").output
    assert "\x1b" not in output
    assert "\u202e" not in output
    assert not [line for line in output.splitlines() if line.startswith("2026")]


def test_nothing_for_a_program_or_of_a_near_miss_steers_the_terminal(history: History) -> None:
    title = "calm\x9b2J\u202e\x7f"
    incident = history.incident(title=title)
    with history.store.write() as tx:
        tx.incidents.save(
            replace(incident, ticket=replace(incident.ticket, key=f"INC-1{title}")), ""
        )
    told = run(explain_command, "k3v9", "--json").output
    assert json.loads(told)["record"]["incident"]["title"] == title
    for output in (told, run(explain_command, "INC-2").output):
        assert not set(output) & set("\x9b\u202e\x7f")


def rules(directory: Path) -> Path:
    """Rules whose one connection is a GitHub called acme-github."""
    file = directory / "rules.yaml"
    file.write_text(
        dedent("""\
            connections:
              acme-github:
                kind: github
                url: https://git.example/api/v3
                auth: {type: token, token: {file: token}}
            teams:
              payments:
                start_from: 2026-12-01
                incidents: [{connection: acme-github, repository: acme/ops}]
                postmortem:
                  document: {kind: github-issue, connection: acme-github, repository: acme/docs}
                  tasks: {connection: acme-github, repository: acme/ops}
            """)
    )
    (directory / "token").write_text("a-token-of-acme")
    return file


def test_deliveries_are_listed_shown_replayed_and_dropped(
    history: History, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = history.incident()
    history.delivery(incident)
    number = str(history.delivery(state=DeliveryState.UNREADABLE))
    listed = run(deliveries, "list", "--state", "unreadable").output
    assert len(listed.splitlines()) == 1
    assert "unreadable" in listed
    assert run(deliveries, "show", number, "--raw").output == '{"action": "closed"}\n'
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(rules(tmp_path)))
    shown = run(deliveries, "show", number).output
    assert "guid-unreadable" in shown
    assert '"action": "closed"' in shown
    assert run(deliveries, "replay", number).exit_code == 0
    with store.read() as tx:
        assert tx.jobs.get("delivery", number) is not None
    assert run(deliveries, "drop", number).exit_code == 2, "a reason is needed"
    assert run(deliveries, "drop", number, "--why", "a test of ours").exit_code == 0
    with store.read() as tx:
        dropped = tx.deliveries.get(int(number))
    assert dropped is not None
    assert dropped.why == "a test of ours"
    for command in ("show", "replay"):
        assert run(deliveries, command, "999").exit_code == 1


def test_settings_that_cannot_be_read_are_told_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_PORT", "many")
    result = run(deliveries, "list")
    assert result.exit_code == 1
    assert "FOLLOWTHROUGH_PORT must be" in result.output


def test_a_payload_is_indented_obeyed_by_no_terminal_and_never_endless() -> None:
    assert readable({"a": {"b": 1}}) == '{\n  "a": {\n    "b": 1\n  }\n}'
    assert readable("\x9b2J") == '"�2J"'
    assert readable("x" * 2998, limit=100).endswith("x\n… cut here; 3,000 characters in all")
    assert readable(None) == "What was sent cannot be read, so nobody can tell who may see it."
