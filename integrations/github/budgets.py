"""What GitHub limits, what a call costs, and what an answer says of it.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from integrations.gate import Answered, Cost, Pause, Quota
from integrations.github.servers import in_the_cloud
from integrations.http import date_of
from integrations.tracker import RateLimited, TrackerError
from workflows.budgets import Budget, Window

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)

#: "No more than 80 content-generating requests per minute and no more than 500 content-generating
#: requests per hour". Which requests generate content is not listed: every write is counted.
CONTENT = Budget("new content", (Window(80, _MINUTE), Window(500, _HOUR)))

#: "No more than 900 points per minute": a read is one point, a write five.
POINTS = Budget("points", (Window(900, _MINUTE),))

#: "No more than 2,000 points per minute are allowed for the GraphQL API endpoint": a query is one
#: point, a request with mutations five.
GRAPHQL_POINTS = Budget("GraphQL points", (Window(2000, _MINUTE),))

#: "No more than 100 concurrent requests are allowed", REST and GraphQL together.
AT_ONCE = Budget("requests at once", at_once=100)


#: Those that people want to see.
ACCOUNT = (CONTENT, POINTS, GRAPHQL_POINTS)


def applies(url: str, said: bool | None) -> bool:
    """Whether the server limits: as is said, or else as it does by default. github.com does, and
    an Enterprise Cloud with a domain of its own; an Enterprise Server does not.
    https://docs.github.com/en/enterprise-server@3.17/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    return in_the_cloud(url) if said is None else said


def costs(verb: str) -> tuple[Cost, ...]:
    """What one request costs where the server limits."""
    if verb == "GET":
        return (Cost(POINTS), Cost(AT_ONCE))
    return (Cost(CONTENT), Cost(POINTS, 5), Cost(AT_ONCE))


def graphql_costs(mutations: int) -> tuple[Cost, ...]:
    """What one GraphQL request costs: what it is to make is new content each, as if it were asked
    for one by one, because nothing says that it counts less."""
    if not mutations:
        return (Cost(GRAPHQL_POINTS), Cost(AT_ONCE))
    return (Cost(CONTENT, mutations), Cost(GRAPHQL_POINTS, 5), Cost(AT_ONCE))


def answered(
    status: int, headers: Mapping[str, str], error: TrackerError | None, limited: bool = False
) -> Answered:
    """What an answer, with its headers in lower-case names, says of limits; `status` 0 where
    nobody answered. `limited`: the call had its `costs`."""
    dated = date_of(headers.get("date", ""))
    if isinstance(error, RateLimited):
        scope = GRAPHQL_POINTS.name if limited and points_are_used_up(headers) else ""
        pause = Pause(error.words, scope, _told(headers, error))
        return Answered(quota=_quota(headers), pause=pause, status=status, dated=dated)
    failing = status == 0 or status >= 500
    why = error.words if error and failing else ""
    return Answered(failing, why, _quota(headers), status=status, dated=dated)


def points_are_used_up(headers: Mapping[str, str]) -> bool:
    """Whether GraphQL's hour is used up, which REST's is not with it: "resource: The rate limit
    resource that the request counted against".
    https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api"""
    resource, left = (headers.get(f"x-ratelimit-{name}") for name in ("resource", "remaining"))
    return resource == "graphql" and left == "0"


def _told(headers: Mapping[str, str], error: RateLimited) -> datetime | None:
    """None where GitHub named no time: then "wait for an exponentially increasing amount of time
    between retries"."""
    named = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    return error.retry_at if named else None


def _quota(headers: Mapping[str, str]) -> Quota | None:
    """The hour's requests over REST; GraphQL has points of its own, and few requests need them."""
    if headers.get("x-ratelimit-resource") == "graphql":
        return None
    told = [headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining", "reset")]
    if not all(word.isdecimal() and len(word) < 12 for word in told):
        return None
    limit, left, reset = map(int, told)
    return Quota(limit, left, datetime.fromtimestamp(reset, UTC))
