"""Who is who across trackers: one name for a person, and a handle in each.

The rules say it first. Besides, everybody whom a ticket of ours named is remembered, and two of
different trackers are one person by an equal visible address, and by an equal login, each where
the rules allow that (`Policy.people_by`). What would mean two people means nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from workflows.model import ActionItem, Incident, Person
from workflows.policy import KnownPerson, Met, Policy, Team, known_person, same_word, written_words
from workflows.snapshots import Claim, Field, Side

EMAIL, LOGIN = "email", "login"


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody as a tracker of this kind named them."""

    kind: str
    person: Person


@dataclass(frozen=True, slots=True)
class Missing:
    """A handle on `connection` that an owner needs there, and by what to look for it."""

    connection: str
    place: str
    way: str
    word: str


def name_of(person: Person, kind: str, policy: Policy) -> str:
    """What the record calls somebody whom a tracker of this kind names: as the rules do, else as
    the tracker does; with the handle where that name alone would mean several."""
    at = (kind, same_word(person.handle))
    known = policy.met.by_handle.get(at) or _by_handle(person.handle, kind, policy)
    return known.name if known else policy.met.names.get(at, person.name)


def is_known(person: Person, kind: str, policy: Policy) -> bool:
    """Whether somebody whom a tracker of this kind names is in the rules, or was met before."""
    at = (kind, same_word(person.handle))
    met = policy.met
    return at in met.by_handle or at in met.names or bool(_by_handle(person.handle, kind, policy))


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
    said_in = _said_in(claim, home, claimed_kind)
    known = _meant(owner, said_in, policy)
    if known is not None:
        return known.handles.get(kind)
    if said_in != kind:
        return None
    if claim is not None and claim.word:
        return claim.word
    word = same_word(owner)
    return policy.met.handles.get((kind, word), None if word in policy.met.spoken else owner)


def missing(incident: Incident, team: Team, policy: Policy) -> Iterator[Missing]:
    """Handles that owners of the incident's items need, where we may look for them and know by
    what."""
    home = policy.connections.get(incident.ticket.connection, "")
    rules = team.postmortem
    for item in incident.actions:
        claim = item.said.get(Field.OWNER)
        refs = {Side.TASK: item.task, Side.TWIN: item.twin}
        ref = refs.get(claim.side) if claim else None
        claimed = policy.connections.get(ref.connection, "") if ref else ""
        for target in (rules.tasks, rules.twin):
            kind = policy.connections.get(target.connection, "") if target else ""
            if item.owner is None or item.given_up or target is None or not kind:
                continue
            if handle_of(item.owner, kind, policy, claim, home, claimed) is None:
                for way, word in _clues(item, _said_in(claim, home, claimed), policy):
                    yield Missing(target.connection, target.place, way, word)


def _clues(item: ActionItem, said_in: str, policy: Policy) -> Iterator[tuple[str, str]]:
    """By what the owner may be looked for in a tracker that does not know them yet."""
    owner = item.owner or ""
    known = _meant(owner, said_in, policy)
    handle = policy.met.handles.get((said_in, same_word(owner)))
    if known is not None:
        email, logins = known.email, tuple(known.handles.values())
        email = email or next(
            (e for k, h in known.handles.items() if (e := policy.met.emails.get(_at(k, h)))), None
        )
    elif handle is not None:
        email, logins = policy.met.emails.get(_at(said_in, handle)), (handle,)
    else:
        return
    if email and EMAIL in policy.people_by:
        yield EMAIL, email
    if LOGIN in policy.people_by:
        yield from ((LOGIN, login) for login in dict.fromkeys(logins))


def _said_in(claim: Claim | None, home: str, claimed_kind: str) -> str:
    """The kind of tracker in which an owner was named; "" for a document."""
    if claim is None:
        return home
    return "" if claim.side is Side.DOCUMENT else claimed_kind


def _meant(owner: str, said_in: str, policy: Policy) -> KnownPerson | None:
    known = known_person(policy, owner, said_in)
    if known is None and not said_in:
        return policy.met.alone.get(same_word(owner))
    return known


