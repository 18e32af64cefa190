"""Submissions against the sandbox over HTTP: whatever happens on the way, the partner holds one record."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from documents import vault
from documents.enums import DocumentStatus
from onboarding.domain import end_users, gates, readiness
from onboarding.domain.audit import SYSTEM
from onboarding.enums import CaseKind, Status, SubmissionOperation, SubmissionOutcome
from onboarding.models import (
    AuditEntry,
    EndUser,
    Enrollment,
    PartnerGate,
    ReviewCase,
    Submission,
    SubmissionAttempt,
)
from tests.onboarding.domain.conftest import Partner, later, send
from tests.onboarding.factories import NOON, business, document, individual, make_client, register

pytestmark = pytest.mark.django_db

Outcome = SubmissionOutcome


def _only(end_user: EndUser) -> Submission:
    return Submission.objects.get(enrollment__end_user=end_user)


def _status(end_user: EndUser) -> str:
    return EndUser.objects.get(pk=end_user.pk).status


@pytest.mark.parametrize("declaration", [individual, business])
def test_a_complete_end_user_is_sent_and_verifies(kira: Partner, declaration: object) -> None:
    end_user = register(declaration=declaration())  # type: ignore[operator]
    assert (_status(end_user), end_user.verification_triggered) == (Status.CREATED, True)
    send()
    (held,) = kira.users()
    submission = _only(end_user)
    assert (submission.outcome, submission.enrollment.partner_reference) == (Outcome.SUCCEEDED, held["id"])
    assert _status(end_user) == Status.VERIFYING
    assert [attempt.result for attempt in submission.tries.all()] == ["accepted"]


def test_an_incomplete_end_user_waits_for_its_data(kira: Partner) -> None:
    end_user = register(declaration=individual(occupation=None))
    send()
    assert (kira.users(), end_user.verification_triggered) == ([], False)
    amendment = end_users.amend(
        end_user=end_user, changes={"occupation": "Port agent"}, actor=SYSTEM, at=NOON
    )
    assert (amendment.updated_fields, amendment.verification_triggered) == (["occupation"], True)
    send()
    assert len(kira.users()) == 1
    assert _status(end_user) == Status.VERIFYING


@pytest.mark.parametrize(
    "kind",
    [
        "error_before_commit",
        "error_after_commit",
        "drop_before_commit",
        "drop_after_commit",
        "reset_before_commit",
        "reset_after_commit",
        "truncated_json",
        "html_page",
        "redirect",
        "missing_id",
        "wrong_type",
    ],
)
def test_after_an_unknown_outcome_the_partner_holds_exactly_one_record(kira: Partner, kind: str) -> None:
    kira.order(kind)
    end_user = register()
    send()
    submission = _only(end_user)
    assert submission.outcome == Outcome.UNKNOWN
    key = submission.idempotency_key
    later()
    send()
    (held,) = kira.users()
    submission.refresh_from_db()
    assert (submission.outcome, submission.idempotency_key) == (Outcome.SUCCEEDED, key)
    assert submission.enrollment.partner_reference == held["id"]


@pytest.mark.parametrize("kind", ["hang", "late_commit"])
def test_a_time_out_is_unknown_and_never_makes_a_second_record(kira: Partner, kind: str) -> None:
    kira.order(kind, seconds=1.5)
    end_user = register()
    send()
    assert _only(end_user).outcome == Outcome.UNKNOWN
    later()
    send()
    assert len(kira.users()) == 1
    assert _only(end_user).outcome == Outcome.SUCCEEDED


def test_nothing_is_looked_up_or_sent_before_the_quarantine_is_over(kira: Partner) -> None:
    kira.order("drop_after_commit")
    end_user = register()
    send()
    Submission.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    send()
    assert _only(end_user).outcome == Outcome.UNKNOWN
    assert kira.calls("POST", "/kira/v1/users") == 1
    assert kira.calls("GET", "/kira/v1/users") == 0


def test_a_record_that_was_made_after_all_is_adopted_without_sending_again(kira: Partner) -> None:
    kira.order("reset_after_commit")
    end_user = register()
    send()
    later()
    send()
    assert kira.calls("POST", "/kira/v1/users") == 1
    assert _only(end_user).outcome == Outcome.SUCCEEDED


def test_a_repeat_is_the_same_although_the_end_user_changed_in_between(kira: Partner) -> None:
    kira.order("drop_before_commit")
    end_user = register()
    send()
    end_users.amend(end_user=end_user, changes={"occupation": "Port agent"}, actor=SYSTEM, at=NOON)
    later()
    send()
    create, update = Submission.objects.order_by("position")
    assert (create.outcome, update.outcome) == (Outcome.SUCCEEDED, Outcome.SUCCEEDED)
    assert update.operation == SubmissionOperation.UPDATE
    assert len(kira.users()) == 1


def test_a_limit_of_the_partner_slows_the_whole_credential(kira: Partner) -> None:
    kira.order("rate_limited", retry_after=7)
    first = register()
    register(client=first.client)
    send()
    submission = _only(first)
    assert (submission.outcome, submission.ambiguous_since) == (Outcome.QUEUED, None)
    gate = PartnerGate.objects.get(pk="KIRA")
    assert gate.not_before is not None
    assert gate.not_before > timezone.now() + timedelta(seconds=5)
    assert kira.calls("POST", "/kira/v1/users") == 1


def test_an_expired_token_is_renewed_once_and_the_call_repeated(kira: Partner) -> None:
    register()
    send()
    kira.order("expired_token")
    register()
    send()
    assert len(kira.users()) == 2
    assert kira.calls("POST", "/kira/auth") == 2


def test_a_final_refusal_is_kept_and_opens_a_case(kira: Partner) -> None:
    kira.toggle(business_only=True)
    end_user = register()
    send()
    assert _only(end_user).outcome == Outcome.REFUSED
    assert ReviewCase.objects.get(end_user=end_user).kind == CaseKind.PARTNER_QUESTION
    assert EndUser.objects.get(pk=end_user.pk).verification_triggered is False


def test_after_a_refusal_corrected_data_goes_out_under_a_new_key(kira: Partner) -> None:
    kira.toggle(business_only=True)
    end_user = register()
    send()
    refused = _only(end_user)
    kira.toggle(business_only=False)
    end_users.amend(end_user=end_user, changes={"occupation": "Port agent"}, actor=SYSTEM, at=NOON)
    send()
    fresh = Submission.objects.exclude(pk=refused.pk).get()
    assert fresh.idempotency_key != refused.idempotency_key
    assert (fresh.outcome, len(kira.users())) == (Outcome.SUCCEEDED, 1)


def test_a_paused_partner_is_not_called_and_nothing_is_lost(kira: Partner) -> None:
    gates.pause(partner="KIRA", reason="maintenance", actor=SYSTEM, at=NOON)
    end_user = register()
    assert send() == 0
    assert _only(end_user).outcome == Outcome.QUEUED
    gates.resume(partner="KIRA", actor=SYSTEM, at=NOON)
    send()
    assert len(kira.users()) == 1


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through(
    kira: Partner, settings: Settings
) -> None:
    settings.KIRA_BREAKER_FAILURES = 3
    kira.order("error_before_commit", count=100, method="*", path="/kira/v1/users")
    for _ in range(6):
        register()
    send()
    gate = PartnerGate.objects.get(pk="KIRA")
    assert (gate.failures, gate.opened_at is not None) == (3, True)
    assert kira.calls("POST", "/kira/v1/users") == 3
    PartnerGate.objects.update(next_probe_at=timezone.now())
    later()
    send()
    assert kira.calls("POST", "/kira/v1/users") + kira.calls("GET", "/kira/v1/users") == 4


def test_attempts_without_an_answer_end_and_the_row_is_parked_for_a_person(
    kira: Partner, settings: Settings
) -> None:
    settings.KIRA_MAX_ATTEMPTS = 3
    kira.order("drop_before_commit", count=100)
    end_user = register()
    for _ in range(6):
        send()
        later()
    submission = _only(end_user)
    assert (submission.is_parked, submission.outcome) == (True, Outcome.UNKNOWN)
    assert kira.calls("POST", "/kira/v1/users") == 3
    assert ReviewCase.objects.get(end_user=end_user).kind == CaseKind.SUBMISSION_PARKED


def test_a_key_the_partner_may_have_forgotten_is_not_used_again(kira: Partner) -> None:
    kira.order("drop_before_commit")
    end_user = register()
    send()
    Submission.objects.update(first_sent_at=timezone.now() - timedelta(hours=23))
    later()
    send()
    assert (_only(end_user).is_parked, kira.users()) == (True, [])


def test_one_id_for_two_end_users_is_an_alarm_and_never_a_link(kira: Partner) -> None:
    first = register()
    send()
    kira.order("foreign_id")
    second = register()
    send()
    assert _only(first).enrollment.partner_reference is not None
    enrollment = second.enrollments.get()
    assert enrollment.partner_reference is None
    assert ReviewCase.objects.filter(end_user=second, kind=CaseKind.DRIFT).exists()


def test_files_too_large_for_one_body_follow_in_updates(kira: Partner, settings: Settings) -> None:
    end_user = register()
    settings.KIRA_MAX_BODY_BYTES = 2200
    send()
    operations = list(Submission.objects.order_by("position").values_list("operation", "outcome"))
    assert operations[0] == ("CREATE", "SUCCEEDED")
    assert {outcome for _, outcome in operations} == {"SUCCEEDED"}
    assert _status(end_user) == Status.VERIFYING


def test_findings_keep_an_end_user_with_our_analysts(kira: Partner) -> None:
    end_user = register(declaration=individual(pep_status=True))
    send()
    assert (_status(end_user), kira.users()) == (Status.REVIEW, [])
    assert end_user.verification_triggered is True
    assert ReviewCase.objects.get(end_user=end_user).kind == CaseKind.ONBOARDING


def test_a_document_added_later_goes_out_in_an_update(kira: Partner) -> None:
    end_user = register()
    send()
    wealth = {
        "type": "source_of_wealth",
        "issuing_country": "USA",
        "documents": [document("file_source_of_wealth")],
    }
    changes = {"identifying_information": [wealth]}
    end_users.amend(end_user=end_user, changes=changes, actor=SYSTEM, at=NOON)
    send()
    update = Submission.objects.get(operation=SubmissionOperation.UPDATE)
    assert (update.outcome, len(update.document_ids or [])) == (Outcome.SUCCEEDED, 1)


def test_the_same_number_on_another_end_user_of_the_app_is_a_finding() -> None:
    client = make_client()
    declaration = individual()
    first = register(client=client, declaration=declaration)
    second = register(client=client, declaration=declaration | {"email": "other@example.com"})
    stranger = register(declaration=declaration)
    assert list(first.findings.values_list("code", flat=True)) == []
    assert list(second.findings.values_list("code", flat=True)) == ["DUPLICATE"]
    assert list(stranger.findings.values_list("code", flat=True)) == []


def test_an_interrupted_attempt_is_looked_up_after_its_lease_and_the_quarantine(kira: Partner) -> None:
    kira.order("reset_after_commit")
    end_user = register()
    send()
    now = timezone.now()
    Submission.objects.update(
        outcome=Outcome.IN_FLIGHT, due_at=now, leased_until=now + timedelta(seconds=30), ambiguous_since=None
    )
    SubmissionAttempt.objects.update(finished_at=None, result="")
    assert send() == 0
    Submission.objects.update(leased_until=now - timedelta(seconds=1))
    send()
    submission = _only(end_user)
    assert (submission.outcome, submission.tries.get().result) == (Outcome.UNKNOWN, "interrupted")
    later()
    send()
    assert (_only(end_user).outcome, kira.calls("POST", "/kira/v1/users")) == (Outcome.SUCCEEDED, 1)


def test_the_trail_begins_with_the_registration() -> None:
    end_user = register()
    actions = list(AuditEntry.objects.filter(chain=end_user.pk).values_list("action", flat=True))
    assert actions[0] == "end_user.created"
    assert actions[-1] == "submission.queued"


def test_what_the_partner_refused_is_shown_as_an_error_until_it_is_told_anew(kira: Partner) -> None:
    end_user = register(declaration=individual(source_of_funds="salary"))
    Enrollment.objects.update(partner_missing={readiness.REFUSED: ["phone"]})
    end_user = end_users.fresh(end_user)
    items = {
        item.token: item.state for item in readiness.assess(end_user=end_user, on=NOON.date()).primary.items
    }
    assert (items["phone"], items["email"]) == ("error", "satisfied")
    end_users.amend(end_user=end_user, changes={"phone": "+12025550199"}, actor=SYSTEM, at=NOON)
    state = readiness.assess(end_user=end_users.fresh(end_user), on=NOON.date())
    assert state.primary.is_complete


def test_a_create_whose_evidence_fell_away_is_parked_before_anything_is_sent(kira: Partner) -> None:
    end_user = register()
    paper = end_user.documents.get(slot="PROOF_OF_ADDRESS")
    vault.set_status(document=paper, status=DocumentStatus.REJECTED, reason="document.image.blurry")
    send()
    assert (_only(end_user).is_parked, kira.users()) == (True, [])
    fresh = {
        "type": "proof_of_address",
        "issuing_country": "USA",
        "documents": [document("file_proof_of_address")],
    }
    changes = {"identifying_information": [fresh]}
    end_users.amend(end_user=end_user, changes=changes, actor=SYSTEM, at=NOON)
    send()
    assert (_only(end_user).outcome, len(kira.users())) == (Outcome.SUCCEEDED, 1)
