"""Whether an incident happened before, and what that says of the measures taken then.

The rule: two incidents of **one service** whose postmortems both name a contributing factor, and
that have **a factor or a tag in common**. Factors are those that the section *Contributing factors*
names, and labels ``factor:…`` of the ticket; tags are labels ``tag:…``. Services, factors and tags
are compared word by word, without capitals, punctuation and marks: “Slow disk.” and
``factor:slow-disk`` are one factor, “disk was slow” is another. Nothing is guessed: what the reason
says is all that there is.

Of such a pair the earlier incident's measures are in doubt, where they were done before the later
incident was opened: they should have kept it away. Their verdicts become suspect, and an audit
opens now; where none was judged yet, that is the one that is planned. Each incident changes itself
alone, from what is known of the pair, once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from workflows import audits
from workflows.ladder import interval_before, spoken_at
from workflows.markup import as_said, inert, link
from workflows.model import ActionItem, DocumentStatus, Incident, Phase
from workflows.pairs import Recurrence
from workflows.policy import Team
from workflows.review import factors
from workflows.rungs import Audit, Verdict

FACTOR, TAG = "factor:", "tag:"

_PLEASED = (Verdict.EFFECTIVE, Verdict.PARTLY)
_NO_DOCUMENT = (DocumentStatus.DECLINED, DocumentStatus.GONE)
_NO_INCIDENT = (Phase.GONE, Phase.SET_ASIDE)

#: What is compared stands in indexes: PostgreSQL takes no row of more than 2,704 bytes into one
#: (https://www.postgresql.org/docs/current/btree.html), and would refuse to keep the incident.
LONGEST_NAME = 150

_WORD = re.compile(r"[^\W_]+")
_LINKED = re.compile(r"\[([^\[\]]*)\]\([^)\[]*\)")
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)


# --- what is compared -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Traits:
    """What an incident is compared by: its service, and its factors and tags, each as
    ``factor:slow disk`` or ``tag:dns``; all in normal words. Nothing of it where it is compared
    with none."""

    service: str = ""
    words: frozenset[str] = frozenset()


def normal(text: str) -> str:
    """The words of a name alone, as they are compared: "**Slow** disk." → "slow disk". Whatever
    follows `LONGEST_NAME` characters tells no two names apart."""
    plain = _ADDRESS.sub(" ", _LINKED.sub(r"\1", as_said(text)))
    words = " ".join(_WORD.findall(unicodedata.normalize("NFKC", plain).casefold()))
    return words[:LONGEST_NAME].rstrip()


def tags(labels: Iterable[str]) -> tuple[str, ...]:
    """Those of a ticket's labels that name a factor or a tag, as ``tag:dns`` in normal words."""
    found: set[str] = set()
    for label in labels:
        kind, colon, rest = label.strip().partition(":")
        if kind.casefold() + colon in (FACTOR, TAG) and (words := normal(rest)):
            found.add(kind.casefold() + colon + words)
    return tuple(sorted(found))


def traits(incident: Incident) -> Traits | None:
    """What the incident is compared by now; None while its document was not read."""
    document = incident.postmortem
    if document is None or document.status in _NO_DOCUMENT or incident.phase in _NO_INCIDENT:
        return Traits()
    if document.text is None:
        return None
    named = {FACTOR + words for each in factors(document.text) if (words := normal(each))}
    service = normal(incident.service or "")
    if not named or not service:
        return Traits()
    return Traits(service, frozenset(named | set(incident.tags)))


def shared(one: Traits, other: Traits) -> tuple[str, ...]:
    """The factors and tags that both have, factors first; none where their services differ."""
    if one.service != other.service or not one.service:
        return ()
    return tuple(sorted(one.words & other.words))


def in_words(service: str, common: Sequence[str]) -> str:
    """What two incidents have in common: "same service checkout; both name the factor “slow
    disk”"."""
    parts = [f"same service {service}"]
    for mark, both in ((FACTOR, "both name the factor"), (TAG, "both have the tag")):
        names = [f"“{each.removeprefix(mark)}”" for each in common if each.startswith(mark)]
        parts += [f"{both}{'s' * (len(names) > 1)} {', '.join(names)}"] if names else []
    return "; ".join(parts)


# --- what follows ---------------------------------------------------------------------------------


