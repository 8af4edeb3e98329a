"""The routes of a Confluence site: version 1 of Data Center, which Cloud has a part of, and
version 2 of Cloud."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from flask import Flask, request

from integrations.sandbox.confluence_site import Confluence, Page, Saved, Space, missing, refused
from integrations.sandbox.jira_rest import JiraApi
from integrations.sandbox.jira_site import ANONYMOUS
from integrations.sandbox.world import Object, Refused, json_body, mount, route, whole_number

Answer = tuple[object, int] | Object | list[object]


class ConfluenceApi:
    def __init__(self, site: Confluence) -> None:
        self.site = site
        self._people = JiraApi(site.people)

    def sign_in(self) -> str:
        """As on the Jira site beside it; who sends no credentials is nobody, who may look."""
        if "Authorization" not in request.headers:
            if request.method == "GET":
                return ANONYMOUS
            raise refused(401, "Unauthorized")
        try:
            return self._people.sign_in()
        except Refused:
            raise refused(401, "Unauthorized") from None

    def space(self, key: str, me: str) -> Space:
        place = self.site.spaces.get(key)
        if place is None or not self.site.may(me, "read", key):
            raise missing("space")
        return place

    def shown(self, id: str, me: str) -> Page:
        page = self.site.seen(id, me)
        if page is None or page.status == "deleted":
            raise missing("content")
        return page

    def must(self, me: str, space: str) -> None:
        if not self.site.may(me, "create", space):
            raise refused(403, "User does not have permission to create or edit pages here")

    def must_edit(self, me: str, page: Page) -> None:
        """Cloud does not find what it does not let edit."""
        if page.editors is not None and me not in page.editors:
            words = "User does not have permission to edit this page"
            raise missing("content") if self.site.cloud else refused(403, words)
        self.must(me, page.space)

    def thrown_away(self, me: str, id: str) -> Answer:
        """Into the trash, from which it can be restored."""
        page = self.shown(id, me)
        self.must_edit(me, page)
        self.site.trash(id)
        return "", 204

    def name_of(self, account: str) -> str:
        known = self.site.people.users.get(account)
        return known.name if known else "Anonymous"


class ConfluenceVersion1(ConfluenceApi):
    """https://docs.atlassian.com/ConfluenceServer/rest/latest/ (both deployments)"""

    @route("GET", "/user/current")
    def current(self, me: str) -> Answer:
        if me == ANONYMOUS:
            return {"type": "anonymous", "displayName": "Anonymous"}
        key = "accountId" if self.site.cloud else "username"
        return {"type": "known", key: me, "displayName": self.name_of(me)}

    @route("GET", "/content/search")
    def search(self, me: str) -> Answer:
        """By CQL, of which these two questions are known here; an index that may lag.
        https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-content/"""
        matches = self._query(request.args.get("cql", ""), me)
        lag = self.site.world.faults.search_lag
        found = [
            page
            for page in self.site.pages.values()
            if page.status == "current"
            and self.site.may(me, "read", page.space)
            and self.site.world.shown(page.now.at, lag)
            and matches(page)
        ]
        limit = whole_number("limit", 25, 50)
        start = self._start()
        following = f"cursor=_f_{start + limit}" if self.site.cloud else f"start={start + limit}"
        more = len(found) > start + limit
        links = {"next": f"/rest/api/content/search?next=true&{following}"} if more else {}
        some = [self.content(page, page.now) for page in found[start : start + limit]]
        return {"results": some, "start": start, "limit": limit, "size": len(some), "_links": links}

    def _start(self) -> int:
        """Cloud gave `start` up for a cursor, and does not look at it.
        https://developer.atlassian.com/cloud/confluence/change-notice-moderize-search-rest-apis/"""
        if not self.site.cloud:
            return whole_number("start", 0, 10**6)
        told = re.fullmatch(r"_f_(\d{1,6})", request.args.get("cursor", "_f_0"))
        if told is None:
            raise refused(400, "The cursor is invalid")
        return int(told[1])

    def _query(self, cql: str, me: str) -> Callable[[Page], bool]:
        if listed := re.fullmatch(r"id in \(([\d, ]+)\)", cql):
            ids = {id.strip() for id in listed[1].split(",")}
            return lambda page: page.id in ids
        ours = re.fullmatch(
            r'space = "([^"]+)" and type = page and creator = currentUser\(\)'
            r' and created >= "(\d{4}-\d\d-\d\d)"',
            cql,
        )
        if ours is None:
            raise refused(400, f"Could not parse cql : {cql}")
        space, since = ours[1], date.fromisoformat(ours[2])

        def made(page: Page) -> bool:
            first = page.versions[0]
            return page.space == space and first.by == me and first.at.date() >= since

        return made

    @route("POST", "/content/<id>/label")
    def add_labels(self, me: str, id: str) -> Answer:
        page = self.shown(id, me)
        self.must(me, page.space)
        for one in request.get_json():
            if re.search(r"[\s:;,.?&\[\]()#^*@!]", one["name"]):
                raise refused(400, f"The label {one['name']!r} contains invalid characters")
            self.site.label(id, one["name"])
        return {"results": self.labels(page)}

    def content(self, page: Page, version: Saved, status: str = "") -> Object:
        """As `expand` asks for it."""
        expand = set(request.args.get("expand", "").split(","))
        told: Object = {
            "id": page.id,
            "type": "page",
            "status": status or page.status,
            "title": version.title,
            "_links": {"webui": f"/pages/viewpage.action?pageId={page.id}"},
        }
        if "space" in expand:
            told["space"] = {"key": page.space, "name": self.site.spaces[page.space].name}
        if "version" in expand:
            told["version"] = {
                "number": version.number,
                "when": version.at.isoformat(timespec="milliseconds"),
                "by": {"displayName": self.name_of(version.by)},
                "minorEdit": version.minor,
                "message": version.message,
            }
        if "body.storage" in expand:
            storage = {"value": version.body, "representation": "storage"}
            told["body"] = {"storage": storage}
        if "metadata.labels" in expand:
            told["metadata"] = {"labels": {"results": self.labels(page)}}
        return told

    def labels(self, page: Page) -> list[Object]:
        return [{"prefix": "global", "name": n, "id": id} for n, id in page.labels.items()]


