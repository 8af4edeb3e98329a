"""Whether issues of a type can be brought to a status that means done, as far as it can be seen.

Jira tells transitions for one issue only, from where it is, and workflows to administrators alone
(https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-get).
So the ways are looked up by the issues that stand in each status now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from integrations.findings import Finding, Kind
from integrations.jira.reading import status
from integrations.jira.site import JiraSite
from integrations.jira.workflow import Workflows, standing
from workflows.model import StatusCategory, TicketRef

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
    site: JiraSite, place: str, issue_type: str, known: Mapping[str, bool]
) -> Iterator[Finding]:
    """From each status that an open issue of the type stands in, does a way lead to a status that
    means done? One search, and one read for each such status. Where a way leads on to a status
    that no issue stands in, nobody can tell, and nothing is said."""
    ways = dict[str, set[str]]()
    seen = dict[str, str]()
    flows = Workflows(site)
    for issue in _one_in_each(site, place, issue_type, known):
        here, key = standing(issue), str(issue["key"])
        ref = TicketRef(site.connection, str(issue["id"]), key, "")
        offered = flows.read_ways(ref, here)
        done = {way.to for way in offered if way.category is StatusCategory.DONE}
        ways[here.status.name] = {""} if done else {way.to for way in offered}
        seen[here.status.name] = key
    for name, key in seen.items():
        reached = _closure(name, ways)
        if "" in reached or not reached <= ways.keys():
            continue
        onward = ", ".join(sorted(reached - {name})) or "nowhere"
        yield Finding(
            False,
            f"{issue_type} in {place} cannot be brought from {name} to a status that means done "
            f"({key} is offered ways to {onward})",
            f"Give the workflow of {issue_type} in {place} a transition to a status of the "
            "category Done, or let this account take it: its condition may hide it.",
            to_write=True,
            kind=Kind.DONE,
        )


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
