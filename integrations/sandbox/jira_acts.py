"""What is done on a Jira site, by people and through REST alike, and the webhooks it fires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from integrations.sandbox import adf, jira_versions, jira_views, jira_workflow
from integrations.sandbox.hooks import Hook
from integrations.sandbox.jira_fields import LONGEST_TEXT, TOO_LONG, changes, stored
from integrations.sandbox.jira_search import search
from integrations.sandbox.jira_site import (
    Comment,
    Issue,
    JiraSite,
    Link,
    Transition,
    no_issue,
)
from integrations.sandbox.world import Object, Refused, act


def refused(errors: Mapping[str, str], *messages: str, status: int = 400) -> Refused:
    return Refused(status, {"errorMessages": list(messages), "errors": dict(errors)})


class Jira(JiraSite):
    """A site with everything that changes it. Every change is dated, recorded and told."""

    # --- people's acts (also at /_sandbox/jira/<act>) ----------------------------------------

    @act
    def hook(self, url: str, secret: str, events: Sequence[str] = (), jql: str = "") -> int:
        """An admin's webhook with a secret; no `events`: all of them. Of issues those that the
        query finds. Returns its id."""
        id = self.world.next_id()
        made = Hook("jira", url, secret, "", frozenset(events), id, self.world.now(), jql=jql)
        self.world.hooks.registered.append(made)
        return id

    @act
    def remove_link_type(self, name: str) -> None:
        """The site has no links of this type any more."""
        del self.link_types[name]

    @act
    def create_issue(
        self, project: str, summary: str, by: str, type: str = "Incident", **fields: Any
    ) -> str:
        """Create an issue and return its key. `description` may be plain text; `assignee` and
        `reporter` an id; `fixVersions` names; other fields are in REST form, by id."""
        given: Object = {
            "summary": summary,
            "project": {"key": project},
            "issuetype": {"name": type},
        }
        return self.create({**given, **self._as_rest(fields)}, by).key

    @act
    def edit(self, issue: str, by: str, **fields: Any) -> None:
        """Change fields, given as in `create_issue`."""
        self.change(self.issue(issue), self._as_rest(fields), by)

    @act
    def comment(self, issue: str, text: str, by: str, internal: bool = False) -> str:
        """Comment and return the comment's id; `internal` as a service desk's agents may."""
        marks = {"sd.public.comment": {"internal": True}} if internal else {}
        body = adf.document(text) if self.cloud else text
        return self.add_comment(self.issue(issue), body, by, properties=marks).id

    @act
    def transition(self, issue: str, to: str, by: str, resolution: str | None = None) -> None:
        """Take the transition that leads to the status `to`."""
        found = self.issue(issue)
        ways = [way for way in self.transitions(found, by) if to in (way.to, way.name)]
        if not ways:
            raise refused({}, f"There is no way from {found.status} to {to}.")
        chosen = {"resolution": {"name": resolution}} if resolution else {}
        self.move(found, ways[0], chosen, by)

    @act
    def link(self, inward: str, outward: str, by: str, type: str = "Relates") -> None:
        self.add_link(type, self.issue(inward), self.issue(outward), by)

    @act
    def delete(self, issue: str, by: str) -> None:
        found = self.issue(issue)
        self.tell("jira:issue_deleted", by, issue=jira_views.hook_issue(self, found))
        del self.issues[found.id]
        self.links = [link for link in self.links if found.id not in (link.inward, link.outward)]

    @act
    def move_issue(self, issue: str, project: str, by: str) -> str:
        """Move to another project: the key changes, the id stays, the old key still leads there.
        Status and type that the project lacks become its first, and versions stay behind:
        https://www.atlassian.com/software/jira/docs/v3.4-beta1/bulkoperations.html"""
        found, target, old = self.issue(issue), self.project(project), self.issue(issue).key
        versions, status = found.values.get("fixVersions"), found.status
        items = changes(self, found.project, "fixVersions", versions, [])
        target.issues += 1
        found.project, found.key = target, f"{target.key}-{target.issues}"
        found.values["fixVersions"] = []
        found.type = found.type if found.type in target.types else target.types[0]
        found.status = status if status in target.statuses else next(iter(target.statuses))
        items += changes(self, target, "status", status, found.status)
        self.moved[old] = found.id
        item = {"field": "Key", "fieldtype": "jira", "from": None, "fromString": old}
        items.append({**item, "to": None, "toString": found.key})
        self.record(found, by, items, "issue_moved")
        return found.key

    @act
    def add_version(self, project: str, name: str) -> str:
        return jira_versions.add(self, self.project(project), name)

    @act
    def rename_version(self, project: str, name: str, new: str) -> None:
        jira_versions.rename(self, self.project(project), name, new)

    @act
    def release_version(self, project: str, name: str, released: bool = True) -> None:
        jira_versions.release(self, self.project(project), name, released)

    @act
    def delete_version(self, project: str, name: str, by: str, into: str = "") -> None:
        """Delete a version, or merge it `into` another: its issues follow."""
        jira_versions.delete(self, self.project(project), name, by, into)

    def _as_rest(self, fields: Mapping[str, Any]) -> Object:
        given = dict(fields)
        named = "accountId" if self.cloud else "name"
        for id in ("assignee", "reporter"):
            if isinstance(given.get(id), str):
                given[id] = {named: given[id]}
        for id in ("priority", "security"):
            if isinstance(given.get(id), str):
                given[id] = {"name": given[id]}
        for id in ("fixVersions", "components"):
            names = given.get(id, [])
            given |= (
                {id: [{"name": n} if isinstance(n, str) else n for n in names]} if names else {}
            )
        if self.cloud and isinstance(given.get("description"), str):
            given["description"] = adf.document(given["description"])
        return given

    # --- changes -----------------------------------------------------------------------------

    def create(
        self,
        fields: Object,
        by: str,
        links: Sequence[Object] = (),
        properties: Mapping[str, object] | None = None,
    ) -> Issue:
        """Create from REST `fields`. Everything is checked before anything exists; `links` are
        `update.issuelinks[].add` objects."""
        project = self._project_of(fields, by)
        kind = fields.get("issuetype")
        name = next((t for t in project.types if _names(kind, t, self.types[t])), None)
        if name is None:
            raise refused({"issuetype": "Specify a valid issue type"})
        screen = self.screen(project)
        if links and "issuelinks" not in screen:
            raise refused(off_screen("issuelinks"))
        others = [self.linked(link) for link in links]
        values = self._values(project, fields, screen)
        empty = [id for id in project.required if id not in ("project", "issuetype")]
        missing = {
            id: f"{self.fields[id].name} is required."
            for id in empty
            if values.get(id) in (None, [])
        }
        if missing:
            raise refused(missing)
        now = self.world.now()
        project.issues += 1
        start = next(iter(project.statuses))
        key = f"{project.key}-{project.issues}"
        issue = Issue(str(self.world.next_id()), key, project, name, start, by, now, now)
        issue.values = {"reporter": by, "priority": "Medium", **values}
        issue.properties.update(properties or {})
        self.issues[issue.id] = issue
        for link_type, outward, other in others:
            ends = (issue, other) if outward else (other, issue)
            self.add_link(link_type, *ends, by)
        shown = jira_views.hook_issue(self, issue)
        self.tell("jira:issue_created", by, "issue_created", issue=shown)
        return issue

    def change(self, issue: Issue, fields: Object, by: str, screen: Sequence[str] = ()) -> None:
        """Set fields in REST form; all are checked before one is set."""
        project = issue.project
        values = self._values(project, fields, screen or self.screen(project))
        if "summary" in fields and not values.get("summary"):
            raise refused({"summary": "You must specify a summary of the issue."})
        items: list[Object] = []
        for id, new in values.items():
            items += changes(self, project, id, issue.values.get(id), new)
            issue.values[id] = new
        if items:
            only = {item["field"] for item in items} == {"assignee"}
            self.record(issue, by, items, "issue_assigned" if only else "issue_updated")

    def transitions(self, issue: Issue, by: str) -> list[Transition]:
        """What is offered to somebody where the issue is; see `jira_workflow`."""
        return jira_workflow.offered(self, issue, by)

    def move(self, issue: Issue, way: Transition, fields: Object, by: str) -> None:
        """Take a transition. Its screen's fields may be set with it, no others."""
        for id in fields:
            if id not in way.asks and id not in way.needs:
                raise refused(off_screen(id))
        values = self._values(issue.project, fields, list(fields))
        if missing := jira_workflow.missing(self, issue, way, fields):
            raise refused(missing)
        if words := jira_workflow.veto(issue, way, values):
            raise refused({}, words)
        wanted = {id: fields[id] for id in fields if id != "resolution"}
        if wanted:
            self.change(issue, wanted, by, list(wanted))
        items = jira_workflow.moved(self, issue, way, values.get("resolution"))
        self.record(issue, by, items, "issue_generic")

    def add_comment(
        self,
        issue: Issue,
        body: object,
        by: str,
        visibility: Object | None = None,
        properties: Mapping[str, object] | None = None,
    ) -> Comment:
        self._check_comment(body)
        now = self.world.now()
        identifier = str(self.world.next_id())
        comment = Comment(identifier, by, body, now, now, visibility, dict(properties or {}))
        issue.comments.append(comment)
        issue.updated = now
        self._tell_comment("comment_created", issue, comment, by)
        return comment

    def edit_comment(self, issue: Issue, comment: Comment, body: object, by: str) -> None:
        self._check_comment(body)
        comment.body, comment.updated, comment.editor = body, self.world.now(), by
        issue.updated = comment.updated
        self._tell_comment("comment_updated", issue, comment, by)

    def add_link(self, type: str, inward: Issue, outward: Issue, by: str) -> None:
        """Link; a link that is there already is answered like a new one, and none is made."""
        if any((k.type, k.inward, k.outward) == (type, inward.id, outward.id) for k in self.links):
            return
        link = Link(str(self.world.next_id()), type, inward.id, outward.id)
        self.links.append(link)
        says = dict(zip((inward.id, outward.id), reversed(self.link_types[type]), strict=True))
        for one, other in ((inward, outward), (outward, inward)):
            words = f"This issue {says[one.id]} {other.key}"
            item = {"field": "Link", "fieldtype": "jira", "from": None, "fromString": None}
            self.record(one, by, [{**item, "to": other.key, "toString": words}], "")
        told: Object = {"id": int(link.id), "sourceIssueId": int(inward.id)}
        told |= {"destinationIssueId": int(outward.id), "systemLink": False}
        told["issueLinkType"] = jira_views.link_type(self, type)
        self.tell("issuelink_created", None, issueLink=told)

    # --- checks ------------------------------------------------------------------------------

    def _project_of(self, fields: Object, by: str) -> Any:
        given = fields.get("project")
        for project in self.projects.values():
            if _names(given, project.key, project.id, "key") and self.may(
                by, "CREATE_ISSUES", project.key
            ):
                return project
        raise refused({"project": "valid project is required"})

    def _values(self, project: Any, fields: Object, screen: Sequence[str]) -> Object:
        """The stored forms of `fields`; every field that is wrong is named in one refusal."""
        values: Object = {}
        errors: dict[str, str] = {}
        for id, given in fields.items():
            if id in ("project", "issuetype"):
                continue
            if id not in screen or id not in self.fields or id == "issuelinks":
                errors |= off_screen(id)
                continue
            try:
                values[id] = stored(self, project, self.fields[id], given)
            except ValueError as fault:
                errors[id] = str(fault)
        if errors:
            raise refused(errors)
        return values

    def linked(self, link: Object) -> tuple[str, bool, Issue]:
        """An `add` object: the type's name, whether the other is the outward one, the other."""
        type = self.link_type(link.get("type"))
        outward = "outwardIssue" in link
        other = link.get("outwardIssue") or link.get("inwardIssue") or {}
        try:
            return type, outward, self.issue(str(other.get("id") or other.get("key")))
        except Refused:
            raise refused({"issuelinks": no_issue().body["errorMessages"][0]}) from None

    def link_type(self, given: Any) -> str:
        for name in self.link_types:
            if _names(given, name, jira_views.link_type(self, name)["id"]):
                return name
        raise refused(
            {}, f"No issue link type with name '{(given or {}).get('name')}' found.", status=404
        )

    def _check_comment(self, body: object) -> None:
        # The words: https://community.developer.atlassian.com/t/comment-body-is-not-valid/35838
        invalid = adf.fault_in(body) if self.cloud else not (isinstance(body, str) and body.strip())
        if invalid:
            raise refused({"comment": "Comment body is not valid!"}, "Comment body is not valid!")
        if len(adf.plain(body)) > LONGEST_TEXT:
            raise refused({"comment": TOO_LONG})

    # --- telling -----------------------------------------------------------------------------

    def record(self, issue: Issue, by: str, items: list[Object], told_as: str) -> None:
        """Date the change, keep it in the changelog and, unless `told_as` is empty, tell it."""
        issue.updated = self.world.now()
        entry = {"id": str(self.world.next_id()), "author": by, "items": items}
        issue.history.append({**entry, "created": jira_views.stamp(issue.updated)})
        if told_as:
            shown = jira_views.hook_issue(self, issue)
            changelog = {"id": entry["id"], "items": items}
            self.tell("jira:issue_updated", by, told_as, issue=shown, changelog=changelog)

    def _tell_comment(self, event: str, issue: Issue, comment: Comment, by: str) -> None:
        """A comment is told twice: as itself with a brief issue, and as an update of the issue."""
        view = jira_views.comment(self, issue, comment)
        view["body"] = adf.plain(view["body"]).strip()
        whole = jira_views.hook_issue(self, issue)
        named = ("summary", "issuetype", "project", "assignee", "priority", "status")
        brief = {**whole, "fields": {id: whole["fields"][id] for id in named}}
        # Data Center's carry no issue; it is found in the comment's address only.
        parts: Object = {"comment": view, "issue": brief} if self.cloud else {"comment": view}
        self.tell(event, None, **parts)
        told_as = "issue_commented" if event == "comment_created" else "issue_comment_edited"
        self.tell("jira:issue_updated", by, told_as, issue=whole, comment=view)

    def tell(self, event: str, by: str | None, told_as: str = "", **parts: Any) -> None:
        payload: Object = {"timestamp": int(self.world.now().timestamp() * 1000)}
        payload["webhookEvent"] = event
        payload |= {"issue_event_type_name": told_as} if told_as else {}
        payload |= {"user": jira_views.user(self, by)} if by else {}
        key = parts.get("issue", {}).get("key")
        self.world.hooks.fire(
            "jira", event, {**payload, **parts}, fits=lambda h: self._told(h, key)
        )

    def _told(self, hook: Hook, key: str | None) -> bool:
        """Whether a webhook's query finds the issue; what is of no issue is told to all."""
        if key is None or not hook.jql:
            return True
        return any(issue.key == key for issue in search(self, hook.jql, "an administrator"))


def _names(given: Any, name: str, id: str, by: str = "name") -> bool:
    return isinstance(given, dict) and (given.get(by) == name or str(given.get("id")) == id)


def off_screen(id: str) -> dict[str, str]:
    return {id: f"Field '{id}' cannot be set. It is not on the appropriate screen, or unknown."}
