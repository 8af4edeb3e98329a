"""How action items end: what proves that they are done, and what waives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import KIM, NOON, NOOR, closed, comment, document, policy, task_ref

from config.rules import RulesError, load
from integrations.jira import adf, wiki
from service.store.codec import dump
from service.store.codec import load as restore
from workflows import evidence, task_text, waivers
from workflows.action_table import read_rows, read_table, table
from workflows.audience import WITHHELD
from workflows.calendars import Calendar, Hours
from workflows.commands import short
from workflows.drift import compare
from workflows.effects import WriteNote
from workflows.events import ProofRead, TicketUnchanged
from workflows.folding import fold
from workflows.lifecycle import decide
from workflows.model import (
    ActionItem,
    Comment,
    Incident,
    Kind,
    Origin,
    Phase,
    Postmortem,
    Status,
    StatusCategory,
    Ticket,
)
from workflows.notices import CUSTOMERS, Notice
from workflows.policy import EvidenceRules, Mode, Policy, Span, SpanUnit, WaiverRules
from workflows.proven import Evidence, Proof, Waiver
from workflows.rehearsal import pretend
from workflows.remarks import remark, with_remark, without_remark
from workflows.schedule import plan
from workflows.snapshots import Agreement, Claim, Field, Progress, Said, Side
from workflows.tasks import TaskState

DAY = timedelta(days=1)
LINK = "https://ci.example/run/7"
DONE, WONT_DO, OPEN = Progress.DONE, Progress.WONT_DO, Progress.OPEN


def rules(**team: Any) -> Policy:
    whole = policy()
    asking: dict[str, Any] = {"evidence": EvidenceRules(), "waivers": WaiverRules()}
    changed = replace(whole.teams["payments"], **{**asking, **team})
    return replace(whole, teams={"payments": changed})


def item(status: Progress = DONE, **values: Any) -> ActionItem:
    """A preventive action of Kim's, whose ticket says how far it is."""
    base = ActionItem(1, Origin("ticket", "I_42"), "Alert", Kind.PREVENTIVE, owner="Kim Ito")
    return replace(stands(replace(base, task=task_ref(1), linked=True), status), **values)


def stands(known: ActionItem, status: Progress, at: datetime = NOON) -> ActionItem:
    said = {Field.STATUS: Claim(Side.TASK, Said(status.value, at, "Kim Ito"))}
    agreed = {Field.STATUS: status.value}
    sides = {Side.TASK: Agreement(agreed, agreed, place="acme/ops")}
    return replace(known, status=status.value, said=said, sides=sides)


def incident(*items: ActionItem, text: str = "# Postmortem\n", **values: Any) -> Incident:
    shown = document(text)
    known = Postmortem(
        "docs", shown.ref, shown.status, shown.regions, shown.regions, {}, {}, shown.text
    )
    base = Incident("k3v9w", "payments", closed().ref, "Checkout answers 500", Phase.CLOSED)
    return replace(base, postmortem=known, actions=items or (item(),), **values)


def reading(*comments: Comment, side: Side = Side.TASK, **values: Any) -> ProofRead:
    base = Ticket(
        ref=task_ref(1),
        place="acme/ops",
        title="Alert",
        text="",
        status=Status("closed", StatusCategory.DONE),
        created=NOON,
        updated=NOON,
        comments=comments,
    )
    return ProofRead(1, side, replace(base, **values))


def says(text: str, id: str = "c1", at: datetime = NOON + DAY, **values: Any) -> Comment:
    return replace(comment(text, id), at=at, author=NOOR, **values)


def turn(
    known: Incident,
    *comments: Comment,
    now: datetime = NOON + DAY,
    by: Policy | None = None,
    **ticket: Any,
) -> tuple[Incident, dict[str, WriteNote]]:
    """A turn in which the item's ticket is read whole, and all notes are written; these by name."""
    written: dict[str, WriteNote] = {}
    readings = [reading(*comments, **ticket)]
    for _ in range(20):
        decision = decide(
            TicketUnchanged(), known, by or rules(), new_id="new", now=now, proofs=readings
        )
        assert decision.incident is not None
        known = decision.incident
        wishes = [e for e in decision.effects if isinstance(e, WriteNote)]
        wish = next((each for each in wishes if each.key not in written), None)
        if wish is None:
            return known, {key.rsplit(":", 1)[1]: each for key, each in written.items()}
        written[wish.key] = wish
        known = fold(pretend(wish, known, now), known)
    raise AssertionError("it does not come to rest")


