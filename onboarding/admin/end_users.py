"""End users: the list, and one page on which everything about one of them stands."""

from collections.abc import Callable, Iterable, Sequence

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import F, Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from config.admin import (
    BAD,
    GOOD,
    NEUTRAL,
    Page,
    Section,
    Timeline,
    badge,
    copyable,
    list_url,
    moment,
    shown,
)
from onboarding.admin import end_user_sections as sections
from onboarding.admin import labels, next_steps, trail
from onboarding.admin.enrollments import drifts_table, sessions_table
from onboarding.admin.next_steps import Situation
from onboarding.admin.search import EndUserSearch
from onboarding.admin.submissions import submissions_table
from onboarding.domain import audit, queries, readiness
from onboarding.domain import dossier as dossiers
from onboarding.enums import Lifecycle
from onboarding.models import (
    AuditChain,
    AuditEntry,
    Drift,
    EndUser,
    Enrollment,
    PartnerGate,
    ReviewDecision,
    Submission,
)

NEWEST = 25
TRAIL_SHOWN = 40
CHAIN_CHECKED_UP_TO = 1000

# What apps above this one add to the page; filled when their admin is loaded, because this app may not import them.
panels: list[Callable[[EndUser, Sequence[Enrollment]], Iterable[Section]]] = []


@admin.register(EndUser)
class EndUserAdmin(EndUserSearch):
    """Newest first; found by name, by any exact number or id, however it is written."""

    list_display = ("name", "kind", "state", "life", "app", "external", "registered")
    list_filter = (("status", admin.ChoicesFieldListFilter), ("type", admin.ChoicesFieldListFilter), "client")
    list_select_related = ("client",)
    sealed = labels.SEALED_OF_END_USER
    ordering = ("-created_at", "-id")

    @display(description="Name")
    def name(self, end_user: EndUser) -> str:
        return end_user.display_name

    @display(description="Type")
    def kind(self, end_user: EndUser) -> str:
        return end_user.get_type_display()

    @display(description="Product app")
    def app(self, end_user: EndUser) -> str:
        return end_user.client.name

    @display(description="External id")
    def external(self, end_user: EndUser) -> str:
        return end_user.external_id or "—"

    @display(description="Status")
    def state(self, end_user: EndUser) -> SafeString:
        return labels.status_badge(end_user)

    @display(description="Account")
    def life(self, end_user: EndUser) -> object:
        is_usual = end_user.lifecycle == Lifecycle.ACTIVE
        return end_user.get_lifecycle_display() if is_usual else labels.status_badge(end_user, "lifecycle")

    @display(description="Registered")
    def registered(self, end_user: EndUser) -> SafeString:
        return moment(end_user.created_at)

    def rows_for_page(self, request: HttpRequest) -> QuerySet[EndUser]:
        rows: QuerySet[EndUser] = dossiers.with_everything(EndUser.objects.all())
        return rows

    def page(self, request: HttpRequest, row: EndUser) -> Page:
        now = timezone.now()
        enrollments = sorted(row.enrollments.all(), key=lambda e: (not e.is_primary, e.partner))
        persons = list(row.associated_persons.all())
        removed = list(
            row.associated_persons.model.objects.filter(end_user=row, removed_at__isnull=False)[:NEWEST]
        )
        by_id = {person.pk: person for person in (*persons, *removed)}
        addresses, documents = list(row.addresses.all()), list(row.documents.all())
        findings = list(row.findings.order_by(F("resolved_at").asc(nulls_first=True), "-raised_at")[:NEWEST])
        decisions = ReviewDecision.objects.select_related("reviewer").order_by("decided_at")
        cases = list(
            row.cases.prefetch_related(Prefetch("decisions", decisions)).order_by("-opened_at")[:NEWEST]
        )
        submissions = list(
            Submission.objects.filter(enrollment__end_user=row)
            .defer("payload")
            .prefetch_related("tries")
            .order_by("-created_at", "-position")[:NEWEST]
        )
        state = readiness.assess(end_user=row, on=now.date()) if enrollments else None
        situation = (
            Situation(
                end_user=row,
                enrollments=enrollments,
                readiness=state,
                cases=cases,
                submissions=submissions,
                gates=list(PartnerGate.objects.defer("token")),
            )
            if state
            else None
        )
        entries, trail_mark = _trail(row)
        main: list[Section] = [sections.profile(row)]
        if row.is_business:
            main.append(sections.persons(persons, removed, addresses))
        main += [
            sections.identifications(list(row.identifications.all()), by_id),
            sections.addresses_section(addresses),
            sections.documents(documents, by_id, request),
        ]
        return Page(
            title=row.display_name,
            kind=f"{row.get_type_display()} of {row.client.name}",
            badges=(labels.status_badge(row), *_marks(row), trail_mark),
            facts=(
                ("Product app", labels.to_row("onboarding_apiclient", row.client)),
                ("Account", row.get_lifecycle_display()),
                ("Verification", row.get_verification_mode_display()),
                ("Verification triggered", shown(row.verification_triggered)),
                ("Registered", moment(row.created_at)),
                ("Last change", moment(row.updated_at)),
                ("Version", row.version),
            ),
            ids=_ids(row, enrollments),
            steps=next_steps.steps(situation) if situation else (),
            main=main,
            side=(
                sections.cases(cases),
                sections.findings(findings),
                sections.enrollments(enrollments),
                *([sections.products(state)] if state else ()),
                *sections.more_answers(row),
                entries,
            ),
            wide=(
                *(sections.requirements(state) if state else ()),
                submissions_table(
                    submissions,
                    anchor="submissions",
                    more=("All", list_url("onboarding_submission", q=row.pk)),
                ),
                *_sessions(row, enrollments),
                *(section for panel in panels for section in panel(row, enrollments)),
            ),
        )


