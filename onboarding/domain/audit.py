"""The trail: who did what, when, from what to what. The only writer of `AuditEntry`.

Entries are numbered and chained per end user (so that cases never wait for each other) by an HMAC over the previous
link, keyed from BLIND_INDEX_KEY; the head of each chain is kept apart, so a cut tail shows. Callers write the
change itself in the same transaction: both exist, or neither.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from config.crypto import derive_key
from onboarding.enums import ActorType, AuditAction, Partner
from onboarding.models import ApiClient, AuditChain, AuditEntry, EndUser

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

SYSTEM_CHAIN = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. The name identifies an account or a machine, never an end user."""

    type: ActorType
    name: str

    @classmethod
    def app(cls, client: ApiClient) -> "Actor":
        return cls(ActorType.APP, client.name)

    @classmethod
    def staff(cls, user: "AbstractBaseUser") -> "Actor":
        return cls(ActorType.STAFF, user.get_username())

    @classmethod
    def partner(cls, partner: str) -> "Actor":
        return cls(ActorType.PARTNER, Partner(partner).label)


SYSTEM = Actor(ActorType.SYSTEM, "system")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened. `data` holds codes, ids and masked values, no personal data."""

    action: AuditAction
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Break:
    """One place where a chain does not hold."""

    chain: UUID
    number: int
    what: str


def open_chain(*, end_user: EndUser, facts: Sequence[Fact], actor: Actor, at: datetime) -> None:
    """Start the chain of a new end user with its first facts, in the transaction that inserts the end user."""
    chain = AuditChain(id=end_user.pk)
    entries = _append(chain, facts, actor, at)
    chain.save(force_insert=True)
    AuditEntry.objects.bulk_create(entries)


@transaction.atomic(savepoint=False)
def record(*, subject: EndUser | None, facts: Sequence[Fact], actor: Actor, at: datetime) -> None:
    """Append facts to the chain of `subject`, or to the system's when there is none.

    Takes the chain's row lock until the surrounding transaction ends: call it last.
    """
    if not facts:
        return
    chain = _locked_chain(subject.pk if subject else SYSTEM_CHAIN)
    AuditEntry.objects.bulk_create(_append(chain, facts, actor, at))
    AuditChain.objects.filter(pk=chain.pk).update(length=chain.length, head=chain.head)


def _append(chain: AuditChain, facts: Sequence[Fact], actor: Actor, at: datetime) -> list[AuditEntry]:
    """The next entries of a chain, not yet written; moves its head."""
    entries = []
    for fact in facts:
        chain.length += 1
        entry = AuditEntry(
            chain=chain,
            number=chain.length,
            action=fact.action,
            actor_type=actor.type,
            actor=actor.name,
            at=at,
            data=dict(fact.data),
            previous_hash=chain.head,
        )
        entry.hash = chain.head = link(entry)
        entries.append(entry)
    return entries


def link(entry: AuditEntry) -> str:
    """The hash that binds an entry to everything before it."""
    content = json.dumps(
        [
            str(entry.chain_id),
            entry.number,
            str(entry.action),
            str(entry.actor_type),
            entry.actor,
            entry.at.astimezone(UTC).isoformat(),
            entry.data,
            entry.previous_hash,
        ],
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hmac.new(derive_key("audit"), content.encode(), hashlib.sha256).hexdigest()


def verify(chain: AuditChain) -> list[Break]:
    """Walk one chain from its first entry; empty when nothing was changed, removed, inserted or cut off."""
    breaks: list[Break] = []
    number, head = 0, ""
    for entry in chain.entries.order_by("number").iterator(chunk_size=2000):
        number += 1
        if entry.number != number:
            breaks.append(Break(chain.pk, number, "missing"))
            number = entry.number
        if entry.previous_hash != head:
            breaks.append(Break(chain.pk, entry.number, "does not follow the entry before it"))
        if not hmac.compare_digest(entry.hash, link(entry)):
            breaks.append(Break(chain.pk, entry.number, "altered"))
        head = entry.hash
    if number != chain.length or head != chain.head:
        breaks.append(Break(chain.pk, chain.length, "the tail is cut off"))
    return breaks


def verify_all() -> Iterator[tuple[AuditChain, list[Break]]]:
    """Every chain with what is wrong with it."""
    for chain in AuditChain.objects.order_by("pk").iterator(chunk_size=500):
        yield chain, verify(chain)


def _locked_chain(pk: UUID) -> AuditChain:
    if pk == SYSTEM_CHAIN:
        AuditChain.objects.get_or_create(pk=pk)
    return AuditChain.objects.select_for_update(no_key=True).get(pk=pk)
