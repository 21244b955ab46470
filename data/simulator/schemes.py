"""Violations: which trades are one, by which scheme, and what the papers then say instead of the truth."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from data.simulator.bursts import Bursts
from data.simulator.draws import Bools, Floats, Ints, choose, generator, rank_within, sigmoid, uniform
from data.simulator.firms import SCHEMES, Firms
from data.simulator.goods import Market
from data.simulator.parameters import Parameters
from data.simulator.trades import Trades

_UNDER_VALUATION, _WEIGHT, _WAYBILL, _GOODS, _SPLITTING, _NEW_FIRM = range(len(SCHEMES))


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared of each trade, and the hidden truth about it. All arrays: shape (trades,).

    `scheme`: number in `SCHEMES`, -1 where there is no violation. `waybill_of`: trade whose waybill number is declared.
    `duty_at_stake_fen`: duty that an inspection of the violation would recover, 0 without one.
    """

    scheme: Ints
    duty_at_stake_fen: Ints
    pair: Ints
    value_fen: Ints
    net_g: Ints
    gross_g: Ints
    waybill_of: Ints


def declared_of(
    parameters: Parameters, firms: Firms, market: Market, is_complicit: Bools, bursts: Bursts, trades: Trades
) -> Declared:
    """Draw the violations and fill in the declarations.

    Arguments:
        is_complicit: by agent, shape (agents,).
    """
    rng = generator(parameters.seed, "schemes")
    scheme = _schemes(parameters, firms, market, is_complicit, bursts, trades, rng)
    law, size = parameters.schemes, len(trades)

    factor = np.where(scheme == _UNDER_VALUATION, uniform(rng, law.under_valuation_factor, size), 1.0)
    factor = np.where(scheme == _NEW_FIRM, uniform(rng, law.new_firm_factor, size), factor)
    pair = np.where(scheme == _GOODS, choose(rng, market.covers, trades.pair), trades.pair)
    # Who declares other goods also moves the price towards theirs, more or less far.
    disguise = (market.price[pair] / market.price[trades.pair]) ** rng.uniform(0.4, 1.0, size)
    factor = np.where(scheme == _GOODS, disguise, factor)
    value_fen = np.maximum((trades.value_fen * factor).astype(np.int64), 100)

    hidden = np.where(scheme == _WEIGHT, uniform(rng, law.hidden_mass, size), 0.0)
    slips = rng.random(size) < parameters.papers.careless_mass * firms.carelessness[trades.firm]
    spread = np.where(slips, parameters.papers.careless_mass_sigma, parameters.papers.mass_sigma)
    written = (1.0 - hidden) * np.exp(spread * rng.normal(0, 1, size))
    gross_g = np.maximum((trades.gross_g * written).astype(np.int64), 20)
    net_g = np.minimum(np.maximum((trades.net_g * written).astype(np.int64), 15), gross_g)

    confused = rng.random(size) < parameters.papers.careless_waybill * firms.carelessness[trades.firm]
    reuses = (scheme == _WAYBILL) | confused
    waybill_of = np.where(reuses, _earlier_of_firm(trades.firm, rng), np.arange(size))
    return Declared(
        scheme=scheme,
        duty_at_stake_fen=_duty(market, trades, scheme, pair, value_fen, hidden),
        pair=pair,
        value_fen=value_fen,
        net_g=net_g,
        gross_g=gross_g,
        waybill_of=waybill_of,
    )


def _schemes(
    parameters: Parameters,
    firms: Firms,
    market: Market,
    is_complicit: Bools,
    bursts: Bursts,
    trades: Trades,
    rng: Generator,
) -> Ints:
    """The scheme of each trade, -1 for none."""
    law, size = parameters.schemes, len(trades)
    helped = is_complicit[trades.agent]
    runs = (trades.declared_at >= firms.campaign_from[trades.firm]) & (
        trades.declared_at < firms.campaign_until[trades.firm]
    )
    log_odds = (
        law.dishonesty * (1.0 - firms.honesty[trades.firm])
        + law.complicity * helped
        + market.risk[trades.pair]
        + parameters.trade.hub_risk * trades.via_hub
        + np.where(runs, law.campaign[0], law.campaign[1])
    )
    is_own = trades.burst < 0
    probability = _calibrated(log_odds, law.violation_share, law.ceiling)
    violates = is_own & (rng.random(size) < probability)

    # Shape (trades, schemes): the firm's taste, bent to what the trade allows.
    taste = firms.taste[trades.firm] + 1e-9
    taste[:, _UNDER_VALUATION] *= ~trades.is_export
    cover = np.where(helped | trades.via_hub, law.cover_with_agent, 1.0)
    taste[:, _GOODS] *= np.where(market.covers[trades.pair].sum(axis=1) > 0, cover, 0.0)
    kind = choose(rng, taste, np.arange(size)) if size else np.zeros(0, dtype=np.int64)
    scheme = np.where(violates, kind, -1)
    if len(bursts):
        part = bursts.is_scheme[trades.burst] & ~is_own & (rng.random(size) < law.burst_violation)
        scheme = np.where(part, np.where(bursts.is_splitting[trades.burst], _SPLITTING, _NEW_FIRM), scheme)
    # A first trade has no earlier waybill to use again.
    return np.where((scheme == _WAYBILL) & (_ordinal(trades.firm) == 0), -1, scheme)


def _calibrated(log_odds: Floats, share: float, ceiling: float) -> Floats:
    """Probabilities with the mean `share`: bisection finds the intercept, so that every seed has about as many."""
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        if ceiling * float(sigmoid(log_odds + middle).mean()) < share:
            low = middle
        else:
            high = middle
    return ceiling * sigmoid(log_odds + low)


def _ordinal(firm: Ints) -> Ints:
    """How many earlier trades of the same firm there are."""
    return rank_within(firm, np.arange(len(firm), dtype=np.float64))


def _earlier_of_firm(firm: Ints, rng: Generator) -> Ints:
    """For each trade one of the firm's last 30 trades before it, itself where there is none."""
    ordinal = _ordinal(firm)
    order = np.argsort(firm, kind="stable")
    position = np.empty(len(firm), dtype=np.int64)
    position[order] = np.arange(len(firm))
    back = 1 + (rng.random(len(firm)) * np.minimum(ordinal, 30)).astype(np.int64)
    return order[position - np.minimum(back, ordinal)]


def _duty(market: Market, trades: Trades, scheme: Ints, pair: Ints, value_fen: Ints, hidden: Floats) -> Ints:
    """Duty at stake in fen. Out of the retail concession a shipment owes the general rate."""
    general = market.general_bp[trades.pair]
    saved = general - market.retail_bp[trades.pair]
    true = trades.value_fen
    lower = np.maximum(general - market.general_bp[pair], 200)
    stakes = (
        (true - value_fen) * general,
        (true * hidden).astype(np.int64) * general,
        true * general,
        true * lower,
        true * np.maximum(saved, 200),
        (true - value_fen) * general + true * 200,
    )
    duty = np.select([scheme == number for number in range(len(SCHEMES))], stakes, 0) // 10_000
    return np.where(scheme >= 0, np.maximum(duty, 100), 0).astype(np.int64)
