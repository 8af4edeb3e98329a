"""Who is who, for people to read: told across trackers, and known in one alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from service.first_rules import yaml_word
from service.people import seen
from service.store.people import Asked, SeenPerson
from workflows.model import Person
from workflows.people import Group, told_apart, with_seen
from workflows.policy import KnownPerson, Policy, same_word

RULES = "rules"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody's handle in trackers of a kind, and the `way` in which it is known: ``rules``,
    ``email`` or ``login``. `left`: the account is closed."""

    kind: str
    handle: str
    way: str
    left: bool


@dataclass(frozen=True, slots=True)
class Mapped:
    """Somebody who is told across trackers. `unknown` are kinds in which nobody knows a handle."""

    name: str
    email: str | None
    accounts: tuple[Account, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unmapped:
    """An account that nothing ties to anybody. `ticket` is the key of one that named it, "" where
    none did; `line` is what would map it, under ``people`` in the rules."""

    name: str
    handle: str
    connection: str
    ticket: str
    left: bool
    line: str


@dataclass(frozen=True, slots=True)
class Who:
    """`in_vain`: for whom a tracker was asked, and did not know them or would not tell."""

    mapped: tuple[Mapped, ...]
    unmapped: tuple[Unmapped, ...]
    in_vain: tuple[Asked, ...]


def who_is_who(everybody: Iterable[SeenPerson], in_vain: Iterable[Asked], policy: Policy) -> Who:
    """The people of these rules, and all who were seen. Where all trackers are of one kind,
    nobody needs to be mapped."""
    known = list(everybody)
    kinds = sorted(set(policy.connections.values()))
    met = seen(known, policy)
    complete = with_seen(policy, met)
    groups = told_apart(policy, met)
    mapped = tuple(_mapped(group, kinds) for group in groups if not group.is_single)
    if len(kinds) < 2:
        return Who(mapped, (), tuple(in_vain))
    singles = {
        (g.accounts[0].kind, same_word(g.accounts[0].person.handle)) for g in groups if g.is_single
    }
    unmapped: dict[tuple[str, str], Unmapped] = {}
    for each in known:
        at = (policy.connections.get(each.connection, ""), same_word(each.person.handle))
        if at in singles:
            unmapped.setdefault(at, _unmapped(each, kinds, complete))
    return Who(mapped, tuple(unmapped.values()), tuple(in_vain))


def _mapped(group: Group, kinds: Iterable[str]) -> Mapped:
    closed = {a.kind for a in group.accounts if not a.person.active}
    accounts = tuple(
        Account(kind, handle, group.ways.get(kind, RULES), kind in closed)
        for kind, handle in sorted(group.handles.items())
    )
    said = group.written.email if group.written else None
    email = said or next((a.person.email for a in group.accounts if a.person.email), None)
    return Mapped(group.name, email, accounts, tuple(k for k in kinds if k not in group.handles))


def _unmapped(each: SeenPerson, kinds: Iterable[str], policy: Policy) -> Unmapped:
    kind, person = policy.connections[each.connection], each.person
    return Unmapped(
        name=person.name,
        handle=person.handle,
        connection=each.connection,
        ticket=each.ticket,
        left=not person.active,
        line=_line(person, kind, kinds, policy),
    )


def _line(person: Person, kind: str, kinds: Iterable[str], policy: Policy) -> str:
    """An entry under ``people``, with … for what somebody must fill in. Whoever of the rules has
    the same name and no such account may be meant: then it is their entry, completed."""
    entry = KnownPerson(policy.met.names.get((kind, same_word(person.handle)), person.name))
    for one in policy.people:
        if same_word(one.name) == same_word(person.name) and kind not in one.handles:
            entry = one
    email = entry.email or person.email
    handles = {**dict.fromkeys(kinds, ""), **entry.handles, kind: person.handle}
    parts = [f"name: {yaml_word(entry.name)}"]
    parts += [f"email: {yaml_word(email)}"] if email else []
    parts += [f"{k}: {yaml_word(handle) if handle else '…'}" for k, handle in handles.items()]
    return f"- {{{', '.join(parts)}}}"
