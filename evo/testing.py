"""Checks for your own tasks, environments, algorithms and learners, run here over everything in the registries.

    findings = check_learner(MyLearner)
    assert not findings, "\\n".join(findings)

Each check gives a list of findings: what is wrong, and how to mend it; an empty list means none was found. The checks stand in
one file, long as it is, which users import and read beside `evo.core`.
"""

from __future__ import annotations

import copy
import io
import json
import math
import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import torch

from evo import rng
from evo.core import Algorithm, Evaluation, Examples, Learner, Networked, State, Task
from evo.evolve import as_method
from evo.rollout.codegen import compiled
from evo.rollout.environment import Environment, Episode
from evo.rollout.lanes import rollout
from evo.rollout.recording import record
from evo.tasks.supervised import SupervisedTask
from evo.vectors.encoding import Parameters, encoding_for
from evo.vectors.modules import MLP

Findings = list[str]
NO_MODEL: Any = object()


def small_task(kind: str = "classification") -> SupervisedTask:
    """A task that takes milliseconds: two clouds of 40 points to tell apart ("probability": one output), or a plane. Inputs
    and outputs lie in rows."""
    draws = rng.uniforms(0, 0, 0, rng.SPLIT, 160).reshape(80, 2)
    x = (2 * draws - 1).astype(np.float32)
    y = {"regression": x[:, :1] - x[:, 1:]}.get(kind, (x[:, 0] + x[:, 1] > 0).astype(np.float32)[:, None])
    if kind == "classification":
        y = y[:, 0].astype(np.int64)
    parts = [slice(0, 40), slice(40, 60), slice(60, 80)]
    task = SupervisedTask(*[(x[part], y[part]) for part in parts], kind=kind, network=partial(MLP, hidden=[4]))
    row = lambda size: (2 * np.arange(size)[:, None] + 1) / size - 1
    task.places = row(task.inputs), row(task.outputs)
    return task


def check_task(task: Task) -> Findings:
    """Is this a Task every learner can work on? Scores a few random networks or points, twice and shuffled."""
    found: Findings = []
    if not isinstance(task, Task):
        return [f"{type(task).__name__} must inherit evo.Task: see there what each method means"]
    missing = [name for name in ("inputs", "outputs", "metric") if name not in dir(task)]
    if missing:
        return [f"{type(task).__name__} lacks {', '.join(missing)}: see evo.Task for what each means"]
    if task.metric.direction not in ("max", "min"):
        found.append(f'metric.direction is {task.metric.direction!r}: say "max" or "min"')
    with _reported(found, "task.network() or a first population"):
        encoding = encoding_for(task)
        vectors = encoding.initial(0, 0, 5)
    if found:
        return found
    seeds = rng.words(0, 0, 0, rng.EPISODES, task.episodes)
    score = lambda rows, draws=seeds: Evaluation.of(task.evaluate(encoding.express(rows), draws), len(rows))
    with _reported(found, "task.evaluate"), _global_state_untouched(found, "task.evaluate"):
        first, again = score(vectors), score(vectors)
        if not np.array_equal(first.fitness, again.fitness):
            found.append(
                "evaluate gives another fitness for the same networks and seeds: draw every random number from `seeds`"
            )
        order = np.array([3, 1, 4, 0, 2])
        if not np.allclose(score(vectors[order]).fitness, first.fitness[order], rtol=1e-6, equal_nan=True):
            found.append("the fitness of a network depends on its place in the population: score each network by itself")
        if task.episodes == 0 and not np.array_equal(
            score(vectors, rng.words(1, 0, 0, rng.EPISODES, 4)).fitness, first.fitness
        ):
            found.append("episodes is 0, yet the fitness depends on `seeds`: set `episodes` to the number of seeds you use")
        if first.samples is not None and (first.samples.shape != (5,) or (first.samples < 0).any()):
            found.append(f"samples must be (P,) counts >= 0: one a network; got shape {first.samples.shape}")
        broken = vectors.copy()
        broken[2] = np.nan
        if isinstance(task, Networked) and np.isfinite(score(broken).fitness[2]):
            found.append("a network whose outputs are all NaN gets a finite fitness: give it NaN, so that it ranks last")
    with _reported(found, "task.score"), _global_state_untouched(found, "task.score"):
        model = encoding.model(vectors[0])
        for split in ("train", "validation", "test"):
            values = task.score(model, split)
            if values is None:
                continue
            for name in ("fitness", task.metric.name):
                if name not in values:
                    found.append(f"score(model, {split!r}) has no {name!r}: return the metric and the fitness by name")
            if not _plain(values):
                found.append(f"score(model, {split!r}) must be a dict of numbers; got {values!r}")
            elif values != task.score(model, split) and not any(math.isnan(v) for v in values.values()):
                found.append(f"score(model, {split!r}) differs when asked again: a split must be fixed")
        values = task.score(model, "validation")
        if values is not None and task.solved(values) not in (True, False, None):
            found.append("solved(score) must be True, False, or None where it is undefined")
    return found


