"""The routes of repositories: labels, milestones, git references, files, pull requests."""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import Any

from flask import Response, g, jsonify, request

from integrations.sandbox import github_views
from integrations.sandbox.github_acts import GitHub
from integrations.sandbox.github_apps import admit
from integrations.sandbox.github_site import Issue, Repo, blob_sha, invalid, not_found
from integrations.sandbox.world import Object, Refused, json_body, route, whole_number

Answer = tuple[Any, int] | Object | list[Any] | Response
REPO = "/repos/<owner>/<name>"


def with_etag(answer: Response) -> Response:
    """What was answered, or 304 where the ETag that was sent is still that of the body:
    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
    Whether a page counts as modified when only what follows it was, or whether a 304 has links,
    is not said: here neither, the harder case."""
    if request.method == "GET" and answer.status_code == 200:
        answer.add_etag(weak=True)
        answer.make_conditional(request)
        if answer.status_code == 304:
            answer.headers.pop("Link", None)
    return answer


class GitHubApi:
    """Sign-in, access and pages: what every route needs."""

    def __init__(self, site: GitHub) -> None:
        self.site = site

    def sign_in(self) -> str:
        """`token x` or `Bearer x`: https://docs.github.com/en/rest/authentication"""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        g.installed, ends = self.site.apps.tokens.get(token.strip(), (None, None))
        if g.installed is not None and ends is not None and self.site.world.now() < ends:
            return str(g.installed.app.login)
        for account in self.site.accounts.values():
            matches = secrets.compare_digest(account.token.encode(), token.strip().encode())
            if account.token and matches and scheme.lower() in ("token", "bearer"):
                return account.login
        words = "Bad credentials" if token else "Requires authentication"
        raise Refused(401, {"message": words, "documentation_url": "https://docs.github.com/rest"})

    def account(self) -> str:
        """Whose limits count: of an App those of each installation by themselves."""
        login = self.sign_in()
        return login if g.installed is None else f"{login} on {g.installed.owner}"

    def place(self, me: str, owner: str, name: str, needed: str = "read") -> Repo:
        """The repository; without access 404, with too little of it 403. A former name leads to the
        present one, of reads by 301 and of writes by 307, which many clients do not follow:
        https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
        https://github.com/VirtusLab/git-machete/issues/1212
        GitHub leads there by the repository's id, here it is by its name."""
        if new := self.site.renamed.get(f"{owner}/{name}".lower()):
            there = request.url.replace(f"/repos/{owner}/{name}", f"/repos/{new}", 1)
            status, words = (
                (301, "Moved Permanently")
                if request.method == "GET"
                else (307, "Temporary Redirect")
            )
            raise Refused(status, {"message": words, "url": there}, {"Location": there})
        found = self.site.repo(f"{owner}/{name}", me)
        if g.installed is not None:
            part = request.path.partition(f"/repos/{owner}/{name}")[2].strip("/")
            admit(g.installed, found, request.method, part)
        if not self.site.may(me, found, needed):
            raise Refused(403, {"message": "Resource not accessible by personal access token"})
        return found

    def listed(self, issue: Issue) -> bool:
        world = self.site.world
        return world.shown(issue.updated, world.faults.list_lag)

    def pages(self, items: list[Any]) -> Response:
        """One page, and a Link header to the others:
        https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api"""
        size = whole_number("per_page", 30, 100) or 30
        page = whole_number("page", 1, 10**6) or 1
        last = max(1, -(-len(items) // size))
        answer = jsonify(items[(page - 1) * size : page * size])
        others = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        links = []
        for name, number in others.items():
            if (
                1 <= number <= last
                and (number > page) == (name in ("next", "last"))
                and number != page
            ):
                query = {**request.args.to_dict(), "page": str(number)}
                address = request.base_url + "?" + "&".join(f"{k}={v}" for k, v in query.items())
                links.append(f'<{address}>; rel="{name}"')
        if links:
            answer.headers["Link"] = ", ".join(links)
        return answer


class GitHubRest(GitHubApi):
    @route("GET", "/user")
    def myself(self, me: str) -> Answer:
        if g.installed is not None:  # no user is signed in
            raise Refused(403, {"message": "Resource not accessible by integration"})
        return github_views.person(self.site, me)

    @route("GET", "/user/repos")
    def my_repositories(self, me: str) -> Answer:
        """https://docs.github.com/en/rest/repos/repos#list-repositories-for-the-authenticated-user"""
        mine = [p for p in self.site.repos.values() if p.owner == me or me in p.members]
        return self.pages([github_views.repo(self.site, place, me) for place in mine])

    @route("GET", "/installation/repositories")
    def repositories_of_installation(self, me: str) -> Answer:
        """https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-app-installation"""
        if g.installed is None:
            words = "You must authenticate with an installation access token in order to list"
            raise Refused(403, {"message": f"{words} repositories for an installation."})
        served = [p for p in self.site.repos.values() if g.installed.covers(p)]
        size, page = whole_number("per_page", 30, 100) or 30, whole_number("page", 1, 10**6) or 1
        shown = served[(page - 1) * size : page * size]
        every = [github_views.repo(self.site, place, me) for place in shown]
        return {"total_count": len(served), "repositories": every}

    @route("GET", REPO)
    def repository(self, me: str, owner: str, name: str) -> Answer:
        return github_views.repo(self.site, self.place(me, owner, name), me)

    @route("GET", REPO + "/labels")
    def labels(self, me: str, owner: str, name: str) -> Answer:
        place = self.place(me, owner, name)
        return self.pages([github_views.label(self.site, place, label) for label in place.labels])

    @route("GET", REPO + "/milestones")
    def milestones(self, me: str, owner: str, name: str) -> Answer:
        place, wanted = self.place(me, owner, name), request.args.get("state", "open")
        found = [m for m in place.milestones if wanted in (m.state, "all")]
        return self.pages([github_views.milestone(self.site, place, m) for m in found])

    @route("POST", REPO + "/milestones")
    def create_milestone(self, me: str, owner: str, name: str) -> Answer:
        place, wanted = self.place(me, owner, name, "write"), json_body()
        if not wanted.get("title"):
            raise invalid(resource="Milestone", code="missing_field", field="title")
        number = self.site.add_milestone(place.full_name, str(wanted["title"]), me)
        made = next(m for m in place.milestones if m.number == number)
        made.description, made.due_on = wanted.get("description"), wanted.get("due_on")
        shown = github_views.milestone(self.site, place, made)
        self.site.tell("milestone", place, me, action="created", milestone=shown)
        return shown, 201

    @route("PATCH", REPO + "/milestones/<number>")
    def change_milestone(self, me: str, owner: str, name: str, number: str) -> Answer:
        """https://docs.github.com/en/rest/issues/milestones#update-a-milestone"""
        place, wanted = self.place(me, owner, name, "write"), json_body()
        found = next((m for m in place.milestones if str(m.number) == number), None)
        if found is None:
            raise not_found()
        state = wanted.get("state", found.state)
        if state not in ("open", "closed"):
            raise invalid(resource="Milestone", code="invalid", field="state", value=state)
        if (title := str(wanted.get("title", found.title))) != found.title:
            self.site.rename_milestone(place.full_name, found.title, title, me)
        act = self.site.close_milestone if state == "closed" else self.site.open_milestone
        act(place.full_name, found.title, me)
        return github_views.milestone(self.site, place, found)

    @route("GET", REPO + "/assignees")
    def assignees(self, me: str, owner: str, name: str) -> Answer:
        place = self.place(me, owner, name)
        found = [login for login in self.site.accounts if self.site.assignable(login, place)]
        return self.pages([github_views.user(self.site, login) for login in found])

    @route("GET", REPO + "/assignees/<login>")
    def is_assignable(self, me: str, owner: str, name: str, login: str) -> Answer:
        if not self.site.assignable(login, self.place(me, owner, name)):
            raise not_found()
        return {}, 204

    @route("GET", REPO + "/collaborators/<login>/permission")
    def permission(self, me: str, owner: str, name: str, login: str) -> Answer:
        """https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user"""
        place = self.place(me, owner, name)
        if login not in self.site.accounts:
            raise not_found()
        role = self.site.level(login, place)
        coarse = {"triage": "read", "maintain": "write"}.get(role, role)
        who = {**(github_views.user(self.site, login) or {}), "role_name": role}
        return {"permission": coarse, "role_name": role, "user": who}

    # --- git ----------------------------------------------------------------------------------

    def _ref(self, place: Repo, branch: str) -> Object:
        sha = place.branches[branch]
        home = f"{self.site.api}/repos/{place.full_name}/git"
        shown: Object = {"ref": f"refs/heads/{branch}", "node_id": f"REF_{place.id}_{branch}"}
        shown["url"] = f"{home}/refs/heads/{branch}"
        return shown | {"object": {"type": "commit", "sha": sha, "url": f"{home}/commits/{sha}"}}

    @route("GET", REPO + "/git/ref/<path:ref>")
    def reference(self, me: str, owner: str, name: str, ref: str) -> Answer:
        place = self.place(me, owner, name)
        branch = ref.removeprefix("heads/")
        if not ref.startswith("heads/") or branch not in place.branches:
            raise not_found()
        return self._ref(place, branch)

    @route("POST", REPO + "/git/refs")
    def create_reference(self, me: str, owner: str, name: str) -> Answer:
        """An existing one is refused: https://docs.github.com/en/rest/git/refs#create-a-reference"""
        place, wanted = self.place(me, owner, name, "write"), json_body()
        ref, sha = str(wanted.get("ref", "")), str(wanted.get("sha", ""))
        branch = ref.removeprefix("refs/heads/")
        if not branch or branch == ref:
            raise invalid("Reference name must start with 'refs/' and have at least two slashes.")
        if branch in place.branches:
            raise invalid("Reference already exists")
        if sha not in place.commits:
            raise invalid("Object does not exist")
        self.site.create_branch(place, branch, sha, me)
        return self._ref(place, branch), 201

    def _head(self, place: Repo, ref: str) -> str:
        sha = place.branches.get(ref.removeprefix("refs/heads/"), ref)
        if sha not in place.commits:
            words = f"No commit found for the ref {ref}"
            raise Refused(404, {"message": words, "status": "404"})
        return sha

    @route("GET", REPO + "/contents/<path:path>")
    def read_file(self, me: str, owner: str, name: str, path: str) -> Answer:
        place = self.place(me, owner, name)
        ref = request.args.get("ref") or place.default_branch
        tree = place.commits[self._head(place, ref)].tree
        if path in tree:
            return github_views.file(self.site, place, ref, path, tree[path], whole=True)
        inside = {p: data for p, data in tree.items() if p.startswith(f"{path}/")}
        if not inside:
            raise not_found()
        direct = {p: data for p, data in inside.items() if "/" not in p[len(path) + 1 :]}
        return [
            github_views.file(self.site, place, ref, p, d, whole=False) for p, d in direct.items()
        ]

    @route("PUT", REPO + "/contents/<path:path>")
    def write_file(self, me: str, owner: str, name: str, path: str) -> Answer:
        """An update needs the blob's sha: 422 without it, 409 when it is another one by now.
        https://docs.github.com/en/rest/repos/contents#create-or-update-file-contents"""
        place, wanted = self.place(me, owner, name, "write"), json_body()
        branch = str(wanted.get("branch") or place.default_branch)
        if branch not in place.branches:
            raise Refused(404, {"message": f"Branch {branch} not found", "status": "404"})
        if missing := [
            key for key in ("message", "content") if not isinstance(wanted.get(key), str)
        ]:
            raise invalid(f'Invalid request.\n\n"{missing[0]}" wasn\'t supplied.')
        try:
            data = base64.b64decode(wanted["content"], validate=False)
        except binascii.Error:
            raise invalid("content is not valid Base64") from None
        old = place.commits[place.branches[branch]].tree.get(path)
        sha = wanted.get("sha")
        if old is not None and not sha:
            raise invalid('Invalid request.\n\n"sha" wasn\'t supplied.')
        if sha and (old is None or blob_sha(old) != sha):
            raise Refused(409, {"message": f"{path} does not match {sha}", "status": "409"})
        made = self.site.write(place, branch, {path: data}, wanted["message"], me)
        shown = github_views.file(self.site, place, branch, path, data, whole=False)
        commit = github_views.commit(self.site, place, made)
        return {"content": shown, "commit": commit}, 200 if old is not None else 201

    # --- pull requests ------------------------------------------------------------------------

    @route("GET", REPO + "/pulls")
    def pulls(self, me: str, owner: str, name: str) -> Answer:
        place, state = self.place(me, owner, name), request.args.get("state", "open")
        head, base = request.args.get("head"), request.args.get("base")
        found = [
            issue
            for issue in reversed(place.issues.values())
            if issue.pull
            and self.listed(issue)
            and state in (issue.state, "all")
            and (head is None or head == f"{place.owner}:{issue.pull.head}")
            and base in (None, issue.pull.base)
        ]
        return self.pages([github_views.pull(self.site, issue) for issue in found])

    @route("POST", REPO + "/pulls")
    def create_pull(self, me: str, owner: str, name: str) -> Answer:
        place, wanted = self.place(me, owner, name, "write"), json_body()
        if not wanted.get("title"):
            raise invalid(resource="PullRequest", code="missing_field", field="title")
        return github_views.pull(self.site, self.site.open_pull(place, wanted, me)), 201

    @route("GET", REPO + "/pulls/<int:number>")
    def pull(self, me: str, owner: str, name: str, number: int) -> Answer:
        issue = self.site.issue(self.place(me, owner, name), number)
        if issue.pull is None:
            raise not_found()
        return github_views.pull(self.site, issue)

    @route("PATCH", REPO + "/pulls/<int:number>")
    def change_pull(self, me: str, owner: str, name: str, number: int) -> Answer:
        place, wanted = self.place(me, owner, name, "write"), json_body()
        issue = self.site.issue(place, number)
        if issue.pull is None:
            raise not_found()
        self.site.change_pull(issue, wanted, me)
        return github_views.pull(self.site, issue)
