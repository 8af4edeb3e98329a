"""`followthrough plan`: what would be created is shown, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from stage import HOOKS, JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, TOKENS, Stage

from integrations.sandbox.acme import BOT_JIRA
from service.commands import plan as command
from service.commands.plan import plan


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Incidents, postmortems and tasks in Jira, in mode: act, and no webhooks; the store that
    `plan` is told of was never made."""
    for name, value in {**TOKENS, **HOOKS}.items():
        monkeypatch.setenv(name, value)
    with Stage(
        tmp_path,
        incidents=JIRA_INCIDENTS,
        document=JIRA_ISSUE,
        tasks=JIRA_TASKS,
        webhooks=False,
    ) as stage:
        monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
        monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "never-made"))
        monkeypatch.setattr(command, "utc_now", stage.clock)
        yield stage


def incident(stage: Stage, severity: str = "SEV-1", resolution: str | None = "Done") -> str:
    jira = stage.sandbox.jira
    key = jira.create_issue(
        "INC", "Checkout answers 500", by="5b10-kim", customfield_10050={"value": severity}
    )
    jira.comment(
        key,
        "ACTION: Alert on pool use @Kim due:2026-12-20 [preventive]\n"
        "ACTION: Alert on pool use, louder @kim@acme.example due:2026-12-20 [preventive]\n"
        "ACTION: Limit tenants @lee@acme.example",
        by="5b10-noor",
    )
    if resolution is not None:
        jira.transition(key, "Resolved", by="5b10-kim", resolution=resolution)
    return key


def planned(*arguments: str) -> Result:
    return CliRunner().invoke(plan, list(arguments))


def shown(*arguments: str) -> str:
    """What `plan` prints, with every run of white space as one blank."""
    result = planned(*arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_a_closed_incident_shows_where_everything_would_go_and_writes_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    key = incident(stage)
    stage.sandbox.reset_calls()
    told = shown(key)
    assert "This would be created" in told
    assert f"title Postmortem {key}: Checkout answers 500" in told
    assert "as jira-issue (Postmortem) in INC, by the connection jira" in told
    assert "review due 2026-12-10" in told
    assert "Tasks (4)" in told
    assert "owner 5b10-kim (Kim Ito) due 2026-12-20 labels remediation, preventive" in told
    assert f"links {key}, the postmortem" in told
    assert f"Comment on {key}" in told
    assert "running service does this itself" in told
    assert stage.sandbox.writes() == []
    assert not (tmp_path / "never-made").exists()


def test_an_owner_who_cannot_be_assigned_is_told(stage: Stage) -> None:
    told = shown(incident(stage))
    assert "owner: Lee Park is not assignable in OPS" in told


def test_an_owner_whom_nobody_knows_is_told_as_that(stage: Stage) -> None:
    key = incident(stage)
    stage.sandbox.jira.comment(key, "ACTION: Page sooner @ada@acme.example", by="5b10-noor")
    told = shown(key)
    assert "owner: nobody under people is called ada@acme.example" in told
    assert "ada@acme.example is not assignable" not in told


def test_a_token_that_may_only_read_is_enough(stage: Stage) -> None:
    key = incident(stage)
    for permission in ("CREATE_ISSUES", "EDIT_ISSUES", "ADD_COMMENTS", "LINK_ISSUES"):
        stage.sandbox.jira.deny(BOT_JIRA, permission)
    assert "This would be created" in shown(key)


def test_an_open_incident_shows_what_closing_it_now_would_create(stage: Stage) -> None:
    told = shown(incident(stage, resolution=None))
    assert "It is open (status Open), and nothing is created before it closes." in told
    assert "left alone" not in told
    assert "If it were closed now, this would be created" in told
    assert "Tasks (4)" in told


def test_an_open_incident_whose_severity_gets_none_says_both(stage: Stage) -> None:
    told = shown(incident(stage, "SEV-3", resolution=None))
    assert "Once it is closed: it would be left alone: sev3 gets no postmortem." in told
    assert "If it counted nevertheless, this would be created" in told


@pytest.mark.parametrize(
    ("severity", "resolution", "why"),
    [
        ("SEV-3", "Done", "sev3 gets no postmortem"),
        ("SEV-1", "Duplicate", "closed as Duplicate: no postmortem"),
    ],
)
def test_an_incident_that_does_not_count_says_why_and_shows_it_nevertheless(
    stage: Stage, severity: str, resolution: str, why: str
) -> None:
    told = shown(incident(stage, severity, resolution))
    assert f"It would be left alone: {why}." in told
    assert "If it counted nevertheless, this would be created" in told
    assert "Postmortem" in told


def test_an_incident_closed_before_the_start_says_so(stage: Stage) -> None:
    key = incident(stage)
    text = stage.rules_file.read_text().replace("start_from: 2026-12-01", "start_from: 2026-12-24")
    stage.rules_file.write_text(text)
    told = shown(key)
    assert "left alone: closed before payments starts (2026-12-24)." in told
    assert "Tasks (" in told


def test_an_incident_without_severity_would_wait_for_one(stage: Stage) -> None:
    key = stage.sandbox.jira.create_issue("INC", "Odd", by="5b10-kim")
    stage.sandbox.jira.transition(key, "Resolved", by="5b10-kim", resolution="Done")
    assert "It would wait for a known severity (field customfield_10050 is empty)" in shown(key)


def test_what_exists_already_is_not_planned_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = incident(stage)
    stage.poll()
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(stage.settings.data))
    stage.sandbox.reset_calls()
    told = shown(key)
    assert "Nothing new would be created." in told
    assert "Postmortem (it is there already)" in told
    assert "AI-1 OPS-1" in told
    assert stage.sandbox.writes() == []