class ConfluenceServer(ConfluenceVersion1):
    """The rest of version 1, which Cloud has given up."""

    @route("GET", "/space/<key>")
    def one_space(self, me: str, key: str) -> Answer:
        place = self.space(key, me)
        return {"id": int(place.id), "key": key, "name": place.name, "type": "global"}

    @route("GET", "/content")
    def list_pages(self, me: str) -> Answer:
        """Of a space, all that are current, or the one of a title."""
        key = self.space(request.args.get("spaceKey", ""), me).key
        pages = self.site.listed(key, request.args.get("title"), ("current",))
        limit, start = whole_number("limit", 25, 100), whole_number("start", 0, 10**6)
        more = len(pages) > start + limit
        links = {"next": f"/rest/api/content?start={start + limit}"} if more else {}
        some = [self.content(page, page.now) for page in pages[start : start + limit]]
        return {"results": some, "start": start, "limit": limit, "size": len(some), "_links": links}

    @route("POST", "/content")
    def make(self, me: str) -> Answer:
        asked = json_body()
        key = str(asked["space"]["key"])
        self.space(key, me)
        self.must(me, key)
        parents = asked.get("ancestors") or [{"id": ""}]
        body = str(asked["body"]["storage"]["value"])
        parent = str(parents[-1]["id"])
        page = self.site.create(key, str(asked["title"]), body, me, parent)
        return self.content(page, page.now)

    @route("GET", "/content/<id>")
    def one(self, me: str, id: str) -> Answer:
        page = self.shown(id, me)
        if request.args.get("status") == "historical":
            number = whole_number("version", 0, 10**6)
            if not 0 < number < page.now.number:
                raise missing("content")
            return self.content(page, page.versions[number - 1], "historical")
        if page.status not in ("current", "archived"):
            raise missing("content")
        return self.content(page, page.now)

    @route("PUT", "/content/<id>")
    def change(self, me: str, id: str) -> Answer:
        page, asked = self.shown(id, me), json_body()
        if page.status != "current":
            raise missing("content")
        self.must_edit(me, page)
        version, body = asked["version"], asked["body"]["storage"]["value"]
        said = str(version.get("message") or ""), bool(version.get("minorEdit"))
        self.site.save(page, str(asked["title"]), str(body), me, int(version["number"]), *said)
        return self.content(page, page.now)

    @route("DELETE", "/content/<id>")
    def throw_away(self, me: str, id: str) -> Answer:
        return self.thrown_away(me, id)


