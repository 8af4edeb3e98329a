"""Where GitHub's servers have their API, their GraphQL and their pages."""

from __future__ import annotations

import pytest

from integrations.github import budgets
from integrations.github.client import GitHubClient
from integrations.github.manifest import manifest, registration
from integrations.github.servers import api_of, on_enterprise_server, pages_of
from integrations.github.signing import Signature

COM, RESIDENT = "https://api.github.com", "https://api.acme.ghe.com"
SERVER = "https://git.acme.example/api/v3"


@pytest.mark.parametrize(
    ("said", "api"),
    [
        ("https://github.com", COM),
        ("http://www.github.com/acme", COM),
        (COM, COM),
        ("https://acme.ghe.com/", RESIDENT),
        ("https://acme.ghe.com/acme/ops", RESIDENT),
        (RESIDENT, RESIDENT),
        ("https://git.acme.example", SERVER),
        (f"{SERVER}/", SERVER),
    ],
)
def test_a_page_leads_to_the_api_of_its_server(said: str, api: str) -> None:
    assert api_of(said) == api


@pytest.mark.parametrize(
    ("api", "graphql", "pages", "limits"),
    [
        (COM, f"{COM}/graphql", "https://github.com", True),
        (RESIDENT, f"{RESIDENT}/graphql", "https://acme.ghe.com", True),
        (SERVER, "https://git.acme.example/api/graphql", "https://git.acme.example", False),
    ],
)
def test_each_kind_of_server_has_its_addresses_and_limits(
    api: str, graphql: str, pages: str, limits: bool
) -> None:
    client = GitHubClient(api, "t0ken")
    assert client._requester(Signature("t0ken")).graphql_url == graphql
    assert pages_of(api) == pages
    assert registration(api, "acme", "s") == (
        f"{pages}/organizations/acme/settings/apps/new?state=s"
    )
    assert budgets.applies(api, None) is limits
    assert on_enterprise_server(api) is not limits
    asked = manifest(api, "F", pages, pages, f"{pages}/w", public=False)
    assert ("sub_issues" in asked["default_events"]) is limits
