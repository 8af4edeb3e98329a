"""What the demo leaves to be read when its processes are gone, and the table at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.demo.ground import Ground
from service.demo.watching import Watch
from workflows.markup import cell, link
from workflows.model import ActionItem, Incident, Ticket
from workflows.postmortem import slug
from workflows.rungs import Audit

#: So wide is the middle column of the table.
_WIDEST = 72


@dataclass(frozen=True, slots=True)
class Left:
    """One incident with the file that its postmortem can be read in."""

    incident: Incident
    file: Path


def leave(watch: Watch, ground: Ground, incidents: Sequence[Incident]) -> list[Left]:
    """Write each postmortem into a file, the local one as it is, and a page that leads to them
    and shows the tickets and tasks. Returns the postmortems' files."""
    left = [Left(incident, _document(watch, ground, incident)) for incident in incidents]
    (ground.directory / "README.md").write_text("\n".join(_page(watch, ground, left)))
    return left


def table(left: Sequence[Left]) -> Iterator[str]:
    """The summary for the terminal: per incident the postmortem with both addresses, the tasks and
    the audits."""
    for one in left:
        incident, document = one.incident, one.incident.postmortem
        if document is None:
            continue
        rows = [
            (incident.ticket.key, incident.title, ""),
            ("", incident.ticket.url, ""),
            ("postmortem", f"{document.ref.kind}, {document.status.value}", ""),
            ("", document.ref.url, ""),
        ]
        rows += [
            (item.name, _owned(item.title, item.owner), item.task.key)
            for item in incident.actions
            if item.task
        ]
        rows += [
            (
                f"audit {audit.round}.{audit.rung}",
                _owned(f"of AI-{audit.item}: {_standing(audit)}", audit.reviewer),
                audit.ticket.key,
            )
            for audit in incident.audits
            if audit.ticket
        ]
        yield ""
        for name, what, key in rows:
            yield f"  {name:<11} {what:<{_WIDEST}} {key}".rstrip()


def _standing(audit: Audit) -> str:
    return f"{audit.standing}, suspect" if audit.suspect else audit.standing


def _owned(what: str, owner: str | None) -> str:
    """Something and whose it is, of what is too long its beginning."""
    whose = f" · {owner or 'nobody'}"
    return _shortened(what, _WIDEST - len(whose)) + whose


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _document(watch: Watch, ground: Ground, incident: Incident) -> Path:
    local = ground.documents / f"{incident.closed:%Y}" / f"{slug(incident.ticket.key)}.md"
    document = incident.postmortem
    if document is None or local.exists():
        return local
    file = ground.directory / f"postmortem-{slug(incident.ticket.key)}.md"
    file.write_text(watch.text(document).rstrip() + "\n")
    return file


def _page(watch: Watch, ground: Ground, left: Sequence[Left]) -> Iterator[str]:
    yield "# What the demo left\n"
    yield (
        "Three incidents of a small company, from open to closed, and what Followthrough made of"
        " them. The postmortems are files here; tickets, tasks and comments stand below. All"
        " addresses lead into the sandbox and end with it; `followthrough demo --keep` leaves it"
        " running until Ctrl-C.\n"
    )
    yield "- [rules.yaml](rules.yaml): the rules of the three teams"
    yield "- [service.log](service.log): what the service wrote while it worked\n"
    for one in left:
        yield from _section(watch, ground, one)


def _section(watch: Watch, ground: Ground, left: Left) -> Iterator[str]:
    incident, document = left.incident, left.incident.postmortem
    ticket = watch.ticket(incident.ticket)
    yield f"## {incident.ticket.key}: {incident.title}\n"
    kind = document.ref.kind if document else "none"
    path = left.file.relative_to(ground.directory)
    yield f"- Team {incident.team}, {incident.severity}, service {incident.service}"
    yield f"- Ticket: {link(incident.ticket.key, incident.ticket.url)}, {ticket.status.name}"
    yield f"- **Postmortem: [{path}]({path})** ({kind})\n"
    yield "| ID | Task | Title | Kind | Owner | Assigned | Milestone | Due | Labels |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    tasks = [(item, watch.ticket(item.task)) for item in incident.actions if item.task]
    for item, task in tasks:
        yield _row(item, task)
    comments = [c.text for c in ticket.comments if c.id == incident.comment_id]
    yield "\nFollowthrough's comment on the incident:\n"
    yield from (f"> {line}".rstrip() for text in comments for line in text.splitlines())
    for _, task in tasks[:1]:
        yield f"\nThe task {task.ref.key}, as it stands in the tracker:\n"
        yield from (f"> {line}".rstrip() for line in task.text.splitlines())
    yield from _audits(watch, incident)
    yield ""


def _audits(watch: Watch, incident: Incident) -> Iterator[str]:
    if not incident.audits:
        return
    yield "\n| Audit | Ticket | Opens | Due | Reviewer | Verdict | Evidence |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for audit in incident.audits:
        cells = [
            audit.name,
            link(audit.ticket.key, audit.ticket.url) if audit.ticket else "—",
            f"{audit.opens:%Y-%m-%d}",
            audit.due.isoformat() if audit.due else "—",
            cell(audit.reviewer),
            _standing(audit),
            cell(audit.evidence),
        ]
        yield f"| {' | '.join(cells)} |"
    for ref in [audit.ticket for audit in incident.audits if audit.ticket][:1]:
        yield f"\nThe audit {ref.key}, as it stands in the tracker:\n"
        yield from (f"> {line}".rstrip() for line in watch.ticket(ref).text.splitlines())


def _row(item: ActionItem, task: Ticket) -> str:
    cells = [
        item.name,
        link(task.ref.key, task.ref.url),
        cell(task.title),
        item.kind.value,
        cell(item.owner or ""),
        cell(task.owner.name if task.owner else "nobody"),
        cell(task.milestone or ""),
        task.due.isoformat() if task.due else "—",
        cell(", ".join(task.labels)),
    ]
    return f"| {' | '.join(cells)} |"
