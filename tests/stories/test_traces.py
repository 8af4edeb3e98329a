"""A delivery can be followed to the calls that it led to, in one trace and in the log lines."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider, SpanKind
from stage import HOOKS, TOKENS, Stage, Staging

from config.settings import LogStyle
from integrations.sandbox.faults import Faults
from service import logs, traces
from service.running import Runner
from service.worker import Worker

OPS = "acme/ops"
TITLE = "Checkout answers 500 to everybody"
PATIENT = 60.0  # seconds until a test gives up


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    traces.use(provider)
    yield kept
    traces.use(NoOpTracerProvider())


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """What is logged as JSON from here on, by a handler that writes to this list."""
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    level = root.level
    logs.configure(LogStyle.JSON, {*TOKENS.values(), *HOOKS.values()})
    kept: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(self.format(record))

    keep = Keep()
    keep.setFormatter(root.handlers[0].formatter)
    root.handlers[:] = [keep, *before]
    yield kept
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@contextmanager
def working(stage: Stage) -> Iterator[None]:
    """Let a real worker do what there is to do, and stop it when nothing is due."""
    worker = Worker(Runner(stage.store, stage.container.handlers, slots=2))
    worker.start()
    yield
    give_up_at = time.monotonic() + PATIENT
    while True:
        arrived = stage.sandbox.hooks.drain()
        with stage.store.read() as tx:
            if arrived and not any(each.running or each.due for each in tx.gauges.jobs()):
                break
        assert time.monotonic() < give_up_at, "the service does not come to rest"
        time.sleep(0.05)
    assert worker.stop(drain=PATIENT)


def closed(stage: Stage) -> str:
    """An incident that was known before it is closed, and what came of that."""
    with working(stage):
        number = stage.sandbox.github.open_issue(OPS, TITLE, by="kim", labels=["incident", "sev1"])
        stage.sandbox.github.comment(OPS, number, "ACTION: Alert on errors @kim", by="noor")
    with working(stage):
        stage.sandbox.github.close(OPS, number, by="kim")
    return f"{OPS}#{number}"


def of_closing(stage: Stage, spans: InMemorySpanExporter) -> list[ReadableSpan]:
    """The spans of the trace that begins with the delivery which told of the closing."""
    with stage.store.read() as tx:
        [told] = [each for each in tx.deliveries.page() if "closed" in each.why]
    [begun] = [
        each
        for each in spans.get_finished_spans()
        if each.name == "webhook" and about(each)["followthrough.delivery"] == told.delivery_id
    ]
    return [s for s in spans.get_finished_spans() if trace_id(s) == trace_id(begun)]


def about(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def trace_id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.trace_id)


def test_one_trace_leads_from_a_delivery_to_the_calls_that_it_led_to(
    staged: Staging, spans: InMemorySpanExporter
) -> None:
    stage = staged()
    key = closed(stage)
    assert stage.incident(key).postmortem is not None
    found = of_closing(stage, spans)
    names = {each.name for each in found}
    assert {"webhook", "job delivery", "job incident", "decide"} <= names
    assert {"effect CreateDocument", "effect CreateTask", "effect WriteComment"} <= names
    by_id = {each.context.span_id: each for each in found if each.context}
    effects = [each for each in found if each.name.startswith("effect ")]
    writes = [each for each in found if each.name == "POST github"]
    assert writes
    for each in writes:  # each belongs to the effect that it makes true
        assert each.parent is not None
        assert by_id[each.parent.span_id] in effects
        assert each.kind is SpanKind.CLIENT
        assert about(each)["http.request.method"] == "POST"
        assert about(each)["http.response.status_code"] in (200, 201)
    incident = stage.incident(key).id
    [job] = [each for each in found if each.name == "job incident"]
    assert about(job)["followthrough.incident"] == incident
    assert any(f"task:{incident}:" in str(about(each)["followthrough.effect"]) for each in effects)


def test_spans_hold_ids_and_no_words_of_tickets(
    staged: Staging, spans: InMemorySpanExporter
) -> None:
    stage = staged()
    stage.sandbox.set_faults(Faults(server_errors=0.2), seed=3)
    closed(stage)
    told = "\n".join(each.to_json() for each in spans.get_finished_spans())
    assert "job incident" in told
    for words in (TITLE, "Alert on errors", *TOKENS.values(), *HOOKS.values()):
        assert words not in told


def test_what_comes_round_by_itself_joins_no_trace(
    staged: Staging, spans: InMemorySpanExporter
) -> None:
    """A trace that every poll and tick joined would have no end."""
    stage = staged()
    closed(stage)
    ours = {trace_id(each) for each in of_closing(stage, spans)}
    spans.clear()
    stage.clock.wait(timedelta(days=40))
    with working(stage):
        stage.container.start()
    later = spans.get_finished_spans()
    assert any(each.name == "job poll" for each in later)
    assert not [each.name for each in later if trace_id(each) in ours]


def test_a_crash_between_webhook_and_work_loses_no_trace(
    staged: Staging, spans: InMemorySpanExporter
) -> None:
    """The trace is on disk with the delivery: another process goes on with it."""
    stage = staged()
    stage.sandbox.github.open_issue(OPS, TITLE, by="kim", labels=["incident", "sev1"])
    assert stage.sandbox.hooks.drain()
    stage.start_again()
    with working(stage):
        pass
    begun = {trace_id(each) for each in spans.get_finished_spans() if each.name == "webhook"}
    worked = [each for each in spans.get_finished_spans() if each.name == "job delivery"]
    assert worked
    assert {trace_id(each) for each in worked} <= begun


def test_each_log_line_says_which_work_it_belongs_to(
    staged: Staging, spans: InMemorySpanExporter, lines: list[str]
) -> None:
    stage = staged()
    key = closed(stage)
    told = [json.loads(line) for line in lines]
    [webhook] = [each for each in of_closing(stage, spans) if each.name == "webhook"]
    trace = f"{trace_id(webhook):032x}"
    effects = [each for each in told if each["event"] == "effect" and each["trace_id"] == trace]
    incident = stage.incident(key).id
    assert effects
    for each in effects:
        assert (each["job"], each["connection"]) == ("incident", "github")
        assert each["incident"] == incident
        assert each["key"]
        assert each["span_id"]
    assert not [line for line in lines if any(secret in line for secret in TOKENS.values())]


def test_a_call_that_fails_is_a_line_with_the_ids_of_its_effect(
    staged: Staging, lines: list[str]
) -> None:
    stage = staged()
    stage.sandbox.fail_next("POST", "/issues$|createIssue", 502)
    key = closed(stage)
    told = [json.loads(line) for line in lines]
    [failed] = [each for each in told if each["event"] == "call" and each["status"] == 502]
    assert (failed["verb"], failed["connection"], failed["job"]) == ("POST", "github", "incident")
    assert failed["incident"] == stage.incident(key).id
    assert failed["effect"].startswith(f"task:{failed['incident']}:")
    assert "trace_id" not in failed  # nothing is traced
