"""Kill the web process with -9 again and again while webhooks pour in: what was acknowledged is
on disk, exactly once.

    python -m bench.kills [KILLS] [SEED]
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.door import Load, WebProcess, lost

SHORTEST, LONGEST = 0.1, 0.7  # seconds of load between a start and the next kill


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: deliveries with a final answer, those of them that were sent more than
    once because a kill took the first answer, and what is wrong on disk."""

    acknowledged: int
    sent_again: int
    wrong: list[str]


def kill(directory: Path, kills: int, seed: int) -> Outcome:
    """A web process in `directory`, killed `kills` times at random moments under load."""
    chance = random.Random(seed)
    web = WebProcess(directory)
    web.start()
    load = Load(web.port, seconds=3600, most=10**9, run=f"kills-{seed}")
    try:
        for _ in range(kills):
            time.sleep(chance.uniform(SHORTEST, LONGEST))
            web.kill()
            web.start()
        time.sleep(LONGEST)
        answers = load.end()
    finally:
        load.kill()
        web.stop()
    again = sum(answer.sent > 1 for answer in answers)
    return Outcome(len(answers), again, lost(web.url, answers))


def main() -> None:
    kills, seed = (int(word) for word in (sys.argv[1:] + ["20", "1"][len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory(prefix="bench-kills-") as name:
        outcome = kill(Path(name), kills, seed)
    sys.stdout.write(
        f"{kills} kills with -9 (seed {seed}): {outcome.acknowledged} deliveries acknowledged,"
        f" {outcome.sent_again} of them sent more than once;"
        f" not on disk exactly once: {len(outcome.wrong)}\n"
    )
    if outcome.wrong:
        raise SystemExit("\n".join(outcome.wrong[:20]))


if __name__ == "__main__":
    main()
