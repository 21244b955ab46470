"""The credit archive as one self-contained page: printable, in Chinese or English, with no script and nothing from the net."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from features.catalogue import CREDIT
from models.reasons import shown
from serving.answers import LANES
from serving.archive_answers import CreditArchive, FactAnswer
from serving.drawing import percentile_bar, sparkline
from serving.words import DIRECTIONS, KINDS, LEVELS, REPORT, ROLES, WIDTHS, Lang, said

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Headers under which a report is served: even a mistake in it could run nothing, and no shared cache keeps it."""
_RISKY = 90
"""From which percentile on a value that means more risk stands out."""
_FEATURES = {feature.name: feature for feature in CREDIT.features}


def report(archive: CreditArchive, lang: Lang = "zh", *, other: str | None = None) -> str:
    """An archive as HTML.

    Arguments:
        other: the address of the same report in the other language; none for a file.
    """
    missing: dict[str, list[FactAnswer]] = {}
    for fact in (fact for theme in archive.themes for fact in theme.facts):
        if fact.missing:
            missing.setdefault(_picked(fact.missing, "", lang), []).append(fact)
    return _environment().get_template("archive.html").render(
        a=archive, lang=lang, other=other, other_lang="en" if lang == "zh" else "zh", missing=missing,
        t=lambda key: said(REPORT[key], lang), pick=lambda thing, name="": _picked(thing, name, lang),
        kind=lambda code: said(KINDS.get(code, (code, code)), lang),
        role=lambda code: said(ROLES.get(code, (code, code)), lang),
        level=said(LEVELS[archive.statutory_level], lang), lane=lambda code: said(LANES[code], lang),
        width=said(WIDTHS[archive.peers.width], lang) if archive.peers else "",
        direction=lambda fact: said(DIRECTIONS[fact.direction], lang), day=_day, minute=_minute, money=_money,
        trend=lambda fact: _trend(fact, archive, lang), bar=lambda fact: _bar(fact, lang), gave=_gave,
    )  # fmt: skip


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("serving"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _picked(thing: Any, name: str, lang: Lang) -> str:
    """A text that is given in both languages: `zh` and `en`, or `NAME_zh` and `NAME_en`."""
    return str(getattr(thing, f"{name}_{lang}" if name else lang))


def _day(moment: str) -> str:
    return moment[:10]


def _minute(moment: str) -> str:
    """A moment in China time to the minute; seconds stay in the JSON."""
    return moment[:16].replace("T", " ")


def _money(fen: int, lang: Lang) -> str:
    return f"{fen / 100:,.2f}元" if lang == "zh" else f"CNY {fen / 100:,.2f}"


def _shown(fact: FactAnswer, value: float, lang: Lang) -> str:
    return said(shown(_FEATURES[fact.code], value), lang)


def _trend(fact: FactAnswer, archive: CreditArchive, lang: Lang) -> Markup:
    if fact.trend is None or isinstance(fact.value, str):
        return Markup("")
    values = [*fact.trend, fact.value]
    moments = [*archive.months, archive.as_of]
    said_of = [
        f"{_day(moment)} {_shown(fact, value, lang)}"
        for moment, value in zip(moments, values, strict=True)
        if value is not None
    ]
    return sparkline(values, " · ".join(said_of))


def _bar(fact: FactAnswer, lang: Lang) -> Markup:
    place = fact.standing
    if place is None:
        return Markup("")
    is_risky = (fact.direction > 0 and place.percentile >= _RISKY) or (
        fact.direction < 0 and place.percentile <= 100 - _RISKY
    )
    among = (
        f"{place.among} 家有值，{place.missing} 家无值"
        if lang == "zh"
        else f"{place.among} have a value, {place.missing} none"
    )
    risk = f"; {said(REPORT['risk_side'], lang)}" if is_risky else ""
    return percentile_bar(place.percentile, f"P{place.percentile:.0f} ({among}{risk})", is_risky=is_risky)


def _gave(gave: dict[str, int | str]) -> list[tuple[str, str]]:
    """What a record gave, each measure without its key; amounts with separators."""
    return [
        (name.partition(".")[2] or name, f"{value:,}" if isinstance(value, int) else value)
        for name, value in gave.items()
    ]
