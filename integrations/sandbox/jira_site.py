"""A Jira site: its people, projects, fields, workflows and issues, and what is looked up there."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from integrations.sandbox.jira_fields import CUSTOM_KINDS, SYSTEM_FIELDS, Field
from integrations.sandbox.world import Object, Refused, World, act

#: https://support.atlassian.com/jira-software-cloud/docs/what-are-simplified-workflows/
SIMPLIFIED = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
ON_CREATE_SCREEN = (
    "summary issuetype project description labels assignee reporter priority duedate fixVersions"
    " components issuelinks parent security"
)
LINK_TYPES = {
    "Relates": ("relates to", "relates to"),
    "Blocks": ("is blocked by", "blocks"),
    "Duplicate": ("is duplicated by", "duplicates"),
}
#: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-permissions/
_PERMISSIONS = """
    BROWSE_PROJECTS CREATE_ISSUES EDIT_ISSUES ASSIGN_ISSUES ASSIGNABLE_USER LINK_ISSUES
    TRANSITION_ISSUES ADD_COMMENTS DELETE_ISSUES SET_ISSUE_SECURITY ADMINISTER_PROJECTS
    ADMINISTER USER_PICKER RESOLVE_ISSUES SCHEDULE_ISSUES MODIFY_REPORTER
    EDIT_OWN_COMMENTS EDIT_ALL_COMMENTS
    """
PERMISSIONS = tuple(_PERMISSIONS.split())
#: Whoever did not sign in: https://support.atlassian.com/jira-cloud-administration/docs/allow-anonymous-access-to-projects/
ANONYMOUS = ""


@dataclass(slots=True)
class User:
    """`account_id` is what Cloud calls people by; Data Center calls the same text `name`."""

    account_id: str
    name: str
    email: str
    token: str = ""
    shows_email: bool = False
    active: bool = True


@dataclass(slots=True)
class Group:
    id: str
    name: str
    people: list[str]


@dataclass(slots=True)
class Role:
    """A role of the whole site. `actors` maps the keys of projects to people and groups."""

    name: str
    actors: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)


@dataclass(slots=True)
class Transition:
    """`froms` empty: from anywhere. `asks` are the fields of its screen, `needs` the required.
    `condition` is a field without which it is not offered. A validator refuses it in the words of
    `validator`, until the field `until` is filled ("": for good). `resolves` is the resolution
    that its post function sets ("": Done, where there is none)."""

    id: str
    name: str
    froms: frozenset[str]
    to: str
    asks: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    condition: str = ""
    validator: str = ""
    until: str = ""
    resolves: str = ""


@dataclass(slots=True)
class Version:
    id: str
    name: str
    released: bool = False
    archived: bool = False


@dataclass(slots=True)
class Project:
    id: str
    key: str
    name: str
    types: tuple[str, ...]
    statuses: dict[str, str]
    transitions: list[Transition]
    screen: frozenset[str] | None
    required: frozenset[str]
    components: tuple[str, ...]
    assignable: set[str] = field(default_factory=set)
    versions: list[Version] = field(default_factory=list)
    issues: int = 0
    public: bool = False
    kind: str = "software"
    hidden: frozenset[str] = frozenset()


@dataclass(slots=True)
class Comment:
    id: str
    author: str
    body: object
    created: datetime
    updated: datetime
    visibility: Object | None = None
    properties: dict[str, object] = field(default_factory=dict)
    editor: str = ""  # whoever edited it last


@dataclass(slots=True)
class Link:
    """`inward` is the one that acts: in *Blocks* the blocker, which shows the other as its
    outwardIssue (https://developer.atlassian.com/cloud/jira/platform/issue-linking-model/)."""

    id: str
    type: str
    inward: str
    outward: str


@dataclass(slots=True)
class Issue:
    """`values` holds the fields in the stored form that `jira_fields` describes."""

    id: str
    key: str
    project: Project
    type: str
    status: str
    creator: str
    created: datetime
    updated: datetime
    values: dict[str, object] = field(default_factory=dict)
    resolution: str | None = None
    resolved: datetime | None = None
    comments: list[Comment] = field(default_factory=list)
    history: list[Object] = field(default_factory=list)
    remote_links: list[Object] = field(default_factory=list)
    properties: dict[str, object] = field(default_factory=dict)


def no_issue() -> Refused:
    words = "Issue does not exist or you do not have permission to see it."
    return Refused(404, {"errorMessages": [words], "errors": {}})


class JiraSite:
    """The state, and how a test or demo sets it up."""

    def __init__(self, world: World, deployment: str) -> None:
        self.world = world
        self.cloud = deployment == "cloud"
        self.users: dict[str, User] = {}
        self.projects: dict[str, Project] = {}
        self.fields: dict[str, Field] = dict(SYSTEM_FIELDS)
        self.issues: dict[str, Issue] = {}
        self.links: list[Link] = []
        self.moved: dict[str, str] = {}
        self.denied: set[tuple[str, str, str]] = set()
        self.groups: dict[str, Group] = {}
        self.roles: dict[int, Role] = {}
        self._actor_ids: dict[str, int] = {}
        self.embedded_limit = 100
        self.types: dict[str, str] = {}
        self.status_ids: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"{self.world.base_url}/jira"

    @property
    def api(self) -> str:
        return f"{self.url}/rest/api/{'3' if self.cloud else '2'}"

    # --- set up ---------------------------------------------------------------------------

    @act
    def add_user(
        self,
        account_id: str,
        name: str = "",
        email: str = "",
        token: str = "",
        projects: Sequence[str] = (),
        shows_email: bool = False,
    ) -> str:
        """Somebody, assignable in `projects`. A `token` lets them sign in (Basic with the e-mail
        on Cloud and the name on Data Center, or Bearer)."""
        user = User(account_id, name or account_id, email, token, shows_email)
        self.users[account_id] = user
        for key in projects:
            self.projects[key].assignable.add(account_id)
        return account_id

    @act
    def add_field(
        self, id: str, name: str, kind: str, options: Sequence[str] = (), project: str = ""
    ) -> str:
        """A custom field on every screen that is not spelled out; `kind` is one of CUSTOM_KINDS.
        Of a team-managed `project` no other project has it."""
        if kind not in CUSTOM_KINDS:
            raise ValueError(f"{kind!r} is not one of {', '.join(CUSTOM_KINDS)}")
        self.fields[id] = Field(id, name, kind, tuple(options), project)
        return id

    @act
    def add_project(
        self,
        key: str,
        name: str = "",
        types: Sequence[str] = ("Incident", "Task", "Bug"),
        statuses: Mapping[str, str] | None = None,
        transitions: Sequence[Object] = (),
        create_screen: Sequence[str] | None = None,
        required: Sequence[str] = (),
        components: Sequence[str] = (),
        assignable: Sequence[str] = (),
        public: bool = False,
        hidden: Sequence[str] = (),
        kind: str = "software",
    ) -> str:
        """A project of this `kind` ("software", "service_desk"); if it is `public`, anybody may
        read it without signing in. `statuses` maps names to categories, the first is where issues
        start. `transitions` are as in
        `change_workflow`. `create_screen` None: all. Fields that its field configuration hides
        (`hidden`) are on no screen, and its issues do not speak of them:
        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-field-configurations/"""
        known = dict(statuses or SIMPLIFIED)
        self.projects[key] = Project(
            id=str(self.world.next_id()),
            key=key,
            name=name or key,
            types=tuple(types),
            statuses=known,
            transitions=_ways(transitions or _simplified(known)),
            screen=None if create_screen is None else frozenset(create_screen),
            required=frozenset(required) | {"summary", "issuetype", "project"},
            components=tuple(components),
            assignable=set(assignable),
            public=public,
            hidden=frozenset(hidden),
            kind=kind,
        )
        for type_name in types:
            self.types.setdefault(type_name, str(10000 + len(self.types)))
        for status in known:
            self.status_ids.setdefault(status, str(10000 + len(self.status_ids)))
        return key

    @act
    def change_workflow(self, project: str, transitions: Sequence[Object]) -> None:
        """Give a project these transitions: {name, to, from?: [...], asks?: [...], needs?: [...],
        condition?, validator?, until?, resolves?}, as in `Transition`; none: from anywhere to
        anywhere, asking for a resolution when done."""
        found = self.project(project)
        found.transitions = _ways(transitions or _simplified(found.statuses))

    @act
    def leave(self, account_id: str) -> None:
        """Somebody leaves: what they were assigned stays theirs, and nothing can be given to them.
        https://support.atlassian.com/user-management/docs/remove-or-suspend-a-user/"""
        self.users[account_id].active = False
        for project in self.projects.values():
            project.assignable.discard(account_id)

    @act
    def allow(self, account_id: str, permission: str, project: str = "") -> None:
        """Give back what `deny` took."""
        self.denied.discard((account_id, permission, project))

    @act
    def deny(self, account_id: str, permission: str, project: str = "") -> None:
        """Take a permission from somebody, in one project or everywhere."""
        self.denied.add((account_id, permission, project))

    @act
    def add_group(self, name: str, people: Sequence[str] = ()) -> str:
        """A group of the site; returns the id that Cloud knows it by."""
        self.groups[name] = Group(str(uuid.uuid5(uuid.NAMESPACE_URL, name)), name, list(people))
        return self.groups[name].id

    @act
    def add_role(
        self, project: str, role: str, people: Sequence[str] = (), groups: Sequence[str] = ()
    ) -> int:
        """Give people and groups a role in a project. All roles are shared with all projects, so
        one that is new stands in the others too, with nobody in it:
        https://support.atlassian.com/jira-cloud-administration/docs/manage-project-roles/"""
        if unknown := {*people} - {*self.users} | {*groups} - {*self.groups}:
            raise ValueError(f"{unknown.pop()!r} is neither a user nor a group of this site")
        ids = {known.name: id for id, known in self.roles.items()}
        id = ids.get(role) or self.world.next_id()
        kept = self.roles.setdefault(id, Role(role))
        have = kept.actors.setdefault(self.project(project).key, ([], []))
        for listed, new in zip(have, (people, groups), strict=True):
            listed += [name for name in new if name not in listed]
        return id

    # --- look up --------------------------------------------------------------------------

    def actor_id(self, name: str) -> int:
        """The number under which somebody stands in roles; it stays."""
        return self._actor_ids.setdefault(name, 10240 + len(self._actor_ids))

    def may(self, account_id: str, permission: str, project: str = "") -> bool:
        if account_id == ANONYMOUS:
            place = self.projects.get(project)
            return permission == "BROWSE_PROJECTS" and place is not None and place.public
        if permission == "ASSIGNABLE_USER" and project:
            return account_id in self.projects[project].assignable
        taken = {(account_id, permission, ""), (account_id, permission, project)}
        return not taken & self.denied

    def issue(self, id_or_key: str, me: str | None = None) -> Issue:
        """By id, key, or the key it had before it was moved; hidden is the same as not there."""
        wanted = self.moved.get(id_or_key, id_or_key)
        found = self.issues.get(wanted) or next(
            (issue for issue in self.issues.values() if issue.key == wanted), None
        )
        if found is None or (
            me is not None and not self.may(me, "BROWSE_PROJECTS", found.project.key)
        ):
            raise no_issue()
        return found

    def project(self, id_or_key: str, me: str | None = None) -> Project:
        for project in self.projects.values():
            if id_or_key in (project.key, project.id) and (
                me is None or self.may(me, "BROWSE_PROJECTS", project.key)
            ):
                return project
        words = f"No project could be found with key '{id_or_key}'."
        raise Refused(404, {"errorMessages": [words], "errors": {}})

    def screen(self, project: Project) -> list[str]:
        """The ids of the fields on the project's create screen, in order."""
        custom = [id for id in self.fields if id.startswith("customfield_")]
        custom = [id for id in custom if self.fields[id].project in ("", project.key)]
        everything = [*ON_CREATE_SCREEN.split(), *custom]
        always = {"summary", "issuetype", "project"}
        listed = [id for id in everything if id not in project.hidden]
        if project.screen is None:
            return listed
        return [id for id in listed if id in project.screen or id in always]

    def links_of(self, issue: Issue) -> list[Link]:
        return [link for link in self.links if issue.id in (link.inward, link.outward)]


_RULES = ("condition", "validator", "until", "resolves")


def _ways(transitions: Sequence[Object]) -> list[Transition]:
    return [
        Transition(
            str(number * 10 + 1),
            wanted["name"],
            frozenset(wanted.get("from", ())),
            wanted["to"],
            tuple(wanted.get("asks", ())),
            tuple(wanted.get("needs", ())),
            **{
                k: wanted[k] for k in ("condition", "validator", "until", "resolves") if k in wanted
            },
        )
        for number, wanted in enumerate(transitions, start=1)
    ]


def _simplified(statuses: Mapping[str, str]) -> list[Object]:
    return [
        {"name": name, "to": name, "asks": ["resolution"] if category == "done" else []}
        for name, category in statuses.items()
    ]
