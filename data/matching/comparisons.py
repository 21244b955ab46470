"""What a check sees of a trade, and how two values are compared. A document that is not there is an empty one."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from data.matching.limits import Limits
from data.pseudonyms import is_pseudonym, key_of

Payload = Mapping[str, Any]
"""A stored payload: the JSON object of one of the types in `data.payloads`. Absent optional fields are not in it."""
Outcome = Literal["agree", "differ", "missing", "unknown"]
"""`missing`: a needed document or value is not there. `unknown`: both are there and cannot be compared."""
Found = tuple[Outcome, Any, Any, int | None]
"""What a check found: the outcome, the value on the left, the one on the right, and their difference where there is one."""

CNY = "142"
_PRICE_SCALE = 10**8  # thousandths of a fen times hundred-thousandths of a unit
_HALF = _PRICE_SCALE // 2


class Trade(NamedTuple):
    """The documents of one trade, the limits of its day, and what only a history can say (None: not asked)."""

    declaration: Payload
    order: Payload
    payments: Sequence[Payload]
    waybill: Payload
    limits: Limits
    buyer_year_fen: int | None
    earlier_waybill_uses: int | None


def known(left: Any, right: Any, is_there: object) -> Found:
    """Whether a document is there at all: never `differ`."""
    return ("agree" if is_there else "missing", left, right, None)


def values(left: Any, right: Any) -> Found:
    """Whether two values are equal."""
    if left is None or right is None:
        return "missing", left, right, None
    return ("agree" if left == right else "differ", left, right, None)


def persons(left: str | None, right: str | None) -> Found:
    """Whether two pseudonyms are of one person. Those of different keys cannot be compared."""
    if left is None or right is None:
        return "missing", left, right, None
    if left == right:
        return "agree", left, right, None
    return ("differ" if _key(left) == _key(right) else "unknown", left, right, None)


def amounts(left: int | None, right: int | None, tolerance: int) -> Found:
    """Whether two amounts are equal within a tolerance in their own unit; the difference is `gap_permille`."""
    if left is None or right is None:
        return "missing", left, right, None
    if left == right:
        return "agree", left, right, 0
    return ("agree" if abs(right - left) <= tolerance else "differ", left, right, gap_permille(left, right))


def gap_permille(left: int, right: int) -> int:
    """How far the right value lies above the left one (negative: below), in thousandths of the larger, rounded away from 0.

    Two values of one sign give -1000 to 1000; swapping them changes the sign only.
    """
    gap = right - left
    if gap == 0:
        return 0
    size = -(-abs(gap) * 1000 // max(abs(left), abs(right)))
    return size if gap > 0 else -size


def line_total_fen(price_millifen: int, quantity_e5: int) -> int:
    """Price times quantity of a line in fen, half to even.

    Arguments:
        price_millifen: the price of a unit, thousandths of a fen.
        quantity_e5: the quantity, hundred-thousandths of a unit.
    """
    whole, rest = divmod(price_millifen * quantity_e5, _PRICE_SCALE)
    return whole + (rest > _HALF or (rest == _HALF and whole % 2 == 1))


def dutiable_fen(declaration: Payload) -> int:
    """The dutiable value of a retail import in fen: goods with the freight and insurance that the list states."""
    freight, insurance = declaration.get("freight_fen") or 0, declaration.get("insurance_fen") or 0
    value: int = declaration["declared_value_fen"] + freight + insurance
    return value


def names_agree(left: str, right: str) -> bool:
    """Whether two names of goods are equal, or one contains the other, apart from width, case and spaces."""
    if left == right:
        return True
    one, other = _plain(left), _plain(right)
    return (one in other or other in one) if one and other else one == other


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())


def _key(pseudonym: str) -> str | None:
    return key_of(pseudonym) if is_pseudonym(pseudonym) else None
