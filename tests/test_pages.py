"""What the pages for users and contributors name exists; CONTRIBUTING has the table of imports that test_structure holds."""

import re

import pytest
from test_structure import GROUND, LAB, ROOT, TABLE

CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")


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
