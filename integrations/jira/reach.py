"""Whether issues of a type can be brought to a status that means done, as far as it can be seen.

Jira tells transitions for one issue only, from where it is, and workflows to administrators alone
(https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-get).
So the ways are looked up by the issues that stand in each status now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from integrations.findings import Finding, Kind
from integrations.jira.reading import status
from integrations.jira.screens import answers
from integrations.jira.site import JiraSite
from integrations.jira.statuses import Target
from integrations.jira.workflow import Way, Workflows, standing
from integrations.uses import Creation
from workflows.model import StatusCategory, TicketRef
from workflows.policy import same_word
from workflows.tasks import StatusWish

#: So many open issues, the latest updated first, are looked through for one in each status.
_LOOKED_AT = 200

#: Issue type → its statuses → whether each means done.
Statuses = Mapping[str, Mapping[str, bool]]


def statuses_of(site: JiraSite, place: str) -> Statuses:
    """One read.
    https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-projects/#api-rest-api-3-project-projectidorkey-statuses-get
    """
    return {
        str(kind["name"]): {
            str(each["name"]): (each.get("statusCategory") or {}).get("key") == "done"
            for each in kind.get("statuses") or ()
        }
        for kind in site.client.listed(f"/project/{place}/statuses")
    }


def done_at_all(place: str, types: Statuses) -> Finding:
    """Without a status of the category done nothing there would ever count as closed."""
    done = {name for known in types.values() for name, closes in known.items() if closes}
    if done:
        return Finding(True, f"{place} closes issues by {', '.join(sorted(done))}")
    mend = f"Give the workflow of {place} a status of the category Done."
    return Finding(False, f"{place} has no status that means done", mend, kind=Kind.DONE)


def way_to_done(
    site: JiraSite,
    place: str,
    issue_type: str,
    known: Mapping[str, bool],
    made: Sequence[Creation],
) -> Iterator[Finding]:
    """From each status that an open issue of the type stands in, does a way lead to a status that
    means done, and have the rules of those that are `made` a value for all that its screens demand?
    One search, one read for each such status, and one more for each whose ways demand something.
    Where a way leads on to a status that no issue stands in, nobody can tell, and nothing is said.
    """
    flows = Workflows(site)
    spots = list[_Spot]()
    for issue in _one_in_each(site, place, issue_type, known):
        here = standing(issue)
        ref = TicketRef(site.connection, str(issue["id"]), str(issue["key"]), "")
        spots.append(_Spot(here.status.name, ref, flows.read_ways(ref, here)))
    ways = {spot.status: _onward(spot.ways, _closes) for spot in spots}
    what = f"{issue_type} in {place}"
    for spot in spots:
        if not _leads(spot.status, ways):
            yield _no_way(what, spot, _closure(spot.status, ways))
    yield from _demanded(flows, what, known, spots, made)


@dataclass(frozen=True, slots=True)
class _Spot:
    """A status, and what the issue that stands in it is offered."""

    status: str
    ref: TicketRef
    ways: tuple[Way, ...]


def _closes(way: Way) -> bool:
    return way.category is StatusCategory.DONE


def _onward(ways: Iterable[Way], ends: Callable[[Way], bool]) -> set[str]:
    """The statuses that they lead to; "" alone where one of them ends there."""
    offered = list(ways)
    return {""} if any(ends(way) for way in offered) else {way.to for way in offered}


def _leads(start: str, ways: Mapping[str, set[str]]) -> bool:
    """Whether done is reached from there, or may be by what is not known."""
    reached = _closure(start, ways)
    return "" in reached or not reached <= ways.keys()


def _no_way(what: str, spot: _Spot, reached: set[str]) -> Finding:
    onward = ", ".join(sorted(reached - {spot.status})) or "nowhere"
    return Finding(
        False,
        f"{what} cannot be brought from {spot.status} to a status that means done "
        f"({spot.ref.key} is offered ways to {onward})",
        f"Give the workflow of {what} a transition to a status of the category Done, or let this "
        "account take it: its condition may hide it.",
        to_write=True,
        kind=Kind.DONE,
    )


def _demanded(
    flows: Workflows,
    what: str,
    known: Mapping[str, bool],
    spots: Sequence[_Spot],
    made: Sequence[Creation],
) -> Iterator[Finding]:
    """Ways to done that are there, and that no issue of a rule could be sent, as screens on them
    demand fields without a value. A field that the issue looked at has a value in is passed over:
    others may be given theirs in the same way."""
    found: dict[_Barred, dict[str, None]] = {}
    for creation in made:
        if creation.done is not None:
            target = Target(_of_those_there(creation.done, known))
            for barred in _barred(flows, spots, target):
                found.setdefault(barred, {})[f"{creation.rule}.fill"] = None
    for barred, where in found.items():
        way = "cannot be brought" if barred.certain else "is not brought straight"
        yield Finding(
            not barred.certain,
            f"{what} {way} from {barred.status} to done: {barred.words}",
            f"Name a value that it takes under {' and '.join(where)} in the rules, or make the "
            "field optional on the transition's screen.",
            to_write=True,
            kind=Kind.REQUIRED_FIELD,
        )


@dataclass(frozen=True, slots=True)
class _Barred:
    """From this status only ways lead to done whose screens demand what `words` say. Not `certain`:
    another way may lead there, by a status that no issue stands in."""

    status: str
    words: str
    certain: bool


def _barred(flows: Workflows, spots: Sequence[_Spot], target: Target) -> Iterator[_Barred]:
    def ends(way: Way) -> bool:
        return target.fits(way.to, way.category)

    lacking = {spot.status: _lacking(flows, spot, target) for spot in spots}
    every = {spot.status: _onward(spot.ways, ends) for spot in spots}
    free = {
        spot.status: _onward((w for w in spot.ways if w.id not in lacking[spot.status]), ends)
        for spot in spots
    }
    for spot in spots:
        here, reached = lacking[spot.status], _closure(spot.status, free)
        if "" in reached or "" not in _closure(spot.status, every):
            continue
        if reached <= free.keys():
            passed = (spot.status, *sorted(reached - {spot.status}))
            words = [said for name in passed for said in lacking[name].values()]
            yield _Barred(spot.status, "; ".join(dict.fromkeys(words)), certain=True)
        elif direct := [way for way in spot.ways if way.id in here and ends(way)]:
            words = [here[way.id] for way in direct]
            # what is offered everywhere demands the same in the statuses that nobody stands in
            certain = all(way.everywhere for way in direct)
            yield _Barred(spot.status, "; ".join(dict.fromkeys(words)), certain)


def _of_those_there(wish: StatusWish, known: Mapping[str, bool]) -> StatusWish:
    """Names of statuses that are not there are told by themselves."""
    there = {same_word(name) for name in known}
    return replace(wish, names=tuple(name for name in wish.names if same_word(name) in there))


def _lacking(flows: Workflows, spot: _Spot, target: Target) -> dict[str, str]:
    """Transition → what its screen demands and nobody has a value for, in words."""
    asked = {way.id: answers(flows.site, target, way).lacking for way in spot.ways}
    ids = {id for lacking in asked.values() for id in lacking}
    held = flows.holds(spot.ref, sorted(ids)) if ids else {}
    told = dict[str, str]()
    for way, lacking in asked.items():
        if words := [said for id, said in lacking.items() if not held[id]]:
            told[way] = "; ".join(words)
    return told


def _one_in_each(
    site: JiraSite, place: str, issue_type: str, known: Mapping[str, bool]
) -> Iterator[Mapping[str, Any]]:
    open_ones = ", ".join(f'"{_escaped(name)}"' for name, closes in known.items() if not closes)
    if not open_ones:
        return
    jql = (
        f'project = "{_escaped(place)}" AND issuetype = "{_escaped(issue_type)}"'
        f" AND status in ({open_ones}) ORDER BY updated DESC"
    )
    met = set[str]()
    for issue in islice(site.client.search(jql, "status,issuetype,project"), _LOOKED_AT):
        name = status(issue["fields"]).name
        if name not in met:
            met.add(name)
            yield issue


def _closure(start: str, ways: Mapping[str, set[str]]) -> set[str]:
    """All that is reached from there by what is known; "" stands for done."""
    reached, waiting = {start}, [start]
    while waiting:
        for name in ways.get(waiting.pop(), ()):
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return reached


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"')
