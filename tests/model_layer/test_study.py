"""Each feature of a dataset alone."""

from dataclasses import replace

import numpy as np

from models.training.dataset import Dataset
from models.training.study import studied


def test_a_study_tells_of_every_feature_and_ranks_by_information(shipments: Dataset) -> None:
    found = studied(shipments)
    assert {one.name for one in found} == {feature.name for feature in shipments.features.features}
    assert [one.information for one in found] == sorted((one.information for one in found), reverse=True)
    assert found[0].information > found[0].information_limit
    assert all(0 <= one.missing <= 1 and one.psi >= 0 for one in found)


def test_shuffled_outcomes_stay_within_what_chance_shows(shipments: Dataset) -> None:
    """Shuffled, shipments are independent, so that nearly all features stay below their limit."""
    shuffled = np.random.default_rng(3).permutation(shipments.outcomes)
    found = [one for one in studied(replace(shipments, outcomes=shuffled)) if one.information_limit > 0]
    assert np.mean([one.information > one.information_limit for one in found]) < 0.12


def test_shuffled_times_stay_within_what_chance_shows(shipments: Dataset) -> None:
    shuffled = np.random.default_rng(4).permutation(shipments.asked_at)
    found = [one for one in studied(replace(shipments, asked_at=shuffled)) if one.psi_limit > 0]
    assert np.mean([one.psi > one.psi_limit for one in found]) < 0.12
