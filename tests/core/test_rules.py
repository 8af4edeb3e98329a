"""A rules file that is right becomes a policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.fields import Group, Section
from config.rules import Rules, load
from config.schema import RulesSection
from config.template import load_template
from service.commands.rules import rules as rules_command
from workflows.documents import BadTemplate
from workflows.model import Kind
from workflows.policy import (
    SET_ASIDE_REASONS,
    Mode,
    SourceKind,
    Span,
    SpanUnit,
    ValueSource,
    known_person,
)

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "rules.md"
ENVIRONMENT = {
    "ACME_JIRA_TOKEN": "a-token",
    "ACME_JIRA_HOOK": "a-hook",
    "ACME_JIRA_HOOK_OLD": "an-old-hook",
    "ACME_GITHUB_TOKEN": "g-token",
}

SMALL = """
connections:
  hub:
    kind: github
    url: https://api.github.com/
    auth: {type: token, token: {env: TOKEN}}
teams:
  ops:
    start_from: 2026-12-01
    incidents:
      - {connection: hub, repository: acme/ops, closed: {}}
    postmortem:
      document: {kind: git-directory, directory: postmortems}
      tasks: {connection: hub, repository: acme/ops}
"""


def keys(section: type[Section]) -> set[str]:
    """Every key that may stand in a section and below it."""
    found: set[str] = set()
    for name, field in section().fields.items():
        found.add(field.data_key or name)
        below = field.schema if isinstance(field, Group) else getattr(field, "section", None)
        if isinstance(below, Section):
            found |= keys(type(below))
    return found


def test_the_reference_names_every_key() -> None:
    words = set(re.findall(r"[a-z_]+", REFERENCE.read_text(encoding="utf-8")))
    assert keys(RulesSection) - words == set()
    assert {"webhook_secrets", "success_measure", "review_within"} <= keys(RulesSection)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The example of the reference page, with the secret file that it names."""
    found = re.search(r"```yaml\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    file = tmp_path / "rules.yaml"
    file.write_text(found[1], encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "acme-github-hook").write_text("g-hook\n", encoding="utf-8")
    return file


def small(tmp_path: Path, text: str = SMALL, environ: Mapping[str, str] | None = None) -> Rules:
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, environ or {"TOKEN": "t"})


def test_the_example_of_the_reference_loads_without_a_warning(example: Path) -> None:
    rules = load(example, ENVIRONMENT)
    assert rules.warnings == ()
    assert rules.policy.connections == {"acme-jira": "jira", "acme-github": "github"}
    assert list(rules.policy.severities) == ["sev1", "sev2", "sev3", "sev4"]


def test_a_team_becomes_what_its_rules_say(example: Path) -> None:
    team = load(example, ENVIRONMENT).policy.teams["payments"]
    assert team.mode is Mode.ACT
    assert team.start_from == datetime(2026, 12, 1, tzinfo=UTC)
    jira, github = team.incidents
    assert (jira.connection, jira.place) == ("acme-jira", "INC")
    assert jira.match.issue_types == {"Incident"}
    assert jira.closed.excepted == {"Won't Do", "Duplicate"}
    assert jira.service == ValueSource(SourceKind.COMPONENT, "first")
    assert jira.moments["mitigated"] == ValueSource(SourceKind.STATUS, "Mitigated")
    assert github.closed.reasons == {"completed"}
    assert github.severity == ValueSource(SourceKind.LABEL, "sev*")
    assert team.postmortem.severities == {"sev1", "sev2"}
    assert team.postmortem.document.place == "acme/postmortems"
    assert team.postmortem.tasks.labels == ("remediation",)
    (action,) = team.postmortem.standard_actions
    assert action.kind is Kind.DETECTIVE
    assert action.severities == {"sev1"}


