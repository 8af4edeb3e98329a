"""The incident that comes back: what was judged effective is in doubt, and asked again at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from integrations.jira.text import ADF
from service.demo.measures import Measure
from service.demo.running import command
from service.demo.scene import KIM, LEE, NOOR, Actor, Scene, service_did, told
from service.demo.watching import Watch, WentWrong
from workflows.model import Postmortem
from workflows.rungs import Audit, Verdict

FACTOR = "A retry keeps its connection"
_TITLE = "Payments are refused: no database connection is free"
_FACTORS = "## Contributing factors"
_EMPTY_ROW = re.compile(r"^\|(\s*\|){3}$", re.MULTILINE)
_BECAUSE = "because it fired, and only after the first payments were refused"


@dataclass(frozen=True, slots=True)
class Return:
    """The story of the incident after that of `alert`, which it may be again."""

    scene: Scene
    watch: Watch
    alert: Measure

    def name_factor(self) -> None:
        """Before: somebody finds out what contributed to the first one."""
        self._write_factor(NOOR, self.alert.key)

    def happen(self) -> str:
        """It is opened and closed; returns its key."""
        told(
            "What was judged effective is believed until the same thing happens again. The rule is"
            " plain: the same service, and a contributing factor of the same words in both"
            " postmortems."
        )
        jira = self.scene.sandbox.jira
        self.scene.on(LEE, f"opens an incident: “{_TITLE}”")
        key = jira.create_issue(
            "INC",
            _TITLE,
            by=LEE.jira,
            components=["checkout"],
            customfield_10050={"value": "SEV-2"},
        )
        self.scene.on(KIM, f"closes the idle connections by hand, and resolves {key}")
        jira.transition(key, "Resolved", by=KIM.jira, resolution="Done")
        return key

    def find_out(self, key: str) -> None:
        """Somebody finds the same factor in the incident `key`. Raises WentWrong."""
        service_did(f"sets up its postmortem: {self._document(key).ref.url}")
        self._write_factor(LEE, key)

    def tell_doubt(self, key: str, planned: Audit) -> None:
        """What came of it; `planned` would have asked next. Raises WentWrong."""
        alert = self.alert
        (pair,) = self.watch.incident(alert.key).recurrences
        alert.need(FACTOR.casefold() in pair.why, f"the pair is told as “{pair.why}”")
        service_did(f"sees that {key} may be {alert.key} again: {pair.why}")
        doubted = [a for a in alert.audits if a.verdict is Verdict.EFFECTIVE and a.suspect]
        alert.need(len(doubted) == 3, f"{len(doubted)} verdicts are suspect, not three")
        name = alert.item.name
        words = f"marks the three verdicts on {name} of {alert.key} as suspect"
        service_did(f"{words}: it was done before {key}")
        _, ref = alert.asked
        alert.need("Why now" in self.watch.ticket(ref).text, f"{ref.key} does not say why now")
        service_did(f"asks again now, not on {planned.opens:%Y-%m-%d}: {ref.key}, which says why")
        service_did(ref.url)
        for one, other in ((alert.key, key), (key, alert.key)):
            text = self.watch.text(self._document(one))
            alert.need(other in text, f"the postmortem of {one} does not name {other}")
        service_did("names each incident in the postmortem of the other")

    def judge(self) -> None:
        """The reviewer answers, this time on the command line."""
        audit, _ = self.alert.asked
        name, key = self.alert.item.name, self.alert.key
        words = ("audits", "judge", key, name, "--partly", _BECAUSE, "--by", audit.reviewer)
        who = next(one for one in (KIM, NOOR, LEE) if one.name == audit.reviewer)
        typed = f'{key} {name} --partly "{_BECAUSE}" --by "{audit.reviewer}"'
        self.scene.on(who, f"types: followthrough audits judge {typed}")
        said = command(self.scene.ground, *words)
        self.alert.need("It holds as soon as" in said, f"the verdict was not taken: {said}")

    def tell_gap(self) -> None:
        """What the answer led to. Raises WentWrong."""
        audit = next(a for a in reversed(self.alert.audits) if a.ticket is not None)
        self.alert.need(audit.verdict is Verdict.PARTLY, f"{audit.name} is {audit.standing}")
        items = self.watch.incident(self.alert.key).actions
        gap = next(item for item in items if item.number == audit.led_to)
        if gap.task is None:
            raise WentWrong(f"{gap.name} has no task.", self.alert.key)
        service_did(f"{gap.name} → {gap.task.key}: {gap.title} ({gap.owner})")
        following = self.alert.audits[-1]
        service_did(f"asks the same once more: on {following.opens:%Y-%m-%d}")

    def _write_factor(self, who: Actor, key: str) -> None:
        document = self._document(key)
        text, ref = self.watch.text(document), document.ref.ticket
        before, heading, after = text.partition(_FACTORS)
        if ref is None or not _EMPTY_ROW.search(after):
            raise WentWrong(f"There is no place for a factor in the postmortem of {key}.", key)
        row = f"| {FACTOR} | connections in use never fell | tooling |"
        self.scene.on(who, f"writes into the postmortem of {key} what contributed: “{FACTOR}”")
        edited = ADF.from_markdown(before + heading + _EMPTY_ROW.sub(row, after, count=1))
        self.scene.sandbox.jira.edit(ref.key, who.jira, description=edited)

    def _document(self, key: str) -> Postmortem:
        document = self.watch.incident(key).postmortem
        if document is None:
            raise WentWrong(f"{key} has no postmortem.", key)
        return document
