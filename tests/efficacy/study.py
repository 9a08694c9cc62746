"""The studies behind RESULTS.md: python tests/efficacy/study.py STUDY [--seeds N] [--runs DIR]; STUDY is one of STUDIES.

Seeds 0 .. N-1, the scenarios' own settings and budgets. The same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
from scipy import stats

from evo.hyperneat.substrate import Substrate
from evo.plots import figures
from evo.vectors.arithmetics import ARITHMETICS, DIFFRACTIVE, FLOAT32
from graphs import Graph, modularity
from scenarios.lab import load, run
from scenarios.lab.report import gather, report
from scenarios.lab.report.comparison import compare
from scenarios.visual_discrimination import VisualDiscrimination

BACKPROP = ("digits", "breast_cancer", "mnist", "fashion_mnist")
GA = {"xor": 100, "cartpole": 10, "digits": 5}
AGAINST_RANDOM = {"xor": 10_000, "two_spirals": 20_000, "digits": 20_000, "breast_cancer": 10_000, "cartpole": 1_000}
METHODS = ("ga", "deep-ga", "backprop", "linear", "gradient-boosting", "random-search")
COMPUTE = {"digits": 1e11, "breast_cancer": 3.6e9, "wine": 5.8e8, "two_spirals": 1.2e10}  # what their budgets give the GA
CONTROL = ("cartpole", "acrobot", "mountain_car", "mountain_car_continuous", "pendulum", "swing_up")
POLES = ("single_pole", "double_pole")
PARITY = (3, 5, 8)  # bits
MIRRORING, REGULARITIES = ("hyperneat", "neat"), (0.0, 0.25, 0.5, 0.75, 1.0)
ARITHMETIC_METHODS = ("backprop", "ga")
SEARCHES = ("ga", "deep-ga", "openai-es", "snes", "pgpe", "sep-cma-es", "ars", "de", "cosyne", "random-search")
FULL_COVARIANCE = ("cma-es", "xnes")  # where there are fewer than 1,000 weights: the control tasks
EQUAL_COMPUTE = ("digits", "breast_cancer", "two_spirals", "cartpole", "pendulum")
LINKED = ("lastfm", "ppi")
TABLES = {"breast_cancer": 3.6e9, "two_spirals": 2.4e9, "digits": 5e9}  # compute of a run


def interval(values: Sequence[float]) -> str:
    """Mean with Student's 95 % interval."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.4f} (1 seed: no interval)"
    if min(values) == max(values):
        return f"{mean:.4f} (all seeds alike)"
    low, high = stats.t.interval(0.95, len(values) - 1, mean, stats.sem(values))
    return f"{mean:.4f} [{low:.4f}, {high:.4f}]"


def rate(successes: int, trials: int) -> str:
    """A rate with Wilson's 95 % interval."""
    low, high = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    return f"{successes}/{trials} [{low:.3f}, {high:.3f}]"


def results(scenario: str, method: str, seeds: int, runs: Path) -> list[dict]:
    """result.json of every seed; a failed one raises FileNotFoundError, as it would leave a hole in the study."""
    found = [load(runs / scenario / method / f"seed-{seed}").result for seed in range(seeds)]
    if missing := [seed for seed, result in enumerate(found) if result is None]:
        raise FileNotFoundError(f"{scenario} {method}: no result of seeds {missing}")
    return found


def named(result: dict) -> str:
    return f"test {result['metric']['name']}" if result["test"] else "validation fitness"


def reported(result: dict) -> float:
    """The test metric, or the validation fitness where there is no test (a full table)."""
    return result["test"][result["metric"]["name"]] if result["test"] else result["validation"]["fitness"]


def backprop(seeds: int, runs: Path) -> None:
    for scenario in BACKPROP:
        run(scenario, methods=["backprop"], seeds=seeds, runs=runs)
        found = results(scenario, "backprop", seeds, runs)
        seconds = np.mean([result["cost"]["seconds"] for result in found])
        figure = interval([reported(result) for result in found])
        print(f"backprop {scenario}: {named(found[0])} {figure}, {seeds} seeds, {seconds:.0f} s each")


