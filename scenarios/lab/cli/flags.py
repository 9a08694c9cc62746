"""What a user types, as the document that `config.study` checks: a file's tables, with the flags laid over them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from evo.settings import closest
from scenarios import METHODS, SCENARIOS
from scenarios.lab.study import neat_python, resolve
from scenarios.lab.study.problems import ConfigError

T = TypeVar("T")
WORDS = re.compile(r"\[ *[A-Za-z][\w-]*( *, *[A-Za-z][\w-]*)* *\]")


class Asked(TypedDict):
    """The arguments of `config.study` and `trial.study`, but for the command."""

    document: dict[str, Any]
    overrides: dict[str, Any]
    problems: list[str]


def chosen(
    what: str,
    methods: Sequence[str] = (),
    seeds: str = "",
    budget: Sequence[str] = (),
    sets: Sequence[str] = (),
    device: str = "",
    target: str = "",
    kind: str = "",
    reading: Mapping[str, Any] | None = None,
) -> Asked:
    """What a command line asks for. `what`: a scenario, a TOML file, or a table with its `target` column;
    reading: settings of its task that say how it is read, by name.

    -m chooses among a file's learners, which keep their tables, or adds to them; --budget takes the place of the file's
    or scenario's; --set is laid over everything. Raises ConfigError for a file that cannot be read, and for an option that
    does not apply or a typed name that no registry has, at once: every other mistake is found together with `problems` by who
    imports what the names stand for.
    """
    problems: list[str] = []
    document: dict[str, Any] = read_file(what) if what.endswith(".toml") else {"scenario": what}
    given = {name: value for name, value in (reading or {}).items() if value}
    tables_only = [*["task"] * bool(kind), *given] if not target else []
    misplaced = [f"--{name}: applies to a table only; needs --target COLUMN" for name in tables_only]
    if kind and kind not in resolve.KINDS:
        problems.append(f"--task: expected one of {', '.join(resolve.KINDS)}; got {kind!r}{closest(kind, resolve.KINDS)}")
    if target and not resolve.is_table(what):
        misplaced.append(f"--target: applies to a table only, {', '.join(f'FILE{end}' for end in resolve.TABLES)}; got {what}")
    elif target:
        document["scenario"] = resolve.table(what, target, kind if kind in resolve.KINDS else None)
    if methods:
        document["learners"] = resolve.line_up(methods, document.get("learners", {}), problems)
    if seeds:
        document["seeds"] = seeds
    if device:
        document["device"] = device
    if budget:
        document["budget"] = pairs("--budget", budget, problems)
    if what not in SCENARIOS and (typed := neat_python.hint(what)):
        raise ConfigError([typed])
    if wrong := misplaced + ([] if what.endswith(".toml") else _unknown(document)):
        raise ConfigError(wrong)
    overrides = pairs("--set", sets, problems) | {f"task.{name}": value for name, value in given.items() if target}
    return {"document": document, "overrides": overrides, "problems": problems}


def several(names: Iterable[str], make: Callable[[str], T]) -> dict[str, T]:
    """What `make` gives for each name. Raises ConfigError with the mistakes of all, which name it where there are several."""
    made: dict[str, T] = {}
    problems: list[str] = []
    names = list(dict.fromkeys(names))
    for name in names:
        try:
            made[name] = make(name)
        except ConfigError as error:
            problems += [f"{name}: {problem}" if len(names) > 1 else problem for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return made


def _unknown(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with the names in the document of a command line without a file."""
    methods = [resolve.current(table["method"]) for table in document.get("learners", {}).values()]
    found = [resolve.unknown(document["scenario"], SCENARIOS, "scenario")]
    found += [resolve.unknown(method, METHODS, "method") for method in methods]
    return [wrong for wrong in found if wrong is not None]


def read_file(path: str) -> dict[str, Any]:
    """The document in a TOML file. Raises ConfigError if it cannot be read or names no scenario."""
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or error}{resolve.close_file(Path(path))}"]) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"{path} is not a TOML file: {error}"]) from error
    if "scenario" not in document:
        raise ConfigError([f'{path}: scenario: missing; name one, as in scenario = "digits" (evo list shows them)'])
    return document


def value(text: str) -> Any:
    """What follows the "=" of a flag: a TOML value; a list of words without quotes, which a shell takes away; or else the text
    itself."""
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text[1:-1].replace(" ", "").split(",") if WORDS.fullmatch(text) else text
    plain = isinstance(document["value"], (bool, int, float, str, list, dict))  # a date is meant as text
    return document["value"] if plain and len(document) == 1 else text


def pairs(flag: str, texts: Iterable[str], problems: list[str]) -> dict[str, Any]:
    """The "key=value" texts of a repeated flag."""
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, rest = text.partition("=")
        key = key.strip()  # "key = value", as `evo show` prints it
        if not equals or not key:
            problems.append(f"{flag} {text}: expected {'AXIS=LIMIT' if flag == '--budget' else 'LABEL.key=value'}")
        elif key in found:
            problems.append(f"{flag} {key}: given twice")
        else:
            found[key] = value(rest)
    return found
