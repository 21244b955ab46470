"""What a violation costs: duty at stake, what an inspection recovers of it, and the fine."""

import numpy as np

from data.simulator.draws import Ints, fraction
from data.simulator.goods import Market
from data.simulator.parameters import Parameters
from data.simulator.schemes import SCHEMES
from data.simulator.schemes.scheme import Stake
from data.simulator.trades import Small, Trades

_SMALLEST = 100


def declared_values(trades: Trades, which: Ints, value_factor: Small) -> Ints:
    """Value of the goods as declared, in fen."""
    result: Ints = np.maximum((trades.value_fen[which] * value_factor.astype(np.float64)).astype(np.int64), _SMALLEST)
    return result


def declared_gross(trades: Trades, which: Ints, mass_factor: Small) -> Ints:
    """Gross mass as declared, in grams."""
    result: Ints = np.maximum((trades.gross_g[which] * mass_factor.astype(np.float64)).astype(np.int64), 20)
    return result


def duty_at_stake(
    parameters: Parameters, market: Market, trades: Trades, which: Ints, scheme: Small, pair: Small,
    value_factor: Small,
) -> Ints:  # fmt: skip
    """Duty in fen that an inspection of each violation could recover at most; 0 where there is none.

    Arguments:
        which: trades asked about, shape (n,); the others say what is declared of them, shape (n,).
    """
    true = trades.pair[which]
    stake = Stake(
        true_value=trades.value_fen[which], declared_value=declared_values(trades, which, value_factor),
        general=market.general_bp[true], retail=market.retail_bp[true], covered=market.general_bp[pair],
        rebate=parameters.settlement.rebate_bp,
    )  # fmt: skip
    duty = np.zeros(len(which), dtype=np.int64)
    for number, one in enumerate(SCHEMES):
        its = scheme == number
        if its.any():
            duty[its] = (one.duty(stake) // 10_000)[its]
    return np.where(scheme >= 0, np.maximum(duty, _SMALLEST), 0)


def recovered(parameters: Parameters, duty: Ints, which: Ints) -> Ints:
    """What an inspection recovers of the duty at stake, in fen."""
    result: Ints = (duty * (0.7 + 0.3 * fraction(parameters.seed, "recovered", which))).astype(np.int64)
    return result


def fines(parameters: Parameters, duty: Ints, which: Ints) -> Ints:
    """Fine in fen of each hit; 0 where it leads to no penalty."""
    is_fined = fraction(parameters.seed, "penalty", which) < parameters.inspection.penalty_share
    fine = (duty * (0.5 + 1.5 * fraction(parameters.seed, "fine", which))).astype(np.int64) + 10_000
    return np.where(is_fined, fine, 0)
