"""The way from any earlier schema to the present one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

log = structlog.get_logger()


def upgrade(connection: Connection) -> None:
    """Run what is missing, inside the transaction that `connection` is in. A schema that a later
    version made is left as it is: its migrations let the version before go on beside it."""
    config = _config()
    config.attributes["connection"] = connection
    present = MigrationContext.configure(connection).get_current_revision()
    if present is not None and not knows(present):
        log.warning("the database is of a later version of Followthrough", schema=present)
        return
    command.upgrade(config, "head")


@cache
def earlier() -> frozenset[str]:
    """Every schema that was before the present one, by its number."""
    script = ScriptDirectory.from_config(_config())
    present = script.get_current_head()
    return frozenset(each.revision for each in script.walk_revisions()) - {present or ""}


def knows(revision: str) -> bool:
    """Whether a schema of this revision can be brought up to date."""
    script = ScriptDirectory.from_config(_config())
    return any(each.revision == revision for each in script.walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
