"""Telling product apps: events become deliveries, and a crew of threads carries them out.

Every endpoint is a lane that one thread at a time serves, in the order of events, for a short slice. A lane whose
endpoint fails rests before it is tried again. So an endpoint that hangs costs one thread one time-out in a while,
however much is waiting for it, and the others nothing.
"""

import logging
import threading
import time
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from onboarding.domain import events
from onboarding.models import ApiClient, Event
from webhooks import deliveries
from webhooks.enums import EndpointStatus
from webhooks.models import Delivery, WebhookEndpoint

logger = logging.getLogger(__name__)

BATCH = 200
SLICE_SECONDS = 2.0
IDLE_SECONDS = 0.3


# --- From events to deliveries ----------------------------------------------------------------------


def fan_out() -> int:
    """Make the deliveries of committed events; returns of how many. Safe beside others who do the same."""
    total = 0
    while True:
        waiting = Event.objects.filter(is_fanned_out=False)
        clients = list(ApiClient.objects.filter(Exists(waiting.filter(client=OuterRef("pk")))).order_by("pk"))
        for client in clients:
            events.assign_positions(client=client)
        done = _fan_out_batch() if clients else 0
        total += done
        if done < BATCH:
            return total


@transaction.atomic
def _fan_out_batch() -> int:
    batch = list(
        Event.objects.filter(is_fanned_out=False, position__isnull=False)
        .order_by("created_at", "position")
        .select_for_update(skip_locked=True, of=("self",))[:BATCH]
    )
    listeners = list(
        WebhookEndpoint.objects.filter(
            client__in={event.client_id for event in batch}, status=EndpointStatus.ACTIVE, removed_at=None
        )
    )
    rows = [
        Delivery(event=event, endpoint=endpoint, due_at=event.created_at)
        for event in batch
        for endpoint in listeners
        if endpoint.client_id == event.client_id and (not endpoint.events or event.name in endpoint.events)
    ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    Event.objects.filter(pk__in=[event.pk for event in batch]).update(is_fanned_out=True)
    return len(batch)


# --- The lanes ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lane:
    endpoint_id: UUID
    holder: UUID

    @classmethod
    def claim(cls) -> "_Lane | None":
        """The free lane that was served longest ago and has something due, or None."""
        holder = uuid4()
        with transaction.atomic():
            pk = (
                _open_lanes()
                .order_by("served_at")
                .select_for_update(skip_locked=True, of=("self",))
                .values_list("pk", flat=True)
                .first()
            )
            if pk is None:
                return None
            claimed = _free(WebhookEndpoint.objects.filter(pk=pk)).update(
                leased_until=Now() + deliveries.lease(), lease_holder=holder, served_at=Now()
            )
        return cls(pk, holder) if claimed else None

    def hold(self) -> bool:
        """Keep the lane for one more delivery; False when it was lost, or must rest."""
        mine = WebhookEndpoint.objects.filter(pk=self.endpoint_id, lease_holder=self.holder)
        return bool(mine.filter(_rested()).update(leased_until=Now() + deliveries.lease()))

    def release(self) -> None:
        WebhookEndpoint.objects.filter(pk=self.endpoint_id, lease_holder=self.holder).update(
            leased_until=None, lease_holder=None
        )

    def serve(self) -> int:
        """Send what is due, for a slice of time or until something fails; returns the attempts made."""
        ends = time.monotonic() + SLICE_SECONDS
        sent = 0
        try:
            while self.hold() and (sent == 0 or time.monotonic() < ends):
                waiting = Delivery.objects.filter(endpoint_id=self.endpoint_id)
                delivery = waiting.claim_one(lease=deliveries.lease())
                if delivery is None:
                    break
                sent += 1
                deliveries.attempt(delivery=delivery)
        finally:
            self.release()
        return sent


def _rested() -> Q:
    return Q(not_before=None) | Q(not_before__lte=Now())


def _free(lanes: "QuerySet[WebhookEndpoint]") -> "QuerySet[WebhookEndpoint]":
    return lanes.filter(Q(leased_until=None) | Q(leased_until__lt=Now()))


def _open_lanes() -> "QuerySet[WebhookEndpoint]":
    due = Delivery.objects.due().filter(endpoint=OuterRef("pk"))
    active = WebhookEndpoint.objects.filter(
        status=EndpointStatus.ACTIVE, removed_at=None, client__is_active=True
    )
    return _free(active.filter(_rested())).filter(Exists(due))


def deliver_due(*, seconds: float, threads: int | None = None) -> int:
    """Fan out, then send what is due for at most about `seconds`; returns the attempts made.

    Ends early when nothing is due and nobody is sending. With `threads` 1 all happens in the calling thread.
    """
    work_round = _Round(seconds)
    fan_out()
    lanes = _open_lanes().count()
    wanted = min(settings.WEBHOOK_DELIVERY_THREADS if threads is None else threads, max(2, lanes))
    if lanes == 0:
        return 0
    if wanted == 1:
        work_round.work()
        return work_round.sent
    crew = [threading.Thread(target=work_round.work_and_close, name=f"lane-{n}") for n in range(wanted)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return work_round.sent


class _Round:
    """A crew that serves lanes. Whoever finds none leaves, but one stays to look as long as another is sending."""

    def __init__(self, seconds: float) -> None:
        self.sent = 0
        self._deadline = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._busy = 0
        self._has_lookout = False

    def work(self) -> None:
        is_lookout = False
        while time.monotonic() < self._deadline:
            with self._lock:
                self._busy += 1
            sent = 0
            try:
                lane = _Lane.claim()
                if lane is not None:
                    sent = lane.serve()
            finally:
                with self._lock:
                    self._busy -= 1
                    self.sent += sent
            if lane is not None:
                continue
            with self._lock:
                if self._busy == 0 or (self._has_lookout and not is_lookout):
                    return
                self._has_lookout = is_lookout = True
            time.sleep(IDLE_SECONDS)
            fan_out()

    def work_and_close(self) -> None:
        try:
            self.work()
        except Exception:
            logger.exception("a delivery thread failed")
        finally:
            connections.close_all()
