"""Cases, what people decided about them, and the findings behind them."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter, display
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from config.admin import (
    BAD,
    GOOD,
    WAIT,
    Act,
    Entry,
    Facts,
    Page,
    Step,
    Timeline,
    ago,
    badge,
    copyable,
    moment,
    page_url,
)
from onboarding.admin import labels
from onboarding.admin.search import EndUserSearch
from onboarding.domain import reviews
from onboarding.enums import CaseKind, CaseStatus, Verdict
from onboarding.models import Finding, ReviewCase


def _decide(verdict: Verdict, said: str) -> Any:
    def perform(request: HttpRequest, case: ReviewCase, reason: str) -> str:
        assert isinstance(request.user, User)
        reviews.decide(case=case, reviewer=request.user, verdict=verdict, reason=reason, at=timezone.now())
        return said

    return perform


def _is_onboarding(case: ReviewCase) -> bool:
    return case.status == CaseStatus.OPEN and case.kind == CaseKind.ONBOARDING


def _is_other(case: ReviewCase) -> bool:
    return case.status == CaseStatus.OPEN and case.kind != CaseKind.ONBOARDING


APPROVE = Act(
    name="approve",
    label="Approve",
    question="The end user goes to its partners at once. The decision and its reason can never be changed.",
    perform=_decide(Verdict.APPROVE, "Approved. The partners hear of the end user now."),
    permission="onboarding.change_reviewcase",
    reason="Why may this end user go to the partners?",
    is_offered=_is_onboarding,
)
REJECT = Act(
    name="reject",
    label="Reject",
    question="The end user is rejected and its product app is told at once. The decision can never be changed.",
    perform=_decide(Verdict.REJECT, "Rejected. The product app is told."),
    permission="onboarding.change_reviewcase",
    reason="Why is this end user rejected?",
    is_grave=True,
    is_offered=_is_onboarding,
)
CLOSE = Act(
    name="close",
    label="Close",
    question="The case is closed with your note; nothing else changes, at us or at a partner.",
    perform=_decide(Verdict.CLOSE, "The case is closed."),
    permission="onboarding.change_reviewcase",
    reason="What did you find, and what was done?",
    is_offered=_is_other,
)


class OpenFirst(SimpleListFilter):
    """Open rows unless somebody asks for the closed ones; an index serves either."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("CLOSED", "Closed")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, label in ((None, "Open"), ("CLOSED", "Closed")):
            address = changelist.get_query_string(
                {self.parameter_name: value} if value else {}, [self.parameter_name]
            )
            yield {"selected": self.value() == value, "query_string": address, "display": label}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = CaseStatus.CLOSED if self.value() == "CLOSED" else CaseStatus.OPEN
        return queryset.filter(status=wanted)


