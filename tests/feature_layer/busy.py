"""Long histories from a seed: few firms, persons and goods, so that every feature of the catalogue has something to say.

The histories of `histories` are short and shrink well; these are dense, so that no feature is compared only where it is missing.
"""

from random import Random
from typing import Any

from data.matching import BY_CODE
from data.records import Record, make_record
from data.times import DAY, HOUR, OPEN, midnight
from features.questions import Question
from features.views import LEVELS, view_of
from tests.feature_layer.histories import History

START = midnight(20_400)
_FIRMS, _PERSONS = ("f1", "f2", "f3"), ("p1", "p2")
_CREDIT = ("permit", "award", "penalty", "court_judgment", "tax_arrears", "abnormal_operation", "listing")
_GAPS = {"paid_equals_order": "paid", "goods_value": "value", "gross_mass": "mass"}


class Draw:
    """Payloads drawn from small pools."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def one(self, *options: Any) -> Any:
        return self.random.choice(options)

    def often(self, **fields: Any) -> dict[str, Any]:
        """Each field, but for one time in six."""
        return {name: value for name, value in fields.items() if self.random.random() > 1 / 6}

    def owners(self) -> dict[str, Any]:
        return self.often(legal_person=self.one(*_PERSONS), parent=self.one("f1", "head"))

    def match(self) -> dict[str, Any]:
        outcomes = {code: self.one("agree", "agree", "differ", "missing") for code in BY_CODE}
        gaps = {code: self.random.randrange(-300, 300) for code in _GAPS if outcomes[code] == "differ"}
        return {"outcomes": outcomes, "differences": gaps}

    def declaration(self) -> dict[str, Any]:
        one, net = self.one, self.random.randrange(100, 900)
        return {
            "declaration_no": "n", "enterprise": one(*_FIRMS), "direction": one("import", "export"),
            "declared_value_fen": one(self.random.randrange(900, 90_000), 10_000, 470_000),
        } | self.often(
            trade_mode=one("9610", "1210"), transport_mode=one("4", "5"), platform=one("pf", "pg"), declarant=one("d1", "d2"),
            logistics_firm=one("l1", "l2"), hs_code=one("8517120000", "2204210000"), origin=one("JP", "FR"),
            departure=one("JP", "US"), customs_office=one("7901", "7902"), port=one("7901", "2201"), buyer=one("b1", "b2"),
            buyer_name=one("n1", "n2"), buyer_telephone=one("t1", "t2"), consignee_telephone=one("t1", "t3"), payer=one("b1", "x"),
            consignee_address=one("a1", "a2"), producer=one("NO", "f1", "maker"), waybill_no=one("w1", "w2"), seller=one("s1", "s2"),
            quantity=self.random.randrange(1, 5), net_mass_g=net, gross_mass_g=net + self.random.randrange(90),
            tax_type="A", tax_rate_bp=one(0, 800), match=self.match(), traits={"project": one("p1", "p2")}, **self.owners(),
        )  # fmt: skip

    def supervision(self) -> dict[str, Any]:
        one, firm = self.one, {"enterprise": self.one(*_FIRMS)} | self.owners()
        event = one("inspection", "inspection", "inspection", "statutory_level", "penalty", "audit")
        if event == "inspection":
            finding = {
                "finding": one("hit", "clean"),
                "selected_by": one("random", "rule:x"),
                "duty_recovered_fen": one(0, 70),
            }
            return firm | finding | {"event": event, "declaration_no": "n", "facts": self.declaration()}
        return (
            firm
            | {"event": event}
            | ({"level": one(*LEVELS)} if event == "statutory_level" else {"fine_fen": one(3, 9)})
        )

    def identity(self) -> dict[str, Any]:
        enterprise = self.one(*_FIRMS, "pf", "pg")
        head = {"enterprise": enterprise, "name": "n", "role": "platform" if enterprise[0] == "p" else "ecommerce"}
        parents = self.one([], ["f1"], ["head", "f2"])
        return head | self.often(
            registered_on=self.one("2024-09-30T23:30:00+00:00", "2025-10-01T09:00:00+08:00"), capital_fen=self.one(10**6, 10**8),
            legal_person=self.one(*_PERSONS), parent_enterprises=parents,
        ) | self.one({}, {}, {"closed_on": "2025-11-01T00:00:00+08:00"})  # fmt: skip

    def payload(self, kind: str) -> dict[str, Any]:
        one, number = self.one, self.random.randrange(1, 90_000)
        firm = {"enterprise": one(*_FIRMS)}
        match kind:
            case "declaration":
                return self.declaration()
            case "supervision":
                return self.supervision()
            case "identity":
                return self.identity()
            case "order":
                return (
                    firm
                    | {"order_no": "o", "goods_value_fen": number, "total_fen": number}
                    | self.often(discount_fen=9)
                )
            case "payment":
                paid = {
                    "payment_no": "y",
                    "order_no": "o",
                    "platform": one("pf", "pg"),
                    "direction": one("import", "export"),
                }
                return firm | paid | {"paid_fen": number} | self.often(payer=one("b1", "x"))
            case "waybill":
                return firm | {"waybill_no": one("w1", "w2"), "gross_mass_g": number}
            case "tracking":
                return {"waybill_no": one("w1", "w2"), "event": one("arrived", "departed", "signed")}
            case "list_status":
                return firm | {"declaration_no": "n", "status": one("100", "800")}
            case "cancellation":
                return firm | {"declaration_no": "n"}
            case "return":
                return firm | {"declaration_no": "n", "platform": one("pf", "pg")}
            case "tax_bill":
                return firm | {
                    "declaration_no": "n",
                    "duty_fen": 0,
                    "vat_fen": number,
                    "consumption_tax_fen": one(0, 5),
                }
            case "match":
                return firm | {"declaration_no": "n", "match": self.match()}
            case "public_credit":
                return firm | {"event": one(*_CREDIT), "authority": "a", "amount_fen": number} | self.owners()
            case _:
                return firm | {"subject": one("fx_settlement", "tax_rebate"), "amount_fen": number}


KINDS = (
    *["declaration"] * 9, *["supervision"] * 6, *["payment"] * 2, *["public_credit"] * 3, *["settlement"] * 2, *["identity"] * 3,
    "waybill", "order", "order", "tracking", "list_status", "cancellation", "return", "tax_bill", "match",
)  # fmt: skip


def busy_history(seed: int, records: int = 400, questions: int = 30) -> History:
    """A history of some 120 days with late records, corrections, deletions, repairs, records that lapse, and questions."""
    draw, history, now = Draw(seed), History(), START
    alive: dict[str, tuple[str, dict[str, Any]]] = {}
    asks = set(draw.random.sample(range(records // 20, records), questions))
    for number in range(records):
        now += draw.one(1, HOUR, 6 * HOUR, 9 * HOUR, 20 * HOUR)
        if number in asks:
            history.steps.append(Question(now, view_of("declaration", draw.declaration())))
            now += 1
        guid, kind, action = f"g{number}", draw.one(*KINDS), "new"
        payload = draw.payload(kind)
        if alive and draw.random.random() < 1 / 8:
            guid = draw.one(*sorted(alive))
            kind, _ = alive.pop(guid)
            action = draw.one("change", "delete", "repair")
            payload = draw.payload(kind) if action == "change" else {}
        if action in ("new", "change"):
            alive[guid] = (kind, payload)
        history.steps.append(_record(draw, kind, guid, action, now, payload))
    return history


def _record(draw: Draw, kind: str, guid: str, action: Any, now: int, payload: dict[str, Any]) -> Record:
    event_at = now - draw.one(0, 0, 1, HOUR, DAY, 7 * DAY)
    usable_until = draw.one(OPEN, OPEN, OPEN, OPEN, OPEN, now + DAY, now + 9 * DAY)
    return make_record(
        kind=kind, guid=guid, source="s", action=action, event_at=event_at, known_at=now, usable_until=usable_until, payload=payload
    )  # fmt: skip
