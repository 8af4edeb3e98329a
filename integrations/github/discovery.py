"""What a GitHub server offers, for those who write rules: repositories, labels, people."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from urllib.parse import quote

from integrations.github.client import GitHubClient, repo_path
from integrations.github.reading import person_of
from integrations.tracker import NotThere, Place, Survey

_MOST = 100


def places(client: GitHubClient) -> Iterator[Place]:
    """The account's repositories, the last pushed to first.
    https://docs.github.com/en/rest/repos/repos#list-repositories-for-the-authenticated-user"""
    for repository in client.pages("/user/repos", sort="pushed"):
        name = str(repository["full_name"])
        yield Place(name, str(repository.get("description") or name))


def survey(client: GitHubClient, place: str) -> Survey:
    """The repository under its present name, its labels, and the first assignable people. Issue
    types and fields belong to organisations and are not asked for."""
    name, path = client.repository(place).name, client.present_path(place)
    labels = islice(client.pages(f"{path}/labels"), _MOST)
    people = islice(client.pages(f"{path}/assignees"), _MOST)
    return Survey(
        place=Place(name, name),
        labels=tuple(str(label["name"]) for label in labels),
        people=tuple(p for user in people if (p := person_of(user)) is not None),
    )


def can_assign(client: GitHubClient, place: str, login: str) -> bool:
    """https://docs.github.com/en/rest/issues/assignees#check-if-a-user-can-be-assigned"""
    try:
        client.read_any(f"{repo_path(place)}/assignees/{quote(login, safe='')}")
    except NotThere:
        return False
    return True
