"""From a name to the thing it stands for: a scenario, a method or a network.

digits, ga, mlp            an entry of a registry (a dict: name -> "module:attr")
package.module:attr        anything importable; the current folder is importable
file.py:attr               the same from a file, with its own folder importable
sklearn:Name               an entry whose key ends in a colon: it is called with what follows
table.csv::COLUMN[::KIND]  a table as a scenario (see `scenarios.tables`), read as settings of the task say
series.ts                  a file of sequences as a scenario (see `scenarios.series`)
LunarLander-v3             a Gymnasium id as a scenario; file.py:Class: of an environment too (see `scenarios.control`)
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo.settings import did_you_mean
from scenarios.lab.store.files import StoreError

if TYPE_CHECKING:
    from evo.core import Method, Scenario

OURS = ("evo", "graphs", "baselines", "scenarios")
ROOT = Path(__file__).resolve().parents[3]  # where they lie
LIBRARIES = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
RESERVED = ("task", "model", "run")
KINDS = ("classification", "regression", "probability")
TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")  # endings of a table's file, in any case of letters
SERIES_END = ".ts"  # ending of a file of sequences
GYMNASIUM_ID = re.compile(r"([\w-]+/)?[\w.-]+-v\d+")
OBJECT = "python:"  # leads the name, in a config.toml, of what was given as an object and cannot be found by name


class Unresolved(LookupError):
    """A name that stands for nothing: what was looked for, why it failed, and the closest match."""


def resolve(name: str, registry: Mapping[str, str], what: str) -> Any:
    """What `name` stands for. `what` ("method", ...) leads the message of the Unresolved that is raised otherwise."""
    if wrong := unknown(name, registry, what):
        raise Unresolved(wrong)
    prefix, colon, rest = name.partition(":")
    if name in registry and not name.endswith(":"):
        return _load(registry[name], what)
    if name.startswith(OBJECT):
        again = f"give it again, as in run(..., name=...) or load(..., {what}=...)"
        raise Unresolved(f"{what} {name[len(OBJECT) :]!r} was a Python object, which no file can hold: {again}")
    if colon and prefix + colon in registry:
        try:
            return _load(registry[prefix + colon], what)(rest)
        except (ValueError, LookupError, ImportError) as error:
            raise Unresolved(f"{what} {name!r}: {said(error)}") from error
    return _load(name, what)


def unknown(name: str, registry: Mapping[str, str], what: str) -> str | None:
    """What is wrong with a name that is no entry of the registry and names no place to import from; None: nothing."""
    from scenarios import METHODS

    if (name in registry and not name.endswith(":")) or name.startswith(OBJECT):
        return None
    if name.partition(":")[2] or (what == "scenario" and (name.endswith(SERIES_END) or GYMNASIUM_ID.fullmatch(name))):
        return None
    if is_table(name):
        return f"{what} {name!r}: a table needs its column: {name} --target COLUMN"
    if Path(name).suffix in (".py", ".toml"):
        hint = {".py": f"name the attribute: {name}:attr", ".toml": "a file is run by itself: evo run FILE.toml"}
        return f"{what} {name!r}: {hint[Path(name).suffix]}"
    known = [key for key in registry if not key.endswith(":")]
    if what == "scenario" and name in METHODS:
        return f"scenario {name!r}: it is a method: -m {name}"
    return f"unknown {what} {name!r}{did_you_mean(name, known)}; a {what} of your own is package.module:attr or file.py:attr"


def scenario(name: str, task: Mapping[str, Any] | None = None) -> Scenario:
    """The Scenario called `name`: a registry's, a user's, an environment's, or a table's, which is read as `task`, its
    settings, says."""
    from evo.core import Scenario
    from scenarios import ENVIRONMENT, GYMNASIUM, SCENARIOS, SERIES

    if "::" in name:
        return _table(name, task or {})
    if name.endswith(SERIES_END):
        return _read(SERIES, "series", name)
    an_id = GYMNASIUM_ID.fullmatch(name)
    thing = name if an_id else resolve(name, SCENARIOS, "scenario")
    if isinstance(thing, Scenario):
        return thing
    try:
        found = _load(GYMNASIUM, "scenario")(name) if an_id else _load(ENVIRONMENT, "scenario")(thing, name)
    except Exception as error:  # a user's class may fail in any way
        raise Unresolved(f"scenario {name!r}: {said(error)}") from error
    if found is None:
        expected = "a Scenario or an Environment (from evo import ...), or a class of gymnasium.Env"
        raise Unresolved(f"scenario {name!r}: expected {expected}; got an object of type {type(thing).__name__}")
    return found


def method(name: str) -> Method:
    """The Method called `name`; an Algorithm class is wrapped."""
    from scenarios import METHODS

    return as_method(resolve(current(name), METHODS, "method"), name)


def method_name(method: str | Method) -> str:
    """What a method is called, also where it is an object."""
    return method if isinstance(method, str) else getattr(method, "__name__", type(method).__name__)


def current(name: Any) -> Any:
    """What a method is called now, where `name` is what it was once called; else `name`."""
    from scenarios import ALIASES

    return ALIASES.get(name, name) if isinstance(name, str) else name


def as_method(thing: Any, name: str) -> Method:
    """`thing` as a Method, or Unresolved with what it lacks."""
    from evo.evolve import as_method

    try:
        return as_method(thing, f"method {name!r}")
    except TypeError as error:
        raise Unresolved(str(error)) from error


def network(name: str) -> Any:
    """The network called `name`: a class or function, called as name(inputs, outputs, **settings)."""
    from scenarios import NETWORKS

    found = resolve(name, NETWORKS, "network")
    if not callable(found):
        raise Unresolved(f"network {name!r} is a {type(found).__name__}: expected a class called as Net(inputs, outputs)")
    return found


def is_table(name: str) -> bool:
    """Whether a file of that name is read as a table."""
    return name.casefold().endswith(TABLES)


def table(path: str, target: str, kind: str | None = None) -> str:
    """The scenario name of a table: what `scenario` takes."""
    return "::".join([path, target] + ([kind] if kind else []))


def labelled(text: str) -> tuple[str, str]:
    """(label, method) of "LABEL=METHOD" or a bare "METHOD", whose label is itself, or what follows its colon."""
    label, equals, name = text.partition("=")
    return (label, name) if equals else (text.rpartition(":")[2], text)


def bad_label(label: str) -> str | None:
    """What is wrong with `label`, which also names a folder; None: nothing."""
    if label in RESERVED:
        return f"label {label!r} is reserved (task, model, run): choose another, LABEL=METHOD"
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", label):
        return f"label {label!r}: expected letters, digits, '.', '_' and '-', and no '.' first; choose one, LABEL=METHOD"
    return None


def line_up(methods: Sequence[str], stored: Any, problems: list[str]) -> dict[str, Any]:
    """The learners' tables that the texts of -m mean; those of a file, `stored`, keep what they hold."""
    learners: dict[str, Any] = {}
    stored = stored if isinstance(stored, dict) else {}
    for text in methods:
        label, method = labelled(text)
        if label in learners:
            problems.append(f"-m {text}: label {label!r} is taken; choose another, LABEL=METHOD")
            continue
        known = stored.get(label)
        learners[label] = {"method": method} if known is None else known
        if known is not None and "=" in text:
            learners[label] = {**known, "method": method} if isinstance(known, dict) else known
    return learners


