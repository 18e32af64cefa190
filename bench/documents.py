"""P2: taking in an end user with one document, against reading and hashing, and against DRF with Fernet."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

from bench import bodies, sender
from bench.figures import Figure, Goal, ratios
from bench.machine import forget_peak, memory_mebibytes
from bench.report import Route, Section
from bench.run import Run
from bench.sender import Connection, LargeBody
from bench.servers import Project, Server, sign_in
from bench.wrk import MeasurementFailed

MEBIBYTE = 1024 * 1024
LARGE, SMALL = 10 * MEBIBYTE, 3 * MEBIBYTE // 10
AT_ONCE = 4

_numbers = count(1)


@dataclass(slots=True)
class Target:
    """One route and its rates by size of the document."""

    name: str
    server: Server
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    rates: dict[int, list[float]] = field(default_factory=dict)

    def connect(self) -> Connection:
        return Connection(self.server.port, self.path, self.headers)

    def burst(self, body: LargeBody, requests: int, connections: int) -> float:
        first = next(_numbers) * 100_000
        return sender.rate(
            connect=self.connect,
            body=body,
            first=first,
            requests=requests,
            connections=connections,
            expect=201,
        )


def measure(run: Run, *, ours: Server, floor: Server, drf: Server) -> list[Section]:
    """Rates for both sizes, replays, and the memory of fresh workers."""
    large, small = bodies.with_document(LARGE), bodies.with_document(SMALL)
    targets = [
        Target("read + SHA-256", floor, "/document"),
        Target("Vouch", ours, "/v1/users", sign_in(ours)),
        Target("DRF + Fernet", drf, "/document"),
    ]
    kinds = ((LARGE, large, 6 if run.is_quick else 10, 2), (SMALL, small, 40 if run.is_quick else 100, 4))
    for size, body, requests, connections in kinds:
        for target in targets:
            target.burst(body, max(4, requests // 4), connections)
            target.rates[size] = []
        for _ in run.rounds():
            for target in targets:
                target.rates[size].append(target.burst(body, requests, connections))
    replays = _replays(targets[1], large, 4 if run.is_quick else 8)
    return [
        _section(targets, LARGE, "10 MiB, 2 connections", replays),
        _section(targets, SMALL, "0.3 MiB, 4 connections"),
    ]


def _replays(target: Target, body: LargeBody, times: int) -> Figure:
    """How long a known key takes, as a share of how long it took the first time."""
    connection = target.connect()
    shares = []
    for _ in range(times):
        number, key = next(_numbers) * 100_000, str(uuid4())
        first, again = (connection.post(body, number, key=key) for _ in range(2))
        if (first.status, again.status) != (201, 200):
            raise MeasurementFailed(f"a replay answered {first.status}, then {again.status}")
        shares.append(again.seconds / first.seconds)
    connection.close()
    return Figure("replay of a known key / first POST", tuple(shares), "×", Goal(at_most=0.5))


def _section(targets: Sequence[Target], size: int, title: str, *more: Figure) -> Section:
    floor, ours, drf = (target.rates[size] for target in targets)
    is_large = size == LARGE
    return Section(
        f"P2 Ingest with one document: {title}",
        routes=[Route(target.name, target.rates[size]) for target in targets],
        figures=[
            Figure(
                "Vouch / read + SHA-256", ratios(ours, floor), "×", Goal(at_least=0.25) if is_large else None
            ),
            Figure("Vouch / DRF + Fernet", ratios(ours, drf), "×", Goal(at_least=2.5) if is_large else None),
            *more,
        ],
    )


# --- Memory ---------------------------------------------------------------------------------------


def measure_memory(run: Run, projects: Sequence[tuple[str, Project, str]]) -> Section:
    """How far one worker's peak rises above its rest, for one document of 10 MiB and for four at once."""
    body = bodies.with_document(LARGE)
    section = Section("P2 Memory of one worker: rise of VmHWM above rest, documents of 10 MiB")
    for name, project, path in projects:
        with project.served(workers=1) as server:
            headers = sign_in(server) if project.name == "ours" else {}
            one, four = _rises(server, Target(name, server, path, headers), body, 1 if run.is_quick else 3)
        is_ours = project.name == "ours"
        section.figures += [
            Figure(f"{name}: one", one, "× document", Goal(at_most=5) if is_ours else None),
            Figure(f"{name}: four at once", four, "MiB", Goal(at_most=220) if is_ours else None),
        ]
    return section


def _rises(
    server: Server, target: Target, body: LargeBody, times: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    (worker,) = server.workers
    target.burst(bodies.with_document(1024 * 16), 20, AT_ONCE)  # everything is loaded, every thread has run
    base = memory_mebibytes(worker, "VmRSS")

    def rise(act: Callable[[], object]) -> float:
        forget_peak(worker)
        act()
        return memory_mebibytes(worker, "VmHWM") - base

    one = tuple(rise(lambda: target.burst(body, 1, 1)) * MEBIBYTE / LARGE for _ in range(times))
    four = tuple(rise(lambda: _at_once(target, body)) for _ in range(times))
    return one, four


def _at_once(target: Target, body: LargeBody) -> None:
    """Everybody begins to send at the same moment."""
    barrier = threading.Barrier(AT_ONCE)

    def connect() -> Connection:
        connection = target.connect()
        barrier.wait()
        return connection

    first = next(_numbers) * 100_000
    sender.rate(connect=connect, body=body, first=first, requests=AT_ONCE, connections=AT_ONCE, expect=201)
