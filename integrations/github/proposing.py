"""A document's branch, commit and draft pull request in one request, where nothing of it is there.

The three are done one after another, and none is kept from being done by one that fails before it.
That is safe: the branch's name is made of the document's key, its commit is made only onto the
commit that was looked at, and there is only one open pull request of a branch. What stands there
after a failure in the middle is what REST would have left as well, and is gone on from alike.
https://docs.github.com/en/graphql/reference/mutations#createcommitonbranch
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from integrations.github.answers import NotOverGraphQL
from integrations.github.client import GitHubClient, Json
from integrations.github.graphql import GraphQL, NotDone
from integrations.http import in_shape
from integrations.tracker import OutcomeUnknown, RateLimited, TrackerError

_LOOK = """\
query($owner: String!, $name: String!, $branch: String!, $path: String!) {
  repository(owner: $owner, name: $name) {
    id
    nameWithOwner
    defaultBranchRef { name target { oid ... on Commit { file(path: $path) { oid } } } }
    ref(qualifiedName: $branch) { id }
    pullRequests(headRefName: $branch, first: 1) { totalCount }
  }
}
"""

_PROPOSE = """\
mutation(
  $branch: CreateRefInput!
  $commit: CreateCommitOnBranchInput!
  $pull: CreatePullRequestInput!
  $path: String!
) {
  branch: createRef(input: $branch) { ref { id } }
  commit: createCommitOnBranch(input: $commit) { commit { oid file(path: $path) { oid } } }
  pull: createPullRequest(input: $pull) { pullRequest { number url isDraft } }
}
"""
_NAMES = ("branch", "commit", "pull")


@dataclass(frozen=True, slots=True)
class Proposed:
    """The new pull request, the commit that it is of, and the blob id of the file."""

    number: int
    url: str
    draft: bool
    commit: str
    version: str


class Proposing:
    """Proposes files of one server's repositories."""

    def __init__(self, client: GitHubClient, graphql: GraphQL) -> None:
        self._client = client
        self._graphql = graphql

    def can(self, place: str) -> bool:
        """Whether the server can take the three together; asked once a day."""
        return self._graphql.abilities(place).commits

    def propose(
        self, place: str, branch: str, path: str, text: str, words: tuple[str, str, str]
    ) -> Proposed | None:
        """One read and one write; `words` are the commit's message, and the title and body of the
        pull request. None where it has to be done step by step: a part of it is there already, or
        a step was refused, which then says why."""
        try:
            there = self._look(place, branch, path)
        except NotOverGraphQL:
            return None
        if there is None:
            return None
        base = there["defaultBranchRef"]
        oid, repository = base["target"]["oid"], there["id"]
        message, title, body = words
        content = base64.b64encode(text.encode()).decode()
        onto = {"repositoryNameWithOwner": there["nameWithOwner"], "branchName": branch}
        commit = {"branch": onto, "expectedHeadOid": oid, "message": {"headline": message}}
        commit["fileChanges"] = {"additions": [{"path": path, "contents": content}]}
        pull = {"repositoryId": repository, "baseRefName": base["name"], "headRefName": branch}
        asked: Json = {
            "branch": {"repositoryId": repository, "name": f"refs/heads/{branch}", "oid": oid},
            "commit": commit,
            "pull": pull | {"title": title[:256], "body": body, "draft": True},
            "path": path,
        }
        try:
            return _proposed(self._graphql.write(place, _PROPOSE, asked, _NAMES))
        except NotDone:
            return None

    def _look(self, place: str, branch: str, path: str) -> Json | None:
        """The repository as it is, where there is neither branch nor pull request nor file: a
        commit that is made so would write over the file."""
        owner, _, name = place.partition("/")
        asked = {"owner": owner, "name": name, "branch": branch, "path": path}
        there = self._graphql.query(place, _LOOK, **asked).get("repository")
        with in_shape(place):
            if there is None or there.get("ref") or there["pullRequests"]["totalCount"]:
                return None
            base = there.get("defaultBranchRef")  # none in an empty repository
            if base is None or base["target"].get("file"):
                return None
            return dict(there)


def _proposed(ended: Mapping[str, Json | TrackerError]) -> Proposed:
    """What was made. Raises what kept one of them from being made, the gravest first: as long as
    nobody knows what became of one, nothing may be built on it."""
    errors = [each for each in ended.values() if isinstance(each, TrackerError)]
    for grave in (OutcomeUnknown, RateLimited, TrackerError):
        for error in errors:
            if isinstance(error, grave):
                raise error
    done = {name: each for name, each in ended.items() if not isinstance(each, TrackerError)}
    commit, pull = done["commit"].get("commit") or {}, done["pull"].get("pullRequest")
    file = commit.get("file")
    if not (pull and file):
        raise OutcomeUnknown("what was made is not shown", mend="Nothing to do: it is looked up.")
    url, draft = str(pull["url"]), bool(pull["isDraft"])
    return Proposed(int(pull["number"]), url, draft, str(commit["oid"]), str(file["oid"]))
