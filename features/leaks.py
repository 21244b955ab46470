"""The scan for leaks: what becomes known later changes nothing earlier, for features by hand as for those of the catalogue."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose
from random import Random
from typing import Any

import numpy as np
import pandas as pd

from data.records import Version
from data.times import OPEN
from features.batch import Values, matrix_of
from features.definitions import FeatureSet
from features.errors import check
from features.questions import Question
from features.views import View, view_of

Compute = Callable[[Sequence[Version], Sequence[Question]], Mapping[str, Sequence[Any] | Values]]
"""Features by hand: from versions and n questions to columns by name, n values each."""


@dataclass(frozen=True, slots=True)
class Leak:
    """How often a column said something that was not known yet.

    Attributes:
        asked, changed: of how many questions how many had another value once later records were taken away.
        example: the first of them, None where nothing changed.
        value, as_known: its value from all records, and from those known then; None for missing.
    """

    name: str
    asked: int
    changed: int
    example: Question | None = None
    value: Any = None
    as_known: Any = None


def leaks(
    compute: Compute | FeatureSet, versions: Sequence[Version], questions: Sequence[Question], *,
    sample: int = 400, moments: int = 40, seed: int = 0,
) -> tuple[Leak, ...]:  # fmt: skip
    """Compute features from all versions and again from those known before the question, and compare.

    A column that changes leaks, or depends on which other questions are asked, as a rank among them does: the live answer has
    neither. Questions are taken together in groups that follow in time, each cut at its last question, so that the whole costs
    1 + `moments` computations. A feature that keeps the law is never accused. What becomes known between a question and the
    cut of its group stays in, so the last question of each group is tested to the instant, the others from the cut on; with as
    many moments as questions all are.

    Arguments:
        compute: a set of the catalogue's language, or any function.
        versions: all of every record, in the order of intake; ends made at or before a question are known to it.
        questions: what to ask; a random sample of them is.
        sample, moments: the most questions, and the most groups.
        seed: of the sample.
    Returns:
        A result a column, those that changed most first.
    Raises:
        FeatureError: where a column has not one value a question.
    """
    if isinstance(compute, FeatureSet):
        kinds = {measure.stream.kind for measure in compute.measures}
        versions = [version for version in versions if version.record.kind in kinds]
        columns_of = _by_engine(compute)
    else:
        columns_of = compute
    chosen = list(questions)
    if len(chosen) > sample:
        chosen = Random(seed).sample(chosen, sample)  # noqa: S311 - no secret
    chosen.sort(key=lambda question: question.at)
    whole = _checked(columns_of(versions, chosen), len(chosen))
    found = {name: Leak(name, len(chosen), 0) for name in whole}
    for first, last in _groups([question.at for question in chosen], moments):
        group = chosen[first:last]
        then = _checked(columns_of(known_before(versions, group[-1].at), group), len(group))
        for name in dict.fromkeys([*whole, *then]):
            values = whole[name][first:last] if name in whole else [None] * len(group)
            before = found.get(name, Leak(name, len(chosen), 0))
            found[name] = _compared(before, group, values, then.get(name, [None] * len(group)))
    return tuple(sorted(found.values(), key=lambda leak: -leak.changed))


def known_before(versions: Sequence[Version], at: int) -> list[Version]:
    """Versions known before an instant, without the ends that later ones made.

    An end made at the instant itself stands, as in the engines: what is replaced at that moment does not count at it.
    """
    return [
        replace(version, ended_at=OPEN, ended_by=OPEN) if at < version.ended_at < OPEN else version
        for version in versions
        if version.record.known_at < at
    ]


def borrowed_facts(versions: Sequence[Version], questions: Sequence[Question]) -> tuple[Leak, ...]:
    """Facts of questions that come from a version of their own record that became known after the question.

    Such as a declaration's corrected value in a question that is asked at the moment of its first version. A shipment's record
    is the declaration under its number, of any source, known at the question or before; an enterprise's is its identity, known
    before it. Questions whose record is not among the versions are passed over.

    Returns:
        A result a field that was borrowed, those borrowed most often first; empty where all is well.
    """
    records: dict[tuple[str, str], list[Version]] = {}
    for version in versions:
        record = version.record
        if record.kind in ("declaration", "identity") and record.action in ("new", "change"):
            records.setdefault((record.kind, str(record.reference)), []).append(version)
    found: dict[str, Leak] = {}
    asked = 0
    for question in questions:
        number = question.facts.get("declaration_no")
        about = ("identity", question.facts.get("enterprise")) if number is None else ("declaration", number)
        known, later = _views(records.get((about[0], str(about[1])), ()), question.at, strict=number is None)
        asked += bool(known or later)
        names = dict.fromkeys([*question.facts, *(known[-1] if known else ())])
        for name in (name for name in names if not name.startswith("_")):  # steps on the way to other fields
            value, as_known = question.facts.get(name), known[-1].get(name) if known else None
            if value != as_known and _held(name, value, later) and not _held(name, value, known):
                before = found.get(name, Leak(name, 0, 0, question, value, as_known))
                found[name] = replace(before, changed=before.changed + 1)
    return tuple(sorted((replace(leak, asked=asked) for leak in found.values()), key=lambda leak: -leak.changed))


def _by_engine(features: FeatureSet) -> Compute:
    return lambda versions, questions: matrix_of(features, versions, questions)


def _checked(columns: Mapping[str, Sequence[Any] | Values], count: int) -> dict[str, list[Any]]:
    """Columns as lists with None for whatever stands for missing."""
    lists: dict[str, list[Any]] = {}
    for name in columns:
        column = pd.Series(list(columns[name]), dtype=object)
        check(len(column) == count, f"{name}: {len(column)} values for {count} questions")
        lists[str(name)] = column.where(column.notna(), None).tolist()
    return lists


def _groups(at: Sequence[int], moments: int) -> Iterator[tuple[int, int]]:
    """First and last place (excluded) of at most `moments` groups of ascending instants; equal ones stay together."""
    ends = np.flatnonzero(np.diff(np.array([*at, OPEN]))) + 1
    if len(ends) > moments:
        ends = ends[np.arange(1, moments + 1) * len(ends) // moments - 1]
    first = 0
    for last in ends.tolist():
        yield first, last
        first = last


def _compared(before: Leak, group: Sequence[Question], values: Sequence[Any], known: Sequence[Any]) -> Leak:
    result = before
    for question, value, as_known in zip(group, values, known, strict=True):
        if not _same(value, as_known):
            if result.example is None:
                result = replace(result, example=question, value=value, as_known=as_known)
            result = replace(result, changed=result.changed + 1)
    return result


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, (int, float, np.number)) and isinstance(right, (int, float, np.number)):
        return isclose(left, right, rel_tol=1e-9)  # sums by hand may add in another order
    return bool(left == right)


def _views(versions: Sequence[Version], at: int, *, strict: bool) -> tuple[list[View], list[View]]:
    """Views of versions known by an instant, and of later ones."""
    known: list[View] = []
    later: list[View] = []
    for version in versions:
        record = version.record
        is_known = record.known_at < at or (record.known_at == at and not strict)
        (known if is_known else later).append(view_of(record.kind, record.payload))
    return known, later


def _held(name: str, value: Any, views: Sequence[View]) -> bool:
    return any(view.get(name) == value for view in views)
