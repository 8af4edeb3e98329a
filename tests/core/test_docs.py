"""The documentation says what is there: links lead somewhere, each setting and command is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from config.rules import load
from config.settings import SETTINGS
from service.commands.all import followthrough
from service.commands.init import init

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
REFERENCE = ROOT / "docs" / "reference"

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


def links(page: Path) -> Iterator[str]:
    for block in tokens(page):
        for part in block.children or ():
            if part.type == "link_open":
                yield str(part.attrs["href"])


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them: lower case, hyphens for spaces,
    other marks gone, and a number where one comes again."""
    found: dict[str, int] = {}
    every: set[str] = set()
    for block, inside in pairwise(tokens(page)):
        if block.type == "heading_open":
            words = "".join(part.content for part in inside.children or ())
            slug = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
            again = found.get(slug, 0)
            found[slug] = again + 1
            every.add(f"{slug}-{again}" if again else slug)
    return every


def examples(page: Path) -> Iterator[str]:
    """The YAML examples of a page."""
    for block in tokens(page):
        if block.type == "fence" and block.info.strip() in ("yaml", "yml"):
            yield block.content


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Each command by what one types, groups too."""

    def below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield name, command
        if isinstance(command, click.Group):
            for word, child in command.commands.items():
                yield from below(f"{name} {word}", child)

    for word, command in followthrough.commands.items():
        yield from below(f"followthrough {word}", command)


def sections(page: Path) -> dict[str, str]:
    """Each heading of a reference page with the text up to the next heading."""
    parts = re.split(r"^#{1,6} (.+)$", page.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in links(page):
        parts = urlsplit(target)
        if parts.scheme:
            continue
        there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        inside = there.is_relative_to(ROOT) and there.exists()
        if not inside or (parts.fragment and parts.fragment not in anchors(there)):
            broken.append(target)
    assert broken == []


def test_every_page_can_be_reached_from_the_index() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "docs" / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        ahead += [
            (page.parent / unquote(urlsplit(target).path)).resolve()
            for target in links(page)
            if not urlsplit(target).scheme and urlsplit(target).path
        ]
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in reached] == []


def test_the_table_of_settings_is_the_settings() -> None:
    told = [
        line
        for line in (REFERENCE / "settings.md").read_text().splitlines()
        if line.startswith("| `FOLLOWTHROUGH_")
    ]
    assert told == [
        f"| `{setting.name}` | {f'`{setting.default}`' if setting.default else ''}"
        f" | {setting.description} |"
        for setting in SETTINGS
    ]


def test_init_writes_the_rules_that_make_run_and_every_command_read() -> None:
    default = next(s.default for s in SETTINGS if s.name == "FOLLOWTHROUGH_RULES")
    assert {p.default for p in init.params if p.name == "file"} == {default}
    assert re.findall(r"^RULES \?= (.+)$", (ROOT / "Makefile").read_text(), re.M) == [default]
    assert f"/{default}" in (ROOT / ".gitignore").read_text().splitlines()


@every_page
def test_no_page_names_a_setting_that_there_is_not(page: Path) -> None:
    named = set(re.findall(r"\bFOLLOWTHROUGH_[A-Z_]*[A-Z]\b", page.read_text()))
    assert named <= {setting.name for setting in SETTINGS}


def test_every_command_and_option_is_told() -> None:
    told = sections(REFERENCE / "commands.md")
    missing = []
    for name, command in every_command():
        if name not in told:
            missing.append(name)
            continue
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                long = [word for word in parameter.opts if word.startswith("--")]
                missing += [f"{name} {word}" for word in long if f"`{word}`" not in told[name]]
    assert missing == []


def test_no_command_and_option_is_told_that_there_is_not() -> None:
    known = dict(every_command())
    strange = []
    for heading, text in sections(REFERENCE / "commands.md").items():
        if not heading.startswith("followthrough "):
            continue
        command = known.get(heading)
        options = {word for p in command.params for word in p.opts} if command else set()
        strange += [] if command else [heading]
        rows = re.findall(r"^\| `(--[a-z-]+)`", text, re.MULTILINE)
        strange += [f"{heading} {option}" for option in rows if option not in options]
    assert strange == []


@every_page
def test_commands_that_a_page_tells_to_type_exist(page: Path) -> None:
    """As the program of a directory or alone, in consoles and between backticks."""
    text = page.read_text()
    typed = re.findall(
        r"(?:^\s*\$ |bin/|`)followthrough ([a-z]+(?:-[a-z]+)*)\b", text, re.MULTILINE
    )
    assert set(typed) <= set(followthrough.commands)


@every_page
def test_yaml_examples_can_be_read_and_whole_ones_are_rules(page: Path, tmp_path: Path) -> None:
    for text in examples(page):
        found = yaml.safe_load(text)
        if isinstance(found, dict) and {"connections", "teams"} <= found.keys():
            file = tmp_path / "rules.yaml"
            file.write_text(text)
            names = re.findall(r"env: ([A-Z][A-Z0-9_]*)", text)
            for secret in re.findall(r"\{file: ([\w./-]+)\}", text):
                (tmp_path / secret).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / secret).write_text("a secret")
            assert load(file, dict.fromkeys(names, "a secret")).policy.teams


@every_page
def test_no_page_names_a_place_of_the_machine_it_was_written_on(page: Path) -> None:
    assert re.findall(r"(?<![\w.~$}-])/(?:work|tmp|root|home)/\S*", page.read_text()) == []
    assert "../shared" not in page.read_text()