def only(known: Incident) -> Proof:
    return known.actions[0].proof


def again(known: Incident, status: Progress, at: datetime) -> Incident:
    """Its ticket says something else."""
    return replace(known, actions=(stands(known.actions[0], status, at),))


# --- evidence -------------------------------------------------------------------------------------


def test_nothing_is_asked_or_said_before_the_ticket_was_read() -> None:
    decision = decide(TicketUnchanged(), incident(), rules(), new_id="new", now=NOON + DAY)
    assert decision.incident is not None
    assert remark(decision.incident.actions[0]) == ""
    assert not any(isinstance(effect, WriteNote) for effect in decision.effects)


def test_without_a_link_its_owner_is_asked_once() -> None:
    known, notes = turn(incident(), says("Done, I think."))
    assert notes["ask"].to == "kim"
    assert evidence.links(notes["ask"].text) == []  # no word of ours is evidence
    assert remark(known.actions[0]) == "unproven"
    assert turn(known, now=NOON + 9 * DAY)[1] == {}


@pytest.mark.parametrize(
    ("comments", "ticket"),
    [
        ((says(f"See {LINK}."),), {}),
        ((says(f"[run]({LINK})"),), {}),
        ((says(f"/evidence {LINK} green"),), {}),
        ((says(f"/evidence\n\n{LINK}"),), {}),
        ((), {"text": f"Shown by {LINK}"}),
        ((), {"shown_by": (LINK,)}),
    ],
    ids=["comment", "link", "command", "below", "description", "shown"],
)
def test_a_link_proves_it(comments: tuple[Comment, ...], ticket: dict[str, Any]) -> None:
    known, notes = turn(incident(), *comments, **ticket)
    assert [each.url for each in only(known).evidence] == [LINK]
    assert "ask" not in notes


@pytest.mark.parametrize(
    ("comments", "ticket"),
    [
        ((says(f"> {LINK}"),), {}),
        ((says(f"```\n{LINK}\n```"),), {}),
        ((says(f"<!-- {LINK} -->"),), {}),
        ((says(LINK, may_write=False),), {}),
        ((says(LINK, edited=True),), {}),
        ((says(LINK, internal=True),), {}),
        ((), {"text": LINK, "author_may_write": False}),
        ((says("ftp://ci.example/run"),), {}),
        ((says("https://git.example/acme/ops/issues/42#issuecomment-1"),), {}),
        ((says("https://git.example/acme/ops/issues/42/linked_closing_reference"),), {}),
    ],
    ids=["quote", "code", "hidden", "stranger", "edited", "internal", "strangers text", "no web",
         "incident", "its pages"],
)  # fmt: skip
def test_what_proves_nothing(comments: tuple[Comment, ...], ticket: dict[str, Any]) -> None:
    known, notes = turn(incident(), *comments, **ticket)
    assert (only(known).evidence, "ask" in notes) == ((), True)


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://jira.example/browse/OPS-7?focusedCommentId=1", True),
        ("https://JIRA.example/projects/OPS/issues/ops-7", True),
        ("https://jira.example/issues/?selectedIssue=OPS-7", True),
        ("https://jira.example/browse/OPS-70", False),
        ("https://other.example/browse/OPS-7", False),
        ("https://[bad/browse/OPS-7", False),
    ],
)
def test_a_ticket_is_told_in_each_of_its_views(url: str, own: bool) -> None:
    ref = replace(task_ref(1), key="OPS-7", url="https://jira.example/browse/OPS-7")
    assert (evidence.useful([url], incident(item(task=ref))) == []) == own


def description(known: Incident) -> str:
    """What we wrote into the description of its twin: all that there is in that of its task, and
    where that is."""
    (mirrored,) = known.actions
    assert known.postmortem is not None
    return f"{task_text.about(known, mirrored, known.postmortem)}\n\n{task_text.mirrors(mirrored)}"


