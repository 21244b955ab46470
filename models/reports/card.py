"""The model card: what a model is for and not for, what it was made from, how well it does, and where it ends.

Source: Mitchell et al., Model Cards for Model Reporting (FAT* 2019), whose nine parts these are.
"""

from dataclasses import dataclass
from importlib.metadata import version
from platform import python_version

from data.times import CHINA, from_instant
from models.reports.evidence import Evidence
from models.reports.sentences import SEGMENTS, Words, bounds, fairness, key
from models.training.train import Trained

_LIBRARIES = ("lightgbm", "numpy", "scikit-learn", "optuna")
_USES: dict[str, tuple[list[Words], list[Words]]] = {
    "shipment": (
        [
            ("Ranking shipments for inspection within an office's capacity, beside mandatory rules and random selection.",
             "在关区查验能力内对货物排序，与强制规则、随机抽查并用。"),
            ("Telling officers what speaks for and against an inspection.", "向关员说明支持与不支持查验的理由。"),
        ],
        [
            ("To prove a violation or to fix a duty or penalty: only an inspection finds facts.",
             "证明违规，或核定税款、处罚：事实只能由查验认定。"),
            ("To switch off random selection: without it nobody learns what the model misses.",
             "取代随机抽查：否则无从得知模型遗漏了什么。"),
        ],
    ),
    "credit": (
        [
            ("Grading enterprises by the probability of a serious violation in the performance window, for risk management.",
             "按表现期内严重违规的概率对企业分级，用于风险管理。"),
            ("Telling officers and the enterprise what speaks for and against it.", "向关员和企业说明加分与减分的理由。"),
        ],
        [
            ("To set the statutory level, which comes from law and officers alone.", "认定法定信用等级：只能依法由海关认定。"),
            ("For loans, employment or any purpose outside customs supervision.", "用于贷款、雇佣等海关监管以外的目的。"),
        ],
    ),
}  # fmt: skip
_NEVER: Words = (
    "To put anyone on a list of serious dishonesty: a score alone lists nobody; a listing names statutory grounds, evidence and "
    "the approving officers.",
    "将任何主体列入严重失信名单：评分本身不列入任何主体；列入须有法定事由、证据和审批人员。",
)
_ETHICS: list[Words] = [
    ("Risk-based selection must not discriminate arbitrarily between traders (WTO Trade Facilitation Agreement, art. 7.4).",
     "基于风险的选查不得在贸易商之间任意歧视（世贸组织《贸易便利化协定》第7.4条）。"),
    ("Who is affected heavily may ask for an explanation and refuse a decision by machine alone (PIPL art. 24).",
     "受重大影响者有权要求说明并拒绝仅由自动化作出的决定（《个人信息保护法》第二十四条）。"),
    ("Persons enter as keyed pseudonyms only, and a record that was repaired leaves every feature at once.",
     "自然人仅以加密假名出现；信用修复后的记录立即退出所有特征。"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the card: its title and its lines, in English and Chinese."""

    title: Words
    lines: tuple[Words, ...]


def card_of(trained: Trained, evidence: Evidence) -> tuple[Part, ...]:
    """The model card of a trained model."""
    manifest, data = trained.bundle.manifest, trained.dataset
    uses, misuses = _USES.get(manifest.model, _USES["shipment"])
    view = evidence.views[0]
    sensitive = [f for f in data.features.features if f.sensitive]
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        Part(("Model", "模型"), (
            (f"{manifest.model}: gradient-boosted trees (LightGBM), {len(manifest.order)} features, monotone where law or sense "
             "demands it, with calibrated probabilities.",
             f"{manifest.model}：梯度提升树（LightGBM），{len(manifest.order)} 个特征，依法或依常理施加单调约束，概率经过校准。"),
            _same(f"digest / 摘要 {trained.bundle.digest}"),
            _same(f"snapshot / 快照 {manifest.snapshot}"),
            _same(f"feature set / 特征集 {manifest.feature_set}, catalogue / 目录 {manifest.catalogue}"),
            _same(f"Python {python_version()}, {libraries}"),
        )),
        Part(("Intended use", "预期用途"), tuple(uses)),
        Part(("Must not be used", "禁止用途"), (*misuses, _NEVER)),
        Part(("Factors", "影响因素"), (
            (f"Looked at apart by {', '.join(data.segments) or 'nothing: no segment is known'}.",
             f"分组考察：{'、'.join(SEGMENTS.get(name, name) for name in data.segments) or '无'}。"),
            (f"{len(sensitive)} features could stand for a place, a size or an age: "
             f"{'; '.join(f.en for f in sensitive) or 'none'}.",
             f"{len(sensitive)} 个特征可能间接反映地域、规模或年限：{'；'.join(f.zh for f in sensitive) or '无'}。"),
        )),
        Part(("Metrics", "指标"), tuple(key(evidence))),
        Part(("Evaluation data", "评价数据"), (
            (f"{view.rows:,} rows of {len(evidence.folds)} forward folds, {view.hits:,} violations of {view.enterprises:,} "
             f"enterprises, {_day(evidence.folds[0].begin)} to {_day(evidence.folds[-1].end)}; each scored by a model that had "
             "learned only from what was known before.",
             f"{len(evidence.folds)} 个前向折共 {view.rows:,} 行、{view.enterprises:,} 家企业、{view.hits:,} 个违规，"
             f"{_day(evidence.folds[0].begin)} 至 {_day(evidence.folds[-1].end)}；评分模型只使用此前已知的数据。"),
        )),
        Part(("Training data", "训练数据"), (
            (f"{len(data):,} rows with outcomes, {_day(int(data.asked_at.min()))} to {_day(int(data.asked_at.max()))}, outcomes "
             f"known until {_day(manifest.trained_until)}; {data.outcomes.mean():.1%} are violations.",
             f"{len(data):,} 行有结果的样本，{_day(int(data.asked_at.min()))} 至 {_day(int(data.asked_at.max()))}，结果截至 "
             f"{_day(manifest.trained_until)}；违规占 {data.outcomes.mean():.1%}。"),
        )),
        Part(("Ethical considerations", "伦理考量"), (*_ETHICS, *fairness(evidence))),
        Part(("Caveats", "局限"), tuple(bounds(evidence, data.features.about, trained.rejects))),
    )  # fmt: skip


def markdown(card: tuple[Part, ...], name: str) -> str:
    """The card as Markdown, each line in English and Chinese."""
    text = [f"# Model card: {name} / 模型卡", ""]
    for part in card:
        text += [f"## {part.title[0]} / {part.title[1]}", ""]
        for en, zh in part.lines:
            text.append(f"- {en}" if en == zh else f"- {en}\n  {zh}")
        text.append("")
    return "\n".join(text)


def _same(text: str) -> Words:
    return text, text


def _day(instant: int) -> str:
    return f"{from_instant(instant).astimezone(CHINA):%Y-%m-%d}"
