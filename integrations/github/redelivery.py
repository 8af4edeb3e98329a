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
from urllib.parse import quote

from integrations.github.client import GitHubClient
from integrations.github.recent import Recent
from integrations.github.servers import on_enterprise_server
from integrations.http import Answer
from integrations.tracker import (
    MissedDelivery,
    NotThere,
    OutcomeUnknown,
    SignInFailed,
    TrackerError,
)
from integrations.webhooks import leads_to

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
        self.kept_for = timedelta(days=7 if on_enterprise_server(client.url) else 3)

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


def _missed(told: Answer, path: str) -> MissedDelivery:
    return MissedDelivery(
        id=str(told["guid"]),
        event=str(told["event"]),
        at=datetime.fromisoformat(str(told["delivered_at"])),
        handle=f"{path}/deliveries/{int(told['id'])}/attempts",
    )
