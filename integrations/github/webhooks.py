"""The webhooks of repositories and organisations: `integrations.webhooks.Webhooks`.

Routes: https://docs.github.com/en/rest/repos/webhooks and https://docs.github.com/en/rest/orgs/webhooks
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice
from typing import Any
from urllib.parse import quote, urlsplit

from integrations.findings import Finding, Kind
from integrations.github.answers import Invalid
from integrations.github.client import GitHubClient
from integrations.github.servers import on_enterprise_server
from integrations.http import Answer
from integrations.tracker import NotThere, SignInFailed, TrackerError
from integrations.webhooks import Deed, Hears, Step, astray, in_words, leads_to

#: The events that each kind of hearing takes:
#: https://docs.github.com/en/webhooks/webhook-events-and-payloads
_EVENTS: Mapping[Hears, frozenset[str]] = {
    Hears.TICKETS: frozenset(
        {"issues", "issue_comment", "milestone", "sub_issues", "issue_dependencies"}
    ),
    Hears.FILES: frozenset({"push"}),
    Hears.PROPOSALS: frozenset({"pull_request"}),
}

#: github.com has them; an Enterprise Server has them from some version on.
_NEWER = frozenset({"sub_issues", "issue_dependencies"})

_RIGHT = (
    "make the account an administrator there and give its token the permission Webhooks: read and "
    "write (a classic one: the scope repo or admin:repo_hook)"
)

#: How our own door answers a signature that does not fit.
_WRONG_SECRET = 401

_TRIES = 10
_ORGANISATION = "organisation "


@dataclass(frozen=True, slots=True)
class _Hook:
    """One of ours: `path` is its API's, `told` what GitHub tells of it."""

    path: str
    told: Answer

    @property
    def events(self) -> frozenset[str]:
        return frozenset(str(event) for event in self.told.get("events") or ())

    @property
    def active(self) -> bool:
        return bool(self.told.get("active", True))

    def faults(self) -> Iterator[tuple[Kind, str]]:
        """For what nothing that it sends can be used, as far as it tells itself."""
        if not self.active:
            yield Kind.WEBHOOK, "it is switched off"
        if not (self.told.get("config") or {}).get("secret"):
            yield Kind.WEBHOOK_SECRET, "it has no secret, so that all it sends is refused"


def _unsent(needed: frozenset[str], hooks: Iterable[_Hook]) -> frozenset[str]:
    """Those of these events that none of the webhooks sends."""
    sent = frozenset[str]().union(*(hook.events for hook in hooks))
    return frozenset() if "*" in sent else needed - sent


@dataclass(frozen=True, slots=True)
class _Spot:
    """A repository or organisation that has a webhook of ours, or is to have one. `name` is what
    people call it, `path` the API's list of its webhooks, `page` where people find that list;
    `hooks` ours; `strays` addresses of those that were perhaps meant for us; `hidden` why its
    webhooks cannot be read."""

    name: str
    path: str
    page: str
    events: frozenset[str]
    hooks: tuple[_Hook, ...] = ()
    strays: tuple[str, ...] = ()
    hidden: TrackerError | None = None

    def faults(self, needed: frozenset[str]) -> Iterator[tuple[Kind, str]]:
        """What is wrong with ours together: nothing as long as those that can be used send all."""
        if not _unsent(needed, (hook for hook in self.hooks if not any(hook.faults()))):
            return
        for hook in self.hooks:
            yield from hook.faults()
        if missing := _unsent(needed, self.hooks):
            yield Kind.WEBHOOK_EVENTS, f"it does not send {', '.join(sorted(missing))}"


