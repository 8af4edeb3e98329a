"""The webhooks of repositories and organisations: `integrations.webhooks.Webhooks`.

Routes: https://docs.github.com/en/rest/repos/webhooks and https://docs.github.com/en/rest/orgs/webhooks
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from integrations.findings import Finding, Kind
from integrations.github.answers import Invalid
from integrations.github.client import GitHubClient
from integrations.github.hook_spots import NEWER, Hook, Spot, Spots, required, unsent
from integrations.github.servers import on_enterprise_server
from integrations.http import Answer
from integrations.tracker import TrackerError
from integrations.webhooks import Deed, Hears, Step, in_words

_RIGHT = (
    "make the account an administrator there and give its token the permission Webhooks: read and "
    "write (a classic one: the scope repo or admin:repo_hook)"
)

#: How our own door answers a signature that does not fit.
_WRONG_SECRET = 401

#: Seconds between one look for the answer to a ping and the next: most come at once.
_LOOKS = (0.1, 0.4, 0.5, *(1.0,) * 9)


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
        self._spots = Spots(client, heard, address)
        self._wait = wait

    # --- looking ----------------------------------------------------------------------------

    def check(self) -> Iterator[Finding]:
        """See `Webhooks`. One read for each repository and owner, one for each webhook."""
        found = 0
        try:
            for spot in self._spots.all:
                found += len(spot.hooks)
                yield from self._told(spot)
        except TrackerError as error:
            told = f"webhooks could not be looked at: {error.words}"
            yield Finding(False, told, error.mend, kind=Kind.REACH)
            return
        if found:
            sends = "1 webhook sends" if found == 1 else f"{found} webhooks send"
            yield Finding(True, f"{sends} here; failed deliveries are asked for again")

    def _told(self, spot: Spot) -> Iterator[Finding]:
        if spot.hidden is not None:
            told = f"{spot.name}: webhooks cannot be read: {spot.hidden.words}"
            mend = f"To have it looked at, {_RIGHT}; or {self._by_hand(spot)}"
            yield Finding(False, told, mend, kind=Kind.WEBHOOK_HIDDEN, place=spot.name)
            return
        if not spot.hooks:
            kind, what = Kind.WEBHOOK, f"{spot.name}: no webhook sends to {self.address}"
            if spot.strays:
                kind, what = Kind.WEBHOOK_ADDRESS, f"{what}, but one to {spot.strays[0]}"
            if spot.beside:
                what = f"{spot.name}: {spot.beside}, and no webhook of its own sends"
                what += f" {', '.join(sorted(self._required(spot.events)))} to {self.address}"
            yield Finding(False, what, self._how(spot), kind=kind, place=spot.name)
            return
        for kind, words in spot.faults(self._required(spot.events)):
            told = f"the webhook of {spot.name}: {words}"
            yield Finding(False, told, self._how(spot), kind=kind, place=spot.name)
        for hook in spot.hooks:
            yield from self._arrivals(spot, hook)

    def _arrivals(self, spot: Spot, hook: Hook) -> Iterator[Finding]:
        if (spot.whole or len(spot.hooks) > 1) and not hook.active:
            return  # what it once sent, another one sends
        whose = f"the webhook of {spot.name}"
        for finding in arrivals(self._client, hook.path, whose, self.address):
            yield replace(finding, place=spot.name)

    def _deliveries(self, hook: Hook) -> Iterator[Answer]:
        return self._client.pages(f"{hook.path}/deliveries")

    def _required(self, events: frozenset[str]) -> frozenset[str]:
        return required(events, self._client.url)

    # --- changing ---------------------------------------------------------------------------

    def to_install(self, *, anew: bool = False) -> Iterator[Deed]:
        """See `Webhooks`. Of organisations only the secret is written; see `hook_spots`."""
        for spot in (*self._spots.all, *(self._spots.beside if anew else ())):
            if spot.hidden is not None:
                mend = f"{spot.hidden.words}. To have it done, {_RIGHT}; or {self._by_hand(spot)}"
                yield Deed(Step.BY_HAND, spot.name, "its webhooks may not be looked at", mend)
                continue
            if not spot.hooks:
                words = f"one that sends {', '.join(sorted(spot.events))} to {self.address}"
                words = f"{words}; {spot.beside}" if spot.beside else words
                do = partial(self._do, spot, "POST", spot.path, spot.events)
                yield Deed(Step.CREATE, spot.name, words, do=do)
                continue
            mends = list(self._mends(spot, anew=anew))
            off = spot.whole and not any(hook.active for hook in spot.hooks)
            right = "is switched off, and stays so" if off else "is as it should be"
            yield from mends or [Deed(Step.KEEP, spot.name, right)]

    def _mends(self, spot: Spot, *, anew: bool) -> Iterator[Deed]:
        """What ours there do not send together, one of them gets: what two of them send would
        arrive twice."""
        faults = [words for _, words in spot.faults(self._required(spot.events))]
        for hook in spot.hooks:
            mended = bool(faults) and hook is spot.mended
            wrong = list(faults) if mended else []
            if spot.whole and hook.active:
                wrong = [words for _, words in hook.faults()]
            wrong += [f.what.partition(": ")[2] for f in self._arrivals(spot, hook) if _secret(f)]
            wrong += ["its secret is written anew"] if anew and (hook.active or mended) else []
            if wrong:
                events = hook.events if spot.whole else _sent_by(hook, spot, mended=mended)
                do = partial(self._do, spot, "PATCH", hook.path, events)
                yield Deed(Step.UPDATE, spot.name, "; ".join(wrong), do=do)

    def to_remove(self) -> Iterator[Deed]:
        """See `Webhooks`. Beside an organisation's, those of its repositories that may be seen."""
        for spot in (*self._spots.all, *self._spots.beside):
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

    def _do(self, spot: Spot, verb: str, path: str, events: frozenset[str], secret: str) -> None:
        config = {"url": self.address, "content_type": "json", "insecure_ssl": "0"}
        body: dict[str, Any] = {"config": {**config, "secret": secret}, "active": True}
        try:
            self._client.write(verb, path, body | {"events": sorted(events)})
        except Invalid:
            if not on_enterprise_server(self._client.url) or not events & NEWER:
                raise
            self._client.write(verb, path, body | {"events": sorted(events - NEWER)})
        if spot.hooks:  # so that the last delivery tells of what is right now
            self._client.send("POST", f"{path}/pings")

    def try_out(self) -> Iterator[Finding]:
        """See `Webhooks`. https://docs.github.com/en/rest/repos/webhooks#ping-a-repository-webhook"""
        for spot in self._spots.all:
            for hook in (hook for hook in spot.hooks if hook.active):
                try:
                    yield self._pinged(spot, hook)
                except TrackerError as error:
                    told = f"the webhook of {spot.name} could not be tried out: {error.words}"
                    yield Finding(False, told, error.mend, kind=Kind.WEBHOOK, place=spot.name)

    def _pinged(self, spot: Spot, hook: Hook) -> Finding:
        before = {int(told["id"]) for told in islice(self._deliveries(hook), 30)}
        self._client.send("POST", f"{hook.path}/pings")
        for pause in _LOOKS:
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
            self._wait(pause)
        mend = f"Look at its recent deliveries at {spot.page}."
        words = f"the webhook of {spot.name}: no answer to a ping in {sum(_LOOKS):.0f} seconds"
        return Finding(False, words, mend, kind=Kind.WEBHOOK_ADDRESS, place=spot.name)

    def _how(self, spot: Spot) -> str:
        return f"Run `followthrough webhooks install`; or {self._by_hand(spot)}"

    def _by_hand(self, spot: Spot) -> str:
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


def _sent_by(hook: Hook, spot: Spot, *, mended: bool) -> frozenset[str]:
    """The events that it is to send from now on. One of all events gets their names, so that none
    comes that nobody reads."""
    others = [each for each in spot.hooks if each is not hook and not any(each.faults())]
    by_name = mended or "*" in hook.events
    more = unsent(spot.events, others) if by_name else frozenset[str]()
    return (more | hook.events - {"*"}) or spot.events or hook.events


def _secret(finding: Finding) -> bool:
    return finding.kind is Kind.WEBHOOK_SECRET
