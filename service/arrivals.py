"""Whether webhooks arrive: what trackers tell of theirs, held against what our doors have seen."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from config.rules import ConnectionRules
from integrations.findings import Finding, Kind
from integrations.webhooks import Webhooks
from service.store.doors import Door

#: What a door took or refused longer ago tells nothing of how the webhook stands now.
OF_LATE = timedelta(days=7)


def webhooks(
    connection: ConnectionRules,
    hooks: Webhooks | None,
    door: Door | None,
    now: datetime,
    unseen: Container[str],
) -> Iterator[Finding]:
    """`hooks` are None where none are taken, or the tracker could not be reached; `door` is how
    ours stood when last used, None where that is unknown. Of places that are `unseen` nothing is
    said."""
    if not connection.webhook_secrets:
        hint = "To hear of changes at once, name a secret in webhook_secrets, and then run"
        hint += " `followthrough webhooks install`."
        yield Finding(True, "polling only: no webhook secret", hint, kind=Kind.WEBHOOK)
        return
    found = [f for f in hooks.check() if f.place not in unseen] if hooks is not None else []
    count = len(connection.webhook_secrets)
    secrets = f"{count} webhook secret{'' if count == 1 else 's'}"
    where = hooks.address if hooks is not None else f"/webhooks/{connection.name}"
    yield Finding(True, f"{secrets}; webhooks are taken at {where}", kind=Kind.WEBHOOK)
    for finding in found:
        hidden = finding.kind is Kind.WEBHOOK_HIDDEN
        yield replace(finding, ok=True) if hidden and _takes(door, now) else finding
    # A tracker that tells how it was answered has told it already.
    if door is not None and not any(f.kind is Kind.WEBHOOK_SECRET for f in found):
        yield from _door(where, door, now)


def _takes(door: Door | None, now: datetime) -> bool:
    """Whether what comes to the door is let in: then a webhook that nobody can look at is right."""
    if door is None or door.taken_at is None or now - door.taken_at > OF_LATE:
        return False
    return door.refused_at is None or door.refused_at <= door.taken_at


def _door(where: str, door: Door, now: datetime) -> Iterator[Finding]:
    taken, refused = door.taken_at, door.refused_at
    if taken is not None:
        yield Finding(True, f"the last delivery came at {taken:%Y-%m-%d %H:%M} UTC")
    if refused is None or now - refused > OF_LATE or (taken is not None and taken >= refused):
        return
    yield Finding(
        False,
        f"what was sent to {where} at {refused:%Y-%m-%d %H:%M} UTC was refused, because its "
        "signature does not fit, and nothing was taken since: the webhook has another secret, or "
        "none",
        "Run `followthrough webhooks install --renew-secret`, or write the first of the "
        "webhook_secrets into the webhook by hand.",
        kind=Kind.WEBHOOK_SECRET,
    )
