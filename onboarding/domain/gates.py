"""The gate to each partner, as rows that every worker shares: pause switch, breaker, pace, places, and the token.

Pace is GCRA (one theoretical arrival time per credential). Places bound the calls in flight. The breaker counts
failed calls in a row; while it is open one probe per interval is let through.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from config.work import release_connection
from onboarding.domain import audit
from onboarding.domain.audit import Actor, Fact
from onboarding.enums import AuditAction, Partner
from onboarding.models import PartnerGate, PartnerSlot, Submission
from onboarding.partners.base import Gate, PartnerBusy

LONGEST_WAIT = timedelta(seconds=10)
LONGEST_RETRY_AFTER = timedelta(hours=1)
TOKEN_MARGIN = timedelta(minutes=5)
TOKEN_LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits of one credential, from the settings of its partner."""

    per_second: float
    in_flight: int
    breaker_failures: int
    breaker_open: timedelta
    place_lease: timedelta
    claim_lease: timedelta

    @classmethod
    def of(cls, partner: str) -> "Pace":
        deadline = timedelta(seconds=setting(partner, "TOTAL_DEADLINE"))
        return cls(
            per_second=float(setting(partner, "RATE_PER_SECOND")),
            in_flight=int(setting(partner, "MAX_IN_FLIGHT")),
            breaker_failures=int(setting(partner, "BREAKER_FAILURES")),
            breaker_open=timedelta(seconds=setting(partner, "BREAKER_OPEN_SECONDS")),
            place_lease=deadline + timedelta(seconds=5),
            claim_lease=deadline + 2 * LONGEST_WAIT + timedelta(seconds=5),
        )


def setting(partner: str, name: str) -> Any:
    """A setting that every partner has, by its prefix."""
    return getattr(settings, f"{partner}_{name}")


def gate(partner: str) -> Gate:
    """The shared gate of a partner, for a connector to call through."""
    return SharedGate(partner)


def pause(*, partner: str, reason: str, actor: Actor, at: datetime) -> None:
    """Stop all calls to a partner until `resume`; nothing that waits is lost."""
    _ensure_rows(partner, Pace.of(partner))
    with transaction.atomic():
        PartnerGate.objects.filter(pk=partner).update(is_paused=True, paused_reason=reason[:255])
        fact = Fact(AuditAction.PARTNER_PAUSED, {"partner": partner, "reason": reason[:255]})
        audit.record(subject=None, facts=[fact], actor=actor, at=at)


def resume(*, partner: str, actor: Actor, at: datetime) -> None:
    """Let calls to a partner through again, with a closed breaker."""
    with transaction.atomic():
        PartnerGate.objects.filter(pk=partner).update(
            is_paused=False, paused_reason="", failures=0, opened_at=None, next_probe_at=None
        )
        audit.record(
            subject=None, facts=[Fact(AuditAction.PARTNER_RESUMED, {"partner": partner})], actor=actor, at=at
        )


def close_breaker(*, partner: str, actor: Actor, at: datetime) -> None:
    """Let calls through again before the breaker's next probe; a pause stays, and a failure opens it again as ever."""
    with transaction.atomic():
        PartnerGate.objects.filter(pk=partner).update(failures=0, opened_at=None, next_probe_at=None)
        fact = Fact(AuditAction.PARTNER_BREAKER_CLOSED, {"partner": partner})
        audit.record(subject=None, facts=[fact], actor=actor, at=at)


def is_paused(partner: str) -> bool:
    return PartnerGate.objects.filter(pk=partner, is_paused=True).exists()


def states() -> list[PartnerGate]:
    """The gate of every partner, made on first look."""
    for partner in Partner.values:
        _ensure_rows(partner, Pace.of(partner))
    return list(PartnerGate.objects.order_by("partner"))


