"""`GET /v1/users` and `GET /v1/users/{userId}` (contract sections 1.5, 2.7, 2.9 and 2.10)."""

import uuid

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from onboarding.models import EndUser
from tests.onboarding.api.conftest import business, complete_individual, details, individual


def test_one_is_read_as_it_was_told(app):
    created = app.create(complete_individual())
    answer = app.get(f"/v1/users/{created['id']}")
    assert answer.status_code == 200
    assert answer.json() == created


def test_an_unknown_and_a_foreign_id_look_alike(app, other_app):
    foreign = other_app.create(individual())["id"]
    unknown = str(uuid.uuid4())
    for user_id in (foreign, unknown):
        for method, path in (
            ("GET", ""),
            ("PUT", ""),
            ("DELETE", ""),
            ("GET", "/verifications"),
            ("POST", "/verifications"),
            ("GET", "/documents"),
            ("POST", "/documents"),
            ("GET", "/associated-persons"),
            ("POST", "/associated-persons"),
            ("GET", f"/associated-persons/{unknown}"),
            ("PUT", f"/associated-persons/{unknown}"),
            ("DELETE", f"/associated-persons/{unknown}"),
            ("GET", "/requirements"),
            ("GET", "/events"),
            ("POST", "/suspend"),
            ("POST", "/unsuspend"),
        ):
            answer = app.call(method, f"/v1/users/{user_id}{path}", {}, idempotency_key=str(uuid.uuid4()))
            assert (answer.status_code, answer.json()) == (
                404,
                {"code": "not_found", "message": f"User with ID {user_id} not found"},
            )


@pytest.mark.parametrize(
    "user_id", ["nonsense", "1", "5b0d6a7e3f0c4c589c1e0d2f4b8a6e11", "%00", "{x}", "%F0%9F"]
)
def test_a_malformed_id_is_told_so(app, user_id):
    for path in ("", "/verifications", "/requirements"):
        assert details(app.get(f"/v1/users/{user_id}{path}")) == {
            "userId": ("Invalid uuid", "invalid_string")
        }


def test_the_list_is_newest_first_in_pages(app, other_app):
    other_app.create(individual(email="foreign@example.com"))
    for number in range(12):
        app.create(individual(email=f"u{number}@example.com"))
    body = app.get("/v1/users").json()
    assert [user["email"] for user in body["data"]] == [
        f"u{number}@example.com" for number in range(11, 1, -1)
    ]
    assert body["pagination"] == {"total": 12, "limit": 10, "offset": 0, "has_more": True}
    body = app.get("/v1/users?limit=5&offset=10").json()
    assert [user["email"] for user in body["data"]] == ["u1@example.com", "u0@example.com"]
    assert body["pagination"] == {"total": 12, "limit": 5, "offset": 10, "has_more": False}
    assert app.get("/v1/users?offset=100").json()["data"] == []


def test_an_item_of_the_list_has_no_evaluation(app):
    app.create(complete_individual())
    item = app.get("/v1/users").json()["data"][0]
    assert not {"eligible_products", "missing_fields", "verification_triggered"} & set(item)
    assert item["residential_address"]["city"] == "Portland"


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=1e1", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("status=DONE", "status"),
        ("type=person", "type"),
        ("verification_status=maybe", "verification_status"),
        ("created_after=yesterday", "created_after"),
        ("created_before=2026-13-01", "created_before"),
        ("created_before=0001-01-01T00:00:00%2B14:00", "created_before"),
        ("email=%00", "email"),
        ("status=%00", "status"),
    ],
)
def test_wrong_parameters_are_refused(app, query, path):
    assert set(details(app.get(f"/v1/users?{query}"))) == {path}


def test_any_real_moment_may_be_asked_for(app):
    for moment in ("0636-03-23T23:40:02%2B23:49", "9999-12-31T23:59:59Z", "0001-01-01"):
        assert app.get(f"/v1/users?created_after={moment}").status_code == 200


def test_filters_narrow_the_list(app):
    with time_machine.travel("2026-01-10T12:00:00Z"):
        first = app.sign_in().create(individual(email="first@example.com"))["id"]
    with time_machine.travel("2026-02-10T12:00:00Z"):
        second = app.sign_in().create(business(email="second@example.com"))["id"]
    app.sign_in()
    EndUser.objects.filter(pk=second).update(status="VERIFIED")

    def found(query: str) -> list[str]:
        return [user["id"] for user in app.get(f"/v1/users?{query}").json()["data"]]

    assert found("") == [second, first]
    assert found("type=individual") == [first]
    assert found("email=second@example.com") == [second]
    assert found("status=VERIFIED") == found("verification_status=VERIFIED") == [second]
    assert found("status=created") == found("verification_status=unverified") == [first]
    assert found("status=ACTIVE") == [second, first]
    assert found("status=SUSPENDED") == []
    assert found("created_after=2026-02-01") == [second]
    assert found("created_before=2026-02-01T00:00:00Z") == [first]
    assert found("created_after=2026-01-01T00:00:00%2B02:00&created_before=2026-03-01") == [second, first]


def test_the_list_costs_the_same_for_one_and_for_many(app):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert app.get("/v1/users?limit=100").status_code == 200
        return len(captured)

    app.create(complete_individual())
    queries()
    alone = queries()
    for number in range(5):
        people = [{"first_name": "A", "last_name": "B", "address_country": "USA"}] * 3
        app.create(business(email=f"b{number}@example.com", associated_persons=people))
        app.create(
            complete_individual() | {"external_id": f"case-{number}", "email": f"u{number}@example.com"}
        )
    assert queries() == alone


def test_one_costs_few_queries(app, django_assert_max_num_queries):
    user_id = app.create(complete_individual())["id"]
    with django_assert_max_num_queries(12):
        app.get(f"/v1/users/{user_id}")


@pytest.mark.parametrize("path", ["/suspend", "/unsuspend"])
def test_what_the_partner_cannot_do_is_said_clearly(app, path):
    user_id = app.create(individual())["id"]
    answer = app.call("POST", f"/v1/users/{user_id}{path}")
    assert (answer.status_code, answer.json()) == (
        409,
        {"code": "not_supported_by_partner", "message": f"Kira cannot {path[1:]} a user"},
    )


def test_nobody_is_deleted_where_the_partner_cannot(app):
    user_id = app.create(individual())["id"]
    answer = app.delete(f"/v1/users/{user_id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_supported_by_partner")
    assert app.get(f"/v1/users/{user_id}").status_code == 200
