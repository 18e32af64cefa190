"""Whether this process lives, and whether it can serve."""

import logging
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from config.celery import app

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest], HttpResponse]


def reading_only(view: View) -> View:
    """GET and HEAD go to the view; any other method gets a 405 in JSON, without Django's page about forms."""

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request)
        body = {"code": "method_not_allowed", "message": "This address does not know this method"}
        return JsonResponse(body, status=405, headers={"Allow": "GET, HEAD"})

    return answer


@reading_only
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@reading_only
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and is migrated, 503 otherwise.

    The broker is told but decides nothing: without one, requests are served and the workers' own clocks go on.
    Partners are never asked.
    """
    checks = {"database": _word(_database), "migrations": _word(_migrations)}
    ready = set(checks.values()) == {"ok"}
    checks["broker"] = _word(_broker)
    return JsonResponse(
        {"status": "ok" if ready else "unavailable", "checks": checks}, status=200 if ready else 503
    )


def _word(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:  # a check that cannot run has failed
        logger.warning("%s failed", check.__name__, extra={"error": type(error).__name__})
        return "unreachable" if isinstance(error, DatabaseError) or check is _broker else "failed"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


_migrated = False


def _migrations() -> str:
    """Asked of the database until it is so; migrations are not undone under a running process."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return "ok" if _migrated else "pending"


def _broker() -> str:
    if settings.CELERY_BROKER_URL.startswith("memory"):
        return "ok"
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=1)
    return "ok"
