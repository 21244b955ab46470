"""Charts as inline SVG: numbers and escaped text only, coloured by the page's style sheet, so light and dark are its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, isfinite, log10

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import ArrayLike

_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 24, 10, 40


@dataclass(frozen=True, slots=True)
class Axis:
    """A straight scale.

    Attributes:
        low, high: its ends. title: what it shows. unit: `number`, `percent` or `none` (no ticks).
        labels: names at 0, 1, 2, ... instead of numbers.
        room: space for labels, in pixels, where it is the upright axis.
        said: what a mark says, where not its number.
    """

    low: float
    high: float
    title: str = ""
    unit: str = "number"
    labels: Sequence[str] = ()
    room: int = _LEFT
    said: Callable[[float], str] | None = None

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Where its marks are, and what they say."""
        if self.labels:
            return [(float(place), label) for place, label in enumerate(self.labels)]
        if self.unit == "none" or not self.high > self.low:
            return []
        step = _step(self.high - self.low)
        places = [place * step for place in range(ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9) + 1)]
        if self.said:
            return [(place, self.said(place)) for place in places]
        if self.unit == "percent":
            return [(place, f"{place * 100:.4g} %") for place in places]
        return [(place, f"{place:,.6g}") for place in places]


def _step(span: float, wanted: int = 5) -> float:
    """A round distance of marks: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(span / wanted))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power * wanted >= span * 0.999)


def span(*values: ArrayLike, floor_: float | None = None, room: float = 0.04) -> tuple[float, float]:
    """The ends of an axis for some values, with a little room; 0 to 1 where there is none."""
    given = np.concatenate([np.ravel(np.asarray(one, dtype=np.float64)) for one in values])
    given = given[np.isfinite(given)]
    if not len(given):
        return 0.0, 1.0
    low, high = float(given.min()), float(given.max())
    extra = (high - low) * room or max(abs(high), 1.0) * room
    return (low - extra if floor_ is None else floor_), high + extra


@dataclass(slots=True)
class Chart:
    """A chart under construction; `svg` ends it. Points that are not finite are left out."""

    x: Axis
    y: Axis
    width: int = 640
    height: int = 300
    _parts: list[str] = field(default_factory=list)

    def line(self, xs: ArrayLike, ys: ArrayLike, css: str) -> None:
        """A line through points."""
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in self._places(xs, ys))
        self._parts.append(f'<polyline class="{css}" points="{points}"/>')

    def band(self, xs: ArrayLike, low: ArrayLike, high: ArrayLike, css: str) -> None:
        """The area between two lines."""
        there, back = self._places(xs, low), self._places(xs, high)[::-1]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*there, *back])
        self._parts.append(f'<polygon class="{css}" points="{points}"/>')

    def dots(self, xs: ArrayLike, ys: ArrayLike, css: str, *, notes: Sequence[str] = (), radius: float = 3.5) -> None:
        """Circles; with notes, what a pointer shows."""
        for number, (x, y) in enumerate(self._places(xs, ys)):
            note = f"<title>{escape(notes[number])}</title>" if notes else ""
            self._parts.append(f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">{note}</circle>')

    def cloud(self, xs: ArrayLike, ys: ArrayLike, css: str) -> None:
        """Many small points as one path: a tenth of the size of circles."""
        path = "".join(f"M{x:.0f} {y:.1f}h0" for x, y in self._places(xs, ys))
        if path:
            self._parts.append(f'<path class="cloud {css}" d="{path}"/>')

    def across(self, ys: ArrayLike, low: ArrayLike, high: ArrayLike, css: str) -> None:
        """Lying intervals."""
        for (x0, y), (x1, _) in zip(self._places(low, ys), self._places(high, ys), strict=True):
            self._parts.append(f'<line class="{css}" x1="{x0:.1f}" x2="{x1:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')

    def upright(self, xs: ArrayLike, low: ArrayLike, high: ArrayLike, css: str) -> None:
        """Standing intervals."""
        for (x, y0), (_, y1) in zip(self._places(xs, low), self._places(xs, high), strict=True):
            self._parts.append(f'<line class="{css}" x1="{x:.1f}" x2="{x:.1f}" y1="{y0:.1f}" y2="{y1:.1f}"/>')

    def bars(self, ys: ArrayLike, xs: ArrayLike, css: str, *, notes: Sequence[str] = (), thick: float = 0.6) -> None:
        """Lying bars from 0, each with its note at the end."""
        for number, (y, x) in enumerate(zip(np.ravel(ys), np.ravel(xs), strict=True)):
            (x0, top), (x1, bottom) = self._place(0.0, y - thick / 2), self._place(float(x), y + thick / 2)
            self._box(min(x0, x1), min(top, bottom), abs(x1 - x0), abs(bottom - top), css)
            if notes:
                self._text(x1 + 5, (top + bottom) / 2 + 4, notes[number], "value")

    def columns(self, edges: ArrayLike, heights: ArrayLike, css: str) -> None:
        """Standing bars between neighbouring edges: a histogram."""
        for left, right, high in zip(np.ravel(edges)[:-1], np.ravel(edges)[1:], np.ravel(heights), strict=True):
            (x0, y0), (x1, y1) = self._place(float(left), 0.0), self._place(float(right), float(high))
            self._box(x0 + 0.5, min(y0, y1), max(x1 - x0 - 1, 0.5), abs(y0 - y1), css)

    def note(self, x: float, y: float, text: str) -> None:
        """A word beside a place."""
        left, top = self._place(x, y)
        self._text(left + 2, top - 4, text, "tick")

    def svg(self, label: str) -> Markup:
        """The chart; `label` is what a screen reader says."""
        frame = "".join(self._frame())
        return Markup(  # noqa: S704 - numbers and escaped text only
            f'<svg class="chart" role="img" aria-label="{escape(label)}" viewBox="0 0 {self.width} {self.height}">'
            f"{frame}{''.join(self._parts)}</svg>"
        )

    def _frame(self) -> list[str]:
        left, right, top, bottom = self.y.room, self.width - _RIGHT, _TOP, self.height - _BOTTOM
        kept, self._parts = self._parts, []
        for at, label in self.x.ticks:
            x, _ = self._place(at, self.y.low)
            self._parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
            self._text(min(x, self.width - 3 * len(label) - 2), bottom + 15, label, "tick mid")
        for at, label in self.y.ticks:
            _, y = self._place(self.x.low, at)
            self._parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            self._text(left - 6, y + 4, label, "tick end")
        self._text((left + right) / 2, self.height - 6, self.x.title, "title mid")
        if self.y.title:
            middle = (top + bottom) / 2
            self._parts.append(
                f'<text class="title mid" transform="translate(12 {middle:.0f}) rotate(-90)">{escape(self.y.title)}</text>'
            )
        frame, self._parts = self._parts, kept
        return frame

    def _text(self, x: float, y: float, text: str, css: str) -> None:
        if text:
            self._parts.append(f'<text class="{css}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>')

    def _box(self, x: float, y: float, width: float, height: float, css: str) -> None:
        self._parts.append(f'<rect class="{css}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>')

    def _place(self, x: float, y: float) -> tuple[float, float]:
        left, right, top, bottom = self.y.room, self.width - _RIGHT, _TOP, self.height - _BOTTOM
        along = (x - self.x.low) / ((self.x.high - self.x.low) or 1.0)
        up = (y - self.y.low) / ((self.y.high - self.y.low) or 1.0)
        return left + min(1.0, max(0.0, along)) * (right - left), bottom - min(1.0, max(0.0, up)) * (bottom - top)

    def _places(self, xs: ArrayLike, ys: ArrayLike) -> list[tuple[float, float]]:
        pairs = zip(np.ravel(xs), np.ravel(ys), strict=True)
        return [self._place(float(x), float(y)) for x, y in pairs if isfinite(x) and isfinite(y)]
