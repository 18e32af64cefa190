"""Verification sessions, the hosted page, liveness links and the operator page."""

import re
import uuid
from typing import Any

import pytest
import requests

from tests.onboarding.sandbox.conftest import Caller, Ear, business, individual, wait_for


def user_without_funds(caller: Caller) -> str:
    user_id: str = caller.create(individual(source_of_funds=None)).json()["id"]
    return user_id


def opened(caller: Caller, user_id: str, **members: Any) -> dict[str, Any]:
    body = {"type": "embedded-link", "redirect_uri": "http://product.example.com/done?case=7", **members}
    answer = caller.create(body, path=f"/v1/users/{user_id}/verifications")
    assert answer.status_code == 201, answer.text
    session: dict[str, Any] = answer.json()
    return session


def press(link: str, **form: str) -> requests.Response:
    return requests.post(link, data=form, timeout=5, allow_redirects=False)


def test_a_session_offers_the_same_link_under_two_names(still: Caller) -> None:
    user_id = user_without_funds(still)
    session = opened(still, user_id)
    assert session["provider_link"] == session["verification_link"]
    assert session["provider"] == "aiprise"
    assert set(session["provider_metadata"]) == {"template_id", "session_id"}
    assert session["status"] == "not_started"
    assert still.status(user_id) == "CREATED"


def test_a_session_keeps_the_promise_of_its_key(still: Caller) -> None:
    path = f"/v1/users/{user_without_funds(still)}/verifications"
    key, body = str(uuid.uuid4()), {"type": "embedded-link"}
    first = still.create(body, key, path)
    again = still.create(body, key, path)
    other = still.create({**body, "redirect_uri": "https://example.com/"}, key, path)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert first.json() == again.json()
    still.toggle(replay_status=201)
    assert still.create(body, key, path).status_code == 201


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"type": "video"}, "type", "invalid_union_discriminator"),
        ({"type": "embedded-link", "redirect_uri": "nowhere"}, "redirect_uri", "invalid_string"),
        ({"type": "embedded-link", "verification_mode": "automatic"}, "", "unrecognized_keys"),
        ({"type": "api"}, "documents", "invalid_type"),
        ({"type": "api", "documents": {}}, "documents.identity_document", "invalid_type"),
    ],
)
def test_a_session_body_is_checked(still: Caller, body: dict[str, Any], path: str, code: str) -> None:
    answer = still.create(body, path=f"/v1/users/{user_without_funds(still)}/verifications")
    assert answer.status_code == 400
    assert [(each["path"], each["code"]) for each in answer.json()["details"]] == [(path, code)]


def test_a_session_needs_a_key_and_a_user(still: Caller) -> None:
    user_id = user_without_funds(still)
    body = {"type": "embedded-link"}
    assert still.call("POST", f"/v1/users/{user_id}/verifications", json=body).status_code == 400
    assert still.create(body, path=f"/v1/users/{uuid.uuid4()}/verifications").status_code == 404


def test_data_sent_by_api_start_the_course_without_a_page(caller: Caller) -> None:
    user_id = user_without_funds(caller)
    identity = {"type": "passport", "number": "X1", "country": "US", "front_image": "aGVsbG8="}
    session = opened(caller, user_id, type="api", documents={"identity_document": identity})
    assert session["status"] == "in_progress"
    assert "provider_link" not in session
    wait_for(lambda: caller.status(user_id) == "VERIFIED")


def test_the_page_says_who_is_checked_and_runs_no_script(still: Caller) -> None:
    user_id = still.create(individual(first_name="<b>Priya", source_of_funds=None)).json()["id"]
    page = requests.get(opened(still, user_id)["provider_link"], timeout=5)
    assert page.status_code == 200
    assert "&lt;b&gt;Priya Nakamura" in page.text
    assert "<script" not in page.text
    assert "<style" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://product.example.com" in policy
    style = re.search(r'href="([^"]+\.css)"', page.text)
    assert style is not None
    assert requests.get(still.root + style[1], timeout=5).headers["Content-Type"].startswith("text/css")


@pytest.mark.parametrize(
    ("decision", "status"), [("approve", "VERIFIED"), ("reject", "REJECTED"), ("review", "REVIEW")]
)
def test_a_person_decides_and_returns(still: Caller, decision: str, status: str) -> None:
    user_id = user_without_funds(still)
    answer = press(opened(still, user_id)["provider_link"], decision=decision, reason="Blurred")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "http://product.example.com/done?case=7"
    assert still.status(user_id) == status


