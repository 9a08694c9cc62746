"""Settings: one declaration gives configuration, validation, command-line key and documentation.

    @settings
    class GASettings:
        population_size: int = setting(100, "genomes per generation", low=2)
        mutation_std: float = setting(0.1, "standard deviation of a mutation", low=0.0, source="Such et al. 2017")

    GASettings(population_size=1)       # SettingsError: population_size: expected a whole number >= 2; got 1

One SettingsError lists all errors, each with the expected and the given value and the closest key. A bound may name another
setting; for other constraints between settings a class may define `contradictions(self) -> list[str]`.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import operator
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

if typing.TYPE_CHECKING:  # settings are read without numpy, which it needs
    from evo.space import Dimension

T = TypeVar("T")
Bound = float | str | None
Value = Any  # what a user gives a setting: its declaration checks it, at run time

# What neat-python, DEAP, evosax and scikit-learn call it -> our names, of which those among the options are suggested.
SYNONYMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("pop_size", "popsize", "n_individuals", "mu", "lambda_"), ("population_size",)),
    **dict.fromkeys(("sigma", "sigma_init"), ("mutation_std", "perturbation", "weight_mutate_power")),
    **dict.fromkeys(("mutpb", "indpb", "weight_mutate_rate"), ("mutation_rate", "weight_mutation", "weight_mutate_rate")),
    **dict.fromkeys(("cxpb", "crossover_prob"), ("crossover_rate", "crossover")),
    **dict.fromkeys(("ngen", "n_generations", "generations", "epochs", "max_epochs", "max_iter"), ("steps",)),
    **dict.fromkeys(("lr", "learning_rate_init"), ("learning_rate",)),
    **dict.fromkeys(("alpha", "weight_decay"), ("l2",)),
    **dict.fromkeys(("random_state", "seed"), ("seeds",)),
    "tournsize": ("tournament_size",),
    "elite_ratio": ("truncation",),
    "elitism": ("elites", "champion_above"),
    "max_stagnation": ("stagnation",),
    "compatibility_threshold": ("threshold",),
    "survival_threshold": ("survival",),
    "node_add_prob": ("add_node",),
    "conn_add_prob": ("add_link",),
    "weight_mutate_power": ("perturbation",),
    "num_hidden": ("hidden",),
    "initial_connection": ("initial",),
    "activation_default": ("activation",),
    "feed_forward": ("recurrent",),
    "hidden_layer_sizes": ("hidden",),
    "solver": ("optimizer",),
    "momentum": ("optimizer_options",),
    "n_iter_no_change": ("patience",),
    "sigmoid": ("neat_sigmoid", "steep_sigmoid"),
    **dict.fromkeys(("mse", "mean_squared_error", "brier"), ("squared_error",)),
    **dict.fromkeys(("mae", "mean_absolute_error"), ("absolute_error",)),
    **dict.fromkeys(("f1", "f1_score", "f1_macro"), ("macro_f1",)),
    **dict.fromkeys(("log_loss", "logloss", "nll"), ("cross_entropy",)),
    **dict.fromkeys(("roc_auc", "auroc"), ("auc",)),
}

# Where to set what is no setting of the thing asked.
ELSEWHERE = {
    **dict.fromkeys(
        ("ngen", "n_generations", "generations", "epochs", "max_epochs", "max_iter"),
        "budget.steps limits generations and epochs",
    ),
    **dict.fromkeys(("random_state", "seed"), "--seeds sets the seeds"),
    "fitness_threshold": "task.solved, where the task has it, sets the value at which it is solved",
    "hidden_layer_sizes": "model.hidden sets the hidden layers",
    "n_estimators": "the method sklearn:Name has the estimator's own settings",
}

SIGNS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}
KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a string", dict: "a table", object: "a value"}


class SettingsError(ValueError):
    """All errors found in some settings; `problems` lists them."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


def setting(
    default: Value,
    doc: str,
    *,
    low: Bound = None,
    high: Bound = None,
    above: Bound = None,
    below: Bound = None,
    choices: Iterable[str] | None = None,
    search: Dimension | None = None,
    unit: str = "",
    source: str = "",
) -> Value:
    """A field of a `@settings` class. low <= value <= high, above < value < below; for a tuple, each item. A bound that is a
    name is the value of that setting, a number, of the class.

    search: the range over which `evo tune` searches it, within the allowed one: Log(1e-4, 1e-1), Real(0, 1), Integer(1, 5) or
    Choice("relu", "tanh") of `evo.space`; None: it is not searched.
    """
    info: dict[str, object] = dict(doc=doc, low=low, high=high, above=above, below=below, unit=unit, source=source)
    info["search"] = search
    info["choices"] = None if choices is None else tuple(choices)
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=info)
    return dataclasses.field(default=default, metadata=info)


