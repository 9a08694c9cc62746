"""Run as a script with NUMBA_DISABLE_JIT=1: kernels as plain Python give results, and pass tests, while their lines are noted.

Prints, as JSON: results, which random words were drawn, the tests' exit status, the lines of kernels that were never run.
"""

import ast
import hashlib
import json
import sys
import threading
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
# What rollouts compile although it is plain Python (`evo.rollout.codegen`); `lanes` in the name of a generated file.
GROUPS = ROOT / "evo" / "rollout" / "groups.py"
COMPILED_LATER = {"lanes", "update_moments", "has_nan", "argmax", "scaled", "total_reward"}
# A few seconds of tests, which enter every kernel. What soon runs every line of one comes first: no more of it is noted.
TOY = [
    "evo/test_rng.py::test_words_are_the_published_vectors",
    "evo/test_activations.py::test_an_unknown_code_gives_nan",
    "evo/test_activations.py::test_a_nan_stays_a_nan_and_nothing_raises",
    "evo/test_activations.py",
    "evo/neat/test_crossover.py::test_matching_genes_come_from_either_parent_with_equal_chance_and_each_for_itself",
    "evo/neat/test_crossover.py::test_averaging_gives_matching_genes_the_mean_and_others_as_they_are",
    "evo/neat/test_crossover.py::test_a_gene_disabled_in_either_parent_is_disabled_with_three_quarters_chance[False-True-False-0.25]",
    "evo/neat/test_crossover.py::test_a_gene_disabled_in_either_parent_is_disabled_with_three_quarters_chance[True-False-True-0.125]",
    "evo/neat/test_crossover.py::test_a_parent_without_genes_gives_and_takes_none",
    "evo/genomes/test_genes.py",
    "evo/genomes/test_innovation.py",
    "evo/neat/test_mutation.py::test_where_nothing_can_be_split_nothing_is",
    "evo/neat/test_mutation.py::test_weights_are_perturbed_or_replaced_at_their_rates_within_their_ranges[0.9]",
    "evo/neat/test_mutation.py::test_the_nodes_to_connect_are_any_that_may_be_and_no_others[0-False]",
    "evo/neat/test_selection.py",
    "evo/neat/test_speciation.py",
    "evo/neat/test_neat.py::test_a_new_node_stands_in_the_middle_of_the_connection_it_splits",
    "evo/neat/test_neat.py::test_screened_offspring_find_their_species_as_if_each_step_were_a_call",
    "evo/neat_modern/test_modern_reproduction.py::test_a_genome_without_connections_is_joined_where_one_was_to_be_split_and_only_if_so_set[true]",
    "evo/hyperneat/test_cppn.py::test_a_network_with_a_weight_that_is_not_finite_is_drawn_as_zeros",
    "evo/hyperneat/test_cppn.py::test_weights_are_those_of_one_question_after_the_other[leo]",
    "evo/hyperneat/test_es_hyperneat.py::test_every_kernel_finds_what_the_reference_finds_at_toy_size",
    "evo/hyperneat/test_adaptive.py::test_a_life_is_that_of_one_connection_after_the_other[iterated in cycles]",
    "evo/hyperneat/test_adaptive.py::test_an_episode_is_a_life_fused_or_step_by_step_in_any_company_and_on_any_threads[cycles]",
    "evo/network/test_network_program.py::test_a_cycle_is_named_where_networks_are_feed_forward",
    "evo/network/test_network_program.py::test_a_connection_to_a_missing_node_is_named",
    "evo/network/test_network_program.py::test_an_unknown_code_is_named",
    "evo/network/test_network_program.py::test_a_genome_compiles_alike_in_any_company_and_on_any_threads",
    "evo/network/test_network_forward.py::test_the_scalar_functions_give_the_bits_of_the_population_kernels",
    "evo/network/test_network_topologies.py",
    "evo/network/test_network_model.py::test_parameters_are_connections_and_biases_that_take_part",
    "evo/network/test_network_continuous.py::test_time_constants_are_parameters_where_they_are_not_a_second",
    "evo/network/test_network_continuous.py::test_calls_of_one_tick_pass_through_what_a_call_of_many_ends_in",
    "evo/tasks/test_metrics.py::test_an_output_that_says_exactly_one_half_is_on_the_side_of_zero",
    "evo/test_activate.py::test_a_network_gives_the_bits_of_a_call_with_one_row_and_remembers_alike[way0]",
    "evo/test_activate.py::test_a_network_gives_the_bits_of_a_call_with_one_row_and_remembers_alike[way2]",
    "evo/test_activate.py::test_an_mlp_gives_what_a_call_gives_but_for_rounding",
    "evo/test_float32.py::test_the_ends_are_limits_and_nan_stays",
    "evo/vectors/test_mlp_rows.py::test_every_activation_and_a_sigmoid_behind_it[tanh]",
    "evo/vectors/test_mlp_rows.py::test_every_activation_and_a_sigmoid_behind_it[relu]",
    "evo/vectors/test_mlp_rows.py::test_every_activation_and_a_sigmoid_behind_it[gelu]",
    "evo/vectors/test_recurrent.py::test_a_lane_remembers_and_begins_each_episode_anew",
    "evo/tasks/test_metrics.py::test_a_metric_of_float32_outputs_is_that_of_float64_wherever_they_lie_in_memory[128-classification-accuracy]",
    "evo/tasks/test_metrics.py::test_a_metric_of_float32_outputs_is_that_of_float64_wherever_they_lie_in_memory[128-classification-cross_entropy]",
    "evo/tasks/test_metrics.py::test_a_metric_of_float32_outputs_is_that_of_float64_wherever_they_lie_in_memory[128-regression-squared_error]",
    "evo/tasks/test_metrics.py::test_a_metric_of_float32_outputs_is_that_of_float64_wherever_they_lie_in_memory[128-regression-absolute_error]",
    "evo/tasks/test_metrics.py::test_cross_entropy_of_many_examples_and_classes_neither_overflows_nor_loses_digits[shape0]",
    "evo/search/test_variation.py::test_elites_keep_genes_and_step_size",
    "evo/search/test_variation.py::test_without_a_rate_nothing_mutates",
    "evo/search/test_variation.py::test_noise_is_what_gaussian_mutation_adds",
    "evo/search/test_deep_ga.py::test_the_next_generation_is_the_elite_and_a_child_for_every_place",
    "evo/search/test_nsga2.py::test_it_begins_from_a_model_with_what_is_zero_masked",
    "evo/search/test_gaussian.py::test_a_number_is_that_of_box_and_muller_of_the_words_of_its_place[600]",
    "evo/search/test_strategies.py::test_equals_and_pairs_of_every_kernel_at_toy_size",
    "evo/search/test_de.py::test_a_generation_is_the_papers_bit_by_bit",
    "evo/tasks/test_constrained.py::test_what_lies_outside_is_reflected_at_the_bounds",
    "evo/search/test_low_rank.py::test_the_noise_of_a_pair_is_that_of_its_directions",
    "evo/rollout/test_trigonometry.py::test_vectors_give_the_bits_of_one_number",
    "evo/rollout/test_lanes.py::test_genomes_act_fused_as_tick_by_tick_to_the_last_bit[way0-rail]",
    "evo/rollout/test_lanes.py::test_a_nan_ends_a_lane_and_no_other",
    "evo/rollout/test_lanes.py::test_the_return_is_of_all_rewards_the_last_ones_and_the_steps",
    "evo/rollout/test_lanes.py::test_normalised_observations_and_their_moments_are_those_of_the_ticks[3]",
]