@pytest.mark.parametrize(
    "as_read",
    [
        str,
        lambda text: adf.to_markdown(adf.from_markdown(text)),
        lambda text: wiki.to_markdown(wiki.from_markdown(text)),
    ],
    ids=["GitHub", "Cloud", "Data Center"],
)
def test_our_own_description_proves_nothing_whatever_became_of_the_incident(
    as_read: Callable[[str], str],
) -> None:
    known = incident(item(title=f"Alert of {LINK}", success_measure="https://dash.example/1"))
    text = as_read(description(known))
    elsewhere = replace(task_ref(1), id="I_9", key="NEW-9", url="https://jira.example/browse/NEW-9")
    ticket = replace(known.ticket, id="I_99", key="acme/pay#3", url="https://git.example/3")
    moved = replace(known, ticket=ticket, actions=(item(task=elsewhere),))
    withheld = replace(known, actions=(item(title=WITHHELD),))
    for each in (known, moved, withheld):
        assert only(turn(each, text=text)[0]).evidence == ()
        found = only(turn(each, text=f"{text}\n\nShown by {LINK}")[0]).evidence
        assert [each.url for each in found] == [LINK]
    assert only(turn(known, says(f"/evidence {LINK}"))[0]).evidence != ()


def test_what_customer_facing_teams_are_told_proves_nothing() -> None:
    told = Notice(CUSTOMERS, 1, ("AI-1",), NOON, "c1")
    assert only(turn(incident(notices=(told,)), says(LINK))[0]).evidence == ()


def test_a_line_of_people_that_begins_like_ours_counts() -> None:
    for text in (f"Remediation of the queue, see {LINK}", f"| **Evidence** | {LINK} |"):
        assert only(turn(incident(), text=text)[0]).evidence != ()


def test_of_a_ticket_that_only_some_may_read_the_link_is_not_kept() -> None:
    known, _ = turn(incident(), says(LINK), restricted=True)
    assert [each.url for each in only(known).evidence] == [""]
    assert remark(known.actions[0]) == ""


def test_opened_and_done_again_it_is_asked_again_and_what_was_said_before_is_old() -> None:
    known, _ = turn(incident(), says(LINK), text="https://old.example/1")
    known, _ = turn(again(known, OPEN, NOON + 2 * DAY), now=NOON + 3 * DAY)
    assert only(known).end is None
    early = says(f"/evidence {LINK}", "c2", NOON + 2 * DAY)
    known = again(known, DONE, NOON + 4 * DAY)
    known, notes = turn(known, says(LINK), early, text="https://old.example/1", now=NOON + 7 * DAY)
    assert only(known).evidence == ()
    assert notes["ask"].key == "proof:k3v9w:1:2:ask"
    assert any("before this was opened again" in note.text for note in notes.values())


def test_the_document_proves_it_once_its_words_count() -> None:
    text = (
        f"# Postmortem\n\n- **AI-1 evidence:** <{LINK}>\n> AI-1 evidence: https://quoted.example\n"
    )
    assert [e.url for e in only(turn(incident(text=text))[0]).evidence] == [LINK]
    known = incident(text=text)
    assert known.postmortem is not None
    drafted = replace(known.postmortem, ref=replace(known.postmortem.ref, branch="draft"))
    assert only(turn(replace(known, postmortem=drafted))[0]).evidence == ()


@pytest.mark.parametrize(
    ("kind", "ask", "asked"),
    [
        (Kind.CORRECTIVE, {Kind.PREVENTIVE}, False),
        (Kind.DETECTIVE, {Kind.PREVENTIVE}, False),
        (Kind.DETECTIVE, {Kind.DETECTIVE}, True),
        (Kind.PREVENTIVE, set(), False),
    ],
)
def test_the_rules_say_which_kinds_are_asked(kind: Kind, ask: set[Kind], asked: bool) -> None:
    by = rules(evidence=EvidenceRules(frozenset(ask)))
    assert ("ask" in turn(incident(item(kind=kind)), by=by)[1]) == asked


@pytest.mark.parametrize("status", [DONE, WONT_DO])
@pytest.mark.parametrize(
    ("values", "team"),
    [
        ({"muted": True}, {}),
        ({"phase": Phase.GONE}, {}),
        ({}, {"mode": Mode.PLAN}),
        ({}, {"evidence": None, "waivers": None}),
    ],
    ids=["muted", "gone", "plan", "off"],
)
def test_nothing_is_written_where_nothing_is_to_be_said(
    status: Progress, values: dict[str, Any], team: dict[str, Any]
) -> None:
    known = incident(item(status), **values)
    assert turn(known, says("/evidence nothing"), by=rules(**team))[1] == {}


@pytest.mark.parametrize(
    "of_item", [{"muted": True}, {"task": None}, {"sides": {Side.TASK: Agreement(gone="410")}}]
)
def test_nothing_is_written_on_a_ticket_that_is_muted_or_gone(of_item: dict[str, Any]) -> None:
    assert turn(incident(item(**of_item)), says("/waive because"))[1] == {}


