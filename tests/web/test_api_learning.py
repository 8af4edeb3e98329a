"""What incidents teach, as programs are told of it; planning; how the service stands."""

from __future__ import annotations

from typing import Any

import pytest
from builders import at, task_ref
from quarter import Kept, done, item, postmortem, verdict
from web.inhabited import FACTOR, FOREIGN, OWN, World

from integrations.gate import Quota
from service.store import Store
from service.store.imports import File
from service.store.refs import Ref
from service.store.refs import Role as RefRole
from service.store.traffic import Circuit, Paused
from workflows.drift import Became, Drift
from workflows.learning_rules import LearningRules
from workflows.rights import Role
from workflows.rungs import Verdict
from workflows.team_books import Review, TeamBook


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture
def kept(store: Store) -> Kept:
    return Kept(store)


def given(world: World, path: str, token: str = "") -> Any:
    answer = world.ask(f"/api/v1{path}", token) if token else world.ask(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json


# --- patterns and architecture reviews ------------------------------------------------------------


def test_a_pattern_tells_what_was_done_and_how_it_proved(world: World, kept: Kept) -> None:
    works = verdict(1, Verdict.EFFECTIVE)
    kept.incident(1, done(), audits=(works,))
    kept.incident(2, item(title="Bigger disk"), team="search")
    [found] = [p for p in given(world, "/patterns")["items"] if p["name"] == "slow disk"]
    assert (found["incidents"], found["teams"], found["quarters"]) == (2, 2, {"2026Q4": 2})
    assert (found["tally"]["effective"], found["tally"]["open"]) == (1, 1)
    whole = given(world, "/patterns/Slow%20Disk")
    assert (whole["said"], whole["incidents_count"]) == ("Slow disk", 2)
    assert {each["key"] for each in whole["incidents"]} == {"INC-1", "INC-2"}
    assert [(m["title"], m["proved"]) for m in whole["measures"]] == [
        ("Bigger disk", "open"),
        ("Alert on queue depth", "effective"),
    ]
    assert whole["where"][0]["service"] == "checkout"


def test_patterns_are_narrowed_and_leafed_through(world: World, kept: Kept) -> None:
    for n, factor in enumerate(("Slow disk", "Bad config", "Retry storm")):
        for more in (0, 1):
            kept.incident(2 * n + more, postmortem=postmortem(factor), service="Cart & Co")
    first = given(world, "/patterns?service=cart%20co&limit=2")
    rest = given(world, f"/patterns?service=cart%20co&limit=2&cursor={first['next']}")
    names = [each["name"] for each in (*first["items"], *rest["items"])]
    assert (sorted(names), rest["next"]) == (["bad config", "retry storm", "slow disk"], None)
    assert given(world, "/patterns?team=nobody")["items"] == []
    assert world.ask("/api/v1/patterns?cursor=OTk5OTk5OTk").status_code == 422


def test_a_factor_that_nobody_names_is_not_there(world: World) -> None:
    assert world.ask("/api/v1/patterns/gremlins").status_code == 404


def test_an_architecture_review_says_whether_it_is_opened(world: World, store: Store) -> None:
    def review(id: str, minute: int, **more: Any) -> Review:
        return Review(id, "checkout", f"factor {id}", 1, at(minute), **more)

    reviews = (review("a", 1, ticket=task_ref(7)), review("b", 2), review("c", 3, over=True))
    with store.write() as tx:
        tx.teams.save(TeamBook("payments", "b1", reviews=reviews))
        tx.teams.save(TeamBook("search", "b2", reviews=(review("d", 4),)))
    theirs = world.token("theirs", Role.VIEWER, frozenset({"payments"}))
    found = given(world, "/architecture-reviews", theirs)["items"]
    assert [(each["factor"], each["state"]) for each in found] == [
        ("factor c", "given up"),
        ("factor b", "to be opened"),
        ("factor a", "opened"),
    ]
    assert found[2]["ticket"]["key"] == task_ref(7).key
    assert len(given(world, "/architecture-reviews")["items"]) == 4
    assert len(given(world, "/architecture-reviews?team=search")["items"]) == 1


# --- figures --------------------------------------------------------------------------------------


def test_each_figure_is_a_table_with_units_and_the_same_as_csv(world: World, kept: Kept) -> None:
    kept.incident(1, item())
    names = [each["name"] for each in given(world, "/figures")["items"]]
    assert len(names) > 10
    for name in names:
        found = given(world, f"/figures/{name}?from=2026-10-01&to=2026-12-31&team=payments")
        assert all(len(row) == len(found["columns"]) for row in found["rows"])
        assert found["period"] == {"first": "2026-10-01", "last": "2026-12-31"}
        lines = world.ask(found["csv"]).text.splitlines()
        assert len(lines) == 1 + len(found["rows"])
        assert world.ask(found["page"]).status_code == 200


def test_lengths_are_in_seconds_and_shares_in_percent(world: World, kept: Kept) -> None:
    kept.incident(1)
    units = {each["unit"] for each in given(world, "/figures/time-to-resolve")["columns"]}
    assert "seconds" in units
    assert given(world, "/figures/recurrence")["columns"][-1]["unit"] == "percent"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nothing", 404),
        ("severities?from=2026-12-31&to=2026-01-01", 422),
        ("severities?from=soon", 422),
        ("severities?from=1990-01-01&to=2026-01-01", 422),
    ],
)
def test_what_is_no_figure_and_no_period_is_refused(world: World, path: str, status: int) -> None:
    assert world.ask(f"/api/v1/figures/{path}").status_code == status


