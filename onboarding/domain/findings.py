"""What looks like trouble in the data of an end user. A finding opens a case; it never decides."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from documents.enums import DocumentStatus
from onboarding.domain.audit import Fact
from onboarding.domain.readiness import Readiness
from onboarding.enums import AuditAction, FindingCode, IdentificationType
from onboarding.models import EndUser, Finding
from onboarding.partners.base import Dossier

# Warnings are shown; everything else waits for one of us before anything goes to a partner.
WARNINGS = (FindingCode.DOCUMENT_MISMATCH,)


def refresh(
    *, end_user: EndUser, readiness: Readiness, at: datetime, is_new: bool = False
) -> tuple[list[Finding], list[Fact]]:
    """Raise what is new, resolve what is gone; returns the open findings and the facts for the trail."""
    seen = {(f.code, f.subject): f for f in _look(end_user, readiness, at)}
    open_ones = () if is_new else end_user.findings.filter(resolved_at=None)
    known = {(f.code, f.subject): f for f in open_ones}
    gone = [finding.pk for key, finding in known.items() if key not in seen]
    if gone:
        Finding.objects.filter(pk__in=gone).update(resolved_at=at)
    fresh = [finding for key, finding in seen.items() if key not in known]
    Finding.objects.bulk_create(fresh)
    facts = [Fact(AuditAction.FINDING_RAISED, {"code": f.code, "subject": f.subject}) for f in fresh]
    return [known.get(key, finding) for key, finding in seen.items()], facts


def blocking(findings: Sequence[Finding]) -> list[Finding]:
    """Those that a person must look at before a partner hears of the end user."""
    return [finding for finding in findings if finding.code not in WARNINGS]


def _look(end_user: EndUser, readiness: Readiness, at: datetime) -> Iterator[Finding]:
    def found(code: FindingCode, note: str, subject: str = "", related: UUID | None = None) -> Finding:
        return Finding(
            end_user=end_user, code=code, note=note, subject=subject, related_id=related, raised_at=at
        )

    dossier = readiness.dossier
    if end_user.pep_status or any(person.answers.get("pep_status") for person in dossier.persons):
        yield found(FindingCode.PEP, "Declared as politically exposed, or somebody behind it is")
    if readiness.primary.is_restricted:
        country = str(dossier.answers.get("address_country", ""))
        yield found(FindingCode.RESTRICTED_COUNTRY, f"The partner takes nobody from {country}", country)
    for other in _others_with_the_same_number(end_user)[:5]:
        yield found(FindingCode.DUPLICATE, "The same number stands on another end user", str(other), other)
    if _ownership(dossier) > 100:
        yield found(FindingCode.OWNERSHIP_NOT_ADDING_UP, "The declared shares add up to more than 100 %")
    for document in end_user.documents.all():
        if document.status == DocumentStatus.QUARANTINED:
            yield found(FindingCode.DOCUMENT_QUARANTINED, "A document holds active content", str(document.pk))
    if differs_from_entry(dossier):
        yield found(FindingCode.DOCUMENT_MISMATCH, "document_number differs from the entry of that type")


def differs_from_entry(dossier: Dossier) -> bool:
    """Top-level `document_*` and the entry of the same type tell different numbers (reading C-04)."""
    declared = dossier.answers.get("document_number")
    numbers = [e.number for e in dossier.identifications if e.type == dossier.answers.get("document_type")]
    return bool(declared and any(numbers) and declared not in numbers)


def _ownership(dossier: Dossier) -> Decimal:
    shares = (person.answers.get("ownership_percentage") for person in dossier.persons)
    return sum((share for share in shares if isinstance(share, Decimal)), Decimal(0))


def _others_with_the_same_number(end_user: EndUser) -> list[UUID]:
    """End users of the same app, on their way already, who hold a government or tax number of this one."""
    kinds = (*IdentificationType.government_ids, *IdentificationType.tax_ids)
    indexes = {
        entry.number_index
        for entry in end_user.identifications.all()
        if entry.person_id is None and entry.number_index and entry.type in kinds
    }
    if end_user.document_number_index:
        indexes.add(end_user.document_number_index)
    if not indexes:
        return []
    others = EndUser.objects.filter(client=end_user.client, type=end_user.type, verification_triggered=True)
    others = others.exclude(pk=end_user.pk).order_by("created_at")
    by_entry = others.filter(
        identifications__number_index__in=indexes,
        identifications__person=None,
        identifications__type__in=kinds,
    )
    by_document = others.filter(document_number_index__in=indexes)
    found = [*by_entry.values_list("pk", flat=True)[:5], *by_document.values_list("pk", flat=True)[:5]]
    return list(dict.fromkeys(found))
