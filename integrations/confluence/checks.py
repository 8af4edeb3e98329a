"""What `doctor` looks at on a Confluence site, and how each fault is mended. Nothing is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from integrations.confluence.site import ConfluenceSite
from integrations.findings import Finding, Kind
from integrations.tracker import NotThere, SignInFailed, TrackerError


def check(site: ConfluenceSite, places: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """Sign-in, then each space with the parent page that documents get there, or ""."""
    try:
        who = site.account()
    except TrackerError as error:
        yield _failed(f"sign in to {site.client.url}", error)
        return
    yield Finding(True, f"signed in to {site.client.url} as {who}")
    for space, parent in places:
        try:
            yield from _space(site, space)
            if parent:
                page = site.read(site.parent(space, parent))
                yield Finding(True, f"pages are made under {page.title!r} in {space}")
        except TrackerError as error:
            yield _failed(f"space {space}", error)


def _space(site: ConfluenceSite, key: str) -> Iterator[Finding]:
    space = site.space(key)
    yield Finding(True, f"space {key} ({space.name}) is visible")
    may = "create" in site.may(key)
    mend = f"Give this account the permission to add pages in the space {key}."
    told = f"may make pages in {key}"
    yield Finding(may, told, "" if may else mend, to_write=True, kind=Kind.PERMISSION)


def _failed(what: str, error: TrackerError) -> Finding:
    kind = Kind.PLACE if isinstance(error, NotThere) else Kind.REACH
    kind = Kind.SIGN_IN if isinstance(error, SignInFailed) else kind
    return Finding(False, f"{what}: {error.words}", error.mend, kind=kind)