# --- search ---------------------------------------------------------------------------------------


def test_a_search_gives_excerpts_and_says_how_it_was_understood(world: World, kept: Kept) -> None:
    kept.incident(1, item(title="Alert on <b>queue</b> depth"))
    found = given(world, "/search?q=queue%20service:checkout%20colour:red")
    assert found["understood"] == ["service: checkout"]
    assert any("colour" in words for words in found["told"])
    hits = given(world, "/search?q=queue%20service:checkout")["items"]
    [excerpt] = [e for hit in hits if hit["key"] == "INC-1" for e in hit["excerpts"]]
    assert (excerpt["part"], excerpt["title"]) == ("action", "AI-1")
    marked = [each["text"] for each in excerpt["segments"] if each["found"]]
    assert marked == ["queue"]


def test_a_search_is_leafed_through_once_and_ends(world: World, kept: Kept) -> None:
    for number in range(1, 8):
        kept.incident(number)
    seen: list[str] = []
    cursor = ""
    while True:
        page = given(world, f"/search?q=slow&limit=3{cursor}")
        seen += [each["key"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert sorted(seen) == [f"INC-{number}" for number in range(1, 8)]


def test_an_imported_postmortem_is_given_by_section(world: World) -> None:
    [hit] = [h for h in given(world, "/search?q=elsewhere")["items"] if h["team"] == "payments"]
    assert hit["imported"] is True
    whole = given(world, f"/imported/{hit['id']}")
    assert whole["title"] == "Of payments alone, elsewhere"
    assert whole["sections"][0]["words"] == "acme/ops#42"
    assert world.ask(f"/api/v1/imported/{OWN}").status_code == 404, "an incident is no file"


# --- related incidents ----------------------------------------------------------------------------


def test_a_related_incident_is_dismissed_and_taken_back_and_both_are_on_record(
    world: World,
) -> None:
    path = f"/incidents/{OWN}/related"
    proposed = {each["id"]: each["why"] for each in given(world, path)["items"]}
    assert FACTOR in proposed[FOREIGN]
    why = {"why": "another cluster"}
    assert world.post(f"{path}/{FOREIGN}/dismiss", why).status_code == 200
    assert FOREIGN not in [each["id"] for each in given(world, path)["items"]]
    assert OWN not in [
        each["id"] for each in given(world, f"/incidents/{FOREIGN}/related")["items"]
    ]
    [said] = given(world, f"{path}/dismissed")["items"]
    assert (said["id"], said["key"], said["why"]) == (FOREIGN, "acme/ops#43", "another cluster")
    assert world.post(f"{path}/{FOREIGN}/take-back", {}).status_code == 200
    assert given(world, f"{path}/dismissed")["items"] == []
    assert {each["id"]: each["why"] for each in given(world, path)["items"]} == proposed
    assert [change.action for change in world.changes()[:2]] == [
        "take back dismissal",
        "dismiss related",
    ]


@pytest.mark.parametrize(
    ("other", "act", "body", "status"),
    [
        (OWN, "dismiss", {"why": "itself"}, 409),
        (FOREIGN, "dismiss", {"why": " "}, 422),
        (FOREIGN, "dismiss", {"why": "x" * 501}, 422),
        ("nothing", "dismiss", {"why": "it is not there"}, 404),
        (FOREIGN, "take-back", {}, 409),
        ("nothing", "take-back", {}, 404),
    ],
)
def test_what_cannot_be_dismissed_or_taken_back_changes_nothing(
    world: World, other: str, act: str, body: dict[str, str], status: int
) -> None:
    answer = world.post(f"/incidents/{OWN}/related/{other}/{act}", body)
    assert answer.status_code == status
    assert world.changes() == []


def test_an_incident_of_another_team_is_neither_proposed_nor_dismissed(world: World) -> None:
    world.post(f"/incidents/{OWN}/related/{FOREIGN}/dismiss", {"why": "another cluster"})
    theirs = world.token("theirs", Role.EDITOR, frozenset({"payments"}))
    path = f"/incidents/{OWN}/related"
    assert FOREIGN not in world.ask(f"/api/v1{path}", theirs).text
    assert given(world, f"{path}/dismissed", theirs)["items"] == []
    for act, body in (("dismiss", {"why": "no"}), ("take-back", {})):
        answer = world.post(f"{path}/{FOREIGN}/{act}", body, token=theirs)
        assert answer.status_code == 404


# --- for planning ---------------------------------------------------------------------------------


def test_the_release_check_says_whether_it_is_clear(world: World, kept: Kept) -> None:
    kept.incident(1, item(due=at(0).date().replace(day=1)), service="cart")
    told = given(world, "/release-check?service=CART")
    assert (told["clear"], told["stops"]) == (False, {"late preventive measure": 1})
    assert told["fail_on"] == ["late", "suspect"]
    assert told["findings"][1]["url"] == "https://docs.example/p.md"
    assert given(world, "/release-check?service=cart&fail_on=none")["clear"] is True
    both = given(world, "/release-check?service=cart&fail_on=overdue&fail_on=open")
    assert both["stops"] == {"late preventive measure": 1}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("", 422),
        ("service=nobody", 404),
        ("service=checkout&fail_on=x", 422),
        ("service=checkout&fail_on=none&fail_on=late", 422),
    ],
)
def test_a_release_check_that_cannot_be_answered_is_a_problem(
    world: World, asked: str, status: int
) -> None:
    answer = world.ask(f"/api/v1/release-check?{asked}")
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_the_pre_read_is_given_part_by_part(world: World, kept: Kept) -> None:
    kept.incident(1, item(due=at(0).date().replace(day=1), owner="Kim"), team="books")
    found = given(world, "/preread?team=books&quarter=2026Q4")
    assert found["title"] == "Pre-read 2026Q4: the review of books"
    [late] = [each for each in found["parts"] if each["title"].startswith("Late")]
    words, measure, rest = late["lines"][0]
    assert words["words"].startswith("Kim: 1 late")
    assert (measure["words"], measure["incident"]) == ("AI-1 of INC-1", "k1")
    assert "Alert on queue depth" in rest["words"]
    assert given(world, "/preread?team=books")["quarter"] == "2026Q4"
    assert world.ask("/api/v1/preread?team=books&quarter=soon").status_code == 422
    assert world.ask("/api/v1/preread?team=nobody").status_code == 404


