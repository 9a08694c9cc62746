"""What a user reads is said in the field's terms: none of the phrases that stood for them before is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from run_folders import everything

from scenarios.lab.cli import commands
from scenarios.lab.report import gather, report
from scenarios.lab.report.comparison import compare

PHRASES = (
    # the data and the metric
    *(
        "training part",
        "validation part",
        "test part",
        "the figure",
        "validation figure",
        "no test set",
        "what evolution improves",
    ),
    # statistics
    *("more than chance", "do not settle it", "does it survive", "stays first", "but for", "whole and a tenth", "it is holm's"),
    *("nothing is said", "too few seeds", "one measurement", "too sure", "halves of the seeds", "take care"),
    *("evaluations to solution", "to a solution", "for the fewest evaluations", "(ets)"),
    # headings, captions and columns
    *(">trust<", "every two methods", "seed by seed", ">on every cost axis<", "where the time goes", "how it was run"),
    *("in numbers", "fitness against size", "that methods which", "what it does on", "what it is", "champion so far"),
    # settings and commands
    *("line-up", "aside", "anew", "go on with", "goes on when", "side by side", "does not fit", "forward-equivalents"),
    *("minus mean, over std", "spread of the", "may be parents, and one more"),
    # the project's own pages
    *("what it promises", "the house", "the room"),
)
ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *(ROOT / ".github").glob("*.md"),
    *sorted(path for package in ("evo", "baselines", "graphs", "scenarios") for path in (ROOT / package).rglob("*.md")),
]


def commanded(capsys, *words):
    code = commands.main(list(words))
    out = capsys.readouterr().out
    assert code == 0
    assert len(out) > 100
    return out


def found(text):
    text = " ".join(text.casefold().split())
    return [phrase for phrase in PHRASES if phrase in text]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Comparisons with all there is to show, the last one of runs that are solved."""
    runs = tmp_path_factory.mktemp("words")
    everything(runs)
    return [
        *compare(gather.find(["digits"], runs), at=("evaluations", None)),
        *compare(gather.find([], runs)),
    ]


@pytest.mark.parametrize("words", [["--help"], [], *([command, "--help"] for command in commands.COMMANDS)], ids=" ".join)
def test_help_is_in_the_fields_terms(capsys, words):
    assert found(commanded(capsys, *words)) == []


def test_list_and_configuration_are_in_the_fields_terms(capsys):
    assert found(commanded(capsys, "list")) == []
    for scenario, method in (("digits", "ga"), ("cartpole", "neat"), ("xor", "random-search")):
        assert found(commanded(capsys, "show", scenario, "-m", method)) == []


def test_table_and_page_are_in_the_fields_terms(monkeypatch, compared):
    monkeypatch.setattr(report, "_vega", lambda: "")  # a library's own words
    text = "\n".join([*map(str, compared), report.page(compared)])
    assert "Robustness: " in text
    assert "expected running time" in text
    assert "Calibration and robustness" in text
    assert found(text) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_are_in_the_fields_terms(page):
    """Names in `code` apart: CHANGELOG says what was called what. Of CHANGELOG its newest section alone."""
    text = page.read_text(encoding="utf-8")
    if page.name == "CHANGELOG.md":
        text = text.split("\n## [")[1]
    assert found(re.sub(r"(?<!`)`[^`\n]+`(?!`)", "", text)) == []


def test_a_phrase_is_found_wherever_a_line_breaks():
    assert found("Take\n  care: with 3 seeds") == ["take care"]