def test_in_quiet_hours_commands_are_answered_and_nobody_is_asked() -> None:
    calendar = Calendar(quiet=Hours(time(11), time(15)), opens=time(15))
    by = rules(calendar=calendar)
    known, notes = turn(incident(), says("/waive because of it"), by=by)
    assert len(notes) == 1
    assert "nothing to waive" in next(iter(notes.values())).text
    decision = decide(TicketUnchanged(), known, by, new_id="new", now=NOON + DAY)
    assert decision.again_at == NOON + DAY + timedelta(hours=3)


# --- waivers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "until", "reason"),
    [
        ("/waive until 2027-06-30 because it goes away", date(2027, 6, 30), "it goes away"),
        ("/WAIVE because: it goes away", date(2027, 6, 6), "it goes away"),
        ("/waive until 2027-06-30, because\n\nit goes\naway", date(2027, 6, 30), "it goes away"),
        ("/waive until 2026-12-08 because it goes away", date(2026, 12, 8), "it goes away"),
    ],
)
def test_a_command_waives_it_until_a_day(said: str, until: date, reason: str) -> None:
    known, notes = turn(incident(item(WONT_DO)), says(said))
    given = only(known).waiver
    assert given == Waiver(reason, "Noor Aziz", NOON + DAY, until, "a comment")
    (answer,) = notes.values()
    assert f"until {until}" in answer.text
    assert "goes away" not in answer.text
    assert remark(known.actions[0]) == f"waived until {until}"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("/waive", "gives no reason"),
        ("/waive until 2027-06-30", "gives no reason"),
        ("/waive until 2027-06-30 because TBD", "gives no reason"),
        ("/waive until 30.06.2027 because it goes away", "not a date"),
        ("/waive until 2027-02-30 because it goes away", "not a date"),
        ("/waive until 2026-12-07 because it goes away", "is over"),
        ("/waive until 2036-12-07 because it goes away", "too far away"),
        ("/waive it please", "cannot be read"),
        (f"/evidence {LINK}", "nothing to prove"),
    ],
)
def test_what_waives_nothing_is_answered_with_the_reason(said: str, why: str) -> None:
    known, notes = turn(incident(item(WONT_DO)), says(said))
    assert only(known).waiver is None
    assert why in notes.pop(f"c{short('c1')}").text
    assert list(notes) == (["ask"] if said.startswith("/evidence") else [])
    assert turn(known, says(said), now=NOON + 3 * DAY)[1] == {}


def test_the_rules_say_how_long_a_waiver_holds_that_names_no_day() -> None:
    by = rules(waivers=WaiverRules(Span(7, SpanUnit.DAYS)))
    known, _ = turn(incident(item(WONT_DO)), says("/waive because it goes away"), by=by)
    assert only(known).waiver is not None
    assert [each.due for each in plan(known, by)] == [datetime(2026, 12, 16, tzinfo=UTC)]


def test_where_the_last_day_cannot_be_counted_a_day_is_asked_for() -> None:
    calendar = Calendar(known_until=date(2026, 12, 31))
    by = rules(waivers=WaiverRules(Span(120, SpanUnit.BUSINESS_DAYS)), calendar=calendar)
    known, notes = turn(incident(item(WONT_DO)), says("/waive because it goes away"), by=by)
    assert only(known).waiver is None
    assert "name that day" in next(iter(notes.values())).text
    said = says("/waive until 2027-06-30 because it goes away", "c2")
    assert only(turn(known, said, by=by)[0]).waiver is not None


def test_when_it_ends_that_is_asked_once_and_a_renewal_needs_no_reason() -> None:
    waive = says("/waive until 2026-12-20 because it goes away")
    known, _ = turn(incident(item(WONT_DO)), waive)
    monday = NOON + 14 * DAY
    known, notes = turn(known, waive, now=monday)
    assert (list(notes), notes["ended-2026-12-20"].to) == (["ended-2026-12-20"], "kim")
    assert with_remark(known.actions[0]) == "won't do (waiver ended 2026-12-20)"
    assert plan(known, rules()) == ()
    renew = says("/waive until 2027-03-01", "c2", monday)
    known, _ = turn(known, waive, renew, now=monday)
    assert only(known).waiver == Waiver(
        "it goes away", "Noor Aziz", monday, date(2027, 3, 1), "a comment"
    )
    assert len(plan(known, rules())) == 1


