"""What is seen of a tracker while its first rules are written, and what is guessed from it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from integrations.confluence.client import ConfluenceClient
from integrations.confluence.site import ConfluenceSite, site_of
from integrations.github.adapter import GitHubTracker
from integrations.github.client import GitHubClient
from integrations.github.installations import Installations
from integrations.github.servers import api_of
from integrations.github.signing import AppKey
from integrations.jira.adapter import JiraTracker
from integrations.tracker import Place, Survey, Tracker, TrackerError
from service.clock import utc_now
from service.first_rules import SignIn
from workflows.model import Person, Phase, TicketRef
from workflows.policy import Policy, same_word
from workflows.triage import Recognised, phase_of, recognise

MOST_PLACES = 200
_LOOKED_BACK = timedelta(days=14)
_MOST_READ = 10
_MOST_SURVEYED = 8
_INCIDENT = re.compile(r"incident|outage|\binc\b|\bops\b", re.IGNORECASE)
_SEVERITY = re.compile(r"severity|\bsev\b|\bimpact level\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One tracker, and the place in it where incidents are. `tracker` and `survey` are None when
    nobody could look: the token is not there yet, or was refused."""

    at: SignIn
    tracker: Tracker | None
    places: tuple[Place, ...] = ()
    place: str = ""
    survey: Survey | None = None
    issue_type: str = ""
    label: str = ""
    account: str = ""

    @property
    def kind(self) -> str:
        return self.at.kind

    @property
    def people(self) -> tuple[Person, ...]:
        """Those to whom tickets can be assigned there, without the account itself."""
        seen = self.survey.people if self.survey else ()
        return tuple(person for person in seen if person.handle != self.account)


def connect(at: SignIn, secret: str) -> Tracker:
    """The tracker at this address, signed in to with the secret; nothing is asked of it yet."""
    if at.app:
        itself = GitHubClient(at.url, AppKey(at.app, secret, utc_now))
        return GitHubTracker(at.kind, GitHubClient(at.url, Installations(itself)))
    if at.kind == "github":
        return GitHubTracker(at.kind, GitHubClient(at.url, secret))
    return JiraTracker(at.kind, at.url, token=secret, user=at.user or None)


def connect_wiki(at: SignIn, secret: str) -> ConfluenceSite:
    """Likewise a Confluence."""
    client = ConfluenceClient(at.url, user=at.user or None, token=secret, clock=utc_now)
    return site_of(client)


def address(kind: str, typed: str) -> str:
    """The API's address that a person means by what they see in their browser."""
    url = typed.strip().rstrip("/")
    if "://" not in url:
        url = f"https://{url}"
    if kind == "github":
        return api_of(url)
    site = re.match(r"https://[\w-]+\.atlassian\.net", url)
    return site[0] if kind != "github" and site else url


def likely_place(places: Iterable[Place]) -> str | None:
    """The project or repository whose name speaks of incidents, if any does."""
    found = (p for p in places if _INCIDENT.search(p.name) or _INCIDENT.search(p.key))
    return next((place.key for place in found), None)


def likely_type(types: Iterable[str], *words: str, but: str = "") -> str | None:
    """The issue type whose name holds the first of `words` that any does; else the first type."""
    allowed = [name for name in types if same_word(name) != same_word(but)]
    for word in words:
        for name in allowed:
            if word in name.casefold():
                return name
    return next(iter(allowed), None)


def likely_severity(survey: Survey | None) -> tuple[str, str] | None:
    """Where the severity seems to stand: a field named so, else labels that begin so."""
    if survey is None:
        return None
    for field in survey.fields:
        if _SEVERITY.search(field.name):
            return "field", field.id
    for label in survey.labels:
        begin = re.match(r"severity[:/ -]*|sev[:/ -]*(?=\d)", label, re.IGNORECASE)
        if begin:
            return "label", f"{begin[0]}*"
    return None


def place_for_tasks(around: Surroundings) -> str:
    """The incidents' own place if plain tasks can be there, else the first that has them."""
    if around.kind != "jira" or around.survey is None or around.tracker is None:
        return around.place
    others = [place.key for place in around.places if place.key != around.place]
    if "task" in map(same_word, around.survey.types):
        return around.place
    for key in others[:_MOST_SURVEYED]:
        try:
            if "task" in map(same_word, around.tracker.survey(key).types):
                return key
        except TrackerError:  # that one is not for us
            continue
    return around.place


def seen_places(tracker: Tracker) -> tuple[Place, ...]:
    """The places that the account sees. Raises TrackerError."""
    return tuple(islice(tracker.places(), MOST_PLACES))


def recently_closed(
    tracker: Tracker | None, policy: Policy, place: str, now: datetime
) -> TicketRef | None:
    """An incident of the last two weeks that is closed, as the rules read it; None when there is
    none among the latest, or nobody could look."""
    if tracker is None:
        return None
    try:
        for glimpse in islice(tracker.changed(place, now - _LOOKED_BACK), _MOST_READ):
            ticket = tracker.fetch(glimpse.ref)
            found = recognise(ticket, policy)
            if isinstance(found, Recognised) and phase_of(ticket, found.source) is Phase.CLOSED:
                return ticket.ref
    except TrackerError:  # an example less, nothing worse
        return None
    return None


def strange_severities(said: Iterable[str], policy: Policy) -> list[str]:
    """Those of the tracker's words for severities that the rules do not know."""
    known = {
        _bare(word) for rules in policy.severities.values() for word in (rules.name, *rules.aliases)
    }
    return [word for word in said if _bare(word) not in known]


def _bare(word: str) -> str:
    return "".join(filter(str.isalnum, same_word(word)))
