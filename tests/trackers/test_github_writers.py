"""Whose words count in a GitHub repository, and what it costs to know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from integrations.github.client import GitHubClient
from integrations.github.writers import Writers
from integrations.tracker import RateLimited, Unavailable

LINK = "https://api.github.com"
API = f"{LINK}:443"


class Hub:
    """GitHub, as far as it is asked for somebody's permission."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        self.now = datetime(2026, 12, 7, 12, tzinfo=UTC)
        self.writers = Writers(GitHubClient(LINK, "t0ken", clock=lambda: self.now))

    def says(self, login: str, **answer: Any) -> None:
        self.mock.get(f"{API}/repos/acme/ops/collaborators/{login}/permission", **answer)

    def trusts(self, association: str | None, login: str | None = "kim") -> bool:
        user = {"login": login} if login else None
        said = {"author_association": association, "user": user}
        return self.writers.may_write("acme/ops", said)

    @property
    def asked(self) -> int:
        return len(self.mock.calls)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Hub(mock)


@pytest.mark.parametrize("association", ["MEMBER", "COLLABORATOR"])
@pytest.mark.parametrize(
    ("permission", "role", "writes"),
    [
        ("admin", "admin", True),
        ("write", "maintain", True),
        ("write", "write", True),
        ("read", "triage", False),
        ("read", "read", False),
        ("none", "", False),
    ],
)
def test_of_members_and_collaborators_the_repository_tells_who_may_write(
    hub: Hub, association: str, permission: str, role: str, writes: bool
) -> None:
    hub.says("kim", json={"permission": permission, "role_name": role})
    assert hub.trusts(association) is writes


def test_the_owner_counts_and_nobody_is_asked(hub: Hub) -> None:
    assert hub.trusts("OWNER")
    assert hub.asked == 0


@pytest.mark.parametrize(
    "association",
    [
        "NONE",
        "CONTRIBUTOR",
        "FIRST_TIMER",
        "FIRST_TIME_CONTRIBUTOR",
        "MANNEQUIN",
        "",
        None,
        "owner",
    ],
)
def test_a_stranger_never_counts_and_nobody_is_asked(hub: Hub, association: str | None) -> None:
    hub.says("kim", json={"permission": "admin"})
    assert not hub.trusts(association)
    assert hub.asked == 0


def test_an_account_that_is_gone_does_not_count(hub: Hub) -> None:
    assert not hub.trusts("MEMBER", None)


def test_what_was_answered_is_believed_for_ten_minutes(hub: Hub) -> None:
    hub.says("kim", json={"permission": "write"})
    assert hub.trusts("MEMBER")
    hub.mock.replace("GET", f"{API}/repos/acme/ops/collaborators/kim/permission", status=500)
    assert hub.trusts("COLLABORATOR", "Kim")
    assert hub.asked == 1
    hub.now += timedelta(minutes=11)
    with pytest.raises(Unavailable):
        hub.trusts("MEMBER")


@pytest.mark.parametrize("status", [403, 404])
def test_where_the_token_may_not_ask_the_association_is_believed(hub: Hub, status: int) -> None:
    hub.says("kim", status=status, json={"message": "Resource not accessible"})
    assert hub.trusts("MEMBER")
    assert hub.trusts("MEMBER")
    assert hub.asked == 1


def test_a_limit_is_no_answer(hub: Hub) -> None:
    hub.says("kim", status=403, json={"message": "You have exceeded a secondary rate limit."})
    with pytest.raises(RateLimited):
        hub.trusts("MEMBER")


def test_a_login_cannot_lead_elsewhere(hub: Hub) -> None:
    hub.says("ci%5Bbot%5D", json={"permission": "read"})
    hub.says("..%2Fkim", json={"permission": "read"})
    assert not hub.trusts("COLLABORATOR", "ci[bot]")
    assert not hub.trusts("COLLABORATOR", "../kim")
