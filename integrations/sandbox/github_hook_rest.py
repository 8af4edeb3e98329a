"""The routes of webhooks, a repository's or an organisation's: which there are, what was delivered,
and once more please."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Response, jsonify, request

from integrations.sandbox import github_views
from integrations.sandbox.github_acts import GitHub
from integrations.sandbox.github_rest import REPO, Answer, GitHubApi
from integrations.sandbox.github_site import invalid, not_found
from integrations.sandbox.hooks import Attempt, Hook
from integrations.sandbox.world import Object, json_body, route, whole_number

HOOK, ORG = REPO + "/hooks/<int:id>", "/orgs/<owner>/hooks"
#: "You can redeliver webhooks that were delivered in the past 3 days":
#: https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
KEPT = timedelta(days=3)

#: As many of https://docs.github.com/en/webhooks/webhook-events-and-payloads as are asked for.
_EVENTS = """
    * check_run create delete discussion fork issue_comment issue_dependencies issues label member
    milestone ping public pull_request pull_request_review push release repository star status
    sub_issues team watch workflow_run
    """
EVENTS = frozenset(_EVENTS.split())


class GitHubHookRest(GitHubApi):
    """https://docs.github.com/en/rest/repos/webhooks and https://docs.github.com/en/rest/orgs/webhooks"""

    def _scope(self, me: str, owner: str, name: str = "") -> str:
        """Whoever does not administer it is told that there is nothing."""
        if not name:
            if me not in self.site.owners.get(owner, ()):
                raise not_found()
            return owner
        place = self.place(me, owner, name)
        if not self.site.may(me, place, "admin"):
            raise not_found()
        return place.full_name

    def _of(self, scope: str) -> list[Hook]:
        hooks = self.site.world.hooks.registered
        return [hook for hook in hooks if (hook.dialect, hook.scope) == ("github", scope)]

    def _hook(self, scope: str, id: int) -> Hook:
        for hook in self._of(scope):
            if hook.id == id:
                return hook
        raise not_found()

    @route("GET", REPO + "/hooks")
    @route("GET", ORG)
    def hooks(self, me: str, owner: str, name: str = "") -> Answer:
        shown = self._of(self._scope(me, owner, name))
        return self.pages([github_views.hook(self.site, hook) for hook in shown])

    @route("POST", REPO + "/hooks")
    @route("POST", ORG)
    def create(self, me: str, owner: str, name: str = "") -> Answer:
        """https://docs.github.com/en/rest/repos/webhooks#create-a-repository-webhook"""
        scope, wanted = self._scope(me, owner, name), json_body()
        config = wanted.get("config") or {}
        events = self._known(wanted.get("events") or ["push"])
        if not config.get("url"):
            raise invalid(resource="Hook", code="missing_field", field="url")
        if any(hook.url == config["url"] for hook in self._of(scope)):
            raise invalid(message="Hook already exists on this repository")
        id = self.site.hook(scope, config["url"], str(config.get("secret", "")), events)
        return github_views.hook(self.site, self._hook(scope, id)), 201

    @route("PATCH", HOOK)
    @route("PATCH", ORG + "/<int:id>")
    def change(self, me: str, owner: str, id: int, name: str = "") -> Answer:
        """A `config` replaces the whole of it: "If you previously had a secret set, you must
        provide the same secret or set a new secret or the secret will be removed."
        https://docs.github.com/en/rest/repos/webhooks#update-a-repository-webhook"""
        hook, wanted = self._hook(self._scope(me, owner, name), id), json_body()
        changed: Object = {"active": bool(wanted.get("active", hook.active))}
        if (config := wanted.get("config")) is not None:
            changed |= {"url": config.get("url", hook.url), "secret": config.get("secret", "")}
        if "events" in wanted:
            changed["events"] = frozenset(self._known(wanted["events"]))
        made = replace(hook, **changed)
        self.site.world.hooks.replace(hook, made)
        return github_views.hook(self.site, made)

    @route("DELETE", HOOK)
    @route("DELETE", ORG + "/<int:id>")
    def delete(self, me: str, owner: str, id: int, name: str = "") -> Answer:
        self.site.world.hooks.replace(self._hook(self._scope(me, owner, name), id), None)
        return "", 204

    @route("POST", HOOK + "/pings")
    @route("POST", ORG + "/<int:id>/pings")
    def ping(self, me: str, owner: str, id: int, name: str = "") -> Answer:
        """https://docs.github.com/en/rest/repos/webhooks#ping-a-repository-webhook"""
        self.site.ping(self._hook(self._scope(me, owner, name), id))
        return "", 204

    def _known(self, events: Any) -> list[str]:
        unknown = [name for name in events if name not in EVENTS - self.site.unknown_events]
        if unknown:
            raise invalid(resource="Hook", code="invalid", field="events", value=unknown[0])
        return [] if "*" in events else list(events)

    @route("GET", HOOK + "/deliveries")
    @route("GET", ORG + "/<int:id>/deliveries")
    def deliveries(self, me: str, owner: str, id: int, name: str = "") -> Answer:
        """Each try by itself; `cursor` is where a page starts, and only the Link header tells it:
        https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook"""
        return listed(self.site, self._hook(self._scope(me, owner, name), id))

    @route("POST", HOOK + "/deliveries/<int:attempt>/attempts")
    def redeliver(self, me: str, owner: str, name: str, id: int, attempt: int) -> Answer:
        """https://docs.github.com/en/rest/repos/webhooks#redeliver-a-delivery-for-a-repository-webhook"""
        again(self.site, self._hook(self._scope(me, owner, name), id), attempt)
        return {}, 202


def attempts(site: GitHub, hook: Hook) -> list[Attempt]:
    """The newest first."""
    since = site.world.now() - KEPT
    made = reversed(site.world.hooks.attempts)
    return [one for one in made if one.delivery.hook.id == hook.id and one.at >= since]


def listed(site: GitHub, hook: Hook) -> Response:
    """One page of what was delivered to a hook; see `GitHubHookRest.deliveries`."""
    made = attempts(site, hook)
    size, cursor = whole_number("per_page", 30, 100) or 30, request.args.get("cursor", "")
    cursors = [f"v1_{one.id}" for one in made]
    if cursor and cursor not in cursors:
        raise invalid("Invalid cursor")
    start = cursors.index(cursor) if cursor else 0
    answer = jsonify([github_views.attempt(one) for one in made[start : start + size]])
    others = {"prev": max(0, start - size) if start else None, "next": start + size}
    links = [
        f'<{request.base_url}?per_page={size}&cursor={cursors[at]}>; rel="{rel}"'
        for rel, at in others.items()
        if at is not None and at < len(made)
    ]
    if links:
        answer.headers["Link"] = ", ".join(links)
    return answer


def again(site: GitHub, hook: Hook, attempt: int) -> None:
    """Deliver once more what this attempt was about."""
    chosen = next((one for one in attempts(site, hook) if one.id == attempt), None)
    if chosen is None:
        raise not_found()
    site.world.hooks.redeliver(chosen.delivery)
