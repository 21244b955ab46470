"""Contributions in words: what the value is, and how many points it moves the score, in Chinese and English."""

from math import exp
from typing import TYPE_CHECKING

from data.payloads import Payload
from features.definitions import Feature
from features.forms import Value
from features.views import LEVELS

if TYPE_CHECKING:  # LightGBM takes seconds to import, and answers need only words
    from models.explain import Contribution

_LEVELS_ZH = ("高级认证", "认证", "常规", "失信", "严重失信")


class Reason(Payload):
    """One reason of a decision. `points` is what it adds to the score that it speaks of, 0 for a rule."""

    code: str
    points: int
    zh: str
    en: str


def shown(feature: Feature, value: Value) -> tuple[str, str]:
    """A feature's value as people read it, in Chinese and in English."""
    if value is None:
        return "无记录", "no record"
    if isinstance(value, str):
        return value, value
    match feature.unit:
        case "share" | "percent":
            number = value / 100 if feature.unit == "percent" else value * 100
            return f"{number:.1f}%", f"{number:.1f} %"
        case "yuan":
            return f"{value / 100:,.2f}元", f"CNY {value / 100:,.2f}"
        case "kg":
            return f"{value / 1000:,.3f}千克", f"{value / 1000:,.3f} kg"
        case "permille":
            return f"{value / 10:+.1f}%", f"{value / 10:+.1f} %"
        case "check":
            return ("不符", "differs") if value else ("相符", "agrees")
        case "flag":
            return ("是", "yes") if value else ("否", "no")
        case "days":
            return f"{value:.0f}天", f"{value:.0f} days"
        case "deviations":
            return f"{value:+.1f}个标准差", f"{value:+.1f} standard deviations"
        case "level":
            return _LEVELS_ZH[int(value)], LEVELS[int(value)].replace("_", " ")
        case "milli_log":
            return _from_logarithm(feature, value)
        case _:
            return f"{value:,.10g}" if value == int(value) else f"{value:,.3g}", (
                f"{value:,.10g}" if value == int(value) else f"{value:,.3g}"
            )


def _from_logarithm(feature: Feature, value: float) -> tuple[str, str]:
    """Logarithms as what they are logarithms of."""
    amount = exp(value / 1000)
    match feature.name:
        case "value_log":
            return f"约{amount / 100:,.0f}元", f"about CNY {amount / 100:,.0f}"
        case "mass_log":
            return f"约{amount / 1000:,.3g}千克", f"about {amount / 1000:,.3g} kg"
        case "price_log":
            return f"约每千克{amount * 10:,.4g}元", f"about CNY {amount * 10:,.4g} per kg"
        case "unit_mass_log":
            return f"约每件{amount / 1000:,.3g}千克", f"about {amount / 1000:,.3g} kg each"
        case "unit_price_log":
            return f"约每件{amount / 100:,.4g}元", f"about CNY {amount / 100:,.4g} each"
        case _:
            return f"约{amount:.3g}倍", f"about {amount:.3g} times"


def reason_of(contribution: "Contribution", prefix: str) -> Reason:
    """A contribution as a reason: the value, what is usual in the population that the model learned from, and the points.

    Arguments:
        prefix: which score it speaks of: `credit` or `risk`.
    """
    zh_value, en_value = shown(contribution.feature, contribution.value)
    zh_score, en_score = {"credit": ("信用分", "credit score"), "risk": ("风险分", "risk score")}[prefix]
    zh_usual, en_usual = shown(contribution.feature, contribution.typical)
    if contribution.typical != contribution.value:
        zh_value, en_value = f"{zh_value}（参考人群通常为{zh_usual}）", f"{en_value} (usually {en_usual})"
    up = contribution.points > 0
    points = abs(contribution.points)
    return Reason(
        code=f"{prefix}.{contribution.feature.name}",
        points=contribution.points,
        zh=f"{contribution.feature.zh}：{zh_value}，{zh_score}{'加' if up else '减'}{points}分",
        en=f"{contribution.feature.en}: {en_value}; {en_score} {'+' if up else '-'}{points}",
    )
