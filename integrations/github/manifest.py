"""What a GitHub App needs, and registering one from a manifest that says so.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from integrations.github.servers import in_the_cloud, pages_of
from integrations.http import Answer, an_object, never_arrived, parsed
from integrations.tracker import OutcomeUnknown, Rejected, Unavailable

#: What is asked for, and what it is for. *Metadata: read* comes by itself.
#: https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
PERMISSIONS: Mapping[str, tuple[str, str]] = {
    "issues": ("write", "incidents, tasks and documents that are issues; the one comment"),
    "contents": ("write", "documents that are pull requests: their branch and file"),
    "pull_requests": ("write", "documents that are pull requests; release checks"),
    "statuses": ("write", "what a document's review comes to; release checks"),
    "actions": ("read", "whether the workflows that measures name are still active"),
}

#: The events, and what each tells. An App is told of its own installations without asking, and a
#: manifest that asks for that is refused.
#: https://docs.github.com/en/webhooks/webhook-events-and-payloads#installation
EVENTS: Mapping[str, str] = {
    "issues": "incidents, tasks and documents that are issues",
    "issue_comment": "ACTION: lines, and the timeline",
    "milestone": "milestones of tasks that were renamed, closed or deleted",
    "pull_request": "documents: ready for review, merged, closed",
    "push": "edits of documents, and files that measures keep",
    "sub_issues": "tasks below an incident",
    "issue_dependencies": "what blocks a task",
}

#: A manifest with an event that the server does not know is refused as a whole, so what only newer
#: Enterprise Servers have is left to be switched on by hand.
_NEWER = frozenset({"sub_issues", "issue_dependencies"})

#: "The name cannot be longer than 34 characters".
#: https://docs.github.com/en/apps/creating-github-apps/registering-a-github-app/registering-a-github-app
LONGEST_NAME = 34


@dataclass(frozen=True, slots=True)
class NewApp:
    """An App as it was just registered: its key and the secret of its webhook are told this once.
    `page` is where people find it."""

    id: str
    slug: str
    page: str
    private_key: str
    webhook_secret: str

    def __repr__(self) -> str:
        return f"NewApp({self.slug!r})"


def called(permission: str) -> str:
    """A permission as GitHub's pages call it."""
    if permission == "statuses":
        return "Commit statuses"
    return permission.replace("_", " ").capitalize()


def registration(url: str, organisation: str, state: str) -> str:
    """Where a browser posts the manifest: an App of this organisation, or of whoever is signed in
    ("")."""
    owner = f"/organizations/{quote(organisation, safe='')}" if organisation else ""
    return f"{pages_of(url)}{owner}/settings/apps/new?state={quote(state, safe='')}"


def manifest(
    url: str, name: str, home: str, redirect: str, webhook: str, *, public: bool
) -> dict[str, Any]:
    """What is asked of the server at `url`. Without a `webhook` address ("") nothing is told.
    `public`: others than its owner may install it."""
    asked: dict[str, Any] = {
        "name": name[:LONGEST_NAME],
        "url": home,
        "redirect_url": redirect,
        "public": public,
        "default_permissions": {each: level for each, (level, _) in PERMISSIONS.items()},
    }
    if webhook:
        newer = frozenset() if in_the_cloud(url) else _NEWER
        asked["hook_attributes"] = {"url": webhook, "active": True}
        asked["default_events"] = [event for event in EVENTS if event not in newer]
    return asked


def convert(url: str, code: str, timeout: int) -> NewApp:
    """What the server gives for the code that it sent the browser back with: good once, and for an
    hour. Raises the TrackerError family; its words hold nothing of the answer but GitHub's message.
    https://docs.github.com/en/rest/apps/apps#create-a-github-app-from-a-manifest"""
    address = f"{url}/app-manifests/{quote(code, safe='')}/conversions"
    try:
        answer = requests.post(
            address,
            headers={"Accept": "application/vnd.github+json"},
            timeout=timeout,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        words = f"{urlsplit(url).netloc} did not answer"
        if not never_arrived(error):
            raise _odd(words) from None
        mend = "Look whether this machine reaches the server, then load this page again."
        raise Unavailable(words, mend=mend) from None
    words = f"GitHub answered {answer.status_code} to the code of the new App"
    if answer.status_code >= 500 or answer.status_code == 429:
        raise Unavailable(
            words, mend="Load this page again in a minute: its code is good for an hour."
        )
    if answer.status_code != 201:
        raise Rejected(words, mend="Codes are good once and for an hour: begin anew.")
    told: Answer = an_object(parsed(answer.content, _odd), _odd)
    return NewApp(
        id=str(told["id"]),
        slug=str(told["slug"]),
        page=str(told["html_url"]),
        private_key=str(told["pem"]),
        webhook_secret=str(told.get("webhook_secret") or ""),
    )


def _odd(words: str) -> OutcomeUnknown:
    mend = "The App is there and its key was not told: make a key on the App's page, or delete it."
    return OutcomeUnknown(words, mend=mend)
