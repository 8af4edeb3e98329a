"""A group of commands that lists when no other command is named."""

from __future__ import annotations

import click


class Listing(click.Group):
    """A group that also takes a ticket: ``conflicts INC-42`` is ``conflicts list INC-42``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["list", *args])