def _marks(end_user: EndUser) -> list[SafeString]:
    marks = []
    if end_user.lifecycle != Lifecycle.ACTIVE:
        marks.append(labels.status_badge(end_user, "lifecycle"))
    if end_user.pep_status:
        marks.append(badge("PEP", labels.tone("REVIEW")))
    return [*marks, *(badge(str(tag)) for tag in end_user.tags)]


def _ids(end_user: EndUser, enrollments: Sequence[Enrollment]) -> list[tuple[str, object]]:
    ids: list[tuple[str, object]] = [("User id", copyable(end_user.pk))]
    if end_user.external_id:
        ids.append(("External id", copyable(end_user.external_id)))
    for enrollment in enrollments:
        if enrollment.partner_reference:
            ids.append((f"{enrollment.get_partner_display()} id", copyable(enrollment.partner_reference)))
    return ids


def _sessions(end_user: EndUser, enrollments: Sequence[Enrollment]) -> list[Section]:
    drifts = list(Drift.objects.filter(enrollment__in=enrollments)[:NEWEST])
    shown_sessions = sessions_table(
        list(queries.sessions_of(end_user).defer("link")[:NEWEST]), anchor="sessions"
    )
    return [shown_sessions, drifts_table(drifts, anchor="drift")]


def _trail(end_user: EndUser) -> tuple[Section, SafeString]:
    """The newest entries, and whether the whole chain holds (asked up to CHAIN_CHECKED_UP_TO entries)."""
    chain = AuditChain.objects.filter(pk=end_user.pk).first()
    newest = list(AuditEntry.objects.filter(chain=end_user.pk).order_by("-number")[:TRAIL_SHOWN])
    length = chain.length if chain else 0
    if chain is None:
        mark = badge("No audit trail", BAD)
    elif length > CHAIN_CHECKED_UP_TO:
        mark = badge("Trail not checked here", NEUTRAL)
    else:
        mark = badge("Trail altered", BAD) if audit.verify(chain) else badge("Trail intact", GOOD)
    section = Timeline(
        title="Audit trail",
        anchor="trail",
        note=f"{length} entries, newest first",
        more=("All entries", list_url("onboarding_auditentry", q=end_user.pk)),
        entries=[trail.timeline_entry(entry) for entry in newest],
    )
    return section, mark
