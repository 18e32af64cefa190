"""How long and how often: what all benchmarks of one run share."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROUNDS, ROUNDS_WHEN_NOISY, ROUNDS_WHEN_QUICK = 5, 7, 3


@dataclass(slots=True)
class Run:
    """`seconds` of sending per burst; `few` for what is measured beside the ratios."""

    folder: Path
    is_quick: bool = False
    is_noisy: bool = False
    said: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return 1.0 if self.is_quick else 2.0

    @property
    def paced_seconds(self) -> float:
        return 3.0 if self.is_quick else 6.0

    @property
    def few(self) -> int:
        return 1 if self.is_quick else 3

    def rounds(self) -> Iterator[int]:
        if self.is_quick:
            return iter(range(ROUNDS_WHEN_QUICK))
        return iter(range(ROUNDS_WHEN_NOISY if self.is_noisy else ROUNDS))
