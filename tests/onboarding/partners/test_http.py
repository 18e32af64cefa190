"""One call: answered, surely not carried out, or unknown."""

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from onboarding.partners.base import OutcomeUnknown, PartnerBusy
from onboarding.partners.http import PartnerHttp, retry_after
from tests.onboarding.partners.gates import OpenGate
from tests.onboarding.partners.stage import Act, Stage, drips, endless, hangs_up, resets, says, sends, silent

OK = {"ok": True}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
def stage() -> Iterator[Callable[..., Stage]]:
    opened: list[Stage] = []

    def open_stage(*acts: Act, **options: Any) -> Stage:
        opened.append(Stage(*acts, **options))
        return opened[-1]

    yield open_stage
    for each in opened:
        each.close()


def http(url: str, gate: OpenGate | None = None, **options: Any) -> PartnerHttp:
    settings = {"connect_timeout": 1, "read_timeout": 1, "total_deadline": 2} | options
    return PartnerHttp(url, gate or OpenGate(), **settings)


def test_a_prefix_of_the_base_address_survives(stage: Callable[..., Stage]) -> None:
    server = stage(says(200, OK))
    answer = http(f"{server.url}/sandbox/").call("GET", "/v1/users", query={"email": "a@example.com"})
    assert answer.data == OK
    assert server.seen[0].target == "/sandbox/v1/users?email=a%40example.com"


def test_an_exchange_keeps_neither_query_nor_body_nor_header(stage: Callable[..., Stage]) -> None:
    server = stage(says(201, OK, x_request_id="abc-123"))
    client = http(server.url)
    client.call(
        "POST", "v1/users", headers={"x-api-key": "key"}, body=b'{"a":1}', query={"email": "a@example.com"}
    )
    (exchange,) = client.exchanges
    assert (exchange.method, exchange.path, exchange.status) == ("POST", "/v1/users", 201)
    assert (exchange.request_bytes, exchange.partner_request_id, exchange.error) == (7, "abc-123", "")
    assert "example.com" not in repr(exchange)


def test_a_request_id_that_is_no_id_is_not_kept(stage: Callable[..., Stage]) -> None:
    client = http(stage(says(200, OK, x_request_id="<script> name")).url)
    client.call("GET", "x")
    assert client.exchanges[0].partner_request_id == ""


def test_a_refused_connection_was_surely_not_carried_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    gate = OpenGate()
    client = http(f"http://127.0.0.1:{port}", gate)
    with pytest.raises(PartnerBusy):
        client.call("POST", "x", body=b"{}")
    assert gate.passing.failures == 1
    assert client.exchanges[0].error == "connect"


def test_a_name_that_does_not_resolve_was_surely_not_carried_out() -> None:
    with pytest.raises(PartnerBusy):
        http("http://no-such-host.invalid").call("GET", "x")


def test_a_shut_gate_makes_no_call(stage: Callable[..., Stage]) -> None:
    server = stage(says(200, OK))
    client = http(server.url, OpenGate(is_shut=True))
    with pytest.raises(PartnerBusy):
        client.call("GET", "x")
    assert server.seen == []
    assert client.exchanges == ()


@pytest.mark.parametrize(
    ("act", "word"),
    [
        (resets, "broken off"),
        (hangs_up, "broken off"),
        (silent(1.5), "timeout"),
        (says(500, {"message": "x"}), "server error"),
        (says(502, body=b"<html>", kind="text/html"), "server error"),
        (says(408, {"message": "x"}), "server error"),
        (says(200, body=b"<html>", kind="text/html"), "not JSON"),
        (says(200, body=b'{"id": 1', kind="application/json"), "broken JSON"),
        (says(200, body=b'{"id": NaN}'), "broken JSON"),
        (says(200, body=b"[" * 200_000), "broken JSON"),
        (says(200, body=b"\xff\xfe"), "broken JSON"),
        (says(200, body=b"1" * 10_000), "broken JSON"),
        (says(200, OK, Content_Encoding="gzip"), "compressed"),
        (says(204, body=b""), "broken JSON"),
        (sends(HEAD + b"Content-Length: 100\r\n\r\n{}"), "broken off"),
        (sends(HEAD + b"Content-Length: 1073741824\r\n\r\n{"), "too large"),
        (sends(b"nonsense\r\n\r\n"), "broken off"),
        (sends(b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 200 + b"\r\n"), "broken off"),
    ],
)
def test_whatever_makes_no_sense_after_sending_is_unknown(
    stage: Callable[..., Stage], act: Act, word: str
) -> None:
    client = http(stage(act).url)
    with pytest.raises(OutcomeUnknown) as caught:
        client.call("POST", "x", body=b"{}")
    assert word in caught.value.reason
    assert client.exchanges[0].error == word


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_its_body_not_read(stage: Callable[..., Stage], status: int) -> None:
    elsewhere = stage(says(200, OK))
    server = stage(
        endless(
            f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.url}/stolen\r\nContent-Length: 999999999\r\n\r\n".encode()
        )
    )
    with pytest.raises(OutcomeUnknown):
        http(server.url).call("POST", "x", body=b"secret")
    assert elsewhere.seen == []


def test_the_deadline_ends_a_dripping_body(stage: Callable[..., Stage]) -> None:
    server = stage(drips(HEAD + b"Content-Length: 5000\r\n\r\n" + b" " * 5000))
    _gives_up_in_time(server)


def test_the_deadline_ends_dripping_headers(stage: Callable[..., Stage]) -> None:
    _gives_up_in_time(stage(drips(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 5000)))


