"""What `doctor` looks at on a Jira site, and how each fault is mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from integrations.jira.reading import person
from integrations.jira.site import JiraSite
from integrations.tracker import Finding, KeptThere, TrackerError
from workflows.policy import same_word
from workflows.snapshots import Field

#: What the service does in a project, and Jira's name for the permission.
_NEEDED = {
    "BROWSE_PROJECTS": "see issues",
    "CREATE_ISSUES": "create issues",
    "EDIT_ISSUES": "edit issues",
    "LINK_ISSUES": "link issues",
    "ADD_COMMENTS": "comment",
}

#: What it does with tasks that are kept in sync. To set a fix version takes "Resolve issues", and
#: to set a due date "Schedule issues", besides "Edit issues":
#: https://confluence.atlassian.com/adminjiraserver/managing-project-permissions-938847145.html
_TO_KEEP = {
    Field.OWNER: ("ASSIGN_ISSUES", "assign tasks"),
    Field.MILESTONE: ("RESOLVE_ISSUES", "set the fix version of tasks"),
    Field.STATUS: ("TRANSITION_ISSUES", "set the status of tasks"),
    Field.DUE: ("SCHEDULE_ISSUES", "set the due date of tasks"),
}
_TO_CLOSE = ("ADMINISTER_PROJECTS", "release versions")

#: Required fields that we fill in, or that Jira fills in.
_FILLED = frozenset({"project", "issuetype", "summary", "description", "reporter"})


def check(
    site: JiraSite, places: Mapping[str, str], kept: Mapping[str, KeptThere]
) -> Iterator[Finding]:
    """Sign-in, link type, then each project (key → issue type to be created there, or ""), and
    what `kept` in sync takes there."""
    try:
        me = site.client.get("/myself")
    except TrackerError as error:
        yield _failed(f"sign in to {site.client.url}", error)
        return
    who = person(me)
    yield Finding(True, f"signed in to {site.client.url} as {who.name if who else 'somebody'}")
    yield from _looked_at("issue link types", _link_type(site))
    for place, issue_type in places.items():
        yield from _looked_at(f"project {place}", _project(site, place, kept.get(place)))
        if place in site.roles:
            yield from _looked_at(f"roles of {place}", _writers(site, place))
        if issue_type:
            filled = kept[place].filled if place in kept else frozenset()
            yield from _looked_at(
                f"{issue_type} in {place}", _creation(site, place, issue_type, filled)
            )


def _looked_at(what: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, up to the first call that fails, which is one itself."""
    try:
        yield from findings
    except TrackerError as error:
        yield _failed(what, error)


def _failed(what: str, error: TrackerError) -> Finding:
    return Finding(False, f"{what}: {error.words}", error.mend)


def _link_type(site: JiraSite) -> Iterator[Finding]:
    relation = site.relation()
    yield Finding(
        relation is not None,
        f"issue link type {relation or site.link_type}",
        "" if relation else "Add it under Jira's issue linking, or name another one.",
    )


def _needed(kept: KeptThere | None) -> dict[str, str]:
    needed = dict(_NEEDED)
    if kept is not None:
        needed |= dict(how for field, how in _TO_KEEP.items() if field in kept.fields)
        needed |= dict([_TO_CLOSE] if kept.closes else [])
    return needed


def _project(site: JiraSite, place: str, kept: KeptThere | None) -> Iterator[Finding]:
    project = site.client.get(f"/project/{place}")
    yield Finding(True, f"project {place} ({project.get('name', '')}) is visible")
    needed = _needed(kept)
    asked = site.client.get("/mypermissions", projectKey=place, permissions=",".join(needed))
    granted = asked.get("permissions") or {}
    for permission, words in needed.items():
        have = bool((granted.get(permission) or {}).get("havePermission"))
        mend = f"Grant {permission} in the permission scheme of {place} to this account."
        writes = permission != "BROWSE_PROJECTS"
        yield Finding(have, f"may {words} in {place}", "" if have else mend, to_write=writes)
    yield _way_to_done(place, site.client.listed(f"/project/{place}/statuses"))


def _writers(site: JiraSite, place: str) -> Iterator[Finding]:
    """Whose words count in a project of incidents."""
    writers, wanted = site.writers(place), site.roles[place]
    if writers.unknown:
        yield Finding(False, f"{place}: {writers.unknown}", writers.mend, to_write=True)
        if not writers.roles:
            return
    there = {name.casefold() for name in writers.roles}
    for name in sorted(wanted):
        if name.casefold() not in there:
            others = ", ".join(site.client.get(f"/project/{place}/role"))
            mend = f"Name another one as writers in the rules; there are {others}."
            yield Finding(False, f"{place} has no role {name}", mend)
    count, roles = len(writers.handles), ", ".join(writers.roles) or "no role"
    mend = "Give people one of these roles, or name others as writers in the rules."
    what = f"{count} people may write in {place} ({roles}); the lines of others stay proposals"
    yield Finding(count > 0, what, "" if count else mend)


def _way_to_done(place: str, types: Any) -> Finding:
    """Without a status of the category done nothing there would ever count as closed."""
    done = {
        str(status["name"])
        for issue_type in types
        for status in issue_type.get("statuses") or ()
        if (status.get("statusCategory") or {}).get("key") == "done"
    }
    if done:
        return Finding(True, f"{place} closes issues by {', '.join(sorted(done))}")
    mend = f"Give the workflow of {place} a status of the category Done."
    return Finding(False, f"{place} has no status that means done", mend)


def _creation(
    site: JiraSite, place: str, issue_type: str, filled: frozenset[str]
) -> Iterator[Finding]:
    screen = site.screen(place, issue_type)
    yield Finding(True, f"{issue_type} may be created in {place}")
    given = {same_word(name) for name in filled}
    unfilled = [
        name
        for id, name in screen.demands().items()
        if id not in _FILLED and given.isdisjoint({same_word(id), same_word(name)})
    ]
    mend = f"Name a value for {', '.join(unfilled)} under fill where {issue_type} is created by the"
    mend += " rules, or make it optional, or give it a default."
    what = f"{issue_type} in {place} demands nothing that we do not fill in"
    if unfilled:
        what = f"{issue_type} in {place} demands {', '.join(unfilled)}"
    yield Finding(not unfilled, what, mend if unfilled else "")
    for field, loss in (
        ("assignee", "tasks get no owner"),
        ("duedate", "tasks get no due date"),
        ("issuelinks", "tasks are linked by a call each"),
    ):
        if not screen.takes(field):
            mend = f"Put {field} on the create screen of {issue_type} in {place}."
            yield Finding(False, f"{field} is not on that screen: {loss}", mend)
    people = site.client.listed("/user/assignable/search", project=place, maxResults=50)
    count = f"{len(people)}{' or more' if len(people) >= 50 else ''}"
    mend = f"Grant ASSIGNABLE_USER in {place} to the team."
    yield Finding(bool(people), f"{count} people are assignable in {place}", "" if people else mend)