def check_environment(environment: Environment, episodes: int = 5, steps: int = 200) -> Findings:
    """Does a scalar environment compile, and play as its plain Python does? Plays a few episodes with random actions."""
    found: Findings = []
    with _reported(found, "start, observe or step"), _global_state_untouched(found, environment.name):
        played = [_played(environment, seed, steps) for seed in range(episodes)]
        if _bits(played) != _bits([_played(environment, seed, steps) for seed in range(episodes)]):
            found.append("an episode goes another way when it is played again: draw every random number from start's `draws`")
        for state, seen, _, after, reward, _ in (moment for each in played for moment in each):
            for what, numbers, count in (
                ("start or step gives a state", state, environment.size),
                ("step gives a state", after, environment.size),
                ("observe gives observations", seen, environment.inputs),
                ("step gives a reward", (reward,), 1),
            ):
                if not isinstance(numbers, tuple) or len(numbers) != count or not np.isfinite(numbers).all():
                    found.append(f"{what} {numbers!r}: expected {count} finite number{'s' * (count > 1)}, of several a tuple")
        lengths = {len(each) for each in played}
        if environment.draws and len({each[0][0] for each in played}) == 1:
            found.append(
                f"start takes {environment.draws} draws, yet every episode starts in one state: use them, or set draws=0"
            )
        if environment.episode_return is not None and not np.isfinite(environment.episode_return(1.0, 1.0, min(lengths))):
            found.append("episode_return(total, recent, steps) must be a finite number")
        if callable(environment.picture) and not found:
            action = (lambda seen: 0) if isinstance(environment.actions, int) else lambda seen: environment.bounds.mean(axis=0)
            if trouble := record(Episode(environment, mode="rgb_array"), action, 0, 2, steps).trouble:
                found.append(f"picture: {trouble}")
    if found:
        return list(dict.fromkeys(found))
    with _reported(
        found, "numba, on observe and step (they take numbers, tuples, math, and functions that they name directly),"
    ):
        observe, step = (compiled(function, __name__) for function in (environment.observe, environment.step))
        for state, seen, action, after, reward, over in (moment for each in played for moment in each):
            numbers = (*observe(state), *_flat(step(state, action)))
            if not np.allclose(numbers, (*seen, *after, reward, over), rtol=1e-9, atol=1e-12):
                found.append(f"compiled, observe or step gives other numbers from state {state!r} and action {action!r}")
                break
        encoding = Parameters(lambda: MLP(environment.inputs, environment.outputs, hidden=(3,)))
        networks = encoding.express(encoding.initial(0, 0, 2))
        if not np.isfinite(rollout(environment, networks, environment.starts(range(episodes))).returns).all():
            found.append("an episode of a random network is not worth a finite number")
    return found


def _played(environment: Environment, seed: int, steps: int) -> list[tuple]:
    """An episode in plain Python with random actions: state, observation, action, next state, reward, is it over."""
    draws = rng.uniforms(seed, 0, 0, rng.EPISODES, steps * max(1, len(environment.bounds.T))).reshape(steps, -1)
    low, high = environment.bounds
    state, moments, over = tuple(map(float, environment.starts([seed])[0])), [], False
    for draw in draws[: environment.max_steps]:
        if isinstance(environment.actions, int):
            action: Any = int(draw[0] * environment.actions)
        else:
            action = tuple((low + draw * (high - low)).tolist())
            action = action[0] if len(action) == 1 else action
        after, reward, over = environment.step(state, action)
        moments.append((state, environment.observe(state), action, after, reward, over))
        state = tuple(map(float, after))
        if over:
            break
    return moments


def _flat(stepped: tuple) -> tuple[float, ...]:
    state, reward, over = stepped
    return *state, reward, over


