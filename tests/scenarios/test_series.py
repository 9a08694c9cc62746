"""Files of sequences, as sktime and aeon write them."""

import numpy as np
import pytest

from evo.evolve import as_method
from evo.testing import check_task
from evo.vectors.recurrent import LSTM
from scenarios import series
from scenarios.lab.study import resolve, trial
from scenarios.lab.study.resolve import Unresolved

HEAD = """# what it is, and where it is from
@problemName Sounds of doors
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength false
@classLabel true open shut
@data
"""
network = lambda inputs, outputs: LSTM(inputs, outputs, hidden=[3])


def written(path, sequences, answers, head=HEAD):
    lines = [
        ":".join([*(",".join(map(repr, channel)) for channel in one.T.tolist()), str(a)]) for one, a in zip(sequences, answers)
    ]
    path.write_text(head + "\n".join(lines) + "\n")
    return path


def drawn(size, seed=0, channels=2):
    generator = np.random.default_rng(seed)
    sequences = [generator.normal(3.0, 2.0, size=(int(generator.integers(2, 6)), channels)) for _ in range(size)]
    return sequences, ["shut" if one[-1, 0] > 3 else "open" for one in sequences]


def test_a_file_is_read_as_it_was_written(tmp_path):
    sequences, answers = drawn(12)
    found = series.read(written(tmp_path / "doors.ts", sequences, answers))
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(found.sequences, sequences, strict=True))
    assert (found.answers, found.classes) == (answers, ["open", "shut"])


def test_words_of_another_encoding_are_told_apart(tmp_path):
    path = written(tmp_path / "doors.ts", *drawn(12))
    path.write_bytes(path.read_bytes().replace(b"open", b"\xe9").replace(b"shut", b"\xe8"))
    assert series.read(path).classes == [r"\xe9", r"\xe8"]


