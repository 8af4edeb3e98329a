"""What one key of the rules means for another: everything named is known, everything fits.

The checks run on whatever the schema could read, so that all problems are told at once; a part
that was not readable is passed over here, because it has its complaint already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from string import Formatter
from typing import Any

from config.problems import Complaint, Place, nearest, spelled, suggestion
from config.secrets import SecretSource
from config.signing_in import check_auth, whose
from workflows.policy import SourceKind, same_word

PATH_WORDS = ("year", "month", "incident", "severity", "service")
TITLE_WORDS = ("incident", "severity", "service")

#: Which kind of connection a kind of document needs; a directory needs none.
_KEEPER_OF = {
    "github-pull-request": "github",
    "github-issue": "github",
    "jira-issue": "jira",
    "confluence-page": "confluence",
}
#: The key that names the place inside a connection, by the connection's kind.
PLACE_KEY = {"jira": "project", "github": "repository", "confluence": "space"}
_EXAMPLE_OF = {"jira": "INC", "github": "acme/ops", "confluence": "OPS"}

#: The kinds of connections that keep tickets.
TRACKERS = ("jira", "github")


def cross_check(rules: Mapping[str, Any]) -> Iterator[Complaint]:
    """Everything that is wrong between the parts of `rules`, as the schema loaded them."""
    connections: Mapping[str, Any] = rules.get("connections", {})
    people = person_names(rules.get("people", []))
    severities = tuple(rules.get("severities", {}))
    yield from _empty(rules)
    yield from _check_connections(connections)
    yield from _check_severities(rules.get("severities", {}))
    yield from _check_people(rules.get("people", []))
    for name, team in rules.get("teams", {}).items():
        place = ("teams", name)
        yield from _check_team(team, place, connections, people)
        yield from _check_severity_names(team, place, severities)
    yield from _check_writers(rules.get("teams", {}))


def person_names(people: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Every word by which somebody may be named in the rules, and that person's name."""
    return {
        same_word(person[key]): person["name"]
        for person in people
        for key in ("name", "email", "jira", "github")
        if key in person and "name" in person
    }


def bare_severity(word: str) -> str:
    """The form in which severities are compared: "SEV-1" and "sev 1" are one."""
    return "".join(filter(str.isalnum, same_word(word)))


def _empty(rules: Mapping[str, Any]) -> Iterator[Complaint]:
    for key in ("connections", "teams", "severities"):
        if key in rules and not rules[key]:
            yield Complaint((key,), "names none", "write at least one")


# --- connections, severities, people --------------------------------------------------------------


def _check_connections(connections: Mapping[str, Any]) -> Iterator[Complaint]:
    seen: dict[tuple[str | None, str, str, SecretSource | None], str] = {}
    for name, connection in connections.items():
        place = ("connections", name)
        kind = connection.get("kind")
        if kind == "github" and "deployment" in connection:
            message = "is for Jira and Confluence only"
            yield Complaint((*place, "deployment"), message, "remove it")
        if kind not in (None, "github") and "limits" in connection:
            yield Complaint((*place, "limits"), "is for GitHub only", "remove it")
        if kind == "confluence" and connection.get("webhook_secrets"):
            message = "means nothing for Confluence, whose pages are polled"
            yield Complaint((*place, "webhook_secrets"), message, "remove it")
        yield from check_auth(connection, place)
        url = connection.get("url", name)
        account = (kind, url, *whose(connection.get("auth", {})))
        if account in seen:
            message = f"is the same server and account as {seen[account]}"
            yield Complaint(place, message, "keep one of them")
        seen.setdefault(account, name)


def _check_severities(severities: Mapping[str, Any]) -> Iterator[Complaint]:
    owner: dict[str, str] = {}
    for name, severity in severities.items():
        first, last = severity.get("synthesis_within"), severity.get("review_within")
        if first and last and first.unit is last.unit and first.count > last.count:
            message = "is later than the review"
            place = ("severities", name, "synthesis_within")
            yield Complaint(place, message, "let the synthesis come before it")
        for word in (name, *severity.get("aliases", ())):
            other = owner.setdefault(bare_severity(word), name)
            if other != name:
                message = f"“{word}” means {other} already"
                yield Complaint(("severities", name), message, "keep it at one of them")


def _check_people(people: Sequence[Mapping[str, Any]]) -> Iterator[Complaint]:
    owner: dict[str, int] = {}
    for n, person in enumerate(people):
        for key in ("name", "email", "jira", "github"):
            word = person.get(key)
            if word and owner.setdefault(same_word(word), n) != n:
                message = f"“{word}” is also people[{owner[same_word(word)]}]"
                yield Complaint(("people", n, key), message, "write what tells them apart")


# --- one team -------------------------------------------------------------------------------------


