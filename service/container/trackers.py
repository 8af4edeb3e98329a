"""The trackers and document stores that the rules name, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

from config.rules import AuthType, ConnectionRules, Rules
from integrations.confluence.client import ConfluenceClient
from integrations.confluence.documents import ConfluencePageDocuments
from integrations.confluence.site import site_of
from integrations.document_store import DocumentStore, Spaces
from integrations.files import Files
from integrations.gate import OPEN, Gate
from integrations.gitdir.adapter import GitDirectoryDocuments
from integrations.github.adapter import GitHubTracker
from integrations.github.app_webhook import AppWebhook
from integrations.github.client import GitHubClient
from integrations.github.files import GitHubFiles
from integrations.github.installations import Installations
from integrations.github.issue_documents import GitHubIssueDocuments
from integrations.github.pull_requests import GitHubPullRequestDocuments
from integrations.github.redelivery import GitHubRedelivery
from integrations.github.signing import AppKey
from integrations.github.statuses import GitHubStatuses
from integrations.github.webhooks import GitHubWebhooks
from integrations.jira.adapter import JiraTracker
from integrations.jira.documents import JiraIssueDocuments
from integrations.jira.webhooks import JiraWebhooks
from integrations.reviewed import ShowsChecks
from integrations.tracker import KeptDeliveries, Rejected, Tracker
from integrations.webhooks import Webhooks
from service.audience import Audiences
from service.clock import Clock, utc_now
from service.heard import heard

_GIVE_BACK = "Give the rules the connection {!r} again, under this name."


@dataclass(frozen=True)
class Trackers:
    """The trackers and document stores of the rules, each made once and shared."""

    rules: Rules
    clock: Clock = utc_now
    gate: Gate = OPEN
    answer_seconds: int = 20
    public_url: str | None = None

    @cached_property
    def _github(self) -> dict[str, GitHubClient]:
        return {
            name: self._github_client(connection)
            for name, connection in self.rules.connections.items()
            if connection.kind == "github"
        }

    def _github_client(self, connection: ConnectionRules) -> GitHubClient:
        auth = connection.auth
        client = partial(
            GitHubClient,
            connection.url,
            clock=self.clock,
            timeout=self.answer_seconds,
            connection=connection.name,
            gate=self.gate,
        )
        if auth.type is not AuthType.APP:
            return client(auth.token.reveal(), limited=connection.limited)
        # What an App asks as itself counts against nothing that its installations need.
        itself = client(AppKey(auth.user, auth.token.reveal(), self.clock), limited=False)
        return client(Installations(itself), limited=connection.limited)

    @cached_property
    def _jira(self) -> dict[str, JiraTracker]:
        return {
            name: self._jira_tracker(connection)
            for name, connection in self.rules.connections.items()
            if connection.kind == "jira"
        }

    def _jira_tracker(self, connection: ConnectionRules) -> JiraTracker:
        deployment = connection.deployment
        teams = self.rules.policy.teams.values()
        sources = [s for t in teams for s in t.incidents if s.connection == connection.name]
        audits = [t.audits.destination for t in teams if t.audits]
        asking = [t for t in teams if t.evidence or t.waivers]
        tasks = [to for t in asking for to in (t.postmortem.tasks, t.postmortem.twin) if to]
        heard = [to for to in (*audits, *tasks) if to.connection == connection.name]
        writers = {to.place: frozenset[str]() for to in heard}
        return JiraTracker(
            connection.name,
            connection.url,
            token=connection.auth.token.reveal(),
            user=connection.auth.user or None,
            cloud=None if deployment is None else deployment == "cloud",
            writers=writers | {source.place: source.writers for source in sources},
            clock=self.clock,
            timeout=self.answer_seconds,
            gate=self.gate,
        )

    @cached_property
    def _confluence(self) -> dict[str, ConfluencePageDocuments]:
        return {
            name: self._pages_of(connection)
            for name, connection in self.rules.connections.items()
            if connection.kind == "confluence"
        }

    def _pages_of(self, connection: ConnectionRules) -> ConfluencePageDocuments:
        deployment = connection.deployment
        client = ConfluenceClient(
            connection.url,
            token=connection.auth.token.reveal(),
            user=connection.auth.user or None,
            cloud=None if deployment is None else deployment == "cloud",
            clock=self.clock,
            timeout=self.answer_seconds,
            connection=connection.name,
            gate=self.gate,
        )
        return ConfluencePageDocuments(site_of(client))

    @property
    def spaces(self) -> Mapping[str, Spaces]:
        """By connection, what keeps documents and no tickets."""
        return self._confluence

    @cached_property
    def by_connection(self) -> Mapping[str, Tracker]:
        github = {name: GitHubTracker(name, client) for name, client in self._github.items()}
        return {**self._jira, **github}

    def tracker(self, connection: str) -> Tracker:
        """The tracker of this name. Raises Rejected when the rules have it no more."""
        try:
            return self.by_connection[connection]
        except KeyError:
            raise Rejected(
                f"the rules have no connection {connection!r}", mend=_GIVE_BACK.format(connection)
            ) from None

    @cached_property
    def kept_deliveries(self) -> Mapping[str, KeptDeliveries]:
        """By connection, those that send again what failed, and whose webhooks we take."""
        found: dict[str, KeptDeliveries] = {}
        for name, client in self._github.items():
            if self.rules.connections[name].webhook_secrets:
                repositories = tuple(heard(name, self.rules.policy))
                found[name] = GitHubRedelivery(client, repositories, self._door(name))
        return found

    @cached_property
    def webhooks(self) -> Mapping[str, Webhooks]:
        """By connection, the webhooks of those that the rules give a secret for them."""
        found: dict[str, Webhooks] = {}
        for name, connection in self.rules.connections.items():
            places = heard(name, self.rules.policy)
            if not connection.webhook_secrets or not places:
                continue
            if name in self._github:
                of = AppWebhook if self._github[name].signer.is_app else GitHubWebhooks
                found[name] = of(self._github[name], places, self._door(name))
            elif name in self._jira:
                client = self._jira[name].site.client
                found[name] = JiraWebhooks(client, tuple(places), self._door(name))
        return found

    def _door(self, connection: str) -> str:
        """Where its webhooks are sent: of the whole address only the path, where nobody said it."""
        return f"{self.public_url or ''}/webhooks/{connection}"

    @cached_property
    def files(self) -> Mapping[str, Files]:
        """By connection, what keeps files that measures name."""
        return {name: GitHubFiles(client) for name, client in self._github.items()}

    @cached_property
    def shown_checks(self) -> Mapping[str, ShowsChecks]:
        """By connection, what shows checks on commits."""
        return {name: GitHubStatuses(client) for name, client in self._github.items()}

    @property
    def _pages(self) -> str:
        """Where people find the pages of incidents; "" where nobody may be sent there."""
        return f"{self.public_url}/incidents" if self.public_url else ""

    @cached_property
    def _documents(self) -> Mapping[tuple[str, str], DocumentStore]:
        stores: dict[tuple[str, str], DocumentStore] = {}
        for name, tracker in self._jira.items():
            stores[JiraIssueDocuments.kind, name] = JiraIssueDocuments(tracker)
        for name, client in self._github.items():
            documents = GitHubPullRequestDocuments(client, self._pages)
            stores[GitHubPullRequestDocuments.kind, name] = documents
            stores[GitHubIssueDocuments.kind, name] = GitHubIssueDocuments(name, client)
        for name, pages in self._confluence.items():
            stores[pages.kind, name] = pages
        stores[GitDirectoryDocuments.kind, ""] = GitDirectoryDocuments()
        return stores

    def documents(self, kind: str, connection: str) -> DocumentStore:
        """The store of documents of `kind` behind `connection` ("" for a local directory).
        Raises Rejected when the rules have none (any more)."""
        try:
            return self._documents[kind, connection]
        except KeyError:
            raise Rejected(
                f"no connection {connection!r} keeps {kind} documents",
                mend=_GIVE_BACK.format(connection),
            ) from None

    @property
    def audiences(self) -> Audiences:
        """Who may read what."""
        return Audiences(self.by_connection, self.documents, self.spaces)
