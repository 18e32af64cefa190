import pytest
from django.test import Client
from pytest_django import Settings

from onboarding.domain import gates
from onboarding.domain.audit import SYSTEM
from tests.onboarding.factories import NOON, individual, register

pytestmark = pytest.mark.django_db


def _scrape(client: Client, **headers: str) -> tuple[int, str]:
    answer = client.get("/metrics", headers=headers)
    return answer.status_code, answer.content.decode()


def test_the_numbers_say_what_waits_and_since_when(client: Client) -> None:
    register()
    status, text = _scrape(client)
    assert status == 200
    assert 'vouch_queue_due{queue="submissions"} 1.0' in text
    assert 'vouch_end_users{status="CREATED"} 1.0' in text
    lag = next(
        line for line in text.splitlines() if line.startswith('vouch_queue_lag_seconds{queue="submissions"}')
    )
    assert float(lag.split()[-1]) > 0


def test_a_paused_partner_shows(client: Client) -> None:
    gates.pause(partner="KIRA", reason="maintenance", actor=SYSTEM, at=NOON)
    assert 'vouch_partner_paused{partner="KIRA"} 1.0' in _scrape(client)[1]


def test_no_number_names_a_person(client: Client) -> None:
    end_user = register(declaration=individual(pep_status=True))
    text = _scrape(client)[1]
    told = (end_user.email, end_user.display_name, end_user.individual.last_name, str(end_user.pk))
    assert [value for value in told if value in text] == []


def test_whoever_comes_through_a_proxy_needs_the_token(client: Client, settings: Settings) -> None:
    assert _scrape(client, x_forwarded_for="203.0.113.9")[0] == 404
    settings.METRICS_TOKEN = "a-token-for-the-scraper"
    assert _scrape(client)[0] == 404
    assert _scrape(client, authorization="Bearer a-token-for-the-scraper")[0] == 200
