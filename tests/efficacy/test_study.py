"""Where two curves cross, by hand, and the interval of it."""

import numpy as np
import pytest
from study import bootstrapped_crossing, crossing, mirroring_picture

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize(
    ("lead", "at"),
    [
        ([-3, -2, -1, 1, 2], 0.625),
        ([-3, 1, -1, 3, 3], 0.5625),  # for good
        ([1, 1, 1, 1, 1], -np.inf),
        ([1, 1, 1, 1, -1], np.inf),
        ([-1, 0, 1, 1, 1], 0.25),
    ],
)
def test_a_lead_crosses_zero_where_a_ruler_says(lead, at):
    assert crossing(SHARES, np.array(lead, float)) == at


def test_the_interval_is_wide_as_the_seeds_are_scattered(tmp_path):
    line = np.array(SHARES)[:, None] + np.zeros(10)
    scatter = np.random.default_rng(1).normal(0, 0.1, (5, 10))
    flat = np.full((5, 10), 0.6)
    assert bootstrapped_crossing(SHARES, line, flat) == pytest.approx((0.6, 0.6, 0.6))
    at, low, high = bootstrapped_crossing(SHARES, line + scatter, flat)
    assert low < at < high
    assert 0.02 < high - low < 0.3
    assert low < 0.6 < high
    path = mirroring_picture({"one": line.tolist(), "other": flat.tolist()}, (at, low, high), tmp_path / "picture.png")
    assert path.stat().st_size > 1000