class UnresolvedFirst(OpenFirst):
    """The same for rows that are closed by a time."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(resolved_at__isnull=self.value() != "CLOSED")


@admin.register(ReviewCase)
class ReviewCaseAdmin(EndUserSearch):
    """What waits for a person, oldest first."""

    acts = (APPROVE, REJECT, CLOSE)
    end_user_path = "end_user"
    list_display = ("kind_name", "who", "summary", "app", "state", "opened")
    list_filter = (OpenFirst, ("kind", admin.ChoicesFieldListFilter))
    list_select_related = ("end_user__client",)
    sealed = labels.sealed_through("end_user")
    ordering = ("opened_at", "id")

    @display(description="Case")
    def kind_name(self, case: ReviewCase) -> str:
        return case.get_kind_display()

    @display(description="End user")
    def who(self, case: ReviewCase) -> object:
        return labels.to_end_user(case.end_user)

    @display(description="Product app")
    def app(self, case: ReviewCase) -> str:
        return case.end_user.client.name

    @display(description="Status")
    def state(self, case: ReviewCase) -> SafeString:
        return labels.status_badge(case)

    @display(description="Opened")
    def opened(self, case: ReviewCase) -> SafeString:
        return ago(case.opened_at)

    def name_of(self, row: ReviewCase) -> str:
        return f"{row.get_kind_display()}: {row.end_user.display_name}"

    def rows_for_page(self, request: HttpRequest) -> QuerySet[ReviewCase]:
        return ReviewCase.objects.select_related("end_user__client", "enrollment")

    def page(self, request: HttpRequest, row: ReviewCase) -> Page:
        decisions = list(row.decisions.select_related("reviewer").order_by("decided_at"))
        findings = list(row.end_user.findings.filter(resolved_at=None))
        steps = [
            Step(tone=WAIT, text=finding.get_code_display(), detail=finding.note) for finding in findings
        ]
        return Page(
            title=self.name_of(row),
            kind="Case",
            badges=(labels.status_badge(row),),
            facts=(
                ("End user", labels.to_end_user(row.end_user)),
                ("Product app", row.end_user.client.name),
                ("Opened", moment(row.opened_at)),
                ("Closed", moment(row.closed_at, empty="still open")),
            ),
            ids=(("Case", copyable(row.pk)),),
            steps=steps if row.status == CaseStatus.OPEN else (),
            steps_title="Open findings of the end user",
            main=(
                Facts(title="Why it was opened", rows=(("Summary", row.summary),)),
                Timeline(
                    title="Decisions",
                    entries=[_decision(d) for d in decisions],
                    empty="Nobody has decided yet",
                ),
            ),
            side=(
                Facts(
                    title="About",
                    rows=(
                        ("End user's status", labels.status_badge(row.end_user)),
                        ("Enrollment", labels.to_row("onboarding_enrollment", row.enrollment)),
                        ("Version of the data", row.end_user.version),
                    ),
                ),
            ),
        )


def _decision(decision: Any) -> Entry:
    tones = {Verdict.APPROVE: GOOD, Verdict.REJECT: BAD}
    return Entry(
        at=decision.decided_at,
        who=f"Staff: {decision.reviewer.get_username()}",
        what=f"{decision.get_verdict_display()}: {decision.reason}",
        detail=f"on version {decision.end_user_version} of the data",
        tone=tones.get(decision.verdict, WAIT),
    )


@admin.register(Finding)
class FindingAdmin(EndUserSearch):
    """What looked like trouble in the data."""

    end_user_path = "end_user"
    list_display = ("finding", "who", "note", "state", "raised")
    list_filter = (UnresolvedFirst, ("code", admin.ChoicesFieldListFilter))
    list_select_related = ("end_user",)
    sealed = labels.sealed_through("end_user")
    ordering = ("-id",)

    @display(description="Finding")
    def finding(self, row: Finding) -> str:
        return row.get_code_display()

    @display(description="End user")
    def who(self, row: Finding) -> object:
        return labels.to_end_user(row.end_user)

    @display(description="Status")
    def state(self, row: Finding) -> SafeString:
        return badge("Open", WAIT) if row.resolved_at is None else badge("Resolved", GOOD)

    @display(description="Raised")
    def raised(self, row: Finding) -> SafeString:
        return ago(row.raised_at)

    def rows_for_page(self, request: HttpRequest) -> QuerySet[Finding]:
        return Finding.objects.select_related("end_user")

    def page(self, request: HttpRequest, row: Finding) -> Page:
        related = page_url("onboarding_enduser", row.related_id) if row.related_id else None
        steps = [Step(tone=WAIT, text=row.note, link=("The other end user", related))] if related else []
        return Page(
            title=row.get_code_display(),
            kind="Finding",
            badges=(self.state(row),),
            facts=(
                ("End user", labels.to_end_user(row.end_user)),
                ("Raised", moment(row.raised_at)),
                ("Resolved", moment(row.resolved_at, empty="still open")),
            ),
            steps=steps,
            steps_title="Compare",
            main=(Facts(title="What was found", rows=(("Note", row.note),)),),
        )
