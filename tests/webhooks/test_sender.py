"""One POST, to the address that was checked, within a deadline."""

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from tests.webhooks.receivers import Receiver, Silent, unused_url
from webhooks import sender
from webhooks.enums import AttemptResult

Start = Callable[..., Receiver]


def post(url: str, **options: object) -> sender.Answer:
    return sender.post(url=url, headers={"Content-Type": "application/json"}, body=b"{}", **options)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _short_deadlines(settings: Settings) -> None:
    settings.WEBHOOK_CONNECT_SECONDS = 0.5
    settings.WEBHOOK_TOTAL_SECONDS = 1.0


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, AttemptResult.DELIVERED),
        (202, AttemptResult.DELIVERED),
        (204, AttemptResult.DELIVERED),
        (299, AttemptResult.DELIVERED),
        (301, AttemptResult.REDIRECTED),
        (307, AttemptResult.REDIRECTED),
        (400, AttemptResult.REFUSED),
        (410, AttemptResult.GONE),
        (429, AttemptResult.REFUSED),
        (500, AttemptResult.REFUSED),
        (503, AttemptResult.REFUSED),
    ],
)
def test_the_status_decides(status: int, result: AttemptResult, receiver: Start) -> None:
    server = receiver(status)

    answer = post(server.url)

    assert (answer.result, answer.http_status) == (result, status)
    assert [(each.path, each.body) for each in server.received] == [("/hook", b"{}")]


def test_a_redirect_is_not_followed(receiver: Start) -> None:
    inner = receiver()

    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(307)
        handler.send_header("Location", inner.url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    assert post(receiver(redirect).url).result is AttemptResult.REDIRECTED
    assert inner.received == []


def test_the_name_stays_in_the_host_header_while_the_connection_goes_to_the_checked_address(
    receiver: Start,
) -> None:
    server = receiver()

    answer = post(f"http://hooks.example.com:{server.port}/in?x=1", resolver=lambda host, port: ["127.0.0.1"])

    assert answer.is_accepted
    assert server.received[0].headers["host"] == f"hooks.example.com:{server.port}"
    assert server.received[0].path == "/in?x=1"


def test_a_name_that_changes_its_mind_after_the_check_changes_nothing(
    receiver: Start, settings: Settings
) -> None:
    """DNS rebinding: whoever asked the resolver a second time would reach the inner server."""
    inner = receiver()
    answers = iter([["203.0.113.7"], ["127.0.0.1"], ["127.0.0.1"]])
    asked = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = False
    first = post(f"https://rebind.example.com:{inner.port}/", resolver=rebinding)
    second = post(f"https://rebind.example.com:{inner.port}/", resolver=rebinding)

    assert first.result is AttemptResult.TARGET_REFUSED  # 203.0.113.0/24 is for documentation
    assert second.result is AttemptResult.TARGET_REFUSED
    assert asked == ["rebind.example.com", "rebind.example.com"]
    assert inner.received == []


def test_the_second_of_several_addresses_is_tried_when_the_first_does_not_answer(receiver: Start) -> None:
    server = receiver()

    answer = post(f"http://web:{server.port}/", resolver=lambda host, port: ["::1", "127.0.0.1"])

    assert answer.is_accepted


def test_nobody_listening_is_unreachable() -> None:
    assert post(unused_url()).result is AttemptResult.UNREACHABLE


def test_a_name_without_an_address_is_unreachable() -> None:
    assert (
        post("http://hooks.example.com/", resolver=lambda host, port: []).result is AttemptResult.UNREACHABLE
    )


def test_a_server_that_says_nothing_times_out_within_the_deadline() -> None:
    silent = Silent()
    started = time.monotonic()

    answer = post(silent.url)

    silent.close()
    assert answer.result is AttemptResult.TIMED_OUT
    assert 0.9 < time.monotonic() - started < 1.6


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    for _ in range(100):
        handler.wfile.write(b"H")
        time.sleep(0.1)


def endless_interim_answers(handler: BaseHTTPRequestHandler) -> None:
    for _ in range(1000):
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


def drip_body(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"x")
        time.sleep(0.1)


def endless_body(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65536)


@pytest.mark.parametrize("answer", [drip_headers, endless_interim_answers])
def test_a_dripping_server_is_cut_off_at_the_total_deadline(
    answer: Callable[[BaseHTTPRequestHandler], None], receiver: Start
) -> None:
    started = time.monotonic()

    result = post(receiver(answer).url).result

    assert result is AttemptResult.TIMED_OUT
    assert time.monotonic() - started < 1.6


@pytest.mark.parametrize("answer", [drip_body, endless_body])
def test_after_a_2xx_status_an_endless_body_changes_nothing(
    answer: Callable[[BaseHTTPRequestHandler], None], receiver: Start
) -> None:
    started = time.monotonic()

    assert post(receiver(answer).url).result is AttemptResult.DELIVERED
    assert time.monotonic() - started < 1.6


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500,
    ],
)
def test_what_is_not_http_is_a_failure(raw: bytes, receiver: Start) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(raw)
        handler.close_connection = True

    assert post(receiver(answer).url).result in (AttemptResult.UNREADABLE, AttemptResult.UNREACHABLE)


