"""Re-sealing everything with the newest key, beside running traffic.

Nothing is kept about how far a run came: what still carries an older key is found by the first five bytes of the
column, so a run that was stopped is simply started again. Each value is replaced only where the ciphertext is still
the one that was read; who lost that race wrote a newer value, and the next pass looks at it.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import DatabaseError, models, transaction
from django.db.models import BinaryField, ExpressionWrapper, F, Func, QuerySet, Value

from config import crypto
from documents import vault
from documents.models import Document

MAXIMUM_PASSES: Final = 3


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """One column of sealed bytes, and what its values are bound to, by primary key."""

    model: type[models.Model]
    name: str
    context_of: Callable[[Any], str]

    @property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.name}"


@dataclass(slots=True)
class Tally:
    """What a rotation did to one column. Rows, not bytes."""

    label: str
    newest_before: int = 0
    resealed: int = 0
    changed_meanwhile: int = 0
    broken: int = 0
    refused: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether no value of the column needs an older key any more, as far as this run could see."""
        return not (self.broken or self.refused or self.changed_meanwhile)


def sealed_columns() -> Iterator[SealedColumn]:
    """Every sealed field of every installed model, and the wrapped keys of documents."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or not model._meta.managed:
            continue
        for field in model._meta.local_concrete_fields:
            if isinstance(field, crypto.SealedField):
                yield SealedColumn(model=model, name=field.name, context_of=_constant(field.seal_context))
    yield SealedColumn(model=Document, name="wrapped_key", context_of=_document_key_context)


def rotate(column: SealedColumn, *, batch_size: int, progress: Callable[[Tally], None]) -> Tally:
    """Re-seal one column in batches, each a transaction of its own; `progress` hears after each.

    Values that do not open are counted as broken and left alone; rows that the database refuses to change
    (append-only tables) are counted as refused.
    """
    tally = Tally(column.label)
    tally.newest_before = _rows(column).filter(_head=crypto.newest_header()).count()
    for _ in range(MAXIMUM_PASSES):
        tally.changed_meanwhile = tally.broken = tally.refused = 0
        for batch in _old_batches(column, batch_size=batch_size):
            _reseal_batch(column, batch, tally)
            progress(tally)
        if not tally.changed_meanwhile:
            break
    return tally


def _reseal_batch(column: SealedColumn, batch: list[tuple[Any, bytes]], tally: Tally) -> None:
    resealed = changed_meanwhile = broken = 0
    try:
        with transaction.atomic():
            for pk, old in batch:
                try:
                    new = crypto.rewrap(old, context=column.context_of(pk))
                except crypto.SealError:
                    broken += 1
                    continue
                unchanged = _rows(column).filter(pk=pk, _sealed=old)
                if unchanged.update(**{column.name: Value(new, output_field=BinaryField())}):
                    resealed += 1
                else:
                    changed_meanwhile += 1
    except DatabaseError:
        tally.refused += len(batch)
        return
    tally.resealed += resealed
    tally.changed_meanwhile += changed_meanwhile
    tally.broken += broken


def _old_batches(column: SealedColumn, *, batch_size: int) -> Iterator[list[tuple[Any, bytes]]]:
    rows = _rows(column).exclude(_head=crypto.newest_header()).order_by("pk")
    last: Any = None
    while True:
        following = rows if last is None else rows.filter(pk__gt=last)
        batch = [(pk, bytes(sealed)) for pk, sealed in following.values_list("pk", "_sealed")[:batch_size]]
        if not batch:
            return
        yield batch
        last = batch[-1][0]


def _rows(column: SealedColumn) -> QuerySet[Any]:
    """Rows with a value, with its bytes as `_sealed` and their first five as `_head`: no field opens them."""
    head = Func(
        F(column.name), Value(1), Value(crypto.HEADER_SIZE), function="SUBSTR", output_field=BinaryField()
    )
    present: QuerySet[Any] = column.model._base_manager.filter(**{f"{column.name}__isnull": False})
    if column.name == "wrapped_key" and column.model is Document:
        present = present.filter(erased_at=None)
    rows: QuerySet[Any] = present.annotate(
        _sealed=ExpressionWrapper(F(column.name), output_field=BinaryField()), _head=head
    )
    return rows


def _constant(context: str) -> Callable[[Any], str]:
    return lambda pk: context


def _document_key_context(pk: uuid.UUID) -> str:
    return vault.key_context(pk)
