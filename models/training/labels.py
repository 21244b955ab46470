"""Labelled questions of a snapshot, as columns: who and what was asked about, when, and the outcome that matured.

Only what an inspection found makes a label, and only once it is known; what was not inspected has none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.layout import schema_of_versions
from data.times import DAY, OPEN
from features.batch import Source
from features.columns import Views, columns_behind
from features.feeds import instants
from features.questions import Questions
from models.training.asking import PERFORMANCE_DAYS, SourceOfVersions, enterprises

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Texts = NDArray[np.object_]
SERIOUS_HITS = 1
"""How many hits in the performance window make a serious violation record."""
_GIVEN = pa.array(["new", "change"])
_DECLARED = ["action", "event_at", "known_at", "source", "declaration_no"]
_FOUND = ["event", "known_at", "ended_at", "source", "declaration_no", "finding", "violation", "duty_recovered_fen",
          "inclusion_permille"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labelled:
    """n questions in the order of time with their outcomes.

    Attributes:
        names: the declaration's number, or the enterprise.
        enterprises: whom each is about: questions about one enterprise resemble each other.
        outcomes: 1 where a violation was found, else 0.
        known_at: when the outcome became known, an instant.
        inclusion: with what probability it was inspected, in (0, 1]; NaN where that was not recorded.
        recovered_fen: duty that the inspection recovered.
        violations: the code of the violation found, None where there is none.
    """

    questions: Questions
    names: Texts
    enterprises: Texts
    outcomes: Integers
    known_at: Integers
    inclusion: Floats
    recovered_fen: Integers
    violations: Texts

    def __len__(self) -> int:
        return len(self.outcomes)


def inspected_shipments(source: Source, *, until: int = OPEN, fields: Iterable[str] | None = None) -> Labelled:
    """Inspected shipments, each asked about as it was declared when its inspection reported.

    A later correction of the declaration would ask after the outcome was known. Where several senders declared under one number,
    the sender of the inspection is preferred.

    Arguments:
        until: outcomes known at this instant or later do not count, nor do those withdrawn by then.
        fields: the facts that questions are asked for; by default all.
    """
    found = _inspections(source, until)
    declared = _declarations(source, found["declaration_no"], are_inspected=True)
    pairs = found.merge(declared, on="declaration_no", suffixes=("", "_declared"))
    pairs = pairs[pairs["known_at_declared"] <= pairs["known_at"]]
    pairs = pairs.assign(own=pairs["source"] == pairs["source_declared"])
    order = {"inspection": True, "own": False, "known_at_declared": False, "row": True}
    pairs = pairs.sort_values(list(order), ascending=list(order.values())).drop_duplicates("inspection")
    pairs = pairs.sort_values(["asked_at", "declaration_no", "inspection"], ignore_index=True)
    table = _rows(source, pairs["row"].to_numpy(), fields)
    facts = Views("declaration", table)
    permille = pairs["inclusion_permille"].to_numpy(dtype=np.float64, na_value=np.nan)
    return Labelled(
        questions=Questions(pairs["asked_at"].to_numpy(dtype=np.int64), facts.get),
        names=_texts(pairs["declaration_no"]),
        enterprises=_texts(table["enterprise"].to_pandas()),
        outcomes=(pairs["finding"] == "hit").to_numpy().astype(np.int64),
        known_at=pairs["known_at"].to_numpy(dtype=np.int64),
        inclusion=np.where(permille > 0, permille / 1000, np.nan),
        recovered_fen=pairs["duty_recovered_fen"].to_numpy(dtype=np.int64, na_value=0),
        violations=_texts(pairs["violation"]),
    )


def uninspected_shipments(
    source: Source, most: int, seed: int, *, until: int = OPEN, fields: Iterable[str] | None = None
) -> Questions:
    """Shipments of which no inspection has reported, each asked about as it was first declared, in the order of time.

    Arguments:
        most: how many, drawn at random where there are more.
        seed: of the draw.
        until: what became known at this instant or later does not count.
        fields: the facts that questions are asked for; by default all.
    """
    declared = _declarations(source, _inspections(source, until)["declaration_no"], are_inspected=False)
    declared = declared[declared["asked_at"] < until].dropna(subset="declaration_no").drop_duplicates("declaration_no")
    chosen = np.random.default_rng(seed).permutation(len(declared))[:most]
    kept = declared.iloc[np.sort(chosen)].sort_values(["asked_at", "declaration_no"])
    facts = Views("declaration", _rows(source, kept["row"].to_numpy(dtype=np.int64), fields))
    return Questions(kept["asked_at"].to_numpy(dtype=np.int64), facts.get)


def watched_enterprises(source: SourceOfVersions, *, until: int) -> Labelled:
    """Enterprises asked about every month, with whether a violation was found in the performance window after it.

    Only enterprises that declared something shortly before and after are asked about, and only windows that have passed.

    Arguments:
        until: windows have passed by then, an instant.
    """
    hits = _hits(source)
    asked = list(enterprises(source, 2**31, until=until))
    if not asked:
        return _nothing()
    (whole,) = asked
    names = _texts(whole.names.to_pandas())
    begin = whole.questions.at
    end = begin + PERFORMANCE_DAYS * DAY
    nothing = np.empty(0, dtype=np.int64)
    bounds = [
        np.searchsorted(hits.get(name, nothing), (at, after)) for name, at, after in zip(names, begin, end, strict=True)
    ]
    counted = np.array([after - before for before, after in bounds], dtype=np.int64)
    return Labelled(
        questions=whole.questions, names=names, enterprises=names, outcomes=(counted >= SERIOUS_HITS).astype(np.int64),
        known_at=end, inclusion=np.full(len(names), np.nan), recovered_fen=np.zeros(len(names), dtype=np.int64),
        violations=np.full(len(names), None, dtype=object),
    )  # fmt: skip


def _nothing() -> Labelled:
    none, no_text = np.empty(0, dtype=np.int64), np.empty(0, dtype=object)
    return Labelled(Questions.of([]), no_text, no_text, none, none, np.empty(0), none, no_text)


def _inspections(source: Source, until: int) -> pd.DataFrame:
    frames = []
    for table in source.tables("supervision", [*_FOUND, "action"]):
        kept = table.filter(pc.and_(pc.equal(table["event"], "inspection"), pc.is_in(table["action"], _GIVEN)))
        frame = _frame(kept, _FOUND)
        frame["ended_at"] = instants(kept["ended_at"])
        frames.append(frame)
    found = _joined(frames, _FOUND)
    found = found[(found["known_at"] < until) & ((found["ended_at"] > until) | (found["ended_at"] == OPEN))]
    return found.assign(inspection=np.arange(len(found)))


def _declarations(source: Source, inspected: pd.Series, *, are_inspected: bool) -> pd.DataFrame:
    """Versions of the declarations that were inspected, or of all others: when they became known, from whom, in which row.

    Arguments:
        inspected: numbers of the declarations that were.
    """
    tables = list(source.tables("declaration", _DECLARED))
    if not tables:
        return _joined([], ["source", "declaration_no", "known_at", "asked_at", "row"])
    table = pa.concat_tables(tables)  # as one: to look numbers up, Arrow hashes them anew at each call
    among = pc.is_in(table["declaration_no"], pa.array(inspected.unique(), pa.string()))
    kept = pc.and_(among if are_inspected else pc.invert(among), pc.is_in(table["action"], _GIVEN))
    places = np.flatnonzero(kept.to_numpy())
    started = np.maximum(instants(table["event_at"]), instants(table["known_at"]))[places]
    return _frame(table.filter(kept), ["source", "declaration_no", "known_at"]).assign(asked_at=started, row=places)


def _rows(source: Source, rows: Integers, fields: Iterable[str] | None) -> pa.Table:
    """Some rows of the declarations in their order, whole or with what some fields are made from."""
    columns = schema_of_versions("declaration").names
    if fields is not None:
        columns = list(dict.fromkeys(["enterprise", *sorted(columns_behind("declaration", fields))]))
    order = np.argsort(rows, kind="stable")
    ascending, found, begin = rows[order], [], 0
    for table in source.tables("declaration", columns):
        low, high = np.searchsorted(ascending, (begin, begin + table.num_rows))
        found.append(table.take(pa.array(ascending[low:high] - begin)))
        begin += table.num_rows
    if not found:
        return schema_of_versions("declaration").empty_table().select(columns)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return pa.concat_tables(found).take(pa.array(back)).combine_chunks()


def _hits(source: Source) -> dict[str, Integers]:
    """When violations of each enterprise were found, in the order of time."""
    names: list[pa.Array] = []
    times: list[Integers] = []
    for table in source.tables("supervision", ["action", "event_at", "known_at", "enterprise", "finding"]):
        kept = table.filter(pc.and_(pc.equal(table["finding"], "hit"), pc.is_in(table["action"], _GIVEN)))
        names.append(kept["enterprise"].combine_chunks())
        times.append(np.maximum(instants(kept["event_at"]), instants(kept["known_at"])))
    if not names:
        return {}
    found = pd.DataFrame({"name": np.concatenate([_texts(n.to_pandas()) for n in names]), "at": np.concatenate(times)})
    return {str(name): np.sort(group.to_numpy()) for name, group in found.groupby("name")["at"]}


def _frame(table: pa.Table, columns: Sequence[str]) -> pd.DataFrame:
    """Columns as pandas holds them; instants as integers, whole numbers that may be missing as such."""
    made: dict[str, Any] = {}
    for name in columns:
        if name not in table.column_names:
            made[name] = np.full(table.num_rows, None, dtype=object)
        elif name.endswith("_at"):
            made[name] = instants(table[name])
        elif pa.types.is_integer(table[name].type):
            made[name] = table[name].to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        else:
            made[name] = _texts(table[name].to_pandas())
    return pd.DataFrame(made)


def _joined(frames: list[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    whole = [frame for frame in frames if len(frame)]
    if whole:
        return pd.concat(whole, ignore_index=True)
    empty = {name: np.empty(0, dtype=np.int64 if name.endswith("_at") or name == "row" else object) for name in columns}
    return pd.DataFrame(empty)


def _texts(values: "pd.Series[Any]") -> Texts:
    """Texts as Python's own, None where there is none."""
    plain: Texts = values.astype(object).to_numpy().copy()
    plain[pd.isna(plain)] = None
    return plain
