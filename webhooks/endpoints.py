"""Where product apps want to be told: register, change, rotate, switch off and on, remove.

Every act writes its audit entry in the same transaction. Addresses stay out of the trail, because a path or a query
may hold a token of the product app; the host is enough to recognise them by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from config import signing, work
from config.errors import Conflict, InvalidData, NotFound, Problem
from onboarding.domain import audit, events
from onboarding.domain.audit import Actor, Fact
from onboarding.enums import AuditAction, EventName
from onboarding.models import ApiClient
from webhooks import targets
from webhooks.enums import DeliveryOutcome, DisabledReason, EndpointStatus
from webhooks.models import Delivery, EndpointSecret, WebhookEndpoint
from webhooks.targets import Resolver, TargetRefused

TASK = "webhooks.tasks.deliver_due_events"
SHORTEST_SECRET = 5
LONGEST_SECRET = 200
SHORTEST_KEY_BYTES = 16


class EndpointDisabled(Conflict):
    """Nothing is sent to a disabled endpoint."""

    code = "endpoint_disabled"


@dataclass(frozen=True, slots=True)
class Registered:
    """An endpoint with the secret just given to it: shown to the product app now and never again."""

    endpoint: WebhookEndpoint
    secret: str


# --- Reads ----------------------------------------------------------------------------------------


def endpoints_of(client: ApiClient) -> QuerySet[WebhookEndpoint]:
    """The endpoints a product app has, newest first."""
    return WebhookEndpoint.objects.filter(client=client, removed_at=None)


def endpoint_of(client: ApiClient, pk: UUID) -> WebhookEndpoint:
    """One endpoint of a product app. Raises `NotFound`, the same for a stranger's."""
    endpoint = endpoints_of(client).filter(pk=pk).first()
    if endpoint is None:
        raise NotFound(f"Webhook endpoint with ID {pk} not found")
    return endpoint


def live_secrets(endpoint: WebhookEndpoint, *, at: datetime) -> list[str]:
    """Every secret that signs at this moment, newest first."""
    rows = endpoint.secrets.filter(Q(expires_at=None) | Q(expires_at__gt=at))
    return [row.secret for row in rows.order_by("-created_at", "-id")]


# --- Acts -----------------------------------------------------------------------------------------


def register(
    *,
    client: ApiClient,
    url: str,
    secret: str | None,
    events: Sequence[str],
    actor: Actor,
    at: datetime,
    resolver: Resolver = targets.resolve,
) -> Registered:
    """Make an endpoint; without `secret` one is generated.

    Raises `InvalidData` for an address or a secret we do not take, `Conflict` above WEBHOOK_MAX_ENDPOINTS.
    """
    _check_url(url, "url", resolver)
    secret = _checked_secret(secret) if secret is not None else signing.new_secret()
    with transaction.atomic():
        ApiClient.objects.select_for_update().get(pk=client.pk)
        if endpoints_of(client).count() >= settings.WEBHOOK_MAX_ENDPOINTS:
            raise Conflict(f"There may be at most {settings.WEBHOOK_MAX_ENDPOINTS} webhook endpoints")
        endpoint = WebhookEndpoint.objects.create(
            client=client, url=url, events=_unique(events), created_at=at, updated_at=at
        )
        EndpointSecret.objects.create(endpoint=endpoint, secret=secret, created_at=at)
        _record(AuditAction.ENDPOINT_REGISTERED, endpoint, actor, at)
    return Registered(endpoint, secret)


def register_by_contract(
    *,
    client: ApiClient,
    url: str,
    secret: str,
    actor: Actor,
    at: datetime,
    resolver: Resolver = targets.resolve,
) -> WebhookEndpoint:
    """Make, or replace, the one endpoint of `POST /webhooks/register` (partner contract Kira, 7.1).

    Address and secret are replaced at once, without overlap, and the endpoint is active afterwards. Raises
    `InvalidData` with the contract's member names.
    """
    _check_url(url, "webhook_url", resolver)
    _checked_secret(secret)
    with transaction.atomic():
        ApiClient.objects.select_for_update().get(pk=client.pk)
        endpoint = endpoints_of(client).filter(is_registered=True).first()
        action = AuditAction.ENDPOINT_CHANGED if endpoint else AuditAction.ENDPOINT_REGISTERED
        if endpoint is None:
            endpoint = WebhookEndpoint.objects.create(
                client=client, url=url, is_registered=True, created_at=at, updated_at=at
            )
        else:
            _write(endpoint, at, url=url, not_before=None, consecutive_failures=0, failing_since=None)
            _activate(endpoint, at)
            endpoint.secrets.all().delete()
        EndpointSecret.objects.create(endpoint=endpoint, secret=secret, created_at=at)
        _record(action, endpoint, actor, at, by="register")
    return endpoint


def change(
    *,
    endpoint: WebhookEndpoint,
    url: str | None = None,
    events: Sequence[str] | None = None,
    actor: Actor,
    at: datetime,
    resolver: Resolver = targets.resolve,
) -> None:
    """Change the address, the wanted events, or both; None leaves a thing as it is. Raises `InvalidData`."""
    if url is not None:
        _check_url(url, "url", resolver)
    changes: dict[str, Any] = {}
    if url is not None and url != endpoint.url:
        changes |= {"url": url, "not_before": None}
    if events is not None and _unique(events) != endpoint.events:
        changes["events"] = _unique(events)
    if not changes:
        return
    with transaction.atomic():
        _write(endpoint, at, **changes)
        changed = sorted({"url", "events"} & changes.keys())
        _record(AuditAction.ENDPOINT_CHANGED, endpoint, actor, at, changed=changed)


