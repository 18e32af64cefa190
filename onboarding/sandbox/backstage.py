"""What the server, the control API and the partners share, and how to begin again."""

from collections.abc import Callable
from dataclasses import dataclass, field

from onboarding.sandbox.callbacks import WEBHOOK_FAULTS, Callbacks
from onboarding.sandbox.faults import KINDS
from onboarding.sandbox.scenarios import FaultBook
from onboarding.sandbox.state import Clock, Journal, Store
from onboarding.sandbox.timetable import Timetable
from onboarding.sandbox.wire import Partner


@dataclass
class Backstage:
    """One of each; partners are added by name before the start."""

    clock: Clock
    store: Store
    journal: Journal
    seed: int = 0
    partners: dict[str, Partner] = field(default_factory=dict)
    timetable: Timetable = field(init=False)
    faults: FaultBook = field(init=False)
    webhook_faults: FaultBook = field(init=False)
    callbacks: Callbacks = field(init=False)

    def __post_init__(self) -> None:
        self.timetable = Timetable(self.clock, self.journal)
        self.faults = FaultBook(frozenset(KINDS), self.seed)
        self.webhook_faults = FaultBook(WEBHOOK_FAULTS, self.seed)
        self.callbacks = Callbacks(
            self.store, self.clock, self.journal, self.timetable, self.webhook_faults, self.partners
        )

    def mount(self, make: Callable[["Backstage"], Partner]) -> None:
        partner = make(self)
        self.partners[partner.name] = partner

    def start(self) -> None:
        """Take up what was waiting when the state was last written."""
        self.timetable.start()
        for partner in self.partners.values():
            partner.resume()
        self.callbacks.resume()

    def stop(self) -> None:
        self.timetable.stop()
        self.callbacks.stop()
        self.store.close()
        self.journal.close()

    def reset(self) -> None:
        """As on a first start: no users, faults, changed toggles or waiting webhooks."""
        with self.store.transaction():
            self.timetable.forget()
            self.faults.clear()
            self.webhook_faults.clear()
            self.store.clear()
            for partner in self.partners.values():
                partner.forget()
        self.journal.forget()
