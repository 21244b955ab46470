"""From feature values to the numbers that LightGBM sees. Missing and unseen codes are numbers of their own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.batch import Values
from features.definitions import FeatureSet
from features.forms import Value

MISSING_CODE, UNSEEN_CODE, _FIRST_CODE = 0, 1, 2
_BLOCK = 1_024
"""Rows that are filled column by column at a time: so many stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """The order of features, and for each coded one its known codes in their order.

    A code seen fewer times than `least` in training counts as unseen, so that the model learns what unseen means.
    """

    order: tuple[str, ...]
    codes: Mapping[str, tuple[str, ...]]
    _tables: dict[str, dict[str, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tables = {name: {code: n for n, code in enumerate(known, _FIRST_CODE)} for name, known in self.codes.items()}
        object.__setattr__(self, "_tables", tables)

    @property
    def categories(self) -> list[int]:
        """Places of the coded features."""
        return [place for place, name in enumerate(self.order) if name in self.codes]

    def row(self, vector: Sequence[Value]) -> NDArray[np.float64]:
        """One vector as a row, shape (1, features), NaN for a missing number."""
        row = np.empty((1, len(self.order)))
        for place, (name, value) in enumerate(zip(self.order, vector, strict=True)):
            table = self._tables.get(name)
            if table is not None:
                row[0, place] = MISSING_CODE if value is None else table.get(str(value), UNSEEN_CODE)
            else:
                row[0, place] = np.nan if value is None else value
        return row

    def rows(self, columns: Mapping[str, Values]) -> NDArray[np.float64]:
        """Columns as a matrix, shape (n, features)."""
        numbers = [self._numbers(name, columns[name]) for name in self.order]
        matrix = np.empty((len(numbers[0]), len(self.order)))
        for begin in range(0, len(matrix), _BLOCK):
            for place, column in enumerate(numbers):
                matrix[begin : begin + _BLOCK, place] = column[begin : begin + _BLOCK]
        return matrix

    def _numbers(self, name: str, column: Values) -> Values:
        table = self._tables.get(name)
        if table is None:
            return column
        coded = (MISSING_CODE if code is None else table.get(code, UNSEEN_CODE) for code in column)
        return np.fromiter(coded, dtype=np.float64, count=len(column))


def fit_encoder(features: FeatureSet, columns: Mapping[str, Values], *, least: int = 5) -> Encoder:
    """An encoder from training columns: the known codes of each coded feature, in alphabetical order."""
    codes = {}
    for feature in features.features:
        if feature.is_category:
            counts = Counter(value for value in columns[feature.name] if value is not None)
            codes[feature.name] = tuple(sorted(code for code, n in counts.items() if n >= least))
    return Encoder(tuple(feature.name for feature in features.features), codes)
