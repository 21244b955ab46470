"""What firms make of schemes: who takes one up, how it spreads, and what they do once they are caught."""

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from data.simulator.draws import Bools, Floats, Ints, choose, generator
from data.simulator.firms import Firms
from data.simulator.parameters import Parameters
from data.simulator.schemes import NAMES, SCHEMES
from data.simulator.schemes.imports import IMPORTS

IDLE = -1


@dataclass(frozen=True, slots=True)
class Episode:
    """A firm's time with a scheme: hidden. Days count from the world's start; `last_day` is -1 while it runs."""

    owner: int
    scheme: int
    first_day: int
    last_day: int


@dataclass(slots=True)
class Minds:
    """What owners are at, on the present day. All arrays: shape (owners,). Changed day by day, within one simulation only.

    `scheme`: number of the scheme, `IDLE` for none. `until`: day before which the firm lies low. `appetite`: share of its
    trades that violate. `subtlety`: 0 to 1. `prone_to`: shape (owners, schemes). `agent`: its present agent.
    """

    scheme: Ints
    since: Ints
    until: Ints
    appetite: Floats
    subtlety: Floats
    has_stopped: Bools
    prone_to: Bools
    agent: Ints
    person: Ints
    platform: Ints
    episodes: list[Episode] = field(default_factory=list)

    def end(self, owners: Ints, day: int) -> None:
        """Owners leave their scheme."""
        for owner in owners[self.scheme[owners] != IDLE].tolist():
            self.episodes.append(Episode(owner, int(self.scheme[owner]), int(self.since[owner]), day))
        self.scheme[owners] = IDLE

    def begin(self, owners: Ints, schemes: Ints, day: int) -> None:
        """Owners take up schemes."""
        self.end(owners, day)
        self.scheme[owners], self.since[owners] = schemes, day

    def history(self) -> list[Episode]:
        """All episodes, also those that still run."""
        running = np.flatnonzero(self.scheme != IDLE)
        last = [Episode(o, int(self.scheme[o]), int(self.since[o]), -1) for o in running.tolist()]
        return [*self.episodes, *last]


def minds_of(parameters: Parameters, firms: Firms) -> Minds:
    """What owners are at when the world begins."""
    rng = generator(parameters.seed, "minds")
    law, count = parameters.violations, firms.owners
    above = np.array([parameters.schemes[name].prone_above for name in NAMES])
    below = np.array([parameters.schemes[name].prone_below or law.prone_below for name in NAMES])
    is_import = np.array([scheme in IMPORTS for scheme in SCHEMES])
    fits = is_import[None, :] != firms.is_exporter[:, None]
    # Nobody resells bonded goods who has none.
    bonded = NAMES.index("bonded_resale")
    fits[:, bonded] &= firms.bonded_share > 0.5
    fits[:, NAMES.index("bought_waybills")] &= firms.bonded_share < 0.5
    honesty = firms.honesty[:, None]
    minds = Minds(
        scheme=np.full(count, IDLE), since=np.zeros(count, dtype=np.int64), until=np.zeros(count, dtype=np.int64),
        appetite=rng.uniform(0.35, 0.75, count), subtlety=rng.beta(1.2, 6.0, count),
        has_stopped=np.zeros(count, dtype=bool), prone_to=fits & (honesty < below) & (honesty >= above),
        agent=firms.agent.copy(), person=firms.legal_person, platform=firms.platform,
    )  # fmt: skip
    ready = np.flatnonzero((firms.honesty < law.prone_below) & (rng.random(count) >= law.first_idle))
    _divide(minds, _weights(parameters, 0.0), rng.permutation(ready))
    return minds


def _divide(minds: Minds, shares: Floats, owners: Ints) -> None:
    """First schemes: each owner takes the one that lacks firms most, so that small worlds know all of them."""
    running = np.zeros(len(NAMES))
    for owner in owners.tolist():
        lacks = np.where(minds.prone_to[owner] & (shares > 0), running / np.maximum(shares, 1e-9), np.inf)
        scheme = int(np.argmin(lacks))
        if np.isfinite(lacks[scheme]):
            running[scheme] += 1
            minds.begin(np.array([owner]), np.array([scheme]), 0)


