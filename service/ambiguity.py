"""Fields of a place that the rules name: none has that name, or several have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from integrations.findings import Finding, Kind
from integrations.tracker import Survey
from workflows.policy import same_word


def names_of(offers: Survey) -> tuple[str, ...]:
    """All words for its fields, people's own first."""
    fields = (*offers.fields, *offers.built_in)
    return tuple(name for field in fields for name in (field.id, field.name))


def ambiguous(names: Iterable[str], offers: Survey) -> Iterator[Finding]:
    """A finding for each name that several fields have. An id is one field's; where another is
    called so, that is noted."""
    fields = (*offers.fields, *offers.built_in)
    place, known = offers.place.key, {field.id for field in fields}
    for name in names:
        ids = [field.id for field in fields if same_word(field.name) == same_word(name)]
        if name in known:
            others = [id for id in ids if id != name]
            if others and not name.startswith("customfield_"):
                what = f"{place}: {name} in the rules is the tracker's own field"
                mend = f"If you mean the one that is called so, write its id: {others[0]}."
                yield Finding(True, what, mend, kind=Kind.FIELD)
        elif len(ids) > 1:
            what = f"{place} has several fields {name}: {', '.join(ids)}"
            mend = f"Write the id of the right one in the rules instead of {name}: {ids[0]}, say."
            yield Finding(False, what, mend, kind=Kind.FIELD)
