"""One event to one endpoint: signed, sent, written down, repeated on a schedule, and given up in the end."""

import json
import logging
import random
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from config import signing, work
from onboarding.domain import audit, events
from onboarding.enums import EventName
from onboarding.models import Event
from webhooks import endpoints, sender
from webhooks.endpoints import EndpointDisabled
from webhooks.enums import AttemptResult, DeliveryOutcome, DisabledReason, EndpointStatus
from webhooks.models import Delivery, DeliveryAttempt, WebhookEndpoint
from webhooks.sender import Answer

logger = logging.getLogger(__name__)

LEASE_MARGIN = timedelta(seconds=15)
LONGEST_REST = timedelta(seconds=60)
LONGEST_RETRY_AFTER = timedelta(hours=1)
USER_AGENT = "Vouch-Webhooks/1"


def lease() -> timedelta:
    """Longer than any attempt can take."""
    return timedelta(seconds=settings.WEBHOOK_TOTAL_SECONDS) + LEASE_MARGIN


def attempt(*, delivery: Delivery) -> DeliveryAttempt | None:
    """Send one claimed delivery once and write down what came of it; None when there is nothing to send any more.

    The attempt's row is committed before the connection is opened; a row without a result means that this process
    died in between, and the receiver may then see the event a second time under the same id.
    """
    try:
        return _attempt(delivery)
    except Exception as error:
        logger.exception("a delivery could not be attempted", extra={"delivery": str(delivery.pk)})
        pause = work.backoff(attempt=delivery.attempts, base=30, cap=3600)
        delivery.postpone(until=timezone.now() + pause, error=f"fault: {type(error).__name__}")
        return None


def _attempt(delivery: Delivery) -> DeliveryAttempt | None:
    endpoint, event = delivery.endpoint, delivery.event
    is_wanted = endpoint.status == EndpointStatus.ACTIVE or _is_test(event)
    if endpoint.removed_at is not None or not is_wanted:
        delivery.postpone(until=None, error="the endpoint is disabled")
        return None
    started = timezone.now()
    body = body_of(event)
    headers = headers_of(endpoint=endpoint, event=event, body=body, at=started)
    row = DeliveryAttempt.objects.create(delivery=delivery, number=delivery.attempts, started_at=started)
    work.point("after_attempt_commit")
    work.release_connection()
    answer = sender.post(url=endpoint.url, headers=headers, body=body)
    work.point("after_delivery_send")
    _conclude(delivery, row, answer, timezone.now())
    return row


def body_of(event: Event) -> bytes:
    """The bytes that are signed and sent: compact JSON, characters unescaped, as JSON.stringify would write them."""
    return json.dumps(events.envelope(event), separators=(",", ":"), ensure_ascii=False).encode()


def headers_of(*, endpoint: WebhookEndpoint, event: Event, body: bytes, at: datetime) -> dict[str, str]:
    """Standard Webhooks headers with every live secret; the contract's digest too where the contract made the endpoint.

    The contract's header holds one digest, so during a rotation it is that of the newest secret.
    """
    secrets = endpoints.live_secrets(endpoint, at=at)
    timestamp = int(at.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": str(event.pk),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signing.sign(
            secrets=secrets, message_id=str(event.pk), timestamp=timestamp, body=body
        ),
    }
    if endpoint.is_registered:
        headers["x-signature-sha256"] = signing.hex_digest(secrets[0], body)
    return headers


@transaction.atomic
def _conclude(delivery: Delivery, row: DeliveryAttempt, answer: Answer, at: datetime) -> None:
    _lock(delivery.endpoint_id)
    row.finished_at, row.result = at, answer.result
    row.http_status, row.milliseconds = answer.http_status, answer.milliseconds
    row.save(update_fields=["finished_at", "result", "http_status", "milliseconds"])
    if answer.is_accepted:
        delivery.finish(at=at, outcome=DeliveryOutcome.DELIVERED, last_error="")
    elif _is_test(delivery.event):
        delivery.finish(
            at=at, outcome=DeliveryOutcome.FAILED, failures=1, last_error=row.get_result_display()
        )
    else:
        _schedule(delivery, answer, at)
    if _is_test(delivery.event):
        return
    if answer.is_accepted:
        _note_success(delivery.endpoint, at)
    else:
        _note_failure(delivery.endpoint, answer, at)


