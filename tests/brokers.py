"""A real Redis on a port of its own, which keeps nothing on disk."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
def running(*options: str, password: str = "", tls: str = "") -> Iterator[Broker]:
    broker = Broker(*options, password=password, tls=tls)
    try:
        yield broker
    finally:
        broker.stop()
