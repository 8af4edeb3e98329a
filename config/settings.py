"""The settings of one process, read from the environment and checked whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from config.problems import suggestion
from config.secrets import NoSecret, Secret, read_secret_file

PREFIX = "FOLLOWTHROUGH_"

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, for the documentation: `default` is as one would write it, "" for none."""

    name: str
    default: str
    description: str


SETTINGS = (
    Setting("FOLLOWTHROUGH_RULES", "rules.yaml", "The rules: a file, or a directory of them."),
    Setting(
        "FOLLOWTHROUGH_DATA",
        "./followthrough-data",
        "The directory for everything that the service keeps.",
    ),
    Setting(
        "FOLLOWTHROUGH_DATABASE_URL",
        "sqlite:///<data>/followthrough.db",
        "The database: a SQLite file, or postgresql+psycopg://user:password@host/name.",
    ),
    Setting(
        "FOLLOWTHROUGH_BROKER_URL",
        "",
        "Redis, through which workers on several machines are woken: redis://… or rediss://… with"
        " the number of a database. Without it each worker wakes itself.",
    ),
    Setting(
        "FOLLOWTHROUGH_HOST",
        "127.0.0.1",
        "The address that the web process listens on; 0.0.0.0 for all.",
    ),
    Setting("FOLLOWTHROUGH_PORT", "8750", "The port that the web process listens on."),
    Setting(
        "FOLLOWTHROUGH_PUBLIC_URL",
        "",
        "The address under which people and trackers reach the service, where there is one.",
    ),
    Setting(
        "FOLLOWTHROUGH_ADMIN_TOKEN",
        "",
        "The token that opens the pages. Webhooks and the health page need none.",
    ),
    Setting(
        "FOLLOWTHROUGH_CHECK_TOKEN",
        "",
        "For `followthrough check post` only: the token of a team's checks.",
    ),
    Setting(
        "FOLLOWTHROUGH_METRICS_TOKEN",
        "",
        "The token with which Prometheus reads `/metrics`, and that opens nothing else.",
    ),
    Setting(
        "FOLLOWTHROUGH_POLL_SECONDS",
        "60",
        "How often each tracker is asked what changed, in seconds.",
    ),
    Setting(
        "FOLLOWTHROUGH_ANSWER_SECONDS",
        "20",
        "How long an answer of a tracker is waited for, in seconds.",
    ),
    Setting(
        "FOLLOWTHROUGH_LEASE_SECONDS",
        "60",
        "For how long a worker holds an incident at a time, in seconds: so long nobody else goes on"
        " after it was killed. More than two answers and five seconds.",
    ),
    Setting(
        "FOLLOWTHROUGH_SETTLE_SECONDS",
        "180",
        "How long a creation whose answer never came is looked for before it is done again, in"
        " seconds. More than a lease, two answers and five seconds together.",
    ),
    Setting(
        "FOLLOWTHROUGH_DELIVERY_DAYS",
        "90",
        "For how many days what trackers sent is kept, byte for byte. What it led to is kept for"
        " good.",
    ),
    Setting("FOLLOWTHROUGH_WORKERS", "4", "How many incidents a worker process works on at once."),
    Setting(
        "FOLLOWTHROUGH_POOL",
        "threads",
        "What works on them: threads of one process, or prefork for a process each, which needs"
        " FOLLOWTHROUGH_BROKER_URL.",
    ),
    Setting(
        "FOLLOWTHROUGH_LOG", "human", "How log lines are written: human, or json for a collector."
    ),
    Setting(
        "FOLLOWTHROUGH_CLOCK",
        "",
        "For `followthrough demo --audits` only, which moves time: a file that holds by how many"
        " seconds the service's clock is ahead.",
    ),
)


class LogStyle(StrEnum):
    HUMAN = "human"
    JSON = "json"


class Pool(StrEnum):
    THREADS = "threads"
    PREFORK = "prefork"


