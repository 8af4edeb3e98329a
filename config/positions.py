"""A YAML file as plain data that remembers on which line each value stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from config.problems import Complaint, Place, Problem, RulesError, spelled


class Spot(NamedTuple):
    """A file, a line and a column (both from 1)."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Positions:
    """Where each place stands. `file` is what was read: a file, or a directory of them."""

    file: str
    at: dict[Place, Spot] = field(default_factory=dict)

    def problem(self, complaint: Complaint) -> Problem:
        """The complaint at its line; where nothing stands yet, at the line of what is around."""
        place = complaint.place
        while place and place not in self.at:
            place = place[:-1]
        spot = self.at.get(place, Spot(self.file, 1, 1))
        where = spelled(complaint.place)
        message = f"{where}: {complaint.message}" if where else complaint.message
        return Problem(*spot, message, complaint.mend)


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says: `data` as plain lists, dicts and scalars, and what is wrong already."""

    data: Any
    positions: Positions
    complaints: tuple[Complaint, ...]


def read(path: Path) -> Source:
    """Read one YAML document. Raises RulesError when there is nothing that can be understood.

    Duplicate keys are complaints, because YAML would silently keep only the last one.
    """
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _unreadable(
            name, "there is no such file", "name another, or write one with followthrough init"
        ) from None
    except UnicodeDecodeError:
        raise _unreadable(name, "this is not UTF-8 text", "save it as UTF-8") from None
    except OSError as error:
        raise _unreadable(name, f"cannot be read: {error.strerror}") from None
    return _parse(name, text)


def _parse(name: str, text: str) -> Source:
    # Only .problem is shown: the rest of PyYAML's message quotes the file, where a secret may be.
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            walk = _Walk(loader, Positions(name))
            data = walk.value(node, ()) if node is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = f"this is not YAML: {error.problem or error.context}"
        raise RulesError([Problem(name, line, column, message)]) from None
    except RecursionError:
        raise _unreadable(
            name, "groups stand within one another too deeply", "write fewer"
        ) from None
    except yaml.YAMLError:
        raise _unreadable(name, "holds characters that YAML does not allow") from None
    return Source(data, walk.positions, tuple(walk.complaints))


def _unreadable(name: str, message: str, mend: str = "") -> RulesError:
    return RulesError([Problem(name, 1, 1, message, mend)])


class _Walk:
    """Turns composed nodes into data, noting positions and duplicate keys on the way."""

    def __init__(self, loader: yaml.SafeLoader, positions: Positions) -> None:
        self._loader = loader
        self._open: set[int] = set()
        self.positions = positions
        self.complaints: list[Complaint] = []

    def value(self, node: yaml.Node, place: Place) -> Any:
        self.positions.at.setdefault(place, self._spot(node))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise yaml.MarkedYAMLError(
                problem="an alias that holds itself", problem_mark=node.start_mark
            )
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*place, n)) for n, item in enumerate(node.value)]
            return dict(self._pairs(node, place))
        finally:
            self._open.discard(id(node))

    def _pairs(self, node: yaml.Node, place: Place) -> Iterator[tuple[Any, Any]]:
        assert isinstance(node, yaml.MappingNode)  # noqa: S101  (the only kind that is left)
        self._find_duplicates(node, place)
        self._loader.flatten_mapping(node)  # `<<: *anchor` becomes pairs, overridden by later ones
        for key_node, value_node in node.value:
            key = self._key(key_node)
            self.positions.at[(*place, str(key))] = self._spot(key_node)
            yield key, self.value(value_node, (*place, str(key)))

    def _find_duplicates(self, node: yaml.MappingNode, place: Place) -> None:
        first: dict[Any, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self._key(key_node)
            if key in first:
                message = f"stands twice, on lines {first[key]} and {self._spot(key_node).line}"
                own = (*place, str(key))
                self.complaints.append(Complaint(own, message, "keep one of them"))
            else:
                first[key] = self._spot(key_node).line

    def _key(self, node: yaml.Node) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=node.start_mark)
        return self._scalar(node)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        try:
            return self._loader.construct_object(node)
        except ValueError:
            # 2026-13-45 has the form of a date and is none; PyYAML lets the bare error through.
            raise yaml.MarkedYAMLError(
                problem="there is no such date or number", problem_mark=node.start_mark
            ) from None

    def _spot(self, node: yaml.Node) -> Spot:
        return Spot(self.positions.file, node.start_mark.line + 1, node.start_mark.column + 1)
