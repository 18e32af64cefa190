"""Requests and answers as values, and what a partner must offer to be mounted in the sandbox."""

import json
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from onboarding.sandbox.state import JsonObject


class MalformedBody(Exception):
    """The body is not JSON as RFC 8259 and UTF-8 have it."""


@dataclass(frozen=True)
class Request:
    """One call. `path` starts after the partner's prefix; header names are lower-case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def json(self) -> Any:
        """The parsed body. Raises `MalformedBody`, also for NaN, lone surrogates and absurd nesting."""
        try:
            value = json.loads(self.body.decode(), parse_constant=_refuse_constant)
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise MalformedBody from error
        return value


@dataclass(frozen=True)
class Response:
    """One answer. Content-Length, Date and Connection are the server's business."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, headers: Mapping[str, str]) -> "Response":
        return Response(self.status, self.body, {**self.headers, **headers})


def json_response(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, body, {"Content-Type": "application/json", **(headers or {})})


@dataclass(frozen=True)
class Outgoing:
    """Where one webhook goes and under which headers."""

    url: str
    headers: Mapping[str, str]
    timeout_seconds: float


class Partner(Protocol):
    """What the server, the control API and the callbacks ask of a partner's stand-in."""

    name: str

    def admitted(self, request: Request) -> AbstractContextManager[Response | None]:
        """Hold the call's place while it is served; yields the refusal when there is no place."""

    def handle(self, request: Request) -> Response:
        """Serve one call and commit what it changes."""

    def failure(self, kind: str, options: JsonObject) -> Response:
        """The partner's own words for `server_error`, `rate_limited`, `expired_token`, `forbidden`, `too_large`."""

    def body_limit(self) -> int | None:
        """The most bytes a request may have; None for no limit."""

    def outgoing(self, delivery: JsonObject, forgery: str | None) -> Outgoing | None:
        """Target and signed headers of a delivery; None when nobody has registered."""

    def retry_delay(self, delivery: JsonObject) -> float | None:
        """Seconds until the next attempt, judged by the attempts so far; None when there is none."""

    def toggles(self) -> JsonObject:
        """Every switch with its present value."""

    def change_toggles(self, changes: JsonObject) -> None:
        """Raises ValueError for an unknown name or value; then nothing has changed."""

    def users(self) -> list[JsonObject]:
        """Everything held about everybody, oldest first."""

    def decide(self, user_id: str, status: str, reasons: list[Any]) -> bool:
        """Give a user a status by hand and tell the webhook; False when there is no such user."""

    def emit(self, event: str, data: JsonObject) -> None:
        """Send any event at all to the registered webhook, properly signed."""

    def expire_tokens(self) -> None:
        """Make every token issued so far an expired one."""

    def resume(self) -> None:
        """Plan again whatever was waiting when the sandbox last stopped."""

    def forget(self) -> None:
        """Return to the state of a first start; the records are already gone."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
