"""Create, read, list and change users, contract sections 2.1, 2.2, 2.6, 2.9 and 2.10."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from onboarding.sandbox.kira import events, fields, once, records, representation, rules, values
from onboarding.sandbox.kira.answers import Issue, Refusal, coded, crashed, invalid
from onboarding.sandbox.kira.lifecycle import USERS, Lifecycle
from onboarding.sandbox.kira.lookup import own_user, parsed
from onboarding.sandbox.kira.options import KiraToggles
from onboarding.sandbox.kira.schema import below, is_moment
from onboarding.sandbox.kira.sessions import Sessions
from onboarding.sandbox.state import JsonObject, Transaction
from onboarding.sandbox.wire import Request, Response, json_response


@dataclass
class Users:
    """The four calls on users. Each raises `Refusal` for anything but success."""

    lifecycle: Lifecycle
    sessions: Sessions
    files_at: str

    @property
    def _toggles(self) -> KiraToggles:
        return self.lifecycle.toggles

    def create(self, request: Request, client_id: str) -> Response:
        """201 and a new user, or the replay of an earlier call with the same key and body."""
        where = once.scope(client_id, request, once.required_key(request))
        body = parsed(request)
        try:
            checked = self._checked_create(body)
        except Refusal:
            if self._toggles.burn_key_on_400:
                with self.lifecycle.store.transaction() as tx:
                    once.burn(tx, where, now=self.lifecycle.clock.now())
            raise
        now, digest = self.lifecycle.clock.now(), once.digest(body)
        with self.lifecycle.store.transaction() as tx:
            used = once.first_use(tx, where, digest, now=now, toggles=self._toggles)
            if used is not None:
                user = tx.get(USERS, used["result_id"]) or {}
                return json_response(self._toggles.replay_status, self._written(user))
            if self._toggles.unique_email_on_post:
                self._refuse_taken(tx, client_id, None, {"email": checked["email"]})
            user = records.new_user(checked, client_id=client_id, now=now)
            once.remember(tx, where, digest, user["id"], now=now)
            self._store_new(tx, user, request)
        return json_response(201, self._written(user))

    def read(self, request: Request, client_id: str, user_id: str) -> Response:
        user = self._own(client_id, user_id)
        return json_response(200, representation.after_read(user, self._toggles))

    def change(self, request: Request, client_id: str, user_id: str) -> Response:
        """A partial update; 403 on a verified user, 409 on somebody else's email or phone."""
        kind = self._own(client_id, user_id)["type"]
        issues: list[Issue] = []
        body = fields.UPDATE[kind](parsed(request), "", issues)
        self._add_minority(body, issues)
        if issues:
            raise invalid(issues)
        with self.lifecycle.store.transaction() as tx:
            user = tx.get(USERS, user_id.lower()) or {}
            answer = self._changed(tx, user, body, request)
        return json_response(200, answer)

    def listing(self, request: Request, client_id: str) -> Response:
        """Newest first, filtered, in pages."""
        query = request.query
        limit, offset = self._page(query)
        _check_filters(query)
        with self.lifecycle.store.transaction() as tx:
            found, total = tx.newest(
                USERS, lambda user: _matches(user, client_id, query), offset=offset, limit=limit
            )
        page = [representation.in_list(user, self._toggles) for user in found]
        pagination = {
            "total": total,
            "limit": limit,
            "offset": offset,
            "has_more": offset + limit < total,
        }
        return json_response(200, {"data": page, "pagination": pagination})

    def _checked_create(self, body: Any) -> JsonObject:
        kind = body.get("type")
        if kind not in ("individual", "business"):
            message = "Invalid discriminator value. Expected 'individual' | 'business'"
            raise invalid([Issue("type", message, "invalid_union_discriminator")])
        issues: list[Issue] = []
        checked: JsonObject = fields.CREATE[kind](body, "", issues)
        self._add_minority(checked, issues)
        if issues:
            raise invalid(issues)
        if kind == "individual" and self._toggles.business_only:
            raise coded(400, "business_only", "Only business users are enabled for this client")
        return checked

    def _add_minority(self, body: JsonObject, issues: list[Issue]) -> None:
        born = body.get("birth_date") if isinstance(body, dict) else None
        broken = any(issue.path == "birth_date" for issue in issues)
        today = datetime.fromtimestamp(self.lifecycle.clock.now(), UTC).date()
        if self._toggles.refuse_minors and born and not broken and _age(date.fromisoformat(born), today) < 18:
            issues.append(Issue("birth_date", "User must be at least 18 years old", "custom"))

    def _store_new(self, tx: Transaction, user: JsonObject, request: Request) -> None:
        user["triggered"] = rules.triggers(user, self._toggles)
        if user["mode"] == "verification_link":
            self.sessions.open_link(tx, user)
        if user["triggered"]:
            self.lifecycle.begin(tx, user)
        tx.put(USERS, user["id"], user)
        self.lifecycle.tell(tx, user, events.created(user, self._toggles))
        self._note(tx, "user.created", user, request)

    def _changed(self, tx: Transaction, user: JsonObject, body: JsonObject, request: Request) -> JsonObject:
        toggles, status = self._toggles, user["status"]
        if status == "VERIFIED" and toggles.lock_verified:
            raise coded(403, "forbidden", "Verified users cannot be updated")
        if toggles.unique_contacts_on_put:
            self._refuse_taken(tx, user["client_id"], user["id"], body)
        names = records.update(user, body, now=self.lifecycle.clock.now())
        again = records.is_sensitive(names)
        ready = status == "CREATED" or (again and status in ("REJECTED", "VERIFIED"))
        under_way = status == "CREATED" and user["round"] > 0
        triggered = ready and not under_way and rules.triggers(user, toggles)
        if triggered:
            self.lifecycle.begin(tx, user)
        user["triggered"] = user["triggered"] or triggered
        if user["mode"] == "verification_link" and not user["link"]:
            self.sessions.open_link(tx, user)
        tx.put(USERS, user["id"], user)
        self._note(tx, "user.updated", user, request)
        return {
            **self._written(user),
            "verification_triggered": triggered,
            "updated_fields": names,
            "requires_reverification": again,
        }

    def _refuse_taken(self, tx: Transaction, client_id: str, own_id: str | None, body: JsonObject) -> None:
        for name in ("email", "phone"):
            wanted = str(body.get(name) or "").casefold()
            taken = wanted and tx.where(
                USERS,
                lambda user, name=name, wanted=wanted: (  # type: ignore[misc]
                    user["client_id"] == client_id
                    and user["id"] != own_id
                    and str(user["answers"].get(name) or "").casefold() == wanted
                ),
            )
            if taken:
                raise coded(409, "resource_conflict", f"A user with this {name} already exists")

    def _own(self, client_id: str, user_id: str) -> JsonObject:
        return own_user(self.lifecycle, client_id, user_id)

    def _written(self, user: JsonObject) -> JsonObject:
        now = self.lifecycle.clock.now()
        return representation.after_write(user, self._toggles, files_at=self.files_at, now=now)

    def _note(self, tx: Transaction, act: str, user: JsonObject, request: Request) -> None:
        facts = {"user_id": user["id"], "call": request.id, "key": request.headers.get("idempotency-key")}
        tx.on_commit(lambda: self.lifecycle.journal.write("commit", partner="kira", act=act, **facts))

    def _page(self, query: Any) -> tuple[int, int]:
        limit, offset = _count(query, "limit", 10, low=1), _count(query, "offset", 0, low=0)
        if limit > 100 and self._toggles.limit_over_100 == "crash":
            raise crashed()
        if limit > 100:
            raise invalid([Issue("limit", "Number must be less than or equal to 100", "too_big")])
        return limit, offset


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _count(query: Any, name: str, default: int, *, low: int) -> int:
    given = query.get(name)
    if given is None:
        return default
    if not given.isascii() or not given.lstrip("-").isdigit() or len(given) > 12:
        raise invalid([Issue(name, "Expected number, received nan", "invalid_type")])
    if int(given) < low:
        raise invalid([Issue(name, f"Number must be greater than or equal to {low}", "too_small")])
    return int(given)


