"""What is tried: equal spaces drawn alike for everybody, present settings first, seeds that no report shows."""

import dataclasses

import pytest
from lab_fakes import Climber
from tuning_fakes import Strider, Wider, planned

from scenarios.lab.study import plan as planning
from scenarios.lab.study.problems import ConfigError


def drawn(made, trials=range(1, 12), label=0):
    return [made.labels[label].drawn(trial) for trial in trials]


def test_draws_are_a_function_of_seed_trial_method_and_name():
    first = drawn(planned())
    assert drawn(planned()) == first
    assert len({str(values) for values in first}) == len(first)
    assert {values["pace"] for values in first} == {"slow", "fast"}
    assert drawn(planned(seeds="1001,")) != first
    assert drawn(planned(seeds="5")) == first  # more seeds of the same are the same trials


def test_two_labels_of_one_method_try_the_same_values():
    two = planned(learners={"a": Strider, "b": Strider})
    assert drawn(two, label=0) == drawn(two, label=1)


def test_a_setting_that_joins_a_space_changes_no_draw_of_the_others():
    wider = drawn(planned(learners={"strider": Wider}))
    assert {values.pop("breadth") for values in wider} == {1, 2, 3}
    assert wider == drawn(planned())


def test_a_setting_that_is_set_is_not_searched():
    made = planned(**{"strider.pace": "fast"})
    assert drawn(made) == [{"begin": values["begin"]} for values in drawn(planned())]
    assert {spec.settings["pace"] for spec in made.labels[0].runs(3, made.labels[0].drawn(3))} == {"fast"}


def test_trial_0_is_the_present_settings_and_a_draw_changes_the_searched_ones_alone():
    tuned = planned(**{"strider.pause": 0.0}).labels[0]
    present, other = (tuned.runs(trial, values)[0].settings for trial, values in ((0, {}), (1, {"begin": 0.5, "pace": "fast"})))
    assert present == tuned.specs[0].settings
    assert other == {**present, "begin": 0.5, "pace": "fast"}


def test_a_draw_that_contradicts_itself_is_drawn_again():
    values = drawn(planned(**{"strider.limit": 0.02}))
    assert max(each["begin"] for each in values) <= 0.02
    free = drawn(planned())
    assert [a for a, b in zip(free, values) if a["begin"] <= 0.02] == [b for a, b in zip(free, values) if a["begin"] <= 0.02]


def test_a_space_without_an_allowed_draw_is_refused(monkeypatch):
    monkeypatch.setattr(planning, "ATTEMPTS", 5)
    tuned = planned(**{"strider.limit": 0.0005, "strider.begin": 0.0001}).labels[0]
    assert tuned.space.keys() == {"pace"}
    narrow = dataclasses.replace(tuned, searched=planned().labels[0].searched)
    with pytest.raises(ConfigError, match=r"strider: no draw of trial 1 is allowed: begin: expected at most 0.0005"):
        narrow.drawn(1)


def test_a_label_without_a_space_is_named():
    assert planned(learners={"climber": Climber, "strider": Strider}).unsearched == ["climber"]


def test_seeds_count_from_1000_and_reported_ones_are_refused():
    assert planning.seeds("3") == [1000, 1001, 1002]
    assert planning.seeds("1007,1005") == [1007, 1005]
    with pytest.raises(
        ConfigError, match=r"from 1000, so that reported ones stay unseen; got 3, 5 \(3 is seeds 1000 to 1002\)"
    ):
        planning.seeds("3,5,1000")


def test_all_mistakes_stand_in_one_message():
    with pytest.raises(ConfigError) as caught:
        planned(seeds="3,", steps=-1, **{"strider.pase": 1, "strider.begin": 7.0})
    assert len(caught.value.problems) == 4
