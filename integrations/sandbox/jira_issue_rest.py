"""The routes of Jira issues: creation, edits, transitions, comments, links, properties."""

from __future__ import annotations

import json
from typing import Any

from flask import request

from integrations.sandbox import jira_views, jira_workflow
from integrations.sandbox.jira_acts import refused
from integrations.sandbox.jira_rest import MOST_AT_ONCE, Answer, JiraApi, found_comment
from integrations.sandbox.jira_site import Issue
from integrations.sandbox.world import Object, Refused, json_body, route, whole_number


class JiraIssueRest(JiraApi):
    """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/"""

    @route("POST", "/issue")
    def create_issue(self, me: str) -> Answer:
        return self._create(json_body(), me), 201

    @route("POST", "/issue/bulk")
    def create_issues(self, me: str) -> Answer:
        """Not atomic: what can be created is, and the rest is told by its number."""
        wanted = json_body().get("issueUpdates")
        if not isinstance(wanted, list) or not wanted:
            raise refused({}, "No issues were specified.")
        if len(wanted) > MOST_AT_ONCE:
            raise refused({}, f"Cannot create more than {MOST_AT_ONCE} issues in a single request.")
        made: list[Object] = []
        errors: list[Object] = []
        for number, one in enumerate(wanted):
            try:
                made.append(self._create(one, me))
            except Refused as no:
                said = {
                    "status": no.status,
                    "elementErrors": no.body,
                    "failedElementNumber": number,
                }
                errors.append(said)
        return {"issues": made, "errors": errors}, 201 if made else 400

    def _create(self, wanted: Object, me: str) -> Object:
        update = wanted.get("update") or {}
        if unknown := (set(update) - {"issuelinks"}) | ({"transition"} & set(wanted)):
            raise Refused(501, {"errorMessages": [f"The sandbox cannot create with {unknown}"]})
        links = [operation["add"] for operation in update.get("issuelinks", [])]
        properties = _properties(wanted)
        issue = self.site.create(wanted.get("fields") or {}, me, links, properties)
        return {"id": issue.id, "key": issue.key, "self": f"{self.site.api}/issue/{issue.id}"}

    @route("GET", "/issue/<ref>")
    def read_issue(self, me: str, ref: str) -> Answer:
        wanted, expand, properties = (
            ",".join(request.args.getlist(name)) for name in ("fields", "expand", "properties")
        )
        issue = self.site.issue(ref, me)
        return jira_views.issue(self.site, issue, wanted or "*all", expand, properties)

    @route("PUT", "/issue/<ref>")
    def edit_issue(self, me: str, ref: str) -> Answer:
        issue = self.site.issue(ref, me)
        words = "You do not have permission to edit issues in this project."
        self.needs(me, "EDIT_ISSUES", issue, words)
        wanted = json_body()
        fields, update = dict(wanted.get("fields") or {}), dict(wanted.get("update") or {})
        if both := fields.keys() & update.keys():
            words = f"Field '{both.pop()}' cannot appear in both 'fields' and 'update'"
            raise refused({}, words)
        links, comments = update.pop("issuelinks", []), update.pop("comment", [])
        added = [self.site.linked(operation["add"]) for operation in links]
        for id, operations in update.items():
            fields[id] = self._operated(issue, id, operations)
        self.site.change(issue, fields, me)
        for type, outward, other in added:
            self.site.add_link(type, *((issue, other) if outward else (other, issue)), me)
        for operation in comments:
            self.site.add_comment(issue, operation["add"].get("body"), me)
        issue.properties.update(_properties(wanted))
        return {}, 204

    def _operated(self, issue: Issue, id: str, operations: list[Object]) -> Any:
        """The value that add, remove and set leave behind, in REST form."""
        shown = jira_views.fields(self.site, issue).get(id)
        for operation in operations:
            ((verb, given),) = operation.items()
            if verb == "set":
                shown = given
            elif verb in ("add", "remove") and isinstance(shown, list):
                self._known(issue, id, given)
                same = [given] if isinstance(given, str) else [v for v in shown if _same(v, given)]
                shown = [v for v in shown if v not in same] + ([given] if verb == "add" else [])
            else:
                raise refused({id: f"Field '{id}' does not support the operation '{verb}'"})
        return shown

    def _known(self, issue: Issue, id: str, given: Any) -> None:
        """A version that the project lacks can be neither added nor removed by its name (Jira's own
        AbstractVersionsRestFieldOperationsHandler)."""
        if id != "fixVersions" or "name" not in given:
            return
        if all(version.name != given["name"] for version in issue.project.versions):
            raise refused({id: f"Version name '{given['name']}' is not valid"})

    @route("DELETE", "/issue/<ref>")
    def delete_issue(self, me: str, ref: str) -> Answer:
        issue = self.site.issue(ref, me)
        words = "You do not have permission to delete issues in this project."
        self.needs(me, "DELETE_ISSUES", issue, words)
        self.site.delete(issue.id, me)
        return {}, 204

    @route("GET", "/issue/<ref>/changelog")
    def changelog(self, me: str, ref: str) -> Answer:
        """Cloud only, the oldest first:
        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-changelog-get"""
        if not self.site.cloud:
            raise refused({}, "null for uri: changelog", status=404)
        issue = self.site.issue(ref, me)
        start, most = whole_number("startAt", 0, 10**9), whole_number("maxResults", 100, 100)
        page = [jira_views.history(self.site, e) for e in issue.history[start : start + most]]
        last = start + most >= len(issue.history)
        shown: Object = {"startAt": start, "maxResults": most, "total": len(issue.history)}
        return shown | {"isLast": last, "values": page, "self": request.url}

    @route("GET", "/issue/<ref>/comment")
    def comments(self, me: str, ref: str) -> Answer:
        issue = self.site.issue(ref, me)
        start, most = whole_number("startAt", 0, 10**9), whole_number("maxResults", 100, 5000)
        expand = request.args.get("expand", "")
        ordered = (
            issue.comments[::-1] if request.args.get("orderBy") == "-created" else issue.comments
        )
        page = ordered[start : start + most]
        shown = [jira_views.comment(self.site, issue, comment, expand) for comment in page]
        return {
            "startAt": start,
            "maxResults": most,
            "total": len(issue.comments),
            "comments": shown,
        }

    @route("POST", "/issue/<ref>/comment")
    def add_comment(self, me: str, ref: str) -> Answer:
        issue = self.site.issue(ref, me)
        words = "You do not have the permission to comment on this issue."
        self.needs(me, "ADD_COMMENTS", issue, words)
        wanted = json_body()
        marks = _properties(wanted)
        made = self.site.add_comment(issue, wanted.get("body"), me, wanted.get("visibility"), marks)
        return jira_views.comment(self.site, issue, made), 201

    @route("GET", "/issue/<ref>/comment/<id>")
    def comment(self, me: str, ref: str, id: str) -> Answer:
        issue = self.site.issue(ref, me)
        expand = request.args.get("expand", "")
        return jira_views.comment(self.site, issue, found_comment(issue, id), expand)

    @route("PUT", "/issue/<ref>/comment/<id>")
    def edit_comment(self, me: str, ref: str, id: str) -> Answer:
        issue = self.site.issue(ref, me)
        comment = found_comment(issue, id)
        permission = "EDIT_OWN_COMMENTS" if comment.author == me else "EDIT_ALL_COMMENTS"
        self.needs(me, permission, issue, "You do not have permission to edit this comment.")
        wanted = json_body()
        self.site.edit_comment(issue, comment, wanted.get("body"), me)
        comment.properties.update(_properties(wanted))
        return jira_views.comment(self.site, issue, comment)

    @route("GET", "/issue/<ref>/transitions")
    def transitions(self, me: str, ref: str) -> Answer:
        issue = self.site.issue(ref, me)
        with_fields = "transitions.fields" in request.args.get("expand", "")
        shown = [
            jira_workflow.shown(self.site, issue, way, with_fields)
            for way in self.site.transitions(issue, me)
        ]
        return {"expand": "transitions", "transitions": shown}

    @route("POST", "/issue/<ref>/transitions")
    def move(self, me: str, ref: str) -> Answer:
        """A way that does not start here is a 400; so is a validator's no."""
        issue = self.site.issue(ref, me)
        wanted = json_body()
        identifier = str((wanted.get("transition") or {}).get("id"))
        ways = [way for way in self.site.transitions(issue, me) if way.id == identifier]
        if not ways:
            raise refused({}, f"Transition id '{identifier}' is not valid for this issue.")
        self.site.move(issue, ways[0], wanted.get("fields") or {}, me)
        for operation in (wanted.get("update") or {}).get("comment", []):
            self.site.add_comment(issue, operation["add"].get("body"), me)
        return {}, 204

    @route("POST", "/issueLink")
    def add_link(self, me: str) -> Answer:
        wanted = json_body()
        type = self.site.link_type(wanted.get("type"))
        ends = [
            self.site.issue(str(end.get("id") or end.get("key")), me)
            for end in (wanted.get("inwardIssue") or {}, wanted.get("outwardIssue") or {})
        ]
        self.needs(me, "LINK_ISSUES", ends[0], "No Link Issue Permission for issue")
        self.site.add_link(type, ends[0], ends[1], me)
        return {}, 201

    @route("GET", "/issue/<ref>/remotelink")
    def remote_links(self, me: str, ref: str) -> Answer:
        issue = self.site.issue(ref, me)
        wanted = request.args.get("globalId")
        return [link for link in issue.remote_links if wanted in (None, link.get("globalId"))]

    @route("POST", "/issue/<ref>/remotelink")
    def add_remote_link(self, me: str, ref: str) -> Answer:
        """The same globalId is an update in which omitted fields become null:
        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-remote-links/"""
        issue = self.site.issue(ref, me)
        wanted = json_body()
        target = wanted.get("object") or {}
        if not target.get("url") or not target.get("title"):
            raise refused({"title": "'title' is required."})
        known = {link.get("globalId"): link for link in issue.remote_links if link.get("globalId")}
        old = known.get(wanted.get("globalId"))
        identifier = old["id"] if old else self.site.world.next_id()
        here = f"{self.site.api}/issue/{issue.id}/remotelink/{identifier}"
        kept: Object = {"id": identifier, "self": here, "object": target}
        kept |= {k: wanted[k] for k in ("globalId", "application", "relationship") if k in wanted}
        if old:
            old.clear()
            old.update(kept)
        else:
            issue.remote_links.append(kept)
        return {"id": identifier, "self": here}, 200 if old else 201

    @route("GET", "/issue/<ref>/properties/<key>")
    def read_property(self, me: str, ref: str, key: str) -> Answer:
        properties = self.site.issue(ref, me).properties
        if key not in properties:
            raise refused({}, f"The property with key {key} does not exist.", status=404)
        return {"key": key, "value": properties[key]}

    @route("PUT", "/issue/<ref>/properties/<key>")
    def write_property(self, me: str, ref: str, key: str) -> Answer:
        properties = self.site.issue(ref, me).properties
        value = request.get_json(force=True, silent=True)
        status = 200 if key in properties else 201
        properties.update(_properties({"properties": [{"key": key, "value": value}]}))
        return {}, status


def _same(kept: Any, given: Object) -> bool:
    return any(str(kept.get(name)) == str(given[name]) for name in given if name in kept)


def _properties(wanted: Object) -> dict[str, object]:
    """Entity properties: a key of at most 255 and a value of at most 32,768 characters.
    https://developer.atlassian.com/cloud/jira/platform/jira-entity-properties/"""
    listed = {str(one.get("key")): one.get("value") for one in wanted.get("properties") or []}
    for key, value in listed.items():
        if not 0 < len(key) <= 255 or len(json.dumps(value)) > 32_768:
            raise refused({}, "The property key or value is too long or missing.")
    return listed
