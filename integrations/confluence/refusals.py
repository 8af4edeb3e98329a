"""What Confluence's refusals to write mean, where its answer alone does not tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from integrations.confluence.client import Refused
from integrations.tracker import NotThere, Rejected

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
