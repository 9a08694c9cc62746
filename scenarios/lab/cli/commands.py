"""The command line: `evo list | devices | show | run | tune | compare | plot | play | export | watch`.

A mistake is said in a line, never with a traceback; the exit codes are those of `scenarios.lab.cli.ends`.
Whatever imports torch is imported inside a command, so that --help answers at once.
"""

from __future__ import annotations

import io
import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from evo.settings import did_you_mean
from scenarios.lab.cli.devices import devices
from scenarios.lab.cli.ends import failed, flush, suggested, terminable, warned, wrong
from scenarios.lab.cli.export import export
from scenarios.lab.cli.options import (
    At,
    Compared,
    Decimal,
    Device,
    Jobs,
    Labels,
    Limits,
    Methods,
    Metric,
    Missing,
    OneRun,
    Runs,
    Seeds,
    Sep,
    Sets,
    Several,
    Target,
    Task,
    What,
)
from scenarios.lab.cli.plot import plot
from scenarios.lab.cli.tune import tune
from scenarios.lab.execution.progress import meanwhile
from scenarios.lab.report.format import terminal_width
from scenarios.lab.store.files import StoreError
from scenarios.lab.study import resolve

START = """neuroevo: evolve neural networks, and compare them fairly with gradient-trained ones.

  evo run xor                                     a first run
  evo run digits -m ga -m backprop -m linear      compare three methods
  evo list                                        scenarios and methods
  evo show digits -m ga                           every setting, as a TOML file to edit and run
  evo tune digits -m ga -m backprop               search for settings, with equal trials for every method
  evo compare digits                              print the table again and write the report
  evo watch digits                                the live report in a browser
  evo play runs/cartpole/ga/seed-0                run a champion in its environment

evo COMMAND --help lists the options of a command."""

