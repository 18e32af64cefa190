"""What every connector promises, kept against the sandbox over HTTP.

The sandbox was written from the partner's contract and shares no code with the connector: where both are wrong, they
are not wrong in the same way. A further partner adds its connector and its sandbox to the fixtures.
"""

import base64
import hashlib
import hmac
import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import requests

from onboarding.domain.requirements import evaluate
from onboarding.enums import Status
from onboarding.partners.base import (
    Connector,
    Dossier,
    OutcomeUnknown,
    PartnerBusy,
    PartnerError,
    PartnerRefused,
    PersonFacts,
    RecordMissing,
    SignatureRefused,
)
from onboarding.partners.kira.client import KiraSettings
from onboarding.partners.kira.connector import KiraConnector
from onboarding.partners.kira.requirements import contract
from onboarding.sandbox.kira.options import KiraOptions, KiraToggles
from onboarding.sandbox.server import Sandbox
from tests.onboarding.partners.dossiers import (
    BUSINESS_INT,
    BUSINESS_USA,
    COMPLETE,
    INDIVIDUAL_INT,
    INDIVIDUAL_USA,
    OWNER_USA,
    dossier,
    file,
)
from tests.onboarding.partners.gates import OpenGate
from tests.onboarding.sandbox.conftest import Ear, wait_for

USERS = "/kira/v1/users"
STILL = KiraToggles(verifying_delay_seconds=3600.0, outcome_delay_seconds=7200.0)
FAST = KiraToggles(verifying_delay_seconds=0.05, outcome_delay_seconds=0.1, review_delay_seconds=0.1)


