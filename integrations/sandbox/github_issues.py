"""What is done to GitHub's issues, by people and through REST alike, and the webhooks it fires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from integrations.sandbox import github_views
from integrations.sandbox.github_references import references
from integrations.sandbox.github_site import GitHubSite, Issue, Note, Pull, Repo, invalid
from integrations.sandbox.hooks import Hook
from integrations.sandbox.world import Object, act

LONGEST_BODY = 65_536
MOST_SUB_ISSUES = 100


class GitHubIssues(GitHubSite):
    """A server with everything that changes issues. Every change is dated, recorded and told."""

    # --- people's acts (also at /_sandbox/github/<act>) -----------------------------------------

    @act
    def hook(self, repo: str, url: str, secret: str, events: Sequence[str] = ()) -> int:
        """A repository webhook; it is sent a ping at once. Returns its id."""
        place = self.repo(repo)
        id, now = self.world.next_id(), self.world.now()
        hook = Hook("github", url, secret, place.full_name, frozenset(events), id, now)
        self.world.hooks.registered.append(hook)
        about = github_views.hook(self, place, hook)
        payload = {"zen": "Keep it logically awesome.", "hook_id": about["id"], "hook": about}
        shown = github_views.repo(self, place)
        sender = github_views.user(self, place.owner)
        payload |= {"repository": shown, "sender": sender}
        self.world.hooks.fire("github", "ping", payload, place.full_name, only=url)
        return id

    @act
    def open_issue(
        self, repo: str, title: str, by: str, body: str = "", labels: Sequence[str] = ()
    ) -> int:
        """Open an issue and return its number; labels that are not there yet are made."""
        wanted = {"title": title, "body": body, "labels": list(labels)}
        return self.create(self.repo(repo), wanted, by).number

    @act
    def comment(self, repo: str, number: int, text: str, by: str) -> int:
        return self.add_note(self._at(repo, number), text, by).id

    @act
    def edit(self, repo: str, number: int, by: str, **changes: Any) -> None:
        """Change title, body, labels, assignees, milestone … as PATCH does."""
        self.change(self._at(repo, number), changes, by)

    @act
    def close(self, repo: str, number: int, by: str, state_reason: str = "completed") -> None:
        self.edit(repo, number, by, state="closed", state_reason=state_reason)

    @act
    def reopen(self, repo: str, number: int, by: str) -> None:
        self.edit(repo, number, by, state="open")

    @act
    def label(self, repo: str, number: int, label: str, by: str) -> None:
        self.edit(repo, number, by, labels=[*self._at(repo, number).labels, label])

    @act
    def unlabel(self, repo: str, number: int, label: str, by: str) -> None:
        kept = [name for name in self._at(repo, number).labels if name != label]
        self.edit(repo, number, by, labels=kept)

    @act
    def assign(self, repo: str, number: int, logins: Sequence[str], by: str) -> None:
        self.edit(repo, number, by, assignees=list(logins))

    # --- changes -------------------------------------------------------------------------------

    def create(self, place: Repo, wanted: Mapping[str, Any], by: str) -> Issue:
        """Open an issue. Without push access labels, assignees and milestone are silently
        dropped: https://docs.github.com/en/rest/issues/issues#create-an-issue"""
        if not isinstance(wanted.get("title"), str) or not wanted["title"].strip():
            raise invalid(resource="Issue", code="missing_field", field="title")
        chosen = {} if not self.may(by, place, "write") else dict(wanted)
        if chosen.get("type") and chosen["type"] not in self.types_of(place.owner):
            raise invalid(resource="Issue", code="invalid", field="type", value=chosen["type"])
        if chosen.get("assignee"):  # the old way to name one
            chosen["assignees"] = [chosen["assignee"], *chosen.get("assignees", [])]
        self._check(place, {**chosen, "body": wanted.get("body")})
        issue = self._new(place, str(wanted["title"]), wanted.get("body"), by)
        issue.type = chosen.get("type")
        self.refer(issue, issue.body, by)
        self._set_people_and_labels(issue, chosen, by, told=False)
        self.tell_issue("opened", issue, by)
        for name in issue.labels:
            self.tell_issue("labeled", issue, by, label=github_views.label(self, place, name))
        for login in issue.assignees:
            self.tell_issue("assigned", issue, by, assignee=github_views.user(self, login))
        return issue

    def change(self, issue: Issue, wanted: Mapping[str, Any], by: str) -> None:
        """PATCH: labels and assignees are replaced as whole sets, and silently kept as they are
        without push access: https://docs.github.com/en/rest/issues/issues#update-an-issue"""
        place = issue.repo
        chosen = dict(wanted)
        if not self.may(by, place, "write"):
            chosen = {
                k: v for k, v in chosen.items() if k not in ("labels", "assignees", "milestone")
            }
        self._check(place, chosen)
        edited: Object = {}
        for name in ("title", "body"):
            if name in chosen and chosen[name] != getattr(issue, name):
                edited[name] = {"from": getattr(issue, name)}
                if name == "title":
                    rename = {"from": issue.title, "to": chosen["title"]}
                    self._touch(issue, by, "renamed", rename=rename)
                setattr(issue, name, chosen[name])
        if edited:
            self._touch(issue)
            self.refer(issue, issue.body, by)
            self.tell_issue("edited", issue, by, changes=edited)
        self._set_people_and_labels(issue, chosen, by)
        state = chosen.get("state", issue.state)
        if state == "closed" and (issue.state == "open" or chosen.get("state_reason")):
            self._shut(issue, by, chosen.get("state_reason") or "completed")
        elif state == "open" and issue.state == "closed":
            issue.state, issue.reason, issue.closed, issue.closed_by = (
                "open",
                "reopened",
                None,
                None,
            )
            self._touch(issue, by, "reopened", state_reason=None)
            self.tell_issue("reopened", issue, by)

    def add_note(self, issue: Issue, text: str, by: str) -> Note:
        self._check_body(text, "IssueComment")
        now = self.world.now()
        made = Note(self.world.next_id(), by, text, now, now)
        issue.notes.append(made)
        issue.timeline.append({"event": "commented", "note": made.id})
        issue.updated = now
        self.refer(issue, text, by)
        self._tell_note("created", issue, made, by)
        return made

    def edit_note(self, issue: Issue, note: Note, text: str, by: str) -> None:
        self._check_body(text, "IssueComment")
        before, note.body, note.updated = note.body, text, self.world.now()
        issue.updated = note.updated
        self.refer(issue, text, by)
        self._tell_note("edited", issue, note, by, changes={"body": {"from": before}})

    def add_child(self, parent: Issue, child: Issue, by: str, replace: bool = False) -> None:
        """https://docs.github.com/en/rest/issues/sub-issues#add-sub-issue; at most 100 children,
        one parent: https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/adding-sub-issues"""
        words = ""
        if replace and child.parent not in (None, parent):
            child.parent.children.remove(child)
            child.parent = None
        if child.parent is parent:
            words = "Issue may not contain duplicate sub-issues"
        elif child.parent is not None:
            words = "Sub issue may only have one parent"
        elif len(parent.children) >= MOST_SUB_ISSUES:
            words = "Parent cannot have more than 100 sub-issues"
        elif child is parent or child.repo.owner != parent.repo.owner or child.pull:
            words = "Sub issue must be another issue of the same owner"
        if words:
            message = f"An error occured while adding the sub-issue to the parent issue. {words}"
            raise invalid(message)
        parent.children.append(child)
        child.parent = parent
        self._touch(parent, by, "sub_issue_added", sub_issue=github_views.issue(self, child))
        self._touch(child, by, "parent_issue_added")
        told: Object = {"sub_issue_id": child.id, "sub_issue": github_views.issue(self, child)}
        told |= {"parent_issue_id": parent.id, "parent_issue": github_views.issue(self, parent)}
        whole = github_views.repo(self, child.repo)
        self.tell(
            "sub_issues", parent.repo, by, action="sub_issue_added", sub_issue_repo=whole, **told
        )
        whole = github_views.repo(self, parent.repo)
        told["parent_issue_repo"] = whole
        self.tell("sub_issues", child.repo, by, action="parent_issue_added", **told)

    # --- the parts of a change -------------------------------------------------------------------

    def _at(self, repo: str, number: int) -> Issue:
        return self.issue(self.repo(repo), number)

    def _new(
        self, place: Repo, title: str, body: str | None, by: str, pull: Pull | None = None
    ) -> Issue:
        place.numbers += 1
        now = self.world.now()
        made = Issue(
            self.world.next_id(), place, place.numbers, title, body, by, now, now, pull=pull
        )
        place.issues[made.number] = made
        return made

    def refer(self, source: Issue, text: str | None, by: str) -> None:
        """Tell the issues that a text names on their timelines, each once of one source. An
        issue that the writer may not read is told nothing."""
        for name, number in references(text or "", source.repo.full_name, self.url):
            place = next((r for n, r in self.repos.items() if n.lower() == name), None)
            named = place.issues.get(number) if place and self.may(by, place, "read") else None
            if named is None or named is source or named.gone or named.transferred:
                continue
            if not any(entry.get("source") is source for entry in named.timeline):
                told = {"event": "cross-referenced", "actor": by, "at": self.world.now()}
                named.timeline.append({**told, "source": source})

    def _check_body(self, body: object, resource: str) -> None:
        if body is not None and not isinstance(body, str):
            raise invalid(resource=resource, code="invalid", field="body")
        if resource == "IssueComment" and not body:
            raise invalid(resource=resource, code="missing_field", field="body")
        if isinstance(body, str) and len(body) > LONGEST_BODY:
            words = f"body is too long (maximum is {LONGEST_BODY} characters)"
            raise invalid(resource=resource, code="custom", field="body", message=words)

    def _check(self, place: Repo, wanted: Mapping[str, Any]) -> None:
        self._check_body(wanted.get("body"), "Issue")
        for login in wanted.get("assignees") or []:
            if not self.assignable(login, place):
                raise invalid(resource="Issue", code="invalid", field="assignees", value=login)
        chosen = wanted.get("milestone")
        if chosen is not None and chosen not in [m.number for m in place.milestones]:
            raise invalid(resource="Issue", code="invalid", field="milestone", value=chosen)
        if wanted.get("state", "open") not in ("open", "closed"):
            raise invalid(resource="Issue", code="invalid", field="state", value=wanted["state"])
        if wanted.get("state_reason") not in (None, *self.reasons):
            reason = wanted["state_reason"]
            raise invalid(resource="Issue", code="invalid", field="state_reason", value=reason)

    def _set_people_and_labels(
        self, issue: Issue, wanted: Mapping[str, Any], by: str, told: bool = True
    ) -> None:
        place = issue.repo
        if "labels" in wanted:
            named = [
                one["name"] if isinstance(one, dict) else one for one in wanted["labels"] or []
            ]
            new = list(dict.fromkeys(named))
            for name in new:
                place.labels.setdefault(name, self.world.next_id())
            self._replace(issue, "label", issue.labels, new, by, told)
        if "assignees" in wanted:
            logins = (self.login_of(name) for name in wanted["assignees"] or [])
            new = list(dict.fromkeys(logins))[:10]
            self._replace(issue, "assignee", issue.assignees, new, by, told)
        if "milestone" in wanted and wanted["milestone"] != issue.milestone:
            issue.milestone, before = wanted["milestone"], issue.milestone
            verb = "milestoned" if issue.milestone else "demilestoned"
            number = issue.milestone or before
            chosen = next(m for m in place.milestones if m.number == number)
            self._touch(issue, by, verb, milestone={"title": chosen.title})
            if told:
                shown = github_views.milestone(self, place, chosen)
                self.tell_issue(verb, issue, by, milestone=shown)

    def _replace(
        self, issue: Issue, what: str, kept: list[str], new: list[str], by: str, told: bool
    ) -> None:
        """Bring one whole set to `new`, with an event for each that came or went."""
        added, removed = ("labeled", "unlabeled") if what == "label" else ("assigned", "unassigned")
        changes = [(removed, name) for name in kept if name not in new]
        changes += [(added, name) for name in new if name not in kept]
        kept[:] = new
        for verb, name in changes:
            shown = (
                github_views.label(self, issue.repo, name)
                if what == "label"
                else github_views.user(self, name)
            )
            entry = (
                {"label": {"name": name, "color": "ededed"}} if what == "label" else {what: name}
            )
            self._touch(issue, by, verb, **entry)
            if told:
                self.tell_issue(verb, issue, by, **{what: shown})

    def _shut(self, issue: Issue, by: str, reason: str | None) -> None:
        issue.state, issue.reason, issue.closed_by = "closed", reason, by
        issue.closed = self.world.now()
        self._touch(issue, by, "closed", state_reason=reason)
        (self.tell_pull if issue.pull else self.tell_issue)("closed", issue, by)

    def _touch(self, issue: Issue, by: str = "", event: str = "", **more: Any) -> None:
        """Date the change and, for an event, keep it in the timeline."""
        issue.updated = self.world.now()
        if event:
            when = github_views.stamp(issue.updated)
            entry: Object = {"id": self.world.next_id(), "event": event, "actor": by}
            issue.timeline.append({**entry, "created_at": when, **more})

    # --- telling --------------------------------------------------------------------------------

    def tell(self, event: str, place: Repo, by: str, **parts: Any) -> None:
        self.world.hooks.fire("github", event, self.told(place, by, parts), place.full_name)

    def told(self, place: Repo, by: str, parts: Object) -> Object:
        """What a payload says of `parts`, and of where and by whom it was."""
        where = {"repository": github_views.repo(self, place)}
        return {**parts, **where, "sender": github_views.user(self, by)}

    def tell_issue(self, action: str, issue: Issue, by: str, **parts: Any) -> None:
        shown = github_views.issue(self, issue)
        self.tell("issues", issue.repo, by, action=action, issue=shown, **parts)

    def tell_pull(self, action: str, issue: Issue, by: str, **parts: Any) -> None:
        shown = github_views.pull(self, issue)
        number = issue.number
        self.tell(
            "pull_request",
            issue.repo,
            by,
            action=action,
            number=number,
            pull_request=shown,
            **parts,
        )

    def _tell_note(self, action: str, issue: Issue, note: Note, by: str, **parts: Any) -> None:
        about = {"issue": github_views.issue(self, issue)}
        about["comment"] = github_views.note(self, issue, note)
        self.tell("issue_comment", issue.repo, by, action=action, **about, **parts)
