"""`followthrough doctor`: each fault is told with its mend, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from stage import (
    GITHUB_INCIDENTS,
    GITHUB_TASKS,
    HOOKS,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    LOCAL_FILE,
    TOKENS,
    Stage,
    StoryClock,
)

from integrations.sandbox.acme import BOT_GITHUB, BOT_JIRA, LEE
from service.commands.doctor import doctor

JIRA_TASKS_IN_INC = "{connection: jira, project: INC, issue_type: Incident}"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Jira incidents and postmortems, tasks on GitHub; all is well."""
    for name, value in {**TOKENS, **HOOKS}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "elsewhere"))
    everything: dict[str, Any] = {
        "incidents": JIRA_INCIDENTS,
        "document": JIRA_ISSUE,
        "tasks": GITHUB_TASKS,
    }
    with Stage(tmp_path, **everything, clock=StoryClock(datetime.now(UTC))) as stage:
        assert stage.sandbox.hooks.drain()
        monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
        yield stage


def examined(*arguments: str) -> Result:
    return CliRunner().invoke(doctor, list(arguments))


def faults() -> dict[str, str]:
    """What is wrong, each with its mend."""
    result = examined("--json")
    found = {f["what"]: f["mend"] for f in json.loads(result.output) if not f["ok"]}
    assert result.exit_code == (1 if found else 0)
    assert all(found.values()), "each fault has its mend"
    return found


def change(stage: Stage, before: str, after: str) -> None:
    text = stage.rules_file.read_text()
    assert before in text
    stage.rules_file.write_text(text.replace(before, after))


def test_all_is_well(stage: Stage) -> None:
    result = examined()
    assert result.exit_code == 0, result.output
    assert "All is well." in result.output
    assert "FAULT" not in result.output
    assert "1 webhook secret; webhooks are taken at /webhooks/jira" in result.output
    assert "Kim Ito (kim) is assignable in acme/ops" in result.output
    assert stage.sandbox.writes() == []


def test_a_wrong_token_is_told_once_and_the_team_waits_for_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "wrong-token")
    assert [what.partition(":")[0] for what in faults()] == ["sign in to http"]
    told = examined().output
    assert "INC could not be looked at" in told
    assert "→ First mend the connection jira." in told
    assert "wrong-token" not in told


def test_a_project_that_is_not_there(stage: Stage) -> None:
    change(stage, "project: INC\n", "project: INK\n")
    assert any("INK" in what for what in faults())


def test_an_issue_type_that_does_not_exist_is_told_with_those_that_do(stage: Stage) -> None:
    change(stage, "issue_type: Incident", "issue_type: Outage")
    mend = faults()["INC has no issue type Outage"]
    assert "there are Incident, Postmortem" in mend


def test_a_field_that_does_not_exist(stage: Stage) -> None:
    change(stage, "customfield_10050", "customfield_99999")
    assert "INC has no field customfield_99999" in faults()


def test_a_document_type_that_cannot_be_created(stage: Stage) -> None:
    stage.restart(document="{kind: jira-issue, connection: jira, project: INC, issue_type: Review}")
    assert any("Review" in what for what in faults())


def test_documents_and_tasks_of_two_types_in_one_project_are_both_looked_at(stage: Stage) -> None:
    stage.restart(tasks=JIRA_TASKS_IN_INC)
    told = examined().output
    assert "Postmortem may be created in INC" in told
    assert "Incident may be created in INC" in told
    assert told.count("issue link type Relates") == 1


def test_a_permission_that_is_missing(stage: Stage) -> None:
    stage.sandbox.jira.deny(BOT_JIRA, "CREATE_ISSUES", "INC")
    assert "CREATE_ISSUES" in faults()["may create issues in INC"]


JIRA_TASKS_OPS = (
    "{connection: jira, project: OPS, issue_type: Task,"
    " twin: {connection: github, repository: acme/ops}}"
)


