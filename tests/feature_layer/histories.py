"""Random histories: records that arrive late, are corrected, deleted, expire and are repaired, with questions in between."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

from data.records import Record, make_record
from data.times import DAY, HOUR, OPEN, SECOND, midnight
from features.definitions import Feature, FeatureSet
from features.forms import Change, DaysSince, DaysSinceDay, Deviation, Excess, FactAnd, Number, Ratio, ZScore
from features.measures import Key, Measure, Stream
from features.questions import Question
from features.views import view_of

START = midnight(20_000)
FIRM, GOODS = Key("firm", ("enterprise",)), Key("goods", ("hs6", "origin"))
DECLARED, HITS = Stream("declared", "declaration"), Stream("hits", "supervision", "finding", ("hit",))
PRICED = Stream("priced", "declaration", given="price_log")


def _all_operators() -> tuple[Feature, ...]:
    features = []
    for key in (FIRM, GOODS):
        for days, hours in ((1, None), (7, None), (None, 3), (None, None)):
            window = {"days": days, "hours": hours}
            measures = {
                "count": Measure("count", DECLARED, key, **window),
                "hits": Measure("count", HITS, key, **window),
                "sum": Measure("sum", DECLARED, key, "declared_value_fen", **window),
                "distinct": Measure("distinct", DECLARED, key, "buyer", **window),
                "latest": Measure("latest", DECLARED, key, "declared_value_fen", **window),
                "since": Measure("since", HITS, key, **window),
            }
            deviation = Deviation(
                Measure("count", PRICED, key, **window), Measure("sum", DECLARED, key, "price_log", **window),
                Measure("sum_of_squares", DECLARED, key, "price_log", **window), least=2,
            )  # fmt: skip
            share = Ratio(measures["hits"], measures["count"])
            forms = {
                **{name: Number(measure) for name, measure in measures.items() if name != "since"},
                "ratio": share, "deviation": deviation, "score": ZScore("price_log", deviation),
                "days": DaysSince(measures["since"]), "since_day": DaysSinceDay(measures["latest"]),
                "excess": Excess(measures["count"], measures["hits"]), "with_this": FactAnd(measures["sum"], "declared_value_fen"),
                "change": Change(share, Ratio(measures["sum"], measures["count"])),
            }  # fmt: skip
            features += [Feature(f"{key.name}_{n}_{days}_{hours}", "shipment", f, "x", "x") for n, f in forms.items()]
    return tuple(features)


OPERATORS = FeatureSet("operators", "shipment", _all_operators())


@dataclass
class History:
    """Steps in the order of time: records as they become known, and questions asked; of one instant, records first."""

    steps: list[Record | Question] = field(default_factory=list)


FIRMS = ("f1", "f2")
amounts = st.sampled_from([0, 7, 99_900])
masses = st.sampled_from([2, 800])
outcomes = st.sampled_from(["agree", "differ", "missing"])
owners = {"legal_person": st.sampled_from(["p1", "p2"]), "parent": st.sampled_from(["f1", "g"])}
"""What intake adds; both firms share persons and parents at times, and one is the other's parent."""
checks = st.fixed_dictionaries(
    {"order_known": outcomes},
    optional=dict.fromkeys(("waybill_joins", "export_waybill_repeat", "goods_value", "gross_mass", "line_names", "payer_is_buyer", "paid_equals_order", "consignee"), outcomes),
)  # fmt: skip
matches = st.builds(lambda found: {"outcomes": found}, checks)
declarations = st.fixed_dictionaries(
    {"declared_value_fen": st.sampled_from([0, 1, 500, 120_000, 460_000])},
    optional={
        "direction": st.sampled_from(["import", "export"]), "trade_mode": st.just("9610"),
        "hs_code": st.sampled_from(["8517120000", "2204210000"]), "origin": st.sampled_from(["JP", "FR"]),
        "buyer": st.sampled_from(["b1", "b2"]), "net_mass_g": st.sampled_from([1, 700, 90_000]),
        "buyer_name": st.sampled_from(["n1", "n2"]), "buyer_telephone": st.sampled_from(["t1", "t2"]),
        "consignee_telephone": st.sampled_from(["t1", "t3"]), "payer": st.sampled_from(["b1", "x"]),
        "gross_mass_g": masses, "declarant": st.sampled_from(["d1", "d2"]), "logistics_firm": st.sampled_from(["l1", "l2"]),
        "platform": st.sampled_from(["pf", "pg"]), "seller": st.sampled_from(["s1", "s2"]),
        "consignee_address": st.sampled_from(["a1", "a2"]), "customs_office": st.sampled_from(["7901", "7902"]),
        "port": st.sampled_from(["7901", "2201"]), "producer": st.sampled_from(["NO", "f1", "maker"]),
        "departure": st.sampled_from(["JP", "US"]), "tax_type": st.just("A"), "tax_rate_bp": st.sampled_from([0, 800]),
        "quantity": st.sampled_from([1, 30]), "waybill_no": st.sampled_from(["w1", "w2"]), "order_no": st.sampled_from(["o1", "o2"]),
        "freight_fen": st.sampled_from([0, 30_000]), "match": matches, **owners,
        "traits": st.fixed_dictionaries({}, optional={"project": st.sampled_from(["p1", "p2"]), "brand": st.just("b")}),
    },
)  # fmt: skip


