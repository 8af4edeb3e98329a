"""GitHub's webhooks: is it really GitHub, and what is it a hint of?

Both answers are pure. Headers and bodies:
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from integrations.github.marker import UPDATES, due_in, key_in
from integrations.github.reading import person_of, state_of
from integrations.http import in_shape, readable
from integrations.signatures import signed_by
from integrations.tracker import (
    BadSignature,
    Envelope,
    Malformed,
    Notice,
    Proposed,
    Tells,
    Unavailable,
)
from workflows.model import Change
from workflows.snapshots import Field
from workflows.tasks import TaskState

Json = dict[str, Any]

#: Events that people may well have switched on, and why there is nothing to do about them.
IGNORED: Mapping[str, str] = {
    "branch_protection_rule": "settings of the repository",
    "check_run": "results of checks are not followed",
    "check_suite": "results of checks are not followed",
    "commit_comment": "comments on commits are not followed",
    "create": "a branch or tag: what is on it comes as a push",
    "delete": "a branch or tag: a document's pull request tells what became of it",
    "deployment": "deployments are not followed",
    "deployment_status": "deployments are not followed",
    "discussion": "discussions are not followed",
    "discussion_comment": "discussions are not followed",
    "fork": "somebody's copy",
    "github_app_authorization": "settings of the app",
    "installation": "settings of the app",
    "installation_repositories": "settings of the app",
    "installation_target": "settings of the app",
    "label": "labels are read with each ticket",
    "member": "permissions are asked for when they matter",
    "membership": "permissions are asked for when they matter",
    "meta": "the webhook itself was deleted",
    "organization": "settings of the organisation",
    "ping": "GitHub says hello",
    "projects_v2": "projects are not followed",
    "projects_v2_item": "projects are not followed",
    "projects_v2_status_update": "projects are not followed",
    "public": "settings of the repository",
    "pull_request_review": "reviews are not followed",
    "pull_request_review_comment": "reviews are not followed",
    "pull_request_review_thread": "reviews are not followed",
    "release": "releases are not followed",
    "repository": "settings of the repository",
    "star": "somebody likes it",
    "status": "results of checks are not followed",
    "team": "permissions are asked for when they matter",
    "team_add": "permissions are asked for when they matter",
    "watch": "somebody likes it",
    "workflow_dispatch": "runs of workflows are not followed",
    "workflow_job": "runs of workflows are not followed",
    "workflow_run": "runs of workflows are not followed",
}

_COMMITS_LISTED = 2048

#: Of git's two kinds of names: https://git-scm.com/docs/hash-function-transition
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

#: Which issue of the payload an event is about, by the event and the start of its action. The
#: same relation is told once to each side.
_RELATIONS: Mapping[tuple[str, str], str] = {
    ("sub_issues", "sub_issue_"): "parent_issue",
    ("sub_issues", "parent_issue_"): "sub_issue",
    ("issue_dependencies", "blocked_by_"): "blocked_issue",
    ("issue_dependencies", "blocking_"): "blocking_issue",
}


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Envelope:
    """The delivery, once one of `secrets` is found to sign exactly these bytes.

    Reads ``X-Hub-Signature-256``, ``X-GitHub-Delivery``, ``X-GitHub-Event`` and
    ``Content-Type``, in any case. A form (``payload=…``, GitHub's other content type) is
    unpacked: the envelope's body is always the JSON text.

    Raises BadSignature first, then Malformed.
    """
    told = {name.lower(): value for name, value in headers.items()}
    if not signed_by(told.get("x-hub-signature-256", ""), body, secrets):
        raise BadSignature("no secret of this connection signs this body (X-Hub-Signature-256)")
    delivery, event = told.get("x-github-delivery", ""), told.get("x-github-event", "")
    for name, value in (("X-GitHub-Delivery", delivery), ("X-GitHub-Event", event)):
        if not value or len(value) > 200 or not value.isascii() or not value.isprintable():
            raise Malformed(f"the header {name} is missing or unreadable")
    is_form = told.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if is_form and not body.lstrip().startswith(b"{"):  # curl calls everything a form
        body = _unpacked(body)
    _object(body)
    return Envelope(id=delivery, event=event, body=body)


def shown(envelope: Envelope, restricted: bool) -> object:  # noqa: ARG001 - as of all vendors
    """The delivery's payload as it may be shown to whoever may look at deliveries; None when it
    cannot be read. Who may read an issue may read all of it, so nothing is withheld."""
    try:
        return _object(envelope.body)
    except Malformed:
        return None


def normalise(envelope: Envelope) -> Notice:
    """What the delivery says happened. Total: every JSON object gives a notice.

    Raises Malformed only for a body that `verify` would not have let through.
    """
    payload = _object(envelope.body)
    event, action = envelope.event, _text(payload.get("action")) or ""
    name = f"{event}.{action}" if action else event
    if event == "issues":
        return _issue(payload, _part(payload, "issue"), name, gone=action == "deleted")
    if event == "issue_comment":
        return _comment(payload, name)
    if event in ("sub_issues", "issue_dependencies"):
        return _relation(payload, event, action, name)
    if event == "pull_request":
        return _pull_request(payload, name)
    if event == "push":
        return _push(payload, name)
    if event == "milestone":
        return _milestone(payload, action, name)
    if event in IGNORED:
        return _notice(payload, Tells.NOTHING, f"{name}: {IGNORED[event]}")
    return _notice(payload, Tells.UNKNOWN, f"{name} is not an event that we know")


def _issue(payload: Json, issue: Json, name: str, *, gone: bool = False) -> Notice:
    """A transferred issue is read again too: its old address redirects to the new one. What the
    payload says of it is how it was before. Of a closed and locked one it says nothing: whether it
    was converted to a discussion only a read tells."""
    ticket_id = _text(issue.get("node_id"))
    if ticket_id is None:
        return _notice(payload, Tells.UNKNOWN, f"{name} names no issue")
    sealed = issue.get("state") == "closed" and issue.get("locked")
    return _notice(
        payload,
        Tells.TICKET_GONE if gone else Tells.TICKET,
        name,
        ticket_id=ticket_id,
        key=_key(payload, issue),
        at=_time(issue.get("updated_at")),
        marker=key_in(_text(issue.get("body"))),
        created=name == "issues.opened",
        state=None if name == "issues.transferred" or sealed else _state(payload, issue),
        whole=name.startswith("issues."),
    )


#: What an event about an issue tells to have changed.
#: https://docs.github.com/en/webhooks/webhook-events-and-payloads#issues
_CHANGED: Mapping[str, Field] = {
    "assigned": Field.OWNER,
    "unassigned": Field.OWNER,
    "milestoned": Field.MILESTONE,
    "demilestoned": Field.MILESTONE,
    "closed": Field.STATUS,
    "reopened": Field.STATUS,
}


def _state(payload: Json, issue: Json) -> TaskState | None:
    """The issue as the payload has it, with what was changed, by whoever sent it."""
    edited, action = _part(payload, "changes"), _text(payload.get("action")) or ""
    changed = [_CHANGED[action]] if action in _CHANGED else []
    changed += [Field.TITLE] if "title" in edited else []
    before = _part(edited, "body").get("from")  # a due date is a line of the body
    if "body" in edited and due_in(_text(before)) != due_in(_text(issue.get("body"))):
        changed.append(Field.DUE)
    try:
        with in_shape("the payload"):
            state, by = state_of("", issue), person_of(_part(payload, "sender") or None)
    except Unavailable:
        return None
    changes = tuple(Change(state.updated, by, field.value, None, None) for field in changed)
    return replace(state, changes=changes)


def _milestone(payload: Json, action: str, name: str) -> Notice:
    """What its issues say may be another name by now, or none.
    https://docs.github.com/en/webhooks/webhook-events-and-payloads#milestone"""
    if action in ("edited", "deleted"):
        return _notice(payload, Tells.MILESTONES, name)
    if action in ("closed", "opened"):
        return _notice(payload, Tells.CLOSINGS, name)
    return _notice(payload, Tells.NOTHING, f"{name}: no issue says otherwise for that")


def _comment(payload: Json, name: str) -> Notice:
    issue, comment = _part(payload, "issue"), _part(payload, "comment")
    ticket_id, comment_id = _text(issue.get("node_id")), _number(comment.get("id"))
    if ticket_id is None or comment_id is None:
        return _notice(payload, Tells.UNKNOWN, f"{name} names no issue or no comment")
    # A pull request is an issue with a link to its other half:
    # https://docs.github.com/en/rest/issues/comments#about-issue-and-pull-request-comments
    on_document = "pull_request" in issue
    return _notice(
        payload,
        Tells.DOCUMENT if on_document else Tells.TICKET,
        f"{name} on a pull request" if on_document else name,
        ticket_id=None if on_document else ticket_id,
        key=_key(payload, issue),
        at=_time(comment.get("updated_at")),
        comment_id=str(comment_id),
        marker=key_in(_text(comment.get("body"))),
        state=None if on_document else _state({}, issue),  # `changes` are those of the comment
    )


def _relation(payload: Json, event: str, action: str, name: str) -> Notice:
    for (kind, start), part in _RELATIONS.items():
        if event == kind and action.startswith(start):
            told = _issue(payload, _part(payload, part), name)
            child = _text(_part(payload, "sub_issue").get("body"))
            return replace(told, marker=key_in(child), related=True)
    return _notice(payload, Tells.UNKNOWN, f"{name} is not an event that we know")


def _pull_request(payload: Json, name: str) -> Notice:
    pull = _part(payload, "pull_request")
    branch = _text(_part(pull, "head").get("ref"))
    if branch is None:
        return _notice(payload, Tells.UNKNOWN, f"{name} names no branch")
    told = _notice(
        payload,
        Tells.DOCUMENT,
        name,
        key=_key(payload, pull),
        at=_time(pull.get("updated_at")),
        marker=key_in(_text(pull.get("body"))),
        branch=branch.removesuffix(UPDATES),
    )
    return replace(told, proposed=_proposed(pull))


def _proposed(pull: Json) -> Proposed | None:
    """What is proposed; None where the payload does not tell of it whole."""
    number, at = _number(pull.get("number")), _time(pull.get("updated_at"))
    commit = _text(_part(pull, "head").get("sha")) or ""
    if number is None or at is None or not _COMMIT.fullmatch(commit):
        return None
    return Proposed(number, commit, pull.get("state") == "open", at)


def _push(payload: Json, name: str) -> Notice:
    """GitHub lists 2,048 commits at most; a push as large names no paths: all may have changed.
    https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
    """
    ref = _text(payload.get("ref")) or ""
    if not ref.startswith("refs/heads/"):
        return _notice(payload, Tells.NOTHING, f"{name}: not to a branch")
    paths: dict[str, None] = {}
    commits = payload.get("commits")
    if not isinstance(commits, list) or len(commits) >= _COMMITS_LISTED:
        commits = []
    for commit in commits:
        for kind in ("added", "modified", "removed"):
            named = commit.get(kind) if isinstance(commit, dict) else None
            for path in named if isinstance(named, list) else []:
                if isinstance(path, str):
                    paths[path] = None
    branch = ref.removeprefix("refs/heads/")
    told = _notice(
        payload,
        Tells.DOCUMENT,
        name,
        at=_time(_part(payload, "head_commit").get("timestamp")),
        paths=tuple(paths),
        branch=branch,
    )
    counts = branch == _text(_part(payload, "repository").get("default_branch"))
    return replace(told, pushed_to=told.place) if counts else told


def _notice(
    payload: Json,
    tells: Tells,
    why: str,
    *,
    ticket_id: str | None = None,
    key: str | None = None,
    at: datetime | None = None,
    comment_id: str | None = None,
    marker: str | None = None,
    created: bool = False,
    paths: tuple[str, ...] = (),
    branch: str | None = None,
    state: TaskState | None = None,
    whole: bool = False,
) -> Notice:
    return Notice(
        tells=tells,
        why=why,
        ticket_id=ticket_id,
        key=key,
        place=_place(payload),
        at=at,
        by=_text(_part(payload, "sender").get("login")),
        comment_id=comment_id,
        marker=marker,
        created=created,
        paths=paths,
        branch=branch,
        state=state,
        whole=whole,
    )


def _place(payload: Json) -> str | None:
    return _text(_part(payload, "repository").get("full_name"))


def _key(payload: Json, issue: Json) -> str | None:
    place, number = _place(payload), _number(issue.get("number"))
    return None if place is None or number is None else f"{place}#{number}"


def _unpacked(body: bytes) -> bytes:
    try:
        fields = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=10)
    except (UnicodeDecodeError, ValueError):
        raise Malformed("the form cannot be read") from None
    if "payload" not in fields:
        raise Malformed("the form holds no field named payload")
    return fields["payload"][0].encode("utf-8", "replace")


def _object(body: bytes) -> Json:
    try:
        payload = readable(json.loads(body), body)
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON, or nested too deeply") from None
    if not isinstance(payload, dict):
        raise Malformed("the body is not a JSON object")
    return payload


def _part(payload: Json, name: str) -> Json:
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    return value if type(value) is int and 0 < value < 2**63 else None


def _time(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
