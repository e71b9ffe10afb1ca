"""Logs on stdout: fixed event names with fields, never a text, a key or a payload.

JSON for machines; in a terminal, lines for people.
"""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any

import structlog
from romashka import ServerError
from romashka._secrets import hide_secrets
from romashka._terminal import clean_line

log = structlog.get_logger()


def configure_logs(level: str, *, for_people: bool = False) -> None:
    """Set up this process' logs: what is below `level` (debug, info ...) is left out."""
    time_for_people = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            time_for_people
            if for_people
            else structlog.processors.TimeStamper(fmt="iso", utc=True),
            _name_exception,
            _hide_secrets,
            *_renderers(for_people),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
    )
    logging.basicConfig(handlers=[_Libraries(logging.WARNING)], force=True)
    sys.excepthook = _log_crash


def _renderers(for_people: bool) -> list[structlog.typing.Processor]:
    if not for_people:
        return [structlog.processors.JSONRenderer()]
    return [_clean, structlog.dev.ConsoleRenderer(colors=True, sort_keys=False)]


def first_of(error: BaseException) -> BaseException:
    """Return the error itself; of a task group's, the first that failed."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def describe(error: BaseException) -> str:
    """Return what may be logged of an error: a refusal's message can quote what was refused."""
    if isinstance(error, ServerError):
        return f"{type(error).__name__} {error.name}".rstrip()
    return str(error) or type(error).__name__


class _Libraries(logging.Handler):
    """Logs that a library had something to say, and where: its words quote what it sends."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        tell = log.error if record.levelno >= logging.ERROR else log.warning
        tell(
            "library.logged",
            logger=record.name,
            at=f"{record.filename}:{record.lineno}",
            **({"error": type(error).__name__} if error else {}),
        )


def _name_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Reduce an exception to its type and where it was: its message and its locals quote."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        error = first_of(error)
        event["error"] = type(error).__name__
        event["at"] = _frames(error)
    return event


def _hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what an error of a library, or of a server, quotes of a URL or a header."""
    return {name: _without_secrets(value) for name, value in event.items()}


def _clean(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave nothing in it for a terminal to obey."""
    shown = {name: "none" if value is None else value for name, value in event.items()}
    return {name: clean_line(str(value)) for name, value in shown.items()}


def _without_secrets(value: Any) -> Any:
    match value:
        case str():
            return hide_secrets(value)
        case Mapping():
            return {_without_secrets(key): _without_secrets(each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_without_secrets(each) for each in value]
    return value


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno}" for frame in frames]


def _log_crash(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    log.critical("worker.crashed", exc_info=error)
