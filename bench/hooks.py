"""P6: a partner's webhook, against verifying and one insert, and against dj-stripe."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from bench import bodies, paced, wrk
from bench.figures import Figure, Goal, ratios, spread
from bench.machine import count_rows
from bench.paced import Pace
from bench.report import Route, Section
from bench.run import Run
from bench.servers import WEBHOOK_SECRET, Server
from bench.wrk import Burst, MeasurementFailed

CONNECTIONS = 8
Events = Callable[[str], Iterator[tuple[bytes, dict[str, str]]]]


@dataclass(slots=True)
class Target:
    """One receiver, and what came of every burst so far."""

    name: str
    server: Server
    path: str
    events: Events
    table: str
    bursts: list[Burst] = field(default_factory=list)
    kept: int = 0
    lost: int = 0
    most: int = 3000

    def signed(self) -> list[bytes]:
        """Fresh messages, enough for one burst."""
        events = islice(self.events(WEBHOOK_SECRET), self.most)
        return [wrk.raw_post(self.path, body, headers) for body, headers in events]

    def burst(self, run: Run, requests: Sequence[bytes]) -> Burst:
        burst = send(run, self.server, requests, 200)
        self.most = max(self.most, int(burst.rate * run.seconds * wrk.PREPARED) + 200)
        self.kept += burst.count(200)
        self.lost += burst.lost
        return burst

    def pace(self, run: Run, rate: float) -> Pace:
        pace = paced.send(
            port=self.server.port,
            path=self.path,
            requests=self.events(WEBHOOK_SECRET),
            rate=rate,
            seconds=run.paced_seconds,
            expect=200,
        )
        self.kept += pace.answered
        return pace

    def check_rows(self) -> str:
        """One row for every first message, however many duplicates there were."""
        rows = count_rows(self.server.project.database_url, self.table)
        told = f"{self.name}: {self.kept} messages accepted, {self.lost} not awaited, {rows} rows"
        if not self.kept <= rows <= self.kept + self.lost:
            raise MeasurementFailed(told)
        return told


def send(run: Run, server: Server, requests: Sequence[bytes], expect: int) -> Burst:
    """One burst whose every answer must be `expect`."""
    burst = wrk.burst(
        port=server.port,
        requests=requests,
        most=len(requests),
        folder=run.folder,
        seconds=run.seconds,
        connections=CONNECTIONS,
    )
    burst.expect_only(expect)
    return burst


def measure(run: Run, *, ours: Server, floor: Server, stripe: tuple[Server, str] | None) -> Section:
    """First messages, the same ones again, and forged ones, interleaved; then first messages at half load."""
    targets = [
        Target("verify + one insert", floor, "/hook", bodies.kira_events, "peers_hook"),
        Target("Vouch", ours, "/hooks/kira/", bodies.kira_events, "webhooks_webhookevent"),
    ]
    if stripe:
        targets.append(Target("dj-stripe", stripe[0], stripe[1], bodies.stripe_events, "djstripe_event"))
    duplicates: list[Burst] = []
    forged: list[Burst] = []
    for target in targets:
        target.burst(run, target.signed())
    for _ in run.rounds():
        for target in targets:
            messages = target.signed()
            burst = target.burst(run, messages)
            target.bursts.append(burst)
            if target is targets[1]:
                duplicates.append(send(run, ours, messages[: burst.count(200)], 200))
                forged.append(send(run, ours, _forged(target, 4 * target.most), 401))
    full = spread(burst.rate for burst in targets[1].bursts).middle
    half = [targets[1].pace(run, full / 2) for _ in range(run.few)]
    return _section(targets, duplicates, forged, half, full)


def _forged(target: Target, most: int) -> list[bytes]:
    """Messages signed with another secret."""
    events = islice(target.events("another-secret"), most)
    return [wrk.raw_post(target.path, body, headers) for body, headers in events]


def _section(
    targets: Sequence[Target],
    duplicates: Sequence[Burst],
    forged: Sequence[Burst],
    half: Sequence[Pace],
    full: float,
) -> Section:
    floor, ours, *others = ([burst.rate for burst in target.bursts] for target in targets)
    columns = [(t.name, t.bursts) for t in targets]
    columns += [("Vouch, duplicates", list(duplicates)), ("Vouch, forged", list(forged))]
    section = Section(
        f"P6 Webhook in: {bodies.EVENT_BYTES} bytes, {CONNECTIONS} connections",
        routes=[
            Route(name, *zip(*((b.rate, b.p50, b.p99) for b in bursts), strict=True))
            for name, bursts in columns
        ],
        figures=[Figure("Vouch / verify + insert", ratios(ours, floor), "×", Goal(at_least=0.85))],
        notes=[target.check_rows() for target in targets],
    )
    if others:
        section.figures.append(Figure("Vouch / dj-stripe", ratios(ours, others[0]), "×", Goal(at_least=8)))
    else:
        section.notes.append("dj-stripe is left out: its environment could not be installed (see above)")
    section.figures += [
        Figure("duplicates / firsts", ratios([b.rate for b in duplicates], ours), "×", Goal(at_least=1)),
        Figure("forged / firsts", ratios([b.rate for b in forged], ours), "×", Goal(at_least=2)),
        Figure("p99 at half load", tuple(pace.p99 for pace in half), "ms", Goal(at_most=40)),
        Figure("… half load was", tuple(100 * pace.rate / full for pace in half), "% of full"),
    ]
    return section