def test_the_deadline_ends_a_body_without_a_length(stage: Callable[..., Stage]) -> None:
    _gives_up_in_time(stage(drips(HEAD + b"\r\n" + b'{"id":"' + b"a" * 5000)))


def test_the_deadline_ends_a_server_that_does_not_read(stage: Callable[..., Stage]) -> None:
    server = stage(silent(10), reads_body=False)
    _gives_up_in_time(server, body=b"x" * 40_000_000)


def _gives_up_in_time(server: Stage, *, body: bytes = b"{}") -> None:
    client = http(server.url, total_deadline=0.7, read_timeout=5)
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        client.call("POST", "x", body=body)
    assert time.monotonic() - started < 3  # the server is silent for 10 s and a read may take 5
    assert client.exchanges[0].error == "deadline"


def test_an_endless_body_is_read_to_the_limit_only(stage: Callable[..., Stage]) -> None:
    client = http(stage(endless(HEAD + b"\r\n")).url, max_response_bytes=100_000)
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown, match="too large"):
        client.call("GET", "x")
    assert time.monotonic() - started < 1


def test_a_chunked_answer_is_read(stage: Callable[..., Stage]) -> None:
    chunked = HEAD + b'Transfer-Encoding: chunked\r\n\r\n8\r\n{"ok":tr\r\n3\r\nue}\r\n0\r\n\r\n'
    assert http(stage(sends(chunked)).url).call("GET", "x").data == OK


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
def test_a_refusal_is_an_answer(stage: Callable[..., Stage], status: int) -> None:
    gate = OpenGate()
    answer = http(stage(says(status, {"code": "x"})).url, gate).call("POST", "x", body=b"{}")
    assert (answer.status, answer.data, answer.is_success) == (status, {"code": "x"}, False)
    assert gate.passing.answers == [(status, None)]


def test_a_refusal_without_json_has_no_data(stage: Callable[..., Stage]) -> None:
    answer = http(stage(says(404, body=b"<html>", kind="text/html")).url).call("GET", "x")
    assert (answer.status, answer.data) == (404, None)


def test_a_limit_slows_the_credential(stage: Callable[..., Stage]) -> None:
    gate = OpenGate()
    with pytest.raises(PartnerBusy) as caught:
        http(stage(says(429, {}, Retry_After="7")).url, gate).call("POST", "x", body=b"{}")
    assert caught.value.retry_after == timedelta(seconds=7)
    assert gate.passing.answers == [(429, timedelta(seconds=7))]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 1),
        ("-5", 1),
        ("1.5", 1.5),
        ("315360000", 3600),
        ("9" * 60, 3600),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 1),
        ("Wed, 21 Oct 2036 07:28:00 GMT", 3600),
    ],
)
def test_retry_after_is_kept_within_reason(header: str, seconds: float) -> None:
    now = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)
    assert retry_after(header, now=now) == timedelta(seconds=seconds)


@pytest.mark.parametrize("header", [None, "", "soon", "inf", "nan", "1e9", "Wed, 99 Foo 2026"])
def test_retry_after_that_says_nothing_is_nothing(header: str | None) -> None:
    assert retry_after(header) is None


def test_nothing_personal_is_logged(stage: Callable[..., Stage], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = stage(says(200, OK), says(500, {"email": "canary@example.com"}), resets)
    client = http(server.url)
    client.call("POST", "x", body=b'{"ssn":"000-12-3456"}', query={"email": "canary@example.com"})
    for _ in range(2):
        with pytest.raises(OutcomeUnknown) as caught:
            client.call("POST", "x", body=b'{"ssn":"000-12-3456"}', query={"email": "canary@example.com"})
        assert "canary" not in f"{caught.value!r} {caught.value.__context__!r} {caught.value.__cause__!r}"
    assert "canary" not in caplog.text
    assert "000-12-3456" not in caplog.text


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder


def _server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


def test_a_certificate_we_do_not_trust_gets_no_data(stage: Callable[..., Stage], certificate: Path) -> None:
    server = stage(says(200, OK), tls=_server_context(certificate))
    client = http(server.url)
    with pytest.raises(PartnerBusy, match="certificate"):
        client.call("POST", "x", body=b"secret")
    assert server.seen == []
    assert client.exchanges[0].error == "tls"


def test_the_configured_authority_is_trusted(stage: Callable[..., Stage], certificate: Path) -> None:
    server = stage(says(200, OK), tls=_server_context(certificate))
    assert http(server.url, ca_bundle=str(certificate / "cert.pem")).call("GET", "x").data == OK


def test_the_deadline_ends_a_drip_inside_tls(stage: Callable[..., Stage], certificate: Path) -> None:
    server = stage(
        drips(HEAD + b"Content-Length: 5000\r\n\r\n" + b" " * 5000), tls=_server_context(certificate)
    )
    client = http(server.url, ca_bundle=str(certificate / "cert.pem"), total_deadline=0.7, read_timeout=5)
    with pytest.raises(OutcomeUnknown, match="deadline"):
        client.call("GET", "x")


def test_a_handshake_that_never_ends_was_not_carried_out(stage: Callable[..., Stage]) -> None:
    server = stage(silent(5), reads=False)
    client = http(server.url.replace("http://", "https://"), connect_timeout=3, total_deadline=0.7)
    started = time.monotonic()
    with pytest.raises(PartnerBusy):
        client.call("POST", "x", body=b"secret")
    assert time.monotonic() - started < 1.5
