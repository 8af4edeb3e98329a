"""Whether a GitHub App may do in a repository what is asked of it there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from integrations.findings import Finding, Kind
from integrations.github.client import GitHubClient, repo_path
from integrations.github.manifest import PERMISSIONS, called
from integrations.uses import Use

#: What the tickets of every repository need.
_TICKETS = frozenset({"issues"})

#: What documents need that are pull requests. The others are told of and no fault.
_PROPOSED = frozenset({"contents", "pull_requests"})


def check_installation(client: GitHubClient, place: str, use: Use) -> Iterator[Finding]:
    """One read, and one of the App where something is lacking: it may ask for that already. An
    App that is not installed there raises Rejected."""
    told = client.read(f"{repo_path(place)}/installation")
    granted: Mapping[str, str] = told.get("permissions") or {}
    page = str(told.get("html_url") or "the App's page among the owner's installed Apps")
    owner = str(told["account"]["login"])
    yield Finding(True, f"{place}: served by the App's installation on {owner}")
    lacking = [name for name, (level, _) in PERMISSIONS.items() if not _holds(granted, name, level)]
    asked = (client.read("/app").get("permissions") or {}) if lacking else {}
    for name in lacking:
        level, purpose = PERMISSIONS[name]
        there = granted.get(name, "no access")
        words = f"{place}: the App has {there} to {called(name)}, not {level}: {purpose}"
        mend = f"Give the App {called(name)}: {level} in its settings, then accept that: {page}."
        if _holds(asked, name, level):
            words += ". It asks for that, and nobody has accepted it there"
            mend = (
                f"An owner of {owner} accepts the new permissions in its settings, under "
                f"GitHub Apps: {page}."
            )
        needed = name in _TICKETS or (use.proposed and name in _PROPOSED)
        to_write = needed and (granted.get(name) == "read" or name in _PROPOSED)
        yield Finding(not needed, words, mend, to_write=to_write, kind=Kind.PERMISSION)


def _holds(permissions: Mapping[str, str], name: str, level: str) -> bool:
    return permissions.get(name) in (level, "write")
