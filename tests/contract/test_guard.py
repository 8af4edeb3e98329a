"""Nothing is written to but what was lent."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from contract.ground import Caller, signed_in
from contract.guard import Guard, Refused, standing

from integrations.sandbox import Sandbox
from integrations.sandbox.acme import populate

GITHUB, JIRA = "https://api.github.example", "https://acme.atlassian.example"
OURS = Guard(GITHUB, repositories=frozenset({"acme/scratch"}))
OF = {"SCR-1": "SCR", "10001": "SCR", "OPS-1": "OPS"}
PROJECT = Guard(
    JIRA,
    projects=frozenset({"SCR"}),
    issue=lambda named: OF.get(named, ""),
    version=lambda id: OF.get(id, ""),
)
#: Of Cloud, where a space has a number and Confluence is beside Jira; and of a Data Center.
WIKI, SERVER_WIKI = f"{JIRA}/wiki", "https://wiki.example"
PAGES = {"31": "7", "32": "9", "41": "TRY", "42": "OPS"}
SPACE = replace(
    PROJECT, wiki=WIKI, spaces=frozenset({"TRY", "7"}), page=lambda id: PAGES.get(id, "")
)
SERVER_SPACE = replace(SPACE, wiki=SERVER_WIKI, spaces=frozenset({"TRY"}))


def fields(*projects: str) -> str:
    made = [{"fields": {"project": {"key": each}}} for each in projects]
    return json.dumps(made[0] if len(made) == 1 else {"issueUpdates": made})


def link(one: str, other: str) -> str:
    return json.dumps({"inwardIssue": {"key": one}, "outwardIssue": {"key": other}})


#: An Enterprise Server has GraphQL beside the root of its REST.
SERVER = "https://hub.example/api"
SERVERS = Guard(f"{SERVER}/v3", repositories=frozenset({"acme/scratch"}))

LENT = [
    (SERVERS, "POST", f"{SERVER}/graphql", '{"query": "query { viewer { login } }"}'),
    (OURS, "GET", f"{GITHUB}/repos/acme/ops/issues", ""),
    (OURS, "POST", f"{GITHUB}/repos/acme/scratch/issues", "{}"),
    (OURS, "PUT", f"{GITHUB}/repos/Acme/Scratch/contents/x.md", "{}"),
    (OURS, "POST", f"{GITHUB}/graphql", '{"query": "query { viewer { login } }"}'),
    (PROJECT, "GET", f"{JIRA}/rest/api/3/issue/OPS-1", ""),
    (PROJECT, "POST", f"{JIRA}/rest/api/3/search/jql", "{}"),
    (PROJECT, "POST", f"{JIRA}/rest/api/3/issue", fields("SCR")),
    (PROJECT, "POST", f"{JIRA}/rest/api/3/issue/bulk", fields("SCR", "SCR")),
    (PROJECT, "PUT", f"{JIRA}/rest/api/2/issue/SCR-1", "{}"),
    (PROJECT, "POST", f"{JIRA}/rest/api/2/issue/10001/comment", "{}"),
    (PROJECT, "POST", f"{JIRA}/rest/api/3/issueLink", link("SCR-1", "SCR-1")),
    (PROJECT, "POST", f"{JIRA}/rest/api/3/version", '{"project": "SCR"}'),
    (SPACE, "PUT", f"{JIRA}/rest/api/3/issue/SCR-1", "{}"),
    (SPACE, "GET", f"{WIKI}/api/v2/pages/32", ""),
    (SPACE, "POST", f"{WIKI}/api/v2/pages", '{"spaceId": "7"}'),
    (SPACE, "PUT", f"{WIKI}/api/v2/pages/31", '{"title": "Ours"}'),
    (SPACE, "DELETE", f"{WIKI}/api/v2/pages/31", ""),
    (SPACE, "POST", f"{WIKI}/rest/api/content/31/label", '[{"name": "ours"}]'),
    (SERVER_SPACE, "POST", f"{SERVER_WIKI}/rest/api/content", '{"space": {"key": "TRY"}}'),
    (SERVER_SPACE, "PUT", f"{SERVER_WIKI}/rest/api/content/41?expand=space", "{}"),
]
NOT_LENT = [
    (SERVERS, "POST", f"{SERVER}/graphql", '{"query": "mutation { x }"}'),
    (SERVERS, "GET", f"{SERVER}/other", ""),
    (OURS, "POST", f"{GITHUB}/repos/acme/ops/issues", "{}"),
    (OURS, "PATCH", f"{GITHUB}/repos/acme/scratch-2/issues/1", "{}"),
    (OURS, "POST", f"{GITHUB}/repos/acme/scratch/../ops/issues", "{}"),
    (OURS, "DELETE", f"{GITHUB}/repos/acme/scratch", ""),
    (OURS, "POST", f"{GITHUB}/user/repos", "{}"),
    (OURS, "POST", "https://elsewhere.example/repos/acme/scratch/issues", "{}"),
    (OURS, "POST", f"{GITHUB}/graphql", '{"query": "mutation { x }"}'),
    (
        *(OURS, "POST", f"{GITHUB}/graphql"),
        '{"query": "mutation { x }", "variables": {"input": {"repositoryId": "R_1"}}}',
    ),
    (PROJECT, "POST", f"{JIRA}/rest/api/3/issue", fields("OPS")),
    (PROJECT, "POST", f"{JIRA}/rest/api/3/issue/bulk", fields("SCR", "OPS")),
    (PROJECT, "PUT", f"{JIRA}/rest/api/3/issue/OPS-1", "{}"),
    (PROJECT, "PUT", f"{JIRA}/rest/api/3/issue/99999", "{}"),
    (PROJECT, "POST", f"{JIRA}/rest/api/3/issueLink", link("SCR-1", "OPS-1")),
    (PROJECT, "POST", f"{JIRA}/rest/api/3/version", '{"project": "OPS"}'),
    (PROJECT, "PUT", f"{JIRA}/rest/api/3/version/7", "{}"),
    (PROJECT, "DELETE", f"{JIRA}/rest/api/3/project/SCR", ""),
    (PROJECT, "POST", f"{JIRA}/rest/webhooks/1.0/webhook", "{}"),
    (PROJECT, "POST", f"{WIKI}/api/v2/pages", '{"spaceId": "7"}'),
    (PROJECT, "PUT", f"{JIRA}/other/rest/api/3/issue/SCR-1", "{}"),
    (SPACE, "PUT", f"{WIKI}/rest/api/3/issue/SCR-1", "{}"),
    (SPACE, "POST", f"{WIKI}/rest/api/3/search", "{}"),
    (SPACE, "POST", f"{WIKI}/api/v2/pages", '{"spaceId": "9"}'),
    (SPACE, "POST", f"{WIKI}/api/v2/pages", "{}"),
    (SPACE, "POST", f"{WIKI}/api/v2/spaces", '{"key": "TRY"}'),
    (SPACE, "PUT", f"{WIKI}/api/v2/pages/32", "{}"),
    (SPACE, "PUT", f"{WIKI}/api/v2/pages/31", '{"spaceId": "9"}'),
    (SPACE, "PUT", f"{WIKI}/api/v2/pages/31", '{"parentId": 32}'),
    (SPACE, "DELETE", f"{WIKI}/api/v2/pages/32", ""),
    (SPACE, "DELETE", f"{WIKI}/api/v2/pages/99", ""),
    (SPACE, "POST", f"{WIKI}/rest/api/content/32/label", '[{"name": "ours"}]'),
    (SERVER_SPACE, "POST", f"{SERVER_WIKI}/rest/api/content", '{"space": {"key": "OPS"}}'),
    (
        *(SERVER_SPACE, "PUT", f"{SERVER_WIKI}/rest/api/content/41"),
        '{"space": {"key": "TRY"}, "ancestors": [{"id": "42"}]}',
    ),
    (SERVER_SPACE, "PUT", f"{SERVER_WIKI}/rest/api/content/42", "{}"),
    (SERVER_SPACE, "DELETE", f"{SERVER_WIKI}/rest/api/space/TRY", ""),
]


@pytest.mark.parametrize(("guard", "verb", "url", "body"), LENT)
def test_what_only_reads_or_is_about_what_was_lent_is_sent(
    guard: Guard, verb: str, url: str, body: str
) -> None:
    guard.check(verb, url, body)


@pytest.mark.parametrize(("guard", "verb", "url", "body"), NOT_LENT)
def test_any_other_write_is_refused(guard: Guard, verb: str, url: str, body: str) -> None:
    with pytest.raises(Refused, match="nothing was sent"):
        guard.check(verb, url, body.encode())


def test_it_stands_before_every_request_of_the_process() -> None:
    with Sandbox() as sandbox:
        populate(sandbox, "jira-token-of-guard", "github-token-of-guard")
        ask = Caller(sandbox.github_url, signed_in("token github-token-of-guard"))
        with standing(Guard(sandbox.github_url, repositories=frozenset({"acme/ops"}))):
            ask("POST", "/repos/acme/ops/issues", {"title": "Ours"})
            with pytest.raises(Refused):
                ask("POST", "/repos/acme/website/issues", {"title": "Theirs"})
        assert [call.path for call in sandbox.writes()] == ["/github/api/v3/repos/acme/ops/issues"]
