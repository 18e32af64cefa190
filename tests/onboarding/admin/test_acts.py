"""What people may do: one call into the domain each, after a question, with its refusal shown."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from onboarding.domain import api_clients, gates
from onboarding.domain.audit import SYSTEM
from onboarding.enums import CaseKind, Partner, ReviewPolicy
from onboarding.models import (
    ApiKey,
    AuditEntry,
    EndUser,
    Enrollment,
    PartnerGate,
    ReviewCase,
    ReviewDecision,
    Submission,
)
from tests.onboarding import factories


def do(browser: Client, noun: str, pk: object, act: str, **data: str) -> Any:
    return browser.post(f"/admin/onboarding/{noun}/{pk}/{act}/", data)


def newest(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action).latest("pk")


# --- Cases ----------------------------------------------------------------------------------------


def test_approving_sends_the_end_user_to_its_partner(boris: Client, held: EndUser) -> None:
    case = held.cases.get()
    assert not Submission.objects.filter(enrollment__end_user=held).exists()
    assert (
        "The decision and its reason can never be changed"
        in boris.get(f"/admin/onboarding/reviewcase/{case.pk}/approve/").content.decode()
    )
    answer = do(boris, "reviewcase", case.pk, "approve", reason="Office ended in 2014")
    assert answer.status_code == 302
    decision = ReviewDecision.objects.get()
    assert (decision.verdict, decision.reason, decision.reviewer.username) == (
        "APPROVE",
        "Office ended in 2014",
        "analyst@example.com",
    )
    assert Submission.objects.get(enrollment__end_user=held).operation == "CREATE"
    assert newest("case.decided").actor == "analyst@example.com"


def test_rejecting_rejects_the_end_user(boris: Client, held: EndUser) -> None:
    do(boris, "reviewcase", held.cases.get().pk, "reject", reason="Outside our appetite")
    held.refresh_from_db()
    assert held.status == "REJECTED"
    assert not Submission.objects.exists()


def test_a_decision_needs_a_reason(boris: Client, held: EndUser) -> None:
    case = held.cases.get()
    for reason in ("", "  ", "ok", "x" * 251, "no \u202e tricks"):
        answer = do(boris, "reviewcase", case.pk, "approve", reason=reason)
        assert answer.status_code == 200
    assert not ReviewDecision.objects.exists()


def test_a_case_is_decided_once_and_the_second_is_told(boris: Client, held: EndUser) -> None:
    case = held.cases.get()
    do(boris, "reviewcase", case.pk, "approve", reason="Looks fine to me")
    answer = do(boris, "reviewcase", case.pk, "reject", reason="No, it does not")
    assert answer.status_code == 409
    assert "already decided" in answer.content.decode()
    assert boris.get(f"/admin/onboarding/reviewcase/{case.pk}/approve/").status_code == 302
    assert ReviewDecision.objects.count() == 1


def test_other_cases_are_closed_with_a_note(boris: Client, db: None) -> None:
    end_user = factories.register()
    case = ReviewCase.objects.create(end_user=end_user, kind=CaseKind.DRIFT, summary="Kira: contradicted")
    assert do(boris, "reviewcase", case.pk, "close", reason="Kira corrected its record").status_code == 302
    case.refresh_from_db()
    assert (case.status, case.decisions.get().verdict) == ("CLOSED", "CLOSE")


def test_an_onboarding_case_cannot_be_just_closed(boris: Client, held: EndUser) -> None:
    answer = do(boris, "reviewcase", held.cases.get().pk, "close", reason="Let us be done")
    assert answer.status_code == 409
    assert held.cases.get().status == "OPEN"


def test_after_an_act_one_is_led_back_but_never_to_a_stranger(boris: Client, db: None) -> None:
    client = factories.make_client(review_policy=ReviewPolicy.REVIEW_FIRST)
    for given, expected in (
        ("/admin/", "/admin/"),
        ("https://evil.example.com/", None),
        ("//evil.example.com", None),
    ):
        case = factories.register(client=client).cases.get()
        answer = do(boris, "reviewcase", case.pk, "approve", reason="Complete and clean", next=given)
        assert answer["Location"] == (expected or f"/admin/onboarding/reviewcase/{case.pk}/change/")


# --- Roles ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["approve", "reject", "close"])
def test_somebody_who_may_only_look_can_do_nothing(act: str, ana: Client, held: EndUser) -> None:
    case = held.cases.get()
    assert do(ana, "reviewcase", case.pk, act, reason="I would like to").status_code == 403
    assert ana.get(f"/admin/onboarding/reviewcase/{case.pk}/{act}/").status_code == 403
    assert f"/{act}/" not in ana.get(f"/admin/onboarding/reviewcase/{case.pk}/change/").content.decode()


def test_an_analyst_does_not_touch_gates_submissions_or_keys(boris: Client, db: None) -> None:
    gates.states()
    submission = factories.register().enrollments.get().submissions.get()
    client = factories.make_client()
    assert do(boris, "partnergate", "KIRA", "pause", reason="because I can").status_code == 403
    assert do(boris, "submission", submission.pk, "try-now").status_code == 403
    assert do(boris, "apiclient", client.pk, "issue-key").status_code == 403


def test_acts_need_the_token_of_the_page(held: EndUser, boris: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = boris.cookies
    assert do(strict, "reviewcase", held.cases.get().pk, "approve", reason="Cross-site").status_code == 403
    assert not ReviewDecision.objects.exists()


# --- Partners -------------------------------------------------------------------------------------


def test_a_partner_is_paused_with_a_reason_and_resumed(clara: Client, db: None) -> None:
    assert do(clara, "partnergate", "KIRA", "pause").status_code == 200
    assert not gates.is_paused(Partner.KIRA)
    do(clara, "partnergate", "KIRA", "pause", reason="They move house")
    assert gates.is_paused(Partner.KIRA)
    assert newest("partner.paused").data["reason"] == "They move house"
    do(clara, "partnergate", "KIRA", "resume")
    assert not gates.is_paused(Partner.KIRA)
    assert newest("partner.resumed").actor == "admin@example.com"


def test_a_breaker_is_closed_and_a_pause_stays(clara: Client, db: None) -> None:
    gates.states()
    now = timezone.now()
    PartnerGate.objects.update(
        failures=12, opened_at=now, next_probe_at=now, is_paused=True, paused_reason="x"
    )
    do(clara, "partnergate", "KIRA", "close-breaker")
    gate = PartnerGate.objects.get()
    assert (gate.failures, gate.opened_at, gate.is_paused) == (0, None, True)
    assert newest("partner.breaker_closed").actor == "admin@example.com"


def test_a_parked_submission_is_released_and_its_case_closed(clara: Client, db: None) -> None:
    end_user = factories.register()
    submission = end_user.enrollments.get().submissions.get()
    Submission.objects.update(due_at=None, outcome="UNKNOWN", first_sent_at=factories.NOON)
    ReviewCase.objects.create(end_user=end_user, kind=CaseKind.SUBMISSION_PARKED, summary="parked")
    assert do(clara, "submission", submission.pk, "release").status_code == 302
    submission.refresh_from_db()
    assert submission.due_at is not None
    assert submission.first_sent_at is None
    assert end_user.cases.get().status == "CLOSED"
    assert newest("submission.released").data["was_parked"] is True


def test_a_finished_submission_is_not_tried_again(clara: Client, db: None) -> None:
    submission = factories.register().enrollments.get().submissions.get()
    Submission.objects.update(outcome="SUCCEEDED", finished_at=timezone.now())
    answer = do(clara, "submission", submission.pk, "try-now")
    assert answer.status_code == 409
    assert "finished or under way" in answer.content.decode()


def test_a_submission_in_a_workers_hands_is_left_alone(clara: Client, db: None) -> None:
    submission = factories.register().enrollments.get().submissions.get()
    Submission.objects.update(leased_until=timezone.now() + timedelta(minutes=1))
    assert do(clara, "submission", submission.pk, "try-now").status_code == 409


def test_reading_the_partner_now_makes_the_enrollment_due(boris: Client, db: None) -> None:
    enrollment = factories.register().enrollments.get()
    assert do(boris, "enrollment", enrollment.pk, "read-now").status_code == 409
    Enrollment.objects.update(partner_reference="krn-1")
    assert do(boris, "enrollment", enrollment.pk, "read-now").status_code == 302
    enrollment.refresh_from_db()
    assert enrollment.next_check_at is not None
    assert enrollment.next_check_at <= timezone.now()


# --- Product apps ---------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_works(clara: Client, db: None) -> None:
    client = factories.make_client()
    page = do(clara, "apiclient", client.pk, "issue-key").content.decode()
    key = ApiKey.objects.get(client=client)
    shown = page.split(f'data-copy="{key.prefix}.')[1].split('"')[0]
    assert api_clients.authenticate_key(f"{key.prefix}.{shown}") == client
    assert shown not in clara.get(f"/admin/onboarding/apiclient/{client.pk}/change/").content.decode()


def test_a_revoked_key_is_dead(clara: Client, db: None) -> None:
    client = factories.make_client()
    secret = api_clients.issue_key(client=client, actor=SYSTEM, at=timezone.now())
    key = ApiKey.objects.get()
    do(clara, "apikey", key.pk, "revoke")
    assert api_clients.authenticate_key(secret) is None
    assert newest("client.key_revoked").actor == "admin@example.com"


# --- Accounts -------------------------------------------------------------------------------------


def test_a_password_is_printed_once_and_lets_one_in(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_analyst", "Dora@Example.com", role="analyst")
    password = capsys.readouterr().out.split("password: ")[1].split("\n")[0]
    browser = Client()
    answer = browser.post(
        "/admin/login/?next=/admin/", {"username": "dora@example.com", "password": password}
    )
    assert answer.status_code == 302
    assert browser.get("/admin/onboarding/reviewcase/").status_code == 200
    call_command("create_analyst", "dora@example.com", role="auditor")
    assert "password:" not in capsys.readouterr().out


def test_an_address_that_is_none_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="no e-mail"):
        call_command("create_analyst", "dora", role="analyst")
