"""The first rules file of somebody who answered a few questions, explained line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import yaml

from integrations.tracker import CustomField
from workflows.model import Person
from workflows.policy import same_word

_COLUMN = 46  # where remarks begin, if the line is shorter
_LONGEST_REMARK = 60
_MOST_PEOPLE = 30
_PLACE_KEY = {"jira": "project", "github": "repository", "confluence": "space"}
_KIND_OF = {"jira-issue": "jira", "confluence-page": "confluence"}


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where a connection leads, and as whom: `user` with a token, a token alone, or the GitHub App
    of the id `app`. `secret`, the token or the App's private key, is ``env:NAME`` or
    ``file:PATH``; `webhook_secret` the path of the file with that, or "". A connection is called by
    its `kind`."""

    kind: str
    url: str
    secret: str
    user: str = ""
    app: str = ""
    webhook_secret: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered. Incidents are in the tracker `at`; `second` is where documents are kept
    when that is elsewhere. `severity` is a pair such as
    ("field", "customfield_10050"), or None; `severities` are those that get a postmortem.
    `place` is the project or repository of incidents, matched by `issue_type` or `label`.
    The document goes to `document_place` (a directory for ``git-directory``, a space for
    ``confluence-page``, there below the page `document_parent`, or "")."""

    at: SignIn
    place: str
    issue_type: str
    label: str
    severity: tuple[str, str] | None
    severities: tuple[str, ...]
    by_component: bool
    document: str
    document_place: str
    document_type: str
    tasks_place: str
    tasks_type: str
    team: str
    start_from: date
    fields: tuple[CustomField, ...] = ()
    people: tuple[Person, ...] = ()
    second: SignIn | None = None
    document_parent: str = ""

    @property
    def tracker(self) -> str:
        return self.at.kind

    @property
    def place_key(self) -> str:
        return _PLACE_KEY[self.tracker]


def render(answers: Answers, file: str) -> str:
    """The text of the rules file, to be written at `file`."""
    parts = (
        _preface(answers, file),
        _connections(answers),
        _team(answers),
        _incidents(answers),
        _postmortem(answers),
        _severities(),
        _people(answers),
    )
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _preface(answers: Answers, file: str) -> Iterator[str]:
    yield f"# The rules of Followthrough, begun by `followthrough init` on {answers.start_from}."
    yield "# Everything that may stand here is told in docs/reference/rules.md. After a change:"
    yield f"#   followthrough rules check {file}"
    yield ""


def _connections(answers: Answers) -> Iterator[str]:
    yield "connections:"
    yield from _connection(answers.at)
    if answers.second is not None:
        yield from _connection(answers.second)


def _connection(at: SignIn) -> Iterator[str]:
    heard = at.kind != "confluence"  # which has no webhooks for us
    named = (
        f"your name for it; webhooks come to /webhooks/{at.kind}" if heard else "your name for it"
    )
    yield _remark(f"  {at.kind}:", named)
    yield f"    kind: {at.kind}"
    yield f"    url: {yaml_word(at.url)}"
    what = "private key" if at.app else "token"
    where = "{env: NAME} or {file: path}"
    yield f"    # Where the {what} stands, never the {what} itself: {where}."
    yield f"    auth: {_auth(at)}"
    if at.webhook_secret:
        yield f"    webhook_secrets: [{{file: {yaml_word(at.webhook_secret)}}}]"
    elif heard:
        yield "    # Changes are found by polling. To hear of them at once, make up a secret, name"
        yield "    # the variable that holds it, and run `followthrough webhooks install`:"
        yield f"    # webhook_secrets: [{{env: {at.kind.upper()}_WEBHOOK_SECRET}}]"
    yield ""


def _auth(at: SignIn) -> str:
    place, _, name = at.secret.partition(":")
    secret = f"{{{place}: {yaml_word(name)}}}"
    if at.app:
        return f"{{type: app, app_id: {json.dumps(at.app)}, private_key: {secret}}}"
    if at.kind == "github":
        return f"{{type: token, token: {secret}}}"
    if at.user:
        return f"{{type: basic, user: {yaml_word(at.user)}, token: {secret}}}"
    return f"{{type: bearer, token: {secret}}}"


def _team(answers: Answers) -> Iterator[str]:
    yield "teams:"
    yield f"  {yaml_word(answers.team)}:"
    yield _remark("    mode: plan", "plan writes nothing; act does what plan shows")
    yield _remark(
        f"    start_from: {answers.start_from}", "incidents closed before it are left alone"
    )
    yield "    # Who takes turns in reviews, named as they stand under people below:"
    yield "    # rota: {facilitator: [Kim Ito, Noor Aziz], scribe: [Noor Aziz, Kim Ito]}"


def _incidents(answers: Answers) -> Iterator[str]:
    jira = answers.tracker == "jira"
    yield "    incidents:"
    yield f"      - connection: {answers.tracker}"
    yield f"        {answers.place_key}: {yaml_word(answers.place)}"
    match = (
        f"issue_type: {yaml_word(answers.issue_type)}"
        if jira
        else f"labels: [{yaml_word(answers.label)}]"
    )
    yield _remark(f"        match: {{{match}}}", "which tickets are incidents")
    closed = "status_category: done" if jira else "reason: [completed]"
    yield _remark(f"        closed: {{{closed}}}", "and when they count as closed")
    if jira:
        yield "        # Won't Do, Duplicate and their like get no postmortem. To name your own,"
        yield "        # add there: except: {resolution: [Duplicate, Obsolete]}"
    yield from _severity(answers)
    if answers.by_component:
        yield _remark("        service: {component: first}", "the ticket's first component")
    else:
        yield "        # service: {heading: Service}    # the text below that heading of the ticket"
    status = "{status: Mitigated}" if jira else "{label: mitigated}"
    yield "        # When things happened, for time to detect and to mitigate:"
    yield f"        # moments: {{detected: {_detected(answers)}, mitigated: {status}}}"


def _severity(answers: Answers) -> Iterator[str]:
    if answers.severity is None:
        yield "        # Where the severity stands. Then `when` below can choose by it:"
        example = "{field: Severity}" if answers.tracker == "jira" else '{label: "sev*"}'
        yield f"        # severity: {example}"
        return
    kind, name = answers.severity
    field = next((f for f in answers.fields if f.id == name), None)
    said = f"{field.name}: {', '.join(field.options)}" if field else "where the severity stands"
    yield _remark(f"        severity: {{{kind}: {yaml_word(name)}}}", said.removesuffix(": "))


def _detected(answers: Answers) -> str:
    field = next((f for f in answers.fields if "detect" in f.name.casefold()), None)
    return f"{{field: {field.id}}}" if field else "{heading: Detected at}"


def _postmortem(answers: Answers) -> Iterator[str]:
    yield "    postmortem:"
    if answers.severities:
        yield _remark(
            f"      when: {{severity: {_list(answers.severities)}}}", "others get no postmortem"
        )
    else:
        yield "      # Each closed incident gets one. To choose by severity:"
        yield "      # when: {severity: [sev1, sev2]}"
    yield "      document:"
    yield f"        kind: {answers.document}"
    if answers.document == "git-directory":
        yield _remark(
            f"        directory: {yaml_word(answers.document_place)}",
            "a git repository on this machine; made when it is not there",
        )
    else:
        kind = _KIND_OF.get(answers.document, "github")
        yield f"        connection: {kind}"
        yield f"        {_PLACE_KEY[kind]}: {yaml_word(answers.document_place)}"
    if answers.document == "jira-issue":
        yield f"        issue_type: {yaml_word(answers.document_type)}"
    elif answers.document == "confluence-page":
        if answers.document_parent:
            yield _remark(
                f"        parent: {yaml_word(answers.document_parent)}", "below this page"
            )
        else:
            yield "        # parent: Postmortems              # a page of the space, to go below it"
        yield "        labels: [postmortem]"
    elif answers.document == "github-issue":
        yield "        labels: [postmortem]"
    else:
        path = "postmortems/{year}/{incident}.md"
        yield _remark(f'        path: "{path}"', "also: {month}, {severity}, {service}")
    yield "      tasks:"
    yield f"        connection: {answers.tracker}"
    yield f"        {answers.place_key}: {yaml_word(answers.tasks_place)}"
    if answers.tasks_type:
        yield f"        issue_type: {yaml_word(answers.tasks_type)}"
    yield "        labels: [remediation]"
    yield "      # Tasks that every such incident gets:"
    yield "      # standard_actions:"
    yield '      #   - title: "Add an alert that would have detected {incident} sooner"'
    yield "      #     kind: detective                 # or corrective, preventive"
    yield ""


def _severities() -> Iterator[str]:
    yield "# sev1 to sev4 come with the service, with time limits for reviews and tasks (critical,"
    yield "# major, minor, low and P1 to P4 mean the same). To have your own, from the worst on:"
    yield "# severities:"
    yield "#   sev1: {aliases: [Outage], review_within: 3 business days}"
    yield "#   sev2: {aliases: [Degraded], actions_within: {corrective: 30 days}}"
    yield ""


def _people(answers: Answers) -> Iterator[str]:
    yield "# The same person in each tracker, so that owners are found there. Nobody is guessed."
    known, doubtful = _told_apart(answers.people[:_MOST_PEOPLE])
    if not known:
        yield "people: []"
    else:
        yield f"# These can be assigned in {_line(answers.place)}. Take out who should own no task."
        yield "people:"
    for person in known:
        yield f"  - {_person(person, answers.tracker)}"
    if doubtful:
        yield "  # These share a name or an address with somebody above. Write what tells them"
        yield "  # apart, then remove the #:"
    for person in doubtful:
        yield f"  # - {_person(person, answers.tracker)}"
    if len(answers.people) > _MOST_PEOPLE:
        yield "  # There are more, who are not listed here."


def _told_apart(people: Sequence[Person]) -> tuple[list[Person], list[Person]]:
    """Those whose names, addresses and handles are theirs alone, and those who share one with
    somebody before them: the rules refuse a word that means two people."""
    known: list[Person] = []
    doubtful: list[Person] = []
    taken: set[str] = set()
    for person in people:
        said = (_line(text or "") for text in (person.name, person.email, person.handle))
        words = {same_word(word) for word in said if word}
        (doubtful if words & taken else known).append(person)
        taken |= words
    return known, doubtful


def _person(person: Person, tracker: str) -> str:
    # Some trackers let people hide their address, and then give something else in its place.
    visible = re.fullmatch(r"[^@\s]+@[^@\s]+", person.email or "")
    email = f", email: {yaml_word(person.email or '')}" if visible else ""
    name = yaml_word(_line(person.name) or person.handle)
    return f"{{name: {name}{email}, {tracker}: {yaml_word(person.handle)}}}"


# --- YAML -----------------------------------------------------------------------------------------


def _remark(line: str, remark: str) -> str:
    told = _line(remark)
    told = told if len(told) <= _LONGEST_REMARK else f"{told[: _LONGEST_REMARK - 2]} …"
    return f"{line:<{_COLUMN}}  # {told}"


def _list(words: Sequence[str]) -> str:
    return f"[{', '.join(map(yaml_word, words))}]"


def yaml_word(text: str) -> str:
    """A text as one YAML word, in quotes where it would be read as something else."""
    text = _line(text)
    safe = re.fullmatch(r"[A-Za-z0-9./~_][\w ./@~+'-]*(:[\w./@-]+)*", text)
    if safe and yaml.safe_load(text) == text:
        return text
    return json.dumps(text, ensure_ascii=False)


def _line(text: str) -> str:
    """In one line, without characters that YAML refuses."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())
