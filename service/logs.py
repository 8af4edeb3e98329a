"""Log lines: for people or for a collector, and never with a secret in them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from config.settings import LogStyle
from service import traces

SHORTEST = 4  # what is shorter stands in every second word, and was never a secret


class Redactor:
    """Masks the values of secrets wherever they stand in a text."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets: list[str] = []
        self.learn(secrets)

    def learn(self, secrets: Collection[str]) -> None:
        """Mask these as well, from now on."""
        kept = {each for each in secrets if len(each) >= SHORTEST}
        # The longest first: one secret may begin with another.
        self._secrets = sorted(kept.union(self._secrets), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def anywhere(self, value: Any) -> Any:
        """The same value with every text in it masked; what is neither text nor a container
        nor a plain number is masked as it prints."""
        if isinstance(value, str):
            return self(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {self.anywhere(key): self.anywhere(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.anywhere(item) for item in value]
        return self(str(value))


def configure(style: LogStyle, secrets: Collection[str]) -> Redactor:
    """Send all log lines, those of libraries too, to stderr in this style, with these secret
    values masked. Returns what masks them, for words that go elsewhere."""
    redactor = Redactor(secrets)

    def redact(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        return {key: redactor.anywhere(value) for key, value in event.items()}

    def redact_line(_logger: WrappedLogger, _name: str, line: str) -> str:
        return redactor(line)

    def trace(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        return {**event, **traces.ids()}

    common: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*common, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*common, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                _renderer(style),
                redact_line,  # type: ignore[list-item]  # runs on the finished line
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for chatty in ("celery", "kombu", "amqp", "urllib3", "alembic", "github", "jira", "_granian"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return redactor


def _renderer(style: LogStyle) -> structlog.typing.Processor:
    if style is LogStyle.JSON:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