def check_algorithm(algorithm: type[Algorithm], task: Task | None = None) -> Findings:
    """Does this class keep the contract of ask / tell? `algorithm.for_task` is called on `task`, or on a small one."""
    found: Findings = []
    try:
        as_method(algorithm, algorithm.__name__)
    except TypeError as error:
        return [f"{error}; see evo.Algorithm for what each means"]
    task = task or small_task()
    options = _small(algorithm.settings)
    make = lambda seed=0: algorithm.for_task(task, seed=seed, **options)

    def generation(made: Algorithm, poison: bool = False) -> list[str]:
        """Asks and tells until the generation is over; what was asked for, as text that shows every bit."""
        seen: list[str] = []
        before = made.generation
        while made.generation == before:
            if len(seen) == 100:
                raise RuntimeError("100 times ask and tell, and `generation` does not go up: count finished generations")
            population = made.ask()
            seeds = rng.words(0, made.generation, 0, rng.EPISODES, task.episodes * made.repeats)
            evaluation = task.evaluate(made.express(population), seeds)
            if poison:
                evaluation = Evaluation(np.concatenate([[np.nan], evaluation.fitness[1:]]))
            made.tell(evaluation)
            seen.append(_bits(made.state_dict()))
        return seen

    with _reported(found, "ask, tell"), _global_state_untouched(found, algorithm.__name__):
        made = make()
        with _must_raise(found, "tell() before ask() must raise RuntimeError", RuntimeError):
            made.tell(np.zeros(8))
        if _bits(made.ask()) != _bits(made.ask()):
            found.append("a second ask() before tell() gives another population: keep it until it is told")
        size = len(made.express(made.ask()))
        for wrong in (np.zeros(size + 1), np.zeros((size, 2))):
            with _must_raise(found, f"tell() takes a fitness of shape {wrong.shape} for {size} genomes: raise ValueError"):
                made.tell(wrong)
        one, two, other = make(), make(), make(1)
        runs = [[generation(each) for _ in range(3)] for each in (one, two, other)]
        if runs[0] != runs[1]:
            found.append("two runs with one seed differ: draw every random number from the seed (evo.rng)")
        if runs[0] == runs[2]:
            found.append("runs with seeds 0 and 1 are the same: use the seed")
        if one.generation != 3:
            found.append(f"generation is {one.generation} after three told generations: count them from 0")
        resumed = make()
        resumed.load_state_dict(_through_file(one.state_dict()))
        if generation(resumed) != generation(one):
            found.append("a run goes on differently after state_dict and load_state_dict: put all state into state_dict")
        generation(make(), poison=True)
        everyone = make()
        everyone.ask()
        everyone.tell(np.full(size, np.nan))
        while everyone.generation == 0:
            everyone.tell(np.full(len(everyone.express(everyone.ask())), np.nan))
        everyone.ask()
        _check_best(found, make, generation)
        if algorithm.warm_start is not Algorithm.warm_start:
            _check_warm_population(found, make)
    return found


def _check_best(found: Findings, make: Callable[..., Algorithm], generation: Callable[[Algorithm], list[str]]) -> None:
    """The best so far stands after the next ask, is kept by the state, and nobody's writing changes what is bred."""
    one, twin, resumed = make(), make(), make()
    with _reported(found, "row, before the first ask,"):
        one.row()
    _scribble(one.ask())
    if generation(one) != generation(twin):
        found.append("what a user writes into ask()'s arrays before tell() changes the run: give copies, or read-only arrays")
    with _reported(found, "candidate, lineage(None), or the model of the candidate,"):
        candidate = one.candidate()
        one.lineage(None)
        if candidate is not None:
            one.model(candidate)
    best, fitness = _bits(one.model(one.best).save()), one.best_fitness
    population = one.ask()
    if (_bits(one.model(one.best).save()), one.best_fitness) != (best, fitness):
        found.append("best and best_fitness change with ask(): keep the fittest told so far (self._remember in tell)")
    if _bits(one.best_model.save()) != best:
        found.append("best_model is not the model of best")
    resumed.load_state_dict(_through_file(one.state_dict()))
    if _bits(resumed.model(resumed.best).save()) != best or resumed.best_fitness != fitness:
        found.append("best and best_fitness are lost by state_dict and load_state_dict: put them into the state")
    for written in (population, one.population, *one.population_tensors().values()):
        _scribble(written)
    if generation(one) != generation(twin):
        found.append(
            "what a user writes into ask()'s arrays, `population` or population_tensors() changes the run: give copies, or "
            "read-only arrays"
        )
    if len(make().screen(population)) != len(population):
        found.append("screen(offspring) must give as many genomes as it got")


