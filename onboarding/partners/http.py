"""One HTTP call to a partner, with the outcome told apart: answered, surely not carried out, or unknown.

A connection that never came about raises `PartnerBusy`; whatever goes wrong after bytes may have left raises
`OutcomeUnknown`. Nothing is retried here: the row of work is the only layer that repeats. Every call opens a connection
of its own, since a kept one that the partner has closed meanwhile would turn "not sent" into "unknown".
"""

import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Never
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from onboarding.partners.base import Exchange, Gate, OutcomeUnknown, PartnerBusy, Passage
from onboarding.partners.deadline import Watch, deadline, watched_adapter

# urllib3 writes whole addresses, query included, below this level; ours hold e-mail addresses.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)

RETRY_AFTER_FLOOR = timedelta(seconds=1)
RETRY_AFTER_CAP = timedelta(hours=1)
CHUNK_BYTES = 64 * 1024
LOOPBACK_HOSTS = frozenset(("localhost", "127.0.0.1", "::1"))
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:=-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A 2xx with JSON, or a 4xx; `data` is None when a 4xx holds no JSON."""

    status: int
    data: Any = field(default=None, repr=False)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class PartnerHttp:
    """Calls below one base address, each through the gate of one credential.

    Time-outs are in seconds. `total_deadline` bounds the whole exchange, a dripping sender included; `connect_timeout`
    bounds each address tried. At most `max_response_bytes` are read. The certificate is always verified, against
    `ca_bundle` (a file) when one is given. A proxy named by the environment is used, its `.netrc` is not.
    """

    def __init__(
        self,
        base_url: str,
        gate: Gate,
        *,
        connect_timeout: float = 5,
        read_timeout: float = 20,
        total_deadline: float = 30,
        max_response_bytes: int = 1024 * 1024,
        ca_bundle: str = "",
        request_id_header: str = "x-request-id",
    ) -> None:
        self._base_url = base_url.rstrip("/") + "/"
        self._gate = gate
        self._timeout = (connect_timeout, read_timeout)
        self._total_deadline = total_deadline
        self._max_response_bytes = max_response_bytes
        self._verify: bool | str = ca_bundle or True
        self._request_id_header = request_id_header
        self._exchanges: list[Exchange] = []

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every call made so far, redacted."""
        return tuple(self._exchanges)

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, one answer; `path` is joined relatively, so that a prefix of the base address survives.

        Raises `PartnerBusy` when it was surely not carried out (no connection, 429, or the gate is shut) and
        `OutcomeUnknown` for everything else that is neither a 2xx with JSON nor a 4xx.
        """
        url = self._base_url + path.lstrip("/")
        request = requests.Request(method, url, headers=_headers(headers), data=body, params=query or {})
        with self._gate.passage() as passage:
            return _Call(self, request, len(body or b""), passage).carry_out()


class _Call:
    """One exchange on its way; notes exactly one `Exchange`."""

    def __init__(
        self, http: PartnerHttp, request: requests.Request, request_bytes: int, passage: Passage
    ) -> None:
        self._http = http
        self._request = request
        self._request_bytes = request_bytes
        self._passage = passage
        self._started = time.monotonic()
        self._status: int | None = None
        self._request_id = ""

    def carry_out(self) -> Answer:
        problem: Exception | None = None
        with deadline(self._http._total_deadline) as watch, watched_adapter() as adapter:
            try:
                with self._send(adapter) as response:
                    body = self._read(response)
            except (requests.RequestException, HTTPError, OSError) as error:
                problem = error  # raised below: the chain would carry the address with its query
        if problem is not None or watch.has_expired:
            self._give_up(problem, watch)
        return self._judge(response, body)

    def _send(self, adapter: HTTPAdapter) -> requests.Response:
        # Not through a session: it would read the whole body of a redirect, and take a bearer from .netrc.
        response = adapter.send(
            self._request.prepare(),
            timeout=self._http._timeout,
            verify=self._http._verify,
            proxies=_proxies(self._request.url),
            stream=True,
        )
        self._status = response.status_code
        told = response.headers.get(self._http._request_id_header, "")
        self._request_id = told if _REQUEST_ID.fullmatch(told) else ""
        return response

    def _read(self, response: requests.Response) -> bytes | None:
        """The body, or None when it is larger than allowed; what lies beyond stays unread."""
        limit = self._http._max_response_bytes
        announced = response.headers.get("content-length", "")
        if announced.isdigit() and len(announced) < 20 and int(announced) > limit:
            return None
        chunks: list[bytes] = []
        size = 0
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
            size += len(chunk)
            if size > limit:
                return None
            chunks.append(chunk)
        return b"".join(chunks)

    def _give_up(self, problem: Exception | None, watch: Watch) -> Never:
        self._passage.failed()
        if not watch.is_established:
            refused_tls = isinstance(problem, requests.exceptions.SSLError)
            self._note("tls" if refused_tls else "connect")
            raise PartnerBusy(
                "The partner's certificate was refused" if refused_tls else "No connection came about"
            )
        timed_out = isinstance(problem, requests.Timeout | TimeoutError)
        word = "deadline" if watch.has_expired else "timeout" if timed_out else "broken off"
        self._note(word)
        raise OutcomeUnknown(f"No usable answer: {word}", http_status=self._status)

    def _judge(self, response: requests.Response, body: bytes | None) -> Answer:
        status = response.status_code
        wait = retry_after(response.headers.get("retry-after"))
        self._passage.answered(status=status, retry_after=wait)
        if status == 429:
            self._note("rate limit")
            raise PartnerBusy("The partner asks for a slower pace", retry_after=wait, http_status=status)
        if 400 <= status < 500 and status != 408:
            self._note()
            return Answer(status=status, data=_parsed(response, body)[0])
        if not 200 <= status < 300:
            self._doubt("redirect" if 300 <= status < 400 else "server error")
        data, trouble = _parsed(response, body)
        if trouble:
            self._doubt(trouble)
        self._note()
        return Answer(status=status, data=data)

    def _doubt(self, word: str) -> Never:
        self._note(word)
        raise OutcomeUnknown(f"No usable answer: {word} ({self._status})", http_status=self._status)

    def _note(self, error: str = "") -> None:
        self._http._exchanges.append(
            Exchange(
                method=self._request.method,
                path=urlsplit(self._request.url).path,
                status=self._status,
                milliseconds=round((time.monotonic() - self._started) * 1000),
                request_bytes=self._request_bytes,
                partner_request_id=self._request_id,
                error=error,
            )
        )


def retry_after(value: str | None, *, now: datetime | None = None) -> timedelta | None:
    """What a Retry-After asks for: seconds or an HTTP date (RFC 9110, 10.2.3), at least 1 s and at most 1 h.

    None when the header is absent or says nothing understandable.
    """
    if not value:
        return None
    text = value.strip()[:64]
    if re.fullmatch(r"[+-]?\d+(\.\d*)?", text):
        wait = timedelta(seconds=min(float(text), RETRY_AFTER_CAP.total_seconds()))
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        wait = moment - (now or datetime.now(UTC))
    return max(RETRY_AFTER_FLOOR, min(wait, RETRY_AFTER_CAP))


def _headers(given: Mapping[str, str] | None) -> dict[str, str]:
    # Compressed answers are declined: a small one could unfold beyond every limit.
    return {
        "User-Agent": "vouch",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **(given or {}),
    }


def _parsed(response: requests.Response, body: bytes | None) -> tuple[Any, str]:
    """The JSON of a body, or the word for what is wrong with it."""
    if body is None:
        return None, "too large"
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        return None, "compressed"
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        return None, "not JSON"
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant), ""
    except (ValueError, RecursionError):
        return None, "broken JSON"


def _refuse_constant(word: str) -> Never:
    raise ValueError(word)


def _proxies(url: str) -> dict[str, str]:
    """The environment's proxies; loopback is reached directly."""
    return {} if urlsplit(url).hostname in LOOPBACK_HOSTS else get_environ_proxies(url)
