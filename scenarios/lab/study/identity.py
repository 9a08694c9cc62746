"""What a run is made of beside its settings: the files of yours that its code lies in, its data, what was given as an object.

{name: sha256}, which a run keeps in the [code] of its config.toml:

    net.py                     a file that a name names (file.py:attr), that one imports, or that code reached lies in
    task                       the task as a whole
    task.splits.train.y        a part of it: an array, or a function or class that was given as an object
    method                     a method that was given as an object

What comes from a library, or from neuroevo, is known by name: meta.json has the versions. Names of files are as short as tells
them apart, so that a folder may move.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from scenarios.lab.study.resolve import OURS, current, is_own

if TYPE_CHECKING:
    from evo.core import Task

DEEP = 4  # levels of a thing whose parts have names of their own


def of_run(scenario: Any, method: Any, network: Any, task: Task | None) -> tuple[dict[str, str], list[str]]:
    """What a run of these is made of; and the types of objects of which only the type is known.

    scenario, method, network: names, or objects. task: what the scenario made, where that is at hand; one of ours is known
    by its name and settings.
    """
    files = {file for name in (scenario, method, network) if (file := _named(name))}
    things = {} if task is None or _is_ours(scenario) else {"task": task}
    things |= {} if isinstance(method, str) else {"method": method}
    found: dict[str, str] = {}
    unknown: list[str] = []
    if things:
        from evo.digests import Digests  # needs torch

        def in_file(module: str) -> bool:
            """Of what has a name the files count, whole; of what was given as an object the functions that it reaches."""
            file = own_file(module) if isinstance(scenario, str) and module != "__main__" else None
            files.update({file} if file else ())
            return file is not None

        digests = Digests(by_name=lambda module: not _own(module), in_file=in_file)
        for name, thing in things.items():
            found |= {part: digests.of(each) for part, each in [(name, thing), *_parts(name, thing, digests)]}
        unknown = sorted(set(digests.unknown))
    found = {name: _before.get((name, digest), digest) for name, digest in found.items()}
    return {**_of_files(_with_imports(files)), **found}, unknown


_before: dict[tuple[str, str], str] = {}  # what an object was that a run in this process has left with this digest


def used(code: Mapping[str, str], scenario: Any, method: Any, network: Any, task: Task) -> None:
    """Has a task that was given as an object count as what it was, `code`, while it is as runs have now left it: what it
    counts or keeps of its own is no change of it."""
    for name, digest in of_run(scenario, method, network, task)[0].items():
        if name in code and digest != code[name]:
            _before[name, digest] = code[name]


def changed(stored: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names whose digests differ, without those that a part of theirs explains. A name that only one side has says
    nothing: what newly reaches or no longer reaches a file has itself changed, and older runs have kept less. A file has a
    longer name beside another of its name."""
    same = lambda one, other: one == other or one.endswith(f"/{other}") or other.endswith(f"/{one}")
    found = []
    for name, digest in stored.items():
        digests = [now[name]] if name in now else [each for other, each in now.items() if same(name, other)]
        found += [name] if digests and digest not in digests else []
    return [name for name in found if not any(other.startswith(f"{name}.") for other in found)]


