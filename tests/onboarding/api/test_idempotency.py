"""One operation, one effect (contract section 1.4)."""

import threading
import uuid
from typing import Any

import pytest
import time_machine
from django.db import connection

from onboarding.models import EndUser, Event, IdempotencyRecord
from tests.onboarding.api.conftest import business, complete_individual, individual, new_app

REUSED = {
    "code": "idempotency_key_reused",
    "message": "Idempotency key has already been used with different request data",
}


def test_the_same_key_and_body_give_the_same_user_as_it_is_now(app):
    key = str(uuid.uuid4())
    first = app.post("/v1/users", complete_individual(), key=key)
    EndUser.objects.update(status="VERIFYING")
    again = app.post("/v1/users", complete_individual(), key=key.upper())
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["status"] == "VERIFYING"
    assert EndUser.objects.count() == 1
    assert Event.objects.filter(name="user.created").count() == 1


def test_the_same_key_and_another_body_collide(app):
    key = str(uuid.uuid4())
    app.post("/v1/users", individual(), key=key)
    answer = app.post("/v1/users", individual(middle_name="June"), key=key)
    assert (answer.status_code, answer.json()) == (409, REUSED)
    assert EndUser.objects.count() == 1


def test_another_file_is_another_body(app):
    key = str(uuid.uuid4())
    first = complete_individual()
    app.post("/v1/users", first, key=key)
    first["identifying_information"][1]["documents"][0]["file"] = first["identifying_information"][2][
        "documents"
    ][0]["file"]
    assert app.post("/v1/users", first, key=key).json() == REUSED


def test_a_refused_request_does_not_burn_its_key(app):
    key = str(uuid.uuid4())
    assert app.post("/v1/users", individual(email="x"), key=key).status_code == 400
    app.create(individual(external_id="case-1"))
    assert app.post("/v1/users", individual(external_id="case-1"), key=key).status_code == 409
    assert app.post("/v1/users", individual(), key=key).status_code == 201


def test_a_key_may_be_burnt_by_a_refusal_where_the_settings_ask_for_it(app, settings):
    settings.BURN_KEY_ON_400 = True
    key = str(uuid.uuid4())
    assert app.post("/v1/users", individual(email="x"), key=key).status_code == 400
    answer = app.post("/v1/users", individual(), key=key)
    assert (answer.status_code, answer.json()) == (
        400,
        {"code": "validation_error", "message": "Failed to store idempotency key"},
    )


def test_a_key_lives_for_a_day(app):
    key = str(uuid.uuid4())
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        first = app.sign_in().post("/v1/users", individual(), key=key).json()["id"]
    with time_machine.travel("2026-03-02T11:59:59Z", tick=False):
        assert app.sign_in().post("/v1/users", individual(), key=key).json()["id"] == first
    with time_machine.travel("2026-03-02T12:00:01Z", tick=False):
        answer = app.sign_in().post("/v1/users", individual(), key=key)
    assert answer.status_code == 201
    assert answer.json()["id"] != first
    assert IdempotencyRecord.objects.count() == 1


def test_a_key_belongs_to_app_method_and_path(app, other_app):
    key = str(uuid.uuid4())
    first = app.post("/v1/users", individual(), key=key).json()["id"]
    assert other_app.post("/v1/users", individual(), key=key).json()["id"] != first
    user_id = app.create(business())["id"]
    person = {"first_name": "Ana", "last_name": "Luz"}
    assert app.post(f"/v1/users/{user_id}/associated-persons", person, key=key).status_code == 201
    assert app.post(f"/v1/users/{user_id}/associated-persons", person, key=key).status_code == 200
    assert len(app.get(f"/v1/users/{user_id}/associated-persons").json()["data"]) == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_simultaneous_first_uses_make_one_user():
    body, key, at_once = complete_individual(), str(uuid.uuid4()), 20
    app = new_app("Wallet")
    barrier = threading.Barrier(at_once)
    answers: list[Any] = []

    def send() -> None:
        caller = type(app)(app.credentials, bearer=app.bearer)
        barrier.wait()
        try:
            answers.append(caller.post("/v1/users", body, key=key))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * (at_once - 1) + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert EndUser.objects.count() == 1
    assert Event.objects.filter(name="user.created").count() == 1
