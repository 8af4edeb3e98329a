"""The webhook of a GitHub App, one for all its repositories: `integrations.webhooks.Webhooks`.

Routes: https://docs.github.com/en/rest/apps/webhooks. Its events are the App's own, and set in its
settings only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from integrations.findings import Finding, Kind
from integrations.github.client import GitHubClient
from integrations.github.hook_spots import NO_SECRET, events_of, required
from integrations.github.webhooks import arrivals
from integrations.tracker import NotThere, TrackerError
from integrations.webhooks import Deed, Hears, Step, in_words, leads_to

_WHOSE = "the App's webhook"


class AppWebhook:
    """`heard` is what is to be heard of in each repository; `address` is as in `GitHubWebhooks`."""

    def __init__(
        self, client: GitHubClient, heard: Mapping[str, frozenset[Hears]], address: str
    ) -> None:
        self.address = address
        self._client = client
        self._events = required(
            events_of(what for each in heard.values() for what in each), client.url
        )

    @cached_property
    def _config(self) -> Mapping[str, Any]:
        """How it is set; empty where the App has none."""
        try:
            return self._client.read("/app/hook/config")
        except NotThere:
            return {}

    @property
    def _url(self) -> str:
        return str(self._config.get("url") or "")

    @property
    def _leads_here(self) -> bool:
        return leads_to(self._url, self.address)

    def _missing(self) -> list[str]:
        told = self._client.read("/app").get("events") or ()
        return sorted(self._events - {str(event) for event in told})

    def check(self) -> Iterator[Finding]:
        """See `Webhooks`. Three reads."""
        try:
            yield from self._checked()
        except TrackerError as error:
            told = f"{_WHOSE} could not be looked at: {error.words}"
            yield Finding(False, told, error.mend, kind=Kind.REACH)

    def _checked(self) -> Iterator[Finding]:
        if not self._leads_here:
            where = f" but to {self._url}" if self._url else ""
            told = f"{_WHOSE} does not send to {self.address}{where}"
            kind = Kind.WEBHOOK_ADDRESS if self._url else Kind.WEBHOOK
            yield Finding(False, told, self._to_lead_here(), kind=kind)
            return
        faults = list(arrivals(self._client, "/app/hook", _WHOSE, self.address))
        if not self._config.get("secret"):
            mend = "Run `followthrough webhooks install`."
            told = f"{_WHOSE}: {NO_SECRET}"
            faults = [Finding(False, told, mend, kind=Kind.WEBHOOK_SECRET)]
        if missing := self._missing():
            told = f"{_WHOSE} does not send {', '.join(missing)}"
            faults.append(Finding(False, told, _by_hand(missing), kind=Kind.WEBHOOK_EVENTS))
        yield from faults
        if not faults:
            yield Finding(True, f"{_WHOSE} sends here; failed deliveries are asked for again")

    def to_install(self, *, anew: bool = False) -> Iterator[Deed]:
        """See `Webhooks`. An App has one webhook only, and no request switches it on: one that
        leads elsewhere may be another service's, which would hear nothing any more."""
        if not self._leads_here:
            words = (
                f"it sends to {self._url}, not to {self.address}" if self._url else "there is none"
            )
            yield Deed(Step.BY_HAND, _WHOSE, words, self._to_lead_here())
        elif wrong := self._wrong_secret(anew=anew):
            yield Deed(Step.UPDATE, _WHOSE, wrong, do=self._write)
        else:
            yield Deed(Step.KEEP, _WHOSE, "is as it should be")
        if missing := self._missing():
            words = f"it does not send {', '.join(missing)}"
            yield Deed(Step.BY_HAND, _WHOSE, words, _by_hand(missing))

    def _wrong_secret(self, *, anew: bool) -> str:
        """Why its secret is to be written, in words; "" where it need not be."""
        if not self._config.get("secret"):
            return NO_SECRET
        for finding in arrivals(self._client, "/app/hook", _WHOSE, self.address):
            if finding.kind is Kind.WEBHOOK_SECRET:
                return finding.what.partition(": ")[2]
        return "its secret is written anew" if anew else ""

    def _to_lead_here(self) -> str:
        """How its owner does it."""
        here = f"URL {in_words(self.address)}, and the first of the webhook_secrets as its secret"
        if not self._url:
            return f"In the App's settings switch Webhook → Active on, with the webhook {here}."
        return (
            f"If nothing needs what {self._url} is sent, set in the App's settings the webhook"
            f" {here}. Else leave it, and register an App of its own for this service: an App"
            " has one webhook only."
        )

    def to_remove(self) -> Iterator[Deed]:
        """See `Webhooks`."""
        if self._leads_here:
            mend = "Switch Webhook → Active off in the App's settings."
            yield Deed(Step.BY_HAND, _WHOSE, "GitHub lets only its owner switch it off", mend)

    def try_out(self) -> Iterator[Finding]:
        """See `Webhooks`: an App's cannot be asked to."""
        yield from ()

    def _write(self, secret: str) -> None:
        body = {"url": self.address, "content_type": "json", "insecure_ssl": "0", "secret": secret}
        self._client.write("PATCH", "/app/hook/config", body)


def _by_hand(missing: list[str]) -> str:
    return f"Subscribe to {', '.join(missing)} under Permissions & events in the App's settings."
