from collections.abc import Callable, Iterator

import pytest
from django.utils import timezone
from pytest_django import Settings

from onboarding.domain import api_clients
from onboarding.domain.api_clients import Credentials
from onboarding.domain.audit import SYSTEM
from onboarding.enums import Partner
from onboarding.models import ApiClient
from tests.onboarding.domain.conftest import kira  # noqa: F401 - the partner's stand-in, a fixture
from tests.webhooks.receivers import Answer, Receiver
from webhooks import endpoints
from webhooks.models import WebhookEndpoint


@pytest.fixture
def receiver() -> Iterator[Callable[..., Receiver]]:
    """Starts receivers; each test's are stopped at its end."""
    started: list[Receiver] = []

    def start(answer: Answer = 200, **options: object) -> Receiver:
        started.append(Receiver(answer, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture(autouse=True)
def _quick_settings(settings: Settings) -> None:
    settings.WEBHOOK_REJECTION_FLUSH_SECONDS = 0
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = True


@pytest.fixture
def credentials(db: None) -> Credentials:
    return api_clients.create(name="Lumen", partners=[Partner.KIRA], actor=SYSTEM, at=timezone.now())


@pytest.fixture
def client_app(credentials: Credentials) -> ApiClient:
    return credentials.client


@pytest.fixture
def endpoint_at(client_app: ApiClient) -> Callable[..., WebhookEndpoint]:
    """An endpoint of the product app at this address."""

    def register(
        url: str, *, secret: str | None = None, events: tuple[str, ...] = (), client: ApiClient | None = None
    ) -> WebhookEndpoint:
        registered = endpoints.register(
            client=client or client_app,
            url=url,
            secret=secret,
            events=events,
            actor=SYSTEM,
            at=timezone.now(),
        )
        return registered.endpoint

    return register
