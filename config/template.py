"""Postmortem templates: the shipped ones, and a team's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from workflows.documents import MORE_REGIONS, REGIONS, BadTemplate, check_template, render

DEFAULT_TEMPLATE = "postmortem"


def load_template(name_or_path: str, base: Path = Path()) -> str:
    """The Jinja text of a shipped template (``postmortem``) or of a file (``ours.md.j2``).

    A plain word is a shipped template; anything with a dot or a slash is a path, relative to
    `base`. Raises BadTemplate when it is not there, cannot be read as UTF-8, or lacks one of the
    regions that the service fills in.
    """
    if is_file(name_or_path):
        source = base / name_or_path
        try:
            text = source.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise BadTemplate("the file does not exist") from None
        except UnicodeDecodeError:
            raise BadTemplate("the file is not UTF-8 text") from None
        except OSError as error:
            raise BadTemplate(f"the file cannot be read: {error.strerror}") from None
    else:
        shipped = files("config") / "templates" / f"{name_or_path}.md.j2"
        if not shipped.is_file():
            raise BadTemplate(f"no template called {name_or_path} comes with Followthrough")
        text = shipped.read_text(encoding="utf-8")
    _try(text)
    return text


def is_file(name_or_path: str) -> bool:
    """Whether it is the path of a file, and not the name of a shipped template."""
    return "." in name_or_path or "/" in name_or_path


def _try(text: str) -> None:
    """Fill it in once, so that a mistake shows at start and not at the first incident."""
    example = {"title": "Postmortem INC-1", "incident": "INC-1", "severity": "", "service": ""}
    bodies = dict.fromkeys((*REGIONS, *MORE_REGIONS), "…")
    check_template(render(text, bodies, perspectives=["Support"], **example))
