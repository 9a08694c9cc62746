"""Before any test: threads, hypothesis, and in which order pytest's workers begin."""

import os
import re
from importlib import import_module
from pathlib import Path

# Two libraries' threads on two cores slow each other tenfold; set before numpy or torch is imported.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

from hypothesis import settings  # noqa: E402

# Compiling a kernel, or a busy machine, is no failure; and the same examples every time.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.register_profile("plain", settings.get_profile("tests"), max_examples=20)  # of kernels as plain Python (`plain_pass`)
settings.load_profile("tests")

ROOT = Path(__file__).parents[1]
# Files that take longest come first, so that no worker is left alone with one of them in the end.
LONG = (
    *("evo/test_plain_python.py", "test_stranger.py", "bench/test_bench.py", "test_readme.py", "lab/cli/test_commands.py"),
    *("lab/execution/test_resume.py", "lab/execution/test_runner.py", "lab/execution/test_kill.py", "lab/report/test_page.py"),
)


def pytest_collection_modifyitems(items):
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(LONG)))


# Modules compile their kernels when they are imported, in a fresh clone for 80 CPU seconds. Two workers that import them in
# opposite orders compile half of them each, and find the others on the disk.
if worker := re.fullmatch(r"gw(\d+)", os.environ.get("PYTEST_XDIST_WORKER", "")):
    files = [path for path in sorted((ROOT / "evo").rglob("*.py")) if "@njit(" in path.read_text(encoding="utf-8")]
    for path in files[:: -1 if int(worker[1]) % 2 else 1]:
        import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
