"""The network of one CPPN as a Model that draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evo.hyperneat.pictures import COLOURS, INPUTS, pictures, places
from evo.network.model import NetworkModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 128  # pixels along a side, in a figure


class PictureModel(NetworkModel):
    """As of NetworkModel, of a genome that is a picture if it has 3 inputs and 1 or 3 outputs."""

    def picture(self, height: int, width: int) -> np.ndarray:
        """What it draws at a resolution, float32 in 0 .. 1: (height, width) if it is grey, else (height, width, 3). Raises
        ValueError for a network of other inputs and outputs."""
        return pictures(self.genome, height, width)[0]

    def figure(self) -> Figure:
        """The picture, the answers of each output as an image, and the topology; of what is no picture the topology alone."""
        if self.genome.inputs != INPUTS or self.genome.outputs not in COLOURS:
            return super().figure()
        from evo.plots.planes import Plane, draw

        answers = self(places(SHOWN, SHOWN)).numpy().reshape(SHOWN, SHOWN, -1)
        names = COLOURS[self.genome.outputs]
        shown = Plane(f"{SHOWN}x{SHOWN} pixels", self.picture(SHOWN, SHOWN), picture=True)
        outputs = [Plane(f"out {k}: {name}", answers[..., k]) for k, name in enumerate(names)]
        return draw([("picture", [shown]), ("outputs", outputs)], self.topology)