class Outside:
    """The sandbox as a test orders it about, and fresh connectors to it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.gate = OpenGate()

    def connector(self, **changes: Any) -> Connector:
        options = KiraOptions()
        settings = KiraSettings(
            base_url=f"{self.sandbox.base_url}/kira",
            api_key=options.api_key,
            client_id=options.client_id,
            password=options.password,
            webhook_secrets=("a newer secret", options.webhook_secret),
            are_private_targets_allowed=True,
            connect_timeout=1,
            read_timeout=1,
            total_deadline=1.5,
        )
        return KiraConnector(replace(settings, **changes), gate=self.gate)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.sandbox.base_url}/_control/{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def trouble(self, kind: str, *, method: str = "POST", path: str = USERS, **options: Any) -> None:
        self.control("POST", "faults", {"kind": kind, "method": method, "path": path, **options})

    def toggle(self, **toggles: Any) -> None:
        self.control("POST", "toggles", {"kira": toggles})

    def users(self) -> list[dict[str, Any]]:
        return list(self.control("GET", "users"))

    def user(self, reference: str) -> dict[str, Any]:
        return dict(self.control("GET", f"users/{reference}"))

    def create(self, facts: Dossier, **changes: Any) -> str:
        first, *_ = self.connector(**changes).parcels(facts)
        receipt = self.connector(**changes).create(facts, files=first, idempotency_key=new_key())
        return receipt.record.reference


def new_key() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.close()


@pytest.fixture
def still() -> Iterator[Outside]:
    """A partner at which nothing moves by itself."""
    with Sandbox(kira=KiraOptions(webhook_url=None, toggles=STILL)) as running:
        yield Outside(running)


@pytest.fixture
def lively(ear: Ear) -> Iterator[Outside]:
    """A partner that decides in a moment, and tells."""
    with Sandbox(kira=KiraOptions(webhook_url=ear.url, toggles=FAST)) as running:
        yield Outside(running)


# --- Create -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", COMPLETE)
def test_a_complete_dossier_is_taken_and_verification_starts(still: Outside, category: str) -> None:
    facts = dossier(COMPLETE[category])
    connector = still.connector()
    (files,) = connector.parcels(facts)
    receipt = connector.create(facts, files=files, idempotency_key=new_key())
    assert receipt.verification_started is True
    assert receipt.record.status == Status.CREATED
    assert connector.fetch(receipt.record.reference).reference == receipt.record.reference
    assert [user["id"] for user in still.users()] == [receipt.record.reference]


def test_the_same_key_gives_the_same_record(still: Outside) -> None:
    facts, key = dossier(INDIVIDUAL_USA), new_key()
    first = still.connector().create(facts, files=(), idempotency_key=key)
    second = still.connector().create(facts, files=(), idempotency_key=key)
    assert first.record.reference == second.record.reference
    assert len(still.users()) == 1


def test_a_key_used_for_something_else_leaves_the_outcome_unknown(still: Outside) -> None:
    key = new_key()
    still.connector().create(dossier(INDIVIDUAL_USA), files=(), idempotency_key=key)
    with pytest.raises(OutcomeUnknown):
        still.connector().create(dossier(INDIVIDUAL_INT), files=(), idempotency_key=key)


def test_what_the_partner_refuses_is_named_by_its_path(still: Outside) -> None:
    with pytest.raises(PartnerRefused) as caught:
        still.connector().create(
            dossier({**INDIVIDUAL_USA, "gender": "canary-value"}), files=(), idempotency_key=new_key()
        )
    assert caught.value.fields == ("gender",)
    assert "canary" not in caught.value.reason


NOT_CARRIED_OUT = [("rate_limited", {}), ("rate_limited", {"retry_after": "0"}), ("forbidden", {})]
UNKNOWN = [
    ("error_before_commit", {}),
    ("error_before_commit", {"status": 503}),
    ("error_after_commit", {}),
    ("hang", {"seconds": 3}),
    ("slow", {"seconds": 3}),
    ("drop_before_commit", {}),
    ("drop_after_commit", {}),
    ("reset_before_commit", {}),
    ("reset_after_commit", {}),
    ("late_commit", {"seconds": 2}),
    ("drip", {"seconds": 0.1}),
    ("endless_body", {}),
    ("truncated_json", {}),
    ("html_page", {}),
    ("html_page", {"commit": True}),
    ("redirect", {}),
    ("missing_id", {}),
    ("wrong_type", {}),
]


@pytest.mark.parametrize(("kind", "options"), NOT_CARRIED_OUT)
def test_a_call_that_was_not_carried_out_may_be_repeated(
    still: Outside, kind: str, options: dict[str, Any]
) -> None:
    still.trouble(kind, **options)
    facts, key = dossier(INDIVIDUAL_USA), new_key()
    with pytest.raises(PartnerBusy):
        still.connector().create(facts, files=(), idempotency_key=key)
    assert still.users() == []
    still.connector().create(facts, files=(), idempotency_key=key)
    assert len(still.users()) == 1


@pytest.mark.parametrize(("kind", "options"), UNKNOWN)
def test_an_unknown_outcome_is_looked_up_and_never_doubled(
    still: Outside, kind: str, options: dict[str, Any]
) -> None:
    still.trouble(kind, **options)
    facts, key = dossier(INDIVIDUAL_USA), new_key()
    with pytest.raises(OutcomeUnknown):
        still.connector().create(facts, files=(), idempotency_key=key)
    if kind == "late_commit":
        assert still.connector().find(facts) is None, "a look-up before the quarantine misleads"
        wait_for(still.users)
    found = still.connector().find(facts)
    held = still.users()
    assert (found.reference if found else None) == (held[0]["id"] if held else None)
    receipt = still.connector().create(facts, files=(), idempotency_key=key)
    assert [user["id"] for user in still.users()] == [receipt.record.reference]


def test_another_user_s_id_is_not_believed(still: Outside) -> None:
    stranger = dossier({**INDIVIDUAL_USA, "email": "stranger@example.com"}, end_user_id=str(uuid.uuid4()))
    other = still.create(stranger)
    still.trouble("foreign_id")
    facts = dossier(INDIVIDUAL_USA)
    receipt = still.connector().create(facts, files=(), idempotency_key=new_key())
    # The body is ours in all but the id: only the domain, which knows all references, can tell.
    assert receipt.record.reference == other
    found = still.connector().find(facts)
    assert found is not None
    assert found.reference != other


def test_an_expired_token_is_renewed_unseen(still: Outside) -> None:
    connector = still.connector()
    reference = still.create(dossier(INDIVIDUAL_USA))
    still.control("POST", "expire-tokens")
    assert connector.fetch(reference).reference == reference
    assert [exchange.path for exchange in connector.exchanges] == [
        f"/kira/v1/users/{reference}",
        "/kira/auth",
        f"/kira/v1/users/{reference}",
    ]


def test_wrong_credentials_are_for_the_operator(still: Outside) -> None:
    for changes in ({"api_key": "wrong"}, {"password": "wrong"}):
        still.gate.kept = None
        with pytest.raises(PartnerBusy):
            still.create(dossier(INDIVIDUAL_USA), **changes)
    assert still.users() == []


# --- Look-up ----------------------------------------------------------------------------------------


def test_a_record_is_found_among_others_with_the_same_address(still: Outside) -> None:
    for _ in range(3):
        still.create(dossier(INDIVIDUAL_USA, end_user_id=str(uuid.uuid4())))
    assert still.connector().find(dossier(INDIVIDUAL_USA)) is None
    reference = still.create(dossier(INDIVIDUAL_USA))
    for _ in range(3):
        still.create(dossier(INDIVIDUAL_USA, end_user_id=str(uuid.uuid4())))
    found = still.connector().find(dossier(INDIVIDUAL_USA))
    assert found is not None
    assert found.reference == reference


def test_a_record_is_found_where_the_partner_folds_answers_into_metadata(still: Outside) -> None:
    still.toggle(fold_metadata=True)
    reference = still.create(dossier(INDIVIDUAL_USA))
    found = still.connector().find(dossier(INDIVIDUAL_USA))
    assert found is not None
    assert found.reference == reference


def test_an_unknown_record_is_missing(still: Outside) -> None:
    with pytest.raises(RecordMissing):
        still.connector().fetch(new_key())


# --- Documents and updates --------------------------------------------------------------------------


def _documents_held(still: Outside, reference: str) -> int:
    token = still.gate.kept
    answer = requests.get(
        f"{still.sandbox.base_url}{USERS}/{reference}",
        headers={"x-api-key": KiraOptions().api_key, "Authorization": f"Bearer {token}"},
        timeout=5,
    ).json()
    owners = [answer, *answer.get("associated_persons", [])]
    return sum(
        len(entry.get("documents", []))
        for owner in owners
        for entry in owner.get("identifying_information", [])
    )


def test_documents_that_exceed_one_request_complete_the_record_in_several(still: Outside) -> None:
    entries = [
        {
            "type": kind,
            "issuing_country": "USA",
            "documents": [file(kind, f"file_{kind}", b"\x89PNG\r\n\x1a\n" + b"x" * 9_000)],
        }
        for kind in ("business_formation", "proof_of_address", "source_of_wealth")
    ]
    facts = dossier({**BUSINESS_USA, "identifying_information": entries})
    connector = still.connector(max_body_bytes=20_000)
    first, *later = connector.parcels(facts)
    assert later
    receipt = connector.create(facts, files=first, idempotency_key=new_key())
    assert receipt.verification_started is False
    started = []
    for files in later:
        receipt = connector.update(facts, reference=receipt.record.reference, changed=(), files=files)
        started.append(receipt.verification_started)
    assert started.count(True) == 1
    assert _documents_held(still, receipt.record.reference) == len(facts.files)
    assert max(exchange.request_bytes for exchange in connector.exchanges) <= 20_000


def test_a_missing_answer_starts_verification_when_it_comes(still: Outside) -> None:
    reference = still.create(dossier({**INDIVIDUAL_USA, "occupation": None, "metadata": {}}))
    receipt = still.connector().update(
        dossier(INDIVIDUAL_USA), reference=reference, changed=("occupation", "metadata", "tags"), files=()
    )
    assert receipt.verification_started is True


@pytest.mark.parametrize("category", COMPLETE)
def test_every_member_may_be_sent_again(still: Outside, category: str) -> None:
    """No member that an update must not hold: the partner refuses the whole update for one (2.6)."""
    facts = dossier({**COMPLETE[category], "source_of_funds": None})
    reference = still.create(facts)
    changed = [*COMPLETE[category], "identifying_information", "associated_persons", "metadata", "ssn", "ein"]
    receipt = still.connector().update(
        dossier(COMPLETE[category]),
        reference=reference,
        changed=changed,
        files=[each.id for each in facts.files],
    )
    assert receipt.verification_started is True


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("error_after_commit", {}),
        ("drop_after_commit", {}),
        ("truncated_json", {}),
        ("reset_before_commit", {}),
    ],
)
def test_an_update_with_an_unknown_outcome_may_be_repeated(
    still: Outside, kind: str, options: dict[str, Any]
) -> None:
    facts = dossier(BUSINESS_USA)
    reference = still.create(facts)
    still.trouble(kind, method="PUT", path=f"{USERS}/*", **options)
    with pytest.raises(OutcomeUnknown):
        still.connector().update(facts, reference=reference, changed=("associated_persons",), files=())
    still.connector().update(facts, reference=reference, changed=("associated_persons",), files=())
    assert _persons(still, reference) == ["Robert", "Sarah"]


def _persons(still: Outside, reference: str) -> list[str]:
    answer = requests.get(
        f"{still.sandbox.base_url}{USERS}/{reference}",
        headers={"x-api-key": KiraOptions().api_key, "Authorization": f"Bearer {still.gate.kept}"},
        timeout=5,
    ).json()
    return sorted(person["first_name"] for person in answer["associated_persons"])


def test_persons_without_an_address_are_never_added_twice(still: Outside) -> None:
    nameless = {**OWNER_USA, "first_name": "Nora", "email": None}
    reference = still.create(dossier(BUSINESS_USA))
    grown = dossier({**BUSINESS_USA, "associated_persons": [*BUSINESS_USA["associated_persons"], nameless]})
    files = [each.id for each in grown.files]
    for _ in range(3):
        still.connector().update(grown, reference=reference, changed=("associated_persons",), files=files)
    assert _persons(still, reference) == ["Nora", "Robert", "Sarah"]
    # Small requests, and an answer that never came: the same.
    still.trouble("drop_after_commit", method="PUT", path=f"{USERS}/*")
    another = _with(grown, {**nameless, "first_name": "Olga"})
    with pytest.raises(OutcomeUnknown):
        still.connector(max_body_bytes=6_000).update(
            another,
            reference=reference,
            changed=("associated_persons",),
            files=[each.id for each in another.files],
        )
    still.connector(max_body_bytes=6_000).update(
        another,
        reference=reference,
        changed=("associated_persons",),
        files=[each.id for each in another.files],
    )
    assert _persons(still, reference) == ["Nora", "Olga", "Robert", "Sarah"]


def _with(facts: Dossier, body: dict[str, Any]) -> Dossier:
    person: PersonFacts = dossier({"type": "business", "associated_persons": [{}, {}, {}, body]}).persons[3]
    return replace(facts, persons=(*facts.persons, person))


def test_a_verified_user_is_locked(lively: Outside) -> None:
    facts = dossier(INDIVIDUAL_USA)
    reference = lively.create(facts)
    wait_for(lambda: lively.connector().fetch(reference).status == Status.VERIFIED)
    with pytest.raises(PartnerRefused) as caught:
        lively.connector().update(facts, reference=reference, changed=("phone",), files=())
    assert caught.value.code == "forbidden"


# --- Requirements: two readings of one contract ------------------------------------------------------

_OPTIONAL = (
    "business_trade_name",
    "has_material_intermediary_ownership",
    "metadata",
    "formation_country",
    "tags",
)


def _variants() -> Iterator[tuple[str, str]]:
    for category, body in COMPLETE.items():
        for name in body:
            if name not in ("type", "email", "first_name", "last_name", "business_legal_name", *_OPTIONAL):
                yield category, name


@pytest.mark.parametrize("category", COMPLETE)
def test_our_evaluator_and_the_partner_agree_on_what_starts_verification(
    still: Outside, category: str
) -> None:
    for name in [name for each, name in _variants() if each == category]:
        facts = dossier(
            {**COMPLETE[category], name: None} if name not in _LISTS else _emptied(category, name)
        )
        ours = evaluate(dossier=facts, contract=contract(), status=Status.CREATED, on=date(2026, 3, 2))
        receipt = still.connector().create(
            facts, files=[each.id for each in facts.files], idempotency_key=new_key()
        )
        assert receipt.verification_started is ours.is_complete, name
        theirs = {
            token.replace("identifying_information:tax_id", "tax_id").replace(
                "identifying_information:ssn", "ssn"
            )
            for token in receipt.record.missing.get("usa-virtual-accounts", ())
            if token != "associated_persons"
        }
        assert set(ours.missing_fields.get("usa-virtual-accounts", ())) == theirs, name


_LISTS = ("identifying_information", "associated_persons", "additional_info")


def _emptied(category: str, name: str) -> dict[str, Any]:
    # The connector makes a `tax_id` of a local number (C-07) while the evaluator asks for one: not compared here.
    return {**COMPLETE[category], "rfc": None, name: {} if name == "additional_info" else []}


def test_a_restricted_country_is_taken_and_goes_nowhere(still: Outside) -> None:
    facts = dossier({**INDIVIDUAL_INT, "address_country": "IRN"})
    receipt = still.connector().create(
        facts, files=[each.id for each in facts.files], idempotency_key=new_key()
    )
    assert receipt.verification_started is False
    assert not any(receipt.record.products.values())


# --- Sessions ---------------------------------------------------------------------------------------


def test_the_hosted_flow_gives_a_link(still: Outside) -> None:
    facts = dossier(
        {
            "type": "individual",
            "first_name": "Ada",
            "last_name": "Example",
            "email": "ada@example.com",
            "verification_mode": "verification_link",
            "redirect_uri": "https://app.example.com/done",
        }
    )
    receipt = still.connector().create(facts, files=(), idempotency_key=new_key())
    assert receipt.verification_started is False
    assert receipt.hosted_link is not None
    assert requests.get(receipt.hosted_link, timeout=5).status_code == 200
    refused = still.connector(are_private_targets_allowed=False).create(
        facts, files=(), idempotency_key=new_key()
    )
    assert refused.hosted_link is None


def test_a_session_can_be_opened_and_the_same_key_gives_the_same(still: Outside) -> None:
    reference, key = still.create(dossier(BUSINESS_INT)), new_key()
    first, second = (
        still.connector().start_verification(
            reference=reference,
            session_type="embedded-link",
            redirect_uri="https://app.example.com/done",
            idempotency_key=key,
        )
        for _ in range(2)
    )
    assert first == second
    assert first.link is not None
    with pytest.raises(RecordMissing):
        still.connector().start_verification(
            reference=new_key(), session_type="embedded-link", redirect_uri="", idempotency_key=new_key()
        )


# --- Statuses and webhooks --------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["R3", "R1"])
@pytest.mark.parametrize("status", ["CREATED", "VERIFYING", "REVIEW", "VERIFIED", "REJECTED"])
def test_every_status_is_read(still: Outside, status: str, words: str) -> None:
    still.toggle(legacy_words=words)
    reference = still.create(dossier(INDIVIDUAL_USA))
    still.control("POST", f"users/{reference}/decide", {"status": status, "raw": True})
    record = still.connector().fetch(reference)
    assert (record.status, record.partner_status) == (status, status)


@pytest.mark.parametrize("word", ["APPROVED", "VERIFIED ", "verified!", "x" * 500, "<b>VERIFIED</b>"])
def test_a_word_nobody_told_us_about_is_no_status(still: Outside, word: str) -> None:
    reference = still.create(dossier(INDIVIDUAL_USA))
    still.control("POST", f"users/{reference}/decide", {"status": word, "raw": True})
    record = still.connector().fetch(reference)
    assert record.status is None or record.partner_status != word
    assert len(record.partner_status) <= 64


@pytest.mark.parametrize("payload", ["R1", "R2", "R5"])
@pytest.mark.parametrize("outcome", ["approve", "reject"])
def test_webhooks_of_every_revision_are_verified_and_read(
    lively: Outside, ear: Ear, payload: str, outcome: str
) -> None:
    lively.toggle(webhook_payload=payload, outcome=outcome)
    reference = lively.create(dossier(INDIVIDUAL_USA))
    name = "user.verification.accepted" if outcome == "approve" else "user.verification.failed"
    ear.wait(name)
    connector = lively.connector(is_r1_webhook_accepted=payload == "R1")
    events = []
    for headers, body in ear.heard:
        connector.verify_event(headers=headers, body=body)
        events.append(connector.parse_event(body))
    assert {event.reference for event in events} == {reference}
    final = next(event for event in events if event.name == name)
    assert final.status == (Status.VERIFIED if outcome == "approve" else Status.REJECTED)
    assert bool(final.reasons) is (outcome == "reject")
    assert wait_for(lambda: connector.fetch(reference).status == final.status)


def test_a_forged_or_altered_webhook_is_refused(lively: Outside, ear: Ear) -> None:
    lively.create(dossier(INDIVIDUAL_USA))
    ear.wait("user.created")
    connector = lively.connector()
    headers, body = ear.heard[0]
    forged = hmac.new(b"a stranger's secret", body, hashlib.sha256).hexdigest()
    for bad in (
        (headers, body.replace(b"CREATED", b"VERIFIED")),
        (headers, body + b" "),
        ({**headers, "x-signature-sha256": forged}, body),
        ({name: value for name, value in headers.items() if name != "x-signature-sha256"}, body),
    ):
        with pytest.raises(SignatureRefused):
            connector.verify_event(headers=bad[0], body=bad[1])


# --- Nothing personal leaks ---------------------------------------------------------------------------

CANARIES = ("canary", "000-11-2222", "CANARYDOC", "Kanarienvogel")


def test_nothing_personal_is_logged_or_kept(still: Outside, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    image = b"\x89PNG\r\n\x1a\n Kanarienvogel"
    facts = dossier(
        {
            **INDIVIDUAL_USA,
            "first_name": "Kanarienvogel",
            "email": "canary@example.com",
            "document_number": "CANARYDOC",
            "identifying_information": [
                {"type": "ssn", "issuing_country": "USA", "number": "000-11-2222"},
                {"type": "passport", "issuing_country": "USA", "documents": [file("canary", "front", image)]},
            ],
        }
    )
    kept: list[str] = []
    key = new_key()
    for kind in (
        "error_after_commit",
        "reset_after_commit",
        "html_page",
        "truncated_json",
        "rate_limited",
        None,
    ):
        if kind:
            still.trouble(kind)
        connector = still.connector()
        try:
            connector.create(facts, files=[each.id for each in facts.files], idempotency_key=key)
        except PartnerError as error:
            kept += [repr(error), error.reason, repr(error.__context__), repr(error.__cause__)]
        connector.find(facts)
        kept += [repr(connector.exchanges), repr(facts), repr(facts.files)]
    with pytest.raises(PartnerRefused) as caught:
        still.connector().create(
            dossier({**INDIVIDUAL_USA, "phone": "canary", "gender": "Kanarienvogel"}),
            files=(),
            idempotency_key=new_key(),
        )
    kept += [repr(caught.value), json.dumps(caught.value.fields)]
    ours = "\n".join(
        record.getMessage() for record in caplog.records if not record.name.startswith("sandbox")
    )
    for canary in (*CANARIES, base64.b64encode(image).decode(), "sandbox-password", "sandbox-api-key"):
        assert canary not in ours
        assert canary not in "\n".join(kept)