def hear(incident: Incident, found: Iterable[Recurrence], team: Team, now: datetime) -> Incident:
    """The incident after all pairs that it is in, as they stand now, were `found`: with its
    verdicts in doubt and their audits planned for `now` (UTC), or for when the team may be spoken
    to next; or neither any more."""
    before = {each.other: each for each in incident.recurrences}
    pairs = [_noted(each, before.get(each.other)) for each in found]
    incident = replace(incident, recurrences=tuple(pairs))
    for pair in [each for each in pairs if each.withdrawn]:
        incident = _reworded(_reassured(incident, pair, team), pair)
    for pair in [each for each in pairs if not each.withdrawn]:
        incident = _reworded(incident, pair)
        if not pair.earlier and not audits.is_away(incident):
            incident = _doubted(incident, pair, team, now)
    return incident


def told(incident: Incident) -> tuple[Incident, list[str]]:
    """The incident with nothing left to say of its pairs, and what there was, in sentences."""
    notes = [note for each in incident.recurrences for note in each.notes]
    if not notes:
        return incident, []
    quiet = tuple(replace(each, notes=()) for each in incident.recurrences)
    return replace(incident, recurrences=quiet), notes


def _noted(pair: Recurrence, before: Recurrence | None) -> Recurrence:
    """The pair with what is news of it; nothing is of one that was withdrawn before it was heard
    of."""
    key, when = pair.ticket.key, "earlier" if pair.earlier else "later"
    notes = before.notes if before else ()
    if pair.withdrawn and before is not None and not before.withdrawn:
        notes = (*notes, _withdrawal(pair))
    elif not pair.withdrawn and (before is None or before.withdrawn):
        notes = (*notes, f"{key}, which came {when}, may be the same again{_because(pair)}")
    return replace(pair, notes=notes)


def _withdrawal(pair: Recurrence) -> str:
    if pair.dismissed:
        return f"has nothing to do with {pair.ticket.key}, says {pair.dismissed}"
    return f"has no factor or tag in common with {pair.ticket.key} any more"


def _because(pair: Recurrence) -> str:
    return f": {pair.why}" if pair.why else ""


def _doubt(pair: Recurrence) -> str:
    return f"{pair.ticket.key} came later{_because(pair)}"


def _doubted(incident: Incident, pair: Recurrence, team: Team, now: datetime) -> Incident:
    for item in incident.actions:
        if audits.nothing_to_ask(item, incident, team) or not _was_done(item, pair):
            continue
        if not _judged(incident, item):
            incident = _ask_early(incident, item, pair, team, now)
            continue
        last = _in_doubt(incident, item, pair)
        if last is None:
            continue
        marked = [each for each in _judged(incident, item) if each.verdict in _PLEASED]
        for each in marked:
            if not each.suspect:
                suspect = replace(each, suspect=_doubt(pair), because=pair.other)
                incident = audits.changed(incident, suspect)
        incident, opens = _ask_now(incident, item, last, pair, team, now)
        note = f"{last.name}: {last.verdict} is suspect, because {_doubt(pair)}: {opens}"
        incident = _with_note(incident, pair, note)
    return incident


def _was_done(item: ActionItem, pair: Recurrence) -> bool:
    return item.done_at is not None and item.done_at <= pair.opened


def _in_doubt(incident: Incident, item: ActionItem, pair: Recurrence) -> Audit | None:
    """The last verdict of a judged measure, where that is now in doubt. One that was given since
    the pair was found was given in its knowledge."""
    last = _judged(incident, item)[-1]
    if last.verdict not in _PLEASED or last.suspect:
        return None
    return last if last.at is not None and last.at <= pair.found else None


def _ask_now(
    incident: Incident,
    item: ActionItem,
    last: Audit,
    pair: Recurrence,
    team: Team,
    now: datetime,
) -> tuple[Incident, str]:
    """The incident with an audit that opens now, or when the team may be spoken to, in the place of
    one that was planned for later. One that is open, or opens in any case, asks already."""
    opens = spoken_at(now, team)
    living = next((each for each in _round(incident, item) if each.lives), None)
    if living is not None and (living.due is not None or living.opens <= opens):
        return incident, f"{living.name} asks already"
    incident, asked = audits.ask_again(incident, item, last, opens, pair.other)
    return incident, f"{asked.name} opens {_when(opens, now)}"


def _when(opens: datetime, now: datetime) -> str:
    return "now" if opens <= now else f"at {opens:%Y-%m-%d %H:%M} UTC"


