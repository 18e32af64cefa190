"""Operations towards partners: opened in the transaction of the decision, carried out by whoever claims them.

The path survives a kill at any line: the row exists before anything is sent; an attempt row is committed before the
socket opens; the key is made once and repeated for ever; what nobody can say the outcome of is a state of its own,
looked up after a quarantine before anything is sent again.
"""

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Exists, F, Max, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from config import work
from config.crypto import SealError
from config.errors import Conflict, DomainError
from documents.enums import DocumentSlot
from documents.models import Document
from documents.vault import IntegrityBroken
from onboarding.domain import audit, cases, gates, locks, readiness, statuses, transitions
from onboarding.domain import dossier as dossiers
from onboarding.domain.audit import Actor, Fact
from onboarding.domain.gates import setting
from onboarding.enums import (
    AuditAction,
    CaseKind,
    SessionStatus,
    Status,
    SubmissionOperation,
    SubmissionOutcome,
)
from onboarding.models import EndUser, Enrollment, Submission, SubmissionAttempt, VerificationSession
from onboarding.partners import registry
from onboarding.partners.base import (
    Connector,
    Dossier,
    HostedSession,
    NotSupportedByPartner,
    OutcomeUnknown,
    PartnerBusy,
    PartnerError,
    PartnerRecord,
    PartnerRefused,
    Receipt,
)

logger = logging.getLogger(__name__)

CLAIM_LEASE = timedelta(seconds=30)
Op = SubmissionOperation
Outcome = SubmissionOutcome


class Incomplete(Exception):
    """What was complete when the submission was queued is so no longer; the text names tokens only."""


# --- Opening --------------------------------------------------------------------------------------


def open_for_change(
    *, enrollment: Enrollment, starts: bool, changed: Sequence[str], actor: Actor, at: datetime
) -> Submission | None:
    """Queue what a change of declared data asks for: a create when it starts verification, an update when the partner
    already knows the end user, nothing when a waiting create will carry the change anyway.
    """
    creates = enrollment.submissions.filter(operation=Op.CREATE).exclude(outcome=Outcome.REFUSED)
    create = creates.first()
    if create is None:
        return _open(enrollment, Op.CREATE, actor, at) if starts else None
    if create.payload is None:
        if create.is_parked:
            Submission.objects.filter(pk=create.pk, due_at=None).update(due_at=at, last_error="")
            work.ring("onboarding.tasks.send_due_submissions")
        return None
    if not changed:
        return None
    return _open(enrollment, Op.UPDATE, actor, at, changed=sorted(set(changed)), document_ids=None)


def open_session(
    *, enrollment: Enrollment, session: VerificationSession, actor: Actor, at: datetime
) -> Submission:
    """Queue the opening of a verification session, after a create when the partner does not know the end user yet."""
    if not enrollment.submissions.filter(operation=Op.CREATE).exclude(outcome=Outcome.REFUSED).exists():
        _open(enrollment, Op.CREATE, actor, at)
    return _open(enrollment, Op.START_VERIFICATION, actor, at, session=session, document_ids=[])


def _open(
    enrollment: Enrollment, operation: SubmissionOperation, actor: Actor, at: datetime, **values: object
) -> Submission:
    locks.hold(enrollment.end_user_id)
    last = enrollment.submissions.aggregate(last=Max("position"))["last"] or 0
    submission = Submission.objects.create(
        enrollment=enrollment,
        partner=enrollment.partner,
        operation=operation,
        position=last + 1,
        due_at=at,
        created_at=at,
        **values,
    )
    data = {
        "submission": str(submission.pk),
        "operation": operation,
        "partner": enrollment.partner,
        "idempotency_key": str(submission.idempotency_key),
    }
    audit.record(
        subject=enrollment.end_user, facts=[Fact(AuditAction.SUBMISSION_QUEUED, data)], actor=actor, at=at
    )
    work.ring("onboarding.tasks.send_due_submissions")
    return submission


