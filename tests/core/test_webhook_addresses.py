"""Which webhooks are ours: those that send to our address, however it is spelt."""

from __future__ import annotations

import pytest

from integrations.webhooks import astray, leads_to

OURS = "https://followthrough.acme.example/webhooks/github"
PATH = "/webhooks/github"


@pytest.mark.parametrize(
    "url",
    [
        OURS,
        "https://Followthrough.ACME.example/webhooks/github",
        "HTTPS://followthrough.acme.example/webhooks/github",
        "https://followthrough.acme.example:443/webhooks/github",
        "https://followthrough.acme.example/webhooks/github/",
    ],
)
def test_an_address_is_ours_in_every_spelling(url: str) -> None:
    assert leads_to(url, OURS)
    assert leads_to(url, PATH)
    assert leads_to(OURS, url.rstrip("/"))
    assert not astray(url, OURS)


@pytest.mark.parametrize(
    "url",
    [
        "http://followthrough.acme.example/webhooks/github",
        "https://followthrough.acme.example:80/webhooks/github",
        "https://followthrough.acme.example:8443/webhooks/github",
        "https://staging.acme.example/webhooks/github",
        "https://followthrough.acme.example/webhooks/GitHub",
        "https://followthrough.acme.example/webhooks/github?team=payments",
        "https://followthrough.acme.example:port/webhooks/github",
        "https://[followthrough/webhooks/github",
        "",
    ],
)
def test_another_server_or_path_is_not_ours(url: str) -> None:
    assert not leads_to(url, OURS)


def test_one_that_was_perhaps_meant_for_us_is_told() -> None:
    assert astray("https://staging.acme.example/webhooks/github", OURS)
    assert astray("https://FOLLOWTHROUGH.acme.example:443/webhooks/jira", OURS)
    assert astray("https://anybody.example/webhooks/jira", PATH)
    assert not astray("https://ci.acme.example/webhooks/build", OURS)
