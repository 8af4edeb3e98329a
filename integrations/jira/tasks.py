"""Remediation tasks kept in sync: read, one or many, and written field by field.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-put
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from integrations.http import in_shape
from integrations.jira.client import Refused
from integrations.jira.reading import FIELD_IDS, Json, task_changes, task_state
from integrations.jira.site import JiraSite, summary
from integrations.jira.transitions import Moved, bring
from integrations.jira.workflow import Standing, Workflows, standing
from integrations.tracker import (
    FieldsSet,
    NotThere,
    OutcomeUnknown,
    Overtaken,
    RateLimited,
    Rejected,
    StaleVersion,
    Unavailable,
)
from workflows.effects import SetFields
from workflows.model import TicketRef
from workflows.snapshots import Field, Value
from workflows.tasks import StatusWish, TaskState

#: What a task is read with; `updated` and `project` say of what, `issuetype` of which workflow.
FIELDS = (
    "summary,status,resolution,assignee,fixVersions,duedate,labels,"
    "updated,project,issuetype,security"
)


class Tasks:
    """The tasks of one site, and what is remembered of its workflows."""

    def __init__(self, site: JiraSite) -> None:
        self._site = site
        self._workflows = Workflows(site)

    def look(self, ref: TicketRef) -> TaskState:
        """One issue by its id, which stays when it moves. NotThere when deleted or hidden."""
        with in_shape(ref.key):
            issue = self._site.client.get(f"/issue/{ref.id}", fields=FIELDS, expand="changelog")
            histories = (issue.get("changelog") or {}).get("histories") or ()
            return self._state(issue, histories)

    def look_through(self, jql: str) -> Iterator[TaskState]:
        """Every issue that the query finds, a hundred a call."""
        for issue in self._site.client.search(jql, FIELDS):
            with in_shape(str(issue.get("key"))):
                state = self._state(issue)
            yield state

    def _state(self, issue: Json, histories: Iterable[Json] = ()) -> TaskState:
        ref = self._site.reader.ref(issue)
        return task_state(ref, issue, task_changes(ref, histories))

    def set_fields(self, wanted: SetFields, overtaken: Overtaken) -> FieldsSet:
        """One read, one edit for the fields and a transition for the status, in this order: a
        status that closes an issue may forbid its edits. (Jira knows no condition on a write.)

        Raises OutcomeUnknown, so that the issue is read again, also where the fields were set and
        the transition was certainly not made.
        """
        with in_shape(wanted.task.key):
            issue = self._site.client.get(f"/issue/{wanted.task.id}", fields=FIELDS)
            state, here = self._state(issue), standing(issue)
        if why := overtaken(state):
            raise StaleVersion(why)
        edit = _Edit(self._site, wanted)
        confirmed = edit.make()
        if wanted.status is None:
            return FieldsSet(confirmed, edit.refused, at=self._site.client.answered)
        moved = self._move(wanted.task, wanted.status, here, wrote=bool(confirmed))
        if moved.refused:
            refused = {**edit.refused, Field.STATUS: moved.refused}
            return FieldsSet(confirmed, refused, moved.status, self._site.client.answered)
        if moved.status is not None:
            confirmed[Field.STATUS] = moved.status.name
        return FieldsSet(confirmed, edit.refused, moved.status, self._site.client.answered)

    def _move(self, ref: TicketRef, wish: StatusWish, here: Standing, *, wrote: bool) -> Moved:
        try:
            return bring(self._workflows, ref, wish, here)
        except (Unavailable, RateLimited) as error:
            if not wrote:
                raise
            words = f"The fields were set, and then: {error.words}"
            raise OutcomeUnknown(words, mend=error.mend) from error
        except Rejected as no:  # we may edit, and not transition
            if not wrote:
                raise
            return Moved(None, f"{no.words}. {no.mend}".strip())


class _Edit:
    """The fields of one issue, apart from its status. `refused` grows as they are tried."""

    def __init__(self, site: JiraSite, wanted: SetFields) -> None:
        self._site, self._wanted = site, wanted
        self._place = wanted.task.key.rpartition("-")[0]
        self._versions_are_new = False
        self.refused: dict[Field, str] = {}

    def make(self) -> dict[Field, Value]:
        """Set what can be set, and return that. A 400 is without effect, so that the rest is sent
        once more without what it names."""
        parts: dict[Field, Any] = {
            field: part
            for field in self._wanted.values
            if field is not Field.STATUS and (part := self._part(field)) is not None
        }
        while parts:
            try:
                self._site.client.put(f"/issue/{self._wanted.task.id}", _body(parts))
            except Refused as no:
                parts = self._without(parts, no)
            else:
                return {field: self._value(field) for field in parts}
        return {}

    def _without(self, parts: Mapping[Field, Any], no: Refused) -> dict[Field, Any]:
        """What is left of the edit; nothing where Jira does not say which field it is about."""
        named = {
            field: no.fields[FIELD_IDS[field]] for field in parts if FIELD_IDS[field] in no.fields
        }
        kept = {field: part for field, part in parts.items() if field not in named and named}
        for field in parts:
            if field in kept:
                continue
            if field is Field.MILESTONE and named and not self._versions_are_new:
                # renamed, merged or deleted since they were remembered
                self._forget_versions()
                part = self._versions()
                if part is not None and part != parts[field]:
                    kept[field] = part
                if part is None or field in kept:
                    continue
            if field is Field.OWNER:
                self._site.forget_assignable(self._place, self._wanted.values[field] or "")
            self.refused[field] = str(named.get(field, no.words))
        return kept

    def _value(self, field: Field) -> Value:
        """As Jira has it: a title that fits into a line, a version as the project spells it (names
        that differ in case only are the same to Jira, and it finds them as they are spelt)."""
        value = self._wanted.values[field]
        if field is Field.MILESTONE and value is not None:
            return self._spelt(value)
        return summary(value) if field is Field.TITLE and value else value

    def _spelt(self, version: str) -> str:
        known = {name.casefold(): name for name in self._site.versions(self._place)}
        return known.get(version.casefold(), version)

    def _part(self, field: Field) -> Any:
        """What is sent for a field; None when it is refused already."""
        value = self._wanted.values[field]
        match field:
            case Field.OWNER:
                return self._owner(value)
            case Field.MILESTONE:
                return self._versions()
            case Field.TITLE if not (value or "").strip():
                self.refused[field] = "an issue has a summary: it cannot be emptied"
                return None
            case _:
                return {"fields": {FIELD_IDS[field]: self._value(field)}}

    def _owner(self, handle: Value) -> Any:
        """Cloud takes null for nobody, Data Center an object whose name is null.
        https://support.atlassian.com/jira/kb/how-to-set-assignee-to-unassigned-via-rest-api-in-jira/
        """
        if handle is None:
            nobody = None if self._site.client.cloud else {"name": None}
            return {"fields": {"assignee": nobody}}
        place = self._place
        try:
            if self._site.assignable(place, handle) is None:
                name = self._wanted.owner_name or handle
                self.refused[Field.OWNER] = f"{name} is not assignable in {place}"
                return None
        except (Rejected, NotThere):  # we may not look people up: then the edit itself tells
            pass
        return {"fields": {"assignee": self._site.assignee(handle)}}

    def _versions(self) -> Any:
        """One version for another, so that further ones stay. Where nobody knows what stands
        there, all but `also` is replaced."""
        wanted, place = self._wanted, self._place
        new, also = self._value(Field.MILESTONE), wanted.also.get(Field.MILESTONE, ())
        if new is not None and not self._site.version(place, new):
            self.refused[Field.MILESTONE] = f"{place} has no version {new!r}, and we may not add it"
            return None
        if Field.MILESTONE not in wanted.replaces:
            kept = [*also, new] if new is not None and new not in also else [*also]
            return {"update": {"fixVersions": [{"set": [{"name": name} for name in kept]}]}}
        old = wanted.replaces[Field.MILESTONE]
        steps = []
        # a version that is no more has left its issues, and removing it would be refused
        if old is not None and old != new and self._has_version(old):
            steps.append({"remove": {"name": old}})
        if new is not None:
            steps.append({"add": {"name": new}})
        return {"update": {"fixVersions": steps}}

    def _has_version(self, name: str) -> bool:
        known = name in self._site.versions(self._place)
        if not known and not self._versions_are_new:
            self._forget_versions()
            known = name in self._site.versions(self._place)
        return known

    def _forget_versions(self) -> None:
        self._site.forget_versions(self._place)
        self._versions_are_new = True


def _body(parts: Mapping[Field, Mapping[str, Any]]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for part in parts.values():
        for name, fields in part.items():
            body.setdefault(name, {}).update(fields)
    return body