@transaction.atomic
def release_parked(*, submission: Submission, actor: Actor, at: datetime) -> None:
    """Send a submission that is parked, or rests before its next try, on its way at once.

    A parked one begins a new count of attempts and of its key's age. The quarantine and the look-up before a
    repeat stay as they are. Raises `Conflict` when it is finished, or under way.
    """
    idle = Submission.objects.filter(Q(leased_until=None) | Q(leased_until__lt=Now()), finished_at=None)
    was_parked = Submission.objects.filter(pk=submission.pk, finished_at=None, due_at=None).exists()
    values: dict[str, object] = {"due_at": at, "fence": F("fence") + 1}
    if was_parked:
        values["first_sent_at"] = None
    if not idle.filter(pk=submission.pk).update(**values):
        raise Conflict("This submission is finished or under way")
    end_user = submission.enrollment.end_user
    fact = Fact(AuditAction.SUBMISSION_RELEASED, {"submission": str(submission.pk), "was_parked": was_parked})
    audit.record(subject=end_user, facts=[fact], actor=actor, at=at)
    parked = Submission.objects.filter(enrollment__end_user=end_user, finished_at=None, due_at=None)
    if was_parked and not parked.exists():
        cases.settle(end_user=end_user, kind=CaseKind.SUBMISSION_PARKED, note="it was released", at=at)
    work.ring("onboarding.tasks.send_due_submissions")


# --- Carrying out ---------------------------------------------------------------------------------


def send_due(*, partner: str, seconds: float) -> int:
    """Carry out due submissions of a partner for about so many seconds; returns how many were touched."""
    deadline, touched = time.monotonic() + seconds, 0
    while time.monotonic() < deadline and not gates.is_paused(partner):
        submission = ready(partner).claim_one(lease=CLAIM_LEASE)
        if submission is None:
            break
        carry_out(submission=submission)
        touched += 1
    return touched


def ready(partner: str) -> "work.WorkQuerySet[Submission]":
    """Submissions that may run: of each enrollment only the first unfinished one."""
    earlier = Submission.objects.filter(
        enrollment=OuterRef("enrollment"), finished_at=None, position__lt=OuterRef("position")
    )
    rows: work.WorkQuerySet[Submission] = Submission.objects.filter(partner=partner)
    return rows.filter(~Exists(earlier))


def carry_out(*, submission: Submission) -> None:
    """Work on a claimed submission until it is settled or given back. Never raises for what a partner does."""
    work.point("after_claim")
    actor = Actor.partner(submission.partner)
    gate = gates.LeasedGate(submission)
    connector = registry.connector(submission.partner, gate=gate)
    try:
        if submission.outcome == Outcome.IN_FLIGHT:
            _interrupted(submission, actor)
        if submission.outcome == Outcome.UNKNOWN and not _resolve(submission, connector, actor):
            return
        _send(submission, connector, actor)
    except transitions.TransitionNotAllowed:
        logger.info("submission %s was taken over by another worker", submission.pk)
    except SealError as error:
        submission.postpone(until=None, error=f"the frozen dossier cannot be opened: {error}")


def _send(submission: Submission, connector: Connector, actor: Actor) -> None:
    try:
        dossier = _freeze(submission, connector, actor)
    except NotSupportedByPartner as error:
        _refuse(submission, error, actor, attempt=None)
        return
    except Incomplete as error:
        _park(submission, str(error), actor)
        return
    attempt = _begin(submission, actor)
    work.point("before_call")
    try:
        answer = _call(submission, connector, dossier)
    except PartnerBusy as error:
        _give_back(submission, error, actor, attempt, connector)
    except (PartnerRefused, NotSupportedByPartner) as error:
        _note(attempt, connector, "refused", error)
        _refuse(submission, error, actor, attempt=attempt)
    except IntegrityBroken as error:
        _note(attempt, connector, "busy", None)
        _hold_back(submission, error.message, actor)
    except DomainError as error:
        _give_back(submission, PartnerBusy(error.message), actor, attempt, connector)
    except PartnerError as error:
        _note(attempt, connector, "unknown", error)
        _unknown(submission, error, actor)
    except Exception as error:  # our own fault after bytes may have left: never guess that nothing happened
        logger.exception("submission %s failed in our own code", submission.pk)
        unknown = OutcomeUnknown(f"our own fault: {type(error).__name__}")
        _note(attempt, connector, "unknown", unknown)
        _unknown(submission, unknown, actor)
    else:
        work.point("after_call")
        _note(attempt, connector, "accepted", None)
        _keep_answer(submission, answer, actor)
        work.point("after_finish")


