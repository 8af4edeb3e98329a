"""Documents as issues: the body is the Markdown.

Open = draft, with the label ``in-review`` in review; closed as completed = published, closed as
not planned = declined.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from integrations.github.client import GitHubClient, issue_path, repo_path
from integrations.github.lost import candidates
from integrations.github.marker import BODY_LIMIT, key_in, signed
from integrations.github.reading import labels_of, ref_of
from integrations.tracker import Lost, Rejected, StaleVersion
from workflows.documents import region_headings, regions, replace_regions
from workflows.effects import CreateDocument
from workflows.fitting import fitted
from workflows.model import DocumentRef, DocumentState, DocumentStatus
from workflows.versions import Publication

Json = dict[str, Any]

_IN_REVIEW = "in-review"


class GitHubIssueDocuments:
    """Documents of the kind ``github-issue`` on one server.

    GitHub compares nothing when a body is written, so each write reads first; an edit in the
    moment between the two would be lost. Every method raises the TrackerError family only.
    """

    kind = "github-issue"

    def __init__(self, connection: str, client: GitHubClient) -> None:
        self._connection = connection
        self._client = client

    def create(self, wanted: CreateDocument, *, again: bool = False) -> DocumentState:  # noqa: ARG002
        """One write. To be asked again only after `find` found nothing: issues have no name of
        their own by which GitHub would refuse a second one."""
        text = _fitted(signed(wanted.text, wanted.key))
        body: Json = {"title": wanted.title[:256], "body": text}
        if wanted.target.labels:
            body["labels"] = list(wanted.target.labels)
        return self._state(
            self._client.write("POST", f"{repo_path(wanted.target.place)}/issues", body)
        )

    def find(self, wanted: CreateDocument, lost: Lost) -> DocumentState | None:
        """The issue that is marked with `wanted`'s key: see `integrations.github.lost`."""
        for issue in candidates(self._client, self._connection, lost):
            if key_in(issue.get("body")) == wanted.key:
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
        text = _fitted(replace_regions(now.text, regions))
        if text == now.text:
            return now
        return self._state(self._client.write("PATCH", self._path(now.ref), {"body": text}))

    def version(self, ref: DocumentRef) -> str | None:  # noqa: ARG002
        """None: reading it costs the same one request."""
        return None

    def place_of(self, ref: DocumentRef) -> str:
        """``owner/name``."""
        return ref.ticket.key.rpartition("#")[0] if ref.ticket else ""

    def publications(self, ref: DocumentRef, known: frozenset[str]) -> Sequence[Publication]:  # noqa: ARG002
        """The body as it is, published when and by whom the issue was closed. An issue has no
        commits, and GitHub's REST API tells none of its earlier bodies.
        https://docs.github.com/en/rest/issues/issues#get-an-issue"""
        issue = self._client.read(self._path(ref))
        now = self._state(issue)
        if not now.ref.published:
            return ()
        by = str((issue.get("closed_by") or {}).get("login") or "")
        return (Publication(now.text or "", datetime.fromisoformat(issue["closed_at"]), by),)

    def _path(self, ref: DocumentRef) -> str:
        if ref.ticket is None:
            raise Rejected(f"{ref.id!r} names no issue")
        return issue_path(ref.ticket.key)

    def _state(self, issue: Json) -> DocumentState:
        text = str(issue.get("body") or "").replace("\r\n", "\n")
        ticket = ref_of(self._connection, issue)
        version = hashlib.sha256(text.encode()).hexdigest()
        status = _status(issue)
        token = str(issue["closed_at"]) if status is DocumentStatus.PUBLISHED else ""
        ref = DocumentRef(self.kind, ticket.id, ticket.url, version, ticket, published=token)
        return DocumentState(ref, regions(text), region_headings(text), status, text)


def _fitted(text: str, limit: int = BODY_LIMIT) -> str:
    """`text`, its timeline shortened until it has at most `limit` characters."""
    return fitted(
        regions(text).get("timeline", ""),
        lambda timeline: replace_regions(text, {"timeline": timeline}),
        lambda built: len(built) <= limit,
    )


def _status(issue: Json) -> DocumentStatus:
    if issue["state"] == "closed":
        declined = issue.get("state_reason") in ("not_planned", "duplicate")
        return DocumentStatus.DECLINED if declined else DocumentStatus.PUBLISHED
    return DocumentStatus.IN_REVIEW if _IN_REVIEW in labels_of(issue) else DocumentStatus.DRAFT
