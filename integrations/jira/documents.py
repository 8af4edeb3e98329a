"""Postmortems that are Jira issues: the description is the document.

Neither ADF nor wiki text has hidden comments, so a region is what stands under its heading.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.jira.adapter import JiraTracker
from integrations.jira.reading import status
from integrations.jira.site import label, summary
from integrations.jira.text import LONGEST
from integrations.jira.webhook import PROPERTY
from integrations.tracker import NotThere, Rejected, StaleVersion, TrackerError
from workflows.documents import region_headings, regions, replace_regions
from workflows.effects import CreateDocument, TaskTarget
from workflows.fitting import fitted
from workflows.model import (
    DocumentRef,
    DocumentState,
    DocumentStatus,
    StatusCategory,
    TicketRef,
)
from workflows.policy import SET_ASIDE_REASONS, same_word

log = logging.getLogger(__name__)

_TIMELINE = "timeline"


class JiraIssueDocuments:
    """Postmortems as issues of one Jira site, as `integrations.tracker.DocumentStore`."""

    kind = "jira-issue"

    def __init__(self, tracker: JiraTracker) -> None:
        self._tracker = tracker
        self._site = tracker.site

    def create(self, wanted: CreateDocument) -> DocumentState:
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
        body = self._described(wanted.text)
        asked: dict[str, Any] = {
            "fields": {
                "project": {"key": target.place},
                "issuetype": {"id": screen.type_id},
                "summary": summary(wanted.title),
                "description": body,
            },
            "properties": [{"key": PROPERTY, "value": {"key": wanted.key}}],
        }
        if target.labels and screen.takes("labels"):
            asked["fields"]["labels"] = [label(one) for one in target.labels]
        links = site.links(wanted.incident) if screen.takes("issuelinks") else []
        if links:
            asked["update"] = {"issuelinks": links}
        ref = site.reader.ref(site.client.post("/issue", asked))
        if not links and wanted.incident.connection == site.connection:
            self._link(wanted, ref)
        return self._state(ref, body, region_headings(wanted.text), DocumentStatus.DRAFT)

    def _link(self, wanted: CreateDocument, ref: TicketRef) -> None:
        try:
            self._tracker.link(wanted.incident, ref, wanted.title, wanted.key)
        except TrackerError as error:
            # The document exists and must not be asked for again because of its link; the one
            # comment on the incident names it anyway.
            log.warning("%s is not linked to %s: %s", ref.key, wanted.incident.key, error.words)

    def _described(self, text: str) -> Any:
        markup = self._site.markup
        return fitted(
            regions(text).get(_TIMELINE, ""),
            lambda timeline: markup.from_markdown(replace_regions(text, {_TIMELINE: timeline})),
            self._fits,
        )

    def _fits(self, body: Any) -> bool:
        return self._site.markup.size(body) <= LONGEST

    def find(self, wanted: CreateDocument, since: datetime) -> DocumentState | None:
        """The document that carries the key, if there is one; absence alone proves nothing."""
        place = TaskTarget(self._site.connection, wanted.target.place)
        found = self._tracker.find_created([wanted.key], wanted.incident, place, since)
        ref = found.get(wanted.key)
        if ref is None:
            return None
        try:
            return self.read(self._ref(ref), region_headings(wanted.text))
        except NotThere:
            return None

    def read(self, ref: DocumentRef, headings: Mapping[str, str]) -> DocumentState:
        """As it is now. NotThere when it was deleted."""
        issue = self._site.client.get(f"/issue/{ref.id}", fields="description,status,resolution")
        fields = issue["fields"]
        known = self._site.reader.ref(issue)
        return self._state(known, fields.get("description"), headings, _life(fields))

    def write(self, known: DocumentState, regions: Mapping[str, str]) -> DocumentState:
        """Replace these regions' sections in the description as it is now. StaleVersion when
        one of them is no longer as `known`; Jira itself cannot compare and swap."""
        client, markup = self._site.client, self._site.markup
        path = f"/issue/{known.ref.id}"
        issue = client.get(path, fields="description,status,resolution")
        fields, ref = issue["fields"], self._site.reader.ref(issue)
        before = fields.get("description")
        now = self._state(ref, before, known.headings, _life(fields))
        for name in regions:
            if now.regions.get(name) != known.regions.get(name):
                raise StaleVersion(f"{ref.key}: somebody changed {known.headings.get(name, name)}")
        bodies = {known.headings[n]: body for n, body in regions.items() if n in known.headings}
        heading = known.headings.get(_TIMELINE, "")
        after = fitted(
            bodies.get(heading, ""),
            lambda timeline: markup.replace_sections(
                before, {**bodies, heading: timeline} if timeline else bodies
            ),
            self._fits,
        )
        written = self._state(ref, after, known.headings, now.status)
        if written.regions != now.regions:
            client.put(path, {"fields": {"description": after}})
        return written

    def version(self, ref: DocumentRef) -> str | None:
        """None: an issue's `updated` moves with every comment, so it must be read to know."""
        del ref
        return None

    def _ref(self, ref: TicketRef) -> DocumentRef:
        return DocumentRef(self.kind, ref.id, ref.url, version="", ticket=ref)

    def _state(
        self, ref: TicketRef, body: Any, headings: Mapping[str, str], life: DocumentStatus
    ) -> DocumentState:
        found = self._site.markup.sections(body)
        return DocumentState(
            ref=self._ref(ref),
            regions={name: found[text] for name, text in headings.items() if text in found},
            headings=dict(headings),
            status=life,
        )


def _life(fields: Mapping[str, Any]) -> DocumentStatus:
    """New is a draft, in progress is in review, done is published, unless it was set aside."""
    read = status(fields)
    if read.category is not StatusCategory.DONE:
        new = read.category is StatusCategory.NEW
        return DocumentStatus.DRAFT if new else DocumentStatus.IN_REVIEW
    if same_word(read.reason or "") in SET_ASIDE_REASONS:
        return DocumentStatus.DECLINED
    return DocumentStatus.PUBLISHED
