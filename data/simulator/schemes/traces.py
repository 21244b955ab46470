"""Traces: how papers come to disagree. A scheme leaves some of them; slips of honest firms leave most of them too."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from data.simulator.draws import Floats, Ints, generator
from data.simulator.firms import Firms
from data.simulator.parameters import Parameters
from data.simulator.schemes import NAMES
from data.simulator.trades import BONDED, Trades

TRACES = (
    "value",             # the list states another value than the true one
    "mass",              # the list states another mass than the waybill
    "order_value",       # the order shows another value than the list
    "line_names",        # a line's name differs between order and list
    "line_quantity",     # a line's quantity differs between order and list
    "paid_amount",       # the payment differs from the order's total
    "other_payer",       # somebody else than the buyer pays
    "common_payer",      # one payer for many buyers
    "common_address",    # one address for many buyers
    "common_telephone",  # one telephone for many buyers
    "borrowed_buyer",    # an identity that serves again and again
    "buyer_name",        # a name that is not the identity's usual one
    "consignee",         # the waybill names another consignee than the order
    "no_payment",        # the payment never arrives
    "no_waybill",        # the waybill never arrives
    "reused_waybill",    # the waybill number of an earlier trade
    "no_tracking",       # nothing is heard of the parcel's way
    "distant_office",    # declared at an office of another district
    "shell_platform",    # sold on a platform that ordinary consumers cannot reach
    "paid_at_once",      # paid within seconds of the order
    "unknown_producer",  # the producer is not registered
    "round_value",       # a value of whole hundreds
    "personal_receipt",  # an export paid from a person's account
    "other_goods",       # the list names other goods
    "returned",          # the goods come back
)  # fmt: skip
"""Names of all traces; a trace's number is the place of its bit."""
Bits = NDArray[np.uint32]
_EXPORT_ONLY = ("unknown_producer", "personal_receipt")
_IMPORT_ONLY = ("other_payer", "buyer_name", "consignee")


def bit(name: str) -> np.uint32:
    """The bit of a trace."""
    return np.uint32(1 << TRACES.index(name))


def has(bits: Bits, name: str) -> NDArray[np.bool_]:
    """Where a trace is left."""
    marked: NDArray[np.bool_] = (bits & bit(name)) != 0
    return marked


def slips(parameters: Parameters, firms: Firms, trades: Trades) -> Bits:
    """The traces that honest slips leave, more of them with careless firms. Shape (trades,)."""
    rng = generator(parameters.seed, "slips")
    size = len(trades)
    bits = np.zeros(size, dtype=np.uint32)
    for name in TRACES:
        always, careless = parameters.slips[name]
        most = always + careless
        if most <= 0:
            continue
        # Few trades slip: draw which, and let the firm's carelessness decide.
        asked = np.flatnonzero(rng.random(size, dtype=np.float32) < most)
        chance = (always + careless * firms.carelessness[trades.owner[asked]]) / most
        bits[asked[rng.random(len(asked)) < chance]] |= bit(name)
    for names, way in ((_EXPORT_ONLY, ~trades.is_export), (_IMPORT_ONLY, trades.is_export)):
        for name in names:
            bits[way] &= ~bit(name)
    return bits


def probabilities(parameters: Parameters) -> Floats:
    """Probability of each trace in each scheme, shape (schemes, traces).

    Raises:
        ValueError: where the parameters do not name every scheme, or name an unknown trace.
    """
    if set(parameters.schemes) != set(NAMES):
        unknown = ", ".join(sorted(set(parameters.schemes) ^ set(NAMES)))
        raise ValueError(f"`schemes` should name exactly the known ones; these are unknown or missing: {unknown}")
    table = np.zeros((len(NAMES), len(TRACES)))
    for number, name in enumerate(NAMES):
        for trace, probability in parameters.schemes[name].traces.items():
            table[number, TRACES.index(trace)] = probability
    return table


def left(table: Floats, scheme: Ints, subtlety: Floats, mode: Ints, rng: Generator) -> Bits:
    """The traces that violating trades leave.

    Arguments:
        table: see `probabilities`. subtlety: how much is kept back, from 0 to 1. Both others: shape (trades,).
    """
    is_left = rng.random((len(scheme), len(TRACES))) < table[scheme] * (1.0 - subtlety)[:, None]
    # Bonded goods have no way abroad to hide: they leave the zone by their own waybill.
    is_left[mode == BONDED, TRACES.index("no_tracking")] = False
    bits: Bits = is_left @ (np.uint32(1) << np.arange(len(TRACES), dtype=np.uint32))
    return bits.astype(np.uint32)
