"""One page per end user: everything about it, numbers masked, nothing to edit."""

from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from onboarding.domain import gates, persons
from onboarding.domain.audit import SYSTEM, Actor
from onboarding.enums import CaseKind, Partner
from onboarding.models import AuditChain, EndUser, Submission
from tests.onboarding import factories


def page_of(browser: Client, end_user: EndUser) -> str:
    answer = browser.get(f"/admin/onboarding/enduser/{end_user.pk}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_shows_who_it_is_who_stands_behind_it_and_what_it_brought(ana: Client, held: EndUser) -> None:
    page = page_of(ana, held)
    for words in (
        "Farol del Sur Comercio SA de CV",
        "Tomas Aguirre",
        "100 % of the shares declared",
        "Merchant wholesalers durable goods",
        "Malecon 410, Veracruz, VER, 91700, MEX",
        "Business formation",
        "Requirements of Kira",
        "Audit trail",
        "Messages from partners",
        "Events and their deliveries",
        "Trail intact",
        str(held.pk),
    ):
        assert words in page


def test_numbers_show_their_last_four_characters_only(ana: Client, db: None) -> None:
    declaration = factories.business(representative_ssn="123-45-6789", document_number="AB99887766")
    end_user = factories.register(declaration=declaration)
    page = page_of(ana, end_user)
    assert "6789" in page
    assert "7766" in page
    whole = ["123-45-6789", "AB99887766", declaration["rfc"]]
    whole.append(declaration["associated_persons"][0]["identifying_information"][0]["number"])
    assert [number for number in whole if number in page] == []


def test_the_first_thing_told_is_what_waits_for_a_person(ana: Client, held: EndUser) -> None:
    page = page_of(ana, held)
    case = held.cases.get(kind=CaseKind.ONBOARDING)
    assert "Decide: approve or reject. This waits for one of us." in page
    assert f"/admin/onboarding/reviewcase/{case.pk}/change/" in page
    assert "Politically exposed person" in page


def test_it_names_what_is_missing(ana: Client, db: None) -> None:
    end_user = factories.register(declaration=factories.individual(occupation=None, phone=None))
    assert "missing before Kira can verify" in page_of(ana, end_user)


def test_it_says_that_a_partner_is_paused_and_that_a_submission_is_parked(ana: Client, db: None) -> None:
    end_user = factories.register()
    gates.pause(partner=Partner.KIRA, reason="contract is being renewed", actor=SYSTEM, at=timezone.now())
    Submission.objects.update(due_at=None, last_error="every attempt ended without an answer")
    page = page_of(ana, end_user)
    assert "contract is being renewed" in page
    assert "is parked: a person must release it" in page


def test_the_trail_tells_what_happened_in_words(ana: Client, held: EndUser) -> None:
    page = page_of(ana, held)
    assert "End user registered" in page
    assert "Created → In review" in page
    assert "Product app: app-" in page


def test_a_trail_that_was_tampered_with_shows(ana: Client, held: EndUser) -> None:
    AuditChain.objects.filter(pk=held.pk).update(length=F("length") + 1)
    assert "Trail altered" in page_of(ana, held)


def test_somebody_who_left_stays_on_the_page(ana: Client, held: EndUser) -> None:
    person = held.associated_persons.get()
    persons.remove(person=person, actor=Actor.app(held.client), at=timezone.now())
    page = page_of(ana, held)
    assert "Tomas Aguirre" in page
    assert "Removed" in page


def test_texts_of_product_apps_are_shown_as_text(ana: Client, db: None) -> None:
    attack = "<script>alert(1)</script>"
    declaration = factories.individual(first_name=attack, metadata={attack: attack}, tags=[attack])
    assert attack not in page_of(ana, factories.register(declaration=declaration))


def test_hosted_links_are_shown_to_nobody(clara: Client, db: None) -> None:
    end_user = factories.register()
    enrollment = end_user.enrollments.get()
    link = "https://verify.example.com/s/very-secret"
    session = enrollment.sessions.create(
        type="EMBEDDED_LINK", status="ISSUED", link=link, issued_at=timezone.now()
    )
    assert "very-secret" not in page_of(clara, end_user)
    page = clara.get(f"/admin/onboarding/verificationsession/{session.pk}/change/").content.decode()
    assert "very-secret" not in page


@pytest.mark.parametrize(
    "changes", [{}, {"partner_answers": {"p100": {"user_identification_number": "FIN-1234567"}}}]
)
def test_answers_for_one_partner_are_masked_where_they_hold_a_number(
    changes: dict[str, Any], ana: Client, db: None
) -> None:
    page = page_of(ana, factories.register(declaration=factories.individual(**changes)))
    assert "FIN-1234567" not in page
