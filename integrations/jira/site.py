"""What is remembered of a Jira site: create screens, assignable people, versions, link types.

Everything here is read when it is first needed and kept for ten minutes, so that an incident
costs no such calls while the caches are warm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

from integrations.jira.client import JiraClient
from integrations.jira.reading import Reader, Writers, person
from integrations.jira.text import ADF, LONGEST, WIKI, Markup
from integrations.jira.writers import read_writers
from integrations.tracker import NotThere, OutcomeUnknown, Rejected, SignInFailed, Unavailable
from workflows.model import Person, TicketRef

_KEPT = timedelta(minutes=10)
_LONGEST_SUMMARY = 255

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Screen:
    """What may be set when an issue of this type is created: field id → its description, as
    createmeta gives it."""

    type_id: str
    fields: Mapping[str, Mapping[str, Any]]

    def takes(self, field: str) -> bool:
        return field in self.fields

    def demands(self) -> dict[str, str]:
        """Required fields that have no default: id → name."""
        return {
            id: str(told.get("name") or id)
            for id, told in self.fields.items()
            if told.get("required") and not told.get("hasDefaultValue")
        }


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a project."""

    id: str
    released: bool


class JiraSite:
    """One site through one account, with its memory."""

    def __init__(
        self,
        connection: str,
        client: JiraClient,
        *,
        link_type: str,
        writers: Mapping[str, frozenset[str]],
    ) -> None:
        self.connection = connection
        self.client = client
        self.link_type = link_type
        self.roles = writers
        self._account: str | None = None
        self._memory: dict[tuple[str, ...], tuple[datetime, Any]] = {}

    @property
    def markup(self) -> Markup:
        return ADF if self.client.cloud else WIKI

    @property
    def reader(self) -> Reader:
        return Reader(self.connection, self.client.url, self.markup)

    def account(self) -> str:
        """The handle of the account that we act as. Kept for good: it cannot change."""
        if self._account is None:
            me = person(self.client.get("/myself"))
            if me is None:
                raise Rejected(f"{self.client.url} does not say who we are")
            self._account = me.handle
        return self._account

    def screen(self, project: str, issue_type: str) -> Screen:
        """The create screen. Raises Rejected when the project has no such issue type."""
        return self._remembered(
            ("screen", project, issue_type), lambda: self._read_screen(project, issue_type)
        )

    def _read_screen(self, project: str, issue_type: str) -> Screen:
        path = f"/issue/createmeta/{project}/issuetypes"
        types = {str(t["name"]): str(t["id"]) for t in self.client.pages(path, "issueTypes")}
        known = {name.casefold(): id for name, id in types.items()}
        type_id = known.get(issue_type.casefold())
        if type_id is None:
            raise Rejected(
                f"{project} has no issue type {issue_type!r} that may be created",
                mend=f"It has {', '.join(types) or 'none'}; else let this account create issues.",
            )
        fields = self.client.pages(f"{path}/{type_id}", "fields")
        return Screen(type_id, {str(f.get("fieldId") or f["key"]): f for f in fields})

    def assignable(self, project: str, handle: str) -> Person | None:
        """The person, if issues of the project may be assigned to them."""
        return self._remembered(
            ("assignable", project, handle), lambda: self._read_assignable(project, handle)
        )

    def _read_assignable(self, project: str, handle: str) -> Person | None:
        asked = {"accountId": handle} if self.client.cloud else {"username": handle}
        found = self.client.listed(
            "/user/assignable/search", project=project, maxResults=50, **asked
        )
        people = [p for user in found if (p := person(user)) is not None]
        return next((p for p in people if p.handle == handle), None)

    def forget_assignable(self, project: str, handle: str) -> None:
        """That they are assignable, or not, proved wrong."""
        self._memory.pop(("assignable", project, handle), None)

    def assignee(self, handle: str) -> dict[str, str]:
        return {"accountId": handle} if self.client.cloud else {"name": handle}

    def writers(self, project: str) -> Writers:
        """Those whose words may cause effects in the project."""
        wanted = self.roles.get(project, frozenset())
        return self._remembered(
            ("writers", project), lambda: read_writers(self.client, project, wanted)
        )

    def version(self, project: str, name: str) -> bool:
        """See to it that the project has a version of this name; False when it is refused.

        A creation whose answer never came raises Unavailable: names are unique in a project, so
        asking again does no harm.
        """
        names = self.versions(project)
        if name in names:
            return True
        try:
            made = self.client.post("/version", {"name": name, "project": project})
        except OutcomeUnknown as error:
            self.forget_versions(project)
            raise Unavailable(error.words) from error
        except (Rejected, NotThere):  # Data Center answers 404 to whom it does not let
            self.forget_versions(project)  # or somebody has just made it
            return name in self.versions(project)
        names[name] = Version(str(made["id"]), released=False)
        return True

    def versions(self, project: str) -> dict[str, Version]:
        """The project's versions by name, the released and archived ones too."""
        return self._remembered(("versions", project), lambda: self._read_versions(project))

    def forget_versions(self, project: str) -> None:
        """What is remembered of the project's versions proved wrong."""
        self._memory.pop(("versions", project), None)

    def _read_versions(self, project: str) -> dict[str, Version]:
        return {
            str(told["name"]): Version(str(told["id"]), bool(told.get("released")))
            for told in self.client.listed(f"/project/{project}/versions")
        }

    def release(self, project: str, name: str, released: bool) -> None:
        """Release a version, or take that back; its issues and its dates stay as they are.
        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-project-versions/#api-rest-api-3-version-id-put
        """
        known = self.versions(project).get(name)
        if known is None:
            raise NotThere(f"{project} has no version {name!r}")
        try:
            self.client.put(f"/version/{known.id}", {"released": released})
        except SignInFailed:
            raise
        except (Rejected, NotThere) as no:  # 404 to whom it does not let, or it went just now
            mend = f"Grant ADMINISTER_PROJECTS in {project} to this account."
            raise Rejected(no.words, mend=mend) from no
        finally:
            self.forget_versions(project)

    def relation(self) -> str | None:
        """The name of the link type, as the site writes it; None when it has no such type."""
        names = self._remembered(("link types",), self._read_link_types)
        return names.get(self.link_type.casefold())

    def _read_link_types(self) -> dict[str, str]:
        """404, "Issue linking is currently disabled.", is what a site without links says:
        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-link-types/"""
        try:
            types = self.client.get("/issueLinkType")["issueLinkTypes"]
        except NotThere:
            return {}
        return {str(t["name"]).casefold(): str(t["name"]) for t in types}

    def description(self, text: str) -> Any:
        """Markdown as a rich text that fits into a field."""
        body = self.markup.from_markdown(text)
        while self.markup.sizes[-1](body) > LONGEST and text:
            kept = text[: len(text) * 3 // 4]
            # at the end of a line: half a line may be half an escape, or code that never ends
            text = (kept.rpartition("\n")[0] or kept).rstrip()
            body = self.markup.from_markdown(f"{text}\n\n…")
        return body

    def links(self, *others: TicketRef | None) -> list[dict[str, Any]]:
        """The ``update.issuelinks`` of a creation that relates the new issue to those of the
        others that are on this site."""
        relation = self.relation()
        if relation is None:
            return []
        here = {ref.id: None for ref in others if ref and ref.connection == self.connection}
        return [{"add": {"type": {"name": relation}, "outwardIssue": {"id": id}}} for id in here]

    def public(self, project: str) -> bool:
        """Whether everybody may browse the project. Permission schemes grant that to a group
        "anyone" or not, and may only be read by administrators: so it is tried."""
        path = f"/project/{quote(project, safe='')}"
        return self._remembered(("public", project), lambda: self.client.anybody_reads(path))

    def _remembered(self, what: tuple[str, ...], read: Callable[[], T]) -> T:
        now = self.client.clock()
        kept = self._memory.get(what)
        if kept is not None and now - kept[0] < _KEPT:
            value: T = kept[1]
            return value
        value = read()
        self._memory[what] = (now, value)
        return value


def summary(title: str) -> str:
    """A title as Jira takes it: one line of at most 255 characters."""
    line = " ".join(title.split())
    return line if len(line) <= _LONGEST_SUMMARY else line[: _LONGEST_SUMMARY - 2].rstrip() + " …"


def label(text: str) -> str:
    """A label as Jira takes it: without blanks."""
    return "-".join(text.split())
