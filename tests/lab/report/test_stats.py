import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats as scipy_stats

from scenarios.lab.report import stats

NAN = (math.nan, math.nan)
numbers = st.integers(-50, 50).map(lambda k: k / 4)  # exact in floats, so ties are ties
runs = st.lists(numbers, min_size=2, max_size=12)
p_values = st.lists(st.floats(0, 1), max_size=8)


def normal(*shape, key=0):
    return np.random.default_rng(key).normal(size=shape)


# --- interquartile mean


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 100], 3.5),  # int(8 / 4) = 2 off each end: (2 + 3 + 4 + 5) / 4
        ([9, 1, 2, 6, 4], 4.0),  # int(5 / 4) = 1 off each end: (2 + 4 + 6) / 3
        ([1, 2, 6], 3.0),  # int(3 / 4) = 0: the mean
        ([7], 7.0),
    ],
)
def test_the_interquartile_mean_leaves_out_a_whole_number_of_runs_at_each_end(values, expected):
    assert stats.iqm(values) == pytest.approx(expected)


@pytest.mark.parametrize("n", range(1, 14))
def test_the_interquartile_mean_is_scipys_trimmed_mean_column_by_column(n):
    values = normal(n, 3)
    assert stats.iqm(values) == pytest.approx(scipy_stats.trim_mean(values, 0.25, axis=0))
    assert stats.iqm(values.T, axis=1) == pytest.approx(stats.iqm(values))


def test_without_runs_the_interquartile_mean_is_nan_and_below_two_there_is_no_interval():
    assert math.isnan(stats.iqm([]))
    assert np.isnan(stats.iqm(np.empty((0, 3)))).tolist() == [True] * 3
    for few in ([], [3.0]):
        assert stats.iqm_interval(few) == pytest.approx(NAN, nan_ok=True)
    low, high = stats.iqm_interval(np.ones((1, 4)))
    assert low.shape == high.shape == (4,)
    assert np.isnan([low, high]).all()


def test_the_interval_of_two_runs_is_theirs():
    # Resamples of {0, 1}: 0, 1/2, 1 with probability 1/4, 1/2, 1/4, so both 2.5 % points are the ends.
    assert stats.iqm_interval([0, 1]) == (0, 1)
    assert stats.iqm_interval([3, 3, 3, 3]) == (3, 3)


@pytest.mark.parametrize("n", [5, 10, 30])
def test_the_interval_of_the_interquartile_mean_is_scipys_percentile_bootstrap(n):
    values = normal(n, key=n)
    theirs = scipy_stats.bootstrap(
        (values,), lambda x, axis: scipy_stats.trim_mean(x, 0.25, axis=axis), n_resamples=20_000, method="percentile", rng=1
    )
    # An end is a 2.5 % point of 1,999 draws: its error is about 5 % of the width (one part in 20).
    allowed = 0.1 * (theirs.confidence_interval.high - theirs.confidence_interval.low)
    assert stats.iqm_interval(values) == pytest.approx(tuple(theirs.confidence_interval), abs=allowed)


def test_the_bootstrap_takes_the_50th_smallest_and_the_50th_largest_of_1999():
    assert stats._percentiles(np.random.default_rng(0).permutation(np.arange(1.0, 2000))) == (50, 1950)


def test_the_columns_of_a_curve_are_resampled_alike():
    values = normal(9, 5)
    low, high = stats.iqm_interval(values)
    for column in range(5):
        assert stats.iqm_interval(values[:, column]) == (low[column], high[column])
    # A column in another order of the runs is another study: alike means run by run, not rank by rank.
    assert stats.iqm_interval(values[::-1, 0]) != (low[0], high[0])


def test_a_diverged_run_does_not_hide_the_interval():
    low, high = stats.iqm_interval([-math.inf, 1, 2, 3, 4, 5, 6, 7])
    assert low == -math.inf  # three of its kind in a resample of eight: two are cut, one is left
    assert 4 < high < 7
    assert stats.iqm([-math.inf, 1, 2, 3]) == 1.5


@given(arrays.arrays(float, st.integers(2, 12), elements=numbers))
def test_the_interval_holds_the_interquartile_mean_and_lies_within_the_runs(values):
    low, high = stats.iqm_interval(values)
    assert values.min() <= low <= stats.iqm(values) + 1e-12
    assert stats.iqm(values) - 1e-12 <= high <= values.max()
    assert stats.iqm_interval(values) == (low, high)


