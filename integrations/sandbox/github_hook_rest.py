"""The routes of repository webhooks: what was delivered, and once more please."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, jsonify, request

from integrations.sandbox import github_views
from integrations.sandbox.github_acts import GitHub
from integrations.sandbox.github_rest import REPO, Answer, GitHubApi
from integrations.sandbox.github_site import Repo, invalid, not_found
from integrations.sandbox.hooks import Attempt, Hook
from integrations.sandbox.world import route, whole_number

HOOK = REPO + "/hooks/<int:id>"
#: "You can redeliver webhooks that were delivered in the past 3 days":
#: https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
KEPT = timedelta(days=3)


class GitHubHookRest(GitHubApi):
    """https://docs.github.com/en/rest/repos/webhooks"""

    def _administered(self, me: str, owner: str, name: str) -> Repo:
        """Whoever does not administer the repository is told that there is nothing."""
        place = self.place(me, owner, name)
        if not self.site.may(me, place, "admin"):
            raise not_found()
        return place

    def _hook(self, place: Repo, id: int) -> Hook:
        for hook in self.site.world.hooks.registered:
            if (hook.dialect, hook.scope, hook.id) == ("github", place.full_name, id):
                return hook
        raise not_found()

    @route("GET", REPO + "/hooks")
    def hooks(self, me: str, owner: str, name: str) -> Answer:
        place = self._administered(me, owner, name)
        hooks = self.site.world.hooks.registered
        here = [h for h in hooks if (h.dialect, h.scope) == ("github", place.full_name)]
        return self.pages([github_views.hook(self.site, place, hook) for hook in here])

    @route("GET", "/orgs/<org>/hooks")
    def organisation_hooks(self, me: str, org: str) -> Answer:  # noqa: ARG002 - nobody owns one here
        """https://docs.github.com/en/rest/orgs/webhooks#list-organization-webhooks: to whoever is
        no owner of the organisation there is nothing."""
        raise not_found()

    @route("GET", HOOK + "/deliveries")
    def deliveries(self, me: str, owner: str, name: str, id: int) -> Answer:
        """Each try by itself; `cursor` is where a page starts, and only the Link header tells it:
        https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook"""
        place = self._administered(me, owner, name)
        return listed(self.site, self._hook(place, id))

    @route("POST", HOOK + "/deliveries/<int:attempt>/attempts")
    def redeliver(self, me: str, owner: str, name: str, id: int, attempt: int) -> Answer:
        """https://docs.github.com/en/rest/repos/webhooks#redeliver-a-delivery-for-a-repository-webhook"""
        again(self.site, self._hook(self._administered(me, owner, name), id), attempt)
        return {}, 202


def attempts(site: GitHub, hook: Hook) -> list[Attempt]:
    """The newest first."""
    since = site.world.now() - KEPT
    made = reversed(site.world.hooks.attempts)
    return [one for one in made if one.delivery.hook is hook and one.at >= since]


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
