"""Bursts: many trades of one firm within days. Some belong to a scheme; launches and group purchases are honest."""

from dataclasses import dataclass

import numpy as np

from data.simulator.draws import Bools, Ints, choose_one, generator
from data.simulator.firms import Firms
from data.simulator.parameters import Parameters
from data.times import DAY


@dataclass(frozen=True, slots=True)
class Bursts:
    """All arrays: shape (bursts,). `first_day` counts from the world's start.

    `is_group`: an honest group purchase, whose parcels go to one address.
    """

    owner: Ints
    first_day: Ints
    days: Ints
    parcels: Ints
    is_group: Bools

    def __len__(self) -> int:
        return len(self.owner)


def bursts_of(parameters: Parameters, firms: Firms, lives_by_bursts: Bools) -> Bursts:
    """Draw all bursts. Whether one serves a scheme is seen on its days: a firm that has stopped just sells.

    Arguments:
        lives_by_bursts: owners whose first scheme needs many parcels at once, shape (owners,).
    """
    rng = generator(parameters.seed, "bursts")
    trade, law = parameters.trade, parameters.violations
    years = parameters.days / 365
    # A burst is some times the firm's usual trade of those days, so that large worlds have large bursts.
    scale = max(1.0, parameters.declarations_per_firm_day / 0.1)
    size = firms.size.mean(axis=1)

    senders = np.repeat(np.arange(firms.owners), rng.poisson(law.burst_rate * years * lives_by_bursts))
    groups = rng.poisson(trade.group_rate * years * firms.owners)
    hosts = choose_one(rng, firms.honesty * np.sqrt(size) * ~firms.is_new * ~firms.is_exporter + 1e-12, groups)
    new = np.flatnonzero(firms.is_new)
    launchers = new[rng.random(len(new)) < trade.launch_share]

    owner = np.concatenate([senders, hosts, launchers])
    sort = np.repeat([0, 1, 2], [len(senders), len(hosts), len(launchers)])
    lengths = np.array([law.burst_days, trade.group_days, trade.launch_days])[sort]
    parcels = np.array([law.burst_parcels, trade.group_parcels, trade.launch_parcels])[sort]
    begins = np.maximum((firms.active_from[owner] - parameters.start) // DAY + 1, 0)
    # A firm sends after it has begun to trade; a launch is when it begins.
    random_day = np.maximum((rng.random(len(owner)) * parameters.days).astype(np.int64), begins)
    return Bursts(
        owner=owner,
        first_day=np.where(sort == 2, begins, random_day),
        days=rng.integers(lengths[:, 0], lengths[:, 1] + 1),
        parcels=1 + rng.poisson((parcels - 1) * scale),
        is_group=sort == 1,
    )
