"""The admin webhook of a Jira site: `integrations.webhooks.Webhooks`.

One for the whole site, of all projects that the rules name. On Cloud and on Data Center up to
version 9 it stands at ``/rest/webhooks/1.0/webhook``:
https://developer.atlassian.com/cloud/jira/platform/webhooks/#registering-a-webhook-using-the-jira-rest-api--other-integrations-
Version 10 of Data Center moved it to ``/rest/jira-webhook/1.0/webhooks``:
https://developer.atlassian.com/server/jira/platform/webhooks/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from integrations.findings import Finding, Kind
from integrations.http import in_shape
from integrations.jira.client import JiraClient
from integrations.tracker import NotThere, SignInFailed, TrackerError
from integrations.webhooks import Deed, Step, astray, in_words, leads_to

#: What the adapter reads anything from; a merged version is told as deleted.
_EVENTS = frozenset(
    {
        *(f"jira:issue_{what}" for what in ("created", "updated", "deleted")),
        *(f"comment_{what}" for what in ("created", "updated", "deleted")),
        *(f"jira:version_{what}" for what in ("updated", "deleted", "released", "unreleased")),
    }
)
_SECTION = "issue-related-events-section"
_CLASSIC, _MOVED = "/rest/webhooks/1.0/webhook", "/rest/jira-webhook/1.0/webhooks"
_MOVED_IN = 10
_NAME = "Followthrough"


@dataclass(frozen=True, slots=True)
class _Hook:
    """A webhook as Jira tells it. `signed` is None where it does not say."""

    path: str
    name: str
    url: str
    events: frozenset[str]
    jql: str
    active: bool
    bodiless: bool
    signed: bool | None


class JiraWebhooks:
    """`projects` are those that are to be heard of. Ours is the webhook that sends to `address`:
    in full, where it is known under which address Jira reaches us, else the path at its end."""

    def __init__(self, client: JiraClient, projects: Sequence[str], address: str) -> None:
        self.address = address
        self._client = client
        self._projects = tuple(sorted(projects))

    # --- looking ----------------------------------------------------------------------------

    def check(self) -> Iterator[Finding]:
        """See `Webhooks`. One read. Whether deliveries arrive, Jira does not tell."""
        url = self._client.url
        try:
            ours, others = self._ours, self._registered
        except (NotThere, SignInFailed) as error:
            told = f"webhooks of {url} cannot be read: {error.words}"
            yield Finding(False, told, self._mend(), kind=Kind.WEBHOOK_HIDDEN)
            return
        except TrackerError as error:
            told = f"webhooks could not be looked at: {error.words}"
            yield Finding(False, told, error.mend, kind=Kind.REACH)
            return
        if ours is None:
            kind, what = Kind.WEBHOOK, f"no webhook of {url} sends to {self.address}"
            strays = [hook.url for hook in others if astray(hook.url, self.address)]
            if strays:
                kind, what = Kind.WEBHOOK_ADDRESS, f"{what}, but one to {strays[0]}"
            yield Finding(False, what, self._how(), kind=kind)
            return
        faults = list(self._faults(ours))
        for kind, words in faults:
            yield Finding(False, f"the webhook {ours.name}: {words}", self._how(), kind=kind)
        if not faults:
            yield Finding(True, f"the webhook {ours.name} sends here", kind=Kind.WEBHOOK)

    def _faults(self, hook: _Hook) -> Iterator[tuple[Kind, str]]:
        if not hook.active:
            yield Kind.WEBHOOK, "it is switched off"
        if hook.bodiless:
            yield Kind.WEBHOOK, "it sends no body, so that nobody knows which ticket it is about"
        if left_out := self._left_out(hook):
            yield Kind.WEBHOOK_EVENTS, f"its query leaves out {', '.join(left_out)}: {hook.jql}"
        if missing := _EVENTS - hook.events:
            yield Kind.WEBHOOK_EVENTS, f"it does not send {', '.join(sorted(missing))}"
        if hook.signed is False:
            yield Kind.WEBHOOK_SECRET, "it has no secret, so that all it sends is refused"

    def _left_out(self, hook: _Hook) -> list[str]:
        """A query is not taken apart: a project that it does not even name it leaves out."""
        named = {word.casefold() for word in re.findall(r"\w+", hook.jql)}
        return [key for key in self._projects if named and key.casefold() not in named]

    @cached_property
    def _home(self) -> str:
        if self._client.cloud:
            return _CLASSIC
        numbers = self._client.info().get("versionNumbers") or [0]
        return _MOVED if int(numbers[0]) >= _MOVED_IN else _CLASSIC

    @cached_property
    def _registered(self) -> tuple[_Hook, ...]:
        with in_shape("webhooks"):
            told = self._client.beside("GET", self._home)
            return tuple(_read(each, self._home) for each in told)

    @property
    def _ours(self) -> _Hook | None:
        return next((h for h in self._registered if leads_to(h.url, self.address)), None)

    # --- changing ---------------------------------------------------------------------------

    def to_install(self, *, anew: bool = False) -> Iterator[Deed]:
        """See `Webhooks`."""
        try:
            ours = self._ours
        except TrackerError as error:
            yield self._barred(error)
            return
        site = self._client.url
        if ours is None:
            words = f"one that sends {', '.join(sorted(_EVENTS))} of {self._jql} to {self.address}"
            yield Deed(Step.CREATE, site, words, do=partial(self._write, None))
            return
        wrong = [words for _, words in self._faults(ours)]
        wrong += ["its secret is written anew"] if anew else []
        if wrong:
            yield Deed(Step.UPDATE, site, "; ".join(wrong), do=partial(self._write, ours))
        else:
            yield Deed(Step.KEEP, site, "is as it should be")

    def to_remove(self) -> Iterator[Deed]:
        """See `Webhooks`."""
        try:
            ours = self._ours
        except TrackerError as error:
            yield self._barred(error)
            return
        if ours is not None:
            words = f"the one that sends to {self.address}"
            yield Deed(Step.REMOVE, self._client.url, words, do=partial(self._remove, ours))

    def try_out(self) -> Iterator[Finding]:
        """See `Webhooks`: Jira cannot be asked to."""
        yield from ()

    def _barred(self, error: TrackerError) -> Deed:
        words = f"its webhooks may not be looked at: {error.words}"
        return Deed(Step.BY_HAND, self._client.url, words, self._mend())

    def _write(self, old: _Hook | None, secret: str) -> None:
        """A secret is taken by all of them, and told again by none."""
        body: dict[str, Any] = {
            "name": old.name if old and old.name else _NAME,
            "url": self.address,
            "events": sorted(_EVENTS | (old.events if old else frozenset())),
            "filters": {_SECTION: self._jql if old is None or self._left_out(old) else old.jql},
            "excludeBody": False,
        }
        if self._home == _MOVED:
            body |= {"configuration": {"secret": secret}, "active": True}
        else:
            body |= {"secret": secret, "enabled": True}
        method, path = ("POST", self._home) if old is None else ("PUT", old.path)
        self._client.beside(method, path, body)

    def _remove(self, old: _Hook, _: str) -> None:
        self._client.beside("DELETE", old.path)

    @property
    def _jql(self) -> str:
        """A key may be a reserved word, such as INT or SET, and is none in quotation marks."""
        keys = ", ".join(f'"{key}"' for key in self._projects)
        return f"project in ({keys})"

    def _how(self) -> str:
        return f"Run `followthrough webhooks install`; or {self._by_hand()}"

    def _mend(self) -> str:
        return (
            "To have it done, give this account the global permission Administer Jira; "
            f"or {self._by_hand()}"
        )

    def _by_hand(self) -> str:
        menu = "Settings" if self._client.cloud else "Administration"
        return (
            f"let a Jira administrator set it under {menu} → System → WebHooks: URL"
            f" {in_words(self.address)}, the first of the webhook_secrets as its secret, JQL"
            f" {self._jql},"
            " issues and comments created, updated and deleted, versions updated, deleted, released"
            " and unreleased, Exclude body off."
        )


def _read(told: Mapping[str, Any], home: str) -> _Hook:
    """Both forms: of the newer one, filters and body stand in `configuration`, as texts."""
    configured = told.get("configuration") or {}
    filters = told.get("filters") or json.loads(str(configured.get("FILTERS") or "{}"))
    id = told.get("id") or str(told["self"]).rstrip("/").rpartition("/")[2]
    signed = told.get("isSigned")
    return _Hook(
        path=f"{home}/{int(id)}",
        name=str(told.get("name") or ""),
        url=str(told.get("url") or ""),
        events=frozenset(map(str, told.get("events") or ())),
        jql=str(filters.get(_SECTION) or "") if isinstance(filters, Mapping) else "",
        active=bool(told.get("enabled", told.get("active", True))),
        bodiless=str(told.get("excludeBody", configured.get("EXCLUDE_BODY"))).casefold() == "true",
        signed=None if signed is None else bool(signed),
    )
