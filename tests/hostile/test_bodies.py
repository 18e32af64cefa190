"""Bodies that a hostile app sends: never a 500, nothing kept."""

import base64
import io
import logging
import uuid
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from config.logs import Redaction
from config.wsgi import application
from documents import files
from documents.models import Document
from onboarding.api.parsing import parse
from onboarding.models import EndUser
from tests.documents import samples
from tests.onboarding import factories
from tests.onboarding.api.conftest import App, complete_individual, details, individual
from webhooks.models import WebhookEvent

SMALLEST = b'{"type":"individual","first_name":"Priya","last_name":"Nakamura","email":"p@example.com","x":%s}'

HUGE_EXPONENTS = (b"1e-9999999999999999999", b"0E99999999999999999999", b"-0.0e-99999999999999999999")
REFUSED = (
    b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b'"\\u0000"', b'"\\ud800"', b'"\\udc00\\ud800"', b"tru",
    b'"a\xe2\x80\xaeb"', b'"\xff"', b"[" * 5000 + b"]" * 5000, b'{"a":1,"a":2}', b"1}{", b'"' + b"a" * 70_000 + b'"',
    b"[" + b"1," * 20_000 + b"1]", b"{" + b",".join(b'"k%d":1' % n for n in range(2_100)) + b"}",
)  # fmt: skip


class BrokenPipe(io.RawIOBase):
    """What a WSGI server raises when a client's chunk has no size."""

    def read(self, size: int = -1, /) -> bytes:
        raise InvalidChunk("zz")


class InvalidChunk(Exception):
    """Neither an OSError nor a ValueError, as in gunicorn."""


@pytest.mark.parametrize("literal", REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_sane_json_is_refused_and_nothing_is_kept(app: App, literal: bytes) -> None:
    answer = app.call("POST", "/v1/users", SMALLEST % literal, idempotency_key=str(uuid.uuid4()))
    assert (answer.status_code, EndUser.objects.count()) == (400, 0)


@pytest.mark.parametrize("literal", HUGE_EXPONENTS)
def test_a_number_with_an_endless_exponent_is_refused(app: App, literal: bytes) -> None:
    answer = app.call("POST", "/v1/users", SMALLEST % literal, idempotency_key=str(uuid.uuid4()))
    assert answer.status_code == 400


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_other_encodings_are_refused(app: App, encoding: str) -> None:
    body = (SMALLEST % b"1").decode().encode(encoding)
    assert app.call("POST", "/v1/users", body, idempotency_key=str(uuid.uuid4())).status_code == 400


@pytest.mark.parametrize("charset", ["idna", "hex"])
def test_a_form_in_an_odd_character_set_is_refused(app: App, charset: str) -> None:
    pk = app.create(individual())["id"]
    body = b'--a\r\nContent-Disposition: form-data; name="type"\r\n\r\nfront\xff\r\n--a--'
    answer = app.http.generic(
        "POST",
        f"/v1/users/{pk}/documents",
        body,
        content_type=f"multipart/form-data; boundary=a; charset={charset}",
        headers=app.headers,
    )
    assert answer.status_code == 400


def form(app: App, *parts: bytes, ending: bytes = b"--a--\r\n") -> Any:
    """The answer to a form of these parts, for a document of a new end user."""
    pk = app.create(individual())["id"]
    body = b"".join(b"--a\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + ending
    kind = "multipart/form-data; boundary=a"
    return app.http.generic("POST", f"/v1/users/{pk}/documents", body, content_type=kind, headers=app.headers)


PASSPORT = (
    b'name="type"\r\n\r\nfile_proof_of_address',
    b'name="issuing_country"\r\n\r\nUSA',
    b'name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n' + factories.png(),
)


def test_a_form_that_was_cut_off_is_refused(app: App) -> None:
    assert form(app, *PASSPORT, ending=b"").status_code == 400
    assert Document.objects.count() == 0
    answer = form(app, *PASSPORT)
    assert answer.status_code == 201, answer.content


def test_a_part_named_in_an_odd_character_set_is_refused(app: App) -> None:
    for charset in (b"hex", b"idna", b"undefined", b"nosuch"):
        assert form(app, b"name*=" + charset + b"''%ff\r\n\r\nfront").status_code == 400


@pytest.mark.parametrize(
    "kind",
    ["text/plain; charset=hex", "text/plain; charset=idna", "a/b; c*=nosuch''%ff", "a/b; charset*=hex''%ff"],
)
@pytest.mark.parametrize("path", ["/v1/users", "/admin/login/", "/hooks/kira/"])
def test_a_query_is_read_as_utf8_whatever_the_header_says(path: str, kind: str) -> None:
    environ: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": "email=%ff&next=%ff", "CONTENT_TYPE": kind}
    setup_testing_defaults(environ)
    statuses: list[str] = []

    def start(status: str, headers: list[tuple[str, str]], error: Any = None, /) -> Any:
        statuses.append(status)

    application(environ, start)
    assert statuses[0] < "500"


@pytest.mark.parametrize("path", ["/v1/users", "/hooks/kira/"])
def test_a_broken_chunk_is_the_senders_fault(app: App, path: str) -> None:
    server: dict[str, Any] = {"wsgi.input_terminated": True, "wsgi.input": BrokenPipe()}
    server["CONTENT_TYPE"] = "application/json"  # the client leaves it out where it sees no body
    answer = app.http.generic(
        "POST",
        path,
        b"",
        headers={**app.headers, "transfer-encoding": "chunked", "idempotency-key": str(uuid.uuid4())},
        **server,
    )
    assert answer.status_code == 400
    assert (EndUser.objects.count(), WebhookEvent.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"birth_date": "0000-01-01"},
        {"birth_date": "2023-02-29"},
        {"birth_date": "9999-12-31"},
        {"birth_date": "２０００-01-01"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "https://a@b.example/"},
        {"metadata": {"a": {"b": 1}}},
        {"partner_answers": {"kira": {"x": 1}}},
        {"partners": [{}]},
        {"identifying_information": [[]]},
        {"identifying_information": [{"type": {}}]},
        {"pep_status": "true"},
        {"first_name": "a\u2028b"},
        {"email": "a" * 250 + "@b.co"},
    ],
    ids=str,
)
def test_a_wrong_value_is_named_and_refused(app: App, changes: dict[str, Any]) -> None:
    assert app.post("/v1/users", individual(**changes)).status_code == 400


