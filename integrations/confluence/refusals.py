"""What Confluence's refusals to write mean, where its answer alone does not tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, Protocol

from integrations.confluence.client import Refused
from integrations.tracker import NotThere, Rejected, StaleVersion, TrackerError

#: "A page with this title already exists: A page already exists with the title …"
_TAKEN = re.compile(r"title already exists|already exists with the (same )?title", re.IGNORECASE)


class TitleTaken(Rejected):
    """Another page of the space has this title."""


@contextmanager
def titles() -> Iterator[None]:
    """While a page is created: a refusal because of its title is told as one."""
    try:
        yield
    except Refused as error:
        if _TAKEN.search(error.words):
            raise TitleTaken(error.words) from error
        raise


@contextmanager
def permitted(look: Callable[[], object], mend: str) -> Iterator[None]:
    """While something is written: Cloud says "not found" also of what the account may see and not
    write. NotThere stays what it is only where `look` raises it, too; else Rejected with `mend`.
    https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-page/#api-pages-id-put"""
    try:
        yield
    except NotThere as error:
        look()
        raise Rejected(error.words, mend=mend) from error


class Numbered(Protocol):
    """A page as it is now."""

    @property
    def version(self) -> int: ...


def thrown_away(
    title: str, version: int, look: Callable[[], Numbered], throw: Callable[[], object]
) -> NoReturn:
    """After a write that Cloud took and that made no next version: the page was in the trash, and
    all that happened is that it came out. If `look` finds it as it was, `throw` puts it back.

    Raises NotThere once it is in the trash; StaleVersion when somebody saved it meanwhile; Rejected
    for whatever keeps it out, for who tries again would find a page like any other.
    `PageUpdateRequest.status`,
    https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-page/#api-pages-id-put
    """
    words = f"{title!r} was thrown away, and our write took it out of the trash"
    mend = "Throw the page away again. If it should stay, have this tried again."
    try:
        if look().version != version:
            raise StaleVersion(f"{words}; somebody saved it since")
        with permitted(look, mend):
            throw()
    except (NotThere, StaleVersion):
        raise
    except TrackerError as error:
        raise Rejected(f"{words}; it could not be put back: {error.words}", mend=mend) from error
    raise NotThere(f"{title!r} was thrown away while we wrote to it")