def results():
    """By name: digests of populations after some generations, and of episodes with real physics; and vectors as numbers,
    since numpy rounds a product of a float32 and a Python number to float32, and a kernel does not."""
    import dataclasses

    from evo import GA, MLP, NEAT, NSGA2, DeepGA, ModernNEAT, Parameters
    from evo.network.population import Networks
    from evo.rollout.lanes import rollout
    from evo.testing import _bits, small_task
    from scenarios.environments import cartpole, double_pole_no_velocity

    digest = lambda value: hashlib.sha256(_bits(value).encode()).hexdigest()
    found, vectors = {}, {}
    growing = dict(population_size=20, add_node=0.3, add_link=0.4, interspecies=0.2)
    kinds = {"neat": {}, "cpp": dict(preset="cpp"), "recurrent": dict(recurrent=True), "random": dict(initial="random")}
    for name, values in kinds.items():
        neat = NEAT(2, 1, seed=3, **growing, **values)
        for generation in range(12):
            neat.tell(np.random.default_rng(generation).random(len(neat.ask())))
        found[name] = digest(neat.state_dict())
    many = dict(activation_mutate_rate=0.5, aggregation_mutate_rate=0.5, conn_delete_prob=0.3, node_delete_prob=0.3)
    many |= dict(activation_options=["neat_sigmoid", "relu"], aggregation_options=["sum", "max"], response_mutate_rate=0.5)
    many |= dict(enabled_mutate_rate=0.2, bias_replace_rate=0.2, compatibility_threshold=2.0)
    kinds = {
        "modern": {},
        "modern, all": many,
        "modern, recurrent": dict(feed_forward=False, weight_init_type="uniform", single_structural_mutation=True),
    }
    for name, values in kinds.items():
        modern = ModernNEAT(2, 1, seed=3, population_size=20, node_add_prob=0.5, conn_add_prob=0.5, **values)
        for generation in range(12):
            modern.tell(np.random.default_rng(generation).random(len(modern.ask())))
        found[name] = digest(modern.state_dict())
    kinds = {"deep-ga": (DeepGA, dict(truncation_size=4)), "nsga2": (NSGA2, {})} | {
        f"ga {values['crossover']}": (GA, dict(selection="tournament", **values))
        for values in (
            dict(crossover="uniform", mutation="self-adaptive"),
            dict(crossover="one-point", mutation_std=0.0),
            dict(crossover="blx-alpha", mutation="polynomial"),
            dict(crossover="sbx"),
        )
    }
    for name, (kind, values) in kinds.items():
        algorithm = kind.for_task(small_task(), seed=1, population_size=10, **values)
        for generation in range(6):
            algorithm.tell(np.random.default_rng(generation).random(len(algorithm.express(algorithm.ask()))))
        vectors[name] = algorithm.state_dict()["population"].tolist()
    for module in (cartpole, double_pole_no_velocity):
        environment = dataclasses.replace(module.environment, max_steps=60)
        starts, size = environment.starts(np.arange(2)), (environment.inputs, environment.outputs)
        neat = NEAT(*size, preset="dpnv", population_size=6, add_node=0.5)
        for _ in range(3):
            neat.tell(rollout(environment, Networks(neat.ask(), True, 2, 0.02), starts)[0].mean(1))
        found[f"{environment.name} neat"] = digest(neat.state_dict())
        encoding = Parameters(lambda size=size: MLP(*size, hidden=(4,)))
        found[f"{environment.name} mlp"] = digest(rollout(environment, encoding.express(encoding.initial(0, 0, 6)), starts))
    return {"digests": found, "vectors": vectors}


