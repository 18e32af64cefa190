"""How fast an app may call."""

import threading
import time

import pytest
import time_machine
from django.db import connection

from onboarding.api import throttling
from onboarding.models import ThrottleWindow
from tests.onboarding.api.conftest import new_app


def test_every_answer_tells_the_rate(app):
    for path in ("/v1/users", "/v1/nothing", "/v1/users/x"):
        headers = app.get(path).headers
        assert int(headers["RateLimit-Limit"]) > 0
        assert {"RateLimit-Remaining", "RateLimit-Reset"} <= set(headers)


def test_too_many_calls_are_refused_until_the_time_comes(app, other_app, settings):
    settings.THROTTLE_PER_APP = "3/m"
    ThrottleWindow.objects.all().delete()
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as clock:
        app.sign_in()
        other_app.sign_in()
        assert [app.get("/v1/users").status_code for _ in range(3)] == [200, 200, 429]
        answer = app.get("/v1/users")
        assert answer.json() == {"code": "rate_limit_exceeded", "message": "Too many requests, slow down"}
        assert (answer.headers["Retry-After"], answer.headers["RateLimit-Remaining"]) == ("20", "0")
        assert other_app.get("/v1/users").status_code == 200
        clock.shift(19)
        assert app.get("/v1/users").status_code == 429
        clock.shift(1)
        assert app.get("/v1/users").status_code == 200
        assert app.get("/v1/users").status_code == 429


def test_turns_taken_together_cost_one_write(app, settings, django_assert_num_queries):
    settings.THROTTLE_PER_APP = "1000/s"
    throttling._turns.clear()
    throttling.take(app.credentials.client)
    with django_assert_num_queries(0):
        for _ in range(49):
            throttling.take(app.credentials.client)


@pytest.mark.django_db(transaction=True)
def test_no_more_get_through_than_may_however_many_ask(settings):
    settings.THROTTLE_PER_APP = "50/h"
    client = new_app("Wallet").credentials.client
    ThrottleWindow.objects.all().delete()
    throttling._turns.clear()
    allowed: list[bool] = []

    def ask() -> None:
        for _ in range(20):
            allowed.append(not throttling.take(client).wait)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 50
    assert time.perf_counter() - started < 20
