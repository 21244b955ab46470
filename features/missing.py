"""Why a feature has no value: an expected outcome that people are told in words."""

from collections.abc import Mapping
from typing import Literal

from features.definitions import Feature
from features.forms import Category, Deviation, Fact, Ratio, Value, ZScore
from features.measures import Measure
from features.questions import Question

Gap = Literal["no_key", "not_given", "no_base", "too_few", "no_record"]
"""What it is about is not known; the question does not say it; nothing to divide by; too few or equal observations; no record."""


def gap_of(feature: Feature, value: Value, measured: Mapping[Measure, int | None], question: Question) -> Gap | None:
    """Why a feature has no value at the moment of a question.

    Arguments:
        value: the feature's value; there is no gap where it is given.
        measured: the measures that it was computed from.
    """
    if value is not None:
        return None
    form = feature.expression
    if any(measure.key.of(question.facts) is None for measure in form.measures):
        return "no_key"
    if isinstance(form, Fact | Category) or (isinstance(form, ZScore) and question.facts.get(form.fact) is None):
        return "not_given"
    if isinstance(form, Deviation | ZScore):
        return "too_few"
    if isinstance(form, Ratio) and all(measured[measure] is not None for measure in form.measures):
        return "no_base"
    return "no_record"
