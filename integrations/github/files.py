"""Files and workflows of GitHub repositories, on their default branch.

Routes: https://docs.github.com/en/rest/repos/contents#get-repository-content and
https://docs.github.com/en/rest/actions/workflows#get-a-workflow
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import quote

from integrations.files import FileSeen
from integrations.github.client import GitHubClient
from integrations.github.hooks import check_told
from integrations.tracker import Finding, NotThere, SignInFailed, TrackerError
from workflows.watched import Fault

#: "You must store workflow files in the .github/workflows directory", with one of these ends:
#: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
_WORKFLOW = re.compile(r"\.github/workflows/(?P<file>[^/]+\.ya?ml)")

#: One that does not run: switched off by hand, because nothing happened in a public repository for
#: 60 days, or as in each fork. Others are "active" and "deleted".
#: https://docs.github.com/en/actions/using-workflows/disabling-and-enabling-a-workflow
_OFF = "disabled"

#: "This API returns blobs up to 1 MB in size. The requested blob is too large to fetch", with 403:
#: it is there. https://github.com/palantir/policy-bot/issues/83
_TOO_LARGE = re.compile(r"\btoo[ _]large\b", re.IGNORECASE)

READ_FILES = "Give the token the permission Contents: read there (a classic one: the scope repo)."
READ_WORKFLOWS = "Give the token the permission Actions: read there (a classic one: repo)."
PUSHES = (
    "Let a webhook of the repository send pushes here: docs/how-to/webhooks-github.md. Until then"
    " files are looked at once a day."
)


class GitHubFiles:
    """`integrations.files.Files` of one GitHub server."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client

    def look(self, place: str, path: str) -> FileSeen:
        """One read; one more for a workflow, and two more for what is gone."""
        there = f"{self._client.present_path(place)}/contents/{quote(path)}"
        try:
            self._client.read_any(there)
        except NotThere:
            return self._gone(place, path)
        except SignInFailed as error:
            if not _TOO_LARGE.search(error.words):
                raise
        if match := _WORKFLOW.fullmatch(path):
            return self._workflow(place, match["file"])
        return FileSeen()

    def _gone(self, place: str, path: str) -> FileSeen:
        """A repository that is not there (any more) answers the same."""
        self._client.forget_repository(place)
        repository = self._client.repository(place)
        commits = self._client.pages(
            f"{self._client.present_path(place)}/commits",
            sha=repository.default_branch,
            path=path,
            per_page=1,
        )
        last = next(islice(commits, 1), None)
        if last is None:
            return FileSeen(Fault.REMOVED, "no commit there knows it")
        words = f"the last commit that touched it is {str(last['sha'])[:12]}"
        return FileSeen(Fault.REMOVED, words, str(last["html_url"]))

    def _workflow(self, place: str, file: str) -> FileSeen:
        """One that no run knows yet is 404; so is each where there are no Actions."""
        path = f"{self._client.present_path(place)}/actions/workflows/{quote(file, safe='')}"
        try:
            workflow = self._client.read(path)
        except NotThere:
            return FileSeen()
        state = str(workflow["state"])
        if not state.startswith(_OFF):
            return FileSeen()
        return FileSeen(Fault.DISABLED, f"its state is {state}", str(workflow.get("html_url", "")))

    def check(self, places: Sequence[str], address: str) -> Iterator[Finding]:
        """Reads only: the repository, a commit, its workflows, and its webhooks where the account
        may."""
        for place in places:
            try:
                path = self._client.present_path(place)
                next(islice(self._client.pages(f"{path}/commits", per_page=1), 1), None)
            except TrackerError as error:
                mend = READ_FILES if isinstance(error, SignInFailed) else error.mend
                yield Finding(False, f"{place}: its files cannot be looked at: {error.words}", mend)
                continue
            yield Finding(True, f"{place}: files that measures keep can be looked at")
            yield from self._check_workflows(place, path)
            yield check_told(self._client, place, address, "push", "pushes", PUSHES)

    def _check_workflows(self, place: str, path: str) -> Iterator[Finding]:
        try:
            self._client.read(f"{path}/actions/workflows")
        except NotThere:
            yield Finding(True, f"{place}: has no workflows that could be switched off")
        except TrackerError as error:
            told = f"{place}: whether workflows are switched off is unknown: {error.words}"
            yield Finding(False, told, READ_WORKFLOWS)
