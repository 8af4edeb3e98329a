"""How an account signs in to a tracker: what goes with each type of `auth`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from config.fields import SecretFrom, Section, Text, needed
from config.problems import Complaint, Place
from config.secrets import SecretSource

#: What each kind of connection takes, the usual one first.
AUTH_OF = {
    "jira": ("basic", "bearer"),
    "github": ("token", "bearer", "app"),
    "confluence": ("basic", "bearer"),
}

#: The secret that each type signs in with.
_SECRET_OF = {"app": "private_key"}


class AppId(Text):
    """A GitHub App's id, a number, or its client id."""

    def read(self, value: Any) -> str:
        number = isinstance(value, int) and not isinstance(value, bool)
        return super().read(str(value) if number else value)


class AuthSection(Section):
    type = Text(
        choices=("basic", "bearer", "token", "app"), **needed("type: basic, bearer, token or app")
    )
    user = Text()
    token = SecretFrom()
    app_id = AppId()
    private_key = SecretFrom()


def check_auth(connection: Mapping[str, Any], place: Place) -> Iterator[Complaint]:
    """What of `auth` does not fit the kind of the connection, or its own type."""
    kind, auth = connection.get("kind"), connection.get("auth")
    if auth is None:  # told already
        return
    place = (*place, "auth")
    if kind and auth.get("type", AUTH_OF[kind][0]) not in AUTH_OF[kind]:
        *others, last = (f"type: {each}" for each in AUTH_OF[kind])
        right = f"write {', '.join(others)} or {last}"
        yield Complaint((*place, "type"), f"does not fit {kind}", right)
    type_ = auth.get("type", "")
    if type_ == "basic" and "user" not in auth:
        right = "write user: the account's e-mail address (Data Center: its name)"
        yield Complaint((*place, "user"), "is missing", right)
    if type_ in ("bearer", "token", "app") and "user" in auth:
        yield Complaint((*place, "user"), "goes with type: basic only", "remove it")
    yield from _check_secret(auth, type_, place)


def _check_secret(auth: Mapping[str, Any], type_: str, place: Place) -> Iterator[Complaint]:
    secret = secret_key(auth)
    if secret not in auth:
        yield Complaint((*place, secret), "is missing", f"write {secret}: {{env: NAME}}")
    if type_ == "app":
        if "app_id" not in auth:
            right = "write app_id: the number that the App's page shows"
            yield Complaint((*place, "app_id"), "is missing", right)
        if "token" in auth:
            right = "remove it: an App fetches its tokens with its private_key"
            yield Complaint((*place, "token"), "does not go with type: app", right)
    elif type_:
        for key in ("app_id", "private_key"):
            if key in auth:
                yield Complaint((*place, key), "goes with type: app only", "remove it")


def secret_key(auth: Mapping[str, Any]) -> str:
    """The key below which the secret of this `auth` stands."""
    return _SECRET_OF.get(auth.get("type", ""), "token")


def whose(auth: Mapping[str, Any]) -> tuple[str, SecretSource | None]:
    """What tells one account from another on the same server."""
    return auth.get("app_id", auth.get("user", "")), auth.get(secret_key(auth))
