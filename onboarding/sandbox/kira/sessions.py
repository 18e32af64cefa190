"""Verification sessions and the hosted page a person clicks through, contract sections 2.8, 2.11 and 2.12."""

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from onboarding.sandbox import rendering
from onboarding.sandbox.kira import events, fields, once, outcomes
from onboarding.sandbox.kira.answers import Issue, coded, invalid
from onboarding.sandbox.kira.lifecycle import USERS, Lifecycle
from onboarding.sandbox.kira.lookup import own_user, parsed
from onboarding.sandbox.state import JsonObject, Transaction, iso
from onboarding.sandbox.wire import Request, Response, json_response

SESSIONS = "kira.sessions"
LIVENESS_LIFE_SECONDS = 7 * 86400
_OUTCOMES = {"approve": "VERIFIED", "reject": "REJECTED", "review": "REVIEW"}


@dataclass
class Sessions:
    """Opens sessions for a user and takes the answer a person gives on the page."""

    lifecycle: Lifecycle
    base_url: str

    def link(self, session: JsonObject) -> str:
        return f"{self.base_url}/hosted/{session['id']}"

    def open_link(self, tx: Transaction, user: JsonObject) -> None:
        """The link of ``verification_mode: verification_link``."""
        user["link"] = self.link(self._open(tx, user, redirect_uri=user["redirect_uri"]))

    def create(self, request: Request, client_id: str, user_id: str) -> Response:
        """``POST /v1/users/{id}/verifications``."""
        where = once.scope(client_id, request, once.required_key(request))
        body = parsed(request)
        checked = _checked(body)
        user = own_user(self.lifecycle, client_id, user_id)
        now, digest = self.lifecycle.clock.now(), once.digest(body)
        with self.lifecycle.store.transaction() as tx:
            used = once.first_use(tx, where, digest, now=now, toggles=self.lifecycle.toggles)
            if used is not None:
                session = tx.get(SESSIONS, used["result_id"]) or {}
                return json_response(self.lifecycle.toggles.replay_status, self._shown(session))
            session = self._open(
                tx, user, redirect_uri=checked.get("redirect_uri"), by_api=checked["type"] == "api"
            )
            once.remember(tx, where, digest, session["id"], now=now)
            if session["by_api"]:
                self._verify_by_api(tx, user["id"])
            facts = {"user_id": user["id"], "session_id": session["id"], "call": request.id}
            tx.on_commit(
                lambda: self.lifecycle.journal.write("commit", partner="kira", act="session.created", **facts)
            )
        return json_response(201, self._shown(session))

    def create_liveness(self, request: Request, client_id: str, user_id: str) -> Response:
        """One link for the company and one for each of its people, good for seven days."""
        issues: list[Issue] = []
        checked = fields.LIVENESS(parsed(request), "", issues)
        if issues:
            raise invalid(issues)
        user = own_user(self.lifecycle, client_id, user_id)
        if user["type"] != "business":
            raise coded(400, "validation_error", "Liveness links are for business users only")
        redirect = checked["redirect"]
        with self.lifecycle.store.transaction() as tx:
            opened = [
                self._open(
                    tx,
                    user,
                    kind="liveness",
                    person=reference,
                    redirect_uri=redirect["success_url"],
                    reject_uri=redirect["reject_url"],
                )
                for reference in (None, *(person["reference"] for person in user["persons"]))
            ]
        links = [{"person_reference_id": each["person"], "liveness_link": self.link(each)} for each in opened]
        expires = iso(self.lifecycle.clock.now() + LIVENESS_LIFE_SECONDS)
        return json_response(201, {"user_id": user["id"], "expires_at": expires, "links": links})

    def page(self, request: Request, session_id: str) -> Response:
        """The hosted page: GET shows it, POST takes the answer and sends the person on."""
        session = self.lifecycle.store.get(SESSIONS, session_id)
        user = self.lifecycle.store.get(USERS, session["user_id"]) if session else None
        if session is None or user is None:
            return rendering.page_not_found()
        if self._expired(session):
            return rendering.message("This link has expired", "Ask for a new one where you came from.", 410)
        if session["status"] == "completed" or (session["kind"] == "hosted" and user["status"] == "VERIFIED"):
            return rendering.message("This check is finished", "There is nothing left to do on this page.")
        if request.method == "POST":
            return self._answer(session, user, _form(request))
        if request.method in ("GET", "HEAD"):
            return _show(session, user)
        return rendering.message("Method not allowed", "Open this address in a browser.", 405)

    def _answer(self, session: JsonObject, user: JsonObject, form: dict[str, str]) -> Response:
        choice = form.get("decision", "")
        allowed = ("approve", "reject") if session["kind"] == "liveness" else tuple(_OUTCOMES)
        if choice not in allowed:
            return _show(session, user, error="Choose one of the results.", status=400)
        with self.lifecycle.store.transaction() as tx:
            fresh = tx.get(SESSIONS, session["id"]) or {}
            if fresh.get("status") != "not_started":
                return rendering.message(
                    "This check is finished", "There is nothing left to do on this page."
                )
            tx.put(SESSIONS, session["id"], {**fresh, "status": "completed", "result": choice})
            if session["kind"] == "liveness":
                result = "approved" if choice == "approve" else "rejected"
                event = events.liveness_completed(user["id"], session["person"], result)
                self.lifecycle.tell(tx, user, event)
            else:
                self._apply(tx, user["id"], choice, form.get("reason", ""))
        target = session["reject_uri"] if choice == "reject" else None
        target = target or session["redirect_uri"]
        if target:
            return Response(303, b"", {"Location": target, "Cache-Control": "no-store"})
        return rendering.message("Thank you", "The result has been sent. You can close this page.")

    def _apply(self, tx: Transaction, user_id: str, choice: str, text: str) -> None:
        user = tx.get(USERS, user_id) or {}
        user["round"] += 1
        if user["status"] != "VERIFYING":
            self.lifecycle.move(tx, user, "VERIFYING", [], by="hosted page")
        words = text.strip()[:500] or "Your information could not be verified"
        reasons = [outcomes.reason(words, "Rejected on the hosted page.", self.lifecycle.clock.now())]
        self.lifecycle.move(tx, user, _OUTCOMES[choice], reasons, by="hosted page")

    def _verify_by_api(self, tx: Transaction, user_id: str) -> None:
        """Data sent with the call need no page; the scripted course begins unless one is under way."""
        user = tx.get(USERS, user_id) or {}
        if user["status"] in ("CREATED", "REJECTED"):
            self.lifecycle.begin(tx, user)
            tx.put(USERS, user_id, user)

    def _open(self, tx: Transaction, user: JsonObject, **facts: Any) -> JsonObject:
        session: JsonObject = {
            "id": str(uuid.uuid4()),
            "user_id": user["id"],
            "kind": "hosted",
            "by_api": False,
            "person": None,
            "redirect_uri": None,
            "reject_uri": None,
            "status": "not_started",
            "template_id": str(uuid.uuid4()),
            "created_at": self.lifecycle.clock.now(),
            **facts,
        }
        tx.put(SESSIONS, session["id"], session)
        return session

    def _shown(self, session: JsonObject) -> JsonObject:
        shown = {
            "id": session["id"],
            "provider": "aiprise",
            "provider_metadata": {"template_id": session["template_id"], "session_id": session["id"]},
            "status": "in_progress" if session["by_api"] else session["status"],
        }
        if not session["by_api"]:
            shown |= {"provider_link": self.link(session), "verification_link": self.link(session)}
        return shown

    def _expired(self, session: JsonObject) -> bool:
        age: float = self.lifecycle.clock.now() - session["created_at"]
        return session["kind"] == "liveness" and age > LIVENESS_LIFE_SECONDS