@given(runs)
def test_the_interval_moves_and_stretches_with_the_values(values):
    low, high = stats.iqm_interval(values)
    assert stats.iqm_interval([3 * value + 1 for value in values]) == pytest.approx((3 * low + 1, 3 * high + 1))


# --- superiority


def test_superiority_counts_wins_and_half_of_the_ties():
    # 3 beats 1, 2 and ties 3: 2.5; 2 beats 1, ties 2: 1.5; of 2 x 3 pairs: 4 / 6.
    assert stats.superiority([3, 2], [1, 2, 3]) == pytest.approx(4 / 6)
    assert stats.superiority([1, -math.inf], [-math.inf]) == 0.75
    assert math.isnan(stats.superiority([], [1]))
    assert math.isnan(stats.superiority([1], []))


def test_superiority_is_the_mann_whitney_statistic_over_all_pairs():
    a, b = normal(7), np.round(normal(11, key=1), 1)
    assert stats.superiority(a, b) == pytest.approx(scipy_stats.mannwhitneyu(a, b).statistic / 77)


@given(runs, runs)
def test_superiority_of_both_ways_is_one_and_so_are_the_intervals(a, b):
    assert stats.superiority(a, b) + stats.superiority(b, a) == pytest.approx(1)
    low, high = stats.superiority_interval(a, b)
    assert stats.superiority_interval(b, a) == pytest.approx((1 - high, 1 - low))
    assert 0 <= low <= stats.superiority(a, b) <= high <= 1
    assert high - low > 0.05


@given(runs, runs, st.randoms())
def test_superiority_sees_the_order_of_values_alone(a, b, random):
    rising = [[value**3 + value for value in values] for values in (a, b)]
    shuffled = [random.sample(values, len(values)) for values in (a, b)]
    for other in (rising, shuffled):
        assert stats.superiority(*other) == stats.superiority(a, b)
        assert stats.superiority_interval(*other) == stats.superiority_interval(a, b)
        assert stats.mann_whitney(*other) == pytest.approx(stats.mann_whitney(a, b))


def test_the_interval_of_superiority_is_that_of_an_independent_program():
    # The example of R's SingleCaseES::NAP, which uses the same method; its root is found to 1e-4.
    before, after = [20, 20, 26, 25, 22, 23], [28, 25, 24, 27, 30, 30, 29]
    assert stats.superiority(after, before) == pytest.approx(0.9166667, abs=1e-7)
    assert stats.superiority_interval(after, before) == pytest.approx((0.5973406, 0.9860176), abs=1e-4)