class SettingsError(Exception):
    """The environment cannot be used; `problems` holds one sentence for each thing wrong."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. `data` and `rules` are as written, relative to the working
    directory; `public_url` has no slash at its end; `…_seconds` are seconds."""

    rules: Path
    data: Path
    database_url: str = field(repr=False)  # may hold a password
    host: str
    port: int
    public_url: str | None
    admin_token: Secret | None
    poll_seconds: int
    answer_seconds: int
    lease_seconds: int
    settle_seconds: int
    workers: int
    log: LogStyle
    delivery_days: int
    clock: Path | None = None
    check_token: Secret | None = None
    metrics_token: Secret | None = None
    broker_url: Secret | None = None
    pool: Pool = Pool.THREADS

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read ``FOLLOWTHROUGH_*``; each may also be given as ``…_FILE``, the file it stands in.

        An empty variable counts as not set. Raises SettingsError with everything that is wrong.
        """
        reading = _Reading(environ)
        data = Path(reading.text("DATA"))
        settings = cls(
            rules=Path(reading.text("RULES")),
            data=data,
            database_url=reading.one(
                "DATABASE_URL", f"sqlite:///{data}/followthrough.db", _database
            ),
            host=reading.text("HOST"),
            port=reading.one("PORT", 0, _number(1, 65535)),
            public_url=reading.one("PUBLIC_URL", None, _address),
            admin_token=reading.one("ADMIN_TOKEN", None, Secret),
            poll_seconds=reading.one("POLL_SECONDS", 0, _number(1, 86400)),
            answer_seconds=reading.one("ANSWER_SECONDS", 0, _number(1, 300)),
            lease_seconds=reading.one("LEASE_SECONDS", 0, _number(1, 3600)),
            settle_seconds=reading.one("SETTLE_SECONDS", 0, _number(1, 86400)),
            workers=reading.one("WORKERS", 0, _number(1, 64)),
            log=reading.one("LOG", LogStyle.HUMAN, _log_style),
            delivery_days=reading.one("DELIVERY_DAYS", 0, _number(1, 36500)),
            clock=reading.one("CLOCK", None, Path),
            check_token=reading.one("CHECK_TOKEN", None, Secret),
            metrics_token=reading.one("METRICS_TOKEN", None, Secret),
            broker_url=reading.one("BROKER_URL", None, _redis),
            pool=reading.one("POOL", Pool.THREADS, _pool),
        )
        if not reading.problems:
            reading.problems += settings.unfit()
        if reading.problems:
            raise SettingsError(reading.problems)
        return settings

    @property
    def call_seconds(self) -> int:
        """The most that one call to a tracker can take: to connect, to answer, and some room."""
        return 2 * self.answer_seconds + 5

    def unfit(self) -> list[str]:
        """What does not fit together: a worker must not hold an incident for a shorter time than
        a call takes, nor give a creation up before a slow worker's call must have ended."""
        problems, call = [], self.call_seconds
        if self.lease_seconds <= call:
            words = f"must be more than {call} (two answers and five seconds)"
            problems.append(f"{PREFIX}LEASE_SECONDS {words}")
        if self.settle_seconds <= self.lease_seconds + call:
            words = f"must be more than {self.lease_seconds + call} (a lease and a call)"
            problems.append(f"{PREFIX}SETTLE_SECONDS {words}")
        if self.pool is Pool.PREFORK and self.broker_url is None:
            problems.append(f"{PREFIX}POOL=prefork needs {PREFIX}BROKER_URL: Redis wakes processes")
        return problems


class _Wrong(Exception):
    """What a value should be, to be read after "must be"; the value itself is never repeated."""


class _Reading:
    """One pass over the environment, noting what is wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self._values: dict[str, str] = {}
        known = {setting.name for setting in SETTINGS}
        for name in sorted(environ):
            bare = name.removesuffix("_FILE")
            if not name.startswith(PREFIX) or not environ[name].strip():
                continue
            if bare not in known:
                near = suggestion(bare, sorted(known))
                self.problems.append(f"{name} is not a setting — {near}")
            elif name == bare:
                self._values[name] = environ[name].strip()
            elif environ.get(bare, "").strip():
                self.problems.append(f"{bare} and {name} are both set — keep one of them")
            else:
                self._read_file(bare, Path(environ[name].strip()))

    def _read_file(self, name: str, path: Path) -> None:
        try:
            self._values[name] = read_secret_file(path)
        except NoSecret as error:
            self.problems.append(f"{name}_FILE: {error} — {error.mend}")

    def text(self, name: str) -> str:
        return self.one(name, "", str)

    def one(self, name: str, missing: Read, read: Callable[[str], Read]) -> Read:
        """The setting, its default, or `missing` where it has none or cannot be read."""
        full = PREFIX + name
        default = next(setting.default for setting in SETTINGS if setting.name == full)
        value = self._values.get(full, "" if "<" in default else default)
        if not value:
            return missing
        try:
            return read(value)
        except _Wrong as wrong:
            self.problems.append(f"{full} must be {wrong}")
            return missing


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise _Wrong(f"a whole number from {least} to {most}")
        return int(value)

    return read


def _database(value: str) -> str:
    try:
        parts = urlsplit(value)
        server = parts.hostname or "host=" in parts.query
        right = parts.scheme == "postgresql+psycopg" and server and len(parts.path) > 1
        # A password that was cut at its slash: what is behind it would be told as the name.
        right = right and parts.port != 0 and "@" not in parts.path
    except ValueError:
        right = False
    if not right and not value.startswith("sqlite:///"):
        raise _Wrong("sqlite:///… or postgresql+psycopg://user:password@host/name")
    return value


def _redis(value: str) -> Secret:
    try:
        parts = urlsplit(value)
        number = parts.path.removeprefix("/") or "0"
        right = parts.scheme in ("redis", "rediss") and parts.hostname and number.isdecimal()
        right = right and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise _Wrong("an address such as redis://redis.acme.example:6379/0, or rediss://… for TLS")
    return Secret(value)


def _pool(value: str) -> Pool:
    try:
        return Pool(value)
    except ValueError:
        raise _Wrong("threads or prefork") from None


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
        right = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    except ValueError:
        right = False
    if not right:
        raise _Wrong("an address such as https://followthrough.acme.example")
    return value.rstrip("/")


def _log_style(value: str) -> LogStyle:
    try:
        return LogStyle(value)
    except ValueError:
        raise _Wrong("human or json") from None
