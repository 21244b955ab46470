"""The model report: one file that opens without a net and without a script, for a regulator and a data scientist alike."""

import json
from collections.abc import Mapping
from functools import cache
from math import isfinite
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from numpy.typing import NDArray

from data.times import CHINA, from_instant
from features.definitions import Feature
from models.evaluation.fairness import UNKNOWN, Group, Segment
from models.reports import drawings, sentences
from models.reports.card import card_of, markdown
from models.reports.effects import Effects, dependence, effects_of
from models.reports.evidence import FAIR_BUDGET, Evidence, evidence_of
from models.reports.sentences import Words
from models.training.train import Trained

Floats = NDArray[np.float64]
_SHOWN_SHIFTS, _SHOWN_GROUPS, _DEPENDENCE, _PARTIAL = 15, 12, 6, 3


def write_report(
    trained: Trained, folder: Path, challengers: Mapping[str, Floats] | None = None,
    timings: Mapping[str, float] | None = None, *, evidence: Evidence | None = None,
) -> list[Path]:  # fmt: skip
    """Write the report, the model card and the figures of a trained model; returns the files.

    Arguments:
        challengers: other scores of the folded rows by name, greater is riskier, each of shape (m,).
        timings: seconds by what they were spent on.
        evidence: of the same model and challengers, where it was already computed.
    """
    found = evidence or evidence_of(trained, challengers)
    contents = {
        "report.html": report(trained, found, challengers or {}, timings or {}),
        "card.md": markdown(card_of(trained, found), trained.bundle.manifest.model),
        "figures.json": json.dumps(found.figures, indent=1, sort_keys=True) + "\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8")
    return [folder / name for name in contents]


def report(
    trained: Trained, evidence: Evidence, challengers: Mapping[str, Floats], timings: Mapping[str, float]
) -> str:
    """The report as HTML. Arguments as for `write_report`."""
    features = {feature.name: feature for feature in trained.dataset.features.features}
    effects = effects_of(trained)
    numeric = [name for name in effects.importance if name not in effects.codes]
    partial = {name: dependence(trained, effects, name) for name in numeric[:_PARTIAL]}
    ones, hinged = np.ones(len(trained.outcomes)), trained.tuned.importance
    return _environment().get_template("report.html").render(
        e=evidence, m=trained.bundle.manifest, digest=trained.bundle.digest, data=trained.dataset, trials=trained.tuned.trials,
        features=features, card=card_of(trained, evidence), timings=timings, fair_budget=FAIR_BUDGET,
        key=sentences.key(evidence), fairness=sentences.fairness(evidence),
        bounds=sentences.bounds(evidence, trained.dataset.features.about, trained.rejects),
        reasons=sentences.reasons(evidence),
        calibration=sentences.calibration(evidence), drift=sentences.drift(evidence),
        number=sentences.number, percent=sentences.percent, day=_day, segment_name=_segment_name,
        shifts=evidence.feature_shifts[:_SHOWN_SHIFTS], groups=_groups, themes=_by_theme(effects, features),
        importance=list(effects.importance.items())[:_SHOWN_SHIFTS], sampled=len(effects.matrix),
        reliability=drawings.reliability_chart(evidence.reliability),
        reliability_population=drawings.reliability_chart(evidence.reliability_population),
        histogram=drawings.histogram(trained.folded.probabilities, trained.outcomes),
        gains=drawings.gains_chart(trained, challengers, ones),
        gains_population=drawings.gains_chart(trained, challengers, trained.weights),
        challengers=list(challengers), has_duty=bool(trained.dataset.recovered_fen[trained.folded.rows].any()),
        months=drawings.months_chart(evidence.months),
        shift_chart=drawings.shift_chart(
            evidence.feature_shifts[:_SHOWN_SHIFTS], {name: drawings.short(one) for name, one in features.items()}
        ),
        segment_chart=lambda segment, rate, title: _segment_chart(evidence, segment, rate, title),
        swarm=drawings.swarm_chart(effects, features),
        theme_chart=drawings.bars_chart(_by_theme(effects, features), "mean absolute contribution, log-odds"),
        dependences=[drawings.dependence_chart(effects, features[n]) for n in list(effects.importance)[:_DEPENDENCE]],
        partials=[drawings.partial_chart(one, features[name]) for name, one in partial.items()],
        tuning=drawings.tuning_chart(trained),
        parameters=drawings.bars_chart(hinged, "share of what settings change") if hinged else "",
        timing_chart=drawings.bars_chart(timings, "seconds", said="{:,.1f} s") if timings else "",
    )  # fmt: skip


def _segment_chart(evidence: Evidence, segment: Segment, rate: str, title: str) -> Markup:
    of_all = {"hit_rate": f"precision_at_{FAIR_BUDGET * 100:g}pct", "inspection_rate": ""}[rate]
    view = evidence.view("population") or evidence.views[0]
    whole = view.estimates[of_all].value if of_all else FAIR_BUDGET
    return drawings.segment_chart(segment, _groups(segment), rate, whole, title)


def _groups(segment: Segment) -> list[Group]:
    """The groups that are shown: the largest."""
    return list(segment.groups[:_SHOWN_GROUPS])


def _by_theme(effects: Effects, features: Mapping[str, Feature]) -> dict[str, float]:
    """Mean absolute contribution of each theme (of the sum over its features), the greatest first."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(effects.order):
        places.setdefault(features[name].theme.replace("_", " "), []).append(place)
    amounts = {theme: float(np.abs(effects.contributions[:, own].sum(axis=1)).mean()) for theme, own in places.items()}
    return dict(sorted(amounts.items(), key=lambda item: -item[1]))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("models.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["both"] = _both
    environment.globals["UNKNOWN"] = UNKNOWN
    environment.tests["finite"] = lambda value: isinstance(value, float) and isfinite(value)
    return environment


def _both(words: Words) -> Markup:
    """A text in both languages, of which the reader's switch shows one or both."""
    en, zh = words
    if en == zh:
        return Markup("{}").format(en)
    return Markup('<span lang="en">{}</span> <span lang="zh">{}</span>').format(escape(en), escape(zh))


def _segment_name(name: str) -> Words:
    return name, sentences.SEGMENTS.get(name, name)


def _day(instant: int) -> str:
    return f"{from_instant(instant).astimezone(CHINA):%Y-%m-%d}"