def by_key(document: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration by dotted key, as --set writes it, without the seeds, of which a folder has one. `model.` is what made
    the run."""
    found = {key: item for key, item in document.items() if not isinstance(item, Mapping) and key != "seeds"}
    tables = {key: item for key, item in document.items() if isinstance(item, Mapping) and key != "learners"}
    learners = document.get("learners")
    for label, table in learners.items() if isinstance(learners, Mapping) else ():
        own = dict(table) if isinstance(table, Mapping) else table
        if isinstance(own, dict):
            own["method"] = current(own.get("method"))
            if "model" in own:
                tables["model"] = own.pop("model")
        tables[label] = own
    for name, table in tables.items():
        found |= {f"{name}.{key}": item for key, item in table.items()} if isinstance(table, Mapping) else {name: table}
    return {key: None if item == "none" else item for key, item in found.items()}


def own_file(module: str) -> Path | None:
    """The file of an imported module, where that is a user's."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return path if file and is_own(path := Path(file).resolve()) else None


def _own(module: str) -> bool:
    """Whether a module is a user's: it has a file that is, or none and is not Python's either (a notebook's `__main__`)."""
    made = sys.modules.get(module)
    if made is None or module == "__main__":
        return module.partition(".")[0] not in {*OURS, *sys.stdlib_module_names}
    return own_file(module) is not None


def _is_ours(scenario: Any) -> bool:
    from scenarios import SCENARIOS

    return isinstance(scenario, str) and (scenario in SCENARIOS or "::" in scenario)


def _named(name: Any) -> Path | None:
    """The user's file that "file.py:attr" or "package.module:attr" names."""
    place, colon, _ = name.rpartition(":") if isinstance(name, str) else ("", "", "")
    path = Path(place).resolve() if place.endswith(".py") else own_file(place)
    return path if colon and path and path.is_file() else None


def _parts(name: str, thing: Any, digests: Any, depth: int = DEEP) -> Iterator[tuple[str, object]]:
    """Those parts of a thing that are arrays, or functions and classes that no file tells, by dotted name."""
    for key, part in _members(thing, digests).items() if depth else ():
        inner = f"{name}.{key.strip('_')}"
        if _tells(part, digests):
            yield inner, part
        yield from _parts(inner, part, digests, depth - 1)


def _tells(part: Any, digests: Any) -> bool:
    if isinstance(part, (FunctionType, type)):
        module = part.__module__ or ""
        return _own(module) and not digests.in_file(module)
    return hasattr(part, "shape") and hasattr(part, "dtype")


def _members(thing: Any, digests: Any) -> Mapping[str, Any]:
    from evo.digests import attributes, enclosed

    if isinstance(thing, FunctionType):
        return enclosed(thing) | (digests.read(thing) if _own(thing.__module__ or "") else {})
    if isinstance(thing, tuple) and hasattr(thing, "_asdict"):
        return thing._asdict()
    if isinstance(thing, dict):
        return {key: each for key, each in thing.items() if isinstance(key, str)}
    return {} if isinstance(thing, type) or hasattr(thing, "dtype") else attributes(thing)


def _of_files(files: Iterable[Path]) -> dict[str, str]:
    """The sha256 of each, by the shortest end of its path that no other has."""
    paths, ends = sorted(files), Counter("/".join(path.parts[-n:]) for path in set(files) for n in range(1, len(path.parts)))
    name = lambda path: next(end for n in range(1, 999) if ends[end := "/".join(path.parts[-n:])] <= 1)
    return {name(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _with_imports(files: Iterable[Path]) -> set[Path]:
    """Those files and the user's that they import, also inside functions, and so on."""
    found: set[Path] = set()
    waiting = list(files)
    while waiting:
        if (path := waiting.pop()) not in found:
            found.add(path)
            waiting += _imported(path) if path.suffix == ".py" else []
    return found


def _imported(path: Path) -> list[Path]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return []  # it was, or will be, said when it is imported
    names: list[tuple[Path | None, str]] = []  # relative to a folder, or to where modules are found
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [(None, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = path.parents[node.level - 1] if node.level else None
            names += [(base, f"{node.module or ''}.{alias.name}".strip(".")) for alias in node.names]
    return [file for base, name in names for file in _files_of(base, name)]


def _files_of(base: Path | None, name: str) -> list[Path]:
    """The user's files that an import of `name`, a module or what lies in one, executes."""
    first, *rest = name.split(".")
    if base is None:
        spec = _spec(first)
        origin = getattr(spec, "origin", None)
        files = [Path(origin).resolve()] if origin and Path(origin).is_file() else []
        folders = [Path(folder) for folder in getattr(spec, "submodule_search_locations", None) or ()]
    else:
        rest, files, folders = [first, *rest], [], [base]
    for part in rest:
        inner = [folder / part for folder in folders]
        places = [place for path in inner for place in (path.with_name(f"{part}.py"), path / "__init__.py")]
        files += [place.resolve() for place in places if place.is_file()]
        folders = [path for path in inner if path.is_dir()]
    return [file for file in files if is_own(file)]


def _spec(name: str) -> Any:
    try:
        return importlib.util.find_spec(name)
    except (ValueError, ImportError):  # `__main__` has none
        return None
