"""What a thing is, as a digest: data by their bytes, functions and classes by their code and what it reads, objects by their
class and state.

Equal things have equal digests, in another process too. An object's state is what `pickle` would keep of it, so what
`__getstate__` leaves out (caches, open windows) counts nothing. Nothing is executed but that. Code is bytecode, without the
numbers of its lines: another minor version of Python gives another digest.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from numba.core.dispatcher import Dispatcher
from numba.core.types import Type

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
# Of a class, what says nothing of what it does, or says it again.
TOLD = {"__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__annotate_func__", "__annotations_cache__"}
TOLD |= {"__dataclass_fields__", "__dataclass_params__", "__match_args__", "__abstractmethods__", "_abc_impl", "__slots__"}
TOLD |= {"__firstlineno__", "__static_attributes__", "__parameters__", "__orig_bases__", "__protocol_attrs__", "__qualname__"}


class Digests:
    """Digests of things that may share parts: each part is looked at once.

    by_name(module): whether the functions and classes of that module are known by their names alone, as those of a library
    are. in_file(module): whether their code is known by its file; then only what they hold and read counts. unknown: the types
    of objects without a state that could be read, of which only the type counts.
    """

    def __init__(self, by_name: Callable[[str], bool], in_file: Callable[[str], bool] = lambda module: False):
        self.by_name, self.in_file = by_name, in_file
        self.unknown: list[str] = []
        self._known: dict[int, tuple[object, str]] = {}  # holds what it knows: an id is of a living object

    def of(self, thing: object) -> str:
        """The sha256, as hexadecimal digits."""
        if type(thing) in PLAIN:
            return _sha256(f"{type(thing).__name__} {thing!r}")
        if id(thing) not in self._known:
            self._known[id(thing)] = thing, _sha256(f"a {type(thing).__qualname__} that holds itself")
            self._known[id(thing)] = thing, _sha256(*self._parts(thing))
        return self._known[id(thing)][1]

    def _parts(self, thing: Any) -> Iterator[str | bytes]:
        kind = f"{type(thing).__module__}.{type(thing).__qualname__}"
        if isinstance(thing, Enum):
            yield from (kind, thing.name, self.of(thing.value))
        elif isinstance(thing, (list, tuple)):
            yield f"{kind} {getattr(thing, '_fields', len(thing))}"
            if all(type(each) in PLAIN for each in thing):
                yield repr(list(thing))
            else:
                yield from map(self.of, thing)
        elif isinstance(thing, Mapping) and type(thing).__module__ in ("builtins", "collections"):
            yield kind
            for key, each in thing.items():
                yield from (self.of(key), self.of(each))
        elif isinstance(thing, (set, frozenset)):
            yield kind
            yield from sorted(map(self.of, thing))
        elif isinstance(thing, (np.ndarray, np.generic)):
            yield f"{kind} {thing.dtype} {thing.shape}"
            yield self.of(thing.tolist()) if thing.dtype.hasobject else thing.tobytes()
        elif isinstance(thing, torch.Tensor):
            yield f"{kind} {thing.dtype} {tuple(thing.shape)}"
            yield thing.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        elif isinstance(thing, Type):
            yield str(thing)
        elif isinstance(thing, Dispatcher):
            yield from (repr(sorted(thing.targetoptions.items(), key=str)), self.of(thing.py_func))
        elif isinstance(thing, FunctionType):
            yield from self._function(thing)
        elif isinstance(thing, MethodType):
            yield from (self.of(thing.__func__), self.of(thing.__self__))
        elif isinstance(thing, ModuleType):
            yield f"module {thing.__name__}"
        elif isinstance(thing, type):
            yield from self._class(thing)
        elif isinstance(thing, property):
            yield from map(self.of, (thing.fget, thing.fset))
        elif isinstance(thing, (staticmethod, classmethod)):
            yield from (kind, self.of(thing.__func__))
        elif isinstance(thing, functools.cached_property):
            yield from (kind, self.of(thing.func))
        elif isinstance(getattr(thing, "__wrapped__", None), FunctionType):
            yield from (kind, self.of(thing.__wrapped__))
        else:
            yield from self._object(thing, kind)

    def _function(self, function: FunctionType) -> Iterator[str]:
        module = function.__module__ or ""
        yield from (self.of(value) for value in enclosed(function).values())
        if self.by_name(module):
            yield f"{module}.{function.__qualname__}"
            return
        yield from [function.__qualname__] if self.in_file(module) else _code(function.__code__)
        yield from (self.of(function.__defaults__), self.of(function.__kwdefaults__))
        for name, value in self.read(function).items():
            yield from (name, self.of(value))

    def read(self, function: FunctionType) -> dict[str, object]:
        """The globals that a function names, and what it may read of modules among them, by dotted name."""
        found: dict[str, object] = {}
        names = names_in(function.__code__)

        def look(scope: Mapping[str, object], prefix: str) -> None:
            for name in names:
                if name in scope and prefix + name not in found:
                    value = found[prefix + name] = scope[name]
                    if isinstance(value, ModuleType) and not self.by_name(value.__name__) and prefix.count(".") < 3:
                        look(vars(value), f"{prefix}{name}.")

        look(function.__globals__, "")
        return found

    def _class(self, cls: type) -> Iterator[str]:
        if self.by_name(cls.__module__):
            yield f"{cls.__module__}.{cls.__qualname__}"
            return
        yield f"class {cls.__qualname__} {getattr(cls, '_fields', '')}"
        yield from map(self.of, cls.__bases__)
        if issubclass(cls, Enum):
            yield from (f"{name} {member.value!r}" for name, member in cls.__members__.items())
            return
        for name, value in sorted(vars(cls).items()):
            if name not in TOLD and not type(value).__name__.endswith("_descriptor"):
                yield from (name, self.of(value))

    def _object(self, thing: object, kind: str) -> Iterator[str]:
        yield kind
        reduced = _reduced(thing)
        if reduced is None:
            self.unknown.append(kind)
        elif isinstance(reduced, str):
            yield f"{getattr(thing, '__module__', '')}.{reduced}"
        else:
            made, state, items = reduced[:2], reduced[2:3], reduced[3:5]
            yield from map(self.of, made)
            yield from map(self.of, sorted(_attributes(thing, *state).items()) or state)
            yield from (self.of(None if each is None else list(each)) for each in items)


def attributes(thing: object) -> dict[str, object]:
    """The attributes that are an object's state; {} where its state is nothing of that kind."""
    reduced = _reduced(thing)
    return _attributes(thing, *reduced[2:3]) if isinstance(reduced, tuple) else {}


