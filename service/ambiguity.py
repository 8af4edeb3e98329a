"""Names in the rules that more than one field of a place has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from integrations.tracker import Finding, Survey
from workflows.policy import same_word


def ambiguous(names: Iterable[str], offers: Survey) -> Iterator[Finding]:
    """A finding for each name that several fields have; an id is one field's."""
    for name in names:
        ids = [field.id for field in offers.fields if same_word(field.name) == same_word(name)]
        if len(ids) > 1 and name not in {field.id for field in offers.fields}:
            what = f"{offers.place.key} has several fields {name}: {', '.join(ids)}"
            mend = f"Write the id of the right one in the rules instead of {name}: {ids[0]}, say."
            yield Finding(False, what, mend)