def spread(parameters: Parameters, minds: Minds, day: int, rng: Generator) -> None:
    """Once a week: idle firms take up schemes, sooner those that their agent, platform or owner knows already."""
    idle = np.flatnonzero((minds.scheme == IDLE) & ~minds.has_stopped & (minds.until <= day))
    now = _weights(parameters, day / parameters.days)
    # What few do is soon tried again.
    running = np.bincount(minds.scheme[minds.scheme != IDLE], minlength=len(NAMES))
    weights = now[None, :] * minds.prone_to[idle] * (2.0 / (1.0 + running / max(running.mean(), 1.0)))
    peers = sum(_peers(minds, group, idle) for group in (minds.agent, minds.platform, minds.person))
    contagion = np.array([parameters.schemes[name].spread for name in NAMES])
    weights = weights * (1.0 + contagion[None, :] * peers)
    eager = weights.sum(axis=1) / max(now.sum(), 1e-9) * 2
    chance = 1.0 - (1.0 - parameters.violations.adoption_a_week) ** np.clip(eager, 0.0, 5.0)
    takes = (rng.random(len(idle)) < chance) & (weights.sum(axis=1) > 0)
    _take_up(minds, weights[takes], idle[takes], day, rng)


def caught(parameters: Parameters, minds: Minds, owners: Ints, day: int, rng: Generator) -> None:
    """Hits have become known: firms lie low, move to another scheme, become subtler or stop."""
    law = parameters.adaptation
    owners = np.unique(owners)
    draw = rng.random(len(owners))
    bounds = np.cumsum([law.pause, law.move, law.subtler, law.stop])
    pause, move, subtler, stop = (
        owners[(draw >= low) & (draw < high)] for low, high in zip([0.0, *bounds[:-1]], bounds, strict=True)
    )
    minds.until[pause] = day + rng.integers(law.pause_days[0], law.pause_days[1] + 1, size=len(pause))
    minds.subtlety[subtler] += (1.0 - minds.subtlety[subtler]) * 0.25
    minds.appetite[subtler] *= 0.9
    give_up(minds, stop, day)
    weights = _weights(parameters, day / parameters.days)[None, :] * minds.prone_to[move]
    running = minds.scheme[move]
    weights[np.flatnonzero(running >= 0), running[running >= 0]] = 0.0
    can = (weights.sum(axis=1) > 0) & (running >= 0)
    _take_up(minds, weights[can], move[can], day, rng)
    others = move[rng.random(len(move)) < law.other_agent]
    minds.agent[others] = rng.integers(0, parameters.services.agents, size=len(others))


def give_up(minds: Minds, owners: Ints, day: int) -> None:
    """Owners stop for good."""
    minds.end(owners, day)
    minds.has_stopped[owners] = True


def _take_up(minds: Minds, weights: Floats, owners: Ints, day: int, rng: Generator) -> None:
    if len(owners):
        minds.begin(owners, choose(rng, weights, np.arange(len(owners))), day)


def _weights(parameters: Parameters, passed: float) -> Floats:
    """Weights of the schemes that have begun when a share of the world has passed."""
    laws = [parameters.schemes[name] for name in NAMES]
    return np.array([law.share if law.starts <= passed else 0.0 for law in laws])


def _peers(minds: Minds, group: Ints, owners: Ints) -> Floats:
    """How many of the firms in an owner's group run each scheme, shape (owners asked, schemes)."""
    runs = minds.scheme != IDLE
    table = np.zeros((int(group.max()) + 1, len(NAMES)))
    np.add.at(table, (group[runs], minds.scheme[runs]), 1.0)
    # Of a large group only some are talked to.
    members = np.bincount(group, minlength=len(table))
    known: Floats = table[group[owners]] / np.sqrt(np.maximum(members[group[owners]], 1))[:, None]
    return known
