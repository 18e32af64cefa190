"""Kira's stand-in: the order of checks of section 2.14, the routes, and what the sandbox asks of a partner."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from onboarding.sandbox.backstage import Backstage
from onboarding.sandbox.kira import events, fields
from onboarding.sandbox.kira.access import SETTINGS, Access, Pace
from onboarding.sandbox.kira.answers import Issue, Refusal, coded, gateway, invalid, python_style
from onboarding.sandbox.kira.lifecycle import USERS, Lifecycle
from onboarding.sandbox.kira.lookup import parsed
from onboarding.sandbox.kira.options import Client, KiraOptions, KiraToggles
from onboarding.sandbox.kira.reference import country_table
from onboarding.sandbox.kira.schema import UUID, is_url
from onboarding.sandbox.kira.sessions import Sessions
from onboarding.sandbox.kira.users import Users
from onboarding.sandbox.kira.values import VERSIONS
from onboarding.sandbox.scenarios import merge
from onboarding.sandbox.state import JsonObject
from onboarding.sandbox.wire import MalformedBody, Outgoing, Request, Response, json_response

BODY_LIMIT = 10 * 1024 * 1024
OTHER_SECRET = "sandbox-other-secret"  # noqa: S105 - signs what must be refused
_R5_DELAYS = (60.0, 300.0, 900.0, 3600.0)
_AUTOMATIC_DELAYS = (10.0, 60.0, 300.0)
_REGISTRATIONS = "kira.registrations"
Handler = Callable[[Request, Client, str], Response]


class Kira:
    """Mounted at ``/kira``. Everything it answers comes from the contract; everything it holds is in the store."""

    name = "kira"

    def __init__(self, options: KiraOptions, base_url: str, shared: Backstage) -> None:
        self._options = options
        self._store = shared.store
        self._callbacks = shared.callbacks
        self._lifecycle = Lifecycle(shared, options.toggles)
        self._sessions = Sessions(self._lifecycle, base_url)
        self._users = Users(self._lifecycle, self._sessions, f"{base_url}/files")
        self._access = Access(shared.store, shared.clock, options.clients)
        self._pace = Pace(shared.clock)
        self._countries = country_table()
        self._routes = self._route_table()

    # What a caller meets

    @contextmanager
    def admitted(self, request: Request) -> Iterator[Response | None]:
        toggles, key = self._toggles, request.headers.get("x-api-key", "")
        if not toggles.rate_limit:
            yield None
        elif self._pace.enter(key, toggles):
            try:
                yield None
            finally:
                self._pace.leave(key)
        else:
            refusal = self.failure("rate_limited", {"retry_after": "1"})
            yield refusal.with_headers(self._pace.headers(key, toggles))

    def handle(self, request: Request) -> Response:
        hosted = re.fullmatch("/hosted/([^/]+)", request.path)
        if hosted:
            return self._sessions.page(request, hosted[1])
        try:
            response = self._answer(request)
        except Refusal as refusal:
            response = refusal.response
        headers = {"x-amzn-requestid": request.id}
        if self._toggles.rate_limit:
            headers |= self._pace.headers(request.headers.get("x-api-key", ""), self._toggles)
        return response.with_headers(headers)

    def _answer(self, request: Request) -> Response:
        client = self._access.key_holder(request)
        if (request.method, request.path) == ("POST", "/auth"):
            return self._access.token(request, client, self._toggles)
        self._access.bearer(request, client, self._toggles)
        version = self._version(request, client)
        for method, pattern, handler in self._routes:
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                response = handler(request, client, match[1] if match.groups() else "")
                return response.with_headers({"x-api-version": version})
        raise gateway(403, "Forbidden")

    def _route_table(self) -> list[tuple[str, str, Handler]]:
        users, sessions = self._users, self._sessions
        return [
            ("POST", "/v1/users", lambda request, client, _: users.create(request, client.client_id)),
            ("GET", "/v1/users", lambda request, client, _: users.listing(request, client.client_id)),
            ("GET", r"/v1/users/([^/]+)", lambda req, client, id_: users.read(req, client.client_id, id_)),
            ("PUT", r"/v1/users/([^/]+)", lambda req, client, id_: users.change(req, client.client_id, id_)),
            (
                "POST",
                r"/v1/users/([^/]+)/verifications",
                lambda request, client, id_: sessions.create(request, client.client_id, id_),
            ),
            (
                "POST",
                r"/v1/users/([^/]+)/liveness-link",
                lambda request, client, id_: sessions.create_liveness(request, client.client_id, id_),
            ),
            ("GET", "/v1/countries", lambda request, client, _: json_response(200, self._countries)),
            ("POST", "/v1/versioning/upgrade", self._upgrade),
            ("POST", "/webhooks/register", self._register),
        ]

    def _version(self, request: Request, client: Client) -> str:
        """Header first, then the pin, then the oldest; 400 E2 for a version that never was."""
        asked = request.headers.get("x-api-version")
        if asked is not None and asked not in VERSIONS:
            raise coded(400, "validation_error", "Unknown API version")
        return asked or self._pinned(client)

    def _pinned(self, client: Client) -> str:
        pin = self._store.get(SETTINGS, f"version {client.client_id}")
        return str(pin["value"]) if pin else VERSIONS[0]

    def _upgrade(self, request: Request, client: Client, _: str) -> Response:
        issues: list[Issue] = []
        body = fields.VERSION_UPGRADE(parsed(request), "", issues)
        if issues:
            raise invalid(issues)
        target = body["target_version"]
        with self._store.transaction() as tx:
            previous = self._pinned(client)
            if target < previous:
                raise coded(400, "validation_error", "A version can only be upgraded")
            tx.put(SETTINGS, f"version {client.client_id}", {"value": target})
        return json_response(200, {"previous_version": previous, "current_version": target})

    def _register(self, request: Request, client: Client, _: str) -> Response:
        """``POST /webhooks/register``: replaces what was registered before; errors are E5."""
        try:
            body = request.json()
        except MalformedBody:
            body = None
        data = _registration_errors(body, client)
        if data:
            raise python_style(400, "ERROR-V001: Validation Error", data)
        with self._store.transaction() as tx:
            record = {"url": body["webhook_url"], "secret": body.get("secret") or ""}
            tx.put(_REGISTRATIONS, client.client_id, record)
        return json_response(200, {"message": "Webhook registered successfully"})

    # What the sandbox asks

    def failure(self, kind: str, options: JsonObject) -> Response:
        status = options.get("status")
        match kind:
            case "rate_limited":
                refusal = coded(429, "rate_limit_exceeded", "Too many requests").response
                after = options.get("retry_after")
                return refusal if after is None else refusal.with_headers({"Retry-After": str(after)})
            case "expired_token":
                return gateway(401, "The incoming token has expired").response
            case "forbidden":
                return gateway(403, "Forbidden").response
            case "too_large":
                return gateway(413, "Request Too Long").response
            case _:
                body = coded(500, "internal_error", "An unexpected error occurred").response
                if isinstance(status, int) and 400 <= status < 600:
                    return dataclasses.replace(body, status=status)
                return body

    def body_limit(self) -> int | None:
        return BODY_LIMIT if self._toggles.body_limit else None

    def outgoing(self, delivery: JsonObject, forgery: str | None) -> Outgoing | None:
        target = self._registered(delivery["client_id"])
        if target is None:
            return None
        url, secret = target
        body = delivery["body"].encode()
        seals = {
            None: events.signature(body, secret),
            "random": events.signature(b"!" + body, secret),
            "truncated": events.signature(body, secret)[:32],
            "other_secret": events.signature(body, OTHER_SECRET),
        }
        header = "x-kira-signature" if self._toggles.webhook_payload == "R1" else "x-signature-sha256"
        headers = {"content-type": "application/json", "user-agent": "node"}
        if forgery != "missing":
            headers[header] = seals[forgery]
        return Outgoing(url, headers, max(0.1, self._toggles.webhook_timeout_seconds))

    def retry_delay(self, delivery: JsonObject) -> float | None:
        """R4 never tries again; R1 does on anything but 2xx; R5 on 408, 429, 5xx and silence."""
        policy, attempts = self._toggles.webhook_retries, delivery["attempts"]
        delays = {"automatic": _AUTOMATIC_DELAYS, "scheduled": _R5_DELAYS}.get(policy, ())
        status = attempts[-1]["status"]
        final = policy == "scheduled" and status is not None and status not in (408, 429) and status < 500
        if final or len(attempts) > len(delays):
            return None
        return delays[len(attempts) - 1] * self._toggles.webhook_time_factor

    def toggles(self) -> JsonObject:
        return dataclasses.asdict(self._toggles)

    def change_toggles(self, changes: JsonObject) -> None:
        changed = merge(self._toggles, changes)
        with self._store.transaction() as tx:
            kept = tx.get(SETTINGS, "toggles") or {"value": {}}
            tx.put(SETTINGS, "toggles", {"value": {**kept["value"], **changes}})
        self._lifecycle.toggles = changed

    def users(self) -> list[JsonObject]:
        return self._store.where(USERS)

    def decide(self, user_id: str, status: str, reasons: list[Any]) -> bool:
        return self._lifecycle.decide(user_id.lower(), status, reasons, by="operator")

    def emit(self, event: str, data: JsonObject) -> None:
        with self._store.transaction() as tx:
            self._callbacks.queue(
                tx, partner=self.name, client_id=self._options.client_id, event=event, data=data
            )

    def expire_tokens(self) -> None:
        self._access.expire_all()

    def resume(self) -> None:
        kept = self._store.get(SETTINGS, "toggles")
        if kept is not None:
            self._lifecycle.toggles = merge(self._options.toggles, kept["value"])
        self._lifecycle.resume()

    def forget(self) -> None:
        self._lifecycle.toggles = self._options.toggles

    @property
    def _toggles(self) -> KiraToggles:
        return self._lifecycle.toggles

    def _registered(self, client_id: str) -> tuple[str, str] | None:
        record = self._store.get(_REGISTRATIONS, client_id)
        if record is not None:
            return record["url"], record["secret"]
        if client_id == self._options.client_id and self._options.webhook_url:
            return self._options.webhook_url, self._options.webhook_secret
        return None


def _registration_errors(body: Any, client: Client) -> list[JsonObject]:
    if not isinstance(body, dict):
        return [{"loc": "body", "msg": "Input should be a valid dictionary", "type": "dict_type"}]
    errors = [
        {"loc": name, "msg": "Field required", "type": "missing"}
        for name in ("webhook_url", "client_uuid")
        if body.get(name) is None
    ]
    if errors:
        return errors
    url, secret, client_uuid = body["webhook_url"], body.get("secret"), body["client_uuid"]
    if not isinstance(url, str) or not is_url(url):
        errors.append({"loc": "webhook_url", "msg": "Input should be a valid URL", "type": "url_parsing"})
    if secret is not None and (not isinstance(secret, str) or len(secret) < 5):
        message = "String should have at least 5 characters"
        errors.append({"loc": "secret", "msg": message, "type": "string_too_short"})
    if not isinstance(client_uuid, str) or not UUID.fullmatch(client_uuid):
        errors.append({"loc": "client_uuid", "msg": "Input should be a valid UUID", "type": "uuid_parsing"})
    elif client_uuid.lower() != client.client_id.lower():
        errors.append({"loc": "client_uuid", "msg": "Unknown client", "type": "value_error"})
    return errors
