"""The way from any earlier schema to the present one."""

from __future__ import annotations

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
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    present = MigrationContext.configure(connection).get_current_revision()
    known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
    if present is not None and present not in known:
        log.warning("the database is of a later version of Followthrough", schema=present)
        return
    command.upgrade(config, "head")