def rotate_secret(*, endpoint: WebhookEndpoint, secret: str | None, actor: Actor, at: datetime) -> Registered:
    """Give the endpoint a new secret; the old ones go on signing for WEBHOOK_SECRET_OVERLAP_HOURS.

    Raises `InvalidData` for a given secret we do not take.
    """
    secret = _checked_secret(secret) if secret is not None else signing.new_secret()
    ends = at + timedelta(hours=settings.WEBHOOK_SECRET_OVERLAP_HOURS)
    with transaction.atomic():
        WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        endpoint.secrets.filter(expires_at__lte=at).delete()
        endpoint.secrets.filter(expires_at=None).update(expires_at=ends)
        EndpointSecret.objects.create(endpoint=endpoint, secret=secret, created_at=at)
        _write(endpoint, at)
        _record(AuditAction.ENDPOINT_CHANGED, endpoint, actor, at, changed=["secret"])
    return Registered(endpoint, secret)


def enable(*, endpoint: WebhookEndpoint, actor: Actor, at: datetime) -> None:
    """Send again, what had to wait included. Nothing happens when it is active already."""
    with transaction.atomic():
        if _activate(endpoint, at):
            _record(
                AuditAction.ENDPOINT_CHANGED,
                endpoint,
                actor,
                at,
                changed=["status"],
                to=EndpointStatus.ACTIVE,
            )
            work.ring(TASK)


def disable(*, endpoint: WebhookEndpoint, reason: DisabledReason, actor: Actor, at: datetime) -> bool:
    """Stop sending; what is unfinished waits for `enable`. False when it was disabled already.

    Unless the product app asked for it, an event tells its other endpoints and its feed.
    """
    with transaction.atomic():
        disabled = WebhookEndpoint.objects.filter(
            pk=endpoint.pk, status=EndpointStatus.ACTIVE, removed_at=None
        ).update(status=EndpointStatus.DISABLED, disabled_reason=reason, disabled_at=at, updated_at=at)
        if not disabled:
            return False
        Delivery.objects.filter(endpoint=endpoint, finished_at=None).update(due_at=None)
        endpoint.refresh_from_db()
        if reason != DisabledReason.REQUESTED:
            data = {"endpoint_id": str(endpoint.pk), "reason": str(reason), "disabled_at": at.isoformat()}
            events.put(
                client=endpoint.client, end_user=None, name=EventName.ENDPOINT_DISABLED, data=data, at=at
            )
        _record(AuditAction.ENDPOINT_DISABLED, endpoint, actor, at, reason=str(reason))
    return True


def remove(*, endpoint: WebhookEndpoint, actor: Actor, at: datetime) -> None:
    """Take the endpoint away for good. Its log stays for us; its secrets and what was still to be sent do not."""
    with transaction.atomic():
        removed = WebhookEndpoint.objects.filter(pk=endpoint.pk, removed_at=None).update(
            removed_at=at, updated_at=at
        )
        if not removed:
            return
        endpoint.secrets.all().delete()
        Delivery.objects.filter(endpoint=endpoint, finished_at=None).update(
            outcome=DeliveryOutcome.CANCELLED, finished_at=at, leased_until=None, fence=F("fence") + 1
        )
        _record(AuditAction.ENDPOINT_CHANGED, endpoint, actor, at, changed=["removed"])


def _activate(endpoint: WebhookEndpoint, at: datetime) -> bool:
    activated = WebhookEndpoint.objects.filter(
        pk=endpoint.pk, status=EndpointStatus.DISABLED, removed_at=None
    ).update(
        status=EndpointStatus.ACTIVE,
        disabled_reason="",
        disabled_at=None,
        consecutive_failures=0,
        failing_since=None,
        not_before=None,
        updated_at=at,
    )
    if activated:
        waiting = Delivery.objects.filter(endpoint=endpoint, finished_at=None, due_at=None)
        waiting.update(due_at=F("created_at"), failures=0)  # due at once, and still in order
    endpoint.refresh_from_db()
    return bool(activated)


def _write(endpoint: WebhookEndpoint, at: datetime, **values: Any) -> None:
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(updated_at=at, **values)
    endpoint.refresh_from_db()


def _record(action: AuditAction, endpoint: WebhookEndpoint, actor: Actor, at: datetime, **data: Any) -> None:
    known = {
        "endpoint": str(endpoint.pk),
        "client": str(endpoint.client_id),
        "host": urlsplit(endpoint.url).hostname or "",
    }
    audit.record(subject=None, facts=[Fact(action, {**known, **data})], actor=actor, at=at)


def _check_url(url: str, member: str, resolver: Resolver) -> None:
    try:
        targets.check(url, resolver=resolver)
    except TargetRefused as error:
        raise InvalidData([Problem(member, error.reason)]) from None


def _checked_secret(secret: str) -> str:
    if not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET:
        message = f"A secret must have {SHORTEST_SECRET} to {LONGEST_SECRET} characters"
        code = "too_small" if len(secret) < SHORTEST_SECRET else "too_big"
        raise InvalidData([Problem("secret", message, code)])
    if not secret.isprintable() or secret != secret.strip():
        raise InvalidData([Problem("secret", "A secret must be printable, without blanks around it")])
    if secret.startswith(signing.SECRET_PREFIX):
        key = signing.key_of(secret)
        if key == secret.encode() or len(key) < SHORTEST_KEY_BYTES:
            message = f"After whsec_ there must be base64 of at least {SHORTEST_KEY_BYTES} bytes"
            raise InvalidData([Problem("secret", message)])
    return secret


def _unique(events: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(str(name) for name in events))