class GitHubWebhooks:
    """`heard` is what is to be heard of in each repository. Ours are the webhooks that send to
    `address`: in full, where it is known under which address GitHub reaches us, else the path at
    its end. `wait` lets seconds pass."""

    def __init__(
        self,
        client: GitHubClient,
        heard: Mapping[str, frozenset[Hears]],
        address: str,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address
        self._client = client
        self._heard = heard
        self._wait = wait

    # --- looking ----------------------------------------------------------------------------

    def check(self) -> Iterator[Finding]:
        """See `Webhooks`. One read for each repository and owner, one for each webhook."""
        found = 0
        try:
            for spot in self._spots:
                found += len(spot.hooks)
                yield from self._told(spot)
        except TrackerError as error:
            told = f"webhooks could not be looked at: {error.words}"
            yield Finding(False, told, error.mend, kind=Kind.REACH)
            return
        if found:
            sends = "1 webhook sends" if found == 1 else f"{found} webhooks send"
            yield Finding(True, f"{sends} here; failed deliveries are asked for again")

    def _told(self, spot: _Spot) -> Iterator[Finding]:
        if spot.hidden is not None:
            told = f"{spot.name}: webhooks cannot be read: {spot.hidden.words}"
            mend = f"To have it looked at, {_RIGHT}; or {self._by_hand(spot)}"
            yield Finding(False, told, mend, kind=Kind.WEBHOOK_HIDDEN, place=spot.name)
            return
        if not spot.hooks:
            kind, what = Kind.WEBHOOK, f"{spot.name}: no webhook sends to {self.address}"
            if spot.strays:
                kind, what = Kind.WEBHOOK_ADDRESS, f"{what}, but one to {spot.strays[0]}"
            yield Finding(False, what, self._how(spot), kind=kind, place=spot.name)
            return
        for kind, words in spot.faults(self._required(spot.events)):
            told = f"the webhook of {spot.name}: {words}"
            yield Finding(False, told, self._how(spot), kind=kind, place=spot.name)
        for hook in spot.hooks:
            yield from self._arrivals(spot, hook)

    def _arrivals(self, spot: _Spot, hook: _Hook) -> Iterator[Finding]:
        if len(spot.hooks) > 1 and not hook.active:
            return  # what it once sent, another one sends
        whose = f"the webhook of {spot.name}"
        for finding in arrivals(self._client, hook.path, whose, self.address):
            yield replace(finding, place=spot.name)

    def _deliveries(self, hook: _Hook) -> Iterator[Answer]:
        return self._client.pages(f"{hook.path}/deliveries")

    @cached_property
    def _spots(self) -> tuple[_Spot, ...]:
        """Organisations that have a webhook of ours, and repositories of all other owners."""
        found: list[_Spot] = []
        for owner, mine in self._by_owner.items():
            whole = self._organisation(owner, frozenset[str]().union(*mine.values()))
            if whole is not None and whole.hooks:
                found.append(whole)
            else:
                found += (self._repository(place, events) for place, events in mine.items())
        return tuple(found)

    @property
    def _by_owner(self) -> Mapping[str, Mapping[str, frozenset[str]]]:
        owners = dict.fromkeys(place.partition("/")[0] for place in self._heard)
        return {
            owner: {p: self._events(p) for p in self._heard if p.partition("/")[0] == owner}
            for owner in owners
        }

    def _organisation(self, owner: str, events: frozenset[str]) -> _Spot | None:
        path, page = (
            f"/orgs/{quote(owner, safe='')}/hooks",
            f"/organizations/{owner}/settings/hooks",
        )
        spot = self._looked_at(_Spot(f"{_ORGANISATION}{owner}", path, self._page(page), events))
        return None if spot.hidden else spot  # a person, or we are no owner: often so

    def _repository(self, place: str, events: frozenset[str]) -> _Spot:
        page = self._page(f"/{place}/settings/hooks")
        try:
            path = f"{self._client.present_path(place)}/hooks"
        except (NotThere, SignInFailed) as error:
            return _Spot(place, "", page, events, hidden=error)
        return self._looked_at(_Spot(place, path, page, events))

    def _looked_at(self, spot: _Spot) -> _Spot:
        hooks, strays = list[_Hook](), list[str]()
        try:
            for told in self._client.pages(spot.path):
                url = str((told.get("config") or {}).get("url", ""))
                if leads_to(url, self.address):
                    hooks.append(_Hook(f"{spot.path}/{int(told['id'])}", told))
                elif astray(url, self.address):
                    strays.append(url)
        except (NotThere, SignInFailed) as error:
            return replace(spot, hidden=error)
        return replace(spot, hooks=tuple(hooks), strays=tuple(strays))

    def _events(self, place: str) -> frozenset[str]:
        return events_of(self._heard[place])

    def _required(self, events: frozenset[str]) -> frozenset[str]:
        return required(events, self._client.url)

    def _page(self, path: str) -> str:
        parts = urlsplit(self._client.url)
        return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}{path}"

    # --- changing ---------------------------------------------------------------------------

    def to_install(self, *, anew: bool = False) -> Iterator[Deed]:
        """See `Webhooks`. An organisation's webhook stands for those of its repositories."""
        for spot in self._spots:
            if spot.hidden is not None:
                mend = f"{spot.hidden.words}. To have it done, {_RIGHT}; or {self._by_hand(spot)}"
                yield Deed(Step.BY_HAND, spot.name, "its webhooks may not be looked at", mend)
                continue
            if not spot.hooks:
                words = f"one that sends {', '.join(sorted(spot.events))} to {self.address}"
                do = partial(self._do, spot, "POST", spot.path, spot.events)
                yield Deed(Step.CREATE, spot.name, words, do=do)
                continue
            mends = list(self._mends(spot, anew=anew))
            yield from mends or [Deed(Step.KEEP, spot.name, "is as it should be")]

    def _mends(self, spot: _Spot, *, anew: bool) -> Iterator[Deed]:
        """What ours there do not send together, the first of them gets: what two of them send
        would arrive twice."""
        faults = [words for _, words in spot.faults(self._required(spot.events))]
        for hook in spot.hooks:
            mended = bool(faults) and hook is spot.hooks[0]
            wrong = list(faults) if mended else []
            wrong += [f.what.partition(": ")[2] for f in self._arrivals(spot, hook) if _secret(f)]
            wrong += ["its secret is written anew"] if anew and (hook.active or mended) else []
            if wrong:
                others = [h for h in spot.hooks if h is not hook and not any(h.faults())]
                # a webhook of all events gets their names, so that none comes that nobody reads
                by_name = mended or "*" in hook.events
                more = _unsent(spot.events, others) if by_name else frozenset[str]()
                events = more | hook.events - {"*"}
                do = partial(self._do, spot, "PATCH", hook.path, events or spot.events)
                yield Deed(Step.UPDATE, spot.name, "; ".join(wrong), do=do)

    def to_remove(self) -> Iterator[Deed]:
        """See `Webhooks`. Beside an organisation's, those of its repositories that may be seen."""
        whole = [spot.name.removeprefix(_ORGANISATION) for spot in self._spots]
        beside = [
            self._repository(place, events)
            for owner in whole
            for place, events in self._by_owner.get(owner, {}).items()
        ]
        for spot in (*self._spots, *(spot for spot in beside if spot.hooks)):
            if spot.hidden is not None:
                why = f"{spot.hidden.words}. To have it done, {_RIGHT}"
                mend = f"{why}; or remove it at {spot.page}."
                yield Deed(Step.BY_HAND, spot.name, "its webhooks may not be looked at", mend)
            for hook in spot.hooks:
                words = f"the one that sends to {self.address}"
                do = partial(self._removed, hook.path)
                yield Deed(Step.REMOVE, spot.name, words, do=do)

    def _removed(self, path: str, _: str) -> None:
        self._client.send("DELETE", path)

    def _do(self, spot: _Spot, verb: str, path: str, events: frozenset[str], secret: str) -> None:
        config = {"url": self.address, "content_type": "json", "insecure_ssl": "0"}
        body: dict[str, Any] = {"config": {**config, "secret": secret}, "active": True}
        try:
            self._client.write(verb, path, body | {"events": sorted(events)})
        except Invalid:
            if not on_enterprise_server(self._client.url) or not events & _NEWER:
                raise
            self._client.write(verb, path, body | {"events": sorted(events - _NEWER)})
        if spot.hooks:  # so that the last delivery tells of what is right now
            self._client.send("POST", f"{path}/pings")

    def try_out(self) -> Iterator[Finding]:
        """See `Webhooks`. https://docs.github.com/en/rest/repos/webhooks#ping-a-repository-webhook"""
        for spot in self._spots:
            for hook in (hook for hook in spot.hooks if hook.active):
                try:
                    yield self._pinged(spot, hook)
                except TrackerError as error:
                    told = f"the webhook of {spot.name} could not be tried out: {error.words}"
                    yield Finding(False, told, error.mend, kind=Kind.WEBHOOK, place=spot.name)

    def _pinged(self, spot: _Spot, hook: _Hook) -> Finding:
        before = {int(told["id"]) for told in islice(self._deliveries(hook), 30)}
        self._client.send("POST", f"{hook.path}/pings")
        for _ in range(_TRIES):
            for told in islice(self._deliveries(hook), 30):
                if told["event"] == "ping" and int(told["id"]) not in before:
                    status = int(told.get("status_code") or 0)
                    words = f"the webhook of {spot.name}: a ping was answered {status}"
                    if 200 <= status < 300:
                        return Finding(True, words)
                    kind = Kind.WEBHOOK_ADDRESS
                    mend = f"Look whether GitHub reaches {self.address}."
                    if status == _WRONG_SECRET:
                        kind = Kind.WEBHOOK_SECRET
                        mend = "Run `followthrough webhooks install --renew-secret`."
                    return Finding(False, words, mend, kind=kind, place=spot.name)
            self._wait(1)
        mend = f"Look at its recent deliveries at {spot.page}."
        words = f"the webhook of {spot.name}: no answer to a ping in {_TRIES} seconds"
        return Finding(False, words, mend, kind=Kind.WEBHOOK_ADDRESS, place=spot.name)

    def _how(self, spot: _Spot) -> str:
        return f"Run `followthrough webhooks install`; or {self._by_hand(spot)}"

    def _by_hand(self, spot: _Spot) -> str:
        return (
            f"let an administrator of it set it at {spot.page}: Payload URL"
            f" {in_words(self.address)}, content type application/json, the first of the"
            " webhook_secrets as its secret, and the events"
            f" {', '.join(sorted(spot.events))}."
        )


