"""What other registers know of firms: registration and its end, public credit with repair, settlements and rebates."""

from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.layout import schema_of
from data.simulator import people
from data.simulator.columns import chosen, dates, months, numbers, only, pool, same, text
from data.simulator.draws import MINUTE, Bools, Floats, Ints, choose_one, generator, minutes_between
from data.simulator.laws import Pair
from data.simulator.scene import Scene
from data.simulator.schemes import NAMES
from data.simulator.sheets import CHANGE, NEW, REPAIR, Columns, Sheet
from data.times import DAY, HOUR, OPEN, SECOND, midnight

_SEVERITIES = ("minor", "general", "serious")
_AUTHORITIES = {
    "permit": "泸州市市场监督管理局",
    "award": "泸州市商务局",
    "penalty": "泸州市市场监督管理局",
    "tax_arrears": "国家税务总局泸州市税务局",
    "court_judgment": "泸州市中级人民法院",
    "abnormal_operation": "泸州市市场监督管理局",
}
_SANCTIONS = ("penalty", "tax_arrears", "court_judgment", "abnormal_operation")
_PERSONS_OF_SERVICES = 900_000_000
"""Legal persons of service firms are numbered from here."""
_OWNERS = 800_000_000
"""Legal persons and shareholders of e-commerce firms are numbered from here, apart from all buyers."""


def register_sheets(scene: Scene) -> list[Sheet]:
    """Records of firms from other registers than customs."""
    return [*_identities(scene), *_credit(scene), *_settlements(scene)]


def _identities(scene: Scene) -> list[Sheet]:
    """Registration of every enterprise of every role, and a change of it where a firm closes down."""
    life, rng = scene.life, generator(scene.parameters.seed, "identities")
    firms = np.flatnonzero(life.registered_at >= 0)
    known_at = life.registered_at + minutes_between(rng, (0.5, 70), len(life.registered_at))
    closed = firms[life.closed_at[firms] < OPEN]
    closing_at = life.closed_at[closed]
    version = np.r_[np.full(len(firms), NEW), np.full(len(closed), CHANGE)]
    own = Sheet(
        "identity", "registry", np.r_[firms, closed], np.r_[life.registered_at[firms], closing_at],
        np.r_[known_at[firms], closing_at + minutes_between(rng, (2, 90), len(closed))],
        lambda of, version: _firms(scene, of, version), version,
    )  # fmt: skip
    sheets = [own]
    for role, services in scene.services.items():
        size = len(services.code)
        number = np.arange(size)
        known = services.registered_at + minutes_between(rng, (0.5, 70), size)
        sheets.append(
            Sheet(
                "identity",
                "registry",
                number,
                services.registered_at,
                known,
                partial(_service_firms, scene, role),
            )
        )
    return sheets


def _firms(scene: Scene, of: Ints, version: Ints) -> Columns:
    firms, life = scene.firms, scene.life
    owner = life.run_by[of]
    held = firms.shareholders[owner]
    persons = people.identity_numbers(_OWNERS + np.maximum(held, 0).ravel())
    parents = firms.parent[of]
    kinds = schema_of("identity")
    shareholders = pa.ListArray.from_arrays(
        pa.array(np.r_[0, np.cumsum((held >= 0).sum(axis=1))].astype(np.int32)),
        pc.filter(persons, pa.array(held.ravel() >= 0)),
    )
    owned = parents >= 0
    parent = pa.ListArray.from_arrays(
        pa.array(np.r_[0, np.cumsum(owned)].astype(np.int32)), pool(firms.code[parents[owned]])
    )
    closing = np.where(version == CHANGE, life.closed_at[of], 0)
    return {
        "guid": scene.guid("identity", b"ide-", of), "enterprise": scene.enterprise(of),
        "name": chosen(pool(firms.name), of), "role": same("ecommerce", len(of)),
        "registered_on": pa.array(dates(life.registered_at[of])),
        "closed_on": only(pa.array(dates(closing)), version == CHANGE),
        "customs_code": text(len(of), b"5105", (of, 6)),
        "district": chosen(pool(scene.parameters.districts), firms.district[of]),
        "capital_fen": numbers(firms.capital_fen[of]),
        "legal_person": people.identity_numbers(_OWNERS + firms.legal_person[owner]),
        "shareholders": shareholders.cast(kinds.field("shareholders").type),
        "parent_enterprises": parent.cast(kinds.field("parent_enterprises").type),
    }  # fmt: skip


def _service_firms(scene: Scene, role: str, of: Ints, _version: Ints) -> Columns:
    services = scene.services[role]
    number = of + 1_000 * list(scene.services).index(role)
    return {
        "guid": scene.guid(f"identity {role}", b"ide-", of), "enterprise": scene.service(role, of),
        "name": chosen(pool(services.name), of), "role": same(role, len(of)),
        "registered_on": pa.array(dates(services.registered_at[of])),
        "customs_code": text(len(of), b"5106", (number, 6)),
        "district": chosen(pool(scene.parameters.districts), of % len(scene.parameters.districts)),
        "capital_fen": numbers((2 + (48 * scene.draw(f"capital {role}", of)).astype(np.int64)) * 100_000_000),
        "legal_person": people.identity_numbers(_PERSONS_OF_SERVICES + number),
    }  # fmt: skip


def _credit(scene: Scene) -> list[Sheet]:
    """Events on the public credit platform, and the repair of some sanctions."""
    law = scene.parameters.credit
    always: dict[str, Pair] = {"permit": (law.permit, law.permit), "award": (law.award, 0.0)}
    sheets = [_events(scene, name, rates)[0] for name, rates in always.items()]
    for name in _SANCTIONS:
        sheets += _events(scene, name, getattr(law, name))
    return sheets


