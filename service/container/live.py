"""What a process works with, and how it is given other rules while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from config.rules import Rules
from config.secrets import Secret
from service.clock import Clock
from service.container import Container, Web
from service.jobs import Handler
from service.registering import Registering
from service.store import Store
from service.web import CheckDoor, WebhookDoor
from workflows.budgets import Budget
from workflows.learning_rules import LearningRules
from workflows.policy import KnownPerson


class LiveContainer(Mapping[str, Handler]):
    """The handlers of the rules that were taken last. A job that runs ends with the handler that it
    began with; `anew` builds a container of other rules."""

    def __init__(self, container: Container, anew: Callable[[Rules], Container]) -> None:
        self._now = container
        self._anew = anew

    def take(self, rules: Rules) -> None:
        """Build everything anew of these rules, and work with it from the next job on."""
        self._now = self._anew(rules)

    def begin(self) -> None:
        """Ask for what is asked for at each start."""
        self._now.start()

    def __getitem__(self, kind: str) -> Handler:
        return self._now.handlers[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now.handlers)

    def __len__(self) -> int:
        return len(self._now.handlers)


class LiveWeb:
    """A `service.web.WebContainer` of the rules that were taken last; `anew` builds one of
    others."""

    def __init__(self, web: Web, anew: Callable[[Rules], Web]) -> None:
        self._now = web
        self._anew = anew

    def take(self, rules: Rules) -> None:
        """Build everything anew of these rules, and answer with it from the next request on."""
        self._now = self._anew(rules)

    @property
    def store(self) -> Store:
        return self._now.store

    @property
    def clock(self) -> Clock:
        return self._now.clock

    @property
    def admin_token(self) -> Secret:
        return self._now.admin_token

    @property
    def public_url(self) -> str | None:
        return self._now.public_url

    @property
    def doors(self) -> Mapping[str, WebhookDoor]:
        return self._now.doors

    @property
    def limits(self) -> Mapping[str, tuple[Budget, ...]]:
        return self._now.limits

    @property
    def registering(self) -> Registering:
        return self._now.registering

    @property
    def people(self) -> tuple[KnownPerson, ...]:
        return self._now.people

    @property
    def check_doors(self) -> tuple[CheckDoor, ...]:
        return self._now.check_doors

    @property
    def learning(self) -> LearningRules:
        return self._now.learning

    @property
    def severities(self) -> tuple[str, ...]:
        return self._now.severities

    @property
    def metrics_token(self) -> Secret | None:
        return self._now.metrics_token

    @property
    def broker_answers(self) -> Callable[[], bool] | None:
        return self._now.broker_answers
