"""The command line."""

import click


@click.group()
def main() -> None:
    """Sees incidents through."""
