"""Rich text in whichever format the deployment keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.jira import adf, wiki

#: https://confluence.atlassian.com/jirakb/changing-the-character-limit-for-jira-text-fields
LONGEST = 32_767


@dataclass(frozen=True, slots=True)
class Markup:
    """A format of rich text: ADF documents (dicts) on Cloud, wiki text (str) on Data Center.

    `sizes` are the ways in which Jira's limit may count, the more generous first: Atlassian does
    not say whether it holds an ADF document's text or its JSON against the limit.
    """

    from_markdown: Callable[[str], Any]
    to_markdown: Callable[[Any], str]
    sections: Callable[[Any], dict[str, str]]
    replace_sections: Callable[[Any, Mapping[str, str]], Any]
    sizes: tuple[Callable[[Any], int], ...]


ADF = Markup(
    adf.from_markdown,
    adf.to_markdown,
    adf.sections,
    adf.replace_sections,
    (adf.text_size, adf.json_size),
)
WIKI = Markup(
    wiki.from_markdown, wiki.to_markdown, wiki.sections, wiki.replace_sections, (wiki.size,)
)


def calling(handles: Sequence[str], body: Any) -> Any:
    """Rich text that begins by calling these people, so that they are told; as it is for nobody.
    https://developer.atlassian.com/cloud/jira/platform/apis/document/nodes/mention/
    https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all"""
    if not handles:
        return body
    if isinstance(body, str):
        return f"{' '.join(f'[~{each}]' for each in handles)}\n\n{body}"
    mentions = [{"type": "mention", "attrs": {"id": each}} for each in handles]
    return {**body, "content": [{"type": "paragraph", "content": mentions}, *body["content"]]}
