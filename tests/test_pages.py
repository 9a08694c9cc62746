"""What the pages for users and contributors name exists; a package's page names its files; CONTRIBUTING has the table of
imports that test_structure holds, and draws it."""

import re

import networkx
import pytest
from import_graph import ROOMS
from test_structure import GROUND, LAB, ROOT, TABLE, room_of

CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("README.md"))


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "RESULTS.md", ".github/CONTRIBUTING.md"])
def test_every_path_that_a_page_names_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    paths = set(re.findall(r"(?<![\w./])(?:tests|evo|scenarios|baselines|graphs|\.ci|\.github)/[\w./-]*\w", text))
    assert paths
    missing = {path for path in paths if not (ROOT / path).exists()}
    assert {path for path in missing if not path.endswith("NAME.py")} == set()


def test_contributing_has_the_table_of_imports():
    rows = re.findall(r"^\| `([\w.]+)` \|[^|]*\|([^|]*)\|$", CONTRIBUTING, re.M)
    written = {package: set(re.findall(r"`([\w.]+)`", names)) for package, names in rows if package in TABLE}
    short = lambda name: name.removeprefix("evo.").replace(":", ".")
    assert written == {
        room: {short(name) for name in names if name not in GROUND} for room, names in TABLE.items() if room != "evo"
    }
    assert ", ".join(f"`{package}`" for package in LAB) in CONTRIBUTING


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.parent.relative_to(ROOT)))
def test_a_packages_page_names_each_of_its_files(page):
    """A file of a folder without a page of its own is named in a line that names the folder too: `store/` | `files`."""
    lines = [set(re.findall(r"`([^`]+)`", line)) for line in page.read_text(encoding="utf-8").splitlines()]
    unnamed = []
    for path in sorted(page.parent.rglob("*.py")):
        below = next(parent for parent in path.parents if parent == page.parent or (parent / "README.md").exists())
        folder = path.parent.relative_to(page.parent).as_posix()
        names = set().union(*(line for line in lines if folder == "." or f"{folder}/" in line))
        if below == page.parent and path.name != "__init__.py" and not names & {path.name, path.stem}:
            unnamed.append(path.relative_to(page.parent).as_posix())
    assert unnamed == []


def drawn(picture):
    """{package: what its arrows point at} of a tree of ─► in text, where ┬ begins branches and ├ and └ go on with them."""
    arrows, forks = {}, {}
    for line in picture.splitlines():
        importers = []
        for found in re.finditer(r"[├└]|[\w.]+(?:, [\w.]+)*(?: ─(┬)?)?", line):
            if found[0] in "├└":
                importers = forks[found.start()]
                continue
            names = re.findall(r"[\w.]+", found[0])
            for importer in importers:
                arrows.setdefault(importer, set()).update(names)
            importers = names
            if found[1]:
                forks[found.start(1)] = names
    return arrows


def test_contributing_draws_the_table_of_imports():
    arrows = drawn(re.search(r"^```text\n(.*?)^```$", CONTRIBUTING, re.M | re.S)[1])
    short = lambda name: room_of(name.partition(":")[0]).removeprefix("evo.")
    table = {
        short(room): {short(name) for name in names if name not in GROUND} for room, names in TABLE.items() if room != "evo"
    }
    table["scenarios.lab"].remove("scenarios")  # scenarios.tables, which the sentence below the picture names
    assert arrows.pop("scenarios") == {"scenarios.lab"}
    assert {package: names - table[package] for package, names in arrows.items() if names - table[package]} == {}
    for package, names in table.items():
        assert names <= (networkx.descendants(networkx.DiGraph(arrows), package) if names else set()), package
