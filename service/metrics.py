"""What is measured, as Prometheus reads it.

It is counted in the database when it is asked for, so that any number of processes say the same,
and nothing is lost when one of them ends. Labels are names of the rules and words of ours, never
ids.
https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.readiness import Part
from service.standings import Answers, Standing, standings
from service.store import DATABASE_FAULTS, Store, Transaction
from service.store.boards import AuditView, Sieve
from service.store.deliveries import DeliveryState
from service.store.effects import EffectState
from workflows.budgets import Budget

log = structlog.get_logger()

#: The text format, as Prometheus asks for it.
#: https://prometheus.io/docs/instrumenting/exposition_formats/
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric: its whole name, what it says, its labels, and whether it only grows."""

    name: str
    says: str
    labels: tuple[str, ...] = ()
    grows: bool = False


BUILD = Measured("followthrough_build_info", "Always 1; the version that answers.", ("version",))
READY = Measured(
    "followthrough_ready", "Whether a part that the service needs is in order: 1 or 0.", ("part",)
)
WORKERS = Measured("followthrough_workers", "Worker processes that were heard of lately.")
THREADS = Measured("followthrough_worker_threads", "How many jobs these run at once, all together.")
DELIVERIES = Measured(
    "followthrough_deliveries",
    "Deliveries that are kept, by what became of them.",
    ("connection", "state"),
)
LAG = Measured(
    "followthrough_delivery_lag_seconds",
    "How long the oldest delivery waits that nobody has looked at yet; 0 where none does.",
    ("connection",),
)
EFFECTS = Measured(
    "followthrough_effects", "What is wanted of trackers and documents, by outcome.", ("state",)
)
CALLS = Measured(
    "followthrough_tracker_calls_total",
    "Calls to trackers, by the status of the answer; 0 where none came.",
    ("connection", "method", "status"),
    grows=True,
)
CALL_SECONDS = Measured(
    "followthrough_tracker_call_seconds_total",
    "How long these calls took, all together.",
    ("connection", "method", "status"),
    grows=True,
)
UP = Measured(
    "followthrough_tracker_up",
    "1, or 0 while the circuit is open: the tracker failed again and again.",
    ("connection",),
)
PAUSED = Measured(
    "followthrough_tracker_paused",
    "Whether the tracker asked for nothing at all to be sent for now: 1 or 0.",
    ("connection",),
)
RATE_LIMIT = Measured(
    "followthrough_rate_limit",
    "How much of a budget may be used within its window.",
    ("connection", "budget", "window_seconds"),
)
RATE_LEFT = Measured(
    "followthrough_rate_left",
    "How much of that is left now.",
    ("connection", "budget", "window_seconds"),
)
QUOTA_LIMIT = Measured(
    "followthrough_quota_limit",
    "What the tracker itself says the account may ask.",
    ("connection",),
)
QUOTA_LEFT = Measured("followthrough_quota_left", "What it says is left of that.", ("connection",))
JOBS = Measured(
    "followthrough_jobs", "Jobs: running, due, or waiting for a time.", ("kind", "state")
)
JOBS_FAILING = Measured(
    "followthrough_jobs_failing", "Jobs that failed when they were last run.", ("kind",)
)
JOB_AGE = Measured(
    "followthrough_job_age_seconds",
    "How long the first job that is due, and that nobody runs, has been due; 0 where none is.",
    ("kind",),
)
CONFLICTS = Measured(
    "followthrough_conflicts", "Fields of action items that wait for somebody to choose."
)
DEAD_LETTERS = Measured(
    "followthrough_dead_letters", "What was refused and waits for a person.", ("kind",)
)
AUDITS = Measured(
    "followthrough_audits", "Audits that wait for their verdict, by whether it is late.", ("state",)
)

#: All of them, in the order in which they are told.
METRICS = (
    *(BUILD, READY, WORKERS, THREADS, DELIVERIES, LAG, EFFECTS, CALLS, CALL_SECONDS, UP, PAUSED),
    *(RATE_LIMIT, RATE_LEFT, QUOTA_LIMIT, QUOTA_LEFT, JOBS, JOBS_FAILING, JOB_AGE, CONFLICTS),
    *(DEAD_LETTERS, AUDITS),
)