@pytest.mark.parametrize(("m", "n", "wins"), [(5, 5, 13), (5, 5, 25), (5, 5, 0), (30, 10, 270), (2, 2, 2)])
def test_the_ends_of_the_interval_solve_newcombes_equation(m, n, wins):
    # (theta - seen)^2 = z^2 V(theta), with denominators cleared: x = theta, q = x (1 - x), h = (m + n) / 2 - 1,
    # (x - seen)^2 (2 - x)(1 + x) m n = z^2 q (2 + h + (1 + 2 h) q): of its four roots two lie in [0, 1].
    x, h = np.polynomial.Polynomial([0, 1]), (m + n) / 2 - 1
    q, seen = x * (1 - x), wins / (m * n)
    z2 = scipy_stats.norm.ppf(0.975) ** 2
    roots = ((x - seen) ** 2 * (2 - x) * (1 + x) * m * n - z2 * q * (2 + h + (1 + 2 * h) * q)).roots()
    expected = sorted(root.real for root in roots if abs(root.imag) < 1e-9 and -1e-9 <= root.real <= 1 + 1e-9)
    # wins out of m x n pairs: each of b's values in turn is put below that many of a's.
    a = np.arange(m)
    each = [wins // n + (place < wins % n) for place in range(n)]
    b = [m - count - 0.5 for count in each]
    assert stats.superiority(a, b) == pytest.approx(seen)
    assert stats.superiority_interval(a, b) == pytest.approx((expected[0], expected[-1]), abs=1e-7)


def test_a_clean_sweep_keeps_an_interval_that_shrinks_with_the_seeds():
    widths = []
    for n in (2, 5, 10, 20, 30):
        low, high = stats.superiority_interval(np.arange(n) + 100, np.arange(n))
        assert high == 1
        widths.append(1 - low)
    assert widths == sorted(widths, reverse=True)
    # n = 5, x = 1 - .3573: x (1 - x) = .22964; (1 - x)^2 (2 - x) (1 + x) 25 = 7.116 = 3.8415 x .22964 (6 + 9 x .22964).
    assert widths[1] == pytest.approx(0.3573, abs=1e-4)
    assert widths[-1] < 0.1


@pytest.mark.parametrize(("a", "b"), [([], []), ([1], []), ([1], [2, 3, 4]), ([2, 3, 4], [1])])
def test_superiority_has_no_interval_with_fewer_than_two_runs(a, b):
    assert stats.superiority_interval(a, b) == pytest.approx(NAN, nan_ok=True)


# --- superiority over scenarios


def test_superiority_over_scenarios_is_the_mean_of_theirs():
    pairs = [([3, 2], [1, 2, 3]), ([1, 2], [3, 4]), (normal(9), normal(7, key=1))]
    value, low, high = stats.superiority_over(pairs)
    assert value == pytest.approx(np.mean([stats.superiority(*pair) for pair in pairs]))  # 4/6, 0, ...
    assert low <= value <= high
    assert stats.superiority_over(pairs) == (value, low, high)
    assert stats.superiority_over(iter(pairs)) == (value, low, high)


def test_its_interval_is_scipys_bootstrap_of_every_method_and_scenario_by_itself():
    samples = [normal(n, key=n) + shift for n, shift in ((8, 1), (9, 0), (12, 0), (10, 0))]

    def statistic(a1, b1, a2, b2, axis):
        return sum((a[..., :, None] > b[..., None, :]).mean(axis=(-2, -1)) for a, b in ((a1, b1), (a2, b2))) / 2

    theirs = scipy_stats.bootstrap(samples, statistic, n_resamples=9999, method="percentile", batch=500, rng=1)
    ours = stats.superiority_over([samples[:2], samples[2:]])
    assert ours[1:] == pytest.approx(tuple(theirs.confidence_interval), abs=0.03)


def test_scenarios_are_resampled_independently_so_that_four_times_as_many_halve_the_interval():
    pair = normal(10), normal(10, key=1)
    widths = [high - low for _, low, high in (stats.superiority_over([pair] * k) for k in (1, 4, 16))]
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.1)
    assert widths[1] / widths[2] == pytest.approx(2, rel=0.1)


def test_the_methods_are_resampled_independently():
    # A method against itself ties with itself; resampled together it would tie in every resample.
    values = np.arange(10)
    _, low, high = stats.superiority_over([(values, values)])
    assert low < 0.35
    assert high > 0.65


def test_superiority_over_scenarios_says_nothing_where_one_has_no_runs_and_no_interval_where_one_has_one():
    assert stats.superiority_over([]) == pytest.approx((math.nan, *NAN), nan_ok=True)
    assert stats.superiority_over([([1, 2], [0, 1]), ([], [1])]) == pytest.approx((math.nan, *NAN), nan_ok=True)
    assert stats.superiority_over([([1, 2], [0, 0]), ([1], [1, 1])]) == pytest.approx((0.75, *NAN), nan_ok=True)


