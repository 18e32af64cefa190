"""What a partner is asked with, and what it answers: frozen values, never models.

A connector takes a `Dossier` and returns a `Receipt`, a `PartnerRecord` or a `HostedSession`, or raises one of the
errors below. The error carries the decision: `PartnerRefused` is final, `PartnerBusy` was surely not carried out
and may be repeated, `OutcomeUnknown` must be looked up before anything is sent again.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

# --- What we send ---------------------------------------------------------------------------------

Answer = str | bool | date | Decimal | tuple[str, ...] | Mapping[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRef:
    """A document in our vault. `slot` is the intake contract's word (`front`, `file_proof_of_address`).

    `read` decrypts, checks the hash and records the access; it may raise the vault's `IntegrityBroken`.
    """

    id: str
    slot: str
    content_type: str
    size: int
    sha256: str
    file_name: str = field(default="", repr=False)
    read: Callable[[], bytes] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentificationFacts:
    """One `identifying_information` entry; `type` is the intake contract's word (`passport`, `tax_id`).

    `top_level` marks numbers told as a member of their own (`ein`, `rfc`, `cnpj`, `ssn`).
    """

    type: str
    issuing_country: str
    number: str | None = field(default=None, repr=False)
    expiration: date | None = None
    description: str | None = field(default=None, repr=False)
    top_level: bool = False
    files: tuple[FileRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """An associated person: its scalar answers under the intake contract's names, and its identifications."""

    id: str
    answers: Mapping[str, Answer] = field(repr=False)
    identifications: tuple[IdentificationFacts, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything one end user has told us, frozen. Names are those of the intake contract (sections 2.1, 2.2).

    `answers` holds the scalar members with flat `address_*` (and `trading_address_*`); a member that was never told
    is absent or None. Countries are three letters. Percentages are exact decimals.
    """

    end_user_id: str
    type: str
    answers: Mapping[str, Answer] = field(repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    additional_info: Mapping[str, str] = field(default_factory=dict, repr=False)
    partner_answers: Mapping[str, object] = field(default_factory=dict, repr=False)
    verification_mode: str = "automatic"
    redirect_uri: str | None = field(default=None, repr=False)
    identifications: tuple[IdentificationFacts, ...] = ()
    persons: tuple[PersonFacts, ...] = ()

    @property
    def files(self) -> tuple[FileRef, ...]:
        """Every document of the end user and of its persons."""
        owners = (self.identifications, *(person.identifications for person in self.persons))
        return tuple(file for entries in owners for entry in entries for file in entry.files)


# --- What comes back ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRecord:
    """The partner's own record of an end user, as just read.

    `status` is a code of `onboarding.enums.Status`, or None when the partner's word is unknown to us;
    `partner_status` is the raw word. `missing` and `products` are the partner's own lists, verbatim.
    """

    reference: str
    status: str | None
    partner_status: str
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    products: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A create or an update that the partner accepted. `verification_started` is the partner's own answer."""

    record: PartnerRecord
    verification_started: bool
    hosted_link: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedSession:
    """A verification session the partner opened. The link is a secret of the end user."""

    partner_session: str
    provider: str
    link: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerReason:
    """Why a partner refused: `text` is meant for the end user, `internal` for developers."""

    text: str
    internal: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerEvent:
    """One webhook message, read. `reference` is the partner's id of the end user; empty when it concerns none.

    `status` as in `PartnerRecord`. An event is a hint: the record is read before anything is believed.
    """

    event_id: str
    name: str
    reference: str
    status: str | None = None
    partner_status: str = ""
    reasons: tuple[PartnerReason, ...] = ()
    verified_fields: tuple[str, ...] = ()
    is_about_end_user: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One HTTP call as it may be kept: no body, no header, no query, no personal data."""

    method: str
    path: str
    status: int | None
    milliseconds: int
    request_bytes: int
    partner_request_id: str = ""
    error: str = ""


# --- Errors that carry the decision ---------------------------------------------------------------


class PartnerError(Exception):
    """Base. `reason` is safe to keep and to show to staff: it holds no personal data."""

    def __init__(self, reason: str, *, http_status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.http_status = http_status


class PartnerRefused(PartnerError):
    """A well-formed answer that is documented as final; the same request will never succeed.

    `code` is the partner's code, `fields` the members the partner named.
    """

    def __init__(
        self,
        reason: str,
        *,
        code: str = "",
        fields: Sequence[str] = (),
        http_status: int | None = None,
    ) -> None:
        super().__init__(reason, http_status=http_status)
        self.code = code
        self.fields = tuple(fields)


class PartnerBusy(PartnerError):
    """Surely not carried out: never sent, refused by a limit, or by credentials. May be repeated later."""

    def __init__(
        self, reason: str, *, retry_after: timedelta | None = None, http_status: int | None = None
    ) -> None:
        super().__init__(reason, http_status=http_status)
        self.retry_after = retry_after


class OutcomeUnknown(PartnerError):
    """Sent, and nobody can say what became of it: time-out, reset, 5xx, an answer that makes no sense."""


class RecordMissing(PartnerRefused):
    """The partner says it knows no such record."""


class NotSupportedByPartner(PartnerError):
    """The partner cannot do this at all; `reason` says what."""


class SignatureRefused(PartnerError):
    """A webhook whose signature is absent or wrong."""


class EventUnreadable(PartnerError):
    """A signed webhook whose body is not what the contract describes."""


# --- What the outside of a connector provides -----------------------------------------------------


class Gate(Protocol):
    """The way to one partner credential, shared by all workers."""

    def passage(self) -> AbstractContextManager["Passage"]:
        """Wait for a slot and a turn, then let one call through.

        Raises `PartnerBusy` when the partner is paused, its breaker is open, or no turn came in time.
        """

    def token(self) -> str | None:
        """The shared bearer token while it is valid for five more minutes (less when it lives shorter)."""

    def renew_token(self, *, stale: str | None, fetch: Callable[[], tuple[str, timedelta]]) -> str:
        """The token after at most one worker has fetched a new one; `stale` is what the caller found unusable."""


class Passage(Protocol):
    """One call on its way; tell it how the call went."""

    def answered(self, *, status: int, retry_after: timedelta | None = None) -> None:
        """An answer came. 429 and Retry-After slow the whole credential; 5xx counts against the breaker."""

    def failed(self) -> None:
        """No answer came; counts against the breaker."""


class Connector(Protocol):
    """What every partner's package offers. Synchronous; never called inside a transaction."""

    def parcels(self, dossier: Dossier) -> tuple[tuple[str, ...], ...]:
        """Ids of documents by call: the first goes with the create, each further one with an update of its own.

        Always at least one parcel, possibly empty. Raises `NotSupportedByPartner` when a document cannot be sent.
        """

    def create(self, dossier: Dossier, *, files: Sequence[str], idempotency_key: str) -> Receipt:
        """Create the end user with the named files. Same key and same dossier make the same bytes."""

    def update(
        self, dossier: Dossier, *, reference: str, changed: Sequence[str], files: Sequence[str]
    ) -> Receipt:
        """Send the changed members (request names) and the named files. Repeating it changes nothing more."""

    def find(self, dossier: Dossier) -> PartnerRecord | None:
        """The record made for this end user by an earlier create whose answer we never saw, or None."""

    def fetch(self, reference: str) -> PartnerRecord:
        """The partner's record now. Raises `RecordMissing` when it knows none."""

    def start_verification(
        self, *, reference: str, session_type: str, redirect_uri: str, idempotency_key: str
    ) -> HostedSession:
        """Open a verification session (`embedded-link` or `api`)."""

    def verify_event(self, *, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `SignatureRefused` unless one of the configured secrets signed these bytes. Header names lower case."""

    def parse_event(self, body: bytes) -> PartnerEvent:
        """Read a verified message. Raises `EventUnreadable`."""

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The HTTP calls made by this connector object so far."""


# --- What a partner needs: its contract as data ----------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A condition over a dossier; every given part must hold.

    `category` is `USA` or `INT`, decided by `address_country` alone (Kira contract 4.1); without one neither holds.
    `answer` is a member and the value it must have, in any case; `additional_info:<name>` looks there. `countries`
    lists values of `address_country`.
    """

    type: str | None = None
    category: str | None = None
    answer: tuple[str, str] | None = None
    countries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldTold:
    """A scalar member is present: not null, not empty; `false` counts."""

    name: str


@dataclass(frozen=True, slots=True)
class NumberTold:
    """An identification of one of these types holds a number; `top_level` members count as well."""

    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileGiven:
    """Some entry of the end user (of the given types, or any) holds a document in this slot."""

    slot: str
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryGiven:
    """An identification of one of these types is there, whatever it holds."""

    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InfoTold:
    """A member of `additional_info` is present."""

    name: str


@dataclass(frozen=True, slots=True)
class EachPerson:
    """There is at least one associated person, and for each of them one of the proofs holds."""

    any_of: tuple["FieldTold | NumberTold | FileGiven | EntryGiven", ...]


Proof = FieldTold | NumberTold | FileGiven | EntryGiven | InfoTold | EachPerson


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One row of a partner's contract: satisfied when any of `any_of` holds; asked when any of `when` holds, or always.

    `token` is the contract's word for it (`phone`, `identifying_information:file_proof_of_address`).
    `products` empty: asked before verification may start; otherwise asked for those products.
    """

    token: str
    any_of: tuple[Proof, ...]
    when: tuple[When, ...] = ()
    products: tuple[str, ...] = ()
    remediation: str = ""
    effective_from: date | None = None
    effective_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Something a partner offers once an end user is verified and complete for it."""

    id: str
    code: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerContract:
    """A partner's requirements and products, and where it takes nobody from."""

    requirements: tuple[Requirement, ...]
    products: tuple[Product, ...]
    restricted_countries: frozenset[str] = frozenset()
    gate: str = "documented"
