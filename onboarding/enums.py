"""The words our tables store. Leaves: nothing of ours is imported here."""

from enum import nonmember

from django.db import models


class Partner(models.TextChoices):
    """A banking partner; one line each."""

    KIRA = "KIRA", "Kira"

    @property
    def slug(self) -> str:
        """The partner's name in addresses and in requests: lower case."""
        return self.value.lower()


class EndUserType(models.TextChoices):
    """What an end user is; the wire word is the code in lower case."""

    INDIVIDUAL = "INDIVIDUAL", "Individual"
    BUSINESS = "BUSINESS", "Business"


class Status(models.TextChoices):
    """How far the verification of an end user, or of an enrollment, has come (intake contract, section 6)."""

    CREATED = "CREATED", "Created"
    VERIFYING = "VERIFYING", "Verifying"
    REVIEW = "REVIEW", "In review"
    VERIFIED = "VERIFIED", "Verified"
    REJECTED = "REJECTED", "Rejected"

    settled_statuses = nonmember(("VERIFIED", "REJECTED"))
    open_statuses = nonmember(("CREATED", "VERIFYING", "REVIEW"))

    @property
    def rank(self) -> int:
        """How far along: a lower rank never follows a higher one without a new round."""
        return {"CREATED": 0, "VERIFYING": 1, "REVIEW": 2, "VERIFIED": 3, "REJECTED": 3}[self.value]


class Lifecycle(models.TextChoices):
    """Whether the account itself is usable, apart from its verification."""

    ACTIVE = "ACTIVE", "Active"
    SUSPENDED = "SUSPENDED", "Suspended"
    CLOSED = "CLOSED", "Closed"


class ReviewPolicy(models.TextChoices):
    """Whether complete cases without findings go straight to the partner."""

    AUTOMATIC = "AUTOMATIC", "Automatic"
    REVIEW_FIRST = "REVIEW_FIRST", "Review first"


class VerificationMode(models.TextChoices):
    """How verification starts (contract section 2.8); the wire word is the code in lower case."""

    AUTOMATIC = "AUTOMATIC", "Automatic"
    VERIFICATION_LINK = "VERIFICATION_LINK", "Hosted link"


class AddressKind(models.TextChoices):
    RESIDENTIAL = "RESIDENTIAL", "Residential"
    REGISTERED = "REGISTERED", "Registered"
    TRADING = "TRADING", "Trading"


class IdentificationType(models.TextChoices):
    """Kinds of `identifying_information` (contract section 3.1); the wire word is the code in lower case."""

    PASSPORT = "PASSPORT", "Passport"
    VISA = "VISA", "Visa"
    NATIONAL_ID = "NATIONAL_ID", "National ID"
    DRIVERS_LICENSE = "DRIVERS_LICENSE", "Driver's licence"
    STATE_OR_PROVINCIAL_ID = "STATE_OR_PROVINCIAL_ID", "State or provincial ID"
    PERMANENT_RESIDENCY_ID = "PERMANENT_RESIDENCY_ID", "Permanent residency ID"
    MILITARY_ID = "MILITARY_ID", "Military ID"
    MATRICULATE_ID = "MATRICULATE_ID", "Consular ID (matrícula)"
    SSN = "SSN", "SSN"
    ITIN = "ITIN", "ITIN"
    TAX_ID = "TAX_ID", "Tax ID"
    CURP = "CURP", "CURP"
    RFC = "RFC", "RFC"
    CPF = "CPF", "CPF"
    NUIP = "NUIP", "NUIP"
    TIN = "TIN", "TIN"
    EIN = "EIN", "EIN"
    NIT = "NIT", "NIT"
    CNPJ = "CNPJ", "CNPJ"
    PROOF_OF_ADDRESS = "PROOF_OF_ADDRESS", "Proof of address"
    SOURCE_OF_WEALTH = "SOURCE_OF_WEALTH", "Source of wealth"
    BUSINESS_FORMATION = "BUSINESS_FORMATION", "Business formation"
    CERTIFICATE_OF_REGISTRATION = "CERTIFICATE_OF_REGISTRATION", "Certificate of registration"
    CERTIFICATE_OF_GOOD_STANDING = "CERTIFICATE_OF_GOOD_STANDING", "Certificate of good standing"
    BYLAWS = "BYLAWS", "Bylaws"
    CORPORATE_RESOLUTION = "CORPORATE_RESOLUTION", "Corporate resolution"
    BOARD_MINUTES = "BOARD_MINUTES", "Board minutes"
    PORTFOLIO_STATEMENT = "PORTFOLIO_STATEMENT", "Portfolio statement"
    EIN_LETTER = "EIN_LETTER", "EIN letter"

    government_ids = nonmember(
        (
            "PASSPORT",
            "VISA",
            "NATIONAL_ID",
            "DRIVERS_LICENSE",
            "STATE_OR_PROVINCIAL_ID",
            "PERMANENT_RESIDENCY_ID",
            "MILITARY_ID",
            "MATRICULATE_ID",
        )
    )
    tax_ids = nonmember(("SSN", "ITIN", "TAX_ID", "CURP", "RFC", "CPF", "NUIP", "TIN", "EIN", "NIT", "CNPJ"))


