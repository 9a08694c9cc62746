"""Every public class and function says what it does; so does every public method, or its class or protocol says it."""

import inspect
import re

import pytest

import evo
from evo import core
from scenarios import lab

PUBLIC = {f"{room.__name__}.{name}": getattr(room, name) for room in (evo, lab) for name in room.__all__}
OURS = ("evo", "baselines", "graphs", "scenarios")
BASES = (core.Task, core.Algorithm, core.Learner, core.Method, core.Model, core.Phenotypes)
KNOWN = {"forward", "extra_repr", "load_state_dict"}  # as torch has them; the last is what takes a state_dict


def methods(cls):
    """The public methods and properties of a class that are ours, inherited ones included, by name."""
    for base in reversed(cls.__mro__):
        if base.__module__.partition(".")[0] in OURS:
            for name, value in vars(base).items():
                function = getattr(value, "fget", None) or getattr(value, "func", None) or getattr(value, "__func__", value)
                if not name.startswith("_") and inspect.isfunction(function) and name not in KNOWN:
                    yield name, function


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_says_what_it_is(name):
    thing = PUBLIC[name]
    assert inspect.getdoc(thing)
    if inspect.isclass(thing):
        assert not thing.__doc__.startswith(f"{thing.__name__}("), "a dataclass needs a docstring of its own"
        above = " ".join(filter(None, map(inspect.getdoc, (thing, *BASES))))
        # An overridden hook is explained where it is declared.
        said = lambda name: any(vars(base)[name].__doc__ for base in thing.__mro__ if name in vars(base))
        silent = {name for name, _ in methods(thing) if not said(name)}
        assert {name for name in silent if not re.search(rf"\b{name}\b", above)} == set()


def test_a_class_that_says_nothing_of_a_method_is_found():
    class Silent:
        """A class; told is explained here, untold is not."""

        def told(self): ...

        def unsaid(self): ...

        @property
        def shown(self):
            """Something."""

    Silent.__module__ = "evo.silent"
    assert dict(methods(Silent)).keys() == {"told", "unsaid", "shown"}
    assert [name for name, function in methods(Silent) if not function.__doc__] == ["told", "unsaid"]