def test_where_nobody_owns_it_the_manager_is_asked() -> None:
    waive = says("/waive until 2026-12-20 because it goes away")
    by = rules(manager="Noor Aziz")
    known, _ = turn(incident(item(WONT_DO, owner=None)), waive, by=by)
    assert turn(known, waive, now=NOON + 14 * DAY, by=by)[1]["ended-2026-12-20"].to == "noor"


def test_a_waiver_given_in_time_and_heard_after_its_end_is_asked_about() -> None:
    waive = says("/waive until 2026-12-20 because it goes away")
    known, _ = turn(incident(item(WONT_DO)), waive, now=NOON + 30 * DAY)
    assert remark(known.actions[0]) == "waiver ended 2026-12-20"


def test_opened_again_its_waiver_is_over_and_told_in_the_journal() -> None:
    waive = says("/waive until 2027-06-30 because it goes away")
    known, _ = turn(incident(item(WONT_DO)), waive)
    decision = decide(
        TicketUnchanged(), again(known, OPEN, NOON + 2 * DAY), rules(), new_id="new",
        now=NOON + 2 * DAY,
    )  # fmt: skip
    assert "its waiver until 2027-06-30, by Noor Aziz, is over" in "; ".join(decision.reasons)
    assert decision.incident is not None
    known = again(decision.incident, WONT_DO, NOON + 3 * DAY)
    known, notes = turn(known, waive, now=NOON + 4 * DAY)
    assert (only(known).waiver, list(notes)) == (None, ["ask"])


@pytest.mark.parametrize(
    ("line", "until"),
    [
        ("AI-1 waived until 2027-06-30: it goes away", date(2027, 6, 30)),
        ("- **AI-1 waived until 2027-06-30:** it goes away", date(2027, 6, 30)),
        ("AI-1 waived, because it goes away", date(2027, 6, 6)),
    ],
)
def test_a_line_of_the_document_waives_it(line: str, until: date) -> None:
    text = f"# Postmortem\n\n{line}\n"
    known, notes = turn(incident(item(WONT_DO), text=text))
    given = only(known).waiver
    assert given is not None
    assert (given.until, given.reason, given.by) == (until, "it goes away", "the document")
    assert all("goes away" not in note.text for note in notes.values())
    known, _ = turn(again(known, OPEN, NOON + 2 * DAY), now=NOON + 2 * DAY)
    known, _ = turn(again(known, WONT_DO, NOON + 3 * DAY), now=NOON + 3 * DAY)
    assert only(known).waiver is None  # the same line does not waive it twice


def test_a_duplicate_needs_no_waiver_and_names_what_it_repeats() -> None:
    known, notes = turn(
        incident(item(Progress.DUPLICATE)), says("/waive because it is"), duplicate_of="OPS-3"
    )
    assert with_remark(known.actions[0]) == "duplicate (of OPS-3)"
    assert [note.text.partition(":** ")[2] for note in notes.values()] == [
        "a duplicate needs no waiver"
    ]


def test_of_a_ticket_that_only_some_may_read_the_reason_is_not_kept() -> None:
    waive = says("/waive because of the merger")
    known, _ = turn(incident(item(WONT_DO)), waive, restricted=True)
    assert only(known).waiver is not None
    assert "merger" not in repr(known)
    assert WITHHELD not in repr(only(known))


def test_a_reason_cannot_act_where_it_is_told() -> None:
    known, notes = turn(incident(item(WONT_DO)), says("/waive until @noor because of #1 @kim"))
    (refusal,) = (note for name, note in notes.items() if name != "ask")
    assert "@" not in refusal.text
    assert only(known).waiver is None


# --- what is shown --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "proof",
    [
        Proof(DONE, read={Side.TASK: NOON}),
        Proof(DONE, read={Side.TASK: NOON}, evidence=(Evidence(LINK, "a comment", "", NOON),)),
        Proof(WONT_DO, read={Side.TASK: NOON}),
        Proof(WONT_DO, read={Side.TASK: NOON}, waiver=Waiver("x", "y", NOON, NOON.date(), "")),
        Proof(
            WONT_DO,
            read={Side.TASK: NOON},
            waiver=Waiver("x", "y", NOON, NOON.date(), "", expired=True),
        ),
        Proof(Progress.DUPLICATE, read={Side.TASK: NOON}, duplicate_of="acme/ops#4"),
    ],
    ids=str,
)
def test_what_stands_behind_a_status_changes_no_reading_of_the_table(proof: Proof) -> None:
    assert proof.end is not None
    bare = stands(item(), proof.end)
    shown = table([replace(bare, proof=proof)])
    assert read_rows(shown) == read_rows(table([bare]))
    assert read_rows(shown)["AI-1"].problems == ()
    assert read_table(shown, shown).changed == {}


