"""Small drawings of the report as inline SVG. They hold numbers and escaped text only."""

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup

_WIDTH, _HEIGHT, _EDGE = 104, 24, 3


def sparkline(values: Sequence[float | None], label: str) -> Markup:
    """A line through values at equal distances, the last one marked; gaps where there is none.

    Arguments:
        label: what a screen reader says and a pointer shows.
    """
    given = [value for value in values if value is not None]
    if not given:
        return Markup("")
    low, high = min(given), max(given)
    step = (_WIDTH - 2 * _EDGE) / max(len(values) - 1, 1)

    def point(place: int, value: float) -> str:
        share = (value - low) / (high - low) if high > low else 0.5
        return f"{_EDGE + place * step:.1f},{_HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE):.1f}"

    places = [(place, value) for place, value in enumerate(values) if value is not None]
    lines, dots = [], []
    for _, run in groupby(enumerate(places), key=lambda item: item[1][0] - item[0]):
        points = [point(place, value) for _, (place, value) in run]
        if len(points) > 1:
            lines.append(f'<polyline points="{" ".join(points)}"/>')
        elif places[-1] != places[0] or len(places) == 1:
            dots.append(points[0])
    if values[-1] is not None:
        dots.append(point(len(values) - 1, values[-1]))
    circles = "".join('<circle cx="{}" cy="{}" r="2"/>'.format(*dot.split(",")) for dot in dict.fromkeys(dots))
    return Markup(
        '<svg class="spark" role="img" viewBox="0 0 {w} {h}" width="{w}" height="{h}"><title>{label}</title>{drawn}</svg>'
    ).format(w=_WIDTH, h=_HEIGHT, label=label, drawn=Markup("".join(lines) + circles))  # noqa: S704 - numbers only


def percentile_bar(percentile: float, label: str, *, is_risky: bool) -> Markup:
    """A scale from 0 to 100 with its quartiles and a marker.

    Arguments:
        label: what a screen reader says and a pointer shows.
        is_risky: whether the marker stands out.
    """
    ticks = "".join(f'<line x1="{x}" x2="{x}" y1="4" y2="10"/>' for x in (2, 22, 42, 62, 82))
    return Markup(
        '<svg class="bar{risky}" role="img" viewBox="0 0 84 14" width="84" height="14"><title>{label}</title>'
        '<line class="track" x1="2" x2="82" y1="7" y2="7"/>{ticks}<circle cx="{x}" cy="7" r="4"/></svg>'
    ).format(
        risky=" risky" if is_risky else "",
        label=label,
        ticks=Markup(ticks),  # noqa: S704 - numbers only
        x=f"{2 + percentile * 0.8:.1f}",
    )