def test_measures_are_leafed_through_whole_and_without_what_only_some_may_read(
    world: World, kept: Kept
) -> None:
    for number in (1, 2, 3):
        kept.incident(number, item(), item(2), item(3, status="done"), team="books")
    kept.incident(4, item(), team="books", restricted=True)
    seen: list[tuple[str, str]] = []
    cursor = ""
    while True:
        page = given(world, f"/measures?team=books&limit=2{cursor}")
        seen += [(each["incident"], each["item"]) for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [(f"INC-{n}", f"AI-{i}") for n in (1, 2, 3) for i in (1, 2)]
    assert len(given(world, "/measures?team=books&ended=true")["items"]) == 9


# --- how the service stands -----------------------------------------------------------------------


def test_drift_is_told_with_what_became_of_it(world: World, store: Store) -> None:
    with store.write() as tx:
        ref = Ref("acme-jira", "10009", OWN, RefRole.TASK, "OPS-9")
        tx.drifts.note(ref, "AI-1", [Drift("owner", "noor", None, at(3))])
        [waiting] = tx.drifts.page(1)
    [found] = given(world, "/drift")["items"]
    assert (found["item"], found["what"], found["agreed"], found["found"]) == (
        *("AI-1", "owner", "noor", None),
    )
    assert found["became"] is None
    with store.write() as tx:
        tx.drifts.end(waiting.id, Became.TAKEN_OVER)
    assert given(world, "/drift")["items"][0]["became"] == "taken over"


def test_each_tracker_says_whether_it_answers_and_what_is_used(world: World) -> None:
    found = {each["connection"]: each for each in given(world, "/trackers")["items"]}
    assert set(found) == {"acme-github", "acme-silent"}
    assert found["acme-github"]["answers"] == "answers"
    assert found["acme-github"]["used"][0]["used"] == 0
    assert found["acme-github"]["used"][0]["seconds"] > 0
    assert found["acme-github"]["quota"] is None


def test_a_tracker_that_is_down_says_since_when_and_what_it_last_allowed(
    world: World, store: Store
) -> None:
    quota = Quota(5000, 12, at(60))
    with store.write() as tx:
        tx.traffic.put_circuit(Circuit("acme-github", 5, at(90), at(99), "HTTP 502", quota))
        tx.traffic.pause(Paused("acme-silent", "", at(120), "slow down", wide=True))
    down, waits = given(world, "/trackers")["items"]
    assert (down["answers"], down["failures"], down["why"]) == ("down", 5, "HTTP 502")
    assert down["again_at"] == "2026-12-07T13:39:00+00:00"
    assert (down["quota"]["limit"], down["quota"]["left"]) == (5000, 12)
    assert waits["answers"] == "asked to wait"
    assert [each["why"] for each in waits["pauses"]] == ["slow down"]


def test_the_operation_counts_what_waits(world: World) -> None:
    found = given(world, "/operation")
    assert (found["dead_letters"], found["failing"]) == (4, 0)
    assert found["deliveries"]["unreadable"] == 2
    theirs = world.token("theirs", Role.VIEWER, frozenset({"payments"}))
    assert given(world, "/operation", theirs)["dead_letters"] == 2


# --- acts -----------------------------------------------------------------------------------------


def test_what_was_refused_is_tried_again_by_an_admin(world: World) -> None:
    assert world.post(f"/incidents/{OWN}/retry", {}).json == {"told": "It is tried again now."}
    assert given(world, f"/incidents/{OWN}/explanation")["refused"] == []
    assert world.changes()[0].action == "try again"


def test_to_publish_is_asked_for_and_answered_with_what_is_missing(world: World) -> None:
    answer = world.post(f"/incidents/{OWN}/publish", {})
    assert answer.status_code == 200
    assert answer.json["granted"] is False
    assert answer.json["told"]
    assert world.changes()[0].action == "publish postmortem"


def test_what_recurs_goes_by_the_rules(store: Store, kept: Kept) -> None:
    world = World(store)
    object.__setattr__(world.web, "learning", LearningRules())
    assert {p["state"] for p in given(world, "/patterns")["items"]} == {"does not recur"}
    for number in (1, 2, 3):
        kept.incident(number)
    first = given(world, "/patterns")["items"][0]
    assert (first["name"], first["state"]) == ("slow disk", "recurs, not answered")


def test_a_file_of_no_team_that_one_sees_is_no_hit(world: World, store: Store) -> None:
    with store.write() as tx:
        tx.imports.put(File("x.md", "d", "search", "# Gremlins in the cache\n\nwords\n"))
    theirs = world.token("theirs", Role.VIEWER, frozenset({"payments"}))
    assert given(world, "/search?q=gremlins", theirs)["items"] == []
    assert len(given(world, "/search?q=gremlins")["items"]) == 1
