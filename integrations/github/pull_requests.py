"""Documents as Markdown files, each on a branch of its own with a pull request.

Draft pull request = draft, ready = in review, merged = published, closed unmerged = declined.
After the merge, changes go to one standing update pull request at a time.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote

from integrations.github.answers import Invalid
from integrations.github.client import GitHubClient, repo_path
from integrations.github.graphql import GraphQL
from integrations.github.marker import UPDATES, key_in, signed
from integrations.github.proposing import Proposed, Proposing
from integrations.github.publications import last_merge, publications, show_review
from integrations.github.recent import Recent
from integrations.tracker import (
    Lost,
    NotThere,
    Rejected,
    SignInFailed,
    StaleVersion,
    Unavailable,
)
from workflows.documents import region_headings, regions, replace_regions
from workflows.effects import CreateDocument, SetReview
from workflows.model import DocumentRef, DocumentState, DocumentStatus, TicketRef
from workflows.versions import Publication

Json = dict[str, Any]

_ABOUT = """\
The postmortem of [{key}]({url}), kept by Followthrough.

- Write it on this branch; only the marked regions are rewritten, everything else is yours.
- Mark it **ready for review** when it is complete. **Merged** means published.
- **Closed unmerged** means declined: it is not opened again.
"""

#: How long a pull request that was seen open is taken to be open still.
_SEEN_LATELY = timedelta(minutes=1)

_MAY_NOT = "Give the token the permission Commit statuses: read and write, and replay it."

_UPDATE = "What changed since the postmortem was merged. Further changes join this pull request."


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a document is; as text (``owner/name#7:branch:path``) it is the document's id."""

    repository: str
    number: int
    branch: str
    path: str

    def __str__(self) -> str:
        return f"{self.repository}#{self.number}:{self.branch}:{self.path}"

    @classmethod
    def of(cls, ref: DocumentRef) -> _Place:
        pull, branch, path = ref.id.split(":", 2)  # a branch name cannot hold a colon
        repository, _, number = pull.rpartition("#")
        return cls(repository, int(number), branch, path)


