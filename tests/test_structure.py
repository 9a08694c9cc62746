"""Who may import whom, what may stand where: the rules of the house, read from the source."""

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest
from import_graph import FILES, ROOMS, ROOT, imports, module_of

TESTS = sorted((ROOT / "tests").rglob("*.py"))
FOUNDATION = {f"evo.{name}" for name in ("core", "export", "settings", "rng", "parameters", "threads")}
REGISTRIES = {"SCENARIOS", "METHODS", "NETWORKS", "ALIASES", "TABLE"}
TOP = {
    *("setup.cfg", "pyproject.toml", "README.md", "CHANGELOG.md", "RESULTS.md", "LICENSE", "tests", *ROOMS),
    *(".ci", ".ruff.toml", ".pytest.toml", ".pre-commit-config.yaml", ".gitignore", ".github"),
}
DISTRIBUTIONS = {"sklearn": "scikit-learn", "tomli_w": "tomli-w", "PIL": "pillow", "vl_convert": "vl-convert-python"}

named = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))


def ours(path):
    return {(module, name) for module, name, _ in imports(path) if module.partition(".")[0] in (*ROOMS, "tests")}


def allowed(importer, module, name):
    """May the module `importer` import `module`, or `name` from it?"""
    room = module.partition(".")[0]
    if importer.startswith("evo"):
        return room == "evo"
    if importer.startswith(("graphs", "baselines")):
        return room == importer.partition(".")[0] or module in FOUNDATION or (room == "evo" and module == "evo.backstitch")
    if importer.startswith("scenarios.lab"):
        own = module == "scenarios.lab" or module.startswith("scenarios.lab.")
        reads_tables = (
            importer == "scenarios.lab.study.resolve" and module == "scenarios.tables"
        )  # a user's table is a scenario
        return own or reads_tables or module in FOUNDATION or (module == "scenarios" and name in REGISTRIES)
    return room in ROOMS


@named
def test_a_room_imports_only_the_rooms_below_it(path):
    wrong = [f"{module} {name}".strip() for module, name in ours(path) if not allowed(module_of(path), module, name)]
    assert wrong == []


@pytest.mark.parametrize(
    ("importer", "module", "name", "expected"),
    [
        ("evo.search.ga", "evo.rng", "", True),
        ("evo.search.ga", "scenarios", "METHODS", False),
        ("baselines.backprop", "evo.search.ga", "GA", False),
        ("baselines.backprop", "evo.core", "Task", True),
        ("graphs.layers", "baselines.backprop", "", False),
        ("scenarios.lab.execution.execute", "evo.evolve", "Evolve", False),
        ("scenarios.lab.execution.execute", "scenarios.digits", "scenario", False),
        ("scenarios.lab.study.resolve", "scenarios", "METHODS", True),
        ("scenarios.digits", "evo.tasks.supervised", "SupervisedTask", True),
        ("scenarios.digits", "tests.lab", "", False),
    ],
)
def test_the_rules_say_what_the_design_says(importer, module, name, expected):
    assert allowed(importer, module, name) is expected


@pytest.mark.parametrize("path", sorted((ROOT / "evo").rglob("*.py")), ids=lambda path: path.name)
def test_evo_needs_numpy_torch_numba_and_networkx_alone(path):
    later = {"matplotlib", "gymnasium", "deap", "safetensors"}
    for module, _, when in imports(path):
        library = module.partition(".")[0]
        plain = {*sys.stdlib_module_names, "evo", "numpy", "torch", "numba", "networkx"}
        assert library in plain or (when != "top" and library in later), module


