"""People are called as the rules call them, whatever a tracker tells of them."""

from __future__ import annotations

from builders import KIM, change, comment, policy, ticket

from workflows.model import Person
from workflows.triage import with_names

HANDLE_ONLY = Person("Noor", "Noor")  # as GitHub tells people: a login, and no name


def test_whoever_the_rules_know_is_called_by_name() -> None:
    assigned = change("assignee", "stranger", "noor", 5)
    read = ticket(
        author=HANDLE_ONLY,
        owner=HANDLE_ONLY,
        comments=(comment("On it", author=HANDLE_ONLY),),
        changes=(assigned,),
    )
    told = with_names(read, policy())
    people = (told.author, told.owner, told.comments[0].author)
    assert [person and person.name for person in people] == ["Noor Aziz"] * 3
    assert (told.changes[0].before, told.changes[0].after) == ("stranger", "Noor Aziz")
    assert told.changes[0].by == KIM


def test_nobody_else_is_renamed() -> None:
    stranger = Person("mallory", "mallory")
    read = ticket(author=stranger, changes=(change("label", None, "noor", 5),))
    assert with_names(read, policy()) == read
