"""What both dialects share: the clock, ids, the record of calls, faults, and routing."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from flask import Flask, request
from flask.typing import ResponseReturnValue

from integrations.sandbox.faults import Chance, Fault, Faults
from integrations.sandbox.hooks import Hooks
from integrations.sandbox.limits import Limits

Clock = Callable[[], datetime]
Object = dict[str, Any]
Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a tracker's interface, and how it was answered (0: not at all); of GraphQL
    how many `mutations` it asked for."""

    method: str
    path: str
    status: int
    dialect: str
    mutations: int = 0

    @property
    def is_write(self) -> bool:
        return is_write(self.method, self.path, self.mutations)


GRAPHQL = "/graphql"


def is_write(method: str, path: str, mutations: int = 0) -> bool:
    """A search may be asked by POST, and changes nothing; GraphQL changes something by so many
    `mutations`."""
    if path.endswith(GRAPHQL):
        return mutations > 0
    search = path.partition("?")[0].endswith(("/search", "/search/jql"))
    return method not in ("GET", "HEAD") and not (method == "POST" and search)


class Refused(Exception):
    """The vendor's way of saying no: a status and a JSON body."""

    def __init__(self, status: int, body: Object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body, self.headers = status, body, dict(headers or {})


class World:
    """One clock, one lock and one record for everything in a sandbox."""

    def __init__(self, clock: Clock | None = None, chance: Chance | None = None) -> None:
        self.clock: Clock = clock or (lambda: datetime.now(UTC))
        self.lock = threading.RLock()
        self.calls: list[Call] = []
        self.next_faults: list[Fault] = []
        self.chance = chance or Chance()
        self.limits = Limits()
        self.hooks = Hooks(self)
        self.base_url = ""
        self._ids = itertools.count(10001)

    def now(self) -> datetime:
        """The time by the injected clock, in UTC, to the millisecond (the finest either shows)."""
        now = self.clock().astimezone(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def next_id(self) -> int:
        return next(self._ids)

    @property
    def faults(self) -> Faults:
        return self.chance.faults

    def shown(self, changed: datetime, lag: float) -> bool:
        """Whether an index that is `lag` seconds behind knows of a change."""
        return not lag or changed <= self.now() - timedelta(seconds=lag)

    def fault_of(
        self, dialect: str, method: str, path: str, write: bool
    ) -> tuple[Fault | None, float]:
        """What goes wrong with this call, and how many seconds late its answer comes. What waits
        for such a call goes first, and is used up by being taken."""
        with self.lock:
            chance = self.chance.of_call(dialect, write, self.now())
            delay = self.chance.delay()
            for fault in self.next_faults:
                if fault.method in (method, "*") and fault.path.search(path):
                    fault.times -= 1
                    if fault.times == 0:
                        self.next_faults.remove(fault)
                    return fault, delay
        return chance, delay


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    """Mark a method of a REST class as the answer to `method path` below the class's prefix."""

    def mark(handler: Handler) -> Handler:
        vars(handler).setdefault("routes", []).append((method, path))
        return handler

    return mark


def act(do: Handler) -> Handler:
    """Mark a method as something that people do: alone in the world while it lasts, and offered
    by the control endpoint. Its arguments and its result are plain JSON values."""

    @functools.wraps(do)
    def alone(self: Any, *args: Any, **named: Any) -> Any:
        with self.world.lock:
            return do(self, *args, **named)

    vars(alone)["act"] = True
    return cast(Handler, alone)


def acts_of(owner: object) -> list[str]:
    return [name for name in dir(type(owner)) if hasattr(getattr(type(owner), name), "act")]


def mount(app: Flask, prefix: str, api: Any) -> None:
    """Serve every marked method of `api`; each is given the person who signed in."""

    def view_of(handler: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
        def view(**arguments: str) -> ResponseReturnValue:
            return handler(api, api.sign_in(), **arguments)

        return view

    for name in dir(type(api)):
        handler = getattr(type(api), name)
        for method, path in getattr(handler, "routes", ()):
            app.add_url_rule(
                prefix + path,
                endpoint=f"{prefix}{path} {method} {name}",
                view_func=view_of(handler),
                methods=[method],
                provide_automatic_options=False,
            )


def json_body() -> Object:
    """The request's JSON object; anything else is a 400, as both vendors answer it."""
    data = request.get_json(force=True, silent=True)
    if not isinstance(data, dict):
        words = "Problems parsing JSON: an object is expected."
        raise Refused(400, {"message": words, "errorMessages": [words], "errors": {}})
    return data


def whole_number(name: str, default: int, most: int) -> int:
    """A paging parameter, bounded as the vendors bound it."""
    text = request.args.get(name, "")
    return max(0, min(int(text), most)) if text.isdecimal() else default
