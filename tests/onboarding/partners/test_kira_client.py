"""What Kira's answers mean, shape by shape, against a server that says exactly what a test wants."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from onboarding.partners.base import (
    OutcomeUnknown,
    PartnerBusy,
    PartnerError,
    PartnerRefused,
    RecordMissing,
)
from onboarding.partners.kira.client import KiraSettings
from onboarding.partners.kira.connector import KiraConnector
from tests.onboarding.partners.dossiers import BUSINESS_USA, END_USER_ID, INDIVIDUAL_USA, dossier
from tests.onboarding.partners.gates import OpenGate
from tests.onboarding.partners.stage import Act, Stage, hangs_up, says

USER = "6487276d-e86c-46ad-bc7b-afe43310ae01"
OTHER = "147ba2c0-0637-4949-b0e2-f89d228b69c8"
KEY = "550e8400-e29b-41d4-a716-446655440001"
SESSION = "8d1e6c40-2b9f-47a3-9c58-f0a7b3d5e214"
RECORD = {"id": USER, "type": "individual", "status": "CREATED", "email": "priya.nakamura@example.com"}
INDIVIDUAL = dossier(INDIVIDUAL_USA)


def token(value: str = "token-1", expires_in: Any = 3600) -> Act:
    data = {"access_token": value, "expires_in": expires_in, "token_type": "Bearer"}
    return says(200, {"message": "Auth token", "data": data})


class Kira:
    """A connector and the stage it talks to."""

    def __init__(self, *acts: Act, gate: OpenGate | None = None, **settings: Any) -> None:
        self.stage = Stage(*acts)
        self.gate = gate or OpenGate(kept="token-0")
        self.connector = KiraConnector(
            KiraSettings(
                base_url=f"{self.stage.url}/sandbox",
                api_key="the-key",
                client_id="5a6d1c1e-0b5e-4c1f-9a55-2f0d2a0c7e11",
                password="the-password",
                connect_timeout=1,
                read_timeout=1,
                total_deadline=2,
                **settings,
            ),
            gate=self.gate,
        )

    def create(self) -> Any:
        return self.connector.create(INDIVIDUAL, files=(), idempotency_key=KEY)

    @property
    def targets(self) -> list[str]:
        return [f"{seen.method} {seen.target}" for seen in self.stage.seen]


@pytest.fixture
def kira() -> Iterator[Callable[..., Kira]]:
    made: list[Kira] = []

    def make(*acts: Act, **options: Any) -> Kira:
        made.append(Kira(*acts, **options))
        return made[-1]

    yield make
    for each in made:
        each.stage.close()


# --- Headers and token ------------------------------------------------------------------------------


def test_a_call_carries_key_bearer_version_and_idempotency_key(kira: Callable[..., Kira]) -> None:
    partner = kira(says(201, RECORD), api_version="2026-04-14")
    partner.create()
    (seen,) = partner.stage.seen
    assert seen.target == "/sandbox/v1/users"
    assert seen.headers["x-api-key"] == "the-key"
    assert seen.headers["authorization"] == "Bearer token-0"
    assert seen.headers["x-api-version"] == "2026-04-14"
    assert seen.headers["idempotency-key"] == KEY
    assert seen.headers["content-type"] == "application/json"


def test_the_version_may_be_switched_off(kira: Callable[..., Kira]) -> None:
    partner = kira(says(201, RECORD), api_version="")
    partner.create()
    assert "x-api-version" not in partner.stage.seen[0].headers


def test_a_token_is_fetched_once_and_its_life_honoured(kira: Callable[..., Kira]) -> None:
    gate = OpenGate()
    partner = kira(token(expires_in=86400), says(200, RECORD), gate=gate)
    partner.connector.fetch(USER)
    partner.connector.fetch(USER)
    assert partner.targets == ["POST /sandbox/auth", *[f"GET /sandbox/v1/users/{USER}"] * 2]
    auth = partner.stage.seen[0]
    assert "authorization" not in auth.headers
    assert auth.json == {"client_id": "5a6d1c1e-0b5e-4c1f-9a55-2f0d2a0c7e11", "password": "the-password"}
    assert gate.lifetimes == [timedelta(seconds=86400)]


@pytest.mark.parametrize(
    "body", [{"message": "Unauthorized"}, {"code": "unauthorized", "message": "Token expired"}]
)
def test_a_401_renews_the_token_once_and_repeats_once(kira: Callable[..., Kira], body: Any) -> None:
    partner = kira(says(401, body), token("token-1"), says(201, RECORD))
    assert partner.create().record.reference == USER
    assert partner.targets == ["POST /sandbox/v1/users", "POST /sandbox/auth", "POST /sandbox/v1/users"]
    first, _, second = partner.stage.seen
    assert second.headers["authorization"] == "Bearer token-1"
    assert (first.body, first.headers["idempotency-key"]) == (second.body, second.headers["idempotency-key"])


def test_a_second_401_is_for_the_operator(kira: Callable[..., Kira]) -> None:
    partner = kira(says(401, {}), token("token-1"), says(401, {}))
    with pytest.raises(PartnerBusy):
        partner.create()
    assert len(partner.stage.seen) == 3


@pytest.mark.parametrize(
    "act",
    [
        says(403, {"message": "Forbidden"}),
        says(401, {"message": "Unauthorized"}),
        says(
            422,
            {
                "message": "Invalid input data",
                "data": [{"type": "uuid_parsing", "loc": ["body", "client_id"]}],
            },
        ),
        says(500, {"message": "Service unavailable", "data": {"error": "Service unavailable"}}),
        says(200, {"message": "Auth token"}),
        says(200, {"data": {"access_token": "", "expires_in": 3600}}),
        says(200, {"data": {"access_token": "a\nb", "expires_in": 3600}}),
        says(200, {"data": {"access_token": "a", "expires_in": 0}}),
        says(200, {"data": {"access_token": "a", "expires_in": True}}),
        says(200, {"data": {"access_token": "a"}}),
        says(200, ["a"]),
        says(200, body=b"<html>", kind="text/html"),
        hangs_up,
    ],
)
def test_without_a_token_nothing_was_carried_out(kira: Callable[..., Kira], act: Act) -> None:
    partner = kira(act, gate=OpenGate())
    with pytest.raises(PartnerBusy) as caught:
        partner.create()
    assert "the-password" not in caught.value.reason
    assert {seen.target for seen in partner.stage.seen} == {"/sandbox/auth"}


# --- Refusals ---------------------------------------------------------------------------------------

E1 = {
    "error": "Invalid request data",
    "details": [
        {"path": "first_name", "message": "Required", "code": "invalid_type"},
        {
            "path": "identifying_information.0.number",
            "message": "secret 000-12-3456",
            "code": "invalid_string",
        },
        {"path": "first_name", "message": "again", "code": "too_small"},
        {"path": "name: 000-12-3456 canary@example.com", "message": "x", "code": "x y"},
        "not an issue",
    ],
}
E2 = {"code": "validation_error", "message": "secret 000-12-3456"}
E5 = {
    "message": "ERROR-V001: Validation Error",
    "data": [{"loc": ["body", "email"], "msg": "x", "type": "missing"}],
}
E6 = {"error": {"code": "SOMETHING_WRONG", "message": "secret 000-12-3456", "details": {}}}
E7 = {"code": "validation_error", "error": "Invalid data", "details": [{"message": "secret 000-12-3456"}]}


@pytest.mark.parametrize(
    ("status", "body", "code", "fields"),
    [
        (400, E1, "validation_error", ("first_name", "identifying_information.0.number")),
        (400, E2, "validation_error", ()),
        (403, {"code": "forbidden", "message": "x"}, "forbidden", ()),
        (409, {"code": "resource_conflict", "message": "x"}, "resource_conflict", ()),
        (400, E5, "validation_error", ("body.email",)),
        (400, E6, "SOMETHING_WRONG", ()),
        (400, E7, "validation_error", ()),
        (400, {"statusCode": 400, "message": "secret 000-12-3456"}, "", ()),
        (413, {"message": "Request Too Long"}, "", ()),
        (400, {"error": 17, "code": ["x"], "details": {"a": 1}, "data": 3}, "", ()),
        (400, {}, "", ()),
    ],
    ids=["E1", "E2", "E2 locked", "E2 conflict", "E5", "E6", "E7", "E7 message", "too large", "odd", "empty"],
)
def test_a_refusal_keeps_code_and_paths_but_no_value(
    kira: Callable[..., Kira], status: int, body: Any, code: str, fields: tuple[str, ...]
) -> None:
    with pytest.raises(PartnerRefused) as caught:
        kira(says(status, body)).create()
    assert (caught.value.code, caught.value.fields, caught.value.http_status) == (code, fields, status)
    assert not isinstance(caught.value, RecordMissing)
    for secret in ("000-12-3456", "canary", "secret"):
        assert secret not in caught.value.reason


def test_the_gateway_s_403_is_for_the_operator(kira: Callable[..., Kira]) -> None:
    with pytest.raises(PartnerBusy, match="API key"):
        kira(says(403, {"message": "Forbidden"})).create()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (409, {"code": "idempotency_key_reused", "message": "x"}),
        (409, {"error": {"code": "IDEMPOTENCY_CONFLICT", "message": "x", "details": {}}}),
        (400, {"code": "validation_error", "message": "Failed to store idempotency key"}),
    ],
)
def test_a_key_that_is_taken_leaves_the_outcome_unknown(
    kira: Callable[..., Kira], status: int, body: Any
) -> None:
    with pytest.raises(OutcomeUnknown):
        kira(says(status, body)).create()


@pytest.mark.parametrize(
    "act", [says(404, body=b"<html>", kind="text/html"), says(400, body=b"nope"), says(400, [])]
)
def test_a_refusal_that_is_not_kira_s_leaves_the_outcome_unknown(kira: Callable[..., Kira], act: Act) -> None:
    with pytest.raises(OutcomeUnknown):
        kira(act).create()


def test_a_404_on_a_record_is_a_missing_record(kira: Callable[..., Kira]) -> None:
    body = {"code": "not_found", "message": f"User with ID {USER} not found"}
    with pytest.raises(RecordMissing) as caught:
        kira(says(404, body)).connector.fetch(USER)
    assert caught.value.code == "not_found"


def test_a_404_on_the_list_is_a_wrong_address(kira: Callable[..., Kira]) -> None:
    with pytest.raises(PartnerBusy):
        kira(says(404, {"message": "Not Found"})).connector.find(INDIVIDUAL)


@pytest.mark.parametrize("reference", ["", "17", "../auth", f"{USER}/verifications", USER + "?x=1"])
def test_a_reference_that_is_no_uuid_reaches_no_path(kira: Callable[..., Kira], reference: str) -> None:
    partner = kira(says(200, RECORD))
    with pytest.raises(RecordMissing):
        partner.connector.fetch(reference)
    assert partner.stage.seen == []


@pytest.mark.parametrize("wait", ["3", "0", "-1", "315360000"])
def test_a_limit_is_a_reason_to_wait(kira: Callable[..., Kira], wait: str) -> None:
    with pytest.raises(PartnerBusy) as caught:
        kira(says(429, {"code": "rate_limit_exceeded"}, Retry_After=wait)).create()
    assert caught.value.retry_after is not None
    assert timedelta(seconds=1) <= caught.value.retry_after <= timedelta(hours=1)


# --- Successes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201])
def test_200_and_201_are_alike(kira: Callable[..., Kira], status: int) -> None:
    answer = {
        **RECORD,
        "id": USER.upper(),
        "verification_triggered": True,
        "eligible_products": [
            {"product_id": "x", "product_code": "payout", "product_name": "Payout", "eligible": True},
            {"product_code": "virtual_account", "eligible": "yes"},
            "odd",
        ],
        "missing_fields": {"payout": ["phone", 17], "odd": "x"},
    }
    partner = kira(says(status, answer, x_amzn_requestid="0f3d2b1a-77c4"))
    receipt = partner.create()
    assert receipt.verification_started is True
    assert (receipt.record.reference, receipt.record.status, receipt.record.partner_status) == (
        USER,
        "CREATED",
        "CREATED",
    )
    assert receipt.record.products == {"payout": True, "virtual_account": False}
    assert receipt.record.missing == {"payout": ("phone",)}
    (exchange,) = partner.connector.exchanges
    assert (exchange.status, exchange.partner_request_id) == (status, "0f3d2b1a-77c4")


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "CREATED"},
        {**RECORD, "id": 12345},
        {**RECORD, "id": "12345"},
        {**RECORD, "id": None},
        [RECORD],
        "text",
        {"user_id": USER},
        {**RECORD, "type": "business"},
        {**RECORD, "email": "somebody.else@example.com"},
        {**RECORD, "metadata": {"vouch_end_user_id": OTHER}},
        {**RECORD, "external_id": OTHER},
    ],
)
def test_a_success_about_something_else_leaves_the_outcome_unknown(
    kira: Callable[..., Kira], answer: Any
) -> None:
    with pytest.raises(OutcomeUnknown):
        kira(says(201, answer)).create()


def test_a_replay_with_a_newer_address_is_known_by_our_reference(kira: Callable[..., Kira]) -> None:
    answer = {**RECORD, "email": "newer@example.com", "metadata": {"vouch_end_user_id": END_USER_ID}}
    assert kira(says(200, answer)).create().record.reference == USER


def test_a_read_that_answers_with_another_user_is_not_believed(kira: Callable[..., Kira]) -> None:
    with pytest.raises(OutcomeUnknown):
        kira(says(200, {**RECORD, "id": OTHER})).connector.fetch(USER)


# --- Hosted links -----------------------------------------------------------------------------------


def session(kira: Callable[..., Kira], answer: dict[str, Any], **settings: Any) -> str | None:
    partner = kira(says(201, {"id": SESSION, "provider": "aiprise", **answer}), **settings)
    opened = partner.connector.start_verification(
        reference=USER,
        session_type="embedded-link",
        redirect_uri="https://app.example.com/done",
        idempotency_key=KEY,
    )
    assert (opened.partner_session, opened.provider) == (SESSION, "aiprise")
    (seen,) = partner.stage.seen
    assert seen.target == f"/sandbox/v1/users/{USER}/verifications"
    assert seen.json == {"type": "embedded-link", "redirect_uri": "https://app.example.com/done"}
    assert seen.headers["idempotency-key"] == KEY
    link: str | None = opened.link
    return link


@pytest.mark.parametrize(
    ("answer", "link"),
    [
        (
            {"verification_link": "https://a.example/1", "provider_link": "https://b.example/2"},
            "https://a.example/1",
        ),
        (
            {"provider_link": "https://b.example/2", "verification_url": "https://c.example/3"},
            "https://b.example/2",
        ),
        ({"verification_link": "", "verification_url": "https://c.example/3"}, "https://c.example/3"),
    ],
)
def test_the_first_link_present_counts(kira: Callable[..., Kira], answer: dict[str, Any], link: str) -> None:
    assert session(kira, answer) == link


@pytest.mark.parametrize(
    "link",
    [
        "http://verify.example/1",
        "javascript:alert(1)",
        "https://user:pass@verify.example/1",
        "https://127.0.0.1/1",
        "https://localhost/1",
        "https://localhost./1",
        "https://[::1]/1",
        "https://10.0.0.7/1",
        "https://169.254.169.254/latest",
        "https://2130706433/1",
        "https://verify.example:99999/1",
        "https:///1",
        "https://verify.example/a b",
        "https://verify.example/" + "x" * 2000,
        17,
        ["https://verify.example"],
    ],
)
def test_a_link_that_may_not_be_shown_is_no_link(kira: Callable[..., Kira], link: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        session(kira, {"verification_link": link})
    assert kira(says(201, {**RECORD, "verification_link": link})).create().hosted_link is None


def test_only_configured_hosts_may_be_shown_when_there_are_any(kira: Callable[..., Kira]) -> None:
    hosts = {"hosted_link_hosts": ("verify.example",)}
    assert session(kira, {"provider_link": "https://VERIFY.example/1"}, **hosts) == "https://VERIFY.example/1"
    for link in ("https://evil.example/1", "https://verify.example.evil.example/1"):
        with pytest.raises(OutcomeUnknown):
            session(kira, {"provider_link": link}, **hosts)


def test_loopback_is_allowed_where_private_targets_are(kira: Callable[..., Kira]) -> None:
    link = "http://127.0.0.1:8500/kira/hosted/1"
    allowed = {"are_private_targets_allowed": True, "hosted_link_hosts": ("verify.example",)}
    assert session(kira, {"provider_link": link}, **allowed) == link
    with pytest.raises(OutcomeUnknown):
        session(kira, {"provider_link": "javascript://127.0.0.1/%0aalert(1)"}, **allowed)


def test_a_session_by_api_needs_no_link(kira: Callable[..., Kira]) -> None:
    partner = kira(says(201, {"id": SESSION, "status": "not_started"}))
    opened = partner.connector.start_verification(
        reference=USER, session_type="api", redirect_uri="", idempotency_key=KEY
    )
    assert (opened.partner_session, opened.link) == (SESSION, None)
    assert partner.stage.seen[0].json == {"type": "api"}


def test_a_session_without_an_id_leaves_the_outcome_unknown(kira: Callable[..., Kira]) -> None:
    with pytest.raises(OutcomeUnknown):
        session(kira, {"id": "17", "provider_link": "https://verify.example/1"})


# --- Look-up ----------------------------------------------------------------------------------------


def page(*users: Any, has_more: Any = False) -> Act:
    return says(
        200,
        {"data": list(users), "pagination": {"total": 1, "limit": 100, "offset": 0, "has_more": has_more}},
    )


@pytest.mark.parametrize(
    "ours",
    [
        {"metadata": {"vouch_end_user_id": END_USER_ID}},
        {"external_id": END_USER_ID},
        {"metadata": {"external_id": END_USER_ID}},
    ],
)
def test_our_record_is_known_by_our_reference_wherever_it_is_echoed(
    kira: Callable[..., Kira], ours: Any
) -> None:
    stranger = {**RECORD, "id": OTHER, "metadata": {"vouch_end_user_id": "somebody"}}
    partner = kira(page(stranger, "odd", {"metadata": None}, {**RECORD, **ours}))
    found = partner.connector.find(INDIVIDUAL)
    assert found is not None
    assert found.reference == USER
    assert partner.targets == ["GET /sandbox/v1/users?email=priya.nakamura%40example.com&limit=100&offset=0"]
    assert "example.com" not in repr(partner.connector.exchanges)


def test_an_address_alone_proves_nothing(kira: Callable[..., Kira]) -> None:
    assert kira(page(RECORD)).connector.find(INDIVIDUAL) is None


def test_further_pages_are_read(kira: Callable[..., Kira]) -> None:
    ours = {**RECORD, "external_id": END_USER_ID}
    partner = kira(page(*[RECORD] * 100, has_more=True), page(ours))
    found = partner.connector.find(INDIVIDUAL)
    assert found is not None
    assert partner.targets[1].endswith("&limit=100&offset=100")


def test_a_list_without_end_leaves_the_outcome_unknown(kira: Callable[..., Kira]) -> None:
    partner = kira(page(RECORD, has_more=True), find_max_pages=3)
    with pytest.raises(OutcomeUnknown):
        partner.connector.find(INDIVIDUAL)
    assert len(partner.stage.seen) == 3


def test_an_empty_page_is_the_end_whatever_it_says(kira: Callable[..., Kira]) -> None:
    assert kira(page(has_more=True)).connector.find(INDIVIDUAL) is None


def test_two_records_of_ours_are_for_a_person(kira: Callable[..., Kira]) -> None:
    ours = {**RECORD, "external_id": END_USER_ID}
    with pytest.raises(OutcomeUnknown):
        kira(page(ours, {**ours, "id": OTHER})).connector.find(INDIVIDUAL)


@pytest.mark.parametrize("act", [says(200, {"data": {}}), says(200, []), says(500, {}), hangs_up])
def test_a_failed_look_up_finds_nothing_out(kira: Callable[..., Kira], act: Act) -> None:
    with pytest.raises(PartnerError) as caught:
        kira(act).connector.find(INDIVIDUAL)
    assert not isinstance(caught.value, PartnerRefused)


# --- Updates ----------------------------------------------------------------------------------------


def test_an_update_of_nothing_is_a_read(kira: Callable[..., Kira]) -> None:
    partner = kira(says(200, {**RECORD, "verification_triggered": True}))
    receipt = partner.connector.update(INDIVIDUAL, reference=USER, changed=("tags",), files=())
    assert partner.targets == [f"GET /sandbox/v1/users/{USER}"]
    assert receipt.verification_started is False


def test_a_locked_user_is_a_refusal(kira: Callable[..., Kira]) -> None:
    with pytest.raises(PartnerRefused) as caught:
        kira(says(403, {"code": "forbidden"})).connector.update(
            INDIVIDUAL, reference=USER, changed=("phone",), files=()
        )
    assert caught.value.code == "forbidden"


def test_a_failed_read_before_an_update_changed_nothing(kira: Callable[..., Kira]) -> None:
    nameless = [{**BUSINESS_USA["associated_persons"][0], "email": None}]
    facts = dossier({**BUSINESS_USA, "associated_persons": nameless})
    with pytest.raises(PartnerBusy):
        kira(says(500, {})).connector.update(facts, reference=USER, changed=("associated_persons",), files=())


def test_documents_beyond_one_request_go_in_several(kira: Callable[..., Kira]) -> None:
    facts = dossier(BUSINESS_USA)
    every = [each.id for each in facts.files]
    small = replace(facts, persons=facts.persons[:1])
    partner = kira(
        says(200, {**RECORD, "verification_triggered": False}),
        says(200, {**RECORD, "verification_triggered": True}),
        says(200, {**RECORD, "verification_triggered": False}),
        max_body_bytes=900,
    )
    receipt = partner.connector.update(small, reference=USER, changed=("phone",), files=every)
    bodies = [seen.json for seen in partner.stage.seen]
    assert len(bodies) > 1
    assert max(len(seen.body) for seen in partner.stage.seen) <= 900
    assert ["phone" in body for body in bodies] == [True, *[False] * (len(bodies) - 1)]
    assert receipt.verification_started is True
