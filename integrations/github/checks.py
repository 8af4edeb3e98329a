"""What `doctor` looks at on a GitHub server, and how each fault is mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from urllib.parse import urlsplit

from integrations.findings import Finding, Kind
from integrations.github.app_checks import check_installation
from integrations.github.client import GitHubClient
from integrations.tracker import NotThere, RateLimited, SignInFailed, TrackerError
from integrations.uses import Use

#: A token that ends so soon is told, so that another one is made in time.
_SOON = timedelta(days=14)


def check(client: GitHubClient, places: Mapping[str, Use]) -> Iterator[Finding]:
    """Sign-in, then each repository: is it seen, may we write, has it issues, whom can it
    assign, has it sub-issues. Reads only."""
    try:
        login = client.login()
    except SignInFailed as error:
        mend = error.mend
        if not client.signer.is_app:
            mend += " It was mistyped, withdrawn, or has expired."
        yield Finding(False, f"sign-in: {error.words}", mend, kind=Kind.SIGN_IN)
        return
    except TrackerError as error:
        mend = _ADDRESS if _astray(client.url, error) else error.mend
        yield Finding(False, f"sign-in: {error.words}", mend, kind=Kind.REACH)
        return
    yield Finding(True, f"signed in as {login}", kind=Kind.SIGN_IN)
    if not client.signer.is_app:
        headers = client.headers("/user")
        yield from _scopes(headers.get("x-oauth-scopes", ""))
        yield from _end(headers.get("github-authentication-token-expiration", ""), client.clock())
    for place, use in places.items():
        try:
            yield from _place(client, place, use)
        except NotThere as error:
            yield Finding(False, f"{place}: {error.words}", _UNSEEN, kind=Kind.PLACE, place=place)
        except TrackerError as error:
            told = f"{place}: {error.words}"
            yield Finding(False, told, error.mend, kind=Kind.PERMISSION, place=place)


def _astray(url: str, error: TrackerError) -> bool:
    """Whether the address is probably none of an API: every one of GitHub's tells who signs in."""
    path = urlsplit(url).path
    beside = path not in ("", "/") and not path.endswith("/api/v3")
    return isinstance(error, NotThere) or (beside and not isinstance(error, RateLimited))


_ADDRESS = (
    "Write only the API's address as url in the rules: https://api.github.com, or "
    "https://HOST/api/v3 of an Enterprise Server, without a repository or organisation."
)

_UNSEEN = (
    "Look whether its name in the rules is right, and give the account access to it (its token, "
    "too): GitHub tells both alike."
)


def _scopes(told: str) -> Iterator[Finding]:
    """Only classic tokens have scopes.
    https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps"""
    if told and not {"repo", "public_repo"} & {scope.strip() for scope in told.split(",")}:
        yield Finding(
            False,
            f"the token has the scopes {told}",
            "Give it the scope repo, or make a fine-grained token with write access to "
            "issues, contents and pull requests.",
            kind=Kind.PERMISSION,
        )


def _end(told: str, now: datetime) -> Iterator[Finding]:
    """When the token ends, where it does ("2027-01-03 10:00:00 UTC").
    https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api"""
    try:
        end = datetime.strptime(told, "%Y-%m-%d %H:%M:%S %Z").replace(tzinfo=UTC)
    except ValueError:  # for good, or told in another way
        return
    mend = "Make a new one, and set it where the rules read it, before this one ends."
    soon = end - now < _SOON
    yield Finding(True, f"the token ends on {end:%Y-%m-%d}", mend if soon else "")


def _place(client: GitHubClient, place: str, use: Use) -> Iterator[Finding]:
    repository = client.repository(place)
    if repository.name.lower() != place.lower():
        mend = "Write its new name in the rules."
        yield Finding(
            False,
            f"{place}: is called {repository.name} now",
            mend,
            kind=Kind.PLACE,
        )
    elif repository.name != place:
        yield Finding(True, f"{place}: GitHub writes it {repository.name}; case is ignored")
    if repository.archived:
        mend = "Unarchive it in its settings."
        yield Finding(False, f"{place}: is archived", mend, kind=Kind.PLACE)
    elif not repository.has_issues:
        mend = "Switch Issues on in its settings."
        yield Finding(False, f"{place}: has no issues", mend, kind=Kind.PLACE)
    else:
        yield Finding(True, f"{place}: visible, with issues")
    if repository.may_push is False:
        yield Finding(
            False,
            f"{place}: no write access",
            "Give the account write access: without it GitHub drops owners, labels and "
            "milestones in silence.",
            to_write=True,
            kind=Kind.PERMISSION,
        )
    elif repository.may_push:
        yield Finding(True, f"{place}: write access")
    if client.signer.is_app:
        yield from check_installation(client, place, use)
    yield from _people(client, place)
    yield from _sub_issues(client, place)


def _people(client: GitHubClient, place: str) -> Iterator[Finding]:
    people = len(list(islice(client.pages(f"{client.present_path(place)}/assignees"), 100)))
    shown = "100 or more" if people == 100 else str(people)
    yield Finding(
        people > 0,
        f"{place}: {shown} people can be assigned",
        "" if people else "Give the owners of tasks at least the role Triage there.",
        kind=Kind.PERSON,
    )


def _sub_issues(client: GitHubClient, place: str) -> Iterator[Finding]:
    path = f"{client.present_path(place)}/issues"
    for issue in islice(client.pages(path, state="all", per_page=1), 1):
        try:
            next(client.pages(f"{path}/{issue['number']}/sub_issues"), None)
            yield Finding(True, f"{place}: sub-issues")
        except NotThere:
            yield Finding(True, f"{place}: no sub-issues here; the one comment lists tasks")
