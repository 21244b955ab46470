"""A scorecard on paper and in a database: as rows, CSV, Markdown, HTML, and one SQL statement that gives the same points."""

import csv
from dataclasses import dataclass
from html import escape
from io import StringIO

from models.challengers.binning import Bin
from models.challengers.scorecard import Characteristic, Scorecard

_HEAD = ("feature", "en", "zh", "bin", "share", "rate", "woe", "coefficient", "information", "points")
_STYLE = "body{font:14px sans-serif}table{border-collapse:collapse}td,th{border:1px solid #999;padding:2px 8px;text-align:left}"


@dataclass(frozen=True, slots=True)
class Row:
    """A bin of a characteristic: its values, the share of questions and of violations in it, and its points."""

    feature: str
    en: str
    zh: str
    bin: str
    share: float
    rate: float
    woe: float
    coefficient: float
    information: float
    points: int

    @property
    def cells(self) -> tuple[str, ...]:
        """As text, numbers with the digits that matter."""
        numbers = (f"{n:.4f}" for n in (self.share, self.rate, self.woe, self.coefficient, self.information))
        return (self.feature, self.en, self.zh, self.bin, *numbers, str(self.points))


def table(card: Scorecard) -> tuple[Row, ...]:
    """Every bin of every characteristic, in the card's order."""
    return tuple(
        Row(
            one.name, one.binned.feature.en, one.binned.feature.zh, held.label, one.binned.share[place],
            one.binned.rate[place], one.binned.woe[place], one.coefficient, one.binned.information, one.points[place],
        )
        for one in card.characteristics for place, held in enumerate(one.bins)
    )  # fmt: skip


def as_csv(card: Scorecard) -> str:
    """The table as CSV; the base is its last row."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEAD)
    writer.writerows(row.cells for row in table(card))
    writer.writerow(["base", "Base points", "基础分", *[""] * 6, card.base])
    return text.getvalue()


def as_markdown(card: Scorecard) -> str:
    """The table as Markdown."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row.cells) + " |" for row in table(card)]
    return f"Base: {card.base} points. A score is the base and the points of one bin of each feature.\n\n" + "\n".join(
        [*lines, ""]
    )


def as_html(card: Scorecard) -> str:
    """The table as a page of its own."""
    head = "".join(f"<th>{name}</th>" for name in _HEAD)
    rows = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row.cells) + "</tr>\n" for row in table(card))
    return (
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>Scorecard 评分卡</title><style>{_STYLE}</style>\n'
        f"<h1>Scorecard 评分卡: {escape(card.feature_set)}</h1><p>Base 基础分: {card.base}</p>\n"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></html>\n"
    )


FORMATS = {".csv": as_csv, ".md": as_markdown, ".html": as_html}
"""Writers of the table by the ending of a file's name."""


def sql(card: Scorecard, source: str) -> str:
    """A SELECT that gives all columns of a table, the points of each characteristic, and the score, row by row.

    It is standard SQL without functions: DuckDB, SQLite and PostgreSQL give what `Scorecard.scores` gives. What is missing is
    NULL there.

    Arguments:
        source: a table, or a view, with a column a feature, as `greenlane features build` writes it.
    """
    points = ",\n".join(f"  {_case(one)} AS {_name(f'points_{one.name}')}" for one in card.characteristics)
    total = " + ".join([str(card.base), *(_name(f"points_{one.name}") for one in card.characteristics)])
    inner = f"SELECT given.*,\n{points}\nFROM {_name(source)} AS given"
    return f"SELECT card.*, {total} AS score FROM ({inner}) AS card\n"  # noqa: S608 - names and texts are quoted


def _case(one: Characteristic) -> str:
    column = f"given.{_name(one.name)}"
    # the last is what is missing; before it stands what no condition names: unseen codes, or the range without an upper bound
    *known, (_, other), (_, missing) = zip(one.bins, one.points, strict=True)
    whens = [f"WHEN {column} IS NULL THEN {missing}"]
    whens += [f"WHEN {column} {_condition(held)} THEN {points}" for held, points in known]
    return f"CASE {' '.join(whens)} ELSE {other} END"


def _condition(held: Bin) -> str:
    if held.kind == "codes":
        return f"IN ({', '.join(_text(code) for code in held.codes)})"
    assert held.high is not None, "only the topmost range is open"
    return f"< {_number(held.high)}"


def _number(value: float) -> str:
    """A literal that every database reads as this very double: with an exponent, else it may be a decimal."""
    text = repr(value)
    return text if "e" in text else f"{text}e0"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
