"""What people are called in each kind of tracker."""

from __future__ import annotations

#: https://support.atlassian.com/atlassian-cloud/kb/get-an-atlassian-cloud-users-account-id/ tells
#: administrators of the organisation; everybody sees it in the address of a profile.
_ACCOUNT_ID = (
    "Jira Cloud wants their accountId under people, no e-mail address: open their profile in Jira, "
    "its address ends with it (…/jira/people/ACCOUNT-ID). In a Data Center it is their username."
)


def instead(kind: str, handle: str) -> str:
    """What to write for somebody whose `handle` a tracker of this kind does not know, where it is
    seen that it is no such thing; "" where it may be one."""
    return _ACCOUNT_ID if kind == "jira" and "@" in handle else ""