class ConfluenceVersion2(ConfluenceApi):
    """https://developer.atlassian.com/cloud/confluence/rest/v2/"""

    @route("GET", "/spaces")
    def list_spaces(self, me: str) -> Answer:
        keys = request.args.get("keys", "").split(",")
        found = [s for s in self.site.spaces.values() if s.key in keys]
        seen = [self._space(s) for s in found if self.site.may(me, "read", s.key)]
        return {"results": seen, "_links": {}}

    @route("GET", "/spaces/<int:id>")
    def one_space(self, me: str, id: int) -> Answer:
        found = [s for s in self.site.spaces.values() if s.id == str(id)]
        return self._space(self.space(found[0].key if found else "", me))

    @route("GET", "/spaces/<int:id>/operations")
    def operations(self, me: str, id: int) -> Answer:
        (place,) = (s for s in self.site.spaces.values() if s.id == str(id))
        self.space(place.key, me)
        told = [{"operation": "read", "targetType": "space"}]
        if self.site.may(me, "create", place.key):
            told.append({"operation": "create", "targetType": "page"})
        return {"operations": told}

    @route("GET", "/pages")
    def list_pages(self, me: str) -> Answer:
        """Of a space, all, the newest first where that is asked for; or the one of a title."""
        id = request.args.get("space-id", "")
        places = [s.key for s in self.site.spaces.values() if s.id == id]
        allowed = request.args.get("status", "current,archived").split(",")
        seen = [place for place in places if self.site.may(me, "read", place)]
        title = request.args.get("title")
        found = [page for place in seen for page in self.site.listed(place, title, allowed)]
        if request.args.get("sort") == "-created-date":
            found.sort(key=lambda page: page.versions[0].at, reverse=True)
        some = found[: whole_number("limit", 25, 250)]
        return {"results": [self._page(page, page.now) for page in some], "_links": {}}

    @route("POST", "/pages")
    def make(self, me: str) -> Answer:
        asked = json_body()
        found = [s.key for s in self.site.spaces.values() if s.id == asked["spaceId"]]
        key = self.space(found[0] if found else "", me).key
        self.must(me, key)
        body = str(asked["body"]["value"])
        page = self.site.create(key, asked["title"], body, me, asked.get("parentId", ""))
        return self._page(page, page.now)

    @route("GET", "/pages/<int:id>")
    def one(self, me: str, id: int) -> Answer:
        page = self.shown(str(id), me)
        if "version" in request.args:
            number = whole_number("version", 0, 10**6)
            if not 0 < number <= page.now.number:
                raise missing("version")
            return self._page(page, page.versions[number - 1])
        told = self._page(page, page.now)
        if request.args.get("include-labels") == "true":
            named = [{"id": i, "name": n, "prefix": "global"} for n, i in page.labels.items()]
            told["labels"] = {"results": named, "meta": {"hasMore": False}, "_links": {}}
        return told

    @route("PUT", "/pages/<int:id>")
    def change(self, me: str, id: int) -> Answer:
        page, asked = self.shown(str(id), me), json_body()
        self.must_edit(me, page)
        if page.status == "trashed":  # "page contents will not be updated and only the page status"
            page.status = "current"
            return self._page(page, page.now)
        version, body = asked["version"], asked["body"]["value"]
        message = str(version.get("message") or "")
        self.site.save(page, str(asked["title"]), str(body), me, int(version["number"]), message)
        return self._page(page, page.now)

    @route("DELETE", "/pages/<int:id>")
    def throw_away(self, me: str, id: int) -> Answer:
        return self.thrown_away(me, str(id))

    def _space(self, place: Space) -> Object:
        return {"id": place.id, "key": place.key, "name": place.name, "type": "global"}

    def _page(self, page: Page, version: Saved) -> Object:
        at = version.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told: Object = {
            "id": page.id,
            "status": page.status if version is page.now else "historical",
            "title": version.title,
            "spaceId": self.site.spaces[page.space].id,
            "parentId": page.parent or None,
            "authorId": page.versions[0].by,
            "version": {
                "number": version.number,
                "createdAt": at,
                "authorId": version.by,
                "message": version.message,
                "minorEdit": version.minor,
            },
            "_links": {"webui": f"/spaces/{page.space}/pages/{page.id}"},
        }
        if request.args.get("body-format") == "storage" or request.method != "GET":
            storage = {"value": version.body, "representation": "storage"}
            told["body"] = {"storage": storage}
        return told


def mount_confluence(app: Flask, site: Confluence) -> ConfluenceApi:
    """Cloud's is below /wiki, as on a site that has Jira, too. Returns what signs in."""
    if not site.cloud:
        whole = ConfluenceServer(site)
        mount(app, "/confluence/rest/api", whole)
        return whole
    part = ConfluenceVersion1(site)
    mount(app, "/confluence/wiki/rest/api", part)
    mount(app, "/confluence/wiki/api/v2", ConfluenceVersion2(site))
    return part
