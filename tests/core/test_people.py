"""Who is who: one name for each account, and nobody is ever guessed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.model import Person
from workflows.people import Seen, handle_of, name_of, name_said, with_seen
from workflows.policy import KnownPerson, Policy, known_person, same_word
from workflows.snapshots import Claim, Said, Side

KINDS = ("github", "jira")
KIM = KnownPerson("Kim Ito", "kim@acme.example", {"jira": "5b10-kim"})


def policy(*people: KnownPerson, by: Sequence[str] = ("email",)) -> Policy:
    connections = {kind: kind for kind in KINDS}
    return Policy({}, {}, people, connections, "the rules'", frozenset(by))


def jira(handle: str, name: str, email: str | None = None, active: bool = True) -> Seen:
    return Seen("jira", Person(handle, name, email, active))


def github(login: str, email: str | None = None) -> Seen:
    return Seen("github", Person(login, login, email))


def said_in(kind: str) -> tuple[Claim, str, str]:
    """What `handle_of` is told of an owner who was named in a tracker of this kind."""
    return Claim(Side.TASK, Said(None, datetime(2026, 12, 1, tzinfo=UTC))), "", kind


def across(one: Seen, kind: str, told: Policy) -> str | None:
    """The handle that another tracker is sent for somebody whom one tracker names."""
    return handle_of(name_of(one.person, one.kind, told), kind, told, *said_in(one.kind))


# --- by address -----------------------------------------------------------------------------------


def test_the_rules_come_first_and_an_equal_address_completes_them() -> None:
    told = with_seen(policy(KIM), [github("kim-i", "KIM@acme.example")])
    assert told.people[0].handles == {"jira": "5b10-kim", "github": "kim-i"}
    assert told.people[0].found == {"github": "email"}
    assert told.hash == "the rules'"
    assert across(jira("5b10-kim", "K. Ito"), "github", told) == "kim-i"


def test_an_address_that_a_tracker_shows_of_an_account_of_the_rules_is_theirs() -> None:
    kim = KnownPerson("Kim Ito", None, {"jira": "5b10-kim"})
    told = with_seen(policy(kim), [jira("5b10-kim", "Kim", "k@acme"), github("kim-i", "k@acme")])
    assert told.people[0].handles["github"] == "kim-i"


def test_two_whom_the_rules_do_not_name_are_one_by_their_address() -> None:
    sam, other = jira("5b10-sam", "Sam Roe", "sam@acme"), github("sroe", "sam@acme")
    told = with_seen(policy(KIM), [sam, other])
    assert name_of(sam.person, "jira", told) == name_of(other.person, "github", told) == "Sam Roe"
    assert (across(sam, "github", told), across(other, "jira", told)) == ("sroe", "5b10-sam")
    assert name_said("sam@acme", told) == "Sam Roe"


@pytest.mark.parametrize(
    "seen",
    [
        [jira("a", "Ann", "ops@acme"), jira("b", "Bo", "ops@acme"), github("ops", "ops@acme")],
        [jira("b", "Kim", "kim@acme.example"), github("kim-i", "kim@acme.example")],
    ],
    ids=["a shared mailbox", "a second account"],
)
def test_an_address_of_two_accounts_in_one_tracker_is_nobodys(seen: list[Seen]) -> None:
    told = with_seen(policy(KIM), seen)
    assert across(seen[-1], "jira", told) is None
    assert "github" not in told.people[0].handles


def test_an_account_that_was_closed_is_found_by_no_address() -> None:
    left = jira("old", "Sam Roe", "sam@acme", active=False)
    told = with_seen(policy(), [left, jira("new", "Sam Roe", "sam@acme"), github("s", "sam@acme")])
    assert across(github("s"), "jira", told) == "new"
    assert across(left, "github", told) is None


def test_an_address_says_nothing_where_the_rules_do_not_take_it() -> None:
    seen = [jira("5b10-sam", "Sam Roe", "sam@acme"), github("sroe", "sam@acme")]
    assert across(seen[1], "jira", with_seen(policy(by=()), seen)) is None


# --- by login -------------------------------------------------------------------------------------


def test_an_equal_login_says_something_only_where_the_rules_allow_it() -> None:
    seen = [jira("sam", "Sam Roe", "sam@acme"), github("Sam")]
    assert across(seen[1], "jira", with_seen(policy(), seen)) is None
    told = with_seen(policy(by=("email", "login")), seen)
    assert across(seen[1], "jira", told) == "sam"
    assert known_person(told, "@sam", "github") == known_person(told, "Sam Roe")


def test_equal_logins_with_different_addresses_are_two_people() -> None:
    seen = [jira("sam", "Sam Roe", "sam@acme"), github("sam", "samuel@elsewhere")]
    assert across(seen[1], "jira", with_seen(policy(by=("email", "login")), seen)) is None


# --- names ----------------------------------------------------------------------------------------


def test_a_name_that_two_bear_is_told_with_the_handle() -> None:
    one, two = jira("5b10-a", "Sam Roe"), jira("5b10-b", "Sam Roe")
    told = with_seen(policy(), [one, two])
    assert name_of(one.person, "jira", told) == "Sam Roe (5b10-a, jira)"
    assert across(one, "jira", told) == "5b10-a"
    assert handle_of("Sam Roe", "jira", told, *said_in("jira")) is None


def test_whoever_is_called_like_somebody_of_the_rules_is_not_them() -> None:
    namesake = jira("5b10-other", "Kim Ito")
    told = with_seen(policy(KnownPerson("Kim Ito", None, {"github": "kim"})), [namesake])
    assert name_of(namesake.person, "jira", told) == "Kim Ito (5b10-other, jira)"
    assert across(namesake, "github", told) is None
    assert handle_of("Kim Ito", "jira", told, *said_in("github")) is None


def test_a_login_means_nobody_in_another_tracker() -> None:
    told = with_seen(policy(), [jira("sam", "Sam Roe")])
    assert handle_of("sam", "jira", told, *said_in("github")) is None
    assert handle_of("sam", "jira", told, None, "github", "") is None
    assert handle_of("sam", "github", told, None, "github", "") == "sam"


def test_a_found_handle_names_its_owner_in_its_own_tracker_only() -> None:
    told = with_seen(policy(KIM), [github("lee", "kim@acme.example")])
    assert known_person(told, "@lee", "github") == told.people[0]
    assert known_person(told, "@lee", "jira") is None
    assert known_person(told, "lee") is None


def test_a_document_may_name_somebody_who_is_known_in_one_tracker_by_a_name_of_their_own() -> None:
    document = Claim(Side.DOCUMENT, Said("Sam Roe", datetime(2026, 12, 1, tzinfo=UTC)))
    told = with_seen(policy(), [jira("5b10-sam", "Sam Roe"), github("sam")])
    assert handle_of("Sam Roe", "jira", told, document, "github", "") == "5b10-sam"
    assert handle_of("sam", "github", told, document, "github", "") is None


# --- whatever the trackers say --------------------------------------------------------------------

HANDLES, NAMES = ("a", "b", "c"), ("Ann", "Bo", "a", "b", "Ann (a, jira)")
EMAILS = (None, "a@acme", "b@acme")


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Policy, list[Seen]]:
    """People of the rules, each word one person's, and accounts with few words among them."""
    person = st.builds(Person, st.sampled_from(HANDLES), st.sampled_from(NAMES))
    person = st.builds(
        lambda p, email, active: Person(p.handle, p.name, email, active),
        person,
        st.sampled_from(EMAILS),
        st.booleans() | st.just(True),
    )
    account = st.builds(Seen, st.sampled_from(KINDS), person)
    seen = draw(st.lists(account, max_size=6, unique_by=lambda s: (s.kind, s.person.handle)))
    people: list[KnownPerson] = []
    taken: set[str] = set()
    for name in draw(st.lists(st.sampled_from(("Ann", "Bo", "Kim")), max_size=2, unique=True)):
        email = draw(st.sampled_from(EMAILS))
        handles = {k: draw(st.sampled_from(("", *HANDLES))) for k in KINDS}
        handles = {kind: handle for kind, handle in handles.items() if handle}
        words = {same_word(word) for word in (name, email or "", *handles.values()) if word}
        if not words & taken:
            people.append(KnownPerson(name, email, handles))
            taken |= words
    by = draw(st.sets(st.sampled_from(("email", "login"))))
    return policy(*people, by=tuple(by)), seen


