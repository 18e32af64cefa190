"""What repeated measurements say: medians, spreads, ratios within one run, and whether a goal is met. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

NOISY_ABOVE = 2.0


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some measurements, with the lowest and the highest of them."""

    middle: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a median should keep. Exactly one of the two is given."""

    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a goal has one bound")

    def is_met_by(self, value: float) -> bool:
        if self.at_least is not None:
            return value >= self.at_least
        assert self.at_most is not None
        return value <= self.at_most

    def __str__(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report that has a goal: every round's value, never a single one."""

    name: str
    values: tuple[float, ...]
    unit: str
    goal: Goal | None = None

    @property
    def spread(self) -> Spread:
        return spread(self.values)

    @property
    def is_met(self) -> bool | None:
        """None without a goal."""
        return self.goal.is_met_by(self.spread.middle) if self.goal else None


def spread(values: Iterable[float]) -> Spread:
    """Raises ValueError when there is nothing to say anything about."""
    known = sorted(values)
    if not known:
        raise ValueError("no measurement")
    return Spread(median(known), known[0], known[-1], len(known))


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that `share` percent of them do not exceed (nearest rank)."""
    known = sorted(values)
    if not known:
        raise ValueError("no measurement")
    return known[max(0, ceil(len(known) * share / 100) - 1)]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """Round by round, so that what disturbs a whole round disturbs both sides of its ratio."""
    if len(ours) != len(theirs) or not ours:
        raise ValueError("a ratio needs the same rounds on both sides")
    return tuple(mine / other for mine, other in zip(ours, theirs, strict=True))


def is_noisy(calibrations: Iterable[float]) -> bool:
    """Whether the same work took more than twice as long at one time as at another."""
    known = spread(calibrations)
    return known.high > NOISY_ABOVE * known.low
