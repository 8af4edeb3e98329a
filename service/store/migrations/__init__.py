"""The way from any earlier schema to the present one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Run what is missing, inside the transaction that `connection` is in."""
    config = _config()
    config.attributes["connection"] = connection
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
