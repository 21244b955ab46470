"""Bursts: many trades of one firm within days. Some are a scheme, some are an honest launch."""

from dataclasses import dataclass

import numpy as np

from data.simulator.draws import Bools, Floats, Ints, choose_one, generator
from data.simulator.firms import Firms
from data.simulator.parameters import Parameters
from data.times import DAY


@dataclass(frozen=True, slots=True)
class Bursts:
    """All arrays: shape (bursts,). `first_day` counts from the world's start; `is_scheme` is hidden.

    `is_splitting`: parcels share address and buyers, be it order splitting or an honest group purchase.
    """

    firm: Ints
    first_day: Ints
    days: Ints
    parcels: Ints
    is_splitting: Bools
    is_scheme: Bools

    def __len__(self) -> int:
        return len(self.firm)


def bursts_of(parameters: Parameters, firms: Firms) -> Bursts:
    """Draw all bursts: order splitting, launches of new firms that are schemes, and honest launches."""
    rng = generator(parameters.seed, "bursts")
    schemes = parameters.schemes
    trades = parameters.firms * parameters.days * parameters.declarations_per_firm_day
    temptation: Floats = (1.0 - firms.honesty) ** 2

    # Group purchases look like order splitting: many parcels of one firm to one address.
    splits = round(schemes.splitting.share * trades / schemes.splitting.parcels)
    groups = round(schemes.honest_groups * splits)
    splitter = choose_one(rng, temptation * ~firms.is_new + 1e-12, splits)
    host = choose_one(rng, firms.honesty * firms.size * ~firms.is_new + 1e-12, groups)
    sender = np.concatenate([splitter, host])
    send_day = (rng.random(len(sender)) * parameters.days).astype(np.int64)
    # A firm sends after it has begun to trade.
    send_day = np.maximum(send_day, _day(parameters, firms.active_from[sender]))

    new = np.flatnonzero(firms.is_new)
    wanted = min(round(schemes.new_firm.share * trades / schemes.new_firm.parcels), len(new) // 2)
    shady = rng.permutation(new)
    shady = shady[np.argsort(firms.honesty[shady], kind="stable")][:wanted]
    others = np.setdiff1d(new, shady)
    honest = others[rng.random(len(others)) < schemes.honest_launch]
    launcher = np.concatenate([shady, honest])

    firm = np.concatenate([sender, launcher])
    number = np.arange(len(firm))
    is_splitting = number < len(sender)
    shortest = np.where(is_splitting, schemes.splitting.days[0], schemes.new_firm.days[0])
    longest = np.where(is_splitting, schemes.splitting.days[1], schemes.new_firm.days[1])
    parcels = np.where(is_splitting, schemes.splitting.parcels, schemes.new_firm.parcels)
    return Bursts(
        firm=firm,
        first_day=np.concatenate([send_day, _day(parameters, firms.active_from[launcher])]),
        days=rng.integers(shortest, longest + 1),
        parcels=1 + rng.poisson(parcels - 1),
        is_splitting=is_splitting,
        is_scheme=(number < splits) | (~is_splitting & (number < len(sender) + len(shady))),
    )


def _day(parameters: Parameters, instant: Ints) -> Ints:
    return np.maximum((instant - parameters.start) // DAY + 1, 0)