def test_the_roles_that_count_are_those_that_a_source_names(example: Path) -> None:
    written = example.read_text(encoding="utf-8")
    assert [s.writers for s in load(example, ENVIRONMENT).policy.teams["payments"].incidents] == [
        frozenset(),
        frozenset(),
    ]
    example.write_text(
        written.replace("project: INC\n", "project: INC\n        writers: [Developers]\n", 1),
        encoding="utf-8",
    )
    changed = load(example, ENVIRONMENT).policy
    assert changed.teams["payments"].incidents[0].writers == {"Developers"}


def test_people_are_named_by_name_however_the_rules_named_them(example: Path) -> None:
    policy = load(example, ENVIRONMENT).policy
    team = policy.teams["payments"]
    assert team.manager == "Payments on-call"
    assert team.rota["scribe"] == ("Ada Novak", "Payments on-call")
    person = known_person(policy, "acme-oncall")
    assert person is not None
    assert person.handles == {"jira": "5b10ac8d82e05b22cc7d4ef5", "github": "acme-oncall"}


def test_spans_of_time_are_read_as_people_write_them(example: Path) -> None:
    severity = load(example, ENVIRONMENT).policy.severities["sev1"]
    assert severity.review_within == Span(3, SpanUnit.BUSINESS_DAYS)
    assert severity.actions_within[Kind.CORRECTIVE] == Span(15, SpanUnit.DAYS)


def test_connections_hold_their_secrets_and_do_not_show_them(example: Path) -> None:
    rules = load(example, ENVIRONMENT)
    jira, github = rules.connections["acme-jira"], rules.connections["acme-github"]
    assert (jira.auth.user, jira.auth.token.reveal()) == ("bot@acme.example", "a-token")
    assert [s.reveal() for s in jira.webhook_secrets] == ["a-hook", "an-old-hook"]
    assert [s.reveal() for s in github.webhook_secrets] == ["g-hook"]
    for secret in rules.secrets:
        assert secret.reveal() not in repr(rules)
        assert secret.reveal() not in f"{rules} {secret} {secret!r}"


def test_what_a_small_file_leaves_out_has_a_safe_default(tmp_path: Path) -> None:
    rules = small(tmp_path)
    team = rules.policy.teams["ops"]
    assert team.mode is Mode.PLAN
    assert team.incidents[0].closed.excepted == SET_ASIDE_REASONS
    assert team.postmortem.severities == frozenset()
    assert team.postmortem.template == load_template("postmortem")
    document = team.postmortem.document
    assert document.place == str((tmp_path / "postmortems").resolve())
    assert document.path == "postmortems/{year}/{incident}.md"
    assert rules.connections["hub"].url == "https://api.github.com"
    assert "polling only" in rules.warnings[0]


def test_the_shipped_severities_hold_until_a_file_brings_its_own(tmp_path: Path) -> None:
    assert list(small(tmp_path).policy.severities) == ["sev1", "sev2", "sev3", "sev4"]
    own = small(tmp_path, SMALL + "severities: {bad: , worse: }\n")
    assert list(own.policy.severities) == ["bad", "worse"]


def test_a_shipped_severity_may_be_replaced_and_the_others_stay(tmp_path: Path) -> None:
    rules = small(tmp_path, SMALL + "severities: {sev1: {review_within: 1 days}}\n")
    assert list(rules.policy.severities) == ["sev1", "sev2", "sev3", "sev4"]
    assert rules.policy.severities["sev1"].review_within == Span(1, SpanUnit.DAYS)
    assert rules.policy.severities["sev2"].review_within == Span(5, SpanUnit.BUSINESS_DAYS)


def test_a_close_reason_that_is_asked_for_is_not_set_aside(tmp_path: Path) -> None:
    rules = small(tmp_path, SMALL.replace("closed: {}", "closed: {reason: [not_planned]}"))
    closed = rules.policy.teams["ops"].incidents[0].closed
    assert closed.reasons == {"not_planned"}
    assert "not planned" not in closed.excepted
    assert "duplicate" in closed.excepted


