"""Postmortems that are Jira issues: the description is the document.

Neither ADF nor wiki text has hidden comments, so a region is what stands under its heading.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from integrations.jira.adapter import JiraTracker
from integrations.jira.client import Refused
from integrations.jira.filling import filled, mend_of
from integrations.jira.reading import moment, status
from integrations.jira.site import label, summary
from integrations.jira.text import LONGEST
from integrations.jira.webhook import PROPERTY
from integrations.tracker import Lost, NotThere, Rejected, StaleVersion, TrackerError
from workflows.documents import region_headings, regions, replace_regions
from workflows.effects import CreateDocument
from workflows.fitting import fitted
from workflows.model import (
    DocumentRef,
    DocumentState,
    DocumentStatus,
    StatusCategory,
    TicketRef,
)
from workflows.policy import SET_ASIDE_REASONS, same_word
from workflows.versions import Publication

log = logging.getLogger(__name__)

_TIMELINE = "timeline"

#: "The entered text is too long. It exceeds the allowed limit of 32,767 characters.", and on Cloud
#: CONTENT_LIMIT_EXCEEDED.
_TOO_LONG = re.compile(r"too long|exceeds the allowed limit|CONTENT_LIMIT", re.IGNORECASE)

#: Characters that the timeline leaves free in a full description: the tasks' links come into the
#: action table later, when there is no timeline at hand that could give way.
ROOM = 4_000

_FIELDS = "description,status,resolution,resolutiondate,statuscategorychangedate,updated"

Sent = TypeVar("Sent")


@dataclass(frozen=True, slots=True)
class _Life:
    """Where a document stands; `published` tells one publication from the next."""

    status: DocumentStatus
    published: str = ""


class JiraIssueDocuments:
    """Postmortems as issues of one Jira site, as `integrations.tracker.DocumentStore`."""

    kind = "jira-issue"

    def __init__(self, tracker: JiraTracker) -> None:
        self._tracker = tracker
        self._site = tracker.site

    def create(self, wanted: CreateDocument, *, again: bool = False) -> DocumentState:  # noqa: ARG002
        """Create the issue, marked with the key and related to the incident.

        It always creates: after an outcome that is unknown, `find` is asked first.
        """
        target, site = wanted.target, self._site
        screen = site.screen(target.place, target.issue_type or "Task")
        if not screen.takes("description"):
            raise Rejected(
                f"{target.place} has no description on its create screen",
                mend=f"Put the description on the create screen of {target.place}.",
            )
        kind = f"{target.place}'s {target.issue_type or 'Task'}"
        asked: dict[str, Any] = {
            "fields": {
                **filled(site, screen, dict(target.fill), kind),
                "project": {"key": target.place},
                "issuetype": {"id": screen.type_id},
                "summary": summary(wanted.title),
            },
            "properties": [{"key": PROPERTY, "value": {"key": wanted.key}}],
        }
        if target.labels and screen.takes("labels"):
            asked["fields"]["labels"] = [label(one) for one in target.labels]
        links = site.links(wanted.incident) if screen.takes("issuelinks") else []
        if links:
            asked["update"] = {"issuelinks": links}

        def send(body: Any) -> Any:
            asked["fields"]["description"] = body
            try:
                return site.client.post("/issue", asked)
            except Refused as no:
                mend = no.mend or mend_of(no.fields, asked["fields"], kind)
                raise Refused(no.words, no.answer, mend=mend) from no

        body, made = self._fitted(
            regions(wanted.text).get(_TIMELINE, ""),
            lambda timeline: site.markup.from_markdown(
                replace_regions(wanted.text, {_TIMELINE: timeline})
            ),
            send,
        )
        ref = site.reader.ref(made)
        if not links:
            self._link(wanted, ref)
        return self._state(ref, body, region_headings(wanted.text), _Life(DocumentStatus.DRAFT))

    def _link(self, wanted: CreateDocument, ref: TicketRef) -> None:
        if wanted.incident.connection != self._site.connection:
            return
        try:
            self._tracker.link(wanted.incident, ref, wanted.title, wanted.key)
        except TrackerError as error:
            # The document exists and must not be asked for again because of its link; the one
            # comment on the incident names it anyway.
            log.warning("%s is not linked to %s: %s", ref.key, wanted.incident.key, error.words)

    def _fitted(
        self, timeline: str, build: Callable[[str], Any], send: Callable[[Any], Sent]
    ) -> tuple[Any, Sent]:
        """The body that `send` got through, as long as Jira takes it, and what it answered.

        A refusal for its length is certainly without effect: it is sent once more, measured the
        stricter way.
        """
        generous, *stricter = (partial(_fits, size) for size in self._site.markup.sizes)
        body = fitted(timeline, build, generous)
        try:
            return body, send(body)
        except Refused as error:
            if not stricter or not _TOO_LONG.search(error.words):
                raise
        body = fitted(timeline, build, stricter[0])
        return body, send(body)

    def find(self, wanted: CreateDocument, lost: Lost) -> DocumentState | None:
        """The document that carries the key, if there is one; absence alone proves nothing."""
        ref = self._tracker.find_created(lost).get(wanted.key)
        if ref is None:
            return None
        try:
            found = self.read(self._ref(ref), region_headings(wanted.text))
        except NotThere:
            return None
        target = wanted.target
        screen = self._site.screen(target.place, target.issue_type or "Task")
        if not screen.takes("issuelinks"):  # then its link was to come after it, and did not
            self._link(wanted, ref)
        return found

    def read(self, ref: DocumentRef, headings: Mapping[str, str]) -> DocumentState:
        """As it is now. NotThere when it was deleted."""
        issue = self._site.client.get(f"/issue/{ref.id}", fields=_FIELDS)
        fields = issue["fields"]
        known = self._site.reader.ref(issue)
        return self._state(known, fields.get("description"), headings, _life(fields))

    def write(self, known: DocumentState, regions: Mapping[str, str]) -> DocumentState:
        """Replace these regions' sections in the description as it is now. StaleVersion when
        one of them is no longer as `known`; Jira itself cannot compare and swap."""
        client, markup = self._site.client, self._site.markup
        path = f"/issue/{known.ref.id}"
        issue = client.get(path, fields=_FIELDS)
        fields, ref = issue["fields"], self._site.reader.ref(issue)
        before = fields.get("description")
        life = _life(fields)
        now = self._state(ref, before, known.headings, life)
        for name in regions:
            if now.regions.get(name) != known.regions.get(name):
                raise StaleVersion(f"{ref.key}: somebody changed {known.headings.get(name, name)}")
        bodies = {known.headings[n]: body for n, body in regions.items() if n in known.headings}
        heading = known.headings.get(_TIMELINE, "")

        def send(body: Any) -> None:
            if self._state(ref, body, known.headings, life).regions != now.regions:
                client.put(path, {"fields": {"description": body}})

        after, _ = self._fitted(
            bodies.get(heading, ""),
            lambda timeline: markup.replace_sections(
                before, {**bodies, heading: timeline} if timeline else bodies
            ),
            send,
        )
        return self._state(ref, after, known.headings, life)

    def version(self, ref: DocumentRef) -> str | None:
        """None: an issue's `updated` moves with every comment, so it must be read to know."""
        del ref
        return None

    def place_of(self, ref: DocumentRef) -> str:
        """The project's key."""
        return ref.ticket.key.rpartition("-")[0] if ref.ticket else ""

    def publications(self, ref: DocumentRef, known: frozenset[str]) -> Sequence[Publication]:  # noqa: ARG002
        """The description as it is, published when the issue was done; by whom, its fields do not
        tell."""
        fields = self._site.client.get(f"/issue/{ref.id}", fields=_FIELDS)["fields"]
        if _life(fields).status is not DocumentStatus.PUBLISHED:
            return ()
        text = self._site.markup.to_markdown(fields.get("description"))
        return (Publication(text, moment(_done_at(fields) or fields["updated"])),)

    def _ref(self, ref: TicketRef) -> DocumentRef:
        return DocumentRef(self.kind, ref.id, ref.url, version="", ticket=ref)

    def _state(
        self, ref: TicketRef, body: Any, headings: Mapping[str, str], life: _Life
    ) -> DocumentState:
        markup = self._site.markup
        found = markup.sections(body)
        return DocumentState(
            ref=replace(self._ref(ref), published=life.published),
            regions={name: found[text] for name, text in headings.items() if text in found},
            headings=dict(headings),
            status=life.status,
            text=markup.to_markdown(body),
        )


def _fits(size: Callable[[Any], int], body: Any) -> bool:
    return size(body) <= LONGEST - ROOM


def _life(fields: Mapping[str, Any]) -> _Life:
    """New is a draft, in progress is in review, done is published, unless it was set aside."""
    read = status(fields)
    if read.category is not StatusCategory.DONE:
        new = read.category is StatusCategory.NEW
        return _Life(DocumentStatus.DRAFT if new else DocumentStatus.IN_REVIEW)
    if same_word(read.reason or "") in SET_ASIDE_REASONS:
        return _Life(DocumentStatus.DECLINED)
    return _Life(DocumentStatus.PUBLISHED, _done_at(fields) or read.name)


def _done_at(fields: Mapping[str, Any]) -> str:
    """When it was done, as Jira writes it; "" where neither field tells. Team-managed projects set
    no resolution."""
    times = (fields.get(name) for name in ("resolutiondate", "statuscategorychangedate"))
    return next((str(at) for at in times if at), "")
