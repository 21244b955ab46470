"""The world in one piece: draw firms and trades, let some violate, inspect some, and write down what registers see."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from data.simulator.bursts import bursts_of
from data.simulator.credit_events import credit_of, identities_of, levels_of
from data.simulator.documents import Numbers, documents_of, numbers_of
from data.simulator.draws import generator
from data.simulator.firms import SCHEMES, firms_of, traits
from data.simulator.goods import market_of
from data.simulator.inspection import inspections_of, select
from data.simulator.parameters import Parameters
from data.simulator.schemes import Declared, declared_of
from data.simulator.services import services_of
from data.simulator.settlements import settlements_of
from data.simulator.tables import Table, rows_of
from data.simulator.trades import trades_of


@dataclass(frozen=True, slots=True)
class World:
    """A simulated world.

    `records`: raw envelopes known by the end, in the order in which they became known. `pending`: declarations of the
    last days, in the order of declaration; nothing is decided or found out about them. `truth` (one entry a declaration
    of either list) and `firms` (hidden traits) are for whoever judges a model, never for a model.
    """

    records: list[dict[str, Any]]
    pending: list[dict[str, Any]]
    truth: list[dict[str, Any]]
    firms: list[dict[str, Any]]


def simulate(parameters: Parameters) -> World:
    """Simulate a world. Pure: the same parameters give the same world."""
    market = market_of(parameters)
    services = services_of(parameters)
    firms = firms_of(parameters, market, services)
    bursts = bursts_of(parameters, firms)
    trades = trades_of(parameters, firms, market, bursts)
    declared = declared_of(parameters, firms, market, services["agent"].is_complicit, bursts, trades)
    numbers = numbers_of(parameters, firms, trades)
    documents, declarations = documents_of(parameters, firms, market, services, trades, declared, numbers)
    selection = select(parameters, firms, trades, declared)
    is_pending = trades.declared_at >= parameters.pending_from
    tables = [
        *identities_of(parameters, firms, services),
        *credit_of(parameters, firms),
        levels_of(parameters, firms),
        *settlements_of(parameters, firms, trades, declared),
        declarations.take(~is_pending),
        *documents,
        *inspections_of(parameters, trades, declared, selection, numbers),
    ]
    return World(
        records=_records(parameters, tables),
        pending=rows_of(declarations.take(is_pending)),
        truth=_truth(declared, numbers),
        firms=traits(firms, services),
    )


def _records(parameters: Parameters, tables: list[Table]) -> list[dict[str, Any]]:
    """All rows that are known by the end, in the order in which they became known, some of them sent twice."""
    # A correction or repair of something that is not known by the end is later than it, so it is left out with it.
    kept = [table.take(table.known_at < parameters.end) for table in tables]
    rows = [row for table in kept for row in rows_of(table)]
    order = np.argsort(np.concatenate([table.known_at for table in kept]), kind="stable")
    twice = generator(parameters.seed, "duplicates").random(len(rows)) < parameters.papers.duplicate_share
    result = []
    for index in order.tolist():
        result.append(rows[index])
        if twice[index]:
            result.append({**rows[index], "payload": dict(rows[index]["payload"])})
    return result


def _truth(declared: Declared, numbers: Numbers) -> list[dict[str, Any]]:
    rows = zip(
        numbers.declaration_guid.tolist(), numbers.declaration.tolist(), numbers.enterprise.tolist(),
        declared.scheme.tolist(), declared.duty_at_stake_fen.tolist(), strict=True,
    )  # fmt: skip
    return [
        {
            "guid": guid, "declaration_no": number, "enterprise": enterprise, "is_violation": scheme >= 0,
            "scheme": SCHEMES[scheme] if scheme >= 0 else None, "duty_at_stake_fen": duty,
        }
        for guid, number, enterprise, scheme, duty in rows
    ]  # fmt: skip
