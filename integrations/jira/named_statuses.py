"""Whether a project has the statuses that the rules name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from integrations.findings import Finding, Kind
from integrations.uses import NamedStatus
from workflows.policy import same_word


def named_statuses(
    place: str, types: Mapping[str, Iterable[str]], named: Iterable[NamedStatus]
) -> Iterator[Finding]:
    """`types` are the project's issue types with the statuses of each. What has an issue type that
    the project lacks is held against all statuses: the type is told elsewhere. Each status is told
    once, with every part of the rules that names it; one of several is a note where another of
    them is there."""
    known = {same_word(kind): tuple(statuses) for kind, statuses in types.items()}
    lacking: dict[tuple[str, tuple[str, ...]], list[NamedStatus]] = {}
    matched: set[str] = set()
    for one in named:
        kinds = [kind for kind in one.issue_types if same_word(kind) in known]
        of = [known[same_word(kind)] for kind in kinds] or list(known.values())
        there = tuple(dict.fromkeys(name for statuses in of for name in statuses))
        if same_word(one.name) in {same_word(name) for name in there}:
            matched.add(one.rule)
        else:
            lacking.setdefault((one.name, there), []).append(one)
    for (name, there), where in lacking.items():
        rules = " and ".join(dict.fromkeys(one.rule for one in where))
        kinds = [kind for one in where for kind in one.issue_types if same_word(kind) in known]
        whose = f"{', '.join(dict.fromkeys(kinds))} in {place}" if kinds else place
        yield Finding(
            matched.issuperset(one.rule for one in where),
            f"{whose} has no status {name}, which {rules} names",
            f"Name another one under {rules} in the rules; there are {', '.join(there)}.",
            kind=Kind.STATUS,
        )