_FILTERS = {
    "status": values.LIST_STATUSES,
    "type": ("individual", "business"),
    "verification_status": ("UNVERIFIED", "VERIFIED"),
}


def _check_filters(query: Any) -> None:
    issues = []
    for name, allowed in _FILTERS.items():
        if name in query and query[name] not in allowed:
            listed = " | ".join(f"'{value}'" for value in allowed)
            message = f"Invalid enum value. Expected {listed}, received '{query[name]}'"
            issues.append(Issue(below("", name), message, "invalid_enum_value"))
    for name in ("created_after", "created_before"):
        if name in query and not is_moment(query[name]):
            issues.append(Issue(name, "Invalid datetime", "invalid_string"))
    if issues:
        raise invalid(issues)


def _matches(user: JsonObject, client_id: str, query: Any) -> bool:
    verified = "VERIFIED" if user["status"] == "VERIFIED" else "UNVERIFIED"
    return (
        user["client_id"] == client_id
        and query.get("status", user["status"]) == user["status"]
        and query.get("type", user["type"]) == user["type"]
        and query.get("verification_status", verified) == verified
        and query.get("email", user["answers"]["email"]).casefold() == user["answers"]["email"].casefold()
        and ("created_after" not in query or user["created_at"] > _seconds(query["created_after"]))
        and ("created_before" not in query or user["created_at"] < _seconds(query["created_before"]))
    )


def _seconds(moment: str) -> float:
    parsed_moment = datetime.fromisoformat(moment)
    return (parsed_moment if parsed_moment.tzinfo else parsed_moment.replace(tzinfo=UTC)).timestamp()
