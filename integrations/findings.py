"""What `doctor` finds, and of what kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a finding is about: programs tell faults apart by it, so its words stay."""

    SIGN_IN = "sign-in"  # a wrong or expired token
    PLACE = "place"  # a project, repository or directory: not there, hidden, or not to be used
    PERMISSION = "permission"
    ISSUE_TYPE = "issue type"
    LABEL = "label"
    COMPONENT = "component"
    FIELD = "field"
    SCREEN = "screen"  # a field that cannot be set when a ticket is created
    REQUIRED_FIELD = "required field"  # one that nobody would fill in
    LINK_TYPE = "link type"
    STATUS = "status"  # one that the rules name, and that is not there
    DONE = "done"  # no way to a status that means done
    PERSON = "person"  # not assignable, or without an account there
    WRITERS = "writers"  # who may cause effects by what they write
    WEBHOOK = "webhook"  # missing, or switched off
    WEBHOOK_EVENTS = "webhook events"
    WEBHOOK_SECRET = "webhook secret"  # noqa: S105 - the name of a fault
    WEBHOOK_ADDRESS = "webhook address"
    WEBHOOK_HIDDEN = "webhook permission"  # webhooks may not be looked at
    CLOCK = "clock"
    RATE = "rate"  # what the tracker allows is nearly used up
    PUBLIC = "public"  # what only some may read would go where everybody may
    NO_MATCH = "no match"  # a rule that fits no ticket
    REACH = "reach"  # nobody answers, or not as a tracker does
    SERVER = "server"  # the service's own database, or its broker
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `doctor` looked at. `to_write`: it only matters to whoever writes. `place` is
    the project or repository that it is about, where it is about one."""

    ok: bool
    what: str
    mend: str = ""
    to_write: bool = False
    kind: Kind = Kind.OTHER
    place: str = ""
