"""Draws which package imports which, in levels, lazy imports dashed: python tests/draw_imports.py [-o imports.svg]

Prints the circles among packages and among modules too. The suffix of the file (svg, png, pdf) gives its format.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import networkx
from import_graph import circles, graph, levels, package_of
from matplotlib.figure import Figure

COLORS = {"evo": "#cfe3f5", "graphs": "#f5e2cf", "baselines": "#ddf0d2", "scenarios": "#ecd8ee"}
WIDTH, HEIGHT = 1.5, 1.6  # inches a node, and a level


def positions(arrows: networkx.DiGraph) -> dict[str, tuple[float, float]]:
    """(x, y) of each node in inches: a row a level, each node near the middle of what it imports."""
    height = levels(arrows)
    rows = [sorted(node for node in arrows if height[node] == level) for level in range(max(height.values()) + 1)]
    width = max(map(len, rows)) * WIDTH
    placed: dict[str, tuple[float, float]] = {}
    for level, row in enumerate(rows):
        below = {node: [placed[other][0] for other in arrows.successors(node) if other in placed] for node in row}
        row.sort(key=lambda node: sum(below[node]) / len(below[node]) if below[node] else width / 2)
        for index, node in enumerate(row):
            placed[node] = ((index + 0.5) * width / len(row), (level + 0.5) * HEIGHT)
    return placed


def draw(arrows: networkx.DiGraph) -> Figure:
    """The graph as a figure; an arrow points at what is imported."""
    at = positions(arrows)
    size = (max(x for x, _ in at.values()) + WIDTH / 2, max(y for _, y in at.values()) + HEIGHT / 2)
    figure = Figure(size)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, size[0]), ylim=(0, size[1]))
    axes.axis("off")
    for importer, imported, lazy in arrows.edges(data="lazy"):
        (x, y), (end, below) = at[importer], at[imported]
        bend = min(0.25, HEIGHT / 1.5 / abs(x - end)) if y == below else 0.0  # an arc within the level's height
        style = dict(arrowstyle="->", linestyle="--" if lazy else "-", color="#777", lw=0.7, shrinkA=11, shrinkB=11)
        axes.annotate("", at[imported], at[importer], arrowprops={**style, "connectionstyle": f"arc3,rad={bend}"})
    for node, (x, y) in at.items():
        color = COLORS[node.partition(".")[0]]
        axes.text(x, y, node, ha="center", va="center", fontsize=7, bbox=dict(boxstyle="round", fc=color, ec="#777"))
    return figure


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("imports.svg"))
    output = parser.parse_args(arguments).output
    for kind, arrows in {"packages": graph(package_of), "modules": graph()}.items():
        print(f"{len(arrows)} {kind}, {arrows.size()} arrows; circles: {len(circles(arrows))}")
        for group in circles(arrows):
            print("  " + " ".join(group))
    draw(graph(package_of)).savefig(output)
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