def _scribble(population: object) -> None:
    """Writes over every array of a population that lets itself be written to."""
    if isinstance(population, torch.Tensor):
        population.zero_()
        return
    arrays = [population] if isinstance(population, np.ndarray) else [v for v in vars(population).values() if _is_array(v)]
    for array in arrays:
        if array.flags.writeable:
            array[...] = 0


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray)


def _check_warm_population(found: Findings, make: Callable[..., Algorithm]) -> None:
    """A warm start begins with the model itself, followed by mutants of it."""
    donor = make(1)
    model = donor.model(donor.ask()[-1])
    warm = make()
    with _must_raise(found, "warm_start() takes something that is no model: raise ValueError"):
        warm.warm_start(NO_MODEL)
    warm.warm_start(model)
    population = warm.ask()
    saved = [_bits(warm.model(genome).save()) for genome in population]
    own = _bits(model.save())
    if saved[0] != own and ((centre := warm.candidate()) is None or _bits(warm.model(centre).save()) != own):
        found.append("after warm_start(model) the first genome of ask(), or candidate(), must be the model, unchanged")
    with _must_raise(found, "warm_start() after ask() must raise RuntimeError", RuntimeError):
        warm.warm_start(model)
    if len(set(saved)) == 1:
        found.append("after warm_start(model) the population holds nothing but the model: put mutants behind it")


def check_learner(method: object, task: Task | None = None, settings: object = None) -> Findings:
    """Does this Learner (or Algorithm class, or Method) keep the contract? It takes a few steps on `task`, or a small one."""
    found: Findings = []
    with _reported(found, "as a method"):
        method = as_method(method, method.__name__ if isinstance(method, type) else type(method).__name__)
    if found:
        return found
    task = task or small_task()
    reason = method.unsupported_reason(task)
    if reason is not None:
        good = isinstance(reason, str) and reason
        return [] if good else ["unsupported_reason(task) must be None, or a sentence that says why it cannot learn the task"]
    settings = settings or method.settings(**_small(method.settings))
    make = lambda seed=0: method(_guarded(task, found), settings, seed, "cpu")
    with _reported(found, "step"), _global_state_untouched(found, "the learner"):
        learner, twin = make(), make()
        rows = []
        for number in range(3):
            if learner.finished:
                break
            before = learner.cost.state_dict()
            rows.append(learner.step())
            after = learner.cost.state_dict()
            if not _plain(rows[-1]):
                found.append(f"a row must be a dict of numbers, strings and dicts of them; got {rows[-1]!r}")
            if (
                any(after[axis] is not None and after[axis] < before[axis] for axis in after)
                or after["evaluations"] == before["evaluations"]
            ):
                found.append(f"step {number} must add to cost.evaluations and lower no cost: call cost.add(...)")
            if "fitness" not in (rows[-1].get("validation") or {}):
                found.append('a row needs "validation": what task.score(champion or candidate, "validation") gave')
            twin.step()
        if _bits(learner.state_dict()) != _bits(twin.state_dict()):
            found.append("two learners with one seed differ: draw every random number from the seed (evo.rng)")
        if not callable(learner.champion()):
            found.append("champion() must be callable after the first step: a Model")
        resumed = make()
        resumed.load_state_dict(_through_file(learner.state_dict()))
        if _bits(resumed.state_dict()) != _bits(learner.state_dict()):
            found.append("load_state_dict(state_dict()) loses something: put all state into state_dict")
        if not learner.finished:
            learner.step()
            resumed.step()
            if _bits(resumed.state_dict()) != _bits(learner.state_dict()):
                found.append("a resumed learner goes on differently: put all state into state_dict")
        _check_extras(found, task, learner, resumed)
        _check_warm_start(found, make)
        tensors, header = learner.champion().save()
        again = method.restore(task, settings, 0, tensors, header)
        if task.score(again, "validation") != task.score(learner.champion(), "validation"):
            found.append("restore(save()) gives a model that scores differently")
    return list(dict.fromkeys(found))


