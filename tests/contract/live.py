"""A user's own GitHub or Jira as the ground, where the environment lends one: see
docs/how-to/try-it-on-your-own-trackers.md. `make live` plays the contract there.

What is lent must call itself so: *scratch* stands in the name or description of a repository, and
in the name of a Jira project. Nothing else is written to, which `contract.guard` keeps.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache

from contract.ground import Caller, GitHub, Ground, Jira, basic, signed_in
from contract.guard import Guard, standing

#: What the environment has to say to lend one of them.
GITHUB = ("LIVE_GITHUB_URL", "LIVE_GITHUB_REPOSITORY", "LIVE_GITHUB_TOKEN")
JIRA = (
    *("LIVE_JIRA_URL", "LIVE_JIRA_TOKEN", "LIVE_JIRA_PROJECT"),
    *("LIVE_JIRA_INCIDENT", "LIVE_JIRA_DOCUMENT", "LIVE_JIRA_TASK"),
)


#: Opens a ground for the run of that mark, by what the environment says.
Opening = Callable[..., AbstractContextManager[Ground]]


class NotLent(AssertionError):
    """What the environment names does not call itself a scratch project."""


@contextmanager
def github(mark: str, environ: Mapping[str, str] = os.environ) -> Iterator[Ground]:
    """LIVE_GITHUB_PERSON is the token of somebody else than the service, who acts; the service's
    where it is not given."""
    url, repository, token = (environ[name] for name in GITHUB)
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
    url, token, project, *types = (environ[name] for name in JIRA)
    url, user = url.rstrip("/"), environ.get("LIVE_JIRA_USER", "")
    header = basic(user, token) if user else f"Bearer {token}"
    auth = f"basic, user: {user}" if user else "bearer"
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
    with standing(guard):
        incident, document, task = types
        yield Jira(
            url,
            project,
            project,
            (incident, document, task),
            header,
            f"{{type: {auth}, token: {{env: TOKEN}}}}",
            {"TOKEN": token},
            mark,
            bool(user),
            lambda _address, _secret: False,  # it cannot reach us: changes are asked for
        )


def _is_lent(name: str, said: str) -> None:
    if "scratch" not in f"{name} {said}".lower():
        raise NotLent(
            f"{name} ({said}) does not call itself scratch, by name or description: the contract"
            " writes to nothing else"
        )


def lent(environ: Mapping[str, str] = os.environ) -> dict[str, Opening]:
    """Those that the environment lends, by name."""
    found: dict[str, tuple[tuple[str, ...], Opening]] = {
        "your GitHub": (GITHUB, github),
        "your Jira": (JIRA, jira),
    }
    return {
        name: opening
        for name, (needed, opening) in found.items()
        if all(environ.get(each) for each in needed)
    }


#: Stands for them where nothing is lent.
NOTHING = "nothing is lent"


def of_name(name: str) -> Opening:
    """Raises NotLent."""
    if name == NOTHING:
        raise NotLent(f"nothing is lent: set {', '.join(GITHUB)}, or {', '.join(JIRA)}")
    return lent()[name]
