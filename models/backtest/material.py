"""What a replay is made from: declarations in the order of time, their features, and what inspecting each would find."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.errors import BacktestError
from data.layout import schema_of_versions
from data.times import day_of, midnight
from features.batch import Source
from features.definitions import FeatureSet
from features.questions import Questions
from models.backtest.histories import Histories, histories_of
from models.training.asking import shipments

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.object_]
Get = Callable[[str], pa.Array | None]
WEEK = 7


@dataclass(frozen=True, slots=True)
class Material:
    """n declarations in the order of time.

    Attributes:
        features: what models see. histories: what features are made from.
        start: the midnight at which the replay begins.
        asked_at: when each became known, an instant, shape (n,).
        week: number of its week in the replay, negative before, shape (n,).
        value_fen: declared value, shape (n,).
        names, enterprises: number and firm of each, shape (n,).
    """

    features: FeatureSet
    histories: Histories
    start: int
    asked_at: Integers
    week: Integers
    value_fen: Integers
    names: Texts
    enterprises: Texts

    def __len__(self) -> int:
        return len(self.names)

    @property
    def weeks(self) -> int:
        """How many whole weeks the replay has."""
        return int(self.week.max())

    def places(self, week: int) -> Integers:
        """The declarations of a week."""
        return np.flatnonzero(self.week == week)

    def decided_at(self, week: int) -> int:
        """The instant at which the declarations of a week are selected from: the midnight after it."""
        return midnight(day_of(self.start) + WEEK * (week + 1))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What inspecting each of n declarations finds, and the duty in fen that it recovers; shape (n,)."""

    found: Bools
    duty_fen: Integers


def material_of(features: FeatureSet, source: Source, *, start_share: float) -> Material:
    """The material of a replay.

    Arguments:
        features: the set that models see; about shipments.
        source: the records, for instance a snapshot.
        start_share: which part of the time passes before the replay begins, in (0, 1).
    Raises:
        BacktestError: where there are no declarations, or fewer than two weeks to replay.
    """
    asked = list(shipments(source, 2**31))
    if not asked:
        raise BacktestError("the snapshot holds no declarations; import records first")
    (whole,) = asked
    at, names = whole.questions.at, whole.names.to_numpy(zero_copy_only=False)
    order = np.lexsort((names.astype(str), at))
    _, first = np.unique(names[order].astype(str), return_index=True)
    places = order[np.sort(first)]  # each declaration once, as it first became known
    taken = pa.array(places)

    def get(field: str) -> pa.Array | None:
        column = whole.questions.get(field)
        return None if column is None else column.take(taken)

    at = at[places]
    begin = day_of(int(at[0] + (at[-1] - at[0]) * start_share))
    start = midnight(begin)
    week = np.array([(day_of(int(moment)) - begin) // WEEK for moment in at])
    if week.max() < 2:
        raise BacktestError("fewer than two weeks are left to replay; choose an earlier --start or import more records")
    questions = Questions(at, _remembered(get))
    table = _table(source).take(taken)
    return Material(
        features, histories_of(features, source, questions, table, start), start, at, week,
        _numbers(get("declared_value_fen"), len(at)), names[places], _texts(get("enterprise")),
    )  # fmt: skip


def outcomes_of(material: Material, found: Mapping[str, tuple[bool, int]]) -> Outcomes:
    """The outcomes of the material's declarations.

    Arguments:
        found: by declaration number: whether an inspection finds a violation, and the duty in fen that it recovers.
    Raises:
        BacktestError: where a declaration that is replayed has no outcome.
    """
    missing = [
        name for name, week in zip(material.names, material.week, strict=True) if week >= 0 and name not in found
    ]
    if missing:
        raise BacktestError(
            f"{len(missing)} declarations that are to be replayed have no outcome, for instance {missing[0]}; "
            "a backtest needs the outcome of every declaration, inspected or not"
        )
    rows = [found.get(name, (False, 0)) for name in material.names]
    hit = np.array([is_hit for is_hit, _ in rows], dtype=bool)
    return Outcomes(hit, np.where(hit, np.array([duty for _, duty in rows], dtype=np.int64), 0))


def _remembered(get: Get) -> Get:
    made: dict[str, pa.Array | None] = {}

    def remembered(field: str) -> pa.Array | None:
        if field not in made:
            made[field] = get(field)
        return made[field]

    return remembered


def _table(source: Source) -> pa.Table:
    """The declarations that `shipments` asks about, in its order."""
    names = schema_of_versions("declaration").names
    table = pa.concat_tables(source.tables("declaration", names)).combine_chunks()
    return table.filter(pc.is_in(table["action"], pa.array(["new", "change"])))


def _numbers(column: pa.Array | None, rows: int) -> Integers:
    if column is None:
        return np.zeros(rows, dtype=np.int64)
    values: Integers = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return values


def _texts(column: pa.Array) -> Texts:
    values: Texts = column.cast(pa.string()).to_numpy(zero_copy_only=False)
    return values
