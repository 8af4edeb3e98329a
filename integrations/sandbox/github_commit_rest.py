"""The routes of commits: their list, and the statuses that stand on them."""

from __future__ import annotations

from flask import request

from integrations.sandbox import github_views
from integrations.sandbox.github_rest import REPO, Answer, GitHubApi
from integrations.sandbox.github_site import Commit, Repo, invalid
from integrations.sandbox.world import Object, Refused, json_body, route

STATES = ("error", "failure", "pending", "success")

#: "Note: there is a limit of 1000 statuses per sha and context within a repository."
#: https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
MOST_STATUSES = 1000

#: "description is too long (maximum is 140 characters)": https://github.com/zalando/zappr/issues/378
LONGEST_DESCRIPTION = 140


class GitHubCommitRest(GitHubApi):
    @route("GET", REPO + "/commits")
    def commits(self, me: str, owner: str, name: str) -> Answer:
        """From `sha` back, the newest first; with `path` "only commits containing this file path".
        https://docs.github.com/en/rest/commits/commits#list-commits"""
        place = self.place(me, owner, name)
        start = request.args.get("sha") or place.default_branch
        head = place.branches.get(start, start)
        if head not in place.commits:
            raise Refused(404, {"message": f"No commit found for SHA: {start}", "status": "404"})
        path = request.args.get("path")
        found = (place.commits[sha] for sha in self.site.ancestry(place, head))
        shown = [each for each in found if path is None or self._touches(place, each, path)]
        return self.pages([self._listed(place, each) for each in shown])

    def _touches(self, place: Repo, commit: Commit, path: str) -> bool:
        before = place.commits[commit.parent].tree if commit.parent else {}
        return before.get(path) != commit.tree.get(path)

    def _listed(self, place: Repo, commit: Commit) -> Object:
        """Who wrote it stands twice: as git has it, and as an account of the server."""
        whole = github_views.commit(self.site, place, commit)
        git = {key: whole[key] for key in ("author", "committer", "message", "tree")}
        who = github_views.user(self.site, commit.author)
        shown = {key: whole[key] for key in ("sha", "node_id", "html_url", "parents")}
        return shown | {"commit": git, "author": who, "committer": who}

    @route("POST", REPO + "/statuses/<sha>")
    def create_status(self, me: str, owner: str, name: str, sha: str) -> Answer:
        """ "Users with push access in a repository can create commit statuses for a given SHA."
        Whether webhooks are sent depends on their events; ours do not ask for it, so here none are.
        https://docs.github.com/en/rest/commits/statuses#create-a-commit-status"""
        place, wanted = self.place(me, owner, name, "write"), json_body()
        if sha not in place.commits:
            raise invalid(f"No commit found for SHA: {sha}")
        if wanted.get("state") not in STATES:
            raise invalid(resource="Status", code="custom", field="state")
        if len(str(wanted.get("description") or "")) > LONGEST_DESCRIPTION:
            words = f"description is too long (maximum is {LONGEST_DESCRIPTION} characters)"
            raise invalid(resource="Status", code="custom", field="description", message=words)
        context = str(wanted.get("context") or "default")
        there = place.statuses.setdefault(sha, [])
        if sum(each["context"] == context for each in there) >= MOST_STATUSES:
            words = "This SHA and context has reached the maximum number of statuses."
            raise invalid(resource="Status", code="custom", message=words)
        made: Object = {"id": self.site.world.next_id(), "state": wanted["state"]}
        made |= {"description": wanted.get("description"), "context": context}
        made |= {"target_url": wanted.get("target_url")}
        made |= {"created_at": github_views.stamp(self.site.world.now())}
        there.append(made)
        return made | {"creator": github_views.user(self.site, me)}, 201
