"""Secrets: where they stand, how they are read, and that nothing ever prints one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, unquote_plus, urlsplit


class Secret:
    """A value that shows itself only when asked by name: `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


class SecretPlace(StrEnum):
    ENV = "env"
    FILE = "file"


def in_address(url: Secret) -> set[str]:
    """What must not be shown of an address with a password in it: the password, as it is written
    there and as it is meant. It may stand behind the user, or among what follows ``?``."""
    parts = urlsplit(url.reveal())
    written = [parts.password or ""]
    for each in parts.query.split("&"):
        name, _, value = each.partition("=")
        written += [value] if name.endswith("password") else []
    return {form for each in written for form in (each, unquote(each), unquote_plus(each))} - {""}


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret stands: the environment variable or the file `name`."""

    place: SecretPlace
    name: str


class NoSecret(Exception):
    """The place of a secret is empty. The message never says more than the rules do."""

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(message)
        self.mend = mend


def read_secret(source: SecretSource, environ: Mapping[str, str], base: Path) -> Secret:
    """The secret, without the white space around it; relative file names start at `base`.

    Raises NoSecret when it is absent or empty.
    """
    if source.place is SecretPlace.ENV:
        value = environ.get(source.name, "").strip()
        if not value:
            missing = "is not set" if source.name not in environ else "is empty"
            raise NoSecret(
                f"the environment variable {source.name} {missing}", f"set {source.name}"
            )
        return Secret(value)
    return Secret(read_secret_file(base / source.name))


def read_secret_file(path: Path) -> str:
    """The text of a secret's file, stripped. Raises NoSecret.

    The file's name is not repeated: somebody may have put the secret itself in its place.
    """
    try:
        value = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise NoSecret("the file named here does not exist", "write it there") from None
    except UnicodeDecodeError:
        raise NoSecret("the file named here is not text", "write it there") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "not a file's name"
        raise NoSecret(f"the file named here cannot be read: {reason}", "mend that") from None
    if not value:
        raise NoSecret("the file named here is empty", "write it there")
    return value
