"""Who may import whom, what may stand where: the rules of the house, read from the source."""

import ast
import configparser
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from import_graph import FILES, ROOMS, ROOT, circles, graph, imports, module_of

TESTS = sorted((ROOT / "tests").rglob("*.py"))
REGISTRIES = {"SCENARIOS", "METHODS", "NETWORKS", "ALIASES", "TABLE", "SERIES", "GYMNASIUM", "ENVIRONMENT"}
TOP = {
    *("setup.cfg", "pyproject.toml", "README.md", "CHANGELOG.md", "RESULTS.md", "LICENSE", "tests", *ROOMS),
    *(".ci", ".ruff.toml", ".pytest.toml", ".pre-commit-config.yaml", ".gitignore", ".github"),
}
DISTRIBUTIONS = {"sklearn": "scikit-learn", "tomli_w": "tomli-w", "PIL": "pillow", "vl_convert": "vl-convert-python"}

named = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))


# What a room may import, beside its own modules: rooms, modules, or a module's name. A room stands for its folder.
GROUND = (
    "evo.core",
    "evo.settings",
    "evo.space",
    "evo.constraints",
    "evo.rng",
    "evo.machine",
    "evo.threads",
    "evo.activations",
    "evo.float32",
    "evo.digests",
    "evo.cuda",
    "evo",
)
TABLE = {
    "evo": GROUND,
    "evo.genomes": GROUND,
    "evo.rollout": GROUND,
    "evo.plots": GROUND,
    "evo.vectors": (*GROUND, "evo.rollout", "evo.plots"),
    "evo.network": (*GROUND, "evo.genomes", "evo.rollout", "evo.plots"),
    "evo.tasks": (*GROUND, "evo.rollout", "evo.plots", "evo.vectors.modules", "evo.vectors.recurrent", "evo.vectors.unrolled"),
    "evo.search": (*GROUND, "evo.vectors"),
    "evo.learning": (*GROUND, "evo.vectors", "evo.plots"),
    "evo.neat": (*GROUND, "evo.genomes", "evo.network"),
    "evo.neat_modern": (*GROUND, "evo.genomes", "evo.network", "evo.neat.base"),
    "evo.hyperneat": (
        *GROUND,
        "evo.genomes",
        "evo.network",
        "evo.vectors",
        "evo.rollout",
        "evo.neat",
        "evo.neat_modern",
        "evo.plots",
        "evo.search.fronts",
    ),
    "evo.interop": (*GROUND, "evo.genomes", "evo.network", "evo.vectors", "evo.neat_modern"),
    "evo.evolve": (*GROUND, "evo.tasks.normalization"),
    "evo.testing": (
        *GROUND,
        "evo.evolve",
        "evo.genomes",
        "evo.rollout",
        "evo.tasks",
        "evo.vectors",
        "evo.network",
        "evo.search",
    ),
    "baselines": (*GROUND, "evo.vectors", "evo.network", "evo.search.base", "evo.learning"),
    "graphs": (
        *GROUND,
        "evo.vectors",
        "evo.genomes",
        "evo.network",
        "evo.neat",
        "evo.search",
        "evo.tasks.metrics",
        "evo.tasks.supervised",
        "baselines.backprop",
    ),
    "scenarios.lab": (
        *GROUND,
        "evo.evolve:as_method",
        "evo.interop.export",
        "evo.plots",
        "graphs.data",
        "graphs.motifs",
        "graphs.topology",
        "scenarios.tables",
    ),
}
LAB = ("store", "study", "execution", "report", "api", "cli")  # each may import those before it
LAB_NEVER = {("report", "study"), ("report", "execution")}  # a report is made of what lies on disk alone
LONGEST = 350  # lines of a file; a longer one of evo says in its docstring why


def room_of(module):
    """The longest entry of TABLE that the module lies in; "scenarios" for what is free to import anything below it."""
    ground = module in GROUND
    return (
        "evo" if ground else max((room for room in TABLE if f"{module}.".startswith(f"{room}.")), key=len, default="scenarios")
    )


def allowed(importer, module, name=""):
    """May the module `importer` import `module`, or `name` from it?"""
    if module.partition(".")[0] not in ROOMS:
        return module.partition(".")[0] != "tests"
    room = room_of(importer)
    if room == "scenarios":  # a scenario only declares
        return True
    if room == "scenarios.lab" and module.startswith("scenarios.lab"):
        own, other = (each.split(".")[2:3] for each in (importer, module))
        below = not own or not other or LAB.index(own[0]) >= LAB.index(other[0])
        return below and (*own, *other) not in LAB_NEVER
    if room_of(module) == room and room != "evo":
        return True
    if module == "scenarios":
        return name in REGISTRIES and importer.startswith("scenarios.lab")
    return any(
        module == each or (module.startswith(f"{each}.") and each not in GROUND) or f"{module}:{name}" == each
        for each in TABLE[room]
    )


