"""The gate to each partner: who may call, how fast, and whether anybody may at all."""

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from config.admin import (
    BAD,
    GOOD,
    WAIT,
    Act,
    Facts,
    Page,
    ReadOnlyAdmin,
    Step,
    ago,
    badge,
    link,
    list_url,
    moment,
)
from onboarding.admin import labels
from onboarding.domain import gates
from onboarding.domain.gates import Pace
from onboarding.models import PartnerGate, PartnerSlot, Submission


def _pause(request: HttpRequest, gate: PartnerGate, reason: str) -> str:
    gates.pause(partner=gate.pk, reason=reason, actor=labels.actor_of(request), at=timezone.now())
    return f"{gate} is paused. What waits for it is kept."


def _resume(request: HttpRequest, gate: PartnerGate, reason: str) -> str:
    gates.resume(partner=gate.pk, actor=labels.actor_of(request), at=timezone.now())
    return f"{gate} is called again."


def _close_breaker(request: HttpRequest, gate: PartnerGate, reason: str) -> str:
    gates.close_breaker(partner=gate.pk, actor=labels.actor_of(request), at=timezone.now())
    return f"The breaker of {gate} is closed."


PAUSE = Act(
    name="pause",
    label="Pause",
    question="Nothing is sent to the partner and nothing is read from it until somebody resumes. Nothing is lost.",
    perform=_pause,
    permission="onboarding.change_partnergate",
    reason="Why is it paused?",
    is_grave=True,
    is_offered=lambda gate: not gate.is_paused,
)
RESUME = Act(
    name="resume",
    label="Resume",
    question="What waited is sent in its order, at the partner's pace. The breaker is closed too.",
    perform=_resume,
    permission="onboarding.change_partnergate",
    is_offered=lambda gate: gate.is_paused,
)
CLOSE_BREAKER = Act(
    name="close-breaker",
    label="Close the breaker",
    question="Calls go out again at once instead of one probe at a time. Failures open it again.",
    perform=_close_breaker,
    permission="onboarding.change_partnergate",
    is_offered=lambda gate: gate.opened_at is not None,
)


def gate_badge(gate: PartnerGate) -> SafeString:
    if gate.is_paused:
        return badge("Paused", WAIT)
    if gate.opened_at is not None:
        return badge("Breaker open", BAD)
    return badge("Open", GOOD)


@admin.register(PartnerGate)
class PartnerGateAdmin(ReadOnlyAdmin):
    """One row per partner."""

    acts = (PAUSE, RESUME, CLOSE_BREAKER)
    list_display = ("partner_name", "state", "paused_reason", "failures", "waiting")
    sealed = ("token",)
    ordering = ("partner",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PartnerGate]:
        gates.states()
        return super().get_queryset(request)

    @display(description="Partner")
    def partner_name(self, gate: PartnerGate) -> str:
        return gate.get_partner_display()

    @display(description="Gate")
    def state(self, gate: PartnerGate) -> SafeString:
        return gate_badge(gate)

    @display(description="Asked to wait until")
    def waiting(self, gate: PartnerGate) -> SafeString:
        return ago(gate.not_before, empty="no")

    def rows_for_page(self, request: HttpRequest) -> QuerySet[PartnerGate]:
        gates.states()
        return PartnerGate.objects.defer("token")

    def page(self, request: HttpRequest, row: PartnerGate) -> Page:
        pace = Pace.of(row.pk)
        now = timezone.now()
        busy = PartnerSlot.objects.filter(partner=row.pk, leased_until__gt=now, holder__isnull=False).count()
        waiting = Submission.objects.filter(partner=row.pk, finished_at=None)[:10_000].count()
        submissions = list_url("onboarding_submission", partner__exact=row.pk, work="unfinished")
        return Page(
            title=row.get_partner_display(),
            kind="Partner gate",
            badges=(gate_badge(row),),
            facts=(
                ("Unfinished submissions", link(submissions, waiting)),
                ("Calls under way", f"{busy} of {pace.in_flight}"),
                ("Failures in a row", f"{row.failures} (the breaker opens at {pace.breaker_failures})"),
            ),
            steps=_steps(row),
            steps_title="What is let through",
            main=(
                Facts(
                    title="Pace",
                    rows=(
                        ("Calls a second", f"{pace.per_second:g}"),
                        ("At the same time", pace.in_flight),
                        ("Next turn", moment(row.next_slot_at)),
                        ("Asked to wait until", moment(row.not_before, empty="not asked")),
                    ),
                ),
                Facts(
                    title="Breaker",
                    rows=(
                        ("Open since", moment(row.opened_at, empty="closed")),
                        ("Next probe", moment(row.next_probe_at, empty="none needed")),
                        ("Opens for", f"{pace.breaker_open.total_seconds():g} s"),
                    ),
                ),
            ),
            side=(
                Facts(
                    title="Access",
                    rows=(
                        ("Token good until", moment(row.token_expires_at, empty="none held")),
                        ("Being renewed until", moment(row.token_leased_until, empty="no")),
                    ),
                ),
            ),
        )


def _steps(gate: PartnerGate) -> list[Step]:
    steps = []
    if gate.is_paused:
        steps.append(Step(tone=WAIT, text="Paused: nothing is sent or read.", detail=gate.paused_reason))
    if gate.opened_at is not None:
        text = "The breaker is open after too many failures: one probe at a time is let through."
        steps.append(Step(tone=BAD, text=text, detail=moment(gate.opened_at)))
    return steps or [Step(tone=GOOD, text="Calls go through at the partner's pace.")]
