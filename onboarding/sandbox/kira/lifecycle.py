"""The one place that gives a user a status, now or later, and tells the webhook, contract sections 6.3 and 7."""

import uuid
from dataclasses import dataclass
from typing import Any

from onboarding.sandbox.backstage import Backstage
from onboarding.sandbox.kira import events, outcomes
from onboarding.sandbox.kira.options import KiraToggles
from onboarding.sandbox.state import Clock, Journal, JsonObject, Store, Transaction, iso

USERS = "kira.users"
STEPS = "kira.steps"


@dataclass
class Lifecycle:
    """Starts verifications, takes their steps and records every move."""

    shared: Backstage
    toggles: KiraToggles

    @property
    def store(self) -> Store:
        return self.shared.store

    @property
    def clock(self) -> Clock:
        return self.shared.clock

    @property
    def journal(self) -> Journal:
        return self.shared.journal

    def tell(self, tx: Transaction, user: JsonObject, event: events.Event) -> None:
        name, data = event
        self.shared.callbacks.queue(tx, partner="kira", client_id=user["client_id"], event=name, data=data)

    def begin(self, tx: Transaction, user: JsonObject) -> None:
        """Plan the whole course of a verification; the status itself stays until the first step is due."""
        now = self.clock.now()
        user["round"] += 1
        for step in outcomes.steps(user, self.toggles, now=now):
            record = {
                "id": str(uuid.uuid4()),
                "user_id": user["id"],
                "round": user["round"],
                "due": now + step.delay_seconds,
                "status": step.status,
                "reasons": step.reasons,
            }
            tx.put(STEPS, record["id"], record)
            tx.on_commit(lambda record=record: self._plan(record))  # type: ignore[misc]

    def move(self, tx: Transaction, user: JsonObject, status: str, reasons: list[Any], by: str) -> None:
        """Take `status` now. Steps that were planned for an earlier round will find the round has passed."""
        previous, now = user["status"], self.clock.now()
        user["status"] = status
        user["updated_at"] = now
        user["reasons"] = reasons if status == "REJECTED" else []
        user["history"].append({"from": previous, "to": status, "at": iso(now), "by": by})
        tx.put(USERS, user["id"], user)
        for event in events.moved(user, previous, self.toggles):
            self.tell(tx, user, event)
        facts = {"user_id": user["id"], "previous": previous, "status": status, "by": by}
        tx.on_commit(lambda: self.journal.write("commit", partner="kira", act="user.moved", **facts))

    def decide(self, user_id: str, status: str, reasons: list[Any], by: str) -> bool:
        """A person's word overrides whatever was planned; False when there is no such user."""
        with self.store.transaction() as tx:
            user = tx.get(USERS, user_id)
            if user is None:
                return False
            user["round"] += 1
            self.move(tx, user, status, reasons, by)
        return True

    def resume(self) -> None:
        for record in self.store.where(STEPS):
            self._plan(record)

    def _plan(self, record: JsonObject) -> None:
        self.shared.timetable.at(record["due"], lambda: self._take(record["id"]))

    def _take(self, step_id: str) -> None:
        with self.store.transaction() as tx:
            step = tx.get(STEPS, step_id)
            if step is None:
                return
            tx.delete(STEPS, step_id)
            user = tx.get(USERS, step["user_id"])
            if user is not None and user["round"] == step["round"] and user["status"] != step["status"]:
                self.move(tx, user, step["status"], step["reasons"], by="script")
