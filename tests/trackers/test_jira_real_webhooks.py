"""What real webhooks of Jira sites are understood as.

They were collected by others, and are no part of this project: they are looked for in
``shared/payloads/jira`` beside the checkout. What is expected of each stands in
``payloads/real-jira.txt``.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest

from integrations.jira.webhook import normalise, verify
from integrations.tracker import Notice, Tells

REAL = Path(__file__).parents[2].parent / "shared" / "payloads" / "jira"
TABLE = Path(__file__).parents[1] / "payloads" / "real-jira.txt"
EXPECTED = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
SECRET = "s3cret"


def outcome(name: str, notice: Notice) -> str:
    more = [notice.why]
    more += [f"comment {notice.comment_id}"] if notice.comment_id else []
    more += [f"it is {notice.state.status.name}"] if notice.state else []
    ticket = f"{notice.key or ''}#{notice.ticket_id}"
    return " | ".join((name, notice.tells, ticket, "; ".join(more)))


def understood(file: Path) -> str:
    body = file.read_bytes()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    notice = normalise(verify({"X-Hub-Signature": f"sha256={digest}"}, body, [SECRET]))
    return outcome(file.name.removeprefix("webhook-").removesuffix(".json"), notice)


def test_each_real_webhook_has_the_outcome_that_is_listed_for_it() -> None:
    if not REAL.is_dir():
        pytest.skip(f"there is no {REAL}")
    found = [understood(file) for file in sorted(REAL.glob("*.json"))]
    print("\n".join(found))
    assert found == EXPECTED


def test_none_of_them_is_listed_as_one_that_nobody_knows() -> None:
    outcomes = {line.split(" | ")[1] for line in EXPECTED}
    assert outcomes <= {each.value for each in Tells} - {Tells.UNKNOWN}
