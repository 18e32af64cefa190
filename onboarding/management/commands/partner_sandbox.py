"""``manage.py partner_sandbox``: the stand-in for every partner, on one port."""

import json
import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from onboarding.sandbox.kira.options import KiraOptions, KiraToggles
from onboarding.sandbox.scenarios import merge
from onboarding.sandbox.server import Sandbox


class Command(BaseCommand):
    help = "Run the partner sandbox (Kira below /kira) until it is interrupted."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        defaults = KiraOptions()
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8500)
        parser.add_argument("--state", default=None, help="SQLite file; default settings.SANDBOX_STATE_PATH")
        parser.add_argument("--log", default=None, help="append-only JSON lines of everything that happened")
        parser.add_argument("--seed", type=int, default=0, help="for faults with a probability")
        parser.add_argument("--public-base-url", default=None, help="what links begin with")
        parser.add_argument("--kira-api-key", default=defaults.api_key)
        parser.add_argument("--kira-client-id", default=defaults.client_id)
        parser.add_argument("--kira-password", default=defaults.password)
        parser.add_argument(
            "--kira-webhook-url",
            "--webhook-url",
            default=defaults.webhook_url,
            help="empty for none",
        )
        parser.add_argument("--kira-webhook-secret", default=defaults.webhook_secret)
        parser.add_argument(
            "--kira-toggle", action="append", default=[], metavar="NAME=VALUE", help="see docs/sandbox.md"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        state = options["state"] or getattr(settings, "SANDBOX_STATE_PATH", None)
        try:
            sandbox = Sandbox(
                options["host"],
                options["port"],
                kira=_kira_options(options),
                state_path=Path(state) if state else None,
                log_path=Path(options["log"]) if options["log"] else None,
                public_base_url=options["public_base_url"],
                seed=options["seed"],
            )
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        with sandbox:
            self.stdout.write(f"Partner sandbox: {sandbox.base_url} (Kira at {sandbox.base_url}/kira)")
            stop.wait()


def _kira_options(options: dict[str, Any]) -> KiraOptions:
    changes = {}
    for pair in options["kira_toggle"]:
        name, _, value = pair.partition("=")
        try:
            changes[name] = json.loads(value)
        except ValueError:
            changes[name] = value
    return KiraOptions(
        api_key=options["kira_api_key"],
        client_id=options["kira_client_id"],
        password=options["kira_password"],
        webhook_url=options["kira_webhook_url"] or None,
        webhook_secret=options["kira_webhook_secret"],
        toggles=merge(KiraToggles(), changes),
    )
