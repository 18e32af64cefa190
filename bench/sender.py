"""Large bodies from a few threads. `wrk` would copy each of them several times inside its Lua."""

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

from bench.wrk import MeasurementFailed


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    seconds: float
    body: bytes


@dataclass(frozen=True, slots=True)
class LargeBody:
    """A body in three pieces; the middle one, of ten characters, is new for every request."""

    before: bytes
    after: bytes

    def pieces(self, number: int) -> tuple[bytes, bytes, bytes]:
        return self.before, b"%010d" % number, self.after

    @property
    def size(self) -> int:
        return len(self.before) + 10 + len(self.after)


class Connection:
    """One kept-alive connection."""

    def __init__(self, port: int, path: str, headers: Mapping[str, str]) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._path, self._headers = path, dict(headers)

    def post(self, body: LargeBody, number: int, *, key: str | None = None) -> Answer:
        started = time.perf_counter()
        self._http.putrequest("POST", self._path, skip_accept_encoding=True)
        for name, value in self._headers.items():
            self._http.putheader(name, value)
        self._http.putheader("Content-Type", "application/json")
        self._http.putheader("Content-Length", str(body.size))
        self._http.putheader("idempotency-key", key or str(uuid4()))
        self._http.endheaders()
        for piece in body.pieces(number):
            self._http.send(piece)
        response = self._http.getresponse()
        answer = response.read()
        return Answer(response.status, time.perf_counter() - started, answer)

    def close(self) -> None:
        self._http.close()


def rate(
    *,
    connect: Callable[[], Connection],
    body: LargeBody,
    first: int,
    requests: int,
    connections: int,
    expect: int,
) -> float:
    """Send so many requests over so many connections; returns how many per second. Every answer must be `expect`."""
    numbers = iter(range(first, first + requests))
    lock = threading.Lock()
    unexpected: list[object] = []

    def work() -> None:
        connection = connect()
        try:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                answer = connection.post(body, number)
                if answer.status != expect:
                    unexpected.append((answer.status, answer.body[:300]))
        except (OSError, http.client.HTTPException) as error:
            unexpected.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - started
    if unexpected:
        raise MeasurementFailed(f"expected only {expect}, got {unexpected[0]}")
    return requests / taken