def _by_handle(handle: str, kind: str, policy: Policy) -> KnownPerson | None:
    wanted = same_word(handle)
    return next(
        (p for p in policy.people if same_word(p.handles.get(kind, "")) == wanted and wanted), None
    )


def _at(kind: str, handle: str) -> tuple[str, str]:
    return kind, same_word(handle)


# --- telling people apart -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """What is taken for one person: somebody of the rules, if any, and accounts of theirs. `ways`
    are those by which accounts came to it, by kind; an account of the rules came by none."""

    written: KnownPerson | None = None
    accounts: tuple[Seen, ...] = ()
    ways: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_single(self) -> bool:
        """One account, which nothing ties to anybody: known in one kind of tracker alone."""
        return self.written is None and len(self.accounts) == 1

    @property
    def handles(self) -> dict[str, str]:
        return {a.kind: a.person.handle for a in self.accounts} | dict(
            self.written.handles if self.written else {}
        )

    @property
    def name(self) -> str:
        """As the rules say, else a name that is more than a handle."""
        if self.written is not None:
            return self.written.name
        named = sorted(self.accounts, key=lambda a: (a.person.name == a.person.handle, a.kind))
        return named[0].person.name

    @property
    def emails(self) -> set[str]:
        """The addresses of the person: those of accounts that were closed are nobody's."""
        seen = (a.person.email for a in self.accounts if a.person.active)
        said = self.written.email if self.written else None
        return {same_word(email) for email in (said, *seen) if email}

    @property
    def logins(self) -> set[str]:
        closed = {a.kind for a in self.accounts if not a.person.active}
        return {same_word(h) for kind, h in self.handles.items() if kind not in closed}

    @property
    def words(self) -> set[str]:
        names = {self.name, *(a.person.name for a in self.accounts), *self.handles.values()}
        return {*map(same_word, names), *self.emails}


def with_seen(policy: Policy, seen: Iterable[Seen]) -> Policy:
    """The policy with whom the trackers named: the rules' people with the handles that were found
    for them, and the others as `Policy.met`. Its hash stays that of the rules."""
    groups = told_apart(policy, seen)
    used = Counter(chain.from_iterable(group.words for group in groups))
    known = [(group, _person(group, used)) for group in groups]
    people = tuple(person for _, person in known if person.written)
    single = [(g.accounts[0], p) for g, p in known if g.is_single]
    several = [(g, p) for g, p in known if not g.is_single]
    found = [(g, p) for g, p in several if not p.written]
    accounts = [account for group in groups for account in group.accounts]
    met = Met(
        by_handle={_at(k, h): p for _, p in several for k, h in p.handles.items()},
        by_word={
            word: p
            for g, p in found
            for word in (same_word(p.name), *g.emails)
            if used[word] <= 1  # a name that means several is none of anybody's words
        }
        | {word: p for p in reversed(people) for word in written_words(p)},
        names={_at(a.kind, a.person.handle): p.name for a, p in single},
        handles=_handles(known),
        alone={
            same_word(p.name): p
            for a, p in single
            if used[same_word(p.name)] <= 1 and p.name != a.person.handle
        },
        emails={
            _at(a.kind, a.person.handle): a.person.email
            for a in accounts
            if a.person.email and a.person.active
        },
        spoken=frozenset(
            same_word(a.person.name) for a in accounts if a.person.name != a.person.handle
        ),
    )
    return replace(policy, people=people, met=met)


def _handles(known: Iterable[tuple[Group, KnownPerson]]) -> dict[tuple[str, str], str | None]:
    """Whose handle a word is in trackers of one kind: a handle, or a name of its owner."""
    meant: dict[tuple[str, str], set[str]] = {}
    for group, person in known:
        names = {person.name, group.name, *(a.person.name for a in group.accounts)}
        for kind, handle in person.handles.items():
            for word in (*names, handle):
                meant.setdefault(_at(kind, word), set()).add(handle)
    return {at: next(iter(all_of)) if len(all_of) == 1 else None for at, all_of in meant.items()}


