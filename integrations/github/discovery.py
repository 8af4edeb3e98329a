"""What a GitHub server offers, for those who write rules: repositories, labels, people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from itertools import chain, count, islice
from urllib.parse import quote

from integrations.github.client import GitHubClient, repo_path
from integrations.github.reading import person_of
from integrations.github.signing import Signer
from integrations.http import Answer, in_shape
from integrations.tracker import NotThere, Place, Survey

_MOST = 100
_MOST_SERVED = 1000


def places(client: GitHubClient) -> Iterator[Place]:
    """The account's repositories, the last pushed to first; an App's are those of its
    installations, of which the first thousand are looked at.
    https://docs.github.com/en/rest/repos/repos#list-repositories-for-the-authenticated-user"""
    listed: Iterable[Answer] = client.pages("/user/repos", sort="pushed")
    if client.signer.is_app:
        served = (_served(client, signer) for signer in client.signer.each())
        first = islice(chain.from_iterable(served), _MOST_SERVED)
        listed = sorted(first, key=lambda told: str(told.get("pushed_at") or ""), reverse=True)
    for repository in listed:
        name = str(repository["full_name"])
        yield Place(name, str(repository.get("description") or name))


def _served(client: GitHubClient, installed: Signer) -> Iterator[Answer]:
    """The repositories of one installation; they come in no order of ours.
    https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-app-installation"""
    client = copy(client)
    client.signer = installed
    for number in count(1):
        page = client.read("/installation/repositories", per_page=_MOST, page=number)
        with in_shape("/installation/repositories"):
            yield from page["repositories"]
            if len(page["repositories"]) < _MOST:
                return


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