def _freeze(submission: Submission, connector: Connector, actor: Actor) -> Dossier:
    """The dossier of the first attempt, kept so that every repeat is the same; splits files over further updates."""
    if submission.payload is not None:
        return dossiers.thaw(submission.payload)
    with transaction.atomic():
        locks.hold(submission.enrollment.end_user_id)
        held = Submission.objects.select_for_update(no_key=True, of=("self",))
        if held.get(pk=submission.pk).fence != submission.fence:
            raise transitions.TransitionNotAllowed("the claim was lost")
        end_user = dossiers.with_everything(EndUser.objects.all()).get(pk=submission.enrollment.end_user_id)
        dossier = dossiers.build(end_user)
        _preflight(submission, end_user, dossier)
        own, *further = _parcels(submission, connector, dossier)
        frozen = dossiers.freeze(dossier)
        digest = hashlib.sha256(json.dumps(frozen, sort_keys=True).encode()).hexdigest()
        written = submission.write_as_holder(payload=frozen, payload_digest=digest, document_ids=own)
        if not written:
            raise transitions.TransitionNotAllowed("the claim was lost")
        for parcel in further:
            _open(submission.enrollment, Op.UPDATE, actor, timezone.now(), document_ids=parcel)
    return dossier


def _preflight(submission: Submission, end_user: EndUser, dossier: Dossier) -> None:
    """The partner's contract once more, right before the first call: what started verification must still be there."""
    if submission.operation != Op.CREATE or not end_user.verification_triggered:
        return
    state = readiness.assess(end_user=end_user, on=timezone.now().date(), dossier=dossier)
    evaluation = state.by_partner[submission.partner]
    if submission.enrollment.is_primary and not evaluation.is_complete:
        raise Incomplete(f"preflight: missing {', '.join(evaluation.missing) or 'nothing'}")


def _parcels(submission: Submission, connector: Connector, dossier: Dossier) -> list[list[str]]:
    """The documents of this call, then of the calls that must follow it."""
    if submission.document_ids is not None:
        return [list(submission.document_ids)]
    parcels = [list(parcel) for parcel in connector.parcels(dossier)]
    if submission.operation == Op.CREATE:
        return parcels
    sent = _documents_on_their_way(submission)
    fresh = [[pk for pk in parcel if pk not in sent] for parcel in parcels]
    return [parcel for parcel in fresh if parcel] or [[]]


def _documents_on_their_way(submission: Submission) -> set[str]:
    others = submission.enrollment.submissions.exclude(pk=submission.pk).exclude(outcome=Outcome.REFUSED)
    lists = others.exclude(document_ids=None).values_list("document_ids", flat=True)
    return {pk for parcel in lists for pk in parcel or ()}


def _begin(submission: Submission, actor: Actor) -> SubmissionAttempt:
    """Commit the attempt before anything is sent."""
    at = timezone.now()
    with transaction.atomic():
        values: dict[str, object] = {"ambiguous_since": None}
        if submission.first_sent_at is None:
            values["first_sent_at"] = at
        transitions.move_submission(submission=submission, to=Outcome.IN_FLIGHT, actor=actor, at=at, **values)
        return SubmissionAttempt.objects.create(
            submission=submission, number=submission.tries.count() + 1, started_at=at
        )


