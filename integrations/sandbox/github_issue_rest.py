"""The routes of GitHub issues: lists, changes, comments, the timeline and sub-issues."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import request

from integrations.sandbox import github_views
from integrations.sandbox.github_rest import REPO, Answer, GitHubApi
from integrations.sandbox.github_site import Issue, Note, invalid, not_found
from integrations.sandbox.world import Object, json_body, route

ISSUE = REPO + "/issues/<int:number>"


class GitHubIssueRest(GitHubApi):
    def _issue(self, me: str, owner: str, name: str, number: int) -> Issue:
        return self.site.issue(self.place(me, owner, name), number)

    @route("GET", REPO + "/issues")
    def issues(self, me: str, owner: str, name: str) -> Answer:
        """Pull requests are issues too and stand in this list:
        https://docs.github.com/en/rest/issues/issues#list-repository-issues"""
        place, asked = self.place(me, owner, name), request.args
        state, creator = asked.get("state", "open"), asked.get("creator")
        labels = {label for label in asked.get("labels", "").split(",") if label}
        since = asked.get("since")
        moment = datetime.fromisoformat(since).astimezone(UTC) if since else None
        found = [
            issue
            for issue in place.issues.values()
            if not (issue.gone or issue.transferred)
            and self.listed(issue)
            and state in (issue.state, "all")
            and labels <= set(issue.labels)
            and creator in (None, issue.user)
            and (moment is None or issue.updated >= moment)
        ]
        order = {"updated": "updated", "comments": "notes"}.get(asked.get("sort", ""), "created")
        found.sort(
            key=lambda i: (len(i.notes) if order == "notes" else getattr(i, order), i.number),
            reverse=asked.get("direction", "desc") == "desc",
        )
        return self.pages([github_views.issue(self.site, issue) for issue in found])

    @route("POST", REPO + "/issues")
    def create_issue(self, me: str, owner: str, name: str) -> Answer:
        place = self.place(me, owner, name)
        return github_views.issue(self.site, self.site.create(place, json_body(), me)), 201

    @route("GET", ISSUE)
    def issue(self, me: str, owner: str, name: str, number: int) -> Answer:
        return github_views.issue(self.site, self._issue(me, owner, name, number))

    @route("PATCH", ISSUE)
    def change_issue(self, me: str, owner: str, name: str, number: int) -> Answer:
        issue = self._issue(me, owner, name, number)
        if me != issue.user:
            self.place(me, owner, name, "triage")
        self.site.change(issue, json_body(), me)
        return github_views.issue(self.site, issue)

    @route("GET", ISSUE + "/comments")
    def notes(self, me: str, owner: str, name: str, number: int) -> Answer:
        issue = self._issue(me, owner, name, number)
        return self.pages([github_views.note(self.site, issue, note) for note in issue.notes])

    @route("POST", ISSUE + "/comments")
    def create_note(self, me: str, owner: str, name: str, number: int) -> Answer:
        issue = self._issue(me, owner, name, number)
        made = self.site.add_note(issue, json_body().get("body", ""), me)
        return github_views.note(self.site, issue, made), 201

    def _note(self, me: str, owner: str, name: str, id: int) -> tuple[Issue, Note]:
        for issue in self.place(me, owner, name).issues.values():
            for note in issue.notes:
                if note.id == id:
                    return issue, note
        raise not_found()

    @route("GET", REPO + "/issues/comments/<int:id>")
    def note(self, me: str, owner: str, name: str, id: int) -> Answer:
        return github_views.note(self.site, *self._note(me, owner, name, id))

    @route("PATCH", REPO + "/issues/comments/<int:id>")
    def change_note(self, me: str, owner: str, name: str, id: int) -> Answer:
        issue, note = self._note(me, owner, name, id)
        if me != note.user:
            self.place(me, owner, name, "triage")
        self.site.edit_note(issue, note, json_body().get("body", ""), me)
        return github_views.note(self.site, issue, note)

    @route("GET", ISSUE + "/timeline")
    def timeline(self, me: str, owner: str, name: str, number: int) -> Answer:
        """https://docs.github.com/en/rest/issues/timeline#list-timeline-events-for-an-issue"""
        issue = self._issue(me, owner, name, number)
        seen = [entry for entry in issue.timeline if self._told(me, entry)]
        return self.pages([github_views.event(self.site, issue, entry) for entry in seen])

    def _told(self, me: str, entry: Object) -> bool:
        """A reference comes late, and from a hidden repository or a deleted issue not at all."""
        source, world = entry.get("source"), self.site.world
        if source is None:
            return True
        late = not world.shown(entry["at"], world.faults.reference_lag)
        return self.site.may(me, source.repo, "read") and not (late or source.gone)

    @route("GET", ISSUE + "/sub_issues")
    def children(self, me: str, owner: str, name: str, number: int) -> Answer:
        issue = self._issue(me, owner, name, number)
        if not self.site.sub_issues:
            raise not_found()
        there = (child for child in issue.children if not child.gone)
        return self.pages([github_views.issue(self.site, child) for child in there])

    @route("POST", ISSUE + "/sub_issues")
    def add_child(self, me: str, owner: str, name: str, number: int) -> Answer:
        place = self.place(me, owner, name, "triage")
        parent = self.site.issue(place, number)
        if not self.site.sub_issues:
            raise not_found()
        asked = json_body()
        wanted = asked.get("sub_issue_id")
        if not isinstance(wanted, int):
            raise invalid(f"Invalid property /sub_issue_id: `{wanted!r}` is not of type `integer`.")
        every = (i for repo in self.site.repos.values() for i in repo.issues.values() if not i.gone)
        child = next((issue for issue in every if issue.id == wanted), None)
        if child is None or not self.site.may(me, child.repo, "read"):
            raise invalid("The provided sub-issue does not exist")
        self.site.add_child(parent, child, me, asked.get("replace_parent") is True)
        return github_views.issue(self.site, parent), 201

    @route("GET", ISSUE + "/parent")
    def parent(self, me: str, owner: str, name: str, number: int) -> Answer:
        issue = self._issue(me, owner, name, number)
        if not self.site.sub_issues or issue.parent is None:
            raise not_found()
        return github_views.issue(self.site, issue.parent)
