"""Kernels that call functions known only at run time, such as a user's environment, and are still compiled only once.

numba caches compiled code beside the file of a kernel, and reuses it while that file is unchanged. It does not notice that a
function called by the kernel, as a global of its module, was edited: it would run the old code. A function passed as an
argument is never found in the cache. So such a kernel gets a file of its own, named by a hash of every function it reaches and
of the constants they read: another function, another file. The file holds only this project's template; the functions are set
as globals of its module before it runs.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import CellType, FunctionType, ModuleType
from typing import Any

from numba import njit

from evo.digests import Digests, names_in
from evo.machine import cache_folder

LIBRARIES = {"numpy", "math", "cmath", "numba", "builtins", "torch"}  # identified by name alone


def module(name: str, text: str, functions: Mapping[str, object], *reads: object) -> ModuleType:
    """The module with the source `text`, in which `functions` are globals: plain Python functions compiled, others unchanged.

    It is stored in the user's cache folder under `name` and a hash of the text, the functions, and the objects it `reads`.
    Equal modules are imported once.
    """
    key = re.sub(r"\W", "_", f"{name}_{fingerprint(text, *functions.items(), *reads)}")
    if key in sys.modules:
        return sys.modules[key]
    spec = importlib.util.spec_from_file_location(key, _written(key, text))
    assert spec is not None
    assert spec.loader is not None
    sys.modules[key] = made = importlib.util.module_from_spec(spec)
    try:
        made.__dict__.update({name: compiled(function, key) for name, function in functions.items()})
        spec.loader.exec_module(made)
    except BaseException:
        del sys.modules[key]
        raise
    return made


def compiled(function: object, owner: str, given: Mapping[str, object] | None = None) -> Any:
    """A plain function compiled by numba, including the plain functions it names; anything else unchanged.

    owner: the name of the generated module. given: replaces globals of the function by name. Division by zero gives infinity
    or NaN, as in numpy.
    """
    return _compiled(function, owner, given or {}, {})


def compiled_for(signature: object, function: FunctionType, given: Mapping[str, Any]) -> Callable[..., None]:
    """A plain function as `compiled` gives it, for one signature, and cached with the file of a generated module.

    given: the globals of the module. Called by a function of that file, it would be compiled once more, inside its caller.
    """
    code = function.__code__.replace(co_filename=given["__file__"])  # beside which numba keeps its cache
    copy = _copy(FunctionType(code, function.__globals__, function.__name__), given["__name__"], given, {})
    _compile_named(copy, given["__name__"], {})
    return njit(signature, cache=True, nogil=True, error_model="numpy")(copy)


def _compiled(function: object, owner: str, given: Mapping[str, object], done: dict[FunctionType, object]) -> Any:
    if not isinstance(function, FunctionType):
        return function
    if function not in done:
        copy = _copy(function, owner, given, done)
        done[function] = njit(copy, nogil=True, error_model="numpy", forceinline=True)
        _compile_named(copy, owner, done)
    return done[function]


def _copy(function: FunctionType, owner: str, given: Mapping[str, object], done: dict[FunctionType, object]) -> FunctionType:
    cells = function.__closure__
    if cells is not None:
        cells = tuple(CellType(_compiled(cell.cell_contents, owner, {}, done)) for cell in cells)
    scope = {**function.__globals__, **given}
    copy = FunctionType(function.__code__, scope, function.__name__, function.__defaults__, cells)
    # A symbol's name is module, function and a counter that restarts in each process: two cached versions of a function
    # loaded into one process would clash unless their modules differ.
    copy.__module__ = owner
    return copy


def _compile_named(copy: FunctionType, owner: str, done: dict[FunctionType, object]) -> None:
    scope = copy.__globals__
    named = {name: scope[name] for name in names_in(copy.__code__) if name in scope}
    scope.update({name: _compiled(value, owner, {}, done) for name, value in named.items()})


def fingerprint(*things: object) -> str:
    """16 hexadecimal digits that depend on all functions in `things`, those they call, and the constants they read."""
    return Digests(lambda module: module.partition(".")[0] in LIBRARIES).of(things)[:16]


def _written(key: str, text: str) -> Path:
    """The file of a generated module; in a temporary folder of this process if the cache folder is not writable."""
    for find in (lambda: cache_folder() / "kernels", _own_folder):
        folder = find()
        path = folder / f"{key}.py"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_text() != text:
                beside = folder / f"{key}.{os.getpid()}"
                beside.write_text(text)
                os.replace(beside, path)
            return path
        except OSError as error:
            failed = error
    raise failed


@cache
def _own_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="neuroevo-"))
