"""The broker, asked whether it answers."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

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
            as_redis_spells(url.reveal()), socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE
        ) as broker:
            broker.ping()
    except AuthenticationError as error:
        mend = "Write the right user and password into FOLLOWTHROUGH_BROKER_URL."
        raise NoBroker(f"it does not let us in: {error}", mend) from error
    except (TypeError, ValueError) as error:  # whose words may quote the password
        mend = "Mend the address in FOLLOWTHROUGH_BROKER_URL."
        words = "the address is not well formed"
        if isinstance(error, TypeError):  # so the client says it of an option that it does not know
            words = "the address has an option that Redis does not know"
        raise NoBroker(words, mend) from error
    except (RedisError, OSError) as error:
        mend = "Start Redis there, or mend the address in FOLLOWTHROUGH_BROKER_URL."
        raise NoBroker(f"it cannot be used: {error}", mend) from error


def as_redis_spells(url: str) -> str:
    """The address with ``ssl_cert_reqs=CERT_NONE``, which Celery takes besides ``none``, as the
    client of Redis takes it:
    https://docs.celeryq.dev/en/stable/userguide/configuration.html#broker-use-ssl"""
    parts = urlsplit(url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    if not any(name == "ssl_cert_reqs" for name, _ in options):
        return url
    query = [
        (name, value.lower().removeprefix("cert_") if name == "ssl_cert_reqs" else value)
        for name, value in options
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))
