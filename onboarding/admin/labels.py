"""How our words look: the tone of every status, masks, and links from noun to noun."""

import re
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin import BAD, GOOD, INFO, NEUTRAL, NOT_TOLD, WAIT, badge, link, page_url, shown
from config.crypto import mask
from onboarding.domain.audit import Actor
from onboarding.enums import (
    CaseStatus,
    Lifecycle,
    SessionStatus,
    Status,
    SubmissionOutcome,
)
from onboarding.models import EndUser, Submission

# A code of the contract, not something a person wrote: `receive_payments`, `10000_49999`.
CODE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")

TONES: Mapping[str, str] = {
    Status.CREATED: NEUTRAL,
    Status.VERIFYING: INFO,
    Status.REVIEW: WAIT,
    Status.VERIFIED: GOOD,
    Status.REJECTED: BAD,
    Lifecycle.ACTIVE: NEUTRAL,
    Lifecycle.SUSPENDED: WAIT,
    Lifecycle.CLOSED: BAD,
    SubmissionOutcome.QUEUED: NEUTRAL,
    SubmissionOutcome.IN_FLIGHT: INFO,
    SubmissionOutcome.UNKNOWN: WAIT,
    SubmissionOutcome.SUCCEEDED: GOOD,
    SubmissionOutcome.REFUSED: BAD,
    SessionStatus.PENDING: NEUTRAL,
    SessionStatus.ISSUED: INFO,
    SessionStatus.FINISHED: GOOD,
    SessionStatus.EXPIRED: WAIT,
    SessionStatus.FAILED: BAD,
    CaseStatus.OPEN: WAIT,
    CaseStatus.CLOSED: NEUTRAL,
    "due": BAD,
    "error": BAD,
    "upcoming": INFO,
    "pending": INFO,
    "satisfied": GOOD,
    "waived": NEUTRAL,
}

# Columns that lists never open; the same through a foreign key.
SEALED_OF_END_USER = ("document_number", "additional_info", "partner_answers")


def sealed_through(path: str) -> tuple[str, ...]:
    """The sealed columns of an end user that a list reaches over `path`."""
    return tuple(f"{path}__{name}" for name in SEALED_OF_END_USER)


def actor_of(request: HttpRequest) -> Actor:
    """Whoever is logged in, for the trail."""
    assert isinstance(request.user, User)
    return Actor.staff(request.user)


def tone(code: str) -> str:
    return TONES.get(code, NEUTRAL)


def status_badge(row: Any, name: str = "status", prefix: str = "") -> SafeString:
    """The badge of a field with choices."""
    words = getattr(row, f"get_{name}_display")()
    return badge(f"{prefix}{words}", tone(getattr(row, name)))


def outcome_badge(submission: Submission) -> SafeString:
    """A parked submission says so; otherwise its outcome."""
    return badge("Parked", BAD) if submission.is_parked else status_badge(submission, "outcome")


def masked(number: str | None) -> object:
    """A number people may recognise and nobody may copy: its last four characters."""
    if not number:
        return NOT_TOLD
    return format_html('<code aria-label="ends in {}">{}</code>', mask(number)[-4:].lstrip("*"), mask(number))


def guarded(name: str, value: object) -> object:
    """A free member that may hold a number of somebody: those are masked by their name."""
    risky = ("number", "ssn", "tax", "passport", "account", "iban")
    if isinstance(value, str) and any(word in name.lower() for word in risky):
        return masked(value)
    return value


def to_end_user(end_user: EndUser | None) -> object:
    if end_user is None:
        return NOT_TOLD
    return link(page_url("onboarding_enduser", end_user.pk), end_user.display_name)


def to_row(name: str, row: Model | None, text: object = None) -> object:
    """A link to the page of a row; `name` as in `onboarding_enrollment`."""
    return "—" if row is None else link(page_url(name, row.pk), text if text is not None else row)


SPELLED = {
    "us": "U.S.",
    "ssn": "SSN",
    "pep": "PEP",
    "id": "ID",
    "ein": "EIN",
    "rfc": "RFC",
    "cnpj": "CNPJ",
    "email": "e-mail",
}


def words(token: str) -> str:
    """A member of the contract as words: `address_zip_code` becomes `Address zip code`."""
    text = token.replace("identifying_information:", "").replace("additional_info:", "").replace("file_", "")
    named = [SPELLED.get(word, word) for word in text.replace(":", " · ").replace("_", " ").split()]
    joined = " ".join(named)
    return joined[:1].upper() + joined[1:]


def told(value: object) -> object:
    """A declared value as people read it; the contract's own codes become words."""
    if isinstance(value, list | tuple):
        return ", ".join(str(told(member)) for member in value) or NOT_TOLD
    if not isinstance(value, str) or not CODE.fullmatch(value):
        return shown(value)
    low, _, high = value.partition("_")
    if low.isdecimal() and high.isdecimal():
        return f"{int(low):,} to {int(high):,}"
    return words(value)
