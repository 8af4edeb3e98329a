"""The admin webhook of a Jira site: `integrations.webhooks.Webhooks`.

One for the whole site, of all projects that the rules name. On Cloud and on Data Center up to
version 9 it stands at ``/rest/webhooks/1.0/webhook``:
https://developer.atlassian.com/cloud/jira/platform/webhooks/#registering-a-webhook-using-the-jira-rest-api--other-integrations-
Version 10 of Data Center moved it to ``/rest/jira-webhook/1.0/webhooks``:
https://developer.atlassian.com/server/jira/platform/webhooks/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote

from integrations.findings import Finding, Kind
from integrations.http import in_shape
from integrations.jira.client import JiraClient
from integrations.jira.hook_query import named, of_projects, only_projects
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

    def faults(self) -> Iterator[tuple[Kind, str]]:
        """For what nothing that it sends can be used."""
        if not self.active:
            yield Kind.WEBHOOK, "it is switched off"
        if self.bodiless:
            yield Kind.WEBHOOK, "it sends no body, so that nobody knows which ticket it is about"
        if self.signed is False:
            yield Kind.WEBHOOK_SECRET, "it has no secret, so that all it sends is refused"


class JiraWebhooks:
    """`projects` are those that are to be heard of. Ours are the webhooks that send to `address`:
    in full, where it is known under which address Jira reaches us, else the path at its end. One
    is enough; an administrator may have made one for each project."""

    def __init__(self, client: JiraClient, projects: Sequence[str], address: str) -> None:
        self.address = address
        self._client = client
        self._projects = tuple(sorted(projects))
        self._other_names: dict[str, frozenset[str]] = {}

    # --- looking ----------------------------------------------------------------------------

    def check(self) -> Iterator[Finding]:
        """See `Webhooks`. One read, and one for each project that no query names by its key.
        Whether deliveries arrive, Jira does not tell."""
        url = self._client.url
        try:
            ours, others, faults = self._ours, self._registered, list(self._faults())
        except (NotThere, SignInFailed) as error:
            told = f"webhooks of {url} cannot be read: {error.words}"
            yield Finding(False, told, self._mend(), kind=Kind.WEBHOOK_HIDDEN)
            return
        except TrackerError as error:
            told = f"webhooks could not be looked at: {error.words}"
            yield Finding(False, told, error.mend, kind=Kind.REACH)
            return
        if not ours:
            kind, what = Kind.WEBHOOK, f"no webhook of {url} sends to {self.address}"
            strays = [hook.url for hook in others if astray(hook.url, self.address)]
            if strays:
                kind, what = Kind.WEBHOOK_ADDRESS, f"{what}, but one to {strays[0]}"
            yield Finding(False, what, self._how(), kind=kind)
            return
        for kind, words in faults:
            yield Finding(False, f"{self._whose}: {words}", self._how(), kind=kind)
        if not faults:
            told = f"{self._whose} send{'s' * (len(ours) == 1)} here"
            if narrow := self._narrow():
                told = f"{told}; what is left out by {'; '.join(narrow)} is found by polling"
            yield Finding(True, told, kind=Kind.WEBHOOK)

    @property
    def _whose(self) -> str:
        names = ", ".join(hook.name for hook in self._ours)
        return f"the webhook{'s' * (len(self._ours) > 1)} {names}"

    def _faults(self) -> Iterator[tuple[Kind, str]]:
        """What is wrong with ours together: nothing as long as those that can be used send all."""
        if not self._ours or not self._lacking(self._used):
            return
        for hook in self._ours:
            alone = f"of {hook.name}, " if len(self._ours) > 1 else ""
            yield from ((kind, f"{alone}{words}") for kind, words in hook.faults())
        one = len(self._ours) == 1
        queries = "; ".join(hook.jql for hook in self._ours)
        left_out = [key for key in self._projects if not self._asking(key, self._ours)]
        if left_out:
            words = f"{'its query leaves' if one else 'their queries leave'} out"
            words = f"{words} {', '.join(left_out)}: {queries}"
            if any(named(hook.jql) is None for hook in self._ours):
                words = f"whether it sends {', '.join(left_out)} cannot be told by {queries}"
            yield Kind.WEBHOOK_EVENTS, words
        missing = _EVENTS.difference(*(hook.events for hook in self._ours)).union(
            *(lack for key, lack in self._lacking(self._ours).items() if key not in left_out)
        )
        if missing:
            send = "it does not send" if one else "they do not send all of"
            yield Kind.WEBHOOK_EVENTS, f"{send} {', '.join(sorted(missing))}"

    def _lacking(self, hooks: Sequence[_Hook]) -> Mapping[str, frozenset[str]]:
        """By project, the events of it that none of these sends."""
        lacking = {
            key: _EVENTS.difference(*(hook.events for hook in self._asking(key, hooks)))
            for key in self._projects
        }
        return {key: events for key, events in lacking.items() if events}

    def _narrow(self) -> list[str]:
        """Queries that let a project through, with something else that may leave out part of it."""
        asking = [self._asking(key, self._used) for key in self._projects]
        narrow = [hooks for hooks in asking if not any(only_projects(h.jql) for h in hooks)]
        return sorted({hook.jql for hooks in narrow for hook in hooks})

    def _asking(self, key: str, hooks: Sequence[_Hook]) -> list[_Hook]:
        """Those of these whose query lets the project through for certain."""
        return [hook for hook in hooks if not hook.jql.strip() or self._names(hook, key)]

    def _names(self, hook: _Hook, key: str) -> bool:
        words = named(hook.jql) or frozenset()
        return bool(words) and (key.casefold() in words or bool(words & self._called(key)))

    def _called(self, key: str) -> frozenset[str]:
        """How else a query may call the project: by its name and its id."""
        if key not in self._other_names:
            try:
                told = self._client.get(f"/project/{quote(key, safe='')}")
                names = (str(told.get("name", key)), str(told.get("id", key)))
            except (NotThere, SignInFailed):  # told elsewhere; here it has only its key
                names = (key, key)
            self._other_names[key] = frozenset(name.casefold() for name in names)
        return self._other_names[key]

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
    def _ours(self) -> tuple[_Hook, ...]:
        return tuple(hook for hook in self._registered if leads_to(hook.url, self.address))

    @property
    def _used(self) -> tuple[_Hook, ...]:
        """Those of ours whose deliveries can be used."""
        return tuple(hook for hook in self._ours if not any(hook.faults()))

    # --- changing ---------------------------------------------------------------------------

    def to_install(self, *, anew: bool = False) -> Iterator[Deed]:
        """See `Webhooks`. What ours do not send together, the first of them gets that can be mended
        without another query in the place of a person's, one that is switched off only if there is
        no other; else a further one sends it."""
        try:
            ours = self._ours
        except (NotThere, SignInFailed) as error:
            yield self._barred(error)
            return
        wrong = [words for _, words in self._faults()]
        fit = filter(self._may_be_mended, ours if wrong else ())
        mended = min(fit, key=lambda hook: (not hook.active, any(hook.faults())), default=None)
        if not ours or (wrong and mended is None):
            yield self._another(wrong)
        elif not wrong and not anew:
            yield Deed(Step.KEEP, self._client.url, "is as it should be")
        for hook in ours:
            made = self._widened(hook) if hook is mended else hook
            why = [*wrong] if hook is mended else []
            why += [f"its query becomes {made.jql}"] if made.jql != hook.jql else []
            why += ["its secret is written anew"] if anew and (hook.active or why) else []
            if why:
                do = partial(self._write, made)
                yield Deed(Step.UPDATE, self._client.url, "; ".join(why), do=do)

    def _another(self, wrong: Sequence[str]) -> Deed:
        """One that sends what ours there do not; `wrong` is what is wrong with those."""
        needed = self._lacking(self._used)
        jql, events = of_projects(needed), frozenset[str]().union(*needed.values())
        new = _Hook("", _NAME, self.address, events, jql, True, False, True)
        words = f"one that sends {', '.join(sorted(events))} of {jql} to {self.address}"
        if wrong:
            words = f"{words}, beside {self._whose}, whose query is not ours to change"
            words = f"{words}: {'; '.join(wrong)}"
        return Deed(Step.CREATE, self._client.url, words, do=partial(self._write, new))

    def _may_be_mended(self, hook: _Hook) -> bool:
        return only_projects(hook.jql) or self._widened(hook).jql == hook.jql

    def _widened(self, hook: _Hook) -> _Hook:
        """With what none of our others sends: what two of them send would arrive twice."""
        needed = self._lacking([each for each in self._used if each is not hook])
        kept = {key for key in self._projects if self._asking(key, [hook])}
        wider = of_projects(key for key in self._projects if key in {*kept, *needed})
        return replace(
            hook,
            events=hook.events.union(*needed.values()),
            jql=hook.jql if kept >= needed.keys() else wider,
        )

    def to_remove(self) -> Iterator[Deed]:
        """See `Webhooks`."""
        try:
            ours = self._ours
        except (NotThere, SignInFailed) as error:
            yield self._barred(error)
            return
        for hook in ours:
            words = f"the one that sends to {self.address}"
            yield Deed(Step.REMOVE, self._client.url, words, do=partial(self._remove, hook))

    def try_out(self) -> Iterator[Finding]:
        """See `Webhooks`: Jira cannot be asked to."""
        yield from ()

    def _barred(self, error: TrackerError) -> Deed:
        words = f"its webhooks may not be looked at: {error.words}"
        return Deed(Step.BY_HAND, self._client.url, words, self._mend())

    def _write(self, hook: _Hook, secret: str) -> None:
        """A secret is taken by all of them, and told again by none."""
        body: dict[str, Any] = {
            "name": hook.name or _NAME,
            "url": self.address,
            "events": sorted(hook.events),
            "filters": {_SECTION: hook.jql},
            "excludeBody": False,
        }
        if self._home == _MOVED:
            body |= {"configuration": {"secret": secret}, "active": True}
        else:
            body |= {"secret": secret, "enabled": True}
        method, path = ("PUT", hook.path) if hook.path else ("POST", self._home)
        self._client.beside(method, path, body)

    def _remove(self, old: _Hook, _: str) -> None:
        self._client.beside("DELETE", old.path)

    @property
    def _jql(self) -> str:
        return of_projects(self._projects)

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
