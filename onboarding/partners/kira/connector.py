"""Kira behind the interface that every partner offers (contract sections 2, 6 and 7)."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from onboarding.partners.base import (
    Dossier,
    Exchange,
    FileRef,
    Gate,
    HostedSession,
    NotSupportedByPartner,
    OutcomeUnknown,
    PartnerBusy,
    PartnerEvent,
    PartnerRecord,
    PersonFacts,
    Receipt,
)
from onboarding.partners.http import LOOPBACK_HOSTS
from onboarding.partners.kira import events
from onboarding.partners.kira.client import PAGE_SIZE, KiraClient, KiraSettings
from onboarding.partners.kira.mapping import OWN_REFERENCE, create_body, update_body
from onboarding.partners.kira.parcels import arrange, data_uri, has_match_key, split, units_of, within
from onboarding.partners.kira.status import ours, pick, printable, shown
from onboarding.partners.kira.values import Body, canonical_uuid, encode

_LINK_MEMBERS = ("verification_link", "provider_link", "verification_url")  # C-28
_MAX_TOKENS = 500


class KiraConnector:
    """`onboarding.partners.base.Connector` for Kira. One object per piece of work; not shared between threads."""

    def __init__(self, settings: KiraSettings, *, gate: Gate) -> None:
        self._settings = settings
        self._client = KiraClient(settings, gate=gate)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return self._client.exchanges

    # --- Sending --------------------------------------------------------------------------------------

    def parcels(self, dossier: Dossier) -> tuple[tuple[str, ...], ...]:
        self._refuse_unsupported(dossier)
        return split(
            dossier,
            create_of=lambda contents: create_body(dossier, contents=contents),
            update_of=lambda contents: update_body(dossier, changed=(), contents=contents),
            limit=self._settings.max_body_bytes,
        )

    def create(self, dossier: Dossier, *, files: Sequence[str], idempotency_key: str) -> Receipt:
        self._refuse_unsupported(dossier)
        body = encode(
            create_body(dossier, contents=_read([file for file in dossier.files if file.id in files]))
        )
        user = self._client.create_user(body, idempotency_key=idempotency_key)
        if not _is_answer_to(dossier, user):
            raise OutcomeUnknown("The partner answered with another user")
        return self._receipt(user)

    def update(
        self, dossier: Dossier, *, reference: str, changed: Sequence[str], files: Sequence[str]
    ) -> Receipt:
        """As promised by the interface; documents that exceed one request go in several.

        A person without an e-mail address of its own is sent only while Kira does not list it, since an update would
        add it again. Its documents, not yet there, raise `NotSupportedByPartner`.
        """
        keyless = [person for person in dossier.persons if not has_match_key(dossier, person)]
        keyed = [person for person in dossier.persons if person not in keyless]
        if "associated_persons" in changed or _files_of(keyless) & set(files):
            keyless = self._not_yet_listed(keyless, reference=reference, files=files)
        persons = [person for person in dossier.persons if person in keyless or person in keyed]

        def first_body(contents: Mapping[str, str]) -> Body:
            return update_body(dossier, changed=changed, contents=contents, persons=persons)

        def later_body(contents: Mapping[str, str]) -> Body:
            return update_body(dossier, changed=(), contents=contents, persons=keyed)

        limit = self._settings.max_body_bytes
        own = {file.id for facts in dossier.identifications for file in facts.files}
        first, *later = arrange(
            units_of(dossier, set(files) & (own | _files_of(persons))),
            bound=_files_of(keyless),
            fits_first=within(limit, first_body),
            fits_later=within(limit, later_body),
        )
        receipt = self._put(reference, first_body(_read(first)))
        started = receipt.verification_started
        for part in later:
            receipt = self._put(reference, later_body(_read(part)))
            started = started or receipt.verification_started
        return replace(receipt, verification_started=started)

    def start_verification(
        self, *, reference: str, session_type: str, redirect_uri: str, idempotency_key: str
    ) -> HostedSession:
        body = {"type": session_type} | ({"redirect_uri": redirect_uri} if redirect_uri else {})
        session = self._client.open_session(reference, encode(body), idempotency_key=idempotency_key)
        link = self._link(session)
        if session_type == "embedded-link" and link is None:
            raise OutcomeUnknown("The partner's session holds no link that may be shown")
        provider = session.get("provider")
        return HostedSession(
            partner_session=canonical_uuid(session.get("id")) or "",
            provider=shown(provider) if isinstance(provider, str) else "",
            link=link,
        )

    # --- Reading --------------------------------------------------------------------------------------

    def fetch(self, reference: str) -> PartnerRecord:
        return _record(self._client.read_user(reference))

    def find(self, dossier: Dossier) -> PartnerRecord | None:
        """Lists by e-mail and believes only our own reference: a filter may be ignored, an address shared.

        Raises `OutcomeUnknown` when the list is longer than we are willing to read, or when two records carry our
        reference.
        """
        email = str(dossier.answers.get("email") or "")
        for page in range(self._settings.find_max_pages):
            users, more = self._client.list_users(email=email, offset=page * PAGE_SIZE)
            found = {user["id"]: user for user in users if _is_ours(dossier, user)}
            if len(found) > 1:
                raise OutcomeUnknown("Two records of the partner carry our reference")
            if found:
                return _record(next(iter(found.values())))
            if not more:
                return None
        raise OutcomeUnknown("The partner's list is too long to be searched")

    # --- Events ---------------------------------------------------------------------------------------

    def verify_event(self, *, headers: Mapping[str, str], body: bytes) -> None:
        events.verify(
            headers=headers,
            body=body,
            secrets=self._settings.webhook_secrets,
            header=self._settings.webhook_header,
            is_r1_accepted=self._settings.is_r1_webhook_accepted,
        )

    def parse_event(self, body: bytes) -> PartnerEvent:
        return events.parse(body)

    # --- Inside ---------------------------------------------------------------------------------------

    def _refuse_unsupported(self, dossier: Dossier) -> None:
        if dossier.type == "individual" and not self._settings.are_individuals_enabled:  # C-33
            raise NotSupportedByPartner("The partner takes businesses only")

    def _put(self, reference: str, body: Body) -> Receipt:
        """Nothing that concerns Kira is nothing to send: then the record is only read."""
        if body:
            return self._receipt(self._client.update_user(reference, encode(body)))
        return Receipt(record=self.fetch(reference), verification_started=False)

    def _not_yet_listed(
        self, persons: Sequence[PersonFacts], *, reference: str, files: Sequence[str]
    ) -> list[PersonFacts]:
        try:
            listed = self._client.read_user(reference).get("associated_persons")
        except OutcomeUnknown as error:
            # Only a read so far: nothing was changed.
            raise PartnerBusy(error.reason, http_status=error.http_status) from None
        known = [person for person in listed if isinstance(person, dict)] if isinstance(listed, list) else []
        remaining = []
        for person in persons:
            twin = next((other for other in known if _is_same(person, other)), None)
            if twin is None:
                remaining.append(person)
            elif not _has_documents(twin, person, files):
                raise NotSupportedByPartner(
                    "Documents of a person can be added later only when it has an e-mail address of its own"
                )
        return remaining

    def _receipt(self, user: Mapping[str, Any]) -> Receipt:
        return Receipt(
            record=_record(user),
            verification_started=user.get("verification_triggered") is True,
            hosted_link=self._link(user),
        )

    def _link(self, answer: Mapping[str, Any]) -> str | None:
        """The first link present (C-28), if an end user may be sent there."""
        told = next((answer[name] for name in _LINK_MEMBERS if answer.get(name)), None)
        return told if isinstance(told, str) and self._may_be_shown(told) else None

    def _may_be_shown(self, link: str) -> bool:
        if len(link) > 2000 or not link.isascii() or not link.isprintable() or " " in link:
            return False
        try:
            parts = urlsplit(link)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            return False
        if not host or parts.username or parts.password:
            return False
        host = host.rstrip(".")
        if _is_private(host):
            return self._settings.are_private_targets_allowed and parts.scheme in ("http", "https")
        allowed = self._settings.hosted_link_hosts
        is_name = "." in host and not host.rpartition(".")[2].isdigit()
        return parts.scheme == "https" and is_name and (not allowed or host in allowed)


def _read(files: Sequence[FileRef]) -> dict[str, str]:
    return {file.id: data_uri(file) for file in files}


def _record(user: Mapping[str, Any]) -> PartnerRecord:
    word = pick(user)
    return PartnerRecord(
        reference=canonical_uuid(user.get("id")) or "",
        status=ours(word),
        partner_status=shown(word),
        missing=_missing(user.get("missing_fields")),
        products=_products(user.get("eligible_products")),
    )


def _missing(told: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(told, dict):
        return {}
    return {
        shown(str(product)): tuple(
            printable(token[:200]) for token in tokens[:_MAX_TOKENS] if isinstance(token, str)
        )
        for product, tokens in list(told.items())[:100]
        if isinstance(tokens, list)
    }


def _products(told: object) -> dict[str, bool]:
    """By code: Kira's ids differ between its revisions (C-27)."""
    items = [item for item in told[:100] if isinstance(item, dict)] if isinstance(told, list) else []
    return {
        shown(item["product_code"]): item.get("eligible") is True
        for item in items
        if isinstance(item.get("product_code"), str)
    }