COMMANDS = ("list", "devices", "show", "run", "tune", "compare", "plot", "play", "export", "watch")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line (default: that of this process) and returns its exit code."""
    with terminable() as terminated:
        code = _command(arguments)
    return 143 if code == 130 and terminated else code


def _command(arguments: list[str] | None) -> int:
    usage: Any = typer.BadParameter.__mro__[1]  # click's UsageError, wherever this typer keeps click
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the name of a folder need not be text
    try:
        for package in resolve.OURS:
            resolve.check_shadowing(package)
        code = int(typer.main.get_command(app).main(args=arguments, prog_name="evo", standalone_mode=False) or 0)
        flush()
        return code
    except usage as error:
        return wrong(suggested(error, COMMANDS))
    except resolve.Unresolved as error:
        return wrong(str(error))
    except (StoreError, OSError) as error:  # a full disk, a folder that is a file or not for our eyes
        return failed(resolve.said(error))
    except KeyboardInterrupt:  # before typer, which makes an exit of it, with code 130
        print("interrupted", file=sys.stderr)
        return 130


@app.callback(invoke_without_command=True, help=START.partition("\n")[0])
def start(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(START)


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(metavar="[runs]", help="runs: list the runs and the commands that continue them")] = "",
    runs: Runs = Path("runs"),
) -> int:
    """List scenarios and methods, or the runs."""
    if what not in ("", "runs"):
        return wrong(f"list {what}: expected nothing, or runs{did_you_mean(what, ['runs'])}")
    from scenarios.lab.cli import listing

    if what:
        text, faults = listing.runs(runs)
        print(text, end="\n" if text else "")
        return max([0, *map(failed, faults)])
    from scenarios.lab.cli import kept

    known = json.loads(kept.text(["list"], lambda: json.dumps(listing.everything())))
    print(listing.laid_out(known, terminal_width()))
    return 0


@app.command()
def show(
    what: What,
    method: Methods = [],  # noqa: B006
    seeds: Seeds = "",
    budget: Limits = [],  # noqa: B006
    set_: Sets = [],  # noqa: B006
    device: Device = "",
    target: Target = "",
    task: Task = "",
    sep: Sep = "",
    decimal: Decimal = "",
    missing: Missing = [],  # noqa: B006
) -> int:
    """Print the effective configuration as commented TOML, to save, edit and run."""
    from scenarios.lab.cli import flags, listing
    from scenarios.lab.study.problems import ConfigError

    reading = {"sep": sep, "decimal": decimal, "missing": missing}
    try:
        asked = flags.chosen(what, method, seeds, budget, set_, device, target, task, reading)
        shown = listing.kept_over(what, method, asked)
        if shown is None:
            with meanwhile("importing torch, to describe methods and tasks"):
                shown = listing.commented(**asked)
    except ConfigError as error:
        return wrong(error)
    print(listing.narrowed(shown, terminal_width()), end="")
    return 0


@app.command()
def run(
    what: Several,
    method: Methods = [],  # noqa: B006
    seeds: Seeds = "",
    budget: Limits = [],  # noqa: B006
    set_: Sets = [],  # noqa: B006
    jobs: Jobs = None,
    runs: Runs = Path("runs"),
    device: Device = "",
    restart: Annotated[bool, typer.Option("--restart", help="rename existing runs and start over")] = False,
    target: Target = "",
    task: Task = "",
    sep: Sep = "",
    decimal: Decimal = "",
    missing: Missing = [],  # noqa: B006
) -> int:
    """Run methods on scenarios, or resume stopped runs, and compare them."""
    options = [("-m", one) for one in method] + [("--seeds", seeds)] + [("--budget", one) for one in budget]
    options += [("--set", one) for one in set_] + [("--device", device), ("--target", target), ("--task", task)]
    reading = {"sep": sep, "decimal": decimal, "missing": missing}
    options += [("--sep", sep), ("--decimal", decimal)] + [("--missing", one) for one in missing]
    options += [("--jobs", str(jobs or "")), ("--runs", "" if runs == Path("runs") else str(runs))]
    command = shlex.join(["evo", "run", *what, *(word for option in options if option[1] for word in option)])
    try:
        from scenarios.lab.cli import flags
        from scenarios.lab.execution.runner import Workers, refuse_others
        from scenarios.lab.study.problems import ConfigError
        from scenarios.lab.study.spec import Study

        try:
            rest = (method, seeds, budget, set_, device, target, task, reading)
            asked = flags.several(what, lambda one: flags.chosen(one, *rest))
            with Workers() as workers:

                def tried(one: str) -> Any:
                    with meanwhile("importing torch, and trying the configuration"):
                        workers.ask("study", **asked[one], command=command)
                        from scenarios.lab.report import report

                        report.prepare()  # while the worker imports torch
                        study = Study.from_json(workers.answer())
                    refuse_others(study, runs, restart)
                    return study

                studies, states = flags.several(what, tried), set[str]()
                from scenarios.lab.api import perform

                for study in studies.values():
                    print(f"{study.name}: {study.title}", file=sys.stderr)
                    ended, comparison = perform(study, runs, jobs, restart, workers)
                    states.update(ended)
                    print(comparison.text(terminal_width()))
                    if comparison.report is not None:
                        print(f"report: {comparison.report}", flush=True)
                    if "stopped" in states:
                        break
        except ConfigError as error:
            return wrong(error)
    except KeyboardInterrupt:
        print(f"stopped at once; continue with: {command}", file=sys.stderr)
        return 130
    if "stopped" in states:
        print(f"continue with: {command}", file=sys.stderr)
        return 130
    return 1 if "failed" in states else 0


app.command()(devices)
app.command()(tune)


@app.command()
def compare(
    what: Compared = [],  # noqa: B006
    method: Labels = [],  # noqa: B006
    metric: Metric = "",
    at: At = "",
    archive: Annotated[
        list[Path], typer.Option("--coco", metavar="FOLDER", help="draw an archive in COCO's format beside; repeatable")
    ] = [],  # noqa: B006
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE.html", help="path of the report")] = None,
    runs: Runs = Path("runs"),
) -> int:
    """Compare scenarios, or any set of runs: print the table and write the report."""
    from scenarios.lab.cli import compared
    from scenarios.lab.report import report
    from scenarios.lab.report.comparison import BadPoint
    from scenarios.lab.report.gather import NoRuns

    if output is not None and output.suffix.lower() not in (".html", ".htm"):
        return wrong(f"-o {output}: expected a name that ends in .html; evo plot writes images")
    try:
        with meanwhile("reading the runs"):
            found = compared.comparisons(what, runs, method, metric, at, archive)
        print("\n\n".join(each.text(terminal_width()) for each in found))
        path, own = (output, False) if output is not None else compared.report_path(what, runs, method, metric, at)
        with meanwhile("writing the report"):
            made = report.write(found, path, own)
        print(f"report: {made[0]}")
    except (NoRuns, BadPoint) as error:
        return wrong(error)
    return 0


app.command()(plot)


@app.command()
def play(
    run: OneRun,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="an episode as a .gif, a CPPN's picture as a .png")
    ] = None,
    rows: Annotated[str | None, typer.Option(metavar="0,5,7", help="rows of the test split to predict; default 0-9")] = None,
    table: Annotated[Path | None, typer.Option("--input", metavar="FILE.csv", help="your own rows to predict")] = None,
    resolution: Annotated[int | None, typer.Option(metavar="N", help="ask a CPPN again at another resolution")] = None,
) -> int:
    """Run a champion: act in its environment, or predict."""
    from scenarios.lab.execution import compiling
    from scenarios.lab.study.loading import load
    from scenarios.lab.study.problems import ConfigError

    with meanwhile("importing torch"):
        compiling.spare_blas()
        from scenarios.lab.cli.play import PlayError
        from scenarios.lab.cli.play import play as played

    try:
        played(load(run, warn=warned), record, rows, table, resolution=resolution)
    except (ConfigError, StoreError, PlayError) as error:
        return wrong(error)
    except RuntimeError as error:
        return failed(f"{error}{resolve.place(error)}")
    return 0


app.command()(export)


@app.command()
def watch(
    what: Annotated[str, typer.Argument(metavar="[SCENARIO]", help="default: every scenario with runs")] = "",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="local port; 0: any free one")] = 8000,
    runs: Runs = Path("runs"),
) -> int:
    """Serve the live report to this machine's browser; Ctrl-C ends it."""
    from scenarios.lab.cli import watch as served

    try:
        served.serve([what] if what else [], runs, port)
    except OSError as error:
        return failed(f"port {port}: {error.strerror or error}; --port 0 takes any free one")
    return 0