def _call(submission: Submission, connector: Connector, dossier: Dossier) -> Receipt | HostedSession:
    reference = submission.enrollment.partner_reference or ""
    files = submission.document_ids or []
    key = str(submission.idempotency_key)
    match submission.operation:
        case Op.CREATE:
            return connector.create(dossier, files=files, idempotency_key=key)
        case Op.UPDATE:
            return connector.update(dossier, reference=reference, changed=submission.changed, files=files)
        case _:
            session = submission.session
            if session is None:
                raise NotSupportedByPartner("a verification submission without its session")
            return connector.start_verification(
                reference=reference,
                session_type=session.type.lower().replace("_", "-"),
                redirect_uri=session.redirect_uri,
                idempotency_key=key,
            )


# --- What came of it ------------------------------------------------------------------------------


def _keep_answer(submission: Submission, answer: Receipt | HostedSession, actor: Actor) -> None:
    """Take the answer in. What we cannot keep is not lost: the partner has it, and it is looked up again."""
    try:
        _accept(submission, answer, actor)
    except transitions.TransitionNotAllowed:
        raise
    except Exception as error:
        logger.exception("the answer to submission %s could not be kept", submission.pk)
        submission.refresh_from_db(fields=["outcome"])
        submission.enrollment.refresh_from_db()
        unknown = OutcomeUnknown(f"the answer could not be kept: {type(error).__name__}")
        _unknown(submission, unknown, actor)


@transaction.atomic
def _accept(submission: Submission, answer: Receipt | HostedSession, actor: Actor) -> None:
    at = timezone.now()
    transitions.move_submission(
        submission=submission, to=Outcome.SUCCEEDED, actor=actor, at=at, last_error=""
    )
    if isinstance(answer, HostedSession):
        _issue(submission, answer, at)
        return
    enrollment = submission.enrollment
    if submission.operation == Op.CREATE and not _link(submission, answer.record, actor, at):
        return
    _remember(enrollment, answer.record)
    if submission.operation == Op.CREATE:
        _issue_link(enrollment, answer.hosted_link, at)
    if answer.verification_started:
        statuses.begin_round(
            enrollment=enrollment, partner_status=answer.record.partner_status, actor=actor, at=at
        )
    else:
        _plan_check(enrollment, at)
        _ask_about_refusal_to_start(submission, at)
    work.ring("onboarding.tasks.send_due_submissions")


def _link(submission: Submission, record: PartnerRecord, actor: Actor, at: datetime) -> bool:
    """Bind the enrollment to the partner's record. One id for two end users is an alarm, never a link."""
    enrollment = submission.enrollment
    if enrollment.partner_reference == record.reference:
        return True
    try:
        with transaction.atomic():
            enrollment.partner_reference = record.reference
            enrollment.save(update_fields=["partner_reference"])
    except IntegrityError:
        logger.error("%s gave one id to two end users: enrollment %s", submission.partner, enrollment.pk)
        enrollment.partner_reference = None
        cases.open_case(
            end_user=enrollment.end_user,
            kind=CaseKind.DRIFT,
            summary=f"{enrollment.get_partner_display()} answered with the id of another end user",
            enrollment=enrollment,
            at=at,
        )
        return False
    work.ring("webhooks.tasks.process_due_webhooks")  # a message may have come before its reference was known
    data = {"partner": submission.partner, "partner_reference": record.reference}
    fact = Fact(AuditAction.ENROLLMENT_LINKED, data)
    audit.record(subject=enrollment.end_user, facts=[fact], actor=actor, at=at)
    return True


def _remember(enrollment: Enrollment, record: PartnerRecord) -> None:
    enrollment.partner_missing = {code: list(tokens) for code, tokens in record.missing.items()}
    enrollment.partner_products = dict(record.products)
    enrollment.partner_status = record.partner_status
    enrollment.save(update_fields=["partner_missing", "partner_products", "partner_status"])


