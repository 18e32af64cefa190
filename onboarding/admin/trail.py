"""The audit trail in words, as a list and as the timeline of an end user."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from config.admin import (
    BAD,
    GOOD,
    INFO,
    NEUTRAL,
    WAIT,
    Entry,
    Facts,
    Page,
    ReadOnlyAdmin,
    Section,
    Table,
    badge,
    copyable,
    link,
    moment,
    page_url,
)
from onboarding.admin import labels
from onboarding.domain import audit
from onboarding.enums import (
    AuditAction,
    CaseKind,
    FindingCode,
    Partner,
    Status,
    SubmissionOperation,
    SubmissionOutcome,
    Verdict,
)
from onboarding.models import AuditEntry

A = AuditAction

# --- In words -------------------------------------------------------------------------------------

WORDS: Mapping[str, str] = {
    **{str(code): str(label) for code, label in (*Status.choices, *SubmissionOutcome.choices)},
    **{
        str(code): str(label)
        for code, label in (*CaseKind.choices, *FindingCode.choices, *SubmissionOperation.choices)
    },
    **{str(code): str(label) for code, label in (*Partner.choices, *Verdict.choices)},
}


def _word(data: Mapping[str, Any], name: str) -> str:
    code = str(data.get(name, ""))
    return WORDS.get(code, code)


def _listed(members: object) -> str:
    return ", ".join(labels.words(str(member)) for member in members) if isinstance(members, list) else ""


SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], tuple[str, str]]] = {
    A.END_USER_CREATED: lambda d: ("End user registered", f"for {_partners(d)}"),
    A.END_USER_UPDATED: lambda d: ("Declared data changed", _listed(d.get("members"))),
    A.END_USER_STATUS: lambda d: ("Status of the end user", _moved(d)),
    A.VERIFICATION_TRIGGERED: lambda d: ("Everything needed is there: verification starts", ""),
    A.DOCUMENT_RECEIVED: lambda d: (
        "Document received",
        f"{labels.words(str(d.get('slot', '')).lower())}, SHA-256 {str(d.get('sha256', ''))[:12]}…",
    ),
    A.FINDING_RAISED: lambda d: (f"Finding: {_word(d, 'code')}", ""),
    A.CASE_OPENED: lambda d: (f"Case opened: {_word(d, 'kind')}", ""),
    A.CASE_DECIDED: lambda d: (
        f"Case closed: {_word(d, 'kind')}",
        _word(d, "verdict") or str(d.get("note", "")),
    ),
    A.ENROLLMENT_STATUS: lambda d: (
        f"Status at {_word(d, 'partner')}",
        f"{_moved(d)}; the partner's word: {d.get('partner_word') or 'none'}",
    ),
    A.ENROLLMENT_LINKED: lambda d: (
        f"{_word(d, 'partner')} knows the end user",
        f"as {d.get('partner_reference', '')}",
    ),
    A.SUBMISSION_QUEUED: lambda d: (f"To be sent to {_word(d, 'partner')}: {_word(d, 'operation')}", ""),
    A.SUBMISSION_OUTCOME: lambda d: (f"{_word(d, 'operation')} at {_word(d, 'partner')}", _moved(d)),
    A.SUBMISSION_RELEASED: lambda d: (
        "Submission sent on its way by hand",
        "it was parked" if d.get("was_parked") else "before its time",
    ),
    A.SESSION_ISSUED: lambda d: (f"Hosted session issued by {_word(d, 'partner')}", ""),
    A.DRIFT_FOUND: lambda d: (
        f"{_word(d, 'partner')} disagrees",
        f"ours: {_word(d, 'ours')}, theirs: {d.get('theirs', '')}",
    ),
    A.DRIFT_RESOLVED: lambda d: (f"{_word(d, 'partner')} agrees again", _word(d, "status")),
    A.PARTNER_PAUSED: lambda d: (f"{_word(d, 'partner')} paused", str(d.get("reason", ""))),
    A.PARTNER_RESUMED: lambda d: (f"{_word(d, 'partner')} resumed", ""),
    A.PARTNER_BREAKER_CLOSED: lambda d: (f"Breaker of {_word(d, 'partner')} closed by hand", ""),
    A.CLIENT_CREATED: lambda d: (f"Product app registered: {d.get('name', '')}", ""),
    A.CLIENT_KEY_ISSUED: lambda d: ("API key issued", str(d.get("prefix", ""))),
    A.CLIENT_KEY_REVOKED: lambda d: ("API key revoked", str(d.get("prefix", ""))),
}

GRAVE = {
    A.CASE_OPENED: WAIT,
    A.FINDING_RAISED: WAIT,
    A.DRIFT_FOUND: BAD,
    A.DRIFT_RESOLVED: GOOD,
    A.END_USER_CREATED: INFO,
    A.VERIFICATION_TRIGGERED: INFO,
    A.PARTNER_PAUSED: WAIT,
    A.CLIENT_KEY_REVOKED: WAIT,
}


def _partners(data: Mapping[str, Any]) -> str:
    return ", ".join(WORDS.get(str(code), str(code)) for code in data.get("partners", ()))


def _moved(data: Mapping[str, Any]) -> str:
    return f"{_word(data, 'from')} → {_word(data, 'to')}"


def sentence(entry: AuditEntry) -> tuple[str, str]:
    """What happened and, where something changed, from what to what."""
    known = SENTENCES.get(entry.action)
    data = entry.data if isinstance(entry.data, dict) else {}
    return known(data) if known else (entry.get_action_display(), "")


def timeline_entry(entry: AuditEntry) -> Entry:
    what, detail = sentence(entry)
    data = entry.data if isinstance(entry.data, dict) else {}
    tone = labels.tone(str(data["to"])) if "to" in data else GRAVE.get(AuditAction(entry.action), NEUTRAL)
    return Entry(at=entry.at, who=who(entry), what=what, detail=detail, tone=tone)


def who(entry: AuditEntry) -> str:
    kind = entry.get_actor_type_display()
    return kind if entry.actor.lower() == kind.lower() else f"{kind}: {entry.actor}"


# --- The list -------------------------------------------------------------------------------------


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Every fact, newest first. Searched by the exact id of an end user."""

    list_display = ("happened_at", "what", "change", "actor_name", "subject", "number")
    list_filter = (("action", admin.ChoicesFieldListFilter),)
    ordering = ("-at", "-id")
    search_fields = ("chain",)
    search_help_text = "Id of an end user"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        if not search_term.strip():
            return queryset, False
        try:
            return queryset.filter(chain=UUID(search_term.strip())), False
        except ValueError:
            return queryset.none(), False

    @display(description="When")
    def happened_at(self, entry: AuditEntry) -> SafeString:
        return moment(entry.at)

    @display(description="What")
    def what(self, entry: AuditEntry) -> str:
        return sentence(entry)[0]

    @display(description="Change")
    def change(self, entry: AuditEntry) -> str:
        return sentence(entry)[1]

    @display(description="Who")
    def actor_name(self, entry: AuditEntry) -> str:
        return who(entry)

    @display(description="About")
    def subject(self, entry: AuditEntry) -> object:
        return _subject(entry)

    def page(self, request: HttpRequest, row: AuditEntry) -> Page:
        what, detail = sentence(row)
        is_true = row.hash == audit.link(row)
        mark = badge("Unaltered", GOOD) if is_true else badge("Altered after it was written", BAD)
        data = [(labels.words(name), str(value)) for name, value in sorted(row.data.items())]
        main: list[Section] = [
            Table(title="Recorded values", headers=("Name", "Value"), rows=data, empty="No values")
        ]
        chain = Facts(
            title="Chain",
            rows=(
                ("Number in its chain", row.number),
                ("Hash", copyable(row.hash, f"{row.hash[:16]}…")),
                (
                    "Hash of the entry before",
                    f"{row.previous_hash[:16]}…" if row.previous_hash else "first entry",
                ),
            ),
        )
        return Page(
            title=what,
            kind="Audit entry",
            badges=(mark,),
            facts=(
                ("When", moment(row.at)),
                ("Who", who(row)),
                ("Change", detail or "—"),
                ("About", _subject(row)),
            ),
            main=main,
            side=(chain,),
        )


def _subject(entry: AuditEntry) -> object:
    if entry.chain_id == audit.SYSTEM_CHAIN:
        return "the installation"
    return link(page_url("onboarding_enduser", entry.chain_id), str(entry.chain_id)[:8])
