"""What each kind of trouble does to a call: when the partner commits, and what the caller gets to see."""

import dataclasses
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from onboarding.sandbox.scenarios import Trouble
from onboarding.sandbox.state import JsonObject
from onboarding.sandbox.wire import Partner, Response


class Manner(Enum):
    """How an answer travels."""

    SEND = "send"
    CLOSE = "close"  # end the connection without a byte
    RESET = "reset"  # end it with a TCP reset
    DRIP = "drip"  # a byte at a time
    ENDLESS = "endless"  # the headers, then bytes that never stop


@dataclass(frozen=True)
class Reply:
    """An answer (or its absence) and the manner of sending it."""

    response: Response | None
    manner: Manner = Manner.SEND
    pace_seconds: float = 0.0


@dataclass(frozen=True)
class Scene:
    """Everything a fault may use: `call` serves the request and commits; `wait` is True when the server stops."""

    trouble: Trouble
    partner: Partner
    call: Callable[[], Response]
    wait: Callable[[float], bool]
    other_id: Callable[[], str | None]

    @property
    def options(self) -> JsonObject:
        return self.trouble.options

    def seconds(self, default: float) -> float:
        value = self.options.get("seconds", default)
        return float(value) if isinstance(value, int | float) else default

    def says(self, kind: str) -> Response:
        return self.partner.failure(kind, self.options)


NOTHING = Reply(None, Manner.CLOSE)
LOGIN_PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>"


def play(scene: Scene) -> Reply:
    """Let the trouble happen. The caller sends the reply and writes the journal."""
    return KINDS[scene.trouble.kind](scene)


def _error_after_commit(scene: Scene) -> Reply:
    scene.call()
    return Reply(scene.says("server_error"))


def _hang(scene: Scene) -> Reply:
    scene.wait(scene.seconds(60))
    return NOTHING


def _slow(scene: Scene) -> Reply:
    response = scene.call()
    scene.wait(scene.seconds(5))
    return Reply(response)


def _late_commit(scene: Scene) -> Reply:
    if scene.wait(scene.seconds(35)):
        return NOTHING
    return Reply(scene.call())


def _reset_after_commit(scene: Scene) -> Reply:
    scene.call()
    return Reply(None, Manner.RESET)


def _drop_after_commit(scene: Scene) -> Reply:
    scene.call()
    return NOTHING


def _drip(scene: Scene) -> Reply:
    return Reply(scene.call(), Manner.DRIP, scene.seconds(1))


def _endless_body(scene: Scene) -> Reply:
    return Reply(scene.call(), Manner.ENDLESS)


def _truncated_json(scene: Scene) -> Reply:
    response = scene.call()
    return Reply(dataclasses.replace(response, body=response.body[: max(1, len(response.body) // 2)]))


def _html_page(scene: Scene) -> Reply:
    if scene.options.get("commit", False):
        scene.call()
    return Reply(Response(200, LOGIN_PAGE, {"Content-Type": "text/html; charset=utf-8"}))


def _redirect(scene: Scene) -> Reply:
    location = str(scene.options.get("location", "http://elsewhere.invalid/"))
    return Reply(Response(307, b"", {"Location": location}))


def _missing_id(scene: Scene) -> Reply:
    return Reply(_edited(scene.call(), lambda value: value.pop("id", None)))


def _wrong_type(scene: Scene) -> Reply:
    return Reply(_edited(scene.call(), lambda value: value.update(id=12345, status=["VERIFIED"])))


def _foreign_id(scene: Scene) -> Reply:
    response = scene.call()
    other = scene.other_id() or str(uuid.uuid4())
    return Reply(_edited(response, lambda value: value.update(id=other)))


def _edited(response: Response, edit: Callable[[dict[str, Any]], object]) -> Response:
    try:
        value = json.loads(response.body)
    except ValueError:
        return response
    if isinstance(value, dict):
        edit(value)
    return dataclasses.replace(response, body=json.dumps(value, separators=(",", ":")).encode())


KINDS: dict[str, Callable[[Scene], Reply]] = {
    "error_before_commit": lambda scene: Reply(scene.says("server_error")),
    "error_after_commit": _error_after_commit,
    "rate_limited": lambda scene: Reply(scene.says("rate_limited")),
    "expired_token": lambda scene: Reply(scene.says("expired_token")),
    "forbidden": lambda scene: Reply(scene.says("forbidden")),
    "hang": _hang,
    "slow": _slow,
    "drop_before_commit": lambda scene: NOTHING,
    "drop_after_commit": _drop_after_commit,
    "reset_before_commit": lambda scene: Reply(None, Manner.RESET),
    "reset_after_commit": _reset_after_commit,
    "late_commit": _late_commit,
    "drip": _drip,
    "endless_body": _endless_body,
    "truncated_json": _truncated_json,
    "html_page": _html_page,
    "redirect": _redirect,
    "missing_id": _missing_id,
    "wrong_type": _wrong_type,
    "foreign_id": _foreign_id,
}
