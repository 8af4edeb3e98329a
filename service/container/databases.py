"""The database that the settings name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import Settings
from service.clock import Clock, clock_of
from service.data import UnusableData, database_file, database_name, made
from service.store import Store
from service.store.unreachable import Unreachable


def open_store(settings: Settings, clock: Clock | None = None) -> Store:
    """The store at the settings' database, its schema brought up to date; it goes by the settings'
    clock unless one is given. Raises UnusableData."""
    if (file := database_file(settings)) is not None:
        made(file.parent)
        if file.exists() and not os.access(file, os.R_OK | os.W_OK):
            raise UnusableData(f"This user may not write to the database {file.absolute()}.")
    store = Store(settings.database_url, clock or clock_of(settings))
    with _reached(settings):
        store.migrate()
    return store


def is_kept(settings: Settings) -> bool:
    """Whether there is a database that the service was started with. Raises UnusableData."""
    if (file := database_file(settings)) is not None:
        return file.exists()
    store = Store(settings.database_url)
    try:
        with _reached(settings):
            return store.is_set_up()
    finally:
        store.close()


@contextmanager
def _reached(settings: Settings) -> Iterator[None]:
    """Raises UnusableData where the database's server cannot be used."""
    try:
        yield
    except Unreachable as error:
        words = f"The database {database_name(settings)} cannot be used: {error}."
        raise UnusableData(f"{words} FOLLOWTHROUGH_DATABASE_URL says where it is.") from error
