"""A configuration as TOML text: every table and list on one line a key, with room for comments.

TOML has no null: None is written "none", which `evo.settings` reads back as None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli_w


def write(document: Mapping[str, Any], comments: Mapping[str, str] | None = None) -> str:
    """`document` as TOML, tables last. comments: by dotted key ("learners.ga.population_size"); put on the line above."""
    return "".join(_table(document, (), comments or {})).lstrip("\n")


def _table(table: Mapping[str, Any], parts: tuple[str, ...], comments: Mapping[str, str]) -> list[str]:
    # Below the first level only learners.LABEL and its model are tables; others are values, written inline.
    tables = parts in ((), ("learners",))
    of_label = len(parts) == 2 and parts[0] == "learners"
    inner = lambda key, one: isinstance(one, Mapping) and (tables or (of_label and key == "model"))
    path = "".join(f"{part}." for part in parts)

    lines = []
    for key, one in table.items():
        if not inner(key, one):
            lines += [_comment(comments.get(path + key)), f"{_key(key)} = {value(one)}\n"]
    for key, one in table.items():
        if inner(key, one):
            head = f"[{'.'.join(map(_key, (*parts, key)))}]\n" if (*parts, key) != ("learners",) else ""
            lines += ["\n" if head else "", _comment(comments.get(path + key)), head]
            lines += _table(one, (*parts, key), comments)
    return lines


def _comment(text: str | None) -> str:
    return "".join(f"# {line}\n" for line in (text or "").splitlines())


def _key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def value(one: Any) -> str:
    """One value as TOML writes it on a line."""
    if one is None:
        return '"none"'
    if isinstance(one, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {value(each)}" for key, each in one.items()) + "}"
    if isinstance(one, (list, tuple)):
        return "[" + ", ".join(map(value, one)) + "]"
    return tomli_w.dumps({"x": one}).removeprefix("x = ").removesuffix("\n")


def check_plain(value: Any, depth: int = 0) -> None:
    """Raises ValueError for what TOML does not promise and nobody could read: whole numbers of more than 64 bits, tables
    within hundreds of tables."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise ValueError("a whole number of more than 64 bits")
    if depth > 100:
        raise ValueError("more than 100 tables within each other")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        check_plain(each, depth + 1)