def test_no_proxy_of_the_environment_steps_between(receiver: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = receiver(), receiver()
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

    assert post(server.url).is_accepted
    assert (len(proxy.received), len(server.received)) == (0, 1)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("0", 0), ("-1", None), ("soon", None), ("9" * 12, None), ("٣", None)]
)
def test_retry_after_is_read_as_seconds_or_not_at_all(
    header: str, seconds: int | None, receiver: Start
) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(
            b"HTTP/1.1 429 Slow Down\r\nRetry-After: " + header.encode() + b"\r\nContent-Length: 0\r\n\r\n"
        )

    assert post(receiver(answer).url).retry_after == seconds


# --- TLS ------------------------------------------------------------------------------------------


class Authority:
    """A certificate authority of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        certificate = self._build(self.name, self.key, ca=True).sign(self.key, hashes.SHA256())
        self.bundle = folder / "ca.pem"
        self.bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(
        self, *hosts: str, expired: bool = False, version: ssl.TLSVersion | None = None
    ) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = []
        for host in hosts:
            try:
                names.append(x509.IPAddress(ip_address(host)))
            except ValueError:
                names.append(x509.DNSName(host))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        builder = self._build(subject, key, ca=False, expired=expired)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        path = self.folder / f"{len(list(self.folder.iterdir()))}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        if version is not None:
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = version
            context.set_ciphers("ALL:@SECLEVEL=0")
        return context

    def _build(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool, expired: bool = False
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=-1 if expired else 10))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def post_tls(server: Receiver) -> sender.Answer:
    return post(f"https://hooks.example.com:{server.port}/", resolver=lambda host, port: ["127.0.0.1"])


def test_the_certificate_is_checked_for_the_name_not_for_the_address(
    receiver: Start, authority: Authority, settings: Settings
) -> None:
    settings.WEBHOOK_TLS_CA_BUNDLE = str(authority.bundle)
    seen: list[str | None] = []
    right, wrong = authority.context("hooks.example.com"), authority.context("127.0.0.1", "other.example.com")
    right.sni_callback = lambda connection, name, context: seen.append(name)

    assert post_tls(receiver(tls=right)).is_accepted
    assert seen == ["hooks.example.com"]
    assert post_tls(receiver(tls=wrong)).result is AttemptResult.TLS_FAILED


def test_expired_unknown_and_outdated_tls_is_refused_before_anything_is_sent(
    receiver: Start, authority: Authority, settings: Settings
) -> None:
    settings.WEBHOOK_TLS_CA_BUNDLE = str(authority.bundle)
    expired = receiver(tls=authority.context("hooks.example.com", expired=True))
    outdated = receiver(tls=authority.context("hooks.example.com", version=ssl.TLSVersion.TLSv1_1))
    assert [post_tls(server).result for server in (expired, outdated)] == [AttemptResult.TLS_FAILED] * 2

    settings.WEBHOOK_TLS_CA_BUNDLE = ""
    unknown = receiver(tls=authority.context("hooks.example.com"))
    assert post_tls(unknown).result is AttemptResult.TLS_FAILED
    assert expired.received == outdated.received == unknown.received == []


def test_a_tls_handshake_that_never_answers_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        started = time.monotonic()
        answer = post(f"https://hooks.example.com:{port}/", resolver=lambda host, port: ["127.0.0.1"])

    assert answer.result is AttemptResult.TIMED_OUT
    assert time.monotonic() - started < 1.6
