"""The report as Markdown tables, which read well in a terminal too. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.figures import Figure, Spread, spread

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


@dataclass(frozen=True, slots=True)
class Route:
    """What one route reached in every round: requests per second, and latencies in milliseconds where known."""

    name: str
    rates: Sequence[float]
    p50s: Sequence[float] = ()
    p99s: Sequence[float] = ()


@dataclass(slots=True)
class Section:
    """One benchmark."""

    title: str
    routes: list[Route] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def render(sections: Iterable[Section]) -> str:
    """All sections, ending in a line feed."""
    return "\n".join(_section(section) for section in sections)


def missed(sections: Iterable[Section]) -> list[Figure]:
    return [figure for section in sections for figure in section.figures if figure.is_met is False]


def put_between_marks(page: str, text: str) -> str:
    """The page with `text` in place of what stands between its marks. Raises ValueError when it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def _section(section: Section) -> str:
    parts = [f"### {section.title}", ""]
    if section.routes:
        head = ("route", "per second", "lowest – highest", "p50 ms", "p99 ms")
        parts += [*_table(head, [_route(route) for route in section.routes]), ""]
    if section.figures:
        head = ("figure", "median", "lowest – highest", "goal", "")
        parts += [*_table(head, [_figure(figure) for figure in section.figures]), ""]
    parts += [f"- {note}" for note in section.notes]
    return "\n".join(parts).rstrip() + "\n"


def _route(route: Route) -> tuple[str, ...]:
    rates = spread(route.rates)
    latencies = (_middle(values) for values in (route.p50s, route.p99s))
    return (route.name, number(rates.middle), _range(rates), *latencies)


def _figure(figure: Figure) -> tuple[str, ...]:
    known = figure.spread
    goal = f"{figure.goal} {figure.unit}".strip() if figure.goal else "–"
    verdict = {True: "met", False: "MISSED", None: ""}[figure.is_met]
    return (figure.name, f"{number(known.middle)} {figure.unit}".strip(), _range(known), goal, verdict)


def _middle(values: Sequence[float]) -> str:
    return number(spread(values).middle) if values else "–"


def _range(known: Spread) -> str:
    return f"{number(known.low)} – {number(known.high)}" if known.count > 1 else "one measurement"


def number(value: float) -> str:
    """Three digits that say something."""
    for bound, digits in ((100, 0), (10, 1), (1, 2)):
        if abs(value) >= bound:
            return f"{value:.{digits}f}"
    return f"{value:.3f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
