"""Marked regions are ours; everything else is people's."""

from __future__ import annotations

import pytest
from builders import template
from hypothesis import given
from hypothesis import strategies as st

from workflows.documents import (
    MORE_REGIONS,
    REGIONS,
    BadTemplate,
    below_region,
    check_template,
    marked,
    region_headings,
    regions,
    render,
    replace_regions,
)

PROSE = st.text(
    alphabet=st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=80
)
BODY = PROSE.filter(lambda t: "followthrough:" not in t)


def shipped(**bodies: str) -> str:
    values = {name: f"the {name}" for name in (*REGIONS, *MORE_REGIONS)} | bodies
    said = {"title": "T", "incident": "INC-1", "severity": "sev1", "service": ""}
    return render(template(), values, perspectives=["Support"], **said)


def test_the_shipped_template_holds_every_region_under_a_heading_of_its_own() -> None:
    text = shipped()
    check_template(text)
    assert set(regions(text)) == {*REGIONS, *MORE_REGIONS}
    assert region_headings(text)["timeline"] == "Timeline"


def test_the_shipped_template_asks_for_what_a_postmortem_needs() -> None:
    headings = [line.lstrip("# ") for line in shipped().splitlines() if line.startswith("#")]
    wanted = ["At a glance", "Executive summary", "Impact", "What amplified the harm", "Detection"]
    wanted += ["Timeline", "Hypotheses", "Contributing factors", "Five whys or fault tree"]
    wanted += ["Trade-offs considered", "What went well", "What went badly", "Where we were lucky"]
    wanted += ["Action items", "Communication to customers", "Recurrence of earlier incidents"]
    wanted += ["Do the measures work?"]
    wanted += ["Appendix: evidence", "Figures"]
    assert [name for name in wanted if name not in headings] == []


def test_a_person_may_delete_a_region_and_it_stays_deleted() -> None:
    text = "Before\n\nAfter\n"
    assert replace_regions(text, {"timeline": "new"}) == text


def test_a_region_whose_end_is_gone_is_left_alone() -> None:
    text = "<!-- followthrough:begin timeline -->\nwords of people\n"
    assert regions(text) == {}
    assert replace_regions(text, {"timeline": "new"}) == text


def test_windows_line_ends_of_a_web_editor_are_read() -> None:
    text = f"a\n{marked('facts', 'one')}\nb\n".replace("\n", "\r\n")
    assert regions(text) == {"facts": "one"}


def test_lines_below_a_region_end_at_the_next_heading() -> None:
    text = f"## Action items\n{marked('actions', 'x')}\n- [ ] more\n## Next\n- [ ] other"
    assert below_region(text, "actions") == "\n- [ ] more\n"


def test_a_template_that_lacks_a_region_is_refused() -> None:
    with pytest.raises(BadTemplate, match="lacks"):
        check_template("# Only words\n")


def test_a_template_cannot_reach_python() -> None:
    with pytest.raises(BadTemplate):
        render("{{ ''.__class__.__mro__ }}", {})


def test_a_name_that_a_template_does_not_know_is_an_error() -> None:
    with pytest.raises(BadTemplate, match="nonsense"):
        render("{{ nonsense }}", {})


@given(PROSE, BODY, PROSE, BODY)
def test_replacing_a_region_changes_nothing_else(
    before: str, old: str, after: str, new: str
) -> None:
    text = f"{before}\n{marked('timeline', old)}\n{after}"
    if list(regions(text)) != ["timeline"]:
        return  # the prose around happened to hold marks of its own
    changed = replace_regions(text, {"timeline": new})
    assert changed == f"{before}\n{marked('timeline', new)}\n{after}"
    assert regions(changed)["timeline"] == new.strip("\n")
    assert replace_regions(changed, {"timeline": new}) == changed
