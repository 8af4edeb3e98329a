"""A user's own GitHub, Jira or Jira with Confluence as the ground, where the environment lends one:
see docs/how-to/try-it-on-your-own-trackers.md. `make live` plays the contract there.

What is lent must call itself so: *scratch* stands in the name or description of a repository, and
in the name of a Jira project or a Confluence space. Nothing else is written to, which
`contract.guard` keeps.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

from contract.ground import Caller, GitHub, Ground, Jira, basic, signed_in
from contract.guard import Guard, standing
from contract.pages import JiraAndConfluence, wiki_root

#: What the environment has to say to lend one of them.
GITHUB = ("LIVE_GITHUB_URL", "LIVE_GITHUB_REPOSITORY", "LIVE_GITHUB_TOKEN")
_JIRA = (
    *("LIVE_JIRA_URL", "LIVE_JIRA_TOKEN", "LIVE_JIRA_PROJECT"),
    *("LIVE_JIRA_INCIDENT", "LIVE_JIRA_TASK"),
)
_DOCUMENT = "LIVE_JIRA_DOCUMENT"
JIRA = (*_JIRA, _DOCUMENT)
_SPACE = ("LIVE_CONFLUENCE_URL", "LIVE_CONFLUENCE_SPACE")
CONFLUENCE = (*_JIRA, *_SPACE)


#: Opens a ground for the run of that mark, by what the environment says.
Opening = Callable[..., AbstractContextManager[Ground]]


class NotLent(AssertionError):
    """What the environment names is not all, or does not call itself a scratch project."""


@contextmanager
def github(mark: str, environ: Mapping[str, str] = os.environ) -> Iterator[Ground]:
    """LIVE_GITHUB_PERSON is the token of somebody else than the service, who acts; the service's
    where it is not given."""
    url, repository, token = _said(environ, GITHUB)
    url = url.rstrip("/")
    owner = Caller(url, signed_in(f"token {token}"))
    _is_lent(repository, owner("GET", f"/repos/{repository}")["description"] or "")
    with standing(Guard(url, repositories=frozenset({repository.lower()}))):
        owner("GET", f"/repos/{repository}")  # the guard learns what it is called
        person = environ.get("LIVE_GITHUB_PERSON", token)
        yield GitHub(url, repository, repository, person, token, mark, reachable=False)


@contextmanager
def jira(mark: str, environ: Mapping[str, str] = os.environ) -> Iterator[Ground]:
    """With LIVE_JIRA_USER it is Cloud (the e-mail, with an API token); without, Data Center (a
    personal access token)."""
    _said(environ, JIRA)
    guard, given = _project(environ)
    with standing(guard):
        yield Jira(**given, mark=mark)


@contextmanager
def confluence(mark: str, environ: Mapping[str, str] = os.environ) -> Iterator[Ground]:
    """Beside a Jira of the same deployment. LIVE_CONFLUENCE_TOKEN is needed where another one than
    Jira's signs in, as on Data Center."""
    *_, url, space = _said(environ, CONFLUENCE)
    guard, given = _project(environ)
    user, cloud = environ.get("LIVE_JIRA_USER", ""), given["cloud"]
    token = environ.get("LIVE_CONFLUENCE_TOKEN") or environ["LIVE_JIRA_TOKEN"]
    header, auth = _signing(user, token, "WIKI_TOKEN")
    root = wiki_root(url, cloud)
    ask = Caller(root, signed_in(header))
    named, name = _space(ask, space, cloud)
    _is_lent(space, name)

    @cache
    def of_page(id: str) -> str:
        if cloud:
            return str(ask("GET", f"/api/v2/pages/{id}")["spaceId"])
        return str(ask("GET", f"/rest/api/content/{id}", expand="space")["space"]["key"])

    given["tokens"] = {**given["tokens"], "WIKI_TOKEN": token}
    with standing(replace(guard, wiki=root, spaces=named, page=of_page)):
        yield JiraAndConfluence(
            **given, mark=mark, wiki=url, space=space, reader=header, wiki_auth=auth
        )


