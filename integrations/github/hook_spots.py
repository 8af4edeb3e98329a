"""Which webhooks of ours there are in GitHub, and what those of a place send together.

An organisation's is told of all its repositories. Whether it is on, and of which events, its
owners decide for all of them: so what it does not send, a repository's own is to send.

Routes: https://docs.github.com/en/rest/repos/webhooks and https://docs.github.com/en/rest/orgs/webhooks
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import quote

from integrations.findings import Kind
from integrations.github.client import GitHubClient
from integrations.github.servers import on_enterprise_server, pages_of
from integrations.http import Answer
from integrations.tracker import NotThere, SignInFailed, TrackerError
from integrations.webhooks import Hears, astray, leads_to

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
NEWER = frozenset({"sub_issues", "issue_dependencies"})

NO_SECRET = "it has no secret, so that all it sends is refused"  # noqa: S105 - words


def events_of(what: Iterable[Hears]) -> frozenset[str]:
    """The events that it takes to hear of this."""
    return frozenset[str]().union(*(_EVENTS[each] for each in what))


def required(events: frozenset[str], url: str) -> frozenset[str]:
    """Those of them that the server at this address has for certain."""
    return events - NEWER if on_enterprise_server(url) else events


@dataclass(frozen=True, slots=True)
class Hook:
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
            yield Kind.WEBHOOK_SECRET, NO_SECRET


def unsent(needed: frozenset[str], hooks: Iterable[Hook]) -> frozenset[str]:
    """Those of these events that none of the webhooks sends."""
    sent = frozenset[str]().union(*(hook.events for hook in hooks))
    return frozenset() if "*" in sent else needed - sent


@dataclass(frozen=True, slots=True)
class Spot:
    """A repository that is to have a webhook of ours, or an organisation that has one. `name` is
    what people call it, `path` the API's list of its webhooks, `page` where people find that list;
    `events` what its own are to send, of an organisation nothing; `hooks` ours; `strays` addresses
    of those that were perhaps meant for us; `hidden` why its webhooks cannot be read; `beside`
    what its organisation's does for it, in words."""

    name: str
    path: str
    page: str
    events: frozenset[str] = frozenset()
    whole: bool = False
    hooks: tuple[Hook, ...] = ()
    strays: tuple[str, ...] = ()
    hidden: TrackerError | None = None
    beside: str = ""

    @property
    def mended(self) -> Hook | None:
        """Which of a repository's gets what they do not send together: the first that can be used.
        One that somebody switched off stays so as long as there is another."""

        def rank(hook: Hook) -> tuple[bool, bool]:
            return not hook.active, any(hook.faults())

        return None if self.whole else min(self.hooks, key=rank, default=None)

    def faults(self, needed: frozenset[str]) -> Iterator[tuple[Kind, str]]:
        """What is wrong with ours together: nothing as long as those that can be used send all,
        else what the one lacks that is to be mended. Of an organisation's only that it has no
        secret; what it does not send, each repository tells that needs it."""
        if self.whole:
            for hook in (hook for hook in self.hooks if hook.active):
                yield from hook.faults()
            return
        used = [hook for hook in self.hooks if not any(hook.faults())]
        if self.mended is None or not unsent(needed, used):
            return
        yield from self.mended.faults()
        if missing := unsent(needed, [self.mended, *used]):
            yield Kind.WEBHOOK_EVENTS, f"it does not send {', '.join(sorted(missing))}"


@dataclass(frozen=True)
class Spots:
    """Those of the repositories of `heard`, and their owners; `address` is as in
    `GitHubWebhooks`. Read once."""

    client: GitHubClient
    heard: Mapping[str, frozenset[Hears]]
    address: str

    @cached_property
    def all(self) -> tuple[Spot, ...]:
        """Organisations that have a webhook of ours, and repositories of which those do not send
        all that is to be heard."""
        return tuple(self._looked())

    @cached_property
    def beside(self) -> tuple[Spot, ...]:
        """The other repositories that have one of ours, as far as they may be looked at."""
        known = {spot.name for spot in self.all}
        others = (self._repository(place) for place in self.heard if place not in known)
        return tuple(spot for spot in others if spot.hooks)

    def _looked(self) -> Iterator[Spot]:
        whole: dict[str, Spot] = {}
        for place in self.heard:
            owner = place.partition("/")[0]
            if owner not in whole:
                whole[owner] = self._organisation(owner)
                if whole[owner].hooks:
                    yield whole[owner]
            left, beside = self._left(place, whole[owner])
            if left:
                yield replace(self._repository(place), events=left, beside=beside)

    def _left(self, place: str, whole: Spot) -> tuple[frozenset[str], str]:
        """What a repository's own webhook is to send beside its organisation's, and what there is
        to say of that one. One without a secret counts, because that is written into it."""
        events = events_of(self.heard[place])
        on = [hook for hook in whole.hooks if hook.active]
        left = unsent(events, on)
        if not unsent(required(events, self.client.url), on):
            left = frozenset()
        if not whole.hooks or not left:
            return left, ""
        if not on:
            return left, f"the webhook of {whole.name} is switched off"
        sent = ", ".join(sorted(events - left)) or "none of that"
        return left, f"the webhook of {whole.name} sends {sent}"

    def _organisation(self, owner: str) -> Spot:
        """Empty where it is a person, or we are no owner: often so."""
        path, page = (
            f"/orgs/{quote(owner, safe='')}/hooks",
            f"/organizations/{owner}/settings/hooks",
        )
        return self._filled(Spot(f"organisation {owner}", path, self._page(page), whole=True))

    def _repository(self, place: str) -> Spot:
        page = self._page(f"/{place}/settings/hooks")
        try:
            path = f"{self.client.present_path(place)}/hooks"
        except (NotThere, SignInFailed) as error:
            return Spot(place, "", page, hidden=error)
        return self._filled(Spot(place, path, page))

    def _filled(self, spot: Spot) -> Spot:
        hooks, strays = list[Hook](), list[str]()
        try:
            for told in self.client.pages(spot.path):
                url = str((told.get("config") or {}).get("url", ""))
                if leads_to(url, self.address):
                    hooks.append(Hook(f"{spot.path}/{int(told['id'])}", told))
                elif astray(url, self.address):
                    strays.append(url)
        except (NotThere, SignInFailed) as error:
            return replace(spot, hidden=error)
        return replace(spot, hooks=tuple(hooks), strays=tuple(strays))

    def _page(self, path: str) -> str:
        return f"{pages_of(self.client.url)}{path}"