def ga(seeds: int, runs: Path) -> None:
    for scenario, most in GA.items():
        count = min(seeds, most)
        run(scenario, methods=["ga"], seeds=count, runs=runs)
        found = results(scenario, "ga", count, runs)
        text = f"ga {scenario}: {named(found[0])} {interval([reported(r) for r in found])}, {count} seeds"
        if found[0]["solved"] is not None:
            solved = [result for result in found if result["solved"]]
            text += f"; solved {rate(len(solved), count)}"
            if solved:
                needed = interval([result["solved_at"]["evaluations"] for result in solved])
                text += f", of these after {needed} evaluations"
        if found[0]["test"] and "return" in found[0]["test"]:
            text += f"; test return >= 475 in {rate(sum(reported(r) >= 475 for r in found), count)}"
        cost = {axis: np.mean([result["cost"][axis] for result in found]) for axis in ("evaluations", "compute", "seconds")}
        print(f"{text}; cost a run: " + ", ".join(f"{value:,.3g} {axis}" for axis, value in cost.items()))


def against_random(seeds: int, runs: Path) -> None:
    """GA and random search at equal evaluations, neither stopping when solved; seed by seed."""
    for scenario, evaluations in AGAINST_RANDOM.items():
        budget, settings = {"evaluations": evaluations}, {"task.stop": "budget"}
        run(scenario, methods=["ga", "random-search"], seeds=seeds, budget=budget, settings=settings, runs=runs)
        pair = [[reported(r) for r in results(scenario, method, seeds, runs)] for method in ("ga", "random-search")]
        wins = sum(a > b for a, b in zip(*pair))
        ties = sum(a == b for a, b in zip(*pair))
        lines = ", ".join(f"{method} {interval(values)}" for method, values in zip(("ga", "random-search"), pair))
        by = named(results(scenario, "ga", 1, runs)[0])
        print(f"{scenario}, {evaluations:,} evaluations, by {by}: ga wins {rate(wins, seeds)}, ties {ties}; {lines}")


def comparison(seeds: int, runs: Path) -> None:
    """Six methods on four scenarios at equal compute, and one page of all; a model without a compute is fitted once."""
    for scenario, compute in COMPUTE.items():
        print(run(scenario, methods=METHODS, seeds=seeds, budget={"compute": compute}, runs=runs), end="\n\n")
    print(report.write(compare(gather.find([], runs)), runs / report.REPORT, own=True)[0])


def neat(seeds: int, runs: Path) -> None:
    """NEAT on every control task beside the GA, and on three tables beside gradient descent and a linear model, at equal
    compute; one page of all. Without velocities, NEAT's networks need a memory: preset dpnv."""
    for scenario in CONTROL + POLES:
        print(run(scenario, methods=("neat", "ga"), seeds=seeds, runs=runs), end="\n\n")
    preset = {"dpnv.preset": "dpnv"}
    print(run("double_pole_no_velocity", methods=("dpnv=neat", "ga"), seeds=seeds, settings=preset, runs=runs), end="\n\n")
    methods = ("neat", "neat-modern", "ga", "backprop", "linear")
    for scenario, compute in TABLES.items():
        print(run(scenario, methods=methods, seeds=seeds, budget={"compute": compute}, runs=runs), end="\n\n")
    print(report.write(compare(gather.find([], runs)), runs / report.REPORT, own=True)[0])


def solved(scenario: str, label: str, seeds: int, runs: Path) -> str:
    """How many runs of a label solve a scenario, and after how many evaluations."""
    found = results(scenario, label, seeds, runs)
    evaluations = [result["solved_at"]["evaluations"] for result in found if result["solved"]]
    accuracy = interval([result["validation"]["accuracy"] for result in found])
    needed = f", of these after {interval(evaluations)} evaluations" if evaluations else ""
    return f"{label}: solved {rate(len(evaluations), seeds)}{needed}; accuracy {accuracy}"


def retina(seeds: int, runs: Path) -> None:
    """Encodings on the retina problem, 300 networks over at most 800 generations each, and how modular their champions are."""
    methods = ("hyperneat", "hyperneat-leo", "hyperneat-cost=hyperneat", "neat", "es-hyperneat-leo", "es-hyperneat")
    settings = {"hyperneat-cost.objectives": ["fitness", "connection_cost"]}
    print(run("retina", methods=methods, seeds=seeds, settings=settings, runs=runs), end="\n\n")
    for label in (method.partition("=")[0] for method in methods):
        champions = [load(runs / "retina" / label / f"seed-{seed}").champion for seed in range(seeds)]
        q = interval([modularity(Graph.from_genome(champion))[0] for champion in champions])
        print(f"{solved('retina', label, seeds, runs)}; Q of the champions {q}")


