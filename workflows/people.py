"""Who is who across trackers: one name for a person, and a handle in each."""

from __future__ import annotations

from workflows.model import Person
from workflows.policy import KnownPerson, Policy, known_person, same_word
from workflows.snapshots import Claim, Side


def name_of(person: Person, kind: str, policy: Policy) -> str:
    """What the record calls somebody whom a tracker of this kind names: as the rules do, else as
    the tracker does."""
    known = _by_handle(person.handle, kind, policy)
    if known is None and person.email:
        known = _by_email(person.email, policy)
    return known.name if known else person.name


def name_said(said: str, policy: Policy) -> str:
    """What the record calls somebody whom people name so."""
    known = known_person(policy, said)
    return known.name if known else said.removeprefix("@").strip()


def handle_of(
    owner: str, kind: str, policy: Policy, claim: Claim | None, home: str, claimed_kind: str
) -> str | None:
    """What a tracker of this kind calls the owner; None when nobody can tell.

    Somebody whom the rules do not know is named by the word that was said, where a tracker of the
    same kind said it: by the `claim` on a side of `claimed_kind` (its own word for them, which a
    Jira name is not), or in the incident's own tracker, of the kind `home`, where the item was
    first written. Nobody is guessed across.
    """
    known = known_person(policy, owner)
    if known is not None:
        return known.handles.get(kind)
    if claim is None:
        return owner if home == kind else None
    if claim.side is Side.DOCUMENT or claimed_kind != kind:
        return None
    return claim.word or owner


def _by_handle(handle: str, kind: str, policy: Policy) -> KnownPerson | None:
    wanted = same_word(handle)
    return next(
        (p for p in policy.people if same_word(p.handles.get(kind, "")) == wanted and wanted), None
    )


def _by_email(email: str, policy: Policy) -> KnownPerson | None:
    wanted = same_word(email)
    return next((p for p in policy.people if p.email and same_word(p.email) == wanted), None)
