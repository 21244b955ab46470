"""What figures mean, in plain words, English and Chinese."""

from math import isfinite

from models.evaluation.intervals import Estimate
from models.reports.evidence import FAIR_BUDGET, Evidence, View

Words = tuple[str, str]
"""A text in English and in Chinese."""
FEW_HITS = 200
GOOD_ECE = 0.02
FAIR_PARITY = 0.8
"""The four-fifths rule of thumb (US Uniform Guidelines 1978, 29 CFR 1607.4 D): below it a difference deserves a look."""


def number(one: Estimate, digits: int = 3) -> str:
    """A figure with its interval."""
    if not isfinite(one.value):
        return "–"
    if not isfinite(one.low):
        return f"{one.value:.{digits}f}"
    return f"{one.value:.{digits}f} ({one.low:.{digits}f}–{one.high:.{digits}f})"


def percent(one: Estimate, digits: int = 1) -> str:
    """A share with its interval, in percent."""
    if not isfinite(one.value):
        return "–"
    if not isfinite(one.low):
        return f"{one.value * 100:.{digits}f} %"
    return f"{one.value * 100:.{digits}f} % ({one.low * 100:.{digits}f}–{one.high * 100:.{digits}f})"


def _of_100(one: Estimate) -> str:
    if not isfinite(one.low):
        return f"{one.value * 100:.0f}"
    return f"{one.value * 100:.0f} ({one.low * 100:.0f}–{one.high * 100:.0f})"


def ranking(view: View) -> Words:
    """How well rows are ranked."""
    auc = view.estimates["auc"]
    return (
        f"Of one violation and one clean case drawn at random, the model ranks the violation higher {_of_100(auc)} times in 100; "
        "a coin would 50 times.",
        f"随机抽取一个违规与一个合规样本，模型把违规排在前面的概率为每100次 {_of_100(auc)} 次；抛硬币为50次。",
    )


def budget(view: View, share: float) -> Words:
    """What inspecting the riskiest finds."""
    precision, recall = (view.estimates[f"{name}_at_{share * 100:g}pct"] for name in ("precision", "recall"))
    base = view.estimates["base_rate"].value
    lift = precision.value / base
    return (
        f"Of the riskiest {share * 100:g} %, {_of_100(precision)} of 100 are violations, {lift:.1f} times as many as at random "
        f"({base * 100:.0f}); they are {_of_100(recall)} % of all violations.",
        f"风险最高的 {share * 100:g}% 中，每100个有 {_of_100(precision)} 个违规，"
        f"是随机查验（{base * 100:.0f} 个）的 {lift:.1f} 倍；"
        f"占全部违规的 {_of_100(recall)}%。",
    )


def calibration(evidence: Evidence) -> Words:
    """Whether stated probabilities can be read as they stand, among inspected rows and in the population."""
    found, weighted = evidence.reliability, evidence.reliability_population
    good = found.error.value <= GOOD_ECE
    verdict = _READ if good else _RANKS
    en = (
        f"Among rows with outcomes stated and found share differ by {found.ece * 100:.1f} points on average over "
        f"{len(found.bins)} bins, {_points(found.error)} once chance is taken off"
    )
    zh = (
        f"有结果样本的 {len(found.bins)} 个分箱上，预测概率与实际比例平均相差 {found.ece * 100:.1f} 个百分点，"
        f"扣除偶然因素后为 {_points(found.error)} 个"
    )
    if evidence.is_population_known:
        en += f"; weighted to the population by {weighted.ece * 100:.1f}, {_points(weighted.error)} without chance"
        zh += f"；加权至总体为 {weighted.ece * 100:.1f} 个，扣除偶然因素后为 {_points(weighted.error)} 个"
        if good != (weighted.error.value <= GOOD_ECE):
            verdict = _READ_INSPECTED if good else _READ_POPULATION
    return f"{en}: {verdict[0]}", f"{zh}：{verdict[1]}"


_READ: Words = ("probabilities can be read as stated.", "概率可按字面理解。")
_RANKS: Words = ("read the scores as ranks rather than as probabilities.", "宜按排序使用，不宜按概率解读。")
_READ_INSPECTED: Words = (
    "read probabilities as stated for what officers choose to inspect, not for all shipments.",
    "概率适用于关员选中的货物，不适用于全部货物。",
)
_READ_POPULATION: Words = (
    "read probabilities as stated for all shipments, not for what officers choose to inspect.",
    "概率适用于全部货物，不适用于关员选中的货物。",
)


