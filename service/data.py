"""What the service keeps on disk: its data directory, the database's file, and a token it made."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from config.secrets import Secret
from config.settings import Settings

_SQLITE = "sqlite:///"  # what a database's address begins with, before the file's name


class UnusableData(Exception):
    """The data directory or the database cannot be used; the message says which, and why."""


def database_file(settings: Settings) -> Path | None:
    """Where the rows are, or will be once the service has been started; None where a server keeps
    them."""
    if not settings.database_url.startswith(_SQLITE):
        return None
    return Path(settings.database_url.removeprefix(_SQLITE))


def database_name(settings: Settings) -> str:
    """The file, or the server and the database's name there: no user and no password."""
    if (file := database_file(settings)) is not None:
        return str(file.absolute())
    parts = urlsplit(settings.database_url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or 'a socket of this machine'}{port}{parts.path}"


def data_directory(settings: Settings) -> Path:
    """The directory for what the service keeps, made if it is not there. Raises UnusableData."""
    return made(settings.data)


def made(path: Path) -> Path:
    """The directory, made if it is not there. Raises UnusableData."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        words = f"The directory {path.absolute()} cannot be made: {error.strerror}."
        raise UnusableData(f"{words} FOLLOWTHROUGH_DATA can name another one.") from None
    if not os.access(path, os.W_OK | os.X_OK):
        words = f"This user may not write in the directory {path.absolute()}."
        raise UnusableData(f"{words} FOLLOWTHROUGH_DATA can name another one.")
    return path


def token_file(settings: Settings) -> Path:
    """Where a token that we made ourselves is kept."""
    return settings.data / "admin-token"


def admin_token(settings: Settings) -> Secret:
    """The token that opens the pages: the one that was set, or one made once and kept in the
    data directory, readable by its owner only. Raises UnusableData."""
    if settings.admin_token is not None:
        return settings.admin_token
    data_directory(settings)
    path = token_file(settings)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return Secret(_kept(path))
    with os.fdopen(descriptor, "w") as file:
        token = secrets.token_urlsafe(32)
        file.write(token + "\n")
    return Secret(token)


def _kept(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise UnusableData(f"{path.absolute()} cannot be read: {error.strerror}.") from None