def _table(name: str, task: Mapping[str, Any]) -> Scenario:
    from scenarios import TABLE

    path, *parts = name.split("::")
    kind = parts.pop() if len(parts) > 1 and parts[-1] in KINDS else None
    return _read(TABLE, "table", path, "::".join(parts), kind, **task)


def _read(target: str, what: str, *arguments: Any, **options: Any) -> Scenario:
    """What the entry makes of a file of the user's."""
    try:
        return _load(target, what)(*arguments, **options)
    except (ValueError, LookupError, OSError) as error:
        raise Unresolved(said(error)) from error


def _load(target: str, what: str) -> Any:
    """The attribute that "package.module:attr" or "file.py:attr" names."""
    place, _, attribute = target.rpartition(":")
    module = _file(place, what) if place.endswith(".py") else _module(place, what)
    found = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            public = [one for one in vars(found) if not one.startswith("_")] if hasattr(found, "__dict__") else []
            raise Unresolved(f"{what} {target!r}: {place} has no {part!r}{did_you_mean(part, public)}")
        found = getattr(found, part)
    return found


def _module(name: str, what: str) -> Any:
    check_shadowing(name.partition(".")[0])
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # a user's module may fail in any way
        top = Path.cwd() / name.partition(".")[0]
        hidden = f"; {top} is hidden by neuroevo's package of that name: rename it" if top.name in OURS and top.exists() else ""
        raise Unresolved(f"{what} {name!r} could not be imported: {said(error)}{hidden}") from error