# --- Whose record is it? --------------------------------------------------------------------------


def _own_references(user: Mapping[str, Any]) -> set[str]:
    """Where Kira may echo what we sent: in `metadata`, at top level, or folded into metadata (2.7)."""
    metadata = user.get("metadata")
    inner = metadata if isinstance(metadata, dict) else {}
    told = (inner.get(OWN_REFERENCE), inner.get("external_id"), user.get("external_id"))
    return {value for value in told if isinstance(value, str)}


def _is_ours(dossier: Dossier, user: Mapping[str, Any]) -> bool:
    return dossier.end_user_id in _own_references(user) and canonical_uuid(user.get("id")) is not None


def _is_answer_to(dossier: Dossier, user: Mapping[str, Any]) -> bool:
    """Whether the answer to a create can be about this end user; what it does not say is no contradiction."""
    told_type, told_email = user.get("type"), user.get("email")
    if isinstance(told_type, str) and told_type != dossier.type:
        return False
    references = _own_references(user)
    if references:
        return dossier.end_user_id in references
    email = str(dossier.answers.get("email") or "")
    return not isinstance(told_email, str) or told_email.casefold() == email.casefold()


# --- Persons --------------------------------------------------------------------------------------


def _files_of(persons: Sequence[PersonFacts]) -> set[str]:
    return {file.id for person in persons for facts in person.identifications for file in facts.files}


def _is_same(person: PersonFacts, listed: Mapping[str, Any]) -> bool:
    """By names and date of birth; a date that one side does not know is no difference."""
    if any(
        _plain(person.answers.get(name)) != _plain(listed.get(name)) for name in ("first_name", "last_name")
    ):
        return False
    ours, theirs = (_plain(source.get("birth_date")) for source in (person.answers, listed))
    return not ours or not theirs or ours == theirs


def _has_documents(listed: Mapping[str, Any], person: PersonFacts, files: Sequence[str]) -> bool:
    """Whether Kira's echo shows a document in every place where one of these would go."""
    entries = listed.get("identifying_information")
    held = {
        (entry.get("type"), document.get("type"))
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
        for document in entry.get("documents") or []
        if isinstance(document, dict)
    }
    wanted = {
        (facts.type, file.slot)
        for facts in person.identifications
        for file in facts.files
        if file.id in files
    }
    return wanted <= held


def _plain(value: object) -> str:
    return unicodedata.normalize("NFKC", str(value or "")).strip().casefold()


def _is_private(host: str) -> bool:
    """Loopback by name, or any address that is not on the public internet."""
    if host in LOOPBACK_HOSTS or host.endswith(".localhost"):
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False
