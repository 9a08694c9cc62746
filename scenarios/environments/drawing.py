"""Renders a cart with poles, for environments without a picture in another library."""

import math

import numpy as np
from PIL import Image, ImageDraw

WIDTH, METRE, SMOOTH = 600, 110, 2  # pixels: of a picture, of a metre; edges are smoothed by drawing so many times larger
PAPER, LINE, CART = (255, 255, 255), (170, 170, 170), (40, 40, 40)
POLES = ((0, 114, 178), (230, 159, 0))  # blue and orange (Okabe and Ito, as in evo.plots.figures)


def cart_with_poles(x, track, poles, above, below):
    """An image (H, 600, 3) uint8 of a cart on its track, from the side.

    x: the position of the cart; +-track: the ends of its track (m). poles: pairs of an angle, from upright and positive to the
    right (rad), and a length (m), drawn in this order. above, below: the visible height above and below the hinge (m). What
    lies outside, or is NaN, is not drawn. Raises ValueError for an infinite angle.
    """
    scale = SMOOTH * METRE
    across = lambda metres: SMOOTH * WIDTH / 2 + scale * metres
    hinge = scale * above
    picture = Image.new("RGB", (SMOOTH * WIDTH, round(scale * (above + below))), PAPER)
    pen = ImageDraw.Draw(picture)
    pen.line([across(-track), hinge, across(track), hinge], LINE, 8 * SMOOTH)
    for end in (-track, track):
        pen.line([across(end), hinge - 0.08 * scale, across(end), hinge + 0.08 * scale], LINE, 8 * SMOOTH)
    pen.rectangle([across(x - 0.22), hinge - 0.09 * scale, across(x + 0.22), hinge + 0.09 * scale], CART)
    for (angle, length), colour in zip(poles, POLES):
        tip = across(x + length * math.sin(angle)), hinge - scale * length * math.cos(angle)
        pen.line([across(x), hinge, *tip], colour, 10 * SMOOTH)
        for centre in ((across(x), hinge), tip):
            pen.circle(centre, 5 * SMOOTH, colour)
    return np.asarray(picture.reduce(SMOOTH))
