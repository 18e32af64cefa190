"""A gate for tests: everything passes, and what happened is remembered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from onboarding.partners.base import PartnerBusy


@dataclass
class Passing:
    answers: list[tuple[int, timedelta | None]] = field(default_factory=list)
    failures: int = 0

    def answered(self, *, status: int, retry_after: timedelta | None = None) -> None:
        self.answers.append((status, retry_after))

    def failed(self) -> None:
        self.failures += 1


@dataclass
class OpenGate:
    """Lets every call through unless `is_shut`; keeps one token like the real gate does."""

    is_shut: bool = False
    kept: str | None = None
    lifetimes: list[timedelta] = field(default_factory=list)
    passing: Passing = field(default_factory=Passing)
    inside: int = 0

    @contextmanager
    def passage(self) -> Iterator[Passing]:
        if self.is_shut:
            raise PartnerBusy("paused")
        assert self.inside == 0, "a call inside a call would wait for itself"
        self.inside += 1
        try:
            yield self.passing
        finally:
            self.inside -= 1

    def token(self) -> str | None:
        return self.kept

    def renew_token(self, *, stale: str | None, fetch: Callable[[], tuple[str, timedelta]]) -> str:
        if self.kept is None or self.kept == stale:
            self.kept = None
            self.kept, lifetime = fetch()
            self.lifetimes.append(lifetime)
        return self.kept
