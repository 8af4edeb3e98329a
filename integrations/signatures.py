"""Webhook signatures: ``method=hex`` HMACs over the raw body, as Jira and GitHub both send them.

Sources: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries and
https://developer.atlassian.com/cloud/jira/platform/webhooks/#secure-admin-webhooks
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

#: SHA-256 and better. The header names the method, so a sender (or a forger) chooses among
#: these only; GitHub's older ``X-Hub-Signature: sha1=`` is refused.
_METHODS = frozenset({"sha256", "sha384", "sha512"})


def signed_by(header: str, body: bytes, secrets: Sequence[str]) -> bool:
    """Whether one of `secrets` signs exactly these bytes, as `header` (``sha256=<hex>``) says.

    Every secret is tried and compared in constant time, so that the answer's timing tells
    neither how much of a forged signature was right nor which secret fitted. Anything that
    cannot be read as a signature is False; an empty secret signs nothing.
    """
    method, _, told = header.strip().partition("=")
    method = method.lower()
    if method not in _METHODS:
        return False
    try:
        given = bytes.fromhex(told)
    except ValueError:
        return False
    signed = False
    for secret in secrets:
        if secret:
            ours = hmac.digest(secret.encode(), body, method)
            signed |= hmac.compare_digest(ours, given)
    return signed
