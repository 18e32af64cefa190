"""Messages from partners, and what product apps were told: lists, pages, and the cards they add to other pages."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from config.admin import (
    BAD,
    GOOD,
    INFO,
    NEUTRAL,
    WAIT,
    Act,
    Facts,
    Group,
    Page,
    ReadOnlyAdmin,
    Section,
    Step,
    Table,
    Tile,
    ago,
    badge,
    copyable,
    link,
    list_url,
    moment,
    page_url,
    since,
    start_groups,
)
from onboarding.admin import end_users, events, labels
from onboarding.admin.start import capped, waiting_tone
from onboarding.domain import queries
from onboarding.models import EndUser, Enrollment, Event
from webhooks import deliveries, endpoints, inbox
from webhooks.enums import (
    AttemptResult,
    DeliveryOutcome,
    DisabledReason,
    EndpointStatus,
    EventVerdict,
)
from webhooks.models import Delivery, WebhookEndpoint, WebhookEvent, WebhookRejection

NEWEST = 25
VERDICTS = {
    EventVerdict.RECEIVED: INFO,
    EventVerdict.APPLIED: GOOD,
    EventVerdict.DUPLICATE: NEUTRAL,
    EventVerdict.STALE: WAIT,
    EventVerdict.UNMATCHED: WAIT,
    EventVerdict.FAILED: BAD,
    EventVerdict.IGNORED: NEUTRAL,
}
OUTCOMES = {
    DeliveryOutcome.PENDING: INFO,
    DeliveryOutcome.DELIVERED: GOOD,
    DeliveryOutcome.FAILED: BAD,
    DeliveryOutcome.CANCELLED: NEUTRAL,
}


def verdict_badge(event: WebhookEvent) -> SafeString:
    return badge(event.get_verdict_display(), VERDICTS[EventVerdict(event.verdict)])


def outcome_badge(delivery: Delivery) -> SafeString:
    return badge(delivery.get_outcome_display(), OUTCOMES[DeliveryOutcome(delivery.outcome)])


def host_of(endpoint: WebhookEndpoint) -> str:
    """Where an endpoint is; paths and queries of apps may hold tokens and are shown to nobody."""
    parts = urlsplit(endpoint.url)
    return f"{parts.scheme}://{parts.hostname or ''}/…"


# --- Messages from partners -----------------------------------------------------------------------


def _replay(request: HttpRequest, event: WebhookEvent, reason: str) -> str:
    inbox.replay(event=event, actor=labels.actor_of(request), at=timezone.now())
    return "It is worked off again: the partner is read, and its record decides."


REPLAY = Act(
    name="replay",
    label="Replay",
    question="The message is worked off once more: the partner is read, and what its record says is applied.",
    perform=_replay,
    permission="webhooks.change_webhookevent",
)


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    """What partners sent us, verified, newest first."""

    acts = (REPLAY,)
    list_display = ("what", "partner", "reference_short", "state", "why", "times", "received")
    list_filter = (("verdict", admin.ChoicesFieldListFilter),)
    sealed = ("body",)
    ordering = ("-received_at", "-id")
    search_fields = ("pk",)
    search_help_text = "Partner's event id or reference"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[WebhookEvent], search_term: str
    ) -> tuple[QuerySet[WebhookEvent], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        asked = Q(event_id=term) | Q(reference=term)
        with suppress(ValueError):
            asked |= Q(pk=UUID(term))
        return queryset.filter(asked), False

    @display(description="Message")
    def what(self, event: WebhookEvent) -> str:
        return event.name or "(unreadable)"

    @display(description="Reference")
    def reference_short(self, event: WebhookEvent) -> str:
        return event.reference[:13] + "…" if len(event.reference) > 14 else event.reference or "—"

    @display(description="Verdict")
    def state(self, event: WebhookEvent) -> SafeString:
        return verdict_badge(event)

    @display(description="Why")
    def why(self, event: WebhookEvent) -> str:
        return event.verdict_reason or event.last_error[:80] or "—"

    @display(description="Arrivals")
    def times(self, event: WebhookEvent) -> int:
        return event.duplicates + 1

    @display(description="Received")
    def received(self, event: WebhookEvent) -> SafeString:
        return moment(event.received_at)

    def page(self, request: HttpRequest, row: WebhookEvent) -> Page:
        enrollment = queries.enrollment_by_reference(row.partner, row.reference) if row.reference else None
        try:
            body: object = json.loads(row.body)
        except ValueError:
            body = "(not JSON)"
        return Page(
            title=row.name or "Unreadable message",
            kind=f"Message from {row.get_partner_display()}",
            badges=_message_marks(row),
            ids=(
                ("Our id", copyable(row.pk)),
                ("Partner's event id", copyable(row.event_id)),
                ("Reference", copyable(row.reference) if row.reference else "none"),
            ),
            facts=(
                ("About", labels.to_end_user(enrollment.end_user if enrollment else None)),
                ("Received", moment(row.received_at)),
                ("Done", moment(row.finished_at, empty="not yet")),
                ("Attempts", row.attempts),
                ("Replays", row.replays),
            ),
            steps=_message_steps(row),
            steps_title="What became of it",
            main=(events.message_section("What it says", body),),
            side=(
                Facts(
                    title="Arrival",
                    rows=(
                        ("Came again, the same", row.duplicates),
                        ("Last time", moment(row.last_duplicate_at, empty="—")),
                        ("Came again, altered", row.alterations),
                        ("Body, SHA-256", copyable(row.body_sha256, f"{row.body_sha256[:16]}…")),
                        *((name, value) for name, value in sorted(row.headers.items())),
                    ),
                ),
            ),
        )


def _message_marks(row: WebhookEvent) -> list[SafeString]:
    marks = [verdict_badge(row)]
    if row.alterations:
        marks.append(badge("Also came altered", BAD))
    return marks


def _message_steps(row: WebhookEvent) -> list[Step]:
    tone = VERDICTS[EventVerdict(row.verdict)]
    if row.finished_at is not None:
        return [Step(tone=tone, text=row.get_verdict_display(), detail=row.verdict_reason)]
    planned = f"It is taken up again {since(row.due_at)}." if row.due_at else "It waits for a person."
    return [Step(tone=tone, text=f"Not done yet. {planned}", detail=row.last_error)]


@admin.register(WebhookRejection)
class WebhookRejectionAdmin(ReadOnlyAdmin):
    """Messages turned away, counted per day; nothing else of them is kept."""

    list_display = ("day", "partner", "reason_in_words", "count", "latest")
    list_filter = (("reason", admin.ChoicesFieldListFilter),)
    ordering = ("-day", "partner", "reason")

    @display(description="Reason")
    def reason_in_words(self, row: WebhookRejection) -> SafeString:
        return badge(row.get_reason_display(), BAD)

    @display(description="Latest")
    def latest(self, row: WebhookRejection) -> SafeString:
        return moment(row.last_at)

    def page(self, request: HttpRequest, row: WebhookRejection) -> Page:
        return Page(
            title=str(row),
            kind="Messages turned away",
            badges=(self.reason_in_words(row),),
            facts=(("Day", row.day), ("Count", row.count), ("Latest", moment(row.last_at))),
        )


# --- Endpoints and deliveries ---------------------------------------------------------------------


def _disable(request: HttpRequest, endpoint: WebhookEndpoint, reason: str) -> str:
    actor = labels.actor_of(request)
    endpoints.disable(endpoint=endpoint, reason=DisabledReason.REQUESTED, actor=actor, at=timezone.now())
    return "Nothing is sent there any more. What waits is kept."


def _enable(request: HttpRequest, endpoint: WebhookEndpoint, reason: str) -> str:
    endpoints.enable(endpoint=endpoint, actor=labels.actor_of(request), at=timezone.now())
    return "It is active again; what waited is sent now."


def _resend(request: HttpRequest, delivery: Delivery, reason: str) -> str:
    deliveries.resend(delivery=delivery, at=timezone.now())
    return "It is sent again, under the same event id."


DISABLE = Act(
    name="disable",
    label="Disable",
    question="Nothing is sent to this endpoint until somebody enables it. Events go on being kept for it.",
    perform=_disable,
    permission="webhooks.change_webhookendpoint",
    is_grave=True,
    is_offered=lambda endpoint: endpoint.status == EndpointStatus.ACTIVE and endpoint.removed_at is None,
)
ENABLE = Act(
    name="enable",
    label="Enable",
    question="The endpoint is sent everything again, what had to wait included.",
    perform=_enable,
    permission="webhooks.change_webhookendpoint",
    is_offered=lambda endpoint: endpoint.status == EndpointStatus.DISABLED and endpoint.removed_at is None,
)
RESEND = Act(
    name="resend",
    label="Send again",
    question="The same event goes to the same endpoint again; a receiver knows it by its id.",
    perform=_resend,
    permission="webhooks.change_delivery",
    is_offered=lambda delivery: delivery.endpoint.removed_at is None,
)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """Where product apps are told."""

    acts = (DISABLE, ENABLE)
    list_display = ("host", "client", "state", "failures_in_a_row", "last_success", "since_when")
    list_filter = (("status", admin.ChoicesFieldListFilter),)
    list_select_related = ("client",)
    ordering = ("-created_at", "-id")
    search_fields = ("client__name",)
    search_help_text = "Name of the product app"

    @display(description="Endpoint")
    def host(self, endpoint: WebhookEndpoint) -> str:
        return host_of(endpoint)

    @display(description="Status")
    def state(self, endpoint: WebhookEndpoint) -> SafeString:
        if endpoint.removed_at is not None:
            return badge("Removed", NEUTRAL)
        tone = GOOD if endpoint.status == EndpointStatus.ACTIVE else BAD
        return badge(endpoint.get_status_display(), tone)

    @display(description="Failures in a row")
    def failures_in_a_row(self, endpoint: WebhookEndpoint) -> int:
        return endpoint.consecutive_failures

    @display(description="Last success")
    def last_success(self, endpoint: WebhookEndpoint) -> SafeString:
        return ago(endpoint.last_success_at)

    @display(description="Since")
    def since_when(self, endpoint: WebhookEndpoint) -> SafeString:
        return moment(endpoint.created_at)

    def rows_for_page(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        return WebhookEndpoint.objects.select_related("client")

    def page(self, request: HttpRequest, row: WebhookEndpoint) -> Page:
        newest = row.deliveries.select_related("event").order_by("-created_at", "-id")[:NEWEST]
        secrets = row.secrets.defer("secret")
        now = timezone.now()
        live = sum(secret.expires_at is None or secret.expires_at > now for secret in secrets)
        return Page(
            title=host_of(row),
            kind="Webhook endpoint",
            badges=(self.state(row),),
            ids=(("Endpoint", copyable(row.pk)),),
            facts=(
                ("Product app", labels.to_row("onboarding_apiclient", row.client)),
                ("Last success", ago(row.last_success_at)),
                ("Failing since", moment(row.failing_since, empty="not failing")),
                ("Disabled", moment(row.disabled_at, empty="no")),
                ("Why", row.get_disabled_reason_display() or "—"),
            ),
            main=(
                Table(
                    title="Newest deliveries",
                    headers=("Event", "Outcome", "Attempts", "Last fault", "When"),
                    rows=[
                        (
                            labels.to_row("webhooks_delivery", delivery, delivery.event.get_name_display()),
                            outcome_badge(delivery),
                            delivery.attempts,
                            delivery.last_error or "—",
                            moment(delivery.created_at),
                        )
                        for delivery in newest
                    ],
                ),
            ),
            side=(
                Facts(
                    title="Settings",
                    rows=(
                        ("Wants to hear", ", ".join(row.events) or "everything"),
                        ("Live secrets", live),
                        ("Made by the contract's call", "Yes" if row.is_registered else "No"),
                        ("Rests until", moment(row.not_before, empty="not resting")),
                    ),
                ),
            ),
        )


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """One event on its way to one endpoint."""

    acts = (RESEND,)
    list_display = ("what", "endpoint_host", "app", "state", "attempts", "fault", "made")
    list_filter = (("outcome", admin.ChoicesFieldListFilter),)
    list_select_related = ("event", "endpoint__client")
    ordering = ("-created_at", "-id")
    search_fields = ("pk",)
    search_help_text = "Id of an event, an endpoint or an end user"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            identity = UUID(term)
        except ValueError:
            return queryset.none(), False
        asked = Q(pk=identity) | Q(event=identity) | Q(endpoint=identity) | Q(event__end_user=identity)
        return queryset.filter(asked), False

    @display(description="Event")
    def what(self, delivery: Delivery) -> str:
        return delivery.event.get_name_display()

    @display(description="Endpoint")
    def endpoint_host(self, delivery: Delivery) -> str:
        return host_of(delivery.endpoint)

    @display(description="Product app")
    def app(self, delivery: Delivery) -> str:
        return delivery.endpoint.client.name

    @display(description="Outcome")
    def state(self, delivery: Delivery) -> SafeString:
        return outcome_badge(delivery)

    @display(description="Last fault")
    def fault(self, delivery: Delivery) -> str:
        return delivery.last_error[:80] or "—"

    @display(description="Made")
    def made(self, delivery: Delivery) -> SafeString:
        return moment(delivery.created_at)

    def rows_for_page(self, request: HttpRequest) -> QuerySet[Delivery]:
        return Delivery.objects.select_related("event__end_user", "endpoint__client")

    def page(self, request: HttpRequest, row: Delivery) -> Page:
        rows = [
            (
                attempt.number,
                badge(
                    attempt.get_result_display(), GOOD if attempt.result == AttemptResult.DELIVERED else WAIT
                ),
                attempt.http_status or "—",
                f"{attempt.milliseconds} ms" if attempt.milliseconds is not None else "—",
                moment(attempt.started_at),
            )
            for attempt in row.tries.all()
        ]
        return Page(
            title=f"{row.event.get_name_display()} to {host_of(row.endpoint)}",
            kind="Delivery",
            badges=(outcome_badge(row),),
            ids=(("Delivery", copyable(row.pk)), ("Event (webhook-id)", copyable(row.event_id))),
            facts=(
                ("About", labels.to_end_user(row.event.end_user)),
                ("Event", labels.to_row("onboarding_event", row.event)),
                ("Endpoint", labels.to_row("webhooks_webhookendpoint", row.endpoint, host_of(row.endpoint))),
                ("Next try", ago(row.due_at, empty="none planned") if not row.finished_at else "done"),
                ("Sent again by hand", row.resends),
            ),
            main=(
                Table(
                    title="Attempts",
                    headers=("No.", "Result", "HTTP", "Took", "Began"),
                    rows=rows,
                    empty="Not tried yet",
                ),
            ),
        )


# --- What this app adds to other pages ------------------------------------------------------------


def end_user_panel(end_user: EndUser, enrollments: Sequence[Enrollment]) -> Iterable[Section]:
    """Messages of partners about an end user, and what its product app was told about it."""
    references = {enrollment.partner_reference for enrollment in enrollments if enrollment.partner_reference}
    messages = WebhookEvent.objects.filter(reference__in=references).exclude(reference="").defer("body")
    yield Table(
        title="Messages from partners",
        anchor="messages",
        headers=("Message", "Verdict", "Why", "Received"),
        rows=[
            (
                labels.to_row("webhooks_webhookevent", message, message.name or "(unreadable)"),
                verdict_badge(message),
                message.verdict_reason or "—",
                moment(message.received_at),
            )
            for message in messages.order_by("-received_at", "-id")[:NEWEST]
        ],
        empty="No message so far",
    )
    told = end_user.events.order_by("-created_at", "-id").prefetch_related("deliveries__endpoint")[:NEWEST]
    yield Table(
        title="Events and their deliveries",
        anchor="events",
        more=("All deliveries", list_url("webhooks_delivery", q=end_user.pk)),
        headers=("Event", "Place in the feed", "Deliveries", "When"),
        rows=[
            (
                labels.to_row("onboarding_event", event),
                event.position or "—",
                _deliveries(event),
                moment(event.created_at),
            )
            for event in told
        ],
        empty="Nothing was told so far",
    )


def _deliveries(event: Event) -> object:
    marks = [
        badge(
            f"{delivery.get_outcome_display()}: {urlsplit(delivery.endpoint.url).hostname}",
            OUTCOMES[DeliveryOutcome(delivery.outcome)],
        )
        for delivery in event.deliveries.all()
    ]
    return SafeString(" ".join(marks)) if marks else "no endpoint asked for it"


def event_panel(event: Event) -> Iterable[Section]:
    rows = [
        (
            link(page_url("webhooks_delivery", delivery.pk), host_of(delivery.endpoint)),
            outcome_badge(delivery),
            delivery.attempts,
            delivery.last_error or "—",
        )
        for delivery in event.deliveries.select_related("endpoint")
    ]
    yield Table(title="Deliveries", headers=("Endpoint", "Outcome", "Attempts", "Last fault"), rows=rows)


def start(request: HttpRequest) -> Iterator[Group]:
    yield Group(title="Messages", order=2, tiles=list(_tiles(request)))


def _tiles(request: HttpRequest) -> Iterator[Tile]:
    if request.user.has_perm("webhooks.view_webhookevent"):
        waiting = WebhookEvent.objects.filter(finished_at=None)
        due = (
            waiting.filter(due_at__lte=timezone.now())
            .order_by("due_at")
            .values_list("due_at", flat=True)
            .first()
        )
        yield Tile(
            label="Partners' messages in work",
            value=capped(waiting),
            url=list_url("webhooks_webhookevent", verdict__exact=EventVerdict.RECEIVED.value),
            tone=waiting_tone(due) if due else NEUTRAL,
            note=f"oldest was due {since(due)}" if due else "none is overdue",
        )
        failed = capped(WebhookEvent.objects.filter(verdict=EventVerdict.FAILED))
        yield Tile(
            label="Messages for a person",
            value=failed,
            url=list_url("webhooks_webhookevent", verdict__exact=EventVerdict.FAILED.value),
            tone=WAIT if failed != "0" else NEUTRAL,
            note="read them, then replay" if failed != "0" else "none",
        )
    if request.user.has_perm("webhooks.view_delivery"):
        pending = Delivery.objects.filter(finished_at=None)
        due = (
            pending.filter(due_at__lte=timezone.now())
            .order_by("due_at")
            .values_list("due_at", flat=True)
            .first()
        )
        yield Tile(
            label="Undelivered events",
            value=capped(pending),
            url=list_url("webhooks_delivery", outcome__exact=DeliveryOutcome.PENDING.value),
            tone=waiting_tone(due) if due else NEUTRAL,
            note=f"oldest was due {since(due)}" if due else "none is overdue",
        )
    if request.user.has_perm("webhooks.view_webhookendpoint"):
        off = WebhookEndpoint.objects.filter(status=EndpointStatus.DISABLED, removed_at=None)
        count = capped(off)
        yield Tile(
            label="Disabled endpoints",
            value=count,
            url=list_url("webhooks_webhookendpoint", status__exact=EndpointStatus.DISABLED.value),
            tone=WAIT if count != "0" else NEUTRAL,
            note="their apps hear nothing" if count != "0" else "every app is told",
        )


end_users.panels.append(end_user_panel)
events.panels.append(event_panel)
start_groups.append(start)
