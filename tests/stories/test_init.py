"""`followthrough init`: a few answers become rules that load, and that doctor finds well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from stage import TOKENS

from config.rules import Rules, load
from integrations.github.manifest import PERMISSIONS
from integrations.sandbox import Sandbox
from integrations.sandbox.acme import BOT_EMAIL, BOT_JIRA, add_wiki, populate
from service.commands.doctor import doctor
from service.commands.init import init
from service.commands.plan import plan
from service.first_rules import Answers, SignIn, _line, _people, yaml_word
from service.surroundings import address, strange_severities
from workflows.model import Person
from workflows.policy import Mode, SourceKind, ValueSource

ENTER = "\n"


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The trackers, the tokens in the environment, and an empty directory to work in."""
    for name, value in TOKENS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    with Sandbox() as sandbox:
        populate(sandbox, TOKENS["JIRA_TOKEN"], TOKENS["GITHUB_TOKEN"])
        yield sandbox


def asked(typed: str, *options: str) -> Result:
    """`init` with a person who types this."""
    return CliRunner().invoke(init, list(options), input=typed)


def jira_person(sandbox: Sandbox) -> str:
    """Somebody who says where their Jira is, and presses Enter at everything else."""
    return ENTER + f"{sandbox.jira_url}\n{BOT_EMAIL}\n" + ENTER * 15


def github_options(sandbox: Sandbox) -> list[str]:
    return ["--yes", "--tracker", "github", "--url", sandbox.github_url, "--place", "acme/ops"]


def rules(file: str = "rules.yaml") -> Rules:
    return load(Path(file), TOKENS)


def test_a_newcomer_to_jira_presses_enter_and_gets_rules_that_doctor_finds_well(
    sandbox: Sandbox,
) -> None:
    key = sandbox.jira.create_issue("INC", "Checkout answers 500", by="5b10-kim")
    sandbox.jira.transition(key, "Resolved", by="5b10-kim", resolution="Done")
    sandbox.reset_calls()
    result = asked(jira_person(sandbox))
    assert result.exit_code == 0, result.output
    (team,) = rules().policy.teams.values()
    assert team.mode is Mode.PLAN
    assert team.incidents[0].severity == ValueSource(SourceKind.FIELD, "customfield_10050")
    assert team.incidents[0].service == ValueSource(SourceKind.COMPONENT, "first")
    assert team.postmortem.document.issue_type == "Postmortem"
    assert (team.postmortem.tasks.place, team.postmortem.tasks.issue_type) == ("OPS", "Task")
    assert f"followthrough plan {key}" in result.output
    looked = CliRunner().invoke(doctor, [])
    assert looked.exit_code == 0, looked.output
    assert sandbox.writes() == []


def test_a_script_answers_by_options_for_github(sandbox: Sandbox) -> None:
    number = sandbox.github.open_issue("acme/ops", "Down", by="kim", labels=["incident", "sev1"])
    sandbox.github.close("acme/ops", number, by="kim")
    sandbox.reset_calls()
    options = ["--team", "payments", "--document-place", "acme/postmortems"]
    result = asked("", *github_options(sandbox), *options)
    assert result.exit_code == 0, result.output
    team = rules().policy.teams["payments"]
    assert team.incidents[0].severity == ValueSource(SourceKind.LABEL, "sev*")
    assert team.postmortem.severities == {"sev1", "sev2"}
    assert team.postmortem.document.kind == "github-pull-request"
    assert team.postmortem.document.place == "acme/postmortems"
    assert CliRunner().invoke(doctor, []).exit_code == 0
    shown = CliRunner().invoke(plan, [f"acme/ops#{number}"])
    assert "Postmortem" in shown.output
    assert f"followthrough plan acme/ops#{number}" in result.output
    assert sandbox.writes() == []


