"""Read partners on our own account, with progress and a table at the end."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from onboarding.domain import reconciliation
from onboarding.domain.statuses import Applied
from onboarding.enums import Partner
from onboarding.models import Enrollment
from onboarding.partners.base import PartnerError

MEANING = {
    "applied": "moved to the partner's status",
    "unchanged": "agreed already",
    "stale": "partner not yet as far as we are",
    "drift": "disagreement kept for a person",
    "failed": "partner could not be read; due again",
}


class Command(BaseCommand):
    help = "Reads the enrollments of a partner that are due, and brings ours to what the partner says."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--partner", type=str.upper, choices=Partner.values, help="default: every partner"
        )
        parser.add_argument("--now", action="store_true", help="read every unsettled one, due or not")
        parser.add_argument("--all", action="store_true", help="read the settled ones as well; implies --now")
        parser.add_argument("--seconds", type=float, default=3600, help="stop after so many seconds")

    def handle(self, *args: Any, **options: Any) -> None:
        partners = [options["partner"]] if options["partner"] else Partner.values
        if options["seconds"] <= 0:
            raise CommandError("--seconds must be more than 0")
        for partner in partners:
            self._reconcile(partner, options)

    def _reconcile(self, partner: str, options: dict[str, Any]) -> None:
        now = timezone.now()
        if options["now"] or options["all"]:
            reconciliation.due_now(partner=partner, at=now, everything=options["all"])
        due = Enrollment.objects.filter(partner=partner, next_check_at__lte=timezone.now())
        total = due.exclude(partner_reference=None).count()
        self.stdout.write(f"{Partner(partner).label}: {total} to read")
        tally: Counter[str] = Counter()

        def progress(enrollment: Enrollment, outcome: "Applied | PartnerError") -> None:
            word = outcome.value if isinstance(outcome, Applied) else "failed"
            tally[word] += 1
            done = tally.total()
            self.stdout.write(f"  {done}/{max(total, done)}  {enrollment.pk}  {word}")

        reconciliation.check_due(partner=partner, seconds=options["seconds"], progress=progress)
        self.stdout.write(f"\n{'outcome':<10} {'count':>6}  meaning")
        for word, meaning in MEANING.items():
            self.stdout.write(f"{word:<10} {tally[word]:>6}  {meaning}")
