"""The routes of a Jira site: Cloud answers below /rest/api/3, Data Center below /rest/api/2."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from flask import request

from integrations.sandbox import jira_views
from integrations.sandbox.jira_acts import Jira, refused
from integrations.sandbox.jira_fields import choices
from integrations.sandbox.jira_search import search
from integrations.sandbox.jira_site import ANONYMOUS, LINK_TYPES, PERMISSIONS, Comment, Issue, User
from integrations.sandbox.world import Object, Refused, json_body, route, whole_number

Answer = tuple[Any, int] | Object | list[Any]
MOST_AT_ONCE = 50


class JiraApi:
    """Sign-in and permissions: what every route needs."""

    def __init__(self, site: Jira) -> None:
        self.site = site

    def sign_in(self) -> str:
        """Who asks: Basic (e-mail and token on Cloud, name and token on Data Center) or Bearer.
        https://developer.atlassian.com/cloud/jira/platform/basic-auth-for-rest-apis/

        Projects and issues are read without credentials too, where the project allows it."""
        if "Authorization" not in request.headers and self._is_for_anybody():
            return ANONYMOUS
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        name, token = "", sent.strip()
        if scheme.lower() == "basic":
            try:
                name, _, token = base64.b64decode(sent).decode().partition(":")
            except ValueError:
                token = ""
        for user in self.site.users.values():
            known_as = user.email if self.site.cloud else user.account_id
            matches = secrets.compare_digest(user.token.encode(), token.encode())
            if user.token and matches and (scheme.lower() == "bearer" or name == known_as):
                return user.account_id
        words = "Client must be authenticated to access this resource."
        raise Refused(401, {"errorMessages": [words], "errors": {}, "message": words})

    def _is_for_anybody(self) -> bool:
        """What is not public looks to Cloud's anonymous reader as if it were not there, and
        Data Center asks them to sign in."""
        named = request.view_args or {}
        if request.method != "GET" or not {"ref", "key"} & set(named):
            return False
        if self.site.cloud:
            return True
        try:
            if "ref" in named:
                self.site.issue(named["ref"], ANONYMOUS)
            else:
                self.site.project(named["key"], ANONYMOUS)
        except Refused:
            return False
        return True

    def needs(self, me: str, permission: str, issue: Issue, words: str) -> None:
        if not self.site.may(me, permission, issue.project.key):
            raise refused({}, words, status=403)


class JiraRest(JiraApi):
    """Meta data, search and people."""

    @route("GET", "/serverInfo")
    def server_info(self, _me: str) -> Answer:
        now = jira_views.stamp(self.site.world.now())
        info: Object = {"baseUrl": self.site.url, "serverTitle": "Sandbox", "serverTime": now}
        if self.site.cloud:
            info |= {
                "deploymentType": "Cloud",
                "version": "1001.0.0-SNAPSHOT",
                "buildNumber": 100300,
            }
            return info | {"versionNumbers": [1001, 0, 0], "buildDate": now, "scmInfo": "0"}
        info |= {"deploymentType": "Server", "version": "9.12.0", "buildNumber": 912000}
        return info | {"versionNumbers": [9, 12, 0], "buildDate": now, "scmInfo": "0"}

    @route("GET", "/myself")
    def myself(self, me: str) -> Answer:
        return jira_views.user(self.site, me, own=True) or {}

    @route("GET", "/mypermissions")
    def my_permissions(self, me: str) -> Answer:
        asked = [name for name in request.args.get("permissions", "").split(",") if name]
        if not asked and self.site.cloud:
            raise refused({}, "The 'permissions' query parameter is required.")
        if unknown := [name for name in asked if name not in PERMISSIONS]:
            raise refused({}, f"Unrecognized permission(s): {', '.join(unknown)}")
        key = request.args.get("projectKey", "")
        if key:
            self.site.project(key, me)
        shown: Object = {}
        for number, name in enumerate(PERMISSIONS):
            if name in asked or not asked:
                title, kind = name.replace("_", " ").capitalize(), "PROJECT"
                have = self.site.may(me, name, key)
                shown[name] = {"id": str(number), "key": name, "name": title, "type": kind}
                shown[name] |= {"description": title, "havePermission": have}
        return {"permissions": shown}

    @route("GET", "/field")
    def list_fields(self, _me: str) -> Answer:
        listed: list[Object] = []
        for field in self.site.fields.values():
            custom = field.id.startswith("customfield_")
            names = [field.id, field.name] if not custom else [f"cf[{field.schema()['customId']}]"]
            one: Object = {"id": field.id, "key": field.id, "name": field.name, "custom": custom}
            one |= {"orderable": True, "navigable": True, "searchable": True, "clauseNames": names}
            if field.project:
                one["scope"] = {"type": "PROJECT"}
                one["scope"]["project"] = {"id": self.site.projects[field.project].id}
            listed.append(one | {"schema": field.schema()})
        return listed

    @route("GET", "/issueLinkType")
    def link_types(self, _me: str) -> Answer:
        return {"issueLinkTypes": [jira_views.link_type(self.site, name) for name in LINK_TYPES]}

    @route("GET", "/project/search")
    def search_projects(self, me: str) -> Answer:
        """Cloud only: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-projects/#api-rest-api-3-project-search-get"""
        if not self.site.cloud:
            raise refused({}, "No project could be found with key 'search'.", status=404)
        listed = self.list_projects(me)
        start, most = whole_number("startAt", 0, 10**9), whole_number("maxResults", 50, 100)
        page: Object = {"startAt": start, "maxResults": most, "total": len(listed)}
        page["isLast"] = start + most >= len(listed)
        return page | {"values": listed[start : start + most]}

    @route("GET", "/project")
    def list_projects(self, me: str) -> list[Any]:
        seen = [
            p for p in self.site.projects.values() if self.site.may(me, "BROWSE_PROJECTS", p.key)
        ]
        return [jira_views.project(self.site, project) for project in seen]

    @route("GET", "/project/<key>")
    def project(self, me: str, key: str) -> Answer:
        found = self.site.project(key, me)
        shown = jira_views.project(self.site, found)
        shown["issueTypes"] = [jira_views.issue_type(self.site, name) for name in found.types]
        shown["versions"] = [jira_views.version(self.site, found, v) for v in found.versions]
        return shown | {"components": choices(self.site, found, self.site.fields["components"])}

    @route("GET", "/project/<key>/statuses")
    def statuses(self, me: str, key: str) -> Answer:
        found = self.site.project(key, me)
        every = [jira_views.status(self.site, found, name) for name in found.statuses]
        brief = ("self", "id", "name", "subtask")
        types = (jira_views.issue_type(self.site, name) for name in found.types)
        return [{**{k: kind[k] for k in brief}, "statuses": every} for kind in types]

    @route("GET", "/project/<key>/versions")
    def versions(self, me: str, key: str) -> Answer:
        found = self.site.project(key, me)
        return [jira_views.version(self.site, found, version) for version in found.versions]

    @route("POST", "/version")
    def create_version(self, me: str) -> Answer:
        wanted = json_body()
        named = str(wanted.get("project") or wanted.get("projectId"))
        project = self.site.project(named, me)
        if not self.site.may(me, "ADMINISTER_PROJECTS", project.key):
            raise refused({}, "You must have project administer permission to do this.", status=403)
        if not wanted.get("name"):
            raise refused({"name": "You must specify a valid version name"})
        identifier = self.site.add_version(project.key, str(wanted["name"]))
        made = next(v for v in project.versions if v.id == identifier)
        return jira_views.version(self.site, project, made), 201

    @route("PUT", "/version/<id>")
    def change_version(self, me: str, id: str) -> Answer:
        """The words and the 400 of Jira to whom it does not let:
        https://bitbucket.org/hski/versionmanager/issues/11"""
        wanted = json_body()
        for project in self.site.projects.values():
            for version in project.versions:
                if version.id == id:
                    if not self.site.may(me, "ADMINISTER_PROJECTS", project.key):
                        who = "global or project administrator rights"
                        raise refused({}, f"You must have {who} in order to modify versions.")
                    if (new := str(wanted.get("name", version.name))) != version.name:
                        self.site.rename_version(project.key, version.name, new)
                    released = bool(wanted.get("released", version.released))
                    self.site.release_version(project.key, version.name, released)
                    version.archived = bool(wanted.get("archived", version.archived))
                    return jira_views.version(self.site, project, version)
        raise refused({}, f"Could not find version for id '{id}'", status=404)

    @route("GET", "/issue/createmeta/<key>/issuetypes")
    def create_types(self, me: str, key: str) -> Answer:
        found = self.site.project(key, me)
        return self._page([jira_views.issue_type(self.site, n) for n in found.types], "issueTypes")

    @route("GET", "/issue/createmeta/<key>/issuetypes/<type_id>")
    def create_fields(self, me: str, key: str, type_id: str) -> Answer:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-createmeta-projectidorkey-issuetypes-issuetypeid-get"""
        found = self.site.project(key, me)
        if type_id not in (self.site.types[name] for name in found.types):
            raise refused({}, "The issue type was not found.", status=404)
        listed = []
        for id in self.site.screen(found):
            field = self.site.fields[id]
            one: Object = {"fieldId": id, "key": id, "name": field.name, "schema": field.schema()}
            one |= {"required": id in found.required, "hasDefaultValue": id == "reporter"}
            one["operations"] = (
                ["add", "set", "remove"] if one["schema"]["type"] == "array" else ["set"]
            )
            if allowed := choices(self.site, found, field):
                one["allowedValues"] = allowed
            listed.append(one)
        return self._page(listed, "fields")

    def _page(self, items: list[Object], name: str) -> Object:
        """Cloud names its pages after what is in them, Data Center calls them values."""
        start, most = whole_number("startAt", 0, 10**9), whole_number("maxResults", 50, 200)
        page: Object = {"startAt": start, "maxResults": most, "total": len(items)}
        shown = items[start : start + most]
        if self.site.cloud:
            return page | {name: shown}
        return page | {"values": shown, "isLast": start + most >= len(items)}

    @route("GET", "/user/assignable/search")
    def assignable(self, me: str) -> Answer:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-user-search/"""
        place = request.args.get("project") or request.args.get("issueKey", "").rpartition("-")[0]
        if not place:
            raise refused({}, "Either project or issue must be specified.")
        project = self.site.project(place, me)
        asked = request.args.get("accountId" if self.site.cloud else "username", "")
        query = asked or request.args.get("query", "")
        found = [self.site.users[id] for id in sorted(project.assignable)]
        if asked and self.site.cloud:
            found = [user for user in found if user.account_id == asked]
        elif query:
            words = query.lower()
            found = [user for user in found if _begins(user, words)]
        start, most = whole_number("startAt", 0, 10**9), whole_number("maxResults", 50, 1000)
        return [jira_views.user(self.site, u.account_id) for u in found[start : start + most]]

    @route("GET", "/user/search")
    def find_users(self, me: str) -> Answer:  # noqa: ARG002 - everybody here may browse users
        """Active users whose name or address begins so. Cloud keeps a hidden address to itself,
        but finds by the whole of it ("An exact match is required"):
        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-user-search/
        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-group-and-user-picker/
        """
        words = request.args.get("query" if self.site.cloud else "username", "").lower()
        if not words:
            raise refused({}, "The query parameter is required.")
        found = [u for u in self.site.users.values() if u.active and _begins(u, words)]
        start, most = whole_number("startAt", 0, 10**9), whole_number("maxResults", 50, 1000)
        return [jira_views.user(self.site, u.account_id) for u in found[start : start + most]]

    @route("GET", "/search")
    @route("POST", "/search")
    def search(self, me: str) -> Answer:
        if self.site.cloud:
            # https://developer.atlassian.com/changelog/#CHANGE-2046
            words = "The requested API has been removed. Please migrate to /rest/api/3/search/jql."
            raise refused({}, words, status=410)
        asked = self._asked()
        found = search(self.site, str(asked.get("jql", "")), me)
        start, most = int(asked.get("startAt", 0)), int(asked.get("maxResults", 50))
        shown = [self._found(issue, asked, "*navigable") for issue in found[start : start + most]]
        page = {"startAt": start, "maxResults": most, "total": len(found), "issues": shown}
        return page | _names_of(shown)

    @route("GET", "/search/jql")
    @route("POST", "/search/jql")
    def search_jql(self, me: str) -> Answer:
        if not self.site.cloud:
            raise refused({}, "null for uri: /rest/api/2/search/jql", status=404)
        asked = self._asked()
        found = search(self.site, str(asked.get("jql", "")), me)
        token = str(asked.get("nextPageToken") or "")
        if token and not token.startswith("page-"):
            raise refused({}, "The provided next page token is invalid or expired.")
        start, most = (
            int(token.removeprefix("page-") or 0),
            min(int(asked.get("maxResults", 50)), 5000),
        )
        page: Object = {
            "issues": [self._found(i, asked, "id") for i in found[start : start + most]]
        }
        last = start + most >= len(found)
        page |= _names_of(page["issues"])
        return page | {"isLast": last} | ({} if last else {"nextPageToken": f"page-{start + most}"})

    def _asked(self) -> Object:
        return json_body() if request.method == "POST" else dict(request.args.items())

    def _found(self, issue: Issue, asked: Object, default: str) -> Object:
        wanted, expand, properties = (
            _joined(asked.get(k)) for k in ("fields", "expand", "properties")
        )
        view = jira_views.issue(self.site, issue, wanted or default, expand, properties)
        if self.site.cloud and (wanted or default) == "id" and not properties:
            return {"id": view["id"]}
        return view


def _names_of(shown: list[Object]) -> Object:
    """What a search tells once a page, where it was asked to: the names of the fields.
    https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/"""
    told = [each.pop("names") for each in shown if "names" in each]
    return {"names": {id: name for names in told for id, name in names.items()}} if told else {}


def _joined(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value or "")


def _begins(user: User, words: str) -> bool:
    """Whether a search for users finds this one by its name or address."""
    return any(t.lower().startswith(words) for t in (user.name, user.email, user.account_id))


def found_comment(issue: Issue, id: str) -> Comment:
    for comment in issue.comments:
        if comment.id == id:
            return comment
    raise refused({}, f"Can not find a comment for the id: {id}.", status=404)
