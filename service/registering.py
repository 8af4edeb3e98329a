"""Registering a GitHub App from the pages: what is asked for, and where its secrets are kept."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.schema import is_loopback
from integrations.github import manifest
from integrations.github.manifest import NewApp
from integrations.tracker import TrackerError, Unavailable
from service.data import UnusableData, made
from service.surroundings import address

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", re.ASCII)
_CONNECTION = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)
_SERVER = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~/-]*)?", re.ASCII)
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)

#: Of the data directory, where the files of each App stand below its name and id.
FOLDER = "github-apps"

#: Beside them: which App it is, and which code it was made with.
_TOLD = "app.json"

#: Bytes: more than a private key and a webhook's secret take, a block of the disk for each.
_ROOM = 16 * 1024

_AGAIN = "Then load this page again: its code is good for an hour."


class Unfit(Exception):
    """What was asked for cannot be done; the message says what to write instead, or to do now."""


class NotYet(Exception):
    """The server cannot be reached now, and nothing was used up: the same may be asked again."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An App of `organisation`, or of whoever registers it (""), on the server whose API is at
    `url`, for the `connection` of the rules. `public`: others may install it."""

    url: str
    organisation: str
    connection: str
    public: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """What a browser is to post, and where: to a page of the `server`."""

    action: str
    manifest: dict[str, Any]
    server: str


@dataclass(frozen=True, slots=True)
class Registered:
    """An App that was just made, and the files in which its secrets are; `webhook_secret` is None
    where it has no webhook."""

    id: str
    slug: str
    page: str
    private_key: Path
    webhook_secret: Path | None

    def told(self) -> dict[str, str | None]:
        """All of it as JSON holds it; no secret is in it."""
        return {
            "id": self.id,
            "slug": self.slug,
            "page": self.page,
            "private_key": str(self.private_key),
            "webhook_secret": str(self.webhook_secret) if self.webhook_secret else None,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Registered:
        """What was `told`."""
        hook = told["webhook_secret"]
        key = Path(told["private_key"])
        return cls(told["id"], told["slug"], told["page"], key, hook and Path(hook))


def wish(server: str, organisation: str, connection: str, *, public: bool) -> Wish:
    """What somebody typed, understood. Raises Unfit."""
    url = address("github", server or "https://github.com")
    if not _SERVER.fullmatch(url):
        raise Unfit("Write the server as https://github.com or https://github.acme.example.")
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise Unfit("Write the server with https:// in front: what it answers is a secret.")
    if organisation and not _LOGIN.fullmatch(organisation):
        raise Unfit("Write the organisation as its address does, such as acme.")
    if not _CONNECTION.fullmatch(connection):
        raise Unfit("Write the connection's name as in the rules: letters, digits, _, . and -.")
    return Wish(url, organisation, connection, public)


@dataclass(frozen=True, slots=True)
class Registering:
    """Asks for Apps, and keeps their secrets below the directory `data`. `answer_seconds` is how
    long GitHub is waited for."""

    data: Path
    answer_seconds: int

    def offer(self, wished: Wish, state: str, here: str, public_url: str | None) -> Offer:
        """`here` is the page to which GitHub sends the browser back. Raises Unfit where the files
        could not be written later on."""
        try:
            made(self.data / FOLDER)
        except UnusableData as error:
            raise Unfit(str(error)) from None
        webhook = f"{public_url}/webhooks/{wished.connection}" if public_url else ""
        asked = manifest.manifest(
            wished.url,
            f"Followthrough {wished.organisation}".strip(),
            public_url or here,
            here,
            webhook,
            public=wished.public,
        )
        action = manifest.registration(wished.url, wished.organisation, state)
        parts = urlsplit(action)
        return Offer(action, asked, f"{parts.scheme}://{parts.netloc}")

    def finish(self, url: str, code: str, record: Callable[[Registered], object]) -> Registered:
        """Get the App's secrets for the code that GitHub sent, and write them into files of their
        own, readable by this user only. A code is good once: whoever comes with it again, or while
        somebody else is at it, gets the same App. `record` is called once for an App, and again
        only if it raised. Raises NotYet where the code is still good, else Unfit."""
        self._look_for_room()
        with _alone(self.data / FOLDER):
            asked = hashlib.sha256(f"{url} {code}".encode()).hexdigest()
            path = self._made_with(asked)
            if path is None:
                path = self._converted(url, code, asked)
            told = json.loads(path.read_text())
            app = Registered.of(told)
            if not told["on_record"]:
                record(app)
                _put(path, {**told, "on_record": True})
        return app

    def _made_with(self, asked: str) -> Path | None:
        """What is told of the App whose code is remembered as `asked`."""
        for path in (self.data / FOLDER).glob(f"*/{_TOLD}"):
            if json.loads(path.read_text())["asked"] == asked:
                return path
        return None

    def _converted(self, url: str, code: str, asked: str) -> Path:
        try:
            app = manifest.convert(url, code, self.answer_seconds)
        except Unavailable as error:
            raise NotYet(f"{error.words}. {error.mend}") from None
        except TrackerError as error:
            raise Unfit(f"{error.words}. {error.mend}") from None
        try:
            kept = self._kept(app)
            path = kept.private_key.with_name(_TOLD)
            _put(path, {**kept.told(), "asked": asked, "on_record": False})
        except OSError as error:
            words = f"The App {app.slug} is registered, and its secrets could not be written: "
            mend = f"Make a private key and a webhook secret on its page, {app.page}."
            raise Unfit(f"{words}{error.strerror}. {mend}") from None
        return path

    def _look_for_room(self) -> None:
        """The code is good once, so what comes of it must find room. Raises NotYet."""
        try:
            folder = made(self.data / FOLDER)
            with tempfile.TemporaryFile(dir=folder) as tried:
                tried.write(bytes(_ROOM))
                tried.flush()
                os.fsync(tried.fileno())  # a full disk may be told of no sooner
        except UnusableData as error:
            raise NotYet(f"{error} {_AGAIN}") from None
        except OSError as error:
            words = f"Nothing can be written into {folder.absolute()}: {error.strerror}."
            raise NotYet(f"{words} Mend that. {_AGAIN}") from None

    def _kept(self, app: NewApp) -> Registered:
        if not _SLUG.fullmatch(app.slug):
            raise Unfit(f"GitHub calls the App {app.slug!r}, which is no name of a directory.")
        if not (app.id.isascii() and app.id.isdigit()):
            raise Unfit(f"GitHub says that the App's id is {app.id!r}, which is no number.")
        # A slug is free again once its App was deleted, and another server may have the same.
        folder = self.data / FOLDER / f"{app.slug}-{app.id}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = _written(folder / "private-key.pem", app.private_key)
        secret = app.webhook_secret
        hook = _written(folder / "webhook-secret", secret) if secret else None
        return Registered(app.id, app.slug, app.page, key, hook)


def _written(path: Path, text: str) -> Path:
    """The absolute path of the new file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text.strip() + "\n")
    return path.absolute()


def _put(path: Path, told: Mapping[str, object]) -> None:
    """Whole, or not at all."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(told))
    draft.replace(path)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other thread or process uses a code. Raises NotYet, also where a file in there
    cannot be read or written meanwhile."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
    except OSError as error:
        words = f"{folder.absolute()} cannot be used: {error.strerror}."
        raise NotYet(f"{words} Mend that. {_AGAIN}") from None
