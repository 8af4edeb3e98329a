"""A restore under load: a backup is taken while incidents are closed, the service goes on and is
killed, the backup is put back, and the service goes on from there.

    python -m bench.restored --seed 11        (or: make restored SEED=11)

Trackers misbehave as in the storm. In the end the same oracle, which looks at nothing but what the
trackers hold, says what is missing and what is double.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.storm import Plan, Process, Storm

#: Seconds of load before the backup, and between it and the end of the database.
BEFORE, AFTER = (6.0, 10.0), (8.0, 14.0)


class Restored(Storm):
    """A storm in which the database is put back once, and nobody is killed besides."""

    def _environ(self) -> dict[str, str]:
        self._environment = super()._environ()
        return self._environment

    def _harm(self, processes: Sequence[Process]) -> None:
        dice, backup = random.Random(f"{self.plan.seed}/restore"), self.directory / "backup"
        time.sleep(dice.uniform(*BEFORE))
        print(self._typed("backup", str(backup)))
        known = self._tasks()
        time.sleep(dice.uniform(*AFTER))
        for process in processes:
            process.kill()
            self.kills[process.role] += 1
        print(f"created between the backup and the end: {self._tasks() - known} tasks")
        print(self._typed("restore", "--replace", str(backup)))
        for process in processes:
            process.start()

    def _tasks(self) -> int:
        """How many tasks the trackers hold."""
        with self.sandbox.world.lock:
            on_jira = sum(issue.type == "Task" for issue in self.sandbox.jira.issues.values())
            issues = [
                each for r in self.sandbox.github.repos.values() for each in r.issues.values()
            ]
            return on_jira + sum("remediation" in issue.labels for issue in issues)

    def _typed(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "service", *words],
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--closings", type=int, default=80)
    parser.add_argument("--keep", type=Path, help="keep the databases and the logs here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="restored-") as directory:
        where = given.keep or Path(directory)
        where.mkdir(parents=True, exist_ok=True)
        right = Restored(Plan(given.seed, given.closings, kills=0), where).run()
    print("Everything came out right." if right else "Something is wrong.")
    raise SystemExit(0 if right else 1)


if __name__ == "__main__":
    main()
