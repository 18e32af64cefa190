"""`manage.py verify_documents`: prove that every stored file is what was stored."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from documents import vault
from documents.models import Document
from documents.storage import StorageUnavailable

ACTOR = "system:verify_documents"
RESULTS = ("intact", "altered", "missing", "key_missing", "unavailable")


class Command(BaseCommand):
    help = (
        "Decrypts every document that was not erased and compares it with its row. Each check leaves a record of "
        "access. Names the broken documents, ends with a table, and fails when anything is broken."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch-size", type=int, default=200, help="rows read at a time (default 200)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch_size"] < 1:
            raise CommandError("--batch-size must be at least 1.")
        results: Counter[str] = Counter()
        for document in living_documents(batch_size=options["batch_size"]):
            result = examine(document)
            results[result] += 1
            if result != "intact":
                self.stderr.write(f"{document.pk}: {result}")
        for result in RESULTS:
            self.stdout.write(f"{result:<12} {results[result]:>8}")
        if results.total() != results["intact"]:
            raise CommandError("Not every document is intact.")


def examine(document: Document) -> str:
    """One of `RESULTS`."""
    try:
        vault.verify(document=document, actor=ACTOR)
    except vault.IntegrityBroken as error:
        return error.reason
    except StorageUnavailable:
        return "unavailable"
    return "intact"


def living_documents(*, batch_size: int) -> Iterator[Document]:
    """By primary key, without holding a cursor open for the whole run."""
    rows = Document.objects.filter(erased_at=None).order_by("pk")
    last = None
    while batch := list((rows if last is None else rows.filter(pk__gt=last))[:batch_size]):
        yield from batch
        last = batch[-1].pk
