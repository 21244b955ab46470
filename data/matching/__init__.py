"""Matching of list, order, payment and waybill (三单对碰), and the dated limits. Pure: no store, no clock."""

from data.matching.checks import BY_CODE, CHECKS, Check
from data.matching.comparisons import Outcome
from data.matching.limits import LimitBook, Limits, limits_at, read_limits, shipped_limits
from data.matching.match import Match, Result, Summary, features_of, match

__all__ = [
    "BY_CODE",
    "CHECKS",
    "Check",
    "LimitBook",
    "Limits",
    "Match",
    "Outcome",
    "Result",
    "Summary",
    "features_of",
    "limits_at",
    "match",
    "read_limits",
    "shipped_limits",
]