def test_the_people_found_are_known_to_the_first_plan(sandbox: Sandbox) -> None:
    key = sandbox.jira.create_issue("INC", "Checkout answers 500", by="5b10-kim")
    sandbox.jira.comment(key, 'ACTION: Alert sooner @"Kim Ito"', by="5b10-noor")
    assert asked(jira_person(sandbox), "--severity", "none").exit_code == 0
    assert {(p.name, p.handles["jira"]) for p in rules().policy.people} >= {
        ("Kim Ito", "5b10-kim"),
        ("Noor Aziz", "5b10-noor"),
    }
    shown = " ".join(CliRunner().invoke(plan, [key]).output.split())
    assert "owner 5b10-kim (Kim Ito)" in shown


def test_people_of_one_name_wait_as_comments_until_they_are_told_apart(sandbox: Sandbox) -> None:
    sandbox.jira.add_user("5b10-other", "kim  ito", "kim.ito@acme.example")
    sandbox.jira.add_project("INC", "Incidents", types=("Incident", "Task"), assignable=_KIMS)
    result = asked(jira_person(sandbox))
    assert result.exit_code == 0, result.output
    assert [person.name for person in rules().policy.people] == ["Kim Ito"]
    assert "  # - {name: kim ito, jira: 5b10-other}" in Path("rules.yaml").read_text()


_KIM = Person("5b10-kim", "Kim Ito", "kim@acme.example")
_KIMS = ("5b10-kim", "5b10-other")


def test_at_most_thirty_people_are_written_and_the_rest_is_mentioned() -> None:
    crowd = tuple(Person(f"u{n}", f"Person {n}") for n in range(40))
    text = "\n".join(_people(replace(_ANSWERS, people=crowd)))
    assert len(yaml.safe_load(text)["people"]) == 30
    assert "There are more" in text
    (seen,) = yaml.safe_load("\n".join(_people(replace(_ANSWERS, people=(_KIM,)))))["people"]
    assert seen == {"name": "Kim Ito", "email": "kim@acme.example", "jira": "5b10-kim"}
    hidden = "\n".join(_people(replace(_ANSWERS, people=(replace(_KIM, email="?"),))))
    assert "email" not in hidden
    assert yaml.safe_load("\n".join(_people(_ANSWERS))) == {"people": []}


_ANSWERS = Answers(
    at=SignIn("jira", "https://acme.atlassian.net", "env:JIRA_TOKEN"),
    place="INC",
    issue_type="Incident",
    label="",
    severity=None,
    severities=(),
    by_component=False,
    document="jira-issue",
    document_place="INC",
    document_type="Task",
    tasks_place="INC",
    tasks_type="Task",
    team="ops",
    start_from=date(2026, 12, 1),
)


def test_data_center_signs_in_by_a_personal_access_token_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JIRA_TOKEN", TOKENS["JIRA_TOKEN"])
    with Sandbox(deployment="datacenter") as sandbox:
        populate(sandbox, TOKENS["JIRA_TOKEN"], TOKENS["GITHUB_TOKEN"])
        result = asked(ENTER + sandbox.jira_url + ENTER * 16)
        assert result.exit_code == 0, result.output
        assert "INC  Incidents" in result.output
        assert rules().connections["jira"].auth.type == "bearer"
        assert CliRunner().invoke(doctor, []).exit_code == 0


def test_postmortems_may_go_to_a_directory(sandbox: Sandbox) -> None:
    options = ["--document", "directory", "--document-place", "our postmortems"]
    assert asked("", *github_options(sandbox), *options).exit_code == 0
    (team,) = rules().policy.teams.values()
    assert Path(team.postmortem.document.place) == Path("our postmortems").resolve()
    assert CliRunner().invoke(doctor, []).exit_code == 0


def test_postmortems_of_jira_incidents_may_go_to_pull_requests(sandbox: Sandbox) -> None:
    options = ["--document", "pull-request", "--document-place", "acme/postmortems"]
    options += ["--yes", "--url", sandbox.jira_url, "--user", BOT_EMAIL]
    result = asked("", *options, "--github-url", sandbox.github_url)
    assert result.exit_code == 0, result.output
    (team,) = rules().policy.teams.values()
    document = team.postmortem.document
    assert (document.connection, document.place) == ("github", "acme/postmortems")
    assert team.postmortem.tasks.connection == "jira"
    assert CliRunner().invoke(doctor, []).exit_code == 0