# --- success


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 5), (3, 5), (5, 5), (7, 10), (30, 30), (1, 1000)])
def test_wilson_is_scipys(k, n):
    theirs = scipy_stats.binomtest(k, n).proportion_ci(method="wilson")
    assert stats.wilson(k, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilson_by_hand():
    # 0 of n: the lower end is 0, the upper z^2 / (n + z^2) = 3.8415 / 8.8415.
    low, high = stats.wilson(0, 5)
    assert low == 0
    assert high == pytest.approx(3.841459 / 8.841459, abs=1e-7)
    assert stats.wilson(5, 5)[1] == 1


def test_wilson_of_no_runs_is_none_and_impossible_counts_are_refused():
    assert stats.wilson(0, 0) == pytest.approx(NAN, nan_ok=True)
    for k, n in ((6, 5), (-1, 5), (1, 0)):
        with pytest.raises(ValueError, match="successes must be from 0 to n"):
            stats.wilson(k, n)


def test_the_expected_running_time_charges_failures_to_the_successes():
    # (10 + 20 + 100 + 100) / 2: the mean of the successes alone would say 15.
    value, low, high = stats.expected_running_time([10, 20, 100, 100], [True, True, False, False])
    assert value == 115
    # The cheapest resamples are nearly all tens; one in 16 has no success at all.
    assert 10 <= low <= 20
    assert high == math.inf


def test_where_all_succeed_the_expected_running_time_is_the_mean():
    costs = np.exp(normal(20))
    value, low, high = stats.expected_running_time(costs, np.ones(20))
    assert value == pytest.approx(costs.mean())
    theirs = scipy_stats.bootstrap((costs,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    assert (low, high) == pytest.approx(tuple(theirs), abs=0.1 * (theirs.high - theirs.low))


def test_costs_and_outcomes_of_a_run_are_resampled_together():
    # Successes cost 1, failures 9: with k of 20 successes the resample says (k + 9 (20 - k)) / k = 180 / k - 8, and k
    # is binomial(20, 1/2), whose 2.5 % points are 6 and 14.
    solved = [True, False] * 10
    value, low, high = stats.expected_running_time(np.where(solved, 1.0, 9.0), solved)
    assert value == 10
    assert (low, high) == pytest.approx((180 / 14 - 8, 180 / 6 - 8))


def test_without_success_the_expected_running_time_is_infinite_but_its_low_end_is_not():
    value, low, high = stats.expected_running_time([50, 100, 150], [False] * 3)
    assert value == high == math.inf
    # Mean cost 100, over the highest rate that 0 of 3 allow: 3.8415 / 6.8415.
    assert low == pytest.approx(100 / (3.841459 / 6.841459), rel=1e-6)


def test_the_expected_running_time_of_none_and_of_one_run():
    assert stats.expected_running_time([], []) == pytest.approx((math.nan, *NAN), nan_ok=True)
    assert stats.expected_running_time([5], [True]) == pytest.approx((5, *NAN), nan_ok=True)
    assert stats.expected_running_time([5], [False]) == pytest.approx((math.inf, *NAN), nan_ok=True)


@given(st.lists(st.tuples(st.integers(1, 100), st.booleans()), min_size=2, max_size=12))
def test_the_interval_holds_the_expected_running_time(outcomes):
    costs, solved = zip(*outcomes)
    value, low, high = stats.expected_running_time(costs, solved)
    assert low > 0
    assert low <= value * (1 + 1e-12)
    assert value <= high * (1 + 1e-12)
    assert stats.expected_running_time(costs, solved) == (value, low, high)


def test_the_share_solved_by_a_cost_counts_all_runs():
    # Of 5 runs three are solved, at 10, 10 and 30.
    cost, share = stats.ecdf([10, 50, 30, 10, 50], [True, False, True, True, False])
    assert cost.tolist() == [0, 10, 30]
    assert share.tolist() == pytest.approx([0, 2 / 5, 3 / 5])
    # Five more failed and left no cost behind.
    assert stats.ecdf([10, 50, 30, 10, 50], [True, False, True, True, False], 10)[1].tolist() == pytest.approx([0, 0.2, 0.3])


def test_the_share_solved_without_success_or_without_runs_stays_zero():
    for costs in ([], [5.0, 6.0]):
        cost, share = stats.ecdf(costs, [False] * len(costs))
        assert cost.tolist() == share.tolist() == [0]


def test_the_share_solved_is_scipys_where_all_are_solved():
    costs = np.exp(normal(15))
    theirs = scipy_stats.ecdf(costs).cdf
    cost, share = stats.ecdf(costs, np.ones(15))
    assert cost[1:] == pytest.approx(theirs.quantiles)
    assert share[1:] == pytest.approx(theirs.probabilities)


def test_more_runs_than_there_were_are_refused():
    with pytest.raises(ValueError, match="at least 2; got 1"):
        stats.ecdf([1, 2], [True, True], 1)


# --- tests of a difference


def test_mann_whitney_by_hand():
    # 4 x 4 without overlap: 2 of the C(8, 4) = 70 orders are so extreme.
    assert stats.mann_whitney([5, 6, 7, 8], [1, 2, 3, 4]) == pytest.approx(2 / 70)
    # 2 x 2: U = 3 or 4, 1 or 0 in 4 of the 6 orders.
    assert stats.mann_whitney([2, 4], [1, 3]) == pytest.approx(4 / 6)
    assert stats.mann_whitney([1], [2]) == 1
    # 9 x 9 without overlap: U = 81, mean 40.5, variance 9 x 9 x 19 / 12 = 128.25: z = (40.5 - 0.5) / 11.325 = 3.532.
    assert stats.mann_whitney(np.arange(9) + 9, np.arange(9)) == pytest.approx(2 * scipy_stats.norm.sf(40 / 128.25**0.5))


@pytest.mark.parametrize("n", [4, 8, 9, 25])
def test_mann_whitney_is_the_permutation_tests(n):
    a, b = np.round(normal(n) + 0.7, 1), np.round(normal(n, key=1) + 0.01, 2)
    theirs = scipy_stats.permutation_test(
        (a, b),
        lambda x, y, axis: abs(scipy_stats.mannwhitneyu(x, y, axis=axis).statistic - n * n / 2),
        alternative="greater",
        n_resamples=2000,
        vectorized=True,
        rng=1,
    )
    assert stats.mann_whitney(a, b) == pytest.approx(theirs.pvalue, abs=0.04)


def test_equal_values_give_no_evidence_and_no_runs_no_test():
    assert stats.mann_whitney([1, 1, 1], [1, 1]) == 1
    assert stats.mann_whitney([-math.inf] * 9, [-math.inf] * 9) == 1
    assert math.isnan(stats.mann_whitney([], [1, 2]))
    assert math.isnan(stats.mann_whitney([1, 2], []))


def test_holm_by_hand():
    # Sorted .01 .02 .03 .04, times 4 3 2 1: .04 .06 .06 .04; never below an earlier one: .04 .06 .06 .06.
    assert stats.holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert stats.holm([0.6, 0.7]) == [1, 1]
    assert stats.holm([0.03]) == [0.03]
    assert stats.holm([]) == []


def test_a_test_that_was_not_possible_does_not_count():
    assert stats.holm([0.01, math.nan, 0.04]) == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)


@given(p_values, st.randoms())
def test_holm_is_never_below_the_raw_value_keeps_the_order_and_lies_between_none_and_bonferroni(raw, random):
    adjusted = stats.holm(raw)
    assert all(p <= q <= min(1, len(raw) * p) + 1e-12 for p, q in zip(raw, adjusted))
    for (p, q), (r, s) in itertools.combinations(zip(raw, adjusted), 2):
        assert q <= s if p <= r else s <= q
    places = random.sample(range(len(raw)), len(raw))
    assert stats.holm([raw[place] for place in places]) == [adjusted[place] for place in places]


@pytest.mark.parametrize(
    ("value", "word"),
    [
        *((0.5, "negligible"), (0.559, "negligible"), (0.56, "small"), (0.639, "small")),
        *((0.64, "medium"), (0.709, "medium"), (0.71, "large"), (1.0, "large")),
    ],
)
def test_magnitude_is_vargha_and_delaneys_and_the_same_on_both_sides(value, word):
    assert stats.magnitude(value) == stats.magnitude(round(1 - value, 3)) == word


def test_a_magnitude_of_nothing_is_refused():
    for value in (math.nan, -0.1, 1.1):
        with pytest.raises(ValueError, match="from 0 to 1 was expected"):
            stats.magnitude(value)


# --- what all of them promise


@pytest.mark.parametrize(
    "call",
    [
        lambda: stats.iqm([1, math.nan]),
        lambda: stats.iqm_interval([1, math.nan]),
        lambda: stats.superiority([1, math.nan], [1]),
        lambda: stats.superiority_over([([1, 2], [1, math.nan])]),
        lambda: stats.expected_running_time([1, math.nan], [True, True]),
        lambda: stats.mann_whitney([1, 2], [math.nan, 1]),
    ],
)
def test_a_run_without_a_value_is_refused_in_words(call):
    with pytest.raises(ValueError, match="1 of 2 are NaN: leave those runs out"):
        call()


def test_costs_and_outcomes_must_match():
    for call in (stats.expected_running_time, stats.ecdf):
        with pytest.raises(ValueError, match="one entry a run each"):
            call([1, 2, 3], [True])
