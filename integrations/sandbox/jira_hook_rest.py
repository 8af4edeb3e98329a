"""The routes of admin webhooks, which both deployments keep beside their REST API."""

from __future__ import annotations

from dataclasses import replace

from integrations.sandbox.hooks import Hook
from integrations.sandbox.jira_acts import refused
from integrations.sandbox.jira_rest import Answer, JiraApi
from integrations.sandbox.world import Object, json_body, route

SECTION = "issue-related-events-section"
#: https://developer.atlassian.com/cloud/jira/platform/webhooks/#registering-a-webhook-using-the-jira-rest-api--other-integrations-
CLASSIC = "/webhooks/1.0/webhook"
#: Where Data Center has them from version 10 on.
NEWER = "/jira-webhook/1.0/webhooks"


#: Those that a webhook for all of them names.
_ALL = """
    jira:issue_created jira:issue_updated jira:issue_deleted comment_created comment_updated
    comment_deleted jira:version_created jira:version_updated jira:version_deleted
    jira:version_released jira:version_unreleased issuelink_created issuelink_deleted
    """


class JiraHookRest(JiraApi):
    """Only administrators; a secret is never told again, only (on Cloud) that there is one."""

    def _administrator(self, me: str, newer: bool) -> None:
        if newer is not (not self.site.cloud and self.site.major >= 10):
            raise refused({}, "null for uri", status=404)
        if not self.site.may(me, "ADMINISTER"):
            words = "You are not authorized to perform this operation."
            raise refused({}, words, status=403)

    def _hook(self, id: int) -> Hook:
        for hook in self.site.world.hooks.registered:
            if (hook.dialect, hook.id) == ("jira", id):
                return hook
        raise refused({}, f"Webhook with id {id} was not found.", status=404)

    def _shown(self, hook: Hook, newer: bool) -> Object:
        home = self.site.url + "/rest" + (NEWER if newer else CLASSIC)
        view: Object = {
            "name": hook.name,
            "url": hook.url,
            "events": sorted(hook.events or _ALL.split()),
        }
        if newer:
            view |= {"id": hook.id, "active": hook.active, "scopeType": "global"}
            filters = f'{{"{SECTION}":"{hook.jql.replace(chr(34), chr(92) + chr(34))}"}}'
            return view | {"configuration": {"EXCLUDE_BODY": "false", "FILTERS": filters}}
        view |= {"excludeBody": False, "filters": {SECTION: hook.jql}, "enabled": hook.active}
        view |= {"self": f"{home}/{hook.id}", "lastUpdated": 0, "lastUpdatedUser": ""}
        return view | ({"isSigned": bool(hook.secret)} if self.site.cloud else {})

    def _read(self, wanted: Object, old: Hook) -> Hook:
        if not wanted.get("url") or not wanted.get("name"):
            raise refused({}, "A webhook needs a name and an address.")
        filters = wanted.get("filters") or {}
        given = wanted.get("secret") or (wanted.get("configuration") or {}).get("secret")
        return replace(
            old,
            name=wanted["name"],
            url=wanted["url"],
            secret=old.secret if given is None else given,
            events=frozenset(wanted.get("events") or ()),
            jql=str(filters.get(SECTION) or ""),
            active=bool(wanted.get("enabled", wanted.get("active", old.active))),
        )

    @route("GET", CLASSIC)
    def classic(self, me: str) -> Answer:
        return self._listed(me, newer=False)

    @route("GET", NEWER)
    def newer(self, me: str) -> Answer:
        return self._listed(me, newer=True)

    def _listed(self, me: str, newer: bool) -> Answer:
        self._administrator(me, newer)
        hooks = self.site.world.hooks.registered
        return [self._shown(hook, newer) for hook in hooks if hook.dialect == "jira"]

    @route("POST", CLASSIC)
    def create_classic(self, me: str) -> Answer:
        return self._created(me, newer=False)

    @route("POST", NEWER)
    def create_newer(self, me: str) -> Answer:
        return self._created(me, newer=True)

    def _created(self, me: str, newer: bool) -> Answer:
        self._administrator(me, newer)
        world = self.site.world
        made = self._read(json_body(), Hook("jira", "", "", id=world.next_id()))
        world.hooks.registered.append(made)
        return self._shown(made, newer), 201

    @route("PUT", CLASSIC + "/<int:id>")
    def change_classic(self, me: str, id: int) -> Answer:
        return self._changed(me, id, newer=False)

    @route("PUT", NEWER + "/<int:id>")
    def change_newer(self, me: str, id: int) -> Answer:
        return self._changed(me, id, newer=True)

    def _changed(self, me: str, id: int, newer: bool) -> Answer:
        self._administrator(me, newer)
        hook = self._hook(id)
        made = self._read(json_body(), hook)
        self.site.world.hooks.replace(hook, made)
        return self._shown(made, newer)

    @route("DELETE", CLASSIC + "/<int:id>")
    @route("DELETE", NEWER + "/<int:id>")
    def delete(self, me: str, id: int) -> Answer:
        self._administrator(me, not self.site.cloud and self.site.major >= 10)
        self.site.world.hooks.replace(self._hook(id), None)
        return "", 204
