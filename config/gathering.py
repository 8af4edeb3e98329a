"""The rules as they are kept: in one file, or in a directory of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.positions import Positions, Source, Spot, read
from config.problems import Complaint, Place, Problem, RulesError

#: What a file of rules in a directory is called. So an editor's copies (``a.yaml~``, ``.a.swp``)
#: are none.
SUFFIXES = (".yaml", ".yml")

#: Sections of names, of which each file may hold some.
_BY_NAME = ("connections", "teams", "calendars")
#: A list, to which each file may add.
_LISTED = "people"

_ONCE = "let it stand in one of the files"


@dataclass(frozen=True, slots=True)
class Gathered:
    """What all files say together. `base` is where the files that the rules name are looked for;
    `problems` are those of files that could not be understood at all: what stands in them is not
    known, so nothing may be said of what seems to be missing. `twice` are keys that stand twice
    within one of several files, told there: what is together counts otherwise."""

    source: Source
    files: tuple[Path, ...]
    base: Path
    problems: tuple[Problem, ...] = ()
    twice: tuple[Problem, ...] = ()


def gather(path: Path) -> Gathered:
    """Read the file at `path`, or the files of the directory there, in the order of their names.

    Raises RulesError when a single file cannot be understood, or a directory has none.
    """
    if not path.is_dir():
        return Gathered(read(path), (path,), path.resolve().parent)
    # Not resolved: what Kubernetes mounts are links to a directory that has another name after
    # each change, https://kubernetes.io/docs/concepts/configuration/configmap/
    base = path.absolute()
    files = rules_files(path)
    if not files:
        mend = f"write rules.yaml there, or any name that ends with {SUFFIXES[0]}"
        raise RulesError([Problem(str(path), 1, 1, "this directory holds no rules", mend)])
    merged, problems = _Merged(Positions(str(path))), list[Problem]()
    for file in files:
        try:
            merged.add(read(file))
        except RulesError as error:
            problems += error.problems
    source = Source(merged.data, merged.positions, tuple(merged.complaints))
    return Gathered(source, files, base, tuple(problems), tuple(merged.twice))


def rules_files(directory: Path) -> tuple[Path, ...]:
    """The files of rules in `directory` itself, by name. Hidden ones are left out: an editor's
    locks, and Kubernetes' own links (``..data``). Raises RulesError."""
    try:
        found = sorted(directory.iterdir())
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise RulesError([Problem(str(directory), 1, 1, message)]) from None
    named = (each for each in found if each.suffix in SUFFIXES and not each.name.startswith("."))
    return tuple(each for each in named if not each.is_dir())


@dataclass(slots=True)
class _Merged:
    """What the files so far say together, and where each of it stands."""

    positions: Positions
    data: dict[str, Any] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)
    twice: list[Problem] = field(default_factory=list)

    def add(self, source: Source) -> None:
        """Take in what one more file says. Raises RulesError when that is no section."""
        self.twice += map(source.positions.problem, source.complaints)
        if source.data is None:
            return
        if not isinstance(source.data, dict):
            mend = f"begin with {_BY_NAME[0]}: or another section"
            where = Spot(source.positions.file, 1, 1)
            raise RulesError([Problem(*where, "must be a group of keys", mend)])
        for key, value in source.data.items():
            self._section(str(key), value, source.positions)

    def _section(self, key: str, value: Any, there: Positions) -> None:
        known = self.data.get(key)
        if key not in self.data:
            self.data[key] = value
            self._note(there, lambda place: place if place[:1] == (key,) else None)
        elif key in _BY_NAME and _may_be(dict, known, value):
            ours, theirs = known or {}, value or {}
            for name in ours.keys() & theirs.keys():
                self._twice((key, str(name)), there)
            new = {str(name) for name in theirs.keys() - ours.keys()}
            self.data[key] = {**ours, **{name: theirs[name] for name in theirs if str(name) in new}}
            self._note(there, lambda place: _of_these(place, key, new))
        elif key == _LISTED and _may_be(list, known, value):
            before = len(known or ())
            self.data[key] = [*(known or ()), *(value or ())]
            self._note(there, lambda place: _moved(place, key, before))
        else:
            self._twice((key,), there)

    def _twice(self, place: Place, there: Positions) -> None:
        message = f"stands twice, here and in {there.at[place]}"
        self.complaints.append(Complaint(place, message, _ONCE))

    def _note(self, there: Positions, here: Callable[[Place], Place | None]) -> None:
        """Remember where a file's places stand, each as it is called `here`; None: not at all."""
        for place, spot in there.at.items():
            if (ours := here(place)) is not None:
                self.positions.at[ours] = spot


def _of_these(place: Place, key: str, names: Collection[str]) -> Place | None:
    """The place, where it is one of these names of a section, or below it."""
    match place:
        case (first, str(name), *_) if first == key and name in names:
            return place
        case _:
            return None


def _moved(place: Place, key: str, by: int) -> Place | None:
    """The place of an entry of a list that comes behind so many others."""
    match place:
        case (first, int(n), *below) if first == key:
            return (key, n + by, *below)
        case _:
            return None


def _may_be(kind: type, *values: Any) -> bool:
    """Whether each is of this kind, or empty."""
    return all(value is None or isinstance(value, kind) for value in values)
