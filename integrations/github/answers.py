"""What an answer that is no success means, in the TrackerError family.

Source: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api and
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.tracker import (
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    SignInFailed,
    StaleVersion,
    TrackerError,
    Unavailable,
)

#: "If your request continues to fail due to a secondary rate limit, wait for at least one
#: minute": what is waited when the answer names no time.
_UNTOLD_WAIT = timedelta(minutes=1)

#: The hour's requests come back within the hour: a later time is a clock that is wrong.
_LONGEST_WAIT = timedelta(days=1)
_WORDS_LIMIT = 500
#: What 403 and 422 say when they mean "slower"; the latter two are older wordings of it.
_SLOWER = ("rate limit", "abuse detection", "was submitted too quickly")


#: What 403 says of one issue or repository, whoever asks: no fault of the sign-in.
_CLOSED = tuple(
    (re.compile(said, re.IGNORECASE), mend)
    for said, mend in (
        (r"\bis locked\b", "Unlock the issue's conversation."),
        (r"\barchived\b|\bread-only\b", "Unarchive the repository in its settings."),
        (
            r"\b(has|have) been (restricted|limited)\b|\blimited the ability\b",
            "Make the account a collaborator, or lift the limit in the repository's settings.",
        ),
        (r"\bbeen blocked\b|\bis blocked\b", "Unblock the account in the owner's settings."),
    )
)

#: How 409 of a file says that somebody else wrote: "a.md does not match 1f3c…", and "is at 1f3c…
#: but expected 77ab…" where two commits meet.
_STALE = re.compile(r"does not match|\bis at \S+ but expected\b", re.IGNORECASE)


#: A value that the route's schema does not know is named in the message alone: "Invalid property
#: /state_reason: `x` is not a possible value", on older servers "For 'properties/state_reason', …".
_NAMED = re.compile(r"(?:Invalid property /|For 'properties/)(\w+)")


#: What GraphQL calls it in an error's `type`: the second is newer than its documentation.
#: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
#: https://github.com/yanyongyu/githubkit/issues/271
_THROTTLED = ("RATE_LIMITED", "RATE_LIMIT")


class Invalid(Rejected):
    """422 or 400: `fields` are those that GitHub named in its ``errors`` or its message."""

    def __init__(self, words: str, fields: frozenset[str]) -> None:
        super().__init__(words, mend="Mend what the words name, then replay it.")
        self.fields = fields


class NotOverGraphQL(Rejected):
    """GraphQL takes nothing now, so nothing was done; REST may: its hour is another."""


def error_of(
    status: int, headers: Mapping[str, str], text: str, *, writes: bool, path: str, now: datetime
) -> TrackerError:
    """The error that this answer is. `headers` have lower-case names, `now` is UTC."""
    words, fields = _read(status, text)
    if _asks_for_patience(status, headers, words):
        return RateLimited(words, retry_at=_retry_at(headers, now))
    if status >= 500 or status == 408:
        if writes:
            return OutcomeUnknown(words, mend="Nothing to do: what became of it is looked up.")
        return Unavailable(words, mend="Nothing to do: it is asked again.")
    if status == 401:
        return SignInFailed(words, mend="Make a new token and set it where the rules read it.")
    if status == 403:
        closed = next((mend for said, mend in _CLOSED if said.search(words)), None)
        if closed is not None:
            return Rejected(words, mend=closed)
        return SignInFailed(words, mend=_permission(headers, words, writes))
    if status in (404, 410):
        return NotThere(words, mend="Look whether it was deleted, and whether the token sees it.")
    if status == 409:
        return _conflict(words, path)
    if status in (400, 422):
        return Invalid(words, fields)
    if status < 400:
        return Rejected(words, mend="It was renamed or moved: write its new name in the rules.")
    return Rejected(words)


def throttled(headers: Mapping[str, str], text: str, now: datetime) -> RateLimited | None:
    """The refusal that an answer of GraphQL holds, which may come with 200, and perhaps only for a
    part of what was asked for."""
    try:
        answer: Any = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return None
    errors = answer.get("errors") if isinstance(answer, dict) else None
    for error in errors if isinstance(errors, list) else []:
        if asks_for_patience(error):
            words = str(error.get("message") or error.get("type"))
            return RateLimited(words[:_WORDS_LIMIT], retry_at=_retry_at(headers, now))
    return None


def asks_for_patience(error: object) -> bool:
    """Whether an error of GraphQL's `errors` means "slower"."""
    if not isinstance(error, dict):
        return False
    words = str(error.get("message") or "").lower()
    return error.get("type") in _THROTTLED or any(said in words for said in _SLOWER)


