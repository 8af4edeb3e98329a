"""Webhooks as a tracker keeps them: which of them are ours, whether they are right, and making
them so. Ours are those that send to our address; all others are somebody else's and left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from integrations.findings import Finding


class Hears(StrEnum):
    """What the service must hear of in a place."""

    TICKETS = "tickets"  # with their comments, milestones and relations
    FILES = "files"
    PROPOSALS = "proposals"  # changes that are proposed, as pull requests


class Step(StrEnum):
    """What is to be done about a webhook."""

    KEEP = "keep"
    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    BY_HAND = "by hand"  # this account may not


@dataclass(frozen=True, slots=True)
class Deed:
    """What is to be done about the webhook of a `place` (of the whole site: its address), and
    why, in words. `mend` says how a person does it. `do` does it with a secret; it raises the
    TrackerError family."""

    step: Step
    place: str
    words: str
    mend: str = ""
    do: Callable[[str], None] | None = field(default=None, compare=False, repr=False)


class Webhooks(Protocol):
    """The webhooks of one connection. What the account may not read is a finding, or a deed by
    hand; where nobody answers, all but `check` raise the TrackerError family."""

    address: str

    def check(self) -> Iterator[Finding]:
        """Is there one for each place, of the right events, and does it arrive? Reads only."""

    def to_install(self, *, anew: bool = False) -> Iterator[Deed]:
        """What it takes that all is heard: one deed for each webhook that there is to be. `anew`:
        what is right is written again, with its secret, which no tracker tells."""

    def to_remove(self) -> Iterator[Deed]:
        """What it takes that none of ours is left."""

    def try_out(self) -> Iterator[Finding]:
        """Have each webhook of ours send something, where the tracker does so when it is asked,
        and tell how it was answered."""


_PORTS = {"http": 80, "https": 443}


def leads_to(url: str, address: str) -> bool:
    """Whether a webhook's url is this address, or has this path at its end. Scheme and host are
    the same in any case, and with their usual port named or not; a slash at the end leads to the
    same door."""
    path = _path(url)
    if address.startswith("/"):
        return path.endswith(address)
    asked = _parts(url).query
    return (_server(url), path, asked) == (_server(address), _path(address), "")


def _parts(url: str) -> SplitResult:
    """Empty where somebody wrote what is no URL."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _path(url: str) -> str:
    return _parts(url).path.rstrip("/")


def _server(url: str) -> tuple[str, str, str]:
    """What is asked, and as whom, in one spelling. A port that is none stays as it is written."""
    parts = _parts(url)
    user, _, host = parts.netloc.rpartition("@")
    host = host.lower().removesuffix(f":{_PORTS.get(parts.scheme)}").removesuffix(":")
    return parts.scheme, user, host


def in_words(address: str) -> str:
    """The address as a person types it, who knows its beginning where we do not."""
    return f"https://(this service){address}" if address.startswith("/") else address


def astray(url: str, address: str) -> bool:
    """Whether a webhook was perhaps meant for us, and sends elsewhere: to our path on another
    host, or to another path of webhooks on ours."""
    if leads_to(url, address):
        return False
    path = _path(url)
    if path.endswith(_path(address)):
        return True
    here = address.startswith("/") or _server(url) == _server(address)
    return path.startswith("/webhooks/") and here
