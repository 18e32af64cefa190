"""P1: taking in an end user without documents, against a bare view and a plain DRF service."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

from bench import bodies, wrk
from bench.figures import Figure, Goal, ratios
from bench.machine import count_rows
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
    all_bursts: list[Burst] = field(default_factory=list)
    most: int = 1500

    def requests(self) -> Iterator[bytes]:
        template = bodies.ingest_body()
        for _ in count():
            body = template.replace(bodies.SLOT, f"{next(_numbers):010d}").encode()
            yield wrk.raw_post(self.path, body, {**self.headers, "idempotency-key": str(uuid4())})

    def burst(self, run: Run, *, pause: int = 0, connections: int = CONNECTIONS) -> Burst:
        burst = wrk.burst(
            port=self.server.port, requests=self.requests(), most=self.most, folder=run.folder,
            seconds=run.seconds, connections=connections, pause=pause,
        )  # fmt: skip
        burst.expect_only(201)
        self.most = int(burst.rate * run.seconds * wrk.PREPARED) + 200 if not pause else self.most
        self.all_bursts.append(burst)
        return burst

    def check_rows(self) -> str:
        """Every 201 is a row, and every row a 201, but for requests whose answer was not awaited."""
        created = sum(burst.count(201) for burst in self.all_bursts)
        lost = sum(burst.lost for burst in self.all_bursts)
        rows = count_rows(self.server.project.database_url, self.table)
        if not created <= rows <= created + lost:
            raise MeasurementFailed(
                f"{self.name}: {created} answers with 201, {lost} not awaited, {rows} rows"
            )
        return f"{self.name}: {created} answers with 201, {lost} not awaited, {rows} rows"


_numbers = count(1)


def measure(run: Run, *, ours: Server, floor: Server, drf: Server) -> Section:
    """Interleaved bursts at full speed, then one of ours at half of it."""
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
    half = half_load(run, targets[1])
    return _section(targets, half)


def half_load(run: Run, target: Target) -> list[tuple[Burst, float]]:
    """Bursts at about half of the full rate: with its share of full speed, each."""
    full = sorted(burst.rate for burst in target.bursts)[len(target.bursts) // 2]
    connections = 2 * CONNECTIONS
    pause = max(1, round(connections / (full / 2) * 1000 - 1000 * CONNECTIONS / full / 2))
    paced = (target.burst(run, pause=pause, connections=connections) for _ in range(run.few))
    return [(burst, burst.rate / full) for burst in paced]


def _section(targets: Sequence[Target], half: Sequence[tuple[Burst, float]]) -> Section:
    floor, ours, drf = ([burst.rate for burst in target.bursts] for target in targets)
    return Section(
        f"P1 Ingest without documents: {bodies.INGEST_BYTES} bytes, {CONNECTIONS} connections",
        routes=[
            Route(t.name, *zip(*((b.rate, b.p50, b.p99) for b in t.bursts), strict=True)) for t in targets
        ],
        figures=[
            Figure("Vouch / bare view", ratios(ours, floor), "×", Goal(at_least=0.5)),
            Figure("Vouch / DRF", ratios(ours, drf), "×", Goal(at_least=2)),
            Figure("p99 at half load", tuple(b.p99 for b, _ in half), "ms", Goal(at_most=60)),
            Figure("… half load was", tuple(100 * share for _, share in half), "% of full"),
        ],
        notes=[target.check_rows() for target in targets],
    )
