"""Time and memory of an outer step of generative teaching: python tests/bench/bench_gtn.py [--toy] [--json FILE].

The network of gtn_mnist, 196-128-10, and its generator on random pixels; 8, 32 and 128 inner steps of 128 examples, with every
state kept (stretch 1), a few (8), or none, so that torch keeps the graph of all steps. CPU seconds, the least of three; MB
of the process above what it had, each in a process of its own. No floor."""

import json
import resource
import subprocess
import sys
import time
from functools import partial

import torch
from turns import Results, parser

from evo import GTN, MLP, SupervisedTask

STRETCHES = {"every state kept": 1, "every 8th": 8, "whole graph": 10**6}


def measured(steps: int, stretch: int, batch: int, repeats: int) -> tuple[list[float], float]:
    """CPU seconds of each of some outer steps, and MB that they take beyond the data, network and teacher."""
    torch.set_num_threads(1)
    draws = torch.Generator().manual_seed(0)
    parts = [(torch.randn(1000, 196, generator=draws), torch.arange(1000) % 10) for _ in range(2)]
    task = SupervisedTask(*parts, kind="classification", network=partial(MLP, hidden=[128]), shape=(1, 14, 14))
    learner = GTN(task, GTN.settings(inner_steps=steps, inner_batch=batch, stretch=stretch), 0)
    GTN(task, GTN.settings(inner_steps=2, inner_batch=batch), 0).step()  # what torch loads when it is first used
    before, seconds = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
    for _ in range(repeats):
        began = time.process_time()
        learner._outer_step()
        seconds.append(time.process_time() - began)
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> int:
    chosen = parser(__doc__).parse_args()
    results = Results("gtn")
    batch, repeats, inner = (8, 1, (2,)) if chosen.toy else (128, 3, (8, 32, 128))
    for steps in inner:
        for name, stretch in STRETCHES.items():
            call = f"import bench_gtn, json; print(json.dumps(bench_gtn.measured({steps}, {stretch}, {batch}, {repeats})))"
            done = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=True, cwd=sys.path[0])
            seconds, megabytes = json.loads(done.stdout)
            print(f"{steps:4} inner steps, {name:16}  {min(seconds):.3f} s CPU  {megabytes:7.1f} MB", flush=True)
            results.add(f"{steps} inner steps, {name}", {"ours": seconds})
    results.write(chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
