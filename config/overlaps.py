"""Could one ticket be the incident of two rules? Then nobody could say whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from config.checks import PLACE_KEY
from config.problems import Complaint, Place, spelled
from workflows.policy import same_word


@dataclass(frozen=True, slots=True)
class Overlaps:
    """`complaints`: rules that match the same tickets. `warnings`: rules that only a label or
    component tells apart, which one ticket may carry both of."""

    complaints: tuple[Complaint, ...]
    warnings: tuple[str, ...]


def find_overlaps(rules: Mapping[str, Any]) -> Overlaps:
    """Compare every two watched sources of one place, of one team or of two."""
    complaints: list[Complaint] = []
    warnings: list[str] = []
    for (one, first), (other, second) in combinations(_sources(rules), 2):
        if _where(first, rules) != _where(second, rules):
            continue
        matches = first.get("match", {}), second.get("match", {})
        if _disjoint(*matches):
            continue
        if _told_apart_by_marks(*matches):
            text = f"a ticket with the labels or components of both {spelled(one)} and"
            warnings.append(f"{text} {spelled(other)} belongs to the first of them")
        else:
            message = f"may match the same tickets as {spelled(one)}"
            right = "give them matches that exclude each other, such as issue types"
            complaints.append(Complaint(other, message, right))
    return Overlaps(tuple(complaints), tuple(warnings))


def _sources(rules: Mapping[str, Any]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    for name, team in rules.get("teams", {}).items():
        for n, source in enumerate(team.get("incidents", [])):
            connection = rules.get("connections", {}).get(source.get("connection"), {})
            if "url" in connection and source.get(PLACE_KEY.get(connection.get("kind"), "")):
                yield ("teams", name, "incidents", n), source


def _where(source: Mapping[str, Any], rules: Mapping[str, Any]) -> tuple[str, str]:
    """The server's address and the place there: two connections may lead to one server."""
    connection = rules["connections"][source["connection"]]
    return connection["url"].casefold(), source[PLACE_KEY[connection["kind"]]].casefold()


def _disjoint(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether no ticket can satisfy both, because a value that is single differs."""
    pairs = [(one.get("issue_type", ()), other.get("issue_type", ()))]
    for key in ("fields_", "headings"):
        ours, theirs = one.get(key, {}), other.get(key, {})
        pairs += [(ours[name], theirs[name]) for name in ours.keys() & theirs.keys()]
    return any(a and b and not (_words(a) & _words(b)) for a, b in pairs)


def _told_apart_by_marks(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether each asks for a label or component that the other does not mention."""
    ours, theirs = (
        {(key, word) for key in ("labels", "components") for word in _words(match.get(key, ()))}
        for match in (one, other)
    )
    return bool(ours - theirs) and bool(theirs - ours)


def _words(values: tuple[str, ...]) -> set[str]:
    return {same_word(value) for value in values}