def _check_team(
    team: Mapping[str, Any],
    place: Place,
    connections: Mapping[str, Any],
    people: Mapping[str, str],
) -> Iterator[Complaint]:
    if "incidents" in team and not team["incidents"]:
        yield Complaint((*place, "incidents"), "is empty", "write what is watched")
    for n, source in enumerate(team.get("incidents", [])):
        yield from _check_source(source, (*place, "incidents", n), connections)
    for at, who in _people_named(team, place):
        if same_word(who) not in people:
            right = nearest(who, people.values()) or "add them to people"
            yield Complaint(at, f"nobody in people is called “{who}”", right)
    postmortem = team.get("postmortem", {})
    inside = (*place, "postmortem")
    if "document" in postmortem:
        yield from _check_document(postmortem["document"], (*inside, "document"), connections)
    if "tasks" in postmortem:
        at = (*inside, "tasks")
        yield from check_tasks(postmortem["tasks"], at, connections)
        if "twin" in postmortem["tasks"]:
            yield from check_tasks(postmortem["tasks"]["twin"], (*at, "twin"), connections)
    for n, action in enumerate(postmortem.get("standard_actions", [])):
        at = (*inside, "standard_actions", n, "title")
        yield from _check_words(action.get("title", ""), at, TITLE_WORDS)


def _people_named(team: Mapping[str, Any], place: Place) -> Iterator[tuple[Place, str]]:
    if "manager" in team:
        yield (*place, "manager"), team["manager"]
    for role, people in team.get("rota", {}).items():
        for n, who in enumerate(people):
            yield (*place, "rota", role, n), who
    for n, action in enumerate(team.get("postmortem", {}).get("standard_actions", [])):
        if "owner" in action:
            yield (*place, "postmortem", "standard_actions", n, "owner"), action["owner"]


def _check_severity_names(
    team: Mapping[str, Any], place: Place, known: Sequence[str]
) -> Iterator[Complaint]:
    postmortem = team.get("postmortem", {})
    conditions = [((*place, "postmortem"), postmortem)]
    for n, action in enumerate(postmortem.get("standard_actions", [])):
        conditions.append(((*place, "postmortem", "standard_actions", n), action))
    for at, condition in conditions:
        for n, name in enumerate(condition.get("when", {}).get("severity", ())):
            if name not in known:
                wrong = (*at, "when", "severity", n)
                yield Complaint(wrong, f"“{name}” is no severity", suggestion(name, known))


def _check_source(
    source: Mapping[str, Any], place: Place, connections: Mapping[str, Any]
) -> Iterator[Complaint]:
    yield from _check_connection(source, place, connections)
    kind = kind_of(source, connections)
    if kind not in TRACKERS:
        yield from _check_tracker(source, place, kind)
        return
    yield from _check_place(source, place, kind)
    if kind == "jira":
        if "writers" in source and not source["writers"]:
            yield Complaint((*place, "writers"), "names none", "name a role of the project")
        return
    if "writers" in source:
        message = "is for Jira only: GitHub says by itself who may write"
        yield Complaint((*place, "writers"), message, "remove it")
    reads = [("severity",), ("service",), *(("moments", m) for m in source.get("moments", {}))]
    for steps in reads:
        read: Any = source
        for step in steps:
            read = read.get(step) if read else None
        if read and read.kind in (SourceKind.FIELD, SourceKind.COMPONENT, SourceKind.STATUS):
            message = f"a GitHub issue has no {read.kind} to read this from"
            yield Complaint((*place, *steps), message, "write {heading: …} or {label: …}")
    for key in ("fields_", "components"):
        if source.get("match", {}).get(key):
            said = key.rstrip("_")
            message = f"a GitHub issue has no {said}"
            yield Complaint((*place, "match", said), message, "use labels or headings")


def _check_writers(teams: Mapping[str, Any]) -> Iterator[Complaint]:
    """Who may write in a project does not depend on the team that reads a ticket there."""
    first: dict[tuple[str, str], tuple[Place, frozenset[str]]] = {}
    for name, team in teams.items():
        for n, source in enumerate(team.get("incidents", [])):
            if "connection" not in source or "project" not in source:
                continue
            place: Place = ("teams", name, "incidents", n)
            roles = frozenset(map(str.casefold, source.get("writers", ())))
            where = (source["connection"], source["project"])
            there, others = first.setdefault(where, (place, roles))
            if roles != others:
                message = f"{source['project']} has other writers in {spelled(there)}"
                yield Complaint((*place, "writers"), message, "name the same roles in both")


def _check_connection(
    part: Mapping[str, Any], place: Place, connections: Mapping[str, Any]
) -> Iterator[Complaint]:
    name = part.get("connection")
    if name is not None and name not in connections:
        right = suggestion(name, list(connections))
        yield Complaint((*place, "connection"), f"no connection is called “{name}”", right)


def kind_of(part: Mapping[str, Any], connections: Mapping[str, Any]) -> str | None:
    """The kind of the connection that `part` names; None where that has its complaint already."""
    kind: str | None = connections.get(part.get("connection", ""), {}).get("kind")
    return kind


def _check_tracker(part: Mapping[str, Any], place: Place, kind: str | None) -> Iterator[Complaint]:
    """There are tickets in Jira and GitHub only."""
    if kind not in (None, *TRACKERS):
        message = f"{part['connection']} is a {kind} connection, which keeps no tickets"
        yield Complaint((*place, "connection"), message, "name one of Jira or GitHub")