def _checked(body: JsonObject) -> JsonObject:
    if body.get("type") not in ("embedded-link", "api"):
        message = "Invalid discriminator value. Expected 'embedded-link' | 'api'"
        raise invalid([Issue("type", message, "invalid_union_discriminator")])
    issues: list[Issue] = []
    check = fields.EMBEDDED_LINK if body["type"] == "embedded-link" else fields.API_DOCUMENTS
    checked: JsonObject = check(body, "", issues)
    if body["type"] == "api" and not issues and not checked.get("documents") and "metadata" not in body:
        issues.append(Issue("documents", "Required", "invalid_type"))
    if "verification_mode" in body:
        message = "Unrecognized key(s) in object: 'verification_mode'"
        issues.append(Issue("", message, "unrecognized_keys"))
    if issues:
        raise invalid(issues)
    return checked


def _form(request: Request) -> dict[str, str]:
    fields_sent = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in fields_sent.items()}


def _show(session: JsonObject, user: JsonObject, *, error: str = "", status: int = 200) -> Response:
    answers = user["answers"]
    name = answers.get("business_legal_name") or f"{answers.get('first_name')} {answers.get('last_name')}"
    liveness = session["kind"] == "liveness"
    targets = [_origin(session[each]) for each in ("redirect_uri", "reject_uri") if session[each]]
    return rendering.page(
        "hosted.html",
        status=status,
        form_targets=targets,
        title="Liveness check"
        if liveness
        else "Verify your business"
        if _is_company(user)
        else "Verify your identity",
        name=name,
        kind="Business" if _is_company(user) else "Individual",
        user_status=user["status"],
        error=rendering.Html('<p class="error" role="alert">' + rendering.escape(error) + "</p>")
        if error
        else "",
        review="" if liveness else rendering.fragment("review_choice.html"),
        back=f"Afterwards you return to {targets[0]}." if targets else "Afterwards you can close this page.",
    )


def _is_company(user: JsonObject) -> bool:
    return bool(user["type"] == "business")


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
