"""A configuration of neat-python is recognised, and what is said to be typed gives its settings."""

import shlex

import pytest

from scenarios.lab.cli import flags
from scenarios.lab.study import config, neat_python
from scenarios.lab.study.problems import ConfigError

INI = """
[NEAT]
fitness_criterion = max
fitness_threshold = 3.9
pop_size = 200

[DefaultGenome]
num_inputs = 2
num_outputs = 1
activation_default = sigmoid
activation_options = sigmoid relu
feed_forward = False
initial_connection = partial_direct 0.3
enabled_default = True
weight_max_value = 8.0

[DefaultStagnation]
max_stagnation = many
"""
EXPECTED = {
    "preset": "neat-python",
    "population_size": 200,
    "activation_options": ["neat_sigmoid", "relu"],
    "feed_forward": False,
    "initial_connection": "partial_direct",
    "connection_fraction": 0.3,
    "weight_max_value": 8.0,
}


def test_what_is_said_to_be_typed_gives_the_settings_of_the_file(tmp_path):
    (tmp_path / "config-feedforward").write_text(INI)
    with pytest.raises(ConfigError) as caught:
        flags.chosen(str(tmp_path / "config-feedforward"))
    (said,) = caught.value.problems
    command, _, rest = said.partition("your own: ")[2].partition("; without a counterpart: ")
    assert rest == "fitness_criterion, fitness_threshold, max_stagnation"
    words = shlex.split(command)
    assert words[:5] == ["evo", "run", "SCENARIO", "-m", "neat-modern"]
    (spec,) = config.study(**flags.chosen("xor", ["neat-modern"], sets=words[6::2])).specs
    (plain,) = config.study(**flags.chosen("xor", ["neat-modern"])).specs
    assert {key: value for key, value in spec.settings.items() if value != plain.settings[key]} == EXPECTED


@pytest.mark.parametrize("text", ["", "x = 1", "[NEAT]\npop_size = 3", "\x00", "[NEAT"])
def test_other_files_are_none(tmp_path, text):
    (tmp_path / "file").write_text(text)
    assert neat_python.hint(str(tmp_path / "file")) is None
    assert neat_python.hint(str(tmp_path)) is None
