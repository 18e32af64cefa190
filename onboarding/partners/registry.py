"""Which code speaks to which partner. A partner is one line in each of the two tables below.

The only module of this package that reads the settings; everything under it takes frozen values.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Never

from django.conf import settings

from onboarding.enums import Partner
from onboarding.partners.base import Connector, Gate, PartnerBusy, PartnerContract, Passage
from onboarding.partners.kira.client import KiraSettings
from onboarding.partners.kira.connector import KiraConnector
from onboarding.partners.kira.requirements import contract as kira_contract


def connector(partner: str, *, gate: Gate) -> Connector:
    """A connector for one piece of work; every call goes through the gate. Raises `LookupError` for a stranger."""
    return _CONNECTORS[partner](gate)


def event_connector(partner: str) -> Connector:
    """A connector that verifies and reads webhooks; calling the partner through it raises `PartnerBusy`."""
    return connector(partner, gate=_ShutGate())


def contract(partner: str) -> PartnerContract:
    """The partner's requirements and products, as this installation reads its contract."""
    return _CONTRACTS[partner]()


def _kira(gate: Gate) -> Connector:
    return KiraConnector(kira_settings(), gate=gate)


def _kira_contract() -> PartnerContract:
    return kira_contract(
        gate=_setting("KIRA_GATE", "documented"),
        is_source_of_wealth_required=_setting("KIRA_SOURCE_OF_WEALTH_REQUIRED", True),
    )


def kira_settings() -> KiraSettings:
    """Kira's part of the settings, frozen."""
    return KiraSettings(
        base_url=settings.KIRA_BASE_URL,
        api_key=settings.KIRA_API_KEY,
        client_id=settings.KIRA_CLIENT_ID,
        password=settings.KIRA_PASSWORD,
        webhook_secrets=tuple(settings.KIRA_WEBHOOK_SECRETS),
        webhook_header=_setting("KIRA_WEBHOOK_HEADER", "x-signature-sha256"),
        is_r1_webhook_accepted=_setting("KIRA_WEBHOOK_R1_ACCEPTED", False),
        api_version=_setting("KIRA_API_VERSION", ""),
        are_individuals_enabled=_setting("KIRA_INDIVIDUALS_ENABLED", True),
        hosted_link_hosts=tuple(host.lower() for host in _setting("KIRA_HOSTED_LINK_HOSTS", ())),
        are_private_targets_allowed=_setting("WEBHOOKS_ALLOW_PRIVATE_TARGETS", False),
        max_body_bytes=_setting("KIRA_MAX_BODY_BYTES", 10_000_000),
        find_max_pages=_setting("KIRA_FIND_MAX_PAGES", 20),
        connect_timeout=_setting("KIRA_CONNECT_TIMEOUT", 5),
        read_timeout=_setting("KIRA_READ_TIMEOUT", 20),
        total_deadline=_setting("KIRA_TOTAL_DEADLINE", 30),
        ca_bundle=_setting("KIRA_TLS_CA_BUNDLE", ""),
    )


_CONNECTORS: dict[str, Callable[[Gate], Connector]] = {Partner.KIRA: _kira}
_CONTRACTS: dict[str, Callable[[], PartnerContract]] = {Partner.KIRA: _kira_contract}


def _setting(name: str, default: Any) -> Any:
    return getattr(settings, name, default)


class _ShutGate:
    """Nothing passes: for reading what a partner sent us."""

    def passage(self) -> AbstractContextManager[Passage]:
        self._refuse()

    def token(self) -> str | None:
        return None

    def renew_token(self, *, stale: str | None, fetch: Callable[[], tuple[str, timedelta]]) -> str:
        self._refuse()

    def _refuse(self) -> Never:
        raise PartnerBusy("This connector only reads events")
