"""Webhooks to the outside: kept, sent once or several times, and spoiled on request.

A delivery is a record before it is a message, so one that waits for its next attempt survives a restart.
Ordering is never promised; several are under way at once.
"""

import http.client
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from onboarding.sandbox.scenarios import FaultBook, Trouble
from onboarding.sandbox.state import Clock, Journal, JsonObject, Store, Transaction, iso
from onboarding.sandbox.timetable import Timetable
from onboarding.sandbox.wire import Outgoing, Partner

DELIVERIES = "deliveries"
WEBHOOK_FAULTS = frozenset({"duplicate", "reorder", "late", "drop", "forged", "other_secret"})
_FORGERIES = {"random", "missing", "truncated"}


@dataclass
class Callbacks:
    """Queues and sends the webhooks of every partner."""

    store: Store
    clock: Clock
    journal: Journal
    timetable: Timetable
    faults: FaultBook
    partners: dict[str, Partner]
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16, "sandbox-webhook"))
    _held: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def queue(self, tx: Transaction, *, partner: str, client_id: str, event: str, data: JsonObject) -> None:
        """Deliver ``{"event", "data"}`` as compact JSON once the transaction commits."""
        body = json.dumps({"event": event, "data": data}, ensure_ascii=False, separators=(",", ":"))
        self._plan(tx, _delivery(partner, client_id, event, data.get("event_id"), body, self.clock.now()))

    def resend(self, delivery_id: str) -> bool:
        """Send the same body again, as an operator of the partner would; False when it is unknown."""
        with self.store.transaction() as tx:
            old = tx.get(DELIVERIES, delivery_id)
            if old is None:
                return False
            again = _delivery(
                old["partner"], old["client_id"], old["event"], old["event_id"], old["body"], self.clock.now()
            )
            self._keep(tx, again, due=self.clock.now())
        return True

    def resume(self) -> None:
        for delivery in self.store.where(DELIVERIES, lambda record: record["state"] == "PENDING"):
            self._send_at(delivery["id"], delivery["due"])

    def stop(self) -> None:
        self._stopped = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _plan(self, tx: Transaction, delivery: JsonObject) -> None:
        trouble = self.faults.draw(delivery["partner"].upper(), delivery["event"])
        now, seconds = self.clock.now(), _seconds(trouble)
        delivery["fault"] = trouble.kind if trouble else None
        match trouble.kind if trouble else None:
            case "drop":
                delivery["state"] = "DROPPED"
                tx.put(DELIVERIES, delivery["id"], delivery)
            case "late":
                self._keep(tx, delivery, due=now + seconds)
            case "reorder":
                with self._lock:
                    self._held.add(delivery["id"])
                self._keep(tx, delivery, due=now + seconds)
            case "duplicate":
                self._keep(tx, delivery, due=now)
                for _ in range(_copies(trouble) - 1):
                    self._keep(tx, {**delivery, "id": str(uuid.uuid4())}, due=now)
            case "forged" | "other_secret":
                self._forge(tx, delivery, trouble, now)
            case _:
                self._keep(tx, delivery, due=now)

    def _forge(self, tx: Transaction, delivery: JsonObject, trouble: Trouble | None, now: float) -> None:
        options = trouble.options if trouble else {}
        variant = options.get("signature", "random")
        wanted = variant if variant in _FORGERIES else "random"
        forgery = "other_secret" if delivery["fault"] == "other_secret" else wanted
        if options.get("extra", False):
            self._keep(tx, {**delivery, "id": str(uuid.uuid4()), "fault": None}, due=now)
        self._keep(tx, {**delivery, "forgery": forgery}, due=now)

    def _keep(self, tx: Transaction, delivery: JsonObject, *, due: float) -> None:
        delivery["due"] = due
        tx.put(DELIVERIES, delivery["id"], delivery)
        tx.on_commit(lambda: self._send_at(delivery["id"], due))

    def _send_at(self, delivery_id: str, due: float) -> None:
        self.timetable.at(due, lambda: self._start(delivery_id))

    def _start(self, delivery_id: str) -> None:
        if not self._stopped:
            self._pool.submit(self._attempt, delivery_id)

    def _attempt(self, delivery_id: str) -> None:
        try:
            self._attempt_once(delivery_id)
        except Exception as error:
            self.journal.write("error", where="webhook", delivery=delivery_id, error=type(error).__name__)

    def _attempt_once(self, delivery_id: str) -> None:
        with self._lock:
            self._held.discard(delivery_id)
        delivery = self.store.get(DELIVERIES, delivery_id)
        if delivery is None or delivery["state"] != "PENDING":
            return
        partner = self.partners[delivery["partner"]]
        outgoing = partner.outgoing(delivery, delivery.get("forgery"))
        if outgoing is None:
            self._finish(delivery, "NO_TARGET")
            return
        status = _post(outgoing, delivery["body"].encode())
        delivery["attempts"].append({"at": iso(self.clock.now()), "status": status})
        self.journal.write("webhook", **_facts(delivery), attempt=len(delivery["attempts"]), status=status)
        if status is not None and 200 <= status < 300:
            self._finish(delivery, "DELIVERED")
            self._release_held(delivery["partner"])
        else:
            self._try_later(delivery, partner.retry_delay(delivery))

    def _try_later(self, delivery: JsonObject, delay: float | None) -> None:
        if delay is None:
            self._finish(delivery, "FAILED")
            return
        with self.store.transaction() as tx:
            if tx.get(DELIVERIES, delivery["id"]) is not None:
                self._keep(tx, delivery, due=self.clock.now() + delay)

    def _finish(self, delivery: JsonObject, state: str) -> None:
        with self.store.transaction() as tx:
            if tx.get(DELIVERIES, delivery["id"]) is not None:
                tx.put(DELIVERIES, delivery["id"], {**delivery, "state": state})

    def _release_held(self, partner: str) -> None:
        """Another event has overtaken; those held back to be overtaken may go now."""
        with self._lock:
            held = list(self._held)
        for delivery_id in held:
            record = self.store.get(DELIVERIES, delivery_id)
            if record is not None and record["partner"] == partner:
                self._send_at(delivery_id, self.clock.now())


def _delivery(partner: str, client_id: str, event: str, event_id: Any, body: str, now: float) -> JsonObject:
    return {
        "id": str(uuid.uuid4()),
        "partner": partner,
        "client_id": client_id,
        "event": event,
        "event_id": event_id,
        "body": body,
        "created_at": iso(now),
        "due": now,
        "state": "PENDING",
        "fault": None,
        "attempts": [],
    }


def _facts(delivery: JsonObject) -> JsonObject:
    return {
        "partner": delivery["partner"],
        "delivery": delivery["id"],
        "event": delivery["event"],
        "event_id": delivery["event_id"],
        "fault": delivery["fault"],
    }


def _seconds(trouble: Trouble | None) -> float:
    value = trouble.options.get("seconds", 10) if trouble else 0
    return float(value) if isinstance(value, int | float) else 10.0


def _copies(trouble: Trouble | None) -> int:
    value = trouble.options.get("copies", 2) if trouble else 1
    return value if isinstance(value, int) and 1 <= value <= 1000 else 2


def _post(outgoing: Outgoing, body: bytes) -> int | None:
    """The status of one POST, never following a redirect; None when no answer came."""
    parts = urlsplit(outgoing.url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = connect(parts.hostname or "", parts.port, timeout=outgoing.timeout_seconds)
    except (http.client.HTTPException, ValueError):
        return None
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, dict(outgoing.headers))
        response = connection.getresponse()
        response.read(65536)
        return response.status
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