def registered(sandbox: Sandbox) -> str:
    """The id of an App that is installed on acme's repositories; its key is beside the rules."""
    granted = {name: level for name, (level, _) in PERMISSIONS.items()}
    told = sandbox.github.add_app("followthrough", granted)
    sandbox.github.install_app("followthrough", "acme")
    Path("github-app.pem").write_text(told["pem"])
    return str(told["id"])


def test_a_person_signs_in_as_a_github_app_by_its_key_beside_the_rules(sandbox: Sandbox) -> None:
    app = registered(sandbox)
    sandbox.github.add_repo("globex/ops", private=True)
    typed = f"github\n{sandbox.github_url}\n{app}\n" + ENTER * 12
    result = asked(typed)
    assert result.exit_code == 0, result.output
    assert "Signed in." in result.output
    assert "This App sees:" in result.output
    assert "  acme/postmortems" in result.output
    assert "globex/ops" not in result.output, "it is not installed there"
    assert "The repository (owner/name) of your incidents [acme/ops]" in result.output
    assert "repository: acme/ops" in Path("rules.yaml").read_text()
    auth = f'auth: {{type: app, app_id: "{app}", private_key: {{file: github-app.pem}}}}'
    assert auth in Path("rules.yaml").read_text()
    assert "PRIVATE KEY" not in Path("rules.yaml").read_text()
    assert "/setup/github" not in result.output.partition("Next:")[2]
    looked = CliRunner().invoke(doctor, [])
    assert looked.exit_code == 0, looked.output


def test_an_app_that_is_installed_nowhere_is_told_where_to_install_it(sandbox: Sandbox) -> None:
    told = sandbox.github.add_app("followthrough", {"issues": "write"})
    Path("github-app.pem").write_text(told["pem"])
    result = asked(f"github\n{sandbox.github_url}\n{told['id']}\n\nacme/ops\n")
    assert "the GitHub App followthrough is installed nowhere yet" in result.output
    assert "→ Install it: " in result.output
    assert "followthrough/installations/new" in result.output


def test_an_app_that_is_not_installed_there_is_told_with_where_to_install_it(
    sandbox: Sandbox,
) -> None:
    app = registered(sandbox)
    sandbox.github.add_repo("globex/ops", private=True)
    result = asked("", *github_options(sandbox)[:-1], "globex/ops", "--app", app)
    assert result.exit_code == 1
    assert "is not installed on globex/ops" in result.output
    assert "/installations/new" in result.output


def test_whoever_begins_with_a_token_is_told_where_an_app_is_registered(sandbox: Sandbox) -> None:
    steps = asked("", *github_options(sandbox)).output.partition("Next:")[2]
    assert "4. its page /setup/github" in steps
    assert "webhooks install" in steps


def wiki_options(sandbox: Sandbox) -> list[str]:
    options = ["--document", "page", "--confluence-url", sandbox.confluence_url]
    return [*options, "--document-place", "PM", "--yes", "--url", sandbox.jira_url]


