"""What the benchmarks print."""

import pytest

from bench.figures import Figure, Goal
from bench.report import BEGIN, END, Route, Section, missed, number, put_between_marks, render

SECTION = Section(
    "P0 Example",
    routes=[Route("ours", [100, 300, 200], [1, 2, 3], [7, 9, 8]), Route("floor", [1000])],
    figures=[
        Figure("ours / floor", (0.1, 0.3, 0.2), "×", Goal(at_least=0.5)),
        Figure("p99", (50.0,), "ms", Goal(at_most=60)),
        Figure("share", (48.5, 51.5), "%"),
    ],
    notes=["ours: 600 rows"],
)


def test_a_section_shows_median_spread_and_goal_of_every_figure() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in render([SECTION]).splitlines()]
    assert ["ours", "200", "100 – 300", "2.00", "8.00"] in rows
    assert ["floor", "1000", "one measurement", "–", "–"] in rows
    assert ["ours / floor", "0.200 ×", "0.100 – 0.300", "≥ 0.5 ×", "MISSED"] in rows
    assert ["p99", "50.0 ms", "one measurement", "≤ 60 ms", "met"] in rows
    assert ["share", "50.0 %", "48.5 – 51.5", "–", ""] in rows
    assert "- ours: 600 rows" in render([SECTION])


def test_only_figures_that_miss_their_goal_are_missed() -> None:
    assert [figure.name for figure in missed([SECTION])] == ["ours / floor"]


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1234"), (99.94, "99.9"), (2.345, "2.35"), (0.04567, "0.046")]
)
def test_numbers_have_about_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_page_gets_the_report_between_its_marks_and_keeps_the_rest() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert put_between_marks(page, "new\n") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="has no"):
        put_between_marks("a page", "new")
