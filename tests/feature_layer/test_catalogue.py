"""Laws of the catalogue: every feature explains itself, every typology is seen, and the page is the definitions."""

import re
from pathlib import Path
from typing import get_args

import pytest

from data.simulator.schemes import NAMES
from features.catalogue import CREDIT, SETS, SHIPMENT, digest
from features.definitions import Feature, Theme, Unit
from features.forms import Category
from features.markdown import document
from features.typologies import TYPOLOGIES, Typology

FEATURES = SHIPMENT.features
_WINDOW = re.compile(r"_(\d+)d(?:$|_over_(\d+)d$)")


def test_the_shipment_is_judged_by_everything_that_the_enterprise_is_judged_by() -> None:
    assert set(CREDIT.features) < set(FEATURES)
    assert len(FEATURES) >= 150


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_feature_explains_itself(feature: Feature) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", feature.name)
    assert re.search(r"[\u4e00-\u9fff]", feature.zh)
    assert re.match(r"[A-Z]", feature.en)
    assert not feature.en.endswith(".")
    assert feature.group
    assert feature.source
    assert not re.search(r"\.(md|py|yaml)\b", feature.source)
    assert feature.theme in get_args(Theme)
    assert feature.unit in get_args(Unit)
    assert feature.direction in (-1, 0, 1)
    assert feature.is_category == (feature.unit == "code")
    assert not (feature.is_category and feature.direction)
    assert feature.expression.notation
    windows = {measure.days for measure in feature.expression.measures}
    named = _WINDOW.search(feature.name)
    if named is not None:
        assert {int(days) for days in named.groups() if days} <= windows
    elif not isinstance(feature.expression, Category):
        assert windows <= {None}, "a window is part of the name"


def test_no_two_features_read_alike() -> None:
    for texts in ([f.zh for f in FEATURES], [f.en for f in FEATURES], [f.expression for f in FEATURES]):
        doubles = {text for text in texts if texts.count(text) > 1}
        assert not doubles


def test_histories_stay_affordable() -> None:
    """A key is a read a decision; `latest` and `since` keep every observation, so they are for what is rare."""
    assert len({measure.key for measure in SHIPMENT.measures}) <= 16
    kept = {m.stream.kind for m in SHIPMENT.measures if m.operator in ("latest", "since")}
    assert kept <= {"identity", "supervision", "settlement", "public_credit"}


def test_credit_can_be_asked_for_by_a_shipment_and_by_an_identity() -> None:
    """Its questions come from both, so it looks at no fact, only at keys that both know."""
    fields = {field for measure in CREDIT.measures for field in measure.key.fields}
    assert fields == {"enterprise", "legal_person", "group_head"}
    assert all(feature.expression.measures for feature in CREDIT.features)


def test_the_sets_of_public_data_are_as_published() -> None:
    assert [digest(SETS[name])[:16] for name in ("korea", "scms")] == ["397b2d8db8d8cf17", "7758caec7811f59b"]


@pytest.mark.parametrize("typology", TYPOLOGIES, ids=lambda typology: typology.code)
def test_a_typology_has_features_that_could_see_it(typology: Typology) -> None:
    names = {feature.name for feature in FEATURES}
    assert set(typology.features) <= names
    assert len(set(typology.features)) == len(typology.features) >= 2
    said = {feature.name for feature in FEATURES if feature.source == typology.source}
    assert said <= set(typology.features), "a feature that names a typology as its source is named by it"


def test_the_schemes_of_the_simulated_world_are_typologies() -> None:
    assert set(NAMES) <= {typology.code for typology in TYPOLOGIES}


def test_the_page_is_the_definitions() -> None:
    page = Path(__file__).parents[2] / "docs" / "features.md"
    assert page.read_text(encoding="utf-8") == document(CREDIT, SHIPMENT), (
        "run python -m features.catalogue > docs/features.md"
    )
