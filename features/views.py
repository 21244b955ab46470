"""The flat view of a record: its fields by name and what follows from them, for keys, streams and facts alike."""

from collections.abc import Mapping
from typing import Any

from data.matching import features_of
from features.logarithm import milli_log

LEVELS = ("advanced_certified", "certified", "routine", "dishonest", "seriously_dishonest")
"""Statutory levels from best to worst; features hold the place in this order."""


def view_of(kind: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The view of a payload.

    Arguments:
        kind: the record's kind.
        payload: its fields as stored.
    Returns:
        The fields, with those of an inspected declaration beneath the inspection's own.
    """
    if kind == "declaration":
        return _declaration(payload)
    view = dict(payload)
    if kind == "match":
        view.update(features_of(view.pop("match", {})))
    if kind == "supervision":
        facts = view.pop("facts", None)
        if facts is not None:
            view = _declaration(facts) | view
        if "level" in view:
            view["level_rank"] = LEVELS.index(view["level"])
    return view


def _declaration(payload: Mapping[str, Any]) -> dict[str, Any]:
    view = dict(payload)
    view.update(features_of(view.pop("match", {})))
    view["line_count"] = len(view.pop("lines", ())) or 1
    if "departure" not in view and "destination" in view:
        view["departure"] = view["destination"]  # the other end of the route
    for name, code in view.pop("traits", {}).items():
        view[f"trait_{name}"] = code
    hs_code = view.get("hs_code")
    if hs_code is not None:
        view["hs6"], view["hs4"], view["hs2"] = hs_code[:6], hs_code[:4], hs_code[:2]
    value = view["declared_value_fen"]
    view["value_log"] = milli_log(value)
    mass = view.get("net_mass_g") or view.get("gross_mass_g")
    if mass:
        view["mass_g"] = mass
        view["mass_log"] = milli_log(mass)
        view["price_log"] = milli_log(value) - milli_log(mass)
    quantity = view.get("quantity")
    if quantity:
        view["unit_price_log"] = milli_log(value) - milli_log(quantity)
    gross, net = view.get("gross_mass_g"), view.get("net_mass_g")
    if gross and net:
        view["gross_over_net_log"] = milli_log(gross) - milli_log(net)
    return view
