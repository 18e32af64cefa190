from onboarding.models.api_client import ApiClient, ApiKey, IdempotencyRecord, ThrottleWindow
from onboarding.models.audit import AuditChain, AuditEntry
from onboarding.models.end_user import Address, EndUser
from onboarding.models.enrollment import Drift, Enrollment, PartnerGate, PartnerSlot, VerificationSession
from onboarding.models.event import Event
from onboarding.models.identification import Identification
from onboarding.models.person import AssociatedPerson
from onboarding.models.profiles import BusinessProfile, IndividualProfile
from onboarding.models.review import Finding, ReviewCase, ReviewDecision
from onboarding.models.submission import Submission, SubmissionAttempt

__all__ = [
    "Address",
    "ApiClient",
    "ApiKey",
    "AssociatedPerson",
    "AuditChain",
    "AuditEntry",
    "BusinessProfile",
    "Drift",
    "EndUser",
    "Enrollment",
    "Event",
    "Finding",
    "IdempotencyRecord",
    "Identification",
    "IndividualProfile",
    "PartnerGate",
    "PartnerSlot",
    "ReviewCase",
    "ReviewDecision",
    "Submission",
    "SubmissionAttempt",
    "ThrottleWindow",
    "VerificationSession",
]
