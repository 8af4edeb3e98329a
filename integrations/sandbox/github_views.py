"""How a GitHub server shows what it holds: the JSON of its REST answers and webhooks.

Shapes: the OpenAPI description at https://github.com/github/rest-api-description
"""

from __future__ import annotations

import base64
import json
import zlib
from datetime import datetime

from integrations.sandbox.github_site import (
    Commit,
    GitHubSite,
    Issue,
    Milestone,
    Note,
    Repo,
    blob_sha,
)
from integrations.sandbox.hooks import Attempt, Hook
from integrations.sandbox.world import Object


def stamp(at: datetime | None) -> str | None:
    """GitHub's way to write a time: "2026-11-23T12:00:00Z"."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def user(site: GitHubSite, login: str | None) -> Object | None:
    if login is None:
        return None
    account = site.accounts[login]
    here, page = f"{site.api}/users/{login}", f"{site.url}/{login}"
    shown: Object = {"login": login, "id": account.id, "node_id": f"U_{account.id}", "url": here}
    shown |= {"html_url": page, "avatar_url": f"{page}.png", "gravatar_id": ""}
    for name in ("followers", "subscriptions", "repos", "received_events"):
        shown["organizations_url" if name == "repos" else f"{name}_url"] = f"{here}/{name}"
    shown |= {"repos_url": f"{here}/repos", "organizations_url": f"{here}/orgs"}
    shown |= {"following_url": f"{here}/following{{/other_user}}"}
    shown |= {"gists_url": f"{here}/gists{{/gist_id}}", "events_url": f"{here}/events{{/privacy}}"}
    shown |= {"starred_url": f"{here}/starred{{/owner}}{{/repo}}"}
    kind = "Bot" if login.endswith("[bot]") else "User"
    return shown | {"type": kind, "site_admin": False}


def person(site: GitHubSite, login: str) -> Object:
    shown = user(site, login) or {}
    shown |= {"name": site.accounts[login].name, "company": None, "blog": "", "location": None}
    shown |= {"email": None, "hireable": None, "bio": None, "public_repos": 0, "public_gists": 0}
    when = "2020-01-01T00:00:00Z"
    return shown | {"followers": 0, "following": 0, "created_at": when, "updated_at": when}


_REPO_URLS = """
    archive assignees blobs branches collaborators comments commits compare contents contributors
    deployments downloads events forks git_commits git_refs git_tags hooks issue_comment
    issue_events issues keys labels languages merges milestones notifications pulls releases
    stargazers statuses subscribers subscription tags teams trees
    """
_REPO_COUNTS = """
    forks forks_count open_issues open_issues_count size stargazers_count watchers watchers_count
    network_count subscribers_count
    """
_REPO_SWITCHES = "has_downloads has_projects has_wiki has_pages has_discussions is_template"


def _reactions(here: str) -> Object:
    kinds = ("+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket", "total_count")
    return {"url": f"{here}/reactions", **dict.fromkeys(kinds, 0)}


def repo(site: GitHubSite, shown: Repo, me: str | None = None) -> Object:
    here, page = f"{site.api}/repos/{shown.full_name}", f"{site.url}/{shown.full_name}"
    view: Object = {"id": shown.id, "node_id": f"R_{shown.id}", "name": shown.name}
    view |= {"full_name": shown.full_name, "owner": user(site, shown.owner), "html_url": page}
    view |= {"private": shown.private, "visibility": "private" if shown.private else "public"}
    view |= {"description": None, "fork": False, "url": here, "has_issues": True, "archived": False}
    view |= {"default_branch": shown.default_branch, "disabled": False}
    when = stamp(shown.created)
    view |= {"created_at": when, "updated_at": when, "pushed_at": when}
    view |= {f"{name}_url": f"{here}/{name}" for name in _REPO_URLS.split()}
    view |= dict.fromkeys(("git_url", "ssh_url", "clone_url", "svn_url"), f"{page}.git")
    view |= dict.fromkeys(_REPO_COUNTS.split(), 0) | dict.fromkeys(_REPO_SWITCHES.split(), False)
    view |= dict.fromkeys(("homepage", "language", "mirror_url", "license"), None)
    view |= {"allow_forking": True, "web_commit_signoff_required": False, "topics": []}
    if me is not None:
        levels = ("pull", "read"), ("triage", "triage"), ("push", "write")
        levels += (("maintain", "maintain"), ("admin", "admin"))  # type: ignore[assignment]
        view["permissions"] = {name: site.may(me, shown, level) for name, level in levels}
    return view


def label(site: GitHubSite, place: Repo, name: str) -> Object:
    here = f"{site.api}/repos/{place.full_name}/labels/{name}"
    shown: Object = {"id": place.labels[name], "node_id": f"LA_{place.labels[name]}", "url": here}
    return shown | {"name": name, "color": "ededed", "default": False, "description": None}


def milestone(site: GitHubSite, place: Repo, shown: Milestone) -> Object:
    here = f"{site.api}/repos/{place.full_name}/milestones/{shown.number}"
    members = [issue for issue in place.issues.values() if issue.milestone == shown.number]
    closed = sum(issue.state == "closed" for issue in members)
    view: Object = {
        "id": shown.id,
        "node_id": f"MI_{shown.id}",
        "number": shown.number,
        "url": here,
    }
    view |= {"html_url": f"{site.url}/{place.full_name}/milestone/{shown.number}"}
    view |= {"labels_url": f"{here}/labels", "title": shown.title, "state": shown.state}
    view |= {"description": shown.description, "creator": user(site, shown.creator)}
    view |= {"open_issues": len(members) - closed, "closed_issues": closed, "closed_at": None}
    when = stamp(shown.created)
    return view | {"created_at": when, "updated_at": when, "due_on": shown.due_on}


def issue_type(name: str) -> Object:
    """https://docs.github.com/en/rest/orgs/issue-types#list-issue-types-for-an-organization"""
    id = zlib.crc32(name.encode())
    shown: Object = {"id": id, "node_id": f"IT_{id}", "name": name, "description": None}
    when = "2025-01-01T00:00:00Z"
    return shown | {"color": "gray", "is_enabled": True, "created_at": when, "updated_at": when}


