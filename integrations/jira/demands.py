"""Whether what a creation screen demands is filled in, for each rule that creates issues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from integrations.findings import Finding, Kind
from integrations.jira.filling import as_taken, value_for
from integrations.jira.site import JiraSite, Screen
from integrations.uses import Creation

#: Required fields that we fill in, or that Jira fills in.
_FILLED = frozenset({"project", "issuetype", "summary", "description", "reporter"})


def required(
    site: JiraSite, place: str, screen: Screen, made: Sequence[Creation]
) -> Iterator[Finding]:
    """`made` are creations of one issue type, each with a `fill` of its own. Those that lack the
    same are told together."""
    kind = f"{made[0].issue_type} in {place}"
    asked = {id: name for id, name in screen.demands().items() if id not in _FILLED}
    lacking: dict[tuple[str, ...], dict[str, None]] = {}
    wrong: dict[tuple[str, str], dict[str, None]] = {}
    for creation in made:
        given, missing = dict(creation.fill), list[str]()
        under = f"{creation.rule}.fill" if creation.rule else "fill"
        for id, name in asked.items():
            value = value_for(id, name, given, screen.fields)
            if not value:
                missing.append(name)
                continue
            try:
                as_taken(site, screen.fields[id], value)
            except ValueError as no:
                wrong.setdefault((_told(id, name), str(no)), {})[under] = None
        if missing:
            lacking.setdefault(tuple(missing), {})[under] = None
    for names, where in lacking.items():
        listed = ", ".join(names)
        mend = f"Name a value for {listed} under {' and '.join(where)} in the rules, or make it "
        mend += "optional, or give it a default."
        yield Finding(False, f"{kind} demands {listed}", mend, kind=Kind.REQUIRED_FIELD)
    for (field, fault), where in wrong.items():
        mend = f"Name another value for {field} under {' and '.join(where)} in the rules."
        words = f"{kind} does not take {field}: {fault}"
        yield Finding(False, words, mend, kind=Kind.REQUIRED_FIELD)
    if not lacking and not wrong:
        words = f"{kind} demands nothing that we do not fill in"
        yield Finding(True, words, kind=Kind.REQUIRED_FIELD)


def _told(id: str, name: str) -> str:
    return name if name == id else f"{name} ({id})"
