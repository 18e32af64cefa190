"""Every move of every status table, those that must fail included."""

import itertools
from functools import partial

import pytest

from onboarding.domain import transitions
from onboarding.domain.audit import SYSTEM
from onboarding.domain.transitions import TransitionNotAllowed
from onboarding.enums import (
    CaseKind,
    CaseStatus,
    Status,
    SubmissionOperation,
    SubmissionOutcome,
)
from onboarding.models import AuditEntry, EndUser, Enrollment, Event, ReviewCase, Submission
from tests.onboarding.factories import NOON, individual, register

pytestmark = pytest.mark.django_db


@pytest.fixture
def end_user() -> EndUser:
    return register(declaration=individual(phone=None))


@pytest.mark.parametrize(("old", "new"), list(itertools.product(Status, Status)))
def test_an_end_user_moves_only_along_the_table(end_user: EndUser, old: Status, new: Status) -> None:
    EndUser.objects.filter(pk=end_user.pk).update(status=old)
    end_user.status = old
    if new in transitions.END_USER_MOVES[old]:
        transitions.move_end_user(end_user=end_user, to=new, actor=SYSTEM, at=NOON)
        assert EndUser.objects.get(pk=end_user.pk).status == new
    else:
        with pytest.raises(TransitionNotAllowed):
            transitions.move_end_user(end_user=end_user, to=new, actor=SYSTEM, at=NOON)
        assert EndUser.objects.get(pk=end_user.pk).status == old


@pytest.mark.parametrize(("old", "new"), list(itertools.product(Status, Status)))
def test_an_enrollment_moves_only_along_the_table(end_user: EndUser, old: Status, new: Status) -> None:
    enrollment = end_user.enrollments.get()
    Enrollment.objects.filter(pk=enrollment.pk).update(status=old)
    enrollment.status = old
    move = partial(
        transitions.move_enrollment,
        enrollment=enrollment,
        to=new,
        actor=SYSTEM,
        at=NOON,
        partner_status="word",
        confirmed=True,
    )
    if new in transitions.ENROLLMENT_MOVES[old]:
        move()
        assert Enrollment.objects.get(pk=enrollment.pk).status == new
    else:
        with pytest.raises(TransitionNotAllowed):
            move()


@pytest.mark.parametrize(("old", "new"), list(itertools.product(SubmissionOutcome, SubmissionOutcome)))
def test_a_submission_moves_only_along_the_table(
    end_user: EndUser, old: SubmissionOutcome, new: SubmissionOutcome
) -> None:
    submission = Submission.objects.create(
        enrollment=end_user.enrollments.get(),
        partner="KIRA",
        operation=SubmissionOperation.UPDATE,
        position=7,
        outcome=old,
        finished_at=NOON if old in SubmissionOutcome.final_outcomes else None,
    )
    if new in transitions.SUBMISSION_MOVES[old]:
        transitions.move_submission(submission=submission, to=new, actor=SYSTEM, at=NOON)
        kept = Submission.objects.get(pk=submission.pk)
        assert kept.outcome == new
        assert (kept.finished_at is not None) == (new in SubmissionOutcome.final_outcomes)
    else:
        with pytest.raises(TransitionNotAllowed):
            transitions.move_submission(submission=submission, to=new, actor=SYSTEM, at=NOON)


def test_a_closed_case_stays_closed(end_user: EndUser) -> None:
    case = ReviewCase.objects.create(end_user=end_user, kind=CaseKind.DRIFT, summary="x", opened_at=NOON)
    transitions.close_case(case=case, actor=SYSTEM, at=NOON, data={})
    assert ReviewCase.objects.get(pk=case.pk).status == CaseStatus.CLOSED
    with pytest.raises(TransitionNotAllowed):
        transitions.close_case(case=case, actor=SYSTEM, at=NOON, data={})


def test_of_two_holders_of_one_row_the_second_is_told(end_user: EndUser) -> None:
    first, second = (EndUser.objects.get(pk=end_user.pk) for _ in range(2))
    transitions.move_end_user(end_user=first, to=Status.VERIFYING, actor=SYSTEM, at=NOON)
    with pytest.raises(TransitionNotAllowed):
        transitions.move_end_user(end_user=second, to=Status.REVIEW, actor=SYSTEM, at=NOON)


def test_a_move_that_fails_leaves_no_entry_and_no_event(end_user: EndUser) -> None:
    entries, events = AuditEntry.objects.count(), Event.objects.count()
    with pytest.raises(TransitionNotAllowed):
        transitions.move_end_user(end_user=end_user, to=Status.CREATED, actor=SYSTEM, at=NOON)
    assert (AuditEntry.objects.count(), Event.objects.count()) == (entries, events)


def test_a_stale_worker_cannot_finish_a_submission_that_was_claimed_anew(end_user: EndUser) -> None:
    stale = Submission.objects.create(
        enrollment=end_user.enrollments.get(),
        partner="KIRA",
        operation=SubmissionOperation.UPDATE,
        position=7,
        outcome=SubmissionOutcome.IN_FLIGHT,
    )
    Submission.objects.filter(pk=stale.pk).update(fence=stale.fence + 1)
    with pytest.raises(TransitionNotAllowed):
        transitions.move_submission(submission=stale, to=SubmissionOutcome.SUCCEEDED, actor=SYSTEM, at=NOON)
