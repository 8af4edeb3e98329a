"""A GitHub server: accounts, repositories with their git objects, issues and pull requests."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from integrations.sandbox.hooks import Hook
from integrations.sandbox.world import Object, Refused, World, act

REASONS = ("completed", "not_planned", "duplicate", "reopened")
LEVELS = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(slots=True)
class Account:
    id: int
    login: str
    name: str
    token: str = ""


@dataclass(slots=True)
class Commit:
    """A commit with its whole tree: path → text."""

    sha: str
    parent: str | None
    tree: dict[str, bytes]
    message: str
    author: str
    at: datetime


@dataclass(slots=True)
class Note:
    """A comment on an issue."""

    id: int
    user: str
    body: str
    created: datetime
    updated: datetime


@dataclass(slots=True)
class Pull:
    head: str
    base: str
    head_sha: str
    base_sha: str
    draft: bool
    merged: datetime | None = None
    merged_by: str = ""
    merge_sha: str | None = None


@dataclass(slots=True)
class Issue:
    """An issue, or a pull request when `pull` is there: they share their numbers."""

    id: int
    repo: Repo
    number: int
    title: str
    body: str | None
    user: str
    created: datetime
    updated: datetime
    state: str = "open"
    reason: str | None = None
    closed: datetime | None = None
    closed_by: str | None = None
    labels: list[str] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    milestone: int | None = None
    type: str | None = None
    notes: list[Note] = field(default_factory=list)
    timeline: list[Object] = field(default_factory=list)
    children: list[Issue] = field(default_factory=list)
    parent: Issue | None = None
    pull: Pull | None = None
    locked: bool = False
    gone: bool = False
    transferred: Issue | None = None

    @property
    def node_id(self) -> str:
        kind = "PR" if self.pull else "I"
        return (
            f"{kind}_{base64.urlsafe_b64encode(f'kwDO{self.id:08d}'.encode()).decode().rstrip('=')}"
        )


@dataclass(slots=True)
class Milestone:
    id: int
    number: int
    title: str
    creator: str
    created: datetime
    state: str = "open"
    description: str | None = None
    due_on: str | None = None


@dataclass(slots=True)
class FieldFate:
    """That a field of a GraphQL mutation, by its alias or name, fails the next `times`."""

    name: str
    type: str
    message: str
    times: int = 1


@dataclass(slots=True)
class Repo:
    id: int
    owner: str
    name: str
    private: bool
    default_branch: str
    created: datetime
    members: dict[str, str]
    labels: dict[str, int] = field(default_factory=dict)
    milestones: list[Milestone] = field(default_factory=list)
    issues: dict[int, Issue] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    statuses: dict[str, list[Object]] = field(default_factory=dict)  # by commit, the latest last
    workflows: dict[str, str] = field(default_factory=dict)  # states, by path, where not active
    drafts: bool = True
    numbers: int = 0
    milestone_numbers: int = 0

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(slots=True)
class GitHubApp:
    """A registered App; `permissions` are what it asks for wherever it is installed."""

    id: int
    slug: str
    owner: str
    public_key: RSAPublicKey
    permissions: Mapping[str, str]
    events: tuple[str, ...]
    created: datetime
    hook: Hook | None = None

    @property
    def login(self) -> str:
        return f"{self.slug}[bot]"


@dataclass(slots=True)
class Installation:
    """An App on one account: on `repositories`, None for all of them. `accepted` are the
    permissions that its owner accepted last, None for all that the App asks for."""

    id: int
    app: GitHubApp
    owner: str
    repositories: frozenset[str] | None
    created: datetime
    suspended: bool = False
    accepted: Mapping[str, str] | None = None

    @property
    def permissions(self) -> Mapping[str, str]:
        return self.app.permissions if self.accepted is None else self.accepted

    def covers(self, repo: Repo) -> bool:
        return repo.owner == self.owner and (
            self.repositories is None or repo.full_name in self.repositories
        )


@dataclass(slots=True)
class Apps:
    """What there is of Apps. `tokens` say which installation's they are, and when they end;
    `manifests` are those of which the code was not used yet."""

    by_slug: dict[str, GitHubApp] = field(default_factory=dict)
    installed: list[Installation] = field(default_factory=list)
    tokens: dict[str, tuple[Installation, datetime]] = field(default_factory=dict)
    manifests: dict[str, Object] = field(default_factory=dict)

    def serve(self, login: str, repo: Repo) -> bool:
        """Whether it is the account of an App that is installed there."""
        return any(i.app.login == login and i.covers(repo) for i in self.installed)


def not_found() -> Refused:
    url = "https://docs.github.com/rest"
    return Refused(404, {"message": "Not Found", "documentation_url": url, "status": "404"})


def invalid(message: str = "Validation Failed", /, **error: object) -> Refused:
    """https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed"""
    body: Object = {"message": message, "documentation_url": "https://docs.github.com/rest"}
    return Refused(422, body | ({"errors": [error]} if error else {}) | {"status": "422"})


def blob_sha(data: bytes) -> str:
    """Git's own name for these bytes: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects"""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class GitHubSite:
    """The state, and how a test or demo sets it up. `sub_issues` off: a server without them;
    `graphql` off: one without GraphQL. `issue_types` are the names of an organisation's, by owner;
    None: a server without them.
    `reasons` are those that it knows for an issue's state; an older server knows no duplicate.
    `renamed` are former names of repositories, in small letters. `owners` are those of
    organisations. `unknown_events` are events that an older server has no webhooks for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accounts: dict[str, Account] = {}
        self.repos: dict[str, Repo] = {}
        self.renamed: dict[str, str] = {}
        self.apps = Apps()
        self.sub_issues = True
        self.graphql = True
        self.field_fates: list[FieldFate] = []
        self.issue_types: dict[str, list[str]] | None = {}
        self.reasons: tuple[str, ...] = REASONS
        self.owners: dict[str, set[str]] = {}
        self.unknown_events: frozenset[str] = frozenset()

    @property
    def url(self) -> str:
        return f"{self.world.base_url}/github"

    @property
    def api(self) -> str:
        return f"{self.url}/api/v3"

    # --- set up -------------------------------------------------------------------------------

    @act
    def add_user(self, login: str, name: str = "", token: str = "") -> str:
        self.accounts[login] = Account(self.world.next_id(), login, name or login, token)
        return login

    @act
    def add_repo(
        self,
        repo: str,
        private: bool = False,
        default_branch: str = "main",
        collaborators: Mapping[str, str] | None = None,
        labels: Sequence[str] = ("bug", "incident"),
        files: Mapping[str, str] | None = None,
        drafts: bool = True,
    ) -> str:
        """A repository with one commit. `collaborators` maps logins to read … admin; the owner
        is one too. `drafts` off: draft pull requests are refused, as for some private ones."""
        owner, name = repo.split("/")
        now = self.world.now()
        members = dict(collaborators or {})
        for login in (owner, *members):
            if login not in self.accounts:
                self.add_user(login)
        if wrong := set(members.values()) - set(LEVELS):
            raise ValueError(f"{wrong.pop()!r} is not one of {', '.join(LEVELS)}")
        made = Repo(self.world.next_id(), owner, name, private, default_branch, now, members)
        made.drafts = drafts
        self.repos[repo] = made
        for label in labels:
            made.labels[label] = self.world.next_id()
        text = files or {"README.md": f"# {name}\n"}
        tree = {path: content.encode() for path, content in text.items()}
        made.branches[default_branch] = self.commit(made, None, tree, "Initial commit", owner).sha
        return repo

    @act
    def add_milestone(self, repo: str, title: str, by: str = "") -> int:
        place = self.repos[repo]
        if any(milestone.title == title for milestone in place.milestones):
            raise invalid(resource="Milestone", code="already_exists", field="title")
        place.milestone_numbers += 1
        number, now = place.milestone_numbers, self.world.now()
        made = Milestone(self.world.next_id(), number, title, by or place.owner, now)
        place.milestones.append(made)
        return number

    # --- look up ------------------------------------------------------------------------------

    def level(self, login: str, repo: Repo) -> str:
        """The permission somebody has in a repository; whoever is nobody reads a public one."""
        if login == repo.owner:
            return "admin"
        if self.apps.serve(login, repo):
            return "write"
        return repo.members.get(login, "none" if repo.private else "read")

    def may(self, login: str, repo: Repo, needed: str) -> bool:
        return LEVELS.index(self.level(login, repo)) >= LEVELS.index(needed)

    def repo(self, full_name: str, me: str | None = None) -> Repo:
        """No access answers like not there:
        https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#404-not-found-for-an-existing-resource"""
        found = next((r for n, r in self.repos.items() if n.lower() == full_name.lower()), None)
        if found is None or (me is not None and not self.may(me, found, "read")):
            raise not_found()
        return found

    def issue(self, repo: Repo, number: int) -> Issue:
        """301 when it was transferred, 410 when deleted:
        https://docs.github.com/en/rest/issues/issues#get-an-issue"""
        found = repo.issues.get(number)
        if found is None:
            raise not_found()
        if found.transferred is not None:
            new = found.transferred
            there = f"{self.api}/repos/{new.repo.full_name}/issues/{new.number}"
            raise Refused(301, {"message": "Moved Permanently", "url": there}, {"Location": there})
        if found.gone:
            raise Refused(410, {"message": "This issue was deleted", "status": "410"})
        return found

    def login_of(self, name: str) -> str:
        """The login as its owner writes it: "The name is not case sensitive",
        https://docs.github.com/en/rest/repos/repos#get-a-repository"""
        same = (login for login in self.accounts if login.lower() == name.lower())
        return next(same, name)

    def assignable(self, name: str, repo: Repo) -> bool:
        login = self.login_of(name)
        return login in self.accounts and (login == repo.owner or login in repo.members)

    def types_of(self, owner: str) -> list[str]:
        return (self.issue_types or {}).get(owner, [])

    def association(self, login: str, repo: Repo) -> str:
        """https://docs.github.com/en/graphql/reference/enums#commentauthorassociation"""
        if login == repo.owner:
            return "OWNER"
        return "COLLABORATOR" if login in repo.members else "NONE"

    # --- git ----------------------------------------------------------------------------------

    def commit(
        self, repo: Repo, parent: str | None, tree: dict[str, bytes], message: str, by: str
    ) -> Commit:
        """Make a commit; it is on no branch until one is moved to it."""
        now = self.world.now()
        listed = "".join(f"{path} {blob_sha(data)}\n" for path, data in sorted(tree.items()))
        text = f"{parent} {by} {now.isoformat()} {self.world.next_id()}\n{message}\n{listed}"
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        repo.commits[sha] = Commit(sha, parent, tree, message, by, now)
        return repo.commits[sha]

    def ancestry(self, repo: Repo, sha: str) -> list[str]:
        """The commit and all before it, newest first."""
        found: list[str] = []
        at: str | None = sha
        while at is not None:
            found.append(at)
            at = repo.commits[at].parent
        return found

    def changed_paths(self, repo: Repo, old: str, new: str) -> dict[str, str]:
        """What differs between two commits: path → added, modified or removed."""
        before, after = repo.commits[old].tree, repo.commits[new].tree
        return {
            path: "added" if path not in before else "removed" if path not in after else "modified"
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path)
        }
