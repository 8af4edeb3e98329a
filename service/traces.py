"""Which work something belongs to: log lines carry its ids, and spans tell of it from a webhook to
the calls that it leads to, across processes.

Nothing is traced unless the standard variables of OpenTelemetry name a collector
(https://opentelemetry.io/docs/specs/otel/protocol/exporter/). Spans hold ids and numbers, never
texts, paths or addresses: those may be words of a ticket.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

#: Each of these names a collector; the second for traces alone.
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

NAME = "followthrough"
_SENDERS = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_CONTEXT = "traceparent"

#: How long a process that stops waits for a collector that does not answer.
LAST_SECONDS = 3.0

_propagator = TraceContextTextMapPropagator()
_tracer: Tracer = trace.NoOpTracer()
_last: Callable[[], None] | None = None  # what is to be done when the process stops


class CannotTrace(Exception):
    """Traces are asked for and cannot be sent; the message says what to do."""


def wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names a collector. Raises CannotTrace."""
    named = next((name for name in ENDPOINTS if environ.get(name)), None)
    if named is None or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if not all(map(_is_installed, _SENDERS)):
        raise CannotTrace(
            f"{named} is set, but what sends traces is not installed: install"
            " followthrough[traces], or remove the variable."
        )
    return True


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it is a part of
        return False


def begin(environ: Mapping[str, str] = os.environ) -> None:
    """Send the traces of this process where the environment says; nothing where it says nothing.
    Raises CannotTrace."""
    if not wanted(environ):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider as Recording
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named_so = environ.get("OTEL_SERVICE_NAME") or NAME
    provider = Recording(resource=Resource.create({"service.name": named_so}))
    sender = OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(sender))
    use(provider)

    def last() -> None:
        ending = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(LAST_SECONDS)
        # It would go on to try for ten seconds.
        sender.shutdown()  # type: ignore[no-untyped-call]

    global _last
    _last = last


def end() -> None:
    """Send what was not sent yet, when the process stops; no longer than `LAST_SECONDS`."""
    if _last is not None:
        _last()


def use(provider: TracerProvider) -> None:
    """From now on the spans of this process go to `provider`."""
    global _tracer
    _tracer = provider.get_tracer(NAME)


def carried() -> str | None:
    """The present span, as a row keeps it for whoever goes on with the work (a W3C
    ``traceparent``); None where nothing is traced."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get(_CONTEXT)


def ids() -> dict[str, str]:
    """The ids of the present span, for log lines; none where nothing is traced."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }


def webhook(connection: str, delivery: str) -> AbstractContextManager[Span]:
    """While a webhook of `connection` is recorded, by the sender's own id of the `delivery`. It
    begins a trace: what the sender may say of traces is not asked for."""
    about = {"connection": connection, "delivery": delivery}
    return _during("webhook", about, SpanKind.SERVER, Context())


def job(kind: str, subject: str, after: str | None) -> AbstractContextManager[Span]:
    """While a job runs that was asked for in the span `after`, as `carried` gave it."""
    parent = _propagator.extract({_CONTEXT: after} if after else {}, Context())
    return _during(f"job {kind}", {"job": kind, "subject": subject}, SpanKind.CONSUMER, parent)


def step(name: str, **about: str) -> AbstractContextManager[Span]:
    """While a part of the present work is done; `about` holds ids."""
    return _during(name, about)


def call(connection: str, verb: str) -> AbstractContextManager[Span]:
    """While a tracker is called."""
    return _during(f"{verb} {connection}", {"connection": connection}, SpanKind.CLIENT)


def note(**about: str) -> None:
    """Ids that became known of the present work, until it ends."""
    bind_contextvars(**about)
    trace.get_current_span().set_attributes(_own(about))


@contextmanager
def _during(
    name: str,
    about: Mapping[str, str],
    kind: SpanKind = SpanKind.INTERNAL,
    parent: Context | None = None,
) -> Iterator[Span]:
    """A span below `parent`, or below the present one. Of an exception only its kind is kept: its
    words may be those of a ticket."""
    before = get_contextvars()
    bind_contextvars(**about)
    try:
        with _tracer.start_as_current_span(
            name, parent, kind, _own(about), record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise
    finally:
        clear_contextvars()
        bind_contextvars(**before)


def answered(span: Span, verb: str, status: int) -> None:
    """What a call was answered; 0: nothing.
    https://opentelemetry.io/docs/specs/semconv/http/http-spans/"""
    span.set_attribute("http.request.method", verb)
    if status:
        span.set_attribute("http.response.status_code", status)
    if not 0 < status < 400:
        span.set_status(Status(StatusCode.ERROR))


def _own(about: Mapping[str, str]) -> dict[str, str]:
    return {f"{NAME}.{name}": value for name, value in about.items()}
