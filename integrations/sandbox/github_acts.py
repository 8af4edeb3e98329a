"""What is done to GitHub's files and pull requests, on top of what is done to its issues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.sandbox.github_apps import GitHubApps
from integrations.sandbox.github_site import Commit, FieldFate, Issue, Pull, Repo, invalid
from integrations.sandbox.world import Object, act

NOWHERE = "0" * 40


class GitHub(GitHubApps):
    """The whole server."""

    def fate_of_field(self, alias: str, field: str) -> FieldFate | None:
        """How a field of a mutation fails, None where it does not; that is then used up."""
        for fate in self.field_fates:
            if fate.name in (alias, field):
                fate.times -= 1
                if fate.times == 0:
                    self.field_fates.remove(fate)
                return fate
        return None

    @act
    def refuse_field(
        self, name: str, type: str, message: str = "It was told to be refused.", times: int = 1
    ) -> None:
        """Let the next `times` fields of a GraphQL mutation with this alias or this name fail
        without effect; with the `type` "" it and all after it in the document are cut off."""
        self.field_fates.append(FieldFate(name, type, message, times))

    @act
    def push(
        self,
        repo: str,
        path: str,
        text: str | None,
        by: str,
        branch: str = "",
        message: str = "",
    ) -> str:
        """Commit one file (None removes it) to a branch and return the commit's sha."""
        place = self.repo(repo)
        branch = branch or place.default_branch
        data = None if text is None else text.encode()
        return self.write(place, branch, {path: data}, message or f"Update {path}", by).sha

    @act
    def switch_workflow(self, repo: str, path: str, state: str) -> None:
        """Give a workflow another state; nothing is told of that. "active", "disabled_manually" and
        "disabled_inactivity" are such:
        https://docs.github.com/en/rest/actions/workflows#get-a-workflow"""
        self.repo(repo).workflows[path] = state

    @act
    def pull_request(self, repo: str, head: str, title: str, by: str, body: str = "") -> int:
        place = self.repo(repo)
        wanted = {"head": head, "base": place.default_branch, "title": title, "body": body}
        return self.open_pull(place, wanted, by).number

    @act
    def ready_for_review(self, repo: str, number: int, by: str) -> None:
        issue = self._at(repo, number)
        self.pull_of(issue).draft = False
        self._touch(issue, by, "ready_for_review")
        self.tell_pull("ready_for_review", issue, by)

    @act
    def merge(self, repo: str, number: int, by: str, delete_branch: bool = True) -> str:
        """Squash into the base branch: what the head changed since it left goes on top."""
        issue = self._at(repo, number)
        pull, place = self.pull_of(issue), issue.repo
        if issue.state != "open" or pull.draft:
            raise invalid("Pull Request is not mergeable")
        left = self._fork_point(place, pull)
        tree = place.commits[pull.head_sha].tree
        changed = self.changed_paths(place, left, pull.head_sha)
        files = {path: tree.get(path) for path in changed}
        made = self.write(place, pull.base, files, f"{issue.title} (#{issue.number})", by)
        pull.merged, pull.merge_sha, pull.merged_by = self.world.now(), made.sha, by
        self._touch(issue, by, "merged")
        self._shut(issue, by, None)
        if delete_branch:
            place.branches.pop(pull.head, None)
        return made.sha

    @act
    def close_pull(self, repo: str, number: int, by: str) -> None:
        self._shut(self._at(repo, number), by, None)

    def write(
        self, place: Repo, branch: str, files: Mapping[str, bytes | None], message: str, by: str
    ) -> Commit:
        """Commit files (None removes one) to a branch, and tell whoever watches it."""
        new_branch = branch not in place.branches
        old = place.branches[place.default_branch if new_branch else branch]
        tree = {**place.commits[old].tree, **{p: d for p, d in files.items() if d is not None}}
        for path, data in files.items():
            if data is None:
                tree.pop(path, None)
        made = self.commit(place, old, tree, message, by)
        place.branches[branch] = made.sha
        changed = self.changed_paths(place, old, made.sha)
        who = {"name": by, "email": f"{by}@users.noreply.example", "username": by}
        about: Object = {"id": made.sha, "tree_id": made.sha, "distinct": True, "message": message}
        about |= {"timestamp": made.at.isoformat(), "author": who, "committer": who}
        about["url"] = f"{self.url}/{place.full_name}/commit/{made.sha}"
        for how in ("added", "modified", "removed"):
            about[how] = [path for path, kind in changed.items() if kind == how]
        self._tell_push(place, branch, NOWHERE if new_branch else old, made.sha, by, [about])
        for issue in place.issues.values():
            if issue.pull and issue.state == "open" and issue.pull.head == branch:
                issue.pull.head_sha = made.sha
                self._touch(issue)
                self.tell_pull("synchronize", issue, by, before=old, after=made.sha)
        return made

    def create_branch(self, place: Repo, branch: str, sha: str, by: str) -> None:
        """A new reference is told as a push without commits, too."""
        place.branches[branch] = sha
        self._tell_push(place, branch, NOWHERE, sha, by, [])

    def _tell_push(
        self, place: Repo, branch: str, old: str, new: str, by: str, commits: list[Object]
    ) -> None:
        """https://docs.github.com/en/webhooks/webhook-events-and-payloads#push"""
        ends: Object = {
            "ref": f"refs/heads/{branch}",
            "before": old,
            "after": new,
            "base_ref": None,
        }
        ends |= {"created": old == NOWHERE, "deleted": False, "forced": False, "compare": ""}
        head = commits[-1] if commits else None
        pusher = {"name": by, "email": None}
        self.tell("push", place, by, **ends, commits=commits, head_commit=head, pusher=pusher)

    def open_pull(self, place: Repo, wanted: Mapping[str, Any], by: str) -> Issue:
        """https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request"""
        owner, _, head = str(wanted.get("head", "")).rpartition(":")
        base = str(wanted.get("base", ""))
        for name, branch in (("head", head), ("base", base)):
            if branch not in place.branches or (name == "head" and owner not in ("", place.owner)):
                raise invalid(resource="PullRequest", field=name, code="invalid")
        for issue in place.issues.values():
            if (
                issue.pull
                and issue.state == "open"
                and (issue.pull.head, issue.pull.base) == (head, base)
            ):
                words = f"A pull request already exists for {place.owner}:{head}."
                raise invalid(resource="PullRequest", code="custom", message=words)
        head_sha, base_sha = place.branches[head], place.branches[base]
        if head_sha in self.ancestry(place, base_sha):
            words = f"No commits between {base} and {head}"
            raise invalid(resource="PullRequest", code="custom", message=words)
        if wanted.get("draft") and not place.drafts:
            raise invalid("Draft pull requests are not supported in this repository.")
        self._check_body(wanted.get("body"), "PullRequest")
        pull = Pull(head, base, head_sha, base_sha, bool(wanted.get("draft")))
        issue = self._new(place, str(wanted.get("title")), wanted.get("body"), by, pull)
        self.refer(issue, issue.body, by)
        self.tell_pull("opened", issue, by)
        return issue

    def change_pull(self, issue: Issue, wanted: Mapping[str, Any], by: str) -> None:
        """PATCH of title, body and state (a draft cannot be made ready over REST)."""
        self._check_body(wanted.get("body"), "PullRequest")
        edited: Object = {}
        for name in ("title", "body"):
            if name in wanted and wanted[name] != getattr(issue, name):
                edited[name] = {"from": getattr(issue, name)}
                setattr(issue, name, wanted[name])
        if edited:
            self._touch(issue)
            self.refer(issue, issue.body, by)
            self.tell_pull("edited", issue, by, changes=edited)
        if wanted.get("state") == "closed" and issue.state == "open":
            self._shut(issue, by, None)
        elif wanted.get("state") == "open" and issue.state == "closed":
            if self.pull_of(issue).merged:
                raise invalid(resource="PullRequest", code="invalid", field="state")
            issue.state, issue.closed, issue.closed_by = "open", None, None
            self._touch(issue, by, "reopened")
            self.tell_pull("reopened", issue, by)

    def pull_of(self, issue: Issue) -> Pull:
        if issue.pull is None:
            raise ValueError(f"#{issue.number} is an issue, not a pull request")
        return issue.pull

    def _fork_point(self, place: Repo, pull: Pull) -> str:
        base = set(self.ancestry(place, place.branches[pull.base]))
        return next(sha for sha in self.ancestry(place, pull.head_sha) if sha in base)
