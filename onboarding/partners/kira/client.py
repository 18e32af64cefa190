"""Kira's HTTP interface: the token, the headers, the paths, and what its errors mean (contract sections 1 and 2)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Never
from uuid import UUID

from onboarding.partners.base import (
    Exchange,
    Gate,
    OutcomeUnknown,
    PartnerBusy,
    PartnerRefused,
    RecordMissing,
)
from onboarding.partners.http import Answer, PartnerHttp
from onboarding.partners.kira.values import canonical_uuid, encode

PAGE_SIZE = 100  # more is answered with 500 (section 1.5)
_LONGEST_TOKEN_LIFE = timedelta(days=7)
_PATH = re.compile(r"[A-Za-z0-9_.\[\]-]{1,120}")
_TOKEN = re.compile(r"[!-~]{1,8192}")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KiraSettings:
    """Everything an installation decides about Kira; docs/partners/kira.md says what each means."""

    base_url: str
    api_key: str = field(repr=False)
    client_id: str
    password: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    webhook_header: str = "x-signature-sha256"
    is_r1_webhook_accepted: bool = False
    api_version: str = ""
    are_individuals_enabled: bool = True
    hosted_link_hosts: tuple[str, ...] = ()
    are_private_targets_allowed: bool = False
    max_body_bytes: int = 10_000_000
    find_max_pages: int = 20
    connect_timeout: float = 5
    read_timeout: float = 20
    total_deadline: float = 30
    ca_bundle: str = ""


@dataclass(frozen=True, slots=True)
class _Trouble:
    """An error body of any of Kira's shapes, reduced to what may be kept: code and paths, never a text or a value."""

    code: str = ""
    fields: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    is_key_conflict: bool = False


class KiraClient:
    """Calls Kira as one tenant. Raises the errors of `onboarding.partners.base`, and answers with JSON objects."""

    def __init__(self, settings: KiraSettings, *, gate: Gate) -> None:
        self._settings = settings
        self._gate = gate
        self._http = PartnerHttp(
            settings.base_url,
            gate,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            total_deadline=settings.total_deadline,
            ca_bundle=settings.ca_bundle,
            request_id_header="x-amzn-requestid",
        )

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return self._http.exchanges

    def create_user(self, body: bytes, *, idempotency_key: str) -> dict[str, Any]:
        """`POST v1/users`. A key conflict is an unknown outcome: something was stored under our key (C-15)."""
        return self._user(self._send("POST", "v1/users", body=body, idempotency_key=idempotency_key))

    def update_user(self, reference: str, body: bytes) -> dict[str, Any]:
        """`PUT v1/users/{id}`; raises `RecordMissing` when Kira knows no such user."""
        return self._user(self._send("PUT", _user_path(reference), body=body, names_record=True), reference)

    def read_user(self, reference: str) -> dict[str, Any]:
        """`GET v1/users/{id}`; raises `RecordMissing` when Kira knows no such user."""
        return self._user(self._send("GET", _user_path(reference), names_record=True), reference)

    def list_users(self, *, email: str, offset: int) -> tuple[list[dict[str, Any]], bool]:
        """One page of `GET v1/users` filtered by e-mail, and whether more follow."""
        query = {"email": email, "limit": str(PAGE_SIZE), "offset": str(offset)}
        answer = _object(self._send("GET", "v1/users", query=query))
        users, pagination = answer.get("data"), answer.get("pagination")
        if not isinstance(users, list):
            raise OutcomeUnknown("The partner's list is not a list")
        more = isinstance(pagination, dict) and pagination.get("has_more") is True
        return [user for user in users if isinstance(user, dict)], more and bool(users)

    def open_session(self, reference: str, body: bytes, *, idempotency_key: str) -> dict[str, Any]:
        """`POST v1/users/{id}/verifications`."""
        path = f"{_user_path(reference)}/verifications"
        answer = self._send("POST", path, body=body, idempotency_key=idempotency_key, names_record=True)
        session = _object(answer)
        if canonical_uuid(session.get("id")) is None:
            raise OutcomeUnknown("The partner's answer holds no session id")
        return session

    # --- Sending --------------------------------------------------------------------------------------

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        names_record: bool = False,
    ) -> Answer:
        """With a valid token; a 401 renews it once and repeats once, since the first call was not carried out."""

        def attempt(token: str) -> Answer:
            headers = self._headers() | {"Authorization": f"Bearer {token}"}
            if idempotency_key is not None:
                headers["idempotency-key"] = str(UUID(idempotency_key))
            return self._http.call(method, path, headers=headers, body=body, query=query)

        answer = self._with_token(attempt)
        if not answer.is_success:
            _refuse(answer, names_record=names_record)
        return answer

    def _with_token(self, attempt: Callable[[str], Answer]) -> Answer:
        token = self._gate.token() or self._gate.renew_token(stale=None, fetch=self._fetch_token)
        answer = attempt(token)
        if answer.status == 401:
            answer = attempt(self._gate.renew_token(stale=token, fetch=self._fetch_token))
        return answer

    def _headers(self) -> dict[str, str]:
        headers = {"x-api-key": self._settings.api_key, "Content-Type": "application/json"}
        if self._settings.api_version:
            headers["X-Api-Version"] = self._settings.api_version
        return headers

    def _fetch_token(self) -> tuple[str, timedelta]:
        """`POST auth`. Whatever goes wrong here, the call that needed the token was not made: `PartnerBusy`."""
        credentials = {"client_id": self._settings.client_id, "password": self._settings.password}
        try:
            answer = self._http.call("POST", "auth", headers=self._headers(), body=encode(credentials))
        except OutcomeUnknown as error:
            raise PartnerBusy(f"No token: {error.reason}", http_status=error.http_status) from None
        if not answer.is_success:
            raise PartnerBusy(
                "Credentials refused by the partner: check the API key, the client id and the password",
                http_status=answer.status,
            )
        return _token(answer.data)

    def _user(self, answer: Answer, reference: str | None = None) -> dict[str, Any]:
        user = _object(answer)
        told = canonical_uuid(user.get("id"))
        if told is None:
            raise OutcomeUnknown("The partner's answer holds no user id", http_status=answer.status)
        if reference is not None and told != canonical_uuid(reference):
            raise OutcomeUnknown("The partner answered with another user", http_status=answer.status)
        return user


