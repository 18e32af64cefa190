"""End users at partners: enrollments, hosted sessions, and drift."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter, display
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
    Section,
    Step,
    Table,
    ago,
    badge,
    copyable,
    link,
    list_url,
    moment,
    page_url,
)
from onboarding.admin import labels
from onboarding.admin.cases import UnresolvedFirst
from onboarding.admin.search import EndUserSearch
from onboarding.admin.submissions import submissions_table
from onboarding.domain import reconciliation
from onboarding.enums import Partner
from onboarding.models import Drift, Enrollment, VerificationSession


def _read_now(request: HttpRequest, enrollment: Enrollment, reason: str) -> str:
    reconciliation.ask_now(enrollment=enrollment, at=timezone.now())
    return f"{enrollment.get_partner_display()} is read as soon as a worker is free."


READ_NOW = Act(
    name="read-now",
    label="Read the partner now",
    question="A worker reads the partner's record at once. What it says is applied by the same rules as ever.",
    perform=_read_now,
    permission="onboarding.change_enrollment",
    is_offered=lambda enrollment: bool(enrollment.partner_reference),
)


class Overdue(SimpleListFilter):
    """Enrollments whose partner should have been read by now; an index of its own finds them."""

    title = "next look"
    parameter_name = "look"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("overdue", "Overdue")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "overdue":
            return queryset
        return queryset.filter(partner__in=Partner.values, next_check_at__lte=timezone.now())


@admin.register(Enrollment)
class EnrollmentAdmin(EndUserSearch):
    """One end user at one partner."""

    acts = (READ_NOW,)
    end_user_path = "end_user"
    list_display = ("at_partner", "who", "state", "word", "confirmed", "next_look")
    list_filter = (
        Overdue,
        ("status", admin.ChoicesFieldListFilter),
        ("partner", admin.ChoicesFieldListFilter),
    )
    list_select_related = ("end_user",)
    sealed = labels.sealed_through("end_user")
    ordering = ("-created_at", "-id")

    @display(description="Partner")
    def at_partner(self, row: Enrollment) -> str:
        return row.get_partner_display()

    @display(description="End user")
    def who(self, row: Enrollment) -> object:
        return labels.to_end_user(row.end_user)

    @display(description="Status")
    def state(self, row: Enrollment) -> SafeString:
        return labels.status_badge(row)

    @display(description="Partner's word")
    def word(self, row: Enrollment) -> str:
        return row.partner_status or "—"

    @display(description="Confirmed")
    def confirmed(self, row: Enrollment) -> SafeString:
        return ago(row.confirmed_at)

    @display(description="Next look")
    def next_look(self, row: Enrollment) -> SafeString:
        return ago(row.next_check_at, empty="none planned")

    def rows_for_page(self, request: HttpRequest) -> QuerySet[Enrollment]:
        return Enrollment.objects.select_related("end_user__client")

    def page(self, request: HttpRequest, row: Enrollment) -> Page:
        submissions = row.submissions.defer("payload").order_by("-position").prefetch_related("tries")[:25]
        sessions = row.sessions.defer("link")[:25]
        drifts = row.drifts.all()[:25]
        return Page(
            title=f"{row.end_user.display_name} at {row.get_partner_display()}",
            kind="Enrollment",
            badges=_badges(row),
            ids=(
                ("Enrollment", copyable(row.pk)),
                (
                    "Partner reference",
                    copyable(row.partner_reference) if row.partner_reference else "none yet",
                ),
            ),
            facts=enrollment_facts(row),
            main=(
                submissions_table(list(submissions), title="Submissions"),
                sessions_table(list(sessions)),
                drifts_table(list(drifts)),
            ),
            side=(reasons_section(row), _partner_side(row)),
        )


def _badges(row: Enrollment) -> list[SafeString]:
    marks = [labels.status_badge(row)]
    if row.is_primary:
        marks.append(badge("Primary"))
    if row.is_reopened:
        marks.append(badge("New round running", WAIT))
    return marks


def enrollment_facts(row: Enrollment) -> tuple[tuple[str, object], ...]:
    return (
        ("End user", labels.to_end_user(row.end_user)),
        ("Partner's word", row.partner_status or "none yet"),
        ("Confirmed by reading", ago(row.confirmed_at)),
        ("Next look", ago(row.next_check_at, empty="none planned")),
        ("Looks in this round", row.checks),
        ("Since", moment(row.created_at)),
    )


def _partner_side(row: Enrollment) -> Section:
    missing = {code: tokens for code, tokens in row.partner_missing.items() if tokens}
    rows = [(code, ", ".join(map(labels.words, tokens))) for code, tokens in sorted(missing.items())]
    rows += [
        (product, badge("Eligible", GOOD) if eligible else badge("Not eligible"))
        for product, eligible in sorted(row.partner_products.items())
    ]
    return Table(
        title="What the partner says",
        headers=("Product", "Missing there, or eligible"),
        rows=rows,
        empty="It has said nothing yet",
    )


def reasons_section(row: Enrollment) -> Section:
    return Table(
        title="Reasons given by the partner",
        headers=("For the end user", "For staff"),
        rows=[(reason.get("reason", ""), reason.get("developer_reason", "")) for reason in row.reasons],
        empty="None",
    )


# --- Hosted sessions ------------------------------------------------------------------------------


def sessions_table(sessions: list[VerificationSession], *, anchor: str = "") -> Section:
    return Table(
        title="Hosted sessions",
        anchor=anchor,
        headers=("Session", "Status", "Provider", "Link", "Asked for", "Issued"),
        rows=[
            (
                labels.to_row("onboarding_verificationsession", session, session.get_type_display()),
                labels.status_badge(session),
                session.provider or "—",
                "held, sealed" if session.issued_at else "none",
                moment(session.created_at),
                moment(session.issued_at, empty="not yet"),
            )
            for session in sessions
        ],
    )


@admin.register(VerificationSession)
class VerificationSessionAdmin(EndUserSearch):
    """Sessions at partners. Their links belong to the end user and are shown to nobody."""

    end_user_path = "enrollment__end_user"
    list_display = ("session", "who", "partner", "state", "asked", "issued")
    list_select_related = ("enrollment__end_user",)
    sealed = ("link", *labels.sealed_through("enrollment__end_user"))
    ordering = ("-created_at", "-id")

    @display(description="Session")
    def session(self, row: VerificationSession) -> str:
        return row.get_type_display()

    @display(description="End user")
    def who(self, row: VerificationSession) -> object:
        return labels.to_end_user(row.enrollment.end_user)

    @display(description="Partner")
    def partner(self, row: VerificationSession) -> str:
        return row.enrollment.get_partner_display()

    @display(description="Status")
    def state(self, row: VerificationSession) -> SafeString:
        return labels.status_badge(row)

    @display(description="Asked for")
    def asked(self, row: VerificationSession) -> SafeString:
        return moment(row.created_at)

    @display(description="Issued")
    def issued(self, row: VerificationSession) -> SafeString:
        return moment(row.issued_at, empty="not yet")

    def rows_for_page(self, request: HttpRequest) -> QuerySet[VerificationSession]:
        return VerificationSession.objects.defer("link").select_related("enrollment__end_user")

    def page(self, request: HttpRequest, row: VerificationSession) -> Page:
        submission: Any = getattr(row, "submission", None)
        return Page(
            title=f"{row.get_type_display()} at {row.enrollment.get_partner_display()}",
            kind="Hosted session",
            badges=(labels.status_badge(row),),
            facts=(
                ("End user", labels.to_end_user(row.enrollment.end_user)),
                ("Enrollment", labels.to_row("onboarding_enrollment", row.enrollment)),
                ("Submission", labels.to_row("onboarding_submission", submission)),
                ("Asked for", moment(row.created_at)),
                ("Issued", moment(row.issued_at, empty="not yet")),
            ),
            ids=(("Session", copyable(row.pk)),),
            main=(
                Facts(
                    title="At the partner",
                    rows=(
                        ("Provider", row.provider or "—"),
                        ("Partner's session", row.partner_session or "—"),
                        ("Link", "held and sealed: it belongs to the end user" if row.issued_at else "none"),
                    ),
                ),
            ),
        )


# --- Drift ----------------------------------------------------------------------------------------


def drifts_table(drifts: list[Drift], *, anchor: str = "") -> Section:
    return Table(
        title="Drift",
        anchor=anchor,
        headers=("Ours", "Theirs", "What", "Since", "Resolved"),
        rows=[
            (
                labels.status_badge(drift, "ours"),
                drift.theirs,
                drift.note,
                ago(drift.since),
                moment(drift.resolved_at, empty="open"),
            )
            for drift in drifts
        ],
        empty="No disagreement",
    )


@admin.register(Drift)
class DriftAdmin(EndUserSearch):
    """Where a partner's record and ours disagree, and no rule settles it."""

    end_user_path = "enrollment__end_user"
    list_display = ("partner", "who", "our_status", "theirs", "note", "state", "since_when")
    list_filter = (UnresolvedFirst,)
    list_select_related = ("enrollment__end_user",)
    sealed = labels.sealed_through("enrollment__end_user")
    ordering = ("-id",)

    @display(description="Partner")
    def partner(self, row: Drift) -> str:
        return row.enrollment.get_partner_display()

    @display(description="End user")
    def who(self, row: Drift) -> object:
        return labels.to_end_user(row.enrollment.end_user)

    @display(description="Ours")
    def our_status(self, row: Drift) -> SafeString:
        return labels.status_badge(row, "ours")

    @display(description="Status")
    def state(self, row: Drift) -> SafeString:
        return badge("Open", BAD) if row.resolved_at is None else badge("Resolved", GOOD)

    @display(description="Since")
    def since_when(self, row: Drift) -> SafeString:
        return ago(row.since)

    def rows_for_page(self, request: HttpRequest) -> QuerySet[Drift]:
        return Drift.objects.select_related("enrollment__end_user")

    def page(self, request: HttpRequest, row: Drift) -> Page:
        enrollment = row.enrollment
        steps = (
            Step(
                tone=BAD,
                text=f"We say “{row.get_ours_display()}”, {enrollment.get_partner_display()} says “{row.theirs}”.",
                detail="Ask the partner. When its record agrees again, this closes by itself.",
                link=("Enrollment", page_url("onboarding_enrollment", enrollment.pk)),
            ),
        )
        return Page(
            title=f"{enrollment.end_user.display_name}: {row.note}",
            kind="Drift",
            badges=(self.state(row),),
            facts=(
                ("End user", labels.to_end_user(enrollment.end_user)),
                ("Ours", labels.status_badge(row, "ours")),
                ("Theirs", row.theirs),
                ("Since", moment(row.since)),
                ("Last seen", moment(row.last_seen_at)),
                ("Resolved", moment(row.resolved_at, empty="open")),
            ),
            steps=steps if row.resolved_at is None else (),
            main=(
                Facts(
                    title="Where to look",
                    rows=(
                        ("Cases of this kind", _cases_link()),
                        ("Enrollment", labels.to_row("onboarding_enrollment", enrollment)),
                    ),
                ),
            ),
        )


def _cases_link() -> SafeString:
    from_list = list_url("onboarding_reviewcase", kind__exact="DRIFT")
    return link(from_list, "Open drift cases")