def _points(one: Estimate) -> str:
    return number(Estimate(one.value * 100, one.low * 100, one.high * 100), 1)


def cold(evidence: Evidence) -> Words:
    """How the model does on firms that it had not learned of."""
    view, whole = evidence.view("cold_firms"), evidence.views[0]
    if view is None:
        return (
            "Too few outcomes of firms that the model had not learned of: nothing can be said about new firms.",
            "模型未见过的企业样本过少，无法评价其对新企业的表现。",
        )
    auc = view.estimates["auc"]
    return (
        f"On firms that it had not learned of ({view.rows:,} of {whole.rows:,} rows) its AUC is {number(auc, 2)}.",
        f"对训练中未出现过的企业（{whole.rows:,} 行中的 {view.rows:,} 行），AUC 为 {number(auc, 2)}。",
    )


def few(evidence: Evidence) -> Words | None:
    """A warning where outcomes are few."""
    view = evidence.views[0]
    if view.hits >= FEW_HITS:
        return None
    return (
        f"Only {view.hits:,} violations of {view.enterprises:,} enterprises stand behind these figures: read the intervals, not "
        "the middle.",
        f"上述指标仅基于 {view.enterprises:,} 家企业的 {view.hits:,} 个违规样本：请看区间，不要只看中值。",
    )


def drift(evidence: Evidence) -> Words:
    """Whether the score moved."""
    shift = evidence.score_shift
    if shift is None:
        return ("All questions are of one moment: drift cannot be told.", "所有样本处于同一时点，无法判断漂移。")
    small = {"none": ("has not moved noticeably", "没有明显变化"), "small": ("has moved a little", "有小幅变化"),
             "large": ("has moved far", "有大幅变化")}[shift.size]  # fmt: skip
    moved = sum(one.size != "none" for one in evidence.feature_shifts)
    return (
        f"From the first to the last third of time the score {small[0]} (PSI {shift.psi:.3f}; no change stays below "
        f"{shift.limit:.3f} 19 times in 20); {moved} of {len(evidence.feature_shifts)} features have.",
        f"从前三分之一到后三分之一时段，评分{small[1]}（PSI {shift.psi:.3f}；若无变化，20次中有19次低于 {shift.limit:.3f}）；"
        f"{len(evidence.feature_shifts)} 个特征中有 {moved} 个发生变化。",
    )


def reasons(evidence: Evidence) -> list[Words]:
    """Whether reasons would stay had the data been a little different, and how many differ from the champion's."""
    lines: list[Words] = []
    if (found := evidence.stability) is None:
        lines.append((
            "Whether reasons stay on other samples was not looked at (`greenlane train --refits`).",
            "未检验理由在其他样本上是否稳定（`greenlane train --refits`）。",
        ))  # fmt: skip
    else:
        lines.append((
            f"Fitted anew on {found.refits} other samples of enterprises, the model gives {found.kept * 100:.0f} of 100 main "
            f"reasons again ({found.least_kept * 100:.0f} where it gives fewest); the first reason stays a main one "
            f"{found.first_kept * 100:.0f} times in 100. The log-odds of a case move by {found.moved:.2f}.",
            f"用 {found.refits} 组其他企业样本重新训练后，每100条主要理由中有 {found.kept * 100:.0f} 条保留"
            f"（最少时为 {found.least_kept * 100:.0f} 条）；首要理由每100次有 {found.first_kept * 100:.0f} 次仍为主要理由。"
            f"单个样本的对数几率平均变动 {found.moved:.2f}。",
        ))  # fmt: skip
    if evidence.reason_churn is not None:
        lines.append((
            f"Of 100 main reasons the present champion would not have given {evidence.reason_churn * 100:.0f}.",
            f"每100条主要理由中，有 {evidence.reason_churn * 100:.0f} 条是现任冠军模型不会给出的。",
        ))  # fmt: skip
    return lines


