"""Verifies and measures everything on a CUDA card: `tests/device/run.sh [--toy] [--seconds 360] [FOLDER for the figures]`.

It needs Python 3.12 with torch, numba, numba-cuda and pytest; what else is missing comes from tests/device/wheels (`pack.sh`),
unpacked into a temporary folder. Versions are told. Steps, each a process that is ended at its limit, none of which stops the
others: `evo devices`; the marked tests; the bench; a run as a user types it. TensorNEAT and evosax compile while the tests run,
and take their turn after the bench. Limits of steps are those of 360 seconds, and grow with --seconds; what is left of them
limits every step. FOLDER gets at most eight files, since a machine that is lent may give back no more: what each step and the
peers printed, bench.json, device.json with all figures and device.md, the section of RESULTS.md (`results.py`).

--toy: all of it at toy size, on numba's simulator. PEERS: an interpreter that has JAX and the peers; this one if unset.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import results

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BENCH = ROOT / "tests" / "bench"
PACKAGES = ("torch", "numba", "numba-cuda", "llvmlite", "jax", "jaxlib", "tensorneat", "evosax", "gymnasium", "pytest")
PYTEST = ["-q", "-m", "cuda", "-rfE", "--tb=short", "-o", "addopts=", "-o", "filterwarnings=", "-p", "no:cacheprovider"]
PYTEST += ["tests/device/test_device.py", "tests/evo/vectors/test_encoding.py"]
GENERATIONS = 6  # of a peer; the first is left out
SECONDS = 360.0  # for which the limits of steps are meant


class Session:
    """Steps within some seconds, and what came of them. scratch: a folder for what nobody reads later."""

    def __init__(self, out: Path, scratch: Path, seconds: float, environment: dict[str, str]):
        self.out, self.scratch, self.environment, self.ends = out, scratch, environment, time.monotonic() + seconds
        self.slowness = seconds / SECONDS
        self.steps: list[dict] = []

    def limit(self, seconds: float) -> float:
        """Those, in a session of `SECONDS`; or what is left."""
        return max(0.1, min(seconds * self.slowness, self.ends - time.monotonic()))

    def step(self, name: str, command: list, seconds: float) -> str:
        """Runs it, shows the end of what it printed, and returns all of that; it may fail."""
        began, path = time.monotonic(), self.out / f"{name}.txt"
        with path.open("w") as told:
            shell = dict(cwd=ROOT, env=self.environment, stdout=told, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                process = subprocess.Popen(list(map(str, command)), **shell)
                code = process.wait(self.limit(seconds))
            except subprocess.TimeoutExpired:
                code = 124
                os.killpg(process.pid, signal.SIGKILL)  # with what it started
                process.wait()
            except OSError as error:
                code = 127
                told.write(str(error))
        took = time.monotonic() - began
        self.steps.append({"step": name, "code": code, "seconds": round(took, 1)})
        printed = path.read_text(errors="replace")
        print(f"== {name}: code {code}, {took:.0f} s", *printed.splitlines()[-12:], sep="\n", flush=True)
        return printed


class Peer:
    """A side of `tests/bench` in a process of its own, which compiles from now on."""

    def __init__(self, session: Session, name: str, size: int, script: str, *arguments: object):
        self.name, self.size, self.session = name, size, session
        self.path = session.scratch / f"{Path(script).stem}-{size}.txt"
        # JAX would take most of the card's memory at once.
        environment = {**session.environment, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        with self.path.open("w") as told:
            self.process = subprocess.Popen(
                [os.environ.get("PEERS", sys.executable), str(BENCH / script), *map(str, arguments)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=told,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def said(self, word: str) -> list[float]:
        """The seconds after it, in lines as sides print them; libraries print others."""
        lines = rf"^{word} (\d+(?:\.\d+)?(?:e[-+]\d+)?)(?: \S+)?$"
        return list(map(float, re.findall(lines, self.path.read_text(errors="replace"), re.MULTILINE)))

    def wait(self, seconds: float) -> None:
        """Until it is compiled."""
        ends = time.monotonic() + self.session.limit(seconds)
        while not self.said("ready") and self.process.poll() is None and time.monotonic() < ends:
            time.sleep(0.2)

    def generations(self, seconds: float) -> dict:
        """A row of its generations; or why there are none."""
        row = {"case": self.name, "size": self.size}
        if self.process.poll() is None and not self.said("ready"):
            return row | {"error": "not compiled in time"}
        with suppress(subprocess.TimeoutExpired):  # what it said until then counts
            self.process.communicate("\n" * GENERATIONS, timeout=self.session.limit(seconds))
        took = self.said("took")[1:]
        if not took:
            return row | {"error": (["nothing printed"] + self.path.read_text(errors="replace").split("\n"))[-2]}
        return row | {"first_seconds": self.said("ready")[0], "seconds": sorted(took)[len(took) // 2], "all_seconds": took}

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()
        with (self.session.out / "peers.txt").open("a") as told:
            told.write(f"== {self.name}, {self.size:,}\n{self.path.read_text(errors='replace')}\n")


def unpack(wheels: Iterable[Path], into: Path) -> None:
    """Those of packages that are not there, which changes nothing else on the machine."""
    for wheel in wheels:
        try:
            importlib.metadata.version(wheel.name.partition("-")[0])
        except importlib.metadata.PackageNotFoundError:
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(into)


def versions() -> dict[str, str | None]:
    """Of each package: None where it is not installed."""
    found: dict[str, str | None] = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    print("== versions", *(f"{name} {version or 'is not there: skipped'}" for name, version in found.items()), sep="\n")
    return found


def peers(session: Session, toy: bool) -> list[Peer]:
    """Of CartPole-500: TensorNEAT's generations in its smallest arrays, and evosax's of an MLP; those that are installed."""
    sizes, found = ((8,) if toy else (10_000, 100_000)), []
    own = "PEERS" not in os.environ
    if not own or importlib.util.find_spec("tensorneat"):
        arguments = [("TensorNEAT, cartpole generation", size, "tensorneat_side.py", "cartpole", size, 9, 12) for size in sizes]
        found += [Peer(session, *each) for each in arguments]
    if not own or importlib.util.find_spec("evosax"):
        found.append(Peer(session, "evosax, cartpole generation of MLPs", sizes[0], "evosax_side.py", sizes[0]))
    return found


def verify(out: Path, scratch: Path, seconds: float, toy: bool) -> int:
    """All steps; 1 if one of them failed, else 0."""
    unpack(sorted((HERE / "wheels").glob("*.whl")), scratch / "site")
    sys.path.append(str(scratch / "site"))
    path = map(str, (ROOT, BENCH, scratch / "site"))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"}
    simulator = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"} if toy else {}
    session, python = Session(out, scratch, seconds, environment | simulator), sys.executable
    found: dict = {"toy": toy, "date": time.strftime("%Y-%m-%d")}
    found["versions"], sides = versions(), peers(session, toy)
    try:
        session.step("devices", [python, "-m", "scenarios", "devices"], 60)
        fewer = ["-k", "feed-forward or pendulum"] if toy else []
        spread = ["-n", "8"] if importlib.util.find_spec("xdist") and not toy else []  # they wait for compilers
        told = session.step("tests", [python, "-m", "pytest", *PYTEST, *fewer, *spread], 150).split("\n")
        failed = [line for line in told if line.startswith(("FAILED", "ERROR"))]
        found["tests"] = {"summary": next((line for line in reversed(told) if line.strip()), ""), "failed": failed}
        for side in sides:
            side.wait(60)
        bench, small = out / "bench.json", ["--toy"] * toy
        session.step("bench", [python, HERE / "bench_device.py", *small, "--seconds", session.limit(130), "--json", bench], 150)
        found |= json.loads(bench.read_text()) if bench.exists() else {"rows": []}
        found["rows"] += [side.generations(40) for side in sides]
    finally:
        for side in sides:
            side.end()
    session.environment = environment  # a rehearsal's run is on cores, where the simulator would only take longer
    budget = ["--seeds", "1", "--budget", "steps=2", "--runs", scratch / "runs", "--device", "cpu" if toy else "cuda"]
    session.step("run", [python, "-m", "scenarios", "run", "cartpole", "-m", "neat", "-m", "ga", *budget, "--restart"], 60)
    found["steps"] = session.steps
    (out / "device.json").write_text(json.dumps(found, indent=1))
    (out / "device.md").write_text(section := results.section(found))
    print(section)
    return int(any(step["code"] for step in session.steps))


def main() -> int:
    flags = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    flags.add_argument("out", nargs="?", type=Path, default=Path(os.environ.get("OUT", ".")))
    flags.add_argument("--seconds", type=float, default=SECONDS)
    flags.add_argument("--toy", action="store_true")
    options = flags.parse_args()
    if (interpreter := os.environ.get("PEERS")) is not None and shutil.which(interpreter) is None:
        flags.error(
            f"PEERS={interpreter}: no such program; expected an interpreter that has JAX, TensorNEAT and evosax, or unset"
        )
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for before in ("bench.json", "peers.txt"):  # of another session
        (out / before).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        return verify(out, Path(scratch), options.seconds, options.toy)


if __name__ == "__main__":
    sys.exit(main())
