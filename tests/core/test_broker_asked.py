"""The broker's address: Celery's spelling is understood, and faults are told without the secret."""

from __future__ import annotations

import pytest
from stage import free_port

from config.secrets import Secret
from service.broker import NoBroker, as_redis_spells, ask


def test_what_celery_calls_cert_none_is_none_to_redis() -> None:
    spelt = as_redis_spells("rediss://:a%2Fb@h:1/0?ssl_cert_reqs=CERT_NONE&x=1")
    assert spelt == "rediss://:a%2Fb@h:1/0?ssl_cert_reqs=none&x=1"
    with pytest.raises(NoBroker) as told:
        ask(Secret(f"rediss://127.0.0.1:{free_port()}/0?ssl_cert_reqs=CERT_NONE"))
    assert "Flag" not in told.value.words


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://:hunter2@h/0?nope=1", "the address has an option that Redis does not know"),
        ("redis://:hunter2[@h/0", "the address is not well formed"),
        ("redis://:x@h:hunter2/0", "the address is not well formed"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(url: str, words: str) -> None:
    with pytest.raises(NoBroker) as told:
        ask(Secret(url))
    assert told.value.words == words
    assert "hunter2" not in told.value.mend
