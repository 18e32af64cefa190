"""Latency below full speed: requests at random moments, at about a wanted rate, from a few threads.

`wrk` measures full speed well, but not what happens between its own pauses.
"""

import http.client
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.figures import percentile
from bench.wrk import MeasurementFailed

CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Pace:
    """What came of it: requests per second, and the 99th percentile in milliseconds."""

    rate: float
    p99: float
    answered: int


def send(
    *,
    port: int,
    path: str,
    requests: Iterator[tuple[bytes, dict[str, str]]],
    rate: float,
    seconds: float,
    expect: int,
) -> Pace:
    """Send for so many seconds. Each thread waits for its answer, then for a random while."""
    taken: list[float] = []
    unexpected: list[object] = []
    lock = threading.Lock()
    mean_pause = CONNECTIONS / rate
    began = time.perf_counter()

    def work() -> None:
        moment = began + random.uniform(0, mean_pause)  # noqa: S311 - spread, not secrecy
        while moment < began + seconds and not unexpected:
            time.sleep(max(0.0, moment - time.perf_counter()))
            with lock:
                body, headers = next(requests)
            started = time.perf_counter()
            try:
                status = _post(port, path, body, headers)
            except (OSError, http.client.HTTPException) as error:
                unexpected.append(error)
                return
            taken.append((time.perf_counter() - started) * 1000)
            if status != expect:
                unexpected.append(status)
            moment = max(moment + random.uniform(0, 2 * mean_pause), time.perf_counter())  # noqa: S311

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if unexpected or not taken:
        raise MeasurementFailed(f"expected only {expect}, got {unexpected[:1] or 'nothing'}")
    return Pace(len(taken) / seconds, percentile(taken, 99), len(taken))


def _post(port: int, path: str, body: bytes, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()
