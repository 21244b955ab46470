"""The flat view of a record: its fields by name and what follows from them, for keys, streams and facts alike.

What follows is declared once in `DERIVED` and computed in two ways: here for one record, in `features.columns` for many.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.matching import features_of
from features.logarithm import milli_log

LEVELS = ("advanced_certified", "certified", "routine", "dishonest", "seriously_dishonest")
"""Statutory levels from best to worst; features hold the place in this order."""

View = dict[str, Any]


class Derived(ABC):
    """A field that follows from others. It is left out where `of` gives None."""

    __slots__ = ()
    name: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """The fields that it follows from."""
        single = (getattr(self, role, None) for role in ("field", "left", "right", "part", "whole"))
        return (*(name for name in single if name is not None), *getattr(self, "fields", ()))

    @abstractmethod
    def of(self, view: Mapping[str, Any]) -> int | str | None:
        """Its value in a view that holds the fields derived before it."""


@dataclass(frozen=True, slots=True)
class Prefix(Derived):
    """The first characters of a code."""

    name: str
    field: str
    length: int

    def of(self, view: Mapping[str, Any]) -> str | None:
        text = view.get(self.field)
        return None if text is None else text[: self.length]


@dataclass(frozen=True, slots=True)
class MilliLog(Derived):
    """Whole thousandths of the natural logarithm of an integer, 0 for values below 1."""

    name: str
    field: str

    def of(self, view: Mapping[str, Any]) -> int | None:
        value = view.get(self.field)
        return None if value is None else milli_log(value)


@dataclass(frozen=True, slots=True)
class Less(Derived):
    """One integer less another: of two logarithms, the logarithm of their ratio."""

    name: str
    left: str
    right: str

    def of(self, view: Mapping[str, Any]) -> int | None:
        left, right = view.get(self.left), view.get(self.right)
        return None if left is None or right is None else left - right


@dataclass(frozen=True, slots=True)
class Share(Derived):
    """Whole thousandths of one integer in another, which must be positive, rounded down."""

    name: str
    part: str
    whole: str

    def of(self, view: Mapping[str, Any]) -> int | None:
        part, whole = view.get(self.part), view.get(self.whole)
        return None if part is None or not whole or whole < 0 else part * 1000 // whole


@dataclass(frozen=True, slots=True)
class FirstOf(Derived):
    """The first of some fields that is given."""

    name: str
    fields: tuple[str, ...]

    def of(self, view: Mapping[str, Any]) -> int | str | None:
        return next((value for field in self.fields if (value := view.get(field)) is not None), None)


@dataclass(frozen=True, slots=True)
class FirstPositive(Derived):
    """The first of some integers that is given and above 0."""

    name: str
    fields: tuple[str, ...]

    def of(self, view: Mapping[str, Any]) -> int | None:
        return next((value for field in self.fields if (value := view.get(field) or 0) > 0), None)


@dataclass(frozen=True, slots=True)
class Length(Derived):
    """How many items a list has, at least 1 (a declaration without lines is one of a single line)."""

    name: str
    field: str

    def of(self, view: Mapping[str, Any]) -> int:
        return len(view.get(self.field, ())) or 1


@dataclass(frozen=True, slots=True)
class Rank(Derived):
    """The place of a code in an order."""

    name: str
    field: str
    order: tuple[str, ...]

    def of(self, view: Mapping[str, Any]) -> int | None:
        value = view.get(self.field)
        return None if value is None else self.order.index(value)


@dataclass(frozen=True, slots=True)
class Within(Derived):
    """1 where an integer lies in a range, both ends included, else 0; None where it is not given."""

    name: str
    field: str
    least: int
    most: int

    def of(self, view: Mapping[str, Any]) -> int | None:
        value = view.get(self.field)
        return None if value is None else int(self.least <= value <= self.most)


@dataclass(frozen=True, slots=True)
class Differs(Derived):
    """1 where two fields are given and differ, 0 where they are equal; None where one is not given."""

    name: str
    left: str
    right: str

    def of(self, view: Mapping[str, Any]) -> int | None:
        left, right = view.get(self.left), view.get(self.right)
        return None if left is None or right is None else int(left != right)


_DECLARATION = (
    Length("line_count", "lines"),
    FirstOf("departure", ("departure", "destination")),  # the other end of the route
    Prefix("hs6", "hs_code", 6),
    Prefix("hs4", "hs_code", 4),
    Prefix("hs2", "hs_code", 2),
    FirstPositive("mass_g", ("net_mass_g", "gross_mass_g")),
    FirstPositive("_quantity", ("quantity",)),
    FirstPositive("_net_g", ("net_mass_g",)),
    FirstPositive("_gross_g", ("gross_mass_g",)),
    MilliLog("value_log", "declared_value_fen"),
    MilliLog("mass_log", "mass_g"),
    MilliLog("_quantity_log", "_quantity"),
    MilliLog("_net_log", "_net_g"),
    MilliLog("_gross_log", "_gross_g"),
    Less("price_log", "value_log", "mass_log"),
    Less("unit_price_log", "value_log", "_quantity_log"),
    Less("gross_over_net_log", "_gross_log", "_net_log"),
)

DERIVED: dict[str, tuple[Derived, ...]] = {
    "declaration": _DECLARATION,
    "supervision": (Rank("level_rank", "level", LEVELS),),
}
"""What follows from the fields of a kind, each from those before it. An inspection has those of its declaration too."""


def view_of(kind: str, payload: Mapping[str, Any]) -> View:
    """The view of a payload.

    Arguments:
        kind: the record's kind.
        payload: its fields as stored.
    Returns:
        The fields and what follows from them: the match of documents flat, further coded facts (`traits`) as `trait_NAME`, and
        those of an inspected declaration beneath the inspection's own.
    """
    view = dict(payload)
    if "match" in view:
        view.update(features_of(view.pop("match")))
    for name, code in view.pop("traits", {}).items():
        view[f"trait_{name}"] = code
    for derived in DERIVED.get(kind, ()):
        value = derived.of(view)
        if value is not None:
            view[derived.name] = value
    view.pop("lines", None)
    facts = view.pop("facts", None)
    return view if facts is None else view_of("declaration", facts) | view
