"""Prove that nobody changed the trail."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from onboarding.domain import audit


class Command(BaseCommand):
    help = "Walks every chain of the audit trail; exits with 1 when a link was altered, removed, inserted or cut off."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="print only what is wrong")

    def handle(self, *args: Any, **options: Any) -> None:
        chains = entries = 0
        broken: list[audit.Break] = []
        for chain, breaks in audit.verify_all():
            chains += 1
            entries += chain.length
            broken += breaks
            for fault in breaks:
                self.stderr.write(f"chain {fault.chain}, entry {fault.number}: {fault.what}")
            if chains % 1000 == 0 and not options["quiet"]:
                self.stdout.write(f"  {chains} chains, {entries} entries")
        if broken:
            self.stderr.write(f"{len(broken)} broken links in {chains} chains")
            sys.exit(1)
        if not options["quiet"]:
            self.stdout.write(f"{chains} chains with {entries} entries: every link holds")
