"""Where a creation shows whose answer never came, the surest place first."""

from __future__ import annotations

from collections.abc import Iterator

from integrations.github.client import CLOCKS_DIFFER, GitHubClient, Json, issue_path
from integrations.tracker import Lost, NotThere


def candidates(client: GitHubClient, connection: str, lost: Lost) -> Iterator[Json]:
    """Issues that may be what was lost, to be told by their marker; asked for as they are needed.

    First what our own webhooks told of, then what relates to incident and document, all read by
    number and so from no index that lags. Last the account's own issues in the place since then:
    a list, not search, whose index lags by minutes. Only what our own account opened counts:
    anybody can copy a text that holds a marker. Its name is asked for anew: of one that was renamed
    nothing would be found, and all of it be made again.
    """
    me = client.login(anew=True).casefold()
    for issue in _everywhere(client, connection, lost):
        author = str((issue.get("user") or {}).get("login", ""))
        if author.casefold() == me and "pull_request" not in issue:
            yield issue


def _everywhere(client: GitHubClient, connection: str, lost: Lost) -> Iterator[Json]:
    yield from _sighted(client, lost)
    incident = lost.incident
    near = [incident.key] if incident and incident.connection == connection else []
    if lost.document is not None and lost.document_connection == connection:
        # A pull request's document is called owner/name#7:branch:path; an issue's is a ticket.
        ticket = lost.document.ticket
        near.append(ticket.key if ticket else lost.document.id.partition(":")[0])
    for key in near:
        yield from _related(client, key)
    yield from client.ours(lost.place, lost.since - CLOCKS_DIFFER)


def _sighted(client: GitHubClient, lost: Lost) -> Iterator[Json]:
    for _, key in lost.sighted:
        try:
            yield client.read(issue_path(key))
        except NotThere:
            continue


def _related(client: GitHubClient, key: str) -> Iterator[Json]:
    """The sub-issues of an issue or pull request, and what names it in its text: GitHub notes
    that on the named one as it happens.
    https://docs.github.com/en/rest/using-the-rest-api/issue-event-types#cross-referenced"""
    try:
        path = client.present_issue_path(key)
        yield from client.pages(f"{path}/sub_issues")
    except NotThere:  # the server has no sub-issues, or the incident is gone
        pass
    try:
        events = client.pages(f"{client.present_issue_path(key)}/timeline")
        for event in events:
            source = (event.get("source") or {}).get("issue")
            if event.get("event") == "cross-referenced" and source is not None:
                yield source
    except NotThere:
        return