def _attributes(thing: object, state: object = None) -> dict[str, object]:
    cached = lambda name: isinstance(getattr(type(thing), name, None), functools.cached_property)
    return {str(name): each for name, each in state.items() if not cached(str(name))} if isinstance(state, dict) else {}


def enclosed(function: FunctionType) -> dict[str, object]:
    """What a function holds of the functions around it, by name."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        with suppress(ValueError):  # an empty one
            found[name] = cell.cell_contents
    return found


def names_in(code: CodeType) -> list[str]:
    """Names of globals and attributes in `code` and its inner functions, without duplicates, in order."""
    inner = [name for constant in code.co_consts if isinstance(constant, CodeType) for name in names_in(constant)]
    return list(dict.fromkeys([*code.co_names, *inner]))


def _reduced(thing: object) -> Any:
    """What pickle would keep; None where it could not."""
    try:
        return thing.__reduce_ex__(4)
    except Exception:  # whatever an extension type says of it
        return None


def _code(code: CodeType) -> Iterator[str]:
    """Instructions and constants, including inner functions; not line numbers."""
    yield f"{code.co_name} {code.co_varnames} {code.co_names} {code.co_freevars} {code.co_code.hex()}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        else:
            yield f"{type(constant).__qualname__} {sorted(constant) if isinstance(constant, frozenset) else constant!r}"


def _sha256(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()