def _conflict(words: str, path: str) -> TrackerError:
    """409: somebody else wrote, or what GitHub says no to in any words."""
    if "/contents/" in path and _STALE.search(words):
        return StaleVersion(words, mend="Nothing to do: it is read again and merged.")
    if "repository is empty" in words.lower():
        return Rejected(words, mend="Make a first commit there, a README for instance.")
    if "rule violations" in words.lower():
        mend = "Let the account bypass the repository's ruleset, or exempt followthrough/ branches."
        return Rejected(words, mend=mend)
    return Rejected(words)


def _read(status: int, text: str) -> tuple[str, frozenset[str]]:
    """GitHub's own words, ``message`` and ``errors`` in one line, and the fields they name."""
    try:
        body: Any = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        body = {}
    if not isinstance(body, dict):
        body = {}
    said = [str(body.get("message") or f"HTTP {status}")]
    fields: set[str] = set(_NAMED.findall(said[0]))
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else [errors] if errors else []:
        if isinstance(error, dict):
            named = str(error.get("field") or "")
            fields.add(named)
            value = error.get("value")
            parts = (named, error.get("message") or error.get("code"), value)
            said.append(" ".join(str(part) for part in parts if part))
        else:
            said.append(str(error))
    words = "; ".join(part for part in said if part)
    return words[:_WORDS_LIMIT], frozenset(fields - {""})


def _asks_for_patience(status: int, headers: Mapping[str, str], words: str) -> bool:
    if status == 429:
        return True
    if status == 403 and ("retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"):
        return True
    return status in (403, 422) and any(said in words.lower() for said in _SLOWER)


def _retry_at(headers: Mapping[str, str], now: datetime) -> datetime:
    after = headers.get("retry-after", "")
    if after.isdecimal() and len(after) < 7:
        return now + timedelta(seconds=int(after))
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal() and len(reset) < 12:
        told = datetime.fromtimestamp(int(reset), UTC)
        return min(max(told, now + timedelta(seconds=1)), now + _LONGEST_WAIT)
    return now + _UNTOLD_WAIT


def _permission(headers: Mapping[str, str], words: str, writes: bool) -> str:
    """Which permission is lacking, where GitHub says it; of an App its owner may have asked for it
    already, and nobody accepted that:
    https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#resource-not-accessible
    https://docs.github.com/en/apps/using-github-apps/approving-updated-permissions-for-a-github-app
    """
    if "x-github-sso" in headers:
        return "Authorise the token for the organisation's single sign-on, in its settings."
    wanted = headers.get("x-accepted-github-permissions")
    if "by integration" in words:
        named = f"the permission {wanted}" if wanted else "what it lacks (doctor names it)"
        return (
            f"Give the App {named} in its settings, unless it asks for it already; then an owner "
            "of the organisation accepts the new permissions in the organisation's settings, under "
            "GitHub Apps."
        )
    if wanted:
        return f"Give the token, or the App, the permission {wanted}."
    scopes = headers.get("x-accepted-oauth-scopes")
    if scopes:
        return f"Give the token one of the scopes {scopes}."
    kind = "write" if writes else "read"
    return f"Give the token {kind} access to issues, contents and pull requests there."