@pytest.mark.parametrize(
    ("permission", "what"),
    [
        ("ASSIGN_ISSUES", "may assign tasks in OPS"),
        ("RESOLVE_ISSUES", "may set the fix version of tasks in OPS"),
        ("TRANSITION_ISSUES", "may set the status of tasks in OPS"),
        ("SCHEDULE_ISSUES", "may set the due date of tasks in OPS"),
    ],
)
def test_a_permission_without_which_tasks_cannot_be_kept_in_sync(
    stage: Stage, permission: str, what: str
) -> None:
    stage.restart(tasks=JIRA_TASKS_OPS)
    stage.sandbox.jira.deny(BOT_JIRA, permission)
    missing = {told: mend for told, mend in faults().items() if told.startswith("may ")}
    assert missing == {what: f"Grant {permission} in the permission scheme of OPS to this account."}


def test_what_the_rules_do_not_have_written_needs_no_permission(stage: Stage) -> None:
    stage.restart(tasks=JIRA_TASKS_OPS, sync="{due: off, status: off}", audits="off")
    for permission in ("SCHEDULE_ISSUES", "TRANSITION_ISSUES", "ADMINISTER_PROJECTS"):
        stage.sandbox.jira.deny(BOT_JIRA, permission, "OPS")
    assert not [what for what in faults() if what.startswith("may ")]


def test_audits_take_the_right_to_close_them_and_to_know_who_may_judge(stage: Stage) -> None:
    stage.restart(tasks=JIRA_TASKS_OPS, sync="{status: off}")
    for permission in ("TRANSITION_ISSUES", "ADMINISTER_PROJECTS"):
        stage.sandbox.jira.deny(BOT_JIRA, permission, "OPS")
    found = faults()
    assert "may set the status of tasks in OPS" in found
    assert [what for what in found if what.startswith("OPS: ") and "roles" in what]


def test_releasing_versions_takes_the_administration_of_their_project(stage: Stage) -> None:
    stage.restart(tasks=JIRA_TASKS_OPS, sync="{close_milestones: true}")
    stage.sandbox.jira.deny(BOT_JIRA, "ADMINISTER_PROJECTS", "OPS")
    assert "may release versions in OPS" in faults()


def test_without_write_access_github_would_drop_owners_and_milestones(stage: Stage) -> None:
    stage.sandbox.github.repos["acme/ops"].members[BOT_GITHUB] = "triage"
    assert "drops owners, labels and milestones in silence" in faults()["acme/ops: no write access"]


def test_a_team_that_only_plans_is_told_what_it_will_need(stage: Stage) -> None:
    stage.restart(tasks=JIRA_TASKS_OPS, mode="plan")
    stage.sandbox.jira.deny(BOT_JIRA, "TRANSITION_ISSUES", "OPS")
    told = " ".join(examined().output.split())
    assert "may set the status of tasks in OPS: not yet; needed for mode: act" in told


def test_whose_words_count_is_told(stage: Stage) -> None:
    assert "3 people may write in INC (Developers); the lines of others stay proposals" in (
        " ".join(examined().output.split())
    )


def test_roles_that_are_hidden_are_a_fault_and_the_mend_says_what_to_grant(stage: Stage) -> None:
    stage.sandbox.jira.deny(BOT_JIRA, "ADMINISTER_PROJECTS", "INC")
    (what, mend), *others = faults().items()
    assert what.startswith("INC: it is not known who may write in INC")
    assert mend == "Grant this account Administer projects in INC."
    assert others == []


def test_groups_that_are_hidden_are_a_fault_beside_those_who_are_known(stage: Stage) -> None:
    stage.sandbox.jira.add_group("responders", [LEE])
    stage.sandbox.jira.add_role("INC", "Responders", groups=["responders"])
    stage.sandbox.jira.deny(BOT_JIRA, "USER_PICKER")
    assert [what for what in faults() if "the members of responders cannot be read" in what]
    assert "3 people may write in INC" in examined().output


def test_a_role_that_is_not_there_is_told_with_those_that_are(stage: Stage) -> None:
    stage.restart(incidents=JIRA_INCIDENTS + "  writers: [Responders, viewers]\n")
    found = faults()
    assert "there are Developers, Viewers" in found["INC has no role Responders"]
    assert any(what.startswith("0 people may write in INC (Viewers)") for what in found)


