"""Registration, public credit with its repairs, and statutory levels."""

from dataclasses import replace

import numpy as np

from data.simulator.draws import MINUTE, Floats, Ints, Texts, choose_one, generator, minutes_between, pseudonyms, texts
from data.simulator.firms import LEVELS, Firms
from data.simulator.parameters import Pair, Parameters
from data.simulator.services import Services
from data.simulator.tables import Column, Table, local_time
from data.times import DAY, OPEN

_SEVERITIES = ("minor", "general", "serious")
_AUTHORITIES = {
    "permit": "泸州市市场监督管理局",
    "award": "泸州市商务局",
    "penalty": "泸州市市场监督管理局",
    "tax_arrears": "国家税务总局泸州市税务局",
    "court_judgment": "泸州市中级人民法院",
    "abnormal_operation": "泸州市市场监督管理局",
}


def identities_of(parameters: Parameters, firms: Firms, services: dict[str, Services]) -> list[Table]:
    """Registration of every enterprise of every role."""
    rng = generator(parameters.seed, "identities")
    own = _identities(
        parameters, "ecommerce", firms.code, firms.name, firms.registered_at, firms.district, firms.capital_fen,
        pseudonyms(parameters.seed, "legal person", "p_", firms.legal_person),
    )  # fmt: skip
    tables = [own]
    for one in services.values():
        size = len(one.code)
        districts = rng.integers(0, len(parameters.districts), size=size)
        capital_fen = rng.integers(200, 5000, size=size) * 1_000_000
        persons = pseudonyms(parameters.seed, f"legal person {one.role}", "p_", np.arange(size))
        tables.append(
            _identities(parameters, one.role, one.code, one.name, one.registered_at, districts, capital_fen, persons)
        )
    return tables


def _identities(
    parameters: Parameters, role: str, code: Texts, name: Texts, registered_at: Ints, district: Ints, capital_fen: Ints,
    legal_person: Texts,
) -> Table:  # fmt: skip
    rng = generator(parameters.seed, f"identity {role}")
    size = len(code)
    days = local_time(registered_at).astype("datetime64[D]").astype(str).tolist()
    return Table(
        kind="identity", source="registry", event_at=registered_at,
        guid=pseudonyms(parameters.seed, f"identity {role}", "ide-", np.arange(size)),
        known_at=registered_at + minutes_between(rng, (0.5, 70), size),
        columns={
            "enterprise": code, "name": name, "role": role,
            "registered_on": texts([f"{day}T00:00:00+08:00" for day in days]),
            "district": texts(parameters.districts)[district], "capital_fen": capital_fen, "legal_person": legal_person,
        },
    )  # fmt: skip


def credit_of(parameters: Parameters, firms: Firms) -> list[Table]:
    """Events on the public credit platform, and the repair of some sanctions."""
    law = parameters.credit
    always: dict[str, Pair] = {"permit": (law.permit, law.permit), "award": (law.award, 0.0)}
    bad: dict[str, Pair] = {
        name: getattr(law, name) for name in ("penalty", "tax_arrears", "court_judgment", "abnormal_operation")
    }
    tables = [_events(parameters, firms, name, rates, is_sanction=False) for name, rates in always.items()]
    for name, rates in bad.items():
        sanctions = _events(parameters, firms, name, rates, is_sanction=True)
        tables += [sanctions, _repairs(parameters, sanctions)]
    return tables


def _events(parameters: Parameters, firms: Firms, event: str, rates: Pair, *, is_sanction: bool) -> Table:
    """Events of one sort: a Poisson number a firm, at a rate between that of an honest and of a dishonest firm."""
    rng = generator(parameters.seed, f"credit {event}")
    law = parameters.credit
    since = np.maximum(firms.registered_at + 5 * DAY, parameters.start - law.history_days * DAY)
    span = np.maximum(parameters.end - since, 0)
    rate: Floats = rates[0] + (rates[1] - rates[0]) * (1.0 - firms.honesty)
    firm = np.repeat(np.arange(len(firms)), rng.poisson(rate * span / (365 * DAY)))
    size = len(firm)
    event_at = since[firm] + (rng.random(size) * span[firm]).astype(np.int64) // MINUTE * MINUTE
    known_at = event_at + minutes_between(rng, (law.known_days[0] * 24, law.known_days[1] * 24), size)
    severity = choose_one(rng, np.array(law.severity), size)
    number = np.arange(size)
    columns: dict[str, Column] = {
        "enterprise": firms.code[firm], "event": event, "authority": _AUTHORITIES[event],
        "document_no": texts([f"{event[:3].upper()}{n:07d}" for n in number.tolist()]),
    }  # fmt: skip
    until = np.full(size, OPEN, dtype=np.int64)
    if is_sanction:
        columns["severity"] = texts(_SEVERITIES)[severity]
        columns["amount_fen"] = np.exp(rng.normal(12.5 + severity, 1.0, size)).astype(np.int64)
        # Use by law counts from the decision, also where the record reaches us later.
        until = event_at + np.array(law.usable_days)[severity] * DAY
    return Table(
        kind="public_credit", source="credit_platform", event_at=event_at, known_at=known_at, usable_until=until,
        guid=pseudonyms(parameters.seed, f"credit {event}", "pub-", number), columns=columns,
    )  # fmt: skip


def _repairs(parameters: Parameters, sanctions: Table) -> Table:
    """Repair of some sanctions while the law still allows their use: the same guid, and no content."""
    assert sanctions.usable_until is not None
    rng = generator(parameters.seed, f"repairs {sanctions.columns['event']}")
    size = len(sanctions.guid)
    event_at = sanctions.known_at + minutes_between(rng, (24 * 45, 24 * 260), size)
    keep = (rng.random(size) < parameters.credit.repair_share) & (event_at < sanctions.usable_until)
    repair = replace(
        sanctions, action="repair", columns={}, event_at=event_at, usable_until=None,
        known_at=event_at + minutes_between(rng, (2, 120), size),
    )  # fmt: skip
    return repair.take(keep)


def levels_of(parameters: Parameters, firms: Firms) -> Table:
    """Statutory levels other than routine."""
    rng = generator(parameters.seed, "level records")
    firm = np.flatnonzero(firms.level > 0)
    event_at = firms.level_from[firm]
    return Table(
        kind="supervision", source="customs", guid=pseudonyms(parameters.seed, "level", "lev-", firm),
        event_at=event_at, known_at=event_at + minutes_between(rng, (1, 72), len(firm)),
        usable_until=firms.level_until[firm],
        columns={"event": "statutory_level", "enterprise": firms.code[firm], "level": texts(LEVELS)[firms.level[firm]]},
    )  # fmt: skip
