"""The texts of alerts: of each code what it is in Chinese and English, and what to do in both."""

from collections.abc import Mapping
from typing import Literal

Code = Literal[
    "input_missing", "input_unseen", "input_shift", "score_shift", "calibration", "calibration_slope", "random_lane",
    "false_green", "outcomes_late",
]  # fmt: skip
TEXTS: Mapping[Code, tuple[str, str, str, str]] = {
    "input_missing": (
        "{subject}类{count}项特征的缺失率偏离基准；{first}：{value:.1%}（基准{before:.1%}，界限{limit:.1%}）",
        "{count} features of theme {subject} are missing at another rate; {first}: {value:.1%} (usual {before:.1%}, limit {limit:.1%})",
        "检查该数据来源是否中断或格式改变（greenlane quarantine list）；修复前由人工复核",
        "see whether their source stopped or changed its format (`greenlane quarantine list`); review by hand until it is mended",
    ),
    "input_unseen": (
        "{subject}类{count}项特征出现模型未见过的代码；{first}：{value:.1%}（基准{before:.1%}，界限{limit:.1%}）",
        "{count} features of theme {subject} have codes that the model does not know; {first}: {value:.1%} (usual {before:.1%}, limit {limit:.1%})",
        "核对代码表是否更新；属实则重新训练",
        "see whether a code table changed; if the codes are right, train again",
    ),
    "input_shift": (
        "{subject}类{count}项特征的分布偏移；{first}：PSI {value:.3f}（偶然均值{before:.3f}，界限{limit:.3f}）",
        "{count} features of theme {subject} are spread otherwise; {first}: PSI {value:.3f} (by chance {before:.3f}, limit {limit:.3f})",
        "先查数据来源，再查贸易本身是否变化；属实则重新训练并比较挑战者",
        "look at the source first, then whether trade itself changed; if so, train again and compare the challenger",
    ),
    "score_shift": (
        "违规概率的分布偏移：PSI {value:.3f}（偶然均值{before:.3f}，界限{limit:.3f}）",
        "stated probabilities are spread otherwise: PSI {value:.3f} (by chance {before:.3f}, limit {limit:.3f})",
        "看同时告警的特征；核对各通道数量是否仍在查验能力之内",
        "look at the features that alert with it; see whether the lanes still fit the capacity for inspections",
    ),
    "calibration": (
        "{subject}：实际违规率{value:.1%}，与模型给出的{before:.1%}不符（{rows}票已查验，界限为倍数{limit:.2f}）",
        "{subject}: violations are found at {value:.1%} where the model states {before:.1%} ({rows} inspected; a factor beyond {limit:.2f})",
        "重新校准或训练；在此之前加大随机抽查",
        "calibrate or train again; until then inspect more at random",
    ),
    "calibration_slope": (
        "概率高低的差别失真：校准斜率{value:.2f}（应为1，界限为倍数{limit:.2f}）",
        "probabilities tell cases apart too much or too little: calibration slope {value:.2f} (1 is right; a factor beyond {limit:.2f})",
        "重新校准；若斜率接近0，模型已失去区分能力，应重新训练",
        "calibrate again; a slope near 0 says that the model no longer tells cases apart: train again",
    ),
    "random_lane": (
        "随机抽查违规率{value:.1%}，模型对同一批货物给出{before:.1%}（{rows}票，界限为倍数{limit:.2f}）",
        "the random lane finds {value:.1%} where the model states {before:.1%} for the same {rows} shipments (a factor beyond {limit:.2f})",
        "可能出现新手法：查看随机抽查发现的违规，并重新训练",
        "there may be a new scheme: look at what the random lane found, and train again",
    ),
    "false_green": (
        "绿色通道违规率{value:.1%}（99%可信下限{floor:.1%}），高于政策界限{limit:.1%}（随机抽查{rows}票）",
        "violations in the green channel: {value:.1%} (above {floor:.1%} in 99 of 100 cases) where the policy allows {limit:.1%} ({rows} drawn)",
        "收紧绿色通道条件，查看这些违规的类型",
        "make the green channel harder to earn, and look at the kinds of these violations",
    ),
    "outcomes_late": (
        "到期查验中只有{value:.0%}已报告结果（应不低于{limit:.0%}，共{rows}票）：校准结论不可靠",
        "only {value:.0%} of the inspections due have reported (at least {limit:.0%} of {rows} should): calibration cannot be trusted",
        "催报查验结果，检查结果接口",
        "ask for the reports, and look at the interface that brings them",
    ),
}  # fmt: skip
