"""The flat view of a record: its fields by name and what follows from them, for keys, streams and facts alike.

What follows is declared once in `DERIVED` and computed in two ways: here for one record, in `features.columns` for many.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data.matching import features_of
from data.matching.limits import shipped_limits
from data.times import day_of, to_instant
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
        single = (getattr(self, role, None) for role in ("field", "left", "right", "part", "whole", "by"))
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


@dataclass(frozen=True, slots=True)
class Equals(Derived):
    """1 where a code is a certain one, else 0; None where it is not given."""

    name: str
    field: str
    code: str

    def of(self, view: Mapping[str, Any]) -> int | None:
        value = view.get(self.field)
        return None if value is None else int(value == self.code)


@dataclass(frozen=True, slots=True)
class Unless(Derived):
    """A code, unless it is a certain one that says that there is none."""

    name: str
    field: str
    code: str

    def of(self, view: Mapping[str, Any]) -> str | None:
        value = view.get(self.field)
        return None if value is None or value == self.code else str(value)


@dataclass(frozen=True, slots=True)
class Only(Derived):
    """A field where another one has a certain code, so that keys and streams find it under a name of its own."""

    name: str
    field: str
    by: str
    code: str

    def of(self, view: Mapping[str, Any]) -> int | str | None:
        return view.get(self.field) if view.get(self.by) == self.code else None


@dataclass(frozen=True, slots=True)
class WhereGiven(Derived):
    """One code where a field is given, another one where it is not."""

    name: str
    field: str
    given: str
    lacking: str

    def of(self, view: Mapping[str, Any]) -> str:
        return self.lacking if view.get(self.field) is None else self.given


@dataclass(frozen=True, slots=True)
class First(Derived):
    """The first item of a list of codes."""

    name: str
    field: str

    def of(self, view: Mapping[str, Any]) -> str | None:
        items = view.get(self.field)
        return items[0] if items else None


@dataclass(frozen=True, slots=True)
class Sum(Derived):
    """The sum of those of some integers that are given; None where none is."""

    name: str
    fields: tuple[str, ...]

    def of(self, view: Mapping[str, Any]) -> int | None:
        given = [value for field in self.fields if (value := view.get(field)) is not None]
        return sum(given) if given else None


@dataclass(frozen=True, slots=True)
class IsMultiple(Derived):
    """1 where an integer above 0 is a whole multiple of a step, else 0; None where it is not given."""

    name: str
    field: str
    step: int

    def of(self, view: Mapping[str, Any]) -> int | None:
        value = view.get(self.field)
        return None if value is None else int(value > 0 and value % self.step == 0)


@dataclass(frozen=True, slots=True)
class ChinaDay(Derived):
    """The day in China (days since 1970) of a moment, given as ISO 8601 with its offset."""

    name: str
    field: str

    def of(self, view: Mapping[str, Any]) -> int | None:
        moment = view.get(self.field)
        return None if moment is None else china_day(moment)


def china_day(moment: str) -> int:
    """The day in China of a moment in ISO 8601 with its offset."""
    return day_of(to_instant(datetime.fromisoformat(moment)))


NO_PRODUCER = "NO"
"""What an export list states as the producer's code where the producer is not registered (ownerCode)."""
_LIMIT_FEN = shipped_limits().periods[-1].retail_transaction_fen
_ROUND_FEN = 5_000
"""A value of whole fifties of yuan is round: prices with freight and discount seldom are."""
_GROUP = FirstOf("group_head", ("parent", "enterprise"))
"""The firm at the head of a group: the parent, or a firm without one."""

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
    Less("unit_mass_log", "mass_log", "_quantity_log"),
    Sum("_dutiable_fen", ("declared_value_fen", "freight_fen", "insurance_fen")),
    Only("_retail_fen", "_dutiable_fen", "direction", "import"),
    Within("near_limit", "_retail_fen", _LIMIT_FEN * 9 // 10, _LIMIT_FEN),
    IsMultiple("round_value", "declared_value_fen", _ROUND_FEN),
    Equals("producer_unknown", "producer", NO_PRODUCER),
    Unless("registered_producer", "producer", NO_PRODUCER),
    Differs("producer_is_other", "registered_producer", "enterprise"),
    FirstOf("telephone", ("consignee_telephone", "buyer_telephone")),
    _GROUP,
)

DERIVED: dict[str, tuple[Derived, ...]] = {
    "identity": (
        First("parent", "parent_enterprises"),
        _GROUP,
        ChinaDay("registered_day", "registered_on"),
        WhereGiven("business", "closed_on", "closed", "open"),
        Only("platform", "enterprise", "role", "platform"),
    ),
    "declaration": _DECLARATION,
    "tax_bill": (Sum("tax_fen", ("duty_fen", "vat_fen", "consumption_tax_fen")),),
    "supervision": (Rank("level_rank", "level", LEVELS), Equals("is_hit", "finding", "hit"), _GROUP),
    "public_credit": (_GROUP,),
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