class IdentificationOrigin(models.TextChoices):
    """Where an identification was told: an entry of its own, or a top-level member (`ein`, `rfc`, `ssn`)."""

    ENTRY = "ENTRY", "Entry"
    TOP_LEVEL = "TOP_LEVEL", "Top-level member"


class SubmissionOperation(models.TextChoices):
    """What a submission asks of the partner."""

    CREATE = "CREATE", "Create"
    UPDATE = "UPDATE", "Update"
    START_VERIFICATION = "START_VERIFICATION", "Start verification session"


class SubmissionOutcome(models.TextChoices):
    """What became of a submission. UNKNOWN is a state: it is looked up before anything is sent again."""

    QUEUED = "QUEUED", "Queued"
    IN_FLIGHT = "IN_FLIGHT", "In flight"
    UNKNOWN = "UNKNOWN", "Unknown"
    SUCCEEDED = "SUCCEEDED", "Succeeded"
    REFUSED = "REFUSED", "Refused"

    open_outcomes = nonmember(("QUEUED", "IN_FLIGHT", "UNKNOWN"))
    final_outcomes = nonmember(("SUCCEEDED", "REFUSED"))


class SessionStatus(models.TextChoices):
    """State of a verification session, hosted or by API."""

    PENDING = "PENDING", "Not yet issued"
    ISSUED = "ISSUED", "Issued"
    FINISHED = "FINISHED", "Finished"
    EXPIRED = "EXPIRED", "Expired"
    FAILED = "FAILED", "Failed"


class SessionType(models.TextChoices):
    """Kinds of verification session; the wire word is lower case with a hyphen."""

    EMBEDDED_LINK = "EMBEDDED_LINK", "Embedded link"
    API = "API", "API"


class CaseKind(models.TextChoices):
    """Why a person has to look."""

    ONBOARDING = "ONBOARDING", "Onboarding"
    PARTNER_REVIEW = "PARTNER_REVIEW", "Partner reviews by hand"
    PARTNER_REJECTION = "PARTNER_REJECTION", "Partner rejected"
    PARTNER_QUESTION = "PARTNER_QUESTION", "Partner asks for more"
    DRIFT = "DRIFT", "Drift"
    SUBMISSION_PARKED = "SUBMISSION_PARKED", "Submission parked"


class CaseStatus(models.TextChoices):
    OPEN = "OPEN", "Open"
    CLOSED = "CLOSED", "Closed"


class Verdict(models.TextChoices):
    """What one of us decided about a case."""

    APPROVE = "APPROVE", "Approve"
    REJECT = "REJECT", "Reject"
    CLOSE = "CLOSE", "Close with a note"


