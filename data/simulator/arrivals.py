"""When the documents of a trade reach us: mostly within minutes, sometimes after days, a few never."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from data.simulator.draws import Ints, generator, uniform
from data.simulator.parameters import Parameters
from data.simulator.trades import Trades
from data.times import SECOND


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Instants at which documents become known. All arrays: shape (trades,)."""

    order: Ints
    payment: Ints
    waybill: Ints
    declaration: Ints


def arrivals_of(parameters: Parameters, trades: Trades) -> Arrivals:
    """Draw when the documents of each trade become known."""
    rng = generator(parameters.seed, "arrivals")
    # Pending declarations are there at once: they wait for an answer.
    waits = trades.declared_at < parameters.pending_from
    share = parameters.papers.late_share
    late = np.flatnonzero((rng.random(len(trades), dtype=np.float32) < share) & waits)
    declaration = trades.declared_at.copy()
    declaration[late] += rng.integers(5, 180, size=len(late)) * 60 * SECOND
    return Arrivals(
        order=trades.ordered_at + _delay(parameters, rng, 4, len(trades)),
        payment=trades.paid_at + _delay(parameters, rng, 3, len(trades)),
        waybill=trades.shipped_at + _delay(parameters, rng, 25, len(trades)),
        declaration=declaration,
    )


def _delay(parameters: Parameters, rng: Generator, minutes: float, size: int) -> Ints:
    """Delays with a median of some minutes, in microseconds; late documents take days."""
    usual = np.minimum(np.exp(rng.standard_normal(size, dtype=np.float32)) * np.float32(minutes * 60), 1400 * 60)
    late = np.flatnonzero(rng.random(size, dtype=np.float32) < parameters.papers.late_share)
    usual[late] = uniform(rng, parameters.papers.late_days, len(late)) * 86_400
    result: Ints = usual.astype(np.int64) * SECOND
    return result