def _events(scene: Scene, event: str, rates: Pair) -> list[Sheet]:
    """Events of one sort: a Poisson number a firm, at a rate between that of an honest and of a dishonest firm.

    Returns:
        The events; and for sanctions the repair of some, while the law still allows their use.
    """
    parameters, life = scene.parameters, scene.life
    rng, law = generator(parameters.seed, f"credit {event}"), parameters.credit
    firms = np.flatnonzero(life.registered_at >= 0)
    since = np.maximum(life.registered_at[firms] + 5 * DAY, parameters.start - law.history_days * DAY)
    span = np.maximum(np.minimum(parameters.end, life.closed_at[firms]) - since, 0)
    honesty = scene.firms.honesty[life.run_by[firms]]
    rate: Floats = rates[0] + (rates[1] - rates[0]) * (1.0 - honesty)
    which = np.repeat(np.arange(len(firms)), rng.poisson(rate * span / (365 * DAY)))
    size, is_sanction = len(which), event in _SANCTIONS
    event_at = since[which] + (rng.random(size) * span[which]).astype(np.int64) // MINUTE * MINUTE
    known_at = event_at + minutes_between(rng, (law.known_days[0] * 24, law.known_days[1] * 24), size)
    severity = choose_one(rng, np.array(law.severity), size)
    amount = np.exp(rng.normal(12.5 + severity, 1.0, size)).astype(np.int64)
    # Use by law counts from the decision, also where the record reaches us later.
    until = event_at + np.array(law.usable_days)[severity] * DAY if is_sanction else None

    def content(of: Ints, version: Ints) -> Columns:
        columns = {"guid": scene.guid(f"credit {event}", b"pub-", of)}
        if len(version) and version[0] == REPAIR:
            return columns
        columns |= {
            "enterprise": scene.enterprise(firms[which[of]]), "event": same(event, len(of)),
            "authority": same(_AUTHORITIES[event], len(of)),
            "document_no": text(len(of), event[:3].upper().encode(), (of, 7)),
            "severity": chosen(pool(_SEVERITIES), severity[of] if is_sanction else np.ones(len(of))),
        }  # fmt: skip
        return columns | ({"amount_fen": numbers(amount[of])} if is_sanction else {})

    sheet = Sheet("public_credit", "credit_platform", np.arange(size), event_at, known_at, content, NEW, until)
    if until is None:
        return [sheet]
    repaired_at = known_at + minutes_between(rng, (24 * 45, 24 * 260), size)
    keep = np.flatnonzero((rng.random(size) < law.repair_share) & (repaired_at < until))
    at = repaired_at[keep]
    repairs = Sheet(
        "public_credit", "credit_platform", keep, at, at + minutes_between(rng, (2, 120), len(keep)), content, REPAIR
    )
    return [sheet, repairs]


def _settlements(scene: Scene) -> list[Sheet]:
    """Monthly settlements of what was truly sold, where no scheme bends them; rebates of the declared exports."""
    rng, trades, life = generator(scene.parameters.seed, "settlements"), scene.trades, scene.life
    of = scene.happened
    month = months(trades.declared_at[of])
    bounds = np.array([*(scene.parameters.schemes[name].settled for name in NAMES), (1.0, 1.0)])
    low, high = bounds[life.scheme[of]].T
    settled = trades.value_fen[of] * (low + (high - low) * scene.draw("settled", of))
    firm, of_month, amount = _monthly(life.firm[of], month, settled)
    gap = scene.parameters.settlement.gap
    honesty = scene.firms.honesty[life.run_by[firm]]
    spread = gap[0] + (gap[1] - gap[0]) * (1.0 - honesty)
    amount = amount * np.exp(spread * rng.standard_normal(len(firm)))
    is_export: Bools = trades.is_export[of]
    exported = scene.papers.value[of] * scene.parameters.settlement.rebate_bp / 10_000
    claim = _monthly(life.firm[of][is_export], month[is_export], exported[is_export])
    return [
        _funds(scene, "fx_settlement", "safe", firm, of_month, amount, (2.0, 12.0)),
        _funds(scene, "tax_rebate", "tax", *claim, scene.parameters.settlement.rebate_days),
    ]


def _monthly(firm: Ints, month: Ints, value: Floats) -> tuple[Ints, Ints, Floats]:
    """Sums by firm and month: firm, month (months since 1970) and sum of each."""
    names, inverse = np.unique(firm.astype(np.int64) * 100_000 + month, return_inverse=True)
    sums: Floats = np.bincount(inverse, value, len(names)).astype(np.float64)
    return names // 100_000, names % 100_000, sums


def _funds(
    scene: Scene, subject: str, source: str, firm: Ints, month: Ints, amount: Floats, days: tuple[float, float]
) -> Sheet:
    rng, size = generator(scene.parameters.seed, subject), len(firm)
    first_day = (month + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    after = rng.uniform(days[0], days[1], size).astype(np.int64)
    event_at = midnight(0) + (first_day + after) * DAY + rng.integers(9 * 60, 17 * 60, size=size) * MINUTE
    known_at = event_at + (HOUR * rng.uniform(2, 96, size)).astype(np.int64) // SECOND * SECOND

    def content(of: Ints, _version: Ints) -> Columns:
        return {
            "guid": scene.guid(subject, b"set-", firm[of] * 100_000 + month[of]),
            "enterprise": scene.enterprise(firm[of]), "subject": same(subject, len(of)),
            "amount_fen": numbers(amount[of]),
        }  # fmt: skip

    return Sheet("settlement", source, np.arange(size), event_at, known_at, content)
