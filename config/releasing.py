"""Where the rules have the release check shown.

As in `config.checks`, a part that was not readable is passed over: it has its complaint already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from config.problems import Complaint, Place, spelled, suggestion
from workflows.recurrence import normal
from workflows.release import USUAL, Fail
from workflows.release_rules import ReleaseRules

#: Where nothing is to stop a release.
NOTHING = "none"

#: What `fail_on` can name.
FAIL_ON = (*(each.value for each in Fail), NOTHING)


def check_releases(rules: Mapping[str, Any]) -> Iterator[Complaint]:
    """Everything about it that is wrong between the parts of `rules`, as the schema loaded them."""
    connections: Mapping[str, Any] = rules.get("connections", {})
    can_show = [name for name, each in connections.items() if each.get("kind") == "github"]
    first: dict[tuple[str, str], Place] = {}
    for team, own in rules.get("teams", {}).items():
        for n, each in enumerate(own.get("release_checks", ())):
            place = ("teams", team, "release_checks", n)
            connection, repository = each.get("connection"), each.get("repository", "").casefold()
            if connection is not None and connection not in can_show:
                what = "shows no checks" if connection in connections else "is no connection"
                right = suggestion(connection, can_show) if can_show else "add a connection to one"
                yield Complaint((*place, "connection"), f"“{connection}” {what}", right)
            if connection is not None and repository:
                there = first.setdefault((connection, repository), place)
                if there != place:
                    message = f"has its check already, in {spelled(there)}"
                    yield Complaint((*place, "repository"), message, "keep one of them")
            if "service" in each and not normal(each["service"]):
                hint = "write the service as incidents name it"
                yield Complaint((*place, "service"), "has no word in it", hint)
            if NOTHING in each.get("fail_on", ()) and len(set(each["fail_on"])) > 1:
                message = f"{NOTHING} stands alone"
                yield Complaint((*place, "fail_on"), message, "take it out, or the others")


def build_releases(team: Mapping[str, Any]) -> tuple[ReleaseRules, ...]:
    """Those of a team; none where the rules name none."""
    return tuple(
        ReleaseRules(
            each["connection"], each["repository"], each["service"], _fail_on(each.get("fail_on"))
        )
        for each in team.get("release_checks", ())
    )


def _fail_on(said: tuple[str, ...] | None) -> tuple[Fail, ...]:
    return USUAL if said is None else tuple(each for each in Fail if each in said)
