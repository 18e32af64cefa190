"""manage.py replay_webhook ID"""

import getpass
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from onboarding.domain.audit import Actor
from onboarding.enums import ActorType
from webhooks import inbox
from webhooks.models import WebhookEvent


class Command(BaseCommand):
    help = "Work a partner's message off again. The id is the one shown in the admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=UUID)

    def handle(self, *args: Any, **options: Any) -> None:
        event = WebhookEvent.objects.filter(pk=options["id"]).first()
        if event is None:
            raise CommandError("There is no partner message with this id.")
        inbox.replay(event=event, actor=Actor(ActorType.STAFF, _operator()), at=timezone.now())
        self.stdout.write(f"{event} is due again (replay {event.replays}).")


def _operator() -> str:
    try:
        return f"command line: {getpass.getuser()}"
    except (KeyError, OSError, ImportError):
        return "command line"
