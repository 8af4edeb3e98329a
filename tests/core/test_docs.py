"""The documentation says what is there: links lead somewhere, each setting and command is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from marshmallow import Schema

from config.fields import Group, Listed, Named, OrOff
from config.rules import load
from config.schema import DOCUMENT_KINDS, RulesSection
from config.settings import SETTINGS
from service.commands.all import followthrough
from service.commands.init import init
from service.metrics import METRICS
from workflows.policy import SyncRules

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
REFERENCE = ROOT / "docs" / "reference"

#: Where the reference of the rules tells of the keys below these, the innermost first.
TOLD_UNDER = {
    "teams.postmortem.tasks.twin": "Keeping tasks in sync",
    "teams.postmortem.tasks.statuses": "Keeping tasks in sync",
    "teams.postmortem.tasks.fill": "Keeping tasks in sync",
    "teams.sync": "Keeping tasks in sync",
    "teams.audits": "Audits",
    "teams.reminders": "Reminders",
    "teams.preread": "The pre-read",
    "teams.checks": "Checks",
    "teams.release_checks": "Release checks",
    "teams.evidence": "Evidence and waivers",
    "teams.waivers": "Evidence and waivers",
    "teams.perspectives": "Perspectives, circulation, customers",
    "teams.circulate": "Perspectives, circulation, customers",
    "teams.customers": "Perspectives, circulation, customers",
    "teams.postmortem": "`teams.NAME.postmortem`",
    "teams.incidents": "`teams.NAME.incidents`",
    "teams": "`teams`",
    "connections": "`connections`",
    "severities": "`severities`",
    "people": "`people`",
    "people_by": "`people`",
    "calendars": "`calendars`",
    "learning": "`learning`",
}

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


def every_rule(section: Schema, above: str = "") -> Iterator[str]:
    """Each key of the rules file, after those that it stands below; names of one's own left out."""
    for name, field in section.fields.items():
        path = f"{above}{field.data_key or name}"
        yield path
        match field:
            case Group():
                below = field.schema
            case Named() | Listed() | OrOff():
                below = field.section
            case _:
                continue
        yield from every_rule(below, f"{path}.")


def code(text: str) -> Iterator[str]:
    """What stands between backticks, and the examples."""
    for block in MarkdownIt("commonmark").enable("table").parse(text):
        if block.type == "fence":
            yield block.content
        yield from (part.content for part in block.children or () if part.type == "code_inline")


def in_words(time: timedelta) -> str:
    """A length of time as the rules write it."""
    for unit in ("day", "hour", "minute"):
        count, rest = divmod(time, timedelta(**{f"{unit}s": 1}))
        if count and not rest:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{time.total_seconds():.0f} seconds"


def secrets_of(rules: str, directory: Path) -> dict[str, str]:
    """The environment that these rules need; the files that they name are written."""
    for secret in re.findall(r"\{file: ([\w./-]+)\}", rules):
        (directory / secret).parent.mkdir(parents=True, exist_ok=True)
        (directory / secret).write_text("a secret")
    return dict.fromkeys(re.findall(r"env: ([A-Z][A-Z0-9_]*)", rules), "a secret")


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


def test_the_table_of_metrics_is_the_metrics() -> None:
    told = [
        line
        for line in (REFERENCE / "metrics.md").read_text().splitlines()
        if line.startswith("| `followthrough_")
    ]
    assert told == [
        f"| `{each.name}` | {', '.join(f'`{label}`' for label in each.labels)} | {each.says} |"
        for each in METRICS
    ]


@every_page
def test_no_page_names_a_metric_that_there_is_not(page: Path) -> None:
    named = set(re.findall(r"\bfollowthrough_[a-z_]*[a-z]\b", page.read_text()))
    assert named <= {each.name for each in METRICS}


def test_init_writes_the_rules_that_make_run_and_every_command_read() -> None:
    default = next(s.default for s in SETTINGS if s.name == "FOLLOWTHROUGH_RULES")
    assert {p.default for p in init.params if p.name == "file"} == {default}
    assert re.findall(r"^RULES \?= (.+)$", (ROOT / "Makefile").read_text(), re.M) == [default]
    assert f"/{default}" in (ROOT / ".gitignore").read_text().splitlines()


@every_page
def test_no_page_names_a_setting_that_there_is_not(page: Path) -> None:
    named = set(re.findall(r"\bFOLLOWTHROUGH_[A-Z_]*[A-Z]\b", page.read_text()))
    assert named <= {setting.name for setting in SETTINGS}


