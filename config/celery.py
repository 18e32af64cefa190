"""Celery, the legs: workers listen to doorbells, and everything they must not forget is a row.

No message carries meaning: losing, doubling or delaying one changes latency only. Beat rings the sweeps, and so does
every worker by its own clock, so that a dead beat or a dead broker stops nothing. Tasks are referred to by name.
"""

import logging
import os
import threading
import time
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
UNHEARD_SECONDS = 30.0


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
    """Every worker rings the sweeps itself, and works them off here when nobody can hear or nobody listens.

    That is: when the broker cannot be reached, or when this worker has not been given the sweep for a while, as
    happens to consumers that went deaf in a reconnect. It starts before the consumer, whose start waits for the
    broker. One thread per sweep, so that a slow partner holds up nothing else.
    """

    requires = {"celery.worker.components:Pool"}

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._stopped = threading.Event()
        self._bells = {name: Bell(name) for name in SWEEPS}

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
        _last_run[name] = time.monotonic()
        while not self._stopped.wait(settings.SWEEP_SECONDS):
            unheard = time.monotonic() - _last_run[name] > max(UNHEARD_SECONDS, 5 * settings.SWEEP_SECONDS)
            if unheard or not self._bells[name].ring():
                _run_here(name)


class Bell:
    """Rings one task from a thread of its own, because a frozen broker can hold up its client for ever."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._rung = True

    def ring(self) -> bool:
        """Whether the broker took the message within two seconds. Never raises, never waits longer."""
        before, self._rung = self._rung, False
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._publish, daemon=True)
            self._thread.start()
            self._thread.join(2 * PUBLISH_SECONDS)
        if before and not self._rung:
            logger.warning("the broker does not take %s: it runs here until it does", self._name)
        return self._rung

    def _publish(self) -> None:
        try:
            app.send_task(self._name, **_ringing())
            self._rung = True
        except Exception as error:  # whatever a broker and its client can raise
            logger.debug("%s is not published", self._name, extra={"error": type(error).__name__})


_last_run: dict[str, float] = {}


def _run_here(name: str) -> None:
    """Run a task as a worker would, with fresh database connections, logging what it raises."""
    task = app.tasks[name]
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
def _note_the_task(task_id: str, task: Any, **kwargs: Any) -> None:
    request_id.set(task_id)
    _last_run[task.name] = time.monotonic()


app = Doorbells("config")
app.add_defaults(configuration)
app.set_default()
app.steps["worker"].add(OwnClock)
app.autodiscover_tasks()
