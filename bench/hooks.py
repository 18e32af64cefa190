"""P6: a partner's webhook, against verifying and one insert, and against dj-stripe."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from bench import bodies, wrk
from bench.figures import Figure, Goal, ratios
from bench.machine import count_rows
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
    all_bursts: list[Burst] = field(default_factory=list)
    most: int = 3000

    def signed(self) -> list[bytes]:
        """Fresh messages, enough for one burst."""
        events = islice(self.events(WEBHOOK_SECRET), self.most)
        return [wrk.raw_post(self.path, body, headers) for body, headers in events]

    def burst(self, run: Run, requests: Sequence[bytes], *, pause: int = 0) -> Burst:
        burst = send(run, self.server, requests, 200, pause=pause)
        self.most = max(self.most, int(burst.rate * run.seconds * wrk.PREPARED) + 200)
        self.all_bursts.append(burst)
        return burst

    def check_rows(self) -> str:
        """One row for every first message, however many duplicates there were."""
        kept = sum(burst.count(200) for burst in self.all_bursts)
        lost = sum(burst.lost for burst in self.all_bursts)
        rows = count_rows(self.server.project.database_url, self.table)
        if not kept <= rows <= kept + lost:
            raise MeasurementFailed(f"{self.name}: {kept} messages accepted, {lost} not awaited, {rows} rows")
        return f"{self.name}: {kept} messages accepted, {lost} not awaited, {rows} rows"


def send(
    run: Run,
    server: Server,
    requests: Iterable[bytes],
    expect: int,
    *,
    pause: int = 0,
    connections: int = CONNECTIONS,
) -> Burst:
    requests = list(requests)
    burst = wrk.burst(
        port=server.port, requests=requests, most=len(requests), folder=run.folder,
        seconds=run.seconds, connections=2 * connections if pause else connections, pause=pause,
    )  # fmt: skip
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
    half = _half_load(run, targets[1])
    return _section(targets, duplicates, forged, half)


def _forged(target: Target, most: int) -> list[bytes]:
    """Messages signed with another secret."""
    events = islice(target.events("another-secret"), most)
    return [wrk.raw_post(target.path, body, headers) for body, headers in events]


def _half_load(run: Run, target: Target) -> list[tuple[Burst, float]]:
    full = sorted(burst.rate for burst in target.bursts)[len(target.bursts) // 2]
    pause = max(1, round(2 * CONNECTIONS / (full / 2) * 1000 - 1000 * CONNECTIONS / full / 2))
    paced = (target.burst(run, target.signed(), pause=pause) for _ in range(run.few))
    return [(burst, burst.rate / full) for burst in paced]


def _section(
    targets: Sequence[Target],
    duplicates: Sequence[Burst],
    forged: Sequence[Burst],
    half: Sequence[tuple[Burst, float]],
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
        Figure("p99 at half load", tuple(b.p99 for b, _ in half), "ms", Goal(at_most=40)),
        Figure("… half load was", tuple(100 * share for _, share in half), "% of full"),
    ]
    return section
