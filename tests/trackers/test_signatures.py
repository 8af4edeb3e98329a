"""Whose bytes these are."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.signatures import signed_by

SECRET = "It's a Secret to Everybody"  # the secret of both vendors' published examples
JIRA = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
GITHUB = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def sign(body: bytes, secret: str = SECRET, method: str = "sha256") -> str:
    return f"{method}={hmac.new(secret.encode(), body, method).hexdigest()}"


def test_the_vendors_own_examples_are_signed() -> None:
    assert signed_by(JIRA, b"Hello World!", [SECRET])
    assert signed_by(GITHUB, b"Hello, World!", [SECRET])


@pytest.mark.parametrize(
    ("header", "body"), [(JIRA, b"Hello World?"), (JIRA[:-1] + "8", b"Hello World!")]
)
def test_one_changed_byte_is_not_signed(header: str, body: bytes) -> None:
    assert not signed_by(header, body, [SECRET])


def test_the_new_and_the_old_secret_both_sign_while_they_are_rotated() -> None:
    for secret in ("new", "old"):
        assert signed_by(sign(b"{}", secret), b"{}", ["new", "old"])
    assert not signed_by(sign(b"{}", "older"), b"{}", ["new", "old"])


def test_no_secret_and_an_empty_secret_sign_nothing() -> None:
    assert not signed_by(sign(b"{}", ""), b"{}", [""])
    assert not signed_by(sign(b"{}"), b"{}", [])


@pytest.mark.parametrize("method", ["sha384", "sha512", "SHA256"])
def test_better_methods_are_welcome(method: str) -> None:
    assert signed_by(sign(b"{}", method=method), b"{}", [SECRET])


@pytest.mark.parametrize("method", ["sha1", "md5", "sha224", "shake_128", "none", ""])
def test_weaker_methods_are_refused_even_when_right(method: str) -> None:
    told = hmac.new(SECRET.encode(), b"{}", method).hexdigest() if method in ("sha1", "md5") else ""
    assert not signed_by(f"{method}={told}", b"{}", [SECRET])


@given(st.text(), st.binary(), st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_nothing_unreadable_is_signed_or_raises(
    header: str, body: bytes, secrets: list[str]
) -> None:
    assert not signed_by(header, body, secrets)
    assert not signed_by(f"sha256={header}", body, secrets)
