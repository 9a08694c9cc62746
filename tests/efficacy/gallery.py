"""Makes the pictures of README's gallery, in scenarios/gallery: python tests/efficacy/gallery.py [--runs DIR].

Runs five scenarios, opens each report in Chromium, and takes the learning curves and what the first method's
median champion does. The
same command goes on where it was stopped. Needs the extra `test` and a Chromium on the path.
"""

from __future__ import annotations

import argparse
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from scenarios.lab import run

FOLDER = Path(__file__).parents[2] / "scenarios" / "gallery"
SHOWN = {
    "digits": (["ga", "deep-ga", "backprop", "linear"], {}),
    "two_spirals": (["ga", "backprop", "gradient-boosting"], {}),
    "wine": (["nsga2", "ga", "backprop"], {}),
    "cartpole": (["ga", "deep-ga", "random-search"], {}),
    "acrobot": (["ga", "deep-ga", "random-search"], {"samples": 300_000}),
}
SEEDS = 5
COLORS = 96  # of a picture's palette: a screenshot needs no more
WIDTH = 1400
QUIET = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync"


@contextmanager
def browser() -> Iterator[Page]:
    """A page of Debian's Chromium, or whichever is on the path."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("no Chromium on the path")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=QUIET.split())
        yield made.new_page(viewport={"width": 1120, "height": 1280})
        made.close()


def write(name: str, picture: Image.Image) -> None:
    FOLDER.mkdir(exist_ok=True)
    picture.convert("RGB").quantize(COLORS).save(FOLDER / f"{name}.png", optimize=True)
    print(FOLDER / f"{name}.png")


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two pictures at one height, side by side."""
    height = min(left.height, right.height)
    parts = [each.resize((each.width * height // each.height, height), Image.Resampling.LANCZOS) for each in (left, right)]
    both = Image.new("RGB", (sum(each.width for each in parts) + 20, height), "white")
    both.paste(parts[0], (0, 0))
    both.paste(parts[1], (parts[0].width + 20, 0))
    return both.resize((WIDTH, both.height * WIDTH // both.width), Image.Resampling.LANCZOS) if both.width > WIDTH else both


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/gallery"))
    runs = parser.parse_args().runs
    reports = {}
    for name, (methods, budget) in SHOWN.items():
        found = run(name, methods=methods, seeds=SEEDS, budget=budget or None, runs=runs)
        print(found, end="\n\n")
        reports[name] = found.report
    with browser() as page:
        for name, report in reports.items():
            page.goto(report.resolve().as_uri())
            page.wait_for_selector("html[data-drawn=yes]")
            if name == next(iter(SHOWN)):
                write("report", Image.open(io.BytesIO(page.screenshot())))
            chart = "front-0" if page.query_selector("#front-0") else "curves-0"
            left = Image.open(io.BytesIO(page.locator(f"#{chart}").screenshot()))
            right = Image.open(io.BytesIO(page.locator(".picture").nth(1).screenshot()))
            write(name, beside(left.convert("RGB"), right.convert("RGB")))


if __name__ == "__main__":
    main()