class GitHubPullRequestDocuments:
    """Documents of the kind ``github-pull-request`` on one server.

    A document's version is the blob id of its file, so a write is compared and swapped by GitHub
    itself. Every method raises the TrackerError family only.
    """

    kind = "github-pull-request"

    def __init__(self, client: GitHubClient, pages: str = "") -> None:
        """`pages` is where our pages of incidents are, for links to them; "" where nobody can
        follow one."""
        self._client = client
        self._pages = pages
        self._proposing = Proposing(client, GraphQL(client))
        self._is_open: Recent[str, bool] = Recent(client.clock, _SEEN_LATELY)

    def create(self, wanted: CreateDocument, *, again: bool = False) -> DocumentState:
        """One read (the base commit) and one write (branch, file and draft pull request), or three
        where the server cannot take them together.

        The branch's name is made of the effect's key, so a second attempt meets the first one's
        branch, file or pull request and goes on from there. `again` looks for them first: a read
        is cheap, and a write that is refused counts against the hour's five hundred like any.
        """
        place, path = wanted.target.place, wanted.target.path
        branch = branch_of(wanted.key)
        if not again and self._proposing.can(place):  # what failed together goes step by step
            body = signed(_about(wanted.incident), wanted.key)
            text, words = signed(wanted.text, wanted.key), (_message(wanted), wanted.title, body)
            made = self._proposing.propose(place, branch, path, text, words)
            if made is not None:
                return self._proposed(_Place(place, made.number, branch, path), text, made)
            again = True
        begun = again and self._has_branch(place, branch)
        if begun or not self._branch(place, branch):
            there = self._pull(place, branch, state="all")
            if there is not None:
                return self._read(place, there, path, {})
        written = self._left(place, path, branch, wanted.key) if begun else None
        text, version, head = written or self._first_text(wanted, branch)
        body = signed(_about(wanted.incident), wanted.key)
        pull = self._open(place, branch, wanted.title, body, draft=True)
        where = _Place(place, int(pull["number"]), branch, path)
        ref = DocumentRef(self.kind, str(where), str(pull["html_url"]), version, branch=branch)
        self._is_open.believe(ref.id, True)
        return _state(replace(ref, head=head or _head_of(pull)), text, _status(pull))

    def _proposed(self, where: _Place, text: str, made: Proposed) -> DocumentState:
        ref = DocumentRef(self.kind, str(where), made.url, made.version, branch=where.branch)
        self._is_open.believe(ref.id, True)
        status = DocumentStatus.DRAFT if made.draft else DocumentStatus.IN_REVIEW
        return _state(replace(ref, head=made.commit), text, status)

    def find(self, wanted: CreateDocument, lost: Lost) -> DocumentState | None:  # noqa: ARG002
        """The document of `wanted`'s key, once its pull request exists, in whatever state; None
        while it does not (then `create` goes on from what there is). `lost` is not needed: the
        branch's name is known."""
        place = wanted.target.place
        pull = self._pull(place, branch_of(wanted.key), state="all")
        return None if pull is None else self._read(place, pull, wanted.target.path, {})

    def read(self, ref: DocumentRef, headings: Mapping[str, str]) -> DocumentState:
        """Two reads, the pull request and the file; a third after the merge.

        After the merge the text is the standing update's as long as that is open, otherwise the
        default branch's. `headings` are given back where a declined document's branch is gone.
        """
        where = _Place.of(ref)
        pull = self._client.read(f"{repo_path(where.repository)}/pulls/{where.number}")
        return self._read(where.repository, pull, where.path, headings)

    def write(self, known: DocumentState, regions: Mapping[str, str]) -> DocumentState:
        """One write, until the merge; and one read unless the pull request was seen a moment
        ago. StaleVersion when anybody wrote, merged or closed since: the file's version alone
        does not tell, for the branch of a merged pull request usually stays and takes writes
        that nobody would ever see."""
        where = _Place.of(known.ref)
        if known.status is DocumentStatus.DECLINED:
            raise Rejected(
                f"the pull request {known.ref.url} was closed unmerged: the document is declined",
                mend="Reopen the pull request if it should go on.",
            )
        if known.text is None:
            raise StaleVersion("the file's text is not known")
        text = replace_regions(known.text, regions)
        if "\r\n" in known.text:  # replace_regions speaks LF only; people's lines stay as they end
            text = text.replace("\n", "\r\n")
        if text == known.text:
            return known
        if known.status is DocumentStatus.PUBLISHED:
            branch, is_open = self._update(where)
        elif self._is_open.get(known.ref.id, lambda: self._open_now(where)):
            branch, is_open = where.branch, True
        else:
            raise StaleVersion(f"{known.ref.url} was merged or closed since it was read")
        message = f"Bring {where.path} up to date"
        try:
            version, head = self._put(
                where.repository, where.path, branch, text, message, known.ref.version
            )
        except NotThere as error:
            raise StaleVersion(f"{error.words}: merged or closed since it was read") from None
        if not is_open:
            self._open(where.repository, branch, message, _UPDATE, draft=False)
        ref = replace(known.ref, version=version, head=head, published="")
        return _state(ref, text, known.status)

    def version(self, ref: DocumentRef) -> str | None:  # noqa: ARG002
        """None: a pull request's state is as much news as its file, so it must be read."""
        return None

    def place_of(self, ref: DocumentRef) -> str:
        """``owner/name``."""
        return _Place.of(ref).repository

    def publications(self, ref: DocumentRef, known: frozenset[str]) -> Sequence[Publication]:
        """Two reads to find them, and see `integrations.github.publications`."""
        where = _Place.of(ref)
        place = where.repository
        pull = self._client.read(f"{repo_path(place)}/pulls/{where.number}")
        pulls = [pull, *self._pulls(place, f"{where.branch}{UPDATES}", state="all")]

        def text_at(path: str, commit: str) -> str:
            return self._file(place, path, commit)[0]

        return list(publications(self._client, place, where.path, pulls, known, text_at))

    def set_review(self, wanted: SetReview) -> None:
        """One write. Rejected, with the mend, where the token may not."""
        page = f"{self._pages}/{wanted.incident}" if self._pages else ""
        try:
            show_review(self._client, _Place.of(wanted.document).repository, wanted, page)
        except (SignInFailed, NotThere) as error:
            # Without the permission GitHub answers 403, or 404 where it hides that it is there.
            raise Rejected(f"the review cannot be shown: {error.words}", mend=_MAY_NOT) from None

    def _read(
        self, place: str, pull: Json, path: str, headings: Mapping[str, str]
    ) -> DocumentState:
        status, branch = _status(pull), str(pull["head"]["ref"])
        where = _Place(place, int(pull["number"]), branch, path)
        ref = DocumentRef(self.kind, str(where), str(pull["html_url"]), "", branch=branch)
        self._is_open.believe(ref.id, pull["state"] == "open")
        source, updates = branch, list[Json]()
        head = _head_of(pull) if pull["state"] == "open" else ""
        if status is DocumentStatus.PUBLISHED:
            updates = self._pulls(place, f"{branch}{UPDATES}", state="all")
            update = next((each for each in updates if each["state"] == "open"), None)
            source = str(update["head"]["ref"] if update else pull["base"]["ref"])
            head = _head_of(update) if update else ""
        try:
            text, version = self._file(place, path, source)
        except NotThere:
            if status is not DocumentStatus.DECLINED:
                raise
            return DocumentState(ref, regions={}, headings=headings, status=status)
        merge = last_merge([pull, *updates])
        # With the blob: a push to the default branch is a publication too.
        token = f"{merge}:{version}" if merge and not head else ""
        ref = replace(ref, version=version, head=head, published=token, merge=merge)
        return _state(ref, text, status)

    def _open_now(self, where: _Place) -> bool:
        pull = self._client.read(f"{repo_path(where.repository)}/pulls/{where.number}")
        return bool(pull["state"] == "open")

    def _first_text(self, wanted: CreateDocument, branch: str) -> tuple[str, str, str]:
        """Write the document's file; its text, blob id and commit."""
        place, path = wanted.target.place, wanted.target.path
        text = signed(wanted.text, wanted.key)
        try:
            return text, *self._put(place, path, branch, text, _message(wanted), version=None)
        except StaleVersion as error:
            raise Unavailable(error.words, mend=error.mend) from None
        except Invalid:
            left = self._left(place, path, branch, wanted.key)
            if left is None:
                raise
            return left

    def _has_branch(self, place: str, branch: str) -> bool:
        try:
            self._client.read(f"{repo_path(place)}/git/ref/heads/{quote(branch)}")
        except NotThere:
            return False
        return True

    def _branch(self, place: str, branch: str) -> bool:
        """Make the branch at the head of the default one; False when it is there already."""
        body = {"ref": f"refs/heads/{branch}", "sha": self._head(place)}
        try:
            self._client.write("POST", f"{repo_path(place)}/git/refs", body)
        except Invalid as error:
            if "already exists" not in error.words.lower():
                raise
            return False
        return True

    def _head(self, place: str) -> str:
        default = quote(self._client.repository(place).default_branch)
        return str(
            self._client.read(f"{repo_path(place)}/git/ref/heads/{default}")["object"]["sha"]
        )

    def _update(self, where: _Place) -> tuple[str, bool]:
        """The branch of the standing update, and whether its pull request is open.

        A branch that an earlier, finished update left behind starts again at the default one.
        """
        branch = f"{where.branch}{UPDATES}"
        if self._pull(where.repository, branch, state="open") is not None:
            return branch, True
        if not self._branch(where.repository, branch):
            path = f"{repo_path(where.repository)}/git/refs/heads/{quote(branch)}"
            sha = self._head(where.repository)
            self._client.write("PATCH", path, {"sha": sha, "force": True})
        return branch, False

    def _pull(self, place: str, branch: str, *, state: str) -> Json | None:
        """The newest pull request from `branch`, which may be deleted meanwhile."""
        return next(iter(self._pulls(place, branch, state=state)), None)

    def _pulls(self, place: str, branch: str, *, state: str) -> list[Json]:
        """The latest pull requests from `branch`, the newest first. Whose branch an
        answer names is looked at: a `head` that got lost or was unreadable filters nothing."""
        name = self._client.repository(place).name
        head = f"{name.partition('/')[0]}:{branch}"
        pulls = self._client.pages(f"{repo_path(name)}/pulls", head=head, state=state)
        first_page = islice(pulls, 100)
        return [pull for pull in first_page if pull["head"]["ref"] == branch]

    def _open(self, place: str, branch: str, title: str, body: str, *, draft: bool) -> Json:
        path = f"{repo_path(place)}/pulls"
        base = self._client.repository(place).default_branch
        asked: Json = {"title": title[:256], "head": branch, "base": base, "body": body}
        try:
            pull: Json = self._client.write("POST", path, asked | {"draft": draft})
        except Invalid as error:
            words = error.words.lower()
            if draft and "draft" in words:
                # "Draft pull requests are not supported in this repository": private ones
                # without a paid plan. 422 is without effect, so it is asked again without.
                return self._open(place, branch, title, body, draft=False)
            if "already exists" not in words:
                raise
            there = self._pull(place, branch, state="open")
            if there is None:  # it was opened a moment ago, and lists lag
                mend = "Nothing to do: it is looked for again."
                raise Unavailable(f"{error.words}, and is not listed yet", mend=mend) from None
            return there
        return pull

    def _file(self, place: str, path: str, branch: str) -> tuple[str, str]:
        """The file's text and its blob id."""
        repository = self._client.present_path(place)
        answer = self._client.read_any(f"{repository}/contents/{quote(path)}", ref=branch)
        if not isinstance(answer, dict) or answer.get("encoding") != "base64":
            # A directory, or more than 1 MB:
            # https://docs.github.com/en/rest/repos/contents#get-repository-content
            raise Rejected(f"{path} is no file that GitHub gives as text")
        try:
            return base64.b64decode(answer["content"]).decode(), str(answer["sha"])
        except UnicodeDecodeError:
            raise Rejected(f"{path} is not UTF-8 text", mend="Save it as UTF-8.") from None

    def _put(
        self, place: str, path: str, branch: str, text: str, message: str, version: str | None
    ) -> tuple[str, str]:
        """Write the file and answer its new blob id and the commit; `version` None: it must not be
        there yet.
        https://docs.github.com/en/rest/repos/contents#create-or-update-file-contents"""
        content = base64.b64encode(text.encode()).decode()
        body = {"message": message, "content": content, "branch": branch}
        if version is not None:
            body["sha"] = version
        answer = self._client.write("PUT", f"{repo_path(place)}/contents/{quote(path)}", body)
        return str(answer["content"]["sha"]), str(answer["commit"]["sha"])

    def _left(self, place: str, path: str, branch: str, key: str) -> tuple[str, str, str] | None:
        """What an earlier attempt of ours wrote, its commit not known, None where there is no
        file. Rejected where the file is somebody else's."""
        try:
            text, version = self._file(place, path, branch)
        except NotThere:
            return None
        if key_in(text) != key:
            raise Rejected(
                f"there is a file at {path} already that this postmortem did not make",
                mend="Move that file, or change the document's path in the rules.",
            )
        return text, version, ""


def branch_of(key: str) -> str:
    """The branch of the document of this effect key. Made of our own opaque id only: the
    incident's key may change between two attempts, and two trackers may both have an INC-1."""
    return "followthrough/" + re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")


def _about(incident: TicketRef) -> str:
    return _ABOUT.format(key=incident.key, url=incident.url)


def _message(wanted: CreateDocument) -> str:
    return f"Postmortem of {wanted.incident.key}"


def _head_of(pull: Json) -> str:
    return str(pull["head"]["sha"])


def _status(pull: Json) -> DocumentStatus:
    if pull.get("merged_at"):
        return DocumentStatus.PUBLISHED
    if pull["state"] == "closed":
        return DocumentStatus.DECLINED
    return DocumentStatus.DRAFT if pull.get("draft") else DocumentStatus.IN_REVIEW


def _state(ref: DocumentRef, text: str, status: DocumentStatus) -> DocumentState:
    return DocumentState(ref, regions(text), region_headings(text), status, text)
