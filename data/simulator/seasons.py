"""How many trades a day holds, relative to the mean day."""

from datetime import date, timedelta

import numpy as np

from data.simulator.draws import Floats
from data.simulator.parameters import Parameters


def factors(parameters: Parameters) -> Floats:
    """Factor on trade of each day, shape (days,), with mean 1."""
    season = parameters.season
    before, after = season.spring_festival_days
    result = []
    for offset in range(parameters.days - 1, -1, -1):
        day = parameters.end_date - timedelta(days=offset)
        factor = season.weekday[day.weekday()]
        for period in season.periods:
            if period.first <= f"{day:%m-%d}" <= period.last:
                factor *= period.factor
        if any(-before <= _days(festival, day) <= after for festival in season.spring_festival):
            factor *= season.spring_festival_factor
        result.append(factor)
    mean = sum(result) / len(result)
    return np.array([factor / mean for factor in result], dtype=np.float64)


def _days(first: date, second: date) -> int:
    return (second - first).days
