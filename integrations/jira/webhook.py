"""Jira's webhooks: whose bytes they are, and what they are a hint of.

Event names and shapes: https://developer.atlassian.com/cloud/jira/platform/webhooks/ (Cloud) and
https://developer.atlassian.com/server/jira/platform/webhooks/ (Data Center).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from integrations.http import in_shape, readable
from integrations.jira.reading import task_changes, task_state
from integrations.signatures import signed_by
from integrations.tracker import BadSignature, Envelope, Malformed, Notice, Tells, Unavailable
from workflows.model import TicketRef
from workflows.tasks import TaskState

#: The entity property in which everything that we create carries its effect key.
PROPERTY = "followthrough"

_TOLD_OF_TICKET = {
    "jira:issue_created": "the ticket was created",
    "jira:issue_updated": "the ticket changed",
    "comment_created": "a comment was written",
    "comment_updated": "a comment was edited",
    "comment_deleted": "a comment was deleted",
}

#: A renamed version is the same version: no issue of it is updated, and none is told of. The
#: payload names its project by an id only. Data Center and Cloud call these events alike.
_TOLD_OF_VERSIONS = {
    "jira:version_updated": "a version was changed",
    "jira:version_deleted": "a version was deleted or merged",
}

#: https://developer.atlassian.com/server/jira/platform/webhooks/
_TOLD_OF_RELEASES = {
    "jira:version_released": "a version was released",
    "jira:version_unreleased": "a version's release was taken back",
}

#: Known, and nothing to do: the beginning of the event's name, and why.
_IGNORED = {
    "issue_property_": "properties are read with the ticket they stand on",
    "issuelink_": "links are read with the tickets that they join",
    "worklog_": "logged work changes nothing here",
    "jira:worklog_": "logged work changes nothing here",
    "attachment_": "it names no ticket; the ticket's own update tells of attachments",
    "project_": "a project's tickets tell of themselves, and the poller sees who is gone",
    "jira:version_": "no ticket says otherwise for that",
    "issuetype_": "types are read with the tickets",
    "user_": "people are read with the tickets",
    "option_": "a setting of the whole site",
    "sprint_": "sprints are not followed",
    "board_": "boards are not followed",
    "filter_": "filters are not followed",
    "jira_expression_": "an evaluation of a Jira expression that failed",
}

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}-[0-9]{1,18}")
_ID = re.compile(r"[0-9]{1,18}")
_ISSUE_IN_ADDRESS = re.compile(r"/issue/([0-9]{1,18})(?:/|$)")
_LONGEST = 255


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Envelope:
    """The delivery in `body`, if one of `secrets` signs it; nothing is parsed before that.

    Raises BadSignature, or Malformed when it is no Jira webhook. The id is the sender's, the
    same on each retry; Data Center may send none, then it is the hash of the body (which holds
    a time in milliseconds).
    """
    told = {name.lower(): value for name, value in headers.items()}
    if not signed_by(told.get("x-hub-signature", ""), body, secrets):
        raise BadSignature("no secret of this connection signs the delivery (X-Hub-Signature)")
    event = _text(_parsed(body).get("webhookEvent"))
    if not event:
        raise Malformed("a Jira webhook is a JSON object with a webhookEvent; this has none")
    given = _text(told.get("x-atlassian-webhook-identifier"))
    return Envelope(
        id=given or hashlib.sha256(body).hexdigest(),
        event=event,
        body=body,
        repeated="x-atlassian-webhook-retry" in told,
    )


#: What names a thing, a person or a field, or counts: everybody who sees the project knows it.
_NAMES = (
    "self id key name accountId displayName field fieldId fieldtype type colorName webhookEvent"
    " issue_event_type_name timestamp created updated startAt maxResults total"
)

#: The fields of an issue that only name things; all others may hold what somebody wrote.
_NAMING = (
    "project issuetype status statusCategory priority resolution security assignee reporter creator"
    " created updated components fixVersions"
)

#: What belongs to other issues, or to some readers only, whoever may read the issue itself.
_APART = frozenset({"comment", "worklog", "issuelinks", "issueLink", "subtasks", "parent"})


def shown(envelope: Envelope, restricted: bool) -> object:
    """The delivery's payload as it may be shown to whoever may look at deliveries; None when it
    cannot be read.

    The words of comments are withheld: nothing in a payload tells reliably who may read them
    (Data Center's name no internal ones). So is what people wrote in an issue, unless the payload
    itself says that the issue has no security level, and it is not `restricted` by now.
    """
    try:
        payload = _parsed(envelope.body)
        fields = _part(_part(payload, "issue"), "fields")
        everybody = not restricted and "security" in fields and fields["security"] is None
        return {name: _shown(part, name, everybody) for name, part in payload.items()}
    except (Malformed, RecursionError):
        return None


def _shown(value: object, name: str, everybody: bool) -> object:
    everybody = everybody and name not in _APART
    if name == "body" and not everybody:  # whatever its parts are called, they are somebody's words
        return "(withheld)"
    if isinstance(value, Mapping):
        if str(value.get("field") or "").casefold() == "comment":  # in a changelog
            everybody = False
        hidden = name == "fields" and not everybody
        return {
            key: "(withheld)"
            if hidden and key not in _NAMING.split()
            else _shown(part, key, everybody)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_shown(part, name, everybody) for part in value]
    if everybody or name in _NAMES.split() or value is None or isinstance(value, bool):
        return value
    return "(withheld)"


def normalise(envelope: Envelope) -> Notice:
    """What the delivery is a hint of. Total: whatever the body holds, there is a Notice."""
    try:
        payload = _parsed(envelope.body)
    except Malformed as error:
        return Notice(Tells.UNKNOWN, str(error))
    if envelope.event in _TOLD_OF_VERSIONS:
        why = _TOLD_OF_VERSIONS[envelope.event]
        return Notice(Tells.MILESTONES, why, at=_time(payload), by=_actor(payload))
    if envelope.event in _TOLD_OF_RELEASES:
        why = _TOLD_OF_RELEASES[envelope.event]
        return Notice(Tells.CLOSINGS, why, at=_time(payload), by=_actor(payload))
    for beginning, why in _IGNORED.items():
        if envelope.event.startswith(beginning):
            return Notice(Tells.NOTHING, why, at=_time(payload), by=_actor(payload))
    gone = envelope.event == "jira:issue_deleted"
    why = "the ticket was deleted" if gone else _TOLD_OF_TICKET.get(envelope.event, "")
    if not why:
        return Notice(
            Tells.UNKNOWN, f"{envelope.event} is unknown", at=_time(payload), by=_actor(payload)
        )
    return _about_ticket(Tells.TICKET_GONE if gone else Tells.TICKET, why, payload)


def _about_ticket(tells: Tells, why: str, payload: Mapping[str, Any]) -> Notice:
    issue, comment = _part(payload, "issue"), _part(payload, "comment")
    key = _match(_KEY, issue.get("key"))
    ticket_id = _match(_ID, issue.get("id")) or _id_beside_issue(payload)
    if not ticket_id and not key:
        tells, why = Tells.UNKNOWN, f"{why}, but it does not say which ticket"
    changed = _changed_fields(payload)
    return Notice(
        tells,
        f"{why}: {changed}" if changed else why,
        ticket_id=ticket_id,
        key=key,
        place=_place(issue, key),
        at=_time(payload),
        by=_actor(payload),
        comment_id=_match(_ID, comment.get("id")),
        marker=_marker(comment) or _marker(issue),
        created=payload.get("webhookEvent") == "jira:issue_created",
        state=_state(payload, TicketRef("", ticket_id or "", key or "", "")),
        whole="security" in _part(issue, "fields"),
    )


def _state(payload: Mapping[str, Any], ref: TicketRef) -> TaskState | None:
    """The issue as the payload has it, with what was changed, by whoever did."""
    log = _part(payload, "changelog")
    at, by = _time(payload), payload.get("user")
    history = {**log, "author": by, "created": at.isoformat() if at else None}
    try:
        with in_shape("the payload"):
            changes = task_changes(ref, [history]) if log and at else ()
            return task_state(ref, _part(payload, "issue"), changes)
    except Unavailable:
        return None


def _id_beside_issue(payload: Mapping[str, Any]) -> str | None:
    """Data Center's comment events hold no issue, but the comment's address does."""
    address = _text(_part(payload, "comment").get("self")) or ""
    found = _ISSUE_IN_ADDRESS.search(address)
    return found.group(1) if found else None


def _place(issue: Mapping[str, Any], key: str | None) -> str | None:
    project = _text(_part(_part(issue, "fields"), "project").get("key"))
    return project or (key.rpartition("-")[0] if key else None)


def _actor(payload: Mapping[str, Any]) -> str | None:
    """`user`, or on a bare comment event whoever wrote last."""
    comment = _part(payload, "comment")
    for person in (
        _part(payload, "user"),
        _part(comment, "updateAuthor"),
        _part(comment, "author"),
    ):
        handle = _text(person.get("accountId")) or _text(person.get("name"))
        if handle:
            return handle
    return None


def _changed_fields(payload: Mapping[str, Any]) -> str:
    items = _part(payload, "changelog").get("items")
    if not isinstance(items, list):
        return ""
    fields = [_text(item.get("field")) for item in items[:20] if isinstance(item, dict)]
    return ", ".join(field for field in fields if field)


def _marker(entity: Mapping[str, Any]) -> str | None:
    """Our key, where the entity came with its properties: as a list of key and value (comments),
    or as a mapping (issues)."""
    properties = entity.get("properties")
    if isinstance(properties, list):
        properties = {
            entry["key"]: entry.get("value")
            for entry in properties
            if isinstance(entry, dict) and isinstance(entry.get("key"), str)
        }
    return _text(_part(properties, PROPERTY).get("key"))


def _time(payload: Mapping[str, Any]) -> datetime | None:
    """`timestamp` is milliseconds since 1970."""
    told = payload.get("timestamp")
    if not isinstance(told, int | float) or isinstance(told, bool):
        return None
    try:
        return datetime.fromtimestamp(told / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        payload = readable(json.loads(body), body)
    except (ValueError, RecursionError) as error:
        raise Malformed("the body is not readable as JSON") from error
    if not isinstance(payload, dict):
        raise Malformed("a Jira webhook is a JSON object")
    return payload


def _part(whole: Any, name: str) -> Mapping[str, Any]:
    part = whole.get(name) if isinstance(whole, Mapping) else None
    return part if isinstance(part, dict) else {}


def _match(pattern: re.Pattern[str], value: Any) -> str | None:
    text = _text(value)
    return text if text and pattern.fullmatch(text) else None


def _text(value: Any) -> str | None:
    """A short text, also where it came as a number."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        value = str(value)
    if not isinstance(value, str):
        return None
    return value[:_LONGEST].strip() or None