class FindingCode(models.TextChoices):
    """What looked like trouble in the data of an end user."""

    PEP = "PEP", "Politically exposed person"
    RESTRICTED_COUNTRY = "RESTRICTED_COUNTRY", "Restricted country"
    DUPLICATE = "DUPLICATE", "Same number on another end user"
    OWNERSHIP_NOT_ADDING_UP = "OWNERSHIP_NOT_ADDING_UP", "Ownership does not add up"
    DOCUMENT_QUARANTINED = "DOCUMENT_QUARANTINED", "Document held in quarantine"
    DOCUMENT_MISMATCH = "DOCUMENT_MISMATCH", "Declared document differs from the entry"


class ActorType(models.TextChoices):
    """Who acted."""

    APP = "APP", "Product app"
    STAFF = "STAFF", "Staff"
    PARTNER = "PARTNER", "Partner"
    SYSTEM = "SYSTEM", "System"


class AuditAction(models.TextChoices):
    """Everything the trail may hold."""

    END_USER_CREATED = "end_user.created", "End user created"
    END_USER_UPDATED = "end_user.updated", "End user updated"
    END_USER_STATUS = "end_user.status_changed", "End user's status changed"
    VERIFICATION_TRIGGERED = "end_user.verification_triggered", "Verification triggered"
    PERSON_ADDED = "person.added", "Associated person added"
    PERSON_UPDATED = "person.updated", "Associated person updated"
    PERSON_REMOVED = "person.removed", "Associated person removed"
    DOCUMENT_RECEIVED = "document.received", "Document received"
    DOCUMENT_STATUS = "document.status_changed", "Document's status changed"
    FINDING_RAISED = "finding.raised", "Finding raised"
    CASE_OPENED = "case.opened", "Case opened"
    CASE_DECIDED = "case.decided", "Case decided"
    ENROLLMENT_OPENED = "enrollment.opened", "Enrollment opened"
    ENROLLMENT_STATUS = "enrollment.status_changed", "Enrollment's status changed"
    ENROLLMENT_LINKED = "enrollment.linked", "Enrollment linked to the partner's record"
    SUBMISSION_QUEUED = "submission.queued", "Submission queued"
    SUBMISSION_OUTCOME = "submission.outcome_changed", "Submission's outcome changed"
    SUBMISSION_RELEASED = "submission.released", "Submission sent on its way by a person"
    SESSION_ISSUED = "session.issued", "Verification session issued"
    DRIFT_FOUND = "drift.found", "Drift found"
    DRIFT_RESOLVED = "drift.resolved", "Drift resolved"
    PARTNER_PAUSED = "partner.paused", "Partner paused"
    PARTNER_RESUMED = "partner.resumed", "Partner resumed"
    PARTNER_BREAKER_CLOSED = "partner.breaker_closed", "Partner's breaker closed by a person"
    CLIENT_CREATED = "client.created", "Product app registered"
    CLIENT_KEY_ISSUED = "client.key_issued", "API key issued"
    CLIENT_KEY_REVOKED = "client.key_revoked", "API key revoked"
    ENDPOINT_REGISTERED = "endpoint.registered", "Webhook endpoint registered"
    ENDPOINT_CHANGED = "endpoint.changed", "Webhook endpoint changed"
    ENDPOINT_DISABLED = "endpoint.disabled", "Webhook endpoint disabled"
    WEBHOOK_REPLAYED = "webhook.replayed", "Partner's webhook replayed"


class EventName(models.TextChoices):
    """What a product app may be told; the codes are the wire names (contract section 7.4)."""

    USER_CREATED = "user.created", "User created"
    USER_STATUS_CHANGED = "user.status_changed", "User's status changed"
    VERIFICATION_ACCEPTED = "user.verification.accepted", "Verification accepted"
    VERIFICATION_FAILED = "user.verification.failed", "Verification failed"
    REASONS_ADDED = "user.rejection_reasons_added", "Reasons of a rejection came later"
    ENDPOINT_DISABLED = "webhook_endpoint.disabled", "Webhook endpoint disabled"
    ENDPOINT_TEST = "webhook_endpoint.test", "Test call"