def _file(name: str, what: str) -> Any:
    path = Path(name).resolve()
    try:
        found = path.is_file()
    except OSError as error:
        raise Unresolved(f"{what} {said(error)}") from error
    if not found:
        raise Unresolved(f"{what}: no file {name}{close_file(path)}")
    # A name of its own: a user's random.py must not stand in for Python's. The same file is imported once.
    key = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if key in sys.modules:
        return sys.modules[key]
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(key, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[key] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[key]
        raise Unresolved(f"{what} {name} could not be imported: {said(error)}") from error
    return module


def close_file(path: Path) -> str:
    """ " (did you mean 'x.py'?)" with the closest file of the same ending beside `path`, or ""."""
    try:
        return did_you_mean(path.name, [one.name for one in path.parent.iterdir() if one.suffix == path.suffix])
    except OSError:
        return ""  # the folder is not there, or not for our eyes


def check_shadowing(package: str) -> None:
    """Unresolved if `package` is one of our generic names and a folder of the user's stands in its place."""
    if package not in OURS:
        return
    spec = importlib.util.find_spec(package)
    found = Path(spec.origin).resolve().parent if spec and spec.origin else None
    if found != ROOT / package:
        where = found or f"a folder {package!r} without __init__.py"
        raise Unresolved(f"{where} hides neuroevo's package {package!r}: rename it, or run from another folder")


@cache
def is_own(path: Path) -> bool:
    """Whether a file, resolved, is a user's: no library's, and none of ours."""
    library = any(path.is_relative_to(folder) for folder in LIBRARIES) or {"site-packages", "dist-packages"} & {*path.parts}
    return not library and not any(path.is_relative_to(ROOT / package) for package in OURS)


def _places(error: BaseException | None) -> Iterator[tuple[Path, int]]:
    """File and line of every frame in which an error, and what it was raised from, arose: the innermost last."""
    while error is not None:
        trace, inner = error.__traceback__, error.__cause__
        while trace is not None:
            path = Path(trace.tb_frame.f_code.co_filename)
            if path != Path(__file__) and "importlib" not in path.parts and path.suffix == ".py":
                yield path, trace.tb_lineno
            trace = trace.tb_next
        error = inner


def place(error: BaseException) -> str:
    """The last line of a user's own code in which an error arose, as " (file.py, line 3)"; "" where none did."""
    own = [(path, line) for path, line in _places(error) if is_own(path.resolve())]
    return f" ({own[-1][0].name}, line {own[-1][1]})" if own else ""


def said(error: BaseException) -> str:
    """An error in one line: its type, what it says, the last line of the user's code, or of any below this, in which it arose,
    its first note. A ValueError and the like of our own speaks for itself."""
    places = list(_places(error))
    known = [path for path, _ in places if is_own(path.resolve()) or any(path.is_relative_to(ROOT / one) for one in OURS)]
    told = isinstance(error, (ValueError, LookupError, OSError, StoreError)) and not isinstance(
        error, (KeyError, IndexError, SyntaxError)
    )
    where = place(error) or "".join(f" ({path.name}, line {line})" for path, line in places[-1:] if not told)
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    told = told and bool(text)
    if isinstance(error, StoreError) or (told and known and not is_own(known[-1].resolve())):
        where = ""
    text = f"{'' if told else f'{type(error).__name__}: '}{text}{where}"
    return " ".join("; ".join([text, *getattr(error, "__notes__", [])[:1]]).split())