def _check_place(part: Mapping[str, Any], place: Place, kind: str) -> Iterator[Complaint]:
    """Jira things stand in a project, GitHub's in a repository, Confluence's in a space, and in
    nothing else."""
    wanted = PLACE_KEY[kind]
    for key in PLACE_KEY.values():
        if key != wanted and key in part:
            message = f"does not fit, because {part['connection']} is a {kind} connection"
            yield Complaint((*place, key), message, f"write {wanted} instead")
        elif key == wanted and key not in part and len(part.keys() & PLACE_KEY.values()) == 0:
            yield Complaint((*place, key), "is missing", f"write {wanted}: {_EXAMPLE_OF[kind]}")


# --- destinations ---------------------------------------------------------------------------------


def _check_document(
    document: Mapping[str, Any], place: Place, connections: Mapping[str, Any]
) -> Iterator[Complaint]:
    kind = document.get("kind")
    if kind is None:
        return
    if kind == "git-directory":
        if "directory" not in document:
            right = "write directory: the path of a git repository"
            yield Complaint((*place, "directory"), "is missing", right)
        yield from _refuse(document, place, kind, ("connection", *PLACE_KEY.values()))
    else:
        if "connection" not in document:
            right = f"write connection: the name of a {_KEEPER_OF[kind]} connection"
            yield Complaint((*place, "connection"), "is missing", right)
        yield from _check_connection(document, place, connections)
        keeper = kind_of(document, connections)
        if keeper is not None and keeper != _KEEPER_OF[kind]:
            message = f"{kind} needs a {_KEEPER_OF[kind]} connection, and this one is {keeper}"
            yield Complaint((*place, "connection"), message, "name another, or another kind")
        elif keeper is not None:
            yield from _check_place(document, place, keeper)
        yield from _refuse(document, place, kind, ("directory",))
    if kind != "jira-issue":
        yield from _refuse(document, place, kind, ("issue_type", "fill"))
    if kind == "confluence-page":
        yield from _check_words(document.get("parent", ""), (*place, "parent"), PATH_WORDS)
    else:
        yield from _refuse(document, place, kind, ("parent",))
    if kind in ("github-issue", "jira-issue", "confluence-page"):
        yield from _refuse(document, place, kind, ("path",))
    else:
        yield from _refuse(document, place, kind, ("labels",))
        yield from _check_path(document.get("path"), (*place, "path"))
    if kind in ("jira-issue", "confluence-page"):
        yield from check_labels(document, place, _KEEPER_OF[kind].capitalize())


def check_tasks(
    tasks: Mapping[str, Any], place: Place, connections: Mapping[str, Any]
) -> Iterator[Complaint]:
    """What is wrong with a place where tickets are to be created."""
    yield from _check_connection(tasks, place, connections)
    kind = kind_of(tasks, connections)
    if kind not in TRACKERS:
        yield from _check_tracker(tasks, place, kind)
        return
    yield from _check_place(tasks, place, kind)
    if kind == "jira":
        yield from check_labels(tasks, place, "Jira")


def _refuse(
    part: Mapping[str, Any], place: Place, kind: str, keys: Iterable[str]
) -> Iterator[Complaint]:
    for key in keys:
        if part.get(key):
            yield Complaint((*place, key), f"means nothing for {kind}", "remove it")


def check_labels(part: Mapping[str, Any], place: Place, whose: str) -> Iterator[Complaint]:
    """Labels of `part` that a Jira ticket, or a page of Confluence, cannot have."""
    # Both split at white space:
    # https://support.atlassian.com/jira-software-cloud/docs/add-a-label
    # https://support.atlassian.com/confluence-cloud/docs/use-labels-to-organize-your-content/
    for n, label in enumerate(part.get("labels", ())):
        if len(label.split()) > 1:
            message = f"{whose}'s labels hold no spaces, and “{label}” does"
            yield Complaint((*place, "labels", n), message, f"write {'-'.join(label.split())}")


def _check_path(path: str | None, place: Place) -> Iterator[Complaint]:
    if path is None:
        return
    yield from _check_words(path, place, PATH_WORDS)
    if "{incident}" not in path:
        message = "would put every postmortem into one file"
        yield Complaint(place, message, "let it hold {incident}")
    parts = path.replace("\\", "/").split("/")
    if path.startswith(("/", "~")) or any(part in ("", ".", "..", ".git") for part in parts):
        message = "must stay inside the repository"
        yield Complaint(place, message, "write postmortems/{year}/{incident}.md")


def _check_words(text: str, place: Place, words: Sequence[str]) -> Iterator[Complaint]:
    """Placeholders in braces are known and plain."""
    all_words = ", ".join(f"{{{word}}}" for word in words)
    try:
        found = [(word, bool(form or how)) for _, word, form, how in Formatter().parse(text)]
    except ValueError:
        yield Complaint(place, "has a brace without its partner", f"use {all_words}")
        return
    for word, formatted in found:
        if word is not None and (word not in words or formatted):
            yield Complaint(place, f"{{{word}}} is no placeholder here", f"use {all_words}")
