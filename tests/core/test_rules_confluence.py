"""Rules whose documents are pages of Confluence."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.problems import RulesError
from config.rules import load

RULES = """\
connections:
  desk:
    kind: jira
    url: https://acme.atlassian.net
    auth: {type: basic, user: bot@acme.example, token: {env: TOKEN}}
  wiki:
    kind: confluence
    url: https://acme.atlassian.net
    auth: {type: basic, user: bot@acme.example, token: {env: TOKEN}}
teams:
  ops:
    start_from: 2026-12-01
    incidents:
      - {connection: desk, project: INC, match: {issue_type: Incident}}
    postmortem:
      document: {kind: confluence-page, connection: wiki, space: OPS}
      tasks: {connection: desk, project: OPS}
severities: {sev1: {}}
"""
DOCUMENT = "document: {kind: confluence-page, connection: wiki, space: OPS}"


def read(tmp_path: Path, text: str) -> object:
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    return load(file, {"TOKEN": "t", "HOOK": "h"})


def test_one_account_may_serve_jira_and_confluence_and_no_person_is_mapped_to_confluence(
    tmp_path: Path,
) -> None:
    (tmp_path / "rules.yaml").write_text(
        RULES.replace("space: OPS", "space: ~kim.lee, parent: 'Reviews {year}', labels: [a]")
    )
    policy = load(tmp_path / "rules.yaml", {"TOKEN": "t"}).policy
    document = policy.teams["ops"].postmortem.document
    assert (document.kind, document.connection, document.place, document.path, document.labels) == (
        "confluence-page",
        "wiki",
        "~kim.lee",
        "Reviews {year}",
        ("a",),
    )
    assert policy.connections == {"desk": "jira"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("space: OPS", "", "document.space: is missing — write space: OPS"),
        ("space: OPS", "space: OPS, path: a", "path: means nothing for confluence-page"),
        ("space: OPS", "project: OPS", "project: does not fit, because wiki is a confluence"),
        ("space: OPS", "space: OPS, parent: '{ticket}'", "{ticket} is no placeholder here"),
        ("space: OPS", "space: OPS, labels: [a b]", "Confluence's labels hold no spaces"),
        ("connection: wiki, space", "connection: desk, space", "needs a confluence connection"),
        (
            "incidents:\n      - {connection: desk",
            "incidents:\n      - {connection: wiki",
            "wiki is a confluence connection, which keeps no tickets — name one of Jira or GitHub",
        ),
        ("tasks: {connection: desk", "tasks: {connection: wiki", "which keeps no tickets"),
        (
            "kind: confluence\n",
            "kind: confluence\n    webhook_secrets: [{env: HOOK}]\n",
            "wiki.webhook_secrets: means nothing for Confluence, whose pages are polled",
        ),
        (
            "kind: confluence\n",
            "kind: confluence\n    limits: none\n",
            "connections.wiki.limits: is for GitHub only",
        ),
        (
            DOCUMENT,
            "document: {kind: jira-issue, connection: desk, project: OPS, parent: a}",
            "parent: means nothing for jira-issue",
        ),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, before: str, after: str, told: str) -> None:
    assert before in RULES
    with pytest.raises(RulesError) as wrong:
        read(tmp_path, RULES.replace(before, after))
    assert told in str(wrong.value)
