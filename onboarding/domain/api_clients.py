"""Product apps and their credentials.

A key is `<prefix>.<secret>`: the prefix finds the row, the SHA-256 of the whole proves it, compared in constant time.
Keys and passwords hold 256 random bits each, so a plain digest of them cannot be guessed. They are shown once.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from config.errors import Conflict
from onboarding.domain import audit
from onboarding.domain.audit import Actor, Fact
from onboarding.enums import AuditAction, Partner, ReviewPolicy
from onboarding.models import ApiClient, ApiKey

PREFIX_LENGTH: Final = 14
USE_NOTED_EVERY: Final = timedelta(minutes=10)
_NOBODY: Final = hashlib.sha256(b"nobody").hexdigest()


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a new product app is given, once."""

    client: ApiClient
    password: str = field(repr=False)
    api_key: str = field(repr=False)


def create(
    *,
    name: str,
    partners: Sequence[Partner],
    review_policy: ReviewPolicy = ReviewPolicy.AUTOMATIC,
    actor: Actor,
    at: datetime,
) -> Credentials:
    """Register a product app with its first key. The first partner is the primary one of its end users.

    Raises `Conflict` when the name is taken.
    """
    password = secrets.token_urlsafe(32)
    client = ApiClient(
        name=name,
        password_digest=_digest(password),
        default_partners=[partner.value for partner in partners],
        review_policy=review_policy,
        created_at=at,
    )
    data = {"name": name, "partners": list(client.default_partners), "review_policy": str(review_policy)}
    try:
        with transaction.atomic():
            client.save(force_insert=True)
            api_key = issue_key(client=client, actor=actor, at=at)
            created = Fact(AuditAction.CLIENT_CREATED, {"client": str(client.pk), **data})
            audit.record(subject=None, facts=[created], actor=actor, at=at)
    except IntegrityError as error:
        raise Conflict("A product app of this name exists already") from error
    return Credentials(client, password, api_key)


@transaction.atomic
def issue_key(*, client: ApiClient, actor: Actor, at: datetime) -> str:
    """A further key of the app; the older ones stay good until they are revoked."""
    prefix = "vk" + secrets.token_hex((PREFIX_LENGTH - 2) // 2)
    api_key = f"{prefix}.{secrets.token_urlsafe(32)}"
    ApiKey.objects.create(client=client, prefix=prefix, digest=_digest(api_key), created_at=at)
    issued = Fact(AuditAction.CLIENT_KEY_ISSUED, {"client": str(client.pk), "prefix": prefix})
    audit.record(subject=None, facts=[issued], actor=actor, at=at)
    return api_key


@transaction.atomic
def revoke_key(*, key: ApiKey, actor: Actor, at: datetime) -> None:
    """End a key at once. Revoking it again changes nothing."""
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=at):
        return
    key.revoked_at = at
    revoked = Fact(AuditAction.CLIENT_KEY_REVOKED, {"client": str(key.client_id), "prefix": key.prefix})
    audit.record(subject=None, facts=[revoked], actor=actor, at=at)


def authenticate_key(api_key: str) -> ApiClient | None:
    """The active app this live key belongs to, or None. Costs one query."""
    key = None
    prefix = api_key.partition(".")[0]
    if len(prefix) == PREFIX_LENGTH and prefix.isascii() and prefix.isalnum():
        live = ApiKey.objects.select_related("client").filter(prefix=prefix, revoked_at=None)
        key = live.order_by().first()
    is_right = hmac.compare_digest(_digest(api_key), key.digest if key else _NOBODY)
    if key is None or not is_right or not key.client.is_active:
        return None
    _note_use(key)
    return key.client


def check_password(client_id: UUID, password: str) -> ApiClient | None:
    """The active app with this id and password, or None."""
    client = ApiClient.objects.filter(pk=client_id, is_active=True).first()
    is_right = hmac.compare_digest(_digest(password), client.password_digest if client else _NOBODY)
    return client if is_right else None


def _note_use(key: ApiKey) -> None:
    """Keep `last_used_at` about right without a write per request."""
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
    if key.last_used_at is None or key.last_used_at < now - USE_NOTED_EVERY:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
