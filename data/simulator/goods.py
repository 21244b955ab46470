"""The goods of the world: one row a pair of HS code and origin."""

from dataclasses import dataclass

import numpy as np

from data.simulator.draws import Bools, Floats, Ints, Texts, texts
from data.simulator.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Market:
    """Pairs of HS code and origin. All arrays but `covers` and `names`: shape (pairs,).

    `goods` numbers the HS code; `price` is in fen a gram; taxes are in basis points;
    `names` holds the names of all goods, those of a pair from `name_first` on;
    `covers` are weights, shape (pairs, pairs), of what goods may be declared as instead: the same direction, less tax.
    """

    goods: Ints
    hs_code: Texts
    origin: Texts
    is_export: Bools
    weight: Floats
    price: Floats
    sigma: Floats
    mass_g: Floats
    retail_bp: Ints
    general_bp: Ints
    covers: Floats
    names: Texts
    name_first: Ints
    name_count: Ints


def market_of(parameters: Parameters) -> Market:
    """The pairs of HS code and origin that the parameters name."""
    rows = [
        (number, one, origin, weight, factor)
        for number, one in enumerate(parameters.goods)
        for origin, (weight, factor) in one.origins.items()
    ]
    goods = np.array([number for number, *_ in rows], dtype=np.int64)
    counts = [len(one.names) for one in parameters.goods]
    general = np.array([one.general_bp for _, one, *_ in rows], dtype=np.int64)
    is_export = np.array([one.export for _, one, *_ in rows], dtype=bool)
    origin = texts([origin for _, _, origin, *_ in rows])
    price = np.array([one.price * factor / 10 for _, one, _, _, factor in rows], dtype=np.float64)
    same_way = is_export[:, None] == is_export[None, :]
    cheaper = price[:, None] > price[None, :]
    lower_tax = general[:, None] > general[None, :]
    same_origin = origin[:, None] == origin[None, :]
    # An export has no tax to save: there it is the rebate of dearer goods that is claimed.
    gain = np.where(is_export[:, None], ~cheaper & (price[:, None] != price[None, :]), lower_tax)
    return Market(
        goods=goods,
        hs_code=texts([one.hs_code for _, one, *_ in rows]),
        origin=origin,
        is_export=is_export,
        weight=np.array([weight for *_, weight, _ in rows], dtype=np.float64),
        price=price,
        sigma=np.array([one.sigma for _, one, *_ in rows], dtype=np.float64),
        mass_g=np.array([one.mass_g for _, one, *_ in rows], dtype=np.float64),
        retail_bp=np.array([one.retail_bp for _, one, *_ in rows], dtype=np.int64),
        general_bp=general,
        covers=np.where(same_way & gain, 1.0 + 4.0 * same_origin, 0.0),
        names=texts([name for one in parameters.goods for name in one.names]),
        name_first=np.cumsum([0, *counts])[goods],
        name_count=np.array(counts, dtype=np.int64)[goods],
    )
