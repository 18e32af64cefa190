"""Requests that arrive at the same moment, on PostgreSQL."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from onboarding.models import EndUser, IndividualProfile
from tests.onboarding.api.conftest import App, business, individual

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def at_once(app: App, count: int, act: Callable[[App, int], Any]) -> list[int]:
    """The status codes of so many simultaneous calls."""
    barrier = threading.Barrier(count)

    def one(number: int) -> int:
        mine = App(app.credentials, Client(raise_request_exception=False), app.bearer)
        barrier.wait()
        try:
            return int(act(mine, number).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_ten_changes_of_one_user_all_stay(app: App) -> None:
    pk = app.create(individual())["id"]
    names = ("address_street", "address_city", "middle_name", "occupation", "sector", "current_employer")
    codes = at_once(app, len(names), lambda mine, n: mine.put(f"/v1/users/{pk}", {names[n]: f"v{n}"}))
    profile = IndividualProfile.objects.get()
    assert set(codes) == {200}
    assert (profile.middle_name, profile.occupation, profile.current_employer) == ("v2", "v3", "v5")
    assert EndUser.objects.get().sector == "v4"


def test_one_external_id_makes_one_user(app: App) -> None:
    body = {"external_id": "case-1"}
    codes = at_once(app, 8, lambda mine, n: mine.post("/v1/users", individual(**body)))
    assert Counter(codes) == {201: 1, 409: 7}


def test_one_key_with_eight_bodies_makes_one_user(app: App) -> None:
    key = str(uuid4())
    codes = at_once(app, 8, lambda mine, n: mine.post("/v1/users", individual(sector=f"s{n}"), key=key))
    assert Counter(codes) == {201: 1, 409: 7}


def test_shares_that_arrive_together_never_exceed_the_whole(app: App) -> None:
    pk = app.create(business())["id"]
    owner = {"first_name": "Ana", "last_name": "Diaz", "has_ownership": True, "ownership_percentage": 30}
    codes = at_once(
        app,
        8,
        lambda mine, n: mine.post(
            f"/v1/users/{pk}/associated-persons", {**owner, "email": f"a{n}@example.com"}
        ),
    )
    assert Counter(codes) == {201: 3, 400: 5}


def test_one_email_is_taken_by_one_of_eight_users(app: App) -> None:
    pks = [app.create(individual(email=f"u{n}@example.com"))["id"] for n in range(8)]
    codes = at_once(app, 8, lambda mine, n: mine.put(f"/v1/users/{pks[n]}", {"email": "one@example.com"}))
    assert Counter(codes) == {200: 1, 409: 7}
