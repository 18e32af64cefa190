"""What a log line may hold: one JSON object or one readable line, a request id, and no personal data.

Callers log ids and codes only; the filter here is the second net. Messages of exceptions are dropped unless their
type is known to speak of machines, because a database error quotes the row it refused.
"""

import json
import logging
import re
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from django.core.exceptions import DisallowedHost, ImproperlyConfigured
from django.db import OperationalError
from django.http import HttpRequest
from kombu.exceptions import OperationalError as BrokerError

from config.errors import DomainError

request_id: ContextVar[str] = ContextVar("request_id", default="")

SPEAKING_ERRORS = (DomainError, ImproperlyConfigured, OperationalError, BrokerError)
STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "request_id",
    "taskName",
}

KEPT = r"(?P<kept>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b)"
PERSONAL = re.compile(
    "|".join(
        [
            KEPT,
            r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+",  # e-mail
            r"(?i:\b(?:bearer|basic)\s+[\w.~+/=-]+)",  # credentials
            r"\bwhsec_[\w+/=-]+",
            r"(?<=[\w/])\?[\w%.~-]+=[^\s\"']*",  # query strings
            r"(?<![\w.-])\d{4}-\d{2}-\d{2}(?![\w-])",  # dates, of birth among them
            r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-])",  # SSN
            r"(?<![\w.:-])\+?\d(?:[ ()-]?\d){7,}(?![\w])",  # telephone, account and identity numbers
            r"\b[A-Za-z0-9+/]{120,}={0,2}",  # file contents
        ]
    )
)
HARMLESS_PART = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9]{1,7}")
ROUTE_PART = re.compile(r"<(?:\w+:)?(\w+)>")
ROUTE_IN_SIGNS = re.compile(r"[\^$(\\?\[]")  # where a regular expression stops being plain text

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def redact(text: str) -> str:
    """`text` with everything that looks personal or secret replaced; UUIDs stay, they are how we find rows."""
    return PERSONAL.sub(lambda match: match["kept"] or "[redacted]", text)


def shown_path(request: HttpRequest, *, status: int) -> str:
    """The path of a request as a log line may hold it.

    The parts that our routes leave open are shown where they are UUIDs or short numbers, or where a 2xx answer says
    that we know them; other words stand as "…", and so does everything under an address that we do not have.
    """
    match = request.resolver_match
    if match is None or not (match.route or request.path == "/"):
        return "/…"

    def part(found: re.Match[str]) -> str:
        value = str(match.kwargs.get(found[1], ""))
        return value if 200 <= status < 300 or HARMLESS_PART.fullmatch(value) else "…"

    plain, *rest = ROUTE_IN_SIGNS.split(match.route.lstrip("^"), maxsplit=1)
    return "/" + ROUTE_PART.sub(part, plain) + ("…" if rest else "")


class Redaction(logging.Filter):
    """Redacts the message and its scalar extras in place, and stamps the request id."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        if isinstance(record.args, dict) and "exc" in record.args:  # Celery quotes the exception of a task
            record.args = {**record.args, "exc": _name_of(record.exc_info), "traceback": ""}
        if isinstance(record.args, tuple) and isinstance(getattr(record, "request", None), HttpRequest):
            record.args = _without_words(record.args, record)
        record.msg, record.args = redact(_message(record)), None
        for name in vars(record).keys() - STANDARD_ATTRIBUTES:
            value = getattr(record, name)
            setattr(record, name, redact(value) if isinstance(value, str) else value)
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object per line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if getattr(record, "request_id", ""):
            line["request_id"] = record.request_id  # type: ignore[attr-defined]
        line.update(_extras(record))
        if record.exc_info and record.exc_info[0]:
            line["exception"] = describe(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class ReadableFormatter(logging.Formatter):
    """One line for people, followed by the frames of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        extras = "".join(f" {name}={value}" for name, value in _extras(record).items())
        line = f"{clock} {record.levelname.lower():7} {record.name}: {record.getMessage()}{extras}"
        if record.exc_info and record.exc_info[0]:
            line += "\n" + describe(record.exc_info)
        return line


def describe(exc_info: ExcInfo | tuple[None, None, None]) -> str:
    """Type, frames and causes of an exception; its message only where the type never quotes a person's data."""
    if exc_info[1] is None:
        return ""
    parts: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(parts) < 6:
        frames = [f"  {f.filename}:{f.lineno} in {f.name}" for f in traceback.extract_tb(error.__traceback__)]
        said = f": {redact(str(error))}" if isinstance(error, SPEAKING_ERRORS) else ""
        parts.append("\n".join([f"{type(error).__module__}.{type(error).__qualname__}{said}", *frames[-25:]]))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\ncaused by ".join(parts)


def _name_of(exc_info: Any) -> str:
    return exc_info[0].__name__ if isinstance(exc_info, tuple) and exc_info[0] else "error"


def _without_words(arguments: tuple[Any, ...], record: Any) -> tuple[Any, ...]:
    """What Django says about a request names its path."""
    request, status = record.request, getattr(record, "status_code", 0)
    paths = (request.path, request.path_info, request.get_full_path())
    return tuple(shown_path(request, status=status) if word in paths else word for word in arguments)


def _message(record: logging.LogRecord) -> str:
    try:
        if isinstance(record.args, tuple):  # an exception given as an argument speaks only if its type may
            record.args = tuple(_quiet(argument) for argument in record.args)
        return record.getMessage() if not isinstance(record.msg, BaseException) else str(_quiet(record.msg))
    except (TypeError, ValueError, KeyError):
        return str(record.msg)


def _quiet(value: Any) -> Any:
    if isinstance(value, BaseException) and not isinstance(value, (*SPEAKING_ERRORS, DisallowedHost)):
        return type(value).__name__
    return value


def _extras(record: logging.LogRecord) -> dict[str, object]:
    found = {name: getattr(record, name) for name in sorted(vars(record).keys() - STANDARD_ATTRIBUTES)}
    return {name: value for name, value in found.items() if isinstance(value, str | int | float | bool)}
