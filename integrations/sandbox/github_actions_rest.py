"""The routes of workflows: which there are, and whether they run."""

from __future__ import annotations

from integrations.sandbox.github_rest import REPO, Answer, GitHubApi
from integrations.sandbox.github_site import Repo, not_found
from integrations.sandbox.world import Object, route

DIRECTORY = ".github/workflows/"


class GitHubActionsRest(GitHubApi):
    """https://docs.github.com/en/rest/actions/workflows"""

    @route("GET", REPO + "/actions/workflows")
    def workflows(self, me: str, owner: str, name: str) -> Answer:
        place = self.place(me, owner, name)
        found = [self._shown(place, path) for path in self._paths(place)]
        return {"total_count": len(found), "workflows": found}

    @route("GET", REPO + "/actions/workflows/<file>")
    def workflow(self, me: str, owner: str, name: str, file: str) -> Answer:
        """ "You can replace workflow_id with the workflow file name."
        https://docs.github.com/en/rest/actions/workflows#get-a-workflow"""
        place, path = self.place(me, owner, name), f"{DIRECTORY}{file}"
        if path not in self._paths(place):
            raise not_found()
        return self._shown(place, path)

    def _paths(self, place: Repo) -> list[str]:
        tree = place.commits[place.branches[place.default_branch]].tree
        ends = (".yml", ".yaml")
        return [path for path in tree if path.startswith(DIRECTORY) and path.endswith(ends)]

    def _shown(self, place: Repo, path: str) -> Object:
        page = f"{self.site.url}/{place.full_name}/blob/{place.default_branch}/{path}"
        state = place.workflows.get(path, "active")
        return {"name": path, "path": path, "state": state, "html_url": page}
