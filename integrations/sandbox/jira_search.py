"""JQL, as much of it as the adapters use; the rest is a 400, as for any query Jira cannot read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from integrations.sandbox.jira_site import Issue, JiraSite
from integrations.sandbox.world import Refused

Test = Callable[[Issue], bool]
ORDER = re.compile(r"\s*\border\s+by\s+(updated|created|key)(?:\s+(asc|desc))?\s*$", re.IGNORECASE)
CLAUSE = re.compile(
    r"""^(?P<field>\w+)\s*(?P<operator>>=|<=|=|\bin\b)\s*
        (?P<value>"[^"]*"|'[^']*'|\([^()]*\)|currentUser\(\)|[^\s"'()]+)$""",
    re.VERBOSE | re.IGNORECASE,
)
#: Unquoted they are no values. Beside the query language's own words, those that text search has.
_RESERVED = """
    a an abort access add after alias all alter and any are as asc at audit avg be before begin
    between boolean break but by byte catch cf changed char character check checkpoint collate
    collation column commit connect continue count create current date decimal declare decrement
    default defaults define delete delimiter desc difference distinct divide do double drop else
    empty encoding end equals escape exclusive exec execute exists explain false fetch field file
    first float for from function go goto grant greater group having identified if immediate in
    increment index initial inner inout input insert int integer intersect intersection into is
    isempty isnull it join last left less like limit lock long max min minus mode modify modulo
    more multiply next no noaudit not notin nowait null number object of on option or order outer
    output power previous prior privileges public raise raw remainder rename resource return
    returns revoke right row rowid rownum rows select session set share size sqrt start strict
    string subtract sum synonym table that the their then there these they this to trans
    transaction trigger true uid union unique update user validate values view was when whenever
    where while will with
    """
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def search(site: JiraSite, jql: str, me: str) -> list[Issue]:
    """The issues that `me` may see and the query finds, in its order."""
    order = ORDER.search(jql)
    where = jql[: order.start()] if order else jql
    if not where.strip() and site.cloud:
        # https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/
        raise _unreadable("Unbounded JQL queries are not allowed here. Please add a restriction.")
    parts = re.split(r"\s+and\s+", where.strip(), flags=re.IGNORECASE) if where.strip() else []
    tests = [_test(site, part, me) for part in parts]
    lag = site.world.faults.search_lag
    found = [
        issue
        for issue in site.issues.values()
        if site.may(me, "BROWSE_PROJECTS", issue.project.key)
        and site.world.shown(issue.updated, lag)
        and all(test(issue) for test in tests)
    ]
    if order:
        name = order[1].lower()
        found.sort(key=lambda issue: (getattr(issue, name), int(issue.id)))
    if not order or (order[2] or "asc").lower() == "desc":
        found.reverse()  # without an order, the newest come first
    return found


def _test(site: JiraSite, clause: str, me: str) -> Test:
    read = CLAUSE.match(clause)
    if read is None:
        raise _unreadable(f"Error in the JQL Query: '{clause}' could not be read.")
    field, operator = read["field"].lower(), read["operator"].lower()
    raw = read["value"]
    parts = [part.strip() for part in raw.strip("()").split(",")]
    if reserved := [part for part in parts if part.casefold() in _RESERVED.split()]:
        raise _unreadable(
            f"Error in the JQL Query: '{reserved[0]}' is a reserved JQL word. You must surround it"
            " in quotation marks to use it in a query."
        )
    values = [part.strip("\"'") for part in parts]
    if raw.lower() == "currentuser()":
        values = [me]
    if field in ("updated", "created") and operator in (">=", "<="):
        moment = _moment(site, values[0])
        if operator == ">=":
            return lambda issue: getattr(issue, field) >= moment
        return lambda issue: getattr(issue, field) <= moment
    if operator not in ("=", "in") or (operator == "in") != raw.startswith("("):
        raise _unreadable(f"The operator '{operator}' is not supported by the '{field}' field.")
    return _membership(site, field, values)


def _membership(site: JiraSite, field: str, values: list[str]) -> Test:
    if field == "project":
        for value in values:
            if not any(value in (p.key, p.id, p.name) for p in site.projects.values()):
                raise _unreadable(f"The value '{value}' does not exist for the field 'project'.")
        return lambda issue: bool(
            {issue.project.key, issue.project.id, issue.project.name} & {*values}
        )
    if field in ("issuetype", "type"):
        names = {value.lower() for value in values}
        return lambda issue: issue.type.lower() in names
    tests: dict[str, Test] = {
        "key": lambda issue: issue.key in values,
        "id": lambda issue: issue.id in values,
        "issuekey": lambda issue: issue.key in values,
        "creator": lambda issue: issue.creator in values,
        "reporter": lambda issue: issue.values.get("reporter") in values,
        "status": lambda issue: issue.status in values,
        "parent": lambda issue: issue.values.get("parent") in values,
    }
    if field not in tests:
        raise _unreadable(
            f"Field '{field}' does not exist or you do not have permission to view it."
        )
    return tests[field]


def _moment(site: JiraSite, text: str) -> datetime:
    """`-90m`, `2026-12-01` or `2026-12-01 10:00`, to the minute, in the account's zone (UTC)."""
    if ago := re.fullmatch(r"-(\d+)([mhdw])", text):
        moment = site.world.now() - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        return moment.replace(second=0, microsecond=0)
    for shape in ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y/%m/%d %H:%M"):
        try:
            return datetime.strptime(text, shape).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise _unreadable(
        f"Date value '{text}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm',"
        " 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
    )


def _unreadable(words: str) -> Refused:
    return Refused(400, {"errorMessages": [words], "warningMessages": [], "errors": {}})