def test_somebody_of_the_rota_who_cannot_be_assigned(stage: Stage) -> None:
    stage.restart(tasks="{connection: jira, project: OPS, issue_type: Task}")
    assert list(faults()) == [f"Lee Park ({LEE}) is not assignable in OPS"]


def test_the_place_of_twins_is_looked_at_as_that_of_tasks(stage: Stage) -> None:
    twin = "twin: {connection: jira, project: OPS, issue_type: Task}"
    stage.restart(tasks=GITHUB_TASKS.replace("}", f", {twin}}}"))
    told = examined().output
    assert "Task may be created in OPS" in told
    assert "Kim Ito (kim) is assignable in acme/ops" in told
    assert list(faults()) == [f"Lee Park ({LEE}) is not assignable in OPS"]
    change(stage, "project: OPS", "project: OPSS")
    assert any("OPSS" in what for what in faults())


def test_whether_pull_requests_are_told_of_where_a_release_check_is_shown(stage: Stage) -> None:
    entry = "{connection: github, repository: acme/website, service: site}"
    stage.restart(participants=f"release_checks: [{entry}]")
    told = " ".join(examined().output.split())
    assert "acme/website: no webhook of its own tells of pull requests" in told
    assert "acme/website is public, and so is its release check" in told
    stage.sandbox.github.hook("acme/website", "https://x.example/webhooks/github", "s", ["push"])
    assert "no webhook of its own tells of pull requests" in " ".join(examined().output.split())
    stage.sandbox.github.hook("acme/website", "https://x.example/webhooks/github", "s")
    assert "acme/website: a webhook tells of pull requests" in examined().output
    change(stage, "repository: acme/website", "repository: acme/nowhere")
    assert any("acme/nowhere: its release check cannot be shown" in what for what in faults())


def test_twins_in_a_tracker_that_cannot_be_reached_could_not_be_looked_at(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.restart(
        tasks="{connection: jira, project: OPS, twin: {connection: github, repository: acme/ops}}"
    )
    monkeypatch.setenv("GITHUB_TOKEN", "wrong-token")
    assert "sign-in: Bad credentials" in faults()
    assert "acme/ops could not be looked at" in examined().output


def test_whoever_the_rules_give_work_needs_an_account_there(stage: Stage) -> None:
    change(stage, "jira: 5b10-lee, github: lee", "jira: 5b10-lee")
    mend = faults()["Lee Park has no github account in the rules"]
    assert mend == "Add github: … to them under people, if they are to own tasks."


def test_people_of_the_rules_who_have_no_account_where_tasks_are_are_noted_in_one_line(
    stage: Stage,
) -> None:
    stage.restart(
        people="  - {name: Dana Doe, jira: 5b10-dana}\n  - {name: Eli Roe, jira: 5b10-eli}\n"
    )
    result = examined()
    assert result.exit_code == 0
    assert "Dana Doe, Eli Roe: no github account in the rules" in result.output


def test_a_label_that_no_ticket_can_have(stage: Stage) -> None:
    stage.restart(incidents=GITHUB_INCIDENTS.replace("[incident]", "[outage]"), document=JIRA_ISSUE)
    assert "acme/ops has no label outage" in faults()


def test_without_webhook_secrets_polling_is_noted(stage: Stage) -> None:
    change(stage, "    webhook_secrets: [{env: JIRA_HOOK}]\n", "")
    result = examined()
    assert result.exit_code == 0
    assert "polling only: no webhook secret" in result.output


def test_a_directory_of_files_is_no_place_for_postmortems(stage: Stage, tmp_path: Path) -> None:
    stage.restart(document=LOCAL_FILE)
    assert "will be made with the first postmortem" in " ".join(examined().output.split())
    (tmp_path / "postmortems").mkdir()
    (tmp_path / "postmortems" / "letter.txt").write_text("Dear all")
    assert [what for what in faults() if "is no git repository" in what]


def test_rules_that_are_wrong_are_told_as_rules_check_does(stage: Stage) -> None:
    change(stage, "kind: jira\n", "kind: jura\n")
    result = examined()
    assert result.exit_code == 1
    assert "did you mean jira?" in result.output
