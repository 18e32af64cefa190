"""A partner that lies: its words are capped and cleaned, its links judged."""

from typing import Any

import pytest

from onboarding.models import Enrollment, Submission
from onboarding.partners.kira.client import KiraSettings
from onboarding.partners.kira.connector import KiraConnector, _record
from tests.onboarding import factories
from tests.onboarding.domain.conftest import Partner, send
from tests.onboarding.partners.gates import OpenGate

PK = "0f8fad5b-d9cb-469f-a165-70867728950e"


def record(**told: Any) -> Any:
    return _record({"id": PK, "status": "VERIFYING", **told})


def connector() -> KiraConnector:
    settings = KiraSettings(base_url="https://kira.example.com", api_key="k", client_id="c", password="p")
    return KiraConnector(settings, gate=OpenGate())


@pytest.mark.parametrize("word", ["VERIFIED ", "approved ", "FOO", "VERI\0FIED", "V" * 900_000, "Verified"])
def test_a_word_that_nobody_told_us_about_decides_nothing(word: str) -> None:
    found = record(status=word)
    assert found.status is None
    assert len(found.partner_status) <= 64
    assert found.partner_status.isprintable()


@pytest.mark.parametrize("status", [5, ["VERIFIED"], {"a": 1}, None, True])
def test_a_status_that_is_no_word_decides_nothing(status: object) -> None:
    assert record(status=status).status is None


def test_five_thousand_products_are_cut_to_a_hundred() -> None:
    told = [{"product_code": f"p{n}" * 99, "eligible": True} for n in range(5_000)]
    found = record(eligible_products=told, missing_fields={f"p{n}": ["t" * 999] * 999 for n in range(999)})
    assert (len(found.products), len(found.missing)) == (100, 100)
    assert max(len(token) for tokens in found.missing.values() for token in tokens) == 200


@pytest.mark.parametrize("sign", ["\0", "\ud800", "\x1b"])
def test_what_is_missing_there_holds_nothing_a_database_refuses(sign: str) -> None:
    found = record(missing_fields={f"usd{sign}": [f"tax{sign}_id"]})
    assert all(text.isprintable() for code, tokens in found.missing.items() for text in (code, *tokens))


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_nul_in_an_answer_does_not_lose_the_partners_record(
    kira: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = KiraConnector._receipt
    told = {"missing_fields": {"usd": ["tax\0id"]}}
    monkeypatch.setattr(KiraConnector, "_receipt", lambda self, user: receipt(self, {**user, **told}))
    factories.register()
    send()
    assert Submission.objects.get().outcome == "SUCCEEDED"
    assert Enrollment.objects.get().partner_reference is not None


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)", "data:text/html,x", "http://kira.example.com/", "https://good@evil.example/",
        "https://127.0.0.1/", "https://localhost./", "https://[::1]/", "https://169.254.169.254/", "https://1/",
        "//evil.example/", "https://x.example.com/\u202e", "https://x.example.com/ a", "https://" + "a" * 2_000,
    ],
)  # fmt: skip
def test_a_link_that_nobody_should_follow_is_not_shown(link: str) -> None:
    assert connector()._link({"verification_link": link}) is None
