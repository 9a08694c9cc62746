"""A configuration of neat-python, an INI file, said as what to type for the same settings of neat-modern."""

from __future__ import annotations

import configparser
import shlex
from collections.abc import Mapping
from pathlib import Path

from evo.settings import Setting, describe
from scenarios.lab.store import toml
from scenarios.lab.study import resolve

METHOD, PRESET = "neat-modern", "neat-python"
RENAMED = {"pop_size": "population_size"}
OF_THE_TASK = ("num_inputs", "num_outputs")


def hint(path: str) -> str | None:
    """What to type in the place of `evo run PATH`; None if the file is no configuration of neat-python."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return None
    if not {"NEAT", "DefaultGenome"} <= {*parser}:
        return None
    ours = {one.name: one for one in describe(resolve.method(METHOD).settings)}
    sets, without = [f"--set {METHOD}.preset={PRESET}"], []  # else a task may choose what the file does not say
    for key, text in _items(parser).items():
        one = ours.get(RENAMED.get(key, key))
        value, wrong = (None, "unknown") if one is None else one.check(_value(one, text))
        if one is None or wrong:
            without.append(key)
        elif value != one.default:
            sets.append(f"--set {shlex.quote(f'{METHOD}.{one.name}={toml.value(value)}')}")
    command = " ".join(["evo run SCENARIO -m", METHOD, *sets])
    rest = f"; without a counterpart: {', '.join(without)}" if without else ""
    return f"{path} is a configuration of neat-python, without a task; with one of evo list or your own: {command}{rest}"


def _items(parser: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    found = {key: text for section in parser.values() for key, text in section.items() if key not in OF_THE_TASK}
    kind, _, fraction = found.get("initial_connection", "").partition(" ")
    if fraction:  # "partial_direct 0.5"
        found |= {"initial_connection": kind, "connection_fraction": fraction}
    return found


def _value(one: Setting, text: str) -> object:
    """The text of an INI file as the setting takes it; neat-python's scaled activations are called neat_NAME here."""
    states = configparser.ConfigParser.BOOLEAN_STATES
    name = lambda word: f"neat_{word}" if f"neat_{word}" in (one.choices or ()) else word
    if one.kind is bool:
        return states.get(text.lower(), text)
    if one.kind in (int, float):
        try:
            return one.kind(text)
        except ValueError:
            return None if text.lower() == "none" else text
    if one.kind is str:
        return name(text.lower() if text.lower() in (one.choices or ()) else text)
    return [name(word) for word in text.split()]
