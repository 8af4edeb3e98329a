"""Whether a webhook of a repository tells us of an event, as far as the account may look.

https://docs.github.com/en/rest/repos/webhooks#list-repository-webhooks
"""

from __future__ import annotations

from integrations.github.client import GitHubClient
from integrations.github.redelivery import leads_to
from integrations.tracker import Finding, NotThere, TrackerError


def check_told(
    client: GitHubClient, place: str, address: str, event: str, what: str, mend: str
) -> Finding:
    """One read. A webhook of the organisation may tell as well, and only its owners can look: so
    it is never a fault. `what` is told, in words; `address` is ours."""
    if client.signer.is_app:
        return _app_told(client, place, address, event, what, mend)
    try:
        ours = [
            hook
            for hook in client.pages(f"{client.present_path(place)}/hooks")
            if leads_to(str((hook.get("config") or {}).get("url", "")), address)
        ]
    except TrackerError:  # hooks belong to administrators: often so
        return Finding(True, f"{place}: whether a webhook tells of {what} is unknown", mend)
    events = {str(event) for hook in ours for event in hook.get("events") or ()}
    if {event, "*"} & events:
        return Finding(True, f"{place}: a webhook tells of {what}")
    return Finding(True, f"{place}: no webhook of its own tells of {what}", mend)


def _app_told(
    client: GitHubClient, place: str, address: str, event: str, what: str, mend: str
) -> Finding:
    """The same of an App, which has one webhook for all its repositories.
    https://docs.github.com/en/rest/apps/webhooks"""
    try:
        leads_here = leads_to(str(client.read("/app/hook/config").get("url", "")), address)
    except NotThere:  # it has none
        leads_here = False
    if leads_here and event in (client.read("/app").get("events") or ()):
        return Finding(True, f"{place}: the App's webhook tells of {what}")
    return Finding(True, f"{place}: the App's webhook does not tell of {what}", mend)
