"""Trouble on order: queues of faults, drawn by a seeded generator, and switches checked by their types."""

import dataclasses
import itertools
import random
import re
import threading
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from onboarding.sandbox.state import JsonObject

_OWN = {"kind", "method", "path", "count", "skip", "probability"}
T = TypeVar("T")


@dataclass
class Fault:
    """One order for trouble: what, on which calls, how often."""

    id: int
    kinds: tuple[str, ...]
    method: str
    path: str
    count: int | None
    skip: int
    probability: float
    options: JsonObject

    def covers(self, method: str, path: str) -> bool:
        return self.count != 0 and self.method in ("*", method) and bool(_pattern(self.path).fullmatch(path))

    def as_json(self) -> JsonObject:
        return {
            "id": self.id,
            "kind": list(self.kinds),
            "method": self.method,
            "path": self.path,
            "count": self.count,
            "skip": self.skip,
            "probability": self.probability,
            **self.options,
        }


@dataclass(frozen=True)
class Trouble:
    """A fault that has just been drawn for one call or delivery."""

    fault_id: int
    kind: str
    options: JsonObject


class FaultBook:
    """The orders still open. The first that covers a call and whose dice fall right is the one that happens."""

    def __init__(self, kinds: frozenset[str], seed: int = 0) -> None:
        self._kinds = kinds
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._ids = itertools.count(1)
        self._faults: list[Fault] = []

    def add(self, spec: JsonObject) -> Fault:
        """Open one order. Raises ValueError, naming what is wrong with it."""
        fault = Fault(
            id=next(self._ids),
            kinds=self._known(spec.get("kind")),
            method=str(spec.get("method", "*")).upper(),
            path=str(spec.get("path", "**")),
            count=_whole(spec, "count", None if "probability" in spec else 1),
            skip=_whole(spec, "skip", 0) or 0,
            probability=_share(spec.get("probability", 1)),
            options={name: value for name, value in spec.items() if name not in _OWN},
        )
        with self._lock:
            self._faults.append(fault)
        return fault

    def draw(self, method: str, path: str) -> Trouble | None:
        """The trouble for this call, if any; uses up one of its count."""
        with self._lock:
            for fault in self._faults:
                if not fault.covers(method, path):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if self._random.random() < fault.probability:
                    if fault.count is not None:
                        fault.count -= 1
                    return Trouble(fault.id, self._random.choice(fault.kinds), fault.options)
            return None

    def open_orders(self) -> list[JsonObject]:
        with self._lock:
            return [fault.as_json() for fault in self._faults if fault.count != 0]

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def reseed(self, seed: int) -> None:
        with self._lock:
            self._random.seed(seed)

    def _known(self, kind: Any) -> tuple[str, ...]:
        kinds = tuple(kind) if isinstance(kind, list) else (kind,)
        unknown = [each for each in kinds if each not in self._kinds]
        if unknown or not kinds:
            raise ValueError(f"kind must be one or more of {', '.join(sorted(self._kinds))}")
        return kinds


def merge(current: T, changes: JsonObject) -> T:
    """A copy of the dataclass `current` with some members changed.

    Raises ValueError for a name it does not have or a value its annotation does not allow.
    """
    hints = get_type_hints(type(current))
    for name, value in changes.items():
        if name not in hints:
            raise ValueError(f"unknown toggle {name}; known are {', '.join(sorted(hints))}")
        if not _fits(value, hints[name]):
            raise ValueError(f"{name} does not take {value!r}; it takes {_wanted(hints[name])}")
    fitted = {name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()}
    return dataclasses.replace(current, **fitted)  # type: ignore[type-var]


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return any(value == allowed and type(value) is type(allowed) for allowed in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1e9
    return isinstance(value, hint)


def _wanted(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(repr(value) for value in get_args(hint))
    return "a list of texts" if get_origin(hint) is tuple else str(hint.__name__)


def _pattern(glob: str) -> re.Pattern[str]:
    parts = (".*" if part == "**" else "[^/]*" if part == "*" else re.escape(part) for part in _pieces(glob))
    return re.compile("".join(parts))


def _pieces(glob: str) -> list[str]:
    return re.split(r"(\*\*|\*)", glob)


def _whole(spec: JsonObject, name: str, default: int | None) -> int | None:
    value = spec.get(name, default)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise ValueError(f"{name} must be a whole number from 0")
    return value


def _share(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError("probability must lie between 0 and 1")
    return float(value)
