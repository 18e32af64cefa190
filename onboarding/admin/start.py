"""The start page: what waits for a person, what is stuck, and how the partners stand."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from config.admin import BAD, GOOD, INFO, NEUTRAL, WAIT, Group, Tile, list_url, page_url, since
from onboarding.domain import gates
from onboarding.enums import CaseKind, CaseStatus, Partner, Status
from onboarding.models import Drift, EndUser, Enrollment, Event, PartnerGate, ReviewCase, Submission

COUNTED_AT_MOST = 1000
OLD_AFTER_SECONDS = 600


def groups(request: HttpRequest) -> Iterable[Group]:
    """Only what this account may see."""
    yield Group(title="Waiting for a person", order=1, tiles=list(_cases(request)))
    yield Group(title="Stuck work", order=2, tiles=list(_stuck(request)))
    yield Group(title="Partners", order=3, tiles=list(_partners(request)))
    yield Group(title="End users", order=4, tiles=list(_end_users(request)))


def capped(rows: QuerySet[Any]) -> str:
    """A count that never walks a large table."""
    count = rows.order_by().values("pk")[: COUNTED_AT_MOST + 1].count()
    return f"more than {COUNTED_AT_MOST:,}" if count > COUNTED_AT_MOST else f"{count:,}"


def waiting_tone(at: Any) -> str:
    """Work that has been due for ten minutes is not on its way any more."""
    return BAD if (timezone.now() - at).total_seconds() > OLD_AFTER_SECONDS else INFO


def _cases(request: HttpRequest) -> Iterator[Tile]:
    if request.user.has_perm("onboarding.view_reviewcase"):
        counted = (
            ReviewCase.objects.filter(status=CaseStatus.OPEN)
            .values_list("kind")
            .annotate(Count("pk"))
            .order_by()
        )
        counts = dict(counted)
        for kind in CaseKind:
            count = counts.get(kind.value, 0)
            yield Tile(
                label=kind.label,
                value=count,
                url=list_url("onboarding_reviewcase", kind__exact=kind.value),
                tone=WAIT if count else NEUTRAL,
                note="open cases" if count else "nothing open",
            )


def _stuck(request: HttpRequest) -> Iterator[Tile]:
    if request.user.has_perm("onboarding.view_submission"):
        unfinished = Submission.objects.filter(finished_at=None)
        due = (
            unfinished.filter(due_at__lte=timezone.now())
            .order_by("due_at")
            .values_list("due_at", flat=True)
            .first()
        )
        yield Tile(
            label="Unsent submissions",
            value=capped(unfinished),
            url=list_url("onboarding_submission", work="unfinished"),
            tone=waiting_tone(due) if due else NEUTRAL,
            note=f"oldest was due {since(due)}" if due else "none is overdue",
        )
        parked = unfinished.filter(due_at=None)
        count = capped(parked)
        yield Tile(
            label="Parked submissions",
            value=count,
            url=list_url("onboarding_submission", work="parked"),
            tone=BAD if count != "0" else NEUTRAL,
            note="only a person sends them on" if count != "0" else "none",
        )
    if request.user.has_perm("onboarding.view_enrollment"):
        yield _unconfirmed()
    if request.user.has_perm("onboarding.view_event"):
        waiting = Event.objects.filter(is_fanned_out=False)
        oldest = waiting.order_by("created_at").values_list("created_at", flat=True).first()
        yield Tile(
            label="Events not yet handed out",
            value=capped(waiting),
            url=list_url("onboarding_event", is_fanned_out__exact=0),
            tone=waiting_tone(oldest) if oldest else NEUTRAL,
            note=f"oldest from {since(oldest)}" if oldest else "none waits",
        )


def _unconfirmed() -> Tile:
    """Enrollments whose next look is overdue; each partner's own index finds the oldest."""
    due = Enrollment.objects.filter(partner__in=Partner.values, next_check_at__lte=timezone.now())
    oldest = due.order_by("next_check_at").values_list("next_check_at", flat=True).first()
    return Tile(
        label="Partners' records to read",
        value=capped(due),
        url=list_url("onboarding_enrollment", look="overdue"),
        tone=waiting_tone(oldest) if oldest else NEUTRAL,
        note=f"oldest was due {since(oldest)}" if oldest else "every one was read in time",
    )


def _partners(request: HttpRequest) -> Iterator[Tile]:
    if request.user.has_perm("onboarding.view_partnergate"):
        for gate in gates.states():
            yield _gate(gate)
    if request.user.has_perm("onboarding.view_drift"):
        drifts = capped(Drift.objects.filter(resolved_at=None))
        yield Tile(
            label="Drift",
            value=drifts,
            url=list_url("onboarding_drift"),
            tone=BAD if drifts != "0" else NEUTRAL,
            note="records that disagree" if drifts != "0" else "every record agrees",
        )


def _gate(gate: PartnerGate) -> Tile:
    url = page_url("onboarding_partnergate", gate.pk)
    name = f"Gate to {gate}"
    if gate.is_paused:
        return Tile(label=name, value="Paused", url=url, tone=WAIT, note=gate.paused_reason)
    if gate.opened_at is not None:
        note = f"open since {since(gate.opened_at)}, {gate.failures} failures in a row"
        return Tile(label=name, value="Breaker open", url=url, tone=BAD, note=note)
    note = f"{gate.failures} failures in a row" if gate.failures else "calls go through"
    return Tile(label=name, value="Open", url=url, tone=GOOD, note=note)


def _end_users(request: HttpRequest) -> Iterator[Tile]:
    if request.user.has_perm("onboarding.view_enduser"):
        for status in (Status.CREATED, Status.VERIFYING, Status.REVIEW, Status.VERIFIED, Status.REJECTED):
            yield Tile(
                label=str(status.label),
                value=capped(EndUser.objects.filter(status=status)),
                url=list_url("onboarding_enduser", status__exact=status.value),
            )
