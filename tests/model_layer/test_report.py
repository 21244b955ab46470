"""The model report on a simulated world: all sections, its figures those of the dictionary, nothing from the net, sound HTML."""

import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import lightgbm
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from models.evaluation.drift import shifts
from models.evaluation.weighted import BUDGETS
from models.reports.card import card_of, markdown
from models.reports.charts import Axis, Chart, span
from models.reports.effects import dependence, effects_of
from models.reports.evidence import Evidence, evidence_of, figures_of
from models.reports.report import report, write_report
from models.training.train import Trained

_VOID = {"meta", "input", "br", "line", "circle", "rect", "polyline", "polygon", "path"}
_DRAWN = {"line", "circle", "rect", "polyline", "polygon", "path"}


class _Page(HTMLParser):
    """Tags balance, ids are single, and links within the page lead somewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        given = dict(attrs)
        if "id" in given:
            self.ids[str(given["id"])] += 1
        if "href" in given:
            self.links.append(str(given["href"]))
        if tag not in _VOID or (tag in _DRAWN and not self.get_starttag_text().endswith("/>")):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _VOID, f"<{tag}/> is not HTML"
        self.tags[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def challengers(trained: Trained) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(3).random(len(trained.outcomes))
    return {"scorecard": trained.folded.margins + chance, "rules": (chance > 0.8) * 1.0}


@pytest.fixture(scope="module")
def evidence(trained: Trained, challengers: dict[str, np.ndarray]) -> Evidence:
    return evidence_of(trained, challengers, replicates=100)


@pytest.fixture(scope="module")
def html(trained: Trained, evidence: Evidence, challengers: dict[str, np.ndarray]) -> str:
    return report(trained, evidence, challengers, {"features": 12.5, "tuning & folds": 3.0})


def test_the_report_is_sound_and_has_all_its_sections(html: str) -> None:
    page = _Page(html)
    assert set(page.ids.values()) == {1}
    assert all(link[1:] in page.ids for link in page.links)
    assert {
        "data", "metrics", "gains", "calibration", "stability", "drift", "fairness", "reasons", "tuning", "time", "limits",
        "card", "figures",
    } <= set(page.ids)  # fmt: skip
    assert page.tags["svg"] >= 20
    assert "tuning &amp; folds" in html
    assert "nan" not in [word.strip().lower() for word in page.words]
    assert not re.search(r"\b(nan|inf|None)\b", " ".join(page.words))


def test_the_score_that_shifts_is_that_of_one_model(trained: Trained, evidence: Evidence) -> None:
    """Models of folds differ by themselves, however little the enterprises have changed."""
    rows, bundle = trained.folded.rows, trained.bundle
    matrix = bundle.encoder.rows(trained.dataset.take(rows).columns)
    own = lightgbm.Booster(model_str=bundle.trees).predict(matrix, raw_score=True)
    (shift,) = shifts({"score": np.asarray(own)}, trained.dataset.asked_at[rows])
    assert evidence.score_shift is not None
    assert evidence.score_shift.psi == pytest.approx(shift.psi)
    (by_fold,) = shifts({"score": trained.folded.probabilities}, trained.dataset.asked_at[rows])
    assert by_fold.psi > shift.psi + 0.02


def test_it_says_whether_reasons_stay_and_what_uninspected_cases_taught(trained: Trained, html: str) -> None:
    found = trained.stability
    assert found is not None
    assert (
        f"Fitted anew on {found.refits} other samples of enterprises, the model gives {found.kept * 100:.0f} of 100"
        in html
    )
    assert "champion would not have given" not in html
    assert "reject inference" not in html
    manifest = trained.bundle.manifest
    other = replace(
        trained, stability=None,
        bundle=replace(trained.bundle, manifest=msgspec.structs.replace(manifest, parameters=manifest.parameters | {"reject_inference": 1_234})),
    )  # fmt: skip
    figures = evidence_of(other, reason_churn=0.25, replicates=100)
    told = report(other, figures, {}, {})
    assert "Whether reasons stay on other samples was not looked at" in told
    assert "Of 100 main reasons the present champion would not have given 25." in told
    assert "It also learned from 1,234 shipments that nobody inspected" in told
    assert (figures.figures["reason_churn"], "reasons_kept" in figures.figures) == (0.25, False)


def test_the_report_needs_no_net_and_no_script(html: str) -> None:
    assert not re.search(r"https?:|//[a-z]|<script|<link|<img|url\(|@import|javascript:| on[a-z]+=", html)
    assert len(html) < 2_000_000


def test_its_figures_are_those_that_are_logged(html: str, evidence: Evidence, trained: Trained) -> None:
    shown = dict(re.findall(r'<th scope="row" class="mono">(\w+)</th><td class="n">([-\d.e+]+)</td>', html))
    assert {name: float(shown[name]) for name in evidence.figures} == pytest.approx(
        evidence.figures, rel=1e-5, abs=1e-9
    )
    auc = evidence.views[0].estimates["auc"]
    assert f'{auc.value:.3f} <span class="ci">{auc.low:.3f}–{auc.high:.3f}</span>' in html
    assert trained.bundle.digest in html


def test_figures_are_those_of_the_training_and_more(trained: Trained, evidence: Evidence) -> None:
    figures, known = evidence.figures, trained.metrics.flat()
    assert {name: figures[name] for name in known} == pytest.approx(known)
    assert {
        "auc_low", "auc_high", "auc_population", "ece_population", "brier_population", "psi_score", "psi_feature_max",
        "inspection_parity_newcomer", "auc_scorecard", "auc_ahead_of_rules", "lift_at_5pct", "recovered_at_10pct",
    } <= set(figures)  # fmt: skip
    assert all(np.isfinite(value) for value in figures.values())
    for name in [name for name in figures if f"{name}_low" in figures and not name.startswith("ece")]:
        assert figures[f"{name}_low"] <= figures[name] + 1e-9, name
        assert figures[name] <= figures[f"{name}_high"] + 1e-9, name
    assert all(re.fullmatch(r"[\w]+", name) for name in figures)


def test_population_figures_weigh_rows_by_one_over_their_inspection(trained: Trained, evidence: Evidence) -> None:
    weights = 1 / trained.dataset.inclusion[trained.folded.rows]
    outcomes, said = trained.outcomes, trained.folded.probabilities
    figures = evidence.figures
    assert figures["auc_population"] == pytest.approx(roc_auc_score(outcomes, said, sample_weight=weights))
    assert figures["brier_population"] == pytest.approx(np.average((said - outcomes) ** 2, weights=weights))
    assert figures["base_rate_population"] == pytest.approx(np.average(outcomes, weights=weights))
    assert figures["base_rate_population"] != pytest.approx(figures["base_rate"])
    assert figures["ece_population"] == pytest.approx(evidence.reliability_population.ece)
    for segment in evidence.segments:  # parity, too, is of the population
        stands_for = dict.fromkeys((group.name for group in segment.groups), 0.0)
        for label, weight in zip(trained.dataset.segments[segment.name][trained.folded.rows], weights, strict=True):
            stands_for["unknown" if label is None else label] += weight / weights.sum()
        inspected = sum(stands_for[group.name] * group.inspection_rate.value for group in segment.groups)
        assert inspected == pytest.approx(np.ceil(weights.sum() / 10) / weights.sum())


def test_firms_not_learned_of_are_those_without_a_known_row_before(trained: Trained, evidence: Evidence) -> None:
    data, folded, cold = trained.dataset, trained.folded, 0
    for fold in np.unique(folded.fold):
        own = folded.rows[folded.fold == fold]
        begin = min(data.asked_at[own])
        learned = {
            data.enterprises[n] for n in range(len(data)) if data.known_at[n] <= begin and data.asked_at[n] < begin
        }
        cold += sum(data.enterprises[row] not in learned for row in own)
    assert sum(line.cold_rows for line in evidence.folds) == cold > 0
    assert sum(line.rows for line in evidence.folds) == len(folded.rows)
    cold_view, known_view = evidence.view("cold_firms"), evidence.view("known_firms")
    assert known_view is not None
    assert known_view.rows == len(folded.rows) - cold
    assert cold_view is None or cold_view.rows == cold


def test_the_same_run_gives_the_same_report_whatever_the_order_of_rows(
    trained: Trained, evidence: Evidence, challengers: dict[str, np.ndarray], html: str
) -> None:
    again = report(
        trained,
        evidence_of(trained, challengers, replicates=100),
        challengers,
        {"features": 12.5, "tuning & folds": 3.0},
    )
    assert again == html
    turned = np.random.default_rng(1).permutation(len(trained.folded.rows))
    folded = replace(
        trained.folded,
        **{
            name: getattr(trained.folded, name)[turned]
            for name in ("rows", "fold", "margins", "probabilities", "final")
        },
    )
    other = evidence_of(
        replace(trained, folded=folded), {name: scores[turned] for name, scores in challengers.items()}, replicates=100
    )
    assert other.figures == pytest.approx(evidence.figures, abs=1e-9)


def test_without_recorded_probabilities_nothing_is_said_of_the_population(trained: Trained) -> None:
    blind = replace(trained, dataset=replace(trained.dataset, inclusion=np.full(len(trained.dataset), np.nan)))
    found = evidence_of(blind, replicates=30)
    assert found.view("population") is None
    assert not [name for name in found.figures if name.endswith("_population")]
    text = report(blind, found, {}, {})
    assert "No probability of inspection is recorded" in text
    assert "No challenger was given" in text
    assert "No timings were given" in text
    _Page(text)


def test_a_model_that_ranks_by_chance_is_not_praised(trained: Trained) -> None:
    chance = np.random.default_rng(5).random(len(trained.outcomes))
    blind = replace(trained, folded=replace(trained.folded, probabilities=chance))
    found = evidence_of(blind, {"model": trained.folded.probabilities}, replicates=100)
    auc = found.views[0].estimates["auc"]
    assert auc.low < 0.5 < auc.high
    assert found.contests[0].ahead.high < 0
    assert found.reliability.error.low > 0.1
    assert "read the scores as ranks rather than as probabilities" in report(blind, found, {}, {})


def test_files_are_written_and_say_the_same(
    trained: Trained, evidence: Evidence, challengers: dict[str, np.ndarray], tmp_path: Path
) -> None:
    files = write_report(trained, tmp_path / "new", challengers, evidence=evidence)
    assert [file.name for file in files] == ["report.html", "card.md", "figures.json"]
    assert json.loads(files[2].read_text(encoding="utf-8")) == evidence.figures
    card = files[1].read_text(encoding="utf-8")
    assert card == markdown(card_of(trained, evidence), "shipment")
    for title in ("Intended use", "Must not be used", "Factors", "Metrics", "Training data", "Ethical", "Caveats"):
        assert f"## {title}" in card
    assert trained.bundle.digest in card
    assert "a score alone lists nobody" in card


def test_figures_alone_are_those_of_the_evidence(trained: Trained) -> None:
    assert figures_of(trained) == evidence_of(trained).figures
    assert {f"precision_at_{share * 100:g}pct" for share in BUDGETS} <= set(figures_of(trained))


def test_contributions_add_up_to_the_margin_and_dependence_is_the_model_asked(trained: Trained) -> None:
    effects = effects_of(trained, rows=200)
    booster = lightgbm.Booster(model_str=trained.bundle.trees)
    margins = booster.predict(effects.matrix, raw_score=True)
    assert effects.contributions.sum(axis=1) + effects.base == pytest.approx(margins, abs=1e-9)
    assert list(effects.importance.values()) == sorted(effects.importance.values(), reverse=True)
    name = next(name for name in effects.importance if name not in effects.codes)
    found = dependence(trained, effects, name, rows=50)
    changed = effects.matrix[:50].copy()
    changed[:, effects.order.index(name)] = found.grid[-1]
    asked = booster.predict(changed, raw_score=True)
    assert found.mean[-1] == pytest.approx(asked.mean())
    assert found.single.mean(axis=1) == pytest.approx(0, abs=1e-12)
    coded = next(iter(effects.codes))
    assert [effects.code(coded, number) for number in (0, 1, 2)] == ["(none)", "(rare)", effects.codes[coded][0]]


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=20), st.text(max_size=20))
def test_a_chart_stays_within_its_frame_and_escapes_words(values: list[float], label: str) -> None:
    finite = [value for value in values if abs(value) < 1e12]
    chart = Chart(Axis(*span(finite), label), Axis(0, len(values), labels=[label] * 3), 400, 200)
    chart.dots(values, range(len(values)), "model", notes=[label] * len(values))
    chart.line(values, values, "model")
    chart.bars([0.0], finite[:1] or [1.0], "model", notes=[label])
    drawn = str(chart.svg(label))
    _Page(drawn)
    for x, y in re.findall(r'cx="([-\d.]+)" cy="([-\d.]+)"', drawn):
        assert 0 <= float(x) <= 400
        assert 0 <= float(y) <= 200