@pytest.mark.parametrize("words", ["open (waits for Kim)", "done (really)", "(unproven) done"])
def test_what_people_write_behind_a_status_is_theirs(words: str) -> None:
    assert without_remark(words) == words


def test_what_is_known_is_kept_and_what_was_saved_before_loads() -> None:
    known, _ = turn(incident(item(WONT_DO)), says("/waive because it goes away"))
    saved = dump(Incident, known)
    assert restore(Incident, saved) == known
    assert isinstance(saved, dict)
    items = saved["actions"]
    assert isinstance(items, list)
    assert isinstance(items[0], dict)
    del items[0]["proof"]
    assert only(restore(Incident, saved)) == Proof()


def test_a_ticket_that_lacks_words_and_moved_is_to_be_read_again() -> None:
    known, _ = turn(incident())
    status = Status("closed", StatusCategory.DONE, "completed")
    state = TaskState(task_ref(1), "acme/ops", "Alert", status, NOON, owners=(KIM,))
    later = replace(state, updated=NOON + DAY)
    found = [compare(known, each, rules(), NOON + DAY).unsure for each in (state, later)]
    assert found == [False, True]


# --- rules ----------------------------------------------------------------------------------------

RIGHT = """\
connections:
  hub: {kind: github, url: https://api.github.com, auth: {type: token, token: {env: TOKEN}}}
teams:
  ops:
    start_from: 2026-12-01
    incidents: [{connection: hub, repository: acme/ops}]
    postmortem:
      document: {kind: github-issue, connection: hub, repository: acme/ops}
      tasks: {connection: hub, repository: acme/ops}
"""


def read(tmp_path: Path, *lines: str) -> tuple[EvidenceRules | None, WaiverRules | None]:
    file = tmp_path / "rules.yaml"
    file.write_text(RIGHT + "".join(f"    {line}\n" for line in lines))
    team = load(file, {"TOKEN": "t"}).policy.teams["ops"]
    return team.evidence, team.waivers


def test_both_are_on_as_shipped_and_each_may_be_off_or_otherwise(tmp_path: Path) -> None:
    half_a_year = WaiverRules(Span(180, SpanUnit.DAYS))
    assert read(tmp_path) == (EvidenceRules(frozenset({Kind.PREVENTIVE})), half_a_year)
    assert read(tmp_path, "evidence: off", "waivers: off") == (None, None)
    both = frozenset({Kind.PREVENTIVE, Kind.DETECTIVE})
    found = read(tmp_path, "evidence: {ask: [preventive, detective]}", "waivers: {last: 9 days}")
    assert found == (EvidenceRules(both), WaiverRules(Span(9, SpanUnit.DAYS)))


@pytest.mark.parametrize(
    "line", ["evidence: {ask: [best]}", "evidence: yes please", "waivers: {last: long}"]
)
def test_what_is_no_such_rule_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    with pytest.raises(RulesError, match=rf"teams\.ops\.{line.partition(':')[0]}"):
        read(tmp_path, line)


def test_only_dates_as_they_are_written_here_are_read() -> None:
    team = rules().teams["payments"]
    for until in ("20270630", "2027-W26-3", "٢٠٢٧-٠٦-٣٠", "2027-06-31"):
        given = waivers.waiver(until, "it goes away", "kim", NOON, "", team, None)
        assert isinstance(given, str)


def test_a_waiver_that_nobody_could_tell_the_right_of_counts_once_that_is_mended() -> None:
    stranger = says("/waive because I say", "c1", may_write=False)
    known, notes = turn(incident(item(WONT_DO)), stranger)
    assert "strangers-task" in notes
    words = "/waive until 2027-03-01 because the queue goes"
    unsure = [says(words, id, may_write=False) for id in ("c2", "c3")]
    why = "who may write could not be found out"
    known, notes = turn(known, stranger, *unsure, writers_unknown=why, now=NOON + 2 * DAY)
    assert [(name, why in note.text) for name, note in notes.items()] == [("unknown-task", True)]
    known, notes = turn(known, stranger, *unsure, writers_unknown=why, now=NOON + 2 * DAY)
    assert (notes, only(known).waiver) == ({}, None)
    known, notes = turn(known, stranger, says(words, "c2"), now=NOON + 3 * DAY)
    assert len(notes) == 1
    given = only(known).waiver
    assert given is not None
    assert given.until == date(2027, 3, 1)