@named
def test_a_room_imports_only_the_rooms_below_it_lazily_or_not(path):
    importer = module_of(path)
    wrong = [
        f"{module} {name}".strip()
        for module, name, when in imports(path)
        if when != "typing" and not allowed(importer, module, name)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("importer", "module", "name", "expected"),
    [
        ("evo.core", "evo.rng", "", True),
        ("evo.core", "evo.evolve", "as_method", False),
        ("evo.search.ga", "evo.rng", "", True),
        ("evo.search.ga", "evo.search.variation", "children", True),
        ("evo.search.ga", "evo.tasks.supervised", "SupervisedTask", False),
        ("evo.search.ga", "scenarios", "METHODS", False),
        ("evo.plots.topology", "evo.network.program", "Program", False),
        ("evo.neat_modern.neat_modern", "evo.neat.base", "Topologies", True),
        ("evo.neat_modern.neat_modern", "evo.neat.speciation", "Species", False),
        ("evo.tasks.control", "evo.vectors.models", "TorchModel", False),
        ("baselines.backprop", "evo.search.ga", "GA", False),
        ("baselines.backprop", "evo.core", "Task", True),
        ("graphs.layers", "baselines.backprop", "", True),
        ("graphs.layers", "baselines.classical", "", False),
        ("scenarios.lab.execution.execute", "evo.evolve", "Evolve", False),
        ("scenarios.lab.study.resolve", "evo.evolve", "as_method", True),
        ("scenarios.lab.execution.execute", "scenarios.digits", "scenario", False),
        ("scenarios.lab.study.resolve", "scenarios", "METHODS", True),
        ("scenarios.lab.store.store", "scenarios.lab.study.config", "RunSpec", False),
        ("scenarios.lab.cli.commands", "scenarios.lab.report.report", "write", True),
        ("scenarios.lab.report.report", "scenarios.lab.study.config", "Study", False),
        ("scenarios.digits", "evo.tasks.supervised", "SupervisedTask", True),
        ("scenarios.digits", "tests.lab", "", False),
    ],
)
def test_the_rules_say_what_the_table_says(importer, module, name, expected):
    assert allowed(importer, module, name) is expected


def test_no_module_and_no_room_imports_itself_by_way_of_others():
    assert circles(graph()) == []
    rooms = graph(lambda module: module if module in GROUND or room_of(module) == "scenarios" else room_of(module))
    assert circles(rooms) == []
    lab = graph(lambda module: ".".join(module.split(".")[:3]) if module.startswith("scenarios.lab.") else module)
    assert circles(lab) == []


@pytest.mark.parametrize("path", sorted((ROOT / "evo").rglob("*.py")), ids=lambda path: path.name)
def test_evo_needs_numpy_torch_numba_and_networkx_alone(path):
    later = {"matplotlib", "gymnasium", "cloudpickle", "deap", "safetensors", "onnx"}
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
    names = lambda text: {re.match(r"[\w-]+", line)[0].lower() for line in text.split("\n") if line}
    needed = names(config["options"]["install_requires"])
    extra = names(config["options.extras_require"]["tune"]) | names(config["options.extras_require"]["export"])
    for path in FILES:
        for module, _, when in imports(path):
            library = module.partition(".")[0]
            if library not in {*sys.stdlib_module_names, *ROOMS}:
                assert DISTRIBUTIONS.get(library, library) in (needed if when == "top" else needed | extra), path


def test_the_top_level_is_the_fixed_set():
    git = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if git.returncode:
        pytest.skip("not a git checkout")
    assert {line.partition("/")[0] for line in git.stdout.splitlines()} == TOP


@cache
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
    if path.name != "processes.py":  # which pickles between its own processes, and reads no file
        assert not modules & {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    for text in calls(path):
        assert not re.match(r"(eval|exec|torch\.jit\.load)\(", text), text
        assert not re.match(r"np\.load\(", text) or (path.name == "files.py" and "allow_pickle=False" in text), text
        assert not re.match(r"torch\.load\(", text) or "weights_only=True" in text, text


@named
def test_a_file_says_what_it_is_for(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body


@named
def test_a_file_is_short_or_says_why_it_is_not(path):
    text = path.read_text(encoding="utf-8")
    reason = "long as it is" in " ".join((ast.get_docstring(ast.parse(text)) or "").split())
    assert len(text.splitlines()) <= LONGEST or (reason and module_of(path).startswith("evo."))


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


def test_any_stands_where_no_type_reaches_alone():
    """At most 80 times in evo and baselines, imports included."""
    texts = [path.read_text(encoding="utf-8") for path in FILES if path.relative_to(ROOT).parts[0] in ("evo", "baselines")]
    assert sum(len(re.findall(r"\bAny\b", text)) for text in texts) <= 80
