"""Celery, the legs: workers listen to doorbells, and everything they must not forget is a row.

No message carries meaning: losing, doubling or delaying one changes latency only. Beat rings the sweeps, and so does
every worker by its own clock, so that a dead beat or a dead broker stops nothing. Tasks are referred to by name.
"""

import logging
import os
import threading
from logging.config import dictConfig
from typing import Any

from celery import Celery, bootsteps, signals
from celery.schedules import crontab
from django.conf import settings

from config import spool  # noqa: F401 - registers the embedded broker
from config.logs import request_id

logger = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

SWEEPS = (
    "onboarding.tasks.send_due_submissions",
    "onboarding.tasks.reconcile_due_enrollments",
    "webhooks.tasks.process_due_webhooks",
    "webhooks.tasks.deliver_due_events",
)
HOURLY = ("onboarding.tasks.purge_expired", "documents.tasks.sweep_orphans")
PUBLISH_SECONDS = 1.0


class Doorbells(Celery):
    """Publishes within about a second or raises; nobody waits for a broker that is down or frozen."""

    def send_task(self, name: str, *args: Any, **options: Any) -> Any:
        return super().send_task(
            name, *args, **{"retry": False, "confirm_timeout": PUBLISH_SECONDS, **options}
        )


def configuration() -> dict[str, Any]:
    """Celery's settings for this installation's broker."""
    url: str = settings.CELERY_BROKER_URL
    return {
        "broker_url": url,
        "broker_transport_options": _transport_options(url.partition("://")[0]),
        "broker_connection_timeout": PUBLISH_SECONDS,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_default_queue": "vouch.doorbells",
        "task_default_queue_type": "quorum" if url.startswith("amqp") else "classic",
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "task_publish_retry": False,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_time_limit": 120,
        "task_soft_time_limit": 100,
        "worker_prefetch_multiplier": 1,
        "worker_pool": "threads",
        "worker_concurrency": 8,
        "worker_soft_shutdown_timeout": 10.0,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_hijack_root_logger": False,
        "worker_send_task_events": False,
        "timezone": "UTC",
        "enable_utc": True,
        "beat_schedule": _schedule(),
        "beat_schedule_filename": str(settings.VAR_DIR / "beat-schedule"),
        "beat_max_loop_interval": 5,
    }


def _transport_options(scheme: str) -> dict[str, Any]:
    if scheme == "spool":
        broker = settings.VAR_DIR / "broker"
        for folder in (broker / "messages", broker / "control"):
            folder.mkdir(parents=True, exist_ok=True)
        messages = str(broker / "messages")
        return {
            "data_folder_in": messages,
            "data_folder_out": messages,
            "control_folder": str(broker / "control"),
            "polling_interval": 0.2,
        }
    if scheme.startswith("redis"):
        return {
            "visibility_timeout": 300,
            "unacked_restore_throttle": 1,
            "socket_timeout": PUBLISH_SECONDS,
            "socket_connect_timeout": PUBLISH_SECONDS,
            "max_retries": 0,
        }
    if scheme.startswith("amqp"):
        return {"confirm_publish": True, "write_timeout": PUBLISH_SECONDS, "max_retries": 0}
    return {}


def _schedule() -> dict[str, dict[str, Any]]:
    often = {
        name: {"task": name, "schedule": settings.SWEEP_SECONDS, "options": _ringing()} for name in SWEEPS
    }
    hourly = {
        name: {"task": name, "schedule": crontab(minute=7 + 23 * number)}
        for number, name in enumerate(HOURLY)
    }
    return {**often, **hourly}


def _ringing() -> dict[str, Any]:
    return {"expires": max(10.0, 2 * settings.SWEEP_SECONDS), "ignore_result": True}


class OwnClock(bootsteps.StartStopStep):
    """Every worker rings the sweeps itself, and works them off here when the broker cannot be reached.

    It starts before the consumer, whose start waits for the broker. One thread per sweep, so that a slow partner
    holds up nothing else.
    """

    requires = {"celery.worker.components:Pool"}

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._stopped = threading.Event()

    def start(self, worker: Any) -> None:
        self._stopped.clear()
        for name in SWEEPS:
            threading.Thread(
                target=self._keep_ringing, args=(name,), name=f"clock-{name}", daemon=True
            ).start()

    def stop(self, worker: Any) -> None:
        self._stopped.set()

    terminate = stop

    def _keep_ringing(self, name: str) -> None:
        while not self._stopped.wait(settings.SWEEP_SECONDS):
            ring_or_run(name)


def ring_or_run(name: str) -> None:
    """Ask any worker for the sweep; without a broker, run it in this thread. Never raises."""
    try:
        app.send_task(name, **_ringing())
    except Exception as error:  # whatever a broker and its client can raise
        logger.warning(
            "the broker cannot be reached: %s runs here", name, extra={"error": type(error).__name__}
        )
        task = app.tasks.get(name)
        if task is not None:
            _run_here(task)


def _run_here(task: Any) -> None:
    """Run a task as a worker would, with fresh database connections, logging what it raises."""
    signals.task_prerun.send(sender=task, task_id="own-clock", task=task, args=(), kwargs={})
    try:
        task()
    except Exception:
        logger.exception("the sweep %s failed", task.name)
    finally:
        signals.task_postrun.send(sender=task, task_id="own-clock", task=task, args=(), kwargs={})


@signals.setup_logging.connect
def _log_as_django_does(**kwargs: Any) -> None:
    dictConfig(settings.LOGGING)


@signals.task_prerun.connect
def _name_the_task(task_id: str, **kwargs: Any) -> None:
    request_id.set(task_id)


app = Doorbells("config")
app.add_defaults(configuration)
app.set_default()
app.steps["worker"].add(OwnClock)
app.autodiscover_tasks()
