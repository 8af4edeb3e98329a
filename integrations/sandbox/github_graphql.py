"""GitHub's GraphQL, of the part of its schema that the adapter uses; graphql-core runs it.

How it answers: https://docs.github.com/en/graphql/guides/forming-calls-with-graphql. The fields of
a mutation are done one after another, and one that fails keeps no later one from being done:
https://spec.graphql.org/October2021/#sec-Mutation
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, TypeVar

from flask import g, jsonify
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    OperationType,
    graphql_sync,
    parse,
)

from integrations.sandbox import github_views
from integrations.sandbox.github_acts import GitHub
from integrations.sandbox.github_apps import holds
from integrations.sandbox.github_issues import MOST_SUB_ISSUES
from integrations.sandbox.github_rest import Answer, GitHubApi
from integrations.sandbox.github_schema import schema
from integrations.sandbox.github_site import Commit, Issue, Repo, blob_sha, not_found
from integrations.sandbox.world import Object, Refused, json_body, route

Found = TypeVar("Found")

#: Nobody knows what was done: https://github.com/cli/cli/issues/8232
CUT = (
    "Something went wrong while executing your query. This may be the result of a timeout, or it"
    " could be a GitHub bug."
)

_TYPES = {403: "FORBIDDEN", 404: "NOT_FOUND", 422: "UNPROCESSABLE"}


def mutations_in(asked: object) -> tuple[str, ...]:
    """The fields of `Mutation` that a request's JSON asks for; none for a query, and nonsense."""
    document = asked.get("query") if isinstance(asked, dict) else None
    try:
        operations = parse(document if isinstance(document, str) else "").definitions
    except GraphQLError:
        return ()
    return tuple(
        field.name.value
        for each in operations
        if isinstance(each, OperationDefinitionNode) and each.operation is OperationType.MUTATION
        for field in each.selection_set.selections
        if isinstance(field, FieldNode)
    )


class GitHubGraphQL(GitHubApi):
    @route("POST", "/graphql")
    def graphql(self, me: str) -> Answer:
        """A server without it has no such route."""
        if not self.site.graphql:
            raise not_found()
        asked = json_body()
        ended = graphql_sync(
            schema(self.site.sub_issues, self.site.issue_types is not None),
            str(asked.get("query", "")),
            _Root(self.site, me),
            variable_values=asked.get("variables") or {},
        )
        told: Object = {} if ended.data is None else {"data": ended.data}
        if ended.errors:
            told["errors"] = [_error(error) for error in ended.errors]
        return jsonify(told)


def _error(error: GraphQLError) -> Object:
    """With a `type` where a field was refused; with a code where the document does not fit the
    schema, so that nothing of it was done."""
    told: Object = {"message": error.message}
    if error.path:
        told["path"] = error.path
    cause = error.original_error
    if isinstance(cause, Refused):
        words = [cause.body["message"], *(e.get("message") for e in cause.body.get("errors", ()))]
        told["message"] = "; ".join(word for word in words if word)
        kind = cause.body.get("type", _TYPES.get(cause.status, ""))
        return told | ({"type": kind} if kind else {})
    if error.path:
        return told
    return told | {"path": _in_the_document(error), "extensions": {"code": "undefinedField"}}


def _in_the_document(error: GraphQLError) -> list[str]:
    """Where an error of the document is, as GitHub's validation says it: `fragment Made`, then the
    field. https://github.com/shurcooL/githubv4/issues/98"""
    node = error.nodes[0] if error.nodes else None
    if error.source is None or node is None or node.loc is None:
        return []
    at = node.loc.start
    around = [
        each
        for each in parse(error.source).definitions
        if each.loc and each.loc.start <= at < each.loc.end
    ]
    path = []
    for each in around:
        kind = each.operation.value if isinstance(each, OperationDefinitionNode) else "fragment"
        name = getattr(each, "name", None)
        path.append(f"{kind} {name.value}" if name else kind)
    return [*path, *(node.name.value for node in error.nodes or () if isinstance(node, FieldNode))]


def _refused(kind: str, words: str) -> Refused:
    return Refused(422, {"message": words, "type": kind})


