"""What `doctor` says of the servers that the service itself needs: its database, and its broker."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from config.secrets import Secret
from config.settings import Settings
from integrations.tracker import Finding
from service import broker
from service.container.databases import is_kept
from service.data import UnusableData, database_file, database_name
from service.examination import Checked


def servers(settings: Settings) -> Iterator[Checked]:
    """Each that the settings name; nothing where all is on this machine. Only looks."""
    if database_file(settings) is None:
        yield Checked(f"database {database_name(settings)}", _database(settings))
    if settings.broker_url is not None:
        yield Checked(f"broker {_name(settings.broker_url)}", _broker(settings.broker_url))


def _database(settings: Settings) -> Finding:
    try:
        kept = is_kept(settings)
    except UnusableData as error:
        mend = "Mend that on its server, or the address in FOLLOWTHROUGH_DATABASE_URL."
        return Finding(False, str(error), mend)
    return Finding(True, "it answers" if kept else "it answers, and is empty until the first start")


def _broker(url: Secret) -> Finding:
    try:
        broker.ask(url)
    except broker.NoBroker as error:
        return Finding(False, error.words, error.mend)
    return Finding(True, "it answers")


def _name(url: Secret) -> str:
    """Its host and port, without user and password."""
    parts = urlsplit(url.reveal())
    return f"{parts.hostname}:{parts.port or 6379}"