@pytest.mark.parametrize(
    "name", ["O", "Ó Súilleabháin-Nuñez", "محمد", "李", "😀" * 255, "'; DROP TABLE x; --"]
)
def test_names_that_people_have_go_through_unchanged(app: App, name: str) -> None:
    pk = app.create(individual(first_name=name))["id"]
    assert app.get(f"/v1/users/{pk}").json()["first_name"] == name


@pytest.mark.parametrize("nothing", ["\u200b", "\u200b \u2060\ufeff", "\u3164", "\u2800", "\u00ad\ufe0f"])
def test_a_name_that_nobody_can_see_is_no_name(app: App, nothing: str) -> None:
    answer = app.post("/v1/users", individual(first_name=nothing))
    assert (answer.status_code, list(details(answer))) == (400, ["first_name"])


def proofs(app: App, count: int) -> Any:
    """The answer to a body with so many PDFs."""
    pdf = "data:application/pdf;base64," + base64.b64encode(samples.pdf()).decode()
    entry = {"type": "passport", "issuing_country": "USA", "number": "X10002000"}
    documents = [{"type": "file_proof_of_address", "file": pdf} for _ in range(count)]
    return app.post("/v1/users", individual(identifying_information=[{**entry, "documents": documents}]))


def test_many_heavy_files_are_refused_once_their_time_is_spent(app: App, settings: Any) -> None:
    settings.MAX_INSPECTION_SECONDS_PER_REQUEST = 0.01
    found = details(proofs(app, 3))
    assert list(found) == [f"identifying_information.0.documents.{n}.file" for n in range(3)]
    assert all("too long to inspect" in message for message, _ in found.values())
    settings.MAX_INSPECTION_SECONDS_PER_REQUEST = 15
    assert proofs(app, 2).status_code == 201  # the next request has its own


def test_an_app_is_asked_to_come_back_when_every_parser_is_taken(app: App, monkeypatch: Any) -> None:
    monkeypatch.setattr(files, "WAIT_SECONDS", 0.1)
    monkeypatch.setattr(files, "_parsers", files.Turns(0))
    answer = proofs(app, 2)
    assert (answer.status_code, answer.json()["code"]) == (503, "document_inspection_busy")
    assert (answer["Retry-After"], EndUser.objects.count()) == ("1", 0)


def test_words_of_a_caller_do_not_reach_the_log(app: App, caplog: Any) -> None:
    pk = app.create(individual())["id"]
    caplog.clear()
    with caplog.at_level("INFO"):
        for handler in logging.getLogger().handlers:
            handler.addFilter(redaction := Redaction())
        for path in (f"/v1/users/{pk}", "/v1/users/priya", "/v1/users/a/b/priya", "/hooks/priya", "/priya"):
            app.get(path)
        app.get("/admin/onboarding/enduser/priya/change/")
        for handler in logging.getLogger().handlers:
            handler.removeFilter(redaction)
    said = caplog.text
    assert f"GET /v1/users/{pk} 200" in said
    assert "GET /v1/users/… 400" in said
    assert "GET /admin/onboarding/enduser/…/change/ 302" in said
    assert "priya" not in said


def test_members_that_are_ours_cannot_be_assigned(app: App) -> None:
    made = app.create(
        complete_individual(
            id=str(uuid.uuid4()), status="VERIFIED", lifecycle="SUSPENDED", client_id="x", version=9
        )
    )
    row = EndUser.objects.get()
    assert (row.status, row.lifecycle, row.version) == ("CREATED", "ACTIVE", 1)
    assert row.client == app.credentials.client
    assert app.put(f"/v1/users/{made['id']}", {"status": "VERIFIED"}).status_code == 400


def test_a_number_may_be_small_without_being_endless() -> None:
    assert parse(io.BytesIO(b"[1e-300, 1e308, -0, 0.1]"), limit=1000)[2] == 0
