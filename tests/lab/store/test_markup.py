"""What a notebook shows of a Comparison and of a Run: sound HTML, in which nothing of a run's is markup."""

from html.parser import HTMLParser

import pytest
from run_folders import HOSTILE, make, result, row

from scenarios.lab import load
from scenarios.lab.report import gather
from scenarios.lab.report.comparison import Comparison, compare
from scenarios.lab.store.markup import fragment, printable

TAGS = {"div", "strong", "table", "thead", "tbody", "tr", "th", "td"}


class Sound(HTMLParser):
    """Every tag is known, without attributes, and closed in its turn; what it holds is `texts`."""

    def __init__(self, source):
        super().__init__()
        self.open, self.texts = [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        assert tag in TAGS
        assert attributes == []
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        pytest.fail(f"a comment: {data}")

    handle_decl = unknown_decl = handle_pi = handle_comment


@pytest.fixture
def runs(tmp_path):
    for label, value in (("ga", 0.9), ("knn", 0.8)):
        for seed in (0, 1, 2):
            rows = [row(step, value) for step in range(3)]
            make(tmp_path, label, seed, rows, result(value + seed / 100, rows))
    return tmp_path


def test_a_comparison_shows_its_table_and_what_follows_from_it(runs):
    (found,) = compare(gather.find([], runs))
    texts = Sound(found._repr_html_()).texts
    cells = [cell for line in found.cells() for cell in line]
    assert texts == ["digits", *found.columns, *cells, *found.notes, *found.conclusion.lines]
    assert found.conclusion.lines
    assert str(found).splitlines()[0] == "digits"


def test_a_comparison_of_nothing_says_so():
    found = Comparison("digits", [], [], [])
    assert Sound(found._repr_html_()).texts == ["digits: no runs"]
    assert repr(found) == "Comparison(digits: 0 methods, 0 of 0 runs finished)"


def test_a_run_shows_its_result_and_where_it_lies(runs):
    path = runs / "digits" / "ga" / "seed-2"
    texts = Sound(load(path)._repr_html_()).texts
    assert texts[0] == "digits, ga, seed 2: finished"
    assert texts[texts.index("test accuracy") + 1] == "0.92"
    assert texts[texts.index("evaluations") + 1] == "300"
    assert texts[-1] == f"folder: {path}"
    assert repr(load(path)) == "Run('digits/ga/seed-2')"


def test_a_run_without_a_result_or_with_a_damaged_one_is_shown_too(runs):
    path = runs / "digits" / "ga" / "seed-2"
    (path / "result.json").write_text("{}")
    assert any("is damaged" in text for text in Sound(load(path)._repr_html_()).texts)
    (path / "result.json").unlink()
    assert Sound(load(path)._repr_html_()).texts == ["digits, ga, seed 2: stopped", f"folder: {path}"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_of_a_run_is_markup(hostile):
    source = fragment(hostile, [hostile, hostile], [[hostile, hostile]], [hostile])
    shown = Sound(source.encode().decode()).texts
    assert shown == [printable(hostile)] * 6


def test_hostile_names_of_a_folder_are_text(tmp_path):
    hostile = "<img src=x onerror=alert(1)>&amp;\"'"
    rows = [row(0, 0.5)]
    made = result(0.5, rows, metric=hostile)
    for seed in (0, 1):
        make(tmp_path, hostile, seed, rows, made, scenario=hostile)
    (found,) = compare(gather.find([], tmp_path))
    texts = Sound(found._repr_html_()).texts
    assert texts[0] == hostile
    assert f"test {hostile}" in texts
    texts = Sound(load(tmp_path / hostile / hostile / "seed-0")._repr_html_()).texts
    assert texts[0] == f"{hostile}, {hostile}, seed 0: finished"
