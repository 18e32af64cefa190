"""The vault's housekeeping."""

from typing import Any

from celery import shared_task

from documents import vault


@shared_task(name="documents.tasks.sweep_orphans")
def sweep_orphans(**kwargs: Any) -> None:
    """Remove stored files whose rows were rolled back more than an hour ago."""
    vault.sweep_orphans()
