"""What requests are signed with: a token, or the key of a GitHub App."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import jwt

from integrations.tracker import SignInFailed

#: "Set this 60 seconds in the past" for clocks that differ, and "no more than 10 minutes into the
#: future", of which a minute is left to a clock that is ahead.
#: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app#about-json-web-tokens-jwts
_BEFORE, _AFTER = timedelta(seconds=60), timedelta(minutes=9)

#: What to do where an App's own sign-in is refused.
MEND_APP = (
    "Look whether app_id and private_key in the rules are of one App that still exists, and "
    "whether this machine's clock is right."
)


@dataclass(frozen=True, slots=True)
class Signature:
    """What one request is signed with. `account` is whose limits it counts against, where the
    server counts those of a connection for each of several; else ""."""

    token: str
    account: str = ""


class Signer(Protocol):
    """Whoever signs the requests of a client."""

    #: Whether it is a GitHub App, which has permissions where a person has scopes and a role.
    is_app: bool

    def sign(self, path: str) -> Signature:
        """The signature of a request to `path`. It may have to be asked for: raises the
        TrackerError family, never OutcomeUnknown or NotThere."""

    def refused(self, signature: Signature) -> bool:
        """The server does not take this signature (401), or not for this (403). Whether `sign` may
        have another one."""

    def missed(self, path: str, signature: Signature) -> bool:
        """Nothing is at `path` (404) for this signature. Whether `sign` has another one by now, for
        which there may be. Raises Rejected where the signer may look there no more, and what `sign`
        raises."""

    def login(self, *, anew: bool = False) -> str | None:
        """The account that acts, asked for `anew` or as remembered; None where the server tells it
        of a signed request."""

    def each(self) -> tuple[Signer, ...]:
        """Those who together see all that it sees, where no request asks for all of it at once:
        itself, or one for each installation of an App. Raises the TrackerError family."""


class Token:
    """A personal access token: every request is signed with it."""

    is_app = False

    def __init__(self, token: str) -> None:
        self._signature = Signature(token)

    def sign(self, path: str) -> Signature:  # noqa: ARG002 - the protocol's
        return self._signature

    def refused(self, signature: Signature) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def missed(self, path: str, signature: Signature) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def login(self, *, anew: bool = False) -> str | None:  # noqa: ARG002 - the protocol's
        return None

    def each(self) -> tuple[Signer, ...]:
        return (self,)


class AppKey:
    """The private key (PEM) of a GitHub App, which signs what is asked as the App itself.
    `app_id` may be its client id as well; `clock` is aware."""

    is_app = True

    def __init__(self, app_id: str, private_key: str, clock: Callable[[], datetime]) -> None:
        self._app_id = app_id
        self._private_key = private_key
        self._clock = clock

    def sign(self, path: str) -> Signature:  # noqa: ARG002 - the protocol's
        """Raises SignInFailed where the key is none."""
        now = self._clock().astimezone(UTC)
        claims = {"iat": now - _BEFORE, "exp": now + _AFTER, "iss": self._app_id}
        try:
            return Signature(jwt.encode(claims, self._private_key, algorithm="RS256"))
        except (jwt.InvalidKeyError, ValueError, TypeError):  # no words: they may quote the key
            mend = "Set private_key to the whole .pem file that GitHub gave, with its line breaks."
            raise SignInFailed("the App's private key is no RSA key in PEM", mend=mend) from None

    def refused(self, signature: Signature) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def missed(self, path: str, signature: Signature) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def login(self, *, anew: bool = False) -> str | None:  # noqa: ARG002 - the protocol's
        return None

    def each(self) -> tuple[Signer, ...]:
        return (self,)
