"""Funds flow: monthly FX settlement of each firm, and tax rebates of exporters."""

import numpy as np

from data.simulator.draws import MINUTE, Bools, Floats, Ints, generator, pseudonyms
from data.simulator.firms import Firms
from data.simulator.parameters import Parameters
from data.simulator.schemes import Declared
from data.simulator.tables import Table, local_time
from data.simulator.trades import Trades
from data.times import DAY, midnight


def settlements_of(parameters: Parameters, firms: Firms, trades: Trades, declared: Declared) -> list[Table]:
    """Settlements of the true value, with a spread that grows with dishonesty; rebates of the declared exports."""
    rng = generator(parameters.seed, "settlements")
    month = local_time(trades.declared_at).astype("datetime64[M]").astype(np.int64)
    everything = np.ones(len(trades), dtype=bool)
    firm, of_month, true = _monthly(trades.firm, month, trades.value_fen, everything)
    low, high = parameters.settlement.gap
    spread = low + (high - low) * (1.0 - firms.honesty[firm])
    settled = (true * np.exp(spread * rng.normal(0, 1, len(firm)))).astype(np.int64)
    settlement = _table(parameters, firms, "fx_settlement", firm, of_month, settled, (2.0, 12.0))

    firm, of_month, exported = _monthly(trades.firm, month, declared.value_fen, trades.is_export)
    rebate = exported * parameters.settlement.rebate_bp // 10_000
    return [
        settlement,
        _table(parameters, firms, "tax_rebate", firm, of_month, rebate, parameters.settlement.rebate_days),
    ]


def _monthly(firm: Ints, month: Ints, value: Ints, keep: Bools) -> tuple[Ints, Ints, Ints]:
    """Sums by firm and month: firm, month (months since 1970) and sum of each."""
    key = firm[keep] * 100_000 + month[keep]
    names, inverse = np.unique(key, return_inverse=True)
    sums = np.zeros(len(names), dtype=np.int64)
    np.add.at(sums, inverse, value[keep])
    return names // 100_000, names % 100_000, sums


def _table(
    parameters: Parameters, firms: Firms, subject: str, firm: Ints, month: Ints, amount: Ints, days: tuple[float, float]
) -> Table:
    rng = generator(parameters.seed, subject)
    size = len(firm)
    first_day = (month + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    after: Floats = rng.uniform(days[0], days[1], size)
    minutes = rng.integers(9 * 60, 17 * 60, size=size) * MINUTE
    event_at = first_day * DAY + midnight(0) + after.astype(np.int64) * DAY + minutes
    known_at = event_at + (rng.uniform(0.1, 4.0, size) * 1440).astype(np.int64) * MINUTE
    return Table(
        kind="settlement", source="safe" if subject == "fx_settlement" else "tax",
        guid=pseudonyms(parameters.seed, subject, "set-", firm * 100_000 + month), event_at=event_at, known_at=known_at,
        columns={"enterprise": firms.code[firm], "subject": subject, "amount_fen": amount},
    )  # fmt: skip
