"""What keeping tasks in sync asks of the rules: twins, words for a status, and sides that count.

As in `config.checks`, a part that was not readable is passed over: it has its complaint already.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from config.checks import PLACE_KEY, kind_of
from config.problems import Complaint, Place, spelled
from workflows.policy import Prefer, same_word
from workflows.snapshots import Field, Side

_NO_TWIN = "this team's tasks have no twin"
_MEND_NO_TWIN = "write postmortem.tasks.twin, or leave it out"


def check_sync(rules: Mapping[str, Any], told: Container[Place]) -> Iterator[Complaint]:
    """Everything about sync that is wrong between the parts of `rules`, as the schema loaded
    them; `told` are the places that it could not read."""
    connections: Mapping[str, Any] = rules.get("connections", {})
    for name, team in rules.get("teams", {}).items():
        tasks: Mapping[str, Any] | None = team.get("postmortem", {}).get("tasks")
        place = ("teams", name, "postmortem", "tasks")
        beside = (*place, "twin")
        if tasks is not None:
            yield from _check_statuses(tasks, place, connections)
            if "twin" in tasks:
                yield from _check_statuses(tasks["twin"], beside, connections)
                yield from _check_twin(tasks["twin"], tasks, beside, connections)
        audits = team.get("audits") or {}
        if "destination" in audits:
            at = ("teams", name, "audits", "destination")
            yield from _check_statuses(audits["destination"], at, connections)
        twin = tasks is None or "twin" in tasks or beside in told
        if team.get("sync", {}).get("close_milestones") and not twin:
            at = ("teams", name, "sync", "close_milestones")
            yield Complaint(at, _NO_TWIN, _MEND_NO_TWIN)
        for field in Field:
            part = team.get("sync", {}).get(field)
            if part is not None:
                at = ("teams", name, "sync", field.value)
                yield from _check_sides(part, at, twin=twin)


def _check_twin(
    twin: Mapping[str, Any], tasks: Mapping[str, Any], place: Place, connections: Mapping[str, Any]
) -> Iterator[Complaint]:
    """A twin is the same task for those who use another tracker, and nothing beside it."""
    ours, theirs = twin.get("connection"), tasks.get("connection")
    if ours is None or ours not in connections:
        return
    if ours == theirs:
        message = f"the task is in {ours} already, and a twin is for those who use another tracker"
        yield Complaint((*place, "connection"), message, "name another connection, or remove twin")
    elif _where(twin, connections) == _where(tasks, connections) is not None:
        message = f"is the same place as the task's, by another account than {theirs}"
        yield Complaint((*place, "connection"), message, "name another place, or remove twin")


def _where(part: Mapping[str, Any], connections: Mapping[str, Any]) -> tuple[str, str] | None:
    """The server's address and the place there; None where either is not known."""
    url = connections.get(part.get("connection", ""), {}).get("url")
    place = part.get(PLACE_KEY.get(kind_of(part, connections) or "", ""))
    return (url.casefold(), place.casefold()) if url and place else None


def _check_statuses(
    part: Mapping[str, Any], place: Place, connections: Mapping[str, Any]
) -> Iterator[Complaint]:
    if kind_of(part, connections) == "github":
        for key in ("statuses", "fill"):
            if key in part:
                message = "is for Jira only: a GitHub issue is open or closed, and nothing else"
                yield Complaint((*place, key), message, "remove it")
        return
    first: dict[str, tuple[Place, str]] = {}
    for progress, names in part.get("statuses", {}).items():
        at = (*place, "statuses", progress)
        if not names:
            yield Complaint(at, "names none", "name a status, or remove the line")
        for n, name in enumerate(names):
            there, other = first.setdefault(same_word(name), (at, progress))
            if other != progress:
                message = f"“{name}” means {other} already, in {spelled(there)}"
                yield Complaint((*at, n), message, "keep it at one of them")


def _check_sides(part: Mapping[str, Any], place: Place, *, twin: bool) -> Iterator[Complaint]:
    sides = part.get("from_")
    if sides is not None and not sides:
        right = "name a side, or write off to keep the field out of sync"
        yield Complaint((*place, "from"), "names none", right)
    for n, side in enumerate(sides or ()):
        if side == Side.TWIN and not twin:
            yield Complaint((*place, "from", n), _NO_TWIN, _MEND_NO_TWIN)
    preferred = part.get("prefer", Prefer.NEWEST)
    if preferred == Prefer.TWIN and not twin:
        yield Complaint((*place, "prefer"), _NO_TWIN, _MEND_NO_TWIN)
    elif preferred != Prefer.NEWEST and sides and preferred not in sides:
        strange = f"prefers {preferred}, whose edits do not count"
        right = f"add {preferred} to from, or prefer {', '.join((Prefer.NEWEST, *sides))}"
        yield Complaint((*place, "prefer"), strange, right)
