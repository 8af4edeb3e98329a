"""GitHub Apps: their keys, where they are installed, and the tokens that end."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from integrations.sandbox.github_moves import GitHubMoves
from integrations.sandbox.github_site import GitHubApp, Installation, Repo
from integrations.sandbox.hooks import Hook
from integrations.sandbox.world import Object, Refused, act

#: "The installation access token will expire after 1 hour":
#: https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
TOKEN_LASTS = timedelta(hours=1)
#: "no more than 10 minutes into the future", and some seconds for a clock that is ahead:
#: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
KEY_LASTS = timedelta(minutes=10, seconds=5)


def _refused(words: str, status: int = 401) -> Refused:
    url = "https://docs.github.com/rest"
    body = {"message": words, "documentation_url": url, "status": str(status)}
    return Refused(status, body)


#: What a route below a repository asks of an App, by the first words of its path there. Issues and
#: pull requests share their numbers, labels and comments.
#: https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
_PERMISSIONS = {
    "": "metadata",
    "actions": "actions",
    "assignees": "issues",
    "collaborators": "metadata",
    "commits": "contents",
    "contents": "contents",
    "git": "contents",
    "hooks": "repository_hooks",
    "issues": "issues",
    "labels": "issues",
    "milestones": "issues",
    "pulls": "pull_requests",
    "statuses": "statuses",
}


def admit(installed: Installation, repo: Repo, method: str, part: str) -> None:
    """Whether an installation's token serves a request to `part`, the path below the repository.
    A repository outside of it is not there; what it may not do is 403, with what would do:
    https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#resource-not-accessible
    """
    if not installed.covers(repo):
        raise _refused("Not Found", 404)
    wanted, level = _PERMISSIONS[part.partition("/")[0]], "read" if method == "GET" else "write"
    if not holds(installed, wanted, level):
        refused = _refused("Resource not accessible by integration", 403)
        refused.headers["X-Accepted-GitHub-Permissions"] = f"{wanted}={level}"
        raise refused


def holds(installed: Installation, permission: str, level: str) -> bool:
    """Whether it has the permission at least at this level, ``read`` or ``write``."""
    return installed.permissions.get(permission, "none") in (level, "write")


class GitHubApps(GitHubMoves):
    """A server with Apps."""

    @act
    def add_app(
        self,
        slug: str,
        permissions: Mapping[str, str],
        events: Sequence[str] = (),
        owner: str = "acme",
        url: str = "",
        secret: str = "",
    ) -> Object:
        """Register an App, with a webhook where there is a `url`; returns its id and its key as
        the conversion of a manifest does:
        https://docs.github.com/en/rest/apps/apps#create-a-github-app-from-a-manifest"""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode()
        now, id = self.world.now(), self.world.next_id()
        hook = None
        if url:
            watched = frozenset(events)
            hook = Hook("github", url, secret, f"app {slug}", watched, self.world.next_id(), now)
            self.world.hooks.registered.append(hook)
        granted = {"metadata": "read", **permissions}
        app = GitHubApp(id, slug, owner, key.public_key(), granted, tuple(events), now, hook)
        self.apps.by_slug[slug] = app
        self.add_user(app.login)
        return {"id": id, "slug": slug, "pem": pem, "webhook_secret": secret or None}

    @act
    def install_app(self, slug: str, owner: str, repositories: Sequence[str] | None = None) -> int:
        """Install it on all of an owner's repositories, or on some. Returns the id."""
        app = self.apps.by_slug[slug]
        only = None if repositories is None else frozenset(repositories)
        made = Installation(self.world.next_id(), app, owner, only, self.world.now())
        self.apps.installed.append(made)
        return made.id

    @act
    def ask_permissions(self, slug: str, permissions: Mapping[str, str]) -> None:
        """The App asks for these from now on. "Updated permissions won't take effect on an
        installation until the owner of the account or organization approves the changes":
        https://docs.github.com/en/apps/maintaining-github-apps/modifying-a-github-app-registration#changing-the-permissions-of-a-github-app"""
        app = self.apps.by_slug[slug]
        for each in self.apps.installed:
            if each.app is app and each.accepted is None:
                each.accepted = {"metadata": "read", **app.permissions}
        app.permissions = {"metadata": "read", **permissions}

    @act
    def accept_permissions(self, id: int) -> None:
        """Its owner lets the App have all that it asks for. Tokens that were fetched before have
        what they were given (whether GitHub gives them more is not said: the harder case)."""
        (there,) = (each for each in self.apps.installed if each.id == id)
        for token, (installed, ends) in self.apps.tokens.items():
            if installed is there:
                self.apps.tokens[token] = replace(installed), ends
        there.accepted = None

    @act
    def uninstall_app(self, id: int) -> None:
        self.apps.installed = [each for each in self.apps.installed if each.id != id]
        self.end_app_tokens()

    @act
    def suspend_app(self, id: int) -> None:
        for each in self.apps.installed:
            each.suspended = each.suspended or each.id == id

    @act
    def end_app_tokens(self) -> None:
        """None of the tokens of installations is good any more."""
        self.apps.tokens.clear()

    def app_of(self, token: str) -> GitHubApp:
        """The App whose key signed this JSON web token, which must be of now."""
        try:
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except jwt.InvalidTokenError:
            raise _refused("A JSON web token could not be decoded") from None
        app = next((a for a in self.apps.by_slug.values() if str(a.id) == str(issuer)), None)
        if app is None:
            raise _refused("Integration not found", 404)
        try:  # when it was made and ends is looked at by the sandbox's clock, below
            claims = jwt.decode(
                token,
                app.public_key,
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            raise _refused("A JSON web token could not be decoded") from None
        now = self.world.now().timestamp()
        if claims["exp"] > now + KEY_LASTS.total_seconds():
            raise _refused("'Expiration time' claim ('exp') is too far in the future")
        if claims["exp"] <= now or claims["iat"] > now:
            raise _refused("'Expiration time' claim ('exp') must be a numeric value in the future")
        return app

    def token_for(self, app: GitHubApp, id: int) -> tuple[str, datetime, Installation]:
        """A new token of this installation, and when it ends."""
        installed = next((i for i in self.apps.installed if i.id == id and i.app is app), None)
        if installed is None:
            raise _refused("Not Found", 404)
        if installed.suspended:
            raise _refused("This installation has been suspended", 403)
        token, ends = f"ghs_{secrets.token_urlsafe(24)}", self.world.now() + TOKEN_LASTS
        self.apps.tokens[token] = (installed, ends)
        return token, ends, installed

    def tell(self, event: str, place: Repo, by: str, **parts: Any) -> None:
        """To the hooks of the repository, then to the Apps that are installed on it."""
        super().tell(event, place, by, **parts)
        for installed in self.apps.installed:
            if installed.covers(place) and installed.app.hook is not None:
                payload = {**self.told(place, by, parts), "installation": {"id": installed.id}}
                self.world.hooks.fire("github", event, payload, installed.app.hook.scope)