def _with(fixed: dict[str, object], **optional: st.SearchStrategy) -> st.SearchStrategy[dict]:
    """A payload of fixed values and strategies; those of `optional` may be left out."""
    named = {name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in fixed.items()}
    return st.fixed_dictionaries(named, optional=optional)


def _payload(kind: str, firm: str, number: int) -> st.SearchStrategy[dict]:
    """Payloads of a kind, as far as features look at them."""
    of_firm, trade = {"enterprise": firm}, {"order_no": "o1", "enterprise": firm}
    match kind:
        case "order":
            return _with(trade | {"goods_value_fen": amounts, "total_fen": amounts}, discount_fen=amounts)
        case "payment":
            money = {"payment_no": "p", "payment_firm": "pay", "paid_fen": amounts}
            return _with(
                trade | money, payer=st.sampled_from(["b1", "x"]), direction=st.sampled_from(["import", "export"])
            )
        case "waybill":
            return _with(
                trade | {"waybill_no": st.sampled_from(["w1", "w2"]), "logistics_firm": "l1", "gross_mass_g": amounts}
            )
        case "tracking":
            event = st.sampled_from(["arrived", "departed", "signed"])
            return _with({"waybill_no": st.sampled_from(["w1", "w2"]), "logistics_firm": "l1", "event": event})
        case "list_status":
            return _with(of_firm | {"declaration_no": "n", "status": st.sampled_from(["100", "501", "800"])})
        case "cancellation":
            return _with(of_firm | {"declaration_no": "n"})
        case "return":
            return _with(of_firm | {"declaration_no": "n"}, platform=st.just("pf"))
        case "tax_bill":
            money = {"duty_fen": amounts, "vat_fen": amounts, "consumption_tax_fen": 0, "status": "1"}
            return _with(of_firm | {"tax_no": "t", "declaration_no": "n"} | money)
        case "match":
            return _with(of_firm | {"declaration_no": "n", "match": matches})
        case "public_credit":
            event = st.sampled_from(["penalty", "award", "permit", "tax_arrears", "listing", "court_judgment"])
            return _with(of_firm | {"event": event, "authority": "a"}, amount_fen=amounts, **owners)
        case "settlement":
            return _with(of_firm | {"subject": st.sampled_from(["fx_settlement", "tax_rebate"]), "amount_fen": amounts})
        case "identity":
            registered = st.sampled_from(["2024-09-30T23:30:00+00:00", "2024-10-01T09:00:00+08:00"])
            parents = st.sampled_from([[], ["f1"], ["g", "f2"]])
            return _with(
                {"enterprise": st.sampled_from([firm, "pf", "d1"]), "name": "n", "registered_on": registered,
                 "role": st.sampled_from(["ecommerce", "platform", "agent"])},
                capital_fen=amounts, closed_on=registered, legal_person=owners["legal_person"], parent_enterprises=parents,
            )  # fmt: skip
        case _:
            return _supervision(firm, number)