def page_of(site: GitHubSite, shown: Issue) -> str:
    kind = "pull" if shown.pull else "issues"
    return f"{site.url}/{shown.repo.full_name}/{kind}/{shown.number}"


def issue(site: GitHubSite, shown: Issue) -> Object:
    place = shown.repo
    home = f"{site.api}/repos/{place.full_name}"
    here = f"{home}/issues/{shown.number}"
    view: Object = {"id": shown.id, "node_id": shown.node_id, "number": shown.number, "url": here}
    view |= {"repository_url": home, "html_url": page_of(site, shown)}
    view |= {"labels_url": f"{here}/labels{{/name}}", "comments_url": f"{here}/comments"}
    view |= {"events_url": f"{here}/events", "timeline_url": f"{here}/timeline"}
    view |= {"title": shown.title, "body": shown.body, "user": user(site, shown.user)}
    view |= {"state": shown.state, "state_reason": shown.reason, "locked": shown.locked}
    view |= {"active_lock_reason": None, "author_association": site.association(shown.user, place)}
    view["labels"] = [label(site, place, name) for name in shown.labels]
    view["assignees"] = [user(site, login) for login in shown.assignees]
    view["assignee"] = view["assignees"][0] if shown.assignees else None
    chosen = (m for m in place.milestones if m.number == shown.milestone)
    view["milestone"] = next((milestone(site, place, m) for m in chosen), None)
    view |= {"comments": len(shown.notes), "created_at": stamp(shown.created)}
    view |= {"updated_at": stamp(shown.updated), "closed_at": stamp(shown.closed)}
    view |= {"closed_by": user(site, shown.closed_by), "reactions": _reactions(here)}
    view["performed_via_github_app"] = None
    if site.issue_types is not None:
        view["type"] = issue_type(shown.type) if shown.type else None
    if shown.pull:
        pulls = f"{home}/pulls/{shown.number}"
        view["pull_request"] = {"url": pulls, "html_url": page_of(site, shown)}
        view["pull_request"] |= {"merged_at": stamp(shown.pull.merged)}
    if site.sub_issues:
        total, done = len(shown.children), sum(c.state == "closed" for c in shown.children)
        percent = 100 * done // total if total else 0
        view["sub_issues_summary"] = {
            "total": total,
            "completed": done,
            "percent_completed": percent,
        }
        if shown.parent:
            parent = shown.parent
            url = f"{site.api}/repos/{parent.repo.full_name}/issues/{parent.number}"
            view["parent_issue_url"] = url
    return view


