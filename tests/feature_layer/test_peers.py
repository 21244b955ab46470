"""Peers: exact percentiles by mid-rank, and groups that are wide enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import FeatureError
from features.peers import Place, grouped, peers_of, read_rules, shipped_rules, standing

_VALUES = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.5, -3.0]), st.floats(-1e9, 1e9))
_PLACES = st.builds(
    Place,
    role=st.sampled_from(["ecommerce", "agent"]),
    band=st.sampled_from(["small", "large"]),
    district=st.sampled_from(["", "a", "b"]),
)
_FIRMS = st.lists(st.tuples(_PLACES, st.lists(_VALUES, min_size=2, max_size=2)), min_size=1, max_size=40)


@given(firms=_FIRMS, least=st.integers(2, 12))
def test_a_percentile_is_the_mid_rank_among_all_peers_own_firm_included(firms: list, least: int) -> None:
    groups = grouped(["x", "y"], firms)
    for place, row in firms:
        width, group = peers_of(groups, place, least)
        fields = {"role_band_district": 3, "role_band": 2, "role": 1}[width]

        def like(other: Place, fields: int = fields, place: Place = place) -> bool:
            names = ("role", "band", "district")[:fields]
            return all(getattr(other, name) == getattr(place, name) for name in names)

        peers = [values for other, values in firms if like(other)]
        assert group.firms == len(peers)
        assert group.firms >= least or width == "role"
        narrower = [sum(like(other, more) for other, _ in firms) for more in range(fields + 1, 4)]
        assert all(count < least for count in narrower)
        for column, name in enumerate(("x", "y")):
            given_values = [values[column] for values in peers if values[column] is not None]
            found = standing(group, name, row[column])
            if row[column] is None:
                assert found is None
                continue
            below = sum(other < row[column] for other in given_values)
            equal = sum(other == row[column] for other in given_values)
            assert found is not None
            assert found.percentile == 100 * (2 * below + equal) / (2 * len(given_values))
            assert (found.among, found.missing) == (len(given_values), len(peers) - len(given_values))


@given(firms=_FIRMS)
def test_the_percentiles_of_all_peers_average_fifty(firms: list) -> None:
    same = Place("ecommerce", "small", "a")
    group = grouped(["x", "y"], [(same, row) for _, row in firms])[same]
    found = [standing(group, "x", row[0]) for _, row in firms]
    percentiles = [one.percentile for one in found if one is not None]
    if percentiles:
        assert sum(percentiles) / len(percentiles) == pytest.approx(50)


def test_a_value_that_no_peer_has_stands_between_theirs_and_codes_stand_nowhere() -> None:
    place = Place("ecommerce", "small", "a")
    group = grouped(["x", "code"], [(place, [1.0, "CN"]), (place, [3.0, "US"])])[place]
    found = standing(group, "x", 2.0)
    assert found is not None
    assert found.percentile == 50
    assert standing(group, "code", "CN") is None
    assert standing(group, "unheard_of", 1.0) is None


def test_shipped_bands_cover_every_size_without_a_gap() -> None:
    rules = shipped_rules()
    bounds = [band.below_yuan for band in rules.bands[:-1]]
    for below, above, bound in zip(rules.bands, rules.bands[1:], bounds, strict=False):
        assert bound is not None
        assert rules.band(bound * 100 - 1) == below
        assert rules.band(bound * 100) == above
    assert rules.band(0) == rules.bands[0]
    assert rules.band(10**18) == rules.bands[-1]


@pytest.mark.parametrize(
    "text",
    [
        "least_firms: 1\nbands: [{code: a, zh: a, en: a}]",
        "least_firms: 20\nbands: []",
        "least_firms: 20\nbands: [{code: a, below_yuan: 5, zh: a, en: a}]",
        "least_firms: 20\nbands: [{code: a, below_yuan: 5, zh: a, en: a}, {code: b, below_yuan: 3, zh: b, en: b}, {code: c, zh: c, en: c}]",
        "least_firms: 20\nbands: [{code: a, below_yuan: 5, zh: a, en: a}, {code: a, zh: c, en: c}]",
        "least_firms: [",
    ],
)
def test_wrong_rules_are_refused_with_their_field(text: str) -> None:
    with pytest.raises(FeatureError, match=r"features/peers\.yaml"):
        read_rules(text)
