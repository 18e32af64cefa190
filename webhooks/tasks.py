"""Doorbells: each looks at its queue and has no meaning of its own."""

from celery import shared_task

from webhooks import inbox, notifier

SECONDS = 20


@shared_task(name="webhooks.tasks.process_due_webhooks")
def process_due_webhooks(**kwargs: object) -> None:
    """Work off partners' messages that are due."""
    inbox.process_due(seconds=SECONDS)


@shared_task(name="webhooks.tasks.deliver_due_events")
def deliver_due_events(**kwargs: object) -> None:
    """Tell product apps what happened."""
    notifier.deliver_due(seconds=SECONDS)
