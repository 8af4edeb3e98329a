"""Webhooks as Jira and GitHub send them, of a given size, signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

SIZE = 18_000  # what an issue with some history weighs
SECRETS = {"acme-jira": "jira-hook-secret", "acme-github": "github-hook-secret"}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signed:
    """A webhook for the door of `connection`. Neither vendor's signature covers the header that
    carries the delivery's id, so one signature serves any number of deliveries."""

    connection: str
    headers: tuple[tuple[str, str], ...]
    id_header: str
    body: bytes

    def request(self, delivery_id: str) -> bytes:
        """The whole HTTP request, over a connection that is kept."""
        lines = [
            f"POST /webhooks/{self.connection} HTTP/1.1",
            "Host: 127.0.0.1",
            *(f"{name}: {value}" for name, value in self.headers),
            f"{self.id_header}: {delivery_id}",
            f"Content-Length: {len(self.body)}",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def signed() -> tuple[Signed, ...]:
    """One webhook for each door."""
    jira, github = _padded(_jira(), "description"), _padded(_github(), "body")
    return (
        Signed(
            "acme-jira",
            (
                ("Content-Type", "application/json; charset=utf-8"),
                ("User-Agent", "Atlassian Webhook HTTP Client"),
                ("X-Hub-Signature", _signature("acme-jira", jira)),
            ),
            "X-Atlassian-Webhook-Identifier",
            jira,
        ),
        Signed(
            "acme-github",
            (
                ("Content-Type", "application/json"),
                ("User-Agent", "GitHub-Hookshot/044aadd"),
                ("Accept", "*/*"),
                ("X-GitHub-Event", "issues"),
                ("X-Hub-Signature-256", _signature("acme-github", github)),
            ),
            "X-GitHub-Delivery",
            github,
        ),
    )


def _signature(connection: str, body: bytes) -> str:
    return "sha256=" + hmac.digest(SECRETS[connection].encode(), body, "sha256").hex()


def _padded(payload: Json, field: str) -> bytes:
    """The payload as JSON of `SIZE` bytes, the rest of it being words in this field."""
    issue = payload["issue"]
    where = issue.get("fields", issue)
    where[field] = ""
    left = SIZE - len(json.dumps(payload).encode())
    sentence = 'The gateway answered 503; retries \u2014 "three of three" \u2014 did not help.\n'
    while left > (more := len(json.dumps(sentence)) - 2):
        where[field] += sentence
        left -= more
    where[field] += "." * left
    return json.dumps(payload).encode()


def _jira_person(name: str) -> Json:
    number = hashlib.sha256(name.encode()).hexdigest()[:24]
    site = "https://acme.atlassian.net"
    return {
        "self": f"{site}/rest/api/2/user?accountId={number}",
        "accountId": number,
        "avatarUrls": {f"{s}x{s}": f"{site}/avatar/{number}/{s}" for s in (16, 24, 32, 48)},
        "displayName": name,
        "active": True,
        "timeZone": "Europe/Berlin",
        "accountType": "atlassian",
    }


def _jira() -> Json:
    """``jira:issue_updated``: https://developer.atlassian.com/cloud/jira/platform/webhooks/"""
    kim, noor = _jira_person("Kim Ito"), _jira_person("Noor Aziz")
    site = "https://acme.atlassian.net/rest/api/2"
    fields: Json = {
        "summary": "Checkout answers 500",
        "issuetype": {"self": f"{site}/issuetype/10010", "id": "10010", "name": "Incident"},
        "project": {"self": f"{site}/project/10001", "id": "10001", "key": "INC", "name": "Inc"},
        "status": {
            "self": f"{site}/status/6",
            "name": "Resolved",
            "id": "6",
            "statusCategory": {"id": 3, "key": "done", "colorName": "green", "name": "Done"},
        },
        "assignee": kim,
        "reporter": noor,
        "creator": noor,
        "labels": ["payments", "customer-facing"],
        "created": "2026-12-07T12:00:00.000+0000",
        "updated": "2026-12-07T13:30:00.000+0000",
        **{f"customfield_{number}": None for number in range(10000, 10120)},
    }
    items = [
        {"field": name, "fieldtype": "jira", "from": str(n), "fromString": "a", "to": "b"}
        for n, name in enumerate(("status", "resolution", "assignee", "labels"))
    ]
    return {
        "timestamp": 1796650200000,
        "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": "issue_generic",
        "user": kim,
        "issue": {"id": "10042", "self": f"{site}/issue/10042", "key": "INC-42", "fields": fields},
        "changelog": {"id": "20099", "items": items},
    }


def _github_person(login: str) -> Json:
    api = f"https://api.github.com/users/{login}"
    kinds = ("followers", "following", "gists", "starred", "subscriptions", "repos", "events")
    return {
        "login": login,
        "id": 1001,
        "node_id": "MDQ6VXNlcjEwMDE=",
        "avatar_url": f"https://avatars.githubusercontent.com/{login}",
        "url": api,
        **{f"{kind}_url": f"{api}/{kind}" for kind in kinds},
        "type": "User",
        "site_admin": False,
    }


def _github() -> Json:
    """``issues``: https://docs.github.com/en/webhooks/webhook-events-and-payloads#issues"""
    api = "https://api.github.com/repos/acme/ops"
    kinds = ("keys", "teams", "hooks", "events", "tags", "blobs", "merges", "labels", "releases")
    issue: Json = {
        "url": f"{api}/issues/42",
        "id": 9042,
        "node_id": "I_kwDO42",
        "number": 42,
        "title": "Checkout answers 500",
        "user": _github_person("noor"),
        "labels": [{"id": n, "name": name} for n, name in enumerate(("incident", "sev1"))],
        "assignees": [_github_person("kim"), _github_person("lee")],
        "state": "closed",
        "state_reason": "completed",
        "created_at": "2026-12-07T12:00:00Z",
        "updated_at": "2026-12-07T13:30:00Z",
    }
    return {
        "action": "closed",
        "issue": issue,
        "repository": {
            "id": 77,
            "full_name": "acme/ops",
            "owner": _github_person("acme"),
            **{f"{kind}_url": f"{api}/{kind}{{/name}}" for kind in kinds},
        },
        "sender": _github_person("kim"),
    }
