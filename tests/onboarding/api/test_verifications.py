"""`/v1/users/{userId}/verifications` and the hosted-link mode, against the partner sandbox."""

import uuid

import pytest

from documents.models import Document
from onboarding.api import verifications
from onboarding.models import EndUser, VerificationSession
from tests.onboarding.api.conftest import business, complete_individual, data_uri, details, individual

HOSTED = {"type": "embedded-link", "redirect_uri": "https://app.example.com/done"}


@pytest.fixture
def user_id(app):
    return app.create(individual())["id"]


def test_a_hosted_session_answers_with_its_link(app, kira, user_id):
    answer = app.post(f"/v1/users/{user_id}/verifications", HOSTED)
    assert answer.status_code == 201
    body = answer.json()
    assert body["provider_link"] == body["verification_link"]
    assert body["verification_link"].startswith("http://127.0.0.1:")
    assert (body["status"], body["type"], body["user_id"]) == ("not_started", "embedded-link", user_id)
    assert body["provider"]
    assert body["provider_metadata"]["session_id"]
    assert app.get(f"/v1/users/{user_id}/verifications").json() == {"data": [body]}
    assert app.get(f"/v1/users/{user_id}").json()["status"] == "CREATED"


def test_the_same_key_gives_the_same_session(app, kira, user_id):
    key = str(uuid.uuid4())
    first = app.post(f"/v1/users/{user_id}/verifications", HOSTED, key=key)
    again = app.post(f"/v1/users/{user_id}/verifications", HOSTED, key=key)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    other = app.post(f"/v1/users/{user_id}/verifications", {"type": "embedded-link"}, key=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert VerificationSession.objects.count() == 1


def test_a_partner_that_is_down_leaves_the_session_pending(app, user_id, settings, monkeypatch):
    settings.KIRA_BASE_URL = "http://127.0.0.1:9"
    monkeypatch.setattr(verifications, "LINK_SECONDS", 1.0)
    answer = app.post(f"/v1/users/{user_id}/verifications", HOSTED)
    assert answer.status_code == 201
    assert (answer.json()["status"], answer.json()["verification_link"]) == ("pending", None)


def test_the_body_is_a_union_on_type(app, user_id):
    path = f"/v1/users/{user_id}/verifications"
    for body in ({}, {"type": "hosted"}, {"type": 5}):
        assert details(app.post(path, body)) == {
            "type": (
                "Invalid discriminator value. Expected 'embedded-link' | 'api'",
                "invalid_union_discriminator",
            )
        }
    assert details(app.post(path, {"type": "embedded-link", "redirect_uri": "nowhere"}))["redirect_uri"] == (
        "Invalid url",
        "invalid_string",
    )
    assert details(app.call("POST", path, HOSTED)) == {"idempotency-key": ("Required", "invalid_type")}


def test_an_api_session_brings_documents_and_corrections(app, kira, user_id):
    body = {
        "type": "api",
        "documents": {
            "identity_document": {
                "type": "passport",
                "number": "X1",
                "country": "US",
                "expiration_date": "2035-01-01",
                "front_image": data_uri(),
            }
        },
        "metadata": {"occupation": "Port agent", "nonsense": 1},
    }
    answer = app.post(f"/v1/users/{user_id}/verifications", body)
    assert answer.status_code == 201, answer.content
    assert answer.json()["type"] == "api"
    assert EndUser.objects.get().individual.occupation == "Port agent"
    assert Document.objects.get().slot == "FRONT"


def test_files_by_address_are_not_fetched(app, user_id):
    proof = {"type": "utility_bill", "document_url": "http://169.254.169.254/"}
    answer = app.post(
        f"/v1/users/{user_id}/verifications", {"type": "api", "documents": {"address_proof": proof}}
    )
    assert set(details(answer)) == {"documents.address_proof.document_url"}


def test_a_case_that_one_of_us_holds_has_no_session(app):
    user_id = app.create(complete_individual() | {"pep_status": True})["id"]
    answer = app.post(f"/v1/users/{user_id}/verifications", HOSTED)
    assert (answer.status_code, answer.json()["code"]) == (409, "held_for_review")


@pytest.mark.parametrize("make", [individual, business])
def test_the_hosted_link_mode_answers_with_the_link(app, kira, make):
    body = app.create(make(verification_mode="verification_link", redirect_uri="https://app.example.com/"))
    assert body["verification_link"].startswith("http://127.0.0.1:")
    assert (body["status"], body["verification_mode"]) == ("CREATED", "verification_link")
    assert body["verification_triggered"] is False
    assert app.get(f"/v1/users/{body['id']}").json()["verification_link"] == body["verification_link"]
