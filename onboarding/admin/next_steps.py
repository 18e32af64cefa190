"""What is missing and what happens next, in sentences: the panel at the top of an end user's page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils import timezone

from config.admin import BAD, GOOD, INFO, NEUTRAL, WAIT, Step, page_url, since
from onboarding.admin import labels
from onboarding.domain.readiness import Readiness
from onboarding.domain.requirements import Evaluation
from onboarding.enums import CaseKind, CaseStatus, Lifecycle, Status, SubmissionOutcome
from onboarding.models import EndUser, Enrollment, PartnerGate, ReviewCase, Submission

LISTED_AT_MOST = 12


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All that the sentences are made from, already loaded."""

    end_user: EndUser
    enrollments: Sequence[Enrollment]
    readiness: Readiness
    cases: Sequence[ReviewCase]
    submissions: Sequence[Submission]
    gates: Sequence[PartnerGate]


def steps(situation: Situation) -> list[Step]:
    """The most pressing first; never empty."""
    told = [*_lifecycle(situation), *_cases(situation)]
    for enrollment in situation.enrollments:
        told += _at_partner(situation, enrollment)
    return told or [Step(tone=NEUTRAL, text="Nothing waits for anybody.")]


def _lifecycle(situation: Situation) -> Iterator[Step]:
    end_user = situation.end_user
    if end_user.lifecycle != Lifecycle.ACTIVE:
        yield Step(tone=WAIT, text=f"The account is {end_user.get_lifecycle_display().lower()}.")


def _cases(situation: Situation) -> Iterator[Step]:
    for case in situation.cases:
        if case.status != CaseStatus.OPEN:
            continue
        is_ours = case.kind == CaseKind.ONBOARDING
        yield Step(
            tone=WAIT,
            text="Decide: approve or reject. This waits for one of us."
            if is_ours
            else f"{case.get_kind_display()}: a case is open.",
            detail=case.summary,
            link=("Open the case", page_url("onboarding_reviewcase", case.pk)),
        )


def _at_partner(situation: Situation, enrollment: Enrollment) -> Iterator[Step]:
    name = enrollment.get_partner_display()
    evaluation = situation.readiness.by_partner[enrollment.partner]
    yield from _gate(situation, enrollment)
    if evaluation.is_restricted:
        yield Step(tone=BAD, text=f"{name} takes nobody from this country.")
    yield from _missing(enrollment, evaluation)
    yield from _sending(situation, enrollment)
    yield from _verdict(enrollment, evaluation)


def _gate(situation: Situation, enrollment: Enrollment) -> Iterator[Step]:
    for gate in situation.gates:
        if gate.pk == enrollment.partner and gate.is_paused:
            text = f"{gate} is paused: nothing is sent or read until somebody resumes."
            yield Step(
                tone=WAIT,
                text=text,
                detail=gate.paused_reason,
                link=("Gate", page_url("onboarding_partnergate", gate.pk)),
            )


def _missing(enrollment: Enrollment, evaluation: Evaluation) -> Iterator[Step]:
    if not evaluation.missing or enrollment.status == Status.VERIFIED:
        return
    count = len(evaluation.missing)
    names = [labels.words(token) for token in evaluation.missing[:LISTED_AT_MOST]]
    rest = f", and {count - LISTED_AT_MOST} more" if count > LISTED_AT_MOST else ""
    things = "thing is" if count == 1 else "things are"
    name = enrollment.get_partner_display()
    text = f"{count} {things} missing before {name} can verify. The product app must send them."
    yield Step(tone=BAD, text=text, detail=", ".join(names) + rest, link=("Requirements", "#requirements"))


def _sending(situation: Situation, enrollment: Enrollment) -> Iterator[Step]:
    waiting = [
        row for row in situation.submissions if row.enrollment_id == enrollment.pk and row.finished_at is None
    ]
    if not waiting:
        return
    first = min(waiting, key=lambda row: row.position)
    where = ("Submission", page_url("onboarding_submission", first.pk))
    name = f"{first.get_operation_display()} at {enrollment.get_partner_display()}"
    if first.is_parked:
        yield Step(
            tone=BAD, text=f"{name} is parked: a person must release it.", detail=first.last_error, link=where
        )
    elif first.outcome == SubmissionOutcome.UNKNOWN:
        text = f"{name}: nobody knows whether it arrived. It is looked up before anything is sent again."
        yield Step(tone=WAIT, text=text, detail=first.last_error, link=where)
    else:
        yield Step(tone=INFO, text=f"{name} is on its way.", detail=first.last_error, link=where)


def _next_look(enrollment: Enrollment) -> str:
    planned = enrollment.next_check_at
    if planned is None:
        return "Its webhook brings the news."
    if planned <= timezone.now():
        return f"Its record should have been read {since(planned)}: a worker does it when one is free."
    return f"Its record is read again {since(planned)}, or when its webhook comes."


def _verdict(enrollment: Enrollment, evaluation: Evaluation) -> Iterator[Step]:
    name = enrollment.get_partner_display()
    look = ("Enrollment", page_url("onboarding_enrollment", enrollment.pk))
    next_look = _next_look(enrollment)
    match enrollment.status:
        case Status.VERIFYING:
            yield Step(tone=INFO, text=f"{name} verifies. {next_look}", link=look)
        case Status.REVIEW:
            yield Step(tone=WAIT, text=f"{name} reviews by hand. {next_look}", link=look)
        case Status.REJECTED:
            reasons = "; ".join(str(reason.get("reason", "")) for reason in enrollment.reasons)
            yield Step(tone=BAD, text=f"{name} rejected.", detail=reasons or "It gave no reason.", link=look)
        case Status.VERIFIED:
            open_products = [state.product.name for state in evaluation.products if not state.eligible]
            detail = (
                f"Not yet complete for: {', '.join(open_products)}"
                if open_products
                else "Complete for every product."
            )
            yield Step(tone=GOOD, text=f"{name} verified.", detail=detail, link=look)
        case _ if enrollment.partner_reference:
            yield Step(tone=INFO, text=f"{name} knows the end user and has not begun to verify.", link=look)
        case _ if not evaluation.missing and not evaluation.is_restricted:
            yield Step(tone=NEUTRAL, text=f"{name} has not heard of the end user yet.", link=look)