def test_the_reason_of_a_person_reaches_the_webhook(still: Caller, ear: Ear) -> None:
    press(opened(still, user_without_funds(still))["provider_link"], decision="reject", reason="Blurred")
    assert ear.wait("user.verification.failed")[0]["data"]["reasons"][0]["reason"] == "Blurred"


def test_a_page_is_used_once(still: Caller) -> None:
    link = opened(still, user_without_funds(still))["provider_link"]
    press(link, decision="review")
    again = press(link, decision="approve")
    assert again.status_code == 200
    assert "finished" in again.text


def test_a_page_without_a_choice_asks_again(still: Caller) -> None:
    answer = press(opened(still, user_without_funds(still))["provider_link"], decision="maybe")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_a_page_that_does_not_exist_is_not_found(still: Caller) -> None:
    assert requests.get(f"{still.base}/hosted/{uuid.uuid4()}", timeout=5).status_code == 404
    assert requests.get(f"{still.base}/hosted/x", timeout=5).status_code == 404


def test_a_rejected_user_can_be_issued_a_new_page(still: Caller) -> None:
    user_id = user_without_funds(still)
    press(opened(still, user_id)["provider_link"], decision="reject")
    press(opened(still, user_id)["provider_link"], decision="approve")
    assert still.status(user_id) == "VERIFIED"
    page = requests.get(opened(still, user_id)["provider_link"], timeout=5)
    assert "finished" in page.text


def test_the_link_of_a_minimal_user_ends_at_its_own_address(still: Caller) -> None:
    body = {
        "type": "individual",
        "first_name": "Priya",
        "last_name": "Nakamura",
        "email": "priya.nakamura@example.com",
        "verification_mode": "verification_link",
        "redirect_uri": "https://product.example.com/back",
    }
    user = still.create(body).json()
    assert user["verification_mode"] == "verification_link"
    assert "verification_link" not in still.read(user["id"])
    answer = press(user["verification_link"], decision="approve")
    assert answer.headers["Location"] == "https://product.example.com/back"
    assert still.status(user["id"]) == "VERIFIED"


def test_liveness_links_report_each_person(still: Caller, ear: Ear) -> None:
    user_id = still.create(business()).json()["id"]
    redirect = {"success_url": "https://example.com/yes", "reject_url": "https://example.com/no"}
    answer = still.call("POST", f"/v1/users/{user_id}/liveness-link", json={"redirect": redirect})
    company, person = answer.json()["links"]
    assert answer.status_code == 201
    assert company["person_reference_id"] is None
    assert press(person["liveness_link"], decision="approve").headers["Location"] == "https://example.com/yes"
    assert press(company["liveness_link"], decision="reject").headers["Location"] == "https://example.com/no"
    results = {
        each["data"]["person_reference_id"]: each["data"]["result"]
        for each in ear.wait("user.liveness_completed", 2)
    }
    assert results == {person["person_reference_id"]: "approved", None: "rejected"}
    assert still.status(user_id) == "CREATED"


def test_liveness_links_last_a_week(still: Caller) -> None:
    user_id = still.create(business()).json()["id"]
    redirect = {"success_url": "https://example.com/yes", "reject_url": "https://example.com/no"}
    answer = still.call("POST", f"/v1/users/{user_id}/liveness-link", json={"redirect": redirect})
    still.control("POST", "advance", {"seconds": 7 * 86400 + 1})
    assert requests.get(answer.json()["links"][0]["liveness_link"], timeout=5).status_code == 410


def test_the_operator_page_lists_and_decides(still: Caller) -> None:
    user_id = user_without_funds(still)
    page = requests.get(f"{still.root}/_operator", timeout=5)
    assert user_id in page.text
    assert user_id not in requests.get(f"{still.root}/_operator?status=REVIEW", timeout=5).text
    form = f"{still.root}/_operator/kira/{user_id}"
    assert press(form, status="VERIFIED").status_code == 303
    assert still.status(user_id) == "VERIFIED"
    assert press(form, status="WEIRD").status_code == 404
    assert press(f"{still.root}/_operator/kira/nobody", status="REVIEW").status_code == 404


def test_another_site_cannot_press_the_operators_buttons(still: Caller) -> None:
    user_id = user_without_funds(still)
    for path in (f"_operator/kira/{user_id}", f"_control/users/{user_id}/decide"):
        answer = requests.post(
            f"{still.root}/{path}",
            data='{"status": "VERIFIED"}',
            headers={"Sec-Fetch-Site": "cross-site"},
            timeout=5,
        )
        assert answer.status_code == 403
    assert still.status(user_id) == "CREATED"
