"""Documents as issues: the body is the Markdown.

Open = draft, with the label ``in-review`` in review; closed as completed = published, closed as
not planned = declined.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.github.client import CLOCKS_DIFFER, GitHubClient, issue_path, repo_path
from integrations.github.marker import BODY_LIMIT, key_in, signed
from integrations.github.reading import ref_of
from integrations.tracker import Rejected, StaleVersion
from workflows.documents import region_headings, regions, replace_regions
from workflows.effects import CreateDocument
from workflows.model import DocumentRef, DocumentState, DocumentStatus

Json = dict[str, Any]

_IN_REVIEW = "in-review"
_LEFT_OUT = "*{count} more rows are left out here: the incident ticket has them.*"
_LEFT_OUT_BEFORE = re.compile(r"^\*(\d{1,9}) more rows are left out here.*$", re.MULTILINE)


class GitHubIssueDocuments:
    """Documents of the kind ``github-issue`` on one server.

    GitHub compares nothing when a body is written, so each write reads first; an edit in the
    moment between the two would be lost. Every method raises the TrackerError family only.
    """

    kind = "github-issue"

    def __init__(self, connection: str, client: GitHubClient) -> None:
        self._connection = connection
        self._client = client

    def create(self, wanted: CreateDocument) -> DocumentState:
        """One write. To be asked again only after `find` found nothing: issues have no name of
        their own by which GitHub would refuse a second one."""
        text = fitted(signed(wanted.text, wanted.key))
        body: Json = {"title": wanted.title[:256], "body": text}
        if wanted.target.labels:
            body["labels"] = list(wanted.target.labels)
        return self._state(
            self._client.write("POST", f"{repo_path(wanted.target.place)}/issues", body)
        )

    def find(self, wanted: CreateDocument, since: datetime) -> DocumentState | None:
        """The account's own issue since then that is marked with `wanted`'s key."""
        mine = self._client.issues(
            wanted.target.place, since - CLOCKS_DIFFER, creator=self._client.login()
        )
        for issue in mine:
            if key_in(issue.get("body")) == wanted.key and "pull_request" not in issue:
                return self._state(issue)
        return None

    def read(self, ref: DocumentRef, headings: Mapping[str, str]) -> DocumentState:  # noqa: ARG002
        """One read. A transferred issue is read where it is now."""
        return self._state(self._client.read(self._path(ref)))

    def write(self, known: DocumentState, regions: Mapping[str, str]) -> DocumentState:
        """One read and, if anything differs, one write. StaleVersion when the body is no longer
        as known."""
        now = self._state(self._client.read(self._path(known.ref)))
        if now.status is DocumentStatus.DECLINED:
            raise Rejected(
                f"{now.ref.url} was closed as not planned: the document is declined",
                mend="Reopen the issue if it should go on.",
            )
        if now.text is None or now.text != known.text:
            raise StaleVersion("the issue's body was edited since it was read")
        text = fitted(replace_regions(now.text, regions))
        if text == now.text:
            return now
        return self._state(self._client.write("PATCH", self._path(now.ref), {"body": text}))

    def version(self, ref: DocumentRef) -> str | None:  # noqa: ARG002
        """None: reading it costs the same one request."""
        return None

    def _path(self, ref: DocumentRef) -> str:
        if ref.ticket is None:
            raise Rejected(f"{ref.id!r} names no issue")
        return issue_path(ref.ticket.key)

    def _state(self, issue: Json) -> DocumentState:
        text = str(issue.get("body") or "").replace("\r\n", "\n")
        ticket = ref_of(self._connection, issue)
        version = hashlib.sha256(text.encode()).hexdigest()
        ref = DocumentRef(self.kind, ticket.id, ticket.url, version, ticket)
        return DocumentState(ref, regions(text), region_headings(text), _status(issue), text)


def fitted(text: str, limit: int = BODY_LIMIT) -> str:
    """`text` with rows of its timeline left out until it has at most `limit` characters.

    What people wrote goes first, then other changes, then changes of status; of equal rows the
    latest. A text that is too long without its timeline stays too long.
    """
    over = len(text) - limit
    timeline = regions(text).get("timeline")
    if over <= 0 or timeline is None or "\n|" not in timeline:
        return text
    before = sum(int(count) for count in _LEFT_OUT_BEFORE.findall(timeline))
    head, *rows = [line for line in timeline.split("\n") if line.startswith("|")]
    rule, rows = rows[:1], rows[1:]
    order = sorted(range(len(rows)), key=lambda row: (_weight(rows[row]), -row))
    dropped: set[int] = set()
    freed = -len(_LEFT_OUT) - 10
    while freed < over and len(dropped) < len(order):
        row = order[len(dropped)]
        dropped.add(row)
        freed += len(rows[row]) + 1
    kept = [head, *rule, *(line for row, line in enumerate(rows) if row not in dropped)]
    note = _LEFT_OUT.format(count=before + len(dropped))
    return replace_regions(text, {"timeline": "\n".join([*kept, "", note])})


def _weight(row: str) -> int:
    """How much a row of the timeline is worth: what was recorded of the status most."""
    if "| recorded |" not in row:
        return 0
    return 2 if "| status: " in row or "| Ticket opened |" in row else 1


def _status(issue: Json) -> DocumentStatus:
    if issue["state"] == "closed":
        declined = issue.get("state_reason") in ("not_planned", "duplicate")
        return DocumentStatus.DECLINED if declined else DocumentStatus.PUBLISHED
    labels = {str(label["name"]) for label in issue.get("labels") or []}
    return DocumentStatus.IN_REVIEW if _IN_REVIEW in labels else DocumentStatus.DRAFT
