"""The brake on staff sign-ins, through the admin's own page."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from config import logins

NAME = "mia@example.com"
PASSWORD = "Correct-Horse-9"
LOGIN = "/admin/login/?next=/admin/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _mia() -> None:
    User.objects.create_superuser(NAME, password=PASSWORD)


def sign_in(name: str = NAME, password: str = PASSWORD, **server: Any) -> Any:
    return Client(**server).post(LOGIN, {"username": name, "password": password})


def fail(times: int, name: str = NAME, **server: Any) -> list[int]:
    return [sign_in(name, f"guess-{number}", **server).status_code for number in range(times)]


def test_the_fifth_failure_locks_and_the_right_password_comes_too_late() -> None:
    assert fail(5) == [200, 200, 200, 200, 429]
    assert sign_in().status_code == 429


def test_the_page_says_when_to_come_back_in_the_look_of_the_admin() -> None:
    fail(4)
    answer = sign_in(password="guess")
    page = answer.content.decode()

    assert answer.headers["Retry-After"] == "900"
    assert "Try again in 15 minutes" in page
    assert "onboarding/admin.css" in page
    assert NAME not in page


def test_a_success_forgets_the_failures_before_it() -> None:
    fail(4)
    assert sign_in()["Location"] == "/admin/"
    assert fail(4) == [200] * 4


def test_a_colleague_elsewhere_is_not_locked_out() -> None:
    fail(6, REMOTE_ADDR="203.0.113.7")

    assert sign_in(REMOTE_ADDR="203.0.113.8").status_code == 302
    assert sign_in(REMOTE_ADDR="203.0.113.7").status_code == 429


def test_another_name_at_the_same_address_is_not_locked_out() -> None:
    fail(6, name="noah@example.com")
    assert sign_in().status_code == 302


def test_a_name_in_other_letters_or_from_another_browser_is_the_same_name() -> None:
    assert fail(2) + fail(2, name=" MIA@Example.com ", HTTP_USER_AGENT="other") == [200] * 4
    assert sign_in(password="guess", HTTP_USER_AGENT="third").status_code == 429


def test_a_name_nobody_has_is_treated_alike() -> None:
    assert fail(6, name="nobody@example.com") == [200] * 4 + [429] * 2


def test_the_lock_opens_after_the_cool_off_and_knocking_does_not_prolong_it() -> None:
    fail(5)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
    fail(3)
    AccessAttempt.objects.update(attempt_time=AccessAttempt.objects.get().attempt_time - timedelta(minutes=2))
    assert sign_in().status_code == 302


def test_the_number_of_failures_is_a_setting(settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    assert fail(3) == [200, 429, 429]


@pytest.mark.parametrize("name", ["a\x00b", "x" * 5000, ""])
def test_an_odd_name_is_refused_quietly(name: str) -> None:
    assert max(fail(6, name=name)) < 500


def test_each_failure_is_one_line_that_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        fail(5, REMOTE_ADDR="203.0.113.7")

    lines = [line for line in caplog.records if line.name.startswith(("config.logins", "axes"))]
    told = [vars(line) for line in lines]
    assert [(line["levelname"], line["failures"], line["is_locked_out"]) for line in told] == [
        ("WARNING", failures, failures == 5) for failures in range(1, 6)
    ]
    assert {line["address"] for line in told} == {"203.0.113.7"}
    assert len({line["account"] for line in told}) == 1
    assert not any(word in str(told) for word in ("mia", "guess", PASSWORD))


def test_what_is_kept_names_nobody() -> None:
    fail(2)
    kept = str(AccessAttempt.objects.values())
    assert not any(word in kept for word in ("mia", "guess", "/admin/'"))


def test_operators_open_a_lock_by_the_name_itself() -> None:
    fail(5)
    call_command("axes_reset_username", NAME)
    assert sign_in().status_code == 302


def test_the_tables_of_the_brake_are_not_in_the_admin() -> None:
    assert [model for model in site._registry if model._meta.app_label == "axes"] == []


def test_a_forwarded_address_counts_only_behind_a_proxy_of_ours(settings: Settings) -> None:
    forged = [fail(1, REMOTE_ADDR="203.0.113.7", HTTP_X_FORWARDED_FOR=f"198.51.100.{n}")[0] for n in range(5)]
    assert forged[-1] == 429

    settings.TRUSTED_PROXIES = 1
    assert fail(5, REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.9")[-1] == 429
    assert sign_in(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.10").status_code == 302


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "found"),
    [
        (0, "198.51.100.1", "203.0.113.7", "203.0.113.7"),
        (1, "6.6.6.6, 198.51.100.1", "10.0.0.1", "198.51.100.1"),
        (2, "6.6.6.6, 198.51.100.1, 10.0.0.2", "10.0.0.1", "198.51.100.1"),
        (2, "198.51.100.1", "10.0.0.1", "10.0.0.1"),
        (1, "unknown", "10.0.0.1", "10.0.0.1"),
        (1, "", "10.0.0.1", "10.0.0.1"),
        (0, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (0, "", "::ffff:203.0.113.7", "203.0.113.7"),
        (0, "", "", None),
    ],
)
def test_the_address_is_what_our_outermost_proxy_saw(
    settings: Settings, proxies: int, forwarded: str, peer: str, found: str | None
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    assert logins.address(request) == found
