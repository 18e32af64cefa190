"""Operations towards partners, with every attempt."""

from collections.abc import Sequence
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
    INFO,
    NEUTRAL,
    WAIT,
    Act,
    Facts,
    Page,
    Section,
    Step,
    Table,
    ago,
    badge,
    bytes_of,
    copyable,
    moment,
)
from onboarding.admin import labels
from onboarding.admin.search import EndUserSearch
from onboarding.domain import submissions
from onboarding.enums import SubmissionOutcome
from onboarding.models import Submission, SubmissionAttempt

RESULTS = {"accepted": GOOD, "refused": BAD, "unknown": WAIT, "interrupted": WAIT, "busy": NEUTRAL}


def _release(request: HttpRequest, submission: Submission, reason: str) -> str:
    submissions.release_parked(submission=submission, actor=labels.actor_of(request), at=timezone.now())
    return "It is on its way: a worker takes it up at once."


TRY_NOW = Act(
    name="try-now",
    label="Try again now",
    question="A worker takes it up at once instead of waiting. A pause or an open breaker still holds it.",
    perform=_release,
    permission="onboarding.change_submission",
    is_offered=lambda submission: submission.finished_at is None and not submission.is_parked,
)
RELEASE = Act(
    name="release",
    label="Release",
    question=(
        "It was parked because nobody could say what became of it. It is looked up at the partner first, and sent "
        "again under the same key only when nothing is found there. Ask the partner whether something arrived."
    ),
    perform=_release,
    permission="onboarding.change_submission",
    is_offered=lambda submission: submission.is_parked,
)


def submissions_table(
    rows: Sequence[Submission],
    *,
    title: str = "Submissions",
    anchor: str = "",
    more: tuple[str, str] | None = None,
) -> Section:
    """`rows` come with their `tries` prefetched."""
    return Table(
        title=title,
        anchor=anchor,
        more=more,
        headers=("Operation", "Outcome", "Attempts", "Last answer", "Queued", "Next or done"),
        rows=[
            (
                labels.to_row("onboarding_submission", row, f"{row.get_partner_display()}: {row}"),
                labels.outcome_badge(row),
                len(row.tries.all()),
                row.last_error or "—",
                moment(row.created_at),
                moment(row.finished_at) if row.finished_at else ago(row.due_at, empty="waits for a person"),
            )
            for row in rows
        ],
        empty="Nothing was asked of a partner yet",
    )


def attempts_table(tries: Sequence[SubmissionAttempt]) -> Section:
    rows = []
    for attempt in tries:
        result = (
            badge(attempt.result.capitalize(), RESULTS.get(attempt.result, NEUTRAL))
            if attempt.result
            else badge("Running", INFO)
        )
        rows.append(
            (attempt.number, result, attempt.http_status or "—", moment(attempt.started_at), _took(attempt))
        )
    return Table(
        title="Attempts",
        headers=("No.", "Result", "HTTP", "Began", "Took"),
        rows=rows,
        empty="Not tried yet",
    )


def _took(attempt: SubmissionAttempt) -> str:
    if attempt.finished_at is None:
        return "—"
    return f"{(attempt.finished_at - attempt.started_at).total_seconds():.2f} s"


def exchanges_table(tries: Sequence[SubmissionAttempt]) -> Section:
    rows = [
        (
            attempt.number,
            f"{call.get('method', '')} {call.get('path', '')}",
            call.get("status") or "no answer",
            f"{call.get('milliseconds', 0)} ms",
            bytes_of(int(call.get("request_bytes") or 0)),
            call.get("partner_request_id") or "—",
            call.get("error") or "—",
        )
        for attempt in tries
        for call in attempt.exchanges
    ]
    return Table(
        title="Calls to the partner",
        note="Paths, codes and times only; contents are never kept",
        headers=("Attempt", "Call", "HTTP", "Took", "Sent", "Partner's request id", "Fault"),
        rows=rows,
        empty="No call was made",
    )


class Unfinished(SimpleListFilter):
    """What still waits; a small part of the table, with an index of its own."""

    title = "work"
    parameter_name = "work"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("unfinished", "Unfinished"), ("parked", "Parked for a person")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "unfinished":
                return queryset.filter(finished_at=None)
            case "parked":
                return queryset.filter(finished_at=None, due_at=None)
            case _:
                return queryset


