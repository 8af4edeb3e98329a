"""What `doctor` looks at on a Jira site, and how each fault is mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from integrations.findings import Finding, Kind
from integrations.jira.client import NotJira
from integrations.jira.demands import required
from integrations.jira.named_statuses import named_statuses
from integrations.jira.reach import done_at_all, statuses_of, way_to_done
from integrations.jira.reading import person
from integrations.jira.site import JiraSite
from integrations.tracker import NotThere, Rejected, SignInFailed, TrackerError
from integrations.uses import Creation, Use
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


def check(site: JiraSite, places: Mapping[str, Use]) -> Iterator[Finding]:
    """Sign-in, link type, then each project by its key: what is done there, and each type of issue
    that is created."""
    try:
        me = site.client.get("/myself")
    except TrackerError as error:
        fault = _failed(f"sign in to {site.client.url}", error)
        yield replace(fault, mend=_mend_of_path(site.client.url, error) or fault.mend)
        return
    who = person(me)
    told = f"signed in to {site.client.url} as {who.name if who else 'somebody'}"
    yield Finding(True, told, kind=Kind.SIGN_IN)
    yield from _looked_at("issue link types", _link_type(site))
    for place, use in places.items():
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
        yield from _looked_at(f"project {place}", _project(site, place, use))
        if place in site.roles:
            yield from _looked_at(f"roles of {place}", _writers(site, place))
        for issue_type in use.types():
            made = [each for each in use.creations if each.issue_type == issue_type]
            what = f"{issue_type} in {place}"
            yield from _looked_at(what, _creation(site, place, issue_type, made))
        if use.types():
            yield from _looked_at(f"people of {place}", _people(site, place))


def _mend_of_path(url: str, error: TrackerError) -> str:
    """What to do about an address that is a page's, not the site's; "" where it is no such thing.
    Data Center may have a context path:
    https://confluence.atlassian.com/adminjiraserver0908/integrating-jira-with-apache-1236936638.html
    """
    parts = urlsplit(url)
    cloud = (parts.hostname or "").endswith(".atlassian.net")
    astray = isinstance(error, (NotThere, NotJira, Rejected))
    if not parts.path or not astray or (isinstance(error, SignInFailed) and not cloud):
        return ""
    mend = f"Write only the site's address as url in the rules: {parts.scheme}://{parts.netloc}"
    if cloud:
        return f"{mend}."
    return f"{mend}, followed by the context path where a Data Center has one, such as /jira."


_UNSEEN = (
    "Look whether its key in the rules is right, and grant this account BROWSE_PROJECTS in it: "
    "Jira tells both alike."
)


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


def _needed(use: Use) -> dict[str, str]:
    needed = dict(_NEEDED)
    needed |= dict(how for field, how in _TO_KEEP.items() if field in use.kept)
    needed |= dict([_TO_CLOSE] if use.closes else [])
    return needed


def _project(site: JiraSite, place: str, use: Use) -> Iterator[Finding]:
    needed = _needed(use)
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
    yield from named_statuses(place, types, use.statuses)
    if not done.ok or _TO_KEEP[Field.STATUS][0] not in held:
        return
    known = {name.casefold(): statuses for name, statuses in types.items()}
    for issue_type in use.types():
        statuses = known.get(issue_type.casefold())
        if statuses is not None:
            made = [each for each in use.creations if each.issue_type == issue_type]
            yield from way_to_done(site, place, issue_type, statuses, made)


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
    site: JiraSite, place: str, issue_type: str, made: Sequence[Creation]
) -> Iterator[Finding]:
    try:
        screen = site.screen(place, issue_type)
    except SignInFailed:
        raise
    except Rejected as error:
        yield Finding(False, error.words, error.mend, kind=Kind.ISSUE_TYPE)
        return
    yield Finding(True, f"{issue_type} may be created in {place}", kind=Kind.ISSUE_TYPE)
    yield from required(site, place, screen, made)
    for field, loss in (
        ("assignee", "tasks get no owner"),
        ("duedate", "tasks get no due date"),
        ("issuelinks", "tasks are linked by a call each"),
    ):
        if not screen.takes(field):
            mend = f"Put {field} on the create screen of {issue_type} in {place}."
            told = f"{field} is not on that screen: {loss}"
            yield Finding(False, told, mend, kind=Kind.SCREEN)


def _people(site: JiraSite, place: str) -> Iterator[Finding]:
    people = site.client.listed("/user/assignable/search", project=place, maxResults=50)
    count = f"{len(people)}{' or more' if len(people) >= 50 else ''}"
    mend = f"Grant ASSIGNABLE_USER in {place} to the team."
    told = f"{count} people are assignable in {place}"
    yield Finding(bool(people), told, "" if people else mend, kind=Kind.PERSON)
