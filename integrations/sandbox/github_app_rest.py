"""The routes that an App asks with its key, and how one is registered from a manifest."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from urllib.parse import urlencode

from flask import Flask, g, redirect, request
from flask.typing import ResponseReturnValue

from integrations.sandbox import github_views
from integrations.sandbox.github_acts import GitHub
from integrations.sandbox.github_hook_rest import again, listed
from integrations.sandbox.github_rest import REPO, Answer, GitHubApi
from integrations.sandbox.github_site import GitHubApp, GitHubSite, Installation, not_found
from integrations.sandbox.hooks import Hook
from integrations.sandbox.world import Object, Refused, json_body, route


class GitHubAppRest(GitHubApi):
    """https://docs.github.com/en/rest/apps/apps and https://docs.github.com/en/rest/apps/webhooks"""

    def sign_in(self) -> str:
        """The slug of the App whose key signed the request; nobody else may ask here."""
        g.installed = None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "token"):
            raise Refused(401, {"message": "A JSON web token could not be decoded"})
        return self.site.app_of(token).slug

    @route("GET", "/app")
    def myself(self, me: str) -> Answer:
        return app_view(self.site, self.site.apps.by_slug[me])

    @route("GET", "/app/installations")
    def installations(self, me: str) -> Answer:
        mine = [each for each in self.site.apps.installed if each.app.slug == me]
        return self.pages([installation_view(self.site, each) for each in mine])

    @route("GET", REPO + "/installation")
    def serving(self, me: str, owner: str, name: str) -> Answer:
        """404 where it is not installed. A former name leads to the present one."""
        if new := self.site.renamed.get(f"{owner}/{name}".lower()):
            there = request.url.replace(f"/repos/{owner}/{name}", f"/repos/{new}", 1)
            raise Refused(301, {"message": "Moved Permanently", "url": there}, {"Location": there})
        place = self.site.repo(f"{owner}/{name}")
        for each in self.site.apps.installed:
            if each.app.slug == me and each.covers(place):
                return installation_view(self.site, each)
        raise not_found()

    @route("POST", "/app/installations/<int:id>/access_tokens")
    def access_token(self, me: str, id: int) -> Answer:
        token, ends, installed = self.site.token_for(self.site.apps.by_slug[me], id)
        shown: Object = {"token": token, "expires_at": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}
        shown |= {"permissions": dict(installed.permissions)}
        return shown | {"repository_selection": _selection(installed)}, 201

    @route("GET", "/app/hook/config")
    def hook_config(self, me: str) -> Answer:
        hook = self._hook(me)
        shown: Object = {"url": hook.url, "content_type": "json", "insecure_ssl": "0"}
        return shown | ({"secret": "********"} if hook.secret else {})

    @route("PATCH", "/app/hook/config")
    def change_hook(self, me: str) -> Answer:
        """https://docs.github.com/en/rest/apps/webhooks#update-a-webhook-configuration-for-an-app"""
        app, wanted = self.site.apps.by_slug[me], json_body()
        old = self._hook(me)
        app.hook = replace(old, url=wanted["url"], secret=wanted.get("secret", old.secret))
        self.site.world.hooks.replace(old, app.hook)
        return self.hook_config(me)

    @route("GET", "/app/hook/deliveries")
    def deliveries(self, me: str) -> Answer:
        return listed(self.site, self._hook(me))

    @route("POST", "/app/hook/deliveries/<int:attempt>/attempts")
    def redeliver(self, me: str, attempt: int) -> Answer:
        again(self.site, self._hook(me), attempt)
        return {}, 202

    def _hook(self, me: str) -> Hook:
        hook = self.site.apps.by_slug[me].hook
        if hook is None:
            raise not_found()
        return hook


class GitHubManifestRest(GitHubApi):
    """https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest"""

    def sign_in(self) -> str:
        """The code is all that is asked for."""
        return ""

    @route("POST", "/app-manifests/<code>/conversions")
    def convert(self, me: str, code: str) -> Answer:  # noqa: ARG002 - nobody signs in
        """Once for each code."""
        manifest = self.site.apps.manifests.pop(code, None)
        if manifest is None:
            raise not_found()
        hook = manifest.get("hook_attributes") or {}
        slug = str(manifest["name"]).lower().replace(" ", "-")
        made = self.site.add_app(
            slug,
            manifest.get("default_permissions") or {},
            manifest.get("default_events") or (),
            url=str(hook.get("url") or ""),
            secret=secrets.token_hex(20) if hook else "",
        )
        shown = app_view(self.site, self.site.apps.by_slug[slug])
        shown |= {"client_secret": secrets.token_hex(20), "pem": made["pem"]}
        return shown | {"webhook_secret": made["webhook_secret"]}, 201


def mount_registration(app: Flask, github: GitHub) -> None:
    """Where a browser posts a manifest to. What a person would be asked first, the name of the App
    and whether it is right so, is taken for answered."""

    def register(org: str = "") -> ResponseReturnValue:  # noqa: ARG001 - whose it becomes
        manifest = json.loads(request.form["manifest"])
        code = secrets.token_hex(20)
        with github.world.lock:
            github.apps.manifests[code] = manifest
        back = urlencode({"code": code, "state": request.args.get("state", "")})
        return redirect(f"{manifest['redirect_url']}?{back}")

    paths = ("/github/settings/apps/new", "/github/organizations/<org>/settings/apps/new")
    for path in paths:
        app.add_url_rule(path, f"register {path}", register, methods=["POST"])


def app_view(site: GitHubSite, app: GitHubApp) -> Object:
    shown: Object = {"id": app.id, "slug": app.slug, "node_id": f"A_{app.id}", "name": app.slug}
    shown |= {"client_id": f"Iv23li{app.id}", "owner": github_views.user(site, app.owner)}
    shown |= {"description": None, "external_url": "https://followthrough.example"}
    shown |= {"html_url": f"{site.url}/apps/{app.slug}", "permissions": dict(app.permissions)}
    when = github_views.stamp(app.created)
    shown |= {"events": list(app.events), "created_at": when, "updated_at": when}
    mine = [each for each in site.apps.installed if each.app is app]
    return shown | {"installations_count": len(mine)}


def installation_view(site: GitHubSite, shown: Installation) -> Object:
    here = f"{site.api}/app/installations/{shown.id}"
    view: Object = {"id": shown.id, "account": github_views.user(site, shown.owner)}
    view |= {"access_tokens_url": f"{here}/access_tokens", "app_id": shown.app.id}
    view |= {"repositories_url": f"{site.api}/installation/repositories"}
    view |= {"html_url": f"{site.url}/settings/installations/{shown.id}"}
    view |= {"app_slug": shown.app.slug, "target_id": site.accounts[shown.owner].id}
    view |= {"target_type": "Organization", "permissions": dict(shown.permissions)}
    when = github_views.stamp(shown.created)
    view |= {"events": list(shown.app.events), "created_at": when, "updated_at": when}
    view |= {"single_file_name": None, "repository_selection": _selection(shown)}
    return view | {"suspended_by": None, "suspended_at": when if shown.suspended else None}


def _selection(shown: Installation) -> str:
    return "all" if shown.repositories is None else "selected"
