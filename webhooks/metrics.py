"""What waits, what is stuck and what is broken, as numbers for Prometheus; read from the database at each scrape.

So every process answers the same, and there is no memory to share between workers. Nothing here names a person.
"""

import hmac
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Model, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from config.health import reading_only
from onboarding.domain import gates
from onboarding.enums import CaseStatus, SubmissionOutcome
from onboarding.models import Drift, EndUser, Enrollment, Event, ReviewCase, Submission
from webhooks.enums import EndpointStatus
from webhooks.models import Delivery, WebhookEndpoint, WebhookEvent, WebhookRejection

LOOPBACK = ("127.0.0.1", "::1")


@reading_only
def metrics(request: HttpRequest) -> HttpResponse:
    """The exposition format; 404 for whoever may not look.

    With METRICS_TOKEN set, its bearer may; without, only a caller on this very machine that no proxy forwards.
    """
    if not _may_look(request):
        return JsonResponse({"code": "not_found", "message": "There is nothing at this address"}, status=404)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DatabaseCollector(timezone.now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_look(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    is_forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not is_forwarded


class DatabaseCollector(Collector):
    """Each number is one indexed query."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        yield from self._queues()
        yield self._by("vouch_end_users", "End users by status", EndUser.objects.all(), "status")
        waiting = Submission.objects.filter(outcome__in=SubmissionOutcome.open_outcomes)
        yield self._by("vouch_submissions_open", "Submissions not settled", waiting, "partner", "outcome")
        cases = ReviewCase.objects.filter(status=CaseStatus.OPEN)
        yield self._by("vouch_cases_open", "Cases that wait for a person", cases, "kind")
        drifts = Drift.objects.filter(resolved_at=None)
        yield self._by("vouch_drifts_open", "Disagreements with partners", drifts, "enrollment__partner")
        disabled = WebhookEndpoint.objects.filter(status=EndpointStatus.DISABLED, removed_at=None)
        yield GaugeMetricFamily(
            "vouch_endpoints_disabled", "Endpoints of product apps that are disabled", value=disabled.count()
        )
        yield from self._gates()
        refused = CounterMetricFamily(
            "vouch_webhooks_refused",
            "Messages turned away at the partners' door",
            labels=["partner", "reason"],
        )
        rejections = WebhookRejection.objects.order_by().values("partner", "reason")
        for row in rejections.annotate(n=Sum("count")):
            refused.add_metric([row["partner"], row["reason"]], row["n"])
        yield refused

    def _queues(self) -> Iterator[Metric]:
        size = GaugeMetricFamily("vouch_queue_due", "Rows of work that are due now", labels=["queue"])
        lag = GaugeMetricFamily(
            "vouch_queue_lag_seconds", "How long the longest-due row has been due", labels=["queue"]
        )
        due: dict[str, tuple[QuerySet[Any], str]] = {
            "submissions": (Submission.objects.filter(finished_at=None, due_at__lte=self._now), "due_at"),
            "webhooks_in": (WebhookEvent.objects.filter(finished_at=None, due_at__lte=self._now), "due_at"),
            "deliveries": (Delivery.objects.filter(finished_at=None, due_at__lte=self._now), "due_at"),
            "events": (Event.objects.filter(is_fanned_out=False), "created_at"),
            "readings": (Enrollment.objects.filter(next_check_at__lte=self._now), "next_check_at"),
        }
        for queue, (rows, column) in due.items():
            found = rows.aggregate(size=Count("pk"), oldest=Min(column))
            size.add_metric([queue], found["size"])
            oldest = found["oldest"] or self._now
            lag.add_metric([queue], max(0.0, (self._now - oldest).total_seconds()))
        parked = Submission.objects.filter(finished_at=None, due_at=None).count()
        yield size
        yield lag
        yield GaugeMetricFamily(
            "vouch_submissions_parked", "Submissions that wait for a person", value=parked
        )

    @staticmethod
    def _by(name: str, text: str, rows: "QuerySet[Model]", *columns: str) -> Metric:
        labels = [column.rpartition("__")[2] for column in columns]
        family = GaugeMetricFamily(name, text, labels=labels)
        for row in rows.order_by().values(*columns).annotate(n=Count("pk")):
            family.add_metric([str(row[column]) for column in columns], row["n"])
        return family

    @staticmethod
    def _gates() -> Iterator[Metric]:
        paused = GaugeMetricFamily("vouch_partner_paused", "1 while paused by a person", labels=["partner"])
        broken = GaugeMetricFamily(
            "vouch_partner_breaker_open", "1 while the breaker is open", labels=["partner"]
        )
        for gate in gates.states():
            paused.add_metric([gate.partner], int(gate.is_paused))
            broken.add_metric([gate.partner], int(gate.opened_at is not None))
        yield paused
        yield broken
