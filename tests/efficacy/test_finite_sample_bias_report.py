"""The report of biases, on small runs."""

import re

import pytest
import torch
from finite_sample_bias import CASES, errors, lines

from scenarios.functions.samples import LOGISTIC
from scenarios.lab import load, run


def test_biases_of_stored_runs_and_their_paired_differences(tmp_path):
    values = {"methods": ["backprop", "backstitch"], "seeds": 2, "budget": {"steps": 2}, "runs": tmp_path, "jobs": 1}
    for name in ("finite_sample_bias", "finite_sample_bias_quadratic"):
        run(name, settings={"task.data_sets": 40}, **values)
    found = lines(tmp_path)
    assert [line.partition(":")[0] for line in found if line[0] != " "] == [
        "finite_sample_bias",
        "finite_sample_bias_quadratic",
    ]
    assert sum("moved from backprop's" in line for line in found) == 6  # two weights, all and finite; two weights
    assert "80 data sets, 0.0% stopped" in found[1]
    error, stopped, apart, seeds = errors(tmp_path / "finite_sample_bias" / "backstitch", LOGISTIC)
    b = [load(tmp_path / "finite_sample_bias" / "backstitch" / f"seed-{k}").champion.module.b.detach() for k in (0, 1)]
    assert error == pytest.approx((torch.cat(b) - torch.tensor(LOGISTIC.truth)).numpy())
    assert (stopped.sum(), seeds.sum()) == (0, 40)
    assert 0.05 < apart.mean() < 0.5
    (bias,) = re.findall(
        r"finite +slope +bias (\S+)", "\n".join(found[found.index(next(x for x in found if "backstitch:" in x)) :])
    )[:1]
    assert float(bias) == pytest.approx(error[~apart, 1].mean(), abs=1e-5)


def test_a_folder_without_such_runs_has_no_lines(tmp_path):
    assert lines(tmp_path) == []
    assert len(CASES) == 3
