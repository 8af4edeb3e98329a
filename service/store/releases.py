"""What the release check reads: the factors, measures and audits of one service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from service.store.learning_tables import audits, facts, labels, measures
from service.store.measured import (
    AnyRow,
    Query,
    factors,
    first,
    judged,
    measured,
    read_judged,
    read_measured,
    seen,
)
from workflows.kinds import Kind
from workflows.measured import Factor, Some
from workflows.model import Phase
from workflows.projection import What
from workflows.recurrence import normal
from workflows.release import MOST, Release
from workflows.sight import Sight

T = TypeVar("T")


class Releases:
    """Reading what one should know of a service before it is released."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, service: str, today: date, sight: Sight) -> Release | None:
        """None where nothing is known of a service of this name. Seven reads at most."""
        words = normal(service)
        known = select(facts.c.service).where(facts.c.service_words == words, *_seen(sight))
        latest = known.order_by(facts.c.opened.desc().nulls_last()).limit(1)
        name = self._connection.scalar(latest) if words else None
        if name is None:
            return None
        here = measures.c.service_words == words
        to_do = measured(sight).where(
            here, measures.c.open.is_(True), measures.c.kind == Kind.PREVENTIVE.value
        )
        is_late = measures.c.due < today
        not_late = or_(measures.c.due.is_(None), measures.c.due >= today)
        by_due = (measures.c.due.is_(None), measures.c.due, measures.c.incident_id, measures.c.item)
        waits = judged(sight).where(here, audits.c.asks.is_(True), audits.c.due < today)
        # Fewer are in doubt than the service has measures: by the index of the former.
        theirs = measures.c.service_words.concat("") == words
        doubt = judged(sight).where(theirs, audits.c.suspect > "")
        latest_first = (audits.c.at.desc().nulls_last(), *_PLACE)
        return Release(
            service=name,
            today=today,
            factors=self._factors(words, sight),
            late=self._first(to_do.where(is_late).order_by(*by_due), read_measured),
            open=self._first(to_do.where(not_late).order_by(*by_due), read_measured),
            suspect=self._first(doubt.order_by(*latest_first), read_judged),
            overdue=self._first(waits.order_by(audits.c.due, *_PLACE), read_judged),
        )

    def _first(self, query: Query, read: Callable[[AnyRow], T]) -> Some[T]:
        return first(self._connection, query, MOST, read)

    def _factors(self, words: str, sight: Sight) -> Some[Factor]:
        """The most frequent first; of one frequency the latest."""
        count, last = func.count().label("count_"), func.max(facts.c.place).label("last")
        query: Query = (
            select(labels.c.name, count, last)
            .select_from(facts)
            .join(labels, _FACTORS_OF)
            .where(facts.c.service_words == words, *_seen(sight))
            .group_by(labels.c.name)
            .order_by(count.desc(), last.desc())
        )
        return factors(self._connection, query, MOST)


def _seen(sight: Sight) -> list[ColumnElement[bool]]:
    """Imported files count: they tell what came."""
    return [facts.c.phase != Phase.GONE.value, *seen(sight, facts)]


#: Not by the index of all factors, which are more than those of one service.
_FACTORS_OF = and_(
    labels.c.incident_id == facts.c.id, labels.c.what.concat("") == What.FACTOR.value
)
_PLACE = (audits.c.incident_id, audits.c.item, audits.c.round, audits.c.rung)
