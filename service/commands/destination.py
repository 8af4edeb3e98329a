"""Where postmortems go: the questions of `followthrough init` about that."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from integrations.confluence.site import ConfluenceSite
from integrations.tracker import TrackerError
from service.commands.interview import Interview, missing
from service.commands.reading import give_up
from service.first_rules import SignIn
from service.surroundings import Surroundings, connect, connect_wiki, likely_type, place_for_tasks

DOCUMENTS = ("issue", "pull-request", "page", "directory")


@dataclass(frozen=True, slots=True)
class Document:
    """What postmortems are: the kind as rules name it, the project, repository, space or directory,
    in Jira the issue type, in Confluence the page above them or ""; `second` is where they are kept
    if that is not where incidents are, and `signed_in` whether that was let in to."""

    kind: str
    place: str
    type: str = ""
    parent: str = ""
    second: SignIn | None = None
    signed_in: bool = True


def document(ask: Interview, around: Surroundings, base: Path) -> Document:
    """What a postmortem is, and where it goes."""
    default = "pull-request" if around.kind == "github" else "issue"
    ask.tell("A page is one of Confluence.")
    question = f"Postmortems go into an {', '.join(DOCUMENTS[:-1])} or {DOCUMENTS[-1]}"
    said = ask.text("document", question, default, choices=DOCUMENTS)
    if said == "directory":
        question = "Directory for them, a git repository on this machine"
        return Document("git-directory", ask.text("document_place", question, "postmortems"))
    if said == "page":
        return _pages(ask, around, base)
    if said == "pull-request" and around.kind == "jira":
        return _pull_requests(ask, base)
    if around.kind == "github":
        question = "Repository for postmortems"
        place, _ = ask.surveyed(around, "document_place", question, around.place)
        return Document(f"github-{said}", place)
    return _issues(ask, around)


def _issues(ask: Interview, around: Surroundings) -> Document:
    types = around.survey.types if around.survey else ()
    alone = bool(types) and likely_type(types, but=around.issue_type) is None
    likely = place_for_tasks(around) if alone else around.place
    question = "Project for postmortems"
    place, survey = ask.surveyed(around, "document_place", question, likely)
    types = survey.types if survey else ()
    default = likely_type(types, "postmortem", "task", but=around.issue_type) or "Task"
    ask.show("Its issue types:", types)
    said = ask.type("document_type", "A postmortem is a", default, types)
    return Document("jira-issue", place, said)


def _pull_requests(ask: Interview, base: Path) -> Document:
    """The repository of postmortems, on a GitHub beside the tracker of incidents."""
    at = ask.github(ask.address("github", "github_url", "Address of that GitHub"), "github_")
    tracker = ask.sign_in(at, base, partial(connect, at))
    around = Surroundings(at, tracker)
    question = "Repository for postmortems (owner/name)"
    place, _ = ask.surveyed(around, "document_place", question, None)
    return Document("github-pull-request", place, second=at, signed_in=tracker is not None)


def _pages(ask: Interview, around: Surroundings, base: Path) -> Document:
    """The space of postmortems. A Confluence of Cloud is at the address of its Jira, and takes the
    same token."""
    cloud = around.at.url if around.at.url.endswith(".atlassian.net") else None
    url = ask.address("confluence", "confluence_url", "Address of that Confluence", cloud)
    same = url == cloud
    ask.tell(
        "Confluence Cloud signs in by an account's e-mail and API token; Data Center by a",
        "personal access token alone: then just press Enter.",
    )
    user = ask.text("confluence_user", "The account's e-mail", around.at.user if same else "")
    likely = around.at.secret if same else "env:CONFLUENCE_TOKEN"
    at = SignIn("confluence", url, ask.secret("confluence_token", likely), user)
    site = ask.sign_in(at, base, partial(connect_wiki, at))
    space = _space(ask, site)
    parent = _parent(ask, site, space)
    return Document("confluence-page", space, "", parent, at, site is not None)


def _space(ask: Interview, site: ConfluenceSite | None) -> str:
    while True:
        space = ask.text("document_place", "Key of the space for postmortems", None)
        told = _missing(site, space)
        if told is None:
            return space
        if ask.given.get("document_place") is not None or ask.yes:
            give_up(told)
        click.echo(told)


def _parent(ask: Interview, site: ConfluenceSite | None, space: str) -> str:
    question = "Page that they go below, by its title; none"
    while True:
        parent = ask.text("document_parent", question, "")
        told = _missing(site, space, parent) if parent else None
        if told is None:
            return parent
        if ask.given.get("document_parent") is not None or ask.yes:
            give_up(told)
        click.echo(told)


def _missing(site: ConfluenceSite | None, space: str, parent: str = "") -> str | None:
    """What there is not, where somebody could look."""
    if site is None:
        return None
    try:
        site.parent(space, parent) if parent else site.space(space)
    except TrackerError as error:
        return missing(parent or space, error)
    return None
