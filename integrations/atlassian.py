"""What Jira and Confluence have in common over HTTP: how they answer somebody whose sign-in failed,
how long they want to be left alone, and what becomes of a call without an answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests

from integrations.http import never_arrived
from integrations.tracker import OutcomeUnknown, Rejected, TrackerError, Unavailable

CONNECT_SECONDS = 5
WAIT_WITHOUT_A_WORD = timedelta(seconds=60)

_LONGEST_WORDS = 500


def lost(method: str, words: str) -> TrackerError:
    """The error of a call of which nobody knows whether it was done; a read does nothing."""
    return Unavailable(words) if method == "GET" else OutcomeUnknown(words)


def unanswered(url: str, method: str, error: requests.RequestException) -> TrackerError:
    """The error of a call to the site at `url` that got no answer."""
    if never_arrived(error):
        return Unavailable(
            f"{url} could not be reached ({type(error).__name__})",
            mend="Check the address, the network and the certificate.",
        )
    return lost(method, f"{url} gave no answer ({type(error).__name__})")


def led_away(url: str, product: str, answer: requests.Response) -> Rejected:
    """The error of a call that is answered by a way to somewhere else: no way is followed, because
    credentials would go along."""
    to = urlsplit(answer.headers.get("Location", ""))
    where = f"{to.scheme}://{to.netloc}" if to.netloc else "another page"
    return Rejected(
        f"{url} sends us on to {where}",
        mend=f"Write the address that {product} itself uses (its base URL) in the rules.",
    )


def is_anonymous(answer: requests.Response) -> bool:
    """Whether the sign-in failed and the site answered as to nobody, to whom what is not public
    looks deleted, and a search finds nothing. https://jira.atlassian.com/browse/JRA-41559"""
    return "AUTHENTICATED_FAILED" in answer.headers.get("X-Seraph-LoginReason", "")


def mend_sign_in(product: str, answer: requests.Response, rights: str) -> str:
    """What to do about a sign-in that failed, or about `rights` that the account lacks."""
    if "CAPTCHA" in answer.headers.get("X-Authentication-Denied-Reason", "").upper():
        return f"{product} wants a CAPTCHA: sign in once in a browser as this account."
    if answer.status_code != 403 or is_anonymous(answer):
        return "Check the account's user name and token; API tokens expire."
    return rights


def retry_after(answer: requests.Response, now: datetime) -> datetime | None:
    """Until when (UTC) the site wants no calls, by the seconds of ``Retry-After``; None where it
    does not say so, or nothing that can be meant.
    https://developer.atlassian.com/cloud/jira/platform/rate-limiting/,
    https://developer.atlassian.com/cloud/confluence/rate-limiting/ and, on Data Center,
    https://confluence.atlassian.com/doc/improving-instance-stability-with-rate-limiting-992679004.html
    """
    try:
        seconds = float(answer.headers.get("Retry-After", ""))
    except ValueError:
        return None
    if not math.isfinite(seconds) or not 0 <= seconds <= 86_400:
        return None
    return now + timedelta(seconds=max(seconds, 1))


def spoken(answer: requests.Response, said: str, token: str) -> str:
    """What it `said`, or else its status, without the token should an answer or a proxy ever
    repeat it."""
    words = said or f"{answer.status_code} {answer.reason or ''}".strip()
    return (words.replace(token, "***") if token else words)[:_LONGEST_WORDS]


def json_of(answer: requests.Response) -> Any:
    """What an answer says that may be no JSON; None then."""
    try:
        return answer.json()
    except ValueError:
        return None


def get_as_nobody(
    url: str, params: Mapping[str, Any] | None = None, *, timeout: tuple[int, int]
) -> requests.Response:
    """GET as somebody who is not signed in. No credentials are sent: the call has no cookies, and
    ~/.netrc is not looked at, as `requests` would without an `auth`."""
    return requests.get(
        url,
        params=params,
        headers={"Accept": "application/json"},
        auth=lambda request: request,
        timeout=timeout,
        allow_redirects=False,
    )