def _person(group: Group, used: Mapping[str, int]) -> KnownPerson:
    if group.written is not None:
        found = {kind: way for kind, way in group.ways.items() if kind not in group.written.handles}
        return replace(group.written, handles=group.handles, found=found)
    name, first = group.name, group.accounts[0]
    if used.get(same_word(name), 0) > 1:
        handle = first.person.handle
        name = f"{name} ({first.kind})" if name == handle else f"{name} ({handle}, {first.kind})"
        while same_word(name) in used:  # somebody calls themselves so
            name += "*"
    email = next((a.person.email for a in group.accounts if a.person.email), None)
    return KnownPerson(name, email, group.handles, group.ways, written=False)


def told_apart(policy: Policy, seen: Iterable[Seen]) -> list[Group]:
    """Everybody: the rules' people in their order, then all others. An account is in one group."""
    accounts = _accounts(seen)
    groups = []
    for person in policy.people:
        theirs = [
            accounts.pop(_at(k, h)) for k, h in person.handles.items() if _at(k, h) in accounts
        ]
        groups.append(Group(person, tuple(theirs)))
    groups += [Group(None, (account,)) for _, account in sorted(accounts.items())]
    if EMAIL in policy.people_by:
        groups = _joined(groups, EMAIL, [group.emails for group in groups])
    if LOGIN in policy.people_by:
        groups = _joined(groups, LOGIN, [group.logins for group in groups])
    return groups


def _accounts(seen: Iterable[Seen]) -> dict[tuple[str, str], Seen]:
    """Each account once. Where two trackers of one kind do not agree on an address, it has none."""
    found: dict[tuple[str, str], Seen] = {}
    for one in seen:
        at = _at(one.kind, one.person.handle)
        before = found.setdefault(at, one)
        theirs, ours = before.person.email, one.person.email
        if theirs and ours and same_word(theirs) != same_word(ours):
            found[at] = replace(before, person=replace(before.person, email=None))
        elif ours and not theirs and before.person.active:
            found[at] = replace(before, person=replace(before.person, email=ours))
    return found


def _joined(groups: Sequence[Group], way: str, words: Sequence[set[str]]) -> list[Group]:
    """Groups that share a word become one, unless that would be no one person's: then all that
    hang together by it stay as they are."""
    leader = list(range(len(groups)))

    def lead(n: int) -> int:
        while leader[n] != n:
            n = leader[n]
        return n

    first: dict[str, int] = {}
    for n, theirs in enumerate(words):
        for word in theirs:
            low, high = sorted((lead(first.setdefault(word, n)), lead(n)))
            leader[high] = low
    members: dict[int, list[int]] = {}
    for n in range(len(groups)):
        members.setdefault(lead(n), []).append(n)
    result: list[Group] = []
    for numbers in members.values():
        several = [groups[n] for n in numbers]
        one = len(several) > 1 and _is_one(several, way)
        result += [_one(several, way)] if one else several
    return [*(g for g in result if g.written), *(g for g in result if not g.written)]


def _is_one(groups: Sequence[Group], way: str) -> bool:
    """One handle in each kind, one person of the rules, and, where logins alone say so, no
    addresses that say otherwise."""
    kinds = Counter(kind for group in groups for kind in group.handles)
    written = sum(group.written is not None for group in groups)
    addresses = [group.emails for group in groups if group.emails]
    differ = way == LOGIN and len(addresses) > 1 and not set.intersection(*addresses)
    return max(kinds.values(), default=0) <= 1 and written <= 1 and not differ


def _one(groups: Sequence[Group], way: str) -> Group:
    written = next((group.written for group in groups if group.written), None)
    accounts = tuple(account for group in groups for account in group.accounts)
    ways: dict[str, str] = {}
    for group in groups:
        by = dict.fromkeys(group.handles, way) if group.written is None else {}
        ways |= {**by, **group.ways}
    return Group(written, accounts, ways)