@pytest.mark.parametrize("rule", list(every_rule(RulesSection())))
def test_every_rule_is_told_where_one_looks_for_it(rule: str) -> None:
    heading = next(
        under
        for above, under in sorted(TOLD_UNDER.items(), reverse=True)
        if f"{rule}.".startswith(f"{above}.")
    )
    word = re.compile(rf"(?<![\w-]){re.escape(rule.rpartition('.')[2])}(?![\w-])")
    text = f"{heading}\n\n{sections(REFERENCE / 'rules.md')[heading]}"
    assert any(word.search(each) for each in code(text))


def test_no_rule_is_told_that_there_is_not() -> None:
    known = {part for rule in every_rule(RulesSection()) for part in rule.split(".")}
    told = sections(REFERENCE / "rules.md")
    first = [
        cell
        for heading in TOLD_UNDER.values()
        for cell in re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|", told[heading], re.MULTILINE)
    ]
    words = {word.lstrip(".") for cell in first for word in re.findall(r"`([^`]+)`", cell)}
    strange = {word for word in words if not known.issuperset(word.split("."))}
    assert strange == set(DOCUMENT_KINDS)


def test_what_holds_where_the_rules_of_the_sync_say_nothing_is_told() -> None:
    usual = SyncRules()
    told = sections(REFERENCE / "rules.md")["Keeping tasks in sync"]
    assert f"| `document_every` | `{in_words(usual.document_every)}` |" in told
    assert f"| `flips`, `window` | `{usual.flips}`, `{in_words(usual.window)}` |" in told
    assert f"| `rest` | `{in_words(usual.rest)}` |" in told
    assert f"| `close_milestones` | `{str(usual.close_milestones).lower()}` |" in told


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


def test_no_command_is_cut_short_where_commands_are_listed() -> None:
    wide = click.Context(followthrough, terminal_width=80)
    groups = [each for _, each in every_command() if isinstance(each, click.Group)]
    for group in [followthrough, *groups]:
        told = group.get_help(wide).partition("Commands:")[2]
        assert not [line for line in told.splitlines() if line.endswith("...")]


@every_page
def test_commands_that_a_page_tells_to_type_exist(page: Path) -> None:
    """As the program of a directory or alone, in consoles and between backticks."""
    text = page.read_text()
    typed = re.findall(
        r"(?:^\s*\$ |bin/|`)followthrough ([a-z]+(?:-[a-z]+)*)\b", text, re.MULTILINE
    )
    assert set(typed) <= set(followthrough.commands)


@every_page
def test_commands_of_a_group_that_a_page_tells_to_type_exist(page: Path) -> None:
    text = page.read_text()
    typed = re.findall(
        r"(?:^\s*\$ |bin/|→ |`)followthrough ([a-z-]+) ([a-z]+)\b", text, re.MULTILINE
    )
    groups = {n: c for n, c in followthrough.commands.items() if isinstance(c, click.Group)}
    strange = [f"{g} {word}" for g, word in typed if g in groups and word not in groups[g].commands]
    assert strange == []


@every_page
def test_yaml_examples_can_be_read_and_whole_ones_are_rules(page: Path, tmp_path: Path) -> None:
    for text in examples(page):
        found = yaml.safe_load(text)
        if isinstance(found, dict) and {"connections", "teams"} <= found.keys():
            file = tmp_path / "rules.yaml"
            file.write_text(text)
            assert load(file, secrets_of(text, tmp_path)).policy.teams


@every_page
def test_yaml_examples_of_a_teams_rules_fit_into_whole_ones(page: Path, tmp_path: Path) -> None:
    """Into the first example of the reference."""
    whole = next(examples(REFERENCE / "rules.md"))
    for text in examples(page):
        part = yaml.safe_load(text)
        keys = {"audits", "mode", "postmortem", "sync"}
        if not isinstance(part, dict) or not part.keys() <= keys:
            continue
        rules = yaml.safe_load(whole)
        team = rules["teams"]["payments"]
        part["postmortem"] = team["postmortem"] | part.get("postmortem", {})
        rules["teams"]["payments"] = team | part
        file = tmp_path / "rules.yaml"
        file.write_text(yaml.safe_dump(rules))
        assert load(file, secrets_of(whole, tmp_path)).policy.teams


@every_page
def test_no_page_names_a_place_of_the_machine_it_was_written_on(page: Path) -> None:
    assert re.findall(r"(?<![\w.~$}-])/(?:work|tmp|root|home)/\S*", page.read_text()) == []
    assert "../shared" not in page.read_text()