def _supervision(firm: str, number: int) -> st.SearchStrategy[dict]:
    inspected = {
        "event": "inspection", "enterprise": firm, "declaration_no": f"n{number}", "duty_recovered_fen": amounts,
        "finding": st.sampled_from(["hit", "clean"]), "facts": _declared(firm, number),
    }  # fmt: skip
    selected = st.sampled_from(["random", "rule:x"])
    level = {
        "event": "statutory_level",
        "enterprise": firm,
        "level": st.sampled_from(["certified", "dishonest", "seriously_dishonest"]),
    }
    other = {"event": st.sampled_from(["penalty", "audit"]), "enterprise": firm}
    return st.one_of(
        _with(inspected, selected_by=selected, violation=st.just("v"), **owners), _with(level, **owners),
        _with(other, fine_fen=amounts, **owners),
    )  # fmt: skip


def _declared(firm: str, number: int) -> st.SearchStrategy[dict]:
    return declarations.map(lambda found: {"declaration_no": f"n{number}", "enterprise": firm} | found)


KINDS = (
    *["declaration"] * 6, *["supervision"] * 4, "payment", "public_credit", "settlement", "identity", "identity", "waybill",
    "order", "tracking", "list_status", "cancellation", "return", "tax_bill", "match",
)  # fmt: skip


@st.composite
def payloads(draw: st.DrawFn, number: int) -> tuple[str, dict]:
    kind, firm = draw(st.sampled_from(KINDS)), draw(st.sampled_from(FIRMS))
    return kind, draw(_declared(firm, number) if kind == "declaration" else _payload(kind, firm, number))


gaps = st.sampled_from([0, 0, 1, 2, SECOND, HOUR, 3 * HOUR, DAY - 1, DAY, DAY + 1, 6 * DAY, 7 * DAY, 91 * DAY])


@st.composite
def histories(draw: st.DrawFn, most: int = 14) -> History:
    history, now, alive = History(), START, {}
    for number in range(draw(st.integers(2, most))):
        now += draw(gaps)
        choice = draw(st.integers(0, 9))
        if choice > 2 and history.steps and isinstance(history.steps[-1], Question):
            now = max(now, history.steps[-1].at + 1)  # within an instant records come before questions
        if choice <= 2:
            facts = {
                "declaration_no": "q",
                "enterprise": draw(st.sampled_from(["f1", "f2", "f3"])),
                **draw(declarations),
            }
            history.steps.append(Question(now, view_of("declaration", facts)))
        elif choice <= 4 and alive:
            guid = draw(st.sampled_from(sorted(alive)))
            kind, payload = alive[guid]
            action = draw(st.sampled_from(["change", "delete", "repair"]))
            if action == "change":
                payload = payload | ({"declared_value_fen": 77, "buyer": "b3"} if kind == "declaration" else {})
                alive[guid] = (kind, payload)
            else:
                payload = {}
                del alive[guid]
            history.steps.append(_record(draw, kind, guid, action, now, payload))
        else:
            kind, payload = draw(payloads(number))
            alive[f"g{number}"] = (kind, payload)
            history.steps.append(_record(draw, kind, f"g{number}", "new", now, payload))
    now += draw(gaps)
    for firm in ("f1", "f2"):
        facts = {"declaration_no": "q", "enterprise": firm, **draw(declarations)}
        history.steps.append(Question(now, view_of("declaration", facts)))
    return history


def _record(draw: st.DrawFn, kind: str, guid: str, action: str, now: int, payload: dict) -> Record:
    event_at = now - draw(st.sampled_from([0, 0, 0, 1, HOUR, DAY, 7 * DAY, -HOUR]))
    usable_until = draw(st.sampled_from([OPEN, OPEN, now + 1, now + DAY, midnight(20_003), midnight(20_007)]))
    return make_record(
        kind=kind, guid=guid, source="s", action=action, event_at=event_at, known_at=now,
        usable_until=usable_until, payload=payload,
    )  # fmt: skip