#: A metric, the values of its labels, and its value.
Sample = tuple[Measured, tuple[str, ...], float]


def told(store: Store, limits: Mapping[str, tuple[Budget, ...]], parts: Sequence[Part]) -> bytes:
    """Everything that is measured, as text. `limits` are the budgets of each connection, `parts`
    what is ready. Where the database cannot be read, it is that alone: so it is told as well."""
    samples: list[Sample] = [(BUILD, (version("followthrough"),), 1)]
    samples += [(READY, (part.name.value,), float(part.ready)) for part in parts]
    try:
        with store.read() as tx:
            samples += _counted(tx, limits)
    except DATABASE_FAULTS as error:
        log.warning("not measured", why=type(error).__name__)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(samples))
    return generate_latest(registry)


class _Told(Collector):
    """What the library asks for metrics."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterable[Metric]:
        for each in METRICS:
            of = CounterMetricFamily if each.grows else GaugeMetricFamily
            family = of(each.name, each.says, labels=each.labels)
            for measured, labels, value in self._samples:
                if measured is each:
                    family.add_metric(labels, value)
            if family.samples:
                yield family


def _counted(tx: Transaction, limits: Mapping[str, tuple[Budget, ...]]) -> Iterator[Sample]:
    alive = tx.workers.alive()
    yield WORKERS, (), len(alive)
    yield THREADS, (), sum(each.threads for each in alive)
    yield from _of_deliveries(tx, limits)
    yield from _of_work(tx)
    for called in tx.calls.all():
        labels = (called.connection, called.verb, str(called.status))
        yield CALLS, labels, called.calls
        yield CALL_SECONDS, labels, called.seconds
    for standing in standings(tx, limits):
        yield from _of_tracker(tx, standing)


def _of_deliveries(tx: Transaction, limits: Mapping[str, tuple[Budget, ...]]) -> Iterator[Sample]:
    counts, oldest = tx.gauges.deliveries(), tx.gauges.oldest_deliveries()
    for connection in sorted({*limits, *(connection for connection, _ in counts)}):
        for state in DeliveryState:
            yield DELIVERIES, (connection, state.value), counts.get((connection, state), 0)
        waits = oldest.get(connection)
        yield LAG, (connection,), waits.total_seconds() if waits else 0.0


def _of_work(tx: Transaction) -> Iterator[Sample]:
    effects = tx.gauges.effects()
    for state in EffectState:
        yield EFFECTS, (state.value,), effects.get(state, 0)
    for jobs in tx.gauges.jobs():
        by_state = {"running": jobs.running, "due": jobs.due, "waiting": jobs.waiting}
        for name, count in by_state.items():
            yield JOBS, (jobs.kind, name), count
        yield JOBS_FAILING, (jobs.kind,), jobs.failing
        yield JOB_AGE, (jobs.kind,), jobs.oldest.total_seconds()
    yield CONFLICTS, (), tx.conflicts.count()
    yield DEAD_LETTERS, ("effect",), tx.effects.count_dead_letters()
    yield DEAD_LETTERS, ("delivery",), tx.deliveries.count_dead_letters()
    audits = tx.boards.audit_counts(Sieve(), (AuditView.OPEN, AuditView.OVERDUE))
    late = audits[AuditView.OVERDUE]
    yield AUDITS, ("due",), audits[AuditView.OPEN] - late
    yield AUDITS, ("overdue",), late


def _of_tracker(tx: Transaction, standing: Standing) -> Iterator[Sample]:
    name = (standing.connection,)
    yield UP, name, float(standing.answers is not Answers.NO)
    yield PAUSED, name, float(any(not pause.scope for pause in standing.pauses))
    for used in standing.used:
        labels = (*name, used.budget, f"{used.length.total_seconds():.0f}")
        yield RATE_LIMIT, labels, used.most
        yield RATE_LEFT, labels, max(used.most - used.used, 0)
    if (quota := standing.circuit.quota) is not None:
        yield QUOTA_LIMIT, name, quota.limit
        yield QUOTA_LEFT, name, quota.left if quota.reset > tx.now else quota.limit
