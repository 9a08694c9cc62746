"""`evo devices`: cores and card, and where each method would run on each scenario."""

from __future__ import annotations

from typing import Any

from scenarios import METHODS, SCENARIOS
from scenarios.lab.cli.ends import wrong
from scenarios.lab.cli.options import Device
from scenarios.lab.execution.progress import meanwhile
from scenarios.lab.report.format import terminal_width
from scenarios.lab.study import resolve


def devices(device: Device = "auto") -> int:
    """Show cores and card, and where each method would run on each scenario."""
    from scenarios.lab.cli import listing
    from scenarios.lab.study.problems import ConfigError

    try:
        with meanwhile("importing torch, and looking for a card"):
            parts = asked(device)
    except ConfigError as error:
        return wrong(error)
    print(listing.laid_out(parts, terminal_width()))
    return 0


def asked(device: str) -> list[Any]:
    """The machine, and where each method would run, as tables; a sentence for scenarios that need a download. Raises
    ConfigError for a device that is not there."""
    from scenarios.lab.study.devices import machine, places
    from scenarios.lab.study.problems import Checks

    check = Checks()
    chosen = check.device(device)
    check.done()
    offered = {name: resolve.scenario(name) for name in SCENARIOS}
    tasks = {name: task for name, each in offered.items() if not each.needs and (task := check.default_task(each)) is not None}
    methods = {name: resolve.method(name) for name in METHODS if not name.endswith(":")}
    left = [name for name, each in offered.items() if each.needs]
    parts: list[Any] = [machine(), places(tasks, methods, chosen)]
    return parts + [f"not asked, since they need a download: {', '.join(left)}"] * bool(left)
