"""The broker, asked whether it answers."""

from __future__ import annotations

from redis import AuthenticationError, Redis, RedisError

from config.secrets import Secret

#: How many seconds it is waited for.
PATIENCE = 1.0

_MEANWHILE = "Until then work goes on without it, more slowly."


class NoBroker(Exception):
    """It does not answer, or not us. `words` say why, and never by which password; `mend` what to
    do."""

    def __init__(self, words: str, mend: str) -> None:
        super().__init__(words)
        self.words = words
        self.mend = f"{mend} {_MEANWHILE}"


def ask(url: Secret) -> None:
    """Ask the broker at this address, of the form redis://…. Raises NoBroker."""
    try:
        with Redis.from_url(
            url.reveal(), socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE
        ) as broker:
            broker.ping()
    except AuthenticationError as error:
        mend = "Write the right user and password into FOLLOWTHROUGH_BROKER_URL."
        raise NoBroker(f"it does not let us in: {error}", mend) from error
    except (RedisError, OSError, ValueError) as error:
        mend = "Start Redis there, or mend the address in FOLLOWTHROUGH_BROKER_URL."
        raise NoBroker(f"it cannot be used: {error}", mend) from error
