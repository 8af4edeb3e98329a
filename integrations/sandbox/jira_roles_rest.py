"""The routes of a project's roles and of groups: who may do what, as far as it can be asked."""

from __future__ import annotations

from flask import request

from integrations.sandbox import jira_views
from integrations.sandbox.jira_acts import refused
from integrations.sandbox.jira_rest import Answer, JiraApi
from integrations.sandbox.jira_site import Project
from integrations.sandbox.world import Object, route, whole_number


class JiraRolesRest(JiraApi):
    """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-project-roles/"""

    def _administered(self, me: str, key: str, status: int) -> Project:
        """Cloud tells whoever does not administer the project 401 about the list of its roles and
        404 about one of them, as its reference says; Data Center tells 403."""
        found = self.site.project(key, me)
        if not self.site.may(me, "ADMINISTER_PROJECTS", found.key):
            words = "You cannot edit the configuration of this project."
            raise refused({}, words, status=status if self.site.cloud else 403)
        return found

    @route("GET", "/project/<key>/role")
    def roles(self, me: str, key: str) -> Answer:
        """Each role of the site stands in each project, whether or not anybody is in it there."""
        project = self._administered(me, key, 401)
        home = f"{self.site.api}/project/{project.id}/role"
        return {role.name: f"{home}/{id}" for id, role in self.site.roles.items()}

    @route("GET", "/project/<key>/role/<int:id>")
    def role(self, me: str, key: str, id: int) -> Answer:
        project = self._administered(me, key, 404)
        role = self.site.roles.get(id)
        if role is None:
            raise refused({}, f"Can not retrieve a role with id {id}.", status=404)
        people, groups = role.actors.get(project.key, ([], []))
        actors = [self._person(account_id) for account_id in people]
        actors += [self._group(name) for name in groups]
        shown: Object = {"self": f"{self.site.api}/project/{project.id}/role/{id}", "id": id}
        shown |= {"name": role.name, "description": ""}
        return shown | {"actors": sorted(actors, key=lambda actor: str(actor["displayName"]))}

    def _person(self, account_id: str) -> Object:
        shown: Object = {"id": self.site.actor_id(account_id)}
        shown |= {"displayName": self.site.users[account_id].name}
        shown["type"] = "atlassian-user-role-actor"
        if self.site.cloud:
            return shown | {"actorUser": {"accountId": account_id}}
        return shown | {"name": account_id}

    def _group(self, name: str) -> Object:
        shown: Object = {"id": self.site.actor_id(name), "displayName": name, "name": name}
        shown["type"] = "atlassian-group-role-actor"
        about = {"name": name, "displayName": name}
        about |= {"groupId": self.site.groups[name].id} if self.site.cloud else {}
        return shown | {"actorGroup": about}

    @route("GET", "/group/member")
    def members(self, me: str) -> Answer:
        """By name, or on Cloud by id. Whoever may browse users may ask; on Data Center an admin.
        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-groups/#api-rest-api-3-group-member-get"""
        if not self.site.may(me, "USER_PICKER" if self.site.cloud else "ADMINISTER"):
            raise refused({}, "You do not have permission to browse users and groups.", status=403)
        asked = request.args.get("groupId" if self.site.cloud else "groupname", "")
        name = request.args.get("groupname", "")
        if not asked and not name:
            raise refused({}, "Query parameter 'groupname' or 'groupId' is required.")
        found = (
            group for group in self.site.groups.values() if name == group.name or asked == group.id
        )
        group = next(found, None)
        if group is None:
            raise refused({}, f"The group named '{name or asked}' does not exist.", status=404)
        start, most = whole_number("startAt", 0, 10**9), whole_number("maxResults", 50, 50)
        people = sorted(group.people)
        page: Object = {"self": request.url, "startAt": start, "maxResults": most}
        page |= {"total": len(people), "isLast": start + most >= len(people)}
        shown = people[start : start + most]
        return page | {"values": [jira_views.user(self.site, account) for account in shown]}
