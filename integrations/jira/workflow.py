"""What is known of Jira's workflows: which transitions lead where.

Jira tells transitions for one issue only, from where it is
(https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-get).
What was told is remembered for ten minutes for all issues of the same project, type and status,
which share a workflow; conditions may still tell them apart, so what is remembered is a guess, and
is forgotten when it proves wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from integrations.http import in_shape
from integrations.jira.reading import category_of, project_of, status
from integrations.jira.site import JiraSite
from workflows.model import Status, StatusCategory, TicketRef

_KEPT = timedelta(minutes=10)
_FIELDS = "status,resolution,issuetype,project"

#: What an issue is never without, so that a screen may demand it and need not be given it.
_ALWAYS_HELD = frozenset({"summary", "issuetype", "project"})


@dataclass(frozen=True, slots=True)
class Way:
    """A transition that an issue is offered: `to` is the name of the status that it leads to,
    `fields` those of its screen by id, as Jira describes them. `conditional`: whether it is
    offered depends on the issue. `everywhere`: it is offered in each status, where Jira tells."""

    id: str
    name: str
    to: str
    category: StatusCategory
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    conditional: bool = False
    everywhere: bool = False

    def demands(self) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """Required fields without a default."""
        for id, told in self.fields.items():
            required = told.get("required") and not told.get("hasDefaultValue")
            if required and id not in _ALWAYS_HELD:
                yield id, told


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an issue stands: in whose workflow, and in which status of it."""

    place: str
    type: str
    status: Status


def standing(issue: Mapping[str, Any]) -> Standing:
    """Where an issue stands that was read with status, resolution, issuetype and project."""
    kind = (issue["fields"].get("issuetype") or {}).get("id")
    return Standing(project_of(issue), str(kind), status(issue["fields"]))


class Workflows:
    """The memory of one site's workflows."""

    def __init__(self, site: JiraSite) -> None:
        self.site = site
        self._ways: dict[tuple[str, str, str], tuple[datetime, tuple[Way, ...]]] = {}

    def read_standing(self, ref: TicketRef) -> Standing:
        with in_shape(ref.key):
            return standing(self.site.client.get(f"/issue/{ref.id}", fields=_FIELDS))

    def known(self, here: Standing, status: str) -> tuple[Way, ...] | None:
        """The ways from a status of the same workflow, where they are remembered."""
        told, ways = self._ways.get((here.place, here.type, status), (None, None))
        if told is None or self.site.client.clock() - told >= _KEPT:
            return None
        return ways

    def read_ways(self, ref: TicketRef, here: Standing) -> tuple[Way, ...]:
        """The ways that the issue is offered now."""
        with in_shape(ref.key):
            path = f"/issue/{ref.id}/transitions"
            told = self.site.client.get(path, expand="transitions.fields")["transitions"]
            ways = tuple(_way(one) for one in told if one.get("isAvailable") is not False)
        self._ways[here.place, here.type, here.status.name] = (self.site.client.clock(), ways)
        return ways

    def holds(self, ref: TicketRef, ids: Iterable[str]) -> dict[str, bool]:
        """Which of these fields the issue has a value in."""
        wanted = list(ids)
        with in_shape(ref.key):
            fields = self.site.client.get(f"/issue/{ref.id}", fields=",".join(wanted))["fields"]
            return {id: fields.get(id) not in (None, "", []) for id in wanted}


def _way(told: Mapping[str, Any]) -> Way:
    to = told["to"]
    return Way(
        id=str(told["id"]),
        name=str(told.get("name") or told["id"]),
        to=str(to["name"]),
        category=category_of(to),
        fields={} if told.get("hasScreen") is False else dict(told.get("fields") or {}),
        conditional=bool(told.get("isConditional")),
        everywhere=bool(told.get("isGlobal")),
    )
