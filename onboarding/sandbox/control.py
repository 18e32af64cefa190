"""The control API under ``/_control``: what a test or an operator orders, and what the sandbox can tell.

JSON in, JSON out, no credentials: bind the sandbox to loopback. Errors are ``{"error": text}``.
"""

from collections.abc import Callable
from typing import Any

from onboarding.sandbox.backstage import Backstage
from onboarding.sandbox.callbacks import DELIVERIES
from onboarding.sandbox.scenarios import FaultBook
from onboarding.sandbox.state import JsonObject
from onboarding.sandbox.wire import MalformedBody, Partner, Request, Response, json_response

STATUSES = ("CREATED", "VERIFYING", "REVIEW", "VERIFIED", "REJECTED")
Act = Callable[[Request, list[str]], Any]


class Control:
    """Routes by method and first word of the path; further words are arguments."""

    def __init__(self, backstage: Backstage) -> None:
        self._backstage = backstage
        self._acts: dict[tuple[str, str], Act] = {
            ("GET", ""): self._index,
            ("GET", "health"): lambda request, words: {"status": "ok"},
            ("GET", "toggles"): self._toggles,
            ("POST", "toggles"): self._change_toggles,
            ("GET", "faults"): lambda request, words: _orders(backstage.faults),
            ("POST", "faults"): lambda request, words: _order(backstage.faults, request),
            ("DELETE", "faults"): lambda request, words: _clear(backstage.faults),
            ("GET", "webhook-faults"): lambda request, words: _orders(backstage.webhook_faults),
            ("POST", "webhook-faults"): self._order_webhook_fault,
            ("DELETE", "webhook-faults"): lambda request, words: _clear(backstage.webhook_faults),
            ("POST", "seed"): self._seed,
            ("GET", "log"): self._log,
            ("GET", "users"): self._users,
            ("POST", "users"): self._decide,
            ("GET", "deliveries"): self._deliveries,
            ("POST", "deliveries"): self._resend,
            ("POST", "events"): self._emit,
            ("POST", "expire-tokens"): self._expire_tokens,
            ("POST", "advance"): self._advance,
            ("POST", "reset"): self._reset,
        }

    def handle(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return json_response(403, {"error": "not from another site"})
        words = [word for word in request.path.split("/") if word][1:]
        act = self._acts.get((request.method, words[0] if words else ""))
        if act is None:
            return json_response(404, {"error": "no such control", "controls": self._index(request, [])})
        try:
            return json_response(200, act(request, words[1:]))
        except (ValueError, MalformedBody) as error:
            return json_response(400, {"error": str(error) or "the body is not JSON"})
        except LookupError as error:
            return json_response(404, {"error": str(error.args[0]) if error.args else "not found"})

    def _index(self, request: Request, words: list[str]) -> list[str]:
        return [f"{method} /_control/{name}" for method, name in self._acts]

    def _toggles(self, request: Request, words: list[str]) -> JsonObject:
        return {name: partner.toggles() for name, partner in self._backstage.partners.items()}

    def _change_toggles(self, request: Request, words: list[str]) -> JsonObject:
        changes = _object(request)
        for name, toggles in changes.items():
            if not isinstance(toggles, dict):
                raise ValueError(f"{name} must be an object of toggles")
            self._partner(name).change_toggles(toggles)
        return self._toggles(request, words)

    def _order_webhook_fault(self, request: Request, words: list[str]) -> list[JsonObject]:
        """`event` is the pattern here; `partner` may narrow it."""
        return _order(self._backstage.webhook_faults, request, rename={"event": "path", "partner": "method"})

    def _seed(self, request: Request, words: list[str]) -> JsonObject:
        seed = _object(request).get("seed")
        if not isinstance(seed, int):
            raise ValueError("seed must be a whole number")
        self._backstage.faults.reseed(seed)
        self._backstage.webhook_faults.reseed(seed)
        return {"seed": seed}

    def _log(self, request: Request, words: list[str]) -> list[JsonObject]:
        after = request.query.get("after", "0")
        if not after.isdecimal():
            raise ValueError("after must be a whole number")
        return self._backstage.journal.read(after=int(after), kind=request.query.get("type"))

    def _users(self, request: Request, words: list[str]) -> Any:
        wanted = request.query.get("partner")
        users = [
            {"partner": name, **user}
            for name, partner in self._backstage.partners.items()
            if wanted in (None, name)
            for user in partner.users()
        ]
        if not words:
            return users
        found = [user for user in users if user["id"] == words[0]]
        if not found:
            raise LookupError("no such user")
        return found[0]

    def _decide(self, request: Request, words: list[str]) -> JsonObject:
        """``POST /_control/users/{id}/decide``; with `raw` the status may be any text at all."""
        if len(words) != 2 or words[1] != "decide":
            raise LookupError("POST /_control/users/{id}/decide")
        body = _object(request)
        status, reasons = body.get("status"), body.get("reasons", [])
        if not isinstance(status, str) or not isinstance(reasons, list):
            raise ValueError("status must be a text and reasons a list")
        if status not in STATUSES and not body.get("raw"):
            raise ValueError(f"status must be one of {', '.join(STATUSES)}, or any text with raw")
        if not any(
            partner.decide(words[0], status, reasons) for partner in self._backstage.partners.values()
        ):
            raise LookupError("no such user")
        return {"id": words[0], "status": status}

    def _deliveries(self, request: Request, words: list[str]) -> list[JsonObject]:
        state = request.query.get("state")
        return self._backstage.store.where(DELIVERIES, lambda record: state in (None, record["state"]))

    def _resend(self, request: Request, words: list[str]) -> JsonObject:
        if len(words) != 2 or words[1] != "resend" or not self._backstage.callbacks.resend(words[0]):
            raise LookupError("POST /_control/deliveries/{id}/resend")
        return {"resent": words[0]}

    def _emit(self, request: Request, words: list[str]) -> JsonObject:
        body = _object(request)
        event, data = body.get("event"), body.get("data")
        if not isinstance(event, str) or not isinstance(data, dict):
            raise ValueError("event must be a text and data an object")
        self._partner(str(body.get("partner", "kira"))).emit(event, data)
        return {"event": event}

    def _expire_tokens(self, request: Request, words: list[str]) -> JsonObject:
        for partner in self._backstage.partners.values():
            partner.expire_tokens()
        return {"expired": True}

    def _advance(self, request: Request, words: list[str]) -> JsonObject:
        """Move the sandbox's clock forward; whatever becomes due happens at once."""
        seconds = _object(request).get("seconds")
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= 1e8:
            raise ValueError("seconds must be a number from 0")
        self._backstage.clock.advance(seconds)
        self._backstage.timetable.wake()
        return {"now": self._backstage.clock.now()}

    def _reset(self, request: Request, words: list[str]) -> JsonObject:
        self._backstage.reset()
        return {"reset": True}

    def _partner(self, name: str) -> Partner:
        partner = self._backstage.partners.get(name)
        if partner is None:
            raise ValueError(f"unknown partner {name}; known are {', '.join(self._backstage.partners)}")
        return partner


def _object(request: Request) -> JsonObject:
    body = request.json()
    if not isinstance(body, dict):
        raise ValueError("the body must be an object")
    return body


def _order(book: FaultBook, request: Request, rename: dict[str, str] | None = None) -> list[JsonObject]:
    """One order or a list of them, opened in that sequence; answers them with their numbers."""
    body = request.json()
    specs = body if isinstance(body, list) else [body]
    if not all(isinstance(spec, dict) for spec in specs):
        raise ValueError("a fault is an object")
    named = [{(rename or {}).get(name, name): value for name, value in spec.items()} for spec in specs]
    return [book.add(spec).as_json() for spec in named]


def _orders(book: FaultBook) -> list[JsonObject]:
    return book.open_orders()


def _clear(book: FaultBook) -> JsonObject:
    book.clear()
    return {"cleared": True}
