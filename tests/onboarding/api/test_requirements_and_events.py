"""What is missing, and what was told."""

from datetime import timedelta

import pytest

from onboarding.domain import events
from onboarding.enums import EventName
from onboarding.models import EndUser, Event
from tests.onboarding.api.conftest import complete_individual, details, individual


def test_requirements_say_what_is_missing_and_how_to_give_it(app):
    user_id = app.create(individual(address_country="USA"))["id"]
    body = app.get(f"/v1/users/{user_id}/requirements").json()
    assert body["user_id"] == user_id
    (kira,) = body["data"]
    assert (kira["partner"], kira["status"], kira["complete"]) == ("kira", "CREATED", False)
    phone = next(item for item in kira["requirements"] if item["target"] == "phone")
    assert (phone["state"], phone["needed_for_verification"], phone["reason_code"]) == (
        "due",
        True,
        "not_provided",
    )
    assert phone["remediation"]
    assert phone["alternatives"] == ["phone"]
    email = next(item for item in kira["requirements"] if item["target"] == "email")
    assert (email["state"], email["satisfied_by"], email["reason_code"]) == ("satisfied", "email", None)
    assert {product["product_code"] for product in kira["products"]} >= {"usa-virtual-accounts", "payout"}


def test_requirements_of_a_complete_individual_are_met(app):
    user_id = app.create(complete_individual())["id"]
    (kira,) = app.get(f"/v1/users/{user_id}/requirements").json()["data"]
    assert kira["complete"] is True
    due = [item["target"] for item in kira["requirements"] if item["state"] == "due"]
    assert due == ["identifying_information:file_source_of_wealth"]


def test_the_partners_word_on_a_product_is_shown(app):
    user_id = app.create(complete_individual())["id"]
    enrollment = EndUser.objects.get().enrollments.get()
    enrollment.partner_products = {"payout": True, "virtual_account": False}
    enrollment.save()
    products = app.get(f"/v1/users/{user_id}").json()["eligible_products"]
    assert {product["product_code"]: product["eligible"] for product in products}["payout"] is True


def test_the_feed_has_the_webhooks_body(app):
    created = app.create(individual(phone="+12025550142"))
    body = app.get("/v1/events").json()
    (entry,) = body["data"]
    event = Event.objects.get()
    assert entry["id"] == entry["data"]["event_id"] == str(event.pk)
    assert {"event": entry["event"], "data": entry["data"]} == events.envelope(event)
    assert (entry["event"], entry["data"]["user_id"]) == ("user.created", created["id"])
    assert (entry["data"]["phone"], entry["data"]["verification_triggered"]) == ("+12025550142", False)
    assert body["has_more"] is False


def test_a_cursor_goes_on_where_it_stopped(app, other_app):
    other_app.create(individual())
    ids = [app.create(individual(email=f"u{number}@example.com"))["id"] for number in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        body = app.get(f"/v1/events?limit=2&cursor={cursor}").json()
        seen += [entry["data"]["user_id"] for entry in body["data"]]
        cursor = body["next_cursor"]
        if not body["has_more"]:
            break
    assert seen == ids
    assert app.get(f"/v1/events?cursor={cursor}").json()["data"] == []
    late = app.create(individual(email="late@example.com"))["id"]
    body = app.get(f"/v1/events?cursor={cursor}").json()
    assert [entry["data"]["user_id"] for entry in body["data"]] == [late]


def test_the_feed_of_one_user_is_its_own(app):
    first, second = (app.create(individual(email=f"{name}@example.com"))["id"] for name in "ab")
    end_user = EndUser.objects.get(pk=second)
    events.put(
        client=end_user.client,
        end_user=end_user,
        name=EventName.USER_STATUS_CHANGED,
        data={"user_id": second},
        at=end_user.created_at + timedelta(seconds=1),
    )
    body = app.get(f"/v1/users/{second}/events").json()
    assert [entry["event"] for entry in body["data"]] == ["user.created", "user.status_changed"]
    assert [entry["data"]["user_id"] for entry in app.get(f"/v1/users/{first}/events").json()["data"]] == [
        first
    ]


@pytest.mark.parametrize(
    "query", ["cursor=x", "cursor=cC0x", "cursor=ä", "limit=0", "limit=101", "cursor=LTE"]
)
def test_a_cursor_that_is_none_of_ours_is_refused(app, query):
    assert details(app.get(f"/v1/events?{query}"))