@pytest.fixture
def wiki(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Data Center, with a space for postmortems and a page in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("JIRA_TOKEN", "CONFLUENCE_TOKEN"):
        monkeypatch.setenv(name, TOKENS["JIRA_TOKEN"])
    with Sandbox(deployment="datacenter") as sandbox:
        populate(sandbox, TOKENS["JIRA_TOKEN"], TOKENS["GITHUB_TOKEN"])
        add_wiki(sandbox)
        sandbox.confluence.write_page("PM", "Postmortems", "<p>All of them.</p>", "5b10-kim")
        yield sandbox


def test_postmortems_may_go_below_a_page_of_confluence(wiki: Sandbox) -> None:
    typed = [wiki.jira_url, "", "", "", "", "none", "page", wiki.confluence_url, "", ""]
    result = asked("\n".join(["", *typed, "NO", "PM", "Minutes", "Postmortems", *[""] * 9]))
    assert result.exit_code == 0, result.output
    assert "NO: " in result.output
    assert "Minutes: " in result.output
    (team,) = load(Path("rules.yaml"), os.environ).policy.teams.values()
    document = team.postmortem.document
    assert (document.kind, document.connection) == ("confluence-page", "confluence")
    assert (document.place, document.path) == ("PM", "Postmortems")
    looked = CliRunner().invoke(doctor, [])
    assert looked.exit_code == 0, looked.output
    assert "pages are made under 'Postmortems' in PM" in looked.output
    assert wiki.writes() == []


def test_a_script_names_the_space_of_pages(wiki: Sandbox) -> None:
    result = asked("", *wiki_options(wiki))
    assert result.exit_code == 0, result.output
    assert "# parent: " in Path("rules.yaml").read_text()
    assert CliRunner().invoke(doctor, []).exit_code == 0
    refused = asked("", *wiki_options(wiki), "--force", "--document-parent", "Minutes")
    assert refused.exit_code == 1
    assert "Minutes: " in refused.output


def test_without_the_token_of_confluence_one_is_told_how_to_set_it(
    wiki: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONFLUENCE_TOKEN")
    result = asked("", *wiki_options(wiki))
    assert result.exit_code == 0, result.output
    assert "1. read -rs CONFLUENCE_TOKEN; export CONFLUENCE_TOKEN" in result.output


def test_confluence_cloud_is_offered_where_jira_is_and_with_its_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--yes", "--url", "acme.atlassian.net", "--user", BOT_EMAIL, "--place", "INC"]
    result = asked("", *options, "--document", "page", "--document-place", "PM")
    assert result.exit_code == 0, result.output
    written = Path("rules.yaml").read_text()
    assert written.count("url: https://acme.atlassian.net") == 2
    assert written.count(f"{{type: basic, user: {BOT_EMAIL}, token: {{env: JIRA_TOKEN}}}}") == 2
    assert result.output.partition("Next:")[2].count("export JIRA_TOKEN") == 1


def test_the_file_may_be_read_by_all_and_holds_no_token(sandbox: Sandbox) -> None:
    asked("", *github_options(sandbox))
    file = Path("rules.yaml")
    assert file.stat().st_mode & 0o777 == 0o644
    assert not any(token in file.read_text() for token in TOKENS.values())
    assert [path.name for path in Path().iterdir()] == ["rules.yaml"]


def test_a_file_that_is_there_stays_as_it_is(sandbox: Sandbox) -> None:
    Path("rules.yaml").write_text("mine\n")
    result = asked("", *github_options(sandbox))
    assert result.exit_code == 1
    assert "--force" in result.output
    assert Path("rules.yaml").read_text() == "mine\n"
    assert asked("", *github_options(sandbox), "--force").exit_code == 0
    assert rules()


def test_a_token_typed_by_mistake_is_neither_taken_nor_repeated(sandbox: Sandbox) -> None:
    typed = f"\n{sandbox.jira_url}\n{BOT_EMAIL}\nghp_oops\n" + ENTER * 15
    result = asked(typed)
    assert "That is no variable's name" in result.output
    assert "ghp_oops" not in Path("rules.yaml").read_text()
    given = asked("", *github_options(sandbox), "--force", "--token", "ghp_oops")
    assert given.exit_code == 1
    assert "ghp_oops" not in given.output


def test_without_the_token_one_is_told_how_to_set_it_and_may_stop(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    result = asked(f"github\n{sandbox.github_url}\n" + ENTER * 3)
    assert result.exit_code == 1
    assert "export GITHUB_TOKEN" in result.output
    assert not Path("rules.yaml").exists()


def test_without_the_token_one_may_go_on_and_look_later(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    typed = f"github\n{sandbox.github_url}\n\n\ny\nacme/ops\n" + ENTER * 10
    result = asked(typed)
    assert result.exit_code == 0, result.output
    assert "1. read -rs GITHUB_TOKEN; export GITHUB_TOKEN" in result.output
    assert rules().policy.teams["ops"].incidents[0].match.labels == {"incident"}


def test_a_token_may_stand_in_a_file_beside_the_rules(sandbox: Sandbox) -> None:
    Path("token").write_text(TOKENS["GITHUB_TOKEN"])
    result = asked("", *github_options(sandbox), "--token", "file:token")
    assert result.exit_code == 0, result.output
    assert "token: {file: token}" in Path("rules.yaml").read_text()
    assert CliRunner().invoke(doctor, []).exit_code == 0


def test_a_refused_sign_in_is_told_with_its_mend(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "wrong")
    result = asked(f"github\n{sandbox.github_url}\n" + ENTER * 3)
    assert result.exit_code == 1
    assert "Signing in failed: Bad credentials" in result.output
    assert "Make a new token" in result.output


def test_a_script_whose_sign_in_is_refused_ends_with_1_and_writes_nothing(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "wrong")
    result = asked("", *github_options(sandbox))
    assert result.exit_code == 1
    assert "Signing in failed: Bad credentials" in result.output
    assert "Nothing was written." in result.output
    assert not Path("rules.yaml").exists()


def test_a_place_that_cannot_be_written_is_told_before_anything_is_asked(sandbox: Sandbox) -> None:
    Path("file").write_text("")
    result = asked("", "--rules", "file/rules.yaml")
    assert result.exit_code == 1
    assert "file/rules.yaml could not be written" in result.output
    assert "tracker" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_the_commands_it_names_can_be_typed_as_they_stand(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["a place/bin/followthrough", "init"])
    monkeypatch.setenv("PATH", str(tmp_path))
    result = asked("", *github_options(sandbox))
    assert "1. 'a place/bin/followthrough' doctor " in result.output
    (tmp_path / "followthrough").touch(mode=0o755)
    assert "1. followthrough doctor " in asked("", *github_options(sandbox), "--force").output


def test_no_token_goes_to_an_address_without_encryption(sandbox: Sandbox) -> None:
    result = asked("", "--yes", "--url", "http://jira.acme.example")
    assert result.exit_code == 1
    assert "unencrypted" in result.output


def test_what_is_no_address_of_a_github_is_told_in_words() -> None:
    result = asked("", "--yes", "--tracker", "github", "--url", "https://[github.acme.example")
    assert result.exit_code == 1
    assert "--url: Is not an address" in result.output


def test_a_place_that_is_not_seen_is_asked_for_again(sandbox: Sandbox) -> None:
    typed = f"github\n{sandbox.github_url}\n\n\nacme/nothing\nacme/ops\n" + ENTER * 10
    result = asked(typed)
    assert result.exit_code == 0, result.output
    assert "acme/nothing: " in result.output
    refused = asked("", "--force", *github_options(sandbox)[:-1], "acme/nothing")
    assert refused.exit_code == 1


def test_tasks_are_never_made_incidents_by_default(sandbox: Sandbox) -> None:
    sandbox.jira.deny(BOT_JIRA, "BROWSE_PROJECTS", "OPS")
    assert asked(jira_person(sandbox)).exit_code == 0
    (team,) = rules().policy.teams.values()
    assert team.postmortem.tasks.issue_type != "Incident"


def test_severities_that_the_rules_do_not_know_are_told(sandbox: Sandbox) -> None:
    sandbox.jira.add_field("customfield_10050", "Severity", "option", ["Critical", "Catastrophic"])
    result = asked(jira_person(sandbox))
    assert "the rules do not know Catastrophic" in result.output
    assert strange_severities(["SEV 1", "p2"], rules().policy) == []


@pytest.mark.parametrize(
    ("kind", "typed", "meant"),
    [
        ("jira", "acme.atlassian.net", "https://acme.atlassian.net"),
        ("jira", "https://acme.atlassian.net/browse/INC-1", "https://acme.atlassian.net"),
        ("jira", "https://jira.acme.example/jira/", "https://jira.acme.example/jira"),
        ("github", "https://github.com/acme", "https://api.github.com"),
        ("github", "git.acme.example", "https://git.acme.example/api/v3"),
    ],
)
def test_an_address_may_be_written_as_a_browser_shows_it(kind: str, typed: str, meant: str) -> None:
    assert address(kind, typed) == meant


@given(st.text(min_size=1).filter(lambda text: bool(_line(text))))
def test_any_name_is_written_so_that_yaml_reads_it_again(name: str) -> None:
    assert yaml.safe_load(f"{{key: [{yaml_word(name)}]}}") == {"key": [_line(name)]}