def preset_setting(presets: Mapping[str, Mapping[str, Value]], name: str, doc: str, **declared: Any) -> Value:
    """A `setting` whose default, none, means the value of the preset in force (`filled`), with whose type it is annotated. Its
    doc lists the presets' values, the first preset's without its name."""
    usual, *_ = (values[name] for values in presets.values())
    others = [f"{preset} {_listed(values[name])}" for preset, values in presets.items() if values[name] != usual]
    return setting(None, f"{doc}; none: the preset's, {', '.join([_listed(usual), *others])}", **declared)


def _listed(value: Value) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)


def filled(options: T, preset: Mapping[str, Value]) -> T:
    """The same settings with none replaced by the preset's values; themselves, if none is missing."""
    missing = {name: value for name, value in preset.items() if getattr(options, name) is None}
    return dataclasses.replace(options, **missing) if missing else options  # type: ignore[type-var]  # a dataclass


def has_rules(cls: type) -> bool:
    """Whether a `@settings` class has constraints that `describe` does not tell."""
    return cls.contradictions is not _no_contradictions  # type: ignore[attr-defined]  # `settings` gives it


def _no_contradictions(self: object) -> list[str]:
    """Rules that join several settings: none."""
    return []


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(setting,))
def settings(cls: type[T]) -> type[T]:
    """Turns `cls` into a frozen, keyword-only dataclass that validates every value on construction."""

    def __post_init__(self: Any) -> None:
        problems, declared = [], describe(type(self))
        for one in declared:
            value, problem = one.check(getattr(self, one.name))
            if problem:
                problems.append(f"{one.name}: {problem}")
            object.__setattr__(self, one.name, value)
        problems = problems or beyond(declared, vars(self)) + self.contradictions()
        if problems:
            raise SettingsError(problems)

    # mypy does not know that `cls` is given attributes and made a dataclass here: hence what it is told to ignore.
    cls.__post_init__ = __post_init__  # type: ignore[attr-defined]
    if "contradictions" not in dir(cls):
        cls.contradictions = _no_contradictions  # type: ignore[attr-defined]
    made = dataclass(frozen=True, kw_only=True)(cls)
    names, fill = [field.name for field in dataclasses.fields(made)], made.__init__  # type: ignore[arg-type, misc]

    @functools.wraps(fill)
    def __init__(self: T, **values: Value) -> None:
        unknown = [f"{name}: unknown setting{suggestion(name, names)}" for name in values if name not in names]
        if unknown:
            raise SettingsError(unknown)
        fill(self, **values)

    made.__init__ = __init__  # type: ignore[assignment, misc]
    return made


@dataclass(frozen=True)
class Setting:
    """The declaration of one setting; `kind` is its type without None, `optional` whether None is allowed."""

    name: str
    kind: type
    optional: bool
    default: Value
    doc: str
    low: Bound
    high: Bound
    above: Bound
    below: Bound
    choices: tuple[str, ...] | None
    search: Dimension | None
    unit: str
    source: str

    def to_json(self) -> dict[str, Value]:
        """What `check` and `beyond` need, as plain values."""
        own = {name: getattr(self, name) for name in ("name", "optional", "low", "high", "above", "below", "choices", "unit")}
        (kind,) = {*typing.get_args(self.kind)} - {Ellipsis} or {self.kind}
        return {**own, "kind": kind.__name__, "several": kind is not self.kind}

    @staticmethod
    def from_json(values: Mapping[str, Value]) -> Setting:
        kind = next(kind for kind in KINDS if kind.__name__ == values["kind"])
        own = {name: value for name, value in values.items() if name not in ("kind", "several")}
        untold: dict[str, Value] = {"default": None, "search": None, "doc": "", "source": ""}
        several: type = tuple[kind, ...]  # type: ignore[assignment, valid-type]  # an alias, as `describe` finds
        return Setting(**untold, **own, kind=several if values["several"] else kind)

    @property
    def expected(self) -> str:
        """In words: "a whole number >= 2", "one of tanh, relu"."""
        if self.choices:
            words = "one of " + ", ".join(one if one.replace("-", "_").isidentifier() else repr(one) for one in self.choices)
        else:
            item = typing.get_args(self.kind)
            words = KINDS[self.kind] if not item else f"a list of {KINDS[item[0]].split(' ', 1)[1]}s"
        bounds = [f"{sign} {bound if isinstance(bound, str) else f'{bound:g}'}" for sign, bound in self._bounds]
        words = " ".join([words, " and ".join(bounds), self.unit]).replace("  ", " ").strip()
        return words + (" or none" if self.optional else "")

    def check(self, value: Value) -> tuple[Value, str | None]:
        """The value converted to its declared type, and the error (None: valid)."""
        value = native(value)
        if value is None or (self.optional and value == "none"):
            return None, None if self.optional else f"expected {self.expected}; got nothing"
        item = typing.get_args(self.kind)
        if not item:
            converted, good = _convert(self.kind, value)
        elif isinstance(value, (list, tuple)):
            pairs = [_convert(item[0], each) for each in value]
            converted, good = tuple(pair[0] for pair in pairs), all(pair[1] for pair in pairs)
        else:
            return value, f"expected {'a list, each ' if self.choices else ''}{self.expected}; got {value!r}"
        if not good:
            return value, f"expected {self.expected}; got {value!r}"
        for each in converted if item else (converted,):
            if self.choices and each not in self.choices:
                return value, f"expected {self.expected}; got {each!r}{closest(str(each), self.choices)}"
            if isinstance(each, (int, float)) and not isinstance(each, bool) and not self._inside(each):
                return value, f"expected {self.expected}; got {each!r}"
        return converted, None

    def _inside(self, value: float) -> bool:
        numbers = [(sign, bound) for sign, bound in self._bounds if not isinstance(bound, str)]
        return math.isfinite(value) and all(SIGNS[sign](value, bound) for sign, bound in numbers)

    @property
    def _bounds(self) -> list[tuple[str, float | str]]:
        bounds = zip(SIGNS, (self.low, self.above, self.high, self.below))
        return [(sign, bound) for sign, bound in bounds if bound is not None]

    def beyond(self, values: Mapping[str, Value]) -> list[str]:
        """What is wrong with its value among `values`, all valid by themselves, as far as its bounds are other settings."""
        value, others = values[self.name], [(sign, bound) for sign, bound in self._bounds if isinstance(bound, str)]
        wrong = [(sign, name) for sign, name in others if value is not None and not SIGNS[sign](value, values[name])]
        return [f"{self.name}: expected {sign} {name}, {values[name]:g}; got {value!r}" for sign, name in wrong]