def _issue(submission: Submission, hosted: HostedSession, at: datetime) -> None:
    session = submission.session
    if session is None:
        return
    session.status, session.issued_at = SessionStatus.ISSUED, at
    session.provider, session.partner_session = hosted.provider[:64], hosted.partner_session[:100]
    session.link = hosted.link
    session.save()
    _reopen(submission.enrollment, at)
    fact = Fact(AuditAction.SESSION_ISSUED, {"session": str(session.pk), "partner": submission.partner})
    actor = Actor.partner(submission.partner)
    audit.record(subject=submission.enrollment.end_user, facts=[fact], actor=actor, at=at)


def _issue_link(enrollment: Enrollment, link: str | None, at: datetime) -> None:
    """A hosted page that was asked for with the create itself (contract section 2.8)."""
    for session in enrollment.sessions.filter(status=SessionStatus.PENDING, submission=None):
        session.status = SessionStatus.ISSUED if link else SessionStatus.FAILED
        session.issued_at, session.link = at, link
        session.save()


def _reopen(enrollment: Enrollment, at: datetime) -> None:
    """A session may lead to a new verdict: the enrollment is read again from now on."""
    Enrollment.objects.filter(pk=enrollment.pk).update(
        is_reopened=enrollment.status in Status.settled_statuses,
        checks=0,
        next_check_at=statuses.next_check(enrollment.partner, 0, at),
    )


def _plan_check(enrollment: Enrollment, at: datetime) -> None:
    if enrollment.status not in Status.settled_statuses:
        Enrollment.objects.filter(pk=enrollment.pk).update(
            checks=0, next_check_at=statuses.next_check(enrollment.partner, 0, at)
        )


def _ask_about_refusal_to_start(submission: Submission, at: datetime) -> None:
    """Everything is sent, we think it complete, and the partner does not start: a person must look."""
    enrollment = submission.enrollment
    more = enrollment.submissions.filter(finished_at=None).exclude(pk=submission.pk)
    end_user = enrollment.end_user
    if more.exists() or not end_user.verification_triggered or enrollment.status != Status.CREATED:
        return
    tokens = sorted({token for listed in enrollment.partner_missing.values() for token in listed})
    wanted = ", ".join(tokens)[:300] or "it does not say what"
    cases.open_case(
        end_user=end_user,
        kind=CaseKind.PARTNER_QUESTION,
        summary=f"{enrollment.get_partner_display()} has not started to verify; missing there: {wanted}",
        enrollment=enrollment,
        at=at,
    )


@transaction.atomic
def _refuse(
    submission: Submission, error: PartnerError, actor: Actor, *, attempt: SubmissionAttempt | None
) -> None:
    """A final no: kept with the partner's words, with a case; what would have followed is refused with it."""
    at = timezone.now()
    transitions.move_submission(
        submission=submission, to=Outcome.REFUSED, actor=actor, at=at, last_error=error.reason[:500]
    )
    enrollment = submission.enrollment
    if submission.session is not None:
        VerificationSession.objects.filter(pk=submission.session.pk).update(status=SessionStatus.FAILED)
    if submission.operation == Op.CREATE:
        _refuse_followers(submission, actor, at)
    name = enrollment.get_partner_display()
    operation = submission.get_operation_display().lower()
    cases.open_case(
        end_user=enrollment.end_user,
        kind=CaseKind.PARTNER_QUESTION,
        summary=f"{name} refused to {operation}: {error.reason}",
        enrollment=enrollment,
        at=at,
    )
    if submission.operation != Op.START_VERIFICATION and enrollment.status == Status.CREATED:
        fields = error.fields if isinstance(error, PartnerRefused) else ()
        members = {path.partition(".")[0] for path in fields} | _slots_of(submission)
        enrollment.partner_missing = {readiness.REFUSED: sorted(members)}
        enrollment.save(update_fields=["partner_missing"])
        EndUser.objects.filter(pk=enrollment.end_user_id).update(verification_triggered=False)


