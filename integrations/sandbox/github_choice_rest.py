"""The routes of what can be chosen for issues besides milestones: people, new labels, types."""

from __future__ import annotations

from integrations.sandbox import github_views
from integrations.sandbox.github_rest import REPO, Answer, GitHubApi
from integrations.sandbox.github_site import invalid, not_found
from integrations.sandbox.world import json_body, route


class GitHubChoiceRest(GitHubApi):
    @route("GET", "/users/<login>")
    def user(self, me: str, login: str) -> Answer:  # noqa: ARG002 - whoever signed in may
        """https://docs.github.com/en/rest/users/users#get-a-user"""
        known = self.site.login_of(login)
        if known not in self.site.accounts:
            raise not_found()
        return github_views.person(self.site, known)

    @route("GET", "/orgs/<org>/issue-types")
    def issue_types(self, me: str, org: str) -> Answer:  # noqa: ARG002 - all of one page
        """https://docs.github.com/en/rest/orgs/issue-types#list-issue-types-for-an-organization"""
        if self.site.issue_types is None:
            raise not_found()
        return [github_views.issue_type(name) for name in self.site.types_of(org)]

    @route("POST", REPO + "/labels")
    def create_label(self, me: str, owner: str, name: str) -> Answer:
        """https://docs.github.com/en/rest/issues/labels#create-a-label"""
        place, wanted = self.place(me, owner, name, "write"), str(json_body().get("name") or "")
        if not wanted:
            raise invalid(resource="Label", code="missing_field", field="name")
        if any(label.lower() == wanted.lower() for label in place.labels):
            raise invalid(resource="Label", code="already_exists", field="name")
        place.labels[wanted] = self.site.world.next_id()
        return github_views.label(self.site, place, wanted), 201
