"""The laws of the merge, over a model of three sides that people edit as they like.

The task lives in Jira, its twin on GitHub, which cannot tell all statuses apart, and the row in a
document. Some people are known to the rules, some to one tracker only, some to none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import permutations

from builders import NOON, policy, task_ref
from hypothesis import given, settings
from hypothesis import strategies as st
from sides import COARSE

from workflows.action_table import read_rows, table
from workflows.folding import created
from workflows.model import ActionItem, Kind, Origin, Person, TicketRef
from workflows.policy import FieldRules, Prefer, SyncRules, TaskDestination
from workflows.snapshots import Agreement, Field, Progress, Said, Side, Stuck, Value
from workflows.sync import agree, merge, wanted, written
from workflows.voices import RowVoice, TicketVoice, Voice, record

POLICY = policy()
KINDS = {Side.TASK: "jira", Side.TWIN: "github"}
PEOPLE = (Person("5b10", "Kim Ito"), Person("5b10-dana", "Dana Doe"))
TASK = TicketVoice(Side.TASK, TaskDestination("jira", "OPS"), "github", KINDS, POLICY, PEOPLE)
TWIN = TicketVoice(
    Side.TWIN, TaskDestination("github", "acme/ops", statuses=COARSE), "github", KINDS, POLICY
)
VOICES: Mapping[Side, Voice] = {Side.TASK: TASK, Side.TWIN: TWIN, Side.DOCUMENT: RowVoice(POLICY)}

MILESTONES = (None, "Q1", "Q2", "Q3")
DAYS = (None, "2027-01-15", "2027-02-01", "2027-03-01")
TITLES = ("Alert on depth", "Alert on age", "Alert on both")
#: What people may write on each side, in its words.
VOCABULARY: Mapping[Side, Mapping[Field, Sequence[Value]]] = {
    side: {
        Field.OWNER: owners,
        Field.MILESTONE: MILESTONES,
        Field.STATUS: statuses,
        Field.DUE: DAYS,
        Field.TITLE: TITLES,
    }
    for side, owners, statuses in (
        (Side.TASK, (None, "5b10", "5b10-dana"), tuple(Progress)),
        (Side.TWIN, (None, "kim", "noor", "octo"), sorted(COARSE.says)),
        (Side.DOCUMENT, (None, "Kim Ito", "Noor Aziz", "Zed"), tuple(Progress)),
    )
}


@dataclass(frozen=True, slots=True)
class Edit:
    side: Side
    field: Field
    value: Value
    minute: int

    @property
    def at(self) -> datetime:
        return NOON + timedelta(minutes=self.minute)


@dataclass(slots=True)
class World:
    """An action item and its three places, each as people see it."""

    item: ActionItem
    rules: SyncRules
    places: dict[Side, dict[Field, Said]]
    silent: frozenset[tuple[Side, Field]] = frozenset()
    now: datetime = NOON + timedelta(days=1)
    notes: list[str] = field(default_factory=list)
    made: list[tuple[Edit, Value]] = field(default_factory=list)  # and what it means
    undone: list[Edit] = field(default_factory=list)  # back to what was last known there
    known: dict[tuple[Side, Field], Value] = field(default_factory=dict)

    def edit(self, edit: Edit) -> None:
        place = self.places[edit.side]
        if (edit.side, edit.field) in self.silent or place[edit.field].value == edit.value:
            return
        place[edit.field] = Said(edit.value, edit.at, f"somebody at {edit.minute}")
        meant = VOICES[edit.side].understood(edit.field, edit.value, _blank())
        self.made.append((edit, meant))
        if self.known.get((edit.side, edit.field), edit) == edit.value:
            self.undone.append(edit)

    def hear(self, side: Side) -> tuple[str, ...]:
        self.known |= {(side, f): said.value for f, said in self.places[side].items()}
        says = {f: s for f, s in self.places[side].items() if (side, f) not in self.silent}
        merged = agree(self.item, VOICES[side], says, self.rules, self.now)
        self.item = merged.item
        self.notes += merged.notes
        return merged.notes

    def write(self, side: Side) -> dict[Field, Value]:
        """What is wanted there is written, unless the place moved since it was heard."""
        values = wanted(self.item, VOICES[side], self.rules, self.now)
        base = self.item.sides.get(side, Agreement()).base
        refused = {f: Stuck(v, "no") for f, v in values.items() if (side, f) in self.silent}
        place = self.places[side]
        done = {
            f: v for f, v in values.items() if f not in refused and place[f].value == base.get(f)
        }
        place.update({f: Said(v, self.now) for f, v in done.items()})
        self.known |= {(side, f): value for f, value in done.items()}
        self.item = written(self.item, side, done, refused, self.now, {})
        return values

    def round(self, order: Sequence[Side]) -> tuple[list[str], list[dict[Field, Value]]]:
        """Every side is heard, then every side is written; what that came to."""
        notes = [note for side in order for note in self.hear(side)]
        return notes, [values for side in order if (values := self.write(side))]

    @property
    def stands(self) -> dict[Side, dict[Field, Value]]:
        return {
            side: {f: said.value for f, said in place.items()}
            for side, place in self.places.items()
        }


def _blank() -> ActionItem:
    return ActionItem(1, Origin("rules", "1"), "", Kind.CORRECTIVE)


def _rules(prefer: Prefer) -> SyncRules:
    return SyncRules(fields={f: FieldRules(prefer=prefer) for f in Field})


def world(
    start: ActionItem | None = None,
    prefer: Prefer = Prefer.NEWEST,
    silent: frozenset[tuple[Side, Field]] = frozenset(),
    *,
    heard: bool = True,
) -> World:
    """Everything agrees. Not `heard`: the answers to the creation of both tickets never came."""
    item = start or ActionItem(
        1, Origin("ticket", "1"), TITLES[0], Kind.CORRECTIVE, owner="Kim Ito"
    )
    twin = TicketRef("jira", "10001", "OPS-1", "https://jira.example/OPS-1")
    item = replace(item, task=twin, twin=task_ref(1))
    places = {
        side: {f: Said(v, NOON) for f, v in (record(item) | voice.words(item)).items()}
        for side, voice in VOICES.items()
    }
    for side in (Side.TASK, Side.TWIN):
        values = {f: said.value for f, said in places[side].items()}
        item = created(item, side, "OPS", values if heard else None, {})
    base = {f: said.value for f, said in places[Side.DOCUMENT].items()}
    item = replace(item, sides={**item.sides, Side.DOCUMENT: Agreement(base=base)})
    known = {(side, f): said.value for side, place in places.items() for f, said in place.items()}
    return World(item, _rules(prefer), places, silent, known=known)


fields = st.sampled_from(tuple(Field))
sides = st.sampled_from(tuple(Side))
orders = st.sampled_from(tuple(permutations(Side)))
silences = st.frozensets(
    st.tuples(st.sampled_from((Side.TASK, Side.TWIN)), fields).filter(
        lambda s: s[1] not in (Field.TITLE, Field.STATUS)
    ),
    max_size=2,
)


@st.composite
def starts(draw: st.DrawFn) -> ActionItem:
    day = draw(st.sampled_from(DAYS))
    return ActionItem(
        number=1,
        origin=Origin("ticket", "1"),
        title=draw(st.sampled_from(TITLES)),
        kind=Kind.CORRECTIVE,
        owner=draw(st.sampled_from((None, "Kim Ito"))),
        milestone=draw(st.sampled_from(MILESTONES)),
        due=date.fromisoformat(day) if day else None,
        status=draw(st.sampled_from(("", *Progress))),
    )


@st.composite
def edits(draw: st.DrawFn, minutes: st.SearchStrategy[int] | None = None) -> Edit:
    side, name = draw(sides), draw(fields)
    value = draw(st.sampled_from(VOCABULARY[side][name]))
    return Edit(side, name, value, draw(st.integers(1, 60) if minutes is None else minutes))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    return world(
        draw(starts()), draw(st.sampled_from(Prefer)), draw(silences), heard=draw(st.booleans())
    )


many_edits = st.lists(edits(), max_size=8, unique_by=lambda e: (e.side, e.field))
plenty = settings(max_examples=150)


@plenty
@given(values=st.lists(st.sampled_from(MILESTONES), min_size=3, max_size=3))
def test_a_merge_takes_what_one_side_changed_and_tells_of_both(values: list[Value]) -> None:
    base, ours, theirs = values
    verdict = merge(base, ours, theirs).value
    changed = {name for name, value in (("ours", ours), ("theirs", theirs)) if value != base}
    if ours == theirs:
        assert verdict == "equal"
    else:
        assert verdict == (changed.pop() if len(changed) == 1 else "both")


@plenty
@given(place=worlds(), order=orders)
def test_where_all_sides_agree_nothing_happens(place: World, order: Sequence[Side]) -> None:
    before, said = place.stands, record(place.item)
    assert place.round(order) == ([], [])
    assert (place.stands, record(place.item)) == (before, said)
    assert (place.item.said, place.item.conflicts) == ({}, ())


@plenty
@given(place=worlds(), made=many_edits, order=orders)
def test_hearing_the_same_again_changes_nothing(
    place: World, made: list[Edit], order: Sequence[Side]
) -> None:
    for edit in made:
        place.edit(edit)
    for side in order:
        place.hear(side)
        before = place.item
        assert place.hear(side) == ()
        assert place.item == before


@plenty
@given(place=worlds(), made=many_edits, one=orders, other=orders)
def test_edits_of_different_fields_come_to_the_same_in_any_order(
    place: World, made: list[Edit], one: Sequence[Side], other: Sequence[Side]
) -> None:
    apart = {edit.field: edit for edit in made}.values()
    ends = []
    for order in (one, other):
        again = replace(place, places={s: dict(p) for s, p in place.places.items()}, made=[])
        for edit in apart:
            again.edit(edit)
        again.round(order)
        ends.append((again.stands, record(again.item), again.item.conflicts))
    assert ends[0] == ends[1]
    assert ends[0][2] == ()


@plenty
@given(
    made=st.lists(edits(), max_size=3, unique_by=(lambda e: e.side, lambda e: e.minute)),
    name=fields.filter(lambda f: f is not Field.OWNER),
    orders_=st.tuples(orders, orders),
    data=st.data(),
)
def test_of_several_edits_of_one_field_the_newest_holds_whatever_was_heard_first(
    made: list[Edit],
    name: Field,
    orders_: tuple[Sequence[Side], Sequence[Side]],
    data: st.DataObject,
) -> None:
    values = data.draw(st.permutations([v for v in VOCABULARY[Side.TWIN][name] if v is not None]))
    start = world()
    told = [v for v in values if v != start.stands[Side.TWIN][name]]
    made = [replace(e, field=name, value=v) for e, v in zip(made, told, strict=False)]
    for order in orders_:
        place = world()
        for edit in made:
            place.edit(edit)
        place.round(order)
        if place.made:
            newest = max(place.made, key=lambda each: each[0].minute)
            assert record(place.item)[name] == newest[1]


@plenty
@given(
    minute=st.integers(1, 60),
    pair=st.lists(sides, min_size=2, max_size=2, unique=True),
    values=st.permutations(MILESTONES[1:]),
)
def test_two_edits_in_one_moment_end_alike_whichever_was_heard_first(
    minute: int, pair: list[Side], values: list[Value]
) -> None:
    ends = set()
    for order in (pair, pair[::-1]):
        place = world()
        for side, value in zip(pair, values, strict=False):
            place.edit(Edit(side, Field.MILESTONE, value, minute))
        place.round(order)
        ends.add(place.item.milestone)
    assert len(ends) == 1


@plenty
@given(place=worlds(), made=many_edits, order=orders)
def test_every_place_is_right_after_one_round(
    place: World, made: list[Edit], order: Sequence[Side]
) -> None:
    for edit in made:
        place.edit(edit)
    place.round(order)
    _all_agree(place)
    assert place.round(order) == ([], [])


@plenty
@given(place=worlds(), made=many_edits, order=orders)
def test_no_value_comes_from_nowhere(place: World, made: list[Edit], order: Sequence[Side]) -> None:
    known = {(name, value) for name, value in record(place.item).items()}
    shown = {(s, n, v) for s, there in place.stands.items() for n, v in there.items()}
    for edit in made:
        place.edit(edit)
    place.round(order)
    known |= {(edit.field, meant) for edit, meant in place.made}
    assert set(record(place.item).items()) <= known
    shown |= {(edit.side, edit.field, edit.value) for edit, _ in place.made}
    for name, value in record(place.item).items():
        shown |= {(s, name, VOICES[s].words(place.item).get(name, value)) for s in Side}
    after = {(s, n, v) for s, there in place.stands.items() for n, v in there.items()}
    assert after <= shown
    tickets = [each for each in after if each[0] is not Side.DOCUMENT]
    assert all(value in VOCABULARY[side][name] for side, name, value in tickets)
    claimed = {(c.field, x.said.value) for c in place.item.conflicts for x in c.claims}
    assert claimed <= known


@st.composite
def walks(draw: st.DrawFn) -> list[tuple[str, Edit | Side]]:
    """People edit, sides are heard and written, in any order and as often as it comes."""
    minutes = iter(range(1, 60))
    steps: list[tuple[str, Edit | Side]] = []
    for what in draw(st.lists(st.sampled_from(("edit", "edit", "hear", "write")), max_size=14)):
        minute = next(minutes)
        steps.append((what, draw(edits(st.just(minute))) if what == "edit" else draw(sides)))
    return steps


@settings(max_examples=400)
@given(place=worlds(), walk=walks(), order=orders)
def test_no_edit_is_lost_without_a_conflict_or_a_later_edit(
    place: World, walk: list[tuple[str, Edit | Side]], order: Sequence[Side]
) -> None:
    seen: set[tuple[Field, Value]] = set()
    for _, step in walk:
        if isinstance(step, Edit):
            place.edit(step)
            continue
        place.hear(step) if _ == "hear" else place.write(step)
        seen |= {(c.field, x.said.value) for c in place.item.conflicts for x in c.claims}
    place.round(order)
    seen |= {(c.field, x.said.value) for c in place.item.conflicts for x in c.claims}
    place.round(order)
    _all_agree(place)
    for edit, meant in place.made:
        if edit in place.undone:
            continue
        later = any(e.field is edit.field and e.minute > edit.minute for e, _ in place.made)
        stands = VOICES[edit.side].words(place.item).get(edit.field) == edit.value
        assert (
            later
            or stands
            or record(place.item)[edit.field] == meant
            or (edit.field, meant) in seen
        )


def _all_agree(place: World) -> None:
    """Each place says what the record says, as far as it can say that."""
    for side, voice in VOICES.items():
        words = voice.words(place.item)
        for name, value in place.stands[side].items():
            if name in words and (side, name) not in place.silent:
                assert value == words[name], (side, name)


@plenty
@given(start=starts(), owner=st.text(max_size=12), milestone=st.text(max_size=12))
def test_a_row_that_nobody_touched_is_no_edit(
    start: ActionItem, owner: str, milestone: str
) -> None:
    """What a row says of the record is what is read in it, whatever is in the words."""
    item = replace(start, owner=owner or None, milestone=milestone or None)
    row = read_rows(table([item]))[item.name]
    voice = RowVoice(POLICY)
    item = replace(item, sides={Side.DOCUMENT: Agreement(base=row.values)})
    says = {name: Said(value, NOON, "the document") for name, value in row.values.items()}
    merged = agree(item, voice, says, _rules(Prefer.NEWEST), NOON)
    assert (record(merged.item), merged.notes) == (record(item), ())
