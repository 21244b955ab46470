"""The documentation of the checks and the limits, written from their own tables."""

from data.matching.checks import ALL, CHECKS, Check, applicable
from data.matching.limits import Limit, LimitBook

_INTRODUCTION = """\
# Matching of the three documents 三单对碰

Written by `python -m data.matching > docs/matching.md` from the tables in `data/matching/`; do not edit it by hand.

A declaration list is matched with its order, its payments and its waybill when it arrives, and again when a late document does.
Each check ends in one outcome:

| outcome | meaning |
|---|---|
| `agree` | the values agree, within the tolerance if there is one |
| `differ` | they do not |
| `missing` | a needed document or value is not there (yet) |
| `unknown` | they cannot be compared: pseudonyms under different keys, other currencies, a history that was not asked |

A check that does not apply to the direction and the supervision mode is left out. A mode not named below has no check.
An indicative check may differ for lawful reasons and does not count as failed."""

_FEATURES = """\
## Differences and features

A difference in permille is the right value less the left one, in thousandths of the larger, rounded away from 0.
Stored are the outcomes and the differences that are not 0. `features_of` turns them into integers:

| feature | meaning |
|---|---|
| `match_failed` | how many mandatory checks differ |
| `match_missing` | how many checks lack a document or a value |
| `match_<code>` | 0 agrees, 1 differs; absent where it is missing, unknown or does not apply |"""


def document(book: LimitBook) -> str:
    """The page as Markdown.

    Arguments:
        book: the limits to describe.
    """
    gaps = [f"| `match_{check.gap}_gap_permille` | difference of `{check.code}` |" for check in CHECKS if check.gap]
    parts = [_INTRODUCTION, "\n".join(_checks()), "\n".join(_scopes()), "\n".join([_FEATURES, *gaps])]
    return "\n\n".join([*parts, "\n".join(_limits(book))]) + "\n"


def _checks() -> list[str]:
    rows = [_check(check) for check in CHECKS]
    return [
        "## Checks",
        "",
        "| code | demands | looks at | severity | difference | source |",
        "|---|---|---|---|---|---|",
        *rows,
    ]


def _check(check: Check) -> str:
    cells = (
        f"`{check.code}`",
        f"{check.zh}<br>{check.en}",
        ", ".join(check.needs),
        check.severity,
        check.unit or "",
        check.source,
    )
    return f"| {' | '.join(cells)} |"


def _scopes() -> list[str]:
    rows = []
    codes = {check.code for check in CHECKS}
    for direction, mode in sorted(ALL):
        lacking = sorted(codes - {check.code for check in applicable(direction, mode)})
        rows.append(f"| {direction} | {mode or 'not stated'} | {', '.join(f'`{code}`' for code in lacking)} |")
    return ["## Where they apply", "", "| direction | mode | all checks but |", "|---|---|---|", *rows]


def _limits(book: LimitBook) -> list[str]:
    head = "| limit | meaning | unit | from | until | value | source |"
    rows = [row for limit in book.limits for row in _values(limit)]
    return ["## Limits and tolerances", "", head, "|---|---|---|---|---|---|---|", *rows]


def _values(limit: Limit) -> list[str]:
    return [
        f"| `{limit.code}` | {limit.zh}<br>{limit.en} | {limit.unit} "
        f"| {value.first_day} | {value.last_day or ''} | {value.value:,} | {value.source} |"
        for value in limit.values
    ]