def note(site: GitHubSite, owner: Issue, shown: Note) -> Object:
    home = f"{site.api}/repos/{owner.repo.full_name}/issues"
    view: Object = {
        "id": shown.id,
        "node_id": f"IC_{shown.id}",
        "url": f"{home}/comments/{shown.id}",
    }
    view |= {"html_url": f"{page_of(site, owner)}#issuecomment-{shown.id}", "body": shown.body}
    view |= {"issue_url": f"{home}/{owner.number}", "user": user(site, shown.user)}
    view |= {"created_at": stamp(shown.created), "updated_at": stamp(shown.updated)}
    view |= {"author_association": site.association(shown.user, owner.repo)}
    return view | {"reactions": _reactions(view["url"]), "performed_via_github_app": None}


def event(site: GitHubSite, owner: Issue, entry: Object) -> Object:
    """A timeline entry; comments stand in it whole."""
    if entry["event"] == "commented":
        shown = next(n for n in owner.notes if n.id == entry["note"])
        return {**note(site, owner, shown), "event": "commented", "actor": user(site, shown.user)}
    if entry["event"] == "cross-referenced":
        return _cross_reference(site, entry)
    here = f"{site.api}/repos/{owner.repo.full_name}/issues/events/{entry['id']}"
    people = {name: user(site, entry[name]) for name in ("actor", "assignee") if name in entry}
    view: Object = {**entry, "node_id": f"E_{entry['id']}", "url": here, "commit_id": None}
    return view | {"commit_url": None, "performed_via_github_app": None} | people


def _cross_reference(site: GitHubSite, entry: Object) -> Object:
    """It has no id; its source is shown as it is now:
    https://docs.github.com/en/rest/using-the-rest-api/issue-event-types#cross-referenced"""
    source, when = entry["source"], stamp(entry["at"])
    shown = {**issue(site, source), "repository": repo(site, source.repo)}
    view: Object = {"event": entry["event"], "actor": user(site, entry["actor"])}
    view |= {"created_at": when, "updated_at": when}
    return view | {"source": {"type": "issue", "issue": shown}}


def pull(site: GitHubSite, shown: Issue) -> Object:
    request, place = shown.pull, shown.repo
    if request is None:
        raise TypeError(f"#{shown.number} is an issue")
    here = f"{site.api}/repos/{place.full_name}/pulls/{shown.number}"
    view = issue(site, shown)
    for name in ("repository_url", "labels_url", "events_url", "timeline_url", "pull_request"):
        del view[name]
    for name in ("state_reason", "closed_by", "reactions", "sub_issues_summary", "type"):
        view.pop(name, None)
    page = page_of(site, shown)
    view |= {"url": here, "issue_url": f"{site.api}/repos/{place.full_name}/issues/{shown.number}"}
    view |= {
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "commits_url": f"{here}/commits",
    }
    view |= {"review_comments_url": f"{here}/comments", "statuses_url": f"{here}/statuses"}
    view |= {"review_comment_url": f"{here}/comments{{/number}}", "draft": request.draft}
    view |= {"merged_at": stamp(request.merged), "merged": request.merged is not None}
    view |= {"merge_commit_sha": request.merge_sha, "auto_merge": None}
    view |= {"requested_reviewers": [], "requested_teams": [], "mergeable": None}
    view |= {
        "mergeable_state": "unknown",
        "rebaseable": None,
        "merged_by": user(site, request.merged_by) if request.merged_by else None,
        "review_comments": 0,
        "commits": 1,
    }
    view |= {"maintainer_can_modify": False, "additions": 0, "deletions": 0, "changed_files": 1}
    whole = repo(site, place)
    for end, name, sha in (
        ("head", request.head, request.head_sha),
        ("base", request.base, request.base_sha),
    ):
        view[end] = {"label": f"{place.owner}:{name}", "ref": name, "sha": sha, "repo": whole}
        view[end]["user"] = user(site, place.owner)
    hrefs = {"self": here, "html": page, "issue": view["issue_url"]}
    hrefs |= {
        name: view[f"{name}_url"]
        for name in ("comments", "commits", "statuses", "review_comments", "review_comment")
    }
    view["_links"] = {name: {"href": href} for name, href in hrefs.items()}
    return view


