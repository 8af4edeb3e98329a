"""The three incidents, as the people of the company lived through them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from service.demo.ground import MILESTONE, STARTED
from service.demo.scene import KIM, LEE, MALLORY, NOOR, Actor, Scene
from workflows.documents import marked, regions
from workflows.postmortem import slug

_SUMMARY_HINT = "_Three or four sentences for somebody who was not there:"
OPS = "acme/ops"
_DOCUMENTS = "acme/postmortems"


class Story(Protocol):
    """One incident. `actions` are the titles of the tasks that its closing should lead to."""

    heading: str
    actions: tuple[str, ...]

    def until_closed(self, scene: Scene) -> str:
        """Open the incident, work on it, close it; returns its key."""


class Reopened(Story, Protocol):
    """A story whose incident is closed twice."""

    def again(self, scene: Scene, key: str) -> datetime:
        """Reopen it and close it again; returns when it was closed."""


class Written(Story, Protocol):
    """A story in whose document people write: the `summary`, and in the table the action `row`."""

    summary: str
    row: str

    def write(self, scene: Scene, key: str) -> None:
        """Save the document with both."""


class Payments:
    """Incident, postmortem and tasks in Jira."""

    heading = "1 · Payments keeps everything in Jira"
    actions: tuple[str, ...] = (
        "Give the connection back before a payment is retried",
        "Alert when four fifths of the connection pool are in use",
        "Let a payment be retried three times at most",
        "Add an alert that would have detected INC-1 sooner",
    )

    def until_closed(self, scene: Scene) -> str:
        jira = scene.sandbox.jira
        scene.at("09:12", KIM, "opens an incident: “Checkout answers 500 to one payment in four”")
        key = jira.create_issue(
            "INC",
            "Checkout answers 500 to one payment in four",
            by=KIM.jira,
            description=(
                "Since a few minutes past nine about every fourth payment ends with HTTP 500;"
                " customers read “Something went wrong” after they pressed Pay.\n\n"
                "The alert “checkout errors above 5 % for five minutes” told us at 09:09."
                " Dashboard: https://grafana.acme.example/d/checkout?orgId=1&from=0900"
            ),
            components=["checkout"],
            customfield_10050={"value": "SEV-1"},
            customfield_10051=_jira_time(scene.moment("09:09")),
            **{STARTED: _jira_time(scene.moment("09:04"))},
        )
        self._find_out(scene, key)
        self._draw_conclusions(scene, key)
        scene.at("10:31", NOOR, "resolves the incident")
        jira.transition(key, "Resolved", by=NOOR.jira, resolution="Done")
        return key

    def _find_out(self, scene: Scene, key: str) -> None:
        jira = scene.sandbox.jira
        scene.at("09:14", NOOR, "takes it and begins to investigate")
        jira.edit(key, by=NOOR.jira, assignee=NOOR.jira)
        jira.transition(key, "Investigating", by=NOOR.jira)
        self._says(
            scene,
            key,
            "09:21",
            NOOR,
            "writes what can be seen: all database connections are in use",
            "Observed: the payment database refuses new connections; 100 of 100 have been in use"
            " since 09:04. The load is what it always is at this hour.",
        )
        self._says(
            scene,
            key,
            "09:27",
            LEE,
            "has a hypothesis: release 2041 keeps the connections of retries",
            "Hypothesis: release 2041, out since 09:02, opens a connection for each retry and does"
            " not give it back. If the count stays at 100 after a rollback, this is wrong."
            " https://ci.acme.example/checkout/releases/2041",
        )
        self._says(
            scene, key, "09:38", KIM, "rolls back to release 2040", "Rolling back to release 2040."
        )
        self._says(
            scene,
            key,
            "09:47",
            NOOR,
            "sees the connections fall, and sets the status to Mitigated",
            "All hosts but one are back on 2040; connections went from 100 to 23, errors are below"
            " 0.1 %.",
        )
        jira.transition(key, "Mitigated", by=NOOR.jira)

    def _draw_conclusions(self, scene: Scene, key: str) -> None:
        self._says(
            scene,
            key,
            "10:05",
            LEE,
            "writes two ACTION lines, with owner, date, kind and measure",
            "What should never happen again:\n\n"
            f"ACTION: {self.actions[0]} @kim@acme.example due:{scene.due(10)} [corrective]"
            ' measure:"no connection is older than 30 s in the retry test"\n'
            f'ACTION: {self.actions[1]} @"Noor Aziz" due:{scene.due(14)} [detective]'
            f' milestone:"{MILESTONE}" measure:"the alert fires before the first refusal"',
        )
        self._says(
            scene,
            key,
            "10:12",
            NOOR,
            "adds a checklist: one thing is done, one is to do",
            "- [x] Roll the last host back to 2040\n"
            f'- [ ] {self.actions[2]} @"Lee Park" due:{scene.due(21)} [preventive]'
            ' measure:"a failing bank sees at most three calls for a payment"',
        )
        self._says(
            scene,
            key,
            "10:24",
            KIM,
            "tells what customers were told",
            "Support answered 41 customers, and the status page says “resolved” since 09:52."
            " https://status.acme.example/incidents/771",
        )

    def again(self, scene: Scene, key: str) -> datetime:
        jira = scene.sandbox.jira
        scene.at("10:52", NOOR, "reopens it: a few payments fail again")
        jira.transition(key, "Investigating", by=NOOR.jira)
        self._comment(scene, key, NOOR, "One host was still on release 2041; it is drained now.")
        self._says(
            scene,
            key,
            "11:03",
            LEE,
            "repeats one of the ACTION lines",
            f"ACTION: {self.actions[0]} @kim@acme.example due:{scene.due(10)}",
        )
        scene.at("11:10", NOOR, "resolves it again")
        jira.transition(key, "Resolved", by=NOOR.jira, resolution="Done")
        return scene.moment("11:10")

    def _says(self, scene: Scene, key: str, hour: str, who: Actor, does: str, text: str) -> None:
        scene.at(hour, who, does)
        self._comment(scene, key, who, text)

    def _comment(self, scene: Scene, key: str, who: Actor, text: str) -> None:
        scene.sandbox.jira.comment(key, text, by=who.jira)


class Platform:
    """Incident and tasks as GitHub issues, the postmortem in a pull request."""

    heading = "2 · Platform keeps everything in GitHub"
    actions: tuple[str, ...] = (
        "Prune images from the scheduler, not from each agent's crontab",
        "Alert when the disk of an agent is 85 % full",
        "Keep build caches on a volume of their own",
    )
    summary = (
        "From 13:02 to 13:58 UTC no deployment went out, because eight of ten build agents had"
        " full disks. Nobody outside the company noticed; eleven teams waited. Pruning by hand"
        " ended it. The agents' own clean-up had been lost when they were rebuilt."
    )
    row = "Try once a month whether a new agent cleans up after itself"

    def until_closed(self, scene: Scene) -> str:
        github = scene.sandbox.github
        scene.at("13:20", LEE, "opens an incident with the issue form: “Deployments do not start”")
        number = github.open_issue(
            OPS,
            "Deployments do not start: build agents are out of disk",
            by=LEE.github,
            body=_form(
                {
                    "Severity": "sev2",
                    "Service": "build-agents",
                    "Started at (UTC)": f"{scene.day} 13:02",
                    "Detected at (UTC)": f"{scene.day} 13:17",
                    "What happens": (
                        "No deployment has started since shortly after 13:00. The queue holds 34."
                        "\n\nhttps://grafana.acme.example/d/agents"
                    ),
                }
            ),
            labels=["incident"],
        )
        self._find_out(scene, number)
        self._draw_conclusions(scene, number)
        scene.at("14:12", NOOR, "closes the issue as completed")
        github.close(OPS, number, by=NOOR.github)
        return f"{OPS}#{number}"

    def _find_out(self, scene: Scene, number: int) -> None:
        github = scene.sandbox.github
        scene.at("13:24", NOOR, "takes it")
        github.assign(OPS, number, [NOOR.github], by=NOOR.github)
        self._says(
            scene,
            number,
            "13:31",
            NOOR,
            "writes what can be seen: eight of ten disks are full",
            "Observed: 8 of 10 agents have no space left; `docker images` lists up to 212 images"
            " on one of them. The last prune ran before the agents were rebuilt.",
        )
        self._says(
            scene,
            number,
            "13:37",
            KIM,
            "has a hypothesis: the rebuild lost the clean-up",
            "Hypothesis: the new base image has no crontab, so nothing prunes. An agent of the old"
            " image with a full disk would refute it.",
        )
        self._says(
            scene,
            number,
            "13:45",
            MALLORY,
            "(a stranger) asks for an ACTION, too",
            "ACTION: Give everybody root on the agents @noor [corrective]",
        )
        self._says(
            scene,
            number,
            "13:58",
            NOOR,
            "sees the queue move, and adds the label mitigated",
            "Pruned by hand on all ten; the queue is empty since 13:57.",
        )
        github.label(OPS, number, "mitigated", by=NOOR.github)

    def _draw_conclusions(self, scene: Scene, number: int) -> None:
        self._says(
            scene,
            number,
            "14:05",
            KIM,
            "writes a checklist under “Follow-up”",
            "## Follow-up\n\n"
            "- [x] Prune all agents by hand\n"
            f"- [ ] {self.actions[0]} @noor due:{scene.due(9)} [corrective]"
            ' measure:"a rebuilt agent prunes within a day"\n'
            f"- [ ] {self.actions[1]} @kim due:{scene.due(12)} [detective]"
            ' measure:"the alert comes an hour before the disk is full"',
        )
        self._says(
            scene,
            number,
            "14:08",
            LEE,
            "adds an ACTION line of her own",
            f"ACTION: {self.actions[2]} @lee due:{scene.due(40)} [preventive] [tooling]"
            f' milestone:"{MILESTONE}" measure:"a full cache leaves the agent working"',
        )

    def write(self, scene: Scene, key: str) -> None:
        scene.at("14:30", NOOR, "writes the summary into the pull request, and a row without ID:")
        scene.at("14:30", NOOR, f"“{self.row}”")
        place = scene.sandbox.github.repo(_DOCUMENTS)
        path = f"postmortems/{scene.day.year}/{slug(key)}.md"
        branch = next(name for name in place.branches if name.startswith("followthrough/"))
        text = place.commits[place.branches[branch]].tree[path].decode()
        row = f"| | {self.row} | preventive | @noor | {MILESTONE} | {scene.due(30)} | |"
        scene.sandbox.github.push(
            _DOCUMENTS,
            path,
            _edited(text, self.summary, row),
            by=NOOR.github,
            branch=branch,
            message="Summary, and one more action",
        )
        scene.at("14:33", NOOR, "marks it ready for review; Kim merges it")
        scene.sandbox.github.ready_for_review(_DOCUMENTS, 1, by=NOOR.github)
        scene.sandbox.github.merge(_DOCUMENTS, 1, by=KIM.github)

    def again(self, scene: Scene, key: str) -> datetime:
        number = int(key.rpartition("#")[2])
        scene.at("14:41", LEE, "reopens the issue: two deployments wait again")
        scene.sandbox.github.reopen(OPS, number, by=LEE.github)
        self._comment(scene, number, LEE, "Two deployments wait; agent 7 was restored from backup.")
        scene.at("14:55", NOOR, "closes it again")
        scene.sandbox.github.close(OPS, number, by=NOOR.github)
        return scene.moment("14:55")

    def _says(self, scene: Scene, number: int, hour: str, who: Actor, does: str, text: str) -> None:
        scene.at(hour, who, does)
        self._comment(scene, number, who, text)

    def _comment(self, scene: Scene, number: int, who: Actor, text: str) -> None:
        scene.sandbox.github.comment(OPS, number, text, by=who.github)


class Search:
    """Incident in Jira, the postmortem a file in a local git repository, tasks in GitHub."""

    heading = "3 · Search: incident in Jira, postmortem in a local git repository, tasks in GitHub"
    actions: tuple[str, ...] = ("Check the size of a new index before it goes live",)
    summary = (
        "From 15:40 to 16:20 UTC search showed about a third of all products, because the nightly"
        " index was cut short and went live all the same. Sales through search fell by half."
        " Going back to the index of the day before ended it."
    )
    row = "Rehearse the return to yesterday's index"

    def until_closed(self, scene: Scene) -> str:
        jira = scene.sandbox.jira
        scene.at("16:03", LEE, "opens an incident: “Search misses two thirds of the products”")
        key = jira.create_issue(
            "INC",
            "Search misses two thirds of the products",
            by=LEE.jira,
            description=(
                "A customer wrote that her favourite tea is gone. The index holds 41,000 products"
                " instead of 123,000. https://grafana.acme.example/d/search"
            ),
            components=["search"],
            customfield_10050={"value": "SEV-2"},
            customfield_10051=_jira_time(scene.moment("15:58")),
            **{STARTED: _jira_time(scene.moment("15:40"))},
        )
        scene.at("16:06", KIM, "takes it")
        jira.edit(key, by=KIM.jira, assignee=KIM.jira)
        scene.at("16:20", KIM, "goes back to yesterday's index, and sets the status to Mitigated")
        jira.comment(key, "Back on yesterday's index; all products are found.", by=KIM.jira)
        jira.transition(key, "Mitigated", by=KIM.jira)
        scene.at("16:25", KIM, "writes an ACTION line")
        jira.comment(
            key,
            f"ACTION: {self.actions[0]} @kim@acme.example due:{scene.due(16)} [preventive]"
            ' measure:"an index that is a tenth smaller than the last one is held back"',
            by=KIM.jira,
        )
        scene.at("16:41", LEE, "resolves the incident")
        jira.transition(key, "Resolved", by=LEE.jira, resolution="Done")
        return key

    def write(self, scene: Scene, key: str) -> None:
        scene.at("16:58", LEE, "writes the summary into the file, and a row without ID:")
        scene.at("16:58", LEE, f"“{self.row}”")
        file = scene.ground.documents / f"{scene.day.year}" / f"{slug(key)}.md"
        row = f"| | {self.row} | corrective | Lee Park | | {scene.due(20)} | |"
        file.write_text(_edited(file.read_text(), self.summary, row))


def _form(answers: dict[str, str]) -> str:
    """What GitHub makes of an issue form."""
    return "\n\n".join(f"### {question}\n\n{answer}" for question, answer in answers.items())


def _jira_time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _edited(text: str, summary: str, row: str) -> str:
    """The document as somebody saves it who wrote the summary and added a row to the table."""
    lines = [summary if line.startswith(_SUMMARY_HINT) else line for line in text.splitlines()]
    edited = "\n".join(lines) + "\n"
    table = regions(edited)["actions"]
    return edited.replace(marked("actions", table), marked("actions", f"{table}\n{row}"))
