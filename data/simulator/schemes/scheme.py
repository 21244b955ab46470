"""What a scheme is: where it works, and what it costs the treasury."""

from collections.abc import Callable
from dataclasses import dataclass

from data.simulator.draws import Ints


@dataclass(frozen=True, slots=True)
class Stake:
    """What the duty at stake of violating trades follows from. All arrays: shape (trades,); money in fen, taxes in bp.

    `general`, `retail`: composite tax of what the goods are, outside and inside the retail concession;
    `covered`: the former of what they are declared as.
    """

    true_value: Ints
    declared_value: Ints
    general: Ints
    retail: Ints
    covered: Ints
    rebate: int


Duty = Callable[[Stake], Ints]


@dataclass(frozen=True, slots=True)
class Scheme:
    """A scheme as the law's typologies know it. Its numbers are in `world.yaml` under its name.

    Arguments:
        name: as inspections name the violation.
        modes: numbers of the supervision modes in which it works.
        duty: duty at stake in fen times 10,000, by trade.
        lives_by_bursts: whether it needs many parcels within days.
    """

    name: str
    modes: tuple[int, ...]
    duty: Duty
    lives_by_bursts: bool = False


def value_gap(stake: Stake) -> Ints:
    """General duty on what the declared value leaves out."""
    return (stake.true_value - stake.declared_value).clip(0) * stake.general


def concession(stake: Stake) -> Ints:
    """Goods that do not deserve the retail concession owe the general rate."""
    gap: Ints = (stake.general - stake.retail).clip(200)
    return stake.true_value * gap


def rebate(stake: Stake) -> Ints:
    """A rebate claimed for an export that is not what it is declared to be."""
    return stake.declared_value * stake.rebate


def rebate_gap(stake: Stake) -> Ints:
    """A rebate on value that is not there."""
    return (stake.declared_value - stake.true_value).clip(0) * stake.rebate


def hidden_mass(stake: Stake) -> Ints:
    """General duty on goods that the papers do not show."""
    return stake.true_value * stake.general // 4


def other_tariff(stake: Stake) -> Ints:
    """The difference between the tariffs of what the goods are and what they are declared as."""
    gap: Ints = abs(stake.general - stake.covered).clip(200)
    return stake.true_value * gap


def subsidy(stake: Stake) -> Ints:
    """A local subsidy of some percent, claimed for an order that nobody made."""
    return stake.declared_value * 300
