"""Bursts of small requests with `wrk`: prepared, each sent once, every answer counted."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

INSTALL = "sudo apt-get install wrk"
SCRIPT = Path(__file__).with_name("replay.lua")
DRAIN_SECONDS = 1
PREPARED = 1.7  # times what the last burst would use up


class MeasurementFailed(Exception):
    """A figure would say something that was not measured."""


@dataclass(frozen=True, slots=True)
class Burst:
    """What came of sending for some seconds. Latencies in milliseconds. `lost` were sent and never answered."""

    rate: float
    p50: float
    p99: float
    sent: int
    statuses: dict[int, int]

    @property
    def lost(self) -> int:
        return self.sent - sum(self.statuses.values())

    def count(self, status: int) -> int:
        return self.statuses.get(status, 0)

    def expect_only(self, status: int) -> None:
        """Raise unless every answer had this status, and there was one."""
        if set(self.statuses) != {status}:
            raise MeasurementFailed(f"expected only {status}, got {self.statuses}")


def is_installed() -> bool:
    return shutil.which("wrk") is not None


def raw_post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A request as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",  # as behind nginx; kept connections would all stay with the worker that took them
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def burst(
    *,
    port: int,
    requests: Iterable[bytes],
    most: int,
    folder: Path,
    seconds: float,
    connections: int,
) -> Burst:
    """Send from `requests`, at most `most`, for `seconds`, as fast as answers come."""
    prepared = folder / "requests"
    with prepared.open("wb") as file:
        for request in islice(requests, most):
            file.write(b"%d\n" % len(request) + request)
    whole = int(seconds + DRAIN_SECONDS + 0.999)
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{whole}s", "--timeout", "20s"]
    command += ["-s", str(SCRIPT), f"http://127.0.0.1:{port}/", "--", str(prepared), str(seconds)]
    done = subprocess.run(  # noqa: S603 - our own command
        command, capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    return read(done.stdout, done.stderr)


def read(output: str, errors: str = "") -> Burst:
    """The result line of replay.lua. Raises `MeasurementFailed` when there is none, or nothing was answered."""
    found = re.search(r"^RESULT (\{.*\})$", output, re.MULTILINE)
    told = json.loads(found.group(1)) if found else {}
    if not told.get("answered"):
        raise MeasurementFailed(f"wrk measured nothing: {(errors or output)[-500:]}")
    return Burst(
        rate=told["answered"] / told["seconds"],
        p50=told["p50"],
        p99=told["p99"],
        sent=told["sent"],
        statuses={int(code): count for code, count in told["statuses"].items()},
    )
