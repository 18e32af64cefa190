"""Messages from partners: verify, keep, answer; then read the partner and let its record decide.

`receive` is the only writer of new rows; `process_due` works them off. A message is never believed: it says which
record to read now, and what it announced is used only to tell old news from news the record does not show yet.
"""

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from config import work
from onboarding.domain import audit, queries, reconciliation
from onboarding.domain.audit import Actor, Fact
from onboarding.domain.statuses import Applied
from onboarding.enums import AuditAction
from onboarding.models import Enrollment
from onboarding.partners import registry
from onboarding.partners.base import (
    EventUnreadable,
    OutcomeUnknown,
    PartnerBusy,
    PartnerError,
    PartnerEvent,
    PartnerRefused,
    SignatureRefused,
)
from webhooks import rejections
from webhooks.enums import EventVerdict, RejectionReason
from webhooks.models import WebhookEvent

logger = logging.getLogger(__name__)

TASK = "webhooks.tasks.process_due_webhooks"
LEASE = timedelta(seconds=120)
KEPT_HEADERS = ("content-type", "user-agent")
REREADS_AFTER_SECONDS = (2, 10, 60, 300)
LONGEST_WAIT = timedelta(hours=1)


class Arrival(Enum):
    """What `receive` did with a message."""

    NEW = "new"
    DUPLICATE = "duplicate"
    ALTERED = "altered"


# --- At the door ----------------------------------------------------------------------------------


def receive(*, partner: str, headers: Mapping[str, str], body: bytes, at: datetime) -> Arrival:
    """Keep a message that `partner` signed, once, and ring for it to be worked on.

    Header names are lower case. Raises `SignatureRefused`, or `EventUnreadable` for signed bytes that are no JSON
    object; both leave a count and nothing else. A signed JSON object that the connector cannot read is kept as
    FAILED. ALTERED means that the id is known with another body: counted on the kept row and as a rejection,
    applied never. Database errors pass through, so that the partner sends again.
    """
    connector = registry.event_connector(partner)
    try:
        connector.verify_event(headers=headers, body=body)
    except SignatureRefused:
        rejections.count(partner=partner, reason=RejectionReason.FORGED, at=at)
        raise
    row = WebhookEvent(
        partner=partner,
        body_sha256=hashlib.sha256(body).hexdigest(),
        headers={name: headers[name][:200] for name in KEPT_HEADERS if name in headers},
        received_at=at,
        waiting_since=at,
        due_at=at,
    )
    try:
        row.body = _text_of(body)
        _describe(row, connector.parse_event(body), at)
    except EventUnreadable as error:
        if not _is_json_object(body):
            rejections.count(partner=partner, reason=RejectionReason.UNREADABLE, at=at)
            raise
        _give_to_a_person(row, error.reason, at)
    return _keep(row, at)


def _text_of(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise EventUnreadable("the body is not UTF-8") from None


def _is_json_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body.decode()), dict)
    except (ValueError, RecursionError):
        return False


def _describe(row: WebhookEvent, event: PartnerEvent, at: datetime) -> None:
    if not (_fits(event.event_id, 200) and _fits(event.name, 100) and len(event.reference) <= 100):
        raise EventUnreadable("a name or an id is too long or not printable")
    if event.reference and not _fits(event.reference, 100):
        raise EventUnreadable("the reference is not printable")
    row.event_id, row.name, row.reference = event.event_id, event.name, event.reference
    if not event.is_about_end_user or not event.reference:
        row.verdict, row.finished_at = EventVerdict.IGNORED, at
        row.verdict_reason = "It concerns no end user of ours"


def _fits(text: str, length: int) -> bool:
    return 0 < len(text) <= length and text.isprintable()


def _give_to_a_person(row: WebhookEvent, reason: str, at: datetime) -> None:
    row.event_id = f"sha256:{row.body_sha256}"
    row.verdict, row.verdict_reason, row.finished_at = EventVerdict.FAILED, reason[:300], at


def _keep(row: WebhookEvent, at: datetime) -> Arrival:
    kept_id, kept_sha256 = _insert_or_count(row, at)
    work.point("after_hook_insert")
    if kept_id == row.pk:
        if row.finished_at is None:
            work.ring(TASK)
        return Arrival.NEW
    if kept_sha256 == row.body_sha256:
        return Arrival.DUPLICATE
    rejections.count(partner=row.partner, reason=RejectionReason.ALTERED, at=at)
    logger.error("a known webhook id came with another body", extra={"webhook_event": str(kept_id)})
    return Arrival.ALTERED


def _insert_or_count(row: WebhookEvent, at: datetime) -> tuple[object, str]:
    """One statement: insert, or count the arrival on the row that stands there. Returns that row's id and hash."""
    meta = WebhookEvent._meta
    table, quote = connection.ops.quote_name(meta.db_table), connection.ops.quote_name
    fields = meta.concrete_fields
    columns = ", ".join(quote(str(field.column)) for field in fields)
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    moment = meta.get_field("received_at").get_db_prep_save(at, connection)
    same = f"{table}.body_sha256 = excluded.body_sha256"
    # Every part of the statement is a name of ours; values travel as parameters.
    statement = (
        f"INSERT INTO {table} ({columns}) VALUES ({', '.join(['%s'] * len(fields))}) "  # noqa: S608
        "ON CONFLICT (partner, event_id) DO UPDATE SET "
        f"duplicates = {table}.duplicates + CASE WHEN {same} THEN 1 ELSE 0 END, "
        f"last_duplicate_at = CASE WHEN {same} THEN %s ELSE {table}.last_duplicate_at END, "
        f"alterations = {table}.alterations + CASE WHEN {same} THEN 0 ELSE 1 END, "
        f"last_altered_at = CASE WHEN {same} THEN {table}.last_altered_at ELSE %s END "
        "RETURNING id, body_sha256"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, moment, moment])
        kept_id, kept_sha256 = cursor.fetchone()
    return meta.pk.to_python(kept_id), kept_sha256