def _check_extras(found: Findings, task: Task, learner: Learner, resumed: Learner) -> None:
    """Ensemble, front and population of a resumed learner are those of the one that went on."""
    scores = [None if one is None else task.score(one, "validation") for one in (learner.ensemble(), resumed.ensemble())]
    if _bits(scores[0]) != _bits(scores[1]):
        found.append("ensemble() scores otherwise after state_dict and load_state_dict: make it of what the state holds")
    fronts = [learner.front(), resumed.front()]
    if fronts[0] is not None and not all(map(_plain, fronts[0])):
        found.append(f"front() must be None or a list of dicts of numbers; got {fronts[0]!r}")
    if _bits(fronts[0]) != _bits(fronts[1]):
        found.append("front() differs after state_dict and load_state_dict: make it of what the state holds")
    if _bits(learner.population_tensors()) != _bits(resumed.population_tensors()):
        found.append("population_tensors() differs after state_dict and load_state_dict: make it of what the state holds")


def _check_warm_start(found: Findings, make: Callable[..., Learner]) -> None:
    """Two learners that begin from the champion of another seed go the same way, not that of one without; or they say why they
    cannot."""
    warm, twin, cold, other = make(), make(), make(), make(1)
    other.step()
    champion = other.champion()
    try:
        warm.warm_start(champion)
    except ValueError as error:
        if not str(error):
            found.append("warm_start(model) refuses a model without a word: say why it does not fit")
        return
    twin.warm_start(champion)
    for one in (warm, twin, cold):
        one.step()
    if _bits(warm.state_dict()) != _bits(twin.state_dict()):
        found.append("two learners with one seed that begin from the same model differ: draw from the seed (evo.rng)")
    if _bits(warm.state_dict()) == _bits(cold.state_dict()):
        found.append("warm_start(model) changes nothing: begin from the model, or raise ValueError")
    with _must_raise(found, "warm_start() takes something that is no model: raise ValueError"):
        make().warm_start(NO_MODEL)


def _guarded(task: Task, found: Findings) -> Task:
    """The task as a learner may see it: asking for the test split is a finding."""
    guarded = copy.copy(task)

    def watch(name: str) -> None:
        method = getattr(task, name)

        def watched(*args: object, **named: object) -> object:
            if "test" in [each for each in (*args, *named.values()) if isinstance(each, str)]:
                found.append(f'the learner calls task.{name} with "test": selection must never see the test split')
            return method(*args, **named)

        setattr(guarded, name, watched)

    for name in ("score", "split") if isinstance(task, Examples) else ("score",):
        watch(name)
    return guarded


def _small(settings: type) -> dict[str, int]:
    """Settings that make a step quick, where the class has them."""
    small = {"population_size": 8, "truncation_size": 4, "candidates": 3, "validation_episodes": 2}
    return {name: value for name, value in small.items() if name in {field.name for field in fields(settings)}}


def _bits(value: object) -> str:
    """A nested state as text in which every bit of every number shows; clocks are left out."""
    if isinstance(value, dict):
        return str({key: _bits(value[key]) for key in value if "seconds" not in str(key)})
    if isinstance(value, (list, tuple)):
        return str([_bits(each) for each in value])
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    return f"{value.dtype}{value.shape}{value.tobytes().hex()}" if isinstance(value, np.ndarray) else repr(value)


def _through_file(state: State) -> State:
    """The state as it comes back from a checkpoint, which holds tensors and plain values only."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def _plain(row: object) -> bool:
    try:
        json.dumps(row)
    except (TypeError, ValueError):
        return False
    return isinstance(row, dict)


@contextmanager
def _reported(found: Findings, what: str) -> Iterator[None]:
    """An exception inside the block becomes a finding that names the place."""
    try:
        yield
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        found.append(f"{what} raised {type(error).__name__}: {error} ({place.filename}:{place.lineno})")


@contextmanager
def _must_raise(
    found: Findings, otherwise: str, expected: tuple[type[Exception], ...] | type[Exception] = (ValueError, TypeError)
) -> Iterator[None]:
    try:
        yield
    except expected:
        return
    found.append(otherwise)


@contextmanager
def _global_state_untouched(found: Findings, what: str) -> Iterator[None]:
    before = (random.getstate(), _bits(list(np.random.get_state())), _bits(torch.get_rng_state()))  # noqa: NPY002
    yield
    after = (random.getstate(), _bits(list(np.random.get_state())), _bits(torch.get_rng_state()))  # noqa: NPY002
    for library, old, new in zip(("random", "numpy.random", "torch"), before, after):
        if old != new:
            found.append(f"{what} uses the global random state of {library}: use evo.rng, or rng.torch_seed around torch's")
