"""A nosy member of staff, and a page full of other people's HTML."""

import html.parser
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from onboarding.enums import Partner
from onboarding.models import AuditEntry, EndUser, ReviewCase, ReviewDecision
from tests.onboarding import factories
from tests.onboarding.api.conftest import App, individual
from tests.webhooks.messages import knock
from webhooks.models import WebhookEvent

EVIL = "<img src=x onerror=alert(1)>\"'{{7*7}}<script>alert(2)</script>"


class Page(html.parser.HTMLParser):
    """Collects what a browser would run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.dangers: list[tuple[str, object]] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_script = tag == "script"
        for name, value in attrs:
            told = value or ""
            is_evil = name.startswith("on") or told.strip().lower().startswith(("javascript:", "data:text"))
            if is_evil or (tag, name, told) == ("img", "src", "x") or (name[:1] in "@:" and "alert(" in told):
                self.dangers.append((tag, (name, told)))

    def handle_data(self, data: str) -> None:
        if self._in_script and "alert(" in data:
            self.dangers.append(("script", data))


def quiet(browser: Client) -> Client:
    browser.raise_request_exception = False
    return browser


def test_html_of_an_app_is_text_on_every_page_about_the_user(app: App, clara: Client) -> None:
    made = app.create(
        individual(
            first_name=EVIL,
            last_name=EVIL,
            address_street=EVIL,
            occupation=EVIL,
            external_id=EVIL,
            tags=[EVIL],
        )
    )
    for kind, arguments in (("change", [made["id"]]), ("changelist", [])):
        page = clara.get(reverse(f"admin:onboarding_enduser_{kind}", args=arguments)).content.decode()
        assert "alert(2)" in page
        assert Page(page).dangers == []


def test_html_of_a_partner_is_text_on_the_page_of_its_message(clara: Client) -> None:
    body = json.dumps(
        {"event": f"user.{EVIL}", "data": {"event_id": EVIL, "user_id": EVIL, EVIL: EVIL}}
    ).encode()
    assert knock(body).status_code == 200
    page = clara.get(reverse("admin:webhooks_webhookevent_change", args=[WebhookEvent.objects.get().pk]))
    assert Page(page.content.decode()).dangers == []


def test_a_message_nested_nine_hundred_deep_can_be_looked_at(clara: Client) -> None:
    assert knock(b'{"event":"user.x","data":' + b"[" * 900 + b"]" * 900 + b"}").status_code == 200
    event = WebhookEvent.objects.get()
    assert quiet(clara).get(reverse("admin:webhooks_webhookevent_change", args=[event.pk])).status_code == 200


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "path", ["/admin/onboarding/enduser/?status=%00", "/admin/onboarding/partnergate/%00/change/"]
)
def test_a_nul_in_an_address_of_the_admin_is_refused(clara: Client, path: str) -> None:
    assert quiet(clara).get(path).status_code < 500


@pytest.mark.parametrize("word", ["%", "_", "%%%", "___", "\\", "\\\\\\", "a", "' OR 1=1--"])
@pytest.mark.parametrize("model", ["onboarding_enduser", "documents_document", "webhooks_webhookevent"])
def test_wildcards_of_sql_find_nothing(clara: Client, model: str, word: str) -> None:
    factories.register()
    answer = clara.get(reverse(f"admin:{model}_changelist"), {"q": word})
    assert answer.status_code == 200
    assert "Nakamura" not in answer.content.decode()


@pytest.mark.parametrize(
    "lookup", ["client__password_digest__startswith", "client__api_keys__digest__startswith"]
)
def test_a_list_cannot_be_asked_about_secrets(ana: Client, lookup: str) -> None:
    factories.register()
    assert ana.get(f"/admin/onboarding/enduser/?{lookup}=a").status_code in (302, 400)


def test_the_second_click_on_a_decision_changes_nothing(clara: Client) -> None:
    declaration = factories.business()
    declaration["associated_persons"][0]["pep_status"] = True
    end_user = factories.register(declaration=declaration)
    case = ReviewCase.objects.get(end_user=end_user)
    approve, reject = (
        reverse(f"admin:onboarding_reviewcase_{act}", args=[case.pk]) for act in ("approve", "reject")
    )
    answers = [clara.post(act, {"reason": "Looked at it"}).status_code for act in (approve, approve, reject)]
    assert answers == [302, 409, 409]
    assert ReviewDecision.objects.count() == 1
    assert AuditEntry.objects.filter(action="case.decided").count() == 1


def test_acts_without_a_token_of_the_page_are_refused(clara: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = clara.cookies
    answer = strict.post(
        reverse("admin:onboarding_partnergate_pause", args=[Partner.KIRA]), {"reason": "Because"}
    )
    assert answer.status_code == 403
    assert not EndUser.objects.exists()


def test_somebody_who_may_only_look_cannot_act(ana: Client, clara: Client) -> None:
    clara.get("/admin/")
    act = reverse("admin:onboarding_partnergate_pause", args=[Partner.KIRA])
    assert ana.post(act, {"reason": "Because"}).status_code == 403


def test_guessing_a_password_is_slowed_down() -> None:
    call_command("create_analyst", "mia@example.com", role="admin")
    User.objects.get(username="mia@example.com")
    guesses = [
        Client().post("/admin/login/", {"username": "mia@example.com", "password": f"guess-{n}"}).status_code
        for n in range(30)
    ]
    assert 429 in guesses or 403 in guesses


def test_a_login_leads_nowhere_else() -> None:
    user = User.objects.create_superuser("eve@example.com", password="Correct-Horse-9")
    browser = Client()
    credentials = {"username": user.username, "password": "Correct-Horse-9", "next": "//evil.example/"}
    assert browser.post("/admin/login/", credentials)["Location"] == "/admin/"