def arrivals(client: GitHubClient, path: str, whose: str, address: str) -> Iterator[Finding]:
    """How the last delivery of the webhook at this path was answered; GitHub keeps them for some
    days. Nothing where all is well."""
    last = next(islice(client.pages(f"{path}/deliveries"), 1), None)
    status = 0 if last is None else int(last.get("status_code") or 0)
    if last is None or 200 <= status < 300:
        return
    what = f"{whose}: its last delivery ({last['event']})"
    if status == _WRONG_SECRET:
        told = f"{what} was refused, because its signature does not fit: it has another secret"
        mend = "Run `followthrough webhooks install --renew-secret`, or write the first of the"
        mend += " webhook_secrets into it by hand."
        yield Finding(False, told, mend, kind=Kind.WEBHOOK_SECRET)
    elif status in (500, 503):  # we answered; the service asks for it again by itself
        yield Finding(True, f"{what} was answered {status}; it is asked for again")
    else:
        told = f"{what} did not arrive: {last.get('status')} ({status})"
        mend = f"Look whether GitHub reaches {address}, through every proxy on the way."
        yield Finding(False, told, mend, kind=Kind.WEBHOOK_ADDRESS)


def events_of(what: Iterable[Hears]) -> frozenset[str]:
    """The events that it takes to hear of this."""
    return frozenset[str]().union(*(_EVENTS[each] for each in what))


def required(events: frozenset[str], url: str) -> frozenset[str]:
    """Those of them that the server at this address has for certain."""
    return events - _NEWER if on_enterprise_server(url) else events


def _secret(finding: Finding) -> bool:
    return finding.kind is Kind.WEBHOOK_SECRET
