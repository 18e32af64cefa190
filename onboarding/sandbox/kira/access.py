"""Who is calling: API keys, bearer tokens and the pace they are allowed, contract sections 1.2, 1.3 and 1.6."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from onboarding.sandbox.kira.answers import coded, gateway, python_style
from onboarding.sandbox.kira.options import Client, KiraToggles
from onboarding.sandbox.kira.schema import UUID
from onboarding.sandbox.state import Clock, JsonObject, Store
from onboarding.sandbox.wire import MalformedBody, Request, Response, json_response

SETTINGS = "kira.settings"
_GATEWAY_WORDS = {
    "No authorization token provided": "Unauthorized",
    "No client ID found in claims": "Unauthorized",
    "Token expired": "The incoming token has expired",
}


@dataclass
class Access:
    """Checks keys and bearers, issues tokens. Tokens survive a restart because their key is kept."""

    store: Store
    clock: Clock
    clients: tuple[Client, ...]

    def key_holder(self, request: Request) -> Client:
        """The client of the API key; 403 E3 when it is absent or unknown."""
        given = request.headers.get("x-api-key", "")
        for client in self.clients:
            if hmac.compare_digest(given.encode(), client.api_key.encode()):
                return client
        raise gateway(403, "Forbidden")

    def bearer(self, request: Request, client: Client, toggles: KiraToggles) -> None:
        """401 unless the bearer is a live token of this very client."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("No authorization token provided", toggles)
        claims = self._claims(token.strip())
        if claims is None or claims.get("client_id") != client.client_id:
            raise _unauthorized("No client ID found in claims", toggles)
        if claims["exp"] <= self.clock.now() or claims["generation"] != self._setting("generation", 0):
            raise _unauthorized("Token expired", toggles)

    def token(self, request: Request, client: Client, toggles: KiraToggles) -> Response:
        """``POST /auth``."""
        body = _auth_body(request)
        known = body["client_id"].lower() == client.client_id.lower()
        if not known or not hmac.compare_digest(body["password"].encode(), client.password.encode()):
            raise gateway(403, "Forbidden")
        claims = {
            "client_id": client.client_id,
            "exp": self.clock.now() + toggles.token_life_seconds,
            "generation": self._setting("generation", 0),
            "jti": secrets.token_hex(8),
        }
        data = {
            "access_token": self._signed(claims),
            "expires_in": int(toggles.token_life_seconds),
            "token_type": "Bearer",
        }
        return json_response(200, {"message": "Auth token", "data": data})

    def expire_all(self) -> None:
        """Every token issued so far has expired from now on."""
        with self.store.transaction():
            self._keep("generation", self._setting("generation", 0) + 1)

    def _setting(self, name: str, default: Any) -> Any:
        record = self.store.get(SETTINGS, name)
        return record["value"] if record else default

    def _keep(self, name: str, value: Any) -> None:
        with self.store.transaction() as tx:
            tx.put(SETTINGS, name, {"value": value})

    def _secret(self) -> bytes:
        with self.store.transaction():
            kept = self._setting("token_key", None)
            if kept is None:
                kept = secrets.token_hex(32)
                self._keep("token_key", kept)
        return bytes.fromhex(kept)

    def _signed(self, claims: JsonObject) -> str:
        head = _encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        middle = _encode(json.dumps(claims).encode())
        seal = hmac.new(self._secret(), f"{head}.{middle}".encode(), hashlib.sha256).digest()
        return f"{head}.{middle}.{_encode(seal)}"

    def _claims(self, token: str) -> JsonObject | None:
        head, _, rest = token.partition(".")
        middle, _, seal = rest.partition(".")
        expected = hmac.new(self._secret(), f"{head}.{middle}".encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(_encode(expected).encode(), seal.encode()):
            return None
        claims: JsonObject = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return claims


@dataclass
class Pace:
    """Ten calls in any second and two at once, per API key, when switched on."""

    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _recent: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _active: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def enter(self, key: str, toggles: KiraToggles) -> bool:
        """Take a place; False when there is none. Every `enter` that was True needs a `leave`."""
        with self._lock:
            recent, now = self._recent[key], self.clock.now()
            while recent and recent[0] <= now - 1:
                recent.popleft()
            full = len(recent) >= toggles.rate_limit_per_second
            if full or self._active[key] >= toggles.rate_limit_concurrent:
                return False
            recent.append(now)
            self._active[key] += 1
            return True

    def leave(self, key: str) -> None:
        with self._lock:
            self._active[key] -= 1

    def headers(self, key: str, toggles: KiraToggles) -> dict[str, str]:
        with self._lock:
            left = max(0, toggles.rate_limit_per_second - len(self._recent[key]))
        limit = str(toggles.rate_limit_per_second)
        return {"RateLimit-Limit": limit, "RateLimit-Remaining": str(left), "RateLimit-Reset": "1"}


def _unauthorized(documented: str, toggles: KiraToggles) -> Exception:
    if toggles.auth_errors == "documented":
        return coded(401, "unauthorized", documented)
    return gateway(401, _GATEWAY_WORDS[documented])


def _auth_body(request: Request) -> JsonObject:
    """The two members of the token call; 422 E5 in the words of Pydantic."""
    try:
        body = request.json()
    except MalformedBody:
        raise _unprocessable("json_invalid", [], "JSON decode error") from None
    if not isinstance(body, dict):
        raise _unprocessable("model_attributes_type", [], "Input should be a valid dictionary")
    for name in ("client_id", "password"):
        if name not in body:
            raise _unprocessable("missing", [name], "Field required")
        if not isinstance(body[name], str):
            raise _unprocessable("string_type", [name], "Input should be a valid string")
    if not UUID.fullmatch(body["client_id"]):
        raise _unprocessable("uuid_parsing", ["client_id"], "Input should be a valid UUID")
    return body


def _unprocessable(kind: str, where: list[str], message: str) -> Exception:
    return python_style(422, "Invalid input data", [{"type": kind, "loc": ["body", *where], "msg": message}])


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
