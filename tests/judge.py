"""What became of a remedy that people edited everywhere, judged by what the places show and what
the journal tells: nothing here asks the service."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from town import ON_GITHUB, ON_JIRA, PEOPLE, STRANGER, Edit, Remedy, coarse


class Judged(Remedy):
    """A remedy, and what is wrong with it."""

    def is_at_rest(self, fields: Collection[str]) -> bool:
        """Whether all places agree, and have said nothing unread."""
        self.look()
        read = all(self._stood[place] == set(said.items()) for place, said in self.shown().items())
        return read and not self.disagreements(fields)

    def disagreements(self, fields: Collection[str]) -> list[str]:
        """Where two places show different values of one field, as far as both can say it."""
        shown = self.shown()
        row = shown["row"]
        return [
            f"{field}: {place} says {values[field]}, the row {row[field]}"
            for place, values in shown.items()
            for field in fields
            if (field, row[field]) != ("owner", STRANGER)
            and values[field] != (coarse(place, row[field]) if field == "status" else row[field])
        ]

    def lost(self) -> list[str]:
        """The last edit of each field that neither holds nor was ever told of as a conflict."""
        told = self._told()
        counting = [e for e in self.edits if (e.place, e.field) not in self._ignored]
        last = {edit.field: edit for edit in counting}
        return [
            f"{edit}: {self.in_row()[field]} holds"
            for field, edit in last.items()
            if not edit.back
            and edit.place not in self.gone
            and not self._holds(edit)
            and not was_told(edit, told, "both changed")
            and not self._was_too_late(edit)
            and self.in_row()[field] not in edit.older
        ]

    def written_over(self) -> list[str]:
        """The last edit of each field in each place that stands there no more, and of which the
        journal has not a word."""
        shown, found = self.shown(), list[str]()
        last = {(edit.place, edit.field): number for number, edit in enumerate(self.edits)}
        for (place, field), number in last.items():
            edit = self.edits[number]
            if place in self.gone or number in self._explained or edit.back:
                continue
            if shown[place][field] == edit.value:
                continue
            # of the same that does not count, said again, nothing more is told
            since = 0 if (place, field) in self._ignored else edit.lines
            told = self._told()
            open_now = _last_of(field, told[: edit.lines])  # said again, it is not told again
            if (
                was_told(edit, told[since:])
                or was_told(edit, open_now, "changed on two sides")
                or self._was_too_late(edit)
            ):
                self._explained.add(number)
            else:
                found.append(f"{edit}: {shown[place][field]} stands there")
        return found

    def are_all_told_of(self, edits: Collection[Edit]) -> bool:
        """Whether a conflict names each of them."""
        return all(was_told(each, self._told()[each.lines :], "both changed") for each in edits)

    def from_nowhere(self, fields: Collection[str]) -> list[str]:
        """What the row says and nobody said whose word counts."""
        said = {(e.field, e.value) for e in self.edits if (e.place, e.field) not in self._ignored}
        known = said | self._founded
        return [
            f"{field}: nobody said {value}"
            for field, value in self.in_row().items()
            if field in fields and (field, value) not in known
        ]

    def made_again(self) -> list[str]:
        """The tickets that there are beside those that there were."""
        return [key for key in self._all_tickets() if key not in self._tickets]

    def _holds(self, edit: Edit) -> bool:
        value = self.in_row()[edit.field]
        return edit.value == (coarse(edit.place, value) if edit.field == "status" else value)

    def _was_too_late(self, edit: Edit) -> bool:
        """Whether it came between the service's read of that ticket and its write, of which no
        tracker tells."""
        if edit.amid is None:
            return False
        after = self.stage.sandbox.calls[edit.amid :]
        about = [call for call in after if self.is_of(edit.place, call.path)]
        return bool(about) and about[0].is_write


def _last_of(field: str, told: Sequence[str]) -> Sequence[str]:
    """The last of these lines that speaks of the field."""
    return [line for line in told if f"AI-1 {field}:" in line][-1:]


def was_told(edit: Edit, told: Collection[str], how: str = "") -> bool:
    """Whether these lines have the value, and say `how`, of that field."""
    words = [edit.value, *PEOPLE.get(edit.value or "", ())]
    if edit.field == "status":  # in whose words the place cannot tell apart what was said
        finer = {**ON_GITHUB, **ON_JIRA}
        words += [word for word in finer if coarse(edit.place, word) == edit.value]
    said = [f"“{word}”" for word in words if word] or ["nothing", "(empty)"]
    return any(
        how in line and f"AI-1 {edit.field}:" in line and any(word in line for word in said)
        for lines in told
        for line in lines.split("; ")
    )
