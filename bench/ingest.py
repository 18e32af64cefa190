"""P1: taking in an end user without documents, against a bare view and a plain DRF service."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

from bench import bodies, paced, wrk
from bench.figures import Figure, Goal, ratios, spread
from bench.machine import count_rows
from bench.paced import Pace
from bench.report import Route, Section
from bench.run import Run
from bench.servers import Server, sign_in
from bench.wrk import Burst, MeasurementFailed

CONNECTIONS = 8


@dataclass(slots=True)
class Target:
    """One route, its endless requests, and what came of every burst so far."""

    name: str
    server: Server
    path: str
    table: str
    headers: dict[str, str] = field(default_factory=dict)
    bursts: list[Burst] = field(default_factory=list)
    created: int = 0
    lost: int = 0
    most: int = 1500

    def messages(self) -> Iterator[tuple[bytes, dict[str, str]]]:
        """Bodies and headers without end, each for one use."""
        template = bodies.ingest_body()
        for _ in count():
            body = template.replace(bodies.SLOT, f"{next(_numbers):010d}").encode()
            yield body, {**self.headers, "idempotency-key": str(uuid4())}

    def burst(self, run: Run) -> Burst:
        burst = wrk.burst(
            port=self.server.port,
            requests=(wrk.raw_post(self.path, body, headers) for body, headers in self.messages()),
            most=self.most,
            folder=run.folder,
            seconds=run.seconds,
            connections=CONNECTIONS,
        )
        burst.expect_only(201)
        self.most = int(burst.rate * run.seconds * wrk.PREPARED) + 200
        self.created += burst.count(201)
        self.lost += burst.lost
        return burst

    def pace(self, run: Run, rate: float) -> Pace:
        pace = paced.send(
            port=self.server.port,
            path=self.path,
            requests=self.messages(),
            rate=rate,
            seconds=run.paced_seconds,
            expect=201,
        )
        self.created += pace.answered
        return pace

    def check_rows(self) -> str:
        """Every 201 is a row, and every row a 201, but for requests whose answer was not awaited."""
        rows = count_rows(self.server.project.database_url, self.table)
        told = f"{self.name}: {self.created} answers with 201, {self.lost} not awaited, {rows} rows"
        if not self.created <= rows <= self.created + self.lost:
            raise MeasurementFailed(told)
        return told


_numbers = count(1)


def measure(run: Run, *, ours: Server, floor: Server, drf: Server) -> Section:
    """Interleaved bursts at full speed, then ours at half of it."""
    targets = [
        Target("bare view, one statement", floor, "/ingest", "peers_user"),
        Target("Vouch", ours, "/v1/users", "onboarding_enduser", sign_in(ours)),
        Target("DRF ModelSerializer", drf, "/ingest", "peers_user"),
    ]
    for target in targets:
        target.burst(run)  # warms up, and tells how much to prepare
    for _ in run.rounds():
        for target in targets:
            target.bursts.append(target.burst(run))
    full = spread(burst.rate for burst in targets[1].bursts).middle
    half = [targets[1].pace(run, full / 2) for _ in range(run.few)]
    return _section(targets, half, full)


def _section(targets: Sequence[Target], half: Sequence[Pace], full: float) -> Section:
    floor, ours, drf = ([burst.rate for burst in target.bursts] for target in targets)
    return Section(
        f"P1 Ingest without documents: {bodies.INGEST_BYTES} bytes, {CONNECTIONS} connections",
        routes=[
            Route(t.name, *zip(*((b.rate, b.p50, b.p99) for b in t.bursts), strict=True)) for t in targets
        ],
        figures=[
            Figure("Vouch / bare view", ratios(ours, floor), "×", Goal(at_least=0.5)),
            Figure("Vouch / DRF", ratios(ours, drf), "×", Goal(at_least=2)),
            Figure("p99 at half load", tuple(pace.p99 for pace in half), "ms", Goal(at_most=60)),
            Figure("… half load was", tuple(100 * pace.rate / full for pace in half), "% of full"),
        ],
        notes=[target.check_rows() for target in targets],
    )