def test_an_address_means_the_same_ticket(stage: Stage) -> None:
    key = incident(stage)
    assert shown(f"{stage.sandbox.jira_url}/browse/{key}") == shown(key)


def test_a_key_that_two_connections_know_must_be_told_apart(stage: Stage) -> None:
    key = incident(stage)
    other = (
        "  other:\n    kind: jira\n"
        f"    url: {stage.sandbox.jira_url}\n"
        "    auth: {type: bearer, token: {env: JIRA_TOKEN}}\n"
    )
    text = stage.rules_file.read_text().replace("teams:\n", f"{other}teams:\n", 1)
    stage.rules_file.write_text(text)
    asked = planned(key)
    assert asked.exit_code == 1
    assert "--connection jira" in asked.output
    assert "--connection other" in asked.output
    assert "This would be created" in shown(key, "--connection", "jira")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("INC-99", "Issue does not exist"),
        ("whatever", "Write a key like INC-42"),
    ],
)
def test_an_unknown_ticket_says_what_each_tracker_answered(
    stage: Stage, typed: str, why: str
) -> None:
    result = planned(typed)
    assert result.exit_code == 1
    assert why in result.output


def test_a_ticket_that_is_no_incident_says_why_and_ends_with_1(stage: Stage) -> None:
    key = stage.sandbox.jira.create_issue("INC", "Our review", by="5b10-kim", type="Postmortem")
    result = planned(key)
    assert result.exit_code == 1
    assert "its type is Postmortem, not Incident" in result.output


def test_the_document_is_shown_in_full_on_request(stage: Stage) -> None:
    key = incident(stage)
    assert "followthrough:begin timeline" not in planned(key).output
    told = planned(key, "--text").output
    assert "followthrough:begin timeline" in told
    assert "Alert on pool use" in told.partition("The document's text")[2]


def test_a_program_gets_everything_as_json(stage: Stage) -> None:
    key = incident(stage)
    told = json.loads(planned(key, "--json").output)
    assert told["ticket"]["key"] == key
    assert told["standing"] is None
    assert told["document"]["place"] == "INC"
    assert told["tasks"][1]["owner"] == "5b10-kim"


def test_escape_sequences_in_a_title_do_not_reach_the_terminal(stage: Stage) -> None:
    key = stage.sandbox.jira.create_issue("INC", "Bad \x1b[31m title", by="5b10-kim")
    assert "\x1b" not in planned(key).output


def test_without_rules_the_way_to_them_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = planned("INC-1")
    assert result.exit_code == 1
    assert "followthrough init" in result.output
