"""Register a product app and print its credentials, once."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.errors import Conflict
from onboarding.domain import api_clients
from onboarding.domain.audit import SYSTEM
from onboarding.enums import Partner, ReviewPolicy


class Command(BaseCommand):
    help = "Registers a product app and prints client_id, password and api_key. They are shown only here."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help="unique name of the product app")
        parser.add_argument(
            "--partners",
            default=Partner.KIRA.slug,
            help="comma-separated; the first is the primary partner of the app's end users",
        )
        parser.add_argument(
            "--review-policy",
            default="automatic",
            choices=[policy.value.lower() for policy in ReviewPolicy],
            help="whether complete cases without findings go straight to the partner",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            credentials = api_clients.create(
                name=self._name(options["name"]),
                partners=self._partners(options["partners"]),
                review_policy=ReviewPolicy(options["review_policy"].upper()),
                actor=SYSTEM,
                at=timezone.now(),
            )
        except Conflict as error:
            raise CommandError(error.message) from None
        shown = {
            "client_id": str(credentials.client.pk),
            "password": credentials.password,
            "api_key": credentials.api_key,
        }
        if options["json"]:
            self.stdout.write(json.dumps(shown))
            return
        for name, value in shown.items():
            self.stdout.write(f"{name}: {value}")

    @staticmethod
    def _name(name: str) -> str:
        if not 1 <= len(name.strip()) <= 100:
            raise CommandError("The name must have 1 to 100 characters")
        return name.strip()

    @staticmethod
    def _partners(told: str) -> list[Partner]:
        known = {partner.slug: partner for partner in Partner}
        slugs = list(dict.fromkeys(slug.strip().lower() for slug in told.split(",") if slug.strip()))
        unknown = [slug for slug in slugs if slug not in known]
        if unknown or not slugs:
            raise CommandError(f"--partners knows: {', '.join(known)}")
        return [known[slug] for slug in slugs]
