"""One POST to a checked address: to that very address, within a deadline, following nobody.

The standard library's HTTP client is enough, and unlike the friendlier ones it lets us own the socket: the
connection goes to the address that was checked while Host, SNI and the certificate check keep the name, no proxy of
the environment steps between, and a watchdog closes the socket when the time is up, however slowly they drip.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import certifi
from django.conf import settings

from webhooks import targets
from webhooks.enums import AttemptResult
from webhooks.targets import NameNotResolved, Resolver, Target, TargetRefused

MAXIMUM_ANSWER = 64 * 1024
RESULTS_BY_STATUS = {410: AttemptResult.GONE}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one POST. `retry_after` is in seconds, as far as the other side named a number."""

    result: AttemptResult
    milliseconds: int
    http_status: int | None = None
    retry_after: int | None = None

    @property
    def is_accepted(self) -> bool:
        return self.result is AttemptResult.DELIVERED


def post(
    *, url: str, headers: Mapping[str, str], body: bytes, resolver: Resolver = targets.resolve
) -> Answer:
    """Send `body` once. Every fault of the other side is an `Answer`; at most 64 KiB of theirs are read, none kept."""
    started = time.monotonic()
    status: int | None = None
    retry_after: int | None = None
    watch = _Watch(settings.WEBHOOK_TOTAL_SECONDS)
    try:
        target = targets.check(url, resolver=resolver)
        with watch, _connected(target, watch) as connection:
            connection.request(
                "POST", target.path, body=body, headers={"Host": target.host_header, **headers}
            )
            response = connection.getresponse()
            status = response.status
            retry_after = _seconds(response.getheader("Retry-After"))
            result = _result_of(status)
            _drain(response)
    except NameNotResolved:
        result = AttemptResult.UNREACHABLE
    except TargetRefused:
        result = AttemptResult.TARGET_REFUSED
    except (ssl.SSLError, ssl.CertificateError):
        result = AttemptResult.TLS_FAILED
    except TimeoutError:
        result = AttemptResult.TIMED_OUT
    except OSError:
        result = AttemptResult.UNREACHABLE
    except (http.client.HTTPException, ValueError):
        result = AttemptResult.UNREADABLE
    if watch.is_over and status is None:
        result = AttemptResult.TIMED_OUT
    milliseconds = int((time.monotonic() - started) * 1000)
    return Answer(result, milliseconds, status, retry_after)


def _result_of(status: int) -> AttemptResult:
    if 200 <= status < 300:
        return AttemptResult.DELIVERED
    if 300 <= status < 400:
        return AttemptResult.REDIRECTED
    return RESULTS_BY_STATUS.get(status, AttemptResult.REFUSED)


def _drain(response: http.client.HTTPResponse) -> None:
    """Let a polite server finish its answer; what it says does not matter once the status is known."""
    try:
        response.read(MAXIMUM_ANSWER)
    except (OSError, http.client.HTTPException, ValueError):
        return


def _seconds(header: str | None) -> int | None:
    return int(header) if header and header.isascii() and header.isdecimal() and len(header) <= 9 else None


class _Watch:
    """Closes the socket it watches when the time is up, whatever the other side is doing."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._ends = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> "_Watch":
        self._timer = threading.Timer(self.remaining, self._end)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *args: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @property
    def remaining(self) -> float:
        return max(0.01, self._ends - time.monotonic())

    def over(self, watched: socket.socket) -> None:
        self._socket = watched
        if self.is_over:
            self._end()

    def _end(self) -> None:
        self.is_over = True
        watched = self._socket
        if watched is None:
            return
        try:
            # The plain socket's method: TLS has nothing to say goodbye to, and must not be waited for.
            socket.socket.shutdown(watched, socket.SHUT_RDWR)
        except OSError:
            return


@contextmanager
def _connected(target: Target, watch: _Watch) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(target.host, target.port)
    raw = _connect(target, watch)
    try:
        connection.sock = _secured(raw, target, watch) if target.is_tls else raw
        connection.sock.settimeout(watch.remaining)
        yield connection
    finally:
        connection.close()
        raw.close()


def _connect(target: Target, watch: _Watch) -> socket.socket:
    """The first of the checked addresses that answers, all within WEBHOOK_CONNECT_SECONDS together."""
    ends = time.monotonic() + min(settings.WEBHOOK_CONNECT_SECONDS, watch.remaining)
    failure: OSError = TimeoutError()
    for position, address in enumerate(target.addresses):
        left = ends - time.monotonic()
        if left <= 0:
            break
        share = left / (len(target.addresses) - position)
        try:
            raw = socket.create_connection((str(address), target.port), timeout=share)
        except OSError as error:
            failure = error
            continue
        watch.over(raw)
        return raw
    raise failure


def _secured(raw: socket.socket, target: Target, watch: _Watch) -> ssl.SSLSocket:
    raw.settimeout(min(settings.WEBHOOK_CONNECT_SECONDS, watch.remaining))
    secured = _tls_context(settings.WEBHOOK_TLS_CA_BUNDLE).wrap_socket(
        raw, server_hostname=target.host, do_handshake_on_connect=False
    )
    watch.over(secured)
    try:
        secured.do_handshake()
    except BaseException:
        secured.close()
        raise
    return secured


@lru_cache(maxsize=4)
def _tls_context(ca_bundle: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_bundle or certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
