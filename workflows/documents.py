"""The text of a postmortem: marked regions that are ours, and everything else that is people's.

A region is what stands between two comments on lines of their own::

    <!-- followthrough:begin timeline -->
    …
    <!-- followthrough:end timeline -->

Only regions are ever rewritten. Where a format has no hidden comments, a region is what stands
under its heading; so a template gives each region a heading of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workflows.markup import link

_REGION = re.compile(
    r"^<!-- followthrough:begin (?P<name>[a-z][a-z-]*) -->[ \t]*\n"
    r"(?P<body>.*?)"
    r"^<!-- followthrough:end (?P=name) -->[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"<!-- followthrough:(begin|end) [a-z][a-z-]* -->\s*")
_HEADING = re.compile(r"^#{1,6}[ \t]+(?P<text>\S.*)$", re.MULTILINE)

#: The regions that a template must hold, each once.
REGIONS = ("facts", "figures", "timeline", "actions", "evidence")

#: Those that it may hold besides: where it does not, they are not written.
MORE_REGIONS = ("audits", "recurrence", "perspectives")


class BadTemplate(ValueError):
    """The template cannot be used; the message says what is wrong with it."""


def regions(text: str) -> dict[str, str]:
    """The marked regions of a Markdown text by name, without surrounding newlines.

    A region whose end was deleted is not there; of two with one name the first counts.
    """
    found: dict[str, str] = {}
    for match in _REGION.finditer(_unix(text)):
        found.setdefault(match["name"], match["body"].strip("\n"))
    return found


def marked(name: str, body: str) -> str:
    """The region as it stands in a Markdown text, markers included."""
    body = body.strip("\n")
    return f"<!-- followthrough:begin {name} -->\n{body}\n<!-- followthrough:end {name} -->"


def is_mark(line: str) -> bool:
    """Whether the line says where a region begins or ends, and nothing else."""
    return _MARK.fullmatch(line) is not None


def replace_regions(text: str, bodies: Mapping[str, str]) -> str:
    """`text` with these regions' bodies replaced and not one other character changed.

    Regions that are not in the text are left out: people may delete a region that they do not
    want, and it stays deleted.
    """
    done: set[str] = set()

    def swap(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in bodies or name in done:
            return match[0]
        done.add(name)
        return marked(name, bodies[name])

    return _REGION.sub(swap, _unix(text))


def region_headings(text: str) -> dict[str, str]:
    """Under which heading each region stands: region name → heading text."""
    headings = [
        (match.start(), match["text"].rstrip().rstrip("#").rstrip())
        for match in _HEADING.finditer(_unix(text))
    ]
    found: dict[str, str] = {}
    for match in _REGION.finditer(_unix(text)):
        above = [heading for start, heading in headings if start < match.start()]
        if above:
            found.setdefault(match["name"], above[-1])
    return found


def region_line(text: str, name: str) -> int | None:
    """The number of the line in which the region begins, counted from 1; None without one."""
    text = _unix(text)
    starts = (match.start() for match in _REGION.finditer(text) if match["name"] == name)
    return next((text.count("\n", 0, start) + 1 for start in starts), None)


def digest(body: str) -> str:
    """What a region says, whatever its format: a hash of its letters and digits. Formats that
    are not Markdown come back with other escapes and spaces than went in."""
    words = "".join(filter(str.isalnum, body)).casefold()
    return blake2b(words.encode(), digest_size=8).hexdigest()


def below_region(text: str, name: str) -> str:
    """What people wrote between the region's end and the next heading."""
    text = _unix(text)
    for match in _REGION.finditer(text):
        if match["name"] == name:
            rest = text[match.end() :]
            heading = _HEADING.search(rest)
            return rest[: heading.start()] if heading else rest
    return ""


def render(
    template: str,
    bodies: Mapping[str, str],
    *,
    perspectives: Sequence[str] = (),
    **values: object,
) -> str:
    """The template filled in: ``{{ regions.timeline }}`` becomes the marked region. `perspectives`
    are the names of those whose answers get a place.

    Templates are Jinja text and run in its sandbox; a name they do not know is an error.
    """
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    blocks = {name: marked(name, body) for name, body in bodies.items()}
    try:
        return (
            environment.from_string(template)
            .render(regions=blocks, perspectives=perspectives, **values)
            .strip()
            + "\n"
        )
    except TemplateError as error:
        raise BadTemplate(str(error)) from error


def link_to(words: str, url: str) -> str:
    """A link to a document; a file's address in full, because no tracker leads from its pages to a
    file: they only follow http and mailto."""
    return link(words, url) if url.startswith(("http://", "https://")) else f"{words} `{url}`"


def check_template(text: str) -> None:
    """Raise BadTemplate unless each region can be written, in any format.

    `text` is a rendered document.
    """
    found = [match["name"] for match in _REGION.finditer(_unix(text))]
    missing = [name for name in REGIONS if name not in found]
    if missing:
        raise BadTemplate(f"it lacks {{{{ regions.{missing[0]} }}}}")
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise BadTemplate(f"it holds the region {twice[0]!r} more than once")
    headings = region_headings(text)
    bare = [name for name in found if name not in headings]
    if bare:
        raise BadTemplate(f"the region {bare[0]!r} stands under no heading")
    shared = [
        heading for heading in headings.values() if list(headings.values()).count(heading) > 1
    ]
    if shared:
        raise BadTemplate(f"two regions stand under the heading {shared[0]!r}")


def _unix(text: str) -> str:
    """Trackers' web editors send CRLF; regions are compared and written with LF."""
    return text.replace("\r\n", "\n")
