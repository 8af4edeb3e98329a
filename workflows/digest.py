"""The weekly digest: what came due, is late and was done, in a screenful."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from workflows.effects import CreateTask, WriteNote
from workflows.markup import inert, link, plain_title
from workflows.model import DocumentStatus, Incident, Kind, Phase, TicketRef
from workflows.people import handle_of
from workflows.policy import Policy, Team
from workflows.portfolio import destination
from workflows.postmortem import MUTE_LABEL
from workflows.rungs import Audit
from workflows.taken import Taken, listed, taken
from workflows.targets import target_of
from workflows.team_books import TeamBook, digest_key, digests_key

#: So many of each list are shown.
MOST_ROWS = 5

LABELS = ("digest",)

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Digest:
    """What there is to say of the days from `begins` up to `ends`: measures that `came_due` and are
    open, those that were `late` before, and those that were `done`; `reviews` that are overdue,
    each as incident, step and date; and `audits` that wait for a verdict."""

    team: Team
    begins: date
    ends: date
    came_due: Sequence[Taken]
    late: Sequence[Taken]
    done: Sequence[Taken]
    reviews: Sequence[tuple[Incident, str, date]]
    audits: Sequence[tuple[Taken, Audit]]

    @property
    def says_nothing(self) -> bool:
        return not any((self.came_due, self.late, self.done, self.reviews, self.audits))


def gather(
    incidents: Sequence[Incident],
    tellable: Collection[str],
    team: Team,
    begins: date,
    ends: date,
) -> Digest:
    """What there is to say of the team's incidents, without those, and without measures, that
    people muted. `tellable` are those of which words may be repeated, by our id."""
    heard = [incident for incident in incidents if not incident.muted]
    measures = [each for each in taken(heard, tellable) if not each.item.muted]
    late = [each for each in measures if each.is_late(ends)]
    return Digest(
        team,
        begins,
        ends,
        came_due=[each for each in late if not each.is_late(begins)],
        late=[each for each in late if each.is_late(begins)],
        done=[m for m in measures if (on := m.done_on(team.calendar)) and begins <= on < ends],
        reviews=[each for incident in heard for each in _overdue_steps(incident, ends)],
        audits=[(m, audit) for m in measures for audit in m.audits if audit.lives and audit.ticket],
    )


def _overdue_steps(incident: Incident, today: date) -> Iterator[tuple[Incident, str, date]]:
    document = incident.postmortem
    if document is None or incident.phase is not Phase.CLOSED:
        return
    draft = document.status is DocumentStatus.DRAFT
    if draft and incident.synthesis_due and incident.synthesis_due < today:
        yield incident, "synthesis", incident.synthesis_due
    living = draft or document.status is DocumentStatus.IN_REVIEW
    if living and incident.review_due and incident.review_due < today:
        yield incident, "review", incident.review_due


def comment(found: Digest, book: TeamBook, ticket: TicketRef) -> WriteNote:
    """The wish that writes it as a comment, so that those who follow the ticket are told."""
    return WriteNote(digest_key(book), ticket, text(found))


def ticket(found: Digest, book: TeamBook, policy: Policy) -> CreateTask:
    """The wish that writes it as a ticket of its own."""
    title = f"Digest of {found.team.name}, {_days(found)}"
    return _ticket(digest_key(book), title, text(found), found.team, policy)


def standing_ticket(found: Digest, book: TeamBook, policy: Policy) -> CreateTask:
    """The wish that makes the ticket on which digests are comments. It names the days of the one
    that is due: so of a refused ticket the next digest asks again, in other words."""
    team = found.team
    text = (
        f"Each week a comment here tells what came due for {inert(team.name)}, what is late and"
        " what was done; in a week with nothing to tell there is none. Follow this ticket to be"
        f" told of it. With the label `{MUTE_LABEL}` it gets no more of them. It was made for the"
        f" digest of {_days(found)}."
    )
    title = f"Weekly digests of {team.name}"
    return _ticket(digests_key(book), title, text, team, policy)


def _ticket(key: str, title: str, text: str, team: Team, policy: Policy) -> CreateTask:
    to, boss = destination(team), team.manager
    kind = policy.connections[to.connection]
    return CreateTask(
        key=key,
        target=target_of(to, LABELS),
        title=plain_title(title),
        text=text,
        kind=Kind.DETECTIVE,
        incident=None,
        document=None,
        owner=handle_of(boss, kind, policy, None, "", "") if boss else None,
        owner_name=boss,
    )


# --- the text -------------------------------------------------------------------------------------


def text(found: Digest) -> str:
    """The digest in Markdown."""
    parts = [f"**{inert(found.team.name)}, {_days(found)}**"]
    parts += _part("Came due, and open", [_measure(m) for m in found.came_due])
    parts += _part("Late since before that", [_measure(m) for m in found.late])
    parts += _part("Done", [f"{each.name}: {each.title}" for each in found.done])
    parts += _part("Reviews overdue", [_review(*each) for each in found.reviews])
    parts += _part("Audits that wait for a verdict", [_audit(*each) for each in found.audits])
    return "\n\n".join(parts)


def _days(found: Digest) -> str:
    return f"{found.begins} to {found.ends - _DAY}"


def _part(name: str, rows: Sequence[str]) -> Iterator[str]:
    shown = listed(rows, lambda row: f"- {row}", MOST_ROWS)
    if shown.count:
        more = (f"- and {shown.more} more",) if shown.more else ()
        yield "\n".join([f"{name} ({shown.count}):", "", *shown.rows, *more])


def _measure(each: Taken) -> str:
    if not each.told:
        return f"{each.name}: {each.title}"
    return f"{each.name}: {each.title} ({each.owner}, due {each.due})"


def _review(incident: Incident, step: str, due: date) -> str:
    return f"{link(incident.ticket.key, incident.ticket.url)}: the {step} was due on {due}"


def _audit(each: Taken, audit: Audit) -> str:
    if audit.ticket is None or not each.told:
        return each.name
    due = f", due {audit.due}" if audit.due else ""
    return f"{link(audit.ticket.key, audit.ticket.url)} asks about {each.name}{due}"
