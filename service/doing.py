"""The span and the log lines of effects that are being made true."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from opentelemetry.trace import Span

from service import traces
from service.store.effects import EffectRecord


def doing(records: Sequence[EffectRecord]) -> AbstractContextManager[Span]:
    """While these, of one kind, are made true by as few calls as that takes."""
    kind = type(records[0].wish).__name__
    return traces.step(f"effect {kind}", effect=" ".join(each.key for each in records))
