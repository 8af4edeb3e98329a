"""Webhook deliveries that GitHub could not get rid of, and asking for them again.

GitHub repeats nothing by itself; it keeps what it sent for three days (Enterprise Server: seven)
and sends it once more when asked, under the same GUID:
https://docs.github.com/en/webhooks/using-webhooks/automatically-redelivering-failed-deliveries-for-a-repository-webhook
Routes: https://docs.github.com/en/rest/repos/webhooks, https://docs.github.com/en/rest/orgs/webhooks
and https://docs.github.com/en/rest/apps/webhooks
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from urllib.parse import quote, urlsplit

from integrations.github.client import GitHubClient
from integrations.github.recent import Recent
from integrations.http import Answer
from integrations.tracker import (
    Finding,
    MissedDelivery,
    NotThere,
    OutcomeUnknown,
    SignInFailed,
    TrackerError,
)

#: Hooks belong to administrators: to others the list is 404, to tokens without the permission 403.
#: https://docs.github.com/en/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens#repository-permissions-for-webhooks
MEND = (
    "To have failed deliveries sent again, make the account an administrator there and give its "
    "token the permission Webhooks: read and write (a classic one: the scope repo or "
    "admin:repo_hook)."
)


#: A busy organisation's hook sends thousands an hour: fifty pages of one are read at a time, and
#: what is older is left to polling.
_MOST_READ = 5000


@dataclass(frozen=True, slots=True)
class Hooks:
    """The paths of our hooks, and by place why hooks could not be read there."""

    paths: tuple[str, ...]
    hidden: dict[str, TrackerError]


class GitHubRedelivery:
    """`integrations.tracker.KeptDeliveries` of one connection, whose webhooks are registered in
    `places` or their owners.

    Ours are the hooks that send to `address`: in full, where it is known under which address
    GitHub reaches us, else the path at its end.
    """

    def __init__(self, client: GitHubClient, places: Sequence[str], address: str) -> None:
        self._client = client
        self._places = places
        self._address = address
        self._hooks: Recent[str, Hooks] = Recent(client.clock)
        enterprise_server = urlsplit(client.url).path.rstrip("/").endswith("/api/v3")
        self.kept_for = timedelta(days=7 if enterprise_server else 3)

    def missed(self, since: datetime) -> Iterator[MissedDelivery]:
        """Those that were sent at `since` or later and never answered with 2xx, each once, the
        earliest first. Raises NotThere or SignInFailed where no hook can be read."""
        hooks = self._hooks.get("", self._our_hooks)
        if hooks.hidden and not hooks.paths:
            place, error = next(iter(hooks.hidden.items()))
            raise type(error)(f"{place}: webhooks cannot be read: {error.words}", mend=MEND)
        failed: dict[str, MissedDelivery] = {}
        arrived: set[str] = set()
        # All hooks that get one event get it under one GUID, and we record it once.
        for path in hooks.paths:
            for told in self._sent(path, since):
                guid = str(told["guid"])
                if 200 <= int(told.get("status_code") or 0) < 300:
                    arrived.add(guid)
                else:
                    failed[guid] = _missed(told, path)
        late = (each for guid, each in failed.items() if guid not in arrived)
        yield from sorted(late, key=lambda each: each.at)

    def ask_again(self, handle: str) -> None:
        """Have it sent once more. It is repeatable: of two that arrive, one is recorded."""
        with suppress(OutcomeUnknown):  # the next look tells
            self._client.write("POST", handle, None)

    def check(self) -> Iterator[Finding]:
        """Whether failed deliveries can be asked for again; polling finds what they told of."""
        try:
            hooks = self._our_hooks()
        except TrackerError as error:
            yield Finding(True, f"webhooks could not be looked at: {error.words}", error.mend)
            return
        for place, why in hooks.hidden.items():
            yield Finding(True, f"{place}: webhooks cannot be read: {why.words}", MEND)
        if hooks.paths:
            count = len(hooks.paths)
            sends = "1 webhook sends" if count == 1 else f"{count} webhooks send"
            yield Finding(True, f"{sends} here; failed deliveries are asked for again")
        elif not hooks.hidden:
            mend = "To hear of changes at once, register a webhook: docs/how-to/webhooks-github.md."
            if self._client.signer.is_app:
                mend = "To hear of changes at once, set this address as the App's webhook URL."
            yield Finding(True, f"no webhook sends to {self._address}", mend)

    def _our_hooks(self) -> Hooks:
        """Of an App its own webhook, which is told of all its installations; else those of
        repositories and their owners."""
        if self._client.signer.is_app:
            return self._apps_hook()
        paths: list[str] = []
        hidden: dict[str, TrackerError] = {}
        for place in self._places:
            try:
                paths += self._ours(f"{self._client.present_path(place)}/hooks")
            except (NotThere, SignInFailed) as error:
                hidden[place] = error
        for owner in dict.fromkeys(place.partition("/")[0] for place in self._places):
            with suppress(NotThere, SignInFailed):  # a person, or we are no owner: often so
                paths += self._ours(f"/orgs/{quote(owner, safe='')}/hooks")
        return Hooks(tuple(paths), hidden)

    def _apps_hook(self) -> Hooks:
        """https://docs.github.com/en/rest/apps/webhooks#get-a-webhook-configuration-for-an-app"""
        try:
            url = str(self._client.read("/app/hook/config").get("url", ""))
        except NotThere:  # it has none
            url = ""
        return Hooks(("/app/hook",) if leads_to(url, self._address) else (), {})

    def _ours(self, path: str) -> list[str]:
        return [
            f"{path}/{int(hook['id'])}"
            for hook in self._client.pages(path)
            if hook.get("active", True)
            and leads_to(str((hook.get("config") or {}).get("url", "")), self._address)
        ]

    def _sent(self, path: str, since: datetime) -> Iterator[Answer]:
        """What was sent since then, the latest first, as far as it is read."""
        for told in islice(self._client.pages(f"{path}/deliveries"), _MOST_READ):
            if datetime.fromisoformat(str(told["delivered_at"])) < since:
                return
            yield told


def leads_to(url: str, address: str) -> bool:
    """Whether a hook's url is this address, or has this path at its end."""
    if address.startswith("/"):
        return urlsplit(url).path.rstrip("/").endswith(address)
    return url.rstrip("/") == address


def _missed(told: Answer, path: str) -> MissedDelivery:
    return MissedDelivery(
        id=str(told["guid"]),
        event=str(told["event"]),
        at=datetime.fromisoformat(str(told["delivered_at"])),
        handle=f"{path}/deliveries/{int(told['id'])}/attempts",
    )