def _slots_of(submission: Submission) -> set[str]:
    """The tokens of the documents that went with a refused update: they did not arrive."""
    if submission.operation != Op.UPDATE:
        return set()
    slots = Document.objects.filter(pk__in=submission.document_ids or ()).values_list("slot", flat=True)
    return {f"identifying_information:{DocumentSlot(slot).wire}" for slot in slots}


def _refuse_followers(submission: Submission, actor: Actor, at: datetime) -> None:
    waiting = submission.enrollment.submissions.filter(
        finished_at=None, position__gt=submission.position, outcome=Outcome.QUEUED
    )
    for follower in waiting:
        transitions.move_submission(
            submission=follower,
            to=Outcome.REFUSED,
            actor=actor,
            at=at,
            last_error="the create before it was refused",
        )
        if follower.session is not None:
            VerificationSession.objects.filter(pk=follower.session.pk).update(status=SessionStatus.FAILED)


def _give_back(
    submission: Submission,
    error: PartnerBusy,
    actor: Actor,
    attempt: SubmissionAttempt,
    connector: Connector,
) -> None:
    """Surely not carried out: queued again, not counted as a try."""
    _note(attempt, connector, "busy", error)
    at = timezone.now()
    wait = max(error.retry_after or timedelta(0), _pause_after(submission, attempt.number))
    transitions.move_submission(
        submission=submission,
        to=Outcome.QUEUED,
        actor=actor,
        at=at,
        due_at=at + wait,
        leased_until=None,
        last_error=error.reason[:500],
    )


def _hold_back(submission: Submission, why: str, actor: Actor) -> None:
    """A document cannot be opened: nothing was sent, and nothing may be until a person has looked."""
    with transaction.atomic():
        transitions.move_submission(
            submission=submission, to=Outcome.QUEUED, actor=actor, at=timezone.now(), leased_until=None
        )
        _park(submission, why, actor)


def _unknown(submission: Submission, error: PartnerError, actor: Actor) -> None:
    at = timezone.now()
    transitions.move_submission(
        submission=submission,
        to=Outcome.UNKNOWN,
        actor=actor,
        at=at,
        ambiguous_since=at,
        due_at=at + _quarantine(submission),
        leased_until=None,
        last_error=error.reason[:500],
    )


# --- Settling what is unknown ---------------------------------------------------------------------


def _interrupted(submission: Submission, actor: Actor) -> None:
    """A worker died in the middle: nobody knows whether its call arrived."""
    attempt = submission.tries.last()
    if attempt is not None and attempt.finished_at is None:
        SubmissionAttempt.objects.filter(pk=attempt.pk).update(
            finished_at=timezone.now(), result="interrupted"
        )
    last_call = submission.leased_until or timezone.now()
    transitions.move_submission(
        submission=submission,
        to=Outcome.UNKNOWN,
        actor=actor,
        at=timezone.now(),
        ambiguous_since=attempt.started_at if attempt else last_call,
        last_error="a worker stopped in the middle of the call",
    )


def _resolve(submission: Submission, connector: Connector, actor: Actor) -> bool:
    """Look up what became of an unknown submission; True when it may be sent (again), with the same key."""
    now = timezone.now()
    since = submission.ambiguous_since or now
    quarantine_ends = since + _quarantine(submission)
    if now < quarantine_ends:
        submission.postpone(until=quarantine_ends, error=submission.last_error)
        return False
    if submission.operation == Op.CREATE and submission.payload is not None:
        try:
            record = connector.find(dossiers.thaw(submission.payload))
        except PartnerError as error:
            _look_up_later(submission, error)
            return False
        if record is not None:
            _adopt_or_park(submission, record, actor)
            return False
    if _tries(submission) >= int(setting(submission.partner, "MAX_ATTEMPTS")):
        _park(submission, "every attempt ended without an answer", actor)
        return False
    key_lifetime = timedelta(hours=setting(submission.partner, "KEY_LIFETIME_HOURS")) * 0.9
    first = submission.first_sent_at or now
    if submission.operation != Op.UPDATE and now - first > key_lifetime:
        _park(submission, "the partner may have forgotten the idempotency key", actor)
        return False
    return True