def reach(start: Seen, rules: Policy, seen: list[Seen]) -> set[tuple[str, str]]:
    """All accounts that anything at all ties to this one: by the rules, an address, a login."""
    nodes = [({(s.kind, s.person.handle)}, s.person.email) for s in seen]
    nodes += [(set(p.handles.items()), p.email) for p in rules.people]
    found, grown = {(start.kind, start.person.handle)}, True
    while grown:
        emails = {email for accounts, email in nodes if accounts & found and email}
        logins = {handle for _, handle in found}
        tied = [
            accounts
            for accounts, email in nodes
            if accounts & found
            or ("email" in rules.people_by and email in emails)
            or ("login" in rules.people_by and {h for _, h in accounts} & logins)
        ]
        more = found.union(*tied)
        grown, found = more != found, more
    return found


@given(worlds())
def test_what_the_record_calls_somebody_means_them_where_they_were_named(
    world: tuple[Policy, list[Seen]],
) -> None:
    rules, seen = world
    told = with_seen(rules, seen)
    for one in seen:
        assert across(one, one.kind, told) == one.person.handle


@given(worlds())
def test_no_account_has_two_names_and_no_name_two_accounts_of_a_tracker(
    world: tuple[Policy, list[Seen]],
) -> None:
    rules, seen = world
    told = with_seen(rules, seen)
    for kind in KINDS:
        here = [s for s in seen if s.kind == kind]
        called = {name_of(s.person, kind, told) for s in here}
        assert len(called) == len(here)


@given(worlds())
def test_nobody_is_sent_to_a_tracker_who_is_not_tied_to_whom_the_other_named(
    world: tuple[Policy, list[Seen]],
) -> None:
    rules, seen = world
    told = with_seen(rules, seen)
    for one in seen:
        for kind in KINDS:
            handle = across(one, kind, told)
            assert handle is None or (kind, handle) in reach(one, rules, seen)


@given(worlds())
def test_the_order_in_which_people_are_seen_makes_no_difference(
    world: tuple[Policy, list[Seen]],
) -> None:
    rules, seen = world
    assert with_seen(rules, seen) == with_seen(rules, list(reversed(seen)))


@given(worlds())
def test_what_the_rules_say_is_never_changed_by_what_is_seen(
    world: tuple[Policy, list[Seen]],
) -> None:
    rules, seen = world
    for before, after in zip(rules.people, with_seen(rules, seen).people, strict=True):
        assert after.name == before.name
        assert before.handles.items() <= after.handles.items()
