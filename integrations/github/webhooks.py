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
from integrations.github.client import GitHubClient, on_enterprise_server
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

    def faults(self, needed: frozenset[str]) -> Iterator[tuple[Kind, str]]:
        """What is wrong with it, as far as it tells itself."""
        if not self.told.get("active", True):
            yield Kind.WEBHOOK, "it is switched off"
        missing = frozenset() if "*" in self.events else needed - self.events
        if missing:
            yield Kind.WEBHOOK_EVENTS, f"it does not send {', '.join(sorted(missing))}"
        if not (self.told.get("config") or {}).get("secret"):
            yield Kind.WEBHOOK_SECRET, "it has no secret, so that all it sends is refused"


@dataclass(frozen=True, slots=True)
class _Spot:
    """A repository or organisation that has a webhook of ours, or is to have one. `name` is what
    people call it, `path` the API's list of its webhooks, `page` where people find that list;
    `hook` ours; `strays` addresses of those that were perhaps meant for us; `hidden` why its
    webhooks cannot be read."""

    name: str
    path: str
    page: str
    events: frozenset[str]
    hook: _Hook | None = None
    strays: tuple[str, ...] = ()
    hidden: TrackerError | None = None


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
                if spot.hook is not None:
                    found += 1
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
        if spot.hook is None:
            kind, what = Kind.WEBHOOK, f"{spot.name}: no webhook sends to {self.address}"
            if spot.strays:
                kind, what = Kind.WEBHOOK_ADDRESS, f"{what}, but one to {spot.strays[0]}"
            yield Finding(False, what, self._how(spot), kind=kind, place=spot.name)
            return
        for kind, words in spot.hook.faults(self._required(spot.events)):
            told = f"the webhook of {spot.name}: {words}"
            yield Finding(False, told, self._how(spot), kind=kind, place=spot.name)
        yield from self._arrivals(spot, spot.hook)

    def _arrivals(self, spot: _Spot, hook: _Hook) -> Iterator[Finding]:
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
            if whole is not None and whole.hook is not None:
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
        hook, strays = None, []
        try:
            for told in self._client.pages(spot.path):
                url = str((told.get("config") or {}).get("url", ""))
                if hook is None and leads_to(url, self.address):
                    hook = _Hook(f"{spot.path}/{int(told['id'])}", told)
                elif astray(url, self.address):
                    strays.append(url)
        except (NotThere, SignInFailed) as error:
            return _Spot(spot.name, spot.path, spot.page, spot.events, hidden=error)
        return _Spot(spot.name, spot.path, spot.page, spot.events, hook, tuple(strays))

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
            if spot.hook is None:
                words = f"one that sends {', '.join(sorted(spot.events))} to {self.address}"
                yield self._deed(Step.CREATE, spot, words, "POST", spot.path)
                continue
            wrong = [words for _, words in spot.hook.faults(self._required(spot.events))]
            wrong += [
                f.what.partition(": ")[2] for f in self._arrivals(spot, spot.hook) if _secret(f)
            ]
            wrong += ["its secret is written anew"] if anew else []
            if wrong:
                yield self._deed(Step.UPDATE, spot, "; ".join(wrong), "PATCH", spot.hook.path)
            else:
                yield Deed(Step.KEEP, spot.name, "is as it should be")

    def to_remove(self) -> Iterator[Deed]:
        """See `Webhooks`. Beside an organisation's, those of its repositories that may be seen."""
        whole = [spot.name.removeprefix(_ORGANISATION) for spot in self._spots]
        beside = [
            self._repository(place, events)
            for owner in whole
            for place, events in self._by_owner.get(owner, {}).items()
        ]
        for spot in (*self._spots, *(spot for spot in beside if spot.hook is not None)):
            if spot.hidden is not None:
                why = f"{spot.hidden.words}. To have it done, {_RIGHT}"
                mend = f"{why}; or remove it at {spot.page}."
                yield Deed(Step.BY_HAND, spot.name, "its webhooks may not be looked at", mend)
            elif spot.hook is not None:
                words = f"the one that sends to {self.address}"
                yield self._deed(Step.REMOVE, spot, words, "DELETE", spot.hook.path)

    def _deed(self, step: Step, spot: _Spot, words: str, verb: str, path: str) -> Deed:
        return Deed(step, spot.name, words, do=partial(self._do, spot, verb, path))

    def _do(self, spot: _Spot, verb: str, path: str, secret: str) -> None:
        if verb == "DELETE":
            self._client.send(verb, path)
            return
        config = {"url": self.address, "content_type": "json", "insecure_ssl": "0"}
        body: dict[str, Any] = {"config": {**config, "secret": secret}, "active": True}
        events = spot.events | (spot.hook.events - {"*"} if spot.hook else frozenset())
        try:
            self._client.write(verb, path, body | {"events": sorted(events)})
        except Invalid:
            if not on_enterprise_server(self._client.url) or not events & _NEWER:
                raise
            self._client.write(verb, path, body | {"events": sorted(events - _NEWER)})
        if spot.hook is not None:  # so that the last delivery tells of what is right now
            self._client.send("POST", f"{path}/pings")

    def try_out(self) -> Iterator[Finding]:
        """See `Webhooks`. https://docs.github.com/en/rest/repos/webhooks#ping-a-repository-webhook"""
        for spot in self._spots:
            if spot.hook is not None:
                try:
                    yield self._pinged(spot, spot.hook)
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
