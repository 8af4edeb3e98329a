"""Which deliveries GitHub could not get rid of, at the edge of HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from integrations.github.client import GitHubClient
from integrations.github.redelivery import GitHubRedelivery
from integrations.tracker import MissedDelivery, NotThere, RateLimited, SignInFailed

NOW = datetime(2026, 12, 7, 12, tzinfo=UTC)
API = "https://api.github.com"
HUB = f"{API}:443"
OURS = "https://followthrough.acme.example/webhooks/github"
HOOK = "/repos/acme/ops/hooks/7"


@pytest.fixture
def hub() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as hub:
        repository = {"full_name": "acme/ops", "default_branch": "main"}
        hub.get(f"{HUB}/repos/acme/ops", json=repository)
        yield hub


def kept(address: str = "/webhooks/github", url: str = API) -> GitHubRedelivery:
    client = GitHubClient(url, "ghp_secret_of_acme", clock=lambda: NOW)
    return GitHubRedelivery(client, ["acme/ops"], address)


def hook(id: int = 7, url: str = OURS, **more: Any) -> dict[str, Any]:
    return {"id": id, "active": True, "config": {"url": url}, **more}


def hooks(
    hub: responses.RequestsMock,
    *repository: dict[str, Any],
    organisation: list[dict[str, Any]] | None = None,
) -> None:
    hub.get(f"{HUB}/repos/acme/ops/hooks", json=list(repository))
    if organisation is None:
        hub.get(f"{HUB}/orgs/acme/hooks", status=404, json={"message": "Not Found"})
    else:
        hub.get(f"{HUB}/orgs/acme/hooks", json=organisation)


def sent(id: int, guid: str, status: int, minutes_ago: float = 10, **more: Any) -> dict[str, Any]:
    """An item of the list: https://docs.github.com/en/rest/repos/webhooks"""
    at = NOW - timedelta(minutes=minutes_ago)
    return {
        "id": id,
        "guid": guid,
        "delivered_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "redelivery": False,
        "duration": 0.1,
        "status": "OK" if status == 202 else "Invalid HTTP Response",
        "status_code": status,
        "event": "issues",
        "action": "closed",
        **more,
    }


def deliveries(hub: responses.RequestsMock, *items: dict[str, Any], path: str = HOOK) -> None:
    hub.get(f"{HUB}{path}/deliveries", json=list(items))


def missed(keeper: GitHubRedelivery, minutes: float = 60) -> list[MissedDelivery]:
    return list(keeper.missed(NOW - timedelta(minutes=minutes)))


def test_what_was_answered_with_an_error_or_not_at_all_is_missed(
    hub: responses.RequestsMock,
) -> None:
    hooks(hub, hook())
    deliveries(hub, sent(3, "c", 202, 1), sent(2, "b", 0, 2), sent(1, "a", 503, 3))
    found = missed(kept())
    assert [each.id for each in found] == ["a", "b"]
    assert found[0].event == "issues"
    assert found[0].at == NOW - timedelta(minutes=3)
    assert found[0].handle == f"{HOOK}/deliveries/1/attempts"


def test_what_arrived_when_somebody_sent_it_again_is_not_missed(
    hub: responses.RequestsMock,
) -> None:
    hooks(hub, hook())
    deliveries(hub, sent(2, "a", 202, 1, redelivery=True), sent(1, "a", 503, 3))
    assert missed(kept()) == []


def test_what_failed_again_and_again_is_missed_once(hub: responses.RequestsMock) -> None:
    hooks(hub, hook())
    deliveries(hub, sent(2, "a", 503, 1, redelivery=True), sent(1, "a", 503, 3))
    assert [each.id for each in missed(kept())] == ["a"]


def test_what_arrived_through_the_organisations_hook_is_not_missed_through_the_repositorys(
    hub: responses.RequestsMock,
) -> None:
    hooks(hub, hook(), organisation=[hook(9)])
    deliveries(hub, sent(1, "a", 503), sent(2, "b", 503))
    deliveries(hub, sent(5, "a", 202), path="/orgs/acme/hooks/9")
    assert [each.id for each in missed(kept())] == ["b"]


