"""Ten methods can be told apart, on a light page and on a dark one."""

from __future__ import annotations

import itertools

import pytest

from scenarios.lab.report import palettes


@pytest.mark.parametrize("name", ["light", "dark"])
def test_ten_methods_have_ten_colours_and_no_two_the_same_line(name):
    colours = palettes.PALETTES[name]
    assert len(set(colours)) == 10
    lines = [(colours[k % len(colours)], tuple(palettes.DASHES[k % len(palettes.DASHES)])) for k in range(10)]
    assert len(set(lines)) == 10


@pytest.mark.parametrize(("name", "page"), [("light", "#ffffff"), ("dark", "#161616")])
def test_colours_of_lines_and_text_stand_out_from_the_page(name, page):
    assert min(contrast(colour, page) for colour in palettes.PALETTES[name]) >= 3
    assert contrast(palettes.INKS[name][0], page) >= 4.5
    assert palettes.theme(name)["style"]["stream"]["stroke"] == page


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("lacking", ["protan", "deutan"])
def test_methods_are_told_apart_by_colour_blind_readers(name, lacking):
    """Two methods of near colours have another dash."""
    for (k, one), (m, other) in itertools.combinations(enumerate(palettes.PALETTES[name]), 2):
        if distance(blind(one, lacking), blind(other, lacking)) < 12:
            assert palettes.DASHES[k % len(palettes.DASHES)] != palettes.DASHES[m % len(palettes.DASHES)], (one, other)


def linear(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def contrast(one, other):
    """WCAG 2.2's contrast ratio."""
    light = lambda colour: sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear(colour)))
    bright, dark = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def blind(colour, lacking):
    """Linear RGB as a dichromat sees it (Machado, Oliveira, Fernandes 2009, severity 1)."""
    rows = {
        "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
        "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    }[lacking]
    parts = linear(colour)
    return [min(1.0, max(0.0, sum(a * b for a, b in zip(row, parts)))) for row in rows]


def distance(one, other):
    """Euclidean distance in CIELAB."""

    def lab(rgb):
        table = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
        xyz = [sum(a * b for a, b in zip(row, rgb)) / white for row, white in zip(table, (0.9505, 1, 1.089))]
        x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz)
        return 116 * y - 16, 500 * (x - y), 200 * (y - z)

    return sum((a - b) ** 2 for a, b in zip(lab(one), lab(other))) ** 0.5