def hook(site: GitHubSite, place: Repo, shown: Hook) -> Object:
    """https://docs.github.com/en/rest/repos/webhooks#list-repository-webhooks"""
    here = f"{site.api}/repos/{place.full_name}/hooks/{shown.id}"
    view: Object = {"type": "Repository", "id": shown.id, "name": "web", "active": True}
    view |= {"events": sorted(shown.events) or ["*"], "url": here, "test_url": f"{here}/test"}
    view["config"] = {"url": shown.url, "content_type": "json", "insecure_ssl": "0"}
    view["config"] |= {"secret": "********"} if shown.secret else {}
    view |= {"created_at": stamp(shown.created), "updated_at": stamp(shown.created)}
    view |= {"ping_url": f"{here}/pings", "deliveries_url": f"{here}/deliveries"}
    return view | {"last_response": {"code": None, "status": "unused", "message": None}}


def attempt(shown: Attempt) -> Object:
    """https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook;
    nobody's answer is told as in its example, "failed to connect" with 502."""
    delivery, status = shown.delivery, shown.status
    words = "failed to connect" if status == 0 else f"Invalid HTTP Response: {status}"
    view: Object = {"id": shown.id, "guid": delivery.id, "delivered_at": stamp(shown.at)}
    view |= {"redelivery": shown.redelivery, "duration": 0.1, "throttled_at": None}
    view |= {"status": "OK" if 200 <= status < 300 else words, "status_code": status or 502}
    told = json.loads(delivery.body)
    view |= {"event": delivery.event, "action": told.get("action")}
    view |= {"installation_id": told.get("installation", {}).get("id")}
    return view | {"repository_id": told.get("repository", {}).get("id")}


def file(site: GitHubSite, place: Repo, ref: str, path: str, data: bytes, whole: bool) -> Object:
    """A file of the contents API; `whole` carries its bytes, in lines of 60 as GitHub sends it."""
    sha = blob_sha(data)
    here = f"{site.api}/repos/{place.full_name}/contents/{path}?ref={ref}"
    blob = f"{site.api}/repos/{place.full_name}/git/blobs/{sha}"
    page = f"{site.url}/{place.full_name}/blob/{ref}/{path}"
    view: Object = {"type": "file", "name": path.rpartition("/")[2], "path": path, "sha": sha}
    view |= {"size": len(data), "url": here, "git_url": blob, "html_url": page}
    view |= {"download_url": page, "_links": {"self": here, "git": blob, "html": page}}
    if whole:
        text = base64.b64encode(data).decode()
        lines = "".join(f"{text[at : at + 60]}\n" for at in range(0, len(text), 60))
        view |= {"encoding": "base64", "content": lines}
    return view


def commit(site: GitHubSite, place: Repo, shown: Commit) -> Object:
    here = f"{site.api}/repos/{place.full_name}/git/commits/{shown.sha}"
    who = {"name": shown.author, "email": f"{shown.author}@users.noreply.example"}
    signed = {**who, "date": stamp(shown.at)}
    view: Object = {"sha": shown.sha, "node_id": f"C_{shown.sha}", "url": here}
    view |= {"html_url": f"{site.url}/{place.full_name}/commit/{shown.sha}", "author": signed}
    view |= {"committer": signed, "message": shown.message}
    tree = {"sha": shown.sha, "url": f"{site.api}/repos/{place.full_name}/git/trees/{shown.sha}"}
    parents = [{"sha": shown.parent, "url": "", "html_url": ""}] if shown.parent else []
    unsigned = {"verified": False, "reason": "unsigned", "signature": None, "payload": None}
    return view | {"tree": tree, "parents": parents, "verification": unsigned}