class SharedGate:
    """`onboarding.partners.base.Gate` over the shared rows."""

    def __init__(self, partner: str) -> None:
        self.partner = partner
        self.pace = Pace.of(partner)
        _ensure_rows(partner, self.pace)

    @contextmanager
    def passage(self) -> Iterator["SharedPassage"]:
        """Wait for a place and a turn, at most ten seconds each; then hold no connection while the call runs."""
        holder = uuid4()
        slot = self._take_place(holder)
        try:
            self._wait_for_turn()
            release_connection()
            yield SharedPassage(self.partner, self.pace)
        finally:
            PartnerSlot.objects.filter(pk=slot, holder=holder).update(
                leased_until=timezone.now(), holder=None
            )

    def token(self) -> str | None:
        """The shared token while it is good for five more minutes, or a tenth of the hour it was given for."""
        row = PartnerGate.objects.only("token", "token_expires_at").get(pk=self.partner)
        if row.token and row.token_expires_at and row.token_expires_at > timezone.now():
            return row.token
        return None

    def renew_token(self, *, stale: str | None, fetch: Callable[[], tuple[str, timedelta]]) -> str:
        """One worker fetches; the others wait for it and take what it brought."""
        deadline = time.monotonic() + LONGEST_WAIT.total_seconds()
        while True:
            current = self.token()
            if current is not None and current != stale:
                return current
            if self._lease_token():
                break
            if time.monotonic() > deadline:
                raise PartnerBusy("no token in time: another worker is still renewing it")
            time.sleep(0.1)
        try:
            token, lifetime = fetch()
        except BaseException:
            PartnerGate.objects.filter(pk=self.partner).update(token_leased_until=None)
            raise
        usable = max(lifetime - TOKEN_MARGIN, lifetime / 2)
        row = PartnerGate(
            pk=self.partner,
            token=token,
            token_expires_at=timezone.now() + usable,
            token_leased_until=None,
        )
        row.save(update_fields=["token", "token_expires_at", "token_leased_until"])
        return token

    def _lease_token(self) -> bool:
        now = timezone.now()
        rows = PartnerGate.objects.filter(pk=self.partner)
        free = rows.filter(token_leased_until=None) | rows.filter(token_leased_until__lt=now)
        return bool(free.update(token_leased_until=now + TOKEN_LEASE))

    def _take_place(self, holder: UUID) -> int:
        deadline = time.monotonic() + LONGEST_WAIT.total_seconds()
        while True:
            with transaction.atomic():
                now = timezone.now()
                free = PartnerSlot.objects.filter(
                    partner=self.partner, number__lt=self.pace.in_flight, leased_until__lte=now
                )
                if connection.features.has_select_for_update_skip_locked:
                    free = free.select_for_update(skip_locked=True)
                pk = free.order_by("number").values_list("pk", flat=True).first()
                if pk is not None:
                    PartnerSlot.objects.filter(pk=pk).update(
                        leased_until=now + self.pace.place_lease, holder=holder
                    )
                    return int(pk)
            if time.monotonic() > deadline:
                raise PartnerBusy("every place towards the partner is taken")
            time.sleep(0.02)

    def _wait_for_turn(self) -> None:
        with transaction.atomic():
            row = PartnerGate.objects.select_for_update(no_key=True).get(pk=self.partner)
            now = timezone.now()
            self._check_open(row, now)
            turn = max(row.next_slot_at, now)
            if turn - now > LONGEST_WAIT:
                raise PartnerBusy("the partner's pace leaves no turn now", retry_after=turn - now)
            interval = timedelta(seconds=1 / self.pace.per_second)
            PartnerGate.objects.filter(pk=self.partner).update(next_slot_at=turn + interval)
        time.sleep(max(0.0, (turn - now).total_seconds()))

    def _check_open(self, row: PartnerGate, now: datetime) -> None:
        if row.is_paused:
            raise PartnerBusy("the partner is paused", retry_after=timedelta(seconds=15))
        if row.not_before and row.not_before > now:
            raise PartnerBusy("the partner asked us to wait", retry_after=row.not_before - now)
        if row.opened_at is not None:
            if row.next_probe_at and row.next_probe_at > now:
                raise PartnerBusy("the breaker is open", retry_after=row.next_probe_at - now)
            PartnerGate.objects.filter(pk=self.partner).update(next_probe_at=now + self.pace.breaker_open)


class LeasedGate(SharedGate):
    """The gate for one claimed submission: right before every call the claim is checked and its lease pushed.

    So a lease needs to cover one call only, and a worker that lost its claim sends nothing.
    """

    def __init__(self, submission: Submission) -> None:
        super().__init__(submission.partner)
        self.submission = submission

    @contextmanager
    def passage(self) -> Iterator["SharedPassage"]:
        with super().passage() as passage:
            held = Submission.objects.filter(pk=self.submission.pk, fence=self.submission.fence)
            if not held.update(leased_until=Now() + self.pace.claim_lease):
                raise PartnerBusy("another worker took the submission over")
            release_connection()
            yield passage


class SharedPassage:
    """`onboarding.partners.base.Passage` over the shared rows. Writes only when something changes."""

    def __init__(self, partner: str, pace: Pace) -> None:
        self.partner = partner
        self.pace = pace

    def answered(self, *, status: int, retry_after: timedelta | None = None) -> None:
        rows = PartnerGate.objects.filter(pk=self.partner)
        if status == 429:
            wait = min(retry_after or timedelta(seconds=1), LONGEST_RETRY_AFTER)
            rows.update(not_before=timezone.now() + wait)
        elif status >= 500:
            self.failed()
        else:
            rows.exclude(failures=0, opened_at=None).update(failures=0, opened_at=None, next_probe_at=None)

    def failed(self) -> None:
        rows = PartnerGate.objects.filter(pk=self.partner)
        rows.update(failures=F("failures") + 1)
        now = timezone.now()
        rows.filter(failures__gte=self.pace.breaker_failures, opened_at=None).update(
            opened_at=now, next_probe_at=now + self.pace.breaker_open
        )


_ready: set[tuple[str, int]] = set()


def _ensure_rows(partner: str, pace: Pace) -> None:
    """Make the rows of a partner once per process; safe when many start at once."""
    if (partner, pace.in_flight) in _ready and not getattr(settings, "TESTING", False):
        return
    PartnerGate.objects.bulk_create([PartnerGate(partner=partner)], ignore_conflicts=True)
    slots = [PartnerSlot(partner=partner, number=number) for number in range(pace.in_flight)]
    PartnerSlot.objects.bulk_create(slots, ignore_conflicts=True)
    _ready.add((partner, pace.in_flight))