def locality(seeds: int, runs: Path) -> None:
    """The ablation of HyperNEAT's link expression output on the retina problem: threshold of weights 0 or .2, the locality seed
    or none."""
    cases = {
        f"t{threshold}-{'seed' if seed else 'plain'}": (threshold, seed) for threshold in (0.0, 0.2) for seed in (True, False)
    }
    settings = {f"{label}.threshold_of_weight": threshold for label, (threshold, _) in cases.items()}
    settings |= {f"{label}.locality": seed for label, (_, seed) in cases.items()}
    print(run("retina", methods=[f"{label}=hyperneat-leo" for label in cases], seeds=seeds, settings=settings, runs=runs))
    for label in cases:
        print(solved("retina", label, seeds, runs))


def visual_discrimination(seeds: int, runs: Path) -> None:
    """Encodings, the GA and gradient descent, 30,000 networks each at most; then HyperNEAT's champions at finer resolutions,
    without evolution."""
    methods = ("hyperneat", "neat", "ga", "backprop")
    settings = {"neat.population_size": 100}  # as HyperNEAT's, and the paper's
    print(run("visual_discrimination", methods=methods, seeds=seeds, settings=settings, runs=runs), end="\n\n")
    for resolution in (11, 33, 55):
        task = VisualDiscrimination(resolution=resolution)
        grid = Substrate.grid(inputs=(resolution,) * 2, outputs=(resolution,) * 2)
        champions = [load(runs / "visual_discrimination" / "hyperneat" / f"seed-{seed}").champion for seed in range(seeds)]
        scores = [task.score(champion.on(grid), "test") for champion in champions]
        far = [score["distance"] for score in scores if score]
        print(f"hyperneat at {resolution}x{resolution}: test distance {interval(far)}, {min(far):.4f} to {max(far):.4f}")


def parity(seeds: int, runs: Path) -> None:
    """NEAT on the parity of 3, 5 and 8 bits, hidden nodes of monotone functions alone or of sine too; 300 generations."""
    functions = {"monotone": ("bipolar_sigmoid", "identity"), "sine": ("bipolar_sigmoid", "identity", "sin")}
    settings = {f"{label}.node_activations": names for label, names in functions.items()}
    for bits in PARITY:
        folder = runs / f"{bits}-bits"
        run(
            "parity",
            methods=[f"{label}=neat" for label in functions],
            seeds=seeds,
            budget={"steps": 300},
            settings=settings | {"task.bits": bits},
            runs=folder,
        )
        for label in functions:
            print(f"{bits} bits, {solved('parity', label, seeds, folder)}", flush=True)


def bit_mirroring(seeds: int, runs: Path) -> None:
    """Direct against indirect encoding over the share of regular targets: bits right of the test, and where they cross."""
    found = {label: [] for label in MIRRORING}  # (R, seeds) bits right
    for share in REGULARITIES:
        folder = runs / f"regularity-{share}"
        run("bit_mirroring", methods=[*MIRRORING], seeds=seeds, settings={"task.regularity": share}, runs=folder)
        for label, rows in found.items():
            outcomes = results("bit_mirroring", label, seeds, folder)
            rows.append([reported(result) for result in outcomes])
            wins = rate(sum(result["solved"] for result in outcomes), seeds)
            print(f"regularity {share}, {label}: {named(outcomes[0])} {interval(rows[-1])}; solved {wins}", flush=True)
    direct, indirect = (np.array(found[label]) for label in ("neat", "hyperneat"))
    at, low, high = bootstrapped_crossing(REGULARITIES, indirect, direct)
    print(f"hyperneat is ahead from a regularity of {at:.3f} [{low:.3f}, {high:.3f}] on (-inf: always, inf: never)")
    print(mirroring_picture(found, (at, low, high), runs / "bit_mirroring.png"))


def crossing(shares: Sequence[float], lead: np.ndarray) -> float:
    """Where a lead (R,), linear between `shares`, becomes positive for good; -inf: it always is, inf: it is not at the end."""
    behind = np.flatnonzero(lead <= 0)
    if not behind.size:
        return -np.inf
    last = int(behind[-1])
    if last == len(lead) - 1:
        return np.inf
    return float(shares[last] - lead[last] * (shares[last + 1] - shares[last]) / (lead[last + 1] - lead[last]))


