"""How charts look: colours, dashes, points and type, on a light page and on a dark one.

The colours keep a contrast of 3 to 1 on their background, and tell apart for the common kinds of colour blindness with the
dashes' help.
"""

from __future__ import annotations

from typing import Any

PALETTES = {
    "light": ["#0072B2", "#C44E00", "#00795A", "#AA3E98", "#7A6500", "#5B5B5B", "#882255", "#332288", "#B8004B", "#1F7A8C"],
    "dark": ["#56B4E9", "#F0913A", "#2CC59A", "#E07BC8", "#E6D24A", "#B5B5B5", "#F28CA8", "#A59BF5", "#FF7F7F", "#7FD6E4"],
}
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 2, 1, 2, 1, 2]]
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
INKS = {"light": ("#1b1b1b", "#d9d9d9", "#ffffff"), "dark": ("#ececec", "#444444", "#161616")}  # text, grid, page
FONT = 'system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif'


def theme(name: str) -> dict[str, Any]:
    """The Vega-Lite configuration of "light" or "dark"."""
    ink, grid, page = INKS[name]
    text = {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    return {
        "background": None,
        "font": FONT,
        "axis": {
            **text,
            "gridColor": grid,
            "domainColor": ink,
            "tickColor": ink,
            "labelLimit": 130,
            "labelOverlap": "greedy",
            "labelSeparation": 8,
        },
        "legend": {**text, "labelLimit": 220, "orient": "bottom", "columns": 4, "title": None, "symbolStrokeWidth": 2},
        "header": text,
        "title": {"color": ink, "fontSize": 13},
        "text": {"color": ink},
        "view": {"stroke": None},
        "style": {"reference": {"stroke": ink, "strokeWidth": 1}, "stream": {"stroke": page, "strokeWidth": 0.7}},
        "range": {"category": PALETTES[name]},
    }