def _space(ask: Caller, key: str, cloud: bool) -> tuple[frozenset[str], str]:
    """What requests call it, and its name. Raises NotLent where there is none."""
    if not cloud:
        return frozenset({key}), ask("GET", f"/rest/api/space/{key}")["name"]
    found = ask("GET", "/api/v2/spaces", keys=key)["results"]
    if not found:
        raise NotLent(f"there is no space {key}, or it is hidden from this account")
    return frozenset({key, str(found[0]["id"])}), found[0]["name"]


def _project(environ: Mapping[str, str]) -> tuple[Guard, dict[str, Any]]:
    """Jira's project, guarded, and how it is spoken to. Raises NotLent."""
    url, token, project, incident, task = (environ[name] for name in _JIRA)
    url, user = url.rstrip("/"), environ.get("LIVE_JIRA_USER", "")
    header, auth = _signing(user, token, "TOKEN")
    api = f"/rest/api/{3 if user else 2}"
    ask = Caller(url, signed_in(header))
    _is_lent(project, ask("GET", f"{api}/project/{project}")["name"])

    @cache
    def of_issue(named: str) -> str:
        fields = ask("GET", f"{api}/issue/{named}", fields="project")["fields"]
        return str(fields["project"]["key"])

    def of_version(id: str) -> str:
        made = ask("GET", f"{api}/version/{id}")["projectId"]
        return str(ask("GET", f"{api}/project/{made}")["key"])

    guard = Guard(url, projects=frozenset({project}), issue=of_issue, version=of_version)
    return guard, {
        "url": url,
        "incidents_in": project,
        "tasks_in": project,
        "types": (incident, environ.get(_DOCUMENT, ""), task),
        "person": header,
        "auth": auth,
        "tokens": {"TOKEN": token},
        "cloud": bool(user),
        "hook": lambda _address, _secret: False,  # it cannot reach us: changes are asked for
    }


def _signing(user: str, token: str, name: str) -> tuple[str, str]:
    """The Authorization, and what the rules say of it."""
    if user:
        return basic(user, token), f"{{type: basic, user: {user}, token: {{env: {name}}}}}"
    return f"Bearer {token}", f"{{type: bearer, token: {{env: {name}}}}}"


def _said(environ: Mapping[str, str], needed: tuple[str, ...]) -> tuple[str, ...]:
    """Raises NotLent with the names of what the environment does not say."""
    if missing := [name for name in needed if not environ.get(name)]:
        raise NotLent(f"to have it played there, set {', '.join(missing)}, too")
    return tuple(environ[name] for name in needed)


def _is_lent(name: str, said: str) -> None:
    if "scratch" not in f"{name} {said}".lower():
        raise NotLent(
            f"{name} ({said}) does not call itself scratch, by name or description: the contract"
            " writes to nothing else"
        )


def lent(environ: Mapping[str, str] = os.environ) -> dict[str, Opening]:
    """Those of which the environment says anything, by name: what is missing is told when one is
    opened. Whoever keeps documents in Confluence may have no type of issue for them."""

    def names(*those: str) -> bool:
        return any(environ.get(each) for each in those)

    found: dict[str, Opening] = {}
    if names(*GITHUB):
        found["your GitHub"] = github
    if names(_DOCUMENT) or (names(*JIRA) and not names(*_SPACE)):
        found["your Jira"] = jira
    if names(*_SPACE):
        found["your Jira and Confluence"] = confluence
    return found


#: Stands for them where nothing is lent.
NOTHING = "nothing is lent"


def of_name(name: str) -> Opening:
    """Raises NotLent."""
    if name == NOTHING:
        some = ", or ".join(", ".join(names) for names in (GITHUB, JIRA, CONFLUENCE))
        raise NotLent(f"nothing is lent: set {some}")
    return lent()[name]
