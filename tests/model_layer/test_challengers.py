"""Laws of the challengers: points that add up, the same in SQL, never against a direction, fair on the folds; rules as written."""

import sqlite3
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import ModelError, TooFewLabelsError
from features.batch import Values
from features.catalogue import SETS
from features.definitions import Feature, FeatureSet
from features.forms import Category, Fact
from models.challengers.binning import bin_feature, effective, places
from models.challengers.compare import compare
from models.challengers.export import FORMATS, sql, table
from models.challengers.rules import read_rules, shipped_rules
from models.challengers.scorecard import MOST, MOST_CORRELATED, Scorecard, fit_scorecard
from models.training.dataset import Dataset
from models.training.splits import forward_folds

SOURCE = 'some "features'
_LAWS = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def card(shipments: Dataset) -> Scorecard:
    return fit_scorecard(shipments)


def _number(direction: int) -> Feature:
    return Feature("x", "shipment", Fact("x"), "x", "x", "number", direction)  # type: ignore[arg-type]


def _drawn(seed: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    values = rng.choice([rng.normal(size=size), rng.integers(0, 5, size).astype(float)])
    values[rng.random(size) < 0.1] = np.nan
    bent = np.nan_to_num(np.sin(2 * values), nan=0.5)
    outcomes = (rng.random(size) < 1 / (1 + np.exp(1 - bent))).astype(np.int64)
    return values, outcomes, rng.choice([1.0, 20.0], size)


@_LAWS
@given(seed=st.integers(0, 10_000), size=st.integers(60, 400), direction=st.sampled_from([-1, 1]))
def test_evidence_never_turns_against_the_direction_of_its_feature(seed: int, size: int, direction: int) -> None:
    values, outcomes, weights = _drawn(seed, size)
    binned = bin_feature(_number(direction), values, outcomes, weights)
    *ranges, _missing = binned.woe
    assert all((later - earlier) * direction >= -1e-12 for earlier, later in pairwise(ranges))


def _lies_in(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or low <= value) and (high is None or value < high)


@_LAWS
@given(seed=st.integers(0, 10_000), size=st.integers(60, 400))
def test_every_value_falls_into_the_one_bin_that_names_it(seed: int, size: int) -> None:
    values, outcomes, weights = _drawn(seed, size)
    bins = bin_feature(_number(0), values, outcomes, weights).bins
    edges = [one.high for one in bins if one.high is not None]
    asked = np.array([*values[:40], *edges, *np.nextafter(edges, -np.inf), -1e300, 1e300, np.nan])
    for value, place in zip(asked, places(bins, asked), strict=True):
        holding = [
            n
            for n, one in enumerate(bins)
            if (np.isnan(value) and one.kind == "missing")
            or (not np.isnan(value) and one.kind == "range" and _lies_in(value, one.low, one.high))
        ]
        assert holding == [place]


@_LAWS
@given(seed=st.integers(0, 10_000))
def test_codes_of_their_own_for_missing_and_unseen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.choice(np.array(["a", "b", "c", "d", None], dtype=object), 300)
    codes[:2] = "rare"
    outcomes = (rng.random(300) < np.where(codes == "a", 0.6, 0.2)).astype(np.int64)
    feature = Feature("c", "shipment", Category("c"), "c", "c", "code")
    binned = bin_feature(feature, codes, outcomes, np.ones(300))
    at = places(binned.bins, np.array(["rare", "never", None, "a"], dtype=object))
    assert [binned.bins[place].kind for place in at] == ["unseen", "unseen", "missing", "codes"]
    assert "a" in binned.bins[at[3]].codes
    named = [code for one in binned.bins for code in one.codes]
    assert sorted(named) == ["a", "b", "c", "d"]


@_LAWS
@given(seed=st.integers(0, 10_000), factor=st.floats(0.01, 1000))
def test_equal_weights_are_no_weights(seed: int, factor: float) -> None:
    values, outcomes, _ = _drawn(seed, 200)
    plain = bin_feature(_number(1), values, outcomes, np.ones(200))
    scaled = bin_feature(_number(1), values, outcomes, np.full(200, factor))
    assert plain.bins == scaled.bins
    assert plain.woe == pytest.approx(scaled.woe)
    assert effective(np.full(200, factor)).sum() == pytest.approx(200)


def test_few_questions_with_great_weights_tell_little() -> None:
    weights = np.r_[np.ones(98), 1000.0, 1000.0]
    assert 2 <= effective(weights).sum() < 2.5


def test_a_score_is_the_base_and_the_points_of_one_bin_each(shipments: Dataset, card: Scorecard) -> None:
    by_hand = np.full(len(shipments), card.base)
    for one in card.characteristics:
        by_hand += np.array([one.points[place] for place in places(one.bins, shipments.columns[one.name])])
    assert (card.scores(shipments.columns) == by_hand).all()
    assert (card.scores(shipments.columns) == card.base + card.parts(shipments.columns).sum(axis=1)).all()


def test_the_same_data_give_the_same_card(shipments: Dataset, card: Scorecard) -> None:
    assert fit_scorecard(shipments) == card


def test_a_card_is_small_and_points_the_right_way(shipments: Dataset, card: Scorecard) -> None:
    assert 3 <= len(card.characteristics) <= MOST
    for one in card.characteristics:
        assert one.coefficient > 0
        for points, woe in zip(one.points, one.binned.woe, strict=True):
            assert abs(points - card.scale.factor * one.coefficient * woe) <= 0.5
    evidence = np.stack([one.binned.evidence(shipments.columns[one.name]) for one in card.characteristics], axis=1)
    covariance = np.cov(evidence, rowvar=False, aweights=shipments.weights)
    spread = np.sqrt(np.diag(covariance))
    correlated = covariance / np.outer(spread, spread)
    assert np.abs(correlated - np.eye(len(correlated))).max() <= MOST_CORRELATED + 1e-9


def test_greater_log_odds_are_more_violations(shipments: Dataset, card: Scorecard) -> None:
    """In the population that the weights speak for, and as many as there are."""
    odds = card.log_odds(shipments.columns)
    stated = np.average(1 / (1 + np.exp(-odds)), weights=shipments.weights)
    assert stated == pytest.approx(np.average(shipments.outcomes, weights=shipments.weights), rel=0.05)


def _in_sqlite(card: Scorecard, columns: dict[str, Values]) -> list[int]:
    with sqlite3.connect(":memory:") as connection:
        kinds = ", ".join(f'"{name}" {"TEXT" if v.dtype == object else "REAL"}' for name, v in columns.items())
        connection.execute(f'CREATE TABLE "some ""features" (row INTEGER, {kinds})')
        rows = zip(*(_given(values) for values in columns.values()), strict=True)
        marks = ", ".join("?" * (len(columns) + 1))
        connection.executemany(
            f'INSERT INTO "some ""features" VALUES ({marks})', [(n, *row) for n, row in enumerate(rows)]
        )
        found = connection.execute(f"SELECT score FROM ({sql(card, SOURCE)}) ORDER BY row").fetchall()
    connection.close()
    return [score for (score,) in found]


def _given(values: Values) -> list[float | str | None]:
    if values.dtype == object:
        return list(values)
    return [None if np.isnan(value) else float(value) for value in values]


def test_sql_gives_the_same_score_for_every_row(shipments: Dataset, card: Scorecard) -> None:
    columns = {one.name: shipments.columns[one.name] for one in card.characteristics}
    assert any(None in _given(values) for values in columns.values())
    assert _in_sqlite(card, columns) == card.scores(columns).tolist()


@_LAWS
@given(data=st.data())
def test_sql_gives_the_same_score_at_every_edge(shipments: Dataset, card: Scorecard, data: st.DataObject) -> None:
    """Also of values that training never saw, of unseen codes with quotes, and of what is missing."""
    columns: dict[str, Values] = {}
    for one in card.characteristics:
        if one.binned.feature.is_category:
            known = [code for held in one.bins for code in held.codes]
            drawn = data.draw(st.lists(st.sampled_from([*known, "it's new", None]), min_size=5, max_size=5))
            columns[one.name] = np.array(drawn, dtype=object)
        else:
            edges = [held.high for held in one.bins if held.high is not None]
            near = [
                value for edge in edges for value in (edge, np.nextafter(edge, -np.inf), np.nextafter(edge, np.inf))
            ]
            some = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([*near, np.nan, 0.0, -0.0])
            columns[one.name] = np.array(data.draw(st.lists(some, min_size=5, max_size=5)))
    assert _in_sqlite(card, columns) == card.scores(columns).tolist()


def test_the_table_names_every_bin_in_every_format(card: Scorecard) -> None:
    rows = table(card)
    assert [row.points for row in rows] == [points for one in card.characteristics for points in one.points]
    for write in FORMATS.values():
        text = write(card)
        assert str(card.base) in text
        assert all(row.feature in text and str(row.points) in text for row in rows)


def test_a_challenger_of_a_fold_never_saw_its_outcomes(shipments: Dataset) -> None:
    folds = forward_folds(shipments, 2)
    rows = np.concatenate([np.flatnonzero(fold.valid) for fold in folds])
    found = compare(shipments, folds)
    assert {name: len(scores) for name, scores in found.items()} == {"scorecard": len(rows), "rules": len(rows)}
    turned = shipments.outcomes.copy()
    turned[folds[-1].valid] = 1 - turned[folds[-1].valid]
    again = compare(replace(shipments, outcomes=turned), folds)
    assert (again["scorecard"] == found["scorecard"]).all()
    assert (again["rules"] == found["rules"]).all()


def test_rules_stand_aside_where_the_features_are_not_theirs_and_a_scorecard_where_outcomes_are_few(
    shipments: Dataset,
) -> None:
    home, folds = shipped_rules(SETS["shipment"]), forward_folds(shipments, 2)
    assert shipped_rules(SETS["korea"]).rules == ()
    spoken = {condition.feature for condition in home.rules[0].when}
    some = FeatureSet("some", "shipment", tuple(f for f in shipments.features.features if f.name in spoken))
    assert home.rules[0] in shipped_rules(some).rules
    assert len(shipped_rules(some).rules) < len(home.rules)
    others = FeatureSet("others", "shipment", tuple(f for f in shipments.features.features if f.theme == "transaction"))
    assert set(compare(shipments.only(others), folds)) == {"scorecard"}
    few = replace(shipments, outcomes=shipments.outcomes * (np.cumsum(shipments.outcomes) % 20 == 1))
    assert set(compare(few, folds)) == {"rules"}


def test_too_few_outcomes_are_refused(shipments: Dataset) -> None:
    with pytest.raises(TooFewLabelsError, match="import more"):
        fit_scorecard(shipments.take(np.arange(20)))


@pytest.mark.parametrize("name", ["shipment", "credit"])
def test_a_shipped_rule_fires_at_its_threshold_and_nowhere_before(name: str) -> None:
    features = SETS[name]
    rules = shipped_rules(features)
    nothing = {
        f.name: np.array([None], dtype=object) if f.is_category else np.array([np.nan]) for f in features.features
    }
    assert not rules.fired(nothing).any()
    assert rules.scores(nothing).tolist() == [0]
    for place, rule in enumerate(rules.rules):
        at, beside = dict(nothing), dict(nothing)
        for c in rule.when:
            edge = c.at_least if c.at_least is not None else c.at_most
            if c.equals is not None:
                at[c.feature], beside[c.feature] = np.array([c.equals], object), np.array([c.equals], object)
            else:
                away = -np.inf if c.at_least is not None else np.inf
                at[c.feature], beside[c.feature] = np.array([edge]), np.array([np.nextafter(edge, away)])
        assert rules.fired(at)[0, place]
        assert not rules.fired(beside)[0, place]
        assert rules.scores(at)[0] == sum(r.points for r, f in zip(rules.rules, rules.fired(at)[0], strict=True) if f)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("feature: hits, at_least: 1", "no such feature"),
        ("feature: hits_365d", "needs one of"),
        ("feature: hits_365d, at_least: 1, at_most: 2", "needs one of"),
        ("feature: hits_365d, is: JP", "goes with codes"),
        ("feature: hits_365d, at_leest: 1", "at_leest"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_name(change: str, said: str) -> None:
    text = f"credit: [{{code: c, points: 1, when: [{{{change}}}], zh: 中, en: e, source: s}}]"
    with pytest.raises(ModelError, match=said):
        read_rules(text, SETS["credit"], model="credit")
