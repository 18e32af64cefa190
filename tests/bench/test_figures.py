"""The statistics of the benchmarks."""

import pytest

from bench.figures import Figure, Goal, is_noisy, percentile, ratios, spread


def test_a_spread_is_the_median_between_the_extremes() -> None:
    known = spread([5, 1, 3, 2, 4])
    assert (known.middle, known.low, known.high, known.count) == (3, 1, 5, 5)


def test_the_median_of_an_even_count_lies_between_its_neighbours() -> None:
    assert spread([4, 1, 2, 3]).middle == 2.5


def test_nothing_measured_says_nothing() -> None:
    with pytest.raises(ValueError, match="no measurement"):
        spread([])


@pytest.mark.parametrize(("share", "value"), [(50, 50), (99, 99), (100, 100), (0.5, 1)])
def test_a_percentile_is_the_value_of_the_nearest_rank(share: float, value: float) -> None:
    assert percentile(range(100, 0, -1), share) == value


def test_a_percentile_of_few_values_is_one_of_them() -> None:
    assert percentile([3, 1, 2], 99) == 3
    with pytest.raises(ValueError, match="no measurement"):
        percentile([], 50)


def test_ratios_are_taken_round_by_round() -> None:
    assert ratios([10, 30], [20, 10]) == (0.5, 3)


@pytest.mark.parametrize(("ours", "theirs"), [([1], [1, 2]), ([], [])])
def test_ratios_need_the_same_rounds(ours: list[float], theirs: list[float]) -> None:
    with pytest.raises(ValueError, match="same rounds"):
        ratios(ours, theirs)


def test_a_disturbed_round_does_not_move_a_ratio() -> None:
    calm, disturbed = 100.0, 50.0
    figure = Figure("ours / floor", ratios([calm, disturbed, calm], [200, 100, 200]), "×")
    assert (figure.spread.low, figure.spread.high) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("goal", "value", "is_met"),
    [
        (Goal(at_least=2), 2, True),
        (Goal(at_least=2), 1.99, False),
        (Goal(at_most=60), 60, True),
        (Goal(at_most=60), 60.1, False),
    ],
)
def test_a_goal_includes_its_bound(goal: Goal, value: float, is_met: bool) -> None:
    assert goal.is_met_by(value) is is_met


def test_a_goal_has_one_bound() -> None:
    with pytest.raises(ValueError, match="one bound"):
        Goal()
    with pytest.raises(ValueError, match="one bound"):
        Goal(at_least=1, at_most=2)


def test_the_median_decides_not_the_best_round() -> None:
    assert Figure("x", (3.0, 1.0, 1.0), "×", Goal(at_least=2)).is_met is False
    assert Figure("x", (3.0, 3.0, 1.0), "×", Goal(at_least=2)).is_met is True
    assert Figure("x", (3.0,), "×").is_met is None


def test_a_machine_is_noisy_when_the_same_work_takes_more_than_twice_as_long() -> None:
    assert is_noisy([10, 12, 20.1])
    assert not is_noisy([10, 12, 20])
