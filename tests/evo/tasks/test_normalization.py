import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evo.tasks.normalization import LaneMoments, Normalized, NormalizedModel, ObservationStatistics
from evo.vectors.encoding import Parameters
from evo.vectors.models import TorchModel
from evo.vectors.modules import MLP


def moments(rows):
    rows = np.asarray(rows, float)
    lane = LaneMoments(1, rows.shape[1])
    for row in rows:
        lane.add(row[None], np.array([True]))
    return lane.merged()


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 2), min_size=1, max_size=8), min_size=1, max_size=5))
def test_merged_parts_have_the_mean_and_std_of_all_rows(parts):
    statistics = ObservationStatistics(2)
    for part in parts:
        statistics.update(moments(part))
    rows = np.concatenate([np.array(part) for part in parts])
    variance = rows.var(axis=0)
    expected = np.where(variance > 1e-9, np.sqrt(variance), 1.0)
    np.testing.assert_allclose(statistics.mean.numpy(), rows.mean(axis=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(np.where(variance > 1e-9, statistics.std.numpy(), 1.0), expected, rtol=1e-4, atol=1e-4)


def test_variance_survives_a_large_offset():
    rows = 1e8 + np.array([[0.0], [1.0], [2.0], [3.0]])
    statistics = ObservationStatistics(1)
    statistics.update(moments(rows[:2]))
    statistics.update(moments(rows[2:]))
    assert statistics.std.item() == pytest.approx(rows.std(), rel=1e-6)


def test_a_lane_stops_counting_when_it_is_done():
    rows = np.arange(24.0).reshape(4, 3, 2) ** 1.5  # ticks, lanes, features
    lengths = [4, 1, 2]
    lanes = LaneMoments(3, 2)
    for tick, row in enumerate(rows):
        lanes.add(row, np.array([tick < length for length in lengths]))
    seen = np.concatenate([rows[:length, lane] for lane, length in enumerate(lengths)])
    count, mean, m2 = lanes.merged().numpy()
    assert (count == len(seen)).all()
    np.testing.assert_allclose(mean, seen.mean(axis=0))
    np.testing.assert_allclose(m2, seen.var(axis=0) * len(seen))


def test_a_lane_with_nan_is_left_out_and_a_dead_lane_may_hold_anything():
    lanes = LaneMoments(3, 1)
    lanes.add(np.array([[1.0], [np.nan], [3.0]]), np.array([True, True, True]))
    lanes.add(np.array([[2.0], [1.0], [np.nan]]), np.array([True, True, False]))
    count, mean, m2 = lanes.merged().numpy()[:, 0]
    assert (count, mean) == (3.0, 2.0)
    assert m2 == pytest.approx(2.0)


def test_before_anything_was_seen_inputs_pass_unchanged():
    statistics = ObservationStatistics(3)
    assert statistics.mean.tolist() == [0, 0, 0]
    assert statistics.std.tolist() == [1, 1, 1]
    statistics.update(LaneMoments(2, 3).merged())
    assert statistics.mean.tolist() == [0, 0, 0]


def test_a_feature_that_never_varies_is_centred_and_not_scaled():
    statistics = ObservationStatistics(1)
    statistics.update(moments([[7.0]] * 5))
    assert (statistics.mean.item(), statistics.std.item()) == (7.0, 1.0)


def test_state_dict_restores_the_statistics_to_the_bit_and_is_a_copy():
    one, other = ObservationStatistics(2), ObservationStatistics(2)
    one.update(moments([[1.0, 2.0], [3.0, 5.0]]))
    state = one.state_dict()
    one.update(moments([[9.0, 9.0]]))
    other.load_state_dict(state)
    other.update(moments([[9.0, 9.0]]))
    assert torch.equal(one.state_dict()["moments"], other.state_dict()["moments"])


def test_update_refuses_moments_of_other_features():
    with pytest.raises(ValueError, match=r"shape \(3, 2\); got \(3, 4\)"):
        ObservationStatistics(2).update(torch.zeros(3, 4, dtype=torch.float64))


@pytest.fixture
def statistics():
    made = ObservationStatistics(3)
    made.update(moments([[1.0, 10.0, -2.0], [3.0, 20.0, -4.0], [8.0, 60.0, 0.0]]))
    return made


def test_normalized_phenotypes_answer_as_the_wrapped_ones_on_normalised_inputs(statistics):
    encoding = Parameters(lambda: MLP(3, 2, hidden=(4,)))
    plain = encoding.express(encoding.initial(0, 0, 5))
    wrapped = statistics.wrap(plain)
    x = torch.arange(30.0).reshape(5, 2, 3)
    assert isinstance(wrapped, Normalized)
    assert torch.equal(wrapped.forward(x), plain.forward((x - statistics.mean) / statistics.std))
    assert not torch.equal(wrapped.forward(x), plain.forward(x))
    assert (len(wrapped), wrapped.parameters, wrapped.device) == (5, plain.parameters, plain.device)
    assert torch.equal(wrapped.to("cpu").forward(x), wrapped.forward(x))


def test_a_normalised_model_carries_its_moments_when_saved(statistics):
    model = statistics.wrap_model(TorchModel(MLP(3, 2, hidden=(4,))))
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert torch.equal(model(x), model.model((torch.from_numpy(x) - statistics.mean) / statistics.std))
    tensors, header = model.save()
    assert torch.equal(tensors.pop("observation_mean"), statistics.mean)
    assert torch.equal(tensors.pop("observation_std"), statistics.std)
    inner, inner_header = model.model.save()
    assert header == inner_header
    assert tensors.keys() == inner.keys()
    assert isinstance(model, NormalizedModel)
    assert model.parameters == model.model.parameters


def test_later_observations_do_not_move_a_model_that_was_wrapped_before(statistics):
    model = statistics.wrap_model(TorchModel(MLP(3, 2)))
    x = torch.ones(1, 3)
    before = model(x)
    statistics.update(moments([[100.0, 100.0, 100.0]]))
    assert torch.equal(model(x), before)


def test_the_module_of_a_normalised_model_normalises_and_leaves_the_network_where_it_is():
    network = MLP(3, 2, hidden=[4])
    model = NormalizedModel(TorchModel(network), torch.tensor([1.0, -2, 30]), torch.tensor([2.0, 0.1, 9]))
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    module = model.to_module()
    assert torch.equal(module(x), model(x))
    assert not torch.equal(module(x), network(x))
    assert {name for name, _ in module.named_buffers()} == {"0.mean", "0.std"}
    assert sum(p.numel() for p in module.parameters()) == model.parameters