def test_one_file_is_cut_class_by_class_and_standardised_by_its_training_sequences(tmp_path):
    sequences, answers = drawn(50)
    path = written(tmp_path / "doors.ts", sequences, answers)
    scenario = series.series_scenario(str(path))
    assert scenario.name == "doors"
    assert scenario.title == "doors.ts: 50 sequences of 2 to 5 ticks and 2 channels -> 2 classes"
    task = scenario.task(scenario.settings(), network)
    assert check_task(task) == []
    assert task.classes == ["open", "shut"]
    parts = [task.split(name) for name in ("train", "validation", "test")]
    assert sum(len(x) for x, _ in parts) == 50
    for k, name in enumerate(task.classes):
        assert [int((y == k).sum()) for _, y in parts] == pytest.approx(np.array([0.6, 0.2, 0.2]) * answers.count(name), abs=1)
    x = parts[0][0]
    ticks = task.layout.sequences(x)[task.layout.inside(x)].double()
    np.testing.assert_allclose(ticks.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(ticks.std(0, correction=0), 1, atol=1e-6)


def test_a_test_file_beside_is_the_test_split(tmp_path):
    train, test = drawn(40), drawn(10, seed=1)
    path = written(tmp_path / "Doors_TRAIN.ts", *train)
    alone = series.series_scenario(str(path))
    written(tmp_path / "Doors_TEST.ts", *test)
    scenario = series.series_scenario(str(path))
    assert (scenario.name, alone.name) == ("Doors", "Doors")
    assert scenario.title.endswith("2 classes; test: Doors_TEST.ts")
    task = scenario.task(scenario.settings(), network)
    assert [len(task.split(name)[0]) for name in ("train", "validation", "test")] == [32, 8, 10]
    assert [task.classes[k] for k in task.split("test")[1]] == test[1]
    assert scenario.settings().sha256 != alone.settings().sha256


def test_numbers_are_predicted_in_their_units(tmp_path):
    sequences, _ = drawn(40)
    numbers = [1000 + 50 * float(one.mean()) for one in sequences]
    head = HEAD.replace("@classLabel true open shut", "@targetLabel true")
    scenario = series.series_scenario(str(written(tmp_path / "heat.ts", sequences, numbers, head)))
    task = scenario.task(scenario.settings(), network)
    assert task.kind == "regression"
    truth = np.sort(np.concatenate([task.in_units(task.split(name)[1])[:, 0] for name in ("train", "validation", "test")]))
    np.testing.assert_allclose(truth, np.sort(numbers), rtol=1e-6)
    assert abs(float(task.split("train")[1].mean())) < 1e-6


def test_one_channel_of_one_length_is_a_row_of_its_numbers_and_every_default_method_learns_it(tmp_path):
    sequences = [one[:2, :1] for one in drawn(40, channels=1)[0]]
    answers = ["shut" if one[0, 0] > 3 else "open" for one in sequences]
    scenario = series.series_scenario(str(written(tmp_path / "my doors.ts", sequences, answers, HEAD)))
    assert scenario.name.startswith("my-doors-")
    task = scenario.task(scenario.settings(), network)
    assert task.layout == (2, 1, False)
    for name in scenario.methods:
        method = as_method(resolve.method(name), name)
        assert method.unsupported_reason(task) is None
        method.settings(**scenario.learners.get(name, {}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("@timeStamps false", "@timeStamps true"), "line 3: sequences with time stamps are not read"),
        (("@classLabel true open shut\n", ""), "nothing to predict: expected @classLabel true A B, or @targetLabel true"),
        (("@missing false", "missing false"), "line 4: expected a line of the head, .* got 'missing false'"),
        (("@univariate", "@unvariate"), "line 5: expected a line of the head, .* got '@unvariate false'"),
        (("1.0,2.0:", "1.0:"), r"line 10: expected channels of one length, then what is predicted; got lengths \[1, 2\]"),
        (("1.0,2.0:", "1.0,?:"), r"line 10: expected numbers; got '\?'"),
        (("1.0,2.0:", "1.0,nan:"), "line 10: expected finite numbers; a missing one is not filled in"),
        ((":5.0,6.0:", ":"), "line 11: expected 2 channels, as before; got 1"),
        ((":shut", ":ajar"), "line 11: expected one of the classes open, shut; got 'ajar'"),
        (("true open shut", "false\n@targetLabel true"), "line 11: expected a number to predict; got 'open'"),
        (("1.0,2.0:3.0,4.0:open\n5.0,6.0:5.0,6.0:shut\n", ""), "expected lines of sequences after @data; got none"),
        (("shut\n", "shut\n"), "too few sequences to cut: 2 sequences"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_by_its_line(tmp_path, change, message):
    text = HEAD + "1.0,2.0:3.0,4.0:open\n5.0,6.0:5.0,6.0:shut\n"
    assert change[0] in text
    (tmp_path / "doors.ts").write_text(text.replace(*change))
    with pytest.raises(Unresolved, match=rf"doors\.ts.*{message}"):
        resolve.scenario(str(tmp_path / "doors.ts"))


def test_a_test_file_of_other_channels_or_classes_is_refused(tmp_path):
    path = written(tmp_path / "a_TRAIN.ts", *drawn(20))
    written(tmp_path / "a_TEST.ts", *drawn(20, channels=3))
    with pytest.raises(ValueError, match=r"a_TEST\.ts: expected channels and answers as in a_TRAIN\.ts"):
        series.series_scenario(str(path))
    written(tmp_path / "a_TEST.ts", drawn(5)[0], ["ajar"] * 5, HEAD.replace("open shut", "open ajar"))
    with pytest.raises(ValueError, match=r"expected the classes open, shut in the test file too, .*; got ajar"):
        series.series_scenario(str(path))
    written(path, *drawn(20), HEAD.replace("open shut", "open shut ajar"))  # announced, and without an example
    with pytest.raises(ValueError, match=r"expected the classes open, shut in the test file too, .*; got ajar"):
        series.series_scenario(str(path))
    with pytest.raises(Unresolved, match=r"nothing\.ts"):
        resolve.scenario(str(tmp_path / "nothing.ts"))


def test_a_run_knows_the_file_that_it_was_made_of(tmp_path):
    path = written(tmp_path / "doors.ts", *drawn(50))
    document = {"scenario": str(path), "learners": {"linear": {}}}
    before = trial.study(document).specs[0]
    written(path, *drawn(50, seed=2))
    after = trial.study(document).specs[0]
    assert before.task["sha256"] != after.task["sha256"]