def _ask_early(
    incident: Incident, item: ActionItem, pair: Recurrence, team: Team, now: datetime
) -> Incident:
    """The incident with the audit of a measure that nobody judged yet opening now, or when the team
    may be spoken to; once for each pair. One that is open, or opens in any case, asks already."""
    opens, own = spoken_at(now, team), _round(incident, item)
    planned = next((each for each in own if each.lives and each.due is None), None)
    if planned is None or planned.opens <= opens or any(a.because == pair.other for a in own):
        return incident
    incident = audits.changed(incident, replace(planned, opens=opens, because=pair.other))
    note = f"{planned.name}: {_doubt(pair)}: it opens {_when(opens, now)}"
    return _with_note(incident, pair, note)


def _reassured(incident: Incident, pair: Recurrence, team: Team) -> Incident:
    """The incident without what the pair asked for and was not opened yet: the ladder goes on as it
    would have. Where an audit that asks for the verdict again has a ticket, doubt stays."""
    for item in incident.actions:
        own = _round(incident, item)
        incident = _as_planned(incident, item, pair, team)
        doubted = [each for each in own if each.because == pair.other and each.suspect]
        if not doubted or any(a.ticket and a.rung > doubted[-1].rung for a in own):
            continue
        asked = [each for each in own if each.because == pair.other and each.lives]
        incident = _withdrawn(incident, item, asked, pair, team)
        for each in doubted:
            incident = audits.changed(incident, replace(each, suspect="", because=""))
            note = f"{each.name}: {each.verdict} is not suspect any more"
            incident = _with_note(incident, pair, note)
    return incident


def _as_planned(incident: Incident, item: ActionItem, pair: Recurrence, team: Team) -> Incident:
    """The incident with an audit that the pair brought forward, before anything was judged, opening
    when it was to."""
    early = next((a for a in _round(incident, item) if a.lives and a.because == pair.other), None)
    unasked = early is not None and early.due is None and not _judged(incident, item)
    if early is None or item.done_at is None or not unasked:
        return incident
    interval = interval_before(early.step, item.done_at, team, item.kind, incident.severity)
    opens = spoken_at(early.since + interval, team)
    incident = audits.changed(incident, replace(early, opens=opens, because=""))
    note = f"{early.name} opens on {opens:%Y-%m-%d}, as was planned"
    return _with_note(incident, pair, note)


def _withdrawn(
    incident: Incident, item: ActionItem, asked: Sequence[Audit], pair: Recurrence, team: Team
) -> Incident:
    for each in asked:
        why = f"it has nothing in common with {pair.ticket.key} any more"
        if pair.dismissed:
            why = f"{pair.dismissed} said that it has nothing to do with {pair.ticket.key}"
        kept = tuple(
            replace(a, ended=why) if a is each else a
            for a in incident.audits
            if a is not each or a.due is not None
        )
        incident = replace(incident, audits=kept)
        last = _judged(incident, item)[-1]
        rung = max(a.rung for a in _round(incident, item))
        repeat = last.verdict is Verdict.PARTLY
        at = last.at or each.since
        incident = audits.climb(incident, replace(last, rung=rung), item, team, at, repeat=repeat)
    return incident


def _reworded(incident: Incident, pair: Recurrence) -> Incident:
    """What may be repeated may have changed: a ticket can be restricted at any time. Of a pair that
    was withdrawn nothing is repeated."""
    for each in incident.audits:
        if each.suspect and each.because == pair.other and each.suspect != _doubt(pair):
            incident = audits.changed(incident, replace(each, suspect=_doubt(pair)))
    return incident


def _round(incident: Incident, item: ActionItem) -> list[Audit]:
    """The audits of the measure's present round, the first one first."""
    own = audits.of_item(incident, item.number)
    present = max((each.round for each in own), default=0)
    return sorted((a for a in own if a.round == present), key=lambda a: a.rung)


def _judged(incident: Incident, item: ActionItem) -> list[Audit]:
    return [each for each in _round(incident, item) if each.verdict is not None]


def _with_note(incident: Incident, pair: Recurrence, note: str) -> Incident:
    pairs = tuple(
        replace(each, notes=(*each.notes, note)) if each.other == pair.other else each
        for each in incident.recurrences
    )
    return replace(incident, recurrences=pairs)


# --- the document's region ------------------------------------------------------------------------


def region(pairs: Sequence[Recurrence]) -> str:
    """The other incidents, as the document names them: with what both share where that may be
    repeated, by a bare link elsewhere."""
    lines = [_line(each) for each in pairs if not each.withdrawn]
    none = "No other incident of this service is known that shares a factor or a tag."
    return "\n".join(lines) if lines else none


def _line(pair: Recurrence) -> str:
    where = link(pair.ticket.key, pair.ticket.url)
    why = f": {inert(pair.why)}" if pair.why else ""
    return f"- {where} came {'earlier' if pair.earlier else 'later'}{why}"
