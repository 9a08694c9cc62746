"""Draw a picture: a network answers, for every place, which colour is there (Stanley: Compositional pattern producing networks.
Genetic Programming and Evolvable Machines 8(2), 2007).

A row is a pixel: x, y, and the distance d from the centre; one output is grey, three are hue, saturation and brightness
(`evo.hyperneat.pictures`). The target is a file of yours, or one of two photographs of scikit-learn, scaled so that its longer
side has `resolution` pixels. Fitness is 1 minus the mean squared error of the colours, 0 .. 1 each. All pixels are training and
validation; there is no test. Evolution towards a picture that was chosen beforehand is known to be hard (Woolley and Stanley:
On the deleterious effects of a priori objectives on evolution and representation. GECCO 2011).

    evo run cppn_image -m cppn -m backprop --set task.target=picture.png
    evo play runs/cppn_image/cppn/seed-0 --resolution 512 --record picture.png
    evo run cppn_image -m cppn -m trained=backprop --set trained.start=runs/cppn_image/cppn     evolved topology, by gradient

`backprop` trains an MLP that is asked the same, or, begun from a run of `cppn`, the weights of its champion. A method begun so
has the whole budget again, beside what its donor spent.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evo.core import Budget, Deployment, Model, Row, Saved, Scenario, Score
from evo.hyperneat.pictures import Colours, colours, places
from evo.settings import setting, settings
from evo.tasks.supervised import SupervisedTask

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

SHIPPED = {"flower": "flower.jpg", "china": "china.jpg"}  # of scikit-learn, 640x427
MOST = 8192  # pixels along a side of a file
OUTSIDE = 0.01  # of the loss: the weight of what is cut off
FINER = 8  # pixels of a figure for each pixel of the target, along a side


@settings
class CPPNImageSettings:
    target: str = setting("flower", "a file of a picture, or flower or china, photographs that scikit-learn has")
    colour: str = setting("hsb", "grey: one output; hsb: hue, saturation and brightness", choices=("grey", "hsb"))
    resolution: int = setting(48, "pixels of the longer side that the target is scaled to", low=2, high=1024)
    sha256: str = setting("", "sha256 of the target's file: it is found, and another picture is another task")
    stop: str = setting("solved", '"budget": spend the whole budget, without early stopping', choices=("solved", "budget"))

    def contradictions(self) -> list[str]:
        if self.target in SHIPPED:
            return []
        try:
            opened(self.target)
        except (OSError, ValueError) as error:
            return [f"target: {error}"]
        found = hashlib.sha256(Path(self.target).read_bytes()).hexdigest()
        if self.sha256 not in ("", found):
            return [f"sha256: expected that of {self.target}, {found}; got {self.sha256}"]
        object.__setattr__(self, "sha256", found)  # as if it had been given, so that it is stored
        return []


def opened(target: str) -> Image:
    """A picture as it was made: the first frame of a film, turned as its camera was held, transparent pixels over white, 16
    bits a grey value made 8. Raises FileNotFoundError; ValueError for no picture, or more than MOST pixels a side."""
    from PIL import Image, ImageOps

    if target in SHIPPED:
        from sklearn.datasets import load_sample_image

        return Image.fromarray(load_sample_image(SHIPPED[target]))
    if not Path(target).is_file():
        raise FileNotFoundError(f"expected a file of a picture, or one of {', '.join(SHIPPED)}; there is no file {target!r}")
    Image.MAX_IMAGE_PIXELS, before = None, Image.MAX_IMAGE_PIXELS  # ours is the limit of a side
    try:
        with Image.open(target) as file:
            if max(file.size) > MOST:
                raise ValueError(f"expected a picture of at most {MOST} pixels a side; {target} has {file.width}x{file.height}")
            if file.mode in ("I", "F"):
                raise ValueError(f"expected 8 or 16 bits a pixel and colour; {target} has 32")
            picture = ImageOps.exif_transpose(file)
            if picture.mode.startswith("I;16"):
                picture = Image.fromarray((np.asarray(picture, np.uint16) >> 8).astype(np.uint8))
            picture = picture.convert("RGBA")
    except (OSError, SyntaxError) as error:
        raise ValueError(f"expected a picture (PNG, JPEG, ...); {target} is none that can be read: {error}") from error
    finally:
        Image.MAX_IMAGE_PIXELS = before
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def pixels(target: str, colour: str, resolution: int) -> np.ndarray:
    """The target (H, W, 1 or 3) float32 in 0 .. 1, its longer side scaled to `resolution`, by Lanczos' filter. Grey is the luma
    of ITU-R 601. Raises as `opened`."""
    from PIL import Image

    picture = opened(target).convert("L" if colour == "grey" else "RGB")
    width, height = (max(1, round(size * resolution / max(picture.size))) for size in picture.size)
    scaled = np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS), np.float32) / 255
    return scaled.reshape(height, width, -1)


def likeness(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 - the mean squared error of the colours: outputs (P, B, O), targets (B, O) -> (P,)."""
    return 1.0 - (colours(outputs) - targets).square().mean((-1, -2)).double()