# --- At work --------------------------------------------------------------------------------------


def process_due(*, seconds: float) -> int:
    """Work off due messages for at most about `seconds`; returns how many were taken up."""
    deadline = time.monotonic() + seconds
    _hasten_known()
    taken = 0
    while time.monotonic() < deadline:
        event = WebhookEvent.objects.claim_one(lease=LEASE)
        if event is None:
            break
        process(event=event)
        taken += 1
    return taken


def process(*, event: WebhookEvent) -> None:
    """Work off one claimed message. Never raises but for the database; a fault of ours is logged and tried again."""
    try:
        _process(event)
    except Exception as error:
        logger.exception("a webhook could not be worked off", extra={"webhook_event": str(event.pk)})
        _again(event, error=f"fault: {type(error).__name__}")


def replay(*, event: WebhookEvent, actor: Actor, at: datetime) -> None:
    """Work a kept message off again, whatever became of it, with a new time to wait for its end user."""
    with transaction.atomic():
        replayed = WebhookEvent.objects.filter(pk=event.pk)
        replayed.filter(finished_at__isnull=False).update(
            verdict=EventVerdict.RECEIVED,
            verdict_reason="",
            finished_at=None,
            leased_until=None,
            fence=F("fence") + 1,
        )
        replayed.update(
            due_at=at,
            waiting_since=at,
            awaits_reference=False,
            rereads=0,
            last_error="",
            replays=F("replays") + 1,
        )
        enrollment = (
            queries.enrollment_by_reference(event.partner, event.reference) if event.reference else None
        )
        fact = Fact(AuditAction.WEBHOOK_REPLAYED, {"webhook_event": str(event.pk), "partner": event.partner})
        audit.record(subject=enrollment.end_user if enrollment else None, facts=[fact], actor=actor, at=at)
        work.ring(TASK)
    event.refresh_from_db()


def _hasten_known() -> None:
    """Messages that came before we knew their reference are due as soon as we do."""
    known = Enrollment.objects.filter(partner=OuterRef("partner"), partner_reference=OuterRef("reference"))
    waiting = WebhookEvent.objects.filter(finished_at=None, awaits_reference=True, due_at__gt=Now())
    waiting.filter(Exists(known)).update(due_at=Now(), awaits_reference=False)


def _process(event: WebhookEvent) -> None:
    try:
        message = registry.event_connector(event.partner).parse_event(event.body.encode())
    except EventUnreadable as error:
        _settle(event, EventVerdict.FAILED, error.reason)
        return
    if not message.is_about_end_user or not message.reference:
        _settle(event, EventVerdict.IGNORED, "It concerns no end user of ours")
        return
    enrollment = queries.enrollment_by_reference(event.partner, message.reference)
    if enrollment is None:
        _wait_for_reference(event)
        return
    _read(event, enrollment, message)


def _read(event: WebhookEvent, enrollment: Enrollment, message: PartnerEvent) -> None:
    try:
        applied = reconciliation.read_and_apply(enrollment=enrollment, event=message, at=timezone.now())
    except PartnerBusy as error:
        _again(event, error=error.reason, at_least=error.retry_after)
    except OutcomeUnknown as error:
        _again(event, error=error.reason)
    except PartnerRefused as error:
        _reread_or(event, EventVerdict.FAILED, f"The partner's record cannot be read: {error.reason}")
    except PartnerError as error:
        _settle(event, EventVerdict.FAILED, error.reason)
    else:
        if applied is Applied.APPLIED:
            _settle(event, EventVerdict.APPLIED, "")
        elif applied is Applied.UNCHANGED:
            _settle(event, EventVerdict.DUPLICATE, "The partner's record held nothing new")
        elif applied is Applied.STALE:
            _reread_or(event, EventVerdict.STALE, "The partner's record does not show what was announced")
        else:
            _settle(event, EventVerdict.FAILED, "The partner's record contradicts ours: see the open drift")


def _settle(event: WebhookEvent, verdict: EventVerdict, reason: str) -> None:
    event.finish(
        at=timezone.now(), verdict=verdict, verdict_reason=reason[:300], awaits_reference=False, last_error=""
    )


def _again(event: WebhookEvent, *, error: str, at_least: timedelta | None = None) -> None:
    delay = work.backoff(attempt=event.attempts, base=5, cap=900)
    until = timezone.now() + max(delay, min(at_least or delay, LONGEST_WAIT))
    event.postpone(until=until, error=error, awaits_reference=False)


def _reread_or(event: WebhookEvent, verdict: EventVerdict, reason: str) -> None:
    """A partner's reads may lag behind its messages: look a few times more before `verdict` stands."""
    if event.rereads >= len(REREADS_AFTER_SECONDS):
        _settle(event, verdict, reason)
        return
    until = timezone.now() + timedelta(seconds=REREADS_AFTER_SECONDS[event.rereads])
    event.postpone(until=until, error=reason, rereads=event.rereads + 1, awaits_reference=False)


def _wait_for_reference(event: WebhookEvent) -> None:
    """The message may be faster than our own commit. The longer it waits, the more rarely we look."""
    now = timezone.now()
    age = now - event.waiting_since
    if age >= timedelta(hours=settings.WEBHOOK_UNMATCHED_HOURS):
        _settle(event, EventVerdict.UNMATCHED, "No end user of ours has this reference at the partner")
        return
    pause = min(max(age / 4, timedelta(seconds=1)), LONGEST_WAIT)
    event.postpone(until=now + pause, error="the reference is not known yet", awaits_reference=True)
