"""A postmortem on its way to be published: what its review comes to is shown, and each publication
is kept. Merged, or closed as done, is published, whatever is missing; only where a store has no
such signal of its own does somebody publish by asking, and is refused while something is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from workflows import perspectives
from workflows.effects import Check, Effect, Hold, KeepVersions, SetReview
from workflows.model import DocumentRef, DocumentStatus, Incident
from workflows.policy import KnownPerson
from workflows.review import NO_FACTOR, Missing, measures, missing
from workflows.versions import Publishing
from workflows.wording import Advice, advice, people_named

#: Longer words are refused: "Description is too long (maximum is 140 characters)",
#: https://github.com/zalando/zappr/issues/378
LONGEST_WORDS = 140

#: So much is told in the one comment, which has other things to say.
MOST_MISSING, MOST_ADVICE = 20, 5

#: Documents that nobody writes any more.
_NO_MORE = (DocumentStatus.DECLINED, DocumentStatus.GONE)


def has_signal(ref: DocumentRef) -> bool:
    """Whether the document's own place tells that it is published: what is a ticket is closed, and
    what is drafted on a branch is merged."""
    return ref.ticket is not None or bool(ref.branch)


def review_key(incident: Incident) -> str:
    return f"review:{incident.id}"


# --- publishing by asking -----------------------------------------------------------------------


def hear(incident: Incident, asked: Iterable[Publishing]) -> Incident:
    """The incident with those who asked to publish and were not heard before."""
    known = {each.id for each in incident.publishings}
    new = tuple(each for each in asked if each.id not in known)
    return replace(incident, publishings=(*incident.publishings, *new)) if new else incident


def refusal(incident: Incident) -> str:
    """Why the document cannot be published by asking; "" where it can."""
    document = incident.postmortem
    if document is None:
        return "there is no document yet"
    if document.ref.branch:
        return "it is published by being merged, where it is drafted"
    if document.ref.ticket is not None:
        return f"it is published by closing its ticket {document.ref.ticket.key} as done"
    if document.status in _NO_MORE:
        return f"the document is {document.status}"
    lacks = missing(incident)
    if lacks is None:
        return "its text was not read yet"
    return "" if not lacks else "; ".join(f"{each.where}: {each.what}" for each in lacks)


def settle(incident: Incident) -> tuple[Incident, list[str]]:
    """Each who asked to publish is answered, once. A document without a signal of its own is
    published from the first time on that this was granted and its version kept."""
    document, notes = incident.postmortem, list[str]()
    answered: list[Publishing] = []
    for each in incident.publishings:
        if not each.answer:
            why = refusal(incident)
            answer = f"not published: {why}" if why else "granted"
            accepted = "" if why or document is None else document.ref.version
            each = replace(each, answer=answer, accepted=accepted, kept=False)
            notes.append(f"{each.by} asked to publish the postmortem: {answer}")
        answered.append(each)
    if notes:
        incident = replace(incident, publishings=tuple(answered))
    if document is None or has_signal(document.ref) or document.status in _NO_MORE:
        return incident, notes
    if any(each.done for each in answered):
        published = replace(document, status=DocumentStatus.PUBLISHED)
        incident = replace(incident, postmortem=published)
    return incident, notes


def kept(incident: Incident) -> Incident:
    """The incident once the version is kept that the last who was granted it asked for."""
    granted = [each.id for each in incident.publishings if each.accepted]
    all_of = (
        replace(each, kept=True) if each.id in granted[-1:] else each
        for each in incident.publishings
    )
    return replace(incident, publishings=tuple(all_of))


# --- what is wanted of a document ---------------------------------------------------------------


def around(incident: Incident, effects: Sequence[Effect]) -> list[Effect]:
    """The effects, with what is published kept before anything is written into it again, and
    with the review shown on what is proposed after all writes."""
    return [*_to_keep(incident), *effects, *_to_show(incident)]


def _to_keep(incident: Incident) -> Iterator[KeepVersions]:
    document = incident.postmortem
    if document is None or document.status in _NO_MORE:
        return
    key, ref = f"versions:{incident.id}", replace(document.ref, head="", merge="")
    if has_signal(ref):
        if ref.published and document.status is DocumentStatus.PUBLISHED:
            yield KeepVersions(key, replace(ref, version=""))
        return
    granted = [each for each in incident.publishings if each.accepted]
    for last in granted[-1:]:
        ref = replace(ref, version=last.accepted, published=str(last.id))
        yield KeepVersions(key, ref, last.by, last.at)


def _to_show(incident: Incident) -> Iterator[SetReview]:
    document = incident.postmortem
    lacks = missing(incident)
    if document is None or not document.ref.head or lacks is None or document.status in _NO_MORE:
        return
    check, draft = Check.SUCCESS, document.status is DocumentStatus.DRAFT
    if draft and any(each.what == NO_FACTOR for each in lacks):
        return  # as it was set up: that is a call less while a hundred incidents are closed
    if lacks:
        check = Check.PENDING if draft else Check.FAILURE
    # Without what moves when nothing of this changes.
    ref = replace(document.ref, version="", published="", merge="")
    yield SetReview(review_key(incident), ref, incident.id, check, _in_short(lacks))


def _in_short(lacks: Sequence[Missing]) -> str:
    if not lacks:
        return "Nothing is missing"
    words = f"{len(lacks)} missing: {'; '.join(each.what for each in lacks)}"
    return words if len(words) <= LONGEST_WORDS else f"{words[: LONGEST_WORDS - 1].rstrip()}…"


def with_measures(incident: Incident) -> tuple[Incident, list[str]]:
    """The incident with the success measures that the document gives to its action items, as far
    as nobody gave one before."""
    document = incident.postmortem
    if document is None or document.text is None or not document.rows_count:
        return incident, []
    bare = {item.name for item in incident.actions if not item.success_measure}
    new = {name: words for name, words in measures(document.text).items() if name in bare}
    items = tuple(
        replace(i, success_measure=new.get(i.name, i.success_measure)) for i in incident.actions
    )
    notes = [f"{name} success measure: {words}, by the document" for name, words in new.items()]
    return (replace(incident, actions=items) if new else incident), notes


# --- what people are told -----------------------------------------------------------------------


def advised(incident: Incident, people: Iterable[KnownPerson]) -> tuple[Advice, ...]:
    """The sentences of the document that blame. `people` are those of the rules."""
    document = incident.postmortem
    if document is None or document.text is None:
        return ()
    owners = (item.owner for item in incident.actions if item.owner)
    met = {incident.owner.name if incident.owner else "", *incident.roles.values(), *owners}
    ours = frozenset(document.headings.values())
    return advice(document.text, people_named(people, met), ours)


def told(incident: Incident, people: Iterable[KnownPerson], held: Mapping[str, Hold]) -> list[str]:
    """The paragraphs of the one comment (Markdown) on what is missing, on wording, and on who was
    not heard yet. They hold no word of the document, which fewer people may be able to read. What
    is missing is not told here as well where it is shown on what is proposed."""
    document = incident.postmortem
    if document is None or document.status in _NO_MORE:
        return []
    hold = held.get(review_key(incident))
    shown = document.ref.head and (hold is None or not hold.refused)
    lacks = () if shown else missing(incident) or ()
    published = document.status is DocumentStatus.PUBLISHED
    head = "Published, and still missing:" if published else "Before this can be published:"
    lines = [f"- {each.where}: {each.what}; {each.write}." for each in lacks[:MOST_MISSING]]
    lines += [f"- … and {len(lacks) - MOST_MISSING} more"] if len(lacks) > MOST_MISSING else []
    parts = [f"{head}\n\n" + "\n".join(lines)] if lines else []
    found = advised(incident, people)
    advices = [_advice(each) for each in found[:MOST_ADVICE]]
    advices += [f"- … and {len(found) - MOST_ADVICE} more"] if len(found) > MOST_ADVICE else []
    if advices:
        parts.append("On wording, as advice; it blocks nothing:\n\n" + "\n".join(advices))
    return [*parts, *perspectives.advised(incident)]


def _advice(each: Advice) -> str:
    where = f"line {each.line}, " if each.line else ""
    return f"- {where}“{each.phrase}”: {each.why}. Better: {each.better}."
