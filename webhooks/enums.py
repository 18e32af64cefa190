"""The words that the webhook tables store. Leaves: nothing of ours is imported here."""

from django.db import models


class EventVerdict(models.TextChoices):
    """What became of a partner's message. Only RECEIVED is still worked on."""

    RECEIVED = "RECEIVED", "Received"
    APPLIED = "APPLIED", "Applied"
    DUPLICATE = "DUPLICATE", "Already known"
    STALE = "STALE", "Not confirmed by the partner's record"
    UNMATCHED = "UNMATCHED", "Nobody we know"
    FAILED = "FAILED", "For a person"
    IGNORED = "IGNORED", "Not about an end user"


class RejectionReason(models.TextChoices):
    """Why a message was turned away at the door, with nothing kept but a count."""

    FORGED = "FORGED", "Without a signature of theirs"
    UNREADABLE = "UNREADABLE", "Signed, but not a message"
    ALTERED = "ALTERED", "Known id with another body"
    TOO_LARGE = "TOO_LARGE", "Too large"


class EndpointStatus(models.TextChoices):
    """Whether an endpoint is sent anything."""

    ACTIVE = "ACTIVE", "Active"
    DISABLED = "DISABLED", "Disabled"


class DisabledReason(models.TextChoices):
    """Why an endpoint is disabled."""

    REQUESTED = "REQUESTED", "Asked for by the product app"
    GONE = "GONE", "It answered 410 Gone"
    FAILING = "FAILING", "Nothing but failures for days"


class DeliveryOutcome(models.TextChoices):
    """What became of one event on its way to one endpoint. Only PENDING is still worked on."""

    PENDING = "PENDING", "Pending"
    DELIVERED = "DELIVERED", "Delivered"
    FAILED = "FAILED", "Given up"
    CANCELLED = "CANCELLED", "Endpoint removed"


class AttemptResult(models.TextChoices):
    """How one attempt ended. UNFINISHED beside a later attempt means that the sending process died."""

    UNFINISHED = "UNFINISHED", "No result recorded"
    DELIVERED = "DELIVERED", "Accepted"
    REFUSED = "REFUSED", "Answered with an error"
    REDIRECTED = "REDIRECTED", "Answered with a redirect"
    GONE = "GONE", "Answered 410 Gone"
    TIMED_OUT = "TIMED_OUT", "Took too long"
    UNREACHABLE = "UNREACHABLE", "No connection"
    TLS_FAILED = "TLS_FAILED", "Certificate or TLS refused"
    TARGET_REFUSED = "TARGET_REFUSED", "Address not allowed"
    UNREADABLE = "UNREADABLE", "The answer is not HTTP"
