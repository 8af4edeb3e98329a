"""Rules that are looked at again and again, and taken when they changed and are right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from config.gathering import rules_files
from config.problems import RulesError
from config.rules import Rules, load

#: Rules that cannot be used are read again at every so many looks, changed or not: what they name
#: may be there by now.
TRY_AGAIN = 30


class WatchedRules:
    """The rules at `path`: those that were read last and are right, at first `rules`.

    `refusals` are what stands against rules that are right by themselves, such as that they send
    something where it must not go. `problems` is what is wrong with those that stand there now.
    Secrets are read from `environ`, os.environ when None.
    """

    def __init__(
        self,
        path: Path,
        rules: Rules,
        refusals: Callable[[Rules], Sequence[str]] = lambda _: (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.rules = rules
        self._files = rules.files
        self.problems: tuple[str, ...] = ()
        self._path = path
        self._refusals = refusals
        self._environ = environ
        self._seen = self._taken = ""
        self._looks = 0
        self.late = False  # whether `rules` were there before and could not be used then

    def look(self) -> bool:
        """Look once; whether `rules` are others now. What is still being written is left until it
        is the same at two looks."""
        seen = _fingerprint(self._path, self._files)
        steady, self._seen = seen == self._seen, seen
        self._looks += 1
        again = bool(self.problems) and self._looks % TRY_AGAIN == 0
        if not steady or (seen == self._taken and not again):
            return False
        late, self._taken = seen == self._taken, seen
        try:
            found = load(self._path, self._environ)
        except RulesError as error:
            self.problems = tuple(map(str, error.problems))
            return False
        if found == self.rules:
            self._files = found.files  # what says the same may stand elsewhere now
            self.problems = ()
            return False
        self.problems = tuple(self._refusals(found))
        if self.problems:
            return False
        self.rules, self._files, self.late = found, found.files, late
        return True


def _fingerprint(path: Path, named: Iterable[Path]) -> str:
    """What stands in the rules and in the files that they name. Not their times: those of some
    file systems are coarse, and a link that is moved has none of its own."""
    try:
        files = rules_files(path) if path.is_dir() else (path,)
    except RulesError:
        files = ()
    found = hashlib.sha256()
    for file in dict.fromkeys((*files, *named)):
        try:
            content = file.read_bytes()
        except OSError as error:
            content = f"{error.errno}".encode()
        found.update(f"{file}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()
