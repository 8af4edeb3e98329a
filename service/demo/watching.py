"""Waiting until the service came to rest, and looking whether everything is as it should be."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import requests

from integrations.sandbox import Sandbox
from service.container.trackers import Trackers
from service.reconciler import DOCUMENTS, POLL_JOB
from service.routing import INCIDENT_JOB
from service.store import Store
from service.store.deliveries import JOB as DELIVERY_JOB
from service.store.jobs import Jobs
from workflows.documents import regions
from workflows.model import ActionItem, Incident, Outlook, Postmortem, Ticket, TicketRef

WITHIN = 60.0  # seconds for the service to come to rest
LOOK_EVERY = 0.05

#: Nobody waits for what waits so long by the service's clock.
LONG = timedelta(hours=1)


class WentWrong(Exception):
    """The story did not come out right. `key` is the incident that tells why."""

    def __init__(self, words: str, key: str) -> None:
        super().__init__(words)
        self.key = key


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks at the sandbox, at the service's store (read only), and through the adapters."""

    sandbox: Sandbox
    store: Store
    trackers: Trackers

    # --- waiting ------------------------------------------------------------------------------

    def rest(self, key: str) -> float:
        """Wait until every webhook arrived and everything that it led to is done, but for what
        waits for hours, as reminders do on a weekend; returns how many seconds that took. Raises
        WentWrong."""
        kinds = (DELIVERY_JOB, INCIDENT_JOB)

        def left(jobs: Jobs) -> int:
            soon = self.store.clock() + LONG
            far = [job for job in jobs.waiting("") if job.kind in kinds and job.due_at > soon]
            return sum(jobs.unfinished(kind) for kind in kinds) - len(far)

        return self._until_none(key, left)

    def pause(self, key: str) -> None:
        """Wait until every webhook arrived and nothing at all is due or under way: all there is
        waits for its time, which may be moved now. Raises WentWrong."""
        self._until_none(key, lambda jobs: jobs.unfinished() - len(jobs.waiting("")))

    def _until_none(self, key: str, count: Callable[[Jobs], int]) -> float:
        began = time.monotonic()
        while time.monotonic() - began < WITHIN:
            sent = len(self.sandbox.hooks.log)
            arrived = self.sandbox.hooks.drain(timeout=1.0)
            with self.store.read() as tx:
                left = count(tx.jobs)
            if arrived and not left and sent == len(self.sandbox.hooks.log):
                return time.monotonic() - began
            time.sleep(LOOK_EVERY)
        raise WentWrong(f"Followthrough did not come to rest within {WITHIN:.0f} s.", key)

    def documents_looked_at(self, key: str) -> None:
        """Ask for the look at all documents that comes every few minutes by itself, and wait
        for its end. Raises WentWrong."""
        with self.store.write() as tx:
            tx.jobs.touch(POLL_JOB, DOCUMENTS, reason="the demo does not wait for its time")
        give_up_at = time.monotonic() + WITHIN
        while time.monotonic() < give_up_at:
            with self.store.read() as tx:
                job = tx.jobs.get(POLL_JOB, DOCUMENTS)
            if job and job.lease_until is None and job.due_at > datetime.now(UTC):
                return
            time.sleep(LOOK_EVERY)
        raise WentWrong(f"The documents were not looked at within {WITHIN:.0f} s.", key)

    # --- looking ------------------------------------------------------------------------------

    def incident(self, key: str) -> Incident:
        with self.store.read() as tx:
            found = tx.incidents.find(key)
        if len(found) != 1:
            raise WentWrong(f"Followthrough knows {len(found)} incidents as {key}.", key)
        return found[0].incident

    def ticket(self, ref: TicketRef) -> Ticket:
        return self.trackers.by_connection[ref.connection].fetch(ref)

    def text(self, document: Postmortem) -> str:
        """The document as Markdown, wherever it is kept."""
        if document.ref.ticket is not None:
            return self.ticket(document.ref.ticket).text
        store = self.trackers.documents(document.ref.kind, document.connection)
        return store.read(document.ref, document.headings).text or ""

    def tally(self) -> Counter[str]:
        """How many things there are in both trackers."""
        issues = self.sandbox.jira.issues.values()
        found = Counter(f"{issue.type}s in Jira" for issue in issues)
        for repo in self.sandbox.github.repos.values():
            pulls = sum(issue.pull is not None for issue in repo.issues.values())
            found["pull requests in GitHub"] += pulls
            found["issues in GitHub"] += len(repo.issues) - pulls
        return +found

    # --- checking -----------------------------------------------------------------------------

    def check(self, key: str, actions: Sequence[str], summary: str = "") -> Incident:
        """That the incident has its one document and exactly these tasks, all linked in both
        directions, and that people's `summary` stands. Raises WentWrong."""
        incident = self.incident(key)
        wrong = list(self._wrong(incident, actions, summary))
        if wrong:
            raise WentWrong("Not as it should be:\n" + "\n".join(f"- {w}" for w in wrong), key)
        return incident

    def _wrong(self, incident: Incident, actions: Sequence[str], summary: str) -> Iterator[str]:
        key, document = incident.ticket.key, incident.postmortem
        if incident.outlook is not Outlook.DONE:
            yield f"{key} is {incident.outlook.value}: {incident.waiting_for}"
        if document is None:
            yield f"{key} has no postmortem"
            return
        found = [item.title for item in incident.actions]
        if found != list(actions):
            yield f"the action items of {key} are {found}, not {list(actions)}"
        text = self.text(document)
        if summary not in text:
            yield "the summary that somebody wrote is gone"
        told = self._shown(incident.ticket)
        comments = [c for c in self.ticket(incident.ticket).comments if c.id == incident.comment_id]
        if len(comments) != 1 or not _leads_to(document.ref.url, comments[0].text):
            yield f"no comment on {key} leads to the postmortem"
        if not _leads_to(incident.ticket.url, text):
            yield f"the postmortem does not lead to {key}"
        for item in incident.actions:
            yield from self._wrong_task(incident, item, document, told, text)

    def _wrong_task(
        self, incident: Incident, item: ActionItem, document: Postmortem, told: str, text: str
    ) -> Iterator[str]:
        """`told` is what people see of the incident, `text` the document."""
        key, task = incident.ticket.key, item.task
        if task is None:
            yield f"{item.name} has no task"
            return
        listed, shown = regions(text).get("actions", text), self._shown(task)
        if not _leads_to(task.url, told):
            yield f"{key} does not lead to {task.key}"
        if not _leads_to(incident.ticket.url, shown):
            yield f"{task.key} does not lead to {key}"
        if not _leads_to(document.ref.url, shown):
            yield f"{task.key} does not lead to the postmortem"
        if item.name not in listed or not _leads_to(task.url, listed):
            yield f"the postmortem does not lead to {task.key} ({item.name})"

    def _shown(self, ref: TicketRef) -> str:
        """A ticket as people see it: its page, with relations, and its text with all links."""
        page = requests.get(ref.url, timeout=10)
        page.raise_for_status()
        return f"{page.text}\n{self.ticket(ref).text}"


def _leads_to(url: str, text: str) -> bool:
    return re.search(rf"{re.escape(url)}(?![\w-])", text) is not None
