"""How fast one app may call (contract section 1.6), across all processes, at little cost.

GCRA over one row per app: the row holds the theoretical arrival time of the next request. A process takes a few turns
from the row at once and spends them within a second, so most requests touch no row. The row is moved by a
conditional update outside any other transaction: nobody waits for anybody's work.
"""

import math
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from onboarding.models import ApiClient, ThrottleWindow

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
TURNS_LIVE_SECONDS: Final = 1.0
RACES: Final = 20


@dataclass(frozen=True, slots=True)
class Rate:
    """`calls` per `seconds`; as many may come at once."""

    calls: int
    seconds: int

    @property
    def interval(self) -> float:
        return self.seconds / self.calls

    @property
    def turns(self) -> int:
        """How many turns a process takes at once: a twentieth of a second's worth, so little is wasted."""
        return max(1, int(self.calls / self.seconds / 20))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the app is told in its headers. `wait` is 0 when the call may proceed; all in whole seconds."""

    limit: int
    remaining: int
    reset: int
    wait: int = 0

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


@dataclass(slots=True)
class _Turns:
    left: int
    good_until: float
    verdict: Verdict


_lock = threading.Lock()
_turns: dict[object, _Turns] = {}


@lru_cache(maxsize=8)
def parse_rate(text: str) -> Rate:
    """`100/s` and the like, as the settings check it."""
    calls, unit = text.split("/")
    return Rate(int(calls), UNITS[unit])


def take(client: ApiClient) -> Verdict:
    """Take one turn of this app."""
    rate = parse_rate(settings.THROTTLE_PER_APP)
    key = (client.pk, rate)
    with _lock:
        turns = _turns.get(key)
        if turns is not None and turns.left > 0 and turns.good_until > time.monotonic():
            turns.left -= 1
            return turns.verdict
    verdict, taken = _advance(client, rate)
    with _lock:
        if taken > 1:
            _turns[key] = _Turns(taken - 1, time.monotonic() + TURNS_LIVE_SECONDS, verdict)
        if len(_turns) > 1_000:
            _turns.clear()
    return verdict


def _advance(client: ApiClient, rate: Rate) -> tuple[Verdict, int]:
    """Move the app's row forward by as many turns as it has room for; none when it must wait."""
    for _ in range(RACES):
        window = ThrottleWindow.objects.filter(pk=client.pk).first()
        if window is None:
            window, _ = ThrottleWindow.objects.get_or_create(
                client=client, defaults={"arrival_at": timezone.now()}
            )
        verdict, taken, arrival_at = _step(window.arrival_at, rate)
        unmoved = ThrottleWindow.objects.filter(pk=client.pk, arrival_at=window.arrival_at)
        if not taken or unmoved.update(arrival_at=arrival_at):
            return verdict, taken
    with transaction.atomic():  # so many at once that the row is worth waiting for
        window = ThrottleWindow.objects.select_for_update(no_key=True).get(pk=client.pk)
        verdict, taken, arrival_at = _step(window.arrival_at, rate)
        ThrottleWindow.objects.filter(pk=client.pk).update(arrival_at=arrival_at)
    return verdict, taken


def _step(arrival_at: datetime, rate: Rate) -> tuple[Verdict, int, datetime]:
    """What may be taken now, how many turns, and the arrival time that leaves."""
    now = timezone.now()
    burst = rate.interval * rate.calls
    ahead = max(0.0, (arrival_at - now).total_seconds())
    room = math.floor((burst - ahead) / rate.interval + 1e-6)
    if room < 1:
        wait = max(1, math.ceil(ahead + rate.interval - burst))
        return Verdict(rate.calls, 0, max(1, math.ceil(ahead)), wait), 0, arrival_at
    taken = min(rate.turns, room)
    ahead += taken * rate.interval
    verdict = Verdict(rate.calls, room - taken, max(1, math.ceil(ahead)))
    return verdict, taken, now + timedelta(seconds=ahead)
