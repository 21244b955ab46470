"""Random histories: records that arrive late, are corrected, deleted, expire and are repaired, with questions in between."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

from data.records import Record, make_record
from data.times import DAY, HOUR, OPEN, SECOND, midnight
from features.definitions import Feature, FeatureSet
from features.forms import DaysSince, Deviation, Number, Ratio, ZScore
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
            forms = {
                **{name: Number(measure) for name, measure in measures.items() if name != "since"},
                "ratio": Ratio(measures["hits"], measures["count"]), "deviation": deviation,
                "score": ZScore("price_log", deviation), "days": DaysSince(measures["since"]),
            }  # fmt: skip
            features += [Feature(f"{key.name}_{n}_{days}_{hours}", "shipment", f, "x", "x") for n, f in forms.items()]
    return tuple(features)


OPERATORS = FeatureSet("operators", "shipment", _all_operators())


@dataclass
class History:
    """Steps in the order of time: records as they become known, and questions asked; of one instant, records first."""

    steps: list[Record | Question] = field(default_factory=list)


declarations = st.fixed_dictionaries(
    {"declared_value_fen": st.sampled_from([0, 1, 500, 120_000])},
    optional={
        "hs_code": st.sampled_from(["8517120000", "2204210000"]), "origin": st.sampled_from(["JP", "FR"]),
        "buyer": st.sampled_from(["b1", "b2"]), "net_mass_g": st.sampled_from([1, 700, 90_000]),
        "gross_mass_g": st.sampled_from([2, 800]), "declarant": st.sampled_from(["d1", "d2"]),
        "platform": st.just("pf"), "seller": st.sampled_from(["s1", "s2"]), "consignee_address": st.sampled_from(["a1", "a2"]),
        "departure": st.sampled_from(["JP", "US"]), "tax_type": st.just("A"), "tax_rate_bp": st.sampled_from([0, 800]),
        "quantity": st.sampled_from([1, 30]), "waybill_no": st.sampled_from(["w1", "w2"]), "order_no": st.sampled_from(["o1", "o2"]),
        "traits": st.fixed_dictionaries({}, optional={"project": st.sampled_from(["p1", "p2"]), "brand": st.just("b")}),
    },
)  # fmt: skip


@st.composite
def payloads(draw: st.DrawFn, number: int) -> tuple[str, dict]:
    firm = draw(st.sampled_from(["f1", "f2"]))
    kind = draw(
        st.sampled_from(
            ["declaration"] * 4
            + ["supervision"] * 3
            + ["payment", "public_credit", "settlement", "identity", "waybill"]
        )
    )
    facts = {"declaration_no": f"n{number}", "enterprise": firm, **draw(declarations)}
    amounts = st.sampled_from([0, 7, 99_900])
    match kind:
        case "declaration":
            return kind, facts
        case "supervision":
            if draw(st.integers(0, 3)) == 0:
                return kind, {
                    "event": "statutory_level",
                    "enterprise": firm,
                    "level": draw(st.sampled_from(["certified", "dishonest"])),
                }
            finding = draw(st.sampled_from(["hit", "clean"]))
            return kind, {
                "event": "inspection",
                "enterprise": firm,
                "declaration_no": f"n{number}",
                "finding": finding,
                "facts": facts,
                "duty_recovered_fen": draw(amounts),
            }
        case "payment":
            return kind, {
                "payment_no": "p",
                "order_no": "o1",
                "enterprise": firm,
                "payment_firm": "pay",
                "paid_fen": draw(amounts),
                "payer": draw(st.sampled_from(["b1", "x"])),
            }
        case "public_credit":
            event = draw(st.sampled_from(["penalty", "award", "tax_arrears", "listing"]))
            return kind, {"enterprise": firm, "event": event, "authority": "a", "amount_fen": draw(amounts)}
        case "settlement":
            return kind, {
                "enterprise": firm,
                "subject": draw(st.sampled_from(["fx_settlement", "tax_rebate"])),
                "amount_fen": draw(amounts),
            }
        case "waybill":
            return kind, {
                "waybill_no": "w1",
                "order_no": "o1",
                "enterprise": firm,
                "logistics_firm": "l",
                "gross_mass_g": draw(amounts),
            }
        case _:
            return kind, {"enterprise": firm, "name": "n", "role": "ecommerce", "capital_fen": draw(amounts)}


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
