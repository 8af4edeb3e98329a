"""What `doctor` looks with."""

from __future__ import annotations

from collections.abc import Mapping

from config.rules import Rules
from config.settings import Settings
from service.clock import clock_of
from service.container.databases import is_kept
from service.container.trackers import Trackers
from service.data import UnusableData
from service.examination import Means
from service.listening import Listening
from service.store import DATABASE_FAULTS, Store
from service.store.doors import Door


def means_of(settings: Settings, rules: Rules) -> Means:
    """By the settings' clock, and with what the database knows of the doors, if there is one."""
    clock = clock_of(settings)
    listening = Listening(clock)
    trackers = Trackers(rules, clock, listening, settings.answer_seconds, settings.public_url)
    return Means(
        trackers.by_connection,
        trackers.audiences,
        trackers.webhooks,
        trackers.files,
        trackers.shown_checks,
        trackers.spaces,
        listening,
        doors_of(settings, rules),
        clock,
        settings.public_url,
    )


def doors_of(settings: Settings, rules: Rules) -> Mapping[str, Door]:
    """How the doors stood when last used, by connection; nothing where no database of this version
    is kept here. The database is only read, and not brought up to date."""
    try:
        if not is_kept(settings):
            return {}
        store = Store(settings.database_url)
        try:
            with store.read() as tx:
                return {name: tx.doors.get(name) for name in rules.connections}
        finally:
            store.close()
    except (UnusableData, *DATABASE_FAULTS):
        return {}
