"""Whether a GitHub App may do in a repository what is asked of it there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from integrations.github.client import GitHubClient, repo_path
from integrations.github.manifest import PERMISSIONS, called
from integrations.tracker import Finding

#: What the tickets of every repository need. The others are for some documents and measures only.
_ALWAYS = frozenset({"issues"})


def check_installation(client: GitHubClient, place: str) -> Iterator[Finding]:
    """One read. An App that is not installed there raises Rejected."""
    told = client.read(f"{repo_path(place)}/installation")
    granted: Mapping[str, str] = told.get("permissions") or {}
    page = str(told.get("html_url") or "the App's page among the owner's installed Apps")
    yield Finding(True, f"{place}: served by the App's installation on {told['account']['login']}")
    for name, (level, purpose) in PERMISSIONS.items():
        if granted.get(name) in (level, "write"):
            continue
        there = granted.get(name, "no access")
        words = f"{place}: the App has {there} to {called(name)}, not {level}: {purpose}"
        mend = f"Give the App {called(name)}: {level} in its settings, then accept that: {page}."
        needed = name in _ALWAYS
        reads = granted.get(name) == "read"
        yield Finding(not needed, words, mend, to_write=needed and reads)
