"""Patterns over what people write take no longer than its length asks for."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import pytest

from workflows import checks, evidence, recurrence, remarks, review, waivers, wording
from workflows.sections import sections

LONG, SHORT = 60_000, 6_000

#: What reads, and what it is given around the characters that are many.
READERS: dict[str, tuple[Callable[[str], object], str, str, str]] = {
    "check": (checks.named_in, "# P\n\nAI-1", " ", "x\n"),
    "evidence": (evidence.in_document, "# P\n\nAI-1", " ", "x\n"),
    "measure": (review.measures, "# P\n\nAI-1", " ", "x\n"),
    "waived": (waivers.in_document, "# P\n\nAI-1", " ", "x\n"),
    "waived, then": (waivers.in_document, "# P\n\nAI-1 waived", " ", "x\n"),
    "waived until": (waivers.in_document, "# P\n\nAI-1 waived until ", "*", "x\n"),
    "waive": (lambda text: waivers.read_command(text, []), "", " ", "x"),
    "status": (remarks.without_remark, "done", " ", "x"),
    "heading": (sections, "# P", " ", "x\n"),
    "said": (review.is_said, "http://", "[", "x"),
    "link": (review.is_said, "http://", "[a](", "x"),
    "quoted": (lambda text: list(wording._SPOKEN.finditer(text)), "", "“", "x"),
    "code": (lambda text: list(wording._CODE.finditer(text)), "", "`", "x"),
    "target": (wording.advice, "obviously ", "](", "x"),
    "denied": (wording.advice, "", "not obviously ", "x"),
    "label": (review.look, "## Contributing factors\n\n- falsif", "_", "x"),
    "column": (review.look, "## Causes\n\n| 1 |\n| --- |\n| 1", "-", "x |"),
    "normal": (recurrence.normal, "", "[", "x"),
    "normal link": (recurrence.normal, "", "[a](", "x"),
}


def seconds(read: Callable[[str], object], text: str) -> float:
    """The least of three times, of the processor; each text is another one, so that no answer is
    one that was kept."""
    found = []
    for n in range(3):
        start = process_time()
        read(f"{text}{n}")
        found.append(process_time() - start)
    return min(found)


@pytest.mark.parametrize("what", READERS)
def test_ten_times_the_text_takes_about_ten_times_as_long(what: str) -> None:
    read, before, many, after = READERS[what]
    short, long = (
        seconds(read, before + many * (length // len(many)) + after) for length in (SHORT, LONG)
    )
    assert long <= 30 * max(short, 0.001)