def cut_off(outputs: Tensor) -> Tensor:
    """By how much outputs (..., 1) or (..., 3) lie outside the ranges in which they change a colour: hue never does."""
    low = torch.tensor([-math.inf, 0.0, -1.0][-outputs.shape[-1] :], dtype=outputs.dtype, device=outputs.device)
    high = torch.tensor([math.inf, 1.0, 1.0][-outputs.shape[-1] :], dtype=outputs.dtype, device=outputs.device)
    return outputs - torch.minimum(torch.maximum(outputs, low), high)


class Coloured(Model):
    """A model whose answers are colours."""

    def __init__(self, model: Model):
        self.model = model

    @property
    def parameters(self) -> int:
        return self.model.parameters

    def __call__(self, inputs: npt.ArrayLike) -> Tensor:
        return colours(torch.as_tensor(self.model(inputs)))

    def save(self) -> Saved:
        return self.model.save()

    def to_module(self) -> nn.Module:
        return nn.Sequential(self.model.to_module(), Colours())


class PictureTask(SupervisedTask):
    """One picture (H, W, 1 or 3) to draw: every metric is of colours, in 0 .. 1.

    scaled: the settings by which it was scaled, so that it can be at another resolution.
    """

    def __init__(self, picture: np.ndarray, scaled: CPPNImageSettings | None = None, **rest: Any):
        self.picture, self._scaled, self._rest = picture, scaled, rest
        self.resolution = max(picture.shape[:2])
        height, width, channels = picture.shape
        pairs = places(height, width).astype(np.float32), picture.reshape(height * width, channels)
        super().__init__(pairs, kind="regression", fitness=likeness, metric="squared_error", **rest)

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """The mean squared error of the colours, and OUTSIDE of the squares of what is cut off: nothing else leads back."""
        return super().loss(colours(outputs), targets, label_smoothing) + OUTSIDE * cut_off(outputs).square().mean()

    def score(self, model: Model, split: str) -> Score | None:
        """Every metric of regression, "fitness", and "n" pixels."""
        found = super().score(Coloured(model), split)
        return found if found is None else found | {"fitness": 1.0 - found["squared_error"]}

    def predictions(self, model: Model, x: npt.ArrayLike, y: npt.ArrayLike | None = None) -> list[Row]:
        return super().predictions(Coloured(model), x, y)

    def deployment(self, model: Model) -> Deployment:
        return super().deployment(Coloured(model))

    def at(self, resolution: int) -> PictureTask:
        """The same picture with another number of pixels along its longer side, of 2 to 1024."""
        if self._scaled is None:
            raise ValueError("a picture that is given as an array has one resolution")
        scaled = replace(self._scaled, resolution=resolution)
        return PictureTask(pixels(scaled.target, scaled.colour, resolution), scaled, **self._rest)

    def drawn(self, model: Model) -> np.ndarray:
        """What a model draws in place of the target, float32 (H, W) or (H, W, 3) in 0 .. 1; what is not finite is black."""
        return self._drawn(model, 1).squeeze(-1) if self.outputs == 1 else self._drawn(model, 1)

    def _drawn(self, model: Model, finer: int) -> np.ndarray:
        """The same (H, W, 1 or 3), with `finer` times as many pixels along each side."""
        height, width, channels = self.picture.shape
        asked = places(height * finer, width * finer).astype(np.float32)
        return np.asarray(Coloured(model)(asked).nan_to_num(0.0)).reshape(height * finer, width * finer, channels)

    def figure(self, model: Model, split: str = "validation") -> Figure:
        """The target, what the model draws in its place, and what it draws at a finer resolution."""
        from evo.plots.planes import Plane, draw

        (height, width, _), own, finer = self.picture.shape, self._drawn(model, 1), self._drawn(model, FINER)
        error = f"squared error {np.square(own.astype(np.float64) - self.picture).mean():.3g}"
        names = [f"target, {width}x{height}", error, f"at {width * FINER}x{height * FINER}"]
        planes = [Plane(name, each, picture=True) for name, each in zip(names, (self.picture, own, finer))]
        return draw([("the target, and what the network draws", planes)])


def task(settings: Any, network: Any) -> PictureTask:
    picture = pixels(settings.target, settings.colour, settings.resolution)
    return PictureTask(picture, settings, network=network, stop=settings.stop)


scenario = Scenario(
    name="cppn_image",
    title="draw a picture, pixel by pixel from its place (all pixels: no test split)",
    task=task,
    settings=CPPNImageSettings,
    budget=Budget(evaluations=30_000),
    methods=("cppn", "backprop", "random-search"),
    model={"network": "mlp", "hidden": (32, 32)},
    learners={"backprop": {"batch_size": 256}},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("cppn_image")
