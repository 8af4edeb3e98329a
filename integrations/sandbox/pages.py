"""Small readable pages for people who follow a link out of the demo. Everything is escaped."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask
from markupsafe import Markup

from integrations.sandbox import adf, github_views, jira_views
from integrations.sandbox.github_acts import GitHub
from integrations.sandbox.jira_acts import Jira

SHELL = Markup(
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    "<style>body{{font:16px/1.5 system-ui;max-width:60em;margin:2em auto;padding:0 1em}}"
    "pre{{white-space:pre-wrap;background:#8881;padding:1em;border-radius:6px}}"
    "dt{{font-weight:600}}dd{{margin:0 0 .5em}}</style><h1>{title}</h1>{body}"
)
FACT, ANCHOR = Markup("<dt>{}</dt><dd>{}</dd>"), Markup('<a href="{}">{}</a>')
SECTION = Markup("<h2>{}</h2><pre>{}</pre>")


def mount_pages(app: Flask, jira: Jira, github: GitHub) -> None:
    def browse(key: str) -> Markup:
        return _jira_page(jira, key)

    def issue(owner: str, name: str, number: int) -> Markup:
        return _github_page(github, f"{owner}/{name}", number)

    def blob(owner: str, name: str, where: str) -> Markup:
        place = github.repo(f"{owner}/{name}")
        branches = sorted(place.branches, key=len, reverse=True)
        branch = next(b for b in branches if where.startswith(f"{b}/"))
        path = where.removeprefix(f"{branch}/")
        data = place.commits[place.branches[branch]].tree[path]
        return _page(f"{path} · {branch}", [SECTION.format("Text", data.decode(errors="replace"))])

    app.add_url_rule("/jira/browse/<key>", view_func=browse)
    for kind in ("issues", "pull"):
        app.add_url_rule(f"/github/<owner>/<name>/{kind}/<int:number>", kind, issue)
    app.add_url_rule("/github/<owner>/<name>/blob/<path:where>", view_func=blob)


def _page(title: str, parts: Iterable[Markup]) -> Markup:
    return SHELL.format(title=title, body=Markup("").join(parts))


def _jira_page(jira: Jira, key: str) -> Markup:
    issue = jira.issue(key)
    shown = jira_views.issue(jira, issue)["fields"]
    facts = {
        "Status": f"{issue.status} ({issue.resolution})" if issue.resolution else issue.status,
        "Assignee": (shown["assignee"] or {}).get("displayName", "nobody"),
        "Due": shown["duedate"] or "no date",
        "Labels": ", ".join(shown["labels"]) or "none",
        "Fix versions": ", ".join(version["name"] for version in shown["fixVersions"]) or "none",
    }
    parts = [_facts(facts)]
    links = []
    for link in shown["issuelinks"]:
        outward = "outwardIssue" in link
        other = link["outwardIssue" if outward else "inwardIssue"]
        page = ANCHOR.format(f"{jira.url}/browse/{other['key']}", other["key"])
        says = link["type"]["outward" if outward else "inward"]
        links.append(Markup("<li>{} {} {}</li>").format(says, page, other["fields"]["summary"]))
    for remote in issue.remote_links:
        target = remote["object"]
        links.append(Markup("<li>{}</li>").format(ANCHOR.format(target["url"], target["title"])))
    parts.append(Markup("<ul>{}</ul>").format(Markup("").join(links)))
    parts.append(SECTION.format("Description", adf.plain(issue.values.get("description"))))
    for comment in issue.comments:
        author = jira.users[comment.author].name
        parts.append(SECTION.format(f"{author}, {comment.created}", adf.plain(comment.body)))
    return _page(f"{issue.key}: {issue.values['summary']}", parts)


def _github_page(github: GitHub, repo: str, number: int) -> Markup:
    issue = github.issue(github.repo(repo), number)
    facts = {
        "State": f"{issue.state} ({issue.reason})" if issue.reason else issue.state,
        "Assignees": ", ".join(issue.assignees) or "nobody",
        "Labels": ", ".join(issue.labels) or "none",
    }
    parts = [_facts(facts)]
    related = [(child, "Sub-issue") for child in issue.children]
    related += [(issue.parent, "Parent")] if issue.parent else []
    for other, what in related:
        anchor = ANCHOR.format(github_views.page_of(github, other), other.title)
        parts.append(Markup("<p>{}: {}</p>").format(what, anchor))
    parts.append(SECTION.format("Text", issue.body or ""))
    if issue.pull:
        place, pull = issue.repo, issue.pull
        state = "draft" if pull.draft else "merged" if pull.merged else "ready"
        parts.append(_facts({"Pull request": f"{pull.head} into {pull.base}, {state}"}))
        tree = place.commits[pull.head_sha].tree
        for path in github.changed_paths(place, pull.base_sha, pull.head_sha):
            parts.append(SECTION.format(path, tree.get(path, b"").decode(errors="replace")))
    for note in issue.notes:
        parts.append(SECTION.format(f"{note.user}, {note.created}", note.body))
    return _page(f"{issue.title} · {repo}#{number}", parts)


def _facts(facts: dict[str, str]) -> Markup:
    return Markup("<dl>{}</dl>").format(
        Markup("").join(FACT.format(k, v) for k, v in facts.items())
    )
