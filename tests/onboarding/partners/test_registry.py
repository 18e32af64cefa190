"""The registry turns settings into frozen values, and knows its partners."""

import pytest
from pytest_django import Settings

from onboarding.enums import Partner
from onboarding.partners import registry
from onboarding.partners.base import PartnerBusy
from tests.onboarding.partners.gates import OpenGate


@pytest.mark.parametrize("partner", Partner.values)
def test_every_partner_has_a_connector_and_a_contract(partner: str) -> None:
    assert registry.connector(partner, gate=OpenGate()).exchanges == ()
    assert registry.contract(partner).products


def test_a_stranger_is_not_known() -> None:
    for ask in (registry.contract, registry.event_connector):
        with pytest.raises(LookupError):
            ask("NOBODY")


@pytest.mark.parametrize("partner", Partner.values)
def test_a_connector_for_events_makes_no_call(partner: str) -> None:
    with pytest.raises(PartnerBusy):
        registry.event_connector(partner).fetch("6487276d-e86c-46ad-bc7b-afe43310ae01")


def test_kira_s_settings_are_read_when_asked_for(settings: Settings) -> None:
    settings.KIRA_BASE_URL = "https://api.example.com/sandbox"
    settings.KIRA_WEBHOOK_SECRETS = ["new", "old"]
    settings.KIRA_HOSTED_LINK_HOSTS = ["Verify.Example.com"]
    settings.KIRA_GATE = "any_product"
    settings.KIRA_SOURCE_OF_WEALTH_REQUIRED = False
    kira = registry.kira_settings()
    assert kira.base_url == "https://api.example.com/sandbox"
    assert kira.webhook_secrets == ("new", "old")
    assert kira.hosted_link_hosts == ("verify.example.com",)
    contract = registry.contract(Partner.KIRA)
    assert contract.gate == "any_product"
    assert "identifying_information:file_source_of_wealth" not in {row.token for row in contract.requirements}


def test_secrets_do_not_show_in_the_settings_text(settings: Settings) -> None:
    settings.KIRA_API_KEY = settings.KIRA_PASSWORD = "canary-secret"
    settings.KIRA_WEBHOOK_SECRETS = ["canary-secret"]
    assert "canary" not in repr(registry.kira_settings())
