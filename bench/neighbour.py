"""Somebody else at the same database: a short write transaction every 20 ms until its input ends.

    python -m bench.neighbour DATABASE-URL

Prints how many milliseconds each took, from asking for the turn to the end of the commit.
"""

from __future__ import annotations

import select
import sys
import time

from service.store import Store

EVERY = 0.02  # seconds


def main() -> None:
    store = Store(sys.argv[1])
    spent: list[str] = []
    while not select.select([sys.stdin], [], [], EVERY)[0]:
        before = time.monotonic()
        with store.write() as tx:
            tx.jobs.touch("neighbour", str(len(spent) % 10))
        spent.append(f"{(time.monotonic() - before) * 1000:.3f}")
    store.close()
    sys.stdout.write("\n".join(spent))


if __name__ == "__main__":
    main()
