"""The command line: `followthrough`, or `python -m service`."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command that was typed."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        # The commands take a second to import, and there Ctrl-C would end in a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from service.commands.all import followthrough

    signal.signal(signal.SIGINT, before)
    followthrough()


if __name__ == "__main__":
    main()
