"""Documents that come with an end user: from the interfaces into the vault, and into the trail."""

from collections.abc import Collection

from documents import vault
from documents.enums import DocumentSlot, DocumentStatus
from documents.models import Document
from documents.vault import Prepared
from onboarding.domain.audit import Fact
from onboarding.enums import AuditAction
from onboarding.models import AssociatedPerson, EndUser, Identification


def store(
    *,
    end_user: EndUser,
    person: AssociatedPerson | None,
    identification: Identification | None,
    slot: str,
    file: Prepared,
    file_name: str,
    description: str | None,
) -> Document:
    """Put a checked file into the vault for an end user; `slot` is the contract's word. The caller writes the trail."""
    return vault.store(
        end_user_id=end_user.pk,
        person_id=person.pk if person else None,
        identification_id=identification.pk if identification else None,
        slot=DocumentSlot.from_wire(slot),
        source=file,
        file_name=file_name,
        description=description,
    )


def supersede(*, identification: Identification, slots: Collection[str]) -> list[Fact]:
    """Let what an entry holds in these slots (wire words) give way to what is told anew; returns the facts."""
    wanted = [DocumentSlot.from_wire(slot) for slot in slots]
    facts = []
    for document in Document.objects.filter(identification=identification, slot__in=wanted).exclude(
        status=DocumentStatus.SUPERSEDED
    ):
        old = document.status
        vault.set_status(document=document, status=DocumentStatus.SUPERSEDED, reason="replaced")
        data = {"document": str(document.pk), "from": old, "to": DocumentStatus.SUPERSEDED}
        facts.append(Fact(AuditAction.DOCUMENT_STATUS, data))
    return facts


def received(document: Document) -> Fact:
    """The fact that a document came in; file names may hold personal data and stay out of the trail."""
    return Fact(
        AuditAction.DOCUMENT_RECEIVED,
        {
            "document": str(document.pk),
            "slot": document.slot,
            "status": document.status,
            "sha256": document.sha256,
            "size": document.size,
        },
    )
