"""Signed webhooks, sent in the background with each vendor's manners about repeating."""

from __future__ import annotations

import hashlib
import heapq
import hmac
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import requests

from integrations.sandbox.faults import Chance

# https://developer.atlassian.com/cloud/jira/platform/webhooks/#retry-policy
JIRA_REPEATS_ON = frozenset({408, 409, 425, 429})
JIRA_REPEATS = 5
#: How long a delivery waits for the following one before it goes alone, in seconds.
PATIENCE = 0.5


class Surroundings(Protocol):
    """What is taken from the world: what goes wrong just now, and the time."""

    @property
    def chance(self) -> Chance: ...

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Hook:
    """A registered address. `scope` is the repository or organisation (empty: the whole site);
    `events` empty: all of them. One that is not `active` is told nothing. Of Jira's, `jql` says
    which issues it is told of."""

    dialect: str
    url: str
    secret: str
    scope: str = ""
    events: frozenset[str] = frozenset()
    id: int = 0
    created: datetime | None = None
    active: bool = True
    jql: str = ""
    name: str = ""


@dataclass(slots=True)
class Delivery:
    """One event on its way to one hook. `statuses` holds an entry per attempt, 0 when nobody
    answered; an empty list means that it was never sent."""

    hook: Hook
    id: str
    event: str
    body: bytes
    statuses: list[int] = field(default_factory=list)

    def headers(self) -> dict[str, str]:
        digest = hmac.new(self.hook.secret.encode(), self.body, hashlib.sha256).hexdigest()
        signed = {"Content-Type": "application/json"}
        if self.hook.dialect == "github":
            # https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
            signed |= {"X-GitHub-Event": self.event, "X-GitHub-Delivery": self.id}
            signed |= {"User-Agent": "GitHub-Hookshot/sandbox"}
            signed |= {"X-GitHub-Hook-ID": str(self.hook.id)}
            return signed | {"X-Hub-Signature-256": f"sha256={digest}"}
        # https://developer.atlassian.com/cloud/jira/platform/webhooks/#secure-admin-webhooks
        signed |= {"X-Atlassian-Webhook-Identifier": self.id}
        if self.statuses:
            signed |= {"X-Atlassian-Webhook-Retry": str(len(self.statuses))}
        return signed | {"X-Hub-Signature": f"sha256={digest}"}

    def wants_repeating(self) -> bool:
        """Jira repeats what failed for a while; GitHub never does:
        https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries"""
        if self.hook.dialect != "jira" or len(self.statuses) > JIRA_REPEATS:
            return False
        last = self.statuses[-1]
        return last == 0 or last in JIRA_REPEATS_ON or last >= 500


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver, as GitHub lists them; `status` 0 when nobody answered."""

    id: int
    delivery: Delivery
    at: datetime
    status: int
    redelivery: bool


class Hooks:
    """The registered hooks and their deliveries, sent one after another by one thread.

    `enabled = False` loses events, as a firewall would: they are in the log but never sent. A
    share of the deliveries meets the faults that the world has set for webhooks.
    `repeat_after` is Jira's pause before a repetition, in seconds (the real one takes minutes).
    """

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self.registered: list[Hook] = []
        self.log: list[Delivery] = []
        self.attempts: list[Attempt] = []
        self.enabled = True
        self.repeat_after = 0.2
        self._due: list[tuple[float, int, Delivery, bool]] = []
        self._held: dict[Hook, tuple[Delivery, bool]] = {}
        self._changed = threading.Condition()
        self._busy = 0
        self._stopped = False
        self._order = 0
        self._thread: threading.Thread | None = None

    def fire(
        self,
        dialect: str,
        event: str,
        payload: Mapping[str, Any],
        scope: str = "",
        fits: Callable[[Hook], bool] = lambda _: True,
    ) -> None:
        """Queue `payload` for every hook of the dialect that wants it and `fits`. All hooks that
        get one GitHub event get it under one GUID; a repository's are told to its organisation's
        hooks as well."""
        body = json.dumps(payload).encode()  # ASCII: half a surrogate pair can only be escaped
        identifier = str(uuid.uuid4())
        for hook in self.registered:
            wanted = hook.active and (not hook.events or event in hook.events)
            scopes = (scope, scope.partition("/")[0])
            if hook.dialect == dialect and hook.scope in scopes and wanted and fits(hook):
                delivery = Delivery(hook, identifier, event, body)
                self.log.append(delivery)
                if self.enabled:
                    self._send_as_fate_wills(delivery)

    def ping(self, hook: Hook, payload: Mapping[str, Any]) -> None:
        """Send one to this hook alone, whatever events it wants."""
        delivery = Delivery(hook, str(uuid.uuid4()), "ping", json.dumps(payload).encode())
        self.log.append(delivery)
        if self.enabled:
            self._send_as_fate_wills(delivery)

    def replace(self, old: Hook, new: Hook | None) -> None:
        """Register another one in the place of `old`, or none."""
        at = self.registered.index(old)
        self.registered[at : at + 1] = [] if new is None else [new]

    def redeliver(self, delivery: Delivery) -> None:
        """Try once more, because somebody asked for it: the same body under the same id."""
        self._send_as_fate_wills(delivery, redelivery=True)

    def _send_as_fate_wills(self, delivery: Delivery, redelivery: bool = False) -> None:
        chance, hook = self._world.chance, delivery.hook
        fate = chance.of_hook()
        if fate == "dropped":
            self._record(delivery, 0, redelivery)
            return
        if fate == "reordered" and hook not in self._held:
            self._held[hook] = delivery, redelivery
            self.send(delivery, PATIENCE, redelivery)
            return
        delay = chance.faults.hooks_delay_seconds if fate == "delayed" else 0.0
        self.send(delivery, delay, redelivery)
        if fate == "duplicated":
            self.send(delivery, 0.0, redelivery)
        if (held := self._held.pop(hook, None)) and self._recall(held[0]):
            self.send(held[0], 0.0, held[1])

    def _recall(self, delivery: Delivery) -> bool:
        """Take a delivery out of the queue; False when it is on its way already."""
        with self._changed:
            kept = [entry for entry in self._due if entry[2] is not delivery]
            found = len(kept) < len(self._due)
            heapq.heapify(kept)
            self._due = kept
            return found

    def _record(self, delivery: Delivery, status: int, redelivery: bool) -> None:
        with self._changed:
            delivery.statuses.append(status)
            number, now = len(self.attempts) + 1, self._world.now()
            self.attempts.append(Attempt(number, delivery, now, status, redelivery))

    def send(self, delivery: Delivery, after: float = 0.0, redelivery: bool = False) -> None:
        """Queue a delivery, again if need be."""
        with self._changed:
            self._order += 1
            due = (time.monotonic() + after, self._order, delivery, redelivery)
            heapq.heappush(self._due, due)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sandbox-hooks", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drain(self, timeout: float = 30.0) -> bool:
        """Wait until nothing is queued or on its way; False when that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._due and not self._busy, timeout)

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        while (due := self._next()) is not None:
            delivery, redelivery = due
            self._record(delivery, _post(delivery), redelivery)
            if delivery.wants_repeating():
                self.send(delivery, self.repeat_after)
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _next(self) -> tuple[Delivery, bool] | None:
        with self._changed:
            while not self._stopped:
                if self._due and self._due[0][0] <= time.monotonic():
                    self._busy += 1
                    return heapq.heappop(self._due)[2:]
                pause = self._due[0][0] - time.monotonic() if self._due else None
                self._changed.wait(None if pause is None else max(pause, 0.001))
        return None


def _post(delivery: Delivery) -> int:
    # GitHub waits 10 seconds for an answer; Jira 5 to connect and 20 to answer.
    wait = (10, 10) if delivery.hook.dialect == "github" else (5, 20)
    try:
        answer = requests.post(
            delivery.hook.url,
            data=delivery.body,
            headers=delivery.headers(),
            timeout=wait,
            allow_redirects=False,
        )
    except requests.RequestException:
        return 0
    return answer.status_code
