"""Inspections: who is selected by law, at random or by rules, and what is found. Only these make outcomes."""

from dataclasses import dataclass

import numpy as np

from data.simulator.documents import Numbers
from data.simulator.draws import (
    Bools,
    Floats,
    Ints,
    generator,
    minutes_between,
    pseudonyms,
    rank_within,
    texts,
    uniform,
)
from data.simulator.firms import LEVELS, SCHEMES, Firms
from data.simulator.parameters import Parameters
from data.simulator.schemes import Declared
from data.simulator.tables import Table, optional
from data.simulator.trades import Trades
from data.times import DAY

REASONS = ("random", "rule:price_low", "rule:weight_mismatch", "rule:new_firm", "rule:statutory_level")
"""Why a declaration was selected, by number."""
_MINIMUM_HISTORY = 10


@dataclass(frozen=True, slots=True)
class Selection:
    """Selected declarations. All arrays: shape (trades,). `reason`: number in `REASONS`, -1 where not selected.

    `permille`: probability with which this reason selects such a declaration.
    """

    reason: Ints
    permille: Ints


def select(parameters: Parameters, firms: Firms, trades: Trades, declared: Declared) -> Selection:
    """Select as an office does: the statutory level, then the random draw, then rules up to the day's capacity."""
    rng = generator(parameters.seed, "selection")
    law, size = parameters.inspection, len(trades)
    level = np.where(
        (trades.declared_at >= firms.level_from[trades.firm]) & (trades.declared_at < firms.level_until[trades.firm]),
        firms.level[trades.firm],
        0,
    )
    permille_of = np.zeros(len(LEVELS), dtype=np.int64)
    permille_of[LEVELS.index("dishonest")] = law.dishonest_permille
    permille_of[LEVELS.index("seriously_dishonest")] = law.seriously_dishonest_permille
    listed = rng.random(size) * 1000 < permille_of[level]
    drawn = ~listed & (permille_of[level] == 0) & (rng.random(size) < law.random_share)

    # The waybill is found by the number that is declared, be it this trade's own or not.
    weight_gap = np.abs(trades.gross_g[declared.waybill_of] / declared.gross_g - 1.0)
    is_new = trades.declared_at - firms.registered_at[trades.firm] < law.new_firm_days * DAY
    # In the order of `REASONS`; new firms take turns.
    points = np.stack(
        [
            -price_gap(declared, trades) / law.price_gap,
            weight_gap / law.weight_gap,
            is_new * rng.uniform(1.0, 1.5, size),
        ]
    )
    best = points.max(axis=0)
    certified = (level == LEVELS.index("certified")) | (level == LEVELS.index("advanced_certified"))
    # The law grants certified firms fewer inspections: a rule must speak louder there.
    eligible = ~listed & ~drawn & (best >= np.where(certified, 2.0, 1.0))
    day = (trades.declared_at - parameters.start) // DAY
    capacity = np.ceil(law.rule_share * np.bincount(day, minlength=parameters.days)).astype(np.int64)
    rank = rank_within(day, np.where(eligible, -best, np.inf))
    ruled = eligible & (rank < capacity[day])

    reason = np.select(
        [listed, drawn, ruled], [REASONS.index("rule:statutory_level"), 0, 1 + points.argmax(axis=0)], -1
    )
    permille = np.select([listed, drawn, ruled], [permille_of[level], round(law.random_share * 1000), 1000], 0)
    return Selection(reason=reason.astype(np.int64), permille=permille.astype(np.int64))


def price_gap(declared: Declared, trades: Trades) -> Floats:
    """Logarithm of the declared price a gram against the mean of all earlier ones of the HS code and origin.

    0 where there are too few of them. Shape (trades,), in the order of the trades.
    """
    price = np.log(declared.value_fen / declared.net_g)
    order = np.argsort(declared.pair, kind="stable")
    before = rank_within(declared.pair, np.arange(len(trades), dtype=np.float64))
    total = np.cumsum(price[order]) - price[order]
    first = np.flatnonzero(before[order] == 0)
    total -= np.repeat(total[first], np.diff(np.r_[first, len(order)]))
    earlier = np.empty(len(trades), dtype=np.float64)
    earlier[order] = total
    return np.where(before >= _MINIMUM_HISTORY, price - earlier / np.maximum(before, 1), 0.0)


def inspections_of(
    parameters: Parameters, trades: Trades, declared: Declared, selection: Selection, numbers: Numbers
) -> list[Table]:
    """The inspections of selected declarations, and the penalties that some hits lead to."""
    rng = generator(parameters.seed, "inspection")
    law, seed = parameters.inspection, parameters.seed
    chosen = np.flatnonzero((selection.reason >= 0) & (trades.declared_at < parameters.pending_from))
    size = len(chosen)
    event_at = trades.declared_at[chosen] + minutes_between(rng, law.delay_hours, size)
    known_at = event_at + minutes_between(rng, law.report_hours, size)
    hit: Bools = (declared.scheme[chosen] >= 0) & (rng.random(size) < law.detection)
    duty = (declared.duty_at_stake_fen[chosen] * uniform(rng, (0.7, 1.0), size)).astype(np.int64)
    scheme = texts(SCHEMES)[np.maximum(declared.scheme[chosen], 0)]
    inspection = Table(
        kind="supervision", source="customs", guid=pseudonyms(seed, "inspection", "ins-", chosen),
        event_at=event_at, known_at=known_at,
        columns={
            "event": "inspection", "enterprise": numbers.enterprise[chosen],
            "declaration_no": numbers.declaration[chosen], "finding": np.where(hit, "hit", "clean").astype(object),
            "violation": optional(scheme, hit), "duty_recovered_fen": np.where(hit, duty, 0),
            "selected_by": texts(REASONS)[selection.reason[chosen]], "inclusion_permille": selection.permille[chosen],
        },
    )  # fmt: skip
    fined = hit & (rng.random(size) < law.penalty_share)
    decided_at = known_at + minutes_between(rng, (72, 24 * 30), size)
    _, general, serious = parameters.credit.usable_days
    usable_days = np.where(duty > law.serious_duty_fen, serious, general)
    penalty = Table(
        kind="supervision", source="customs", guid=pseudonyms(seed, "customs penalty", "pen-", chosen),
        event_at=decided_at, known_at=decided_at + minutes_between(rng, (2, 96), size),
        usable_until=decided_at + usable_days * DAY,
        columns={
            "event": "penalty", "enterprise": numbers.enterprise[chosen],
            "declaration_no": numbers.declaration[chosen], "violation": scheme,
            "fine_fen": (duty * uniform(rng, (0.5, 2.0), size)).astype(np.int64) + 10_000,
        },
    )  # fmt: skip
    return [inspection, penalty.take(fined)]
