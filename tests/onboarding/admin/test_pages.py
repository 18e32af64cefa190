"""Every noun has a list and a page; both only show."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.admin import CappedPaginator, ReadOnlyAdmin
from onboarding.domain import gates
from onboarding.enums import Partner
from onboarding.models import (
    ApiKey,
    AuditEntry,
    Drift,
    EndUser,
    Enrollment,
    Event,
    PartnerGate,
    ReviewCase,
    Submission,
    VerificationSession,
)
from tests.onboarding import factories
from webhooks.models import Delivery, WebhookEndpoint, WebhookEvent, WebhookRejection

OURS = [model for model, shown in admin.site._registry.items() if isinstance(shown, ReadOnlyAdmin)]


def address(row: Any, kind: str = "change") -> str:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_{kind}"
    return reverse(name, args=[row.pk]) if kind == "change" else reverse(name)


@pytest.fixture
def world(held: EndUser) -> None:
    """At least one row of every noun."""
    now = timezone.now()
    end_user = factories.register()
    enrollment = end_user.enrollments.get()
    client = end_user.client
    gates.states()
    ApiKey.objects.create(client=client, prefix="vk0123456789ab", digest="0" * 64)
    Drift.objects.create(
        enrollment=enrollment, ours="VERIFIED", theirs="REJECTED", since=now, last_seen_at=now
    )
    VerificationSession.objects.create(
        enrollment=enrollment, type="EMBEDDED_LINK", link="https://x.example.com/t"
    )
    WebhookEvent.objects.create(
        partner=Partner.KIRA, event_id="evt-1", name="user.updated", reference="r-1", body='{"a": "Ana Diaz"}'
    )
    WebhookRejection.objects.create(partner=Partner.KIRA, day=now.date(), reason="FORGED", count=3)
    endpoint = WebhookEndpoint.objects.create(client=client, url="https://app.example.com/hooks/secret-token")
    Delivery.objects.create(event=Event.objects.filter(client=client)[0], endpoint=endpoint)
    end_user.documents.all()[0].accesses.create(actor="staff:1", purpose="VIEW")


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_list_and_page_opens_for_somebody_who_may_only_look(
    model: Any, ana: Client, world: None
) -> None:
    row = model.objects.first()
    assert row is not None
    answer = ana.get(address(row, "changelist"))
    assert answer.status_code == 200
    answer = ana.get(address(row))
    assert answer.status_code == 200


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_no_row_is_made_changed_or_removed_by_hand(model: Any, clara: Client, world: None) -> None:
    row = model.objects.first()
    base = address(row, "changelist")
    before = model.objects.count()
    for path in (address(row), f"{base}add/", f"{address(row).replace('/change/', '/delete/')}"):
        assert clara.post(path, {"status": "VERIFIED"}).status_code == 403
    answer = clara.post(base, {"action": "delete_selected", "_selected_action": [str(row.pk)]})
    assert answer.status_code == 403
    assert clara.get(f"{base}add/").status_code == 403
    assert model.objects.count() == before


def test_no_list_offers_an_action_on_many_rows() -> None:
    assert [model.__name__ for model in OURS if admin.site._registry[model].actions] == []


def test_a_row_that_is_not_there_leads_back_with_a_message(ana: Client, db: None) -> None:
    for pk in ("8d3f0c1e-0000-4000-8000-000000000000", "not-an-id", "%00"):
        answer = ana.get(f"/admin/onboarding/enduser/{pk}/change/", follow=True)
        assert answer.status_code == 200


def test_strangers_and_staff_without_a_role_see_nothing(db: None, held: EndUser) -> None:
    browser = Client()
    assert browser.get(address(held)).status_code == 302
    nobody = User.objects.create_user("nobody", is_staff=True)
    browser.force_login(nobody)
    assert browser.get(address(held)).status_code == 403
    assert browser.get(address(held, "changelist")).status_code == 403
    assert "Nothing here is yours" in browser.get("/admin/").content.decode()


def test_lists_ask_the_same_number_of_queries_for_one_row_and_for_many(ana: Client, world: None) -> None:
    models = (EndUser, Enrollment, Submission, ReviewCase, Event, AuditEntry)
    before = {model: queries_of(ana, address(model.objects.first(), "changelist")) for model in models}
    client = EndUser.objects.all()[0].client
    for number in range(10):
        declaration = factories.business() if number % 2 else factories.individual()
        if number % 2:
            declaration["associated_persons"][0]["pep_status"] = True
        factories.register(client=client, declaration=declaration)
    after = {model: queries_of(ana, address(model.objects.first(), "changelist")) for model in models}
    assert after == before
    assert max(after.values()) <= 9


def test_the_page_of_an_end_user_asks_the_same_number_of_queries_however_much_there_is(
    ana: Client, db: None
) -> None:
    small = factories.register(declaration=factories.business())
    large = factories.business()
    person = large["associated_persons"][0]
    person["ownership_percentage"] = None
    for number in range(6):
        paper = person["identifying_information"][0] | {"documents": [factories.document("front")]}
        large["associated_persons"].append(
            person | {"email": f"owner{number}@example.com", "identifying_information": [paper]}
        )
    big = factories.register(declaration=large)
    assert big.documents.count() > small.documents.count()
    assert queries_of(ana, address(big)) == queries_of(ana, address(small))


def queries_of(browser: Client, path: str) -> int:
    browser.get(path)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert browser.get(path).status_code == 200
    return len(captured)


def test_a_long_list_is_counted_only_so_far(db: None) -> None:
    assert CappedPaginator(list(range(30)), 25).count == 30


def test_a_sealed_value_that_does_not_open_is_said_and_not_a_fault(
    ana: Client, held: EndUser, settings: Any
) -> None:
    settings.ENCRYPTION_KEYS = ["another-key-that-never-sealed-anything-here"]
    answer = ana.get(address(held))
    assert answer.status_code == 503
    assert "cannot be opened" in answer.content.decode()
    assert ana.get(address(held, "changelist")).status_code == 200


def test_the_start_page_counts_what_waits_and_leads_there(clara: Client, world: None) -> None:
    page = clara.get("/admin/").content.decode()
    for words in ("Onboarding", "Unsent submissions", "Gate to Kira", "Drift", "Undelivered events"):
        assert words in page
    assert "/admin/onboarding/reviewcase/?kind__exact=ONBOARDING" in page
    assert "/admin/onboarding/submission/?work=unfinished" in page


def test_the_start_page_shows_a_paused_partner_with_its_reason(clara: Client, db: None) -> None:
    gates.states()
    PartnerGate.objects.update(is_paused=True, paused_reason="maintenance until noon")
    assert "maintenance until noon" in clara.get("/admin/").content.decode()


def test_an_account_that_exists_only_changes_its_role(clara: Client, db: None) -> None:
    user = User.objects.get(username="admin@example.com")
    assert user.is_superuser
    assert [group.name for group in user.groups.all()] == ["Admin"]
    assert Group.objects.get(name="Admin").permissions.filter(codename__startswith="delete_").count() == 0


def test_accounts_are_managed_by_superusers_and_never_deleted(clara: Client, ana: Client) -> None:
    user = User.objects.get(username="auditor@example.com")
    assert clara.get(f"/admin/auth/user/{user.pk}/change/").status_code == 200
    assert clara.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ana.get("/admin/auth/user/").status_code == 403
