"""What `doctor` looks at on a Jira site, and how each fault is mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from integrations.findings import Finding, Kind
from integrations.jira.reach import Statuses, done_at_all, statuses_of, way_to_done
from integrations.jira.reading import person
from integrations.jira.site import JiraSite
from integrations.tracker import KeptThere, NotThere, Rejected, SignInFailed, TrackerError
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
    told = f"signed in to {site.client.url} as {who.name if who else 'somebody'}"
    yield Finding(True, told, kind=Kind.SIGN_IN)
    yield from _looked_at("issue link types", _link_type(site))
    for place, issue_type in places.items():
        try:
            project = site.client.get(f"/project/{place}")
        except NotThere as error:
            told = f"project {place}: {error.words}"
            yield Finding(False, told, _UNSEEN, kind=Kind.PLACE, place=place)
            continue
        except TrackerError as error:
            yield replace(_failed(f"project {place}", error), place=place)
            continue
        yield Finding(True, f"project {place} ({project.get('name', '')}) is visible")
        wanted = _Wanted(place, issue_type, kept.get(place))
        yield from _looked_at(f"project {place}", _project(site, wanted))
        if place in site.roles:
            yield from _looked_at(f"roles of {place}", _writers(site, place))
        if issue_type:
            filled = kept[place].filled if place in kept else frozenset()
            yield from _looked_at(
                f"{issue_type} in {place}", _creation(site, place, issue_type, filled)
            )


_UNSEEN = (
    "Look whether its key in the rules is right, and grant this account BROWSE_PROJECTS in it: "
    "Jira tells both alike."
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A project, and what is done there."""

    place: str
    issue_type: str
    kept: KeptThere | None


def _looked_at(what: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, up to the first call that fails, which is one itself."""
    try:
        yield from findings
    except TrackerError as error:
        yield _failed(what, error)


def _failed(what: str, error: TrackerError) -> Finding:
    kind = Kind.SIGN_IN if isinstance(error, SignInFailed) else Kind.REACH
    return Finding(False, f"{what}: {error.words}", error.mend, kind=kind)


def _link_type(site: JiraSite) -> Iterator[Finding]:
    relation = site.relation()
    if relation is not None:
        yield Finding(True, f"issue link type {relation}", kind=Kind.LINK_TYPE)
        return
    mend = "Add it in Jira under Issue linking: by it tasks and postmortem show on the incident."
    told = f"Jira has no issue link type {site.link_type}"
    yield Finding(False, told, mend, to_write=True, kind=Kind.LINK_TYPE)


def _needed(kept: KeptThere | None) -> dict[str, str]:
    needed = dict(_NEEDED)
    if kept is not None:
        needed |= dict(how for field, how in _TO_KEEP.items() if field in kept.fields)
        needed |= dict([_TO_CLOSE] if kept.closes else [])
    return needed


def _project(site: JiraSite, wanted: _Wanted) -> Iterator[Finding]:
    place, needed = wanted.place, _needed(wanted.kept)
    asked = site.client.get("/mypermissions", projectKey=place, permissions=",".join(needed))
    granted = asked.get("permissions") or {}
    held = {name for name in needed if (granted.get(name) or {}).get("havePermission")}
    for permission, words in needed.items():
        have = permission in held
        mend = f"Grant {permission} in the permission scheme of {place} to this account."
        writes = permission != "BROWSE_PROJECTS"
        yield Finding(
            have,
            f"may {words} in {place}",
            "" if have else mend,
            to_write=writes,
            kind=Kind.PERMISSION,
        )
    types = statuses_of(site, place)
    done = done_at_all(place, types)
    yield done
    if done.ok and wanted.issue_type and _TO_KEEP[Field.STATUS][0] in held:
        yield from _ends(site, wanted, types)


def _ends(site: JiraSite, wanted: _Wanted, types: Statuses) -> Iterator[Finding]:
    """Whether what is created there, and kept in sync, can be closed."""
    known = {name.casefold(): statuses for name, statuses in types.items()}
    statuses = known.get(wanted.issue_type.casefold())
    if statuses is not None:
        yield from way_to_done(site, wanted.place, wanted.issue_type, statuses)


def _writers(site: JiraSite, place: str) -> Iterator[Finding]:
    """Whose words count in a project of incidents."""
    writers, wanted = site.writers(place), site.roles[place]
    if writers.unknown:
        told = f"{place}: {writers.unknown}"
        yield Finding(False, told, writers.mend, to_write=True, kind=Kind.WRITERS)
        if not writers.roles:
            return
    there = {name.casefold() for name in writers.roles}
    for name in sorted(wanted):
        if name.casefold() not in there:
            others = ", ".join(site.client.get(f"/project/{place}/role"))
            mend = f"Name another one as writers in the rules; there are {others}."
            yield Finding(False, f"{place} has no role {name}", mend, kind=Kind.WRITERS)
    count, roles = len(writers.handles), ", ".join(writers.roles) or "no role"
    mend = "Give people one of these roles, or name others as writers in the rules."
    what = f"{count} people may write in {place} ({roles}); the lines of others stay proposals"
    yield Finding(count > 0, what, "" if count else mend, kind=Kind.WRITERS)


def _creation(
    site: JiraSite, place: str, issue_type: str, filled: frozenset[str]
) -> Iterator[Finding]:
    try:
        screen = site.screen(place, issue_type)
    except SignInFailed:
        raise
    except Rejected as error:
        yield Finding(False, error.words, error.mend, kind=Kind.ISSUE_TYPE)
        return
    yield Finding(True, f"{issue_type} may be created in {place}", kind=Kind.ISSUE_TYPE)
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
    yield Finding(not unfilled, what, mend if unfilled else "", kind=Kind.REQUIRED_FIELD)
    for field, loss in (
        ("assignee", "tasks get no owner"),
        ("duedate", "tasks get no due date"),
        ("issuelinks", "tasks are linked by a call each"),
    ):
        if not screen.takes(field):
            mend = f"Put {field} on the create screen of {issue_type} in {place}."
            told = f"{field} is not on that screen: {loss}"
            yield Finding(False, told, mend, kind=Kind.SCREEN)
    people = site.client.listed("/user/assignable/search", project=place, maxResults=50)
    count = f"{len(people)}{' or more' if len(people) >= 50 else ''}"
    mend = f"Grant ASSIGNABLE_USER in {place} to the team."
    told = f"{count} people are assignable in {place}"
    yield Finding(bool(people), told, "" if people else mend, kind=Kind.PERSON)
