"""The words of the vault. Imports nothing of ours."""

from typing import Self

from django.db import models


class DocumentSlot(models.TextChoices):
    """What a document is for. Stored in upper case; the intake contract's word is `wire` (Kira section 3)."""

    FRONT = "FRONT", "Front"
    BACK = "BACK", "Back"
    SELFIE = "SELFIE", "Selfie"
    PROOF_OF_ADDRESS = "PROOF_OF_ADDRESS", "Proof of address"
    SOURCE_OF_WEALTH = "SOURCE_OF_WEALTH", "Source of wealth"
    BUSINESS_FORMATION = "BUSINESS_FORMATION", "Business formation"
    EIN_LETTER = "EIN_LETTER", "EIN letter"
    BYLAWS = "BYLAWS", "Bylaws"
    CORPORATE_RESOLUTION = "CORPORATE_RESOLUTION", "Corporate resolution"
    CERTIFICATE_OF_REGISTRATION = "CERTIFICATE_OF_REGISTRATION", "Certificate of registration"
    CERTIFICATE_OF_GOOD_STANDING = "CERTIFICATE_OF_GOOD_STANDING", "Certificate of good standing"
    BOARD_MINUTES = "BOARD_MINUTES", "Board minutes"
    PORTFOLIO_STATEMENT = "PORTFOLIO_STATEMENT", "Portfolio statement"
    FATCA = "FATCA", "FATCA declaration"
    COMPANY_FISCAL_REGISTRATION = "COMPANY_FISCAL_REGISTRATION", "Company fiscal registration"

    @property
    def wire(self) -> str:
        """The contract's `type`: `front`, `back` and `selfie` bare, everything else after `file_`."""
        return self.lower() if self in _BARE_SLOTS else f"file_{self.lower()}"

    @classmethod
    def from_wire(cls, word: str) -> Self:
        """The slot of a contract's `type`. Raises ValueError for any other word, in any other case."""
        for slot in cls:
            if slot.wire == word:
                return slot
        raise ValueError("not a document type of the contract")


_BARE_SLOTS = (DocumentSlot.FRONT, DocumentSlot.BACK, DocumentSlot.SELFIE)


class DocumentStatus(models.TextChoices):
    """Where a document stands. Only `vault.set_status` and `vault.store` write it."""

    RECEIVED = "RECEIVED", "Received"
    QUARANTINED = "QUARANTINED", "Quarantined"
    ACCEPTED = "ACCEPTED", "Accepted"
    REJECTED = "REJECTED", "Rejected"
    SUPERSEDED = "SUPERSEDED", "Superseded"
    EXPIRED = "EXPIRED", "Expired"


class ContentType(models.TextChoices):
    """The media types that may enter. The stored codes are the registered names (RFC 6838), not ours."""

    JPEG = "image/jpeg", "JPEG"
    PNG = "image/png", "PNG"
    PDF = "application/pdf", "PDF"

    @property
    def extension(self) -> str:
        """The file name extension, without the dot."""
        return {"image/jpeg": "jpg", "image/png": "png"}.get(self.value, "pdf")


class AccessPurpose(models.TextChoices):
    """Why somebody, or the machine, opened a document."""

    VIEW = "VIEW", "View"
    SUBMISSION = "SUBMISSION", "Submission to a partner"
    EXPORT = "EXPORT", "Export"
    VERIFICATION = "VERIFICATION", "Integrity check"