def _user_path(reference: str) -> str:
    known = canonical_uuid(reference)
    if known is None:
        raise RecordMissing("The reference is not one of this partner's", code="invalid_user_id")
    return f"v1/users/{known}"


def _object(answer: Answer) -> dict[str, Any]:
    if not isinstance(answer.data, dict):
        raise OutcomeUnknown("The partner's answer is not an object", http_status=answer.status)
    return answer.data


def _token(answer: object) -> tuple[str, timedelta]:
    """Token and lifetime as told (section 1.2): 3600 s are documented, other values were seen."""
    data = answer.get("data") if isinstance(answer, dict) else None
    token = data.get("access_token") if isinstance(data, dict) else None
    seconds = data.get("expires_in") if isinstance(data, dict) else None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise PartnerBusy("No token: the partner's answer is not understood")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds <= 0:
        raise PartnerBusy("No token: the partner does not say how long it lives")
    return token, timedelta(seconds=min(seconds, _LONGEST_TOKEN_LIFE.total_seconds()))


# --- Errors ---------------------------------------------------------------------------------------


def _refuse(answer: Answer, *, names_record: bool) -> Never:
    """What a 4xx means; section 1.7 names the shapes, 1.8 what may be repeated."""
    status = answer.status
    if status == 401:
        raise PartnerBusy("The partner refused a fresh token", http_status=status)
    if not isinstance(answer.data, dict):
        raise OutcomeUnknown(f"No usable answer: {status} without JSON", http_status=status)
    trouble = _trouble(answer.data)
    if status == 403 and not trouble.code:
        # E3: the gateway stood in the way, the application never saw the request.
        raise PartnerBusy(
            "Refused by the partner's gateway: check the API key and the address", http_status=status
        )
    if trouble.is_key_conflict:
        raise OutcomeUnknown("The partner holds another request under this key", http_status=status)
    if status == 404:
        if names_record:
            raise RecordMissing("The partner knows no such record", code=trouble.code, http_status=status)
        raise PartnerBusy("The partner knows no such path: check the address", http_status=status)
    named = ", ".join(trouble.issues) or trouble.code or "no reason given"
    raise PartnerRefused(
        f"Refused by the partner ({status}): {named}"[:500],
        code=trouble.code,
        fields=trouble.fields,
        http_status=status,
    )


def _trouble(data: Mapping[str, Any]) -> _Trouble:
    """Read by the rule of section 1.7: an object under `error`, else a list of details, else `code`, else `message`."""
    error, code, details = data.get("error"), data.get("code"), data.get("details")
    if isinstance(error, dict):  # E6
        code, details = error.get("code"), error.get("details")
    if not isinstance(details, list):  # E5 lists its issues under `data`
        details = data.get("data")
    issues = [issue for issue in details if isinstance(issue, dict)] if isinstance(details, list) else []
    paths = [_path(issue) for issue in issues[:50]]
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        code = "validation_error" if issues else ""
    message = data.get("message")
    is_key_conflict = "idempotency" in code.lower() or (
        # C-15: seen once, in place of the documented 409.
        isinstance(message, str) and message.startswith("Failed to store idempotency key")
    )
    return _Trouble(
        code=code,
        fields=tuple(dict.fromkeys(filter(None, paths))),
        issues=tuple(
            " ".join(filter(None, (path, _word(issue)))) for path, issue in zip(paths, issues, strict=False)
        ),
        is_key_conflict=is_key_conflict,
    )


def _word(issue: Mapping[str, Any]) -> str:
    """What kind of issue it is: E1 calls it `code`, E5 `type`."""
    word = issue.get("code", issue.get("type"))
    return word if isinstance(word, str) and _CODE.fullmatch(word) else ""


def _path(issue: Mapping[str, Any]) -> str:
    """Where an issue lies: E1 has a dotted `path`, E5 a `loc` that is a text or a list."""
    where = issue.get("path", issue.get("loc"))
    if isinstance(where, list):
        where = ".".join(str(part) for part in where if isinstance(part, str | int))
    return where if isinstance(where, str) and _PATH.fullmatch(where) else ""