def bootstrapped_crossing(shares: Sequence[float], one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """The crossing of the means of (R, seeds), and its 95 % percentile interval over 10,000 resamples of seeds a point."""
    draws = np.random.default_rng(0)
    size = one.shape[1]
    again = lambda values: np.take_along_axis(values, draws.integers(0, size, values.shape), 1).mean(1)
    resampled = sorted(crossing(shares, again(one) - again(other)) for _ in range(10_000))
    return crossing(shares, one.mean(1) - other.mean(1)), resampled[249], resampled[9749]


def mirroring_picture(found: dict[str, list[list[float]]], crossed: tuple[float, float, float], path: Path) -> Path:
    """Mean bits right with Student's 95 % interval by regularity, and the crossing with its own."""
    figure = figures.blank()
    axes = figure.add_subplot()
    for colour, (label, rows) in zip(figures.PALETTE, found.items()):
        values = np.array(rows)
        half = stats.t.ppf(0.975, values.shape[1] - 1) * stats.sem(values, axis=1)
        axes.errorbar(REGULARITIES, values.mean(1), half, label=label, color=colour, marker="o", capsize=3)
    at, low, high = crossed
    if np.isfinite(at):
        axes.axvline(at, color="grey", linestyle="--")
        axes.axvspan(max(low, 0.0), min(high, 1.0), color="grey", alpha=0.15, label="crossing, 95 % interval")
    axes.set(xlabel="regularity: share of targets in the same position", ylabel="bits right (test)")
    axes.legend()
    figures.settled(figure).savefig(path)
    return path


def t_maze(seeds: int, runs: Path) -> None:
    """Plastic networks of every rule beside fixed weights on the same substrate, feed-forward and with cycles, and beside
    recurrent NEAT, 300 networks over at most 100 generations each; how many find the large reward again after the switch."""
    rules = {"hebbian": "hebbian", "abc": "abc", "abcd": "abcd", "iterated": "iterated", "fixed-cycles": "fixed"}
    settings = {f"{label}.rule": rule for label, rule in rules.items()} | {"fixed-cycles.cycles": True}
    methods = [*(f"{label}=adaptive-hyperneat" for label in rules), "hyperneat", "neat"]
    print(run("t_maze", methods=methods, seeds=seeds, settings=settings, runs=runs), end="\n\n")
    for label in (*rules, "hyperneat", "neat"):
        found = results("t_maze", label, seeds, runs)
        returns, count = [reported(result) for result in found], sum(bool(result["solved"]) for result in found)
        print(f"{label}: solved {rate(count, seeds)}; test return {interval(returns)}, lowest {min(returns):.1f}")


def arithmetic(seeds: int, runs: Path) -> None:
    """Accuracy by arithmetic and method on digits: what evolution can train, and gradient descent cannot; gradient descent by
    autograd, and straight through where that differs. At equal compute, and a table of all at the end."""
    lines = []
    for name in ARITHMETICS:
        settings, folder = {"model.arithmetic": name}, runs / name
        methods = [*ARITHMETIC_METHODS]
        if name not in (FLOAT32, DIFFRACTIVE):  # whose gradients have no other way
            methods.append("straight-through=backprop")
            settings |= {"straight-through.model.arithmetic": name, "straight-through.model.gradient": "straight_through"}
        budget = {"compute": COMPUTE["digits"]}
        print(run("digits", methods=methods, seeds=seeds, budget=budget, settings=settings, runs=folder), end="\n\n")
        for label in (method.partition("=")[0] for method in methods):
            values = [reported(result) for result in results("digits", label, seeds, folder)]
            lines.append(f"{name}, {label}: test accuracy {interval(values)}")
    print("\n".join(lines))


def weights(seeds: int, runs: Path) -> None:
    """Every method that searches the weights of one network, at their defaults and at equal compute; gradient descent and noise
    of low rank beside them where there are examples. One page of all."""
    lines = []
    for scenario in EQUAL_COMPUTE:
        others = ("low-rank-es", "backprop") if scenario not in CONTROL else FULL_COVARIANCE
        methods = SEARCHES + others
        budget, settings = {"compute": 5e9}, {"task.stop": "budget"}
        print(run(scenario, methods=methods, seeds=seeds, budget=budget, settings=settings, runs=runs), end="\n\n")
        for method in methods:
            found = results(scenario, method, seeds, runs)
            seconds = np.mean([result["cost"]["seconds"] for result in found])
            values = interval([reported(result) for result in found])
            lines.append(f"{scenario}, {method}: {named(found[0])} {values}, {seconds:.1f} s a run")
    print("\n".join(lines))
    print(report.write(compare(gather.find([], runs)), runs / report.REPORT, own=True)[0])


def linear_float(seeds: int, runs: Path) -> None:
    """The linear network that float32 makes nonlinear: gradient descent that is blind to the flush, or told of it, to the end
    of its schedule; two evolution strategies for ten minutes of one core each. Accuracies, and what all four spent."""
    gradient, evolved = ("backprop", "flush=backprop"), ("low-rank-es", "node-perturbation")
    told = {"flush.model.gradient": "through_flush"}
    run("linear_float", methods=gradient, seeds=seeds, settings=told, runs=runs)
    print(run("linear_float", methods=evolved, seeds=seeds, budget={"seconds": 600}, runs=runs), end="\n\n")
    for label in (method.partition("=")[0] for method in gradient + evolved):
        found = results("linear_float", label, seeds, runs)
        cost = ", ".join(f"{np.mean([r['cost'][axis] for r in found]):,.3g} {axis}" for axis in found[0]["cost"])
        values = [f"{split} accuracy {interval([r[split]['accuracy'] for r in found])}" for split in ("train", "test")]
        print(f"{label}: {', '.join(values)}; a run: {cost}")
    print(report.write(compare(gather.find([], runs)), runs / report.REPORT, own=True)[0])


def surrogate(seeds: int, runs: Path) -> None:
    """What NEAT saves by evaluating the most promising of siblings alone: running time in evaluations, on two tasks."""
    for scenario in ("xor", "double_pole"):
        print(run(scenario, methods=("neat", "neat-surrogate"), seeds=seeds, runs=runs), end="\n\n")
        spent = [[r["cost"]["evaluations"] for r in results(scenario, m, seeds, runs)] for m in ("neat", "neat-surrogate")]
        taus = [load(runs / scenario / "neat-surrogate" / f"seed-{seed}").rows["surrogate_tau"] for seed in range(seeds)]
        print(f"{scenario}: evaluations {interval(spent[0])}, with a surrogate {interval(spent[1])}", end="; ")
        print(f"tau {interval([float(np.nanmean(tau)) for tau in taus])}", end="\n\n")


def splitter(seeds: int, runs: Path) -> None:
    """Is one vector a node enough? Splitter and DeepWalk on the same walks, windows and epochs, and common neighbours; another
    half of the edges is taken out for each seed. Error is 1 - auc, and its reduction that of DeepWalk's, seed by seed."""
    methods, labels = ("splitter", "deepwalk", "common-neighbours"), ("splitter", "deepwalk")
    settings = {"deepwalk.walks_per_node": 10, "deepwalk.window": 5, "deepwalk.epochs": 10}
    for graph in LINKED:
        for operator in ("cosine", "hadamard"):
            found = {label: [] for label in methods}
            for seed in range(seeds):
                task = {"task.graph": graph, "task.operator": operator, "task.split": seed}
                folder = runs / f"{graph}-{operator}-{seed}"
                run("link_prediction", methods=methods, seeds=[seed], settings=settings | task, runs=folder)
                for label, values in found.items():
                    values.append(reported(load(folder / "link_prediction" / label / f"seed-{seed}").result))
            for label, values in found.items():
                print(f"{graph}, {operator}, {label}: test auc {interval(values)}")
            errors = [1 - np.array(found[label]) for label in labels]
            print(f"{graph}, {operator}: error reduction of splitter {interval(1 - errors[0] / errors[1])}", flush=True)


STUDIES = {"backprop": (backprop, 5), "ga": (ga, 100), "against-random": (against_random, 10)}
STUDIES |= {"comparison": (comparison, 10), "neat": (neat, 10), "retina": (retina, 20), "locality": (locality, 20)}
STUDIES |= {"visual-discrimination": (visual_discrimination, 20), "parity": (parity, 30), "bit-mirroring": (bit_mirroring, 10)}
STUDIES |= {"t-maze": (t_maze, 20), "arithmetic": (arithmetic, 5), "linear-float": (linear_float, 5)}
STUDIES |= {"weights": (weights, 10), "surrogate": (surrogate, 20), "splitter": (splitter, 10)}
STUDIES |= {"gtn": (lambda *given: import_module("gtn_study").study(*given), 10)}  # which imports this file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--runs", type=Path, default=Path("runs/studies"))
    chosen = parser.parse_args()
    study, seeds = STUDIES[chosen.study]
    study(chosen.seeds or seeds, chosen.runs / chosen.study)


if __name__ == "__main__":
    main()
