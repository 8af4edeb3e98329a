"""Whose effects are executed: an incident's or a team's; and what becomes of either."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from service.outcomes import new_conflicts, told
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Transaction
from service.store.codec import Json
from service.store.journal import EntryKind
from service.store.owners import OfTeam, Owner
from service.store.refs import Ref, Role
from service.store.teams import JOB as TEAM_JOB
from workflows.audit_keys import is_audit
from workflows.effects import Effect, WriteComment
from workflows.events import News, TaskCreated
from workflows.folding import fold
from workflows.model import Incident
from workflows.team_books import TeamBook, fold_team, told_of_team

O = TypeVar("O", Incident, TeamBook)  # noqa: E741 - the owner


def row_of(owner: Incident | TeamBook) -> Owner:
    """By what its rows are found."""
    return OfTeam(owner.team) if isinstance(owner, TeamBook) else owner.id


def name_of(owner: Incident | TeamBook) -> str:
    """What people call it."""
    return owner.team if isinstance(owner, TeamBook) else owner.ticket.key


def incident(owner: Incident | TeamBook) -> Incident:
    """The owner of an effect that only incidents have."""
    if isinstance(owner, TeamBook):
        raise TypeError(f"no team asks for this: {owner.team}")
    return owner


def save(tx: Transaction, owner: Incident | TeamBook, policy_hash: str) -> None:
    if isinstance(owner, TeamBook):
        tx.teams.save(owner)
    else:
        tx.incidents.save(owner, policy_hash)


def learn(news: News, owner: O) -> O:
    """The owner with what became known of one of its effects."""
    return fold_team(news, owner) if isinstance(owner, TeamBook) else fold(news, owner)


def new_edits(before: O, after: O) -> list[str]:
    """The edits of people that stand against ours since before; nobody edits what a team gets."""
    if isinstance(before, TeamBook) or isinstance(after, TeamBook):
        return []
    return new_conflicts(before, after)


def rewrites_comment(wish: Effect, owner: Incident | TeamBook) -> bool:
    """Whether it is to rewrite the one comment of an incident, which is there."""
    known = isinstance(owner, Incident) and owner.comment_id is not None
    return known and isinstance(wish, WriteComment)


def without_comment(owner: O) -> O:
    """The incident once its one comment is known to be gone."""
    return owner if isinstance(owner, TeamBook) else replace(owner, comment_id=None)


def in_words(news: News, owner: Incident | TeamBook) -> str:
    """The same in a sentence for the journal."""
    return told_of_team(news) if isinstance(owner, TeamBook) else told(news, owner)


def ref_of(news: TaskCreated, owner: Incident | TeamBook) -> Ref:
    """Whose ticket it is that was created."""
    here = (news.ref.connection, news.ref.id)
    if isinstance(owner, TeamBook):
        return Ref(*here, "", Role.TEAM, news.ref.key, team=owner.team)
    return Ref(*here, owner.id, Role.AUDIT if is_audit(news.key) else Role.TASK, news.ref.key)


def note(
    tx: Transaction, owner: Owner, kind: EntryKind, text: str, data: dict[str, Json] | None = None
) -> None:
    """Write a line about it into the journal."""
    if isinstance(owner, OfTeam):
        tx.journal.add(None, kind, text, {**(data or {}), "team": owner.name})
    else:
        tx.journal.add(owner, kind, text, data)


def ask_for_turn(tx: Transaction, owner: Owner, priority: int, why: str) -> None:
    """Ask for a turn of the incident or team."""
    if isinstance(owner, OfTeam):
        tx.jobs.touch(TEAM_JOB, owner.name, priority=priority, reason=why)
    elif (record := tx.incidents.get(owner)) is not None:
        ticket = record.incident.ticket
        subject = incident_subject(ticket.connection, ticket.id)
        tx.jobs.touch(INCIDENT_JOB, subject, priority=priority, reason=why)
