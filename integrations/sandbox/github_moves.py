"""What takes an issue's place, milestone or people from under it, as people do it on GitHub."""

from __future__ import annotations

from dataclasses import replace

from integrations.sandbox import github_views
from integrations.sandbox.github_issues import GitHubIssues
from integrations.sandbox.github_site import Issue, Milestone, Repo, invalid
from integrations.sandbox.world import act


class GitHubMoves(GitHubIssues):
    """A server whose issues, milestones and people move and go."""

    @act
    def delete(self, repo: str, number: int, by: str) -> None:
        issue = self._at(repo, number)
        self.tell_issue("deleted", issue, by)
        issue.gone = True

    @act
    def transfer(self, repo: str, number: int, to: str, by: str) -> int:
        """`opened` at the target, then `transferred` at the source; a new id. Comments and
        assignees are retained, labels and milestone where the target has them by that name.
        https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/transferring-an-issue-to-another-repository
        """
        old, target = self._at(repo, number), self.repo(to)
        new = self._new(target, old.title, old.body, old.user)
        new.state, new.reason, new.closed, new.closed_by = (
            old.state,
            old.reason,
            old.closed,
            old.closed_by,
        )
        new.notes, new.timeline = old.notes, old.timeline
        new.assignees = [login for login in old.assignees if self.assignable(login, target)]
        new.labels = [name for name in old.labels if name in target.labels]
        titles = {milestone.number: milestone.title for milestone in old.repo.milestones}
        same = (m for m in target.milestones if m.title == titles.get(old.milestone or 0))
        new.milestone = next((milestone.number for milestone in same), None)
        self.tell_issue("opened", new, by)
        changes = {"new_issue": github_views.issue(self, new)}
        changes["new_repository"] = github_views.repo(self, target)
        self.tell_issue("transferred", old, by, changes=changes)
        old.transferred = new
        return new.number

    @act
    def convert_to_discussion(self, repo: str, number: int, by: str) -> None:
        """ "The issue was closed and converted to a discussion", and locked; REST goes on to show
        it, and only the timeline tells. Which webhooks are sent is not said: here those of its
        parts.
        https://docs.github.com/en/rest/using-the-rest-api/issue-event-types#converted_to_discussion
        https://github.com/dessant/lock-threads/issues/24"""
        issue = self._at(repo, number)
        self._shut(issue, by, "completed")
        issue.locked = True
        self._touch(issue, by, "locked")
        self.tell_issue("locked", issue, by)
        self._touch(issue, by, "converted_to_discussion")
        about = {"number": issue.number, "title": issue.title, "body": issue.body}
        self.tell("discussion", issue.repo, by, action="created", discussion=about)

    @act
    def lock(self, repo: str, number: int, by: str) -> None:
        issue = self._at(repo, number)
        issue.locked = True
        self._touch(issue, by, "locked")
        self.tell_issue("locked", issue, by)

    # --- milestones ------------------------------------------------------------------------------
    # https://docs.github.com/en/webhooks/webhook-events-and-payloads#milestone; whether their
    # issues are told of or dated is not said: here they are not, the harder case.

    @act
    def rename_milestone(self, repo: str, title: str, new: str, by: str) -> None:
        place, found = self._milestone(repo, title)
        if any(milestone.title == new for milestone in place.milestones):
            raise invalid(resource="Milestone", code="already_exists", field="title")
        found.title = new
        self._tell_milestone("edited", place, found, by, changes={"title": {"from": title}})

    @act
    def close_milestone(self, repo: str, title: str, by: str) -> None:
        self._set_milestone(repo, title, "closed", by)

    @act
    def open_milestone(self, repo: str, title: str, by: str) -> None:
        self._set_milestone(repo, title, "open", by)

    @act
    def delete_milestone(self, repo: str, title: str, by: str) -> None:
        """Its issues stay, without it:
        https://docs.github.com/en/issues/using-labels-and-milestones-to-track-work/creating-and-editing-milestones-for-issues-and-pull-requests#deleting-milestones"""
        place, found = self._milestone(repo, title)
        for issue in self._of(place, found):
            issue.milestone = None
        place.milestones.remove(found)
        self._tell_milestone("deleted", place, found, by)

    def _set_milestone(self, repo: str, title: str, state: str, by: str) -> None:
        """Of one that is so already nothing is told (a guess)."""
        place, found = self._milestone(repo, title)
        if found.state != state:
            found.state = state
            self._tell_milestone("closed" if state == "closed" else "opened", place, found, by)

    def _milestone(self, repo: str, title: str) -> tuple[Repo, Milestone]:
        place = self.repo(repo)
        return place, next(m for m in place.milestones if m.title == title)

    def _of(self, place: Repo, milestone: Milestone) -> list[Issue]:
        return [issue for issue in place.issues.values() if issue.milestone == milestone.number]

    def _tell_milestone(
        self, action: str, place: Repo, about: Milestone, by: str, **parts: object
    ) -> None:
        shown = github_views.milestone(self, place, about)
        self.tell("milestone", place, by, action=action, milestone=shown, **parts)

    # --- people ----------------------------------------------------------------------------------

    @act
    def leave(self, repo: str, login: str, by: str) -> None:
        """A collaborator is removed, and unassigned from all issues there; that these are told of
        or dated is not said, so here they are not.
        https://docs.github.com/en/rest/collaborators/collaborators#remove-a-repository-collaborator
        """
        place = self.repo(repo)
        del place.members[login]
        for issue in place.issues.values():
            issue.assignees = [one for one in issue.assignees if one != login]
        about = github_views.user(self, login)
        self.tell("member", place, by, action="removed", member=about)

    # --- repositories ----------------------------------------------------------------------------

    @act
    def rename_repo(self, repo: str, new: str, by: str = "") -> None:
        """Everything in it goes along, its webhooks too, and the old name leads to it, with another
        owner as well:
        https://docs.github.com/en/repositories/creating-and-managing-repositories/renaming-a-repository
        https://docs.github.com/en/repositories/creating-and-managing-repositories/transferring-a-repository
        """
        place, old = self.repo(repo), self.repo(repo).full_name
        del self.repos[old]
        place.owner, place.name = new.split("/")
        if place.owner not in self.accounts:
            self.add_user(place.owner)
        self.repos[new], self.renamed[old.lower()] = place, new
        hooks = self.world.hooks
        hooks.registered = [
            replace(h, scope=new) if h.scope == old else h for h in hooks.registered
        ]
        changes = {"repository": {"name": {"from": old.partition("/")[2]}}}
        self.tell("repository", place, by or place.owner, action="renamed", changes=changes)
