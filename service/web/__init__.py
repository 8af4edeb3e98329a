"""The web process: webhooks in, pages out. It writes rows and asks no tracker anything, but once
for the secrets of a GitHub App that an admin registers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from config.secrets import Secret
from integrations.tracker import Envelope
from service.clock import Clock
from service.registering import Registering
from service.store import Store
from workflows.budgets import Budget
from workflows.learning_rules import LearningRules
from workflows.policy import KnownPerson

#: Headers and raw body → the delivery. Raises BadSignature, Malformed.
Verify = Callable[[Mapping[str, str], bytes], Envelope]


#: A delivery, and whether only some may read its ticket → what may be shown of its payload, None
#: when that cannot be read.
Show = Callable[[Envelope, bool], object]


@dataclass(frozen=True, slots=True)
class WebhookDoor:
    """Where one connection's webhooks come in. `verify` knows the connection's secrets; None
    when it has none: then nothing is let in, and polling finds what changed. `show` is what may
    be shown of a delivery."""

    verify: Verify | None
    show: Show


@dataclass(frozen=True, slots=True)
class CheckDoor:
    """Where the results of one team's checks come in: whoever has the `token` posts those of these
    `names`."""

    token: Secret
    names: frozenset[str]


class WebContainer(Protocol):
    """What the web process must be given. `doors` are the webhook doors by connection, `limits`
    the budgets that count for the whole account of each, `people` those of the rules;
    `check_doors` those of the teams that have checks; `learning` what is counted as one;
    `severities` those of the rules, the gravest first; `metrics_token` opens the metrics and
    nothing else; `broker_answers` looks for the broker, None where there is none; `registering`
    registers GitHub Apps;
    `public_url` is the address under which people reach us, without a slash at its end."""

    @property
    def store(self) -> Store: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def admin_token(self) -> Secret: ...
    @property
    def public_url(self) -> str | None: ...
    @property
    def doors(self) -> Mapping[str, WebhookDoor]: ...
    @property
    def limits(self) -> Mapping[str, tuple[Budget, ...]]: ...
    @property
    def people(self) -> tuple[KnownPerson, ...]: ...
    @property
    def check_doors(self) -> tuple[CheckDoor, ...]: ...
    @property
    def learning(self) -> LearningRules: ...
    @property
    def severities(self) -> tuple[str, ...]: ...
    @property
    def metrics_token(self) -> Secret | None: ...
    @property
    def registering(self) -> Registering: ...
    @property
    def broker_answers(self) -> Callable[[], bool] | None: ...


__all__ = ["CheckDoor", "Show", "Verify", "WebContainer", "WebhookDoor"]
