"""Trades for the tests of matching: faithful ones, single corruptions of them, and any payloads that are valid by their types."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hypothesis import strategies as st

from data.matching import Match, limits_at, match
from data.payloads import PAYLOADS

Json = dict[str, Any]
TODAY = date(2026, 5, 1)
_NAMES = ["Milk powder 900 g", "护手霜", "Vitamin C", "ＣＯＦＦＥＥ beans", "白酒 500ml"]


def pseudonym(letter: str, key: str = "k1") -> str:
    return f"~{key}~{letter * 22}"


@dataclass
class Papers:
    """The documents of a trade and what else matching is told."""

    declaration: Json
    order: Json | None
    payments: list[Json]
    waybill: Json | None
    told: Json = field(default_factory=dict)

    def match(self, on: date = TODAY) -> Match:
        return match(
            self.declaration, self.order, self.payments, self.waybill, on=on, limits=limits_at(on), **self.told
        )

    def copy(self) -> "Papers":
        return copy.deepcopy(self)


def outcomes(found: Match) -> dict[str, str]:
    return {result.check.code: result.outcome for result in found.results}


def differing(found: Match) -> set[str]:
    return {code for code, outcome in outcomes(found).items() if outcome == "differ"}


def _total(price_millifen: int, quantity_e5: int) -> int:
    return round(price_millifen * quantity_e5 / 10**8)


def _stored(kind: str, raw: Json) -> Json:
    return PAYLOADS[kind].model_validate(raw).model_dump(mode="json", exclude_none=True)


@st.composite
def faithful(draw: st.DrawFn, direction: str = "import", mode: str = "9610") -> Papers:
    """A trade whose documents agree, within all limits; paid in up to three payments."""
    numbers = draw(st.lists(st.integers(1, 50), min_size=1, max_size=4, unique=True))
    lines = [
        {
            "number": number, "name": draw(st.sampled_from(_NAMES)), "price_millifen": price, "quantity_e5": quantity,
            "total_fen": _total(price, quantity),
        }
        for number in numbers
        for price in [draw(st.integers(10**5, 2 * 10**7))]
        for quantity in [draw(st.integers(1, 5)) * draw(st.sampled_from([50_000, 100_000]))]
    ]  # fmt: skip
    value = sum(line["total_fen"] for line in lines)
    freight, tax, discount = (draw(st.integers(0, most)) for most in (20_000, 20_000, min(value, 500)))
    gross = draw(st.integers(100, 10**6))
    person, place, phone, name = (pseudonym(letter) for letter in "abcd")
    total = value + freight + tax - discount
    people = {"consignee": name, "consignee_telephone": phone, "consignee_address": place}
    ways = {
        "direction": direction,
        "currency": draw(st.sampled_from(["142"] if direction == "import" else ["142", "502"])),
    }
    declaration = {
        "declaration_no": "n1", "enterprise": "firm", "platform": "shop", "logistics_firm": "carrier", "order_no": "o1",
        "waybill_no": "w1", "declared_value_fen": value, "gross_mass_g": gross, "net_mass_g": draw(st.integers(0, gross)),
        "lines": lines, **ways, **({"trade_mode": mode} if mode else {}),
    }  # fmt: skip
    order = {
        "order_no": "o1", "enterprise": "firm", "platform": "shop", "total_fen": total, "goods_value_fen": value,
        "freight_fen": freight, "discount_fen": discount, "tax_fen": tax, "lines": lines[::-1], **ways,
    }  # fmt: skip
    waybill = {"waybill_no": "w1", "logistics_firm": "carrier", "gross_mass_g": gross, "direction": direction}
    if draw(st.booleans()):
        waybill["order_no"] = "o1"
    payer: Json = {}
    if direction == "import":
        declaration |= {"buyer": person, "consignee_address": place}
        order |= {"buyer": person, **people}
        waybill |= people
        payer = {"payer": person}
    cuts = sorted(draw(st.lists(st.integers(0, total), max_size=2)))
    payments = [
        {
            "payment_no": f"p{place}", "order_no": "o1", "payment_firm": "bank", "paid_fen": end - begin, **payer, **ways,
            **draw(st.sampled_from([{}, {"platform": "shop"}])),
        }
        for place, (begin, end) in enumerate(zip([0, *cuts], [*cuts, total], strict=True))
    ]  # fmt: skip
    told = {"buyer_year_fen": draw(st.integers(0, 2_000_000))} if direction == "import" else {"earlier_waybill_uses": 0}
    return Papers(
        _stored("declaration", declaration), _stored("order", order), [_stored("payment", p) for p in payments],
        _stored("waybill", waybill), told,
    )  # fmt: skip


# --- corruptions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Corruption:
    """One thing gone wrong, and the checks that should see it."""

    name: str
    seen_by: frozenset[str]
    apply: Callable[[Papers], None]

    def of(self, papers: Papers) -> Papers:
        wrong = papers.copy()
        self.apply(wrong)
        return wrong


def _sets(path: str, change: Callable[[Any], Any] | Any, *seen_by: str) -> Corruption:
    *way, last = path.split(".")

    def apply(papers: Papers) -> None:
        target: Any = papers
        for step in way:
            target = target[int(step)] if step.isdigit() else getattr(target, step, None) or target[step]
        target[last] = change(target.get(last)) if callable(change) else change

    text = path if callable(change) else f"{path}={change}"
    return Corruption(text, frozenset(seen_by), apply)


def _plus(amount: int) -> Callable[[int | None], int]:
    return lambda value: (value or 0) + amount


def _other_order(papers: Papers) -> None:
    assert papers.order is not None
    assert papers.waybill is not None
    papers.order["order_no"], papers.waybill["order_no"] = "o2", "o1"


def _line_twice(papers: Papers) -> None:
    papers.declaration["lines"] += [dict(papers.declaration["lines"][0], total_fen=0, price_millifen=0)]


def _line_twice_in_the_order(papers: Papers) -> None:
    assert papers.order is not None
    papers.order["lines"] += [dict(papers.order["lines"][0])]


_OTHER = pseudonym("z")
CORRUPTIONS = (
    _sets("declaration.order_no", "o2", "order_joins"),
    Corruption("order.order_no", frozenset({"order_joins", "waybill_joins"}), _other_order),
    _sets("payments.0.order_no", "o2", "order_joins"),
    _sets("declaration.platform", "mall", "order_joins"),
    _sets("order.platform", "mall", "order_joins"),
    _sets("payments.0.platform", "mall", "order_joins"),
    _sets("declaration.waybill_no", "w2", "waybill_joins"),
    _sets("waybill.waybill_no", "w2", "waybill_joins"),
    _sets("declaration.logistics_firm", "post", "waybill_joins"),
    _sets("waybill.logistics_firm", "post", "waybill_joins"),
    _sets("waybill.order_no", "o2", "waybill_joins"),
    _sets("declaration.enterprise", "front", "enterprise_joins"),
    _sets("order.enterprise", "front", "enterprise_joins"),
    _sets("declaration.currency", "502", "currency"),
    _sets("order.currency", "502", "currency"),
    _sets("payments.0.currency", "502", "currency"),
    _sets("payments.0.paid_fen", _plus(2), "paid_equals_order"),
    _sets("order.total_fen", _plus(2), "paid_equals_order", "order_total"),
    _sets("order.freight_fen", _plus(2), "order_total"),
    _sets("order.tax_fen", _plus(2), "order_total"),
    _sets("order.discount_fen", _plus(2), "order_total"),
    _sets("order.goods_value_fen", _plus(2), "order_total", "goods_value"),
    _sets("order.consignee", _OTHER, "consignee"),
    _sets("waybill.consignee", _OTHER, "consignee"),
    _sets("order.consignee_telephone", _OTHER, "consignee_telephone"),
    _sets("waybill.consignee_telephone", _OTHER, "consignee_telephone"),
    _sets("order.consignee_address", _OTHER, "consignee_address"),
    _sets("waybill.consignee_address", _OTHER, "consignee_address"),
    _sets("declaration.buyer", _OTHER, "buyer_list_order"),
    _sets("order.buyer", _OTHER, "buyer_list_order", "payer_is_buyer"),
    _sets("payments.0.payer", _OTHER, "payer_is_buyer"),
    _sets("declaration.lines.0.number", 99, "lines_map"),
    _sets("order.lines.0.number", 99, "lines_map"),
    Corruption("a line twice in the list", frozenset({"lines_map"}), _line_twice),
    Corruption("a line twice in the order", frozenset({"lines_map"}), _line_twice_in_the_order),
    _sets("declaration.lines.0.name", "Ωmega≠", "line_names"),
    _sets("order.lines.0.name", "Ωmega≠", "line_names"),
    _sets("declaration.lines.0.price_millifen", _plus(10**7), "line_totals"),
    _sets("declaration.lines.0.total_fen", _plus(5), "line_totals", "lines_value"),
    _sets("declaration.declared_value_fen", _plus(5), "lines_value", "goods_value"),
    _sets("declaration.gross_mass_g", lambda value: 2 * value, "gross_mass"),
    _sets("waybill.gross_mass_g", lambda value: 2 * value, "gross_mass"),
    _sets("declaration.net_mass_g", 10**7, "net_within_gross"),
    _sets("declaration.freight_fen", 2_600_001, "retail_transaction_limit", "annual_limit"),
    _sets("declaration.insurance_fen", 2_600_001, "retail_transaction_limit", "annual_limit"),
    _sets("told.buyer_year_fen", 2_600_000, "annual_limit"),
)
EXPORT_CORRUPTIONS = (
    _sets("told.earlier_waybill_uses", 1, "export_waybill_repeat"),
    _sets("payments.0.paid_fen", _plus(2), "paid_equals_order"),
    _sets("declaration.declared_value_fen", _plus(5), "lines_value", "goods_value"),
    _sets("waybill.gross_mass_g", lambda value: 2 * value, "gross_mass"),
)

# --- any payloads ----------------------------------------------------------------------------------------------------

_PERSON = st.sampled_from([pseudonym("a"), pseudonym("b"), pseudonym("a", "k2")])
_AMOUNT = st.sampled_from([0, 1, 2, 499_999, 500_001, 10**15]) | st.integers(0, 10**15)
_LINE: dict[str, st.SearchStrategy[Any]] = {
    "number": st.integers(0, 3), "quantity_e5": st.sampled_from([0, 100_000]) | _AMOUNT,
}  # fmt: skip
_LINE_MORE: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["a", "A ", "ab", "ﷺ", "ß"]), "price_millifen": _AMOUNT, "total_fen": _AMOUNT,
    "currency": st.sampled_from(["142", "502"]),
}  # fmt: skip
_LINES = st.lists(st.fixed_dictionaries(_LINE, optional=_LINE_MORE), max_size=3)
_SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "direction": st.sampled_from(["import", "export"]), "lines": _LINES, "currency": st.sampled_from(["142", "502"]),
    "trade_mode": st.sampled_from(["9610", "1210", "1239", "9710", "9810", "0110", "x"]), "traits": st.just({"a": "b"}),
    "hs_code": st.just("0402"), "quantity": st.integers(0, 3),
    **dict.fromkeys(("buyer", "payer", "consignee", "consignee_telephone", "consignee_address"), _PERSON),
    **dict.fromkeys(("buyer_name", "buyer_telephone", "payer_name", "payer_telephone"), _PERSON),
}  # fmt: skip


def any_payload(kind: str) -> st.SearchStrategy[Json]:
    """Any stored payload of a kind: what its type accepts, with few values so that they often meet."""
    required, more = {}, {}
    for name, about in PAYLOADS[kind].model_fields.items():
        numbers = name.endswith(("_fen", "_g", "_bp")) or name == "pieces"
        strategy = _SPECIAL.get(name, _AMOUNT if numbers else st.sampled_from(["x1", "x2"]))
        (required if about.is_required() else more)[name] = strategy
    return st.fixed_dictionaries(required, optional=more).map(lambda raw: _stored(kind, raw))


any_papers = st.builds(
    Papers, any_payload("declaration"), st.none() | any_payload("order"), st.lists(any_payload("payment"), max_size=3),
    st.none() | any_payload("waybill"),
    st.fixed_dictionaries({}, optional={"buyer_year_fen": _AMOUNT, "earlier_waybill_uses": st.integers(0, 3)}),
)  # fmt: skip
