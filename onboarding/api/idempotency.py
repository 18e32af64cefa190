"""One business operation, one effect, however often it is sent (contract section 1.4).

The record of a key is the first row of the transaction that does the work, so simultaneous first uses wait for each
other on its unique index: one of them works, the others find the record and replay. Nothing is kept of a request that
was refused, unless `settings.BURN_KEY_ON_400` copies that habit of the contract's runtime.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from rest_framework.request import Request

from config.errors import DomainError, InvalidData, Problem
from onboarding.api.errors import KeyReused
from onboarding.api.serializers.fields import UUID_FORM
from onboarding.models import ApiClient, IdempotencyRecord

HEADER: Final = "idempotency-key"
REPLAYED: Final = "Idempotency-Replayed"
NOTHING: Final = UUID(int=0)
TRIES: Final = 5


class KeyBurnt(DomainError):
    """The key was used by a request that failed; only with `BURN_KEY_ON_400`."""

    code = "validation_error"

    def __init__(self) -> None:
        super().__init__("Failed to store idempotency key")


class _KeyTaken(Exception):
    """Another request holds the key; the transaction at hand is to be given up."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the operation made, and whether an earlier request made it."""

    target_id: UUID
    is_replay: bool


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key in its scope: app, method and path."""

    client: ApiClient
    method: str
    path: str
    value: UUID

    @classmethod
    def required(cls, request: Request, client: ApiClient) -> "Key":
        """The key of a request that must have one. Raises `InvalidData` in the contract's words."""
        key = cls.optional(request, client)
        if key is None:
            raise InvalidData([Problem(HEADER, "Required", "invalid_type")])
        return key

    @classmethod
    def optional(cls, request: Request, client: ApiClient) -> "Key | None":
        """The key of a request, if it has one. Raises `InvalidData` when it is no UUID."""
        text = request.headers.get(HEADER)
        if text is None:
            return None
        if not UUID_FORM.fullmatch(text.strip()):
            raise InvalidData([Problem(HEADER, "Invalid uuid", "invalid_string")])
        return cls(client, str(request.method), request.path[:200], UUID(text.strip()))

    def run(self, *, body_hash: str, at: datetime, work: Callable[[UUID], UUID]) -> Outcome:
        """Do `work` in one transaction with the record of the key, or find what an earlier request made.

        `work` is given an id that it may use for what it makes, and returns the id of what it made. Raises
        `KeyReused` when the key came with another body, and whatever `work` raises; then nothing is kept.
        """
        for _ in range(TRIES):
            try:
                return Outcome(self._first_use(body_hash, at, work), is_replay=False)
            except _KeyTaken:
                known = self._replay(body_hash, at)
                if known is not None:
                    return known
                IdempotencyRecord.objects.filter(**self._scope(), created_at__lte=self._oldest(at)).delete()
        raise KeyReused

    def burn(self, *, at: datetime) -> None:
        """Spend the key although the request was refused; only where the settings ask for it."""
        if settings.BURN_KEY_ON_400:
            values = {"body_hash": "", "target_id": NOTHING, "created_at": at}
            IdempotencyRecord.objects.get_or_create(**self._scope(), defaults=values)

    def _replay(self, body_hash: str, at: datetime) -> Outcome | None:
        record = IdempotencyRecord.objects.filter(**self._scope(), created_at__gt=self._oldest(at)).first()
        if record is None:
            return None
        if record.target_id == NOTHING:
            raise KeyBurnt
        if record.body_hash != body_hash:
            raise KeyReused
        return Outcome(record.target_id, is_replay=True)

    def _first_use(self, body_hash: str, at: datetime, work: Callable[[UUID], UUID]) -> UUID:
        planned = uuid4()
        with transaction.atomic():
            try:
                record = IdempotencyRecord.objects.create(
                    **self._scope(), body_hash=body_hash, target_id=planned, created_at=at
                )
            except IntegrityError as error:
                raise _KeyTaken from error
            target_id = work(planned)
            if target_id != planned:
                IdempotencyRecord.objects.filter(pk=record.pk).update(target_id=target_id)
        return target_id

    def _scope(self) -> dict[str, object]:
        return {"client": self.client, "method": self.method, "path": self.path, "key": self.value}

    @staticmethod
    def _oldest(at: datetime) -> datetime:
        return at - timedelta(hours=settings.IDEMPOTENCY_KEY_HOURS)
