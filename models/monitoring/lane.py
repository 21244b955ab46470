"""The random lane: the only part of the truth that no model and no officer chose. What it says of all that is released.

Every shipment that no mandatory rule took is drawn with the same published probability, so those drawn are a fair sample of them,
and, by the lane that each would have had without the draw, of every lane: also of the green channel, where nobody else looks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.monitoring.firms import LEAST_FIRMS, Firms, Floats, Integers, Interval, Texts, rate_interval
from models.monitoring.outcomes import Calibration, calibration

RELEASED = ("green_channel", "standard_release", "document_review")
GREEN = "green_channel"


@dataclass(frozen=True, slots=True)
class Drawn:
    """n shipments of the random lane whose inspection reported.

    Attributes:
        firms: whom they are about, weighted by one over the probability of the draw.
        lanes: which lane each would have had without the draw.
    """

    stated: Floats
    outcomes: Integers
    firms: Firms
    lanes: Texts


@dataclass(frozen=True, slots=True)
class LaneTruth:
    """What the random lane says of a lane.

    Attributes:
        lane: `all`, `released` (without inspection), or a lane.
        drawn: of the shipments of the random lane, stated beside found; None where none would have had this lane.
        given, estimate: how many shipments of the window (of its sample) have the lane, and the mean probability stated for them.
        allowed: what the policy allows, for the green channel.
        floor: the truth lies above this in 99 of 100 cases; None where nothing was drawn or firms are too few.
    """

    lane: str
    drawn: Calibration | None
    given: int
    estimate: float | None
    allowed: float | None = None
    floor: float | None = None

    @property
    def rate(self) -> Interval | None:
        """The rate of violations with its 95 % interval."""
        return self.drawn.observed if self.drawn else None


def lane_truths(drawn: Drawn, lanes: Texts, stated: Floats, *, allowed: float | None) -> tuple[LaneTruth, ...]:
    """The rate of violations of each lane, as the random lane shows it, beside the model's estimate for all.

    Arguments:
        lanes, stated: of all shipments that could be drawn, the lane each would have had and the probability stated, shape (m,).
        allowed: the probability below which the policy in force gives the green channel.
    """
    groups: Mapping[str, tuple[str, ...]] = {"all": (*RELEASED, "heightened_inspection"), "released": RELEASED} | {
        lane: (lane,) for lane in RELEASED
    }
    found = []
    for name, members in groups.items():
        ours, theirs = np.isin(drawn.lanes.astype(str), members), np.isin(lanes.astype(str), members)
        truth = floor = None
        if ours.any():
            firms = drawn.firms.only(ours)
            truth = calibration(name, drawn.stated[ours], drawn.outcomes[ours], firms)
            if firms.effective >= LEAST_FIRMS:
                floor = rate_interval(drawn.outcomes[ours], firms, 0.98).low
        estimate = float(stated[theirs].mean()) if theirs.any() else None
        found.append(LaneTruth(name, truth, int(theirs.sum()), estimate, allowed if name == GREEN else None, floor))
    return tuple(found)