@admin.register(Submission)
class SubmissionAdmin(EndUserSearch):
    """What was asked of partners, newest first."""

    acts = (TRY_NOW, RELEASE)
    end_user_path = "enrollment__end_user"
    list_display = ("what", "who", "state", "attempts", "last_answer", "queued", "next_try")
    list_filter = (
        Unfinished,
        ("outcome", admin.ChoicesFieldListFilter),
        ("partner", admin.ChoicesFieldListFilter),
    )
    list_select_related = ("enrollment__end_user",)
    sealed = ("payload", *labels.sealed_through("enrollment__end_user"))
    ordering = ("-created_at", "-id")

    @display(description="Submission")
    def what(self, row: Submission) -> str:
        return f"{row.get_partner_display()}: {row}"

    @display(description="End user")
    def who(self, row: Submission) -> object:
        return labels.to_end_user(row.enrollment.end_user)

    @display(description="Outcome")
    def state(self, row: Submission) -> SafeString:
        return labels.outcome_badge(row)

    @display(description="Last answer")
    def last_answer(self, row: Submission) -> str:
        return row.last_error[:80] or "—"

    @display(description="Queued")
    def queued(self, row: Submission) -> SafeString:
        return ago(row.created_at)

    @display(description="Next try")
    def next_try(self, row: Submission) -> object:
        if row.finished_at:
            return "done"
        is_due = row.due_at is not None and row.due_at <= timezone.now()
        return "due now" if is_due else ago(row.due_at, empty="waits for a person")

    def rows_for_page(self, request: HttpRequest) -> QuerySet[Submission]:
        rows = Submission.objects.defer("payload")
        return rows.select_related("enrollment__end_user__client", "session").prefetch_related("tries")

    def page(self, request: HttpRequest, row: Submission) -> Page:
        tries = list(row.tries.all())
        changed = ", ".join(map(labels.words, row.changed)) or "—"
        documents = "decided when it is first sent" if row.document_ids is None else len(row.document_ids)
        return Page(
            title=f"{row.get_operation_display()} at {row.get_partner_display()}",
            kind="Submission",
            badges=(labels.outcome_badge(row),),
            facts=(
                ("End user", labels.to_end_user(row.enrollment.end_user)),
                ("Enrollment", labels.to_row("onboarding_enrollment", row.enrollment)),
                ("Queued", moment(row.created_at)),
                ("First sent", moment(row.first_sent_at, empty="not yet")),
                ("Finished", moment(row.finished_at, empty="not yet")),
            ),
            ids=(
                ("Submission", copyable(row.pk)),
                ("Idempotency key", copyable(row.idempotency_key)),
            ),
            steps=_steps(row),
            steps_title="What happens next",
            main=(attempts_table(tries), exchanges_table(tries)),
            side=(
                Facts(
                    title="What it carries",
                    rows=(
                        ("Place in line", row.position),
                        ("Changed members", changed),
                        ("Documents", documents),
                        (
                            "Digest of what is sent",
                            copyable(row.payload_digest, f"{row.payload_digest[:16]}…")
                            if row.payload_digest
                            else "not frozen yet",
                        ),
                    ),
                ),
            ),
        )


def _steps(row: Submission) -> list[Step]:
    if row.finished_at is not None:
        tone = GOOD if row.outcome == SubmissionOutcome.SUCCEEDED else BAD
        return [
            Step(tone=tone, text=f"{row.get_outcome_display()}: nothing more happens.", detail=row.last_error)
        ]
    if row.is_parked:
        return [
            Step(tone=BAD, text="Parked: only a person sends it on its way again.", detail=row.last_error)
        ]
    held = row.leased_until is not None and row.leased_until > timezone.now()
    if held:
        return [Step(tone=INFO, text="A worker is on it right now.", detail=row.last_error)]
    if row.outcome == SubmissionOutcome.UNKNOWN:
        text = "Nobody knows yet whether it arrived: it is looked up at the partner before anything is sent again."
        return [Step(tone=WAIT, text=text, detail=row.last_error)]
    return [Step(tone=INFO, text=_due(row), detail=row.last_error)]


def _due(row: Submission) -> str:
    if row.due_at is None or row.due_at <= timezone.now():
        return "Due now: a worker takes it up when those before it are done."
    return f"Next try at {row.due_at:%d %b %Y, %H:%M:%S} UTC."
