"""What can be chosen about the Kira stand-in: credentials, first webhook, and every switch of its contract."""

from dataclasses import dataclass, field
from typing import Literal

DEFAULT_CLIENT_ID = "5a6d1c1e-0b5e-4c1f-9a55-2f0d2a0c7e11"


@dataclass(frozen=True)
class Client:
    """One customer of Kira: what it sends to ``/auth`` and on every call."""

    api_key: str
    client_id: str
    password: str


@dataclass(frozen=True)
class KiraToggles:
    """Each member is one point on which Kira's documents, or Kira and its documents, differ.

    The identifiers C-nn are the readings of the contract; docs/sandbox.md explains each switch in a line.
    """

    gate: Literal["documented", "any_product"] = "documented"
    auth_errors: Literal["gateway", "documented"] = "gateway"
    burn_key_on_400: bool = False
    replay_status: Literal[200, 201] = 200  # C-15
    lock_verified: bool = True  # C-24
    unique_contacts_on_put: bool = True
    unique_email_on_post: bool = False
    refuse_minors: bool = True
    business_only: bool = False  # C-33
    limit_over_100: Literal["crash", "refuse"] = "crash"
    body_limit: bool = True  # C-21
    echo_countries: Literal["as_sent", "alpha3"] = "as_sent"  # C-12
    triggered_in_get: bool = False  # C-19
    fold_metadata: bool = False
    products: tuple[str, ...] = (
        "usa-virtual-accounts",
        "virtual_account",
        "payout",
        "usa-virtual-accounts-act",
    )
    products_after_verification: bool = False  # C-23
    source_of_wealth_required: bool = True  # C-31
    r5_requirements: bool = False
    legacy_words: Literal["R3", "R1"] = "R3"
    webhook_payload: Literal["R2", "R1", "R5"] = "R2"
    webhook_retries: Literal["none", "automatic", "scheduled"] = "none"  # C-25: R4, R1, R5
    webhook_time_factor: float = 1.0
    webhook_timeout_seconds: float = 30.0
    outcome: Literal["scripted", "review", "approve", "reject", "hold"] = "scripted"
    verifying_delay_seconds: float = 2.0
    outcome_delay_seconds: float = 5.0
    review_delay_seconds: float = 5.0
    token_life_seconds: float = 3600.0
    idempotency_life_seconds: float = 86400.0
    rate_limit: bool = False
    rate_limit_per_second: int = 10
    rate_limit_concurrent: int = 2


@dataclass(frozen=True)
class KiraOptions:
    """Credentials that are plainly not real, a webhook that is already registered, and the first toggles."""

    api_key: str = "sandbox-api-key"
    client_id: str = DEFAULT_CLIENT_ID
    password: str = "sandbox-password"  # noqa: S105 - the sandbox's own, not a secret
    webhook_url: str | None = "http://127.0.0.1:8000/hooks/kira/"
    webhook_secret: str = "sandbox-webhook-secret"  # noqa: S105
    other_clients: tuple[Client, ...] = ()
    toggles: KiraToggles = field(default_factory=KiraToggles)

    @property
    def clients(self) -> tuple[Client, ...]:
        return (Client(self.api_key, self.client_id, self.password), *self.other_clients)