def draws():
    """How often a run of NEAT takes the words of a counter of philox: [(index, place, generation, stream), times]."""
    from evo import NEAT, rng

    drawn, philox = Counter(), rng.philox

    def watched(index, place, generation, stream, seed):
        drawn[int(index), int(place), int(generation), int(stream)] += 1
        return philox(index, place, generation, stream, seed)

    rng.philox = watched
    neat = NEAT(2, 1, seed=3, preset="cpp", population_size=20, add_node=0.3, add_link=0.4, interspecies=0.2)
    for generation in range(6):
        neat.tell(np.random.default_rng(generation).random(len(neat.ask())))
    rng.philox = philox
    return list(drawn.items())


def kernels():
    """{(file, first line): the lines of its statements} of every function that numba compiles."""
    found = {}
    for path in sorted((ROOT / "evo").rglob("*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and (
                any("njit" in ast.unparse(decorator) for decorator in node.decorator_list)
                or (path == GROUPS and node.name in COMPILED_LATER)
            ):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                statements = [inner for outer in body for inner in ast.walk(outer) if isinstance(inner, ast.stmt)]
                found[str(path), first] = {statement.lineno for statement in statements}
    return found


def main():
    import gymnasium  # noqa: F401 - before the trace, which makes these imports take three times as long
    import pytest
    import torch  # noqa: F401

    from evo import threads

    left = kernels()
    files = {file for file, _ in left}

    def called(frame, event, _):
        code = frame.f_code
        file = str(GROUPS) if code.co_name == "lanes" else code.co_filename
        if file in files and (lines := left.get((file, code.co_firstlineno))):
            return noting(lines)

    def noting(lines):
        def note(frame, event, _):
            lines.discard(frame.f_lineno)
            return note if lines else None

        return note

    class Tracing:
        """Notes lines while a test runs: with a trace, collecting them takes twice as long."""

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_call(self):
            sys.settrace(called)
            try:
                return (yield)
            finally:
                sys.settrace(None)

    threading.settrace(called)  # of the threads that some tests ask for; two of plain Python would only wait for each other
    with threads.limited(1):
        sys.settrace(called)
        made = results()
        sys.settrace(None)
        drawn = draws()
        names = [str(TESTS / name) for name in TOY]
        options = ["-n0", "-q", "-p", "no:cacheprovider", "--assert=plain", "-Wignore::RuntimeWarning"]
        status = pytest.main([*names, *options, "--hypothesis-profile=plain"], plugins=[Tracing()])
    missed = [f"{Path(file).name}:{line}" for (file, _), lines in left.items() for line in sorted(lines)]
    print(json.dumps({"results": made, "draws": drawn, "status": int(status), "kernels": len(left), "missed": missed}))


if __name__ == "__main__":
    main()