def test_an_empty_exception_sets_nothing_aside(tmp_path: Path) -> None:
    rules = small(tmp_path, SMALL.replace("closed: {}", "closed: {except: {}}"))
    assert rules.policy.teams["ops"].incidents[0].closed.excepted == frozenset()


def test_jira_tasks_are_of_the_type_task_when_nothing_is_said(tmp_path: Path) -> None:
    text = (
        SMALL.replace("kind: github", "kind: jira")
        .replace("api.github.com", "acme.atlassian.net")
        .replace("type: token", "type: bearer")
        .replace("repository: acme/ops", "project: OPS")
    )
    rules = small(tmp_path, text)
    assert rules.policy.teams["ops"].postmortem.tasks.issue_type == "Task"


def test_anchors_and_merges_may_be_used(tmp_path: Path) -> None:
    text = SMALL + (
        "severities:\n"
        "  sev1: &spans {review_within: 3 business days, aliases: [p1]}\n"
        "  sev2: {<<: *spans, aliases: [p2]}\n"
    )
    severity = small(tmp_path, text).policy.severities["sev2"]
    assert severity.review_within == Span(3, SpanUnit.BUSINESS_DAYS)
    assert severity.aliases == {"p2"}


def test_the_hash_changes_with_decisions_only(tmp_path: Path) -> None:
    before = small(tmp_path).policy.hash
    assert small(tmp_path, "# a note\n" + SMALL).policy.hash == before
    assert small(tmp_path, environ={"TOKEN": "rotated"}).policy.hash == before
    hooked = SMALL.replace("    auth:", "    webhook_secrets: [{env: TOKEN}]\n    auth:")
    assert small(tmp_path, hooked).policy.hash == before
    for old, new in [
        ("2026-12-01", "2026-12-02"),
        ("https://api.github.com/", "https://api.acme.ghe.com"),
        ("closed: {}", "closed: {reason: completed}"),
        ("start_from", "mode: act\n    start_from"),
    ]:
        assert small(tmp_path, SMALL.replace(old, new)).policy.hash != before


def test_a_team_may_bring_its_own_template(tmp_path: Path) -> None:
    own = load_template("postmortem").replace("## Executive summary", "## In short")
    (tmp_path / "ours.md.j2").write_text(own, encoding="utf-8")
    text = SMALL.replace("    postmortem:\n", "    postmortem:\n      template: ours.md.j2\n")
    assert "## In short" in small(tmp_path, text).policy.teams["ops"].postmortem.template


def test_a_template_that_lacks_a_region_is_refused(tmp_path: Path) -> None:
    (tmp_path / "poor.md.j2").write_text("# {{ title }}\n", encoding="utf-8")
    with pytest.raises(BadTemplate, match=re.escape("regions.facts")):
        load_template("poor.md.j2", tmp_path)
    with pytest.raises(BadTemplate, match="no template called poor"):
        load_template("poor", tmp_path)


def test_labels_alone_may_tell_two_sources_apart_and_it_is_noted(tmp_path: Path) -> None:
    source = "{connection: hub, repository: acme/ops, closed: {}}"
    text = SMALL.replace(
        source,
        "{connection: hub, repository: acme/ops, match: {labels: [incident]}}\n"
        "      - {connection: hub, repository: acme/ops, match: {labels: [outage]}}",
    )
    (warning,) = (w for w in small(tmp_path, text).warnings if "labels" in w)
    assert "teams.ops.incidents[0]" in warning


def test_rules_check_counts_what_it_found(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(rules_command, ["check", str(example)])
    assert result.exit_code == 0
    assert result.output == (
        f"{example} is right: 1 team, 2 connections, 2 watched places, 4 severities, 3 people\n"
    )


def test_rules_check_takes_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(tmp_path / "absent.yaml"))
    result = CliRunner().invoke(rules_command, ["check"])
    assert result.exit_code == 1
    assert "absent.yaml:1: there is no such file" in result.output
    assert "1 problem to mend" in result.output
