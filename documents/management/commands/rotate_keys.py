"""`manage.py rotate_keys`: re-seal everything with the newest of ENCRYPTION_KEYS."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from documents import rotation
from documents.rotation import Tally


class Command(BaseCommand):
    help = (
        "Re-seals every sealed field of every model and the key of every document with the newest key. Safe beside "
        "running traffic; may be stopped and started again. An old key may go once this ends without complaint."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch-size", type=int, default=200, help="rows per transaction (default 200)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch_size"] < 1:
            raise CommandError("--batch-size must be at least 1.")
        tallies = [
            rotation.rotate(column, batch_size=options["batch_size"], progress=self.show_progress)
            for column in rotation.sealed_columns()
        ]
        self.show_table(tallies)
        if not all(tally.is_complete for tally in tallies):
            raise CommandError(
                "Some values still need an older key: keep it in ENCRYPTION_KEYS and run this again."
            )

    def show_progress(self, tally: Tally) -> None:
        self.stdout.write(f"{tally.label}: {tally.resealed} re-sealed")

    def show_table(self, tallies: list[Tally]) -> None:
        width = max(len(tally.label) for tally in tallies)
        titles = ("re-sealed", "was newest", "changed meanwhile", "broken", "refused")
        self.stdout.write(f"{'':{width}}  " + "  ".join(titles))
        for tally in tallies:
            counts = (
                tally.resealed,
                tally.newest_before,
                tally.changed_meanwhile,
                tally.broken,
                tally.refused,
            )
            cells = "  ".join(f"{count:>{len(title)}}" for count, title in zip(counts, titles, strict=True))
            self.stdout.write(f"{tally.label:{width}}  {cells}")