def _schedule(delivery: Delivery, answer: Answer, at: datetime) -> None:
    """The next try after a failure, later by up to a fifth than the schedule says; after its end, none."""
    schedule = settings.WEBHOOK_RETRY_SCHEDULE
    failures, error = delivery.failures + 1, AttemptResult(answer.result).label
    if answer.http_status is not None:
        error = f"{error} ({answer.http_status})"
    if failures > len(schedule):
        delivery.finish(at=at, outcome=DeliveryOutcome.FAILED, failures=failures, last_error=error)
        return
    pause = timedelta(seconds=schedule[failures - 1] * random.uniform(1.0, 1.2))  # noqa: S311 - spread
    delivery.postpone(until=at + max(pause, _told_to_wait(answer)), error=error, failures=failures)


def _told_to_wait(answer: Answer) -> timedelta:
    return min(timedelta(seconds=answer.retry_after or 0), LONGEST_RETRY_AFTER)


def _note_success(endpoint: WebhookEndpoint, at: datetime) -> None:
    """An endpoint that is back gets what had to wait for its retries."""
    mine = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    recovered = mine.filter(consecutive_failures__gt=0).update(
        consecutive_failures=0, failing_since=None, not_before=None, last_success_at=at
    )
    if recovered:
        Delivery.objects.filter(endpoint=endpoint, finished_at=None, due_at__gt=at).update(
            due_at=F("created_at")
        )
    else:
        mine.update(last_success_at=at)


def _note_failure(endpoint: WebhookEndpoint, answer: Answer, at: datetime) -> None:
    """Let the lane rest; switch the endpoint off when it is gone, or has failed for WEBHOOK_DISABLE_AFTER_DAYS."""
    mine = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    mine.update(
        consecutive_failures=F("consecutive_failures") + 1, failing_since=Coalesce("failing_since", at)
    )
    failing = mine.get()
    rest = min(timedelta(seconds=2 ** min(failing.consecutive_failures, 10)), LONGEST_REST)
    mine.update(not_before=at + max(rest, _told_to_wait(answer)))
    since = failing.failing_since or at
    has_failed_long = at - since >= timedelta(days=settings.WEBHOOK_DISABLE_AFTER_DAYS)
    if answer.result is AttemptResult.GONE:
        endpoints.disable(endpoint=failing, reason=DisabledReason.GONE, actor=audit.SYSTEM, at=at)
    elif has_failed_long and failing.consecutive_failures > len(settings.WEBHOOK_RETRY_SCHEDULE):
        endpoints.disable(endpoint=failing, reason=DisabledReason.FAILING, actor=audit.SYSTEM, at=at)


# --- What a product app may ask for -----------------------------------------------------------------


def send_test(*, endpoint: WebhookEndpoint, at: datetime) -> Delivery:
    """Send a test event to this endpoint alone, now and once, disabled or not; returns the concluded delivery.

    The event shows in the feed. Failures count for nothing and are not repeated.
    """
    data = {"endpoint_id": str(endpoint.pk), "created_at": at.isoformat()}
    with transaction.atomic():
        event = events.put(
            client=endpoint.client, end_user=None, name=EventName.ENDPOINT_TEST, data=data, at=at
        )
        Event.objects.filter(pk=event.pk).update(is_fanned_out=True)
        # Born claimed: a worker takes it up only when this process dies.
        delivery = Delivery.objects.create(
            event=event,
            endpoint=endpoint,
            due_at=at,
            leased_until=timezone.now() + lease(),
            fence=1,
            attempts=1,
            created_at=at,
        )
    delivery.event.refresh_from_db()
    attempt(delivery=delivery)
    return delivery


def resend(*, delivery: Delivery, at: datetime) -> None:
    """Send an event to an endpoint again, with a fresh schedule of retries.

    Nothing changes while an attempt is under way. Raises `EndpointDisabled`.
    """
    if delivery.endpoint.status != EndpointStatus.ACTIVE:
        raise EndpointDisabled("The endpoint is disabled: enable it first")
    with transaction.atomic():
        _lock(delivery.endpoint_id)
        idle = Delivery.objects.filter(Q(leased_until=None) | Q(leased_until__lt=Now()), pk=delivery.pk)
        idle.update(
            due_at=at,
            finished_at=None,
            outcome=DeliveryOutcome.PENDING,
            failures=0,
            resends=F("resends") + 1,
            fence=F("fence") + 1,
            last_error="",
        )
        WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(not_before=None)
        work.ring(endpoints.TASK)
    delivery.refresh_from_db()


def _is_test(event: Event) -> bool:
    return event.name == EventName.ENDPOINT_TEST


def _lock(endpoint_id: UUID) -> None:
    """Whoever writes both an endpoint and its deliveries locks the endpoint first, so that nobody waits in a circle."""
    WebhookEndpoint.objects.select_for_update(no_key=True).only("pk").get(pk=endpoint_id)