def _adopt_or_park(submission: Submission, record: PartnerRecord, actor: Actor) -> None:
    try:
        _adopt(submission, record, actor)
    except transitions.TransitionNotAllowed:
        raise
    except OperationalError as error:  # the database, not the record: soon again
        _look_up_later(submission, OutcomeUnknown(type(error).__name__))
    except Exception as error:
        logger.exception("the record for submission %s could not be kept", submission.pk)
        _park(submission, f"the partner's record could not be kept: {type(error).__name__}", actor)


def _adopt(submission: Submission, record: PartnerRecord, actor: Actor) -> None:
    """The call had arrived after all: take the partner's record as its answer."""
    receipt = Receipt(record=record, verification_started=False)
    read_at = timezone.now()
    with transaction.atomic():
        transitions.move_submission(
            submission=submission, to=Outcome.SUCCEEDED, actor=actor, at=read_at, last_error=""
        )
        if _link(submission, receipt.record, actor, read_at):
            _remember(submission.enrollment, receipt.record)
            _plan_check(submission.enrollment, read_at)
            statuses.apply_record(
                enrollment=submission.enrollment, record=record, read_at=read_at, at=timezone.now()
            )
    work.ring("onboarding.tasks.send_due_submissions")


def _look_up_later(submission: Submission, error: PartnerError) -> None:
    retry_after = error.retry_after if isinstance(error, PartnerBusy) else None
    wait = max(retry_after or timedelta(0), _pause_after(submission, submission.attempts))
    submission.postpone(until=timezone.now() + wait, error=f"look-up: {error.reason}")


def _park(submission: Submission, why: str, actor: Actor) -> None:
    """Nothing more is sent until a person says so."""
    at = timezone.now()
    with transaction.atomic():
        locks.hold(submission.enrollment.end_user_id)
        if not submission.postpone(until=None, error=why):
            return
        cases.open_case(
            end_user=submission.enrollment.end_user,
            kind=CaseKind.SUBMISSION_PARKED,
            summary=f"{submission.get_operation_display()} at {submission.get_partner_display()}: {why}",
            enrollment=submission.enrollment,
            at=at,
        )


def _quarantine(submission: Submission) -> timedelta:
    """Longer than the partner's worst late commit: nothing is looked up before (quality 1.1)."""
    return timedelta(seconds=float(setting(submission.partner, "QUARANTINE_SECONDS")))


def _pause_after(submission: Submission, tries: int) -> timedelta:
    base = float(setting(submission.partner, "RETRY_BASE_SECONDS"))
    return work.backoff(
        attempt=max(tries, 1), base=base, cap=float(setting(submission.partner, "RETRY_CAP_SECONDS"))
    )


def _tries(submission: Submission) -> int:
    """Attempts in which something may have been sent, since the submission was last released by a person."""
    since = submission.first_sent_at
    if since is None:
        return 0
    return submission.tries.filter(started_at__gte=since).exclude(result="busy").count()


def _note(attempt: SubmissionAttempt, connector: Connector, result: str, error: PartnerError | None) -> None:
    """Close the attempt with what was exchanged: paths, codes and times, never contents."""
    exchanges = [
        {
            "method": exchange.method,
            "path": exchange.path,
            "status": exchange.status,
            "milliseconds": exchange.milliseconds,
            "request_bytes": exchange.request_bytes,
            "partner_request_id": exchange.partner_request_id,
            "error": exchange.error,
        }
        for exchange in connector.exchanges
    ]
    last = connector.exchanges[-1].status if connector.exchanges else None
    SubmissionAttempt.objects.filter(pk=attempt.pk).update(
        finished_at=timezone.now(),
        result=result,
        http_status=error.http_status if error else last,
        exchanges=exchanges,
    )