def fairness(evidence: Evidence) -> list[Words]:
    """Parity of hit rates, segment by segment."""
    lines: list[Words] = []
    for segment in evidence.segments:
        hit, inspected = segment.hit_parity, segment.inspection_parity
        if hit is None or inspected is None:
            lines.append((
                f"{segment.name}: fewer than two groups have enough inspected rows to compare.",
                f"{SEGMENTS.get(segment.name, segment.name)}：样本足够的组不足两个，无法比较。",
            ))  # fmt: skip
            continue
        if hit.high < FAIR_PARITY:
            verdict = (
                "by more than chance some group is inspected on weaker grounds than another: look why",
                "差异超出偶然，某组的查验依据较弱，应查明原因",
            )
        elif hit.low >= FAIR_PARITY:
            verdict = ("groups are inspected on equal grounds", "各组查验依据相当")
        else:
            verdict = ("these outcomes cannot tell whether grounds are equal", "现有样本不足以判断依据是否相当")
        lines.append((
            f"{segment.name}: the least hit rate is {number(hit, 2)} of the greatest, the least inspection rate "
            f"{number(inspected, 2)}; {verdict[0]}.",
            f"{SEGMENTS.get(segment.name, segment.name)}：最低命中率为最高的 {number(hit, 2)}，最低查验率为最高的 "
            f"{number(inspected, 2)}；{verdict[1]}。",
        ))  # fmt: skip
    return lines


def bounds(evidence: Evidence, about: str, rejects: int = 0) -> list[Words]:
    """What the figures cannot say, the gravest first.

    Arguments:
        about: what questions are about: `shipment` or `enterprise`.
        rejects: how many uninspected shipments the model also learned from.
    """
    lines: list[Words] = [
        _UNSEEN[about],
        (
            "A clean outcome means that an inspection found nothing, not that there was nothing.",
            "“未发现”仅表示查验未查出问题，不等于没有问题。",
        ),
        (
            "Rows were scored by models that had learned only from what was known before; the published model learned from all "
            "of them, so its own figures on these rows would flatter.",
            "每行均由只用此前已知数据训练的模型评分；发布的模型使用了全部数据，若在同样数据上评价会偏高。",
        ),
        (
            "Intervals hold 19 times in 20 for other enterprises of the same kind in the same time. They do not hold for another "
            "time, after a change of the law, or against a scheme not seen before.",
            "区间针对同一时期同类企业，20次中有19次成立；不适用于其他时期、法规变更之后或此前未见的手法。",
        ),
        (
            "Contributions say what moved the score, not what causes a violation.",
            "贡献值说明是什么影响了评分，而非违规的原因。",
        ),
    ]
    if evidence.is_population_known:
        lines.insert(1, (
            f"Population figures weigh each row by one over its recorded probability of inspection (recorded for "
            f"{evidence.recorded * 100:.0f} % of rows; the others count as one). The greatest weight is "
            f"{evidence.greatest_weight:,.0f}; together they are worth {evidence.worth:,.0f} equally weighted rows. "
            "They hold as far as every shipment could have been inspected.",
            f"总体指标按已记录查验概率的倒数加权（{evidence.recorded * 100:.0f}% 的行有记录，其余计为1）；最大权重 "
            f"{evidence.greatest_weight:,.0f}，相当于 {evidence.worth:,.0f} 行等权样本；前提是每票货物都有被查验的可能。",
        ))  # fmt: skip
    else:
        lines.insert(1, (
            "No probability of inspection is recorded: figures are of the rows at hand and cannot be carried over to others.",
            "没有记录查验概率：指标仅适用于现有样本，不能推广到其他。",
        ))  # fmt: skip
    if rejects:
        lines.insert(1, (
            f"It also learned from {rejects:,} shipments that nobody inspected, as a first model saw them (reject inference): no "
            "outcome speaks for what it learned there.",
            f"模型还学习了 {rejects:,} 票未经查验的货物，其标签由初始模型推断（拒绝推断），没有查验结果可以印证。",
        ))  # fmt: skip
    return lines


_UNSEEN: dict[str, Words] = {
    "shipment": (
        "Outcomes exist only for what was inspected. What was never inspected is unknown, and inspectors chose mostly what "
        "looked risky.",
        "只有被查验的货物才有结果；从未查验的情况未知，且查验对象多为看似高风险者。",
    ),
    "enterprise": (
        "A violation counts only where an inspection found it: an enterprise that is rarely inspected looks cleaner than it is.",
        "只有被查验发现的违规才计入：很少被查验的企业看上去比实际更合规。",
    ),
}

SEGMENTS = {"mode": "监管方式", "platform": "电商平台", "office": "申报海关", "size": "企业规模", "newcomer": "是否新企业",
            "region": "地区"}  # fmt: skip
"""Names of segments in Chinese."""


def key(evidence: Evidence, fine: float = 0.05) -> list[Words]:
    """The sentences that a hurried reader needs."""
    view = evidence.views[0]
    lines = [
        ranking(view),
        budget(view, fine),
        budget(view, FAIR_BUDGET),
        calibration(evidence),
        cold(evidence),
        drift(evidence),
    ]
    warning = few(evidence)
    return [warning, *lines] if warning else lines
