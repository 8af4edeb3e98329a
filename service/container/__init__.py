"""The one place where things are put together; everything else is given what it needs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from config.rules import AuthType, ConnectionRules, Rules, load
from config.secrets import Secret
from config.settings import Settings
from integrations.github import budgets as github_budgets
from integrations.github import webhook as github_webhook
from integrations.jira import webhook as jira_webhook
from integrations.reviewed import ShowsChecks
from integrations.tracker import Envelope, Notice
from service.backfill_plans import Counting, CreatedUnder, Rehearsing
from service.backfilling import Backfilling
from service.calls import Tally, WatchedGate
from service.checks import Checks
from service.clock import Clock, clock_of
from service.closings import CLOSING_JOB, ClosingTogether
from service.comparing import Comparison
from service.container.databases import open_store as open_store
from service.container.trackers import Trackers
from service.data import admin_token
from service.executor import Executor
from service.governor import Governor
from service.jobs import Handlers, Timing
from service.learning import LEARNING_JOB, LearningAnew
from service.processing import Processing
from service.readiness import redis_answers
from service.reconciler import POLL_JOB, Reconciler
from service.recurrences import Recurrences
from service.redelivery import REDELIVERY_JOB, Redelivery
from service.registering import Registering
from service.related import AtSetUp
from service.releasing import RELEASE_JOB, Releasing
from service.retention import RETENTION_JOB, Retention
from service.routing import INCIDENT_JOB, Routing
from service.store import Store
from service.store.backfills import JOB as BACKFILL_JOB
from service.store.deliveries import JOB as DELIVERY_JOB
from service.store.teams import JOB as TEAM_JOB
from service.stranding import Stranding
from service.teams import TeamTurns
from service.tick import TICK_JOB, Tick
from service.web import CheckDoor, WebhookDoor
from workflows.budgets import Budget
from workflows.learning_rules import LearningRules
from workflows.policy import KnownPerson

_WEBHOOKS = {"jira": jira_webhook, "github": github_webhook}


@dataclass(frozen=True)
class Container:
    """What the worker runs: the handler of each kind of job, over one store; `tally` counts the
    calls that they make."""

    settings: Settings
    rules: Rules
    store: Store
    trackers: Trackers
    reconciler: Reconciler
    redelivery: Redelivery
    closings: ClosingTogether
    tick: Tick
    learning: LearningAnew
    releasing: Releasing
    retention: Retention
    stranding: Stranding
    handlers: Handlers
    tally: Tally

    def start(self) -> None:
        """Ask for what a worker looks for at its start: what was missed while none ran."""
        self.reconciler.start()
        self.redelivery.start()
        self.closings.start()
        self.tick.start()
        self.learning.start()
        self.releasing.start()
        self.retention.start()
        self.stranding.start()


@dataclass(frozen=True)
class Web:
    """What the web process is given; see `service.web.WebContainer`."""

    store: Store
    clock: Clock
    admin_token: Secret
    public_url: str | None
    doors: Mapping[str, WebhookDoor]
    limits: Mapping[str, tuple[Budget, ...]]
    registering: Registering
    people: tuple[KnownPerson, ...] = ()
    check_doors: tuple[CheckDoor, ...] = ()
    learning: LearningRules = field(default_factory=LearningRules)
    severities: tuple[str, ...] = ()
    metrics_token: Secret | None = None
    broker_answers: Callable[[], bool] | None = None


def build(
    settings: Settings,
    rules: Rules | None = None,
    *,
    store: Store | None = None,
    clock: Clock | None = None,
    wait: Callable[[float], None] = time.sleep,
    tally: Tally | None = None,
) -> Container:
    """Everything the worker needs. Rules, store and clock are as the settings say, unless given;
    `wait` lets seconds of the `clock` pass; a `tally` goes on counting. Raises RulesError."""
    rules, clock = rules or load(settings.rules), clock or clock_of(settings)
    store = store or open_store(settings, clock)
    timing = timing_of(settings)
    tally = tally or Tally()
    gate = WatchedGate(Governor(store, timing.call, wait), tally)
    policy = rules.policy
    trackers = Trackers(rules, clock, gate, settings.answer_seconds, settings.public_url)
    by_connection = trackers.by_connection
    called = (trackers.tracker, trackers.documents, trackers.audiences)
    executor = Executor(store, *called, clock, policy, timing)
    stranding = Stranding(store, policy.hash, rules.connections)
    routing = Routing(store, policy, by_connection, _normalisers(rules), stranding)
    recurrences = Recurrences(store, policy, trackers.audiences, clock)
    checks = Checks(store, policy, trackers.files, clock)
    asked = (executor, recurrences, checks, AtSetUp(store, trackers.audiences), stranding)
    processing = Processing(store, policy, by_connection, *asked, clock)
    every = timedelta(seconds=settings.poll_seconds)
    reconciler = Reconciler(store, policy, by_connection, trackers.documents, clock, every, timing)
    redelivery = Redelivery(store, trackers.kept_deliveries, clock)
    closings = ClosingTogether(store, policy, by_connection, clock)
    tick = Tick(store, policy, clock)
    learning = LearningAnew(store, policy)
    releasing = Releasing(store, policy, trackers.shown_checks, settings.public_url, clock)
    retention = Retention(store, clock, timedelta(days=settings.delivery_days))
    teams = TeamTurns(store, policy, by_connection, executor, trackers.audiences, clock)
    handlers: Handlers = {
        DELIVERY_JOB: routing.run,
        INCIDENT_JOB: processing.run,
        POLL_JOB: reconciler.run,
        REDELIVERY_JOB: redelivery.run,
        CLOSING_JOB: closings.run,
        TICK_JOB: tick.run,
        TEAM_JOB: teams.run,
        LEARNING_JOB: learning.run,
        RELEASE_JOB: releasing.run,
        BACKFILL_JOB: Backfilling(store, policy, by_connection, clock).run,
        RETENTION_JOB: retention.run,
    }
    started = (reconciler, redelivery, closings, tick, learning, releasing, retention, stranding)
    return Container(settings, rules, store, trackers, *started, handlers, tally)


def _normalisers(rules: Rules) -> dict[str, Callable[[Envelope], Notice]]:
    """By connection, what reads the deliveries of those that have webhooks."""
    kinds = {name: connection.kind for name, connection in rules.connections.items()}
    return {name: _WEBHOOKS[kind].normalise for name, kind in kinds.items() if kind in _WEBHOOKS}


def history(settings: Settings, rules: Rules, store: Store) -> Rehearsing:
    """For a command that looks what a backfill would do: by the same gate as the service."""
    gate = Counting(Governor(store, timing_of(settings).call, time.sleep))
    trackers = Trackers(rules, store.clock, gate, settings.answer_seconds)
    created_under = {
        name: CreatedUnder((github_budgets.CONTENT,), connection.auth.type is AuthType.APP)
        for name, connection in rules.connections.items()
        if _limits(connection)
    }
    return Rehearsing(store, rules.policy, trackers.by_connection, gate, created_under)


def comparison(settings: Settings, rules: Rules, store: Store) -> Comparison:
    """For a command that looks through the trackers: by the same gate as the service, whose books
    are in `store`, so that both together keep to the limits."""
    governor = Governor(store, timing_of(settings).call, time.sleep)
    trackers = Trackers(rules, store.clock, governor, settings.answer_seconds)
    return Comparison(store, rules.policy, trackers.by_connection)


def shown_checks(settings: Settings, rules: Rules, store: Store) -> Mapping[str, ShowsChecks]:
    """By connection, what shows checks on commits; by the same gate as the service."""
    governor = Governor(store, timing_of(settings).call, time.sleep)
    return Trackers(rules, store.clock, governor, settings.answer_seconds).shown_checks


def timing_of(settings: Settings) -> Timing:
    """How long things may take, by the settings."""
    return Timing(
        lease=timedelta(seconds=settings.lease_seconds),
        call=timedelta(seconds=settings.call_seconds),
        settle=timedelta(seconds=settings.settle_seconds),
    )


def build_web(environ: Mapping[str, str] = os.environ) -> Web:
    """Everything the web process needs. Raises SettingsError, RulesError."""
    settings = Settings.from_environment(environ)
    return web_of(settings, load(settings.rules, environ), open_store(settings))


def web_of(settings: Settings, rules: Rules, store: Store) -> Web:
    """What the web process needs, of these rules."""
    broker = settings.broker_url
    return Web(
        store=store,
        clock=store.clock,
        admin_token=admin_token(settings),
        public_url=settings.public_url,
        doors=doors(rules),
        limits=limits(rules),
        registering=Registering(settings.data, settings.answer_seconds),
        people=rules.policy.people,
        check_doors=check_doors(rules),
        learning=rules.policy.learning,
        severities=tuple(rules.policy.severities),
        metrics_token=settings.metrics_token,
        broker_answers=None if broker is None else partial(redis_answers, broker),
    )


def check_doors(rules: Rules) -> tuple[CheckDoor, ...]:
    """A door for the results of each team's checks, where the rules give it a token."""
    return tuple(
        CheckDoor(token, frozenset(rules.policy.teams[team].checks.silent_after))
        for team, token in rules.check_tokens.items()
    )


def limits(rules: Rules) -> dict[str, tuple[Budget, ...]]:
    """The budgets that count for the whole account of each connection."""
    return {name: _limits(connection) for name, connection in rules.connections.items()}


def _limits(connection: ConnectionRules) -> tuple[Budget, ...]:
    if connection.kind != "github":
        return ()
    applies = github_budgets.applies(connection.url, connection.limited)
    return github_budgets.ACCOUNT if applies else ()


def doors(rules: Rules) -> dict[str, WebhookDoor]:
    """A webhook door for each connection that has webhooks; closed where the rules give it no
    secret."""
    found: dict[str, WebhookDoor] = {}
    for name, connection in rules.connections.items():
        if connection.kind not in _WEBHOOKS:
            continue
        given = [secret.reveal() for secret in connection.webhook_secrets]
        verify = partial(_WEBHOOKS[connection.kind].verify, secrets=given) if given else None
        found[name] = WebhookDoor(verify, _WEBHOOKS[connection.kind].shown)
    return found