def beyond(declared: Iterable[Setting], values: Mapping[str, Value]) -> list[str]:
    """What is wrong with values that are valid by themselves, as their bounds are other settings."""
    return [problem for one in declared for problem in one.beyond(values)]


def native(value: Any) -> Any:
    """A number of numpy or torch as Python's, an array of one dimension as a list; anything else as it is."""
    dimensions = getattr(value, "ndim", None)
    return value.item() if dimensions == 0 else value.tolist() if dimensions == 1 else value


def _convert(kind: type, value: Value) -> tuple[Value, bool]:
    if isinstance(value, int) and abs(value) >= 2**63:  # the range of TOML, numpy and torch
        return value, False
    if kind is float:
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
        return (float(value), True) if good else (value, False)
    if kind is int:
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**63
        good = (isinstance(value, int) or whole) and not isinstance(value, bool)
        return (int(value), True) if good else (value, False)
    return value, isinstance(value, kind)


def describe(cls: type) -> list[Setting]:
    """The settings of a `@settings` class, in order of declaration."""
    hints = typing.get_type_hints(cls)
    found = []
    for field in dataclasses.fields(cls):
        kind = hints[field.name]
        options = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else ()
        if options:
            kind = next(option for option in options if option is not type(None))
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        found.append(
            Setting(
                name=field.name, kind=kind, optional=type(None) in options or default is None, default=default, **field.metadata
            )
        )
    return found


def parse(cls: type[T], values: Mapping[str, Value], prefix: str = "") -> tuple[T | None, list[str]]:
    """`cls` constructed from `values`, and all errors, each prefixed by `prefix` + key. None if there is an error."""
    known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]  # T stands for any dataclass
    problems = [f"{prefix}{key}: unknown key{suggestion(key, known)}" for key in values if key not in known]
    try:
        made = cls(**{key: value for key, value in values.items() if key in known})
    except SettingsError as error:
        return None, problems + [prefix + problem for problem in error.problems]
    return (None if problems else made), problems


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """`closest`, or the options if none is close, or ""."""
    names = sorted(options)
    return closest(word, names) or (f" (choose from {', '.join(names)})" if 0 < len(names) <= 12 else "")


def closest(word: str, options: Iterable[str]) -> str:
    """ " (did you mean 'x'?)" with a synonym or the closest of `options`, or "": for a message that names them."""
    names = sorted(options)
    lower = {name.lower(): name for name in names}
    close = [name for name in SYNONYMS.get(word, ()) if name in names] or [
        lower[name] for name in difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.5)
    ]
    return f" (did you mean {close[0]!r}?)" if close else ""


def suggestion(key: str, known: Iterable[str]) -> str:
    """`did_you_mean` for an unknown setting; where none of `known` is a synonym, where else it is set."""
    elsewhere = ELSEWHERE.get(key) if not set(SYNONYMS.get(key, ())) & set(known) else None
    return f" ({elsewhere})" if elsewhere else did_you_mean(key, known)
