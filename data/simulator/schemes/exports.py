"""Schemes of exports. Who takes them up, since when, their traces and their adaptation: `world.yaml`."""

from data.simulator.schemes.scheme import Scheme, other_tariff, rebate, rebate_gap, subsidy
from data.simulator.trades import BUSINESS, OVERSEAS, RETAIL_EXPORT

_ALL = (RETAIL_EXPORT, BUSINESS, OVERSEAS)

EXPORTS = (
    # Someone else's export under the own name, with false invoices.
    Scheme("bought_declarations", _ALL, rebate),
    # Cheap goods are declared dear for the rebate.
    Scheme("over_valuation", _ALL, rebate_gap),
    # What leaves weighs less than declared, or never leaves.
    Scheme("empty_container", _ALL, rebate),
    # Other goods than declared.
    Scheme("product_switching", _ALL, other_tariff),
    # The producer exists on paper only.
    Scheme("shell_factory", _ALL, rebate),
    # Funds of the own come back through personal accounts.
    Scheme("fund_backflow", _ALL, rebate),
    # What is settled lies far from what was declared.
    Scheme("settlement_gap", _ALL, rebate_gap),
    # Goods leave through a port far away.
    Scheme("off_site_port", _ALL, rebate),
    # One waybill is declared again and again.
    Scheme("repeated_waybill", (RETAIL_EXPORT, OVERSEAS), rebate),
    # Orders without buyers, for local subsidies; the goods come back.
    Scheme("fake_orders", (RETAIL_EXPORT, OVERSEAS), subsidy, lives_by_bursts=True),
)
