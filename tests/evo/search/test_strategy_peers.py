"""A step of ours beside a step of evosax and of the cma package, from the same population; skipped where they are not
installed."""

import numpy as np
import pytest

from evo import CMAES, SNES, OpenAIES
from evo.search.covariance import Constants

GENES = 6


def steps(ours, fitness, generations=4):
    """Population and fitness of each generation, told to ours as they are asked for."""
    for _ in range(generations):
        population = np.array(ours.ask())
        values = fitness(population)
        yield population, values
        ours.tell(values)


bowl = lambda x: -((x - 0.5) ** 2 * np.arange(1, GENES + 1)).sum(1)


def evosax_of(name, ours, **params):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    algorithms = pytest.importorskip("evosax.algorithms")
    options = {}
    if name == "Open_ES":
        import optax

        options = dict(optimizer=optax.adam(ours.options.learning_rate), std_schedule=lambda _: ours.options.noise_std)
        from evosax.core.fitness_shaping import centered_rank_fitness_shaping_fn

        options["fitness_shaping_fn"] = centered_rank_fitness_shaping_fn
    theirs = getattr(algorithms, name)(population_size=ours.size, solution=jax.numpy.zeros(GENES), **options)
    settings = theirs.default_params.replace(**params)
    state = theirs.init(jax.random.key(0), jax.numpy.asarray(ours.mean), settings)
    return jax, theirs, settings, state


@pytest.mark.parametrize(
    ("name", "make", "start"),
    [
        ("SNES", lambda: SNES(GENES, seed=1, population_size=10), {"std_init": 0.3}),
        ("Open_ES", lambda: OpenAIES(GENES, seed=1, population_size=10), {}),
    ],
)
def test_the_centre_moves_as_evosaxs(name, make, start):
    ours = make()
    jax, theirs, settings, state = evosax_of(name, ours, **start)
    for population, values in steps(ours, bowl):
        assert np.allclose(ours.mean, state.mean, atol=1e-5)
        state, _ = theirs.tell(jax.random.key(0), jax.numpy.asarray(population), jax.numpy.asarray(-values), state, settings)
    assert np.allclose(ours.mean, state.mean, atol=1e-5)
    assert ours.generation == 4


def test_cma_es_has_the_constants_of_the_cma_package_and_moves_its_centre_alike():
    cma = pytest.importorskip("cma")
    ours = CMAES(GENES, seed=1, population_size=10, restarts="none")
    theirs = cma.CMAEvolutionStrategy(ours.mean, 0.3, {"popsize": 10, "verbose": -9, "CSA_clip_length_value": None})
    of = Constants.of(GENES, 10)
    assert of.mass == pytest.approx(theirs.sp.weights.mueff)
    assert of.weights[:5].tolist() == pytest.approx(list(theirs.sp.weights[:5]))
    assert (of.one, of.many) == pytest.approx((theirs.sp.c1, theirs.sp.cmu), rel=0.02)
    for population, values in steps(ours, bowl, 1):  # its step size is damped otherwise
        theirs.ask()
        theirs.tell(list(population), list(-values), check_points=False)
    assert np.allclose(ours.mean, theirs.mean, atol=1e-12)