def test_looking_ends_where_it_was_looked_before(hub: responses.RequestsMock) -> None:
    hooks(hub, hook())
    page = [sent(n, f"g{n}", 503, minutes_ago=100 - n) for n in range(100, 0, -1)]
    following = f'<{API}{HOOK}/deliveries?per_page=100&cursor=v1_older>; rel="next"'
    hub.get(f"{HUB}{HOOK}/deliveries", json=page, headers={"Link": following})
    assert len(missed(kept(), minutes=30)) == 31
    assert [call.request.url for call in hub.calls if "cursor" in str(call.request.url)] == []


def test_further_pages_are_read_by_their_cursor(hub: responses.RequestsMock) -> None:
    hooks(hub, hook())
    following = f'<{API}{HOOK}/deliveries?per_page=100&cursor=v1_older>; rel="next"'
    at = f"{HUB}{HOOK}/deliveries"
    match = responses.matchers.query_param_matcher
    last = match({"per_page": "100", "cursor": "v1_older"})
    hub.get(
        at,
        json=[sent(2, "b", 503, 2)],
        headers={"Link": following},
        match=[match({"per_page": "100"})],
    )
    hub.get(at, json=[sent(1, "a", 503, 3)], match=[last])
    assert [each.id for each in missed(kept())] == ["a", "b"]


@pytest.mark.parametrize(
    ("address", "url", "ours"),
    [
        ("/webhooks/github", OURS, True),
        ("/webhooks/github", f"{OURS}/", True),
        ("/webhooks/github", "https://ci.acme.example/webhooks/github-ci", False),
        ("/webhooks/github", "https://old.acme.example/webhooks/github", True),
        (OURS, OURS, True),
        (OURS, "https://old.acme.example/webhooks/github", False),
        (OURS, f"{OURS}?x=1", False),
    ],
)
def test_our_hook_is_known_by_where_it_sends(
    hub: responses.RequestsMock, address: str, url: str, ours: bool
) -> None:
    hooks(hub, hook(url=url))
    deliveries(hub, sent(1, "a", 503))
    assert len(missed(kept(address))) == ours


def test_a_hook_that_is_switched_off_is_left_alone(hub: responses.RequestsMock) -> None:
    hooks(hub, hook(active=False))
    assert missed(kept()) == []


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, NotThere), (403, SignInFailed)],
)
def test_where_hooks_are_hidden_the_mend_names_the_permission(
    hub: responses.RequestsMock, status: int, error: type[Exception]
) -> None:
    for path in ("/repos/acme/ops/hooks", "/orgs/acme/hooks"):
        words = {"message": "Resource not accessible by personal access token"}
        hub.get(f"{HUB}{path}", status=status, json=words)
    with pytest.raises(error) as ending:
        missed(kept())
    mend = ending.value.mend  # type: ignore[attr-defined]
    assert "Webhooks: read and write" in mend
    assert "admin:repo_hook" in mend


def test_an_organisations_hook_is_enough(hub: responses.RequestsMock) -> None:
    hub.get(f"{HUB}/repos/acme/ops/hooks", status=404, json={"message": "Not Found"})
    hub.get(f"{HUB}/orgs/acme/hooks", json=[hook(9)])
    deliveries(hub, sent(5, "a", 503), path="/orgs/acme/hooks/9")
    assert [each.handle for each in missed(kept())] == ["/orgs/acme/hooks/9/deliveries/5/attempts"]


def test_asking_again_is_one_post_and_its_answer_may_be_anything(
    hub: responses.RequestsMock,
) -> None:
    handle = f"{HOOK}/deliveries/1/attempts"
    hub.post(f"{HUB}{handle}", status=202, body="")
    kept().ask_again(handle)
    hub.assert_call_count(f"{HUB}{handle}", 1)


def test_too_many_requests_are_told_with_when_to_ask_again(hub: responses.RequestsMock) -> None:
    handle = f"{HOOK}/deliveries/1/attempts"
    hub.post(f"{HUB}{handle}", status=429, headers={"Retry-After": "60"}, json={})
    with pytest.raises(RateLimited) as ending:
        kept().ask_again(handle)
    assert ending.value.retry_at == NOW + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("url", "days"),
    [(API, 3), ("https://api.acme.ghe.com", 3), ("https://git.acme.example/api/v3", 7)],
)
def test_deliveries_are_kept_three_days_and_on_a_server_of_ones_own_seven(
    url: str, days: int
) -> None:
    assert kept(url=url).kept_for == timedelta(days=days)
