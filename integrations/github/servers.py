"""Where GitHub's servers have their API, and where people find their pages.

GraphQL stands beside each API: https://docs.github.com/en/graphql/guides/forming-calls-with-graphql
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

GITHUB_COM = "https://api.github.com"

#: An Enterprise Cloud with data residency has a domain of its own: ``https://acme.ghe.com``, with
#: the API at ``https://api.acme.ghe.com``.
#: https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency/about-github-enterprise-cloud-with-data-residency
_RESIDENT = re.compile(r"(?:api\.)?([a-z0-9-]+\.ghe\.com)")

#: https://docs.github.com/en/enterprise-server@3.17/rest/using-the-rest-api/getting-started-with-the-rest-api
_OF_SERVERS = "/api/v3"


def api_of(url: str) -> str:
    """The API of the server that a person means by an address of it: a page's of github.com and of
    an ``acme.ghe.com``, else the address of an Enterprise Server or of its API. What is no address
    stays as it is."""
    try:
        parts = urlsplit(url.rstrip("/"))
    except ValueError:
        return url
    host = (parts.hostname or "").removeprefix("www.")
    if host == "github.com":
        return GITHUB_COM
    if resident := _RESIDENT.fullmatch(host):
        return f"https://api.{resident[1]}"
    if parts.path or host.startswith("api."):
        return url.rstrip("/")
    return f"{url.rstrip('/')}{_OF_SERVERS}"


def pages_of(api: str) -> str:
    """Where people find the server whose API is at `api`."""
    if in_the_cloud(api):
        return f"https://{urlsplit(api).netloc.removeprefix('api.')}"
    return api.rstrip("/").removesuffix(_OF_SERVERS)


def in_the_cloud(api: str) -> bool:
    """Whether it is github.com, or an ``acme.ghe.com``, which is run as that is."""
    host = urlsplit(api).netloc
    return host == "api.github.com" or (
        host.startswith("api.") and _RESIDENT.fullmatch(host) is not None
    )


def on_enterprise_server(api: str) -> bool:
    """Whether an API's root is that of an Enterprise Server."""
    return urlsplit(api).path.rstrip("/").endswith(_OF_SERVERS)
