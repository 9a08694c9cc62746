r"""A comparison as a table for a paper: LaTeX with the package booktabs, at most 8 columns.

The value that methods are ranked by is bold where it is best, and has a dagger where a method is significantly worse than the
first. A value with an interval is rounded to two digits of half its width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from scenarios.lab.report.comparison import Comparison
from scenarios.lab.report.format import number
from scenarios.lab.report.inference import LEVEL

WIDEST = 8  # columns
LEFT_OUT = ("nonfinite", "connections", "samples", "compute")  # in this order, where there are more
DAGGER = r"^{\dagger}"

SIGNS = {
    **{sign: "\\" + sign for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
SIGNS |= {"<": r"\textless{}", ">": r"\textgreater{}", "∞": r"$\infty$"}


def table(comparison: Comparison) -> str:
    """The table as a tabular, its legend below it, under a comment that names the scenario."""
    columns = dict(comparison.columns)
    for key in LEFT_OUT:
        columns = {title: one for title, one in columns.items() if len(columns) <= WIDEST or one != key}
    ranked = "expected" if comparison.by_solution else "iqm"
    figures = [_middle(row[ranked]) for row in comparison.rows]
    worse = {pair["b"] for pair in comparison.conclusion.pairs if _lost(pair, comparison.rows[0]["label"])}
    rows = []
    for row, figure, cells in zip(comparison.rows, figures, comparison.cells()):
        texts = dict(zip(comparison.columns.values(), cells))
        bold = figure is not None and figure == figures[0]
        mark = DAGGER if row["label"] in worse else ""
        rows.append([_cell(row, key, texts[key], *((bold, mark) if key == ranked else ())) for key in columns.values()])
    lines = [f"% {escaped(comparison.scenario)}", rf"\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}", r"\toprule"]
    lines += [_line(map(escaped, columns)), r"\midrule", *map(_line, rows), r"\bottomrule"]
    legend = [r"Interquartile mean over the seeds [95 \% bootstrap interval]; costs are means. Bold: best."]
    if worse:
        legend.append(f"${DAGGER}$ significantly worse than the best (Mann-Whitney, Holm-adjusted $p < {LEVEL:g}$).")
    lines += [rf"\multicolumn{{{len(columns)}}}{{l}}{{\footnotesize {words}}} \\" for words in legend]
    return "\n".join([*lines, r"\end{tabular}", ""])


def escaped(text: str) -> str:
    """`text` as LaTeX prints it, in one line."""
    return "".join(SIGNS.get(sign, sign) for sign in " ".join(text.split()))


def _line(cells: Any) -> str:
    return " & ".join(cells) + r" \\"


def _middle(value: Any) -> float | None:
    return value[0] if isinstance(value, tuple) else value


def _lost(pair: dict[str, Any], first: str) -> bool:
    return pair["a"] == first and pair["p_holm"] < LEVEL and pair["superiority"] > 0.5


def _cell(row: dict[str, Any], key: str, text: str, bold: bool = False, mark: str = "") -> str:
    """A cell of the table on the terminal, `text`, for a paper; its value bold, or with a mark."""
    if key == "label" or row[key] is None:
        return escaped(text)
    if key == "iqm":
        return _with_interval((row["iqm"], row["low"], row["high"]), bold, mark)
    if key == "expected":
        return _with_interval(row["expected"], bold, mark)
    return escaped(text) if key in ("seeds", "solved") else _number(number(row[key]))


def _with_interval(values: Sequence[float | None], bold: bool, mark: str) -> str:
    value, low, high = values
    assert value is not None
    known = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    half = (high - low) / 2 if known else 0.0  # type: ignore[operator]  # known: both are numbers
    digits = max(0, 1 - math.floor(math.log10(half))) if half > 0 else None
    written = lambda one: number(one) if digits is None else f"{one:,.{digits}f}"
    return _number(written(value), bold, mark) + (f" $[{written(low)}, {written(high)}]$" if known else "")


def _number(text: str, bold: bool = False, mark: str = "") -> str:
    """A number in words of `format.number`, as mathematics: a minus sign, powers of ten, infinity."""
    mantissa, exponent, power = text.replace(",", "{,}").replace("∞", r"\infty").partition("e")
    mantissa = rf"\mathbf{{{mantissa}}}" if bold else mantissa
    return f"${mantissa}" + (rf" \times 10^{{{int(power)}}}" if exponent else "") + f"{mark}$"