def test_evo_runs_where_nothing_else_is_installed():
    code = """if True:
        import importlib.metadata, sys

        others = {name for name in importlib.metadata.packages_distributions() if not name.startswith("_")}
        needed = {"numpy", "torch", "torchgen", "numba", "llvmlite", "networkx", "evo"}
        of_torch = "typing_extensions sympy mpmath filelock jinja2 markupsafe fsspec setuptools functorch"

        class Nothing:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in others - needed - set(of_torch.split()):
                    raise ImportError(name)

        sys.meta_path.insert(0, Nothing())
        import evo, evo.testing
        task = evo.testing.small_task()
        learner = evo.Evolve(task, evo.GA.for_task(task, seed=0, population_size=4))
        learner.step()
        assert all(getattr(evo, name) for name in evo.__all__)
        try:
            import sklearn
        except ImportError:
            sys.exit(7)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 7, done.stderr


def test_every_library_that_is_imported_is_declared():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    declared = {re.match(r"[\w-]+", line)[0].lower() for line in config["options"]["install_requires"].split("\n") if line}
    used = {module.partition(".")[0] for path in FILES for module, _, _ in imports(path)} - {*sys.stdlib_module_names, *ROOMS}
    assert {DISTRIBUTIONS.get(name, name) for name in used} <= declared


def test_the_top_level_is_the_fixed_set():
    git = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if git.returncode:
        pytest.skip("not a git checkout")
    assert {line.partition("/")[0] for line in git.stdout.splitlines()} == TOP


def calls(path):
    """Every attribute or call in a file as text: "np.random.seed", "torch.load"."""
    return [ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, (ast.Attribute, ast.Call))]


# Where a library's global generator is touched at all, it is set and put back, or only looked at.
GLOBAL = {
    "evo/rng.py": r"torch\.(manual_seed|default_generator.*|cuda.*|random.*)",
    "evo/testing.py": r"(np\.random\.get_state|random\.getstate|torch\.get_rng_state|np\.random)",
    "baselines/estimator.py": r"(np\.random\.(get_state|set_state|seed)|random\.(getstate|setstate)|np\.random)",
}
GENERATORS = (
    r"((np|numpy)\.random\b|random\.\w+$"
    r"|torch\.(manual_seed|seed|default_generator|(get|set)_rng_state|rand\w*|normal|cuda\.manual_seed\w*)\b)"
)


@named
def test_no_global_generator_is_used(path):
    touched = [text for text in calls(path) if re.match(GENERATORS, text) and "(" not in text]
    permitted = GLOBAL.get(str(path.relative_to(ROOT)).replace("\\", "/"))
    assert [text for text in touched if not (permitted and re.fullmatch(permitted, text))] == []


@named
def test_nothing_that_could_hold_code_is_read_or_run(path):
    modules = {module.partition(".")[0] for module, _, _ in imports(path)}
    assert not modules & {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    for text in calls(path):
        assert not re.match(r"(eval|exec|np\.load|torch\.jit\.load)\(", text), text
        assert not re.match(r"torch\.load\(", text) or "weights_only=True" in text, text


@named
def test_a_file_says_what_it_is_for(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body


@pytest.mark.parametrize("path", [*FILES, *TESTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_called_after_nothing(path):
    assert not {"utils", "helpers", "common", "misc"} & {*path.relative_to(ROOT).with_suffix("").parts}


def test_no_file_names_a_path_of_one_machine():
    endings = {".py", ".md", ".cfg", ".toml", ".yaml", ".j2", ""}
    pattern = re.compile(r"(?<![\w.])/(work|root|home|Users|mnt|tmp)/")
    files = [ROOT / "README.md", ROOT / "RESULTS.md", ROOT / "CHANGELOG.md", ROOT / "setup.cfg", *FILES, *TESTS]
    files += [
        *(ROOT / ".ci").iterdir(),
        *(ROOT / ".github").iterdir(),
        *(path for room in ROOMS for path in (ROOT / room).rglob("*.md")),
    ]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        if path.is_file() and path.suffix in endings and path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_test_files_have_unique_names():
    names = [path.name for path in TESTS if path.name != "conftest.py"]
    assert len(names) == len(set(names))
    assert "__init__.py" not in names
