"""Populations of firms whose questions resemble each other, for the laws of monitoring."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.monitoring.firms import Firms
from models.monitoring.reference import Column

CODES = ("a", "b", "c", "d", "e")
KNOWN = {"own_code": CODES, "case_code": CODES}
_SHARES = (0.5, 0.2, 0.15, 0.1, 0.05)


@dataclass(frozen=True)
class Population:
    """Questions of firms of unequal size: features of the case, of the firm, of both; some missing, some codes."""

    names: NDArray[np.object_]
    columns: dict[str, Column]
    probabilities: NDArray[np.float64]
    at: NDArray[np.int64]

    @property
    def firms(self) -> Firms:
        return Firms.of(self.names)


def population(seed: int, *, firms: int = 200, questions: int = 1_500) -> Population:
    random = np.random.default_rng(seed)
    sizes = random.pareto(3.0, firms) + 0.5
    who = random.choice(firms, questions, p=sizes / sizes.sum())
    flag, own = random.random(firms) < 0.2, random.normal(size=firms)
    source_fails = random.normal(size=questions)
    source_fails[(random.random(firms) < 0.15)[who]] = np.nan
    sometimes = random.normal(size=questions)
    sometimes[random.random(questions) < 0.02] = np.nan
    codes = np.array(CODES, dtype=object)
    columns: dict[str, Column] = {
        "case": random.normal(size=questions), "own": own[who], "own_flag": flag[who].astype(float),
        "both": random.normal(size=firms)[who] + random.normal(size=questions),
        "count": random.poisson(0.4, questions).astype(float), "source_fails": source_fails, "sometimes": sometimes,
        "own_code": codes[random.choice(5, firms, p=_SHARES)][who], "case_code": codes[random.choice(5, questions, p=_SHARES)],
    }  # fmt: skip
    odds = own[who] + random.normal(size=questions) - 3
    names = np.array([f"firm-{place}" for place in who], dtype=object)
    return Population(names, columns, 1 / (1 + np.exp(-odds)), np.arange(questions, dtype=np.int64))