class _Root:
    """What queries and mutations begin with; its methods are called like the fields."""

    def __init__(self, site: GitHub, me: str) -> None:
        self._site = site
        self._me = me
        self._cut = False

    # --- Query ----------------------------------------------------------------------------------

    def repository(self, _: GraphQLResolveInfo[Any], owner: str, name: str) -> Object:
        """A former name leads to the present one, where `followRenames` is not off."""
        full_name = f"{owner}/{name}"
        full_name = self._site.renamed.get(full_name.lower(), full_name)
        try:
            return self._repository(self._site.repo(full_name, self._me))
        except Refused:
            words = f"Could not resolve to a Repository with the name '{owner}/{name}'."
            raise _refused("NOT_FOUND", words) from None

    def user(self, _: GraphQLResolveInfo[Any], login: str) -> Object:
        shown = github_views.user(self._site, login)
        if login not in self._site.accounts or shown is None:
            words = f"Could not resolve to a User with the login of '{login}'."
            raise _refused("NOT_FOUND", words)
        return {"id": shown["node_id"]}

    # --- Mutation -------------------------------------------------------------------------------

    def createRef(self, info: GraphQLResolveInfo[Any], input: Object) -> Object:
        self._fate(info)
        place = self._place(input["repositoryId"], "write", "contents")
        branch = str(input["name"]).removeprefix("refs/heads/")
        if branch in place.branches:
            words = f'A ref named "{input["name"]}" already exists in the repository.'
            raise _refused("UNPROCESSABLE", words)
        if input["oid"] not in place.commits:
            raise _refused("UNPROCESSABLE", "Ref cannot be created.")
        self._site.create_branch(place, branch, input["oid"], self._me)
        return {"ref": self._ref(place, branch)}

    def createCommitOnBranch(self, info: GraphQLResolveInfo[Any], input: Object) -> Object:
        """Files are written over without asking; only the head of the branch is compared.
        https://docs.github.com/en/graphql/reference/mutations#createcommitonbranch"""
        self._fate(info)
        to, expected = input["branch"], input["expectedHeadOid"]
        place, branch = self._site.repo(to["repositoryNameWithOwner"], self._me), to["branchName"]
        self._must(place, "write", "contents")
        if branch not in place.branches:
            raise _refused("NOT_FOUND", f"The branch {branch} does not exist.")
        if place.branches[branch] != expected:
            words = f'Expected branch to point to "{expected}" but it did not.  Pull and try again.'
            raise _refused("STALE_DATA", words)
        additions = (input.get("fileChanges") or {}).get("additions") or []
        try:
            files = {
                each["path"]: base64.b64decode(each["contents"], validate=True)
                for each in additions
            }
        except binascii.Error:
            raise _refused("UNPROCESSABLE", "contents is not valid Base64") from None
        headline = input["message"]["headline"]
        made = self._site.write(place, branch, files, headline, self._me)
        return {"commit": self._commit(made)}

    def createPullRequest(self, info: GraphQLResolveInfo[Any], input: Object) -> Object:
        self._fate(info)
        place = self._place(input["repositoryId"], "write", "pull_requests")
        wanted = {"head": input["headRefName"], "base": input["baseRefName"]}
        wanted |= {name: input.get(name) for name in ("title", "body", "draft")}
        made = self._site.open_pull(place, wanted, self._me)
        pull = self._site.pull_of(made)
        shown: Object = {"id": made.node_id, "number": made.number, "isDraft": pull.draft}
        shown |= {"url": github_views.page_of(self._site, made), "headRefOid": pull.head_sha}
        return {"pullRequest": shown}

    def createIssue(self, info: GraphQLResolveInfo[Any], input: Object) -> Object:
        """With its parent, or not at all."""
        self._fate(info)
        place = self._place(input["repositoryId"], "read", "issues")
        parent = self._parent(place, input.get("parentIssueId"))
        wanted: Object = {"title": input["title"], "body": input.get("body")}
        people = {self._user_id(login): login for login in self._site.accounts}
        labels = {self._label_id(place, name): name for name in place.labels}
        wanted["assignees"] = [_of(people, id) for id in input.get("assigneeIds") or ()]
        wanted["labels"] = [_of(labels, id) for id in input.get("labelIds") or ()]
        if input.get("milestoneId"):
            numbers = {f"MI_{each.id}": each.number for each in place.milestones}
            wanted["milestone"] = _of(numbers, input["milestoneId"])
        if input.get("issueTypeId"):
            types = self._site.types_of(place.owner)
            ids = {github_views.issue_type(name)["node_id"]: name for name in types}
            wanted["type"] = _of(ids, input["issueTypeId"])
        made = self._site.create(place, wanted, self._me)
        if parent is not None:
            self._site.add_child(parent, made, self._me)
        return {"issue": self._issue(made)}

    # --- what they have in common ---------------------------------------------------------------

    def _fate(self, info: GraphQLResolveInfo[Any]) -> None:
        """Refuse the field where it was told to be refused (`GitHub.refuse_field`), or where the
        document was cut off before it."""
        fate = self._site.fate_of_field(str(info.path.key), info.field_name)
        if self._cut or (fate is not None and not fate.type):
            self._cut = True
            raise _refused("", CUT)
        if fate is not None:
            raise _refused(fate.type, fate.message)

    def _place(self, node: str, needed: str, permission: str) -> Repo:
        found = {f"R_{place.id}": place for place in self._site.repos.values()}
        place = _of(found, node)
        if not self._site.may(self._me, place, "read"):
            raise _unresolved(node)
        self._must(place, needed, permission)
        return place

    def _must(self, place: Repo, needed: str, permission: str) -> None:
        """A person, or a token of theirs, needs the role there; an App needs the permission to
        write."""
        if g.installed is not None and not holds(g.installed, permission, "write"):
            raise _refused("FORBIDDEN", "Resource not accessible by integration")
        if not self._site.may(self._me, place, needed):
            raise _refused("FORBIDDEN", "Resource not accessible by personal access token")

    def _parent(self, place: Repo, node: str | None) -> Issue | None:
        if node is None:
            return None
        issues = (i for repo in self._site.repos.values() for i in repo.issues.values())
        there = {i.node_id: i for i in issues if not (i.gone or i.transferred or i.pull)}
        parent = _of(there, node)
        if not self._site.may(self._me, parent.repo, "triage"):
            raise _refused("FORBIDDEN", "Resource not accessible by personal access token")
        if parent.repo.owner != place.owner:
            raise _refused("UNPROCESSABLE", "Sub issue must be another issue of the same owner")
        if len(parent.children) >= MOST_SUB_ISSUES:
            raise _refused("UNPROCESSABLE", "Parent cannot have more than 100 sub-issues")
        return parent

    def _user_id(self, login: str) -> str:
        return str((github_views.user(self._site, login) or {})["node_id"])

    def _label_id(self, place: Repo, name: str) -> str:
        return str(github_views.label(self._site, place, name)["node_id"])

    # --- how things are shown -------------------------------------------------------------------

    def _repository(self, place: Repo) -> Object:
        def ref(_: GraphQLResolveInfo[Any], qualifiedName: str) -> Object | None:
            return self._ref(place, qualifiedName.removeprefix("refs/heads/"))

        def pulls(_: GraphQLResolveInfo[Any], headRefName: str = "", first: int = 0) -> Object:  # noqa: ARG001
            found = (issue.pull for issue in place.issues.values() if issue.pull)
            return {"totalCount": sum(headRefName in ("", pull.head) for pull in found)}

        shown: Object = {"id": f"R_{place.id}", "nameWithOwner": place.full_name, "ref": ref}
        shown["defaultBranchRef"] = self._ref(place, place.default_branch)
        return shown | {"pullRequests": pulls, "issueTypes": self._types(place.owner)}

    def _types(self, owner: str) -> Object:
        told = map(github_views.issue_type, self._site.types_of(owner))
        nodes = [{"id": t["node_id"], "name": t["name"], "isEnabled": True} for t in told]
        return {"nodes": nodes}

    def _ref(self, place: Repo, branch: str) -> Object | None:
        if branch not in place.branches:
            return None
        head = place.commits[place.branches[branch]]
        return {"id": f"REF_{place.id}_{branch}", "name": branch, "target": self._commit(head)}

    def _commit(self, shown: Commit) -> Object:
        def file(_: GraphQLResolveInfo[Any], path: str) -> Object | None:
            data = shown.tree.get(path)
            return None if data is None else {"oid": blob_sha(data)}

        return {"__typename": "Commit", "oid": shown.sha, "file": file}

    def _issue(self, shown: Issue) -> Object:
        rest = github_views.issue(self._site, shown)
        view: Object = {"id": rest["node_id"], "fullDatabaseId": str(rest["id"])}
        view |= {"number": shown.number, "url": rest["html_url"], "milestone": rest["milestone"]}
        view |= {"repository": self._repository(shown.repo), "issueType": rest.get("type")}
        view |= {name: {"nodes": rest[name]} for name in ("assignees", "labels")}
        return view | {"parent": {"id": shown.parent.node_id} if shown.parent else None}


def _of(found: Mapping[str, Found], node: str) -> Found:
    if node not in found:
        raise _unresolved(node)
    return found[node]


def _unresolved(node: str) -> Refused:
    return _refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{node}'")
