"""A column of words, and which words stand for what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

MISSING = {"", "?", "na", "n/a", "nan", "-nan", "null"}  # words for a missing value, in any case of letters


@dataclass(frozen=True)
class Words:
    """A column of words: the different ones, "" for a missing one, and which of them stands in each row (B,)."""

    values: list[str]
    codes: np.ndarray

    @classmethod
    def of(cls, texts: Iterable[str]) -> Words:
        known: dict[str, int] = {}
        codes = [known.setdefault(text, len(known)) for text in texts]
        return cls(list(known), np.array(codes, np.int64))

    def __len__(self) -> int:
        return len(self.codes)

    def replaced(self, values: Iterable[str]) -> Words:
        """Each of `values` in the place of the one known so far; equal ones become one."""
        merged = Words.of(values)
        return Words(merged.values, merged.codes[self.codes] if len(self.codes) else self.codes)


def finite(text: str) -> bool:
    try:
        return "_" not in text and not math.isnan(float(text))
    except ValueError:
        return False
