"""Schemes of imports. Who takes them up, since when, their traces and their adaptation: `world.yaml`."""

from data.simulator.schemes.scheme import Scheme, concession, hidden_mass, value_gap
from data.simulator.trades import BONDED, PURCHASE

_RETAIL = (PURCHASE, BONDED)

IMPORTS = (
    # Quota and identities of people who never bought anything.
    Scheme("identity_theft", _RETAIL, concession),
    # Order, payment and waybill are made up together, so they agree too well and arrive at once.
    Scheme("fabricated_documents", _RETAIL, concession),
    # General trade in parcels: many buyers, one address, telephone or payer.
    Scheme("order_splitting", _RETAIL, concession, lives_by_bursts=True),
    # A real sale elsewhere is pushed through a shell platform.
    Scheme("order_pushing", _RETAIL, concession),
    # The price is cut to about 70 per cent.
    Scheme("under_valuation", _RETAIL, value_gap),
    # One payer's account pays for many buyers.
    Scheme("virtual_payment", _RETAIL, concession),
    # Waybill numbers without parcels of their own.
    Scheme("bought_waybills", (PURCHASE,), hidden_mass),
    # Bonded goods are stocked by a circle of buyers and sold on.
    Scheme("bonded_resale", (BONDED,), concession),
    # The platform cannot be reached by ordinary consumers.
    Scheme("closed_platform", _RETAIL, concession),
)
