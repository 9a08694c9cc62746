import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn.utils import parametrizations

from evo import rng, threads
from evo.testing import small_task
from evo.vectors import encoding, models
from evo.vectors.encoding import Parameters, Reals, encoding_for, unsupported_reason
from evo.vectors.models import TorchModel, VectorModel, restore
from evo.vectors.modules import CNN, MLP
from evo.vectors.population import Networks


class Users(nn.Module):
    """What a user may bring: normalisation with buffers, constant and tied parameters, a scalar, dropout."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Linear(6, 6), nn.BatchNorm1d(6)
        self.again = nn.Linear(6, 6)
        self.again.weight = self.first.weight
        self.scale, self.shift = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.arange(3.0))
        self.drop, self.last = nn.Dropout(0.5), nn.Linear(6, 3)
        self.norm.running_mean += 0.5
        self.norm.running_var *= 4

    def forward(self, x):
        return self.scale * self.last(self.drop(self.again(torch.tanh(self.norm(self.first(x)))))) + self.shift


NETWORKS = {
    "mlp": (lambda: MLP(6, 3, hidden=[5, 4]), 6),
    "linear": (lambda: MLP(6, 3, hidden=[]), 6),
    "sigmoid": (lambda: MLP(23, 11, hidden=[54], activation="sigmoid"), 23),
    "softplus": (lambda: MLP(13, 7, hidden=[6, 41], activation="softplus"), 13),
    "cnn": (lambda: CNN((1, 10, 5), 3, channels=[5, 4], hidden=[5]), 50),
    "int8": (lambda: MLP(6, 3, hidden=[5], arithmetic="int8"), 6),
    "faulty": (lambda: MLP(6, 3, hidden=[5], arithmetic="faulty"), 6),
    "diffractive": (lambda: MLP(6, 3, hidden=[9], arithmetic="diffractive"), 6),
    "users": (Users, 6),
}


def population(name, size, seed=0):
    made = Parameters(NETWORKS[name][0])
    return made, made.initial(seed, 0, size) + 0.1 * rng.uniforms(seed, 0, 0, rng.NOISE, made.dimensions).astype(np.float32)


def rows(name, *shape, seed=1):
    size = NETWORKS[name][1]
    drawn = rng.uniforms(seed, 0, 0, rng.NOISE, int(np.prod(shape)) * size)
    return torch.from_numpy((4 * drawn - 2).astype(np.float32)).reshape(*shape, size)


@pytest.mark.parametrize("batch", [1, 5, 64])
@pytest.mark.parametrize("name", NETWORKS)
def test_forward_equals_a_loop_of_modules(name, batch):
    made, vectors = population(name, 7)
    x = rows(name, batch)
    expected = torch.stack([made.model(vector).module(x) for vector in vectors]).detach()
    torch.testing.assert_close(made.express(vectors).forward(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_rows_of_its_own_reach_each_network(name):
    made, vectors = population(name, 5)
    x = rows(name, 5, 3)
    each = torch.stack([made.model(vector).module(own) for vector, own in zip(vectors, x)]).detach()
    torch.testing.assert_close(made.express(vectors).forward(x), each, rtol=1e-5, atol=1e-5)


def outputs(made, vectors, x, bytes_a_tile, count, monkeypatch):
    monkeypatch.setitem(encoding.TILE_BYTES, "cpu", bytes_a_tile)
    with threads.limited(count):
        return made.express(vectors).forward(x)


@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
@pytest.mark.parametrize("batch", [1, 2, 7, 33, 64])
@pytest.mark.parametrize("name", NETWORKS)
def test_neither_tile_nor_threads_nor_population_change_a_bit(name, batch, own, monkeypatch):
    made, vectors = population(name, 130)
    x = rows(name, 130, batch) if own else rows(name, batch)
    expected = outputs(made, vectors, x, 2**21, 1, monkeypatch)
    assert expected.shape == (130, batch, expected.shape[-1])
    tiles = set()
    for size in (2**10, 2**17, 2**26):
        for count in (1, 2):
            assert torch.equal(outputs(made, vectors, x, size, count, monkeypatch), expected)
        tiles.add(made.tile(130, x))
    assert len(tiles) > 1
    for some in (1, 2, 3, 57):
        assert torch.equal(outputs(made, vectors[:some], x[:some] if own else x, 2**21, 2, monkeypatch), expected[:some])


@pytest.mark.parametrize("offset", [1, 2, 3])
def test_where_vectors_and_own_rows_lie_in_memory_changes_no_bit(offset):
    made, vectors = population("sigmoid", 40)
    x = rows("sigmoid", 40, 3).numpy()

    def moved(values):
        space = torch.empty(values.size + offset)[offset:]
        return space.copy_(torch.as_tensor(values).flatten()).view(*values.shape)

    assert torch.equal(made.express(moved(vectors)).forward(moved(x)), made.express(vectors).forward(torch.from_numpy(x)))


@pytest.mark.parametrize("size", [1, 2, 31, 33, 100, 513, 10_000])
@pytest.mark.parametrize("batch", [1, 4, 48, 1078])
def test_a_tile_is_never_of_one_and_its_rows_fill_whole_vectors(size, batch):
    made = Parameters(NETWORKS["mlp"][0], samples=1)
    tile = made.tile(size, torch.zeros(batch, 6))
    assert tile >= 2
    assert tile * batch % encoding.LANES == 0
    assert tile < size + 32


def test_an_empty_population_gives_an_empty_answer():
    made, _ = population("mlp", 1)
    assert made.express(np.zeros((0, made.dimensions), np.float32)).forward(torch.zeros(4, 6)).shape == (0, 4, 3)


@pytest.mark.parametrize("name", NETWORKS)
def test_vector_module_vector_is_the_same_vector(name):
    made, vectors = population(name, 2)
    for vector in vectors:
        assert np.array_equal(made.of(made.model(vector).module), vector)
    assert made.dimensions == sum(p.numel() for p in NETWORKS[name][0]().parameters()) == made.model(vectors[0]).parameters


def test_of_a_model_is_of_its_module_and_a_point_is_itself():
    made, vectors = population("mlp", 2)
    assert np.array_equal(made.of(made.model(vectors[1])), vectors[1])
    points = Reals(3)
    assert points.of(points.model(np.arange(3.0))).tolist() == [0, 1, 2]
    for wrong in (points.model(np.zeros(4)), made.model(vectors[0]), None):
        with pytest.raises(ValueError, match="expected a point of 3 numbers"):
            points.of(wrong)


def test_a_module_of_another_shape_is_refused_and_every_difference_named():
    made = Parameters(lambda: nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)))
    with pytest.raises(ValueError, match="expected a torch module, or a model of one; got int"):
        made.of(7)
    with pytest.raises(
        ValueError, match=r"0\.bias: expected \(3,\), got nothing; 1\.weight: expected \(1, 3\), got \(2, 3\)"
    ) as error:
        made.of(nn.Sequential(nn.Linear(2, 3, bias=False), nn.Linear(3, 2), nn.Linear(2, 1)))
    assert "2.weight: expected nothing, got (1, 2)" in str(error.value)
    assert "0.weight" not in str(error.value)


def test_a_module_whose_buffers_hold_other_numbers_is_refused():
    network = lambda: nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    made, trained = Parameters(network), network()
    assert len(made.of(network())) == made.dimensions
    trained[1].running_mean += 1
    with pytest.raises(ValueError, match=r"1\.running_mean: buffers are not evolved, and this one differs"):
        made.of(trained)


def test_connections_are_the_parameters_that_are_not_zero():
    made, vectors = population("mlp", 1)
    vectors[0, :5] = 0
    assert made.model(vectors[0]).connections == made.dimensions - 5


def test_a_model_can_be_trained_further():
    made, vectors = population("mlp", 2)
    made.model(vectors[0]).to_module()(torch.randn(3, 6)).sum().backward()


def test_models_and_populations_share_no_memory():
    made, vectors = population("mlp", 2)
    before = vectors.copy()
    first, second = made.model(vectors[0]), made.model(vectors[1])
    with torch.no_grad():
        for parameter in first.module.parameters():
            parameter.zero_()
    assert np.array_equal(vectors, before)
    assert np.array_equal(made.of(second.module), before[1])
    assert np.array_equal(made.of(made.model(before[0]).module), before[0])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_model_is_a_module_of_its_own(name):
    made, vectors = population(name, 2)
    model, template = made.model(vectors[0]).module, made.template
    own, its = (list(each.modules()) for each in (model, template))
    assert [type(part) for part in own] == [type(part) for part in its]
    tables = lambda parts: {id(value) for part in parts for value in vars(part).values() if isinstance(value, (dict, set))}
    assert not tables(own) & tables(its)
    assert not {p.data_ptr() for p in model.parameters()} & {p.data_ptr() for p in template.parameters()}
    assert all(p.requires_grad and p.stride() == q.stride() for p, q in zip(model.parameters(), template.parameters()))
    assert not model.training


class NetworkTask:
    def __init__(self, network):
        self.network = network


@pytest.mark.parametrize("name", NETWORKS)
def test_a_saved_model_is_restored_to_the_same_bits(name):
    made, vectors = population(name, 1)
    model, x = made.model(vectors[0]), rows(name, 9)
    with torch.no_grad():
        for key, buffer in model.module.named_buffers():
            if key in model.module.state_dict():  # others are of the network's settings
                buffer += 1
    tensors, header = model.save()
    again = restore(NetworkTask(NETWORKS[name][0]), tensors, header)
    assert torch.equal(again(x), model(x))
    assert header == {"kind": "torch"}
    with torch.no_grad():
        next(iter(tensors.values())).zero_()
    assert torch.equal(again(x), model(x))


@pytest.mark.parametrize("change", ["shape", "missing", "other", "kind"])
def test_weights_that_do_not_fit_are_refused(change):
    made, vectors = population("mlp", 1)
    tensors, header = made.model(vectors[0]).save()
    name = next(iter(tensors))
    if change == "shape":
        tensors[name] = tensors[name][:-1]
    elif change == "missing":
        del tensors[name]
    elif change == "other":
        tensors["other"] = torch.zeros(1)
    else:
        tensors, header = VectorModel(vectors[0]).save()
    with pytest.raises(ValueError, match="do not fit the network"):
        restore(NetworkTask(NETWORKS["mlp"][0]), tensors, header)


class PointTask:
    dimensions = 4
    space = None


def test_a_saved_point_is_restored_and_another_length_refused():
    tensors, header = VectorModel(np.arange(4.0)).save()
    assert np.array_equal(restore(PointTask(), tensors, header)(None), np.arange(4.0))
    for wrong in ({"vector": torch.zeros(5)}, {}, {"vector": torch.zeros(1, 4)}):
        with pytest.raises(ValueError, match=r"expected a vector of shape \(4,\)"):
            restore(PointTask(), wrong, header)


def test_restoring_leaves_torchs_random_state_alone():
    made, vectors = population("mlp", 1)
    before = torch.get_rng_state()
    restore(NetworkTask(NETWORKS["mlp"][0]), *made.model(vectors[0]).save())
    Parameters(NETWORKS["mlp"][0])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["mlp", "cnn", "users"])
def test_initial_vectors_lie_as_the_modules_initialiser_would_put_them(name):
    made = Parameters(NETWORKS[name][0], samples=32)
    ours, theirs = made.initial(3, 0, 400), []
    for seed in range(400):
        with rng.torch_seed(99, 0, seed, rng.NETWORK):
            theirs.append(made.of(NETWORKS[name][0]()))
    theirs, at = np.stack(theirs), 0
    for part, shape in made.shapes.items():
        mine, other = ours[:, at : at + shape.numel()], theirs[:, at : at + shape.numel()]
        at += shape.numel()
        if (other == other[0]).all():
            assert np.array_equal(mine, other), part
        else:
            assert mine.std() == pytest.approx(other.std(), rel=0.15), part
            assert abs(mine.mean() - other.mean()) < 0.1 * other.std(), part
            assert stats.kstest((mine / mine.std()).ravel()[:2000], "norm").pvalue > 1e-3, part


def test_points_start_standard_normal_and_scale_stretches_them():
    drawn = Reals(7).initial(1, 0, 1000)
    assert drawn.dtype == np.float64
    assert stats.kstest(drawn.ravel(), "norm").pvalue > 1e-3
    np.testing.assert_allclose(Reals(7).initial(1, 0, 1000, scale=3.0), 3 * drawn, rtol=1e-6)


def test_a_scale_stretches_the_spread_and_leaves_the_centre():
    made = Parameters(Users)
    centre = made.centre.astype(np.float32)
    one, three = made.initial(1, 0, 20), made.initial(1, 0, 20, scale=3.0)
    np.testing.assert_allclose(three - centre, 3 * (one - centre), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5, 8])
def test_an_initial_vector_depends_on_seed_generation_and_its_own_place_alone(dimensions):
    made = Reals(dimensions)
    many = made.initial(3, 1, 9)
    for count in (1, 2, 3):
        with threads.limited(count):
            assert np.array_equal(made.initial(3, 1, 9), many)
    assert np.array_equal(made.initial(3, 1, 4), many[:4])
    assert len({tuple(row) for row in (*many, *made.initial(4, 1, 9), *made.initial(3, 2, 9))}) == 27
    assert np.array_equal(Reals(dimensions + 1).initial(3, 1, 9)[:, :dimensions], many)


def test_wrong_shapes_are_named():
    made, vectors = population("mlp", 3)
    with pytest.raises(ValueError, match=rf"expected vectors of shape \(P, {made.dimensions}\); got \(3, 2\)"):
        made.express(vectors[:, :2])
    with pytest.raises(ValueError, match=r"expected vectors of shape .*; got \(5,\)"):
        made.express(np.zeros(5))
    with pytest.raises(ValueError, match=rf"expected a vector of shape \({made.dimensions},\); got \(2,\)"):
        made.model(vectors[0, :2])
    for wrong in (torch.zeros(6), torch.zeros(2, 4, 6), torch.zeros(1, 1, 4, 6)):
        with pytest.raises(ValueError, match=r"expected inputs of shape \(B, I\) or \(3, B, I\); got"):
            made.express(vectors).forward(wrong)
    with pytest.raises(ValueError, match="dimensions: expected a whole number >= 1; got 0"):
        Reals(0)


class Squeezed(nn.Linear):
    def forward(self, x):
        return super().forward(x).squeeze(-1)


def test_a_network_without_an_axis_of_outputs_is_named():
    made = Parameters(lambda: Squeezed(3, 1))
    with pytest.raises(ValueError, match=r"must give outputs of shape \(B, O\); for 2 examples it gave \(2,\)"):
        made.express(made.initial(0, 0, 2)).forward(torch.zeros(2, 3))


def test_a_parametrised_network_is_evolved_by_its_true_parameters():
    made = Parameters(lambda: parametrizations.orthogonal(nn.Linear(4, 3)))
    vectors, x = made.initial(0, 0, 3), torch.randn(5, 4)
    expected = torch.stack([made.model(vector).module(x) for vector in vectors]).detach()
    torch.testing.assert_close(made.express(vectors).forward(x), expected)


def test_a_model_of_many_rows_is_the_module_in_one_go(monkeypatch):
    monkeypatch.setattr(models, "ROWS", 4)
    module = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.9))
    model, x = TorchModel(module), np.random.default_rng(0).normal(size=(10, 3))
    got = model(x)
    assert got.shape == (10, 2)
    assert not got.requires_grad
    torch.testing.assert_close(got, module[0](torch.tensor(x, dtype=torch.float32)).detach())


def test_reset_reaches_a_module_that_has_one():
    class Counting(nn.Linear):
        resets = 0

        def reset(self):
            self.resets += 1

    module = Counting(2, 1)
    TorchModel(module).reset()
    TorchModel(nn.Linear(2, 1)).reset()
    assert module.resets == 1


def test_figures_show_every_parameter():
    made, vectors = population("cnn", 1)
    assert len(made.model(vectors[0]).figure().axes) == len(made.shapes)
    assert len(VectorModel(np.zeros(5, np.float32)).figure().axes) == 1


def test_an_encoding_follows_the_task():
    assert encoding_for(small_task()).dimensions == 22
    assert encoding_for(PointTask()).dimensions == 4
    assert unsupported_reason(small_task()) is unsupported_reason(PointTask()) is None
    assert "neither a network" in unsupported_reason(object())


def test_ten_thousand_networks_of_ten_thousand_parameters_stay_within_2_gb():
    code = """if True:
        import resource, sys
        import torch
        from evo.vectors.modules import MLP
        from evo.vectors.encoding import Parameters
        made = Parameters(lambda: MLP(100, 10, hidden=[90]))
        assert made.dimensions == 10_000
        out = made.express(made.initial(0, 0, 10_000)).forward(torch.ones(4, 100))
        assert out.shape == (10_000, 4, 10) and out.isfinite().all()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(peak if sys.platform == "darwin" else 1024 * peak)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2 * 2**30


@pytest.mark.cuda
@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
@pytest.mark.parametrize("name", NETWORKS)
def test_forward_on_cuda_equals_the_cores(name, own):
    made, vectors = population(name, 130)
    x = rows(name, 130, 33) if own else rows(name, 33)
    networks: Networks = made.express(vectors)
    torch.testing.assert_close(networks.to("cuda").forward(x).cpu(), networks.forward(x), rtol=1e-5, atol=1e-5)
